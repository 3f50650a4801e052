"""A section of a page that is not a gradient: sentences, and chains of equal expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from sympy import Expr

from derive.nodes import Node


class Where(NamedTuple):
    """A condition on steps or indices beside a formula: k < τ, i ≠ j."""

    left: Expr
    sign: Literal["<", "=", "≠"]
    right: Expr


@dataclass(frozen=True)
class Equality:
    """A chain of equal expressions with its reason; `at_most` counts the last members, each joined by ≤ instead.

    With `where` it holds under that condition.
    """

    members: tuple[Node, ...]
    why: str = ""
    at_most: int = 0
    where: Where | None = None


@dataclass(frozen=True)
class Section:
    """A titled sequence of sentences (text) and formulas."""

    title: str
    items: tuple[str | Equality, ...]
