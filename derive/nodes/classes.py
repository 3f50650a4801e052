"""The classes a node may have: SymPy's matrix expressions, and what they lack."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeAlias, cast

from sympy import (
    Basic,
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    Integer,
    MatAdd,
    MatMul,
    MatrixExpr,
    OneMatrix,
    S,
    Symbol,
    Transpose,
    ZeroMatrix,
    exp,
    sympify,
)
from sympy.concrete.summations import Sum
from sympy.core.symbol import Dummy, Str
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.matexpr import MatrixSymbol

from derive.functions import ScalarFunction

Node: TypeAlias = MatrixExpr
Size: TypeAlias = Expr

t = Symbol("t", integer=True)
"""The symbolic time index of every recurrence."""
T = Symbol("T", integer=True, positive=True)
"""The number of steps."""


def exact(value: Any) -> Expr:
    """A number, a size or a time as SymPy's; raises SympifyError for text, which SymPy would evaluate."""
    return value if isinstance(value, Expr) else sympify(value, strict=True)


def size(letter: str) -> Symbol:
    """A symbolic size such as D or H."""
    return Symbol(letter, integer=True, positive=True)


class Printed:
    """How SymPy's printers (str, latex, pretty) write a node of ours: as the pages do."""

    def _latex(self, printer: Any, **_: Any) -> str:
        from derive.targets.formula import latex

        return latex(cast(Node, self))

    def _sympystr(self, printer: Any, **_: Any) -> str:
        from derive.targets.formula import text

        return text(cast(Node, self))

    def _pretty(self, printer: Any, **_: Any) -> Any:
        from sympy.printing.pretty.stringpict import prettyForm

        from derive.targets.formula import text

        return prettyForm(text(cast(Node, self)))


class Quantity(Printed, MatrixSymbol):
    """A named quantity: a parameter (no time) or a value at a time such as t, t - 1 or 3."""

    def __new__(cls, name: Any, rows: Any, cols: Any = 1, time: Any = None) -> Quantity:
        label = Str(name) if isinstance(name, str) else name
        args = (label, exact(rows), exact(cols)) + (() if time is None else (exact(time),))
        return cast(Quantity, Basic.__new__(cls, *args))

    def _sympystr(self, printer: Any, **_: Any) -> str:
        return str(self.name)  # a name is what code looks quantities up by

    @property
    def time(self) -> Expr | None:
        return self.args[3] if len(self.args) > 3 else None

    def at(self, time: Any) -> Quantity:
        """The same quantity at another time."""
        rows, cols = self.shape
        return Quantity(self.name, rows, cols, time)


class Adjoint(Printed, MatrixExpr):
    """The gradient of J with respect to a quantity, in the quantity's shape; total, or `immediate` (∂⁺).

    With `only`, J is what it reads of the output of that one step, as in ∂E_3/∂W.
    """

    def __new__(cls, quantity: Quantity, immediate: Any = S.false, only: Any = None) -> Adjoint:
        alone = () if only is None else (exact(only),)
        return cast(Adjoint, Basic.__new__(cls, quantity, exact(bool(immediate)), *alone))

    @property
    def quantity(self) -> Quantity:
        return cast(Quantity, self.args[0])

    @property
    def immediate(self) -> bool:
        return bool(self.args[1])

    @property
    def only(self) -> Expr | None:
        """The one step whose output J reads, or None where J reads all."""
        return self.args[2] if len(self.args) > 2 else None

    @cached_property
    def shape(self) -> tuple[Size, Size]:
        return cast("tuple[Size, Size]", self.quantity.shape)

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        label = "A" + ("+" if self.immediate else "") + ("" if self.only is None else f"[{self.only}]")
        return MatrixSymbol(f"{label}[{self.quantity}]", *self.shape)[i, j]


class Jacobian(Printed, MatrixExpr):
    """∂a/∂b, a's entries by b's entries (those of a matrix row by row); total, or `immediate` (∂⁺).

    `stepwise` counts no path through the other states of b's step, and of a parameter only its use in a's step.
    """

    def __new__(cls, of: Quantity, by: Quantity, immediate: Any = S.false, stepwise: Any = S.false) -> Jacobian:
        extra = (S.true,) if bool(stepwise) else ()
        return cast(Jacobian, Basic.__new__(cls, of, by, exact(bool(immediate)), *extra))

    @property
    def of(self) -> Quantity:
        return cast(Quantity, self.args[0])

    @property
    def by(self) -> Quantity:
        return cast(Quantity, self.args[1])

    @property
    def immediate(self) -> bool:
        return bool(self.args[2])

    @property
    def stepwise(self) -> bool:
        return len(self.args) > 3

    @cached_property
    def shape(self) -> tuple[Size, Size]:
        (rows, cols), (above, across) = self.of.shape, self.by.shape
        return rows * cols, above * across


class Elementwise(Printed, MatrixExpr):
    """A scalar function applied entry by entry to operands of one shape."""

    def __new__(cls, function: ScalarFunction, *operands: Node) -> Elementwise:
        return cast(Elementwise, Basic.__new__(cls, function, *operands))

    @property
    def function(self) -> ScalarFunction:
        return cast(ScalarFunction, self.args[0])

    @property
    def operands(self) -> tuple[Node, ...]:
        return cast("tuple[Node, ...]", self.args[1:])

    @cached_property
    def shape(self) -> tuple[Size, Size]:
        return cast("tuple[Size, Size]", self.operands[0].shape)

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        return self.function.value(*(operand[i, j] for operand in self.operands))


class Softmax(Printed, MatrixExpr):
    """exp(z) / Σ exp(z) of a column vector."""

    def __new__(cls, operand: Node) -> Softmax:
        return cast(Softmax, Basic.__new__(cls, operand))

    @property
    def operand(self) -> Node:
        return cast(Node, self.args[0])

    @cached_property
    def shape(self) -> tuple[Size, Size]:
        return cast("tuple[Size, Size]", self.operand.shape)

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        k = Dummy("k", integer=True)
        total = Sum(exp(self.operand[k, 0]), (k, 0, self.shape[0] - 1))
        return exp(self.operand[i, 0]) / (total.doit() if self.shape[0].is_Integer else total)


class Concat(Printed, MatrixExpr):
    """Parts stacked below each other (axis 0) or side by side (axis 1)."""

    def __new__(cls, axis: Any, *parts: Node) -> Concat:
        return cast(Concat, Basic.__new__(cls, Integer(axis), *parts))

    @property
    def axis(self) -> int:
        return int(self.args[0])

    @property
    def parts(self) -> tuple[Node, ...]:
        return cast("tuple[Node, ...]", self.args[1:])

    @cached_property  # parts within parts ask for it at every level
    def shape(self) -> tuple[Size, Size]:
        along = sum((part.shape[self.axis] for part in self.parts), S.Zero)
        across = self.parts[0].shape[1 - self.axis]
        return (along, across) if self.axis == 0 else (across, along)

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        index = (i, j)[self.axis]
        for part in self.parts:
            if index < part.shape[self.axis]:
                return part[index, j] if self.axis == 0 else part[i, index]
            index -= part.shape[self.axis]
        raise IndexError((i, j))


class Slice(Printed, MatrixExpr):
    """`length` rows (axis 0) or columns (axis 1) of a node, from `start` on."""

    def __new__(cls, axis: Any, operand: Node, start: Any, length: Any) -> Slice:
        return cast(Slice, Basic.__new__(cls, Integer(axis), operand, exact(start), exact(length)))

    @property
    def axis(self) -> int:
        return int(self.args[0])

    @property
    def operand(self) -> Node:
        return cast(Node, self.args[1])

    @property
    def start(self) -> Size:
        return cast(Size, self.args[2])

    @property
    def length(self) -> Size:
        return cast(Size, self.args[3])

    @property
    def shape(self) -> tuple[Size, Size]:
        across = self.operand.shape[1 - self.axis]
        return (self.length, across) if self.axis == 0 else (across, self.length)

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        return self.operand[i + self.start, j] if self.axis == 0 else self.operand[i, j + self.start]


class Entry(Printed, MatrixExpr):
    """One entry of a node as a scalar; row and column count from 0 and may contain indices."""

    def __new__(cls, operand: Node, row: Any, col: Any = 0) -> Entry:
        return cast(Entry, Basic.__new__(cls, operand, exact(row), exact(col)))

    @property
    def operand(self) -> Node:
        return cast(Node, self.args[0])

    @property
    def row(self) -> Expr:
        return cast(Expr, self.args[1])

    @property
    def col(self) -> Expr:
        return cast(Expr, self.args[2])

    @property
    def shape(self) -> tuple[Size, Size]:
        return S.One, S.One

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        return cast(Expr, self.operand[self.row, self.col])


class Shaped(Printed, MatrixExpr):
    """The entries of a row or column, laid out row by row in another shape."""

    def __new__(cls, operand: Node, rows: Any, cols: Any) -> Shaped:
        return cast(Shaped, Basic.__new__(cls, operand, exact(rows), exact(cols)))

    @property
    def operand(self) -> Node:
        return cast(Node, self.args[0])

    @property
    def shape(self) -> tuple[Size, Size]:
        return cast("tuple[Size, Size]", self.args[1:])

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        place = i * self.shape[1] + j
        return cast(Expr, self.operand[place, 0] if self.operand.shape[1] == 1 else self.operand[0, place])


class Tabular(Printed, MatrixExpr):
    """The matrix whose entry in row i and column j is a scalar node in these two indices."""

    def __new__(cls, entry: Node, row: Any, col: Any, rows: Any, cols: Any) -> Tabular:
        return cast(Tabular, Basic.__new__(cls, entry, row, col, exact(rows), exact(cols)))

    @property
    def entry(self) -> Node:
        return cast(Node, self.args[0])

    @property
    def row(self) -> Symbol:
        return cast(Symbol, self.args[1])

    @property
    def col(self) -> Symbol:
        return cast(Symbol, self.args[2])

    @property
    def shape(self) -> tuple[Size, Size]:
        return cast("tuple[Size, Size]", self.args[3:])

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        return cast(Expr, self.entry.xreplace({self.row: i, self.col: j})[0, 0])


class TimeSum(Printed, MatrixExpr):
    """Σ of a term over an index, first ≤ index ≤ last."""

    def __new__(cls, term: Node, index: Any, first: Any, last: Any) -> TimeSum:
        return cast(TimeSum, Basic.__new__(cls, term, index, exact(first), exact(last)))

    @property
    def term(self) -> Node:
        return cast(Node, self.args[0])

    @property
    def index(self) -> Symbol:
        return cast(Symbol, self.args[1])

    @property
    def first(self) -> Expr:
        return cast(Expr, self.args[2])

    @property
    def last(self) -> Expr:
        return cast(Expr, self.args[3])

    @cached_property
    def shape(self) -> tuple[Size, Size]:
        return cast("tuple[Size, Size]", self.term.shape)


class TimeProduct(TimeSum):
    """∏ of a square factor over an index; the factor of the `last` index stands leftmost."""


CLOSED_SET: tuple[type[Basic], ...] = (
    Quantity, Adjoint, Jacobian, Elementwise, Softmax, Concat, Slice, TimeSum, TimeProduct,
    MatAdd, MatMul, Transpose, HadamardProduct, HadamardPower, OneMatrix, ZeroMatrix, Identity, DiagMatrix, DiagonalOf,
)  # fmt: skip
"""Every class a node of an equation or a gradient may have; a formula to be checked may also have
Entry, Shaped, Tabular and the classes in `derive.nodes.kronecker`, a bound also those in `derive.nodes.norms`."""
