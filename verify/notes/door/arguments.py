"""What a slope is taken at, σ'(o_t input), σ'(pre-activation of o_t) and σ'_{o_t}: the argument of the function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.patterns import regex
from verify.notes.door.gates import changed
from verify.notes.files import Document, Formula

SAID = "the words {words} stand for the argument of the function that gives it its value"
BELOW = "a slope with a value below it is that of the function where it gives this value"

_TEXT = r"\\(?:text|textrm|mathrm|mbox|textit)\s*\{\s*"
_WORDS = r"(?:(?:the|its|net|total|weighted)\s+)*(?:inputs?|arguments?|pre-?\s?activations?|logits?)"
_LETTER = r"(?:\\(?:tilde|hat|bar)\s*\{?\s*\\?[A-Za-z]+\s*\}?|\\?[A-Za-z]+)\s*_\s*(?:t(?![A-Za-z])|\{[^{}]*\})"
_SLOPE = r"(?:'|\^\s*\{?\s*\\prime\s*\}?)\s*(?:\\left\s*)?\(\s*"
_ENDED = r"\s*(?:\\right\s*)?\)"
_BEHIND = regex(rf"{_SLOPE}(?P<all>(?P<of>{_LETTER})\s*(?:\\[,;: ]\s*)*{_TEXT}\(?(?P<words>{_WORDS})\)?\s*\}}){_ENDED}")
_BEFORE = regex(
    rf"{_SLOPE}(?P<all>{_TEXT}(?P<words>{_WORDS}\s+(?:of|to|for))(?:\s+the)?(?:\s+gate)?\s*\}}\s*(?P<of>{_LETTER})){_ENDED}"
)
_PRIME = r"(?:'|\^\s*(?:\{\s*\\prime\s*\}|\\prime(?![A-Za-z])))"
_FUNCTION = r"(?P<function>\\(?:sigma|tanh|phi|varphi)(?![A-Za-z]))"
_BELOW = rf"_\s*\{{\s*(?P<of>{_LETTER})\s*\}}"
_SLOPES = tuple(
    regex(rf"{way}(?!\s*(?:\\left\s*)?[(_^])")
    for way in (
        rf"\{{\s*{_FUNCTION}\s*{_BELOW}\s*\}}\s*{_PRIME}",
        rf"{_FUNCTION}\s*{_BELOW}\s*{_PRIME}",
        rf"{_FUNCTION}\s*{_PRIME}\s*{_BELOW}",
    )
)
"""{σ_{r_t}}' and σ'_{r_t}, which has no argument behind it."""


def with_arguments_read(document: Document) -> Document:
    """The document with the argument of a gate in the place of words that name it."""
    parts = (replace(part, formulas=tuple(map(_read, part.formulas))) for part in document.parts)
    return replace(document, parts=tuple(parts))


def _read(formula: Formula) -> Formula:
    fragment = formula.fragment
    if not formula.claims:
        return formula
    named = list(_named(fragment.text)) if "text" in fragment.text else []
    below = list(_below(fragment.text))
    if not named and not below:
        return formula
    words = ", ".join(dict.fromkeys(f"'{said}'" for *_, said in named))
    said = (SAID.format(words=words) if named else "", BELOW if below else "")
    given = "; ".join(filter(None, (fragment.given, *said)))
    made = changed(fragment, fragment.text, sorted([*(change[:3] for change in named), *below]))
    return replace(formula, fragment=replace(made, given=given))


def _named(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Where words stand, what is put there, and the words."""
    for pattern in (_BEHIND, _BEFORE):
        for match in pattern.finditer(text):
            yield (*match.span("all"), rf"\text{{net}}_{{{match['of'].strip()}}}", " ".join(match["words"].split()))


def _below(text: str) -> Iterator[tuple[int, int, str]]:
    """Where slopes with a value below them stand, and what is put there."""
    ends = 0
    for match in sorted((one for way in _SLOPES for one in way.finditer(text)), key=lambda one: one.start()):
        if match.start() >= ends:
            ends = match.end()
            yield (match.start(), match.end(), rf"{match['function']}'(\text{{net}}_{{{match['of'].strip()}}})")
