"""A rule applied at every place of a formula, one place at a time, or at all of its places at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sympy import HadamardPower, HadamardProduct, MatAdd, MatMul, Transpose, ZeroMatrix

from derive.errors import ShapeError
from derive.nodes import (
    Adjoint,
    Jacobian,
    Node,
    Quantity,
    TimeProduct,
    TimeSum,
    add,
    children,
    coefficient,
    exchanged,
    hadamard,
    matmul,
    rebuild,
)
from verify.mistakes.context import Context

Rule = Callable[[Node, Context], Iterable[Node]]
"""What may stand in place of a node, in the order of plausibility."""


@dataclass(frozen=True)
class Change:
    """A formula changed at one place: there `before` became `after`. `everywhere`: at all places alike."""

    node: Node
    before: Node
    after: Node
    everywhere: bool = False


def one_place(node: Node, rule: Rule, context: Context) -> Iterator[Change]:
    """Every change by the rule at one place, outer places first. What does not fit in shape is left out."""
    for after in _fitting(node, rule, context):
        if after != node:
            yield Change(after, node, after)
    operands = children(node)
    for k, child in enumerate(operands):
        for change in one_place(child, rule, context):
            try:
                changed = (
                    exchanged(node, k, change.node)
                    if isinstance(node, MatAdd)
                    else rebuild(node, (*operands[:k], change.node, *operands[k + 1 :]))
                )
            except ShapeError:
                continue
            # A transpose that only cancels the one around it is a transpose left out: another mistake.
            cancelled = isinstance(node, Transpose) and changed == child
            if changed != node and sound(changed) and not cancelled:
                yield Change(changed, change.before, change.after, change.everywhere)


def quoted(before: Node, after: Node) -> tuple[Node | None, Node | None]:
    """The smallest parts that a person would quote of a change; None where something is only added or left out."""
    (number, inner), (other, after_inner) = coefficient(before), coefficient(after)
    if number == other != 1:
        return quoted(inner, after_inner)
    if type(before) is type(after) and isinstance(before, MatAdd | HadamardProduct):
        build = add if isinstance(before, MatAdd) else hadamard
        gone = [part for part in before.args if part not in after.args]
        come = [part for part in after.args if part not in before.args]
        if len(gone) == len(come) == 1:
            return quoted(gone[0], come[0])
        return (build(*gone) if gone else None), (build(*come) if come else None)
    for whole, part, kind in ((after, before, 1), (before, after, -1)):
        if isinstance(whole, MatAdd | HadamardProduct) and part in whole.args:
            build = add if isinstance(whole, MatAdd) else hadamard
            rest = build(*(other for other in whole.args if other != part))
            return (None, rest) if kind == 1 else (rest, None)
    if number == other and (isinstance(inner, MatMul) or isinstance(after_inner, MatMul)):
        one, other = _factors(inner), _factors(after_inner)
        for long, short, missing in ((other, one, True), (one, other, False)):
            rest = long[: -len(short)] if long[-len(short) :] == short else long[len(short) :]
            if rest and len(rest) == len(long) - len(short) and (rest + short == long or short + rest == long):
                return (None, matmul(*rest)) if missing else (matmul(*rest), None)
    parts, others = children(before), children(after)
    if type(before) is type(after) and len(parts) == len(others) and not _opaque_power(before, after):
        differing = [(part, other) for part, other in zip(parts, others, strict=True) if part != other]
        if len(differing) == 1 and rebuild(before, others) == after:
            return quoted(*differing[0])
    return before, after


def _factors(node: Node) -> tuple[Node, ...]:
    return tuple(node.args) if isinstance(node, MatMul) else (node,)


def _opaque_power(before: Node, after: Node) -> bool:
    """A square is quoted as a whole, unless letters alone differ."""
    bases = [part.base for part in (before, after) if isinstance(part, HadamardPower)]
    return bool(bases) and not all(map(is_leaf, bases))


def all_places(node: Node, rule: Rule, context: Context) -> Iterator[Change]:
    """The formula with the rule's first choice at all places, where there is more than one of them."""
    count = 0

    def visit(part: Node) -> Node:
        nonlocal count
        for after in _fitting(part, rule, context):
            count += 1
            return after
        inner = rebuild(part, tuple(map(visit, children(part))))
        return part if isinstance(part, Transpose) and inner == part.arg else inner

    try:
        changed = visit(node)
    except ShapeError:
        return
    if count > 1 and changed != node and sound(changed):
        yield Change(changed, node, changed, everywhere=True)


def _fitting(node: Node, rule: Rule, context: Context) -> Iterator[Node]:
    """The rule's choices as far as the constructors take them."""
    choices = iter(rule(node, context))
    while True:
        try:
            after = next(choices)
        except (StopIteration, ShapeError):
            return
        if sound(after):
            yield after


def sound(node: Node) -> bool:
    """Whether a node says anything; a product over time is of square factors."""
    if isinstance(node, TimeProduct):
        return bool(node.term.shape[0] == node.term.shape[1])
    return not isinstance(node, ZeroMatrix)


def is_leaf(node: Node) -> bool:
    """Whether the node is a quantity, a gradient or a Jacobian."""
    return isinstance(node, Quantity | Adjoint | Jacobian)


def is_square(node: Node) -> bool:
    """Whether the node is a square matrix, not a number."""
    rows, cols = node.shape
    return bool(rows == cols and rows != 1)


def inside_sum(node: Node, change: Callable[[Node], Node]) -> Node:
    """The formula with what stands under its Σ changed; one without Σ changed as a whole."""
    if isinstance(node, TimeSum) and not isinstance(node, TimeProduct):
        return TimeSum(inside_sum(node.term, change), *node.args[1:])
    return change(node)
