"""What `verify.rerun` calls things: quantities at a step, matrices, functions. It imports no numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from derive import functions
from derive.cell import Cell
from derive.functions import ScalarFunction
from verify.truth.responses import Key

Numbers: TypeAlias = Mapping[str, Sequence[Sequence[float]]]
"""Matrices by name, at step t by name_t."""


def label(key: Key) -> str:
    """A quantity at a step as `rerun` names it."""
    return key[0] if key[1] is None else f"{key[0]}_{key[1]}"


def known_function(cell: Cell, name: str) -> ScalarFunction:
    """The function of that name: the cell's, a usual one, or one that is not specified."""
    own = (function for function in cell.functions if function.name == name)
    return next(own, None) or functions.function(name) or ScalarFunction(name)
