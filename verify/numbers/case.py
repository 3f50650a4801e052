"""Random arrays for one cell in the layout of the generated modules, and J computed by such a module.

Time-major batches of rows: per-step quantities (T, B, n), states and constant inputs (B, n), parameters (n, m), (n,)
or (). J = Σ d_ys · ys + Σ d_final · final, with random d_ys and d_final, so that every output and final state counts.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from derive.cell import Cell
from derive.nodes import Quantity
from verify.truth.exact import whole

Array: TypeAlias = NDArray[Any]
Arrays: TypeAlias = Mapping[str, Array]

DEFAULT_FUNCTION = "tanh"
"""What a function that the cell leaves open, such as f, stands for where nothing else is chosen."""


def axes(quantity: Quantity, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The axes of one value in the layout of the code: a column of n entries is (n,)."""
    numbers = {symbol: sizes[str(symbol)] for dimension in quantity.shape for symbol in dimension.free_symbols}
    rows, cols = (whole(dimension, numbers) for dimension in quantity.shape)
    # The letter decides, not the number: a matrix of one column because D is 1 today stays a matrix.
    if quantity.shape[1] == 1:
        return (rows,)
    return (cols,) if quantity.shape[0] == 1 else (rows, cols)


def called(function: Callable[..., Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by the names that a generated function has for them: B_ of an input B, as B counts the examples."""
    taken = inspect.signature(function).parameters
    return {next((n for n in (name, f"{name}_") if n in taken), name): value for name, value in named.items()}


@dataclass(frozen=True)
class Case:
    """The arrays of one call: what is given by name (parameters, inputs, initial states), and the seeds of J.

    `lengths` (B,) are the steps of each sequence, T for all where it is None.
    """

    cell: Cell
    sizes: Mapping[str, int]
    T: int
    B: int
    given: Arrays
    d_output: Array
    d_final: Arrays
    functions: Mapping[str, str] = field(default_factory=dict)
    lengths: Array | None = None

    @classmethod
    def draw(
        cls,
        cell: Cell,
        sizes: Mapping[str, int],
        T: int,
        B: int,
        rng: np.random.Generator,
        functions: Mapping[str, str] | None = None,
    ) -> Case:
        """Random numbers everywhere, initial states included, the cell's declared facts imposed on the data."""
        given: dict[str, Array] = {}
        for parameter in cell.parameters:
            shape = axes(parameter, sizes)
            drawn = rng.normal(size=() if parameter.shape == (1, 1) else shape) * _spread(shape)
            given[parameter.name] = np.asarray(drawn)
        for quantity in cell.inputs:
            given[quantity.name] = rng.normal(size=_lead(quantity, T, B) + axes(quantity, sizes))
        for target in cell.targets:
            raw = rng.uniform(0.1, 0.9, size=given[target.name].shape)
            given[target.name] = raw
        for assumption in cell.assumptions:
            name = assumption.quantity.name
            if name in given and assumption.kind == "sums to one":
                raw = rng.uniform(0.1, 0.9, size=given[name].shape)
                given[name] = raw / raw.sum(axis=-1, keepdims=True)
            elif name in given and assumption.kind == "one-hot":
                hot = rng.integers(given[name].shape[-1], size=given[name].shape[:-1])
                given[name] = np.eye(given[name].shape[-1])[hot]
        for state in cell.states:
            given[state.name] = rng.normal(size=(B, *axes(state, sizes)))
        by_name = {state.name: state for state in cell.states}
        for name, start in cell.starts:
            given[start] = rng.normal(size=axes(by_name[name], sizes))
        of_output = () if cell.is_loss else axes(cell.output, sizes)
        d_output = rng.normal(size=(T, B, *of_output))
        d_final = {state.name: rng.normal(size=(B, *axes(state, sizes))) for state in cell.states}
        chosen = {f.base: (functions or {}).get(f.base, DEFAULT_FUNCTION) for f in cell.open_functions}
        return cls(cell, dict(sizes), T, B, given, d_output, d_final, chosen)

    @property
    def declared(self) -> tuple[str, ...]:
        """The functions whose slopes are declared, so that no difference of what is computed shows them."""
        return self.cell.declared_slopes

    @property
    def differentiable(self) -> tuple[str, ...]:
        """The names that have a gradient: parameters, inputs without targets, and states."""
        targets = {target.name for target in self.cell.targets}
        inputs = (q.name for q in self.cell.inputs if q.name not in targets)
        return (*(q.name for q in self.cell.parameters), *inputs, *(q.name for q in self.cell.states))

    def cast(self, dtype: Any) -> Case:
        """The same case in another number type."""
        return replace(
            self,
            given={name: value.astype(dtype) for name, value in self.given.items()},
            d_output=self.d_output.astype(dtype),
            d_final={name: value.astype(dtype) for name, value in self.d_final.items()},
        )

    def scaled(self, factor: float) -> Case:
        """The same case with smaller (or larger) parameters, inputs and states; targets stay what they are."""
        targets = {target.name for target in self.cell.targets}
        given = {name: value if name in targets else factor * value for name, value in self.given.items()}
        return replace(self, given=given)

    def examples(self) -> list[Case]:
        """The batch taken apart: one case with B = 1 for every example, as long as its sequence."""
        return [self._alone(k) for k in range(self.B)]

    def of(self, k: int, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What is given of example k, as a batch of one."""
        values = dict(self.given if given is None else given)
        T = self.T if self.lengths is None else int(self.lengths[k])
        for quantity in self.cell.inputs:
            value = values[quantity.name]
            values[quantity.name] = value[k : k + 1] if quantity.time is None else value[:T, k : k + 1]
        for state in self.cell.states:
            values[state.name] = values[state.name][k : k + 1]
        return values

    def _alone(self, k: int) -> Case:
        T = self.T if self.lengths is None else int(self.lengths[k])
        d_final = {name: value[k : k + 1] for name, value in self.d_final.items()}
        d_output = self.d_output[:T, k : k + 1]
        return replace(self, T=T, B=1, given=self.of(k), d_output=d_output, d_final=d_final, lengths=None)

    # Calls of a generated module

    def named(self, quantities: Sequence[Quantity], given: Arrays | None = None) -> dict[str, Array]:
        """The given arrays of some quantities."""
        values = self.given if given is None else given
        return {quantity.name: np.asarray(values[quantity.name]) for quantity in quantities}

    def prepared(self, module: ModuleType, given: Arrays | None = None) -> Callable[[], tuple[Array, Arrays, Any]]:
        """`forward` of the module with its arguments, which are arranged once."""
        params = self.named(self.cell.parameters, given)
        values = self.given if given is None else given
        params |= {start: np.asarray(values[start]) for _, start in self.cell.starts}
        positional: list[Any] = [*self.named(self.cell.inputs[:1], given).values()]
        rest = self.named((*self.cell.inputs[1:], *self.cell.states), given)
        if not any(quantity.time is not None for quantity in self.cell.inputs):
            positional.append(self.T)
        if self.lengths is not None:
            rest["lengths"] = self.lengths
        return partial(module.forward, params, *positional, **called(module.forward, rest), **self.functions)

    def forward(self, module: ModuleType, given: Arrays | None = None) -> tuple[Array, Arrays, Any]:
        """Outputs (losses of a head), final states (intermediates of a head) and the cache."""
        return self.prepared(module, given)()

    def objective(self, module: ModuleType, given: Arrays | None = None) -> Any:
        """J of the given arrays."""
        outputs, final, _ = self.forward(module, given)
        total = np.sum(self.d_output * outputs)
        for name, seed in self.d_final.items():
            total = total + np.sum(seed * final[name])
        return total

    def backward(self, module: ModuleType) -> dict[str, Array]:
        """The module's gradients of J by name."""
        _, _, cache = self.forward(module)
        found = dict(module.backward(cache, self.d_output, **self.d_final))
        inputs = [q.name for q in self.cell.inputs if q not in self.cell.targets]
        if inputs and inputs[0] not in found and "x" in found:
            found[inputs[0]] = found.pop("x")  # the main input may go by the name of the argument
        return found


def _lead(quantity: Quantity, T: int, B: int) -> tuple[int, ...]:
    return (B,) if quantity.time is None else (T, B)


def _spread(shape: tuple[int, ...]) -> float:
    # Pre-activations of order one, whatever the sizes: saturated functions would hide mistakes.
    return float(1 / np.sqrt(shape[-1])) if len(shape) > 1 else 1.0
