"""The borders of slices in claims: sizes of the cell, as letters or as n_a for the entries of a."""

from __future__ import annotations

from sympy import Expr

from derive.reader.claims.letters import Letters
from derive.reader.meaning.letters import taken
from derive.reader.meaning.slices import Letter
from derive.reader.text.syntax import Name, Syntax


def borders(letters: Letters) -> Letter:
    """How a letter in a border is read."""

    def border(node: Syntax) -> Expr | None:
        found = taken(node)
        if found is None:
            return None
        labels = [part.word for kind, part in found.parts if kind == "sub" and isinstance(part, Name)]
        word = "_".join([found.base, *labels])
        own = {str(letter): letter for letter in letters.cell.sizes}
        if word in own:
            return own[word]
        base, _, label = word.partition("_")
        name = letters.known.get(label) if base in ("n", "N", "d", "D", "dim") else None
        return None if name is None or letters.quantities[name].shape[1] != 1 else letters.quantities[name].shape[0]

    return border
