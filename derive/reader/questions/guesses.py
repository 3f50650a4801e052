"""What was taken where a text can be read in two ways, and what has to be asked."""

from __future__ import annotations

from dataclasses import dataclass

from derive.cell import Guess
from derive.errors import Place

__all__ = ["Guess", "Question"]


@dataclass(frozen=True)
class Question:
    """What the document leaves open: the letters, what is asked, and the lines that would settle it, in LaTeX."""

    letters: tuple[str, ...]
    asked: str
    lines: tuple[str, ...]
    place: Place | None = None
    outputs: tuple[str, ...] = ()
    """Where the output is asked for, the line for each that it may be."""
    needed: bool = True
    """Whether it must be answered; others are only told beside those that must."""
