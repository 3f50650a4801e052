"""Gradients that are a matrix for each example live for one step: what is read of them is computed in that step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from derive.targets.language.code import (
    Assign,
    Call,
    Code,
    Index,
    MatrixProduct,
    Name,
    Statement,
    read,
)
from derive.targets.passes import outer
from derive.targets.passes.blocks.by_blocks import by_blocks
from derive.targets.passes.loops import Body
from derive.targets.passes.pipeline import learn_shapes
from derive.targets.passes.rewriting import mapped, substituted
from derive.targets.passes.shapes import Shapes

_AT_STEP = {"start:stop": "t", "start + 1:stop + 1": "t + 1"}


@dataclass(frozen=True)
class Within:
    """A loop and what stands around it; `first` and `last` stand around it where NumPy runs it as it was."""

    before: list[Statement]
    body: Body
    after: list[Statement]
    first: list[Statement]
    last: list[Statement]


def within_steps(
    before: Sequence[Statement],
    body: Body,
    after: Sequence[Statement],
    shapes: Shapes,
    kept: Collection[str],
    fresh: Callable[[str], Name],
) -> Within:
    """The loop where no array holds a matrix for each step and example that can live for a step alone."""
    left, body = outer.formed_in_the_loop(before, body, shapes, {*read(after), *kept})
    moved = by_blocks(left, body, after, shapes, kept, fresh)
    learn_shapes([s for s in moved.before if s not in before], shapes)
    known: dict[Code, Code] = {}
    for name in sorted(moved.arrays):
        array = Index(Name(name), "t")
        targets = next(s.targets for s in body.statements if array in s.targets)
        own = next((target for target in targets if isinstance(target, Name)), None) or fresh(f"{name}_t")
        known |= {array: own, Name(name): own}
        shapes.known[own.name] = shapes.known[name][1:]
    statements = [_for_a_step(s, known) for s in body.statements]
    statements += [Assign((_at_step(s.out, {}),), _at_step(s.value, known), s.formula) for s in moved.last]
    return Within(
        before=list(moved.before),
        body=body.with_statements(statements),
        after=list(moved.after),
        first=[s for s in before if s not in moved.before],
        last=[s for s in after if s not in moved.after],
    )


def _for_a_step(statement: Assign, known: Mapping[Code, Code]) -> Assign:
    targets = dict.fromkeys(known.get(target, target) for target in statement.targets)
    return Assign(tuple(targets), substituted(statement.value, known), statement.formula)


def _at_step(code: Code, known: Mapping[Code, Code]) -> Code:
    """The value at t of an expression over the steps of a block."""

    def change(part: Code) -> Code | None:
        match part:
            case Index(of, index) if index in _AT_STEP:
                return Index(of, _AT_STEP[index])
            case Call("rows_times", (left, right)):
                return MatrixProduct(mapped(left, change), mapped(right, change))
        return known.get(part)

    return mapped(code, change)
