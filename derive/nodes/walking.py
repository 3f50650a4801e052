"""Walking through expressions: operands, leaves, substitution, shift in time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from sympy import Basic, HadamardPower, HadamardProduct, MatAdd, MatMul, MatrixExpr, Transpose, ZeroMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from derive.nodes.classes import (
    Adjoint,
    Concat,
    Elementwise,
    Entry,
    Jacobian,
    Node,
    Quantity,
    Shaped,
    Slice,
    Softmax,
    Tabular,
    TimeSum,
    t,
)
from derive.nodes.constructors import (
    add,
    apply,
    block,
    coefficient,
    concat,
    diag,
    diagonal,
    hadamard,
    matmul,
    power,
    scale,
    softmax,
    transpose,
)
from derive.nodes.kronecker import Kron
from derive.nodes.norms import Largest, Norm

_REBUILD: dict[type[Basic], Callable[..., Node]] = {
    MatAdd: add,
    Transpose: transpose,
    HadamardProduct: hadamard,
    DiagMatrix: diag,
    DiagonalOf: diagonal,
    Softmax: softmax,
    Kron: Kron,
}

_LEAVES = (Quantity, Adjoint, Jacobian)


def children(node: Node) -> tuple[Node, ...]:
    """The operands of a node that are nodes themselves; an adjoint, like a quantity, is a leaf."""
    if isinstance(node, _LEAVES):
        return ()
    return tuple([arg for arg in node.args if isinstance(arg, MatrixExpr)])


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
    if isinstance(node, TimeSum | Entry | Shaped | Tabular | Norm | Largest):
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


def parts_in(node: Node) -> int:
    """How many nodes an expression has, each counted where it stands."""
    return 1 + sum(map(parts_in, children(node)))


def table(node: Concat) -> list[list[Node]]:
    """The rows of a matrix of blocks; a row of zeros has as many parts as the others."""
    rows = node.parts if node.axis == 0 else (node,)
    found = [list(row.parts) if isinstance(row, Concat) and row.axis == 1 else [row] for row in rows]
    across = [part.shape[1] for part in max(found, key=len)]
    for k, row in enumerate(found):
        if len(row) < len(across) and isinstance(row[0], ZeroMatrix) and sum(across) == row[0].shape[1]:
            found[k] = [ZeroMatrix(row[0].shape[0], width) for width in across]
    return found
