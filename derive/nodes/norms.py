"""Norms as nodes: scalars that stand in bounds, never in an equation or a gradient."""

from __future__ import annotations

from typing import Any, cast

from sympy import Basic, Expr, S, Symbol, sympify
from sympy.matrices.expressions.matexpr import MatrixExpr

from derive.nodes.classes import Node, Printed, Size


class Norm(Printed, MatrixExpr):
    """The spectral norm of a node; with `largest`, the largest magnitude among its entries."""

    def __new__(cls, operand: Node, largest: Any = S.false) -> Norm:
        return cast(Norm, Basic.__new__(cls, operand, S.true if bool(largest) else S.false))

    @property
    def operand(self) -> Node:
        return cast(Node, self.args[0])

    @property
    def largest(self) -> bool:
        return bool(self.args[1])

    @property
    def shape(self) -> tuple[Size, Size]:
        return S.One, S.One


class Largest(Printed, MatrixExpr):
    """The largest value of a scalar node among the steps that its index counts, from `first` to `last`."""

    def __new__(cls, term: Node, index: Any, first: Any, last: Any) -> Largest:
        return cast(Largest, Basic.__new__(cls, term, index, sympify(first, strict=True), sympify(last, strict=True)))

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
        return S.One, S.One
