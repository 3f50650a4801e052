"""Notes that speak of h(t + Δt) in one place and of h(t + 1) in another: both are the next step."""

from __future__ import annotations

from dataclasses import replace

from derive.patterns import regex
from verify.notes.door.gates import changed
from verify.notes.files import Document, Formula

ONE_STEP = "a step is as long as ${interval}$"
_INTERVAL = regex(r"(?<=[A-Za-z}_^])\s*[\[({]\s*t\s*[-+]\s*(?P<interval>\\Delta\s*t|Δ\s*t|dt)(?=\s*[\])}])")
_NEXT = regex(r"(?<=[A-Za-z}_^])\s*[\[({]\s*t\s*[-+]\s*1\s*[\])}]")


def with_intervals_as_steps(document: Document) -> Document:
    """The document with t + 1 for t + Δt, where it has both."""
    texts = [each.text for each in document.formulas if each.claims]
    if not any(map(_INTERVAL.search, texts)) or not any(map(_NEXT.search, texts)):
        return document
    parts = (replace(part, formulas=tuple(map(_counted, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _counted(formula: Formula) -> Formula:
    found = list(_INTERVAL.finditer(formula.text))
    if not found:
        return formula
    fragment = formula.fragment
    told = (ONE_STEP.format(interval=one) for one in dict.fromkeys(match["interval"] for match in found))
    given = "; ".join(filter(None, (fragment.given, *told)))
    made = changed(fragment, fragment.text, ((*match.span("interval"), "1") for match in found))
    return replace(formula, fragment=replace(made, given=given))
