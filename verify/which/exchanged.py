"""A cell whose gate opens the other way round: h = z ⊙ h_{t-1} + (1 - z) ⊙ h̃ beside h = (1 - z) ⊙ h_{t-1} + z ⊙ h̃.

Both are in use. What is true of the one and not of the other is no mistake of arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sympy import MatAdd, OneMatrix

from derive.cell import Cell, Equation
from derive.nodes import Elementwise, Node, Quantity, add, ones, scale, substitute


def exchanged(cell: Cell) -> Iterator[tuple[str, Cell]]:
    """The cell with each gate, that it reads beside one minus it, the other way round; with the gate's name."""
    for gate in cell.equations:
        value = gate.expression
        if not isinstance(value, Elementwise) or value.function.name != "sigmoid":
            continue
        changed = tuple(one if one is gate else _turned(one, gate.symbol) for one in cell.equations)
        readers = [new for new, old in zip(changed, cell.equations, strict=True) if new is not old]
        both = any(_complements(old.expression, gate.symbol) for old in cell.equations)
        if readers and both:
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


def _complements(node: Node, gate: Quantity) -> bool:
    found: list[Node] = []

    def note(part: Node) -> Node | None:
        if _is_complement(part, gate):
            found.append(part)
        return None

    substitute(node, note)
    return bool(found)


def _is_complement(part: Node, gate: Quantity) -> bool:
    """1 - z."""
    if not isinstance(part, MatAdd) or len(part.args) != 2:
        return False
    return any(isinstance(arg, OneMatrix) for arg in part.args) and scale(-1, gate) in part.args
