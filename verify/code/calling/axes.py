"""Axes of arrays as letters, their sizes in a setting, and the way from one order of axes to another.

B examples, T steps, D entries of an input, H of a state, K of a readout; J for [h; x] stacked, N for
[1; h; x], M for [1; h]; 2H, 3H, 4H for stacked gates; 1 for an axis of length one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

import numpy as np

from verify.numbers.case import Array

Axes: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """The sizes of one trial; `seeds` is the factor of what J asks of the outputs: a large one shows clipping."""

    T: int
    B: int
    D: int
    H: int
    K: int
    seeds: float = 1.0
    label: str = ""

    def size(self, axis: str) -> int:
        """The length of an axis."""
        if axis.isdigit():
            return int(axis)
        if " + " in axis:  # a cell that stacks its input on its state
            return sum(self.size(part) for part in axis.split(" + "))
        if axis == "J":
            return self.H + self.D
        if axis == "N":
            return self.H + self.D + 1
        if axis == "M":
            return self.H + 1
        if axis[0].isdigit():
            return int(axis[:-1]) * self.size(axis[-1])
        return int(getattr(self, axis))

    def shape(self, axes: Axes) -> tuple[int, ...]:
        """The shape of an array with these axes."""
        return _shape(self, axes)

    def axes(self, shape: tuple[int, ...]) -> Axes:
        """The letters of a shape, `?` for a length that means nothing."""
        known = {self.D + self.H + 1: "N", self.T: "T", self.B: "B", self.K: "K", self.D: "D"}
        known |= {self.H + 1: "M", self.H: "H", self.D + self.H: "J", 1: "1"}
        known |= {n * self.H: f"{n}H" for n in (2, 3, 4, 5, 6)}
        return tuple(known.get(n, "?") for n in shape)

    def with_sizes(self, sizes: Mapping[str, int]) -> Setting:
        """The setting with some other sizes."""
        T, B, D, H, K = (sizes.get(axis, self.size(axis)) for axis in "TBDHK")
        return replace(self, T=T, B=B, D=D, H=H, K=K)

    def __str__(self) -> str:
        return f"T = {self.T}, B = {self.B}, D = {self.D}, H = {self.H}"


@cache
def _shape(setting: Setting, axes: Axes) -> tuple[int, ...]:
    return tuple(setting.size(axis) for axis in axes)  # asked for each array of thousands of layouts


FIRST = Setting(T=7, B=2, D=3, H=5, K=11)
"""No length in it is another or a multiple of another, so that what is transposed or summed wrongly does not fit."""

SETTINGS = (
    FIRST,
    Setting(T=4, B=1, D=5, H=7, K=3, label="B = 1"),
    Setting(T=1, B=3, D=4, H=6, K=5, label="T = 1"),
    Setting(T=40, B=3, D=2, H=4, K=5, seeds=2.0**20, label="T = 40"),
)
"""All sizes differ from setting to setting: a number in the code that should be a size shows."""


SCALES: Mapping[str, Callable[[int, int, int], float]] = {
    "": lambda T, B, K: 1.0,
    "1/T": lambda T, B, K: 1 / T,
    "1/B": lambda T, B, K: 1 / B,
    "1/(BT)": lambda T, B, K: 1 / (B * T),
    "2": lambda T, B, K: 2.0,
    "2/T": lambda T, B, K: 2 / T,
    "2/B": lambda T, B, K: 2 / B,
    "2/(BT)": lambda T, B, K: 2 / (B * T),
    "1/K": lambda T, B, K: 1 / K,
    "2/K": lambda T, B, K: 2 / K,
    "1/(BTK)": lambda T, B, K: 1 / (B * T * K),
    "2/(BTK)": lambda T, B, K: 2 / (B * T * K),
    "2/(BK)": lambda T, B, K: 2 / (B * K),
    "2/(TK)": lambda T, B, K: 2 / (T * K),
}
"""What the loss may be of the sum of the loss of every step and example."""


def axes(text: str) -> Axes:
    """The axes that a word of single letters stands for."""
    return tuple(text)


def numbered(axes: Axes) -> bool:
    """Whether several arrays lie in one, W[0], W[1], ...: the first axis counts them."""
    return len(axes) > 1 and axes[0].isdigit() and axes[0] != "1"


def arranged(value: Array, given: Axes, wanted: Axes) -> Array:
    """An array with its axes in another order; axes of length one are added or taken away."""
    kept = [axis for axis in given if axis != "1"]
    value = value.reshape(tuple(n for n, axis in zip(value.shape, given, strict=True) if axis != "1"))
    for place in reversed(range(len(kept))):
        if kept[place] not in wanted:  # an axis of one example or one step that has no place there
            value = value.take(0, axis=place)
            del kept[place]
    order = [kept.index(axis) for axis in wanted if axis in kept]
    value = np.transpose(value, order)
    for place, axis in enumerate(wanted):
        if axis not in kept:
            value = np.expand_dims(value, place)
    return value
