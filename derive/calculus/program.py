"""The cell as a program to differentiate: pre-activations and gated linear parts get names of their own.

Several paths run through the argument of a gate (its weights, its bias, the input, the states). With a name for it,
its gradient is derived once and every path refers to it, as the field does with δ.
"""

from __future__ import annotations

from dataclasses import replace

from sympy import HadamardProduct, MatAdd, MatMul, OneMatrix

from derive.cell import Cell, Equation
from derive.nodes import Elementwise, Node, Quantity, Softmax, children, leaves, rebuild, t

ARGUMENT, FACTOR = "net", "lin"
"""Prefixes of introduced names: the argument of a function, a linear factor of an elementwise product."""


def named_preactivations(cell: Cell) -> Cell:
    """The same cell with every compound argument of a function, and every linear factor, assigned to a name."""
    taken = set(cell.quantities)
    equations: list[Equation] = []

    def fresh(prefix: str, target: str) -> str:
        name, count = f"{prefix}_{target}", 1
        while name in taken:
            count += 1
            name = f"{prefix}_{target}_{count}"
        taken.add(name)
        return name

    def named(node: Node, target: Equation) -> Node:
        prefix = {Elementwise: ARGUMENT, Softmax: ARGUMENT, HadamardProduct: FACTOR}.get(type(node))
        operands = []
        for child in children(node):
            operand = named(child, target)
            if (prefix == ARGUMENT and _compound(operand)) or (prefix == FACTOR and _linear(operand)):
                rows, cols = operand.shape
                symbol = Quantity(fresh(prefix, target.symbol.name), rows, cols, t)
                equations.append(Equation(symbol, operand, target.place))
                operand = symbol
            operands.append(operand)
        return rebuild(node, operands)

    for equation in cell.equations:
        expression = named(equation.expression, equation)
        equations.append(replace(equation, expression=expression))
    return replace(cell, equations=tuple(equations))


def introduced(cell: Cell, program: Cell) -> frozenset[str]:
    """The names that `named_preactivations` added."""
    return frozenset(program.quantities) - frozenset(cell.quantities)


def _linear(node: Node) -> bool:
    """Whether the node is a matrix product, or a sum with one in it."""
    if isinstance(node, MatAdd):
        return any(_linear(term) for term in node.args)
    factors = [part for part in node.args if part.is_Matrix and part.shape != (1, 1)]
    return isinstance(node, MatMul) and sum(not isinstance(factor, OneMatrix) for factor in factors) > 1


def _compound(node: Node) -> bool:
    return _linear(node) or (isinstance(node, MatAdd) and sum(bool(leaves(term)) for term in node.args) > 1)


def carried(cell: Cell) -> set[str]:
    """The quantities that act on a state, and with it on the steps behind."""
    read = {one.symbol.name: {q.name for q in leaves(one.expression)} for one in cell.equations}
    waiting, found = [state.name for state in cell.states], set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += read.get(name, ())
    return found
