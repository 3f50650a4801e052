"""Mistakes in slopes: forgotten, taken at the wrong place, or of the wrong function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from sympy import HadamardPower, HadamardProduct, Identity, MatAdd, MatMul
from sympy.matrices.expressions.diagonal import DiagMatrix

from derive.calculus.adjoint import as_node
from derive.functions import ENTRIES, y
from derive.functions import slope as slope_of
from derive.nodes import (
    Adjoint,
    Elementwise,
    Jacobian,
    Node,
    Quantity,
    add,
    apply,
    coefficient,
    contains,
    diag,
    hadamard,
    matmul,
    ones,
    power,
    scale,
    substitute,
)
from verify.mistakes.context import Context, Slope, elementwise_factors, replaced

SQUASHING = ("tanh", "sigmoid")
"""Functions whose slopes, written in the function's value, people mistake for one another."""
KEPT = 512
"""Of how many slopes what people make of them is kept: it is asked for at every place of a formula."""


def activated(node: Node, context: Context) -> Iterator[Node]:
    """The slope taken at the function's value instead of its argument: tanh²(g) where g² is meant."""
    yield from _exchanged(node, context, _at_value)


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
        slope = _in_argument(fact)
        return None if slope == fact.slope else slope

    yield from _exchanged(node, context, wrong)
    if isinstance(node, HadamardPower):
        for fact in context.slopes_in(node):
            if isinstance(fact.argument, Quantity) and node.base == fact.value:
                yield power(fact.argument, node.exp)


def from_argument(node: Node, context: Context) -> Iterator[Node]:
    """The slope written in an argument as the one written in the value; c² as tanh²(c)."""
    for fact in context.slopes_in(node):
        wrong = _in_argument(fact)
        if isinstance(fact.argument, Quantity) and isinstance(node, HadamardPower):
            yield from _if_changed(node, replaced(node, fact.argument, fact.value))
        elif isinstance(fact.argument, Quantity):
            yield from _with_factors(node, wrong, fact.slope)
        else:
            yield from _if_changed(node, replaced(node, wrong, fact.slope))


def other_function(node: Node, context: Context) -> Iterator[Node]:
    """The slope of tanh where the one of σ is meant, and the reverse."""
    for name in SQUASHING:

        def wrong(fact: Slope, name: str = name) -> Node | None:
            if fact.call.function.name not in SQUASHING or fact.call.function.name == name:
                return None
            return _of_another(name, fact.value)

        yield from _exchanged(node, context, wrong)


def own_function(node: Node, context: Context) -> Iterator[Node]:
    """The slope of the other squashing function exchanged for the true one."""
    for fact in context.slopes_in(node):
        for name in SQUASHING:
            if fact.call.function.name in SQUASHING and fact.call.function.name != name:
                wrong = _of_another(name, fact.value)
                yield from _with_factors(node, wrong, fact.slope)


def without_slope(node: Node, context: Context) -> Iterator[Node]:
    """A product without the slope in it."""
    yield from _exchanged(node, context, lambda fact: ones(*fact.slope.shape))


def with_slope(node: Node, context: Context) -> Iterator[Node]:
    """A gradient, a Jacobian, a product, a sum or the identity, multiplied by a slope."""
    if not isinstance(node, Adjoint | Jacobian | Quantity | HadamardProduct | Identity | MatMul | MatAdd):
        return
    base = coefficient(node)[1]
    if isinstance(base, MatMul) and base.args[0].shape[1] == 1:
        return  # δ hᵀ: the slope belongs to δ
    for fact in context.slopes_in(node):
        if fact.slope.shape == node.shape:
            yield hadamard(node, fact.slope)
        elif fact.slope.shape[0] == node.shape[0]:
            yield matmul(diag(fact.slope), node)
        if fact.slope.shape[0] == node.shape[1] != 1:
            yield matmul(node, diag(fact.slope))


def misshapen(node: Node, context: Context) -> Iterator[Node]:
    """Something made of the function's value in place of its slope: y or y² for 1 - y², (1 - y)² too."""
    for wrong in (_itself, _square, _square_of_rest):
        yield from _exchanged(node, context, wrong)


def shaped(node: Node, context: Context) -> Iterator[Node]:
    """The slope in place of something made of the function's value."""
    for fact in context.slopes_in(node):
        for wrong in (_itself, _square, _square_of_rest):
            yield from _with_factors(node, wrong(fact), fact.slope)


def _itself(fact: Slope) -> Node:
    return fact.value


def _square(fact: Slope) -> Node:
    return power(fact.value, 2)


@lru_cache(maxsize=KEPT)
def _square_of_rest(fact: Slope) -> Node:
    return power(add(ones(*fact.value.shape), scale(-1, fact.value)), 2)


def another_function(node: Node, context: Context) -> Iterator[Node]:
    """tanh where σ is meant, and the reverse."""
    if isinstance(node, Elementwise) and node.function.name in SQUASHING:
        for name in SQUASHING:
            if name != node.function.name:
                yield apply(ENTRIES[name].function, *node.operands)


def without_function(node: Node, context: Context) -> Iterator[Node]:
    """The argument in place of the value."""
    if isinstance(node, Elementwise) and len(node.operands) == 1:
        yield node.operands[0]


def with_function(node: Node, context: Context) -> Iterator[Node]:
    """A function of the cell, or the slope of an open one, applied to what stands bare."""
    if not isinstance(node, Elementwise) and node.shape[1] == 1:
        own = [fact.call.function for fact in context.slopes]
        own += [fact.slope.function for fact in context.slopes if isinstance(fact.slope, Elementwise)]
        for function in dict.fromkeys(own):
            yield apply(function, node)


@lru_cache(maxsize=KEPT)
def _in_argument(fact: Slope) -> Node:
    return replaced(fact.slope, fact.value, fact.argument)


@lru_cache(maxsize=KEPT)
def _of_another(name: str, value: Node) -> Node:
    """The slope of a squashing function, written in a value that may be another's."""
    return as_node(slope_of(ENTRIES[name].function, 0), {y: value})


@lru_cache(maxsize=KEPT)
def _at_value(fact: Slope) -> Node | None:
    if isinstance(fact.slope, Elementwise):
        return apply(fact.slope.function, fact.value)
    return substitute(fact.slope, lambda part: apply(fact.call.function, fact.value) if part == fact.value else None)


def _exchanged(node: Node, context: Context, wrong: Callable[[Slope], Node | None]) -> Iterator[Node]:
    """A product with the slope among its factors exchanged."""
    for fact in context.slopes_in(node):
        if _stands(fact.slope, node) and (other := wrong(fact)) is not None:
            yield from _with_factors(node, fact.slope, other)


def _stands(sought: Node, node: Node) -> bool:
    """Whether the factors of something are among those of a product."""
    base = coefficient(node.args[0] if isinstance(node, DiagMatrix) else node)[1]
    factors = elementwise_factors(base)
    return bool(base.shape == sought.shape) and all(part in factors for part in elementwise_factors(sought))


def _with_factors(node: Node, old: Node, new: Node) -> Iterator[Node]:
    """A product in which the factors of `old` stand, with `new` in their place."""
    if not _stands(old, node):
        return
    if isinstance(node, DiagMatrix):
        yield from map(diag, _with_factors(node.args[0], old, new))
        return
    number, base = coefficient(node)
    factors, sought = list(elementwise_factors(base)), elementwise_factors(old)
    place = min(factors.index(part) for part in sought)
    rest = [factor for factor in factors if factor not in sought]
    rest.insert(place, new)
    yield scale(number, hadamard(*rest))


def _if_changed(before: Node, after: Node) -> Iterator[Node]:
    if after != before:
        yield after
