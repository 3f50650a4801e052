"""Inequalities between norms: proved by the rules of norms and the ranges of functions, refuted by numbers.

The rules are the triangle inequality, ‖AB‖ ≤ ‖A‖ ‖B‖, ‖diag(v)‖ = ‖v‖_∞, and that a function keeps within its range.
What a Jacobian is as a sum of products, `derive` says; it is used only where the arithmetic finds it true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, TypeAlias

from sympy import Expr, HadamardPower, HadamardProduct, MatAdd, MatMul, OneMatrix, S, Transpose, ZeroMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix

from derive.calculus import vanishing
from derive.calculus.bptt import jacobian
from derive.calculus.derivation import Derivation
from derive.calculus.ranges import magnitude
from derive.errors import InputError
from derive.nodes import (
    Adjoint,
    Elementwise,
    Jacobian,
    Node,
    Norm,
    TimeProduct,
    coefficient,
    leaves,
    scale,
    substitute,
    t,
)
from derive.reader.meaning.tree import Term
from verify.formulas.judgement import Word
from verify.formulas.readings.conventions import HELD, MisfitError, Reading
from verify.formulas.readings.expressions import Builder
from verify.formulas.wrong.counterexample import exceeding
from verify.truth.comparison import Answer, Setting

Polynomial: TypeAlias = dict[tuple[int, ...], Expr]
"""Sorted numbers of norms -> the coefficient of their product."""

MOST = 6
"""Norms of which each is tried with and without the range of its functions."""


@dataclass(frozen=True)
class Bound:
    """What is said of an inequality: the word, the conventions it needs, a point where it fails, or why it is open."""

    word: Word
    assumptions: tuple[str, ...] = ()
    point: Mapping[str, Any] | None = None
    reason: str = ""


def decide(smaller: Term, larger: Term, setting: Setting, derivation: Derivation) -> Bound:
    """Whether `smaller` ≤ `larger` in the literal reading."""
    builder = Builder(setting.bench.cell, setting.bench.program, Reading())
    try:
        left, right = (builder.node(builder.side(side)) for side in (smaller, larger))
    except MisfitError as error:
        return Bound(Word.UNDECIDED, reason=f"the shapes do not fit: {error.message}")
    except InputError as error:
        return Bound(Word.UNDECIDED, reason=error.message)
    if left.shape != (1, 1) or right.shape != (1, 1):
        return Bound(Word.UNDECIDED, reason="only scalars are compared")
    rules = _Rules(setting, derivation)
    if rules.at_most(left, right):
        held = (HELD,) if any(map(rules.is_held, left.atoms(Jacobian) | right.atoms(Jacobian))) else ()
        return Bound(Word.HOLDS_IF if held else Word.PROVED, held)
    point = exceeding(left, right, setting)
    if point is not None:
        return Bound(Word.WRONG, point=point)
    return Bound(Word.UNDECIDED, reason="the rules of norms do not show it, and no case was found against it")


@dataclass
class _Rules:
    setting: Setting
    derivation: Derivation
    atoms: list[Norm] = field(default_factory=list)
    """Norms that are not the same."""

    def is_held(self, node: Jacobian) -> bool:
        """Whether it matters that the other states of the step are held fixed."""
        if len(self.setting.bench.cell.states) < 2 or not node.stepwise:
            return False
        return not self.same(node, Jacobian(node.of, node.by, node.immediate))

    def same(self, one: Node, other: Node) -> bool:
        return one == other or (one.shape == other.shape and self.setting.compare(one, other).answer is Answer.SAME)

    def at_most(self, left: Node, right: Node) -> bool:
        """Whether the rules show left ≤ right."""
        if left == right or self._over_steps(left, right):
            return True
        above = self._polynomial(right)
        if above is None or any(not number.is_nonnegative for number in above.values()):
            return False
        return any(_dominated(below, above) for below in self._above(left))

    def _over_steps(self, left: Node, right: Node) -> bool:
        """‖AB‖ ≤ ‖A‖ ‖B‖ for a product over steps, and a bound on every factor raised to their number."""
        if not isinstance(right, TimeProduct):
            return False
        each = right.term
        if isinstance(left, Norm) and not left.largest and isinstance(each, Norm) and not each.largest:
            inner = TimeProduct(each.operand, right.index, right.first, right.last)
            if inner.shape == left.operand.shape and self.same(left.operand, inner):
                return True
        moving = each.atoms(Adjoint, Jacobian) or any(leaf.time is not None for leaf in leaves(each))
        if right.index in each.free_symbols or moving:
            return False
        found = self._factor(left)
        return found is not None and found[1] - (right.last - right.first + 1) == 0 and self.at_most(found[0], each)

    def _factor(self, left: Node) -> tuple[Node, Expr] | None:
        """The norm of the step to t that is multiplied up, and how many steps."""
        inner = left.operand if isinstance(left, Norm) and not left.largest else None
        if isinstance(left, TimeProduct):
            return left.term.xreplace({left.index: t}), left.last - left.first + 1
        if isinstance(inner, TimeProduct):
            return Norm(inner.term.xreplace({inner.index: t})), inner.last - inner.first + 1
        states = self.setting.bench.cell.states
        if isinstance(inner, Jacobian) and len(states) == 1 and inner.of.name == inner.by.name == states[0].name:
            if inner.of.time is None or inner.by.time is None or (inner.of.time - inner.by.time).is_Integer:
                return None
            step = Jacobian(inner.of.at(t), inner.by.at(t - 1), inner.immediate, inner.stepwise)
            return Norm(step), inner.of.time - inner.by.time
        return None

    def _above(self, node: Node) -> Iterator[Polynomial]:
        """Polynomials in norms that a scalar is at most."""
        taken = substitute(node, self._taken_apart)
        largest = sorted((norm for norm in taken.atoms(Norm) if norm.largest), key=str)
        choices = product((False, True), repeat=len(largest)) if len(largest) <= MOST else ((False,), (True,))
        for chosen in choices:
            every = chosen * len(largest) if len(chosen) < len(largest) else chosen
            limited = {norm: self._range(norm) for norm, yes in zip(largest, every, strict=True) if yes}
            found = self._polynomial(substitute(taken, limited.get) if limited else taken)
            if found is not None:
                yield found

    def _range(self, norm: Norm) -> Node:
        return magnitude(norm.operand, self.derivation.program)

    def _taken_apart(self, node: Node) -> Node | None:
        """The norm of a sum or product by those of its parts."""
        if not isinstance(node, Norm):
            return None
        if node.largest:
            return node
        inner = node.operand
        if isinstance(inner, Jacobian):
            value = self._value(inner)
            return node if value is None else vanishing.norms(value)
        if isinstance(inner, MatAdd | MatMul | DiagMatrix | Transpose) and 1 not in inner.shape:
            return vanishing.norms(inner)
        return node

    def _value(self, node: Jacobian) -> Node | None:
        """A Jacobian as a sum of products, where the arithmetic finds it the same."""
        of, by = node.of, node.by
        if of.time is None or by.time is None or of.time - by.time not in (S.Zero, S.One):
            return None
        if not {of.name, by.name} <= set(self.derivation.program.quantities):
            return None
        found = jacobian(self.derivation, of.at(t), by.at(by.time - of.time + t))
        if found is None:
            return None
        found = found.xreplace({t: of.time})
        return found if self.same(node, found) else None

    def _polynomial(self, node: Node) -> Polynomial | None:
        """A scalar as a polynomial in norms; None where it is none."""
        number, base = coefficient(node)
        if number != 1:
            inner = self._polynomial(base)
            return None if inner is None else {key: number * value for key, value in inner.items()}
        if isinstance(base, ZeroMatrix):
            return {}
        if base == OneMatrix(1, 1):
            return {(): S.One}
        if isinstance(base, MatAdd):
            total: Polynomial = {}
            for part in map(self._polynomial, base.args):
                if part is None:
                    return None
                total = {key: total.get(key, S.Zero) + part.get(key, S.Zero) for key in {*total, *part}}
            return total
        if isinstance(base, MatMul | HadamardProduct):
            return self._multiplied(list(base.args))
        if isinstance(base, HadamardPower) and base.exp.is_Integer and 0 < base.exp <= MOST:
            return self._multiplied([base.base] * int(base.exp))
        if isinstance(base, Elementwise) and base.function.name == "abs":
            return {(self._number(Norm(base.operands[0], largest=True)),): S.One}
        return {(self._number(base),): S.One} if isinstance(base, Norm) else None

    def _multiplied(self, factors: list[Node]) -> Polynomial | None:
        found: Polynomial = {(): S.One}
        for factor in factors:
            part = self._polynomial(factor)
            if part is None:
                return None
            step: Polynomial = {}
            for (one, a), (other, b) in product(found.items(), part.items()):
                key = tuple(sorted((*one, *other)))
                step[key] = step.get(key, S.Zero) + a * b
            found = step
        return found

    def _number(self, norm: Norm) -> int:
        """The number of a norm, the same for what the arithmetic cannot tell apart."""
        inner = coefficient(norm.operand)[1] if coefficient(norm.operand)[0] == -1 else norm.operand
        largest = norm.largest or inner.shape == (1, 1)
        for number, other in enumerate(self.atoms):
            if other.largest != largest or other.operand.shape != inner.shape:
                continue
            if other.operand == inner or self.same(other.operand, inner) or self.same(other.operand, scale(-1, inner)):
                return number
        self.atoms.append(Norm(inner, largest))
        return len(self.atoms) - 1


def _dominated(below: Polynomial, above: Polynomial) -> bool:
    """Whether every term has one above it with a coefficient at least as large."""
    return all((above.get(key, S.Zero) - number).is_nonnegative for key, number in below.items())
