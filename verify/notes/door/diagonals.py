"""Operators with letters of their own: `where D denotes diag`, and conj(x_t) in gradients of complex numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from derive.patterns import regex
from verify.notes.door.gates import changed
from verify.notes.files import Document, Formula

SAID = "${letter}$ of a vector is the diagonal matrix, as the words of the note say"
_FACE = r"\\(?:mathbf|boldsymbol|bm|mathrm|mathcal|mathsf|operatorname|text)\s*"
_DIAGONAL = rf"(?:\$\s*(?:{_FACE})?\{{?\s*\\?diag\s*\}}?\s*(?:\(\s*(?:\\cdot|·)?\s*\))?\s*\$|`?\bdiag\b`?(?!\s*\())"
_CALLED = regex(
    rf"\$\s*(?P<letter>(?:{_FACE})?\{{?\s*(?-i:[A-Z])\s*\}}?)\s*(?:\(\s*(?:\\cdot|·|\.)\s*\))?\s*\$\s*"
    r"(?:(?:denotes?|is|means?|stands? for|represents?|for|abbreviates)\s+(?:the |an? )?(?:operator |function )?"
    r"|(?:表示|代表|指|为|為|是|即|记|記)[^$。，\n]{0,4})" + _DIAGONAL,
    re.IGNORECASE,
)

REAL = "the letters are real, so that conj leaves them as they are"
_CONJ = regex(r"\\(?:text|textrm|mathrm|operatorname\*?)\s*\{\s*[Cc]onj\s*\}(?=\s*(?:\\left\s*)?\()")


def with_diagonals(document: Document) -> Document:
    """The document with diag in the place of a letter before a bracket that its words say is that."""
    letters = {_bare(found["letter"]) for part in document.parts for found in _CALLED.finditer(part.text)}
    if not letters:
        return document
    parts = (replace(p, formulas=tuple(_read(f, letters) for f in p.formulas)) for p in document.parts)
    return replace(document, parts=tuple(parts))


def _bare(letter: str) -> str:
    return re.sub(rf"{_FACE}|[\s{{}}]", "", letter)


def _read(formula: Formula, letters: Iterable[str]) -> Formula:
    fragment = formula.fragment
    for letter in letters:
        called = re.compile(
            rf"(?<![A-Za-z\\^_{{])(?:{_FACE}(?:\{{\s*{letter}\s*\}}|{letter})|{letter})\s*(?=(?:\\left|\\[bB]igg?l?)?\s*\()"
        )
        found = [(*match.span(), r"\operatorname{diag}") for match in called.finditer(fragment.text)]
        if found and formula.claims:
            given = "; ".join(filter(None, (fragment.given, SAID.format(letter=letter))))
            fragment = replace(changed(fragment, fragment.text, found), given=given)
    return formula if fragment is formula.fragment else replace(formula, fragment=fragment)


def of_real_numbers(document: Document) -> Document:
    """The document without its conjugates: what is wrong of real numbers is wrong of complex ones, too."""
    parts = (replace(part, formulas=tuple(map(_real, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _real(formula: Formula) -> Formula:
    fragment = formula.fragment
    text = _CONJ.sub(lambda match: " " * len(match.group()), fragment.text) if formula.claims else fragment.text
    if fragment.plain or text == fragment.text:
        return formula
    said = "; ".join(filter(None, (fragment.given, REAL)))
    return replace(formula, fragment=replace(fragment, text=text, as_written=fragment.written, given=said))
