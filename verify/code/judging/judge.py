"""Judging gradients by the code's own forward pass: derivatives of J (`differences`) in several settings.

Along random directions first; entry by entry only for what is wrong, so that it can be shown and explained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from verify.code.calling import words
from verify.code.calling.axes import SETTINGS
from verify.code.calling.base import RaisedError
from verify.code.calling.engine import CallPlan, CallTrial
from verify.code.judging import logarithms
from verify.code.judging.clips import clips
from verify.code.judging.differences import Along, along
from verify.code.judging.judged import NEVER_WRITTEN, Judged, Seen
from verify.code.judging.repeated import same_again
from verify.code.judging.rows import missing, rows
from verify.code.report import Standing
from verify.code.running.loading import told
from verify.numbers.case import Array
from verify.numbers.numeric import FAILED

__all__ = ["judge", "rows"]

WRONG, RIGHT = 1e-5, 1e-6
"""Relative errors above the first are mistakes, below the second rounding; between them nothing is said."""

SINGLE_WRONG, SINGLE_RIGHT = 2e-2, 5e-3
"""The same where the code computes in float32."""

SATURATED = 1e-3
"""With large weights a bound within the loss, as in log(max(p, 1e-12)), shows: below this it may be such a bound."""

SMALL = 1e-4
"""A gradient that is small beside the largest has the rounding error of its terms: this part of the largest counts."""


def judge(plan: CallPlan, watch: Callable[[str], None] = lambda stage: None) -> Judged:
    """Judge the gradients of a plan in all settings that differ for it."""
    judged = Judged(plan, [])
    settings = [replace(s, T=min(s.T, plan.longest)) for s in SETTINGS if plan.timed or s.label != "T = 40"]
    for k, setting in enumerate(settings):
        watch(f"the case {setting}")
        trial = plan.trial(setting, seed=k)
        try:
            one = _seen(trial)
        except RaisedError as error:
            if k == 0:
                raise
            judged.notes.append(
                f"not checked for {setting.label or setting}: {told(error.error, plan.target.source.path)}"
            )
            continue
        if k == 0:
            same_again(judged, trial, one)
            if judged.undecided:
                return judged
        if not _compare(one, plan):
            judged.notes.append(f"not checked for {setting.label}: J is not finite there")
            continue
        for label in judged.twice:
            if label in one.standings:
                one.standings[label], one.reasons[label] = Standing.WRONG, "added to from call to call"
        for label in judged.unwritten:
            if one.standings.get(label) is Standing.RIGHT:
                one.standings[label], one.reasons[label] = Standing.WRONG, NEVER_WRITTEN
        judged.seen.append(one)
    clips(judged)
    judged.notes += [note for one in judged.seen for note in one.notes[:1]]
    first = judged.seen[0]
    for label in first.got:
        if label not in first.of and not plan.loss and words.state_part(words.ungraded(label)):
            # The gradient of a state that the code is never given: nothing can be moved to judge it.
            judged.not_given.append(f"{label}, as the code is given no such state")
            judged.unjudged.append(label)
        elif label not in first.of:
            judged.not_understood.append(label)
    if any(one.single for one in judged.seen):
        judged.notes.append("the code computes in float32: right means right to single precision")
    if first.trial.changed:
        judged.notes.append(f"the function writes to what it is given: {', '.join(first.trial.changed)} changes")
    missing(judged)
    return judged


def _seen(trial: CallTrial) -> Seen:
    got = trial.gradients()
    setting = trial.setting
    of = {
        label: name for label, v in got.items() if (name := trial.plan.variable_of(label, v.shape, setting)) is not None
    }
    taken: set[str] = set()
    for label in list(of):
        # Two gradients of one variable: the one by the variable's own name counts, the other is not understood.
        if of[label] in taken:
            del of[label]
        else:
            taken.add(of[label])
    return Seen(setting, trial, got, of)


def _compare(one: Seen, plan: CallPlan) -> bool:
    """Fill in the standings of a setting; False where J is not finite."""
    trial = one.trial
    J = trial.objective(trial.values)
    if not np.isfinite(J):
        return False
    one.single = _single(trial, one)
    found = one.along
    for label, name in one.of.items():
        got, value = one.got[label], trial.values[name]
        if got.shape != value.shape or got.dtype.kind not in "fiu":
            continue
        found[label] = along(trial, name, one.single)
    largest = max((float(np.abs(a.want).max(initial=0.0)) for a in found.values()), default=0.0)
    for label, name in one.of.items():
        if one.reasons.get(label):
            continue
        got, value = one.got[label], trial.values[name]
        if got.shape != value.shape:
            one.standings[label] = Standing.WRONG
            one.reasons[label] = f"shape {got.shape}, expected {value.shape}"
        elif got.dtype.kind not in "fiu":
            one.standings[label] = Standing.WRONG
            one.reasons[label] = f"dtype {got.dtype}, expected real numbers"
        elif not np.isfinite(got).all():
            one.standings[label] = Standing.WRONG
            one.reasons[label], one.errors[label] = "not finite", FAILED
        else:
            one.standings[label], one.errors[label] = _standing(found[label], got, largest, one.single)
    if plan.loss:
        _exactly(one, largest)
    return True


def _exactly(one: Seen, largest: float) -> None:
    """Compare what is not right once more, without the small numbers in the logarithms of the loss.

    Where the file shows no such number, what is off by little with large weights may be a bound written otherwise: that
    is not decided.
    """
    labels = [label for label, s in one.standings.items() if s is not Standing.RIGHT and not one.reasons.get(label)]
    if not labels:
        return
    with logarithms.exact(one.trial.plan.target.source) as numbers:
        for label in labels if numbers else ():
            seen = along(one.trial, one.of[label], one.single)
            if not (np.isfinite(seen.want).all() and np.isfinite(seen.noise).all()):
                continue
            one.along[label] = seen
            one.standings[label], one.errors[label] = _standing(seen, one.got[label], largest, one.single)
            if one.standings[label] is Standing.RIGHT:
                one.notes.append(
                    f"compared without {numbers[0]:g} in the logarithm of the loss, which shows in the gradients"
                )
    for label in labels if not numbers and one.setting.seeds != 1 else ():
        if one.standings[label] is Standing.WRONG and one.errors[label] < SATURATED:
            one.standings[label] = Standing.CANNOT_TELL
            one.reasons[label] = (
                f"off by {one.errors[label]:.0e} with large weights alone: a mistake, or a bound within the loss, "
                "such as a small number in its logarithm"
            )


def _single(trial: CallTrial, one: Seen) -> bool:
    arrays = [*one.got.values(), *trial.outputs(trial.values).values()]
    return any(np.asarray(a).dtype in (np.float32, np.float16) for a in arrays)


def _standing(seen: Along, gradient: Array, largest: float, single: bool) -> tuple[Standing, float]:
    got, want = seen.of(gradient), seen.want
    scale = max(float(np.abs(want).max()), float(np.abs(got).max()), SMALL * largest, 1e-300)
    error = float(np.abs(got - want).max() / scale)
    free = float(seen.noise.max() / scale)
    wrong, right = (SINGLE_WRONG, SINGLE_RIGHT) if single else (WRONG, RIGHT)
    if error > wrong + 10 * free:
        return Standing.WRONG, error
    if free > (wrong if not single else 0.1):
        return Standing.CANNOT_TELL, error
    if error <= right + 10 * free:
        return Standing.RIGHT, error
    return Standing.CANNOT_TELL, error
