"""A question to the writer of a note, and how it is said in all reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from derive.errors import Place

TITLE = "question"
WHICH = "which equations make the model of the formulas?"
ONE, SEVERAL = "what is {letters}?", "what are {letters}?"
WAITS = "waits for the question above: {question}"
WAIT_ONE, WAIT = "one formula waits for it", "{number} formulas wait for it"
NOT_USED = "the equation in line {line}, column {column} cannot be used: {reason}"
ADD_ONE, ADD = "add a line such as", "add lines such as"
ANEW_ONE, ANEW = "write it in another way, or add a line such as", "write it in another way, or add lines such as"
ANEW_ALL = "write these equations in another way"
NAME_IT = "or name the cell, in the note or with --cell"
NAMED = "<!-- backproof: cell=rnn -->"


@dataclass(frozen=True)
class Unused:
    """A line that looks like an equation of the model and cannot be used."""

    place: Place
    reason: str
    hint: str = ""

    @property
    def text(self) -> str:
        """The line as it stands in the note."""
        return self.place.text.strip()

    @property
    def said(self) -> str:
        """Where it stands, and why it cannot be used."""
        return NOT_USED.format(line=self.place.line, column=self.place.column, reason=self.reason)

    def to_json(self) -> dict[str, Any]:
        """The place, the line, the reason and what to do about it."""
        return {"place": _place(self.place), "text": self.text, "reason": self.reason, "hint": self.hint}


@dataclass(frozen=True)
class Question:
    """All that a note leaves open, in one question.

    `letters` are those that stay open, in LaTeX; `unused` lines that look like equations of the model; `lines` are
    what to add, each to be pasted; `waiting` formulas wait for the answer, the first of them at `place`. `named`: the
    name of a cell would answer it too.
    """

    letters: tuple[str, ...]
    unused: tuple[Unused, ...]
    lines: tuple[str, ...]
    waiting: int
    place: Place
    named: bool = False

    @property
    def asked(self) -> str:
        """The question in one line."""
        if not self.letters:
            return WHICH
        return (ONE if len(self.letters) == 1 else SEVERAL).format(letters=_listed(self.letters))

    @property
    def waits(self) -> str:
        """How many formulas wait for the answer."""
        return WAIT_ONE if self.waiting == 1 else WAIT.format(number=self.waiting)

    @property
    def headline(self) -> str:
        """The question, and how much waits for it."""
        return f"{self.asked} {self.waits}"

    def told(self) -> Iterator[tuple[str, str]]:
        """What stands below the question: words, and the line of the note or the line to add that they speak of."""
        for each in self.unused:
            yield each.said, each.text
            if each.hint:
                yield each.hint, ""
        one, several = (ANEW_ONE, ANEW) if self.unused else (ADD_ONE, ADD)
        if self.lines:
            yield one if len(self.lines) == 1 else several, "\n".join(self.lines)
        elif self.unused:
            yield ANEW_ALL, ""
        if self.named:
            yield NAME_IT, NAMED

    def to_json(self) -> dict[str, Any]:
        """One entry of `questions` in the output of `backproof audit`."""
        return {
            "question": self.asked,
            "letters": list(self.letters),
            "equations": [each.to_json() for each in self.unused],
            "add": list(self.lines),
            "or": NAMED if self.named else None,
            "waiting": self.waiting,
            "place": _place(self.place),
        }


def _listed(letters: Sequence[str]) -> str:
    shown = [f"${letter}$" for letter in letters]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "column": place.column}
