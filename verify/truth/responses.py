"""How a sequence responds to disturbances: the rates of single equations, found once, put together by the chain rule.

What one equation at one step makes of a small change of one thing that it reads is a matrix. Its columns come from the
caller, who finds them by forward mode over that equation alone; here they are multiplied. Kept, they serve every
gradient and every Jacobian at a random point, so that the work for a cell grows with the number of its equations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from derive import nodes
from derive.cell import Equation
from derive.nodes import leaves

Number = TypeVar("Number")
Key: TypeAlias = tuple[str, int | None]
"""A quantity at a time, or without one."""


@dataclass(frozen=True)
class Arithmetic(Generic[Number]):
    """The numbers that rates of change are made of."""

    zero: Number
    one: Number
    plus: Callable[[Number, Number], Number]
    dot: Callable[[Iterable[Number], Iterable[Number]], Number]


Columns: TypeAlias = Callable[[Equation, int, Sequence[Key]], Mapping[Key, list[list[Number]] | None]]


class Read(NamedTuple):
    """What an equation reads: a name, and its time relative to t, None for what has no time."""

    name: str
    back: int | None

    def at(self, step: int) -> Key:
        return self.name, None if self.back is None else step + self.back


class _Map(NamedTuple, Generic[Number]):
    rows: list[list[Number]]
    columns: list[list[Number]]


@dataclass
class _Backward(Generic[Number]):
    """The gradients of one J, entry by entry (None for zero), and the step that is looked at next."""

    gradients: dict[Key, list[Number] | None]
    step: int


@dataclass
class _Forward(Generic[Number]):
    """The rates of change for every entry of one thing that is disturbed, and the step that is looked at next."""

    rates: dict[Key, list[list[Number]]]
    step: int


@dataclass
class Responses(Generic[Number]):
    """The linear maps of a sequence of equations at one point.

    `columns(equation, step, keys)` is the rate of change of the equation's entries for every entry of those things that
    it reads; None where nothing changes.
    """

    equations: Sequence[Equation]
    steps: int
    arithmetic: Arithmetic[Number]
    columns: Columns[Number]
    base: Responses[Number] | None = None
    """Those of a cell that gives quantities of the same names the same values: their gradients are known there."""
    found: int = 0
    """How many columns were asked for: the work."""
    _maps: dict[tuple[Equation, int, Key], _Map[Number] | None] = field(default_factory=dict)
    _backward: dict[int | None, _Backward[Number]] = field(default_factory=dict)
    _forward: dict[tuple[Key, range], _Forward[Number]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._reads = [
            (e, [Read(q.name, None if q.time is None else int(q.time - nodes.t)) for q in leaves(e.expression)])
            for e in self.equations
        ]
        self._assigned = {equation.symbol.name for equation in self.equations}
        self._together = {e: [read for read in reads if read.name in self._assigned] for e, reads in self._reads}
        self._readers: dict[str, list[tuple[Equation, int | None]]] = {}
        for equation, reads in self._reads:
            for read in reads:
                self._readers.setdefault(read.name, []).append((equation, read.back))

    def of_another(self, base: Responses[Number] | None = None) -> Responses[Number]:
        """The same maps for another J."""
        return replace(self, base=base, _backward={})

    def of_cell(self, equations: Sequence[Equation], columns: Columns[Number], *, same: bool) -> Responses[Number]:
        """The maps of other equations at the same point, those that are alike found once.

        `same`: they give all quantities that are assigned here the values that they have here.
        """
        return Responses(equations, self.steps, self.arithmetic, columns, self if same else None, _maps=self._maps)

    def gradient(self, key: Key, only: int | None, asked: Mapping[Key, Sequence[Number]]) -> list[Number] | None:
        """The response of J to a disturbance of every entry of a quantity; None for zero.

        J weighs the entries that it reads by `asked`; `only` tells one J from another.
        """
        sweep = self._backward.setdefault(only, _Backward({}, self.steps))
        if self.base is not None:
            if key[0] not in self._assigned - self.base._assigned:
                return self.base.gradient(key, only, asked)
            if key not in sweep.gradients:
                sweep.gradients[key] = self._pulled(key, asked, lambda above: self.gradient(above, only, asked))
            return sweep.gradients[key]
        first = 1 if key[1] is None else max(1, key[1])
        while sweep.step >= first:
            for equation, _ in reversed(self._reads):
                out = equation.symbol.name, sweep.step
                sweep.gradients[out] = self._pulled(out, asked, sweep.gradients.get)
            sweep.step -= 1
        if key not in sweep.gradients:
            sweep.gradients[key] = self._pulled(key, asked, sweep.gradients.get)
        return sweep.gradients[key]

    def _pulled(
        self, key: Key, asked: Mapping[Key, Sequence[Number]], gradient: Callable[[Key], list[Number] | None]
    ) -> list[Number] | None:
        """What J reads of a quantity itself, and what it reads through the equations that read it."""
        (name, time), dot = key, self.arithmetic.dot
        total = list(asked[key]) if key in asked else None
        for equation, back in self._readers.get(name, ()):
            if back is None:
                steps = range(1, self.steps + 1) if time is None else range(0)
            else:
                steps = range(0) if time is None else range(max(1, time - back), min(time - back, self.steps) + 1)
            for step in steps:
                above = gradient((equation.symbol.name, step))
                found = None if above is None else self._map(equation, step, key)
                if above is not None and found is not None:
                    total = self._plus(total, [dot(column, above) for column in found.columns])
        return total

    def rates(self, of: Key, by: Key, entries: int, steps: range) -> list[list[Number]] | None:
        """The rate of change of `of` for each of the `entries` of `by`, those steps recomputed; None for zero."""
        one, zero = self.arithmetic.one, self.arithmetic.zero
        units = [[one if i == j else zero for j in range(entries)] for i in range(entries)]
        sweep = self._forward.setdefault((by, steps), _Forward({by: units}, steps.start))
        while sweep.step < steps.stop and (of[1] is None or sweep.step <= of[1]):
            for equation, reads in self._reads:
                pushed = self._pushed(equation, reads, sweep)
                if pushed is not None:
                    out = equation.symbol.name, sweep.step
                    sweep.rates[out] = self._added(sweep.rates.get(out), pushed)
            sweep.step += 1
        return sweep.rates.get(of)

    def _pushed(self, equation: Equation, reads: Iterable[Read], sweep: _Forward[Number]) -> list[list[Number]] | None:
        """The rate of change of an equation at a step, from those of what it reads."""
        total: list[list[Number]] | None = None
        for read in reads:
            key = read.at(sweep.step)
            moved = sweep.rates.get(key)
            found = None if moved is None else self._map(equation, sweep.step, key)
            if moved is not None and found is not None:
                more = [[self.arithmetic.dot(row, vector) for row in found.rows] for vector in moved]
                total = self._added(total, more)
        return total

    def direct(self, equation: Equation, step: int, key: Key) -> list[list[Number]] | None:
        """The rate of change of one equation at one step for every entry of what it reads, all else given."""
        found = self._map(equation, step, key)
        return None if found is None else found.columns

    def _map(self, equation: Equation, step: int, key: Key) -> _Map[Number] | None:
        place = equation, step, key
        if place not in self._maps:
            # The gradients of what is assigned are asked for one after the other; few ask for what is given.
            group = dict.fromkeys(read.at(step) for read in self._together[equation])
            for each, columns in self.columns(equation, step, list(group) if key in group else [key]).items():
                self.found += 0 if columns is None else len(columns)
                rows = [list(row) for row in zip(*columns or [], strict=True)]
                self._maps[equation, step, each] = None if columns is None else _Map(rows, columns)
        return self._maps[place]

    def _added(self, one: list[list[Number]] | None, other: list[list[Number]]) -> list[list[Number]]:
        return other if one is None else list(map(self._plus, one, other))

    def _plus(self, one: list[Number] | None, other: list[Number]) -> list[Number]:
        return other if one is None else list(map(self.arithmetic.plus, one, other))
