"""A check on the lowered program: every value that is read is there, and is the one of the step that is meant.

What the loop over t reads is defined earlier in the same step, or is the same at all steps, or is stored for every
step and read at t. What follows the loop, and what travels to `backward`, was not left behind by its last step. A
program that breaks this would compute other numbers without a word; so it is a fault of backproof.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from derive.errors import ProgramFault
from derive.targets.language.code import (
    Assign,
    Buffer,
    Call,
    Code,
    Index,
    Loop,
    Method,
    Name,
    Statement,
    WithLengths,
    lines,
    parts,
)

FAULT = "a value out of its step"
_SUMMED = ("sum(axis=0)", "sum(axis=(0, 1))", "sum()")
"""Methods whose result has no axis for time."""


@dataclass
class Scopes:
    """The variables of one function on the way through its statements.

    `there` can be read; `timed` are those among them that hold all steps; `carried` may pass from step to step, and
    `passed_on` are those that already hold what the next step shall find.
    """

    there: set[str]
    timed: set[str]
    carried: Collection[str] = ()
    left_behind: set[str] = field(default_factory=set)
    passed_on: set[str] = field(default_factory=set)
    only_with_lengths: set[str] = field(default_factory=set)

    def run(self, statements: Sequence[Statement], *, inside: bool = False, lengths: bool = False) -> None:
        """Raises ProgramFault for the first statement that reads what it should not; `inside` the loop over t."""
        for statement in statements:
            match statement:
                case Assign(targets, value):
                    self._value(statement, value, inside=inside, lengths=lengths)
                    for target in targets:
                        self._target(statement, target, value, inside=inside, lengths=lengths)
                case Buffer(name):
                    if name in self.there:
                        raise ProgramFault("a value out of its step", f"{name} is made again after it was filled", name)
                    self.there.add(name)
                    self.timed.add(name)
                case WithLengths(body):
                    self.run(body, inside=inside, lengths=True)
                case Loop(_, body):
                    self._loop(body)

    def _loop(self, body: Sequence[Statement]) -> None:
        before = set(self.there)
        own = _bound(body) - set(self.carried)
        self.there -= own  # each step starts without what the step before has left
        self.run(body, inside=True)
        self.there = before - own
        self.left_behind |= own
        self.passed_on.clear()

    def _value(self, statement: Assign, value: Code, *, inside: bool, lengths: bool) -> None:
        for name, index in _reads(value):
            known = name in self.there or (lengths and name in self.only_with_lengths)
            if not known:
                why = "only the last step has left it" if name in self.left_behind else "nothing has defined it"
                raise _fault(statement, f"{name} is read, but {why}")
            if name in self.passed_on:
                raise _fault(statement, f"{name} is read, but it is that of the next step already")
            if inside and (name in self.timed) != (index is not None and index.split(",")[0] in ("t", "t + 1")):
                raise _fault(statement, f"{name} is read in the loop without its step")

    def _target(self, statement: Assign, target: Code, value: Code, *, inside: bool, lengths: bool) -> None:
        if isinstance(target, Index):
            (name, _), *_ = _reads(target)
            if name not in self.there:
                raise _fault(statement, f"{name} is filled before it is made")
        elif isinstance(target, Name):
            if lengths and target.name not in self.there:
                self.only_with_lengths.add(target.name)
                return
            self.there.add(target.name)
            if inside and not lengths and target.name in self.carried:
                self.passed_on.add(target.name)
            if not inside and self._over_time(value):
                self.timed.add(target.name)

    def _over_time(self, value: Code) -> bool:
        """Whether a value outside the loop holds all steps."""
        if isinstance(value, Name):
            return value.name in self.timed
        if isinstance(value, Method) and value.call in _SUMMED:
            return False
        if isinstance(value, Call) and value.function == "np.broadcast_to":
            return True
        return any(self._over_time(part) for part in parts(value))


def check(
    forward: Sequence[Statement],
    backward: Sequence[Statement],
    given: Collection[str],
    timed: Collection[str],
    arriving: Collection[str],
    carried: Collection[str],
    cached: Collection[str],
    returned: Collection[str],
) -> None:
    """Follow `forward`, then `backward` with what was `cached`; `returned` are the gradients.

    `given` are the arguments of `forward`, `timed` those among them and among `arriving` (the arguments of
    `backward`) that hold all steps. Raises ProgramFault.
    """
    first = Scopes({*given, "lengths"}, set(timed) & set(given))
    first.run(forward)
    for name in cached:
        if name not in first.there:
            raise ProgramFault(FAULT, f"{name} is kept for backward, but {_why(first, name)}", _shown(forward))
    second = Scopes(
        {*cached, *arriving, "lengths"}, {*(first.timed & set(cached)), *(set(timed) & set(arriving))}, carried
    )
    second.run(backward)
    for name in returned:
        if name not in second.there:
            raise ProgramFault(FAULT, f"{name} is returned, but {_why(second, name)}", _shown(backward))


def _why(scopes: Scopes, name: str) -> str:
    return "only the last step has left it" if name in scopes.left_behind else "nothing has defined it"


def _fault(statement: Assign, details: str) -> ProgramFault:
    return ProgramFault(FAULT, details, _shown([statement]))


def _shown(statements: Sequence[Statement]) -> str:
    return "\n".join(lines(statements))


def _bound(statements: Sequence[Statement]) -> set[str]:
    """The variables that statements bind, not those whose entries they fill."""
    found: set[str] = set()
    for statement in statements:
        match statement:
            case Assign(targets):
                found |= {target.name for target in targets if isinstance(target, Name)}
            case WithLengths(body):
                found |= _bound(body)
    return found


def _reads(code: Code, index: str | None = None) -> Iterator[tuple[str, str | None]]:
    """Each variable of an expression with the index right behind it."""
    if isinstance(code, Name):
        yield code.name, index
        return
    for part in parts(code):
        yield from _reads(part, code.index if isinstance(code, Index) else None)
