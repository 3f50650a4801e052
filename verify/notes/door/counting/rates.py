"""Equations of rates, x_{t+Δt} = x_t + Δt (-x_t + u_t): Δt and α are numbers, and t + Δt is the next step."""

from __future__ import annotations

import re
from dataclasses import replace

from derive.patterns import regex
from verify.notes.door.gates import changed
from verify.notes.files import Document, Formula

NEXT = "${written}$ is the next step"
BEFORE = "${written}$ is the step before"

_NUMBER = r"\\(?:alpha|beta|gamma|lambda|eta|epsilon|varepsilon|kappa|mu|rho|tau)(?![A-Za-z])|\\Delta\s*t(?![A-Za-z])"
_FROM_ONE = regex(rf"[(\[]\s*1\s*-\s*(?P<letter>{_NUMBER})\s*(?:\\right\s*)?[)\]]")
_BRACKET = regex(
    r"\s*(?=(?:\\left\s*|\\[bB]igg?l?\s*)?[(\[]"
    r"(?!\s*\\?[A-Za-z]+\s*(?:_\s*(?:\w|\{[^{}]*\}))?\s*(?:\\right\s*)?[)\]]))"
)
"""A bracket with more than a letter in it, as that of an eigenvalue λ(W) has."""
_NUMBERS = regex(_NUMBER)


def with_numbers_before_brackets(document: Document) -> Document:
    """The document with a sign between a number and a bracket: α · (x - h), where 1 - α shows that α is no function."""
    texts = [formula.text for part in document.parts for formula in part.formulas]
    shown = {_bare(found["letter"]) for text in texts for found in _FROM_ONE.finditer(text)}
    if not shown:
        return document

    def read(formula: Formula) -> Formula:
        text = formula.text
        numbers = (found for found in _NUMBERS.finditer(text) if _bare(found.group()) in shown)
        found = [(one.end(), one.end(), r" \cdot ") for one in numbers if _BRACKET.match(text, one.end())]
        if not found or not formula.claims:
            return formula
        return replace(formula, fragment=changed(formula.fragment, text, found))

    parts = (replace(part, formulas=tuple(map(read, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def counted_in_intervals(document: Document) -> Document:
    """The document with t + 1 for t + Δt, where an equation multiplies by Δt, or t + 1 is spoken of too."""
    formulas = [formula for part in document.parts for formula in part.formulas if not formula.fragment.plain]
    texts = [formula.text for formula in formulas if formula.claims]
    counted = any(map(_NUMBER_OF_STEPS.search, texts))
    beside = not counted and any(map(_INTERVAL.search, texts)) and any(map(_ONE.search, texts))
    if not beside and not any(_FACTOR.search(_SCRIPT.sub("", one.text).partition("=")[2]) for one in formulas):
        return document

    def read(formula: Formula) -> Formula:
        found = list(_INTERVAL.finditer(formula.text)) if formula.claims else []
        if not found:
            return formula
        told = dict.fromkeys((NEXT if one["sign"] == "+" else BEFORE).format(written=one["time"]) for one in found)
        fragment = changed(formula.fragment, formula.text, [(*one.span("interval"), "1") for one in found])
        given = "; ".join(filter(None, (fragment.given, *told)))
        return replace(formula, fragment=replace(fragment, given=given))

    parts = (replace(part, formulas=tuple(map(read, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


_SCRIPT = regex(r"[_^]\s*\{[^{}]*\}")
_FACTOR = regex(r"\\Delta\s*t(?![A-Za-z])")
_INTERVAL = regex(r"[{(\[]\s*(?P<time>t\s*(?P<sign>[+-])\s*(?P<interval>\\Delta\s*t|Δ\s*t|dt))\s*[})\]]")
_NUMBER_OF_STEPS = regex(r"\^\s*\{?\s*(?:\\Delta\s*t|Δ\s*t|dt)(?![A-Za-z])")
"""∏^{Δt} and a^{Δt}, of which Δt is how many steps there are."""
_ONE = regex(r"(?<=[A-Za-z}_^])\s*[\[({]\s*t\s*[-+]\s*1\s*[\])}]")


def _bare(letter: str) -> str:
    return re.sub(r"\s", "", letter)
