"""What differs from the model of a note, and nothing explains how: it may be read otherwise than it was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from verify.formulas.judgement import FOR_ANY_NUMBER, Judgement, Word
from verify.notes.audited import Audited

UNEXPLAINED = (
    "not so by the model as it was read, but no known mistake and no true formula is near it: it may mean another thing"
)


def unexplained(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas; wrong of a model of which nothing in the note is right is what can be told where it errs.

    A model that was named is the person's word; what is wrong of it is wrong, explained or not. So is what lacks its
    explanation by a fault of the program.
    """
    sound = {
        each.model.cell
        for each in found
        if each.model is not None and any(one.word in (Word.PROVED, Word.HOLDS_IF) for one in each.judgements)
    }
    for each in found:
        model = each.model
        if model is None or each.faults or model.cell in sound or not (model.definitions or model.recognised):
            yield each
        else:
            yield replace(each, judgements=tuple(map(_open, each.judgements)))


def _open(judgement: Judgement) -> Judgement:
    told = judgement.mistakes or judgement.correct or judgement.true_when or judgement.reason
    if judgement.word is not Word.WRONG or told or judgement.reading.endswith(FOR_ANY_NUMBER):
        return judgement
    return Judgement(judgement.formula, Word.UNDECIDED, reason=UNEXPLAINED, place=judgement.place)
