"""Gradients that are right and then clipped to a bound, or scaled to a norm, at the very end: right, and said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.code.judging.differences import derivative, factor_of, quietest
from verify.code.judging.judged import Judged, Seen
from verify.code.report import Standing


def clips(judged: Judged) -> None:
    """Settle such gradients: they are right in every setting, and the bound or the norm is said."""
    _bounds(judged)
    _one_norm(judged)
    for one in judged.seen:
        if one.setting.seeds != 1:
            _norms(one, judged)


def _wrong(one: Seen) -> list[str]:
    return [label for label, s in one.standings.items() if s is Standing.WRONG and not one.reasons.get(label)]


def _settled(one: Seen, label: str) -> None:
    one.standings[label], one.errors[label] = Standing.RIGHT, 0.0


def _bounds(judged: Judged) -> None:
    found: dict[float, list[str]] = {}
    for label in judged.wrong():
        seen = [one for one in judged.seen if label in one.standings]
        bad = [one for one in seen if label in _wrong(one)]
        if any(one.standings[label] is Standing.WRONG and one not in bad for one in seen):
            continue  # wrong for another reason, such as its shape
        bounds = [_bound(one, label) for one in bad]
        names = {f"{b.bound:.6g}" for b in bounds if b is not None}
        # Entries at the bound alone could be signs: some must be seen that are right.
        known = len(bad) < len(seen) or any(b is not None and b.inside for b in bounds)
        if None in bounds or len(names) != 1 or not known:
            continue
        for one in bad:
            _settled(one, label)
        found.setdefault(float(names.pop()), []).append(label)
    for bound, labels in found.items():
        judged.notes.append(f"right, then clipped at ±{bound:g} at the very end: {', '.join(labels)}")


def _one_norm(judged: Judged) -> None:
    """Settle gradients that are scaled together, by one factor, to the same round norm in every setting."""
    scaled: dict[int, dict[str, float]] = {}
    norms: set[str] = set()
    for k, one in enumerate(judged.seen):
        factors = {label: _factor(one, label) for label in _wrong(one)}
        if not factors:
            continue
        known = {label: factor for label, factor in factors.items() if factor is not None and 0 < factor < 1}
        whole = float(np.sqrt(sum(np.linalg.norm(one.got[label]) ** 2 for label in known)))
        if len(known) < len(factors) or len({f"{f:.5g}" for f in known.values()}) > 1 or not _round(whole):
            return
        scaled[k], norms = known, norms | {f"{whole:.6g}"}
    if len(scaled) < 2 or len(norms) > 1 or all(len(known) < 2 for known in scaled.values()):
        return
    labels = dict.fromkeys(label for known in scaled.values() for label in known)
    for k, known in scaled.items():
        for label in known:
            _settled(judged.seen[k], label)
    judged.notes.append(f"right, then clipped to the norm {norms.pop()} at the very end: {', '.join(labels)}")


def _norms(one: Seen, judged: Judged) -> None:
    others = [other for other in judged.seen if other is not one]
    earlier = {label for other in others for label, s in other.standings.items() if s is Standing.WRONG}
    labels = [label for label in _wrong(one) if label not in earlier]
    factors = {label: f for label in labels if (f := _factor(one, label)) is not None}
    if not factors or len(factors) != len(labels) or not all(0 < f < 1 for f in factors.values()):
        return
    norms = {label: float(np.linalg.norm(one.got[label])) for label in factors}
    together = float(np.sqrt(sum(n * n for n in norms.values())))
    own = {f"{n:.6g}" for n in norms.values()}
    shared = len({f"{f:.5g}" for f in factors.values()}) == 1
    # Scaled as a whole to a round norm, or each to the same norm of its own.
    if (len(own) == 1 and len(norms) > 1) or (shared and _round(together)) or (len(norms) == 1 and _round(together)):
        for label in factors:
            _settled(one, label)
        norm = next(iter(own)) if len(own) == 1 else f"{together:.6g}"
        judged.notes.append(f"right, then clipped to the norm {norm} at the very end: {', '.join(factors)}")


@dataclass(frozen=True)
class _Bound:
    """A bound, and whether entries within it were seen."""

    bound: float
    inside: bool


def _round(number: float) -> bool:
    return number > 0 and abs(number - float(f"{number:.2g}")) < 1e-5 * number


def _bound(one: Seen, label: str) -> _Bound | None:
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
    return _Bound(bound, bool(inside.size))


def _factor(one: Seen, label: str) -> float | None:
    along = one.along[label]
    return factor_of(along.of(one.got[label]), along)
