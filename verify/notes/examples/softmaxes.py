"""Formulas of the softmax of a vector of which nothing else is said: they hold of any vector, or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from derive.patterns import regex
from derive.reader.claims.gradients.softmaxes import VALUE, cell_of_softmax
from derive.reader.claims.meant import Meant
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited
from verify.notes.judging import Check
from verify.notes.models.softmaxes import softmax_letters

OF_CASES = "a case of its indices stands before it, and what is said of it alone is not followed"
NEAR = 3
"""So many lines before a formula may say of which indices it is."""
_CASE = regex(r"(?<![A-Za-z\\])[i-n]\s*\$?\s*(?:=|≠|\\neq?(?![A-Za-z])|\\not\s*=|!=)\s*\$?\s*[i-n](?![A-Za-z])")


def of_softmax_alone(found: Sequence[Audited], check: Check, lines: Mapping[str, Sequence[str]]) -> Iterator[Audited]:
    """The formulas, those that stay open and speak of the softmax of a vector alone as what holds of any vector."""
    letters = softmax_letters(each.formula for each in found)
    for each in found:
        fragment, still_open = each.formula.fragment, {one.word for one in each.judgements} == {Word.UNDECIDED}
        cell = cell_of_softmax(fragment, letters) if still_open else None
        if cell is None:
            yield each
            continue
        meant = Meant(softmaxes=tuple((letter, VALUE) for letter in letters))
        judged = tuple(check(fragment.text, cell, place=each.formula.place, fragment=fragment, meant=meant))
        decided = any(one.word not in (Word.UNDECIDED, Word.UNREADABLE) for one in judged)
        place = each.formula.place
        near = lines.get(place.file, ())[max(0, place.line - 1 - NEAR) : place.line]
        if any(_CASE.search(line) for line in near):
            judged = tuple(_of_a_case(one) if one.word is Word.WRONG else one for one in judged)
        yield replace(each, judgements=judged) if decided else each


def _of_a_case(one: Judgement) -> Judgement:
    return Judgement(one.formula, Word.UNDECIDED, reason=OF_CASES, place=one.place)
