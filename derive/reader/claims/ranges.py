"""Losses of several steps: L_{t+1:T}, and L_{>t} for those behind a step."""

from __future__ import annotations

from sympy import Expr

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.meaning.letters import index, time_expression
from derive.reader.text.fragment import Fragment
from derive.reader.text.parser import parse

_BEHIND = regex(r"\s*(?:(?P<strict>>(?!\s*=)|\\gt(?![A-Za-z]))|(?:>\s*=|≥|⩾|\\(?:geqslant|geq?)(?![A-Za-z])))")


def is_range(text: str) -> bool:
    """Whether a script is one of several steps."""
    return ":" in text or _BEHIND.match(text) is not None


def steps_between(text: str) -> tuple[Expr, Expr] | None:
    """The first and the last step that a script says: `t+1:T`, `>t`; None where it says no such range."""
    if behind := _BEHIND.match(text):
        step = _step_in(text[behind.end() :])
        return None if step is None else (step + 1 if behind["strict"] else step, index("T"))
    first, colon, last = text.partition(":")
    ends = [_step_in(part) for part in (first, last)] if colon else []
    return (ends[0], ends[1]) if len(ends) == 2 and ends[0] is not None and ends[1] is not None else None


def _step_in(text: str) -> Expr | None:
    try:
        rows = parse(Fragment.of(text))
    except InputError:
        return None
    return time_expression(rows[0][0]) if len(rows) == 1 and len(rows[0]) == 1 else None
