"""A note whose equations, and losses, begin at a later step, Σ_{t=3}^n, in steps that begin at 1."""

from __future__ import annotations

import re
from dataclasses import replace

from derive.patterns import regex
from verify.notes.files import Document, Formula

COUNTED_FROM = "the first step, which the note calls {first}, is called 1 here"
_S = r"(?:\s|\\[,;:! ])*"
_LOSS = r"(?:\\(?:mathcal|mathrm|text)\s*\{\s*[LJE]\s*\}|\\ell|[LJE](?![A-Za-z]))"
_SUM = r"\\sum(?:\\limits)?\s*_\s*\{\s*t\s*=\s*(?P<first>[2-9])\s*\}"
_SUMMED = regex(_SUM)
_WHOLE = regex(rf"{_S}{_LOSS}{_S}:?={_S}{_SUM}{_S}\^{_S}(?:\{{[^{{}}]*\}}|[A-Za-z]){_S}{_LOSS}{_S}_{_S}\{{?{_S}t")
"""L = Σ_{t=3}^n L_t"""
_LISTED = rf"{_S}t{_S}(?:={_S}FIRST{_S},{_S}(?:\d{_S},{_S})*(?:\\[lc]?dots|\.\.\.|…)|(?:\\geq?|≥){_S}FIRST).*"
"""t = 3, 4, ..., n"""
_TIMED = regex(r"([A-Za-z])\}?\s*_\s*(?:t(?![A-Za-z])|\{\s*t\s*(?:[-+][^{},]*)?\})")
_NUMBERED = regex(r"([A-Za-z])\}?\s*_\s*(?:\d|\{\s*\d+\s*\})")


def counted_from_first(document: Document) -> Document:
    """The document with its first step called 1, where it says at which step its equations and its losses begin."""
    formulas = document.formulas
    firsts = {found["first"] for each in formulas if (found := _WHOLE.match(each.text))}
    first = firsts.pop() if len(firsts) == 1 else ""
    texts = [each.text for each in formulas]
    said = first and any(re.fullmatch(_LISTED.replace("FIRST", first), text, re.DOTALL) for text in texts)
    sums = [int(number) for text in texts for number in _SUMMED.findall(text)]
    timed, numbered = ({letter for text in texts for letter in way.findall(text)} for way in (_TIMED, _NUMBERED))
    if not said or min(sums) < int(first) or timed & numbered:
        return document
    back = int(first) - 1

    def moved(each: Formula) -> Formula:
        fragment, text = each.fragment, each.text
        for found in _SUMMED.finditer(text):
            at = found.start("first")
            text = f"{text[:at]}{int(found['first']) - back}{text[at + 1 :]}"
        given = "; ".join(filter(None, (fragment.given, COUNTED_FROM.format(first=first))))
        made = replace(fragment, text=text, as_written=fragment.written, given=given)
        return each if text == each.text else replace(each, fragment=made)

    parts = (replace(part, formulas=tuple(map(moved, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))
