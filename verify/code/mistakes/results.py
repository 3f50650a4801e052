"""Mistakes that show in a finished gradient: scaled, clipped, transposed, not accumulated, in another's place.

Each entry yields what a gradient would be after that mistake; what was returned is compared with it. Scaling and
clipping are found from the numbers: the factor and the bound are read off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from verify.code.programs.run import Prediction
from verify.formulas.judgement import Mistake
from verify.numbers.case import Array, Case

ENTRIES = 3
"""A factor that has no name counts only where so many entries agree on it."""


@dataclass(frozen=True)
class Candidate:
    """What a gradient would be: the mistake by name, words for it, and the value."""

    name: str
    detail: str
    value: Array


@dataclass(frozen=True)
class Spot:
    """One gradient in a prediction: of which quantity, and in which case."""

    ours: str
    prediction: Prediction
    case: Case

    @property
    def value(self) -> Array:
        return self.prediction.gradients[self.ours]

    @property
    def shares(self) -> Array | None:
        return self.prediction.shares.get(self.ours)


Transform = Callable[[Spot], Iterator[Candidate]]

TRANSFORMS: list[Transform] = []
"""Every registered change of a finished gradient."""


def transform(made: Transform) -> Transform:
    """Register a change of a finished gradient."""
    TRANSFORMS.append(made)
    return made


@transform
def transposed(spot: Spot) -> Iterator[Candidate]:
    """W.T for W."""
    if spot.value.ndim == 2 and spot.shares is not None:
        yield Candidate("transposed gradient", "the gradient is transposed", spot.value.T)


@transform
def one_step(spot: Spot) -> Iterator[Candidate]:
    """The sum over t left out: the gradient is overwritten at every step, or a step is not counted."""
    if spot.shares is None or spot.case.T < 2:
        return
    steps = spot.shares.sum(1)
    # A loop that ends before the first step goes last through another.
    last = next((k for k, step in enumerate(steps) if step.any()), 0)
    told = "overwritten instead of accumulated: the step gone through last counts"
    yield Candidate("overwritten", told, steps[last])
    if last:  # nothing reaches the first step, from a state that is zero
        yield Candidate("overwritten", told, steps[0])
    yield Candidate("overwritten", "only the last step of the sequence counts", steps[-1])
    yield Candidate("wrong bounds of the sum", "the first step is not counted", steps[1:].sum(0))
    yield Candidate("wrong bounds of the sum", "the last step is not counted", steps[:-1].sum(0))


@transform
def one_example(spot: Spot) -> Iterator[Candidate]:
    """The sum over the batch left out."""
    if spot.shares is None or spot.case.B < 2:
        return
    examples = spot.shares.sum(0)
    yield Candidate("missing sum over the batch", "only the last example of the batch counts", examples[-1])
    yield Candidate("missing sum over the batch", "only the first example of the batch counts", examples[0])
    yield Candidate("missing sum over the batch", "not summed over the batch", examples)
    yield Candidate("missing sum over t", "not summed over t", spot.shares.sum(1))
    yield Candidate("missing sum over t", "summed neither over t nor over the batch", spot.shares)


@transform
def of_another(spot: Spot) -> Iterator[Candidate]:
    """Blocks of stacked gates in another order, or one gradient copied to another place."""
    if spot.shares is None:
        return
    for name in spot.prediction.shares:
        other = spot.prediction.gradients[name]
        if name != spot.ours and other.shape == spot.value.shape:
            yield Candidate("in another's place", f"the gradient of {name} in the place of {spot.ours}", other)


@transform
def bias_shared(spot: Spot) -> Iterator[Candidate]:
    """One bias for all gates."""
    if spot.shares is None or spot.value.ndim != 1:
        return
    same = [name for name in spot.prediction.shares if spot.prediction.gradients[name].shape == spot.value.shape]
    if len(same) > 1:
        total = np.sum([spot.prediction.gradients[name] for name in same], axis=0)
        yield Candidate("bias shared", f"one bias for all: the sum of the gradients of {', '.join(same)}", total)


@transform
def reversed_steps(spot: Spot) -> Iterator[Candidate]:
    """The gradients of the inputs, last step first."""
    if spot.shares is None and spot.value.ndim == 3:
        yield Candidate("steps in the wrong order", "the steps stand in reversed order", spot.value[::-1])


# Factors and bounds


def factors(case: Case) -> list[tuple[str, float]]:
    """Factors that have a name."""
    T, B = case.T, case.B
    named = [("-1", -1.0)]
    named += [("1/B", 1 / B), ("B", float(B))] if B > 1 else []
    named += [("1/T", 1 / T), ("T", float(T))] if T > 1 else []
    named += [("1/(BT)", 1 / (B * T)), ("BT", float(B * T))] if B > 1 and T > 1 else []
    return [*named, ("2", 2.0), ("1/2", 0.5)]


def scaled(got: Array, wanted: Array, tolerance: float, case: Case) -> Mistake | None:
    """The mistake of a factor, if `got` is a multiple of `wanted`."""
    size = float((wanted * wanted).sum())
    if size == 0 or got.shape != wanted.shape or not np.isfinite(got).all():
        return None
    if not got.any():
        return Mistake("left at zero", "the gradient is zero")
    factor = float((got * wanted).sum()) / size
    if np.abs(got - factor * wanted).max() > tolerance * np.abs(got).max():
        return None
    for name, value in factors(case):
        if abs(factor - value) <= 10 * tolerance * abs(value):
            sign = value == -1
            return Mistake("sign" if sign else "constant factor", f"multiplied by {name}")
    return Mistake("constant factor", f"multiplied by {factor:.6g}") if wanted.size >= ENTRIES else None


def clipped(got: Array, wanted: Array, tolerance: float) -> Mistake | None:
    """The mistake of a bound, if `got` is `wanted` with a bound on every entry."""
    if got.shape != wanted.shape or not got.size or not np.isfinite(got).all():
        return None
    bound = float(np.abs(got).max())
    at = int((np.abs(wanted) > bound * (1 + tolerance)).sum())
    if at == 0 or np.abs(got - np.clip(wanted, -bound, bound)).max() > tolerance * bound:
        return None
    return Mistake("clipped", f"clipped to ±{bound:.6g}") if at < got.size or got.size >= ENTRIES else None
