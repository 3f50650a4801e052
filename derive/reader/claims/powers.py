"""Powers of numbers that look like transposes: w^T of a linear recurrence of numbers."""

from __future__ import annotations

from dataclasses import replace

from derive import nodes
from derive.notation import spelled
from derive.reader.claims.guesses import Guess
from derive.reader.claims.letters import Letters
from derive.reader.meaning.letters import Written
from derive.reader.meaning.tree import Power, Ref, Term
from derive.reader.text.fragment import Fragment

LENGTH = "{letter} is a number, and T above it the power"


def to_the_length(letters: Letters, found: Written, fragment: Fragment) -> Term | None:
    """A number with a raised T as its power, where that is meant; who thinks of matrices transposes it."""
    resolved = letters.resolve(replace(found, transposed=False), fragment, noted=False)
    if resolved is None or resolved.at or letters.is_timed(resolved.name) or not found.transposed:
        return None
    if letters.quantities[resolved.name].shape != (1, 1):
        return None
    words = LENGTH.format(letter=f"${spelled(resolved.name)}$")
    return Power(Ref(resolved.name), nodes.T) if letters.guesses.other(f"power {resolved.name}", Guess(words)) else None
