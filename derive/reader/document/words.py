"""What the words of a document say of its letters, beside what its formulas say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What a document says in words; by default nothing."""

    bars: bool = False
    """A bar over a letter is the gradient by it."""
    entropy: bool = False
    """It speaks of the cross-entropy."""
    functions: frozenset[str] = frozenset()
    """Functions that it names."""
    numbers: bool = False
    """Letters are numbers, where they look like that."""
    stacking: str = ""
    """How the entries of matrices are stacked."""
    rows: frozenset[str] = frozenset()
    """Letters of rows."""
    basis: bool = False
    """e with an index below it is a vector of the standard basis."""
    blocks: tuple[tuple[str, str], ...] = ()
    """Weights, each with what a part of its columns acts on."""


SAYS_NOTHING = Words()
