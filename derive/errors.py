"""What a person is told when the input cannot be used: one message, the place, and what to do."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a piece of text stands: file, 1-based line and column, last line, and the source line itself."""

    file: str
    line: int
    column: int
    end_line: int
    text: str = ""
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


def caret(text: str, column: int, length: int = 1) -> str:
    """The source line with a caret under `column` (1-based), aligned for wide (CJK) characters."""
    if len(text) > 200:  # show the surroundings only
        cut = max(0, column - 81)
        text = ("…" if cut else "") + text[cut : cut + 160] + ("…" if cut + 160 < len(text) else "")
        column -= cut - (1 if cut else 0)
    before = text[: column - 1]
    padding = "".join(" " * _width(character) if character != "\t" else "\t" for character in before)
    marked = text[column - 1 : column - 1 + max(length, 1)] or " "
    return f"    {text}\n    {padding}{'^' * max(1, sum(map(_width, marked)))}"


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class InputError(ValueError):
    """Input that cannot be used: `message` says what is wrong, `place` where, `hint` what to do about it.

    Where it asks for something, `letters` are those that it asks for, and `answers` lines that would settle it.
    """

    letters: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()

    def __init__(self, message: str, place: Place | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.message}" if self.place else self.message]
        if self.place and self.place.text:
            lines.append(caret(self.place.text, self.place.column, self.place.length))
        if self.hint:
            lines.append(f"    {self.hint}")
        return "\n".join(lines)


class OpenQuestionError(InputError):
    """The formula can be parsed, but what it says cannot be decided here; the message says why."""


class OutputOpenError(InputError):
    """A document that can be read but for which quantity is the output; each of `lines` would say it."""

    lines: tuple[str, ...] = ()


class ShapesOpenError(InputError):
    """A document that leaves open of some letters alone whether they are numbers, vectors or matrices."""


class ProgramFault(Exception):  # noqa: N818 - an error is the person's, a fault is ours
    """A fault of backproof itself, never of its input: `name` says which check failed, `details` what to report.

    The command line ends with exit code 3. It is no InputError and no verdict: nothing may catch it and go on as if
    the input were unreadable or the answer undecided.
    """

    def __init__(self, name: str, details: str, subject: str = "") -> None:
        super().__init__(f"{name}: {details}")
        self.name = name
        self.details = details
        self.subject = subject

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...], dict[str, object]]:
        """What `pickle` keeps: all of it, so that a fault in another process can be told here."""
        return type(self).__new__, (type(self), *self.args), self.__dict__

    def __str__(self) -> str:
        lines = [f"a fault of backproof, not of what you gave it ({self.name}): {self.details}"]
        if self.subject:
            lines += ["please report it with these lines:", *(f"    {line}" for line in self.subject.splitlines())]
        return "\n".join(lines)


class ShapeError(InputError):
    """Operands whose sizes do not fit; the message names both operands with their shapes."""


class DerivationError(InputError):
    """An equation that the engine cannot differentiate (an unknown node, a derivative that vanishes)."""
