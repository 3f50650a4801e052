"""Model-free: a person's gradients against numerical derivatives of their own loss.

The complex step is exact to rounding, but not every code lets complex numbers through: a buffer of real numbers drops
the imaginary part, `abs` and comparisons break it. It is used for an array only where it agrees with central
differences along a random direction; elsewhere central differences are used, with an estimate of their own error.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.errors import InputError
from verify.code.report import GradientReport, Row, Standing, compared, overall
from verify.numbers.case import Array
from verify.numbers.numeric import COMPLEX_STEP, ENTRIES, FAILED

TOLERANCE = 1e-9
"""The largest relative error that counts as right where the complex step can be used."""

STEPS = (2.0**-17, 2.0**-13, 2.0**-10, 2.0**-6)
"""Steps of central differences that are tried, relative to the size of an array; the quietest is used."""

LEAST = 1e-6
"""No bound on the error of central differences is taken to be below this part of the largest derivative."""

NOISE = 1e-3
"""With an error above this part of the largest derivative, central differences tell nothing."""

AGREEMENT = 1e-5
"""How near the complex step must come to central differences to be trusted."""

Loss = Callable[[Any], Any]


def check_gradients(loss: Loss, params: Any, grads: Any, *, tolerance: float | None = None) -> GradientReport:
    """Compare gradients with numerical derivatives of `loss(params)`.

    loss: gives a number; it is called with copies, so that nothing passed in is changed.
    params: float arrays in a dict, list, tuple, or object array, nested as you like.
    grads: the gradients in the same structure; a missing one is reported as not returned.
    tolerance: the largest relative error that counts as right (1e-9, or 1e-4 for gradients in float32).

    Raises InputError for a loss that is no number, and for parameters that are no float arrays. What `loss` raises on
    the parameters themselves is passed on.
    """
    arrays = dict(_flattened(params))
    given = dict(_flattened(grads, missing=True))
    if not arrays:
        raise InputError("there are no parameters", hint="give a dict or list of float arrays")
    for name, value in arrays.items():
        if value.dtype.kind != "f":
            raise InputError(f"{name or 'the parameter'} has dtype {value.dtype}, expected a float dtype")
    numeric = _Numeric(loss, params, {name: np.array(value, np.float64) for name, value in arrays.items()})
    first, again = numeric.value({}), numeric.value({})
    notes = [f"there is no parameter {name}" for name in given if name not in arrays]
    if not np.isfinite(first) or first != again:
        reason = "the loss is not finite" if not np.isfinite(first) else "the loss differs from call to call"
        return GradientReport(
            tuple(Row(_label(n), Standing.CANNOT_TELL, reason=reason) for n in arrays), "none", (reason,)
        )
    derivatives = {name: numeric.derivatives(name) for name in arrays}
    largest = max((float(np.abs(d.values).max()) for d in derivatives.values() if d.values.size), default=0.0)
    rows = tuple(_row(name, given.get(name), arrays[name], derivatives[name], largest, tolerance) for name in arrays)
    methods = list(dict.fromkeys(d.method for d in derivatives.values()))
    return GradientReport(rows, " and ".join(methods), tuple(notes))


@dataclass(frozen=True)
class _Derivatives:
    """Derivatives along directions, and how far each may be off; the first ones belong to single entries."""

    entries: Array
    directions: Array
    values: Array
    errors: Array
    method: str


class _Numeric:
    """The loss as a function of some of its arrays."""

    def __init__(self, loss: Loss, params: Any, arrays: Mapping[str, Array]) -> None:
        self._loss, self._params, self._arrays = loss, params, arrays

    def call(self, moved: Mapping[str, Array]) -> complex:
        """The loss with some arrays replaced."""
        copies = {name: value.copy() for name, value in {**self._arrays, **moved}.items()}
        found = np.asarray(self._loss(_rebuilt(self._params, copies)))
        if found.size != 1 or found.dtype.kind not in "fciu":
            what = f"an array of shape {found.shape}" if found.dtype.kind in "fciu" else f"{found.dtype}"
            raise InputError(f"the loss is {what}, expected a number", hint="wrap it: lambda params: yours(params)[0]")
        return complex(found.reshape(()).item())

    def value(self, moved: Mapping[str, Array]) -> float:
        return self.call(moved).real

    def derivatives(self, name: str) -> _Derivatives:
        """Along every entry of a small array; along some entries and random directions of a large one."""
        value = self._arrays[name]
        rng = np.random.default_rng(value.size)
        chosen = np.arange(value.size)
        extra = np.zeros((0, value.size))
        if value.size > ENTRIES:
            chosen = rng.choice(value.size, ENTRIES // 2, replace=False)
            extra = rng.normal(size=(ENTRIES // 8, value.size))
            extra /= np.linalg.norm(extra, axis=1, keepdims=True)
        probe = rng.normal(size=value.shape)
        step = self._quietest(name, probe)
        if self._complex_safe(name, probe, step):

            def along(direction: Array) -> tuple[float, float]:
                return self._complex(name, direction), 0.0

            method = "complex step"
        else:

            def along(direction: Array) -> tuple[float, float]:
                return self._central(name, direction, step)

            method = "central differences"
        found = [along(d.reshape(value.shape)) for d in _units(chosen, value.size)]
        found += [along(d.reshape(value.shape)) for d in extra]
        table = np.array(found).reshape(-1, 2)
        return _Derivatives(chosen, extra, table[:, 0], table[:, 1], method)

    def _complex(self, name: str, direction: Array) -> float:
        moved = self._arrays[name] + 1j * COMPLEX_STEP * direction
        return self.call({name: moved}).imag / COMPLEX_STEP

    def _complex_safe(self, name: str, probe: Array, step: float) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            try:
                found = self._complex(name, probe)
            except Exception:  # whatever code does that was not written for complex numbers
                return False
        wanted, error = self._central(name, probe, step)
        if found == 0 and wanted == 0:
            return False
        return bool(found != 0 and abs(found - wanted) <= AGREEMENT * abs(wanted) + 10 * error)

    def _central(self, name: str, direction: Array, step: float) -> tuple[float, float]:
        """The derivative, extrapolated from two steps, and how far it may be off."""
        value = self._arrays[name]
        steps = step * max(1.0, float(np.abs(value).max(initial=0.0))) * np.array([1.0, 0.5])
        wide, narrow = (self._difference(name, direction, h) for h in steps)
        size = abs(self.value({}))
        return (4 * narrow - wide) / 3, abs(narrow - wide) + np.finfo(float).eps * size / float(steps[1])

    def _difference(self, name: str, direction: Array, h: float) -> float:
        value = self._arrays[name]
        ahead, behind = self.value({name: value + h * direction}), self.value({name: value - h * direction})
        return (ahead - behind) / (2 * h)

    def _quietest(self, name: str, probe: Array) -> float:
        def noise(step: float) -> float:
            found = self._central(name, probe, step)[1]
            return found if np.isfinite(found) else np.inf

        return min(STEPS, key=noise)


def _units(chosen: Array, size: int) -> Iterator[Array]:
    for k in chosen:
        unit = np.zeros(size)
        unit[k] = 1.0
        yield unit


def _row(
    name: str, grad: Array | None, value: Array, found: _Derivatives, largest: float, tolerance: float | None
) -> Row:
    label = _label(name)
    if grad is None:
        return Row(label, Standing.NOT_GIVEN)
    if grad.shape != value.shape:
        return Row(label, Standing.WRONG, reason=f"shape {grad.shape}, expected {value.shape}")
    if grad.dtype.kind not in "fiu":
        return Row(label, Standing.WRONG, reason=f"dtype {grad.dtype}, expected real numbers")
    if not value.size:
        return Row(label, Standing.RIGHT, 0.0)
    flat = np.asarray(grad, np.float64).ravel()
    if not np.isfinite(flat).all():
        k = int(np.argmin(np.isfinite(flat)))
        index = tuple(int(j) for j in np.unravel_index(k, value.shape))
        at = np.flatnonzero(found.entries == k)
        expected = float(found.values[at[0]]) if at.size else None
        return Row(label, Standing.WRONG, FAILED, index, float(flat[k]), expected, "not finite")
    single = grad.dtype in (np.float32, np.float16) or value.dtype in (np.float32, np.float16)
    allowed = tolerance or (1e-4 if single else TOLERANCE)
    got = np.concatenate((flat[found.entries], found.directions @ flat))
    scale = max(float(np.abs(found.values).max()), float(np.abs(got).max()), 1e-3 * largest, np.finfo(float).tiny)
    slack = np.zeros_like(got)
    if found.method != "complex step":
        # The estimate of one entry may be small by chance: that of the others counts as well.
        slack = np.maximum(found.errors, max(LEAST * scale, 3 * float(np.median(found.errors))))
    apart = np.abs(got - found.values)
    standings = [
        Standing.WRONG
        if distance > allowed * scale + 10 * free
        else Standing.CANNOT_TELL
        if not np.isfinite(free) or free > max(NOISE, 10 * allowed) * scale
        else Standing.RIGHT
        if distance <= allowed * scale + free
        else Standing.CANNOT_TELL
        for distance, free in zip(apart, slack, strict=True)
    ]
    standing = overall(standings)
    error = float(apart.max() / scale) if np.isfinite(apart).all() else FAILED
    count = len(found.entries)
    reason = "too noisy" if standing is Standing.CANNOT_TELL else ""
    if standing is Standing.WRONG and all(s is not Standing.WRONG for s in standings[:count]):
        return Row(label, standing, error, reason="seen along a random direction")
    row = compared(label, got[:count], found.values[:count], error, standing, reason)
    assert row.index is not None
    index = tuple(int(j) for j in np.unravel_index(int(found.entries[row.index[0]]), value.shape))
    return Row(label, standing, error, index, row.got, row.expected, reason)


# Structures


def _label(name: str) -> str:
    return name or "params"


def _flattened(structure: Any, place: str = "", missing: bool = False) -> Iterator[tuple[str, Array]]:
    """The arrays of a structure with the names of their places: `W`, `layers[0].W`."""
    if structure is None and missing:
        return
    if isinstance(structure, Mapping):
        for key, value in structure.items():
            yield from _flattened(value, f"{place}.{key}" if place else str(key), missing)
    elif isinstance(structure, list | tuple) or (isinstance(structure, np.ndarray) and structure.dtype == object):
        for place_in, value in np.ndenumerate(structure) if isinstance(structure, np.ndarray) else _numbered(structure):
            yield from _flattened(value, f"{place}[{', '.join(map(str, place_in))}]", missing)
    else:
        yield place, np.asarray(structure)


def _numbered(structure: list[Any] | tuple[Any, ...]) -> Iterator[tuple[tuple[int], Any]]:
    for k, value in enumerate(structure):
        yield (k,), value


def _rebuilt(structure: Any, arrays: Mapping[str, Array], place: str = "") -> Any:
    """The same structure with other arrays."""
    if isinstance(structure, Mapping):
        return {key: _rebuilt(v, arrays, f"{place}.{key}" if place else str(key)) for key, v in structure.items()}
    if isinstance(structure, np.ndarray) and structure.dtype == object:
        found = np.empty(structure.shape, object)
        for index, value in np.ndenumerate(structure):
            found[index] = _rebuilt(value, arrays, f"{place}[{', '.join(map(str, index))}]")
        return found
    if isinstance(structure, list | tuple):
        parts = [_rebuilt(value, arrays, f"{place}[{k}]") for k, value in enumerate(structure)]
        if isinstance(structure, list):
            return parts
        return type(structure)(*parts) if hasattr(structure, "_fields") else tuple(parts)
    return arrays[place]
