"""Conditions that a formula states beside it, in words or not: for t = T, if i ≠ j, assuming U symmetric."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from sympy import Expr, Integer

from derive.patterns import regex
from derive.reader.meaning.letters import time_expression
from derive.reader.text.syntax import Chain, Group, Name, Number, Syntax

_RESTRICTING = regex(
    r"\b(?:if|when|whenever|only|assum\w+|suppos\w+|provided|neglect\w*|ignor\w+|approx\w*|last|final|first|single|"
    r"symmetric|orthogonal|unless|except)\b|当|如果|假设|忽略|近似|仅",
    re.IGNORECASE,
)
_LEAD = regex(
    r"^[\s,;.(]*(?:if|when|for|where|with|at)\b(?:\s*(?:all|every|each|any|the|time|times|step|steps)\b)*",
    re.IGNORECASE,
)
_WHOLE = regex(r"t=1,?(?:\\[lc]?dots|\.\.\.|…),?T|1(?:\\leq?|≤)t(?:\\leq?|≤)T|t\\in\\?\{1.*T\\?\}|(?:\\forall)?[tkij]")
_MOMENT = regex(r"(?:^|[^A-Za-z\\])t=(T(?:-\d+)?|\d+)(?![\dA-Za-z.,])")


@dataclass(frozen=True)
class Stated:
    """The step that a condition names, such as T in `for t = T`; or the words of one that is not read."""

    moment: Expr | None = None
    unread: str = ""
    conditions: tuple[Chain, ...] = ()
    """Comparisons of indices, such as i ≠ j."""


def in_words(words: str, rest: str) -> Stated:
    """The condition in words of a formula, with what follows them: `\\text{if } t = T`."""
    from derive.nodes import T

    said = " ".join((words + rest).split())
    flat = re.sub(r"\s|\\[,;:! ]|\\q?quad|\$", "", _LEAD.sub("", said)).rstrip(".,:)")
    bare = re.sub(r"\b(?:if|when)\b", "", words, flags=re.IGNORECASE)
    if (moment := _MOMENT.search("," + flat)) and not _RESTRICTING.search(bare):
        letter, _, back = moment.group(1).partition("-")
        return Stated(T - int(back or 0) if letter == "T" else Integer(int(letter)))
    if not _RESTRICTING.search(bare) and (not flat or _WHOLE.fullmatch(flat)):
        return Stated()
    return Stated(unread=said)


def given(part: Syntax) -> bool:
    """Whether this says what a quantity is, as a condition behind a formula does: y_i = 1."""
    return (
        isinstance(part, Chain)
        and len(part.sides) == 2
        and part.relations[0].type == "EQ"
        and isinstance(part.sides[1], Number)
    )


def at_step(part: Syntax) -> Expr | None:
    """The step in `t = T` beside a formula."""
    if isinstance(part, Group) and len(part.rows) == 1 and len(part.rows[0]) == 1:
        return at_step(part.rows[0][0])
    if not isinstance(part, Chain) or len(part.sides) != 2 or part.relations[0].type != "EQ":
        return None
    left, right = part.sides
    return time_expression(right) if isinstance(left, Name) and left.word == "t" else None


def before_last(part: Syntax) -> bool:
    """Whether this says t < T, which holds wherever a formula names step t + 1."""
    if not isinstance(part, Chain) or len(part.sides) != 2 or not isinstance(part.sides[1], Name):
        return False
    return about_time(part) and part.sides[1].word == "T" and part.relations[0].word.strip() in _LESS


_LESS = frozenset(["<", r"\lt", "≠", r"\ne", r"\neq"])


class Order(NamedTuple):
    """A relation between numbers: whether the greater side stands first, must not be the same, may be so roughly."""

    turned: bool
    strict: bool
    roughly: bool = False


ORDERS = {
    **dict.fromkeys(("<", r"\lt"), Order(False, True)),
    **dict.fromkeys(("≤", "<=", r"\le", r"\leq", r"\leqslant"), Order(False, False)),
    r"\lesssim": Order(False, False, True),
    **dict.fromkeys((">", r"\gt"), Order(True, True)),
    **dict.fromkeys(("≥", ">=", r"\ge", r"\geq", r"\geqslant"), Order(True, False)),
}


def ordered(part: Syntax) -> tuple[tuple[Expr, Expr], ...] | None:
    """Pairs of which the first is less than the second, as k < τ or 1 ≤ t ≤ T says; None for any other part."""
    if not isinstance(part, Chain):
        return None
    times = [time_expression(side) for side in part.sides]
    found = []
    for relation, (left, right) in zip(part.relations, pairwise(times), strict=True):
        order = ORDERS.get(relation.word.strip())
        if order is None or left is None or right is None:
            return None
        earlier, later = (right, left) if order.turned else (left, right)
        found.append((earlier, later if order.strict else later + 1))
    return tuple(found)


def about_time(part: Syntax) -> bool:
    """Whether this compares t with something: t = T, t < T."""
    return isinstance(part, Chain) and isinstance(part.sides[0], Name) and part.sides[0].word == "t"
