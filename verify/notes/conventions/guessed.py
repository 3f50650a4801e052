"""Formulas of a cell that a note only names, or writes in two ways: its conventions are tried under that guess, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from derive.reader.models.model import Model
from verify.formulas.judgement import Word
from verify.notes.audited import Audited, wrong_if
from verify.notes.conventions.trying import Judge, wrong_in
from verify.notes.files import Formula


def under_guesses(
    found: Sequence[Audited],
    before: Sequence[Audited],
    quickly: Judge,
    judge: Callable[[Formula, Model | None], Audited],
    settling: Callable[..., tuple[Audited, ...]],
) -> Iterator[Audited]:
    """The formulas, those that are wrong under a guess as they are under it by the conventions of the note.

    Under these has been tried what is wrong without a guess, or under one that the formulas rested on `before`.
    """
    pairs = enumerate(zip(found, before, strict=True))
    guessed = {n: _refuted_again(each, quickly) for n, (each, early) in pairs if each.model != early.model}
    refuted = {n: again for n, again in guessed.items() if again is not None}
    here = [n for n, each in enumerate(found) if n in refuted or (refuted and not wrong_in(each))]
    models = {id(found[n].formula): found[n].model for n in refuted}

    def explained(formula: Formula) -> Audited:
        return judge(formula, models.get(id(formula)))

    after = dict(zip(here, settling(tuple(refuted.get(n, found[n]) for n in here), explained), strict=True))
    for number, each in enumerate(found):
        yield after[number] if number in refuted else each


def _refuted_again(audited: Audited, quickly: Judge) -> Audited | None:
    """The formula with what is open of it as wrong, where it is wrong under the guess of its model."""
    model, reason = audited.model, wrong_if(audited)
    if model is None or not any(reason and one.reason == reason for one in audited.judgements):
        return None
    again = quickly(audited.formula, model)
    if [one.place for one in again.judgements] != [one.place for one in audited.judgements]:
        return None
    pairs = zip(audited.judgements, again.judgements, strict=True)
    kept = tuple(new if old.reason == reason and new.word is Word.WRONG else old for old, new in pairs)
    return replace(audited, judgements=kept) if kept != audited.judgements else None
