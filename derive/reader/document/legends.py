"""Formulas that only say in words what a letter is, and stand beside the cell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.document.reading import Remark
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Declaration
from derive.reader.text.parser import parse
from derive.reader.text.words import WORD_FONTS, WORDS

_SAID = regex(rf"\\(?:{'|'.join(sorted(WORD_FONTS - {'operatorname'}))})\s*\{{([^{{}}]*)\}}")
_ROW = regex(r"\\\\(?![A-Za-z])")
_LAID_OUT = regex(r"\\(?:begin|end)\s*\{[a-z]+\*?\}(?:\s*\{[a-z|]*\})?")
_BARE = regex(r"(?:\\[dt]?frac(?![A-Za-z])|\\sqrt(?![A-Za-z])|\\[,;: ]|[\d\s{}&.,<>()+*/-])*")


def legend(fragment: Fragment) -> bool:
    """Whether every row only says in words what a letter is: N = batch size."""
    rows = [row for row in _ROW.split(_LAID_OUT.sub(" ", fragment.text)) if row.strip(" .,;&\n\t")]
    said = " ".join(word.strip() for word in _SAID.findall(fragment.text))
    return bool(rows) and not fragment.plain and all(map(_in_words, rows)) and (" " in said or "_" in said)


def _in_words(row: str) -> bool:
    """Whether a row is a letter, `=`, and words that name no function."""
    left, equals, right = row.partition("=")
    said = _SAID.findall(right)
    known = all(re.sub(r"[ _\\-]+", "_", word.strip()) in WORDS for word in said)
    return (
        bool(equals and left.strip()) and bool(said) and not known and _BARE.fullmatch(_SAID.sub("", right)) is not None
    )


def without_legends(
    formulas: Iterable[Fragment], declarations: Iterable[Declaration]
) -> tuple[list[Fragment], list[Declaration], list[Remark]]:
    """The formulas and declarations that say something about the cell, and what only names a letter in words."""
    formulas, declarations = list(formulas), list(declarations)
    beside = [one for one in formulas if legend(one)]
    beside += [one for declaration in declarations for one in declaration.formulas if legend(one)]
    kept = [
        replace(declaration, formulas=tuple(one for one in declaration.formulas if not legend(one)))
        for declaration in declarations
        if declaration.key != "said" or all(map(_readable, declaration.formulas))
    ]
    return [one for one in formulas if not legend(one)], kept, [remark(one) for one in beside]


def _readable(fragment: Fragment) -> bool:
    """Whether running text has a formula that can be parsed; nothing rests on one that cannot."""
    try:
        parse(fragment)
    except InputError:
        return False
    return True


def remark(fragment: Fragment) -> Remark:
    """A whole formula as something that stands beside the cell."""
    text = fragment.text
    written = " ".join(text.split())
    return Remark(written, fragment.place(len(text) - len(text.lstrip()), len(text.rstrip())))
