"""What a person is told about a formula: one judgement for every `=` of a claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from derive.errors import Place
from verify.mistakes.dictionary import entry

FOR_ANY_NUMBER = "for any number"
"""How a reading ends in which letters are those of a function, not of the cell."""

A_NAME = "says what a letter stands for"

BEHIND_A_WRONG_STEP = "this = is right, but a wrong step stands before it in the chain"
LEFT_IS_WRONG = "; what stands left of this = is wrong"
"""What a reason adds where the chain was right of its beginning again."""

MISFIT = "shapes do not fit"
"""The mistake in a formula that fits in no shapes, and that no one change makes fit."""
NO_READING = "no reading fits the shapes"
"""Why such a formula is wrong."""
TRUE_IF = "true if {guesses}; wrong otherwise"
UNDECIDED_IF = "not decided if {guesses}; wrong otherwise"
"""Why a formula is open that is wrong as it was read, and may be read in another way."""
OTHERWISE = TRUE_IF.rpartition("}")[2]
"""How both end."""


class Word(Enum):
    """The word of a judgement; undecided and unreadable never look like right or wrong."""

    PROVED = "proved"
    HOLDS_IF = "holds_if"
    WRONG = "wrong"
    UNDECIDED = "undecided"
    UNREADABLE = "unreadable"
    NOT_A_CLAIM = "not_a_claim"


@dataclass(frozen=True)
class Mistake:
    """A named mistake that explains a wrong formula, and where it lies, in the author's letters."""

    name: str
    detail: str

    def __str__(self) -> str:
        """The name and the detail, the name once."""
        if not self.detail or self.detail.startswith(self.name):
            return self.detail or self.name
        return f"{self.name}: {self.detail}"

    def to_json(self) -> dict[str, str]:
        """The name, the detail and the page of the dictionary, from the root of the project."""
        return {"name": self.name, "detail": self.detail, "page": entry(self.name).path}


@dataclass(frozen=True)
class Judgement:
    """The judgement on one formula.

    `assumptions` are the conventions and declared facts under which it holds, `reading` says how it was read where it
    could be read in several ways, `correct` is the true formula in the author's letters (LaTeX), `true_when` the
    special case in which a wrong formula is true, `counterexample` a smallest case that can be rerun;
    `ignored` says that a comment in the note asks not to count it.
    """

    formula: str
    word: Word
    assumptions: tuple[str, ...] = ()
    reading: str = ""
    mistakes: tuple[Mistake, ...] = ()
    correct: str | None = None
    true_when: str = ""
    counterexample: Mapping[str, Any] | None = None
    reason: str = ""
    place: Place | None = field(default=None, compare=False)
    ignored: bool = False

    def _repr_html_(self) -> str:
        from verify.reports import notebook

        return notebook.judgement_html(self)

    def to_json(self) -> dict[str, Any]:
        """One entry of `claims` in the output of `backproof check` and `backproof audit`."""
        at = self.place
        return {
            "formula": self.formula,
            "verdict": self.word.value,
            "assumptions": list(self.assumptions),
            "reading": self.reading,
            "mistakes": [mistake.to_json() for mistake in self.mistakes],
            "correct": self.correct,
            "true_when": self.true_when,
            "counterexample": None if self.counterexample is None else dict(self.counterexample),
            "reason": self.reason,
            "place": at and {"file": at.file, "line": at.line, "column": at.column, "end_line": at.end_line},
            **({"ignored": True} if self.ignored else {}),
        }


def report(judgements: Iterable[Judgement]) -> dict[str, Any]:
    """All judgements as JSON, with a count for every word and all that they rest on, each said once."""
    found = list(judgements)
    counts = {word.value: sum(judgement.word is word for judgement in found) for word in Word}
    conventions = dict.fromkeys(words for judgement in found for words in judgement.assumptions)
    return {
        "claims": [judgement.to_json() for judgement in found],
        "summary": counts,
        "conventions": list(conventions),
    }


class Judgements(tuple[Judgement, ...]):
    """The judgements on one formula: a tuple that shows itself in a notebook."""

    def _repr_html_(self) -> str:
        from verify.reports import notebook

        return notebook.judgements_html(self)


def exit_code(judgements: Iterable[Judgement]) -> int:
    """1 if anything is wrong, else 2 if anything is unreadable or undecided, else 0; what is ignored does not count."""
    words = {judgement.word for judgement in judgements if not judgement.ignored}
    if Word.WRONG in words:
        return 1
    return 2 if words & {Word.UNREADABLE, Word.UNDECIDED} else 0
