"""Mistakes of the wrong thing in the right place: another gate's quantity, the other block of a stack."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Integer

from derive.nodes import Adjoint, Concat, Jacobian, Node, Quantity, Slice, block, concat
from verify.mistakes.context import Context


def other_quantity(node: Node, context: Context) -> Iterator[Node]:
    """A quantity, or the one a gradient or a Jacobian is of, exchanged for another of its shape."""
    if isinstance(node, Quantity):
        yield from context.alike(node)
    elif isinstance(node, Adjoint) and not node.immediate:
        yield from (node.func(other, *node.args[1:]) for other in context.alike(node.quantity))
    elif isinstance(node, Jacobian):
        above = (other for other in context.alike(node.of) if node.by.name in context.reading[other.name])
        read = context.reading.get(node.of.name, ())  # nothing is known of a name for what is differentiated
        below = (other for other in context.alike(node.by) if other.name in read)
        yield from (node.func(other, node.by, *node.args[2:]) for other in above)
        yield from (node.func(node.of, other, *node.args[2:]) for other in below)


def other_block(node: Node, context: Context) -> Iterator[Node]:
    """A block cut off at the other end, or parts stacked in another order."""
    if isinstance(node, Slice):
        whole = node.operand.shape[node.axis]
        for start in (Integer(0), whole - node.length, node.length, node.start + node.length, node.start - node.length):
            behind = whole - start - node.length
            if start != node.start and start.is_nonnegative and behind.is_nonnegative:
                yield block(node.axis, node.operand, start, node.length)
    if isinstance(node, Concat):
        parts = node.parts
        for k in range(len(parts) - 1):
            yield concat(node.axis, *parts[:k], parts[k + 1], parts[k], *parts[k + 2 :])
        if len(parts) > 2:
            yield concat(node.axis, *parts[::-1])
