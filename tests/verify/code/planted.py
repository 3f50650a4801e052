"""Mistakes planted in programs that are not run by the code under test: modules written from a spoilt derivation,
loops over single steps written by hand, and finished gradients spoilt by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.errors import ProgramFault
from derive.targets import numpy as numpy_target
from verify.code.mistakes.local import as_written, summed
from verify.code.mistakes.registry import Laboratory, Variation, variations
from verify.numbers.case import Case
from verify.numbers.load import load
from verify.truth.world import distinct_sizes

Grads = dict[str, Any]


@cache
def derived(cell: Cell) -> tuple[Derivation, ModuleType, tuple[Variation, ...]]:
    derivation = as_written(differentiate(cell))
    return derivation, load(numpy_target.module(derivation), cell.name), tuple(variations(derivation))


def lowered(cell: Cell, *together: Variation) -> Any:
    """A program written from the spoilt derivation, step by step where there are steps; raises ValueError where it
    cannot be written."""
    derivation = derived(cell)[0]
    for variation in sorted(together, key=lambda v: v.rank):
        assert variation.change is not None
        derivation = variation.change(derivation)
    try:
        text = numpy_target.module(summed(derivation))
    except ProgramFault as fault:
        raise ValueError(f"a program with this mistake cannot be written: {fault}") from None
    module = load(text, "planted")
    return Looped(module) if cell.states else module


@dataclass(frozen=True)
class Looped:
    """A program for a recurrent cell written around single steps, with the places where loops go wrong."""

    module: ModuleType
    carry: Callable[[str, int, int, Any, Any], Any] = lambda state, step, steps, passed, first: passed
    seeds: Callable[[Any], Any] = lambda d_ys: d_ys
    steps: Callable[[int], range] = range
    collect: Callable[[list[Any]], Any] = lambda shares: np.sum(shares, axis=0)
    start: Callable[[str, Any], Any] = lambda state, value: value
    end: Callable[[str, Any], Any] = lambda state, value: value
    each_output: int | None = None

    def forward(self, params: Any, x: Any, **states: Any) -> Any:
        now = {name: self.start(name, value) for name, value in states.items()}
        caches, ys = [], []
        for t in range(len(x)):
            y, now, cache = self.module.step(params, x[t], **now)
            caches.append(cache)
            ys.append(y)
        return np.array(ys), now, (params, x, caches)

    def backward(self, cache: Any, d_ys: Any, **states: Any) -> Grads:
        if self.each_output is None:
            return self._back(cache, self.seeds(d_ys), states, self.steps(len(d_ys)))
        total: Grads = {}
        for last in range(len(d_ys)):
            seeds = np.zeros_like(d_ys)
            seeds[last] = d_ys[last]
            final = states if last == len(d_ys) - 1 else {k: np.zeros_like(v) for k, v in states.items()}
            part = self._back(cache, seeds, final, range(max(0, last - self.each_output + 1), last + 1), last)
            total = {name: value + total.get(name, 0) for name, value in part.items()}
        return total

    def _back(self, cache: Any, d_ys: Any, states: Any, steps: range, last: int | None = None) -> Grads:
        params, x, caches = cache
        T = len(caches)
        carried = first = {name: self.end(name, value) for name, value in states.items()}
        shares: dict[str, list[Any]] = {name: [] for name in params}
        dx = np.zeros_like(x)
        for t in reversed(range(T)):
            if t not in steps:
                continue
            found = self.module.step_backward(caches[t], d_ys[t], **carried)
            like = {**params, **carried, "x": x[t]}
            found = {name: np.broadcast_to(value, like[name].shape) for name, value in found.items()}
            dx[t] = found["x"]
            for name in params:
                shares[name].insert(0, found[name])
            carried = {name: self.carry(name, t, T, found[name], first[name]) for name in states}
        if steps.start > 0:
            carried = {name: np.zeros_like(value) for name, value in carried.items()}
        return {**{name: self.collect(found) for name, found in shares.items()}, "x": dx, **carried}


def loops(cell: Cell, module: ModuleType) -> Iterator[tuple[str, Looped]]:
    """Loops with the name of their mistake."""
    for state in [s.name for s in cell.states]:

        def left_out(name: str, t: int, T: int, passed: Any, first: Any, state: str = state) -> Any:
            return np.zeros_like(passed) if name == state and t > 0 else passed

        def kept(name: str, t: int, T: int, passed: Any, first: Any, state: str = state) -> Any:
            return first if name == state and t > 0 else passed

        def no_start(name: str, value: Any, state: str = state) -> Any:
            return np.zeros_like(value) if name == state else value

        yield "carry left out", Looped(module, carry=left_out)
        yield "carry not updated", Looped(module, carry=kept)
        yield "initial state ignored", Looped(module, start=no_start)
        yield "final state ignored", Looped(module, end=no_start)
    for k in (1, 2, 3, 4):

        def chunks(name: str, t: int, T: int, passed: Any, first: Any, k: int = k) -> Any:
            return np.zeros_like(passed) if t > 0 and (T - t) % k == 0 else passed

        def aligned(name: str, t: int, T: int, passed: Any, first: Any, k: int = k) -> Any:
            return np.zeros_like(passed) if t > 0 and t % k == 0 else passed

        yield "truncated", Looped(module, carry=chunks)
        yield "truncated", Looped(module, carry=aligned)
        yield "truncated", Looped(module, each_output=k)
        yield "last steps only", Looped(module, steps=lambda T, k=k: range(max(T - k, 0), T))  # type: ignore[misc]
    yield (
        "truncated",
        Looped(module, carry=lambda n, t, T, p, f: np.zeros_like(p) if t > 0 and (T - t) % 20 == 0 else p),
    )
    yield "overwritten", Looped(module, collect=lambda shares: shares[0])
    yield "overwritten", Looped(module, collect=lambda shares: shares[-1])
    yield "wrong bounds of the sum", Looped(module, collect=lambda s: np.sum(s[1:], axis=0) if len(s) > 1 else s[0])
    yield "outputs in the wrong order", Looped(module, seeds=lambda d: d[::-1])
    yield "outputs one step off", Looped(module, seeds=lambda d: np.concatenate((d[1:], 0 * d[:1])))
    yield "last output only", Looped(module, seeds=lambda d: np.concatenate((0 * d[:-1], d[-1:])))


@dataclass(frozen=True)
class Spoilt:
    """A right program whose finished gradients are spoilt; `sizes` gives T and B."""

    module: Any
    spoil: Callable[[Grads, int, int], Grads]

    def forward(self, params: Any, x: Any, **more: Any) -> Any:
        outputs, final, cache = self.module.forward(params, x, **more)
        return outputs, final, (cache, x.shape)

    def backward(self, cache: Any, d_ys: Any, **states: Any) -> Grads:
        inner, (T, B, _) = cache
        return self.spoil(dict(self.module.backward(inner, d_ys, **states)), T, B)


def spoilings(module: ModuleType) -> Iterator[tuple[str, Callable[[Grads, int, int], Grads]]]:
    """Ways to spoil finished gradients with the name of the mistake."""
    parameters = list(module.PARAMETERS)

    def some(names: list[str], change: Callable[[Any, int, int], Any]) -> Callable[[Grads, int, int], Grads]:
        return lambda g, T, B: {n: change(v, T, B) if n in names else v for n, v in g.items()}

    groups = [parameters, parameters[:1], parameters[-1:], parameters[1:]]
    for names in groups:
        yield "constant factor", some(names, lambda v, T, B: v / B)
        yield "constant factor", some(names, lambda v, T, B: v / T)
        yield "constant factor", some(names, lambda v, T, B: v * B)
        yield "constant factor", some(names, lambda v, T, B: v / (B * T))
        yield "sign", some(names, lambda v, T, B: -v)
        yield "clipped", some(names, lambda v, T, B: np.clip(v, -0.1, 0.1))
        yield "left at zero", some(names, lambda v, T, B: 0 * v)
    yield "clipped", some(parameters, lambda v, T, B: np.clip(v, -5, 5))
    yield "clipped", some(parameters, lambda v, T, B: np.clip(v, -100, 100))
    for names in [[n] for n in parameters if len(module.PARAMETERS[n]) == 2]:
        yield "transposed gradient", some(names, lambda v, T, B: v.T)
    vectors = [n for n in parameters if len(module.PARAMETERS[n]) == 1]
    if len(vectors) > 1:
        yield (
            "bias shared",
            lambda g, T, B: {**g, **dict.fromkeys(vectors, np.sum([g[n] for n in vectors], axis=0))},
        )
    for a in parameters:
        for b in parameters:
            if a < b and module.PARAMETERS[a] == module.PARAMETERS[b]:
                yield "in another's place", lambda g, T, B, a=a, b=b: {**g, a: g[b], b: g[a]}  # type: ignore[misc]


@dataclass(frozen=True)
class Run:
    """What the interpreter of the check itself predicts, for mistakes that no module can be written with."""

    cell: Cell
    together: tuple[Variation, ...]

    def forward(self, params: Any, x: Any, **more: Any) -> Any:
        outputs, final, _ = derived(self.cell)[1].forward(params, x, **more)
        return outputs, final, (params, x, more)

    def backward(self, cache: Any, d_ys: Any, **states: Any) -> Grads:
        params, x, more = cache
        sizes = {str(letter): number for letter, number in distinct_sizes(self.cell).items()}
        functions = {function.base: more[function.base] for function in self.cell.open_functions}
        given = {**params, self.cell.inputs[0].name: x, **{k: v for k, v in more.items() if k not in functions}}
        case = Case(self.cell, sizes, len(x), x.shape[1], given, d_ys, states, functions)
        found = Laboratory(derived(self.cell)[0], case).predict(*self.together)
        if found is None:
            raise ValueError("these mistakes exclude each other")
        return dict(found.gradients)
