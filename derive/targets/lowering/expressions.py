"""Nodes to array expressions: the lowering from column vectors to batches of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Literal, Protocol

from sympy import (
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    Mul,
    OneMatrix,
    Pow,
    S,
    Transpose,
    ZeroMatrix,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from derive.errors import DerivationError
from derive.functions import ENTRIES
from derive.nodes import Adjoint, Concat, Elementwise, Node, Quantity, Slice, Softmax, children, coefficient, matmul
from derive.targets.language.code import (
    Call,
    Code,
    Index,
    MatrixProduct,
    Method,
    Name,
    Number,
    Power,
    Product,
    Sum,
    Transposed,
    Tuple,
    size_text,
)

Kind = Literal["column", "row", "matrix", "scalar"]


@dataclass(frozen=True)
class Value:
    """An array expression, what it is in the mathematics, and whether it has batch axes."""

    code: Code
    kind: Kind
    batched: bool


class Scope(Protocol):
    """What the names in an expression stand for at this place of the program."""

    sequence: bool
    """Whether arrays have a time axis here."""

    def known(self, node: Node) -> Code | None:
        """The variable that already holds the value of a node."""

    def is_parameter(self, quantity: Quantity) -> bool:
        """Whether the quantity is the same for the whole batch."""

    def gathered(self, terms: Sequence[Node]) -> tuple[list[Code], list[Node]]:
        """Terms of a sum that one stacked matrix product computes, and the terms left over."""

    def uses(self, function: str) -> str:
        """The text that calls a helper function of the module."""


def kind_of(node: Node) -> Kind:
    """Column, row, matrix or scalar, by shape."""
    rows, cols = node.shape
    if rows == 1 and cols == 1:
        return "scalar"
    return "column" if cols == 1 else "row" if rows == 1 else "matrix"


def lower(node: Node, scope: Scope) -> Value:
    """An expression at this place of the program; raises DerivationError for a node that has no lowering."""
    found = scope.known(node)
    if found is not None:
        return Value(found, kind_of(node), _varies(node, scope))
    return _lower(node, scope)


def _varies(node: Node, scope: Scope) -> bool:
    """Whether the value differs within the batch: everything but functions of parameters alone."""
    if isinstance(node, Adjoint):
        return True
    if isinstance(node, Quantity):
        return not scope.is_parameter(node)
    return any(_varies(child, scope) for child in children(node))


def _timed(node: Node) -> bool:
    """Whether the value differs from step to step."""
    if isinstance(node, Quantity):
        return node.time is not None
    return isinstance(node, Adjoint) or any(_timed(child) for child in children(node))


def lower_full(node: Node, scope: Scope) -> Value:
    """Like `lower`, with every entry written out, for what is summed over or named: ones times a scalar otherwise
    stay a scalar, which NumPy broadcasts."""
    value = lower(node, scope)
    if scope.known(node) is not None or not narrow(node):
        return value
    return _filled(value, node.shape)


def _filled(value: Value, shape: tuple[Expr, Expr]) -> Value:
    """A value that may be broadcast, at full length."""
    axes = ", ".join(size_text(size) for size in shape if size != 1) or "1"
    ones = Call("np.ones", (Number(f"({axes},)"), Name("dtype")))
    return Value(ones if _is_ones(value) else Product((ones, value.code)), value.kind, value.batched)


def narrow(node: Node) -> bool:
    """Whether the array of a node may have one entry where its shape has many."""
    base = coefficient(node)[1]
    if base.shape == (1, 1):
        return False
    if isinstance(base, MatMul):
        split = outer_split(base.args)
        if split:
            return any(narrow(matmul(*side)) for side in (base.args[:split], base.args[split:]))
        outer = base.args[0] if base.shape[1] == 1 else base.args[-1]
        return isinstance(outer, OneMatrix) or (1 in outer.shape and narrow(outer))
    if isinstance(base, MatAdd | HadamardProduct | HadamardPower | Elementwise | Transpose):
        return all(narrow(part) for part in children(base))
    return isinstance(base, OneMatrix)


@singledispatch
def _lower(node: Node, scope: Scope) -> Value:
    raise DerivationError(f"{type(node).__name__} cannot be written in NumPy here: {node}")


@_lower.register(OneMatrix)
def _(node: Node, scope: Scope) -> Value:
    return Value(Number("1"), kind_of(node), False)


@_lower.register(ZeroMatrix)
def _(node: Node, scope: Scope) -> Value:
    axes = [size for size in node.shape if size != 1] or [1]
    return Value(
        Call("np.zeros", (Number(f"({', '.join(map(size_text, axes))},)"), Name("dtype"))), kind_of(node), False
    )


@_lower.register(Identity)
def _(node: Node, scope: Scope) -> Value:
    return Value(Call("np.eye", (Number(size_text(node.shape[0])),), "dtype=dtype"), "matrix", False)


@_lower.register(MatAdd)
def _(node: Node, scope: Scope) -> Value:
    stacked, rest = scope.gathered(node.args)
    terms: list[tuple[bool, Code]] = [(False, code) for code in stacked]
    batched = bool(stacked)
    for term in rest:
        number, base = coefficient(term)
        negative = bool(number.could_extract_minus_sign())
        value = lower(base, scope)
        batched = batched or value.batched
        terms.append((negative, _scaled(-number if negative else number, value.code)))
    return Value(Sum(tuple(terms)) if len(terms) > 1 else terms[0][1], kind_of(node), batched)


@_lower.register(HadamardProduct)
def _(node: Node, scope: Scope) -> Value:
    factors: list[Code] = []
    divisors: list[Code] = []
    gates: list[Code] = []
    batched = False
    for part in node.args:
        below = isinstance(part, HadamardPower) and part.exp == -1
        value = lower(part.base if below else part, scope)
        batched = batched or value.batched
        (divisors if below else gates if _is_gate(part) else factors).append(value.code)
    others = [part for part in node.args if not _is_gate(part)]
    if not gates or all(isinstance(part, Adjoint) for part in others):  # what J asks is finite
        return Value(Product((*factors, *gates), tuple(divisors)), kind_of(node), batched)
    gate = Product(tuple(gates)) if len(gates) > 1 else gates[0]
    product = factors[0] if len(factors) == 1 and not divisors else Product(tuple(factors), tuple(divisors))
    return Value(Call(scope.uses("gated"), (gate, product)), kind_of(node), batched)


def _is_gate(node: Node) -> bool:
    """Whether the value is 0 or 1, so that where it is 0 another factor does not count, whatever it is."""
    return isinstance(node, Elementwise) and node.function.name == "heaviside"


@_lower.register(HadamardPower)
def _(node: Node, scope: Scope) -> Value:
    base = lower(node.base, scope)
    code = Product((), (base.code,)) if node.exp == -1 else Power(base.code, _literal(node.exp))
    return Value(code, base.kind, base.batched)


@_lower.register(Elementwise)
def _(node: Node, scope: Scope) -> Value:
    operands = [lower(operand, scope) for operand in node.operands]
    name = node.function.name
    if name == "identity":
        return operands[0]
    direct = ENTRIES[name].numpy if name in ENTRIES else ""
    if all(isinstance(operand.code, Number) for operand in operands):  # functions take arrays
        operands = [_filled(operand, (S.One, S.One)) for operand in operands]
    called = direct[:-3] if direct == f"np.{name}(a)" else scope.uses(name.replace("'", "_slope"))
    return Value(Call(called, tuple(o.code for o in operands)), operands[0].kind, any(o.batched for o in operands))


@_lower.register(Softmax)
def _(node: Node, scope: Scope) -> Value:
    operand = lower_full(node.operand, scope)
    return Value(Call(scope.uses("softmax"), (operand.code,)), operand.kind, operand.batched)


@_lower.register(Transpose)
def _(node: Node, scope: Scope) -> Value:
    value = lower(node.arg, scope)
    if value.kind in ("column", "row", "scalar"):  # both are the last axis of an array
        return Value(value.code, kind_of(node), value.batched)
    code = Call("np.swapaxes", (value.code, Number("-1"), Number("-2"))) if value.batched else Transposed(value.code)
    return Value(code, "matrix", value.batched)


@_lower.register(Concat)
def _(node: Node, scope: Scope) -> Value:
    parts = [lower_full(part, scope) for part in node.parts]
    parts = [_filled(part, (S.One, S.One)) if isinstance(part.code, Number) else part for part in parts]
    kind = kind_of(node)
    axis = "-1" if kind != "matrix" or node.axis == 1 else "-2"
    codes = tuple(part.code for part in parts)
    batched = any(part.batched for part in parts)
    leading = {(value.batched, scope.sequence and _timed(part)) for part, value in zip(node.parts, parts, strict=True)}
    if len(leading) > 1:
        return Value(Call(scope.uses("joined"), codes, f"axis={axis}"), kind, True)
    return Value(Call("np.concatenate", (Tuple(codes),), f"axis={axis}"), kind, batched)


@_lower.register(Slice)
def _(node: Node, scope: Scope) -> Value:
    value = lower_full(node.operand, scope)
    span = f"{size_text(node.start)}:{size_text(node.start + node.length)}"
    last = value.kind != "matrix" or node.axis == 1
    return Value(Index(value.code, f"..., {span}" if last else f"..., {span}, :"), kind_of(node), value.batched)


@_lower.register(DiagMatrix)
def _(node: Node, scope: Scope) -> Value:
    value = lower_full(node.args[0], scope)
    eye = Call("np.eye", (Number(size_text(node.shape[0])),), "dtype=dtype")
    return Value(Product((Index(value.code, "..., :, None"), eye)), "matrix", value.batched)


@_lower.register(DiagonalOf)
def _(node: Node, scope: Scope) -> Value:
    number, base = coefficient(node.arg)
    split = outer_split(base.args) if isinstance(base, MatMul) and scope.known(node.arg) is None else 0
    if split:  # a column times a row: entry by entry, no matrix is formed
        parts = [list(base.args[:split]), list(base.args[split:])]
        sides = [_chain(part, scope) for part in parts]
        code: Code = Product(tuple(side.code for side in sides if not _is_ones(side)) or (Number("1"),))
        value = Value(_scaled(number, code), "column", any(side.batched for side in sides))
        return _filled(value, node.shape) if all(narrow(matmul(*part)) for part in parts) else value
    value = lower_full(node.arg, scope)
    return Value(Call("np.diagonal", (value.code,), "axis1=-2, axis2=-1"), "column", value.batched)


@_lower.register(MatMul)
def _(node: Node, scope: Scope) -> Value:
    number, base = coefficient(node)
    if not isinstance(base, MatMul):
        value = lower(base, scope)
        return Value(_scaled(number, value.code), value.kind, value.batched)
    value = _chain(list(base.args), scope)
    return Value(_scaled(number, value.code), kind_of(node), value.batched)


def _chain(factors: list[Node], scope: Scope) -> Value:
    """A product of matrices, bracketed so that vectors are formed first."""
    if len(factors) == 1:
        return lower(factors[0], scope) if isinstance(factors[0], OneMatrix) else lower_full(factors[0], scope)
    split = outer_split(factors)
    if split:
        left, right = _chain(factors[:split], scope), _chain(factors[split:], scope)
        beside = [(left, factors[:split], "..., :, None"), (right, factors[split:], "..., None, :")]
        # Ones, and a number beside them, are left to NumPy's broadcasting.
        sides = tuple(
            Index(side.code, axes) if side.batched or not narrow(matmul(*parts)) else side.code
            for side, parts, axes in beside
            if not _is_ones(side)
        )
        code = Product(sides) if len(sides) > 1 else sides[0] if sides else Number("1")
        return Value(code, "matrix", left.batched or right.batched)
    if factors[-1].shape[1] == 1:
        right = _chain(factors[1:], scope)
        if len(factors) > 2 and isinstance(factors[1], OneMatrix):
            right = _filled(right, (factors[1].shape[0], S.One))
        return _times(factors[0], right, scope)
    if isinstance(factors[0], DiagMatrix) and kind_of(matmul(*factors)) == "matrix":
        vector, right = lower_full(factors[0].args[0], scope), _chain(factors[1:], scope)
        scaled = Product((Index(vector.code, "..., :, None"), right.code))
        return Value(scaled, "matrix", vector.batched or right.batched)
    left = _chain(factors[:-1], scope)
    if len(factors) > 2 and isinstance(factors[-2], OneMatrix):
        left = _filled(left, (S.One, factors[-2].shape[1]))
    return _row_times(left, factors[-1], scope)


def outer_split(factors: Sequence[Node]) -> int:
    """Where a product is a column times a row (0: nowhere)."""
    rows, cols = factors[0].shape[0], factors[-1].shape[1]
    if rows == 1 or cols == 1:
        return 0
    return next((k for k in range(1, len(factors)) if factors[k].shape[0] == 1), 0)


def _times(left: Node, right: Value, scope: Scope) -> Value:
    """left @ right, where right is a column or a scalar."""
    kind = kind_of(left)
    if isinstance(left, OneMatrix):
        if kind == "row":
            return Value(Method(right.code, "sum(axis=-1, keepdims=True)"), "scalar", right.batched)
        if kind == "matrix":
            return Value(Method(right.code, "sum(axis=-1, keepdims=True)"), "column", right.batched)
        return Value(right.code, kind, right.batched)  # a scalar is broadcast by NumPy
    if _is_ones(right) and kind in ("row", "matrix"):
        value = lower_full(left, scope)
        axis = "sum(axis=-1, keepdims=True)" if kind == "row" else "sum(axis=-1)"
        return Value(Method(value.code, axis), "scalar" if kind == "row" else "column", value.batched)
    if isinstance(left, DiagMatrix):
        vector = lower_full(left.args[0], scope)
        return Value(Product((vector.code, right.code)), "column", vector.batched or right.batched)
    if kind in ("column", "scalar"):
        value = lower_full(left, scope)
        return Value(Product((value.code, right.code)), kind, value.batched or right.batched)
    if kind == "row":
        value = lower_full(left, scope)
        code = Method(Product((value.code, right.code)), "sum(axis=-1, keepdims=True)")
        return Value(code, "scalar", value.batched or right.batched)
    value = lower_full(left, scope)
    if value.batched:
        product = MatrixProduct(value.code, Index(right.code, "..., None"))
        return Value(Index(product, "..., 0"), "column", True)
    return Value(rows_times(right.code, _transposed(value.code), scope), "column", right.batched)


def _is_ones(value: Value) -> bool:
    return value.code == Number("1")


def _row_times(left: Value, right: Node, scope: Scope) -> Value:
    """left @ right, where right is a matrix or a row."""
    value = lower(right, scope) if isinstance(right, OneMatrix) else lower_full(right, scope)
    batched = left.batched or value.batched
    if isinstance(right, OneMatrix) and left.kind == "scalar":
        return Value(left.code, value.kind, left.batched)  # broadcast by NumPy
    if left.kind == "row" and value.kind == "matrix" and _is_ones(left):
        return Value(Method(value.code, "sum(axis=-2)"), "row", value.batched)
    if left.kind == "scalar":
        scalar = Index(left.code, "..., None") if value.kind == "matrix" and left.batched else left.code
        return Value(Product((scalar, value.code)), value.kind, batched)
    if left.kind == "row" and value.kind == "matrix":
        if value.batched:
            product = MatrixProduct(Index(left.code, "..., None, :"), value.code)
            return Value(Index(product, "..., 0, :"), "row", True)
        return Value(rows_times(left.code, value.code, scope), "row", left.batched)
    return Value(MatrixProduct(left.code, value.code), "matrix", batched)


def rows_times(rows: Code, matrix: Code, scope: Scope) -> Code:
    """A batch of rows times a matrix; over a sequence as one product of T·B rows."""
    return Call(scope.uses("rows_times"), (rows, matrix)) if scope.sequence else MatrixProduct(rows, matrix)


def _transposed(code: Code) -> Code:
    return code.of if isinstance(code, Transposed) else Transposed(code)


def _scaled(number: Expr, code: Code) -> Code:
    if number == 1:
        return code
    if number == -1 and not isinstance(code, Number):
        return Sum(((True, code),))
    if isinstance(code, Number):
        return Number(_literal(number) if code.text == "1" else f"{_literal(number)} * {code.text}")
    above: list[Code] = []
    below: list[Code] = []
    for factor in Mul.make_args(number):
        if isinstance(factor, Pow) and factor.exp.is_negative:
            below.append(Number(_literal(1 / factor)))
        else:
            above.append(Number(_literal(factor)))
    return Product((*above, code), tuple(below))


def _literal(number: Expr) -> str:
    if number.is_Integer or not number.is_number:
        return size_text(number)
    return repr(float(number))
