"""Arrays of elements of GF(p) that generated NumPy code computes with, every transcendental function a keyed hash.

Two programs that give equal arrays compute the same expressions: rounding plays no part.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import total_ordering
from types import ModuleType
from typing import Any

import numpy as np

P = 2**61 - 1


@total_ordering
class Element:
    """A number of the field, ordered by its representative so that maxima and steps are defined."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value % P

    def _with(self, other: object, operation: Callable[[int, int], int]) -> Any:
        number = _representative(other)
        return NotImplemented if number is None else Element(operation(self.value, number))

    def __add__(self, other: object) -> Any:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: object) -> Any:
        return self._with(other, lambda a, b: a - b)

    def __rsub__(self, other: object) -> Any:
        return self._with(other, lambda a, b: b - a)

    def __mul__(self, other: object) -> Any:
        return self._with(other, lambda a, b: a * b)

    def __truediv__(self, other: object) -> Any:
        return self._with(other, lambda a, b: a * pow(b, -1, P))

    def __rtruediv__(self, other: object) -> Any:
        return self._with(other, lambda a, b: b * pow(a, -1, P))

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Element:
        return Element(-self.value)

    def __pos__(self) -> Element:
        return self

    def __pow__(self, exponent: float) -> Element:
        return (
            Element(pow(self.value, int(exponent), P)) if exponent == int(exponent) else self._hashed(f"**{exponent}")
        )

    def __eq__(self, other: object) -> bool:
        return self.value == _representative(other)

    def __lt__(self, other: object) -> bool:
        number = _representative(other)
        assert number is not None
        return self.value - P // 2 < (number - P // 2 if isinstance(other, Element) else 0)

    def __hash__(self) -> int:
        return hash(self.value)

    def _hashed(self, name: str) -> Element:
        return Element(int.from_bytes(hashlib.blake2b(f"{name} {self.value}".encode(), digest_size=8).digest(), "big"))

    def __getattr__(self, name: str) -> Callable[[], Element]:
        if name not in ("tanh", "exp", "log", "log1p", "sqrt", "sin", "cos"):
            raise AttributeError(name)
        return lambda: self._hashed(name)


def _representative(other: object) -> int | None:
    if isinstance(other, Element):
        return other.value
    if isinstance(other, int | float | np.number | np.bool_):
        if not math.isfinite(other):
            return None
        fraction = Fraction(float(other) if isinstance(other, float | np.floating) else int(other))
        return fraction.numerator * pow(fraction.denominator, -1, P) % P
    return None


def drawn(shape: Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Random elements."""
    numbers = rng.integers(0, P, size=shape)
    found = np.empty(shape, object)
    for place in np.ndindex(*shape):
        found[place] = Element(int(numbers[place]))
    return found


def computing_exactly(module: ModuleType) -> ModuleType:
    """The generated module with a door that lets arrays of elements in."""
    checked = module._checked

    def open_door(arrays: Sequence[tuple[str, Any, Sequence[str]]], sizes: Any = None, dtype: Any = None) -> Any:
        found, _ = checked([(name, np.zeros(np.shape(array)), axes) for name, array, axes in arrays], sizes)
        return found, np.dtype(object)

    module._checked = open_door  # type: ignore[attr-defined]
    return module
