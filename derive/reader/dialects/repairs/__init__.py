"""Slips of typing that leave no doubt of what is meant: brackets, escapes, ticks, names of functions."""

from __future__ import annotations

from derive.reader.dialects.repairs import brackets
from derive.reader.dialects.repairs.misspelt import without_misspelt
from derive.reader.text.fragment import Fragment


def repaired(fragment: Fragment) -> Fragment:
    """The formula with its brackets as usual and the names of functions that are meant."""
    return without_misspelt(brackets.usual(fragment))
