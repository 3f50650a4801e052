"""Words that a document has as letters: what stands left of an equation is one quantity, Old_t and update-gate too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from derive.patterns import regex
from derive.reader.text.fragment import Fragment
from derive.reader.text.words import WORDS

COMPOUND = regex(r"[A-Za-z]+(?:(?:\\_|-)[A-Za-z0-9]+)+")
"""hidden\\_state, update-gate."""
_START = r"(?:\A|\\\\(?:\s*\[[^\]]*\])?|\\q?quad|[,;\n}])(?:\s|&)*"
_STEP = r"\s*(?:_\s*(?:[tnk]|\{\s*[tnk]\s*(?:[-+]\s*1\s*)?\})|[(\[]\s*[tnk]\s*(?:[-+]\s*1\s*)?[)\]])"
_EQUALS = r"(?:\s|&)*(?::?=|\\(?:coloneqq|gets|leftarrow)(?![A-Za-z]))"
_WORD = regex(rf"{_START}(?P<word>[A-Za-z]{{2,}}){_STEP}(?={_EQUALS})")
_JOINED = regex(rf"{_START}(?P<word>{COMPOUND.pattern})(?:{_STEP})?(?={_EQUALS})")
_GRADIENT = regex(rf"{_START}(?P<word>[A-Za-z]{{4,}}){_EQUALS}(?:\s|&)*\\[dt]?frac\s*\{{\s*\\partial(?![A-Za-z])")
"""gradout = \\frac{\\partial L}{\\partial h_t}."""
_BELOW = regex(
    rf"\\[dt]?frac\s*\{{\s*\\partial[^{{}}]*(?:\{{[^{{}}]*\}}[^{{}}]*)*\}}\s*\{{\s*\\partial\s*\{{?\s*(?P<word>[a-z]{{2,5}}){_STEP}\s*\}}"
)
"""What is differentiated by is one quantity: \\frac{\\partial h_t}{\\partial in_t}."""
_RAISED = r"\s*\^\s*(?:[tnk]|\{?\s*(?:<|\\langle(?![A-Za-z])|[(\[])?\s*[tnk](?![A-Za-z])[^{}=]{0,20}\}?)"
_NUMBERED = regex(rf"{_START}(?P<word>[A-Za-z]\d{{1,2}})(?:{_STEP}|{_RAISED})(?={_EQUALS})")
_WEIGHT = regex(r"(?<![A-Za-z\d\\_^{])(?P<word>[WUVb]\d)(?![\d.,])")
"""z1_t = and W1 x_t: a letter with its number directly behind it."""
_LIST_OF_BEFORE = regex(r"^[ \t]*(?P<word>[A-Za-z]\w*_\w+_(?:prev|previous|old|before))[ \t]*:?=[ \t]*\[", re.MULTILINE)
"""A list with the value of the step before in it, called by what it holds: x_h_prev = [x, h_prev]."""

_SET = regex(rf"\\(?:mathit|text)\{{(?P<word>[A-Za-z]{{2,}}|[A-Za-z]\d{{1,2}}|{COMPOUND.pattern})\}}")


def words_at_the_left(fragment: Fragment) -> frozenset[str]:
    """The words that a formula gives a value; dh_t is no word, but the differential of a letter."""
    if fragment.plain:
        return frozenset(match["word"] for match in _LIST_OF_BEFORE.finditer(fragment.text))
    named = (match for pattern in (_WORD, _GRADIENT, _BELOW) for match in pattern.finditer(fragment.text))
    found = {match["word"] for match in named} - WORDS.keys()
    found = {word for word in found if word[0] != "d" or (len(word) > 2 and word[1:] not in found | WORDS.keys())}
    found |= {match["word"] for pattern in (_NUMBERED, _WEIGHT) for match in pattern.finditer(fragment.text)}
    joined = {match["word"] for match in _JOINED.finditer(fragment.text)}
    return frozenset(found | {word for word in joined if _all_words(word)})


def with_words(fragment: Fragment, letters: Iterable[tuple[str, str]]) -> Fragment:
    """The formula with the words among the letters of a notation as single letters."""
    words = {match["word"] for _, latex in letters if (match := _SET.fullmatch(latex)) is not None}
    return replace(fragment, words=fragment.words | words) if words else fragment


def _all_words(word: str) -> bool:
    """Whether no part is a letter: a-b = c subtracts, and in d\\_out the letter d has a label."""
    first, *others = re.split(r"\\_|-", word)
    return len(first) > 1 and ("\\_" in word or all(len(part) > 1 for part in others))
