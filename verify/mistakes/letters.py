"""Mistakes with letters that count: a number where T or a size belongs, true only where that is its value."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Expr, Integer, Symbol

from derive.nodes import Node, T, coefficient, scale
from verify.mistakes.context import Context

LENGTHS, SIZES = (4, 5, 6), (2, 3, 5)
"""What T and a size would be in a small example."""


def _letters(context: Context) -> tuple[Symbol, ...]:
    return (T, *context.derivation.cell.sizes)


def one_value(number: Expr) -> tuple[Symbol, int] | None:
    """The letter and its one value for which a number such as 4/T is 1; None for 2/T, where the 2 is one of its own."""
    above, below = number.as_numer_denom()
    for letter, value in ((above, below), (below, above)):
        if letter.is_Symbol and value.is_Integer and value > 2:
            return letter, int(value)
    return None


def number_for_letter(node: Node, context: Context) -> Iterator[Node]:
    """A factor that is 1 for one value of a letter alone; a letter in the number in front as that value."""
    number, base = coefficient(node)
    for letter in _letters(context):
        for value in LENGTHS if letter == T else SIZES:
            if letter in number.free_symbols:
                yield scale(number.subs(letter, value), base)
            yield scale(letter / Integer(value), node)
            yield scale(Integer(value) / letter, node)


def letter_for_number(node: Node, context: Context) -> Iterator[Node]:
    """A whole number in front exchanged for a letter, above or below the line."""
    number, _ = coefficient(node)
    above, below = number.as_numer_denom()
    for part, way in ((above, 1), (below, -1)):
        value = abs(part.as_coeff_Mul()[0])
        if value.is_Integer and value > 1:
            for letter in _letters(context):
                yield scale((letter / value) ** way, node)
