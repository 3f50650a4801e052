"""Their forward pass and the cell: which block of which of their arrays is which parameter, found by what comes out.

Candidates (the order of stacked gates, [h; x] or [x; h], one or two biases, weights to the right or to the left) are
run on the same random arrays as their code. The one with the same outputs is it: then their gradients can be read block
by block. If none has the same outputs, the cell is changed in one known point, and the change says in what they differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from derive import catalogue
from derive.cell import Cell
from derive.errors import InputError
from verify.code.calling.axes import FIRST, SCALES, arranged
from verify.code.calling.engine import CallPlan, CallTrial
from verify.code.judging import logarithms
from verify.code.matching.candidates import candidates
from verify.code.matching.heads import HEADS
from verify.code.matching.match import STEPS, Match, Weighting, width
from verify.code.mistakes.other_cells import rewritings
from verify.code.programs.run import Forward
from verify.code.programs.truth import Equations
from verify.numbers.case import Array

SAME = 1e-9
"""The largest relative difference of outputs that are the same."""


@dataclass(frozen=True)
class _Seen:
    """What their code gave for the numbers on which candidates are tried."""

    trial: CallTrial
    weighed: Mapping[str, Array]
    J: float


def matched(
    plan: CallPlan, cell: Cell, heads: Sequence[str] = HEADS, last_step: bool = False
) -> tuple[Match | None, str]:
    """The match of a plan and a cell, or None; and `same`, or in words what differs.

    last_step: the loss is to count the last step alone.
    """
    trial = plan.trial(replace(FIRST, T=4)).unmasked()
    with logarithms.exact(plan.target.source):
        seen = _Seen(trial, trial.run(trial.values).weighed, trial.objective(trial.values))
    first = _fitting(plan, cell, seen, heads)
    if first is not None:
        every = last_step and first.weighting is not None and first.weighting.steps != STEPS[1]
        return first, "its loss counts all steps, not the last one alone" if every else "same"
    for what, other in alternatives(cell):
        found = _fitting(plan, other, seen, heads)
        if found is not None:
            return found, what
    return None, "no layout, no order of gates and no known change of the cell has its outputs: perhaps another cell"


def _fitting(plan: CallPlan, cell: Cell, seen: _Seen, heads: Sequence[str]) -> Match | None:
    for candidate in candidates(plan, cell, heads):
        try:
            case = candidate.case(seen.trial)
            with np.errstate(all="ignore"):
                forward = Forward(Equations(case.cell), case)
        except (KeyError, ValueError, IndexError, InputError):
            continue  # the arrays do not lie like that
        if plan.loss:
            losses = np.array([step[case.cell.output].reshape(case.B) for step in forward.steps])
            for weighting in (Weighting(steps, scale) for steps in STEPS for scale in SCALES):
                total = float((losses * weighting.weights(case.T, case.B, seen.trial.setting.K)).sum())
                if abs(seen.J - total) <= SAME * max(1.0, abs(seen.J)):
                    return replace(
                        candidate, weighting=weighting, assumed=(*candidate.assumed, f"the loss is {weighting}")
                    )
            continue
        outputs = _same_outputs(candidate, forward, seen)
        if outputs is not None:
            return replace(candidate, outputs=outputs)
    return None


def _same_outputs(match: Match, forward: Forward, seen: _Seen) -> dict[str, tuple[str, str]] | None:
    """Which of the cell's outputs and states each of theirs is; None where one is none of them."""
    found = {}
    cell = match.cell
    names = dict.fromkeys([cell.output, *cell.states])
    one_step = "final" if any("T" in o.axes for o in match.plan.weighed) else "last"
    sequences = {q: np.stack([step[q][..., 0] for step in forward.steps]) for q in names}
    for output in match.plan.weighed:
        value = np.asarray(seen.weighed[output.name], float)
        whole = "T" in output.axes
        tolerance = 1e-5 if seen.weighed[output.name].dtype == np.float32 else SAME
        for name, sequence in sequences.items():
            if whole and name != cell.output:
                continue
            letter = width(output.axes)
            theirs = arranged(value, output.axes, ("T", "B", letter) if whole else ("B", letter))
            ours = sequence if whole else sequence[-1]
            if theirs.shape == ours.shape and np.abs(theirs - ours).max() <= tolerance * max(1.0, np.abs(ours).max()):
                found[output.name] = (name.name, "all" if whole else one_step)
                break
        else:
            return None
    return found


@cache
def alternatives(cell: Cell) -> tuple[tuple[str, Cell], ...]:
    """Cells that differ from this one in a known point, in words: changed equations, then other published cells."""
    found: list[tuple[str, Cell]] = []
    for words_, rewrite in rewritings(cell):
        try:
            other = replace(cell, equations=rewrite(cell.equations))
        except InputError:
            continue
        found.append((words_, other))
    shape = {(p.name, p.shape) for p in cell.parameters}
    for name, other in catalogue.cells().items():
        if name != cell.name and len(shape ^ {(p.name, p.shape) for p in other.parameters}) <= 8:
            found.append((f"it is {other.title}, not {cell.title}", other))
    return tuple(found)
