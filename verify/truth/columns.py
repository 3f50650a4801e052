"""How an expression changes with every entry of one thing that it reads: the directions in which that is asked.

Where row i changes with row i alone, as under functions and ⊙, one direction serves all rows of a column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias, TypeVar

from sympy import HadamardPower, HadamardProduct, MatAdd, MatMul

from derive.nodes import Elementwise, Node, Quantity, children
from verify.truth.responses import Key

Number = TypeVar("Number")
Direction: TypeAlias = list[list[int]]
"""Zeros and ones: which entries move together."""
Along: TypeAlias = tuple[Key, int]
"""The name of a direction: what moves, and which of its directions."""
Directions: TypeAlias = Mapping[Along, Direction]


def columns(
    expression: Node,
    moving: Mapping[Key, tuple[int, int]],
    key_of: Callable[[Quantity], Key],
    moved: Callable[[Mapping[Key, Directions]], Mapping[Along, list[list[Number]]]],
    zero: Number,
) -> dict[Key, list[list[Number]] | None]:
    """The rate of change of an expression's entries for every entry of each thing that moves in it; None for zero.

    `moving` gives the shapes; `moved` the rates along all directions, found in one pass over the expression.
    """
    alike = [key for key in moving if row_by_row(expression, lambda quantity: key_of(quantity) == key)]  # noqa: B023
    rates = moved({key: _named(key, (_lines if key in alike else units)(*shape)) for key, shape in moving.items()})
    found: dict[Key, list[list[Number]] | None] = {}
    for key, (rows, cols) in moving.items():
        count = cols if key in alike else rows * cols
        own = [rates[key, n] for n in range(count) if (key, n) in rates]
        if len(own) < count:
            found[key] = None
        elif key in alike:
            found[key] = [_flat(_row_alone(i, rate, zero)) for i in range(rows) for rate in own]
        else:
            found[key] = list(map(_flat, own))
    return found


def _named(key: Key, directions: Iterable[Direction]) -> Directions:
    return {(key, n): each for n, each in enumerate(directions)}


def _row_alone(i: int, rate: list[list[Number]], zero: Number) -> list[list[Number]]:
    """What one row does where all rows were moved at once."""
    return [row if k == i else [zero] * len(row) for k, row in enumerate(rate)]


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


def _lines(rows: int, cols: int) -> Iterator[Direction]:
    """For every column of a matrix the matrix with ones in it."""
    for j in range(cols):
        yield [[int(k == j) for k in range(cols)] for _ in range(rows)]


def units(rows: int, cols: int) -> Iterator[Direction]:
    """For every entry of a matrix the matrix with a one there."""
    for i in range(rows):
        for j in range(cols):
            yield [[int((k, m) == (i, j)) for m in range(cols)] for k in range(rows)]


def _flat(matrix: list[list[Number]]) -> list[Number]:
    return [entry for row in matrix for entry in row]
