"""A second judge of printed formulas: floating-point numbers, and the complex step for truth.

It shares nothing with the package but the text of a model's equations, which `numbers_reading` reads. The derivative
of J with respect to a quantity comes from running the equations anew with that quantity disturbed.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from zlib import crc32

import numpy as np
from numbers_arithmetic import BeyondError, MisfitError, UnreadError, laid
from numbers_reading import STEPS, Reader, tokens

from derive import catalogue
from derive.calculus.program import named_preactivations
from derive.notation import AS_WRITTEN
from derive.targets.formula import latex

SIZES = {"D": 2, "H": 3, "K": 5}
STEP = 1e-30


class Model:
    """A catalogue entry with random data, run by its printed equations."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self.program = named_preactivations(catalogue.find(name))
        self.names = {}
        for quantity in self.program.quantities:
            letter = AS_WRITTEN.letter(quantity)
            self.names[letter.base + (f"_{letter.below}" if letter.below else "")] = quantity
        self.letters = {part for key in self.names for part in key.split("_")}
        self.equations = []
        for equation in self.program.equations:
            text = latex(equation.expression).replace(r"\tfrac{1}{2} \mathbf{1}^\top", r"\mathbf{1}^\top")
            half = r"\tfrac{1}{2}" in latex(equation.expression)
            rule = Reader(f"x_0 = {text}", {**self.names, "x": self.program.inputs[0].name}).equation()[1]
            self.equations.append((equation.symbol.name, rule, 0.5 if half else 1.0))
        self.seed = seed
        self.absent = False
        self.states = {state.name for state in self.program.states}
        self.output = self.program.output.name
        self.targets = {getattr(target, "name", target) for target in self.program.targets}
        self.known: dict = {}
        self.base = self._run({})

    def _drawn(self, label: str, name: str, time) -> np.ndarray:
        rng = np.random.default_rng(crc32(f"{self.seed} {label} {name} {time}".encode()))
        rows, cols = (int(extent.subs(SIZES)) if extent.free_symbols else int(extent) for extent in self._shape(name))
        drawn = rng.uniform(0.2, 0.9, (rows, cols)) * rng.choice([-1, 1], (rows, cols))
        if label == "value" and name in self.targets:
            drawn = np.abs(drawn) / np.abs(drawn).sum()
        return drawn.astype(complex)

    def _shape(self, name: str):
        quantity = self.program.quantities[name]
        return [
            extent.subs({symbol: SIZES[str(symbol)] for symbol in extent.free_symbols}) for extent in quantity.shape
        ]

    def _run(self, moved: dict) -> dict:
        values: dict = {}

        def put(name, time, value):
            values[name, time] = value + moved[name, time] if (name, time) in moved else value

        for quantity in (*self.program.parameters, *self.program.inputs):
            for time in [None] if quantity.time is None else range(1, STEPS + 2):
                put(quantity.name, time, self._drawn("value", quantity.name, time))
        for name in self.states:
            put(name, 0, self._drawn("value", name, 0))
        runner = _Running(values)
        for time in range(1, STEPS + 2):
            for name, rule, factor in self.equations:
                put(name, time, factor * rule({"model": runner, "t": time}))
        return values

    def _loss(self, values: dict):
        total = 0
        for time in range(1, STEPS + 1):
            total = total + (self._read(self.output, time) * values[self.output, time]).sum()
        for name in self.states:
            total = total + (self._drawn("final", name, STEPS) * values[name, STEPS]).sum()
        return total

    def _read(self, name: str, time: int):
        rows, cols = self.base_shape(name)
        if name != self.output or not 1 <= time <= STEPS:
            return np.zeros((rows, cols), dtype=complex)
        return np.ones((1, 1), dtype=complex) if self.program.is_loss else self._drawn("read", name, time)

    def base_shape(self, name: str) -> tuple[int, int]:
        rows, cols = self._shape(name)
        return int(rows), int(cols)

    def value(self, env: dict, name: str, at):
        time = self._when(env, name, at)
        if self.absent and time is not None and time < 0:
            return self._drawn("outside", name, time)
        if self.absent and time == 0 and name not in self.states:
            return self._drawn("outside", name, time)
        if (name, time) not in self.base or (time or 0) > STEPS:
            raise BeyondError(f"{name} at {time}")
        return self.base[name, time]

    def _when(self, env: dict, name: str, at):
        timed = self.program.quantities[name].time is not None
        if timed and at is None:
            if "t" not in env:
                raise UnreadError("a time is missing")
            return env["t"]
        if not timed and at is not None:
            raise UnreadError("a time too many")
        return at(env) if timed else None

    def gradient(self, env: dict, name: str, at, immediate: bool):
        time = self._when(env, name, at)
        key = name, time, immediate, self.absent
        if key not in self.known:
            self.known[key] = self._gradient(name, time, immediate)
        return self.known[key]

    def _gradient(self, name: str, time, immediate: bool):
        shape = self.base_shape(name)
        if immediate:
            found = self._read(name, time) if time is not None else np.zeros(shape, dtype=complex)
            if name in self.states and time == STEPS:
                found = found + self._drawn("final", name, STEPS)
            return found
        if self.absent and time is not None and time <= 0 and name not in self.states:
            return np.zeros(self.base_shape(name), dtype=complex)
        if (name, time) not in self.base or (time or 0) > STEPS:
            raise BeyondError(f"the gradient of {name} at {time}")
        found = np.zeros(shape, dtype=complex)
        for place in np.ndindex(*shape):
            unit = np.zeros(shape, dtype=complex)
            unit[place] = 1j * STEP
            found[place] = self._loss(self._run({(name, time): unit})).imag / STEP
        return found


class _Running:
    """The values so far, for the equations of a step."""

    def __init__(self, values: dict) -> None:
        self.values = values

    def value(self, env: dict, name: str, at):
        key = (name, None) if at is None else (name, at(env))
        return self.values[key]


@cache
def model(name: str) -> Model:
    return Model(name)


def judged(text: str, name: str, absent: bool = False) -> str:
    """`equal`, `different`, `misfit` or `unread`: what the numbers say about a formula, strictly read.

    With `absent`, gradients before step 1 are zero, and what else stands there is anything.
    """
    found = model(name)
    found.absent = absent
    try:
        left, right = Reader(text, found.names).equation()
        compared = 0
        letters = sorted(set(re.findall(r"(?<![A-Za-z\\])[a-z](?![A-Za-z])", text)) - {"t"} - found.letters)
        if len(letters) > 2:
            return "unread"
        for steps in product(range(STEPS + 1), repeat=1 + len(letters)):
            env = {"model": found, **dict(zip(["t", *letters], steps, strict=True))}
            try:
                a, b = left(env), right(env)
            except BeyondError:
                continue
            if isinstance(a, str | int) and isinstance(b, str | int):
                return "unread"
            shape = b.shape if isinstance(a, str | int) else a.shape
            a, b = laid(a, shape), laid(b, shape)
            if a.shape != b.shape:
                return "misfit"
            compared += 1
            if np.abs(a - b).max() > 1e-9 * max(1.0, np.abs(a).max()):
                return "different"
        return "equal" if compared else "unread"
    except UnreadError:
        return "unread"
    except MisfitError:
        return "misfit"


__all__ = ["judged", "model", "tokens"]
