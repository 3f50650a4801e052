"""Questions for shapes whose answers lead on: what is proposed is tried, and what is open then is asked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice, product

from derive.errors import InputError
from derive.reader.questions.asking import SHAPE
from derive.reader.questions.guesses import Question
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Declaration

MOST = 12
"""Readings that are tried for one message."""
SPACES = ("\\mathbb{R}^{H}", "\\mathbb{R}", "\\mathbb{R}^{H \\times H}")
OF_MATRICES = (SPACES[-1], *SPACES[:-1])
"""In which order other spaces are tried for a letter that may be a matrix."""


class StillOpenError(Exception):
    """What a document leaves open that was read with the answers that are proposed."""

    def __init__(self, questions: Sequence[Question]) -> None:
        super().__init__()
        self.questions = tuple(questions)


def followed(questions: Sequence[Question], read: Callable[[Sequence[Declaration]], object]) -> list[Question]:
    """The questions with proposals that the document can be read with, where there are some, and what follows them.

    `read` reads the document with more declarations; it raises StillOpenError, or InputError where they clash.
    """
    asked = list(questions)
    if not any(one.asked == SHAPE for one in asked):
        return asked
    for chosen in islice(_proposals(asked), MOST):
        left: Sequence[Question] = ()
        try:
            read(_declared(chosen))
        except StillOpenError as still:
            left = still.questions
        except InputError:
            continue
        known = {letter for question in chosen for letter in question.letters}
        shapes = [one for one in left if one.asked == SHAPE and known.isdisjoint(one.letters)]
        if any(one.asked == SHAPE and not known.isdisjoint(one.letters) for one in left):
            continue
        return followed([*chosen, *shapes], read) if shapes else list(chosen)
    return asked


def _proposals(questions: Sequence[Question]) -> Iterator[list[Question]]:
    """What was proposed first, then other spaces for the letters that are open, one letter after the other."""
    yield list(questions)
    shapes = [one for one in questions if one.asked == SHAPE]
    for spaces in product(*[["", *(OF_MATRICES if "times" in one.lines[0] else SPACES)] for one in shapes]):
        other = dict(zip(map(id, shapes), spaces, strict=True))
        if any(spaces):
            yield [_in(one, other[id(one)]) if other.get(id(one)) else one for one in questions]


def _in(question: Question, space: str) -> Question:
    return replace(question, lines=(f"${question.letters[0]} \\in {space}$",))


def _declared(questions: Sequence[Question]) -> list[Declaration]:
    """The lines of an answer as declarations."""
    lines = [line.strip("$") for one in questions if one.asked == SHAPE for line in one.lines]
    found = [Declaration("where", (Fragment.of(line),), "") for line in lines]
    outputs = [one.outputs[0] for one in questions if one.outputs]
    return [*found, *(Declaration("output", (Fragment.of(line.split("$")[1]),), "") for line in outputs)]
