"""How far gradients reach, in numbers: ‖∂s_t/∂s_0‖ of a cell over the steps, and the derived bound on it.

The norm comes from the generated module by the complex step; the bound from `derive.calculus.vanishing`, its parameters
and the values on the way from the equations. The two share no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from types import ModuleType
from typing import Any

import numpy as np
from sympy import HadamardPower, MatAdd, MatMul, OneMatrix, ZeroMatrix

from derive.calculus.vanishing import Reach
from derive.cell import Cell
from derive.nodes import Concat, Largest, Node, Norm, Quantity, t
from verify.numbers.case import Array, Case
from verify.numbers.numeric import COMPLEX_STEP
from verify.numbers.oracles import NumPy, Scope, column, interpret
from verify.truth.exact import rational
from verify.truth.field import UnsupportedError


def jacobians(module: ModuleType, case: Case) -> list[Array]:
    """∂s_t/∂s_0 for t = 0, ..., T, all states stacked in their order; of a case with B = 1."""
    cell = case.cell
    widths = [case.given[state.name].size for state in cell.states]
    ends = np.cumsum(widths)
    total = int(ends[-1])
    shifts = np.split(1j * COMPLEX_STEP * np.eye(total), ends[:-1], axis=1)
    states = {
        state.name: case.given[state.name] + shift for state, shift in zip(cell.states, shifts, strict=True)
    }  # one example for every entry that is disturbed
    params = {q.name: case.given[q.name].astype(np.complex128) for q in cell.parameters}
    found = [np.eye(total)]
    for time in range(case.T):
        first, *others = (_disturbed(case, q, time, total) for q in cell.inputs)
        rest = {q.name: value for q, value in zip(cell.inputs[1:], others, strict=True)}
        _, states, _ = module.step(params, first, **rest, **states, **case.functions)
        found.append(np.concatenate([states[s.name].imag for s in cell.states], axis=1).T / COMPLEX_STEP)
    return found


def _disturbed(case: Case, quantity: Quantity, time: int, total: int) -> Array:
    given = case.given[quantity.name]
    return np.repeat(given if quantity.time is None else given[time], total, axis=0).astype(np.complex128)


class Steps:
    """The values of all quantities of a program at every step of a case with B = 1, by its equations."""

    def __init__(self, program: Cell, case: Case) -> None:
        self.scope = Scope(NumPy(), case)
        given, scope = case.given, self.scope
        constants = {q: column(given[q.name], q, scope, ()) for q in program.parameters}
        constants |= {q: column(given[q.name], q, scope, ()) for q in program.inputs if q.time is None}
        states = {state: column(given[state.name], state, scope, ()) for state in program.states}
        self.values: list[Mapping[Quantity, Any]] = []
        scope.now = dict(constants)
        for time in range(case.T):
            scope.now = dict(constants)
            scope.now |= {q: column(given[q.name][time], q, scope, ()) for q in program.inputs if q.time is not None}
            scope.now |= {state.at(t - 1): before for state, before in states.items()}
            for equation in program.equations:
                scope.now[equation.symbol] = interpret(equation.expression, scope)
            states = {state: scope.now[state] for state in states}
            self.values.append(scope.now)


def bounds(reach: Reach, steps: Steps) -> list[float]:
    """The bound on ‖∂s_t/∂s_0‖ for t = 0, ..., T: powers of the rate, with the largest values among all steps."""
    rate = float(value(reach.rate, steps))
    return [rate**power for power in range(len(steps.values) + 1)]


@singledispatch
def value(node: Node, steps: Steps) -> Any:
    """A scalar node, or a matrix of such, at the step that the scope of the steps stands at."""
    raise UnsupportedError(f"no number for the node {type(node).__name__} in a bound")


@value.register(MatAdd)
def _(node: MatAdd, steps: Steps) -> Any:
    return sum(value(term, steps) for term in node.args)


@value.register(MatMul)
def _(node: MatMul, steps: Steps) -> Any:
    numbers = (
        value(part, steps) if part.is_Matrix else float(rational(part, steps.scope.numbers)) for part in node.args
    )
    return np.prod(list(numbers))


@value.register(HadamardPower)
def _(node: HadamardPower, steps: Steps) -> Any:
    return value(node.base, steps) ** int(node.exp)


@value.register(OneMatrix)
@value.register(ZeroMatrix)
def _(node: Node, steps: Steps) -> Any:
    number = 1.0 if isinstance(node, OneMatrix) else 0.0
    return number if node.shape == (1, 1) else np.full([int(size) for size in node.shape], number)


@value.register(Concat)
def _(node: Concat, steps: Steps) -> Any:
    if node.axis == 0:
        return np.vstack([value(row, steps) for row in node.parts])
    return np.array([[value(part, steps) for part in node.parts]])


@value.register(Norm)
def _(node: Norm, steps: Steps) -> Any:
    if isinstance(node.operand, Concat) and node.operand.parts[0].shape[0] == 1:
        return np.linalg.norm(value(node.operand, steps), 2)
    found = np.asarray(interpret(node.operand, steps.scope))
    return np.abs(found).max() if node.largest else np.linalg.norm(found, 2)


@value.register(Largest)
def _(node: Largest, steps: Steps) -> Any:
    term = node.term.xreplace({node.index: t})  # all the steps there are
    found = []
    for values in steps.values:
        steps.scope.now = dict(values)
        found.append(value(term, steps))
    return max(found, default=0.0)


def direct_norms(reach: Reach, steps: Steps) -> list[float] | None:
    """The norm of what the direct paths carry over t = 0, ..., T steps; None for a cell without one."""
    if not reach.direct:
        return None
    found = [1.0]
    products: list[Any] = [1.0 for _ in reach.direct]
    for values in steps.values:
        steps.scope.now = dict(values)
        gates = [interpret(path.gate, steps.scope) for path in reach.direct]
        products = [product * gate for product, gate in zip(products, gates, strict=True)]
        found.append(max(float(np.abs(product).max()) for product in products))
    return found
