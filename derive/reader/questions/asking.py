"""All that a document leaves open as one message, with the lines that would settle it."""

from __future__ import annotations

from collections.abc import Sequence

from derive.errors import InputError, OutputOpenError, ShapesOpenError
from derive.reader.questions.guesses import Question


def ask(questions: Sequence[Question]) -> None:
    """Raise one InputError that names every open letter; nothing where there is no question."""
    if not any(question.needed for question in questions):
        return
    merged: dict[str, Question] = {}
    for question in questions:
        merged.setdefault(question.asked + "".join(question.letters), question)
    shapes = [q for q in merged.values() if q.asked == SHAPE]
    others = [q for q in merged.values() if q.asked != SHAPE]
    said: list[str] = []
    lines: list[str] = []
    if shapes:
        letters = [letter for q in shapes for letter in q.letters]
        said.append(
            f"the shape of {_listed(letters)} is open: nothing says whether it is a number, a vector or a matrix"
            if len(letters) == 1
            else f"the shapes of {_listed(letters)} are open: "
            "nothing says whether they are numbers, vectors or matrices"
        )
        lines.append("where " + ", ".join(line for q in shapes for line in q.lines))
    for question in others:
        said.append(question.asked)
        lines += question.lines
    hint = "add a line such as " if len(lines) == 1 else "add lines such as "
    needed = [question for question in merged.values() if question.needed]
    of_shapes = ShapesOpenError if all(question.asked == SHAPE for question in needed) else InputError
    kind = OutputOpenError if all(question.outputs for question in needed) else of_shapes
    error = kind("; ".join(said), (shapes or others)[0].place, hint + "   ".join(lines))
    error.letters = tuple(letter for question in needed for letter in question.letters)
    error.answers = tuple(lines)
    if isinstance(error, OutputOpenError):
        error.lines = needed[0].outputs
    raise error


SHAPE = "shape"
"""The question for the shape of a letter."""


def _listed(letters: Sequence[str]) -> str:
    return letters[0] if len(letters) == 1 else f"{', '.join(letters[:-1])} and {letters[-1]}"
