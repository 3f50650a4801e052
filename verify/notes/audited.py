"""What was found about one formula of a note."""

from __future__ import annotations

from dataclasses import dataclass, replace

from derive.errors import ProgramFault
from derive.reader.models.model import Model
from derive.reader.models.own import HARMLESS
from verify.formulas.judgement import OTHERWISE, Judgement, Word
from verify.notes.files import Formula

ANOTHER = "a definition that differs from the model's"
WRONG_IF = "wrong if"


@dataclass(frozen=True)
class Audited:
    """A formula with its model, the judgements on it, and the faults of the program that it met."""

    formula: Formula
    model: Model | None
    judgements: tuple[Judgement, ...]
    faults: tuple[ProgramFault, ...] = ()

    @property
    def guessed(self) -> tuple[str, ...]:
        """The guesses that the formula was read by, where the model does not tell them."""
        told = () if self.model is None else self.model.assumed
        said = dict.fromkeys(map(str, self.formula.fragment.assumed))
        return tuple(words for words in said if words not in told)


def is_guess(model: Model) -> bool:
    """Whether nothing is wrong of a model for certain, as it rests on a guess.

    That the letters are numbers is none: what is wrong where all sizes are 1 is wrong of vectors, too; nor that a small
    number is left out of logarithms, which the formulas do not have.
    """
    return bool({*model.doubts} - HARMLESS) and not model.recognised


def as_read(audited: Audited, *, wrong: bool) -> Audited:
    """The judgements, where another reading leaves the formula open, as wrong as it was read or as left open."""
    old, new = (Word.UNDECIDED, Word.WRONG) if wrong else (Word.WRONG, Word.UNDECIDED)
    kept = (
        replace(one, word=new) if one.word is old and one.reason.endswith(OTHERWISE) else one
        for one in audited.judgements
    )
    return replace(audited, judgements=tuple(kept))


def softened(audited: Audited) -> Audited:
    """The judgements, none of them wrong that rests on a guess about the model or the formula: such are open."""
    reason = wrong_if(audited)
    kept = (
        Judgement(one.formula, Word.UNDECIDED, reason=reason, place=one.place) if one.word is Word.WRONG else one
        for one in audited.judgements
    )
    return replace(audited, judgements=tuple(kept)) if reason else audited


def wrong_if(audited: Audited) -> str:
    """What is told of a formula that is wrong under a guess; empty where it rests on none."""
    model = audited.model
    doubts = model.doubts if model is not None and is_guess(model) else audited.guessed
    return f"{WRONG_IF} {'; '.join(doubts)}" if doubts else ""
