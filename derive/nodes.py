"""The closed set of expression nodes over SymPy matrices, built only by the checked constructors below.

Vectors are columns (n, 1), scalars are (1, 1); reductions and broadcasts are products with `ones`.
SymPy's own MatAdd, MatMul, Transpose, HadamardProduct, HadamardPower, OneMatrix, ZeroMatrix, Identity, DiagMatrix
and DiagonalOf are used as they are; SymPy neither checks symbolic shapes nor knows elementwise functions, time
indices, adjoints or slices, so the constructors check and the classes here add what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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

from derive.errors import ShapeError
from derive.functions import ScalarFunction

Node: TypeAlias = MatrixExpr
Size: TypeAlias = Expr

t = Symbol("t", integer=True)
"""The symbolic time index of every recurrence."""
T = Symbol("T", integer=True, positive=True)
"""The number of steps."""


def size(letter: str) -> Symbol:
    """A symbolic size such as D or H."""
    return Symbol(letter, integer=True, positive=True)


class Quantity(MatrixSymbol):
    """A named quantity: a parameter (no time) or a value at a time such as t, t - 1 or 3."""

    def __new__(cls, name: Any, rows: Any, cols: Any = 1, time: Any = None) -> Quantity:
        label = Str(name) if isinstance(name, str) else name
        args = (label, sympify(rows), sympify(cols)) + (() if time is None else (sympify(time),))
        return cast(Quantity, Basic.__new__(cls, *args))

    @property
    def time(self) -> Expr | None:
        return self.args[3] if len(self.args) > 3 else None

    def at(self, time: Any) -> Quantity:
        """The same quantity at another time."""
        rows, cols = self.shape
        return Quantity(self.name, rows, cols, time)


class Adjoint(MatrixExpr):
    """The gradient of J with respect to a quantity, in the quantity's shape; total, or `immediate` (∂⁺)."""

    def __new__(cls, quantity: Quantity, immediate: Any = S.false) -> Adjoint:
        return cast(Adjoint, Basic.__new__(cls, quantity, sympify(bool(immediate))))

    @property
    def quantity(self) -> Quantity:
        return cast(Quantity, self.args[0])

    @property
    def immediate(self) -> bool:
        return bool(self.args[1])

    @property
    def shape(self) -> tuple[Size, Size]:
        return cast("tuple[Size, Size]", self.quantity.shape)

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        label = "A" + ("+" if self.immediate else "")
        return MatrixSymbol(f"{label}[{self.quantity}]", *self.shape)[i, j]


class Jacobian(MatrixExpr):
    """∂a/∂b of two column vectors, a's rows by b's rows; total, or `immediate` (∂⁺)."""

    def __new__(cls, of: Quantity, by: Quantity, immediate: Any = S.false) -> Jacobian:
        return cast(Jacobian, Basic.__new__(cls, of, by, sympify(bool(immediate))))

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
    def shape(self) -> tuple[Size, Size]:
        return self.of.shape[0], self.by.shape[0]


class Elementwise(MatrixExpr):
    """A scalar function applied entry by entry to operands of one shape."""

    def __new__(cls, function: ScalarFunction, *operands: Node) -> Elementwise:
        return cast(Elementwise, Basic.__new__(cls, function, *operands))

    @property
    def function(self) -> ScalarFunction:
        return cast(ScalarFunction, self.args[0])

    @property
    def operands(self) -> tuple[Node, ...]:
        return cast("tuple[Node, ...]", self.args[1:])

    @property
    def shape(self) -> tuple[Size, Size]:
        return cast("tuple[Size, Size]", self.operands[0].shape)

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        return self.function.value(*(operand[i, j] for operand in self.operands))


class Softmax(MatrixExpr):
    """exp(z) / Σ exp(z) of a column vector."""

    def __new__(cls, operand: Node) -> Softmax:
        return cast(Softmax, Basic.__new__(cls, operand))

    @property
    def operand(self) -> Node:
        return cast(Node, self.args[0])

    @property
    def shape(self) -> tuple[Size, Size]:
        return cast("tuple[Size, Size]", self.operand.shape)

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        k = Dummy("k", integer=True)
        total = Sum(exp(self.operand[k, 0]), (k, 0, self.shape[0] - 1))
        return exp(self.operand[i, 0]) / (total.doit() if self.shape[0].is_Integer else total)


class Concat(MatrixExpr):
    """Parts stacked below each other (axis 0) or side by side (axis 1)."""

    def __new__(cls, axis: Any, *parts: Node) -> Concat:
        return cast(Concat, Basic.__new__(cls, Integer(axis), *parts))

    @property
    def axis(self) -> int:
        return int(self.args[0])

    @property
    def parts(self) -> tuple[Node, ...]:
        return cast("tuple[Node, ...]", self.args[1:])

    @property
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


class Slice(MatrixExpr):
    """`length` rows (axis 0) or columns (axis 1) of a node, from `start` on."""

    def __new__(cls, axis: Any, operand: Node, start: Any, length: Any) -> Slice:
        return cast(Slice, Basic.__new__(cls, Integer(axis), operand, sympify(start), sympify(length)))

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


class TimeSum(MatrixExpr):
    """Σ of a term over an index, first ≤ index ≤ last."""

    def __new__(cls, term: Node, index: Any, first: Any, last: Any) -> TimeSum:
        return cast(TimeSum, Basic.__new__(cls, term, index, sympify(first), sympify(last)))

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

    @property
    def shape(self) -> tuple[Size, Size]:
        return cast("tuple[Size, Size]", self.term.shape)


class TimeProduct(TimeSum):
    """∏ of a square factor over an index; the factor of the `last` index stands leftmost."""


CLOSED_SET: tuple[type[Basic], ...] = (
    Quantity, Adjoint, Jacobian, Elementwise, Softmax, Concat, Slice, TimeSum, TimeProduct,
    MatAdd, MatMul, Transpose, HadamardProduct, HadamardPower, OneMatrix, ZeroMatrix, Identity, DiagMatrix, DiagonalOf,
)  # fmt: skip
"""Every class a node may have."""


# Constructors: each checks the shapes of its operands and drops what is neutral; the author's order is kept.


def describe(node: Node) -> str:
    """A node and its shape in one line, for messages."""
    from derive.targets.formula import text  # a message prints the formula as the pages do

    rows, cols = node.shape
    return f"{text(node)} ({rows}×{cols})"


def coefficient(node: Node) -> tuple[Expr, Node]:
    """Split a node into its scalar coefficient and the rest."""
    if isinstance(node, MatMul) and not node.args[0].is_Matrix:
        rest = node.args[1:]
        return node.args[0], rest[0] if len(rest) == 1 else MatMul(*rest)
    return S.One, node


def scale(factor: Any, node: Node) -> Node:
    """A number (or a size) times a node."""
    inner, base = coefficient(node)
    factor = sympify(factor) * inner
    if factor == 0 or isinstance(base, ZeroMatrix):
        return ZeroMatrix(*node.shape)
    if factor == 1:
        return base
    return MatMul(factor, *(base.args if isinstance(base, MatMul) else (base,)))


def add(*terms: Node) -> Node:
    """Sum of nodes of one shape; equal terms are collected."""
    collected: dict[Node, Expr] = {}
    for term in terms:
        if term.shape != terms[0].shape:
            raise ShapeError(f"cannot add {describe(terms[0])} and {describe(term)}")
        for part in term.args if isinstance(term, MatAdd) else (term,):
            factor, base = coefficient(part)
            collected[base] = collected.get(base, S.Zero) + factor
    parts = [
        scale(factor, base) for base, factor in collected.items() if factor != 0 and not isinstance(base, ZeroMatrix)
    ]
    if not parts:
        return ZeroMatrix(*terms[0].shape)
    return parts[0] if len(parts) == 1 else MatAdd(*parts)


def matmul(*factors: Node) -> Node:
    """Matrix product, left to right."""
    number: Expr = S.One
    parts: list[Node] = []
    for factor in factors:
        inner, base = coefficient(factor)
        number *= inner
        for part in base.args if isinstance(base, MatMul) else (base,):
            if parts and parts[-1].shape[1] != part.shape[0]:
                raise ShapeError(f"cannot multiply {describe(parts[-1])} by {describe(part)}")
            parts.append(part)
    shape = (parts[0].shape[0], parts[-1].shape[1])
    if any(isinstance(part, ZeroMatrix) for part in parts):
        return ZeroMatrix(*shape)
    kept = [part for part in parts if not isinstance(part, Identity) and part != OneMatrix(1, 1)]
    if not kept:
        return scale(number, parts[0])
    return scale(number, kept[0] if len(kept) == 1 else MatMul(*kept))


def hadamard(*factors: Node) -> Node:
    """Elementwise product; repeated factors become positive powers."""
    number: Expr = S.One
    scalars: list[Node] = []
    powers: dict[Node, Expr] = {}
    for factor in factors:
        if factor.shape != factors[0].shape:
            raise ShapeError(f"cannot multiply {describe(factors[0])} elementwise by {describe(factor)}")
        inner, base = coefficient(factor)
        number *= inner
        while isinstance(base, MatMul) and base.args[-1].shape == (1, 1) != base.shape:
            scalars.insert(0, base.args[-1])  # a ⊙ (v λ) = (a ⊙ v) λ
            base = matmul(*base.args[:-1])
        for part in base.args if isinstance(base, HadamardProduct) else (base,):
            root, exponent = (part.base, part.exp) if isinstance(part, HadamardPower) else (part, S.One)
            # A root and its inverse stay apart: cancelling them is a step that needs a reason.
            key = root if exponent.is_positive else HadamardPower(root, -1)
            powers[key] = powers.get(key, S.Zero) + abs(exponent)
    shape = factors[0].shape
    if any(isinstance(part, ZeroMatrix) for part in powers):
        return ZeroMatrix(*shape)
    kept = [
        power(base, exponent) if not isinstance(base, HadamardPower) else power(base.base, -exponent)
        for base, exponent in powers.items()
        if not isinstance(base, OneMatrix)
    ]
    product = HadamardProduct(*kept) if len(kept) > 1 else kept[0] if kept else OneMatrix(*shape)
    return scale(number, matmul(product, *scalars))


def power(base: Node, exponent: Any) -> Node:
    """Elementwise power with a number as exponent."""
    exponent = sympify(exponent)
    if exponent == 0:
        return OneMatrix(*base.shape)
    if exponent == 1 or isinstance(base, OneMatrix):
        return base
    return HadamardPower(base, exponent)


def divide(numerator: Node, denominator: Node) -> Node:
    """Elementwise quotient."""
    return hadamard(numerator, power(denominator, -1))


def transpose(node: Node) -> Node:
    """Transpose, pushed down to the quantities."""
    number, base = coefficient(node)
    if base.shape == (1, 1):
        return node
    if isinstance(base, Transpose):
        return scale(number, base.arg)
    if isinstance(base, MatMul):
        return scale(number, matmul(*(transpose(factor) for factor in reversed(base.args))))
    if isinstance(base, MatAdd):
        return scale(number, add(*map(transpose, base.args)))
    if isinstance(base, HadamardProduct):
        return scale(number, hadamard(*map(transpose, base.args)))
    if isinstance(base, HadamardPower):
        return scale(number, power(transpose(base.base), base.exp))
    if isinstance(base, OneMatrix | ZeroMatrix):
        return scale(number, type(base)(base.shape[1], base.shape[0]))
    if isinstance(base, Identity | DiagMatrix):
        return node
    return scale(number, Transpose(base))


def apply(function: ScalarFunction, *operands: Node) -> Node:
    """A scalar function, entry by entry."""
    for operand in operands:
        if operand.shape != operands[0].shape:
            raise ShapeError(f"{function.name} of {describe(operands[0])} and {describe(operand)}: shapes differ")
    return Elementwise(function, *operands)


def softmax(node: Node) -> Node:
    """Softmax of a column vector."""
    if node.shape[1] != 1:
        raise ShapeError(f"softmax acts on a column vector, not on {describe(node)}")
    return Softmax(node)


def diag(vector: Node) -> Node:
    """The square matrix with a column vector on its diagonal."""
    if vector.shape[1] != 1:
        raise ShapeError(f"diag acts on a column vector, not on {describe(vector)}")
    if isinstance(vector, OneMatrix):
        return Identity(vector.shape[0])
    return DiagMatrix(vector)


def diagonal(matrix: Node) -> Node:
    """The diagonal of a square matrix as a column vector."""
    if matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(f"only a square matrix has a diagonal here, not {describe(matrix)}")
    if isinstance(matrix, ZeroMatrix):
        return ZeroMatrix(matrix.shape[0], 1)
    return DiagonalOf(matrix)


def concat(axis: int, *parts: Node) -> Node:
    """Parts below each other (axis 0) or side by side (axis 1)."""
    for part in parts:
        if part.shape[1 - axis] != parts[0].shape[1 - axis]:
            raise ShapeError(f"cannot stack {describe(parts[0])} and {describe(part)} along axis {axis}")
    if all(isinstance(part, ZeroMatrix) for part in parts):
        return ZeroMatrix(*Concat(axis, *parts).shape)
    return parts[0] if len(parts) == 1 else Concat(axis, *parts)


def block(axis: int, node: Node, start: Any, length: Any) -> Node:
    """`length` rows or columns from `start` on."""
    start, length = sympify(start), sympify(length)
    if start == 0 and length == node.shape[axis]:
        return node
    if isinstance(node, Concat) and node.axis == axis:
        offset: Expr = S.Zero
        for part in node.parts:
            if offset == start and part.shape[axis] == length:
                return part
            offset += part.shape[axis]
    if isinstance(node, ZeroMatrix):
        return ZeroMatrix(*Slice(axis, node, start, length).shape)
    return Slice(axis, node, start, length)


def ones(rows: Any, cols: Any = 1) -> Node:
    """A matrix of ones."""
    return OneMatrix(sympify(rows), sympify(cols))


def total(node: Node) -> Node:
    """The sum of all entries, as a scalar (1, 1)."""
    rows, cols = node.shape
    return matmul(ones(1, rows), node, ones(cols, 1))


def sum_over_time(term: Node, index: Symbol, first: Any, last: Any) -> Node:
    """Σ of a term over an index."""
    return ZeroMatrix(*term.shape) if isinstance(term, ZeroMatrix) else TimeSum(term, index, first, last)


# Walking


_REBUILD: dict[type[Basic], Callable[..., Node]] = {
    MatAdd: add,
    Transpose: transpose,
    HadamardProduct: hadamard,
    DiagMatrix: diag,
    DiagonalOf: diagonal,
    Softmax: softmax,
}


def children(node: Node) -> tuple[Node, ...]:
    """The operands of a node that are nodes themselves; an adjoint, like a quantity, is a leaf."""
    if isinstance(node, Quantity | Adjoint | Jacobian):
        return ()
    return tuple(arg for arg in node.args if isinstance(arg, MatrixExpr))


def rebuild(node: Node, operands: Iterable[Node]) -> Node:
    """The same operation on other operands, simplified by the constructors."""
    operands = tuple(operands)
    if operands == children(node):
        return node
    if isinstance(node, MatMul):
        return scale(coefficient(node)[0], matmul(*operands))
    if isinstance(node, Elementwise):
        return apply(node.function, *operands)
    if isinstance(node, Concat):
        return concat(node.axis, *operands)
    if isinstance(node, Slice):
        return block(node.axis, operands[0], node.start, node.length)
    if isinstance(node, HadamardPower):
        return power(operands[0], node.exp)
    if isinstance(node, TimeSum):
        return type(node)(operands[0], *node.args[1:])
    return _REBUILD[type(node)](*operands)


def substitute(node: Node, replacement: Callable[[Node], Node | None]) -> Node:
    """Replace every node for which `replacement` returns another, outermost first."""
    found = replacement(node)
    if found is not None:
        return found
    return rebuild(node, (substitute(child, replacement) for child in children(node)))


def shift(node: Node, by: int) -> Node:
    """The same expression `by` steps later."""
    return node if by == 0 else cast(Node, node.xreplace({t: t + by}))


def leaves(node: Node) -> list[Quantity]:
    """The quantities of an expression in order of appearance, each once; those of adjoints are not counted."""
    found: dict[Quantity, None] = {}

    def visit(part: Node) -> None:
        if isinstance(part, Quantity):
            found[part] = None
        for child in children(part):
            visit(child)

    visit(node)
    return list(found)


def contains(node: Node, part: Node) -> bool:
    """Whether `part` occurs in the expression."""
    return node == part or any(contains(child, part) for child in children(node))
