"""Limits that stand in a bound: max_i ‖a_i‖, max|tanh'|, and letters for norms that are said beside it.

‖∂h_t/∂h_k‖ ≤ (‖W‖ γ)^{t-k}, γ = max_i ‖diag(1 - h_i²)‖.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from sympy import Integer, Rational, S, pi

from derive import nodes
from derive.errors import InputError
from derive.reader.claims.statements.chains import Statement
from derive.reader.claims.sums import bounds, largest
from derive.reader.meaning import tree
from derive.reader.meaning.letters import Written, index, letter, only, taken, time_expression
from derive.reader.meaning.tree import Term
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Bars, Big, Group, Name, Run, Scripted, Syntax

if TYPE_CHECKING:
    from derive.reader.claims.meaning import Claiming


STEEPEST = {"tanh": Integer(1), "sigmoid": Rational(1, 4), "relu": Integer(1), "softplus": Integer(1)}
"""The largest slope of a function in magnitude, which nothing is above."""


def largest_value(claiming: Claiming, node: Syntax, following: Syntax | None) -> Term | None:
    """max_k of something at steps, or the number max|tanh'|; None for any other letter or max."""
    sign = largest(node, following)
    if sign is not None:
        try:
            return _among(claiming, sign)
        except InputError:
            if (number := _steepest(claiming, node, following)) is None:
                raise
            return number
    return _steepest(claiming, node, following)


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


def _steepest(claiming: Claiming, node: Syntax, following: Syntax | None) -> Term | None:
    """The largest slope of a function that has one, where max stands before its slope."""
    function = _slope_behind_max(node, following)
    found = None if function is None else claiming.letters.taken(function, claiming.fragment)
    called = None if found is None else claiming.function(found)
    name = called if isinstance(called, str) else None if called is None else called.name
    return tree.Constant(STEEPEST[name]) if name in STEEPEST else None


def _slope_behind_max(node: Syntax, following: Syntax | None) -> Syntax | None:
    """The function of max|f'|, max_z |f'(z)|."""
    sign = node.base if isinstance(node, Scripted) else node
    if not (isinstance(sign, Name) and sign.word == "max"):
        return None
    inner = following.body if isinstance(following, Bars) and following.bracket == "LABS" else None
    if isinstance(following, Group) and following.bracket in ("LPAR", "LBRACE", "LBRACK"):
        inner = only(following.rows)
    if isinstance(inner, Bars) and inner.bracket == "LABS":
        inner = inner.body
    if isinstance(inner, Run) and len(inner.factors) == 2 and isinstance(inner.factors[1], Group):
        inner = inner.factors[0]
    primed = isinstance(inner, Scripted) and [script.kind for script in inner.scripts] in (["prime"], ["tick"])
    return inner.base if isinstance(inner, Scripted) and primed else None


def says_one_value(statement: Statement) -> bool:
    """Whether a statement gives one value, perhaps with a bound on it: γ = max|tanh'| < 1."""
    kinds = [relation.type for relation in statement.relations]
    return kinds[:1] == ["EQ"] and "EQ" not in kinds[1:]


def is_limit(side: Syntax) -> bool:
    """Whether a side is computed from norms, or from the largest slope of a function."""
    return any(_is_norm(node) or _has_slope_behind_max(node) for node in walk(side))


def _has_slope_behind_max(node: Syntax) -> bool:
    factors = node.factors if isinstance(node, Run) else ()
    return any(_slope_behind_max(*pair) is not None for pair in pairwise(factors))


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


def _is_norm(node: Syntax) -> bool:
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
