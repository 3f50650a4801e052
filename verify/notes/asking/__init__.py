"""The one question that a note leaves open: what its formulas wait for, and the lines that would settle it.

`waiting` tells which judgements wait and for what, by the reasons that they have; `answers` proposes the lines;
`gathering` makes one question of all, and lets each formula say that it waits for it.
"""

from verify.notes.asking.gathering import asked
from verify.notes.asking.question import Question, Unused

__all__ = ["Question", "Unused", "asked"]
