"""What differs from the model of a note, and nothing explains how: it may be read otherwise than it was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from verify.formulas.judgement import FOR_ANY_NUMBER, MISFIT, Judgement, Word
from verify.notes.audited import Audited

UNEXPLAINED = (
    "not so by the model as it was read, but no known mistake and no true formula is near it: it may mean another thing"
)


UNFIT = "the shapes do not fit as it was read: {misfit}; no one change makes them fit, so it may mean another thing"


def unexplained(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas; wrong of a model that the note does not name is what can be told where it errs.

    A model that was named is the person's word; what is wrong of it is wrong, explained or not. So is what lacks its
    explanation by a fault of the program. Where a formula of the note is right by its model, others that have a value
    by it are wrong without an explanation too.
    """
    sound = {
        each.model.cell
        for each in found
        if each.model is not None and any(one.word in (Word.PROVED, Word.HOLDS_IF) for one in each.judgements)
    }
    for each in found:
        model = each.model
        if model is None or each.faults or not (model.definitions or model.recognised):
            yield each
        else:
            trusted = model.cell in sound
            yield replace(each, judgements=tuple(_open(one, trusted) for one in each.judgements))


def _open(judgement: Judgement, trusted: bool) -> Judgement:
    if judgement.word is not Word.WRONG:
        return judgement
    if [mistake.name for mistake in judgement.mistakes] == [MISFIT]:
        reason = UNFIT.format(misfit=judgement.mistakes[0].detail)
    elif trusted or _told(judgement):
        return judgement
    else:
        reason = UNEXPLAINED
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)


def _told(judgement: Judgement) -> bool:
    return bool(
        judgement.mistakes
        or judgement.correct
        or judgement.true_when
        or judgement.reason
        or judgement.reading.endswith(FOR_ANY_NUMBER)
    )
