"""Mistakes in slopes: forgotten, taken at the wrong place, or of the wrong function."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import HadamardPower, HadamardProduct, MatMul
from sympy.matrices.expressions.diagonal import DiagMatrix

from derive.adjoint import as_node
from derive.functions import ENTRIES, y
from derive.functions import slope as slope_of
from derive.nodes import (
    Adjoint,
    Elementwise,
    Jacobian,
    Node,
    Quantity,
    apply,
    coefficient,
    contains,
    diag,
    hadamard,
    matmul,
    ones,
    scale,
    substitute,
)
from verify.mistakes.context import Context, Slope, elementwise_factors, replaced

SQUASHING = ("tanh", "sigmoid")
"""Functions whose slopes, written in the function's value, people mistake for one another."""


def activated(node: Node, context: Context) -> Iterator[Node]:
    """The slope taken at the function's value instead of its argument: tanh²(g) where g² is meant."""
    yield from _exchanged(node, context, lambda fact: _at_value(fact))


def deactivated(node: Node, context: Context) -> Iterator[Node]:
    """f(q) as q, and f'(q) as f' of q's argument, where q is a value of f itself."""
    for fact in context.slopes_in(node):
        call = fact.call
        again = apply(call.function, fact.value)
        if isinstance(node, HadamardPower | HadamardProduct) or contains(node, again):
            yield from _if_changed(node, replaced(node, again, fact.value))
        slope = fact.slope
        if isinstance(slope, Elementwise):
            yield from _if_changed(node, replaced(node, apply(slope.function, fact.value), slope))


def at_argument(node: Node, context: Context) -> Iterator[Node]:
    """The slope, written in the function's value, with the argument in its place: c² where tanh²(c) is meant."""

    def wrong(fact: Slope) -> Node | None:
        slope = replaced(fact.slope, fact.value, fact.argument)
        return None if slope == fact.slope else slope

    yield from _exchanged(node, context, wrong)


def from_argument(node: Node, context: Context) -> Iterator[Node]:
    """An argument q as f(q), in powers and products of q."""
    for fact in context.slopes_in(node):
        if isinstance(fact.argument, Quantity) and contains(node, fact.argument):
            if isinstance(node, HadamardPower | HadamardProduct):
                yield from _if_changed(node, replaced(node, fact.argument, fact.value))
        elif not isinstance(fact.argument, Quantity):
            yield from _if_changed(node, replaced(node, replaced(fact.slope, fact.value, fact.argument), fact.slope))


def other_function(node: Node, context: Context) -> Iterator[Node]:
    """The slope of tanh where the one of σ is meant, and the reverse."""
    for name in SQUASHING:

        def wrong(fact: Slope, name: str = name) -> Node | None:
            if fact.call.function.name not in SQUASHING or fact.call.function.name == name:
                return None
            return as_node(slope_of(ENTRIES[name].function, 0), {y: fact.value})

        yield from _exchanged(node, context, wrong)


def own_function(node: Node, context: Context) -> Iterator[Node]:
    """The slope of the other squashing function exchanged for the true one."""
    for fact in context.slopes_in(node):
        for name in SQUASHING:
            if fact.call.function.name in SQUASHING and fact.call.function.name != name:
                wrong = as_node(slope_of(ENTRIES[name].function, 0), {y: fact.value})
                yield from _with_factors(node, wrong, fact.slope)


def without_slope(node: Node, context: Context) -> Iterator[Node]:
    """A product without the slope in it."""
    yield from _exchanged(node, context, lambda fact: ones(*fact.slope.shape))


def with_slope(node: Node, context: Context) -> Iterator[Node]:
    """A gradient, a Jacobian, a product or a term, multiplied by a slope."""
    if not isinstance(node, Adjoint | Jacobian | Quantity | HadamardProduct | MatMul):
        return
    for fact in context.slopes_in(node):
        if fact.slope.shape == node.shape:
            yield hadamard(node, fact.slope)
        elif fact.slope.shape[0] == node.shape[0]:
            yield matmul(diag(fact.slope), node)
        if fact.slope.shape[0] == node.shape[1] != 1:
            yield matmul(node, diag(fact.slope))


def _at_value(fact: Slope) -> Node | None:
    if isinstance(fact.slope, Elementwise):
        return apply(fact.slope.function, fact.value)
    return substitute(fact.slope, lambda part: apply(fact.call.function, fact.value) if part == fact.value else None)


def _exchanged(node: Node, context: Context, wrong: Callable[[Slope], Node | None]) -> Iterator[Node]:
    """A product with the slope among its factors exchanged."""
    for fact in context.slopes_in(node):
        other = wrong(fact)
        if other is not None:
            yield from _with_factors(node, fact.slope, other)


def _with_factors(node: Node, old: Node, new: Node) -> Iterator[Node]:
    """A product in which the factors of `old` stand, with `new` in their place."""
    if isinstance(node, DiagMatrix):
        yield from map(diag, _with_factors(node.args[0], old, new))
        return
    number, base = coefficient(node)
    factors, sought = list(elementwise_factors(base)), elementwise_factors(old)
    if base.shape != old.shape or not all(part in factors for part in sought):
        return
    place = min(factors.index(part) for part in sought)
    rest = [factor for factor in factors if factor not in sought]
    rest.insert(place, new)
    yield scale(number, hadamard(*rest))


def _if_changed(before: Node, after: Node) -> Iterator[Node]:
    if after != before:
        yield after
