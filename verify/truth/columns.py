"""How an expression changes with every entry of one thing that it reads: the directions in which that is asked.

Where row i changes with row i alone, as under functions and ⊙, one direction serves all rows of a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from sympy import HadamardPower, HadamardProduct, MatAdd, MatMul

from derive.nodes import Elementwise, Node, Quantity, children

Number = TypeVar("Number")
Direction = list[list[int]]
"""Zeros and ones: which entries move together."""


def columns(
    expression: Node,
    moves: Callable[[Quantity], bool],
    shape: tuple[int, int],
    moved: Callable[[Direction], list[list[Number]] | None],
    zero: Number,
) -> list[list[Number]] | None:
    """The rate of change of an expression's entries for every entry of what moves in it; None where nothing changes.

    `shape` is that of what moves, `moved` the rate of change along one direction of it.
    """
    rows, cols = shape
    if not row_by_row(expression, moves):
        found = [moved(unit) for unit in _units(rows, cols)]
        return [_flat(rate) for rate in found if rate is not None] if None not in found else None
    at_once = [moved([[int(k == j) for k in range(cols)] for _ in range(rows)]) for j in range(cols)]
    places = ((i, rate) for i in range(rows) for rate in at_once)
    if None in at_once:
        return None
    return [_flat([row if k == i else [zero] * len(row) for k, row in enumerate(rate or [])]) for i, rate in places]


def row_by_row(node: Node, moves: Callable[[Quantity], bool]) -> bool:
    """Whether every row of an expression changes with the same row of what moves, and with nothing else of it."""
    if isinstance(node, MatAdd | HadamardProduct | HadamardPower | Elementwise):
        return all(row_by_row(child, moves) for child in children(node))
    if isinstance(node, MatMul):
        first, *others = children(node)
        return row_by_row(first, moves) and not any(_reads(other, moves) for other in others)
    return isinstance(node, Quantity) or not _reads(node, moves)


def _reads(node: Node, moves: Callable[[Quantity], bool]) -> bool:
    if isinstance(node, Quantity):
        return moves(node)
    return any(_reads(child, moves) for child in children(node))


def _units(rows: int, cols: int) -> Iterator[Direction]:
    """For every entry of a matrix the matrix with a one there."""
    for i in range(rows):
        for j in range(cols):
            yield [[int((k, m) == (i, j)) for m in range(cols)] for k in range(rows)]


def _flat(matrix: list[list[Number]]) -> list[Number]:
    return [entry for row in matrix for entry in row]
