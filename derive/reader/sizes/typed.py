"""Terms with a shape, and the questions that the rules ask about shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sympy import Expr

from derive import nodes
from derive.errors import ShapeError
from derive.nodes import Node
from derive.reader.meaning.tree import Term
from derive.reader.sizes.shapes import Dim, Sizes


@dataclass(frozen=True)
class Typed:
    """A term with its rows and columns and the way to build its node; a number has a value and takes any shape."""

    term: Term
    rows: Dim
    cols: Dim
    build: Callable[[], Node]
    number: Expr | None = None
    blocks: tuple[Dim, ...] = ()
    """Of a stack: the sizes of its parts."""


class Shapes:
    """The shapes of all quantities of a note, and what may be asked about them."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.shapes: dict[str, tuple[Dim, Dim]] = {}
        self.names: dict[int, str] = {}
        self.wide: list[Dim] = []
        """The sizes of states, inputs and matrices: a scalar beside one of them stands in every entry."""

    def declare(self, name: str, rows: Dim, cols: Dim) -> None:
        """Give a quantity its shape; its sizes are shown under its name until they have letters."""
        self.shapes[name] = (rows, cols)
        for dim, prefix in ((rows, "n"), (cols, "m")):
            for variable in self.sizes.find(dim).variables:
                self.names.setdefault(variable, f"{prefix}_{name}")

    def quantity(self, name: str, time: Expr | None) -> nodes.Quantity:
        """The node of a quantity, when its sizes are known."""
        rows, cols = (self.sizes.expression(dim) for dim in self.shapes[name])
        return nodes.Quantity(name, rows, cols, time)

    # What a shape is

    def is_scalar(self, typed: Typed) -> bool:
        return typed.number is None and self.sizes.is_one(typed.rows) and self.sizes.is_one(typed.cols)

    def is_column(self, typed: Typed) -> bool:
        return typed.number is None and self.sizes.is_one(typed.cols) and not self.sizes.is_one(typed.rows)

    def is_row(self, typed: Typed) -> bool:
        return typed.number is None and self.sizes.is_one(typed.rows) and not self.sizes.is_one(typed.cols)

    def is_matrix(self, typed: Typed) -> bool:
        return typed.number is None and not self.sizes.is_one(typed.rows) and not self.sizes.is_one(typed.cols)

    def is_wide(self, typed: Typed) -> bool:
        """A column that cannot be meant to have one entry."""
        if not self.is_column(typed):
            return False
        rows = self.sizes.find(typed.rows)
        return any(v in self.sizes.letters for v in rows.variables) or rows in map(self.sizes.find, self.wide)

    def shape_text(self, typed: Typed) -> str:
        """`W x_t (H×1)` for messages."""
        if typed.number is not None:
            return f"{typed.term.written} (a number)"
        rows, cols = self.sizes.show(typed.rows, self.names), self.sizes.show(typed.cols, self.names)
        return f"{typed.term.written} ({rows}×{cols})"

    def clash(self, what: str, a: Typed, b: Typed, at: Term, hint: str = "") -> Callable[[], ShapeError]:
        """An error that names both operands with their shapes."""
        joint = "by" if what == "multiply" else "and"
        return lambda: ShapeError(
            f"cannot {what} {self.shape_text(a)} {joint} {self.shape_text(b)}", at.place, hint
        )  # fmt: skip

    def same(self, what: str, a: Typed, b: Typed, at: Term) -> None:
        """Two operands must have one shape."""
        hint = "an elementwise product needs two equal shapes" if what == "multiply elementwise" else ""
        failure = self.clash(what, a, b, at, hint)
        self.sizes.unify(a.rows, b.rows, failure)
        self.sizes.unify(a.cols, b.cols, failure)
