"""The rules by which one scalar of norms is at most another."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import product

from sympy import Expr, HadamardProduct, MatAdd, MatMul, S, Transpose
from sympy.matrices.expressions.diagonal import DiagMatrix

from derive.calculus import vanishing
from derive.calculus.bptt import jacobian
from derive.calculus.derivation import Derivation
from derive.calculus.ranges import magnitude
from derive.nodes import (
    Adjoint,
    Jacobian,
    Largest,
    Node,
    Norm,
    Quantity,
    T,
    children,
    leaves,
    matmul,
    ones,
    substitute,
    t,
    transpose,
)
from verify.formulas.bounds.over_steps import OverSteps
from verify.formulas.bounds.polynomials import Norms, Polynomial, dominated, each
from verify.truth.comparison import Setting

MOST = 6
"""Norms of which each is tried with and without the range of its functions."""


@dataclass
class Rules:
    """The rules on one set of data; the entries of the states `settled` are taken to be at most 1 at every step."""

    setting: Setting
    derivation: Derivation
    settled: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.norms = Norms(self.setting)
        self.over_steps = OverSteps(self.setting.bench.cell, self.norms, self.at_most)

    def is_held(self, node: Jacobian) -> bool:
        """Whether it matters that the other states of the step are held fixed."""
        if len(self.setting.bench.cell.states) < 2 or not node.stepwise:
            return False
        return not self.norms.same(node, Jacobian(node.of, node.by, node.immediate))

    def at_most(self, left: Node, right: Node) -> bool:
        """Whether the rules show left ≤ right."""
        if left == right or self.over_steps.shown(left, right):
            return True
        if self._through_time(left, right):
            return True
        above = self.norms.polynomial(right)
        if above is None or any(not number.is_nonnegative for number in above.values()):
            return False
        return any(dominated(below, above) for below in self.above(left)) or self._at_one_step(left, right)

    def _through_time(self, left: Node, right: Node) -> bool:
        """‖Jᵀ g_T‖ ≤ ‖J‖ ‖g_T‖, of how a state at T answers to one at k and the gradients by both."""
        factors = [*right.args] if isinstance(right, HadamardProduct | MatMul) else [right]
        for place, factor in enumerate(factors):
            rest = [*factors[:place], *factors[place + 1 :]]
            if (response := self.response(left, factor)) is not None:
                return self.at_most(response, matmul(*rest) if rest else ones(1, 1))
        return False

    def response(self, left: Node, right: Node) -> Node | None:
        """‖∂h_T/∂h_k‖ of ‖g_k‖ and ‖g_T‖, where the arithmetic finds the gradient g_k to be Jᵀ g_T; else None."""
        early, late = _gradient(left), _gradient(right)
        if early is None or late is None or early.quantity.name != late.quantity.name:
            return None
        if early.quantity == late.quantity:
            return None
        way = Jacobian(late.quantity, early.quantity, stepwise=True)
        return Norm(way) if self.norms.same(early, matmul(transpose(way), late)) else None

    def _at_one_step(self, left: Node, right: Node) -> bool:
        """Whether what is at a step is at most what is right with the value at that step for the largest of all."""
        found = {*leaves(left), *(of for one in left.atoms(Jacobian) for of in (one.of, one.by))}
        steps = {symbol for leaf in found if leaf.time is not None for symbol in leaf.time.free_symbols}
        if len(steps) != 1 or left.atoms(Largest):
            return False
        step = steps.pop()

        def at_it(node: Node) -> Node | None:
            among = isinstance(node, Largest) and (node.first, node.last) == (S.One, T)
            return each(node).xreplace({t: step}) if among else None

        there = substitute(right, at_it)
        return there != right and self.at_most(left, there)

    def above(self, node: Node) -> Iterator[Polynomial]:
        """Polynomials in norms that a scalar is at most."""
        taken = substitute(node, self._taken_apart)
        steps = frozenset(one.of.time for one in node.atoms(Jacobian) if _is_of_a_step(one))
        largest = sorted((norm for norm in _outermost(taken) if _is_limited(norm)), key=str)
        choices = product((False, True), repeat=len(largest)) if len(largest) <= MOST else ((False,), (True,))
        for chosen in choices:
            every = chosen * len(largest) if len(chosen) < len(largest) else chosen
            limited = {norm: self._range(norm, steps) for norm, yes in zip(largest, every, strict=True) if yes}
            found = self.norms.polynomial(substitute(taken, limited.get) if limited else taken)
            if found is not None:
                yield found

    def _range(self, norm: Node, steps: Collection[Expr] = ()) -> Node:
        """What the ranges of functions and the settled states leave of a largest entry; `steps` are from 1 on."""
        if isinstance(norm, Largest):
            # The equations of a step are those of the steps from 1 on.
            later = norm.first.xreplace(dict.fromkeys(norm.first.free_symbols, S.Zero)) >= 1
            if not later:
                return norm

            def among(node: Node) -> Node | None:
                moving = isinstance(node, Norm) and any(leaf.time is not None for leaf in leaves(node))
                again = Largest(node.xreplace({t: norm.index}), norm.index, norm.first, norm.last) if moving else node
                return again if isinstance(node, Norm) else None

            return substitute(self._range(each(norm)), among)
        assert isinstance(norm, Norm)
        times = {leaf.time for leaf in leaves(norm) if leaf.time is not None}
        step = times.pop() if len(times) == 1 else None
        if step is None or step == t or step not in steps:
            ranged = magnitude(norm.operand, self.derivation.program)
        else:  # a step like any other from 1 on
            now = substitute(
                norm.operand, lambda node: node.at(t) if isinstance(node, Quantity) and node.time else None
            )
            ranged = magnitude(now, self.derivation.program).xreplace({t: step})
        return substitute(ranged, self._settled)

    def _settled(self, node: Node) -> Node | None:
        if not isinstance(node, Norm):
            return None
        inner = node.operand
        known = node.largest and isinstance(inner, Quantity) and inner.name in self.settled
        return ones(1, 1) if known else node

    def _taken_apart(self, node: Node) -> Node | None:
        """The norm of a sum or product by those of its parts."""
        if isinstance(node, Largest):
            return node
        if not isinstance(node, Norm):
            return None
        if node.largest:
            return node
        inner = node.operand
        if isinstance(inner, Jacobian):
            value = self._value(inner)
            return node if value is None else vanishing.norms(value)
        if inner.shape == (1, 1):
            return Norm(inner, largest=True)
        if isinstance(inner, Quantity) and (value := self._defined(inner)) is not None:
            return substitute(vanishing.norms(value), self._taken_apart)
        if isinstance(inner, MatAdd | MatMul | DiagMatrix | Transpose) and 1 not in inner.shape:
            return vanishing.norms(inner)
        return node

    def _defined(self, matrix: Quantity) -> Node | None:
        """What an equation says that a matrix of step t is: D_t = diag(1 - h_t²)."""
        if matrix.time != t or 1 in matrix.shape:
            return None
        program = self.derivation.program
        return next((one.expression for one in program.equations if one.symbol == matrix), None)

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
        return found if self.norms.same(node, found) else None


def _gradient(node: Node) -> Adjoint | None:
    """The whole gradient by a vector of a step whose norm this is."""
    inner = node.operand if isinstance(node, Norm) and not node.largest else None
    inner = inner.arg if isinstance(inner, Transpose) else inner
    if not isinstance(inner, Adjoint) or inner.immediate or inner.shape[1] != 1 or inner.quantity.time is None:
        return None
    return inner


def _is_of_a_step(node: Jacobian) -> bool:
    """Whether this is what a step makes of the one before, so that it is one from 1 on."""
    return node.of.time is not None and node.by.time is not None and node.of.time - node.by.time == 1


def _outermost(node: Node) -> set[Node]:
    """The norms in a scalar; of those in a largest value among steps, that value."""
    if isinstance(node, Norm | Largest):
        return {node}
    return {norm for child in children(node) for norm in _outermost(child)}


def _is_limited(node: Node) -> bool:
    """Whether this is a largest entry, perhaps the largest among steps, which may have a limit."""
    inner = node.term if isinstance(node, Largest) else node
    return isinstance(inner, Norm) and inner.largest
