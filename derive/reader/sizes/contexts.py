"""The positions that letters stand in, and how they are written."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeGuard

from derive.reader.meaning.tree import Add, Constant, Multiply, Ref, SizeOf, Stack, Term, Total, Transposed


def contexts(terms: Iterable[Term], numbers: Collection[str] = ()) -> dict[str, set[str]]:
    """For every name, the positions it stands in: left or right in a product, under ⊙, elsewhere.

    `inside left` is within a function that is a factor: tanh(b) in tanh(b) h; `stacked left` in a list that is one.
    `numbers` are letters that count for nothing in a product.
    """
    found: dict[str, set[str]] = {}
    for term in terms:
        _scan(term, "other", found, numbers)
    return found


def _scan(term: Term, context: str, found: dict[str, set[str]], numbers: Collection[str]) -> None:
    if isinstance(term, Ref):
        found.setdefault(term.name, set()).add(context)
    elif isinstance(term, Multiply) and term.elementwise:
        for factor in term.factors:
            _scan(factor, "left" if context == "left" else "dot", found, numbers)
    elif isinstance(term, Multiply):
        shaped = [one for one in term.factors if not isinstance(one, Constant | SizeOf) and not _is_one(one, numbers)]
        for factor in term.factors:
            if _is_one(factor, numbers):
                found.setdefault(factor.name, set()).add("other")
        for position, factor in enumerate(shaped):
            if position + 1 < len(shaped):
                _scan(factor, "left", found, numbers)
            else:
                _scan(factor, "right" if position and context != "left" else context, found, numbers)
    elif isinstance(term, Transposed):
        inner = term.body
        if isinstance(inner, Ref):
            _scan(inner, f"transposed {context}" if context in ("left", "right") else context, found, numbers)
        else:
            _scan(inner, context, found, numbers)
    else:
        within = "other"
        if isinstance(term, Stack):
            within = "stacked left" if context == "left" else "stacked"
        elif context in ("left", "right"):
            within = context if isinstance(term, Add) else f"inside {context}"
        elif context.startswith("inside"):
            within = context
        for part in term.parts:
            _scan(part, within if not isinstance(term, Total) else "other", found, numbers)


def _is_one(term: Term, names: Collection[str]) -> TypeGuard[Ref]:
    return isinstance(term, Ref) and term.name in names


IN_A_PRODUCT = frozenset({"left", "right", "transposed left", "transposed right"})
MULTIPLIED = IN_A_PRODUCT | {"inside left", "inside right"}


def capital(name: str) -> bool:
    """Whether a letter is written as matrices are; Δ is a difference more often."""
    return name[0].isupper() and not name.startswith("Delta")
