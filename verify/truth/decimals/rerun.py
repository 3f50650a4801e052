"""A cell at given numbers, run once more by its equations: values, and derivatives as differences.

Nothing is differentiated: a quantity is moved a little to both sides, what is computed after it is computed again. Only
where slopes are declared, which no difference shows, rates of change go through the equations with these slopes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sympy import Symbol, linsolve

from derive import catalogue, nodes
from derive.calculus.program import named_preactivations
from derive.cell import Cell
from derive.errors import InputError
from derive.nodes import Quantity
from derive.reader import read_note
from verify.truth.columns import units
from verify.truth.decimals.matrices import (
    STILL,
    Grid,
    Leaf,
    Moving,
    Place,
    Rates,
    computed,
    filled,
    in_decimals,
    plus,
    united,
)
from verify.truth.decimals.names import Numbers, known_function, label
from verify.truth.decimals.scalars import CONTEXT, ZERO, Pair, Real, called
from verify.truth.responses import Key
from verify.truth.world import key_of

STEP = CONTEXT.mpf(10) ** -20
"""How far a quantity is moved; the decimals have 70 digits."""

Array: TypeAlias = NDArray[np.float64]


class Rerun(NamedTuple):
    """What a cell is asked for at given numbers; everything is a matrix, vectors are columns.

    value("h", 1) is h_1; gradient("h", 1) is ∂J/∂h_1, `direct` where nothing is computed again, with `only` of what J
    reads at that step; jacobian("h", 2, "h", 1) is ∂h_2/∂h_1, `alone` with the other states of that step held fixed;
    function("sigmoid", a) is σ(a), entry by entry.
    """

    value: Callable[..., Array]
    gradient: Callable[..., Array]
    jacobian: Callable[..., Array]
    function: Callable[..., Array]


def rerun(cell: str | Cell, steps: int, data: Numbers, asked: Numbers) -> Rerun:
    """The cell (a name of the catalogue, a note's path or its text) at these numbers; see `Rerun`.

    `data` are parameters, inputs and initial states; J is the sum of what is computed times what is `asked` of it.
    Raises InputError for numbers that the cell lacks or does not know.
    """
    if isinstance(cell, str):
        cell = read_note(cell) if "\n" in cell else catalogue.find(cell)
    return _Run.of(cell, steps, data, asked).public()


@dataclass
class _Run:
    cell: Cell
    program: Cell
    """The cell with names for the arguments of its functions."""
    sizes: Mapping[Symbol, int]
    steps: int
    given: Mapping[Key, Grid]
    asked: Mapping[Key, Grid]
    values: dict[Key, Grid] = field(default_factory=dict)

    @classmethod
    def of(cls, cell: Cell, steps: int, data: Numbers, asked: Numbers) -> _Run:
        program = named_preactivations(cell)
        times = (None, *range(-1, steps + 2))
        known: dict[str, Key] = {}
        for name in program.quantities:
            for time in times:
                known.setdefault(label((name, time)), (name, time))
        parameters = {quantity.name for quantity in cell.parameters}
        known |= {name: (name, None) for name in parameters}
        strange = sorted({*data, *asked} - {*known})
        if strange:
            raise InputError(f"{cell.name} has nothing called {', '.join(strange)}")
        given, weights = ({known[name]: _grid(rows) for name, rows in each.items()} for each in (data, asked))
        run = cls(cell, program, _sizes(cell, given), steps, given, weights)
        run.values = run.computed({}, range(1, steps + 2))
        return run

    def public(self) -> Rerun:
        return Rerun(self.value, self.gradient, self.jacobian, self.function)

    def computed(self, moved: Mapping[Key, Grid], times: range) -> dict[Key, Grid]:
        """All values where some are moved; what does not lie at those times keeps its value."""
        values = {**self.given, **self.values}
        for key, change in moved.items():
            if key in values:
                values[key] = plus(values[key], change)
        for time in times:
            place = self._place(values, time)
            for equation in self.program.equations:
                key = equation.symbol.name, time
                if key in self.given:
                    continue
                try:
                    found = computed(equation.expression, place).value
                except KeyError as error:
                    if time <= self.steps:
                        raise InputError(f"{self.cell.name} also reads {label(error.args[0])}") from error
                    return values  # the step after the last is there only where its inputs are
                values[key] = plus(found, moved[key]) if key in moved else found
        return values

    def _place(self, values: Mapping[Key, Grid], time: int) -> Place:
        def leaf(node: Leaf, at: Mapping[Symbol, int]) -> Moving:
            assert isinstance(node, Quantity)
            return Moving(values[key_of(node, at)])

        return Place({**self.sizes, nodes.T: self.steps, nodes.t: time}, leaf)

    # What is asked for

    def value(self, name: str, time: int | None = None) -> Array:
        return _array(self._at(name, time))

    def gradient(self, name: str, time: int | None = None, *, direct: bool = False, only: int | None = None) -> Array:
        asked = {key: grid for key, grid in self.asked.items() if only is None or key[1] == only}
        shape = self._shape(name)
        if direct:
            return _array(asked.get((name, time)) or filled(*shape))
        carried = time is None or time > 0 or name in {state.name for state in self.cell.states}
        if not carried or (time is not None and time > self.steps):
            return _array(filled(*shape))

        def total(values: Mapping[Key, Grid]) -> list[Real]:
            pairs = (
                (a, b) for key, grid in asked.items() for a, b in zip(_flat(grid), _flat(values[key]), strict=True)
            )
            return [CONTEXT.fdot(pairs)]

        every = range(1, self.steps + 1)
        if self.cell.declared_slopes:
            moving = self._moved((name, time), every)
            still = {key: filled(len(grid), len(grid[0])) for key, grid in asked.items()}
            columns = (
                total({key: moving.get(key, STILL).get(n, grid) for key, grid in still.items()})
                for n in range(len(moving[name, time]))
            )
            return np.array([float(column[0]) for column in columns]).reshape(shape)
        return np.array([column[0] for column in self._differences((name, time), every, total)]).reshape(shape)

    def jacobian(
        self, of: str, at: int, by: str, time: int | None = None, *, direct: bool = False, alone: bool = False
    ) -> Array:
        self._at(of, at)
        every = range(1, self.steps + 2)
        states = {state.name for state in self.cell.states}
        if alone and time is None:
            every = range(max(1, at), at + 1)
        elif alone and time is not None and by in states and time < at:
            every = range(time + 1, at + 1)
        if self.cell.declared_slopes:
            columns = self._rates((by, time), range(0) if direct else every, (of, at), direct=direct)
        elif direct:
            columns = self._differences((by, time), every, lambda values: self._directly(of, at, values), still=True)
        else:
            columns = self._differences((by, time), every, lambda values: _flat(values[of, at]))
        return np.array(columns).T

    def function(self, name: str, *operands: Array) -> Array:
        if name == "softmax":
            exponentials = np.exp(operands[0] - operands[0].max())
            return np.asarray(exponentials / exponentials.sum())
        found = known_function(self.cell, name)

        def one(*numbers: float) -> float:
            return float(called(found, tuple(Pair(CONTEXT.mpf(float(number)), ZERO) for number in numbers)).value)

        return np.asarray(np.vectorize(one, otypes=[float])(*operands))

    def _directly(self, of: str, at: int, values: Mapping[Key, Grid]) -> list[Real]:
        """By its own equation alone."""
        for equation in self.cell.equations if of in self.cell.quantities else self.program.equations:
            if equation.symbol.name == of and at > 0:
                return _flat(computed(equation.expression, self._place(values, at)).value)
        return _flat(values[of, at])

    def _differences(
        self, key: Key, times: range, read: Callable[[Mapping[Key, Grid]], list[Real]], *, still: bool = False
    ) -> list[list[float]]:
        """How what is read changes with every entry of a quantity; `still` computes nothing again."""
        self._at(*key)
        rows, cols = self._shape(key[0])
        found = []
        for i in range(rows):
            for j in range(cols):
                ends = []
                for way in (1, -1):
                    moved = filled(rows, cols)
                    moved[i][j] = way * STEP
                    values = self.computed({key: moved}, range(0) if still else times)
                    ends.append(read(values))
                found.append([float((high - low) / (2 * STEP)) for high, low in zip(*ends, strict=True)])
        return found

    def _rates(self, key: Key, times: range, of: Key, *, direct: bool) -> list[list[float]]:
        """The rate of change of a quantity with every entry of another; `direct` is by its own equation alone."""
        moving = self._moved(key, times)
        rates = moving.get(of, STILL)
        equations = self.cell.equations if of[0] in self.cell.quantities else self.program.equations
        for equation in equations if direct else ():
            if equation.symbol.name == of[0] and (of[1] or 0) > 0:
                rates = computed(equation.expression, self._moving(moving, of[1] or 0)).rates
        still = filled(*self._shape(of[0]))
        return [[float(entry) for entry in _flat(rates.get(n, still))] for n in range(len(moving[key]))]

    def _moved(self, key: Key, times: range) -> dict[Key, Rates]:
        """The rates of change of what changes at those times, along every entry of a quantity."""
        self._at(*key)
        own: Rates = dict(enumerate(map(in_decimals, units(*self._shape(key[0])))))
        moving = {key: own}
        for time in times:
            place = self._moving(moving, time)
            for equation in self.program.equations:
                one = equation.symbol.name, time
                if one in self.values and one not in self.given:
                    rates = united(computed(equation.expression, place).rates, own if one == key else STILL)
                    if rates:
                        moving[one] = rates
        return moving

    def _moving(self, moving: Mapping[Key, Rates], time: int) -> Place:
        def leaf(node: Leaf, at: Mapping[Symbol, int]) -> Moving:
            assert isinstance(node, Quantity)
            key = key_of(node, at)
            return Moving(self.values[key], moving.get(key, STILL))

        return Place({**self.sizes, nodes.T: self.steps, nodes.t: time}, leaf)

    def _at(self, name: str, time: int | None) -> Grid:
        if (name, time) not in self.values:
            raise InputError(f"{self.cell.name} has no number for {label((name, time))}")
        return self.values[name, time]

    def _shape(self, name: str) -> tuple[int, int]:
        if name not in self.program.quantities:
            raise InputError(f"{self.cell.name} has no quantity {name}")
        place = self._place({}, 0)
        rows, cols = self.program.quantities[name].shape
        return place.whole(rows), place.whole(cols)


def _grid(rows: Sequence[Sequence[float]]) -> Grid:
    return [[CONTEXT.mpf(repr(float(entry))) for entry in row] for row in rows]


def _array(grid: Grid) -> Array:
    return np.array([[float(entry) for entry in row] for row in grid])


def _flat(grid: Grid) -> list[Real]:
    return [entry for row in grid for entry in row]


def _sizes(cell: Cell, given: Mapping[Key, Grid]) -> dict[Symbol, int]:
    """The number of every size letter, from the shapes of what is given."""
    equations = []
    for (name, _), grid in given.items():
        if name in cell.quantities:
            wanted = zip(cell.quantities[name].shape, (len(grid), len(grid[0])), strict=True)
            equations += [letter - number for letter, number in wanted]
    solutions = [*linsolve(equations, *cell.sizes)] if cell.sizes else [()]
    if len(solutions) != 1 or any(not number.is_Integer for number in solutions[0]):
        raise InputError(f"the numbers given have no shapes that {cell.name} could have")
    return {letter: int(number) for letter, number in zip(cell.sizes, solutions[0], strict=True)}
