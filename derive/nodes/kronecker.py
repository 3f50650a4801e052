"""Kronecker products and the two orders in which the entries of a matrix are stacked; formulas to be checked have them.

An equation or a gradient that the derivation finds has neither: there a matrix is never flattened.
"""

from __future__ import annotations

from typing import Any, cast

from sympy import Basic, Expr
from sympy.matrices.expressions.matexpr import MatrixExpr

from derive.nodes.classes import Jacobian, Node, Printed, Shaped, Size, exact
from derive.nodes.constructors import matmul, transpose


class Kron(Printed, MatrixExpr):
    """A ⊗ B: every entry of A times B, as blocks."""

    def __new__(cls, left: Node, right: Node) -> Kron:
        return cast(Kron, Basic.__new__(cls, left, right))

    @property
    def left(self) -> Node:
        return cast(Node, self.args[0])

    @property
    def right(self) -> Node:
        return cast(Node, self.args[1])

    @property
    def shape(self) -> tuple[Size, Size]:
        (rows, cols), (below, across) = self.left.shape, self.right.shape
        return rows * below, cols * across

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        below, across = self.right.shape
        return cast(Expr, self.left[i // below, j // across] * self.right[i % below, j % across])


class Restacked(Printed, MatrixExpr):
    """The permutation that takes the entries of a matrix, row below row, to its columns below each other."""

    def __new__(cls, rows: Any, cols: Any) -> Restacked:
        return cast(Restacked, Basic.__new__(cls, exact(rows), exact(cols)))

    @property
    def of(self) -> tuple[Size, Size]:
        """The shape of that matrix."""
        return cast("tuple[Size, Size]", self.args)

    @property
    def shape(self) -> tuple[Size, Size]:
        rows, cols = self.of
        return rows * cols, rows * cols

    def _entry(self, i: Any, j: Any, **_: Any) -> Expr:
        rows, cols = self.of
        return exact(int(j == i % rows * cols + i // rows))


def stacked(node: Node, by_rows: bool) -> Node:
    """vec: the columns of a matrix below each other, or its rows as columns below each other."""
    rows, cols = node.shape
    if cols == 1:
        return node
    return transpose(node) if rows == 1 else Shaped(node if by_rows else transpose(node), rows * cols, 1)


def restacked(node: Jacobian) -> Node:
    """A Jacobian whose rows and columns count the entries of matrices column by column, not row by row."""
    before, after = (q.shape for q in (node.of, node.by))
    found: Node = node if 1 in before else matmul(Restacked(*before), node)
    return found if 1 in after else matmul(found, transpose(Restacked(*after)))
