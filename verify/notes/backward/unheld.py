"""Backward programs that no model of a note knows: nothing of them is judged, and each of their lines is told open."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from verify.notes.backward.statements import Body, Statement, called, name_of, says_gradient

OF_NO_MODEL = "no equation of the note gives the model that this program goes back through"
OF_ANOTHER = "no model of the note has the names of this program"
_PRODUCTS = {"dot", "matmul", "mm", "bmm", "mv", "outer", "einsum"}


def unheld(body: Body) -> list[Statement]:
    """The statements that compute gradients, of a program in which one is a matrix product with another.

    d_model = heads * d_head alone is no gradient.
    """
    claims = [each for each in body.statements if _is_gradient(each.name) and each.computes]
    goes_back = any(_is_product(each.value) and any(map(_is_gradient, _read(each))) for each in claims)
    return claims if goes_back else []


def _is_gradient(name: str) -> bool:
    return says_gradient(name) is not None


def _is_product(value: ast.expr) -> bool:
    return any(
        (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult))
        or (isinstance(node, ast.Call) and called(node) in _PRODUCTS)
        for node in ast.walk(value)
    )


def _read(each: Statement) -> Iterator[str]:
    """The other names that a statement reads."""
    for node in ast.walk(each.value):
        name = name_of(node) if isinstance(node, ast.expr) else None
        if name and name != each.name:
            yield name
