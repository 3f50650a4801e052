"""The body of a loop as its passes see it: every value of a step is written as its array at t."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from derive.targets.language.code import Assign, Code, Index, Loop, Name, Statement, WithLengths
from derive.targets.passes.rewriting import names_in, substituted, within
from derive.targets.passes.shapes import Shapes

STEP = ("t", "t + 1")


@dataclass(frozen=True)
class Body:
    """The loop over t: `labels` are the names that arrays have at t, `carried` what passes from step to step."""

    backwards: bool
    statements: tuple[Assign, ...]
    first: tuple[WithLengths, ...]
    last: tuple[WithLengths, ...]
    labels: dict[Code, Name]
    carried: frozenset[str]
    longer: frozenset[str]
    """Arrays with one more entry in time than there are steps."""

    @cached_property
    def bound(self) -> frozenset[str]:
        """The variables that a step binds."""
        found = {target.name for s in self.statements for target in s.targets if isinstance(target, Name)}
        return frozenset(found | self.carried)

    @cached_property
    def filled(self) -> frozenset[str]:
        """The arrays over time that the steps fill."""
        return frozenset(
            name
            for s in self.statements
            for target in s.targets
            if isinstance(target, Index)
            for name in names_in(target)
        )

    @cached_property
    def occurrences(self) -> Counter[Code]:
        """How often each expression stands in the steps."""
        return Counter(part for s in self.statements for code in (s.value, *s.targets) for part in within(code))

    @cached_property
    def varying(self) -> frozenset[str]:
        """What is not there before the loop."""
        return self.bound | self.filled

    def varies(self, code: Code) -> bool:
        """Whether an expression depends on what the loop computes."""
        return not self.varying.isdisjoint(names_in(code))

    def with_statements(self, statements: Sequence[Assign]) -> Body:
        """The same loop with another body."""
        return replace(self, statements=tuple(statements))


def opened(loop: Loop, carried: Collection[str], longer: Collection[str], labels: Mapping[Code, Name]) -> Body:
    """A loop where what is loaded at t is written out, and a second name of a value is the first."""
    own = dict(labels)
    values: dict[Code, Code] = {}
    statements: list[Assign] = []
    lengths: list[WithLengths] = []
    said = ""
    for statement in loop.body:
        if isinstance(statement, WithLengths):
            lengths.append(statement)
            continue
        assert isinstance(statement, Assign)
        match statement:
            case Assign((Name(name),), Index(Name(), index) as value) if index in STEP and name not in carried:
                own[value] = Name(name)
                values[Name(name)] = value
            case Assign((Name(name),), Name(other), formula) if not {name, other} & set(carried):
                values[Name(name)] = values.get(Name(other), Name(other))
                said = "\n".join(filter(None, (said, formula)))
            case Assign(targets, value, formula):
                new = tuple(t if isinstance(t, Name) else substituted(t, values) for t in targets)
                formula, said = "\n".join(filter(None, (said, formula))), ""
                statements.append(Assign(new, substituted(value, values), formula))
    return Body(
        loop.backwards,
        tuple(statements),
        tuple(lengths) if loop.backwards else (),
        () if loop.backwards else tuple(lengths),
        own,
        frozenset(carried),
        frozenset(longer),
    )


def is_timed(code: Code) -> bool:
    """Whether an array is read at t somewhere in the expression."""
    return any(isinstance(part, Index) and part.index in STEP for part in within(code))


def learn(body: Body, shapes: Shapes) -> None:
    """The shapes of what a step computes, in order."""
    for statement in body.statements:
        stored = [target for target in statement.targets if isinstance(target, Index)]
        shape = shapes.of(stored[0] if stored else statement.value)
        for target in statement.targets:
            if isinstance(target, Name) and target.name not in body.carried and shape is not None:
                shapes.known[target.name] = shape


def always_there(statement: Statement) -> list[Statement]:
    """A statement, before it what it names for sequences of different lengths alone: it is passed on in any case."""
    if not isinstance(statement, WithLengths):
        return [statement]
    named = [one for one in statement.body if isinstance(one.targets[0], Name) and isinstance(one.value, Name)]
    return [*named, statement]
