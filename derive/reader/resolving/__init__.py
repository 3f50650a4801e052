"""Syntax -> Syntax over a whole document: every letter, time and left side in the one form that terms are read from.

1. document: all formulas of a note, parsed; attention refused
2. exponents: e^{x} as exp(x); sides: what trails behind an equation, chains of names
3. typefaces, exponents, labels: which written letters are two, which superscripts are powers, which are labels
4. reassigned: two values of a letter in one step; ago: steps counted back by a letter
5. clocks: the letter of time, next/previous/new/old, values of this step that are written without t
6. indices, depths: sums over entries as products, loops over layers unrolled

What was taken where a text can be read in two ways is kept as a `Guess`, what cannot be taken as a `Question`.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive.reader.meaning import affine, depths, differences, positions
from derive.reader.resolving import (
    ago,
    classes,
    clocks,
    entries,
    exponents,
    indices,
    labels,
    powers,
    primes,
    reassigned,
    sides,
    typefaces,
)
from derive.reader.resolving.document import Document
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Declaration

__all__ = ["Document", "document"]


def document(formulas: Sequence[Fragment], declarations: Sequence[Declaration]) -> Document:
    """Parse and resolve; raises InputError with the place of what cannot be read."""
    found = Document.of(formulas, declarations)
    positions.refuse(found)
    exponents.of_e(found)
    labels.of_t(found)
    affine.resolve(found)
    differences.resolve(found)
    classes.resolve(found)
    indices.layers(found)
    depths.resolve(found)
    entries.resolve(found)
    for stage in (sides, primes, typefaces, exponents, labels, reassigned, ago, clocks, powers, indices):
        stage.resolve(found)
    return found
