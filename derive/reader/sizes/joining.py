"""What kinds of parts make: products, quotients, functions of a whole vector, lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from derive.reader.meaning.tree import Stack

NUMBER, SCALAR, COLUMN, ROW, MATRIX = "number", "scalar", "column", "row", "matrix"
"""A number stands for any shape; a scalar is a quantity of shape (1, 1)."""
_PAIRS = {
    (MATRIX, MATRIX): MATRIX, (MATRIX, COLUMN): COLUMN, (ROW, MATRIX): ROW, (ROW, COLUMN): SCALAR,
    (COLUMN, ROW): MATRIX, (COLUMN, COLUMN): COLUMN, (ROW, ROW): ROW,
}  # fmt: skip
"""What two factors beside each other make; columns (or rows) are multiplied entry by entry."""
TOTALS = frozenset({"sum", "mean", "var", "std"})
"""Functions of a whole vector that give one number."""


def multiplied(kinds: Sequence[str]) -> frozenset[str]:
    """All kinds that factors beside each other can make, however they are grouped."""
    shaped = [kind for kind in kinds if kind not in (NUMBER, SCALAR)]
    if not shaped:
        return frozenset({SCALAR if SCALAR in kinds else NUMBER})
    table: dict[tuple[int, int], set[str]] = {(i, i): {kind} for i, kind in enumerate(shaped)}
    for length in range(1, len(shaped)):
        for first in range(len(shaped) - length):
            last = first + length
            found = table[first, last] = set()
            for middle in range(first, last):
                for left, right in product(table[first, middle], table[middle + 1, last]):
                    if SCALAR in (left, right):
                        found.add(right if left == SCALAR else left)
                    elif (whole := _PAIRS.get((left, right))) is not None:
                        found.add(whole)
    return frozenset(table[0, len(shaped) - 1])


def divided(kinds: Sequence[str]) -> Iterator[str]:
    """The kind of a quotient."""
    above, below = kinds
    if below in (NUMBER, SCALAR):
        yield SCALAR if above == NUMBER and below == SCALAR else above
    elif above in (NUMBER, below) or (above == SCALAR and below in (COLUMN, ROW)):
        yield below


def named(name: str, kinds: Sequence[str]) -> Iterator[str]:
    """Functions of a whole vector."""
    for kind in kinds[:1]:
        if name in TOTALS:
            yield SCALAR
        elif kind in (COLUMN, ROW):
            yield MATRIX if name == "diag" else kind


def stacked(term: Stack, kinds: Sequence[str]) -> Iterator[str]:
    """The kind of a list of parts."""
    found = set(kinds) - {SCALAR}
    line = len(term.rows) == 1 or all(len(row) == 1 for row in term.rows)
    if NUMBER in found:
        found.discard(NUMBER)
    if not found or (found == {COLUMN} and line):
        yield COLUMN
    elif found == {ROW} and len(term.rows) == 1:
        yield ROW
    else:
        yield MATRIX
