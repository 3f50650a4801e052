"""What a formula says under what the text before it supposes: if f_t = 1, ∂c_t/∂c_{t-1} = 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.patterns import regex
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited
from verify.notes.conventions.trying import Judge
from verify.notes.models import Models

HELD = "{formula}, as line {line} supposes"
NOT_FOLLOWED = "wrong if not {formula}, which line {line} supposes"

NOT_SHOWN = "wrong if not {formula}, which stands before the arrow"
_GRADIENT = regex(r"\\(?:partial|nabla|delta)(?![A-Za-z])|[∂∇δ]")
_FOLLOWS = regex(r"\\(?:implies|Rightarrow|Longrightarrow)(?![A-Za-z])|⇒|⟹")


def under_suppositions(audited: Audited, models: Models, judge: Judge) -> Audited:
    """The formula; what does not hold in general under what is supposed right before it, and said so."""
    if all(one.word not in (Word.WRONG, Word.UNDECIDED) for one in audited.judgements):
        return audited
    said, model = models.supposing(audited.formula)
    if not said:
        return audited
    again = judge(audited.formula, model).judgements if model is not None else ()
    if [one.place for one in again] != [one.place for one in audited.judgements]:
        again = audited.judgements
    pairs = zip(audited.judgements, again, strict=True)
    return replace(audited, judgements=tuple(_held(old, new, said) for old, new in pairs))


def behind_arrows(audited: Audited) -> Audited:
    """The formula; what it says to follow from an open equation that may be supposed is wrong of nothing else."""
    fragment = audited.formula.fragment
    arrows = [fragment.place(match.start()) for match in _FOLLOWS.finditer(fragment.text)]
    ends = [(place.line, place.column) for place in arrows]
    kept: list[Judgement] = []
    for one in audited.judgements:
        at = (one.place.line, one.place.column) if one.place else (0, 0)
        before = [
            early
            for early in audited.judgements
            if early.place
            and not _GRADIENT.search(early.formula)
            and any((early.place.line, early.place.column) < end < at for end in ends)
        ]
        if one.word is Word.WRONG and any(early.word is Word.UNDECIDED and not early.mistakes for early in before):
            reason = NOT_SHOWN.format(formula=_line(before[0].formula))
            one = Judgement(one.formula, Word.UNDECIDED, reason=reason, place=one.place)
        kept.append(one)
    return replace(audited, judgements=tuple(kept))


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
