"""Where a claim can be read in two ways: what was taken, and what the other way would mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations

from derive.reader.text.syntax import Syntax

MOST = 4
"""How many guesses of one claim are tried the other way."""


@dataclass(frozen=True)
class Guess:
    """The other way to read something. `words` say what it assumes.

    `holds`: a formula that is true in the other way holds under that assumption; otherwise it is left undecided.
    `doubtful`: where the other way leaves the formula undecided, it must not be called wrong.
    """

    words: str
    holds: bool = True
    doubtful: bool = False


@dataclass
class Guesses:
    """The guesses made while a claim is read, and those that are to be made the other way."""

    made: dict[str, Guess] = field(default_factory=dict)
    turned: frozenset[str] = frozenset()
    assumed: dict[str, str] = field(default_factory=dict)
    """For a quantity what was taken for its letter, where the formula writes another one."""
    layers: dict[str, str] = field(default_factory=dict)
    """For a quantity the layer that the formula names with it, and that was dropped."""
    limits: Mapping[str, Syntax] = field(default_factory=dict)
    """What letters stand for that the text gives a norm."""
    granted: dict[str, None] = field(default_factory=dict)
    """What was taken for granted where a formula leaves something out."""
    marked: set[str] = field(default_factory=set)
    """The letters with a bar or dot that was read as a gradient; two of them show that the mark means that."""

    def other(self, key: str, guess: Guess) -> bool:
        """Note a guess; whether it is to be made the other way."""
        self.made.setdefault(key, guess)
        return key in self.turned

    def clear(self) -> None:
        self.made.clear()
        self.assumed.clear()
        self.layers.clear()
        self.granted.clear()
        self.marked.clear()

    def alternatives(self) -> Iterator[tuple[str, ...]]:
        """The guesses to make the other way: each alone, then two at a time (one can lead to another)."""
        for size in (1, 2):
            keys = [key for key in self.made if key != "mark" or len(self.marked) < 2]
            yield from combinations(keys[:MOST], size)

    @contextmanager
    def turning(self, keys: tuple[str, ...]) -> Iterator[None]:
        """Within this, these guesses are made the other way."""
        self.turned = frozenset(keys)
        try:
            yield
        finally:
            self.turned = frozenset()
