"""The derivation of a cell as people write its gradients, made once."""

from __future__ import annotations

from functools import cache

from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.cell import Cell
from verify.code.mistakes.local import as_written


@cache
def derivation_of(cell: Cell) -> Derivation:
    """The derivation, with simplified gradients in place of their paths."""
    return as_written(differentiate(cell))
