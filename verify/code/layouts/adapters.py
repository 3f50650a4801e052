"""Calling a person's function: what it takes is read from its signature, what it returns is found by name.

Three forms need no adapter: a module or object with `forward(params, x, …)` and `backward(cache, d_ys, …)`; a function
`f(params, x, d_ys, …) -> grads`; and a function that returns (outputs, grads). Initial states are given by their name
(`h`, `h0`), gradients of final states as `d_h`; what the function does not take is zero.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from derive.errors import InputError
from verify.code.layouts.layout import Binding
from verify.numbers.case import Array, Case


class Backward(Protocol):
    """What is checked: gradients by name, of J = Σ d_ys · ys (+ Σ d_final · final), from parameters and inputs."""

    def __call__(self, params: dict[str, Array], x: Array, d_ys: Array, **states: Array) -> Mapping[str, Array]: ...


@dataclass(frozen=True)
class Observed:
    """One gradient that the person's function returned, under its label and the cell's name; None: not returned."""

    label: str
    ours: str
    value: Array | None


@dataclass(frozen=True)
class Observation:
    """What one call of the function gave. `changed` names the arguments that it wrote to."""

    gradients: tuple[Observed, ...]
    outputs: Array | None
    changed: tuple[str, ...]


def initial_words(name: str) -> tuple[str, ...]:
    """What an initial state may be called in a signature."""
    return (name, f"{name}0", f"{name}_0", f"{name}_prev", f"{name}prev", f"{name}_init")


def gradient_words(name: str) -> tuple[str, ...]:
    """What a gradient may be called."""
    return (name, f"d{name}", f"d_{name}", f"grad_{name}", f"{name}_grad", f"g{name}")


def final_words(name: str) -> tuple[str, ...]:
    """What the gradient of a final state may be called in a signature."""
    ends = ("", "_next", "next", "_final", "_T", "T", "_last")
    return tuple(f"{start}{name}{end}" for end in ends for start in ("d_", "d"))


class Signature:
    """The parameters of a function by which it can be called, without the first ones, which are given by place."""

    def __init__(self, function: Callable[..., Any], by_place: int) -> None:
        try:
            found = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            found = ()  # type: ignore[assignment]
        self.anything = any(p.kind is p.VAR_KEYWORD for p in found)
        by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        self.names = [p.name for place, p in enumerate(found) if p.kind in by_name and place >= by_place]

    def word(self, words: Sequence[str]) -> str | None:
        """The first of the words that the function takes."""
        taken = next((word for word in words if word in self.names), None)
        return words[0] if taken is None and self.anything else taken


class Adapter:
    """A person's function, bound to a cell, names and a layout."""

    def __init__(self, function: Any, binding: Binding) -> None:
        self.function, self.binding = function, binding
        self.two_passes = hasattr(function, "forward") and hasattr(function, "backward")
        if not self.two_passes and not callable(function):
            raise InputError(
                f"{type(function).__name__} can be neither called nor does it have forward and backward",
                hint="give f(params, x, d_ys, ...) -> grads, or a module with forward and backward",
            )

    @cached_property
    def _forward(self) -> Signature:
        return Signature(self.function.forward, 2) if self.two_passes else Signature(self.function, 3)

    @cached_property
    def _backward(self) -> Signature:
        return Signature(self.function.backward, 2) if self.two_passes else Signature(self.function, 3)

    def _initial(self, state: str) -> str | None:
        return self._forward.word(initial_words(self.binding.their_name(state)))

    def _final(self, state: str) -> str | None:
        name = self.binding.their_name(state)
        # `backward(cache, d_ys, h=…)` takes the gradient of the final state under the state's own name.
        words = (name, *final_words(name)) if self.two_passes else final_words(name)
        return self._backward.word(words)

    def restricted(self, case: Case) -> Case:
        """The case with zeros for what the function does not take."""
        given, d_final = dict(case.given), dict(case.d_final)
        for state in case.cell.states:
            if self._initial(state.name) is None:
                given[state.name] = np.zeros_like(given[state.name])
            if self._final(state.name) is None:
                d_final[state.name] = np.zeros_like(d_final[state.name])
        return replace(case, given=given, d_final=d_final)

    def observe(self, case: Case) -> Observation:
        """Call the function; whatever it raises is passed on."""
        binding, layout, cell = self.binding, self.binding.layout, case.cell
        params = binding.parameters_to(case.given)
        first, *others = (q.name for q in cell.inputs)
        timeless = {q.name for q in cell.inputs if q.time is None}
        sent: dict[str, Array] = {}
        for name in (first, *others):
            to = layout.state_to if name in timeless else layout.sequence_to
            sent[name] = to(case.given[name])
        x = sent.pop(first)
        more = {w: v for n, v in sent.items() if (w := self._forward.word((binding.their_name(n),))) is not None}
        initial = {
            w: layout.state_to(case.given[s.name]) for s in cell.states if (w := self._initial(s.name)) is not None
        }
        final = {
            w: layout.state_to(case.d_final[s.name]) for s in cell.states if (w := self._final(s.name)) is not None
        }
        functions = {name: chosen for name, chosen in case.functions.items() if self._forward.word((name,))}
        d_ys = layout.sequence_to(case.d_output)
        everything = {**{f"params[{n!r}]": v for n, v in params.items()}, "x": x, "d_ys": d_ys}
        everything |= {**more, **{f"initial {n}": v for n, v in initial.items()}}
        before = {name: value.copy() for name, value in everything.items()}
        if self.two_passes:
            passed = self.function.forward(params, x, **more, **initial, **functions)
            outputs, cache = (passed[0], passed[-1]) if isinstance(passed, tuple) else (None, passed)
            returned = self.function.backward(cache, d_ys, **final)
        else:
            outputs, returned = None, self.function(params, x, d_ys, **more, **initial, **final, **functions)
        changed = tuple(n for n, v in everything.items() if not np.array_equal(before[n], v, equal_nan=True))
        if isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping):
            outputs, returned = returned
        if isinstance(outputs, np.ndarray):
            outputs = layout.losses_from(outputs) if cell.is_loss else layout.sequence_from(outputs)
        return Observation(tuple(self._read(returned, case, list(params))), outputs, changed)

    def _read(self, returned: Any, case: Case, order: list[str]) -> list[Observed]:
        binding, layout, cell = self.binding, self.binding.layout, case.cell
        if isinstance(returned, list | tuple) and len(returned) == len(order):
            returned = dict(zip(order, returned, strict=True))
        if not isinstance(returned, Mapping):
            kind = type(returned).__name__
            hint = f"return a dict by the names {', '.join(order)}, or as many arrays in that order"
            raise InputError(f"the function returned {kind} instead of gradients by name", hint=hint)

        def found(words: Sequence[str]) -> Array | None:
            word = next((word for word in words if word in returned), None)
            try:
                return None if word is None or returned[word] is None else np.array(returned[word])
            except ValueError:
                raise InputError(f"the gradient {word} is no array: its parts have different shapes") from None

        observed = []
        for part in binding.parts(case.given):
            value = found(gradient_words(part.theirs))
            if value is not None:
                value = binding.block(part, value, case.given[part.ours].ndim)
            observed.append(Observed(part.label, part.ours, value))
        inputs = [q for q in cell.inputs if q not in cell.targets]
        for place, quantity in enumerate(inputs):
            words = gradient_words(binding.their_name(quantity.name)) + (("x", "dx", "d_x") if place == 0 else ())
            value = found(words)
            if value is not None:
                value = layout.state_from(value) if quantity.time is None else layout.sequence_from(value)
            observed.append(Observed(quantity.name, quantity.name, value))
        for state in cell.states:
            value = found([w for name in initial_words(binding.their_name(state.name)) for w in gradient_words(name)])
            observed.append(Observed(state.name, state.name, None if value is None else layout.state_from(value)))
        return observed
