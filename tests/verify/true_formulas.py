"""True formulas of the catalogue with their left sides, as the derivation states them and as another hand would."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from registry import RATED
from sympy import HadamardProduct, MatAdd, Symbol

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.nodes import (
    Adjoint,
    Jacobian,
    Node,
    TimeProduct,
    add,
    children,
    coefficient,
    hadamard,
    rebuild,
    scale,
    t,
)
from derive.reader import read_note
from verify.mistakes import forms
from verify.mistakes.context import Context
from verify.mistakes.places import inside_sum
from verify.truth.proof import identical

STACKED = read_note(
    r"""# Stacked

$$
\begin{aligned}
f_t &= \sigma(W_f [h_{t-1}; x_t] + b_f) \\
h_t &= f_t \odot h_{t-1} + \tanh(W_h [h_{t-1}; x_t] + b_h)
\end{aligned}
$$

where $x_t \in \mathbb{R}^{D}$
"""
)
"""A cell whose weights act on a stack: the cells of the catalogue have none."""


@dataclass(frozen=True)
class Formula:
    left: Node
    right: Node
    context: Context
    assumptions: tuple = ()

    @property
    def derivation(self) -> Derivation:
        return self.context.derivation

    @property
    def program(self):
        return self.derivation.program


@cache
def everything() -> list[Formula]:
    cells = (*map(catalogue.find, RATED), STACKED)
    return [formula for cell in cells for formula in of(cell)]


@cache
def of(cell) -> list[Formula]:
    derivation = differentiate(cell)
    program = derivation.program
    found = []
    for gradient in derivation.gradients:
        context = Context(derivation, Adjoint(gradient.of))
        found += [Formula(context.left, form, context, gradient.assumptions) for form in context.forms]
    for of_state in program.states:
        for by in program.states:
            left = Jacobian(of_state, by.at(t - 1), False, True)
            context = Context(derivation, left)
            found += [Formula(left, form, context) for form in context.forms]
    if len(program.states) == 1:
        state = program.states[0]
        left = Jacobian(state.at(3), state.at(1))
        context = Context(derivation, left)
        j = Symbol("j", integer=True)
        product = TimeProduct(Jacobian(state.at(j), state.at(j - 1)), j, 2, 3)
        found += [Formula(left, form, context) for form in dict.fromkeys((product, *context.forms))]
    return [f for f in found if identical(f.left, f.right, program, assumptions=f.assumptions).proved]


def by_another_hand(node: Node) -> Node:
    """The same formula with sums and elementwise products in the other order, and products with sums multiplied out."""
    node = rebuild(node, tuple(map(by_another_hand, children(node))))
    if isinstance(node, MatAdd):
        return add(*reversed(node.args))
    number, base = coefficient(node)
    if isinstance(base, HadamardProduct):
        return scale(number, hadamard(*reversed(base.args)))
    return node


def multiplied_out(node: Node) -> Node:
    """The same formula with every product of sums multiplied out."""
    return inside_sum(node, lambda inner: add(*forms.multiplied_out(inner)))
