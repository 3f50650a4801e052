"""Which named mistake, or which two together, reproduce every gradient that a function returned.

The function is called on several cases. One step alone (T = 1) shows mistakes within the step without those in the
carry; that, and which gradients a mistake can reach at all, leaves few pairs to try.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from verify.code.layouts.adapters import Observation, Observed
from verify.code.mistakes.registry import Laboratory, Variation
from verify.code.mistakes.results import TRANSFORMS, Spot, clipped, scaled
from verify.code.programs.run import Prediction
from verify.formulas.judgement import Mistake
from verify.numbers.case import Array, Case
from verify.numbers.numeric import ROUNDING, largest_entry

Flags: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[Any]

MOST = 2
"""So many mistakes together count as an explanation."""

BUDGET, MORE = 1500, 30
"""So many pairs are run, and after the first that fits so many more for others with the same numbers."""

OTHERS = 4
"""So many equivalent explanations are listed."""


@dataclass(frozen=True)
class Explanation:
    """Variations of the program, and mistakes in finished gradients, that together reproduce what was returned."""

    variations: tuple[Variation, ...]
    results: tuple[Mistake, ...]

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        return (*(variation.mistake for variation in self.variations), *self.results)


class Experiment:
    """One call of the function, and what mistaken programs give for the same case."""

    def __init__(self, laboratory: Laboratory, observation: Observation, tolerance: float) -> None:
        self.laboratory, self.tolerance = laboratory, tolerance
        self.case: Case = laboratory.case
        truth = laboratory.predict()
        assert truth is not None
        self.truth = truth
        self.observed = tuple(self._spread(found) for found in observation.gradients if found.value is not None)
        self.floor = ROUNDING * largest_entry(truth.gradients)
        fitting = [found for found in self.observed if self._fits(found)]
        self.misshapen = tuple(found for found in self.observed if not self._fits(found))
        self._fitting = fitting
        self._lengths = [size for found in fitting for size in self._segments(found.ours)]

    def _spread(self, found: Observed) -> Observed:
        """A zero in place of an array of zeros."""
        assert found.value is not None
        if self._fits(found) or not _real(found.value) or found.value.any():
            return found
        return replace(found, value=np.zeros_like(self.truth.gradients[found.ours]))

    def _fits(self, found: Observed) -> bool:
        assert found.value is not None
        return _real(found.value) and found.value.shape == self.truth.gradients[found.ours].shape

    def _segments(self, ours: str) -> list[int]:
        value = self.truth.gradients[ours]
        per_step = ours not in self.truth.shares and value.ndim == 3
        # The input's gradient at the last step knows nothing of the carry: every step by itself.
        return [value[0].size] * len(value) if per_step else [value.size]

    def _flat(self, prediction: Prediction) -> Array:
        parts = [np.ravel(prediction.gradients[found.ours]) for found in self._fitting]
        return np.concatenate(parts) if parts else np.zeros(0)

    @cached_property
    def _returned(self) -> Array:
        parts = [np.ravel(np.asarray(found.value, np.float64)) for found in self._fitting]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _equal(self, predictions: Array, to: Array) -> Flags:
        """For every prediction (a row) and every segment, whether it is equal to `to`."""
        starts = np.cumsum([0, *self._lengths[:-1]])
        with np.errstate(all="ignore"):
            apart = np.maximum.reduceat(np.abs(predictions - to), starts, axis=-1)
            size = np.maximum(
                np.maximum.reduceat(np.abs(predictions), starts, axis=-1), np.maximum.reduceat(np.abs(to), starts)
            )
            equal: Flags = apart <= self.tolerance * np.maximum(size, self.floor)
        return equal

    def matrices(self, variations: Sequence[Variation]) -> tuple[Flags, Flags, Flags]:
        """(variation, segment): is it affected, does it match; (segment): is what was returned right."""
        found = [self.laboratory.predict(variation) for variation in variations]
        nothing = np.full(self._returned.shape, np.nan)
        rows = np.array([nothing if p is None else self._flat(p) for p in found]).reshape(len(found), -1)
        truth = self._flat(self.truth)
        return ~self._equal(rows, truth), self._equal(rows, self._returned), self._equal(truth[None], self._returned)[0]

    def agreement(self, prediction: Prediction) -> tuple[Flags, Flags]:
        """For every segment whether it is as was returned, and whether it is a multiple of that."""
        flat, got = self._flat(prediction), self._returned
        same = self._equal(flat[None], got)[0]
        starts = np.cumsum([0, *self._lengths[:-1]])
        with np.errstate(all="ignore"):
            factors = np.add.reduceat(flat * got, starts) / np.add.reduceat(flat * flat, starts)
            apart = np.maximum.reduceat(np.abs(got - np.repeat(factors, self._lengths) * flat), starts)
            size = np.maximum.reduceat(np.abs(got), starts)
            scaled: Flags = (apart <= self.tolerance * np.maximum(size, self.floor)) & (size > self.floor)
        return same, scaled & (np.array(self._lengths) > 1)

    def matches(self, prediction: Prediction) -> bool:
        """Whether every gradient that was returned is as predicted."""
        equal = self._equal(self._flat(prediction)[None], self._returned)
        return not self.misshapen and bool(equal.all())

    def is_same(self, one: Observed, prediction: Prediction) -> bool:
        """Whether one gradient that was returned is as predicted."""
        got = one.value
        return (
            got is not None and _real(got) and self.close(np.asarray(got, np.float64), prediction.gradients[one.ours])
        )

    # Finished gradients

    def explain(
        self, prediction: Prediction, most: int, names: frozenset[str] | None = None
    ) -> tuple[Mistake, ...] | None:
        """The mistakes in finished gradients (of these names) that lead from a prediction to what was returned; None:
        there are none, or more than `most`."""
        ways = []
        for one in self.observed:
            options = self.options(one, Spot(one.ours, prediction, self.case))
            if names is not None:
                options = [option for option in options if names.issuperset(mistake.name for mistake in option)]
            if not options:
                return None
            ways.append((one.label, options))
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        # Where there is least choice first; then the fewest mistakes that are not there already.
        for label, options in sorted(ways, key=lambda way: len(way[1])):
            for mistake in min(options, key=lambda o: (sum(_key(m) not in found for m in o), len(o))):
                found.setdefault(_key(mistake), []).append((label, mistake.detail))
            if len(found) > most:
                return None
        order = [one.label for one in self.observed]
        return tuple(_merged(name, sorted(p, key=lambda x: order.index(x[0]))) for (name, _), p in found.items())

    def options(self, one: Observed, spot: Spot) -> list[tuple[Mistake, ...]]:
        """The ways to explain one gradient; nothing to explain is the first of them."""
        if one.value is None or not _real(one.value):
            return []
        got = np.asarray(one.value, np.float64)
        if self.close(got, spot.value):
            return [()]
        options: list[tuple[Mistake, ...]] = []
        for made in TRANSFORMS:
            for candidate in made(spot):
                mistake = Mistake(candidate.name, candidate.detail)
                if self.close(got, candidate.value):
                    options.append((mistake,))
                elif got.shape == candidate.value.shape and got.any():
                    more = scaled(got, candidate.value, self.tolerance, self.case) or clipped(
                        got, candidate.value, self.tolerance
                    )
                    options += [(mistake, more)] if more else []
        whole = scaled(got, spot.value, self.tolerance, self.case) or clipped(got, spot.value, self.tolerance)
        if whole:
            options.insert(len(options) if whole.name == "left at zero" else 0, (whole,))
        return options

    def close(self, got: Array, wanted: Array) -> bool:
        """Whether two gradients are equal up to rounding."""
        if got.shape != wanted.shape:
            return False
        if not got.size:
            return True
        with np.errstate(all="ignore"):
            size = max(float(np.abs(got).max()), float(np.abs(wanted).max()), self.floor)
            return bool(np.abs(got - wanted).max() <= self.tolerance * size)


def _real(value: Array) -> bool:
    return value.dtype.kind in "fiu"


def _key(mistake: Mistake) -> tuple[str, str]:
    return (mistake.name, "" if mistake.name == "in another's place" else mistake.detail)


def _merged(name: str, places: list[tuple[str, str]]) -> Mistake:
    details = list(dict.fromkeys(detail for _, detail in places))
    if len(details) > 1:
        return Mistake(name, "; ".join(details))
    return Mistake(name, f"{details[0]} ({', '.join(label for label, _ in places)})")


def explanations(
    experiments: Sequence[Experiment], variations: Sequence[Variation], budget: int = BUDGET
) -> list[Explanation]:
    """The explanations with the fewest mistakes, the best first; the first experiment leads, the others confirm."""
    first = experiments[0]
    singles: list[Explanation] = []
    pairs: list[Explanation] = []
    _sort(first.explain(first.truth, 2 * MOST), (), singles, pairs)
    _, matching, _ = first.matrices(variations)
    if not first.misshapen:
        singles += [Explanation((variations[k],), ()) for k in np.flatnonzero(matching.all(axis=1)).tolist()]
    if confirmed := [e for e in singles if _confirmed(e, experiments)]:
        return confirmed
    for variation, fits in zip(variations, matching, strict=True):
        prediction = first.laboratory.predict(variation)
        if prediction is not None and fits.any():
            _sort(first.explain(prediction, MOST - 1), (variation,), singles, pairs)
    pairs.sort(key=lambda e: len(e.mistakes))
    two = [e for e in pairs if len(e.mistakes) <= MOST and _confirmed(e, experiments)]
    if not first.misshapen and not two:
        two = _pairs(experiments, variations, budget)
    return two or [e for e in pairs if len(e.mistakes) > MOST and _confirmed(e, experiments)]


def _sort(
    results: tuple[Mistake, ...] | None,
    variations: tuple[Variation, ...],
    singles: list[Explanation],
    pairs: list[Explanation],
) -> None:
    if results is not None:
        found = Explanation(variations, results)
        (singles if len(found.mistakes) == 1 else pairs).append(found)


def _confirmed(explanation: Explanation, experiments: Sequence[Experiment]) -> bool:
    names = frozenset(mistake.name for mistake in explanation.results)
    for experiment in experiments[1:]:
        prediction = experiment.laboratory.predict(*explanation.variations)
        if prediction is None:
            return False
        # A bound that nothing reaches, or a factor 1/T for T = 1, leaves no trace there.
        if experiment.explain(prediction, 2 * MOST, names) is None:
            return False
    return True


def _pairs(experiments: Sequence[Experiment], variations: Sequence[Variation], budget: int) -> list[Explanation]:
    """Pairs of variations. Where only one of the two reaches a gradient, that one must match there.

    Beside a variation that renames, the other one reaches as many gradients, but others: only their number counts.
    """
    renames = np.array([variation.renames for variation in variations])
    exact = ~renames[:, None] & ~renames[None]
    possible = np.triu(np.ones(exact.shape, bool), 1) & ~(renames[:, None] & renames[None])
    score = np.zeros(possible.shape)
    for experiment in experiments:
        affected, matching, right = experiment.matrices(variations)
        for segment in range(len(right)):
            a, m = affected[:, segment], matching[:, segment]
            only_one = a[:, None] & ~a[None]
            bad = (only_one & ~m[:, None]) | (only_one.T & ~m[None])
            if not right[segment]:
                bad |= ~a[:, None] & ~a[None]
            possible &= ~(bad & exact)
            score += only_one | only_one.T
        enough = matching.sum(axis=1)[:, None] + affected.sum(axis=1)[None] >= len(right)
        possible &= exact | np.where(renames[:, None], enough, enough.T)
    found: list[Explanation] = []
    left = budget
    candidates = np.argwhere(possible)
    order = np.argsort(-score[possible], kind="stable")
    for j, k in candidates[order].tolist():
        if left <= 0 or len(found) > OTHERS:
            break
        left -= 1
        pair = (variations[j], variations[k])
        # The shortest case first: it is the cheapest and excludes most.
        for experiment in sorted(experiments, key=lambda e: e.case.T):
            prediction = experiment.laboratory.predict(*pair)
            if prediction is None or not experiment.matches(prediction):
                break
        else:
            found.append(Explanation(pair, ()))
            left = min(left, MORE)
    return found


def nearest(experiment: Experiment, variations: Sequence[Variation]) -> str:
    """The variation that reproduces most gradients, in words; nothing where none does better than the truth."""
    _, matching, right = experiment.matrices(variations)
    if not len(variations) or not len(right):
        return ""
    counts = matching.sum(axis=1)
    best = int(np.argmax(counts))
    if counts[best] <= right.sum():
        return ""
    mistake = variations[best].mistake
    return (
        f"{mistake.name}: {mistake.detail} (reproduces {counts[best]} of {len(right)} parts, {right.sum()} are right)"
    )
