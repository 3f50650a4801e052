"""Δh_t on the left of an equation -> a letter of its own in all of the document, not Δ times h."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.reader.resolving.document import Document
from derive.reader.resolving.rewriting import base_of, scripts_of, whole_letter
from derive.reader.text.mapping import rewritten
from derive.reader.text.syntax import Chain, Name, Run, Scripted, Syntax

DELTA = "Delta"


def resolve(document: Document) -> None:
    """Join Δ and the letter behind it where an equation gives them a value together."""
    named = {word for _, part in document.displayed() if isinstance(part, Chain) for word in _given(part.sides[0])}
    if named:
        document.rewrite(lambda node: _joined(node, named) if isinstance(node, Run) else None)


def _given(left: Syntax) -> Iterator[str]:
    """The letter behind Δ where these two, with the scripts of the letter, are the whole left side."""
    if isinstance(left, Run) and len(left.factors) == 2 and _is_delta(left.factors[0]):
        base = base_of(left.factors[1])
        if isinstance(left.factors[1], Scripted) and whole_letter(left.factors[1]) and isinstance(base, Name):
            yield base.word


def _is_delta(node: Syntax) -> bool:
    return isinstance(node, Name) and node.word == DELTA


def _joined(run: Run, named: set[str]) -> Syntax | None:
    factors: list[Syntax] = []
    for factor in run.factors:
        base = base_of(factor)
        if factors and _is_delta(factors[-1]) and isinstance(base, Name) and base.word in named:
            start = factors.pop().start
            name = replace(base, start=start, word=f"{DELTA}_{base.word}", latex=f"\\Delta {base.latex}")
            scripts = scripts_of(factor)
            factors.append(Scripted(start, factor.end, name, scripts) if scripts else name)
        else:
            factors.append(factor)
    if len(factors) == len(run.factors):
        return None

    def within(node: Syntax) -> Syntax | None:
        return _joined(node, named) if isinstance(node, Run) else None

    inner = [rewritten(one, within) for one in factors]
    return inner[0] if len(inner) == 1 else replace(run, factors=tuple(inner))
