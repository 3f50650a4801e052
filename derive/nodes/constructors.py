"""The constructors: each checks the shapes of its operands and drops what is neutral; the author's order is kept."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

from sympy import (
    Basic,
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    OneMatrix,
    S,
    Symbol,
    Transpose,
    ZeroMatrix,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from derive.errors import ShapeError
from derive.functions import ScalarFunction
from derive.nodes.classes import Concat, Elementwise, Node, Slice, Softmax, TimeSum, exact

_ONE_BY_ONE = OneMatrix(1, 1)


def _built(kind: type[Node], *parts: Basic) -> Node:
    """A node of parts whose shapes have been checked: SymPy's own constructors would check them once more."""
    return cast(Node, Basic.__new__(kind, *parts))


def describe(node: Node) -> str:
    """A node and its shape in one line, for messages."""
    from derive.targets.formula import text  # a message prints the formula as the pages do

    rows, cols = node.shape
    return f"{text(node)} ({rows}×{cols})"


def coefficient(node: Node) -> tuple[Expr, Node]:
    """Split a node into its scalar coefficient and the rest."""
    if isinstance(node, MatMul) and not node.args[0].is_Matrix:
        rest = node.args[1:]
        return node.args[0], rest[0] if len(rest) == 1 else _built(MatMul, *rest)
    return S.One, node


def scale(factor: Any, node: Node) -> Node:
    """A number (or a size) times a node."""
    inner, base = coefficient(node)
    factor = exact(factor) * inner
    if factor == 0 or isinstance(base, ZeroMatrix):
        return ZeroMatrix(*node.shape)
    if factor == 1:
        return base
    return _built(MatMul, factor, *(base.args if isinstance(base, MatMul) else (base,)))


def scaled(factor: Node, node: Node) -> Node:
    """A scalar (1, 1) times a node of any shape."""
    rows, cols = node.shape
    if cols == 1:
        return matmul(node, factor)
    if rows == 1:
        return matmul(factor, node)
    return hadamard(matmul(ones(rows), factor, ones(1, cols)), node)


def add(*terms: Node) -> Node:
    """Sum of nodes of one shape; equal terms are collected."""
    collected: dict[Node, Expr] = {}
    shape = terms[0].shape
    for term in terms:
        if term.shape != shape:
            raise ShapeError(f"cannot add {describe(terms[0])} and {describe(term)}")
        for part in term.args if isinstance(term, MatAdd) else (term,):
            factor, base = coefficient(part)
            collected[base] = collected.get(base, S.Zero) + factor
    parts = [
        scale(factor, base) for base, factor in collected.items() if factor != 0 and not isinstance(base, ZeroMatrix)
    ]
    if not parts:
        return ZeroMatrix(*shape)
    return parts[0] if len(parts) == 1 else _built(MatAdd, *parts)


def exchanged(total: Node, k: int, term: Node) -> Node:
    """A sum with its k-th term exchanged for another; what `add` would make of them."""
    base = coefficient(term)[1]
    bases, distinct = _bases(total)
    plain = distinct and not isinstance(base, MatAdd | ZeroMatrix) and term.shape == total.shape
    if plain and (base == bases[k] or base not in distinct):
        return _built(MatAdd, *total.args[:k], term, *total.args[k + 1 :])
    return add(*total.args[:k], term, *total.args[k + 1 :])


@lru_cache(maxsize=256)
def _bases(total: Node) -> tuple[tuple[Node, ...], frozenset[Node]]:
    """The terms of a sum without the numbers in front, and all of them; none where `add` would put some together."""
    bases = tuple(coefficient(term)[1] for term in total.args)
    regular = len(set(bases)) == len(bases) and not any(isinstance(base, MatAdd | ZeroMatrix) for base in bases)
    return bases, frozenset(bases) if regular else frozenset()


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
            if parts and isinstance(parts[-1], OneMatrix) and isinstance(part, OneMatrix) and part.shape[0] != 1:
                number *= part.shape[0]  # 𝟏ᵀ𝟏 counts
                part = OneMatrix(parts.pop().shape[0], part.shape[1])
            parts.append(part)
    shape = (parts[0].shape[0], parts[-1].shape[1])
    if any(isinstance(part, ZeroMatrix) for part in parts):
        return ZeroMatrix(*shape)
    kept = [part for part in parts if not isinstance(part, Identity) and part != _ONE_BY_ONE]
    if not kept:
        return scale(number, parts[0])
    return scale(number, kept[0] if len(kept) == 1 else _built(MatMul, *kept))


def hadamard(*factors: Node) -> Node:
    """Elementwise product; repeated factors become positive powers."""
    number: Expr = S.One
    scalars: list[Node] = []
    powers: dict[Node, Expr] = {}
    shape = factors[0].shape
    for factor in factors:
        if factor.shape != shape:
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
    if any(isinstance(part, ZeroMatrix) for part in powers):
        return ZeroMatrix(*shape)
    kept = [
        power(base, exponent) if not isinstance(base, HadamardPower) else power(base.base, -exponent)
        for base, exponent in powers.items()
        if not isinstance(base, OneMatrix)
    ]
    product = _built(HadamardProduct, *kept) if len(kept) > 1 else kept[0] if kept else OneMatrix(*shape)
    return scale(number, matmul(product, *scalars))


def power(base: Node, exponent: Any) -> Node:
    """Elementwise power with a number as exponent."""
    exponent = exact(exponent)
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
    """`length` rows or columns from `start` on.

    Raises ShapeError for a block that does not lie within the node, whatever the sizes.
    """
    start, length = exact(start), exact(length)
    extent = node.shape[axis]
    for part in (start, length, extent - start - length):
        if part.expand().is_negative or part.expand().could_extract_minus_sign():
            raise ShapeError(f"{describe(node)} has no {('rows', 'columns')[axis]} {start} to {start + length}")
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
    return OneMatrix(exact(rows), exact(cols))


def total(node: Node) -> Node:
    """The sum of all entries, as a scalar (1, 1)."""
    rows, cols = node.shape
    return matmul(ones(1, rows), node, ones(cols, 1))


def sum_over_time(term: Node, index: Symbol, first: Any, last: Any) -> Node:
    """Σ of a term over an index."""
    return ZeroMatrix(*term.shape) if isinstance(term, ZeroMatrix) else TimeSum(term, index, first, last)
