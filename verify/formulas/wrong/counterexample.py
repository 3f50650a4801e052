"""A wrong formula -> a case in which a person sees it: smallest sizes, two-decimal numbers, both sides as decimals.

The case has two steps at least, so that it is none of those in which a formula is said to be true: T = 1, or sizes of
1 where the sides agree. The lines of Python compute the true side once more, by a generated module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from sympy import Symbol

from derive import catalogue, nodes
from derive.cell import Cell
from derive.nodes import Adjoint, Node
from verify.truth.comparison import BATCH, Bench, Setting, points_of
from verify.truth.decimals.matrices import Grid, computed
from verify.truth.decimals.opinion import placed
from verify.truth.decimals.scalars import NoRealError, Real
from verify.truth.decimals.trial import Trial
from verify.truth.field import UnsupportedError
from verify.truth.responses import Key
from verify.truth.scales import last_step

SHORTEST, SEEDS, POINTS = 2, 3, 200
VISIBLE = 0.005
"""Sides that differ by less are not what a person looks for."""
PATIENCE, FAINT = 6, 0.02
"""How many points are tried for such sides, before small ones will do that differ by this share of the larger."""


def case_of(left: Node, right: Node, setting: Setting, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The case as it is told and written as JSON; `found`, modulo the prime, where no decimals show the difference."""
    cell = setting.bench.cell
    faint: Mapping[str, Any] | None = None
    points = ((*extent, seed) for extent in _extents(left, right, setting.bench) for seed in range(SEEDS))
    for tried, (sizes, steps, seed) in enumerate(points, 1):
        try:
            trial = Trial.draw(cell, sizes, steps, seed, setting.assumptions, setting.plain, two_decimals=True)
            case = _differing(left, right, setting, trial)
        except NoRealError:
            continue
        except UnsupportedError:
            break
        if case is not None and abs(case["left"] - case["right"]) > VISIBLE:
            return {**case, "residues": found}
        faint = faint or case
        if faint is not None and tried >= PATIENCE:
            break
    return {**(faint or {}), "residues": found}


def exceeding(left: Node, right: Node, setting: Setting) -> Mapping[str, Any] | None:
    """A case in which the left side is greater than the right; None where none was found."""
    cell = setting.bench.cell
    first = max(SHORTEST, last_step((left, right)))
    for sizes in (dict.fromkeys(cell.sizes, 1), dict.fromkeys(cell.sizes, 2)):
        for seed in range(SEEDS):
            try:
                trial = Trial.draw(cell, sizes, first, seed, setting.assumptions, setting.plain, two_decimals=True)
                case = _differing(left, right, setting, trial, lambda one, other: bool(one - other > VISIBLE))
            except (NoRealError, UnsupportedError):
                continue
            if case is not None:
                return case
    return None


def _apart(one: Real, other: Real) -> bool:
    return bool(abs(one - other) > VISIBLE)


def _faintly_apart(one: Real, other: Real) -> bool:
    larger = max(abs(one), abs(other))
    return bool(larger > 0 and abs(one - other) > FAINT * larger)


def _extents(left: Node, right: Node, bench: Bench) -> Iterator[tuple[Mapping[Symbol, int], int]]:
    """Sizes and numbers of steps, the smallest first."""
    scale, _ = bench.scales((left, right))
    first = max(SHORTEST, last_step((left, right)))
    lengths = (first, first + 1, max(first, scale.steps)) if bench.steps is None else (bench.steps,)
    for sizes in (dict.fromkeys(bench.cell.sizes, 1), dict.fromkeys(bench.cell.sizes, 2), scale.sizes):
        for steps in dict.fromkeys(lengths):
            yield sizes, steps


def _differing(
    left: Node, right: Node, setting: Setting, trial: Trial, refuted: Callable[[Real, Real], bool] = _apart
) -> dict[str, Any] | None:
    """The first place at which both sides refute the claim; where they only differ, else one with small numbers."""
    bench = setting.bench
    conditions = setting.differ, setting.equal, setting.before
    points = list(islice(points_of((left, right), trial, setting.domains, *conditions), POINTS))
    faint: dict[str, Any] | None = None
    # Within the sequence first: the last step is a special case of its own.
    for numbers in sorted(
        points, key=lambda at: any(n == trial.steps for s, n in at.items() if s not in setting.domains)
    ):
        env = {**trial.sizes, nodes.T: trial.steps, BATCH: 2, **numbers}
        place = placed(trial, bench.cell, bench.program, env)
        one, other = computed(left, place).value, computed(right, place).value
        if len(one) != len(other) or len(one[0]) != len(other[0]):
            return None
        for i, row in enumerate(one):
            for j, value in enumerate(row):
                visible = refuted(value, other[i][j])
                if visible or (faint is None and refuted is _apart and _faintly_apart(value, other[i][j])):
                    at = {str(s): int(n) + (s in setting.domains) for s, n in numbers.items()}
                    faint = {
                        "sizes": {str(letter): number for letter, number in trial.sizes.items()},
                        "T": trial.steps,
                        "at": at,
                        "entry": [i + 1, j + 1],
                        "left": _rounded(value),
                        "right": _rounded(other[i][j]),
                        "seed": trial.seed,
                        "data": {_label(key): _listed(grid) for key, grid in _given(trial)},
                        "asked": {_label(key): _listed(grid) for key, grid in sorted(trial.weights.items(), key=str)},
                        "python": _python(left, bench.cell, trial),
                    }
                if visible:
                    return faint
    return faint


def _rounded(value: Any) -> float:
    return float(f"{float(value):.4g}")


def _listed(grid: Grid) -> list[list[float]]:
    return [[_rounded(entry) for entry in row] for row in grid]


def _label(key: Key) -> str:
    return key[0] if key[1] is None else f"{key[0]}_{key[1]}"


def _given(trial: Trial) -> Iterator[tuple[Key, Grid]]:
    """What was chosen: parameters, inputs up to T and initial states."""
    cell = trial.cell
    for quantity in (*cell.parameters, *cell.inputs):
        for time in [None] if quantity.time is None else range(1, trial.steps + 1):
            yield (quantity.name, time), trial.values[quantity.name, time]
    for state in cell.states:
        yield (state.name, 0), trial.values[state.name, 0]


def _in_catalogue(cell: Cell) -> bool:
    return catalogue.named(cell.name) == cell


def _python(left: Node, cell: Cell, trial: Trial) -> list[str]:
    """Two lines that print the true gradient of a parameter; none for other sides, and for cells of another build.

    NOTE stands for the file of a cell that the catalogue does not have.
    """
    simple = len(cell.inputs) == 1 and cell.inputs[0].time is not None and cell.states and not cell.is_loss
    parameter = isinstance(left, Adjoint) and not left.immediate and left.only is None and left.quantity.time is None
    if not (simple and parameter) or cell.open_functions or trial.plain:
        return []

    def rows(name: str, times: Sequence[int], read: Mapping[Key, Grid]) -> str:
        return str([[[_rounded(entry[0]) for entry in read[name, time]]] for time in times])

    steps = range(1, trial.steps + 1)
    given = {q.name: _listed(trial.values[q.name, None]) for q in cell.parameters}
    columns = {q.name for q in cell.parameters if q.shape[1] == 1}
    parameters = ", ".join(
        f'"{name}": np.array({[row[0] for row in grid] if name in columns else grid})' for name, grid in given.items()
    )
    starts = ", ".join(f"{s.name}=np.array({rows(s.name, [0], trial.values)[1:-1]})" for s in cell.states)
    finals: dict[Key, Grid] = {(s.name, trial.steps): trial.random("G", s, trial.steps) for s in cell.states}
    ends = ", ".join(f"{s.name}=np.array({rows(s.name, [trial.steps], finals)[1:-1]})" for s in cell.states)
    asked: dict[Key, Grid] = {(cell.output.name, time): trial.random("g", cell.output, time) for time in steps}
    x = rows(cell.inputs[0].name, steps, trial.values)
    module = (
        f"from generated import {cell.name} as m"
        if _in_catalogue(cell)
        else 'from derive import find, generate; from verify import load; m = load(generate(find("NOTE")))'
    )
    return [
        f"import numpy as np; {module}; p = {{{parameters}}}",
        f"print(m.backward(m.forward(p, np.array({x}), {starts})[2], "
        f'np.array({rows(cell.output.name, steps, asked)}), {ends})["{left.quantity.name}"])',
    ]
