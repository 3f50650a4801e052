"""A part of a note in which all letters are numbers, as its words say: for a hidden state of one unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from derive.cell import Cell
from derive.errors import InputError
from derive.patterns import regex
from derive.reader.models.equations.names import letter_name
from verify.formulas.faults import ClaimsFault
from verify.formulas.judgement import Judgement, Word
from verify.formulas.wrong.special import IN_ORDER, of_numbers
from verify.notes.audited import Audited

NUMBERS = "the letters are numbers, as line {line} says"
_SCALAR = regex(
    r"\bs[ck]al(?:ar|aire|are)s?\b|\bescalar(?:es)?\b|скаляр|标量|標量|純量|스칼라|スカラー"
    r"|\bhidden[\s_]*(?:size|dim)\w*\s*=\s*1\b|\bd_\{?h\}?\s*=\s*1\b",
    re.IGNORECASE,
)
_VECTORS = regex(
    r"\bvectors?\b|\bmatri(?:x|ces)\b|\bgeneral\b|\bvektor|вектор|матриц|向量|矩阵|矩陣|一般|ベクトル|行列|벡터|행렬",
    re.IGNORECASE,
)
_EVERY = regex(
    r"\b(?:all|every|everything|each)\b[^.\n$]{0,30}\b(?:is|are|being)\b[^.\n$]{0,15}\bscalars?\b", re.IGNORECASE
)
_SHAPED = regex(
    r"w?vektor|wektor|macierz|matri[xczs]|vect|vett?or|\\(?:mathbb|R(?![a-z])|odot|top(?![a-z])|circ|diag|otimes)|⊤|ℝ|⊙"
    r"|(?<![A-Za-z])(?:diag|shape)(?![A-Za-z])|\\times[\s\d]*[A-Za-z]|\.T\b",
    re.IGNORECASE,
)
"""What only a note of vectors and matrices has."""
_GIVEN = regex(r"\$\s*(?P<letter>[^$=]{1,20}?)\s*=\s*-?\d+(?:[.,]\d+)?\s*\$")
_HEADING = regex(r"\s*#{1,6}\s")
_MATH = regex(r"\$[^$]*\$")
FARTHEST = 60
"""Lines behind such words that they are still about."""


def said_of_numbers(audited: Audited, lines: Sequence[str], given: int = 0) -> Audited:
    """The formula; what is wrong of vectors holds where the words before it say that its letters are numbers.

    `given` is a line that says so by a number for a weight; 0 if none does.
    """
    model = audited.model
    if model is None or not any(map(_of_vectors, audited.judgements)):
        return audited
    line = given or _said(audited, lines) or _said_anywhere(model.cell, lines)
    if not line:
        return audited
    from verify.formulas.claims import check  # reads much; few notes speak of numbers

    formula, small = audited.formula, of_numbers(model.cell)
    try:
        again = check(
            formula.fragment.text, small, place=formula.place, fragment=formula.fragment, explain=False,
            meant=model.meant,
        )  # fmt: skip
    except (InputError, ClaimsFault):
        return audited
    right = {(one.formula, one.place): one for one in again if one.word in (Word.PROVED, Word.HOLDS_IF)}
    words = NUMBERS.format(line=line)
    kept = tuple(_held(one, right.get((one.formula, one.place)), words) for one in audited.judgements)
    return replace(audited, judgements=kept)


def _of_vectors(judgement: Judgement) -> bool:
    """Whether a formula is not right of vectors: wrong, or open for the order of its factors."""
    return judgement.word is Word.WRONG or judgement.reason == IN_ORDER


def _held(judgement: Judgement, small: Judgement | None, words: str) -> Judgement:
    if not _of_vectors(judgement) or small is None:
        return judgement
    assumed = (words, *small.assumptions)
    return Judgement(
        judgement.formula, Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed), place=judgement.place
    )


def _said_anywhere(cell: Cell, lines: Sequence[str]) -> int:
    """The line of a note without vectors that says that all is a number, or gives a weight one; 0 if none does."""
    if any(map(_VECTORS.search, lines)) or any(map(_SHAPED.search, lines)):
        return 0
    weights = {one.name for one in cell.parameters}
    for number, line in enumerate(lines, 1):
        if _EVERY.search(line) or any(letter_name(given["letter"]) in weights for given in _GIVEN.finditer(line)):
            return number
    return 0


def _said(audited: Audited, lines: Sequence[str]) -> int:
    """The line before a formula, under the same heading, that says that letters are numbers; 0 if none does."""
    place = audited.formula.place
    for number in range(place.line, max(place.line - FARTHEST, 0), -1):
        whole = lines[number - 1] if number <= len(lines) else ""
        text = _MATH.sub(" ", whole[: place.column - 1] if number == place.line else whole)
        if _HEADING.match(whole):
            return number if _SCALAR.search(text) else 0
        if _SCALAR.search(whole[: place.column - 1] if number == place.line else whole):
            return number
        if _VECTORS.search(text):
            return 0
    return 0
