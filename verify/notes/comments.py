"""What comments in a note say to us: about which model the formulas after one are, and what is ignored in the next.

<!-- backproof: cell=lstm notation=deeplearning-ai -->
<!-- backproof: ignore missing-transpose undecided -->
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from derive.errors import InputError, Place
from derive.patterns import regex
from verify.formulas.judgement import Word
from verify.mistakes.dictionary import entry

SETTINGS = ("cell", "notation")
"""What a comment can say about the formulas after it."""
IGNORED = tuple(word.value for word in (Word.WRONG, Word.UNDECIDED, Word.UNREADABLE))
"""What can be ignored beside named mistakes."""

Settings = tuple[tuple[str, str], ...]

_COMMENT = regex(r"<!--(.*?)-->", re.DOTALL)
_OURS = regex(r"\s*backproof\s*:(.*)", re.DOTALL)


@dataclass(frozen=True)
class Comment:
    """One comment that speaks to us: settings that hold from here on, or what is ignored in the next formula."""

    place: Place
    settings: Settings | None = None
    ignored: tuple[str, ...] = ()


def read(comment: str, place: Place) -> Comment | None:
    """A comment, without its marks; None if it is none of ours. Raises InputError for one that cannot be understood."""
    ours = _OURS.fullmatch(comment)
    if ours is None:
        return None
    first, *others = ours.group(1).split() or [""]
    if first == "ignore":
        return Comment(place, ignored=tuple(_ignored(word, place) for word in others) or _refused("ignore", place))
    found = []
    for word in ours.group(1).split():
        key, equals, value = word.partition("=")
        if not equals or not value or key not in SETTINGS:
            _refused(word, place)
        found.append((key, value))
    return Comment(place, tuple(found))


def _ignored(word: str, place: Place) -> str:
    if word in IGNORED:
        return word
    try:
        return entry(word).slug
    except InputError as error:
        raise InputError(error.message, place, f"{error.hint}; {', '.join(IGNORED)} can be ignored too") from None


def _refused(word: str, place: Place) -> tuple[str, ...]:
    raise InputError(
        f"cannot understand {word!r} in this comment", place,
        "readable: <!-- backproof: cell=lstm notation=deeplearning-ai -->, or <!-- backproof: ignore sign -->",
    )  # fmt: skip


def without(text: str, file: str) -> tuple[str, list[Comment]]:
    """The text with its comments blanked out, and those that speak to us."""
    said = []
    for comment in _COMMENT.finditer(text):
        line = text.count("\n", 0, comment.start()) + 1
        column = comment.start() - text.rfind("\n", 0, comment.start())
        place = Place(file, line, column, line, text.split("\n")[line - 1], comment.end() - comment.start())
        if (ours := read(comment.group(1), place)) is not None:
            said.append(ours)
    return _COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment.group()), text), said


def in_force(said: Iterable[Comment], place: Place, before: Settings) -> Settings:
    """What the last comment before a place says about the model."""
    for comment in reversed(list(said)):
        if comment.settings is not None and _at(comment.place) <= _at(place):
            return comment.settings
    return before


def ignored(said: Iterable[Comment], places: Sequence[Place]) -> list[tuple[str, ...]]:
    """For the formulas at these places, in the order of the text, what the comments right before each say to ignore."""
    waiting, found = [comment for comment in said if comment.ignored], []
    for place in places:
        here = [comment for comment in waiting if _at(comment.place) <= _at(place)]
        waiting = waiting[len(here) :]
        found.append(tuple(word for comment in here for word in comment.ignored))
    return found


def _at(place: Place) -> tuple[int, int]:
    return place.line, place.column
