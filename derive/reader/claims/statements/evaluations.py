"""Derivatives at a value: dσ/dz|_{z_t} is σ'(z_t), and dC/dy|_{y_T} is dC/dy_T."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from derive.reader.meaning.tree import Term
from derive.reader.text.syntax import Fraction, Group, Run, Syntax

if TYPE_CHECKING:
    from derive.reader.claims.meaning import Claiming


def at_a_value(claiming: Claiming, node: Fraction, script: Syntax) -> Term | None:
    """What a fraction with this behind its bar says, where it is a derivative by a letter alone; else None."""
    above, below = _two(node.above), _two(node.below)
    if above is None or below is None or not all(map(claiming.is_differential, (above[0], below[0]))):
        return None
    of, by, at = (claiming.letters.taken(one, claiming.fragment) for one in (above[1], below[1], script))
    if by is None or by.parts or by.power is not None or by.transposed:
        return None
    if of is not None and not of.primes and claiming.is_function(above[1]):
        slope = claiming.function(replace(of, primes=1))
        span = claiming.between([node, script])
        return None if slope is None else claiming.applied(slope, (claiming.term(script),), span, of.base)
    if at is None or at.base != by.base or not at.parts:
        return None
    return claiming.derivative(above[0], above[1:], [below[0], script], node)


def _two(side: Syntax) -> list[Syntax] | None:
    """The two factors of a side of a fraction."""
    if isinstance(side, Group) and side.bracket == "LBRACE" and len(side.rows) == 1 == len(side.rows[0]):
        return _two(side.rows[0][0])
    return list(side.factors) if isinstance(side, Run) and len(side.factors) == 2 else None
