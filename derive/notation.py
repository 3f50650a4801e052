"""How names are written: a table from names to LaTeX letters and a style for the time index. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class TimeStyle(Enum):
    """Where the time index stands."""

    SUBSCRIPT = "h_t"
    PARENTHESES = "h^{(t)}"
    ANGLES = r"h^{\langle t \rangle}"
    SUPERSCRIPT = "h^t"


@dataclass(frozen=True)
class Notation:
    """Letters for names: exact (`h`) or with one star for a subscript (`W_*`); the first match counts."""

    name: str
    letters: tuple[tuple[str, str], ...] = ()
    time: TimeStyle = TimeStyle.SUBSCRIPT


AS_WRITTEN = Notation("as written")
"""Names printed as they are, times as subscripts."""
