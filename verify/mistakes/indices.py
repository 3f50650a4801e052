"""Mistakes in time: a wrong index, a sum that is missing or closed too early, a product over the wrong steps."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Expr, HadamardProduct, MatMul, Symbol, Transpose

from derive.nodes import (
    Adjoint,
    Jacobian,
    Node,
    Quantity,
    T,
    TimeProduct,
    TimeSum,
    coefficient,
    hadamard,
    matmul,
    scale,
    shift,
    sum_over_time,
    t,
    transpose,
)
from verify.mistakes.context import Context, times, walk
from verify.truth.scales import quantities_of

WINDOWS = (1, 2, 3)
"""How far the last step of a window is from its first, in mistakes that are made."""


def other_time(node: Node, context: Context) -> Iterator[Node]:
    """A quantity, gradient or Jacobian one step later or earlier, or at a step that the left side names.

    A term or a product, all of it one step later or earlier; one at a fixed step, at t.
    """
    for by in (1, -1):
        yield from moved(node, by)
    if isinstance(node, Quantity | Adjoint):
        quantity = node if isinstance(node, Quantity) else node.quantity
        if quantity.time is not None:
            fixed = [] if t in quantity.time.free_symbols else [t]
            for time in dict.fromkeys((*fixed, *times(context.left))):
                yield _at(node, time)
    elif isinstance(node, HadamardProduct | MatMul) and t in _symbols(node):
        yield shift(node, 1)
        yield shift(node, -1)


def moved(node: Node, by: int) -> Iterator[Node]:
    """A leaf some steps later; for a Jacobian, both of its sides or one of them."""
    if isinstance(node, Quantity) and node.time is not None:
        yield node.at(node.time + by)
    if isinstance(node, Adjoint) and node.quantity.time is not None:
        yield _at(node, node.quantity.time + by)
    if isinstance(node, Jacobian) and node.of.time is not None and node.by.time is not None:
        of, other = node.of.at(node.of.time + by), node.by.at(node.by.time + by)
        yield node.func(of, other, *node.args[2:])
        if of.name != node.by.name or _may_follow(of, node.by):
            yield node.func(of, node.by, *node.args[2:])
        if of.name != node.by.name or _may_follow(node.of, other):
            yield node.func(node.of, other, *node.args[2:])


def _may_follow(later: Quantity, earlier: Quantity) -> bool:
    """Whether one step can be after another; nothing is known of t and k."""
    assert later.time is not None
    assert earlier.time is not None
    return (later.time - earlier.time).is_positive is not False


def all_moved(node: Node, context: Context) -> Iterator[Node]:
    """The whole formula one step later or earlier; all gradients of the next step taken at t, and the reverse."""
    if t in _symbols(node):
        yield shift(node, 1)
        yield shift(node, -1)
    for by, wanted in ((-1, t + 1), (1, t)):
        there = [leaf for leaf in node.atoms(Adjoint) if leaf.quantity.time == wanted and not leaf.immediate]
        if len(there) > 1:
            yield node.xreplace({leaf: _at(leaf, leaf.quantity.time + by) for leaf in there})


def _symbols(node: Node) -> set[Expr]:
    return {symbol for time in times(node) for symbol in time.free_symbols}


def _at(node: Node, time: Expr) -> Node:
    return node.func(node.quantity.at(time), *node.args[1:]) if isinstance(node, Adjoint) else node.at(time)


def without_sum(node: Node, context: Context) -> Iterator[Node]:
    """A sum over t without its Σ, or its last term alone."""
    if isinstance(node, TimeSum) and not isinstance(node, TimeProduct):
        yield node.term
        if node.last == T:
            yield _moved_to(node.term, node.index, T)


def with_sum(node: Node, context: Context) -> Iterator[Node]:
    """The formula summed over all steps; one of step T alone, for all steps; a sum over one of two letters, both."""
    if node.atoms(TimeSum):
        yield from _with_other_sum(node)
        return
    if t in _symbols(node):
        yield sum_over_time(node, t, 1, T)
    elif T in _symbols(node):
        yield sum_over_time(_moved_to(node, T, t), t, 1, T)


def _with_other_sum(node: Node) -> Iterator[Node]:
    """Σ_t a_{t,k} as Σ_t Σ_{k≤t} a_{t,k}, and Σ_{k≤t} a_{t,k} summed over t, too."""
    bound = {part.index for part in node.atoms(TimeSum)}
    times = (part.time for part in node.atoms(Quantity) if part.time is not None)
    free = {letter for time in times for letter in time.free_symbols} - bound - {T}
    if len(free) != 1:
        return
    (letter,) = free
    if letter == t:
        yield sum_over_time(node, t, 1, T)
    elif isinstance(node, TimeSum) and not isinstance(node, TimeProduct):
        for last in (node.index, T):
            yield TimeSum(sum_over_time(node.term, letter, 1, last), *node.args[1:])


def _moved_to(node: Node, old: Expr, new: Expr) -> Node:
    """The formula with its quantities at another step; a factor 1/T stays."""
    leaves = [part for part in walk(node) if quantities_of(part)]
    return node.xreplace({leaf: leaf.xreplace({old: new}) for leaf in leaves})


def closed_early(node: Node, context: Context) -> Iterator[Node]:
    """Σ_t a_t b_t as (Σ_t a_t) b_t, or a_t (Σ_t b_t)."""
    if not isinstance(node, TimeSum) or isinstance(node, TimeProduct):
        return
    number, base = coefficient(node.term)
    factors = _factors(base)
    build = hadamard if isinstance(base, HadamardProduct) else matmul
    for k in range(1, len(factors)):
        first, rest = build(*factors[:k]), build(*factors[k:])
        if all(node.index in part.atoms(Symbol) for part in (first, rest)):
            yield scale(number, build(TimeSum(first, *node.args[1:]), rest))
            yield scale(number, build(first, TimeSum(rest, *node.args[1:])))


def closed_late(node: Node, context: Context) -> Iterator[Node]:
    """(Σ_j a_j) b_j as Σ_j a_j b_j: what stands beside a sum taken into it."""
    number, base = coefficient(node)
    factors = _factors(base)
    build = hadamard if isinstance(base, HadamardProduct) else matmul
    for k, part in enumerate(factors):
        inner_number, total = coefficient(part)
        if not isinstance(total, TimeSum) or isinstance(total, TimeProduct):
            continue
        free = {symbol.name for j, other in enumerate(factors) if j != k for symbol in other.atoms(Symbol)}
        if total.index.name.removesuffix("'") in free:
            index = t if total.index == t else Symbol(total.index.name.removesuffix("'"), integer=True)
            inner = total.term.xreplace({total.index: index})
            product = build(*factors[:k], inner, *factors[k + 1 :])
            yield scale(number * inner_number, TimeSum(product, index, *total.args[2:]))


def _factors(node: Node) -> list[Node]:
    return list(node.args) if isinstance(node, HadamardProduct | MatMul) else []


def sum_for_product(node: Node, context: Context) -> Iterator[Node]:
    """Σ where ∏ is meant, and the reverse."""
    if isinstance(node, TimeSum) and node.shape[0] == node.shape[1] != 1:
        yield (TimeSum if isinstance(node, TimeProduct) else TimeProduct)(*node.args)


def other_bounds(node: Node, context: Context) -> Iterator[Node]:
    """A sum that begins or ends one step early or late, or runs to t only."""
    if isinstance(node, TimeSum) and not isinstance(node, TimeProduct):
        yield from _bounds(node)
        if (node.first, node.last) != (1, T):
            yield type(node)(node.term, node.index, node.first, T)
            yield type(node)(node.term, node.index, 1, node.last)
            yield type(node)(node.term, node.index, 1, T)
        elif node.index != t:
            yield type(node)(node.term, node.index, 1, t)


def in_a_window(node: Node, context: Context) -> Iterator[Node]:
    """A sum to step T, or from step 1, over a window of some steps only."""
    if isinstance(node, TimeSum) and not isinstance(node, TimeProduct):
        for further in WINDOWS:
            if node.last == T:
                yield type(node)(node.term, node.index, node.first, node.first + further)
                yield type(node)(node.term, node.index, T - further, T)
            elif node.first == 1 and not node.last.is_number:
                yield type(node)(node.term, node.index, node.last - further, node.last)


def out_of_a_window(node: Node, context: Context) -> Iterator[Node]:
    """A sum over a window of some steps, to step T or from step 1."""
    if isinstance(node, TimeSum) and not isinstance(node, TimeProduct) and (node.last - node.first).is_number:
        for first, last in ((node.first, T), (1, node.last), (1, T)):
            yield type(node)(node.term, node.index, first, last)


def other_range(node: Node, context: Context) -> Iterator[Node]:
    """A product over time with one factor too many or too few, or shifted by one."""
    if isinstance(node, TimeProduct):
        yield from _bounds(node)
        for by in (1, -1):
            yield type(node)(node.term, node.index, node.first + by, node.last + by)


def _bounds(node: TimeSum) -> Iterator[Node]:
    for first, last in ((0, -1), (1, 0), (0, 1), (-1, 0)):
        yield type(node)(node.term, node.index, node.first + first, node.last + last)


def reversed_product(node: Node, context: Context) -> Iterator[Node]:
    """A product over time with its factors in the other order."""
    if isinstance(node, TimeProduct):
        yield transpose(TimeProduct(transpose(node.term), *node.args[1:]))
    if isinstance(node, Transpose) and isinstance(node.arg, TimeProduct):
        yield TimeProduct(transpose(node.arg.term), *node.arg.args[1:])
