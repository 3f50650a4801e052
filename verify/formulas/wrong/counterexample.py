"""A wrong formula -> a case in which a person sees it: smallest sizes, two-decimal numbers, both sides as decimals.

The case has two steps at least, so that it is none of those in which a formula is said to be true: T = 1, or sizes of
1 where the sides agree. A softmax of one class, which is 1 whatever it is given, shows nothing and is not tried first;
nor is a case in which a side happens to be zero. The lines of Python compute both sides once more (`verify.rerun`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from typing import Any

from sympy import Symbol

from derive import nodes
from derive.cell import Assumption, Cell
from derive.nodes import Jacobian, Node, Quantity, Softmax, TimeSum
from verify.formulas.wrong import python
from verify.mistakes.context import walk
from verify.truth.comparison import BATCH, Bench, Setting, points_of
from verify.truth.decimals.matrices import Grid, Leaf, Moving, Place, computed
from verify.truth.decimals.names import label
from verify.truth.decimals.opinion import placed
from verify.truth.decimals.scalars import AGREEING, NoRealError, Real, stand_in
from verify.truth.decimals.trial import Trial
from verify.truth.exact import whole
from verify.truth.field import UnsupportedError
from verify.truth.responses import Key
from verify.truth.scales import last_step, reach
from verify.truth.world import key_of

SHORTEST, SEEDS, POINTS = 2, 3, 200
VISIBLE = 0.005
"""Sides that differ by less are not what a person looks for."""
PATIENCE, EQUATIONS, FAINT = 6, 120, 0.02
"""How many points are tried and equations computed for such sides, before small ones will do that differ by this share
of the larger."""


def case_of(
    left: Node, right: Node, setting: Setting, found: Mapping[str, Any], usual: tuple[Assumption, ...] = ()
) -> Mapping[str, Any]:
    """The case as it is told and written as JSON; `found`, modulo the prime, where no decimals show the difference.

    The data are as the cell declares them, and as is `usual`, where they show it too: a formula that is told to be true
    may rest on that.
    """
    own = setting.assumptions
    known = {(fact.kind, fact.quantity.name) for fact in own}
    more = [fact for fact in usual if (fact.kind, fact.quantity.name) not in known]
    for facts in dict.fromkeys(((*own, *more), own)):
        case = _smallest_case(left, right, setting, facts)
        if case:
            return {**case, "residues": found}
    return {"residues": found}


def _smallest_case(
    left: Node, right: Node, setting: Setting, facts: tuple[Assumption, ...]
) -> Mapping[str, Any] | None:
    faint: Mapping[str, Any] | None = None
    empty: Mapping[str, Any] | None = None
    beyond: Mapping[str, Any] | None = None
    work = 0
    points = ((*extent, seed) for extent in _extents(left, right, setting.bench) for seed in range(SEEDS))
    for tried, (sizes, steps, seed) in enumerate(points, 1):
        try:
            trial = _drawn(setting.bench.cell, tuple(sizes.items()), steps, seed, facts, setting.plain)
            if trial is None:
                continue
            case = _differing(left, right, setting, trial)
            if case is None and beyond is None and _windows((left, right)):
                beyond = _differing(left, right, setting, trial, within=False)
        except NoRealError:
            continue
        except UnsupportedError:
            break
        work += steps * len(setting.bench.cell.equations)
        visible = case is not None and abs(case["left"] - case["right"]) > VISIBLE
        if case is not None and visible and case["left"] and case["right"]:
            return case
        if visible:
            empty = empty or case
        else:
            faint = faint or case
        if (empty or faint) is not None and (tried >= PATIENCE or work >= EQUATIONS):
            break
    return empty or faint or beyond


def shown(left: Node, right: Node, setting: Setting) -> bool:
    """Whether a small case shows both sides apart: sizes of 2, one step more than the formula reaches over.

    That they are not says nothing: the decimals of `verify.truth.decimals.opinion` decide then.
    """
    cell = setting.bench.cell
    steps = setting.bench.steps or max(SHORTEST, reach((left, right)) + 1)
    try:
        twos = tuple((letter, 2) for letter in cell.sizes)
        trial = _drawn(cell, twos, steps, 0, setting.assumptions, setting.plain)
        return trial is not None and any(
            _faintly_apart(seen.left, seen.right) for seen in _entries(left, right, setting, trial)
        )
    except (NoRealError, UnsupportedError):
        return False


@lru_cache(maxsize=64)
def _drawn(
    cell: Cell,
    sizes: tuple[tuple[Symbol, int], ...],
    steps: int,
    seed: int,
    facts: tuple[Assumption, ...],
    plain: bool,
) -> Trial | None:
    """Numbers with two decimals for all formulas about a cell; None where an equation has no value there."""
    try:
        return Trial.draw(cell, dict(sizes), steps, seed, facts, plain, two_decimals=True)
    except NoRealError:
        return None


def exceeding(left: Node, right: Node, setting: Setting) -> Mapping[str, Any] | None:
    """A case in which the left side is greater than the right; None where none was found."""
    cell = setting.bench.cell
    first = max(SHORTEST, last_step((left, right)))
    for sizes in (_smallest(cell), dict.fromkeys(cell.sizes, 2)):
        for seed in range(SEEDS):
            try:
                trial = _drawn(cell, tuple(sizes.items()), first, seed, setting.assumptions, setting.plain)
                if trial is None:
                    continue
                case = _differing(left, right, setting, trial, lambda one, other: bool(one - other > VISIBLE))
            except (NoRealError, UnsupportedError):
                continue
            if case is not None:
                return case
    return None


def _apart(one: Real, other: Real) -> bool:
    return bool(abs(one - other) > VISIBLE)


def _faintly_apart(one: Real, other: Real) -> bool:
    """Whether small numbers differ; what terms that cancel leave of 70 digits is no number."""
    larger = max(abs(one), abs(other))
    return bool(larger > AGREEING and abs(one - other) > FAINT * larger)


def _extents(left: Node, right: Node, bench: Bench) -> Iterator[tuple[Mapping[Symbol, int], int]]:
    """Sizes and numbers of steps, the smallest first."""
    scale, _ = bench.scales((left, right))
    first = max(SHORTEST, reach((left, right)), *(_width(window) for window in _windows((left, right))))
    lengths = (first, first + 1, max(first, scale.steps)) if bench.steps is None else (bench.steps,)
    for sizes in (_smallest(bench.cell), dict.fromkeys(bench.cell.sizes, 2), scale.sizes):
        for steps in dict.fromkeys(lengths):
            yield sizes, steps


def _smallest(cell: Cell) -> Mapping[Symbol, int]:
    """1 for every letter, 2 where a softmax counts so many classes."""
    classes = {part.shape[0] for equation in cell.equations for part in equation.expression.atoms(Softmax)}
    counted = {letter for shape in classes for letter in shape.free_symbols}
    return {letter: 2 if letter in counted else 1 for letter in cell.sizes}


@dataclass(frozen=True)
class _Seen:
    """One entry of both sides at a point of a trial: the numbers of the indices, the place, and what came out."""

    numbers: Mapping[Symbol, int]
    place: Place
    entry: tuple[int, int]
    left: Real
    right: Real


def _entries(left: Node, right: Node, setting: Setting, trial: Trial) -> Iterator[_Seen]:
    """Both sides entry by entry; steps within the sequence first: its ends are special cases of their own."""
    bench = setting.bench
    conditions = setting.differ, setting.equal, setting.before
    points = list(islice(points_of((left, right), trial, setting.domains, *conditions), POINTS))
    ends = 0, trial.steps
    for numbers in sorted(points, key=lambda at: any(n in ends for s, n in at.items() if s not in setting.domains)):
        place = placed(trial, bench.cell, bench.program, {**trial.sizes, nodes.T: trial.steps, BATCH: 2, **numbers})
        one, other = computed(left, place).value, computed(right, place).value
        if len(one) != len(other) or len(one[0]) != len(other[0]):
            return
        for i, row in enumerate(one):
            for j, value in enumerate(row):
                yield _Seen(numbers, place, (i, j), value, other[i][j])


def _windows(sides: Iterable[Node]) -> list[TimeSum]:
    """The sums over a number of steps, whose ends no other sum moves."""
    sums = [node for side in sides for node in walk(side) if isinstance(node, TimeSum)]
    bound = {node.index for node in sums}
    ends = [(node, node.first.free_symbols | node.last.free_symbols) for node in sums]
    return [node for node, letters in ends if _width(node) > 0 and not letters & bound]


def _within(windows: Sequence[TimeSum], trial: Trial, at: Mapping[Symbol, int]) -> bool:
    where = {**trial.sizes, nodes.T: trial.steps, **at}
    return all(whole(window.first, where) >= 1 and whole(window.last, where) <= trial.steps for window in windows)


def _width(window: TimeSum) -> int:
    """The number of steps; 0 where it depends on letters."""
    further = window.last - window.first
    return int(further) + 1 if further.is_Integer else 0


def _differing(
    left: Node,
    right: Node,
    setting: Setting,
    trial: Trial,
    refuted: Callable[[Real, Real], bool] = _apart,
    *,
    within: bool = True,
) -> dict[str, Any] | None:
    """The first place at which both sides refute the claim; where they only differ, else one with small numbers.

    `within`: only where no sum over some steps leaves the sequence.
    """
    faint: _Seen | None = None
    windows = _windows((left, right)) if within else []
    for seen in _entries(left, right, setting, trial):
        if not _within(windows, trial, seen.numbers):
            continue
        if refuted(seen.left, seen.right):
            return _told(seen, (left, right), setting, trial)
        if faint is None and refuted is _apart and _faintly_apart(seen.left, seen.right):
            faint = seen
    return None if faint is None else _told(faint, (left, right), setting, trial)


def _told(seen: _Seen, sides: tuple[Node, Node], setting: Setting, trial: Trial) -> dict[str, Any]:
    cell, (i, j) = setting.bench.cell, seen.entry
    numbered = {s: int(n) + (s in setting.domains) for s, n in seen.numbers.items()}
    data = _given(trial, sides, seen.place)
    asked = {label(key): _listed(grid) for key, grid in sorted(trial.weights.items(), key=str)}
    return {
        "sizes": {str(letter): number for letter, number in trial.sizes.items()},
        "T": trial.steps,
        "at": {str(letter): number for letter, number in numbered.items()},
        "entry": [i + 1, j + 1],
        "left": _rounded(seen.left),
        "right": _rounded(seen.right),
        "seed": trial.seed,
        "functions": [stand_in(each, _letter(each.base, cell)) for each in cell.open_functions],
        "data": data,
        "asked": asked,
        "python": python.lines(sides, cell, seen.place.numbers, data, asked, seen.entry, trial.plain),
    }


def _letter(function: str, cell: Cell) -> str:
    """The letter of a function that has a script; a name of one letter or a word as it is."""
    return str(cell.notation.letter(function)) if "_" in function else function


def _rounded(value: Any) -> float:
    return float(f"{float(value):.4g}")


def _listed(grid: Grid) -> list[list[float]]:
    return [[_rounded(entry) for entry in row] for row in grid]


def _given(trial: Trial, sides: tuple[Node, Node], place: Place) -> dict[str, list[list[float]]]:
    """What was chosen: parameters, inputs and initial states, and what the sides read outside of the sequence."""
    cell = trial.cell
    read: dict[Key, Grid] = {}

    def leaf(node: Leaf, at: Mapping[Symbol, int]) -> Moving:
        found = place.leaf(node, at)
        if isinstance(node, Quantity):
            read[key_of(node, at)] = found.value
        elif isinstance(node, Jacobian):
            read.update((key_of(quantity, at), []) for quantity in (node.of, node.by))
        return found

    for side in sides:
        computed(side, replace(place, leaf=leaf))
    known = max((time for _, time in read if time is not None), default=0)
    keys: list[Key] = []
    for quantity in (*cell.parameters, *cell.inputs):
        last = trial.steps + (known > trial.steps)
        keys += [(quantity.name, time) for time in ([None] if quantity.time is None else range(1, last + 1))]
    keys += [(state.name, 0) for state in cell.states]
    grids = {key: trial.values[key] for key in keys}
    outside = {key: grid for key, grid in read.items() if grid and key[1] is not None and not 0 < key[1] <= last}
    beyond = {key: grid for key, grid in outside.items() if key not in grids}
    return {label(key): _listed(grid) for key, grid in {**grids, **beyond}.items()}
