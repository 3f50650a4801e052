"""Scalars of a bound as polynomials in norms, which are the same where the arithmetic cannot tell them apart."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TypeAlias

from sympy import Abs, Expr, HadamardPower, HadamardProduct, MatAdd, MatMul, OneMatrix, S, Transpose, ZeroMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix

from derive.nodes import Elementwise, Largest, Node, Norm, coefficient, scale, t
from verify.truth.comparison import Answer, Setting

Polynomial: TypeAlias = dict[tuple[int, ...], Expr]
"""Sorted numbers of norms -> the coefficient of their product."""

MOST = 6
"""The highest power that is multiplied out."""


@dataclass
class Norms:
    """The norms of a bound, each with its number."""

    setting: Setting
    atoms: list[Norm | Largest] = field(default_factory=list)
    """Norms that are not the same."""

    def same(self, one: Node, other: Node) -> bool:
        """Whether two nodes are equal, as they are written or by the arithmetic."""
        if one == other:
            return True
        if one.shape != other.shape:
            return False
        steps = one.free_symbols | other.free_symbols
        known = tuple(p for p in self.setting.before if (p[0].free_symbols | p[1].free_symbols) <= steps)
        return replace(self.setting, before=known).compare(one, other).answer is Answer.SAME

    def monotone(self, node: Node) -> bool:
        """Whether a scalar grows with every norm in it and is not negative."""
        found = self.polynomial(node)
        return found is not None and all(number.is_nonnegative for number in found.values())

    def polynomial(self, node: Node) -> Polynomial | None:
        """A scalar as a polynomial in norms; None where it is none."""
        number, base = coefficient(node)
        if number != 1:
            inner = self.polynomial(base)
            return None if inner is None else {key: number * value for key, value in inner.items()}
        if isinstance(base, ZeroMatrix):
            return {}
        if base == OneMatrix(1, 1):
            return {(): S.One}
        if isinstance(base, MatAdd):
            total: Polynomial = {}
            for part in map(self.polynomial, base.args):
                if part is None:
                    return None
                total = {key: total.get(key, S.Zero) + part.get(key, S.Zero) for key in {*total, *part}}
            return total
        if isinstance(base, MatMul | HadamardProduct):
            return self._multiplied(list(base.args))
        if isinstance(base, HadamardPower) and base.exp.is_Integer and 0 < base.exp <= MOST:
            return self._multiplied([base.base] * int(base.exp))
        if isinstance(base, Elementwise) and base.function.name == "abs":
            base = Norm(base.operands[0], largest=True)
        if isinstance(base, Norm):
            factor, inner = coefficient(base.operand)
            if inner == OneMatrix(1, 1):
                return {(): Abs(factor)}
        return {(self._number(base),): S.One} if isinstance(base, Norm | Largest) else None

    def _multiplied(self, factors: list[Node]) -> Polynomial | None:
        found: Polynomial = {(): S.One}
        for factor in factors:
            part = self.polynomial(factor)
            if part is None:
                return None
            step: Polynomial = {}
            for (one, a), (other, b) in product(found.items(), part.items()):
                key = tuple(sorted((*one, *other)))
                step[key] = step.get(key, S.Zero) + a * b
            found = step
        return found

    def _number(self, found: Norm | Largest) -> int:
        """The number of a norm, the same for what the arithmetic cannot tell apart."""
        if isinstance(found, Norm):
            inner = coefficient(found.operand)[1] if coefficient(found.operand)[0] == -1 else found.operand
            inner = inner.arg if isinstance(inner, Transpose) else inner  # which has the same norms
            diagonal = isinstance(inner, DiagMatrix) and not found.largest
            inner = inner.args[0] if diagonal else inner
            found = Norm(inner, diagonal or found.largest or inner.shape == (1, 1))
        for number, other in enumerate(self.atoms):
            if self._alike(found, other):
                return number
        self.atoms.append(found)
        return len(self.atoms) - 1

    def _alike(self, one: Node, other: Node) -> bool:
        if one == other:
            return True
        if isinstance(one, Largest) and isinstance(other, Largest):
            steps = one.first - other.first == 0 and one.last - other.last == 0
            return steps and self._alike(each(one), each(other))
        if not (isinstance(one, Norm) and isinstance(other, Norm)) or one.largest != other.largest:
            return False
        inner, outer = one.operand, other.operand
        return self.same(outer, inner) or self.same(outer, scale(-1, inner))


def each(node: Largest) -> Node:
    """What the largest value is taken of, at step t."""
    return node.term.xreplace({node.index: t})


def dominated(below: Polynomial, above: Polynomial) -> bool:
    """Whether every term has one above it with a coefficient at least as large."""
    return all((above.get(key, S.Zero) - number).is_nonnegative for key, number in below.items())
