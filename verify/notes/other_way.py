"""A cell that a note does not write out, only speaks of: the way round of its gates that suits the note as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from verify.formulas.judgement import Word
from verify.notes.audited import Audited
from verify.notes.files import Formula
from verify.notes.models.model import Model

EXCHANGED = "the model is the recognised one with {gate} and 1 - {gate} exchanged, which the note does not write out"

Judge = Callable[[Formula, Model], Audited]


def otherwise(found: Sequence[Audited], judge: Judge) -> tuple[Audited, ...]:
    """The same formulas, those of a recognised model under the convention that leaves fewest of them wrong."""
    result = list(found)
    suspects = [each.model for each in found if each.model is not None and each.model.recognised and _wrong(each)]
    for model in dict.fromkeys(suspects):
        from verify.which.exchanged import exchanged  # needed for few notes

        here = [number for number, each in enumerate(result) if each.model is model]
        fewest = sum(_wrong(result[number]) for number in here)
        for gate, cell in exchanged(model.cell):
            other = replace(model, cell=cell, doubts=(EXCHANGED.format(gate=gate),))
            tried = [judge(result[number].formula, other) for number in here]
            if (left := sum(map(_wrong, tried))) < fewest:
                fewest = left
                for number, each in zip(here, tried, strict=True):
                    result[number] = each
    return tuple(result)


def _wrong(audited: Audited) -> int:
    return sum(judgement.word is Word.WRONG for judgement in audited.judgements)
