"""Limits that stand in a bound: max_i ‖a_i‖, max|tanh'|, and letters for norms that are said beside it.

‖∂h_t/∂h_k‖ ≤ (‖W‖ γ)^{t-k}, γ = max_i ‖diag(1 - h_i²)‖.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard

from sympy import Integer, Rational, S, pi

from derive import nodes
from derive.reader.claims.brackets import INFINITE
from derive.reader.claims.statements.chains import Statement
from derive.reader.claims.sums import bounds, largest
from derive.reader.meaning import tree
from derive.reader.meaning.letters import Written, index, letter, only, taken, time_expression
from derive.reader.meaning.tree import Term
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Bars, Big, Group, Mark, Name, Number, Run, Scripted, Syntax

if TYPE_CHECKING:
    from derive.reader.claims.meaning import Claiming


STEEPEST = {"tanh": Integer(1), "sigmoid": Rational(1, 4), "relu": Integer(1), "softplus": Integer(1)}
"""The largest slope of a function in magnitude, which nothing is above."""


def largest_value(claiming: Claiming, factors: Sequence[Syntax], i: int) -> tuple[Term, int] | None:
    """max_k of something at steps, or the number max|tanh'|, ‖tanh'‖_∞, and where it ends; None for any other."""
    node, following = factors[i], factors[i + 1] if i + 1 < len(factors) else None
    sign = largest(node, following) if claiming.bounding else None
    steepest = _steepest(claiming, factors, i)
    if sign is None or steepest is not None:
        return steepest
    return _among(claiming, sign), i + 2


def _among(claiming: Claiming, node: Big) -> Term:
    """The largest among the steps that stand below max, or among all."""
    found = bounds(node)
    symbol = index(found.word)
    free = tree.index_clash(symbol)
    inner = claiming.term(node.body)
    body = tree.at_times(inner, lambda e: e.xreplace({symbol: free}))
    start, end = found.times() if found.first is not None else (S.One, nodes.T)
    if start is None or end is None or body == inner:
        raise claiming.unclear(f"the steps of {claiming.written(node)} are not read", node)
    if found.first is None:
        claiming.letters.guesses.granted[f"max over {found.word} is over all steps"] = None
    return tree.Largest(body, free, start, end)


def _steepest(claiming: Claiming, factors: Sequence[Syntax], i: int) -> tuple[Term, int] | None:
    """The largest slope of a function, where max stands before it, and where it ends.

    In a bound, that of an open function is the largest among the steps: what holds of it holds of every greater one.
    """
    behind = _slope_behind_max(factors[i:])
    slope, length = (_slope_in_a_norm(factors[i]), 1) if behind is None else behind
    found = None if slope is None else claiming.letters.taken(slope.base, claiming.fragment)
    called = None if found is None else claiming.function(found)
    name = called if isinstance(called, str) else None if called is None else called.name
    if name in STEEPEST:
        return tree.Constant(STEEPEST[name]), i + length
    if slope is None or name is None or not claiming.bounding:
        return None
    inner = claiming.term(slope)
    free = tree.index_clash(index("i"))
    return tree.Largest(tree.Norm(tree.at_times(inner, lambda e: free), True), free, S.One, nodes.T), i + length


def _slope_behind_max(factors: Sequence[Syntax]) -> tuple[Scripted, int] | None:
    """The f' of max|f'|, max_z |f'(z)|, max f'(z), which begins here, and how many factors that takes."""
    sign = factors[0].base if isinstance(factors[0], Scripted) else factors[0]
    if not (isinstance(sign, Name) and sign.word == "max") or len(factors) < 2:
        return None
    inner: Syntax | None = factors[1]
    if _is_slope(inner):
        called = len(factors) > 2 and isinstance(factors[2], Group)
        return inner, 2 + called
    if isinstance(inner, Group) and inner.bracket in ("LPAR", "LBRACE", "LBRACK"):
        inner = only(inner.rows)
    elif not (isinstance(inner, Bars) and inner.bracket == "LABS"):
        return None
    if isinstance(inner, Bars) and inner.bracket == "LABS":
        inner = inner.body
    if isinstance(inner, Run) and len(inner.factors) == 2 and isinstance(inner.factors[1], Group):
        inner = inner.factors[0]
    return (inner, 2) if _is_slope(inner) else None


def _slope_in_a_norm(node: Syntax) -> Scripted | None:
    """The f' of ‖f'‖_∞."""
    if not (isinstance(node, Scripted) and _is_norm(node.base) and [script.kind for script in node.scripts] == ["sub"]):
        return None
    mark, inner = only(node.scripts[0].rows), node.base.body
    infinite = isinstance(mark, Mark) and mark.kind in INFINITE
    return inner if infinite and _is_slope(inner) else None


def _is_slope(node: Syntax | None) -> TypeGuard[Scripted]:
    return isinstance(node, Scripted) and [script.kind for script in node.scripts] in (["prime"], ["tick"])


def says_one_value(statement: Statement) -> bool:
    """Whether a statement gives one value, perhaps with a bound on it or its number: γ = max|tanh'| < 1."""
    kinds = [relation.type for relation in statement.relations]
    later = zip(kinds[1:], statement.sides[2:], strict=False)
    return kinds[:1] == ["EQ"] and all(kind != "EQ" or isinstance(side, Number) for kind, side in later)


def is_limit(side: Syntax) -> bool:
    """Whether a side is computed from norms, or from the largest slope of a function."""
    return any(_is_norm(node) or _has_slope_behind_max(node) for node in walk(side))


def _has_slope_behind_max(node: Syntax) -> bool:
    factors = node.factors if isinstance(node, Run) else ()
    return any(_slope_behind_max(factors[i:]) is not None for i in range(len(factors)))


def limits(found: Iterable[Statement]) -> Mapping[str, Syntax]:
    """What letters without scripts stand for in statements that give them a norm; none that gets two."""
    said: dict[str, list[Syntax]] = {}
    for statement in found:
        if not says_one_value(statement) or statement.words or statement.unread:
            continue
        left, right = statement.sides[:2]
        name = taken(left) if letter(left) is not None else None
        plain = name is not None and not (name.parts or name.primes or name.transposed or name.power)
        if name is not None and plain and is_limit(right):
            said.setdefault(name.base, []).append(right)
    return {name: ways[0] for name, ways in said.items() if len(ways) == 1}


def _is_norm(node: Syntax) -> TypeGuard[Bars]:
    return isinstance(node, Bars) and node.bracket == "LNORM"


def constant(found: Written) -> Term | None:
    """The number π."""
    return tree.Constant(pi) if found.base == "pi" and not (found.primes or found.parts or found.transposed) else None


def limit(claiming: Claiming, found: Written) -> Term | None:
    """What such a letter stands for in a bound, perhaps raised to a number of steps."""
    value = claiming.letters.guesses.limits.get(found.base) if claiming.bounding else None
    if value is None or found.primes or found.power is not None or any(kind != "sup" for kind, _ in found.parts):
        return None
    steps = [time_expression(part) for _, part in found.parts]
    if len(steps) > 1 or None in steps:
        return None
    term = claiming.term(value)
    return tree.Power(term, steps[0]) if steps and steps[0] is not None else term
