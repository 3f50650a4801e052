"""Derivatives that may have lost their signs: z_t over h_{t-1}, which z_t reads, beside others that have their ∂."""

from __future__ import annotations

from sympy import preorder_traversal

from derive.nodes import Quantity
from derive.patterns import regex
from derive.reader.claims.letters import Letters
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Syntax

_DERIVATIVE = regex(r"\\frac\s*\{\s*\\partial(?![A-Za-z])|∂|\\partial(?![A-Za-z])[^=]*/")


def without_signs(letters: Letters, above: Syntax, below: Syntax, fragment: Fragment) -> bool:
    """Whether a fraction may be a derivative: a vector over what its equation reads, in a formula with derivatives."""
    if _DERIVATIVE.search(fragment.text) is None:
        return False
    (one, other) = (letters.taken(each, fragment) for each in (above, below))
    if one is None or other is None:
        return False
    of = letters.resolve(one, fragment, noted=False)
    by = letters.resolve(other, fragment, noted=False)
    if of is None or by is None or of.at or by.at:
        return False
    value = next((each for each in letters.program.equations if each.symbol.name == of.name), None)
    if value is None or value.symbol.shape == (1, 1):
        return False
    return by.name in {part.name for part in preorder_traversal(value.expression) if isinstance(part, Quantity)}
