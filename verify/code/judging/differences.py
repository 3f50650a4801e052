"""Derivatives of J of a person's code: the complex step where it can be used, central differences elsewhere.

The complex step is exact to rounding, but a buffer of real numbers, `abs`, `norm` or a comparison break it. So it
counts for an array only where it agrees with differences along every direction that is looked at.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from verify.code.calling.base import RaisedError
from verify.code.calling.engine import CallTrial
from verify.numbers.case import Array
from verify.numbers.numeric import COMPLEX_STEP

STEPS = (2.0**-13, 2.0**-10, 2.0**-16, 2.0**-6)
"""Steps of central differences that are tried along one direction; the quietest is used."""

DIRECTIONS = 3
"""Directions along which every gradient is compared."""

AGREEMENT = 1e-6
"""How near the complex step must come to differences, relative to the derivative, to be used."""


@dataclass(frozen=True)
class Along:
    """Derivatives of J along some directions of one array, how far they may be off, and whether they are exact."""

    directions: Array
    want: Array
    noise: Array
    step: float
    exact: bool = False

    def of(self, gradient: Array) -> Array:
        """What a gradient says along these directions."""
        one = np.asarray(gradient, float)[None] * self.directions
        return np.asarray(one.reshape(len(one), -1).sum(axis=1))


def along(trial: CallTrial, name: str, single: bool) -> Along:
    """The derivatives along some directions."""
    value, rng = trial.values[name], np.random.default_rng(99)
    directions = rng.normal(size=(DIRECTIONS, *value.shape))
    directions /= np.sqrt((directions**2).sum(axis=tuple(range(1, directions.ndim)), keepdims=True)) + 1e-300
    step = quietest(trial, name, directions[0], single)
    table = np.array([derivative(trial, name, direction, step) for direction in directions])
    want, noise = table[:, 0], table[:, 1]
    exact = None if single else _exact(trial, name, directions, want, noise)
    if exact is None:
        return Along(directions, want, noise, step)
    return Along(directions, exact, 1e-14 * np.abs(exact), step, exact=True)


def _exact(trial: CallTrial, name: str, directions: Array, want: Array, noise: Array) -> Array | None:
    """The complex step along the same directions; None where the code does not let complex numbers through."""
    found = np.zeros(len(directions))
    with warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        for k, direction in enumerate(directions):
            try:
                J = trial.analytic({**trial.values, name: trial.values[name] + 1j * COMPLEX_STEP * direction})
            except (RaisedError, np.exceptions.ComplexWarning, TypeError):
                return None  # it was not written for complex numbers
            found[k] = J.imag / COMPLEX_STEP
            if not abs(found[k] - want[k]) <= AGREEMENT * abs(want[k]) + 10 * noise[k]:
                return None
    return found


def quietest(trial: CallTrial, name: str, direction: Array, single: bool) -> float:
    """The step with the least noise along a direction."""
    if single:
        return min((2.0**-6, 2.0**-4), key=lambda step: derivative(trial, name, direction, step)[1])
    best, least = STEPS[0], np.inf
    for step in STEPS:
        want, noise = derivative(trial, name, direction, step)
        if noise < least:
            best, least = step, noise
        if noise <= 1e-8 * abs(want):
            break
    return best


def derivative(trial: CallTrial, name: str, direction: Array, step: float) -> tuple[float, float]:
    """The derivative of J along a direction, extrapolated from two steps, and how far it may be off."""
    value = trial.values[name]

    def J(h: float) -> float:
        return trial.objective({**trial.values, name: value + h * direction})

    wide = (J(step) - J(-step)) / (2 * step)
    ahead, behind = J(step / 2), J(-step / 2)
    narrow = (ahead - behind) / step
    rounding = 4 * np.finfo(float).eps * max(abs(ahead), abs(behind)) / step
    return (4 * narrow - wide) / 3, abs(narrow - wide) / 8 + rounding


def factor_of(theirs: Array, along: Along) -> float | None:
    """The factor by which what they have is the derivative, the same along every direction; None if it is not."""
    size = float((along.want * along.want).sum())
    if size == 0:
        return None
    factor = float((theirs * along.want).sum()) / size
    if np.abs(theirs - factor * along.want).max() > 1e-5 * np.abs(theirs).max() + 10 * abs(factor) * along.noise.max():
        return None
    return factor
