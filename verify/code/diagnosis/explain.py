"""The mistakes in a wrong backward pass, each gradient by itself.

First what the numbers alone tell (a factor, a transpose, a bound, weight decay, one example, one step); then programs
with a mistake of the dictionary, run on the same numbers: as few mistakes as explain all wrong gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from verify.code.calling.base import RaisedError
from verify.code.diagnosis import covering
from verify.code.diagnosis.by_numbers import by_numbers, is_one, turned, unsummed
from verify.code.diagnosis.covering import Found
from verify.code.judging import differences
from verify.code.judging.judged import Judged, Seen
from verify.code.matching.match import Match
from verify.code.report import Standing
from verify.formulas.judgement import Mistake


def explained(
    judged: Judged, match: Match | None, computing: Callable[[], None] = lambda: None
) -> tuple[tuple[Mistake, ...], str]:
    """The mistakes that explain the wrong gradients, and the nearest one in words where they are not explained.

    `computing` is called once their code is called no more: the limit of its time is over then.
    """
    wrong = judged.unexplained()
    if judged.kept or not wrong:
        return (), ""
    found = _special(judged, wrong)
    left = [label for label in wrong if label not in found]
    simple = {label: m for label in left if (m := by_numbers(judged, label)) is not None}
    near = ""
    # A gradient of zero may be one that keeps the first step alone: the cell knows.
    if match is not None and any(label not in simple or simple[label].name == "left at zero" for label in left):
        by_cell, near = covering.by_cell(judged, match, left, set(simple), computing)
        # What one mistake of a program explains for all is said once; what the numbers tell of one gradient, else.
        for label in left:
            if label in by_cell:
                found[label] = by_cell[label]
            elif label in simple:
                found[label] = (simple[label],)
    else:
        found |= {label: (m,) for label, m in simple.items()}
    open_ = [label for label in wrong if label not in found]
    if open_:
        near = "; ".join(filter(None, (f"no known mistake explains {', '.join(open_)}", near)))
    return _told(found, wrong), near


def _told(found: Found, wrong: Sequence[str]) -> tuple[Mistake, ...]:
    """One line for every mistake, with the gradients it explains."""
    labels: dict[Mistake, list[str]] = {}
    for label in wrong:
        for mistake in found.get(label, ()):
            labels.setdefault(mistake, []).append(label)
    return tuple(Mistake(m.name, f"{m.detail} ({', '.join(some)})") for m, some in labels.items())


# What needs no cell


def _special(judged: Judged, wrong: Sequence[str]) -> Found:
    """Gradients that are wrong for one example only, or for one step only."""
    found: Found = {}
    for label in wrong:
        seen = [one for one in judged.seen if label in one.standings]
        bad = [one for one in seen if one.standings[label] is Standing.WRONG]
        if len(bad) == 1 and len(seen) > 1:
            if bad[0].setting.label == "B = 1":
                detail = (
                    "right for several examples, wrong for B = 1, a batch of one example: an axis of length one is lost"
                )
                found[label] = (Mistake("wrong for one example", detail),)
            elif bad[0].setting.label == "T = 1" and judged.plan.timed:
                detail = "right for several steps, wrong for T = 1, a sequence of one step"
                found[label] = (Mistake("wrong for one step", detail),)
        if label not in found and _right_unmasked(judged, bad[0], label):
            detail = "right for sequences of full length, wrong where one ends before the others: at its masked steps"
            found[label] = (Mistake("wrong where a sequence has ended", detail),)
        reason = bad[0].reasons.get(label, "")
        if reason.startswith(("shape", "dtype", "not finite")) and label not in found:
            found[label] = (Mistake("wrong shape" if reason.startswith("shape") else "not a gradient", reason),)
            if (summed := unsummed(bad[0], label)) is not None:
                found[label] = (summed,)
            if turned(bad[0], label):
                found[label] = (Mistake("transposed gradient", f"the gradient is transposed: {reason}"),)
    return found


def _right_unmasked(judged: Judged, one: Seen, label: str) -> bool:
    """Whether a gradient is right where no sequence ends before the others."""
    plan = judged.plan
    if not any(v.part in ("mask", "lengths") for v in plan.variables.values()) or label not in one.along:
        return False
    trial = plan.trial(one.setting, seed=8).unmasked()
    try:
        got = np.asarray(trial.gradients()[label], float)
        seen = differences.along(trial, one.of[label], one.single)
    except (RaisedError, KeyError):
        return False
    return is_one(differences.factor_of(seen.of(got), seen))
