"""Other places for the formulas of a note: displays, lists, tables, other kinds of files, decoration."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from restyled import Way

_DISPLAY = re.compile(r"^\$\$(?P<body>[^$]+)\$\$[ \t]*$", re.MULTILINE)


def tagged(note: str) -> str | None:
    """Every display with a number behind it."""
    numbers = iter(range(1, 1000))
    return (
        _DISPLAY.sub(lambda m: f"$${m['body'].rstrip()} \\tag{{{next(numbers)}}}$$", note)
        if r"\tag" not in note
        else None
    )


def brackets(note: str) -> str:
    r"""`\[ … \]` for `$$ … $$`."""
    return _DISPLAY.sub(lambda m: f"\\[{m['body']}\\]", note)


def fenced(note: str) -> str:
    """Displays in blocks of code called math."""
    return _DISPLAY.sub(lambda m: f"```math\n{m['body'].strip()}\n```", note)


WAYS: dict[str, Way] = {"tagged": tagged, "brackets": brackets, "fenced": fenced}
