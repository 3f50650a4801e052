"""The conventions a claim may be written in, and the most literal of them; what a part becomes under one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Expr, S, Symbol

from derive.errors import ShapeError
from derive.nodes import Node

POWER = Symbol("power", integer=True)
"""The index of the product that a power to a number of steps is."""
LAYOUTS = {
    "columns": "",
    "denominator": "denominator layout: ∂a/∂b has the rows of b",
    "numerator": "numerator layout: ∂J/∂q is a row",
    "all rows": "numerator layout: ∂J/∂q and δ are rows",
    "rows": "row layout: vectors are rows",
    "batch": "row layout: vectors are rows, and a weight acts from the right, as the transpose of the cell's",
}
PRODUCTS = {
    "strict": "",
    "elementwise": "elementwise product meant between two vectors",
    "inner": "inner product meant",
    "diagonal": "a vector stands for the diagonal matrix",
    "outer": "two vectors beside each other stand for their outer product a b^⊤",
    "row": "vectors beside each other are multiplied entry by entry, and by the last one as a row: (a ⊙ b) c^⊤",
}
DERIVATIVES = {
    "natural": "",
    "step": "∂ by a parameter means its use in that one step",
    "use": "∂ by a parameter behind another derivative means its use in that one step",
    "own": "∂ by a parameter is that of a's own equation where this reads the parameter, else the total derivative",
    "total": "∂a/∂b means the total derivative, through all states",
    "immediate": "∂a/∂b means the immediate derivative of a's own equation",
}
ORDERS = {
    "latest": "",
    "earliest": "the factor of the earliest step stands leftmost in the product",
    "turned": "the factor of the latest step stands leftmost in a product, and rightmost in one of transposed factors",
}
HELD = "∂a/∂b is taken with the other states of b's step held fixed"
LATEST = "the factor of the latest step stands leftmost in the product"
"""What is said of the literal reading where another one would make a difference."""
PRECEDENCES = {"matrix": "", "elementwise": "⊙ is taken before the matrix product beside it"}
DIFFERENTIALS = {"itself": "", "argument": "d and δ before a gate mean the gradient of its argument"}
POWERS = {"matrix": "", "entries": "the power of a matrix is taken entry by entry"}
HANDED = {
    "some": "d with next is the whole gradient of an output and what step t + 1 hands back to another state; "
    "d with prev is what step t hands back",
    "all": "d with next and prev is what a step hands back to the one before",
    "whole": "d with next and prev is the whole gradient, at steps t and t - 1",
    "after": "d with next is the whole gradient, at step t + 1",
}
"""Whoever writes dc_next and dc_prev has one of these in mind."""
EARLIER = {
    "total": "",
    "held": "the gradient of a step's loss by a state before it is taken with the other states of that time held fixed",
}
STACKINGS = {"columns": "", "rows": "vec lists the entries of a matrix row by row"}
DELTAS = {"argument": "", "itself": "δ with a label is the gradient of the quantity itself"}


@dataclass(frozen=True)
class Reading:
    """One set of conventions; the first of each table is the literal one."""

    layout: str = "columns"
    product: str = "strict"
    derivative: str = "natural"
    order: str = "latest"
    delta: str = "argument"
    precedence: str = "matrix"
    differential: str = "itself"
    power: str = "matrix"
    handed: str = ""
    earlier: str = "total"
    stacking: str = "columns"

    @cached_property
    def assumptions(self) -> tuple[str, ...]:
        """The conventions that differ from the literal reading."""
        words = (
            LAYOUTS[self.layout],
            PRODUCTS[self.product],
            DERIVATIVES[self.derivative],
            ORDERS[self.order],
            DELTAS[self.delta],
            PRECEDENCES[self.precedence],
            DIFFERENTIALS[self.differential],
            POWERS[self.power],
            HANDED.get(self.handed, ""),
            EARLIER[self.earlier],
            STACKINGS[self.stacking],
        )
        return tuple(word for word in words if word)

    @cached_property
    def natural(self) -> Reading:
        """The same with the literal meaning of ∂a/∂b."""
        return replace(self, derivative="natural")

    @property
    def unusual(self) -> int:
        """How many conventions it needs besides the one that most people leave unsaid: ⊙ between two columns."""
        return len(self.assumptions) - (self.product == "elementwise")


class MisfitError(ShapeError):
    """The shapes do not fit under this reading.

    `rows` says that they would if vectors were rows: a column stands left of a matrix, or vᵀw should be a matrix.
    """

    rows = False

    @classmethod
    def of_rows(cls, message: str, rows: bool) -> MisfitError:
        """The error, with what it shows about the layout."""
        error = cls(message)
        error.rows = rows
        return error


@dataclass(frozen=True)
class Built:
    """A part as a node; or a number, or ones or an identity whose size the context gives."""

    node: Node | None = None
    number: Expr | None = None
    kind: str = ""
    flat: tuple[Expr, Expr] | None = None
    """For a derivative by a matrix: that matrix's shape; its entries lie along the last axis."""
    flipped: bool = False
    factor: Expr = S.One
    """What multiplies ones or an identity."""
    scalar: Node | None = None
    """What every one is multiplied by, for ones whose number the context gives: μ 𝟏."""

    @property
    def shape(self) -> tuple[Expr, Expr]:
        assert self.node is not None
        rows, cols = self.node.shape
        return rows, cols
