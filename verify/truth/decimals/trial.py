"""Random decimals for a cell, and how J responds to disturbances there: by the equations alone, forwards.

J is that of `verify.truth.world`: random weights on every output and every final state, the sequence one step longer
than J sees; where it is `plain`, the final states count nothing and losses are added up as they are.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain

from sympy import Symbol

from derive import nodes
from derive.cell import Assumption, Cell, Equation
from derive.nodes import Adjoint, Jacobian, Quantity
from verify.truth.columns import Directions, columns
from verify.truth.decimals.matrices import STILL, Grid, Leaf, Moving, Place, Rates, computed, filled, in_decimals, plus
from verify.truth.decimals.scalars import CONTEXT, ONE, ZERO, Real, close
from verify.truth.exact import whole
from verify.truth.field import UnsupportedError
from verify.truth.responses import Arithmetic, Key, Responses
from verify.truth.world import key_of

DECIMALS: Arithmetic[Real] = Arithmetic(
    ZERO, ONE, lambda a, b: a + b, lambda a, b: CONTEXT.fdot((x, y) for x, y in zip(a, b, strict=True) if x)
)


@dataclass
class Trial:
    """One random point of a cell: all values at all times."""

    cell: Cell
    sizes: Mapping[Symbol, int]
    steps: int
    seed: int
    plain: bool = False
    positive: bool = False
    """Whether all data are drawn positive, for equations with roots and logarithms of them."""
    two_decimals: bool = False
    """Whether all data are numbers with two decimals, for a person to read."""
    values: dict[Key, Grid] = field(default_factory=dict)
    _jacobians: dict[tuple[Key, Key, bool, bool], Grid] = field(default_factory=dict)
    _seen: dict[Cell, Trial] = field(default_factory=dict)
    _later: dict[str, Equation] = field(default_factory=dict)
    """What is computed when it is asked for."""

    @classmethod
    def draw(
        cls,
        cell: Cell,
        sizes: Mapping[Symbol, int],
        steps: int,
        seed: int,
        assumptions: tuple[Assumption, ...] = (),
        plain: bool = False,
        positive: bool = False,
        two_decimals: bool = False,
    ) -> Trial:
        """Random data with the declared facts imposed; raises NoRealError where an equation has no real value."""
        trial = cls(cell, sizes, steps, seed, plain, positive, two_decimals)
        for quantity in (*cell.parameters, *cell.inputs):
            for time in [None] if quantity.time is None else range(1, steps + 2):
                trial.values[quantity.name, time] = trial._drawn(quantity, time, assumptions)
        for state in cell.states:
            trial.values[state.name, 0] = trial._drawn(state, 0, assumptions)
        for time in range(1, steps + 2):
            trial._compute(time)
        return trial

    def _compute(self, time: int) -> None:
        at = self.place({nodes.t: time})
        for equation in self.cell.equations:
            self.values[equation.symbol.name, time] = computed(equation.expression, at).value

    def random(self, label: str, quantity: Quantity, time: int | None) -> Grid:
        """A random matrix of the quantity's shape, the same whenever it is asked for."""
        rng = random.Random(f"{self.seed} {label} {quantity.name} {time}")
        rows, cols = (whole(dimension, self.sizes) for dimension in quantity.shape)
        low = 0.05 if self.positive and label == "value" else -1.0
        # States that grow with their own exponential stay small for small data.
        size = 0.1 if self.seed % 2 and not self.two_decimals else 1.0

        def drawn() -> Real:
            number = size * rng.uniform(low, 1.0)
            return CONTEXT.mpf(f"{number:.2f}" if self.two_decimals else number)

        return [[drawn() for _ in range(cols)] for _ in range(rows)]

    def _drawn(self, quantity: Quantity, time: int | None, assumptions: tuple[Assumption, ...]) -> Grid:
        grid = self.random("value", quantity, time)
        for assumption in assumptions:
            if assumption.quantity.name != quantity.name:
                continue
            if assumption.kind == "starts at zero":
                grid = filled(len(grid), len(grid[0])) if time == 0 else grid
            elif assumption.kind == "one-hot":
                hot = random.Random(f"{self.seed} hot {quantity.name} {time}").randrange(len(grid))
                grid = [[ONE if i == hot else ZERO] for i in range(len(grid))]
            elif assumption.kind == "sums to one":
                rest = grid[:-1]
                grid = [*rest, [1 - CONTEXT.fsum(row[j] for row in rest) for j in range(len(grid[0]))]]
            else:
                raise UnsupportedError(f"no data for the assumption {assumption.kind}")
        return grid

    def seen_by(self, cell: Cell) -> Trial:
        """The same data, the quantities assigned by the equations of `cell` instead."""
        if cell not in self._seen:
            assigned = {equation.symbol.name for equation in self.cell.equations}
            given = {key: value for key, value in self.values.items() if key[0] not in assigned or key[1] == 0}
            other = replace(self, cell=cell, values={**given}, _jacobians={}, _seen={})
            other.__dict__["weights"] = self.weights
            last = self.steps + 1
            own = {key: value for key, value in self.values.items() if key[0] in assigned and key[1]}
            other.values |= {key: value for key, value in own.items() if key[1] != last}
            other._compute(last)
            same = all(key in other.values and _same(value, other.values[key]) for key, value in own.items())
            if same:  # at a random point one step tells of all
                other._later = {e.symbol.name: e for e in cell.equations if e.symbol.name not in assigned}
            else:
                other.values = given
                for time in range(1, last + 1):
                    other._compute(time)
            other.__dict__["responses"] = self.responses.of_cell(cell.equations, other._columns, same=same)
            self._seen[cell] = other
        return self._seen[cell]

    def plainly(self) -> Trial:
        """The same data with a J that reads no final state; see `verify.truth.world`."""
        if self.plain:
            return self
        other = self._plainly()
        for cell, trial in self._seen.items():
            other._seen[cell] = trial._plainly(other)
            other._seen[cell].__dict__["weights"] = other.weights
        return other

    def _plainly(self, base: Trial | None = None) -> Trial:
        other = replace(self, plain=True, _seen={})
        other.__dict__["responses"] = self.responses.of_another(
            base.responses if base and self.responses.base else None
        )
        return other

    # Reading

    def place(self, numbers: Mapping[Symbol, int], moving: Mapping[Key, Rates] | None = None) -> Place:
        """Where an expression of this cell is computed, with the rates of change of what moves."""

        def leaf(node: Leaf, at: Mapping[Symbol, int]) -> Moving:
            if isinstance(node, Quantity):
                key = key_of(node, at)
                return Moving(self.value(key), moving.get(key, STILL) if moving else STILL)
            return Moving(self.derivative(node, at))

        return Place({**self.sizes, nodes.T: self.steps, **numbers}, leaf)

    def value(self, key: Key) -> Grid:
        """The value of a quantity; one outside its range is random, since it must not matter."""
        if key not in self.values and key[0] in self._later and key[1] is not None and 0 < key[1] <= self.steps + 1:
            self.values[key] = computed(self._later[key[0]].expression, self.place({nodes.t: key[1]})).value
        elif key not in self.values:
            if key[0] not in self.cell.quantities:
                raise UnsupportedError(f"{self.cell.name} has no quantity {key[0]}")
            self.values[key] = self.random("outside", self.cell.quantities[key[0]], key[1])
        return self.values[key]

    def derivative(self, node: Adjoint | Jacobian, at: Mapping[Symbol, int]) -> Grid:
        """A gradient of J or the derivative of a quantity, entry by entry."""
        if isinstance(node, Jacobian):
            return self._jacobian(node, at)
        only = None if node.only is None else whole(node.only, at)
        return self._adjoint(key_of(node.quantity, at), node.quantity, node.immediate, only)

    @cached_property
    def weights(self) -> Mapping[Key, Grid]:
        """What J multiplies the outputs and the final states by."""
        found: dict[Key, Grid] = {}
        for time in range(1, self.steps + 1):
            found |= self._read_at(time)
        if not self.plain:
            for state in self.cell.states:
                key = state.name, self.steps
                final = self.random("G", state, self.steps)
                found[key] = plus(found[key], final) if key in found else final
        return found

    def _read_at(self, time: int) -> dict[Key, Grid]:
        output = self.cell.output
        if not 1 <= time <= self.steps:
            return {}
        if self.plain and self.cell.is_loss:
            return {(output.name, time): [[ONE]]}
        return {(output.name, time): self.random("g", output, time)}

    # Responses

    @cached_property
    def responses(self) -> Responses[Real]:
        """What every equation makes of a change of what it reads, by the rates of its own operations."""
        return Responses(self.cell.equations, self.steps, DECIMALS, self._columns)

    def _columns(self, equation: Equation, time: int, keys: Sequence[Key]) -> dict[Key, list[list[Real]] | None]:
        shapes = {key: self._extent(self.cell.quantities[key[0]]) for key in keys}
        at = {nodes.t: time}

        def moved(directions: Mapping[Key, Directions]) -> Rates:
            moving = {key: {d: in_decimals(each) for d, each in along.items()} for key, along in directions.items()}
            return computed(equation.expression, self.place(at, moving)).rates

        return columns(equation.expression, shapes, lambda quantity: key_of(quantity, at), moved, ZERO)

    def _extent(self, quantity: Quantity) -> tuple[int, int]:
        rows, cols = (whole(dimension, self.sizes) for dimension in quantity.shape)
        return rows, cols

    def _adjoint(self, key: Key, quantity: Quantity, immediate: bool, only: int | None) -> Grid:
        rows, cols = (whole(dimension, self.sizes) for dimension in quantity.shape)
        read = self.weights if only is None else self._read_at(only)
        if immediate:
            return read.get(key) or filled(rows, cols)
        if key[1] is not None and key[1] < (0 if key[0] in {state.name for state in self.cell.states} else 1):
            raise UnsupportedError(f"{key[0]} has no value at {key[1]}")
        asked = {place: list(chain.from_iterable(grid)) for place, grid in read.items()}
        found = self.responses.gradient(key, only, asked)
        return filled(rows, cols) if found is None else [found[row * cols : (row + 1) * cols] for row in range(rows)]

    def _jacobian(self, node: Jacobian, at: Mapping[Symbol, int]) -> Grid:
        of, by = key_of(node.of, at), key_of(node.by, at)
        kind = of, by, node.immediate, node.stepwise
        if kind not in self._jacobians:
            size, entries = (whole(dimension, self.sizes) for dimension in node.shape)
            columns = (
                self._direct(of, by)
                if node.immediate
                else self.responses.rates(of, by, entries, self._steps(node, of, by))
            )
            self._jacobians[kind] = [list(row) for row in zip(*(columns or [[ZERO] * size] * entries), strict=True)]
        return self._jacobians[kind]

    def _steps(self, node: Jacobian, of: Key, by: Key) -> range:
        """The steps recomputed for ∂a/∂b: all, or those that a stepwise derivative counts."""
        every = range(1, self.steps + 1)
        if not node.stepwise or of[1] is None:
            return every
        if by[1] is None:
            return range(max(1, of[1]), of[1] + 1)
        carried = by[0] in {state.name for state in self.cell.states} and by[1] < of[1]
        return range(by[1] + 1, of[1] + 1) if carried else every

    def _direct(self, of: Key, by: Key) -> list[list[Real]] | None:
        for equation in self.cell.equations:
            if equation.symbol.name == of[0] and of[1] is not None and of[1] > 0:
                return self.responses.direct(equation, of[1], by)
        return None


def _same(one: Grid, other: Grid) -> bool:
    """Whether two grids are alike but for rounding."""
    return all(map(close, chain.from_iterable(one), chain.from_iterable(other)))
