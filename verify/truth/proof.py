"""Proofs by exact identity testing: a derivation against the truth, and one expression against another.

Both sides are evaluated at random points of a prime field, every function uninterpreted. Equal sides are equal as
formulas, for all functions with those slopes, up to a probability of degree / 2⁶¹ per trial (Schwartz and Zippel);
different ones are refuted, without a tolerance. All T: the recurrence is one formula at a symbolic t; the unrolled
comparison over a few steps guards the induction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sympy import Symbol

from derive import nodes
from derive.calculus.derivation import Derivation, Gradient
from derive.cell import Assumption, Cell
from derive.nodes import Adjoint, Jacobian, Node, Quantity, TimeSum, children
from verify.truth.exact import Dual, Environment, Leaf, Matrix, constant, evaluate, inner, plus, whole
from verify.truth.field import NoValueError, P, UnsupportedError
from verify.truth.responses import Key
from verify.truth.scales import NoPointError, Scale, quantities_of, scales
from verify.truth.verdict import Counterexample, Outcome, Verdict
from verify.truth.world import World, everywhere, key_of, random_direction

REDRAWS = 256
"""How many points are tried for an expression that may divide by zero or ask for a root that is not there."""


class UndefinedError(ValueError):
    """A recurrence that does not say what a gradient is."""


@dataclass
class Recurrence:
    """The derived gradients of one trial: the formulas, evaluated backwards from t = T with nothing beyond it."""

    derivation: Derivation
    world: World
    _known: dict[Key, Matrix] = field(default_factory=dict)
    _open: set[Key] = field(default_factory=set)

    def at(self, key: Key) -> Matrix:
        """The derived gradient of a quantity at a time; for a state at 0, of the initial state."""
        waiting = [key]  # a stack of its own: a chain of equations is longer than Python lets calls be nested
        while key not in self._known:
            current = waiting[-1]
            missing = [] if current in self._known else [k for k in self._needed(current) if k not in self._known]
            if current in self._known:
                waiting.pop()
            elif missing and current in self._open:
                raise UndefinedError(f"the gradient of {current[0]} at {current[1]} is defined by itself")
            elif missing:
                self._open.add(current)
                waiting += missing
            else:
                self._known[current] = self._evaluated(current)
                self._open.discard(current)
        return self._known[key]

    def _needed(self, key: Key) -> list[Key]:
        """The gradients at a step that the formula of one refers to; a sum over steps asks for its own."""
        name, time = key
        if time is None:
            return []
        gradient, numbers = self._gradient(name), self.world.numbers(time)
        found: dict[Key, None] = {}
        for expression in (gradient.value, *(path.term for path in gradient.paths)):
            for node in _gradient_leaves(expression):
                step = None if node.immediate else key_of(node.quantity, numbers)[1]
                if step is not None and step <= self.world.steps and not (time == 0 and step <= 0):
                    found[key_of(node.quantity, numbers)] = None
        return list(found)

    def _evaluated(self, key: Key) -> Matrix:
        name, time = key
        gradient = self._gradient(name)
        value = self._value(gradient.value, time)
        if time != 0:
            together = self._zero(gradient.of)
            for step in range(1, self.world.steps + 1) if time is None else (time,):
                for path in gradient.paths:
                    together = plus(together, self._value(path.term, step)) or []
            if together != value:
                raise UndefinedError(f"the paths of {name} do not add up to its gradient")
        if time == self.world.steps and name in self.world.final:
            value = plus(value, self.world.final[name]) or []
        return value

    def _value(self, expression: Node, time: int | None) -> Matrix:
        def leaf(node: Leaf, numbers: Mapping[Symbol, int]) -> Dual:
            if isinstance(node, Quantity):
                return Dual(self.world.value(key_of(node, numbers)))
            if isinstance(node, Jacobian):
                raise UndefinedError(f"a gradient that refers to ∂{node.of}/∂{node.by}")
            return Dual(self._adjoint(node, key_of(node.quantity, numbers), initial=time == 0))

        return evaluate(expression, Environment(self.world.table, self.world.numbers(time), leaf)).value

    def _adjoint(self, node: Adjoint, key: Key, initial: bool) -> Matrix:
        name, time = key
        # Nothing lies beyond T. An initial state reaches J through step 1 only: no equation stands at step 0.
        if time is not None and (time > self.world.steps or (initial and time <= 0)):
            return self._zero(node.quantity)
        if node.immediate:
            output = self.world.cell.output
            return self.world.random("g of", output, time) if name == output.name else self._zero(node.quantity)
        return self.at(key)

    def _gradient(self, name: str) -> Gradient:
        if name not in self.derivation.by_name:
            raise UndefinedError(f"there is no gradient of {name}")
        return self.derivation.by_name[name]

    def _zero(self, quantity: Quantity) -> Matrix:
        rows, cols = (whole(dimension, self.world.sizes) for dimension in quantity.shape)
        return constant(rows, cols, 0)


def prove(
    derivation: Derivation, trials: int = 2, seed: int = 0, names: Collection[str] | None = None
) -> dict[str, Verdict]:
    """Compare every gradient of a derivation with the truth; one verdict per name of parameter, input and value.

    The trials are of the two scales in turn. `names` limits the question to some of them. A state's verdict covers
    its values and the initial one. Declared facts are imposed on the data only for the gradients that used them,
    directly or through another gradient.
    Gradients that are defined by a wrong one are refuted with it.
    """
    cell, program = derivation.cell, derivation.program
    everything = [e.symbol.name for e in program.equations]
    everything += [q.name for q in (*program.inputs, *program.parameters) if q not in program.targets]
    names = [name for name in everything if names is None or name in names]
    groups: dict[tuple[Assumption, ...], list[str]] = {}
    for name in names:
        groups.setdefault(_assumptions(derivation, name), []).append(name)
    verdicts: dict[str, Verdict] = {}
    try:
        both = scales(cell, [derivation.by_name[name].value for name in names if name in derivation.by_name])
    except NoPointError as undefined:
        return {name: Verdict(Outcome.UNDECIDED, reason=str(undefined)) for name in names}
    for assumptions, group in groups.items():
        remaining, decided = list(group), 0
        reason = "no point was found at which the derived formulas have a value"
        for attempt in range(trials + REDRAWS):
            try:
                world = _world(cell, seed + attempt, both[decided % 2], assumptions)
                for counterexample in list(_refuted(derivation, world, remaining)):
                    verdicts[counterexample.name] = Verdict(Outcome.REFUTED, assumptions, counterexample)
                    remaining.remove(counterexample.name)
            except NoValueError:
                continue
            except (NoPointError, UnsupportedError) as undefined:
                reason = str(undefined)
                break
            decided += 1
            if decided == trials:
                break
        outcome = Outcome.PROVED if decided == trials else Outcome.UNDECIDED
        why = "" if decided == trials else reason
        verdicts.update({name: Verdict(outcome, assumptions, reason=why) for name in remaining})
    return {name: verdicts[name] for name in names}


def _assumptions(derivation: Derivation, name: str) -> tuple[Assumption, ...]:
    """The facts that a gradient rests on, its own and those of the gradients it refers to."""
    found: dict[Assumption, None] = {}
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        gradient = derivation.by_name.get(current)
        if current in seen or gradient is None:
            continue
        seen.add(current)
        found.update(dict.fromkeys(gradient.assumptions))
        waiting += [leaf.quantity.name for leaf in _gradient_leaves(gradient.value)]
    return tuple(a for a in derivation.cell.assumptions if a in found) + tuple(
        a for a in found if a not in derivation.cell.assumptions
    )


def _refuted(derivation: Derivation, world: World, names: Iterable[str]) -> Iterator[Counterexample]:
    """A counterexample for every name whose derived gradient is not the true one at this point."""
    names = list(names)
    cell_names = set(world.cell.quantities)
    program = world.seen_by(derivation.program)
    assigned = [(e.symbol.name, time) for e in world.cell.equations for time in range(1, world.steps + 2)]
    for key in assigned:  # and nothing else: a world that is shared may have been asked for values outside its steps
        if program.values.get(key) != world.values[key]:
            for name in names:
                yield _counterexample(world, name, key[1], None, f"the program computes another {key[0]} than the cell")
            return
    recurrence = Recurrence(derivation, program)
    suspects: list[str] = []
    # One direction for all names at once: a random combination of errors vanishes only if all of them do.
    for judge, group in (
        (world, [n for n in names if n in cell_names]),
        (program, [n for n in names if n not in cell_names]),
    ):
        directions: dict[Key, Matrix] = {}
        for name in group:
            directions |= random_direction(judge, derivation.program.quantities[name])
        try:
            derived = sum(inner(recurrence.at(key), direction) for key, direction in directions.items()) % P
        except UndefinedError:
            suspects += group
            recurrence = Recurrence(derivation, program)
            continue
        if group and derived != judge.response(directions):
            suspects += group
    for name in suspects:
        judge = world if name in cell_names else program
        found = _difference(Recurrence(derivation, program), judge, derivation.program.quantities[name])
        if found is not None:
            yield found


def _difference(recurrence: Recurrence, judge: World, quantity: Quantity) -> Counterexample | None:
    """The first entry, from the last step backwards, at which the derived gradient is not the true one."""
    directions = random_direction(judge, quantity)
    try:
        derived = sum(inner(recurrence.at(key), direction) for key, direction in directions.items()) % P
        if derived == judge.response(directions):
            return None
    except UndefinedError as reason:
        return _counterexample(judge, quantity.name, None, None, str(reason))
    for key in reversed(list(everywhere(judge, quantity))):
        derived_matrix, true = recurrence.at(key), judge.adjoint(key, quantity)
        for i, rows in enumerate(zip(derived_matrix, true, strict=True)):
            for j, (left, right) in enumerate(zip(*rows, strict=True)):
                if left != right:
                    found = f"derived {left}, true {right} (mod 2^61 - 1)"
                    return _counterexample(judge, quantity.name, key[1], (i, j), found)
    raise AssertionError(f"a difference along a direction of {quantity.name} that no entry shows")


def _counterexample(
    world: World, name: str, time: int | None, index: tuple[int, int] | None, reason: str
) -> Counterexample:
    sizes = {str(letter): number for letter, number in world.sizes.items()}
    return Counterexample(name, sizes, world.steps, world.seed, time, index, reason)


# One expression against another


def identical(
    left: Node,
    right: Node,
    cell: Cell,
    *,
    assumptions: tuple[Assumption, ...] = (),
    trials: int = 2,
    seed: int = 0,
    numbers: Mapping[Symbol, int] | None = None,
) -> Verdict:
    """Whether two expressions over a cell's quantities, adjoints and Jacobians are equal at every t, on two scales.

    The adjoints are the true ones, of a J that reads all outputs and all final states. A symbolic t runs over all
    steps at which everything named exists; `numbers` binds further indices. Expressions of different shapes are
    refuted. Undecided, with the reason, where no random point is found at which both sides have a value, and where
    something stands that has none at all, such as ∂J/∂x_0.
    """
    shapes = left.shape, right.shape
    if shapes[0] != shapes[1]:
        reason = " and ".join(f"{rows}×{cols}" for rows, cols in shapes)
        return Verdict(Outcome.REFUTED, assumptions, reason=f"the shapes differ: {reason}")
    decided = 0
    for attempt in range(trials + REDRAWS):
        try:
            world = _world(cell, seed + attempt, scales(cell, (left, right))[decided % 2], assumptions)
            times = times_of((left, right), world)
            if not times:
                reason = f"no step of {world.steps} has everything it names"
                return Verdict(Outcome.UNDECIDED, assumptions, reason=reason)
            for time in times:
                env = world.environment(time)
                for symbol, number in (numbers or {}).items():
                    env = env.bound(symbol, number)
                a, b = evaluate(left, env).value, evaluate(right, env).value
                if a != b:
                    index = next((i, j) for i, row in enumerate(a) for j, x in enumerate(row) if x != b[i][j])
                    i, j = index
                    found = f"left {a[i][j]}, right {b[i][j]} (mod 2^61 - 1)"
                    return Verdict(
                        Outcome.REFUTED, assumptions, _counterexample(world, "both sides", time, index, found)
                    )
        except NoValueError:
            continue
        except (NoPointError, UnsupportedError) as reason:
            return Verdict(Outcome.UNDECIDED, assumptions, reason=str(reason))
        decided += 1
        if decided == trials:
            return Verdict(Outcome.PROVED, assumptions)
    return Verdict(Outcome.UNDECIDED, assumptions, reason="no point was found at which both sides have a value")


_WORLDS: dict[tuple[Cell, int, Scale, tuple[Assumption, ...]], World] = {}
"""The last worlds drawn: a note makes many claims about one cell, and true adjoints are worth keeping."""


def _world(cell: Cell, seed: int, scale: Scale, assumptions: tuple[Assumption, ...]) -> World:
    key = (cell, seed, scale, assumptions)
    if key not in _WORLDS:
        while len(_WORLDS) >= 16:
            _WORLDS.pop(next(iter(_WORLDS)))
        _WORLDS[key] = World.draw(cell, seed, scale.steps, scale.sizes, assumptions, batch=scale.batch)
    return _WORLDS[key]


def times_of(sides: tuple[Node, ...], world: World) -> list[int | None]:
    """The steps at which all leaves exist and none lies beyond T; [None] where nothing depends on t."""
    states = {state.name for state in world.cell.states}
    offsets: list[tuple[str, int]] = []
    for side in sides:
        for quantity in _timed(side):
            if quantity.time is not None and nodes.t in quantity.time.free_symbols:
                offsets.append((quantity.name, int((quantity.time - nodes.t).subs({nodes.T: world.steps}))))
    if not offsets:
        return [None]
    return [
        time
        for time in range(world.steps + 1)
        if all((0 if name in states else 1) <= time + offset <= world.steps for name, offset in offsets)
        and time + max(offset for _, offset in offsets) >= 1
    ]


def _timed(node: Node) -> Iterator[Quantity]:
    """The quantities with a time in an expression, those of adjoints and Jacobians too, outside sums over t itself."""
    if isinstance(node, TimeSum) and node.index == nodes.t:
        return
    for leaf in quantities_of(node):
        if leaf.time is not None:
            yield leaf
    for child in children(node):
        yield from _timed(child)


def _gradient_leaves(node: Node) -> Iterator[Adjoint]:
    if isinstance(node, Adjoint) and not node.immediate:
        yield node
    for child in children(node):
        yield from _gradient_leaves(child)
