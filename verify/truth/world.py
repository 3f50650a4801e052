"""Random data for one trial of a cell, and the truth about it: how J responds to disturbances, by the equations alone.

J = Σ_t <g_t, output_t> + Σ_s <G_s, s_T> with random g and G, so that every output and every final state counts. The
sequence runs one step further than J sees: formulas with t + 1 have values at t = T; what they multiply is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import mul
from typing import TypeAlias

from sympy import HadamardPower, Symbol

from derive import nodes
from derive.cell import Assumption, Cell, Equation
from derive.nodes import Adjoint, Elementwise, Jacobian, Node, Quantity, Tabular, TimeSum, children, leaves
from verify.truth.columns import columns
from verify.truth.exact import (
    STILL,
    Dual,
    Environment,
    Leaf,
    Matrix,
    Tangents,
    added,
    constant,
    evaluate,
    inner,
    plus,
    whole,
)
from verify.truth.field import NoValueError, P, Table, UnsupportedError
from verify.truth.responses import Arithmetic, Key, Responses
from verify.truth.scales import SHORTEST, NoPointError, sizes_apart

FIELD: Arithmetic[int] = Arithmetic(0, 1, lambda a, b: (a + b) % P, lambda a, b: sum(map(mul, a, b)) % P)

Directions: TypeAlias = Mapping[Key, Matrix]
"""Disturbances: what is added to which quantities."""

ATTEMPTS = 4000
"""How often a step is drawn again before a cell is given up: a step with ten square roots succeeds once in 1024."""

NEARBY, ALL_NEARBY = 512, 16_000
"""How often, before that, an equation without a value is tried with other values of the functions that it reads."""


def distinct_sizes(cell: Cell) -> dict[Symbol, int]:
    """A number for every size letter, all shapes of the cell that differ as formulas differing as numbers."""
    return sizes_apart(cell)


class _EarlierError(NoValueError):
    """Something has no value that reads nothing of its step: another draw of that step is of no use."""


@dataclass
class World:
    """One trial: the values of all quantities at all times, and J's rates of change for any disturbance.

    Build one with `World.draw`; `seen_by` gives the same data to another cell with the same inputs and parameters.
    """

    cell: Cell
    sizes: Mapping[Symbol, int]
    steps: int
    seed: int
    table: Table
    plain: bool
    batch: int
    values: dict[Key, Matrix] = field(default_factory=dict)
    _jacobians: dict[tuple[Key, Key, bool, bool], Matrix] = field(default_factory=dict)
    _seen: dict[Cell, World] = field(default_factory=dict)
    _later: dict[str, Equation] = field(default_factory=dict)
    """What is computed when it is asked for."""
    _tried: int = 0

    # Drawing

    @classmethod
    def draw(
        cls,
        cell: Cell,
        seed: int = 0,
        steps: int = SHORTEST,
        sizes: Mapping[Symbol, int] | None = None,
        assumptions: tuple[Assumption, ...] = (),
        plain: bool = False,
        table: Callable[[int], Table] = Table,
        batch: int = 7,
    ) -> World:
        """Random parameters, inputs and (non-zero) initial states, with the declared facts in `assumptions` imposed.

        A `plain` J reads no final state, and is the sum of the losses where the outputs are losses. `table` makes the
        functions. Raises NoPointError where no point is found at which the equations have values.
        """
        world = cls(cell, sizes or distinct_sizes(cell), steps, seed, table(seed), plain, batch)
        untimed = [q for q in (*cell.parameters, *cell.inputs) if q.time is None]
        for quantity in untimed:
            world.values[quantity.name, None] = world._drawn(quantity, None, assumptions)
        for state in cell.states:
            world.values[state.name, 0] = world._drawn(state, 0, assumptions)
        marks = [world.table.mark()] * (steps + 2)
        time, failures = 1, 0
        while time <= steps + 1:
            marks[time] = world.table.mark()
            try:
                world._draw_step(time, assumptions)
                time += 1
            except NoValueError as reason:
                failures += 1
                if failures > ATTEMPTS:
                    raise NoPointError(f"{cell.name} has no value at {ATTEMPTS} random points: {reason}") from None
                # Every so often the step before is drawn again too: the fault may lie in the state it left. In the end
                # less often: five square roots are all there once in 32 times.
                patience = 8 if failures < ATTEMPTS // 2 else 128
                earlier = isinstance(reason, _EarlierError) or failures % patience == 0
                time = max(1, time - 1) if earlier else time
                world.table.salt += 1
                world.table.forget(marks[time])
                if time == 1 and failures % 64 == 0:
                    for quantity in (*untimed, *cell.states):
                        key = quantity.name, None if quantity.time is None else 0
                        world.values[key] = world._drawn(quantity, key[1], assumptions)
        return world

    def _draw_step(self, time: int, assumptions: tuple[Assumption, ...]) -> None:
        for quantity in self.cell.inputs:
            if quantity.time is not None:
                self.values[quantity.name, time] = self._drawn(quantity, time, assumptions)
        self._settle(time)

    def _settle(self, time: int) -> None:
        """Every equation at a step; for one without a value, functions in those that it reads are drawn again.

        So the roots of two equations need not be there at once. Raises NoValueError where that does not help soon.
        """
        env, equations = self.environment(time), self.cell.equations
        marks, failures = [self.table.mark()], [0] * len(equations)
        number: int | None = None
        while (k := len(marks) - 1) < len(equations):
            try:
                self.values[equations[k].symbol.name, time] = evaluate(equations[k].expression, env).value
                marks.append(self.table.mark())
            except NoValueError as reason:
                marks.append(self.table.mark())
                part = _without_value(equations[k].expression, env)
                if all(quantity.time is None or quantity.time == nodes.t - 1 for quantity in leaves(part)):
                    raise _EarlierError(*reason.args) from None
                read = self._behind(k, part)
                anew = [j for j in read if marks[j] < marks[j + 1]]
                failures[k] += 1
                self._tried += 1
                if not anew or failures[k] > NEARBY or self._tried > ALL_NEARBY:
                    raise
                self.table.salt += 1
                # Mostly the nearest one: what is further has led to values in between.
                far = ((failures[k] & -failures[k]).bit_length() - 1) // 3
                first = anew[min(far, len(anew) - 1)]
                in_vain, number = reason.number == number, reason.number
                if first == anew[0] and not in_vain and self._draw_entry(part, env, first, marks):
                    continue
                self.table.forget(marks[first])
                del marks[first + 1 :]

    def _draw_entry(self, part: Node, env: Environment, first: int, marks: list[int]) -> bool:
        """Whether the functions of one equation could be forgotten for the entry alone that has no value in `part`.

        So it does not matter how many entries need a root.
        """
        if not isinstance(part, Elementwise | HadamardPower):
            return False
        try:
            evaluate(part, env)
        except NoValueError:
            found = self.table.forget_entry(self.table.entry, marks[first], marks[first + 1])
            del marks[first + 1 :]
            return found
        return False

    def _behind(self, k: int, node: Node) -> list[int]:
        """The equations of a step on which a part of the k-th depends, by number, the nearest first.

        The k-th is one of them where the part calls functions below its own.
        """
        place = {equation.symbol.name: j for j, (equation, _) in enumerate(self._uses)}
        found = {k} if any(child.has(Elementwise) for child in children(node)) else set()
        new = {place[q.name] for q in leaves(node) if q.time == nodes.t and q.name in place}
        while new:
            found |= new
            new = {place[name] for j in new for name, back in self._uses[j][1] if back == 0 and name in place} - found
        return sorted(found, reverse=True)

    def _compute(self, time: int) -> None:
        env = self.environment(time)
        for equation in self.cell.equations:
            self.values[equation.symbol.name, time] = evaluate(equation.expression, env).value

    def _drawn(self, quantity: Quantity, time: int | None, assumptions: tuple[Assumption, ...]) -> Matrix:
        matrix = self.random("value of", quantity, time)
        for assumption in assumptions:
            if assumption.quantity.name == quantity.name:
                if assumption.kind == "starts at zero":
                    matrix = constant(len(matrix), len(matrix[0]), 0) if time == 0 else matrix
                elif assumption.kind == "one-hot":
                    hot = self.table.random("hot", quantity.name, time) % len(matrix)
                    matrix = [[int(i == hot)] for i in range(len(matrix))]
                elif assumption.kind == "sums to one":
                    last = [(1 - sum(column[:-1])) % P for column in zip(*matrix, strict=True)]
                    matrix = [*matrix[:-1], last]
                else:
                    raise UnsupportedError(f"no data for the assumption {assumption.kind}")
        return matrix

    def random(self, label: str, quantity: Quantity, time: int | None) -> Matrix:
        """A random matrix of the quantity's shape."""
        rows, cols = (whole(dimension, self.sizes) for dimension in quantity.shape)
        return [[self.table.random(label, quantity.name, time, i, j) for j in range(cols)] for i in range(rows)]

    def seen_by(self, cell: Cell) -> World:
        """The same data, the quantities assigned by the equations of `cell` instead."""
        if cell in self._seen:
            return self._seen[cell]
        assigned = {equation.symbol.name for equation in self.cell.equations}
        given = {key: value for key, value in self.values.items() if key[0] not in assigned or key[1] == 0}
        other = World(cell, self.sizes, self.steps, self.seed, self.table, self.plain, self.batch, {**given})
        other.__dict__["gradients"] = self.gradients
        last = self.steps + 1
        own = {key: value for key, value in self.values.items() if key[0] in assigned and key[1]}
        other.values |= {key: value for key, value in own.items() if key[1] != last}
        other._compute(last)
        same = all(value == other.values.get(key) for key, value in own.items())
        if same:  # at a random point one step tells of all
            other._later = {e.symbol.name: e for e in cell.equations if e.symbol.name not in assigned}
        else:
            other.values = given
            for time in range(1, last + 1):
                other._compute(time)
        other.__dict__["responses"] = self.responses.of_cell(cell.equations, other._columns, same=same)
        self._seen[cell] = other
        return other

    def asked(self, gradients: Mapping[Key, Matrix]) -> World:
        """The same data with another J, of which these are the immediate gradients."""
        other = self._of_another(self.plain)
        other.__dict__["gradients"] = gradients
        for cell, world in self._seen.items():
            other._seen[cell] = world._of_another(self.plain, base=other)
            other._seen[cell].__dict__["gradients"] = gradients
        return other

    def plainly(self) -> World:
        """The same data with a J that reads no final state; see `draw`."""
        if self.plain:
            return self
        other = self._of_another(plain=True)
        for cell, world in self._seen.items():
            other._seen[cell] = world._of_another(plain=True, base=other)
            other._seen[cell].__dict__["gradients"] = other.gradients
        return other

    def _of_another(self, plain: bool, base: World | None = None) -> World:
        """The same data, to be asked for another J; `base` for what was seen by another cell."""
        other = World(self.cell, self.sizes, self.steps, self.seed, self.table, plain, self.batch, self.values)
        other.__dict__["responses"] = self.responses.of_another(
            base.responses if base and self.responses.base else None
        )
        other._jacobians, other._later = self._jacobians, self._later
        return other

    # Reading

    @cached_property
    def gradients(self) -> Mapping[Key, Matrix]:
        """∂⁺J of what J reads: g_t of the output at t, and G_s of the states at T (added up where both are)."""
        found: dict[Key, Matrix] = {}
        for time in range(1, self.steps + 1):
            found |= self.read_at(time)
        for state, matrix in self.final.items():
            place = state, self.steps
            found[place] = plus(found[place], matrix) if place in found else matrix
        return found

    def read_at(self, time: int) -> dict[Key, Matrix]:
        """∂⁺J of the output of one step; 1 where J is the plain sum of the losses."""
        output = self.cell.output
        if not 1 <= time <= self.steps:
            return {}
        if self.plain and self.cell.is_loss:
            return {(output.name, time): constant(1, 1, 1)}
        return {(output.name, time): self.random("g of", output, time)}

    @cached_property
    def final(self) -> Mapping[str, Matrix]:
        """G_s, the gradient of each final state."""
        if self.plain:
            return {}
        return {state.name: self.random("G of", state, self.steps) for state in self.cell.states}

    def environment(self, time: int | None = None, moving: Mapping[Key, Tangents] | None = None) -> Environment:
        """The values, and the tangents of what moves, at t = `time`; adjoints and Jacobians are the true ones."""

        def leaf(node: Leaf, numbers: Mapping[Symbol, int]) -> Dual:
            if isinstance(node, Quantity):
                key = key_of(node, numbers)
                return Dual(self.value(key), moving.get(key, STILL) if moving else STILL)
            if isinstance(node, Adjoint):
                only = None if node.only is None else whole(node.only, numbers)
                return Dual(self.adjoint(key_of(node.quantity, numbers), node.quantity, node.immediate, only))
            return Dual(self.jacobian(node, numbers))

        return Environment(self.table, self.numbers(time), leaf)

    def numbers(self, time: int | None = None) -> dict[Symbol, int]:
        """Numbers for the sizes, for T, and for t if a time is given."""
        at = {} if time is None else {nodes.t: time}
        return {**self.sizes, nodes.T: self.steps, **at}

    def value(self, key: Key) -> Matrix:
        """The value of a quantity; one that is asked for outside its range is random, since it must not matter.

        What an input was before the first step is what a state that keeps it holds: x_0 where k_t = x_t.
        """
        if key not in self.values and key[0] in self._later and key[1] is not None and 0 < key[1] <= self.steps + 1:
            self.values[key] = evaluate(self._later[key[0]].expression, self.environment(key[1])).value
        elif key not in self.values and key in self._kept:
            return self.value(self._kept[key])
        elif key not in self.values:
            self.values[key] = self.random("outside", self._quantity(key[0]), key[1])
        return self.values[key]

    @cached_property
    def _kept(self) -> Mapping[Key, Key]:
        """Inputs at step 0, each with the initial state that keeps it."""
        states = {state.name for state in self.cell.states}
        keepers = {e.expression: e.symbol.name for e in self.cell.equations if e.symbol.name in states}
        return {(one.name, 0): (keepers[one], 0) for one in self.cell.inputs if one in keepers}

    def _quantity(self, name: str) -> Quantity:
        if name not in self.cell.quantities:
            raise UnsupportedError(f"{self.cell.name} has no quantity {name}")
        return self.cell.quantities[name]

    # The truth

    def response(self, directions: Directions, only: int | None = None) -> int:
        """The rate of change of J when the quantities in `directions` are disturbed and all later ones recomputed.

        With `only`, of the part of J that reads the output of that step.
        """
        tangents = self.tangents(directions)
        read = self.gradients if only is None else self.read_at(only)
        return sum(inner(g, tangents[key]) for key, g in read.items() if key in tangents) % P

    def tangents(self, directions: Directions, steps: range | None = None) -> dict[Key, Matrix]:
        """The rate of change of every quantity under those disturbances; a missing one does not change.

        With `steps`, the equations of those steps only are recomputed.
        """
        moving: dict[Key, Tangents] = {key: {"": direction} for key, direction in directions.items()}
        for time in range(1, self.steps + 1) if steps is None else steps:
            env = self.environment(time, moving)
            for equation, used in self._uses:
                key = equation.symbol.name, time
                if any((name, None if back is None else time + back) in moving for name, back in used):
                    moved = added(evaluate(equation.expression, env).tangents, moving.get(key, STILL))
                    if moved:
                        moving[key] = moved
        return {key: along[""] for key, along in moving.items()}

    @cached_property
    def _uses(self) -> list[tuple[Equation, list[tuple[str, int | None]]]]:
        """Every equation with the names it reads, each with its time relative to t."""
        return [
            (e, [(q.name, None if q.time is None else int(q.time - nodes.t)) for q in leaves(e.expression)])
            for e in self.cell.equations
        ]

    def adjoint(self, key: Key, quantity: Quantity, immediate: bool = False, only: int | None = None) -> Matrix:
        """The true gradient of J, entry by entry; beyond T nothing reaches J."""
        self._quantity(key[0])
        rows, cols = (whole(dimension, self.sizes) for dimension in quantity.shape)
        if immediate:
            read = self._read(only)
            return read.get(key) or constant(rows, cols, 0)
        name, time = key
        if time is not None and time < (0 if name in {s.name for s in self.cell.states} else 1):
            raise UnsupportedError(f"{name} has no value at {time}")
        read = self._read(only)
        asked = {place: list(chain.from_iterable(matrix)) for place, matrix in read.items()}
        found = self.responses.gradient(key, only, asked) or [0] * (rows * cols)
        return [found[row * cols : (row + 1) * cols] for row in range(rows)]

    def _read(self, only: int | None) -> Mapping[Key, Matrix]:
        """∂⁺J, or that of the error of one step, of which J has no part where it does not read that step."""
        if only is None:
            return self.gradients
        return {key: gradient for key, gradient in self.read_at(only).items() if key in self.gradients}

    @cached_property
    def responses(self) -> Responses[int]:
        """What every equation makes of a change of what it reads, by forward mode over that equation alone."""
        return Responses(self.cell.equations, self.steps, FIELD, self._columns)

    def _columns(self, equation: Equation, time: int, keys: Sequence[Key]) -> dict[Key, list[list[int]] | None]:
        shapes = {key: self._extent(self._quantity(key[0])) for key in keys}

        def moved(directions: Mapping[Key, Tangents]) -> Tangents:
            return evaluate(equation.expression, self.environment(time, directions)).tangents

        return columns(equation.expression, shapes, lambda quantity: key_of(quantity, {nodes.t: time}), moved, 0)

    def _extent(self, quantity: Quantity) -> tuple[int, int]:
        rows, cols = (whole(dimension, self.sizes) for dimension in quantity.shape)
        return rows, cols

    def jacobian(self, node: Jacobian, numbers: Mapping[Symbol, int]) -> Matrix:
        """∂a/∂b column by column: total, stepwise, or the immediate one of the equation that assigns a."""
        of, by = key_of(node.of, numbers), key_of(node.by, numbers)
        kind = (of, by, node.immediate, node.stepwise)
        if kind not in self._jacobians:
            size, entries = (whole(dimension, self.sizes) for dimension in node.shape)
            steps = self._steps(of, by) if node.stepwise else None
            if node.immediate:
                columns = self._direct(of, by)
            else:
                columns = self.responses.rates(of, by, entries, steps or range(1, self.steps + 1))
            self._jacobians[kind] = [list(row) for row in zip(*(columns or [[0] * size] * entries), strict=True)]
        return self._jacobians[kind]

    def _steps(self, of: Key, by: Key) -> range | None:
        """The steps that a stepwise derivative recomputes: none before those in which b is used as a state."""
        last = of[1]
        if last is None:
            return None
        if by[1] is None:
            return range(max(1, last), last + 1)
        if by[0] in {state.name for state in self.cell.states} and by[1] < last:
            return range(by[1] + 1, last + 1)
        return None

    def _direct(self, of: Key, by: Key) -> list[list[int]] | None:
        name, time = of
        for equation in self.cell.equations:
            if equation.symbol.name == name and time is not None and time > 0:
                return self.responses.direct(equation, time, by)
        return None


def key_of(quantity: Quantity, numbers: Mapping[Symbol, int]) -> Key:
    """The quantity's name with its time as a number."""
    return quantity.name, None if quantity.time is None else whole(quantity.time, numbers)


def _without_value(node: Node, env: Environment) -> Node:
    """The smallest part of an expression that has no value."""
    for child in () if isinstance(node, TimeSum | Tabular) else children(node):
        try:
            evaluate(child, env)
        except NoValueError:
            return _without_value(child, env)
    return node


def truth(
    cell: Cell,
    direction: Directions | Callable[[World], Directions],
    *,
    seed: int = 0,
    steps: int = SHORTEST,
    sizes: Mapping[Symbol, int] | None = None,
) -> int:
    """The rate of change of J along a direction at a random point of the cell; see `World.response`."""
    world = World.draw(cell, seed, steps, sizes)
    return world.response(direction(world) if callable(direction) else direction)


def everywhere(world: World, quantity: Quantity) -> Iterator[Key]:
    """All places of a quantity at which J may be disturbed: its times, for a state also the initial one."""
    if quantity.time is None:
        yield quantity.name, None
        return
    first = 0 if quantity.name in {state.name for state in world.cell.states} else 1
    for time in range(first, world.steps + 1):
        yield quantity.name, time


def random_direction(world: World, quantity: Quantity) -> dict[Key, Matrix]:
    """A random disturbance of a quantity at all its times."""
    return {key: world.random("disturbance of", quantity, key[1]) for key in everywhere(world, quantity)}
