"""Numerical derivatives of J as a generated module computes it forwards, compared with what it computes backwards.

The complex step has no cancellation and is exact to rounding; central differences need nothing but real numbers, so
that the two fail for different reasons.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from verify.numbers.case import Array, Arrays, Case

COMPLEX_STEP = 2.0**-100
"""Its square vanishes beside one, and it is far above the smallest numbers."""

DIFFERENCE = 2.0**-17
"""About the cube root of the rounding error, where truncation and cancellation cost the same (1e-10)."""

SHORTER, SMOOTH = 2.0**-21, 1e-6
"""A kink of ReLU that lies within the step leaves an error above SMOOTH: there a shorter step decides. What is wrong
stays wrong at any step."""

ENTRIES = 400
"""Arrays up to this size are compared entry by entry; of larger ones this many entries and directions are drawn."""

FAILED = sys.float_info.max
"""The error of what is not a number: it exceeds every threshold, and JSON can print it."""

ROUNDING = 1e-3
"""A gradient that is small through cancellation (a sum that vanishes, as for a bias before a softmax) has the rounding
error of its terms. Below this part of the largest gradient in the case, errors are relative to that part."""


def relative_error(got: Array, wanted: Array, largest: float) -> float:
    """max|got − wanted| / max(|got|, |wanted|), both arrays of one gradient; what is not finite has failed.

    `largest` is the largest entry of any gradient of the case; see ROUNDING.
    """
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    if got.shape != wanted.shape or not (np.isfinite(got).all() and np.isfinite(wanted).all()):
        return FAILED
    if not np.isfinite(largest):
        return FAILED
    if got.size == 0:
        return 0.0
    # The smallest normal number stands in where every gradient is zero, as for T = 0: 0 / 0 is no error.
    scale = max(np.abs(got).max(), np.abs(wanted).max(), ROUNDING * largest, sys.float_info.min)
    error = float(np.abs(got - wanted).max() / scale)
    return error if np.isfinite(error) else FAILED


def largest_entry(gradients: Mapping[str, Array]) -> float:
    """The largest entry of any gradient, NaN if there is one."""
    return max_of(float(np.abs(g).max()) for g in gradients.values() if np.size(g))


def max_of(errors: Iterator[float]) -> float:
    """The largest number, NaN if there is one: Python's max would hide it."""
    found = list(errors)
    return float(np.max(found)) if found else 0.0


Computed: TypeAlias = Callable[[Arrays], Any]
"""J of given arrays."""


def complex_step_errors(
    module: ModuleType, case: Case, gradients: Mapping[str, Array], by: Computed | None = None
) -> dict[str, float]:
    """The error of every gradient against the complex step; J by the module, or as it is computed `by`."""
    compute = by or partial(case.objective, module)
    given = {name: value.astype(np.complex128) for name, value in case.given.items()}

    def derivative(name: str, direction: Array) -> float:
        moved = {**given, name: given[name] + 1j * COMPLEX_STEP * direction}
        return float(np.imag(compute(moved)) / COMPLEX_STEP)

    return _errors(case, gradients, derivative)


def directional_errors(
    module: ModuleType,
    case: Case,
    gradients: Mapping[str, Array],
    rng: np.random.Generator,
    by: Computed | None = None,
) -> dict[str, float]:
    """The error of every gradient against the complex step in one random direction: a mistake shows, at little cost."""
    compute = by or partial(case.objective, module)
    largest = max(largest_entry(gradients), ROUNDING)
    errors = {}
    for name in case.differentiable:
        value, gradient = case.given[name], gradients.get(name)
        if gradient is None or np.shape(gradient) != value.shape:
            errors[name] = FAILED
            continue
        direction = rng.normal(size=value.shape)
        given = {key: some.astype(np.complex128) for key, some in case.given.items()}
        given[name] = given[name] + 1j * COMPLEX_STEP * direction
        wanted = np.imag(compute(given)) / COMPLEX_STEP
        errors[name] = relative_error(np.asarray(np.sum(gradient * direction)), np.asarray(wanted), largest)
    return errors


def difference_errors(module: ModuleType, case: Case, gradients: Mapping[str, Array]) -> dict[str, float]:
    """The error of every gradient against central differences."""

    def derivative(name: str, direction: Array, step: float = DIFFERENCE) -> float:
        value = case.given[name]
        ahead = case.objective(module, {**case.given, name: value + step * direction})
        behind = case.objective(module, {**case.given, name: value - step * direction})
        return float((ahead - behind) / (2 * step))

    errors = _errors(case, gradients, derivative)
    kinked = [name for name, error in errors.items() if SMOOTH < error < FAILED]
    return errors | _errors(case, gradients, partial(derivative, step=SHORTER), kinked)


def _errors(
    case: Case,
    gradients: Mapping[str, Array],
    derivative: Callable[[str, Array], float],
    names: Iterable[str] | None = None,
) -> dict[str, float]:
    largest = largest_entry(gradients)
    errors: dict[str, float] = {}
    for name in case.differentiable if names is None else names:
        value, gradient = case.given[name], gradients.get(name)
        if gradient is None or np.shape(gradient) != value.shape or not np.isfinite(gradient).all():
            errors[name] = FAILED
            continue
        directions = list(_directions(value.shape))
        wanted = np.array([derivative(name, direction) for direction in directions])
        got = np.array([np.sum(gradient * direction) for direction in directions])
        errors[name] = relative_error(got, wanted, largest)
    return errors


def _directions(shape: tuple[int, ...]) -> Iterator[Array]:
    """Every entry of a small array; of a large one some entries and some random directions."""
    size = int(np.prod(shape))
    rng = np.random.default_rng(size)
    chosen = np.arange(size) if size <= ENTRIES else rng.choice(size, ENTRIES // 2, replace=False)
    for k in chosen:
        unit = np.zeros(size)
        unit[k] = 1.0
        yield unit.reshape(shape)
    if size > ENTRIES:
        for _ in range(ENTRIES // 2):
            direction = rng.normal(size=shape)
            yield direction / np.linalg.norm(direction)
