"""Mistakes in products: transposes, the order of factors, ⊙ and the matrix product mixed, a factor lost or added."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sympy import HadamardPower, HadamardProduct, Identity, MatMul, Transpose

from derive.nodes import (
    Adjoint,
    Jacobian,
    Node,
    Quantity,
    TimeProduct,
    coefficient,
    diag,
    hadamard,
    matmul,
    power,
    scale,
    transpose,
)
from verify.mistakes.context import Context, untransposed
from verify.mistakes.places import inside_sum, is_leaf, is_square


def without_transpose(node: Node, context: Context) -> Iterator[Node]:
    """A transposed node without its transpose."""
    if isinstance(node, Transpose):
        yield untransposed(node)


def with_transpose(node: Node, context: Context) -> Iterator[Node]:
    """A square matrix transposed."""
    if is_square(node) and isinstance(node, Quantity | Adjoint | Jacobian | TimeProduct):
        yield transpose(node)


def outer_product_turned(node: Node, context: Context) -> Iterator[Node]:
    """δ hᵀ as h δᵀ, where both are of one size."""
    if is_square(node) and any(factor.shape[1] == 1 for factor in _matrices(node)[:-1]):
        yield transpose(node)


def with_wrong_transpose(node: Node, context: Context) -> Iterator[Node]:
    """A square matrix or an outer product transposed."""
    yield from with_transpose(node, context)
    yield from outer_product_turned(node, context)


def without_wrong_transpose(node: Node, context: Context) -> Iterator[Node]:
    """A transpose left out, or an outer product turned."""
    yield from without_transpose(node, context)
    yield from outer_product_turned(node, context)


def all_transposed(node: Node, context: Context) -> Iterator[Node]:
    """The whole formula transposed: what did not fit in shape may fit now."""
    if node.shape != context.left.shape:
        yield inside_sum(node, transpose)


def factors_swapped(node: Node, context: Context) -> Iterator[Node]:
    """Two neighbours of a matrix product swapped, or its factors in reverse."""
    factors = _matrices(node)
    for k in range(len(factors) - 1):
        yield from _if_it_fits(node, [*factors[:k], factors[k + 1], factors[k], *factors[k + 2 :]])
    if len(factors) > 2:
        yield from _if_it_fits(node, factors[::-1])


def other_side(node: Node, context: Context) -> Iterator[Node]:
    """(A v) ⊙ r as A (v ⊙ r), and the reverse: the elementwise factor on the other side of the matrix."""
    if isinstance(node, HadamardProduct):
        for k, part in enumerate(node.args):
            factors = _matrices(part)
            for j, extra in enumerate(node.args):
                if j != k and len(factors) > 1 and factors[-1].shape == extra.shape:
                    others = [other for i, other in enumerate(node.args) if i not in (j, k)]
                    yield hadamard(*others, matmul(*factors[:-1], hadamard(factors[-1], extra)))
    factors = _matrices(node)
    if len(factors) > 1 and isinstance(factors[-1], HadamardProduct):
        parts = factors[-1].args
        for k, extra in enumerate(parts):
            if extra.shape == node.shape:
                inner = hadamard(*parts[:k], *parts[k + 1 :])
                yield scale(coefficient(node)[0], hadamard(matmul(*factors[:-1], inner), extra))


def matrix_product(node: Node, context: Context) -> Iterator[Node]:
    """a ⊙ b ⊙ c as a (bᵀ c); A ⊙ B of square matrices as A B."""
    if not isinstance(node, HadamardProduct):
        return
    factors = node.args
    if is_square(node):
        yield matmul(*factors)
    elif node.shape[1] == 1:
        for k in range(1, len(factors) - 1):
            yield matmul(hadamard(*factors[:k]), transpose(factors[k]), hadamard(*factors[k + 1 :]))


def elementwise_product(node: Node, context: Context) -> Iterator[Node]:
    """a (bᵀ c) as a ⊙ b ⊙ c; A B of square matrices as A ⊙ B."""
    factors = _matrices(node)
    for k in range(len(factors) - 1):
        a, b = factors[k], factors[k + 1]
        if a.shape == b.shape:
            yield from _if_it_fits(node, [*factors[:k], hadamard(a, b), *factors[k + 2 :]])
        if k + 2 < len(factors) and a.shape == transpose(b).shape == factors[k + 2].shape:
            three = hadamard(a, transpose(b), factors[k + 2])
            yield from _if_it_fits(node, [*factors[:k], three, *factors[k + 3 :]])
            yield from _if_it_fits(node, [*factors[:k], hadamard(a, transpose(b)), *factors[k + 2 :]])


def without_factor(node: Node, context: Context) -> Iterator[Node]:
    """A product with one factor left out."""
    if isinstance(node, HadamardProduct):
        for k in range(len(node.args)):
            yield hadamard(*node.args[:k], *node.args[k + 1 :])
    if isinstance(node, HadamardPower) and node.exp.is_Integer and node.exp > 1:
        yield power(node.base, node.exp - 1)
    factors = _matrices(node)
    if len(factors) > 1:
        for k in range(len(factors)):
            yield from _if_it_fits(node, [*factors[:k], *factors[k + 1 :]])


def with_true_factor(node: Node, context: Context) -> Iterator[Node]:
    """A term, or a factor of a matrix product, multiplied by something that multiplies in the true forms."""
    yield from _multiplied(node, context.factors)


def with_foreign_factor(node: Node, context: Context) -> Iterator[Node]:
    """A gradient multiplied once more by a factor that stands in the true forms already."""
    if isinstance(node, Adjoint):
        yield from _multiplied(node, tuple(factor for factor in context.factors if not factor.atoms(Adjoint)))


def _multiplied(node: Node, factors: tuple[Node, ...]) -> Iterator[Node]:
    if not (is_leaf(node) or isinstance(node, MatMul | HadamardProduct | HadamardPower | TimeProduct)):
        return
    for factor in factors:
        if factor.shape == node.shape and not is_square(node):
            yield inside_sum(node, lambda inner, factor=factor: hadamard(inner, factor))  # type: ignore[misc]
        elif is_square(factor) and not is_square(node) and factor.shape[1] == node.shape[0]:
            yield matmul(factor, node)
        elif is_square(factor) and factor.shape == node.shape:
            yield matmul(factor, node)
            yield matmul(node, factor)
        elif factor.shape[0] == node.shape[0] and factor.shape[1] == 1 and is_square(node):
            yield matmul(diag(factor), node)
            yield matmul(node, diag(factor))


def _matrices(node: Node) -> list[Node]:
    """The factors of a matrix product without the number; none for any other node."""
    base = coefficient(node)[1]
    return [factor for factor in base.args if factor.is_Matrix] if isinstance(base, MatMul) else []


def _if_it_fits(node: Node, factors: list[Node]) -> Iterator[Node]:
    fits = all(a.shape[1] == b.shape[0] for a, b in pairwise(factors))
    if fits and not all(isinstance(factor, Identity) for factor in factors):
        yield scale(coefficient(node)[0], matmul(*factors))
