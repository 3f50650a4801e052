"""Vectors that are added to a product over all steps, as a bias is: by the compiled loop, as it reads the sums."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from derive.targets.language.code import Assign, Call, Code, Index, Loop, Name, Number, Statement, Sum, read
from derive.targets.passes.rewriting import substituted
from derive.targets.passes.shapes import Shapes


def terms_in_loop(
    before: Sequence[Statement], loop: Loop, kept: Collection[str], shapes: Shapes
) -> tuple[list[Statement], Loop, dict[Code, Code]]:
    """What stands before a loop, the loop, and what it reads at t by what it read; `kept` is read elsewhere."""
    found: list[Statement] = []
    added: dict[Code, Code] = {}
    for k, statement in enumerate(before):
        match statement:
            case Assign((Name(name) as array,), Sum(((False, Call("rows_times") as product), *rest)), formula) if (
                all(isinstance(term, Name) and len(shapes.known.get(term.name, ())) == 1 for _, term in rest)
                and name not in {*kept, *read([*before[:k], *before[k + 1 :]])}
                and name not in read(_with(loop, {Index(array, "t"): Number("0")}).body)
            ):
                found.append(Assign((array,), product, formula))
                added[Index(array, "t")] = Sum(((False, Index(array, "t")), *rest))
            case _:
                found.append(statement)
    return found, _with(loop, added), added


def _with(loop: Loop, values: dict[Code, Code]) -> Loop:
    """The loop with other values of what it reads."""
    body = (replace(s, value=substituted(s.value, values)) if isinstance(s, Assign) else s for s in loop.body)
    return replace(loop, body=tuple(body))
