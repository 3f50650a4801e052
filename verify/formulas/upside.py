"""Jacobians that stand upside down: ∂h_k/∂h_t of an earlier state by a later one, which is zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from sympy import Expr, Integer, Symbol

from derive import nodes
from derive.cell import Cell
from derive.nodes import Jacobian, leaves
from derive.notation import AS_WRITTEN, Notation
from derive.patterns import regex
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Derivative, OverTime, Term
from derive.targets.formula import latex

LAST = 6
"""The number of steps with which the order of two steps is told."""
ZERO = regex(r" is zero(?: for \$|, as \$).* is meant$")
"""What `in_words` says of a Jacobian that stands upside down."""
MOST = 20_000
"""How many combinations of steps are looked at."""


@dataclass
class _Seen:
    """The distances in time between above and below, over all steps that a claim speaks of."""

    distances: dict[Derivative, set[int]] = field(default_factory=dict)
    left: int = MOST


def upside_down(sides: tuple[Term, ...], program: Cell) -> tuple[Derivative, ...]:
    """The Jacobians in a claim of which what stands above is never later than what stands below, and once earlier."""
    parts = [part for side in sides for part in tree.walk(side)]
    if not any(isinstance(part, Derivative) for part in parts):
        return ()
    seen = _Seen()
    bound = {part.index for part in parts if isinstance(part, OverTime)}
    free = sorted({s for time in _moments(parts) for s in time.free_symbols} - bound - {nodes.T}, key=str)
    if (LAST + 1) ** len(free) > MOST:
        return ()
    for numbers in product(range(LAST + 1), repeat=len(free)):
        here = {**dict(zip(free, numbers, strict=True)), nodes.T: LAST}
        if all(_exists(side, here) for side in sides):
            for side in sides:
                _look(side, here, seen)
    found = []
    for part, distances in seen.distances.items():
        of, by = part.of.name, part.by.name
        earlier = min(distances) < 0 or (of != by and of in behind(by, program))
        if max(distances) <= 0 and earlier:
            found.append(part)
    return tuple(found)


def true_by_zero(wrong: tuple[Derivative, ...], sides: tuple[Term, Term]) -> bool:
    """Whether one of them is ∂y_t/∂s_{t+N}, of any N, or the left side ∂i_t/∂c_t, so that nothing is said but 0 = 0.

    Where the former is not zero, N is, which nobody means.
    """
    left, right = sides
    if isinstance(left, Derivative) and left in wrong and left.of.name != left.by.name:
        return not isinstance(right, tree.Constant)
    bound = {part.index for side in sides for part in tree.walk(side) if isinstance(part, OverTime)}
    pairs = ((part.of.time, part.by.time) for part in wrong)
    between = (below - above for above, below in pairs if above is not None and below is not None)
    return any(steps.is_Symbol and steps not in bound for steps in between)


def behind(name: str, program: Cell) -> set[str]:
    """What a quantity is computed from within its step."""
    reads = {
        equation.symbol.name: {leaf.name for leaf in leaves(equation.expression) if leaf.time == nodes.t}
        for equation in program.equations
    }
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for each in reads.get(waiting.pop(), set()) - found:
            found.add(each)
            waiting.append(each)
    return found


def _moments(parts: list[Term]) -> Iterator[Expr]:
    for part in parts:
        for name in ("time", "only", "first", "last"):
            if isinstance(value := getattr(part, name, None), Expr):
                yield value


def _at(time: Expr, numbers: Mapping[Symbol, int]) -> int | None:
    value = time.xreplace({letter: Integer(number) for letter, number in numbers.items()})
    return int(value) if value.is_Integer else None


def _exists(said: Term, numbers: Mapping[Symbol, int]) -> bool:
    """Whether all steps named outside sums are steps, and no product runs backwards."""
    if isinstance(said, tree.Ref):
        at = None if said.time is None else _at(said.time, numbers)
        return at is None or 0 <= at <= LAST + 1
    if isinstance(said, OverTime):
        first, last = _at(said.first, numbers), _at(said.last, numbers)
        return first is None or last is None or last + 1 >= first
    return all(_exists(piece, numbers) for piece in said.parts)


def _look(said: Term, numbers: dict[Symbol, int], seen: _Seen) -> None:
    """Note the distances at these steps, at every index of a sum."""
    seen.left -= 1
    if seen.left < 0:
        return
    if isinstance(said, OverTime):
        first, last = _at(said.first, numbers), _at(said.last, numbers)
        if first is not None and last is not None:
            for index in range(first, min(last, LAST + 1) + 1):
                _look(said.body, {**numbers, said.index: index}, seen)
        return
    if isinstance(said, Derivative) and said.of.time is not None and said.by.time is not None:
        of, by = _at(said.of.time, numbers), _at(said.by.time, numbers)
        if of is not None and by is not None:
            seen.distances.setdefault(said, set()).add(of - by)
    for piece in said.parts:
        _look(piece, numbers, seen)


def turned(said: Term, wrong: tuple[Derivative, ...]) -> Term:
    """The same claim with these Jacobians the other way up."""
    if isinstance(said, Derivative) and said in wrong:
        return replace(said, of=said.by, by=said.of)
    return tree.rebuilt(said, lambda part: turned(part, wrong))


def in_words(part: Derivative, program: Cell, notation: Notation | None) -> str:
    """What is said of a Jacobian that stands upside down."""
    of, by = (program.quantities[value.name].at(_plain(value.time)) for value in (part.of, part.by))
    letters = notation or AS_WRITTEN
    given, meant = (latex(Jacobian(*pair), letters) for pair in ((of, by), (by, of)))
    if of.time == by.time:
        why = f"${latex(by, letters)}$ is computed after ${latex(of, letters)}$"
        return f"${given}$ is zero, as {why}; ${meant}$ is meant"
    return f"${given}$ is zero for ${of.time} < {by.time}$; ${meant}$ is meant"


def _plain(time: Expr | None) -> Expr:
    """A step with the index of a sum as it was written."""
    assert time is not None
    return time.xreplace(
        {s: Symbol(s.name.rstrip("'"), integer=True) for s in time.free_symbols if s.name.endswith("'")}
    )
