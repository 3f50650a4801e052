"""A cell whose matrices act on stacked vectors, W [h; x], as people program it with a matrix for each: U h + W x."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from sympy import MatMul

from derive.cell import Cell
from derive.nodes import Concat, Node, Quantity, add, children, matmul, substitute

LETTERS = "UVR"
"""Letters of the matrices that act on what is no input; the input keeps the letter of the cell."""


@cache
def apart(cell: Cell) -> Cell | None:
    """The same cell with matrices of its own for each stacked vector; None where it has none, or has all letters."""
    joint = {part.args[0] for e in cell.equations for part in _joint(e.expression)}
    if not joint:
        return None
    data = {q.shape[0] for q in cell.inputs}
    prefixes = {p.name.partition("_")[0] for p in cell.parameters}
    letters = [letter for letter in LETTERS if letter not in prefixes]

    def moved(node: Node) -> Node | None:
        if not _acts_on_a_stack(node):
            return None
        matrix, stacked = node.args
        terms, free = [], iter(letters)
        for part in stacked.parts:
            prefix, line, gate = matrix.name.partition("_")
            letter = prefix if part.shape[0] in data else next(free)
            terms.append(matmul(Quantity(f"{letter}{line}{gate}", matrix.shape[0], part.shape[0]), part))
        return add(*terms)

    try:
        equations = [replace(e, expression=substitute(e.expression, moved)) for e in cell.equations]
    except StopIteration:
        return None
    return Cell.of(equations, name=cell.name, title=cell.title, output=cell.output.name, source=cell.source)


def _acts_on_a_stack(node: Node) -> bool:
    if not isinstance(node, MatMul) or len(node.args) != 2:
        return False
    matrix, stacked = node.args
    return isinstance(matrix, Quantity) and matrix.time is None and isinstance(stacked, Concat) and stacked.axis == 0


def _joint(node: Node) -> list[Node]:
    found = [node] if _acts_on_a_stack(node) else []
    return found + [one for child in children(node) for one in _joint(child)]
