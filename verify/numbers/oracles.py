"""Other people's differentiation: the forward equations interpreted over torch or JAX arrays, and their autograd.

The interpreter reads the cell's equations, not the generated code, so that a wrong forward pass shows as well. Values
are batches of column vectors (B, n, 1); parameters are matrices (n, m).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from functools import partial, reduce, singledispatch
from types import ModuleType
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
import sympy
from sympy import (
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    Lambda,
    MatAdd,
    MatMul,
    OneMatrix,
    Transpose,
    ZeroMatrix,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from derive import functions, nodes
from derive.functions import ScalarFunction
from derive.nodes import Concat, Elementwise, Node, Quantity, Slice, Softmax
from verify.numbers.case import Array, Arrays, Case
from verify.truth.exact import rational, whole
from verify.truth.field import UnsupportedError


class Engine(Protocol):
    """What the interpreter needs of an array library; functions go by the names all three libraries use."""

    @property
    def library(self) -> Any: ...

    def array(self, value: Array) -> Any: ...

    def concatenate(self, parts: list[Any], axis: int) -> Any: ...

    def largest(self, value: Any) -> Any:
        """The maximum over the rows of a column, as a constant."""

    def held(self, value: Any) -> Any:
        """The same values, as constants."""


class NumPy:
    """NumPy itself: the values of the equations, and with complex numbers their rates of change."""

    @property
    def library(self) -> Any:
        return np

    def array(self, value: Array) -> Any:
        return np.asarray(value)

    def concatenate(self, parts: list[Any], axis: int) -> Any:
        return np.concatenate(parts, axis)

    def largest(self, value: Any) -> Any:
        return value.max(-2, keepdims=True)

    def held(self, value: Any) -> Any:
        return np.real(value)


class Torch:
    """PyTorch on the CPU."""

    def __init__(self, library: ModuleType) -> None:
        self._torch = library

    @property
    def library(self) -> Any:
        return self._torch

    def array(self, value: Array) -> Any:
        return self.library.tensor(value, dtype=self.library.float64)

    def concatenate(self, parts: list[Any], axis: int) -> Any:
        return self.library.cat(parts, axis)

    def largest(self, value: Any) -> Any:
        return value.detach().amax(-2, keepdim=True)

    def held(self, value: Any) -> Any:
        return value.detach() if isinstance(value, self._torch.Tensor) else value


class Jax:
    """JAX on the CPU."""

    def __init__(self, library: ModuleType, numpy: ModuleType) -> None:
        self._jax, self._numpy = library, numpy

    @property
    def library(self) -> Any:
        return self._numpy

    def array(self, value: Array) -> Any:
        return self.library.asarray(value)

    def concatenate(self, parts: list[Any], axis: int) -> Any:
        return self.library.concatenate(parts, axis)

    def largest(self, value: Any) -> Any:
        return self._jax.lax.stop_gradient(value.max(-2, keepdims=True))

    def held(self, value: Any) -> Any:
        return self._jax.lax.stop_gradient(value)


class Scope:
    """Values of quantities by name and step, numbers for sizes, and the choice for every open function."""

    def __init__(self, engine: Engine, case: Case) -> None:
        self.engine = engine
        self.numbers = {symbol: case.sizes[str(symbol)] for symbol in case.cell.sizes}
        self.functions = case.functions
        self.now: dict[Quantity, Any] = {}

    def whole(self, size: Expr) -> int:
        return whole(size, self.numbers)


@singledispatch
def interpret(node: Node, scope: Scope) -> Any:
    """The value of a node in the scope. Raises UnsupportedError, with its name, for a node without a rule."""
    raise UnsupportedError(f"no array arithmetic for the node {type(node).__name__}")


@interpret.register(Quantity)
def _quantity(node: Quantity, scope: Scope) -> Any:
    return scope.now[node]


@interpret.register(MatAdd)
def _sum(node: MatAdd, scope: Scope) -> Any:
    return reduce(lambda a, b: a + b, (interpret(term, scope) for term in node.args))


@interpret.register(MatMul)
def _product(node: MatMul, scope: Scope) -> Any:
    number, factors = 1.0, []
    for part in node.args:
        if part.is_Matrix:
            factors.append(interpret(part, scope))
        else:
            number *= float(rational(part, scope.numbers))
    product = reduce(scope.engine.library.matmul, factors)
    return product if number == 1 else number * product


@interpret.register(Transpose)
def _transpose(node: Transpose, scope: Scope) -> Any:
    return scope.engine.library.swapaxes(interpret(node.arg, scope), -1, -2)


@interpret.register(HadamardProduct)
def _entrywise_product(node: HadamardProduct, scope: Scope) -> Any:
    return reduce(lambda a, b: a * b, (interpret(part, scope) for part in node.args))


@interpret.register(HadamardPower)
def _entrywise_power(node: HadamardPower, scope: Scope) -> Any:
    return interpret(node.base, scope) ** _number(node.exp)


@interpret.register(Elementwise)
def _elementwise(node: Elementwise, scope: Scope) -> Any:
    return _apply(node.function, [interpret(operand, scope) for operand in node.operands], scope)


def _apply(function: ScalarFunction, operands: list[Any], scope: Scope) -> Any:
    if not function.specified:
        chosen = functions.function(scope.functions[function.base])
        assert chosen is not None, function.name
        if function.name == f"{function.base}'":
            value = _apply(chosen, operands, scope)
            return _scalar(functions.slope(chosen), {functions.a: operands[0], functions.y: value}, scope)
        if function.name != function.base:
            raise UnsupportedError(f"no array arithmetic for {function.name}")
        function = chosen
    if function == functions.function("sigmoid"):
        # As it is defined, exp(-a) overflows where σ is flat, and an engine's slope there is inf · 0.
        return 0.5 * scope.engine.library.tanh(0.5 * operands[0]) + 0.5
    if function == functions.function("softplus"):
        library, a = scope.engine.library, operands[0]
        large = a.real > 0  # log(1 + exp(a)) = a + log(1 + exp(-a)), also of complex numbers
        return library.where(large, a, 0 * a) + library.log1p(library.exp(library.where(large, -a, a)))
    if function.declared is not None:
        return _with_slope(function, function.declared, operands[0], scope)
    known = dict(zip(function.body.variables, operands, strict=True))
    return _scalar(function.body.expr, known, scope)


def _with_slope(function: ScalarFunction, declared: Lambda, operand: Any, scope: Scope) -> Any:
    """A function to first order about the operand, with the slope that is declared for it: f(a) + f'(a) (da)."""
    at = scope.engine.held(operand)
    value = _scalar(function.body(functions.a), {functions.a: at}, scope)
    slope = _scalar(declared(functions.a), {functions.a: at}, scope)
    return value + slope * (operand - at)


_CALLS: Mapping[type[Expr], str] = {
    sympy.exp: "exp", sympy.log: "log", sympy.tanh: "tanh", sympy.sin: "sin", sympy.cos: "cos", sympy.Abs: "abs",
    sympy.sinh: "sinh", sympy.cosh: "cosh", sympy.sign: "sign",
    sympy.erf: "erf", sympy.floor: "floor", sympy.ceiling: "ceil",
}  # fmt: skip
"""SymPy functions by the name that the array libraries share."""


def _scalar(expression: Expr, known: Mapping[Expr, Any], scope: Scope) -> Any:
    """A scalar SymPy expression, entry by entry."""
    library = scope.engine.library
    if expression in known:
        return known[expression]
    if expression.is_number:
        return float(expression)
    parts = [_scalar(part, known, scope) for part in expression.args]
    if expression.is_Add:
        return reduce(lambda a, b: a + b, parts)
    if expression.is_Mul:
        return reduce(lambda a, b: a * b, parts)
    if expression.is_Pow:
        return parts[0] ** _number(expression.exp)
    if isinstance(expression, sympy.Max):
        return reduce(lambda a, b: library.where(_more(a, b, library), a, b), parts)
    if isinstance(expression, sympy.Min):
        return reduce(lambda a, b: library.where(_more(a, b, library), b, a), parts)
    if isinstance(expression, sympy.Heaviside):
        return library.where(parts[0] > 0, 1 + 0 * parts[0], 0 * parts[0])
    name = _CALLS.get(type(expression))
    if name in ("sign", "floor", "ceil"):
        return getattr(library, name)(parts[0].real)
    if name == "abs":
        return library.where(parts[0].real < 0, -parts[0], parts[0])
    if name is not None:
        return _erf(parts[0], library) if name == "erf" else getattr(library, name)(parts[0])
    raise UnsupportedError(f"no array arithmetic for {expression}")


def _erf(a: Any, library: ModuleType) -> Any:
    """The error function, which each library keeps elsewhere."""
    if hasattr(library, "erf"):
        return library.erf(a)
    if library is np:
        value = np.vectorize(math.erf, otypes=[float])(a.real)
        return value if a.dtype.kind != "c" else value + 2j / np.sqrt(np.pi) * a.imag * np.exp(-a.real * a.real)
    from jax.scipy.special import erf

    return erf(a)


def _more(a: Any, b: Any, library: ModuleType) -> Any:
    return a - b > 0


def _number(exponent: Expr) -> float | int:
    return int(exponent) if exponent.is_Integer else float(exponent)


@interpret.register(Softmax)
def _softmax(node: Softmax, scope: Scope) -> Any:
    z = interpret(node.operand, scope)
    powers = scope.engine.library.exp(z - scope.engine.largest(z))
    return powers / powers.sum(-2)[..., None]


@interpret.register(Concat)
def _concat(node: Concat, scope: Scope) -> Any:
    parts = [interpret(part, scope) for part in node.parts]
    lead = np.broadcast_shapes(*(tuple(part.shape[:-2]) for part in parts))
    spread = [scope.engine.library.broadcast_to(part, (*lead, *part.shape[-2:])) for part in parts]
    return scope.engine.concatenate(spread, node.axis - 2)


@interpret.register(Slice)
def _slice(node: Slice, scope: Scope) -> Any:
    operand = interpret(node.operand, scope)
    part = slice(start := scope.whole(node.start), start + scope.whole(node.length))
    return operand[..., part, :] if node.axis == 0 else operand[..., part]


@interpret.register(OneMatrix)
@interpret.register(ZeroMatrix)
def _constant(node: OneMatrix, scope: Scope) -> Any:
    fill = np.ones if isinstance(node, OneMatrix) else np.zeros
    return scope.engine.array(fill([scope.whole(dimension) for dimension in node.shape]))


@interpret.register(Identity)
def _identity(node: Identity, scope: Scope) -> Any:
    return scope.engine.array(np.eye(scope.whole(node.shape[0])))


@interpret.register(DiagMatrix)
def _diag(node: DiagMatrix, scope: Scope) -> Any:
    vector = interpret(node.args[0], scope)
    return vector * scope.engine.array(np.eye(vector.shape[-2]))


@interpret.register(DiagonalOf)
def _diagonal(node: DiagonalOf, scope: Scope) -> Any:
    matrix = interpret(node.arg, scope)
    return (matrix * scope.engine.array(np.eye(matrix.shape[-1]))).sum(-1)[..., None]


def simulate(engine: Engine, case: Case, given: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Run the cell's equations over all steps: the outputs (B, n, 1) of every step and the final states."""
    cell, scope = case.cell, Scope(engine, case)
    constants = {q: column(given[q.name], q, scope, ()) for q in cell.parameters}
    constants |= {q: column(given[q.name], q, scope, (case.B,)) for q in cell.inputs if q.time is None}
    states = {state: column(given[state.name], state, scope, (case.B,)) for state in cell.states}
    outputs = []
    for time in range(case.T):
        scope.now = dict(constants)
        scope.now |= {q: column(given[q.name][time], q, scope, (case.B,)) for q in cell.inputs if q.time is not None}
        scope.now |= {state.at(nodes.t - 1): value for state, value in states.items()}
        for equation in cell.equations:
            scope.now[equation.symbol] = interpret(equation.expression, scope)
        states = {state: scope.now[state] for state in states}
        outputs.append(scope.now[cell.output])
    return outputs, {state.name: value for state, value in states.items()}


def objective(engine: Engine, case: Case, given: Mapping[str, Any]) -> Any:
    """J of the case by the interpreter; sequences of different lengths are run one by one."""
    if case.lengths is not None:
        return sum(objective(engine, one, case.of(k, given)) for k, one in enumerate(case.examples()))
    scope = Scope(engine, case)
    outputs, final = simulate(engine, case, given)
    total = engine.array(np.zeros(()))
    for value, seed in zip(outputs, case.d_output, strict=True):
        total = total + (value * column(engine.array(seed), case.cell.output, scope, (case.B,))).sum()
    for state in case.cell.states:
        seed = column(engine.array(case.d_final[state.name]), state, scope, (case.B,))
        total = total + (final[state.name] * seed).sum()
    return total


C = TypeVar("C", bound=Case)
Objective: TypeAlias = Callable[[Engine, C, Mapping[str, Any]], Any]
"""J of a case in an engine, from the given arrays."""


def by_equations(case: C, objective: Objective[C]) -> Callable[[Arrays], Any] | None:
    """J by the equations with the declared slopes, to first order for complex arrays; None where none is declared."""
    return partial(objective, NumPy(), case) if case.declared else None


def column(value: Any, quantity: Quantity, scope: Scope, lead: tuple[int, ...]) -> Any:
    """An array in the layout of the code as a batch of matrices."""
    return value.reshape((*lead, *(scope.whole(dimension) for dimension in quantity.shape)))


def torch_gradients(case: Case) -> dict[str, Array] | None:
    """The gradients of J by torch autograd in float64; None where torch is not installed."""
    return gradients_by_torch(case, objective)


def jax_gradients(case: Case) -> dict[str, Array] | None:
    """The gradients of J by jax.grad in float64; None where JAX is not installed."""
    return gradients_by_jax(case, objective)


def gradients_by_torch(case: C, objective: Objective[C]) -> dict[str, Array] | None:
    """The gradients of an objective by torch autograd in float64; None where torch is not installed."""
    library = imported("torch")
    if library is None:
        return None
    engine = Torch(library)
    given = {name: engine.array(value) for name, value in case.given.items()}
    for name in case.differentiable:
        given[name].requires_grad_()
    total = objective(engine, case, given)
    if total.requires_grad:  # without a step and without a state, J is a constant
        total.backward()
    return {
        name: np.zeros(case.given[name].shape) if given[name].grad is None else given[name].grad.numpy()
        for name in case.differentiable
    }


def gradients_by_jax(case: C, objective: Objective[C]) -> dict[str, Array] | None:
    """The gradients of an objective by jax.grad in float64; None where JAX is not installed."""
    library, numpy = imported("jax"), imported("jax.numpy")
    if library is None or numpy is None:
        return None
    with library.enable_x64(True):
        engine = Jax(library, numpy)
        fixed = {name: engine.array(v) for name, v in case.given.items() if name not in case.differentiable}
        moving = {name: engine.array(case.given[name]) for name in case.differentiable}
        # Not compiled: operations are cached across cells, a program of all steps would be compiled for each.
        gradient: Callable[[Any], Any] = library.grad(lambda arrays: objective(engine, case, {**fixed, **arrays}))
        return {name: np.asarray(value) for name, value in gradient(moving).items()}


def imported(name: str) -> ModuleType | None:
    """A library that need not be there; None where it is not."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def values(case: Case) -> tuple[Array, dict[str, Array]]:
    """The outputs and final states of the case by the interpreter, in the layout of the code."""
    if case.lengths is not None:
        outputs, final = np.zeros_like(case.d_output), {name: np.empty_like(v) for name, v in case.d_final.items()}
        for k, one in enumerate(case.examples()):
            alone, last = values(one)
            outputs[: one.T, k : k + 1] = alone
            for name, end in last.items():
                final[name][k : k + 1] = end
        return outputs, final
    found, ends = simulate(NumPy(), case, case.given)

    def spread_out(value: Array) -> Array:  # a constant has no batch
        return np.broadcast_to(value, (case.B, *value.shape[-2:]))

    stacked = (
        np.array([*map(spread_out, found)]).reshape(case.d_output.shape) if found else np.zeros_like(case.d_output)
    )
    spread = {name: spread_out(end) for name, end in ends.items()}
    return stacked, {name: spread[name].reshape(case.given[name].shape) for name in ends}
