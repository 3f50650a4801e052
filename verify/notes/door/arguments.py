"""Words for what a slope is taken at, σ'(o_t input) and σ'(pre-activation of o_t): the argument of the function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.patterns import regex
from verify.notes.door.gates import changed
from verify.notes.files import Document, Formula

SAID = "the words {words} stand for the argument of the function that gives it its value"

_TEXT = r"\\(?:text|textrm|mathrm|mbox|textit)\s*\{\s*"
_WORDS = r"(?:(?:the|its|net|total|weighted)\s+)*(?:inputs?|arguments?|pre-?\s?activations?|logits?)"
_LETTER = r"(?:\\(?:tilde|hat|bar)\s*\{?\s*\\?[A-Za-z]+\s*\}?|\\?[A-Za-z]+)\s*_\s*(?:t(?![A-Za-z])|\{[^{}]*\})"
_SLOPE = r"(?:'|\^\s*\{?\s*\\prime\s*\}?)\s*(?:\\left\s*)?\(\s*"
_ENDED = r"\s*(?:\\right\s*)?\)"
_BEHIND = regex(rf"{_SLOPE}(?P<all>(?P<of>{_LETTER})\s*(?:\\[,;: ]\s*)*{_TEXT}\(?(?P<words>{_WORDS})\)?\s*\}}){_ENDED}")
_BEFORE = regex(
    rf"{_SLOPE}(?P<all>{_TEXT}(?P<words>{_WORDS}\s+(?:of|to|for))(?:\s+the)?(?:\s+gate)?\s*\}}\s*(?P<of>{_LETTER})){_ENDED}"
)


def with_arguments_read(document: Document) -> Document:
    """The document with the argument of a gate in the place of words that name it."""
    parts = (replace(part, formulas=tuple(map(_read, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _read(formula: Formula) -> Formula:
    fragment = formula.fragment
    found = list(_named(fragment.text)) if formula.claims and "text" in fragment.text else []
    if not found:
        return formula
    words = ", ".join(dict.fromkeys(f"'{said}'" for *_, said in found))
    given = "; ".join(filter(None, (fragment.given, SAID.format(words=words))))
    made = changed(fragment, fragment.text, sorted(change[:3] for change in found))
    return replace(formula, fragment=replace(made, given=given))


def _named(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Where words stand, what is put there, and the words."""
    for pattern in (_BEHIND, _BEFORE):
        for match in pattern.finditer(text):
            yield (*match.span("all"), rf"\text{{net}}_{{{match['of'].strip()}}}", " ".join(match["words"].split()))
