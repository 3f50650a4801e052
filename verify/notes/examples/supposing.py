"""What a formula says under what the text before it supposes: if f_t = 1, ∂c_t/∂c_{t-1} = 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited
from verify.notes.conventions.trying import Judge
from verify.notes.models import Models

HELD = "{formula}, as line {line} supposes"
NOT_FOLLOWED = "wrong if not {formula}, which line {line} supposes"


def under_suppositions(audited: Audited, models: Models, judge: Judge) -> Audited:
    """The formula; what does not hold in general under what is supposed right before it, and said so."""
    if all(one.word not in (Word.WRONG, Word.UNDECIDED) for one in audited.judgements):
        return audited
    near, model = models.supposing(audited.formula)
    if not near:
        return audited
    said = [(_line(e.fragment.text), e.place[1]) for e in near]
    again = judge(audited.formula, model).judgements if model is not None else ()
    if [one.place for one in again] != [one.place for one in audited.judgements]:
        again = audited.judgements
    pairs = zip(audited.judgements, again, strict=True)
    return replace(audited, judgements=tuple(_held(old, new, said) for old, new in pairs))


def _held(old: Judgement, new: Judgement, said: Sequence[tuple[str, int]]) -> Judgement:
    if old.word not in (Word.WRONG, Word.UNDECIDED):
        return old
    if new.word in (Word.PROVED, Word.HOLDS_IF):
        assumed = (*(HELD.format(formula=formula, line=line) for formula, line in said), *new.assumptions)
        return replace(new, word=Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed))
    if old.word is Word.WRONG and (new is old or new.word is not Word.WRONG):
        formula, line = said[-1]
        return Judgement(
            old.formula, Word.UNDECIDED, reason=NOT_FOLLOWED.format(formula=formula, line=line), place=old.place
        )
    return old


def _line(text: str) -> str:
    return " ".join(text.replace("&", " ").split())
