"""SymPy expressions -> equations of a cell: ordinary SymPy becomes nodes, through the constructors that check shapes.

SymPy neither checks symbolic shapes nor keeps the order in which a sum or an elementwise product was written. Here they
get the order in which such equations are written: in a sum numbers, what comes from the inputs, from the step before,
from this step, and last the parameters alone; in a product parameters, what this step assigns, inputs, the step before.

1. names: symbols -> quantities with their times; the order of terms
2. rules: expressions -> nodes
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sympy import Basic, Eq, S, Symbol

from derive.cell import Equation
from derive.errors import InputError, Place
from derive.from_sympy.names import short
from derive.from_sympy.rules import Conversion
from derive.nodes import Quantity
from derive.notation import Notation


def quantity(name: str, rows: Any, cols: Any = 1, time: Any = None) -> Quantity:
    """A quantity of a cell: a column of `rows` entries, or a matrix; at a time such as `t` or `t - 1`, or without one.

    Sizes are SymPy symbols, letters or numbers. `h.at(t - 1)` is the same quantity a step earlier.
    """
    rows, cols = (Symbol(n) if isinstance(n, str) else n for n in (rows, cols))
    return Quantity(name, rows, cols, time)


def equations_from(given: Sequence[Any]) -> tuple[tuple[Equation, ...], Notation]:
    """Equations from `Eq(h, ...)`, pairs (h, ...) or Equations, and the letters in which LaTeX names are written.

    Raises InputError or ShapeError, which say which equation and which part of it.
    """
    if isinstance(given, Basic) or (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], Basic)):
        given = [given]
    places = [Place(f"equation {number}", 1, 1, 1) for number in range(1, len(given) + 1)]
    pairs = [_sides(one, place) for one, place in zip(given, places, strict=True)]
    try:
        conversion = Conversion(pairs, places)
        found = tuple(conversion.equation(*pair, place) for pair, place in zip(pairs, places, strict=True))
    except RecursionError:
        raise InputError("operations are nested too deeply to be read") from None
    return found, Notation("as written", tuple(conversion.letters.items()))


def _sides(one: Any, place: Place) -> tuple[Basic, Basic]:
    if isinstance(one, Equation):
        return one.symbol, one.expression
    if isinstance(one, Eq):
        return one.lhs, one.rhs
    if one is False or one is S.false:
        raise InputError(
            "SymPy holds this equation to be false: its sides differ in shape, or one of them is a scalar to SymPy",
            place,
            "give the pair (left, right), of which the shapes can be told, and (...).applyfunc(tanh) for tanh(...)",
        )
    if isinstance(one, tuple | list) and len(one) == 2 and all(isinstance(side, Basic) for side in one):
        return one[0], one[1]
    raise InputError(
        f"not an equation: {short(one)}",
        place,
        "write Eq(h, ...) or the pair (h, ...); LaTeX goes into Cell.from_latex",
    )


def names_of(some: Iterable[Any]) -> list[str]:
    """The names of quantities given as such or by name."""
    return [one if isinstance(one, str) else one.name for one in some]
