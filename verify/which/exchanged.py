"""A cell whose gate opens the other way round: h = z ⊙ h_{t-1} + (1 - z) ⊙ h̃ beside h = (1 - z) ⊙ h_{t-1} + z ⊙ h̃.

Both are in use. What is true of the one and not of the other is no mistake of arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sympy import MatAdd, OneMatrix

from derive.cell import Cell, Equation
from derive.nodes import Elementwise, Node, Quantity, add, children, coefficient, ones, scale, substitute


def exchanged(cell: Cell) -> Iterator[tuple[str, Cell]]:
    """The cell with each gate, that it reads beside one minus it, the other way round; with the gate's name."""
    complemented = {gate for equation in cell.equations for gate in _complemented(equation.expression)}
    for gate in cell.equations:
        value = gate.expression
        if gate.symbol in complemented and isinstance(value, Elementwise) and value.function.name == "sigmoid":
            changed = tuple(one if one is gate else _turned(one, gate.symbol) for one in cell.equations)
            yield gate.symbol.name, replace(cell, equations=changed)


def _turned(equation: Equation, gate: Quantity) -> Equation:
    """The equation with the gate for one minus it, and the other way round."""
    complement = add(ones(*gate.shape), scale(-1, gate))

    def put_in(part: Node) -> Node | None:
        if _is_complement(part, gate):
            return gate
        return complement if part == gate else None

    found = substitute(equation.expression, put_in)
    return equation if found == equation.expression else replace(equation, expression=found)


def _complemented(node: Node) -> Iterator[Quantity]:
    """The quantities of which one minus them stands there."""
    if isinstance(node, MatAdd) and len(node.args) == 2 and any(isinstance(arg, OneMatrix) for arg in node.args):
        for part in node.args:
            number, base = coefficient(part)
            if number == -1 and isinstance(base, Quantity):
                yield base
    for child in children(node):
        yield from _complemented(child)


def _is_complement(part: Node, gate: Quantity) -> bool:
    """1 - z."""
    if not isinstance(part, MatAdd) or len(part.args) != 2:
        return False
    return any(isinstance(arg, OneMatrix) for arg in part.args) and scale(-1, gate) in part.args
