"""Formulas that speak of the softmax of any vector alone: ∂softmax(z_i)/∂z_j = softmax(z_i) (δ_ij - softmax(z_j))."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sympy import Symbol

from derive import nodes
from derive.cell import Cell, Equation
from derive.errors import InputError
from derive.nodes import Quantity
from derive.reader.claims.statements.chains import statements
from derive.reader.meaning.letters import identifier, label, taken
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import parts, walk
from derive.reader.text.syntax import Fraction, Mark, Name, Run, Scripted, Syntax

VALUE = "shares"
_SOFTMAX = "softmax"
_INDICES = frozenset("ijklmn")
_EXPONENTIALS = frozenset(["exp", "e"])


class _OtherError(Exception):
    """Something else than the vector and its softmax stands in a formula."""


def cell_of_softmax(fragment: Fragment, letters: Collection[str]) -> Cell | None:
    """The softmax of a vector of any size, where a formula differentiates it; `letters` are those that stand for it."""
    try:
        sides = [side for statement in statements(fragment) for side in statement.sides if statement.relations]
        found = {name for side in sides for name in _letters(side, fragment, {_SOFTMAX, *letters})}
    except (InputError, _OtherError):
        return None
    named = {_SOFTMAX, *letters} & found
    vectors = found - {_SOFTMAX, *letters}
    if len(vectors) != 1 or not named or not any(_is_derivative(part) for side in sides for part in walk(side)):
        return None
    vector = Quantity(vectors.pop(), Symbol("n", integer=True, positive=True), 1, nodes.t)
    value = Quantity(VALUE, vector.shape[0], 1, nodes.t)
    return Cell.of([Equation(value, nodes.softmax(vector))], name="softmax", output=VALUE)


def _letters(node: Syntax, fragment: Fragment, functions: Collection[str]) -> Iterator[str]:
    """The letters of a side, but for indices of entries, exponentials and Kronecker's δ."""
    written = taken(node) if isinstance(node, Name | Scripted) else None
    if written is not None and written.base not in _EXPONENTIALS | {"delta"}:
        name = identifier("_".join([written.base, *(label(part, fragment) for _, part in written.parts)]))
        if name in functions or (written.base in _INDICES and not written.parts):
            yield from (name,) if name in functions else ()
            return
        indexed = all(isinstance(part, Name) and part.word in _INDICES for _, part in written.parts)
        if not indexed or len(written.parts) > 1 or written.primes or written.transposed:
            raise _OtherError
        if written.base != "d":
            yield written.base
        return
    if isinstance(node, Name):
        return
    if isinstance(node, Scripted):
        yield from _letters(node.base, fragment, functions)
        if isinstance(node.base, Name) and node.base.word == "e":
            for part in (cell for script in node.scripts for row in script.rows for cell in row):
                yield from _letters(part, fragment, functions)
        return
    for part in parts(node):
        yield from _letters(part, fragment, functions)


def _is_derivative(node: Syntax) -> bool:
    below = node.below if isinstance(node, Fraction) else None
    sign = below.factors[0] if isinstance(below, Run) else None
    return (isinstance(sign, Mark) and sign.kind == "partial") or (isinstance(sign, Name) and sign.word == "d")
