"""Quotients of exponentials, written out in an equation or left by its gradient, in terms of σ and softplus."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Add, Expr, HadamardPower, HadamardProduct, Integer, MatAdd, Mul, OneMatrix, exp

from derive import functions
from derive.calculus.adjoint import as_node
from derive.calculus.stable_scalars import saturating
from derive.functions import a
from derive.nodes import Elementwise, Node, apply, children, coefficient, hadamard


def exponentials_bounded(node: Node) -> Node | None:
    """The node in terms of σ(u) or softplus(u) where it is a quotient in e^u or log(1 + e^u); None where it is not."""
    if isinstance(node, Elementwise) and node.function.name == "log":
        return _softplus(node.operands[0])
    if isinstance(node, HadamardProduct | HadamardPower) and _has_exponential(node):
        return _quotient(node.args if isinstance(node, HadamardProduct) else (node,))
    return None


def _softplus(inside: Node) -> Node | None:
    terms = inside.args if isinstance(inside, MatAdd) else ()
    ones = [term for term in terms if isinstance(term, OneMatrix)]
    powers = [term for term in terms if _is_exponential(term)]
    softplus = functions.function("softplus")
    if softplus is None or len(terms) != 2 or len(ones) != 1 or len(powers) != 1:
        return None
    return apply(softplus, powers[0].operands[0])


def _quotient(factors: Sequence[Node]) -> Node | None:
    """The product, with the factors in exponentials of one argument together."""
    rest: list[Node] = []
    groups: dict[Node, list[tuple[Node, Expr]]] = {}
    for factor in factors:
        bases = {coefficient(inner.operands[0])[1] for inner in _exponentials(factor)}
        scalar = _scalar(factor) if len(bases) == 1 else None
        if scalar is None:
            rest.append(factor)
        else:
            groups.setdefault(bases.pop(), []).append((factor, scalar))
    changed = False
    for base, members in groups.items():
        product = Mul(*(scalar for _, scalar in members))
        found = saturating(product)
        if found == product or found.has(exp):
            rest += [factor for factor, _ in members]
        else:
            changed = True
            rest.append(as_node(found, {a: base}))
    return hadamard(*rest) if changed else None


def _scalar(node: Node) -> Expr | None:
    """What a node is entry by entry in a, the argument of its exponentials; None where something else is in it."""
    number, base = coefficient(node)
    if not number.is_number:
        return None
    if isinstance(base, OneMatrix):
        return number
    if _is_exponential(base):
        multiple = coefficient(base.operands[0])[0]
        return number * exp(multiple * a) if multiple.is_number else None
    if isinstance(base, HadamardPower) and isinstance(base.exp, Integer):
        inner = _scalar(base.base)
        return None if inner is None else number * inner**base.exp
    if isinstance(base, MatAdd | HadamardProduct):
        found = [_scalar(part) for part in base.args]
        parts = [part for part in found if part is not None]
        joined = Add if isinstance(base, MatAdd) else Mul
        return number * joined(*parts) if len(parts) == len(found) else None
    return None


def _exponentials(node: Node) -> list[Node]:
    if _is_exponential(node):
        return [node]
    return [found for child in children(node) for found in _exponentials(child)]


def _has_exponential(node: Node) -> bool:
    return bool(_exponentials(node))


def _is_exponential(node: Node) -> bool:
    return isinstance(node, Elementwise) and node.function.name == "exp"
