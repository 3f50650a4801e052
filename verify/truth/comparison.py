"""Two expressions of a claim compared in the field, at every step and index, against the true derivatives."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import islice, product
from typing import Any, Protocol

from sympy import Expr, Symbol

from derive import nodes
from derive.cell import Assumption, Cell
from derive.nodes import Adjoint, Jacobian, Largest, Node, Quantity, Tabular, TimeProduct, TimeSum, children
from verify.truth.decimals import Opinion, opinion
from verify.truth.exact import Dual, Environment, Leaf, Matrix, constant, evaluate, whole
from verify.truth.field import NoValueError, Table, UnsupportedError, kinked
from verify.truth.relations import Related
from verify.truth.scales import NoPointError, Scale, quantities_of, reach, scales
from verify.truth.world import World, key_of

REDRAWS = 40
"""How many points are tried where a formula may divide by zero or ask for a root that is not there."""
AGAIN, AGAIN_ALONE = 8, 64
"""How many more points are tried where a function is flat beyond a kink, so that sides may agree by chance; with sizes
of 1, where one such value makes a whole path zero."""
LONGEST = 12
"""The largest step number, offset or width of a window that a claim may name."""
LARGEST = 50_000
"""How many parts of both sides are evaluated at one random point: a part in a sum counts once for every term."""
TOO_MANY = "{points} steps and indices with {work} parts in each"
"""What is said of more."""


BATCH = Symbol("B", integer=True, positive=True)
"""The size of a batch: a number that no equation of a cell has."""


class Answer(Enum):
    """What a comparison found."""

    SAME = "same"
    DIFFERENT = "different"
    OPEN = "open"


@dataclass(frozen=True)
class Compared:
    """The answer, for a difference the point, and otherwise the reason where nothing was decided."""

    answer: Answer
    point: Mapping[str, Any] | None = None
    reason: str = ""
    numbers: Mapping[Symbol, int] = field(default_factory=dict)
    """For a difference: the numbers of all sizes, of T and of the indices there."""


@dataclass(frozen=True)
class Facts:
    """What is imposed on the data: declared facts, and a J that reads no final state."""

    assumptions: tuple[Assumption, ...] = ()
    plain: bool = False


@dataclass
class Bench:
    """Random data of one cell at several points, kept between claims."""

    cell: Cell
    program: Cell
    absent: bool = False
    """Whether the last comparison asked for a gradient before step 1; it counts as zero."""
    table: type[Table] = Table
    """What is known of functions: their slopes alone, or also the identities in `verify.truth.relations`."""
    steps: int | None = None
    """The number of steps, where a document fixes it; otherwise what holds does so for every number of them."""
    _worlds: dict[tuple[int, Scale, Facts], World] = field(default_factory=dict)
    known: dict[Hashable, Any] = field(default_factory=dict)
    """What was found with these data, for whoever asks it again."""

    def afresh(self, **changes: Any) -> Bench:
        """A bench with other data."""
        return replace(self, **changes, _worlds={}, known={})

    def scales(self, sides: Sequence[Node] = ()) -> tuple[Scale, Scale]:
        """Two scales for a comparison of these sides; raises NoPointError as `verify.truth.scales` does."""
        one, two = scales(self.cell, sides)
        return (one, two) if self.steps is None else (one.of_length(self.steps), two.of_length(self.steps))

    def shorter(self, sides: Sequence[Node]) -> Scale | None:
        """The usual scale, where that of these sides is longer and the usual one has every step that they name.

        Sides that differ there are different, whatever their numbers are; that they agree says nothing.
        """
        own, usual = self.scales(sides)[0], self.scales()[0]
        return usual if usual.steps < own.steps and reach(sides) < usual.steps else None

    def trials(self, sides: Sequence[Node]) -> list[tuple[int, Scale]]:
        """The scales at which these sides are compared, each with the number of its data; a shorter one is first."""
        usual, own = self.shorter(sides), list(enumerate(self.scales(sides)))
        return own if usual is None else [(0, usual), *own]

    def world(self, seed: int, scale: Scale, facts: Facts) -> World:
        """Random data of that scale, drawn once."""
        key = seed, scale, facts
        if key not in self._worlds:
            while len(self._worlds) >= REDRAWS + 8:
                self._worlds.pop(next(iter(self._worlds)))
            usual = self._worlds.get((seed, scale, replace(facts, plain=False))) if facts.plain else None
            self._worlds[key] = (
                usual.plainly()
                if usual
                else World.draw(
                    self.cell,
                    seed,
                    scale.steps,
                    scale.sizes,
                    facts.assumptions,
                    plain=facts.plain or self.cell.is_loss,
                    table=self.table,
                    batch=scale.batch,
                )
            )
        return self._worlds[key]

    def environment(self, world: World, numbers: Mapping[Symbol, int]) -> Environment:
        """All leaves have their true values; what only the program names is read off the program."""
        program = world.seen_by(self.program) if self.program != self.cell else world
        own, states = self.cell.quantities, {state.name for state in self.cell.states}

        def leaf(node: Leaf, at: Mapping[Symbol, int]) -> Dual:
            if isinstance(node, Quantity):
                return Dual((world if node.name in own else program).value(key_of(node, at)))
            if isinstance(node, Adjoint):
                judge = world if node.quantity.name in own else program
                only = None if node.only is None else whole(node.only, at)
                key = key_of(node.quantity, at)
                if key[1] is not None and key[1] < 1 and key[0] not in states:
                    self.absent = True
                    rows, cols = (whole(n, world.sizes) for n in node.shape)
                    return Dual(constant(rows, cols, 0))
                return Dual(judge.adjoint(key, node.quantity, node.immediate, only))
            judge = world if node.of.name in own and node.by.name in own else program
            return Dual(judge.jacobian(node, at))

        return Environment(world.table, {**world.numbers(), BATCH: world.batch, **numbers}, leaf)

    def compare(
        self,
        left: Node,
        right: Node,
        *,
        domains: Mapping[Symbol, Expr],
        differ: Sequence[tuple[Symbol, Symbol]] = (),
        equal: Sequence[tuple[Symbol, Symbol]] = (),
        before: Sequence[tuple[Expr, Expr]] = (),
        diagonal: Sequence[Node] = (),
        facts: Facts = Facts(),
        over: Sequence[Scale] | None = None,
    ) -> Compared:
        """Whether both sides are equal at every step and for every free index, at a random point of each scale.

        The nodes in `diagonal` must be diagonal matrices there; where they are not, nothing is decided. Raises
        NoPointError where the shapes of the cell cannot be kept apart.
        """
        self.absent = False
        trials = self.trials((left, right)) if over is None else list(enumerate(over))
        for number, scale in trials:
            found = Compared(Answer.OPEN, reason="no point was found at which both sides have a value")
            for attempt in range(REDRAWS):
                try:
                    world = self.world(REDRAWS * number + attempt, scale, facts)
                    points = list(islice(points_of((left, right), world, domains, differ, equal, before), LARGEST // 2))
                    found = self._at(points, world, left, right, domains, diagonal)
                except NoValueError:
                    continue
                except (NoPointError, UnsupportedError) as reason:
                    return Compared(Answer.OPEN, reason=str(reason))
                break
            first_of_more = len(trials) > 2 and scale is trials[0][1]
            if found.answer is Answer.DIFFERENT or (found.answer is Answer.OPEN and not first_of_more):
                return found
        scale = trials[0][1]
        for seed in range(_repeats(self.cell, scale)):
            try:
                world = self.world(REDRAWS * (len(trials) + 1) + seed, scale, facts)
                points = list(islice(points_of((left, right), world, domains, differ, equal, before), LARGEST // 2))
                found = self._at(points, world, left, right, domains, diagonal)
            except (NoValueError, NoPointError, UnsupportedError):
                continue
            if found.answer is Answer.DIFFERENT:
                return found
        return Compared(Answer.SAME)

    def _at(
        self,
        points: Sequence[Mapping[Symbol, int]],
        world: World,
        left: Node,
        right: Node,
        domains: Mapping[Symbol, Expr],
        diagonal: Sequence[Node],
    ) -> Compared:
        """Whether both sides are equal at the steps and indices of one random point."""
        if not points:
            return Compared(Answer.OPEN, reason=f"no step of {world.steps} has everything that the formula names")
        if len(points) * (work := _work(left, world) + _work(right, world)) >= LARGEST:
            return Compared(Answer.OPEN, reason=TOO_MANY.format(points=len(points), work=work))
        for numbers in points:
            env = self.environment(world, numbers)
            for node in diagonal:
                if not _is_diagonal(evaluate(node, env).value):
                    return Compared(Answer.OPEN, reason="the derivative taken entry by entry is not diagonal")
            b = evaluate(right, env).value  # first: it is cheaper to find that it has no value
            a = evaluate(left, env).value
            if a != b:
                return Compared(Answer.DIFFERENT, _point(world, numbers, domains, a, b), numbers=env.numbers)
        return Compared(Answer.SAME)


def _repeats(cell: Cell, scale: Scale) -> int:
    """How many more points decide, after two, that sides agree: some where a function of the cell has a kink."""
    if not kinked(cell.functions):
        return 0
    return AGAIN if any(size > 1 for size in scale.sizes.values()) else AGAIN_ALONE


@dataclass(frozen=True)
class Setting:
    """What a claim is decided with, and explained with: the data, the facts imposed on it, and what its indices are."""

    bench: Bench
    facts: Facts = Facts()
    domains: Mapping[Symbol, Expr] = field(default_factory=dict)
    differ: Sequence[tuple[Symbol, Symbol]] = ()
    equal: Sequence[tuple[Symbol, Symbol]] = ()
    diagonal: Sequence[Node] = ()
    before: Sequence[tuple[Expr, Expr]] = ()

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """The declared facts that are imposed."""
        return self.facts.assumptions

    @property
    def plain(self) -> bool:
        """Whether J reads no final state, and is the sum of the losses where the outputs are losses."""
        return self.facts.plain or self.bench.cell.is_loss

    def compare(self, left: Node, right: Node, over: Sequence[Scale] | None = None) -> Compared:
        """Whether both sides are equal, in two worlds; with `over`, in those of these scales."""
        if left == right and left.atoms(Largest):  # which no exact arithmetic finds
            return Compared(Answer.SAME)
        if reach((left, right)) > LONGEST - 1:
            return Compared(Answer.OPEN, reason=f"a step number beyond {LONGEST - 1}")
        return self.bench.compare(
            left,
            right,
            domains=self.domains,
            differ=self.differ,
            equal=self.equal,
            before=self.before,
            diagonal=self.diagonal,
            facts=self.facts,
            over=over,
        )

    def related(self) -> Setting:
        """The same with identities of functions, as `verify.truth.relations` knows them."""
        return replace(self, bench=self.bench.afresh(table=Related))

    def opinion(self, left: Node, right: Node, found: Compared) -> Opinion:
        """Whether both sides agree as decimals where they were found to be different."""
        bench = self.bench
        return opinion(left, right, bench.cell, bench.program, found.numbers, self.facts.assumptions, self.plain)

    def environments(self, sides: Sequence[Node], seed: int) -> list[Environment]:
        """One trial of `compare`: an environment for every step and index at which everything in `sides` exists."""
        scale = self.bench.shorter(sides) or self.bench.scales(sides)[0]
        world = self.bench.world(seed, scale, self.facts)
        points = points_of(sides, world, self.domains, self.differ, self.equal, self.before)
        return [self.bench.environment(world, numbers) for numbers in points]


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _walk(child)


def _work(node: Node, world: World) -> int:
    """How many parts are evaluated for a node: those in a sum once for every term."""
    if isinstance(node, TimeSum):
        # Both ends may depend on the index of a sum around this one: then it has at most this many terms.
        ends = {nodes.T: world.steps, **world.sizes}
        known = not (node.first.free_symbols | node.last.free_symbols) - set(ends)
        times = max(0, whole(node.last, ends) - whole(node.first, ends) + 1) if known else world.steps + 1
    else:
        times = whole(node.rows * node.cols, world.sizes) if isinstance(node, Tabular) else 1
    return 1 + times * sum(_work(child, world) for child in children(node))


class Extent(Protocol):
    """What the steps and indices of a claim run over."""

    @property
    def cell(self) -> Cell: ...
    @property
    def sizes(self) -> Mapping[Symbol, int]: ...
    @property
    def steps(self) -> int: ...


def points_of(
    sides: Sequence[Node],
    world: Extent,
    domains: Mapping[Symbol, Expr],
    differ: Sequence[tuple[Symbol, Symbol]],
    equal: Sequence[tuple[Symbol, Symbol]],
    before: Sequence[tuple[Expr, Expr]] = (),
) -> Iterator[dict[Symbol, int]]:
    """All numbers for the free times and indices at which everything named exists.

    Of every pair in `before` the first is less than the second there.
    """
    states = {state.name for state in world.cell.states}
    lowest: list[tuple[Expr, int]] = []
    ordered: list[tuple[Expr, Expr]] = []
    bound: set[Symbol] = set()
    times: dict[Symbol, None] = {}
    meeting: dict[Expr, set[str]] = {}
    for node in (node for side in sides for node in _walk(side)):
        if isinstance(node, Tabular):
            bound |= {node.row, node.col}
        if isinstance(node, TimeSum):
            bound.add(node.index)
            if node.index not in domains and node.last != nodes.T:
                ordered.append((node.last + 1, node.first))
        for quantity in quantities_of(node):
            if quantity.time is not None:
                lowest.append((quantity.time, 0 if quantity.name in states else 1))
        if isinstance(node, Adjoint) and node.quantity.name in states and node.quantity.time is not None:
            meeting.setdefault(node.quantity.time, set()).add(node.quantity.name)
        if isinstance(node, Adjoint) and node.only is not None:
            lowest.append((node.only, 1))
        if isinstance(node, Jacobian) and node.of.time is not None and node.by.time is not None:
            ordered.append((node.of.time, node.by.time))
    # One state's gradient within a step by another's: the initial states are independent of each other.
    lowest += [(time, 1) for time, names in meeting.items() if len(names) > 1]
    products = [node for side in sides for node in _walk(side) if isinstance(node, TimeProduct)]
    starts = {node.index: node.first for node in products}
    # of Σ_{k=t}^T ŷ_k the first term must be there; a sum from a number on is what the document says it is
    sums = {node for side in sides for node in _walk(side) if isinstance(node, TimeSum)} - {*products}
    starts |= {node.index: node.first for node in sums if node.first.free_symbols - {nodes.T}}
    lowest = [(time.xreplace(starts), low) for time, low in lowest]
    lowest = [(time, low) for time, low in lowest if not time.free_symbols & bound]
    ordered = [pair for pair in ordered if not (pair[0].free_symbols | pair[1].free_symbols) & bound]
    for expression in (*(e for e, _ in lowest), *(e for pair in ordered for e in pair)):
        for symbol in sorted(expression.free_symbols, key=str):
            if symbol != nodes.T and symbol not in world.sizes:
                times[symbol] = None
    letters = list(times)
    indices = [i for i in domains if any(i in side.atoms(Symbol) for side in sides) and i not in bound]
    extents = [range(whole(domains[i], world.sizes)) for i in indices]
    # a condition on an index that neither side has says nothing of them
    unequal, same = ([pair for pair in pairs if {*pair} <= {*indices}] for pairs in (differ, equal))
    known = {*letters, *indices, *world.sizes, nodes.T}
    before = [pair for pair in before if not _everywhere(pair) or pair[0].free_symbols | pair[1].free_symbols <= known]
    if strange := {symbol for pair in before for side in pair for symbol in side.free_symbols} - known:
        raise UnsupportedError(f"a condition on {min(map(str, strange))}, which the formula does not name")
    if (world.steps + 1) ** len(letters) > LARGEST:
        raise UnsupportedError(f"{len(letters)} letters for steps")
    for steps in product(range(world.steps + 1), repeat=len(letters)):
        moment = {**dict(zip(letters, steps, strict=True)), nodes.T: world.steps, **world.sizes}
        reached = [whole(time, moment) for time, _ in lowest]
        if any(at < low or at > world.steps for at, (_, low) in zip(reached, lowest, strict=True)):
            continue
        if letters and reached and max(reached) < 1:
            continue
        if any(whole(later, moment) < whole(earlier, moment) for later, earlier in ordered):
            continue
        for places in product(*extents):
            at = dict(zip(indices, places, strict=True))
            if any(at[i] == at[j] for i, j in unequal) or any(at[i] != at[j] for i, j in same):
                continue
            here = {**moment, **at}
            if any(whole(earlier, here) >= whole(later, here) for earlier, later in before):
                continue
            yield {**dict(zip(letters, steps, strict=True)), **at}


def _everywhere(pair: tuple[Expr, Expr]) -> bool:
    """Whether this says 1 ≤ t or t ≤ T, which holds of every step."""
    earlier, later = pair
    return bool(earlier == 1 and (later - 1).is_Symbol) or bool(later == nodes.T + 1 and earlier.is_Symbol)


def _is_diagonal(matrix: Matrix) -> bool:
    return all(entry == 0 for i, row in enumerate(matrix) for j, entry in enumerate(row) if i != j)


def _point(
    world: World, numbers: Mapping[Symbol, int], domains: Mapping[Symbol, Expr], a: Matrix, b: Matrix
) -> dict[str, Any]:
    i, j = next((i, j) for i, row in enumerate(a) for j, x in enumerate(row) if x != b[i][j])
    return {
        "sizes": {str(letter): number for letter, number in world.sizes.items()},
        "T": world.steps,
        "seed": world.seed,
        "at": {str(s): int(n) + (s in domains) for s, n in numbers.items()},
        "entry": [i + 1, j + 1],
        "left": a[i][j],
        "right": b[i][j],
        "arithmetic": "modulo 2^61 - 1, functions known by their slopes alone",
    }
