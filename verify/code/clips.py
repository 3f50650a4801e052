"""Gradients that are right and then clipped to a bound, or scaled to a norm, at the very end: right, and said."""

from __future__ import annotations

import numpy as np

from verify.code.differences import derivative, factor_of, quietest
from verify.code.judged import Judged, Seen
from verify.code.report import Standing


def clips(one: Seen, judged: Judged) -> None:
    """Gradients that are right and then clipped to a bound, or scaled to a norm, at the very end: right, and said."""
    wrong = [label for label, s in one.standings.items() if s is Standing.WRONG and not one.reasons.get(label)]
    earlier = {
        label
        for other in judged.seen
        if other is not one
        for label, s in other.standings.items()
        if s is Standing.WRONG
    }
    labels = [label for label in wrong if label not in earlier]
    bounds = {label: bound for label in labels if (bound := _bound(one, label)) is not None}
    names = sorted({float(f"{b:.9g}") for b in bounds.values()})
    if bounds and len(names) == 1:
        for label in bounds:
            one.standings[label] = Standing.RIGHT
            one.errors[label] = 0.0
        judged.clip = bounds
        judged.notes.append(f"right, then clipped at ±{names[0]:.6g} at the very end: {', '.join(bounds)}")
        return
    factors = {label: f for label in labels if (f := _factor(one, label)) is not None}
    if factors and len(factors) == len(labels) and all(0 < f < 1 for f in factors.values()):
        norms = {label: float(np.linalg.norm(one.got[label])) for label in factors}
        together = float(np.sqrt(sum(n * n for n in norms.values())))
        own = {f"{n:.6g}" for n in norms.values()}
        shared = len({f"{f:.5g}" for f in factors.values()}) == 1
        # Scaled as a whole to a round norm, or each to the same norm of its own.
        if (
            (len(own) == 1 and len(norms) > 1)
            or (shared and _round(together))
            or (len(norms) == 1 and _round(together))
        ):
            for label in factors:
                one.standings[label], one.errors[label] = Standing.RIGHT, 0.0
            norm = next(iter(own)) if len(own) == 1 else f"{together:.6g}"
            judged.notes.append(f"right, then clipped to the norm {norm} at the very end: {', '.join(factors)}")


def _round(number: float) -> bool:
    return number > 0 and abs(number - float(f"{number:.2g}")) < 1e-5 * number


def _bound(one: Seen, label: str) -> float | None:
    got = np.asarray(one.got[label], float).ravel()
    bound = float(np.abs(got).max(initial=0.0))
    at = np.flatnonzero(np.abs(np.abs(got) - bound) <= 1e-9 * bound)
    inside = np.setdiff1d(np.arange(got.size), at)
    if bound == 0 or not at.size or not _round(bound):
        return None
    rng = np.random.default_rng(3)
    entries = [*rng.permutation(at)[:8], *rng.permutation(inside)[:8]]
    value = one.trial.values[one.of[label]]
    step = None
    for k in entries:
        unit = np.zeros(value.size)
        unit[k] = 1.0
        direction = unit.reshape(value.shape)
        step = step or quietest(one.trial, one.of[label], direction, one.single)
        want, noise = derivative(one.trial, one.of[label], direction, step)
        clipped = min(max(want, -bound), bound)
        if abs(clipped - got[k]) > 1e-5 * bound + 10 * noise:
            return None
    return bound


def _factor(one: Seen, label: str) -> float | None:
    along = one.along[label]
    return factor_of(along.of(one.got[label]), along)
