"""Mistakes in sums: a term missing or too many, a sign, a factor in front, a path through the next step ignored."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, reduce

from sympy import Basic, Expr, MatAdd, OneMatrix, Rational, S, Symbol, ZeroMatrix

from derive.nodes import (
    Adjoint,
    Jacobian,
    Node,
    T,
    TimeProduct,
    TimeSum,
    add,
    coefficient,
    leaves,
    scale,
    shift,
    t,
)
from verify.mistakes.context import Context, walk
from verify.mistakes.forms import multiplied_out
from verify.mistakes.letters import one_value
from verify.mistakes.places import inside_sum, is_leaf
from verify.truth.scales import quantities_of

BATCH = Symbol("B", integer=True, positive=True)
"""The number of sequences in a batch: people write 1/B, the mathematics has no batch."""


def without_a_term(node: Node, context: Context) -> Iterator[Node]:
    """A sum with one term left out."""
    if isinstance(node, MatAdd):
        for k in range(len(node.args)):
            rest = add(*node.args[:k], *node.args[k + 1 :])
            if not isinstance(coefficient(rest)[1], OneMatrix):  # what stays is a factor 1: a factor is missing
                yield rest


def with_a_true_term(node: Node, context: Context) -> Iterator[Node]:
    """The whole formula with a term of the true one added; an inner sum completed to one of the true form."""
    for term in context.terms:
        if term.whole and term.node.shape == node.shape and not cancelling(node, term.node):
            yield plus_term(node, term.node)


def with_an_inner_term(node: Node, context: Context) -> Iterator[Node]:
    """A sum inside a product, completed to one that the true form has."""
    yield from context.completed(node, without_a_term)


def with_a_foreign_term(node: Node, context: Context) -> Iterator[Node]:
    """The whole formula with a term that does not belong: one of another step."""
    for term in context.terms:
        if term.whole and term.node.shape == node.shape:
            yield from (plus_term(node, inside_sum(term.node, lambda inner, by=by: shift(inner, by))) for by in (1, -1))  # type: ignore[misc]


def plus_term(node: Node, term: Node) -> Node:
    """The sum of both, under one Σ where both have the same."""
    if isinstance(node, TimeSum) and isinstance(term, TimeSum) and node.args[1:] == term.args[1:]:
        return inside_sum(node, lambda inner: add(inner, term.term))
    return add(node, term)


def cancelling(*terms: Node) -> bool:
    """Whether terms cancel in a sum: then some of them are not missing, but wrong."""
    bodies = [_body(term) for term in terms]
    if len({bounds for _, bounds in bodies}) == 1:
        together: dict[Node, Expr] = {}
        for inner, _ in bodies:
            for base, number in _monomials(inner):
                together[base] = together.get(base, S.Zero) + number
        count = sum(1 for number in together.values() if number != 0)
    else:
        count = len(_monomials(_body(reduce(plus_term, terms))[0]))
    return max(1, count) < sum(max(1, len(_monomials(inner))) for inner, _ in bodies)


def _body(node: Node) -> tuple[Node, tuple[Basic, ...]]:
    """What stands under the Σ of a formula, and its bounds; a formula without Σ has none."""
    if isinstance(node, TimeSum) and not isinstance(node, TimeProduct):
        return node.term, tuple(node.args[1:])
    return node, ()


@lru_cache(maxsize=1024)
def _monomials(node: Node) -> tuple[tuple[Node, Expr], ...]:
    """The terms of a formula multiplied out, each once, with the numbers in front of them."""
    total = add(*multiplied_out(node))
    terms = total.args if isinstance(total, MatAdd) else () if isinstance(total, ZeroMatrix) else (total,)
    return tuple((base, number) for number, base in map(coefficient, terms))


def other_sign(node: Node, context: Context) -> Iterator[Node]:
    """A term of a sum with its sign changed."""
    if isinstance(node, MatAdd):
        for k, term in enumerate(node.args):
            yield add(*node.args[:k], scale(-1, term), *node.args[k + 1 :])


def negative(node: Node, context: Context) -> Iterator[Node]:
    """The whole formula with its sign changed."""
    yield inside_sum(node, lambda inner: scale(-1, inner))


def with_number(node: Node, context: Context) -> Iterator[Node]:
    """A factor 2, 1/2, 1/T or 1/B in front of the whole formula, or a 2 in front of a term."""
    for number in (2, Rational(1, 2), 1 / T, 1 / BATCH):
        yield inside_sum(node, lambda inner, number=number: scale(number, inner))  # type: ignore[misc]


def term_with_number(node: Node, context: Context) -> Iterator[Node]:
    """A factor 2 or 1/2 in front of one term."""
    if isinstance(node, MatAdd):
        for number in (2, Rational(1, 2)):
            for k, term in enumerate(node.args):
                yield add(*node.args[:k], scale(number, term), *node.args[k + 1 :])


def without_number(node: Node, context: Context) -> Iterator[Node]:
    """The number in front left out, the sign kept; or turned into another. One such as 4/T has a name of its own."""
    number, base = coefficient(node)
    if number not in (1, -1) and one_value(abs(number)) is None:
        yield scale(-1 if number.could_extract_minus_sign() else 1, base)
    for other in (2, Rational(1, 2), T, 1 / T, *context.numbers):
        yield scale(other, node)


def other_kind(node: Node, context: Context) -> Iterator[Node]:
    """The immediate derivative in place of the total one where it is not zero, and the reverse."""
    if isinstance(node, Adjoint) and (node.immediate or node.quantity.name == context.derivation.cell.output.name):
        yield node.func(node.quantity, not node.immediate, *node.args[2:])
    if isinstance(node, Jacobian) and (node.immediate or _read_directly(node, context)):
        yield node.func(node.of, node.by, not node.immediate)
        if not node.immediate:
            yield node.func(node.of, node.by, False, not node.stepwise)


def _read_directly(node: Jacobian, context: Context) -> bool:
    """Whether the equation of the one quantity names the other."""
    if node.of.time is None or node.by.time is None:
        return False
    by = node.by.at(t + (node.by.time - node.of.time))
    derivation = context.derivation
    equations = (*derivation.cell.equations, *derivation.program.equations)
    return any(e.symbol.name == node.of.name and by in leaves(e.expression) for e in equations)


def without_the_future(node: Node, context: Context) -> Iterator[Node]:
    """A sum without its terms of the next step, where they are several."""

    def now(inner: Node) -> Node:
        later = [term for term in inner.args if is_of_next_step(term)] if isinstance(inner, MatAdd) else []
        if len(later) < 2 or len(later) == len(inner.args):
            return inner
        return add(*(term for term in inner.args if term not in later))

    yield inside_sum(node, now)


def with_the_future(node: Node, context: Context) -> Iterator[Node]:
    """The formula with all paths through the next step."""
    later = [term for term in context.terms if term.whole and is_of_next_step(term.node)]
    if len(later) > 1:
        yield add(node, *(term.node for term in later))


def is_of_next_step(term: Node) -> bool:
    """Whether a term names anything of step t + 1."""
    leaves = (part for part in walk(term) if is_leaf(part))
    return any(quantity.time == t + 1 for leaf in leaves for quantity in quantities_of(leaf))
