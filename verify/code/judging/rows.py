"""One row for every gradient, from the setting in which it is worst, with its worst entry; and what is missing."""

from __future__ import annotations

import numpy as np

from verify.code.judging.differences import derivative
from verify.code.judging.judged import Judged, Seen
from verify.code.report import Row, Standing

ENTRIES = 12
"""So many entries are looked at to show one that is wrong."""


def worst(one: Seen, label: str) -> tuple[tuple[int, ...], float, float] | None:
    """The entry that is most wrong among some of a gradient: its place, what was got, and what differences say."""
    name = one.of[label]
    got, along = np.asarray(one.got[label], float), one.along.get(label)
    if along is None or not got.size:
        return None
    order = np.argsort(-np.abs(got), axis=None)
    chosen = dict.fromkeys(
        [*order[: ENTRIES // 2].tolist(), *np.linspace(0, got.size - 1, ENTRIES // 2).astype(int).tolist()]
    )
    found: list[tuple[float, tuple[int, ...], float, float]] = []
    for k in chosen:
        unit = np.zeros(got.size)
        unit[k] = 1.0
        want, _ = derivative(one.trial, name, unit.reshape(got.shape), along.step)
        index = tuple(int(n) for n in np.unravel_index(k, got.shape))
        found.append((abs(want - got.flat[k]), index, float(got.flat[k]), want))
    _, index, value, want = max(found)
    return index, value, want


def rows(judged: Judged) -> tuple[Row, ...]:
    """One row for every gradient, from the setting in which it is worst."""
    made = []
    for label in dict.fromkeys(label for one in judged.seen for label in one.got):
        ones = [one for one in judged.seen if label in one.standings]
        if not ones and label in judged.unjudged:
            continue
        if not ones:
            made.append(
                Row(
                    label, Standing.CANNOT_TELL, reason="not understood: which array it is the gradient of is not known"
                )
            )
            continue
        bad = [one for one in ones if one.standings[label] is Standing.WRONG]
        doubtful = [one for one in ones if one.standings[label] is Standing.CANNOT_TELL]
        one = (bad or doubtful or sorted(ones, key=lambda o: -o.errors.get(label, 0.0)))[0]
        standing, error, reason = one.standings[label], one.errors.get(label), one.reasons.get(label, "")
        if bad and len(bad) < len(ones):
            where = ", ".join(o.setting.label or f"T = {o.setting.T}, B = {o.setting.B}" for o in bad)
            reason = "; ".join(filter(None, (reason, f"for {where}")))
        entry = worst(one, label) if standing is Standing.WRONG and not one.reasons.get(label) else None
        index, got, expected = entry or (None, None, None)
        made.append(Row(label, standing, error, index, got, expected, reason))
    return tuple(made)


def missing(judged: Judged) -> None:
    """Parameters that move J and whose gradient was not returned; states and inputs are named as not returned."""
    first, plan = judged.seen[0], judged.plan
    lacking = []
    for name, variable in plan.variables.items():
        if name in first.of.values() or variable.part in ("mask", "lengths"):
            continue
        rng = np.random.default_rng(5)
        direction = rng.normal(size=first.trial.values[name].shape)
        moves = derivative(first.trial, name, direction, 2.0**-10)
        if abs(moves[0]) <= 10 * moves[1]:
            continue
        if variable.part in ("weight", "bias") and first.trial.values[name].size > 1:
            lacking.append(name)
        else:
            judged.not_given.append(f"the gradient of {name} is not returned")
    if lacking:
        judged.undecided = f"the function returned no gradient of {', '.join(lacking)}"
    judged.not_given += plan.not_given
