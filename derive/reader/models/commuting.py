"""What shows that letters are numbers: w h_{t-2} beside h_{t-1} w, and what gives one a number, c_{t-1} = 2.0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.models.equations.equation import TRANSPOSES, Mention, mentions
from derive.reader.models.equations.names import letter_name
from derive.reader.text.fragment import Fragment

_VALUE = regex(
    r"(?<![A-Za-z\\_^{])(?P<letter>(?:\\[a-z]+\s*\{\s*[A-Za-z]\s*\}|\\?[A-Za-z]+)"
    r"(?:_(?:[A-Zac-su-z]|\{[A-Za-su-z]{1,3}\}))?)(?:\s*_\s*(?:t|\{\s*t(?:\s*-\s*1)?\s*\}))?"
    r"\s*=\s*-?\d+\.\d+\s*(?=[.,;]|\\q?quad|\\implies|\Z)"
)
"""A letter with a number, perhaps of a step."""
_BESIDE = regex(r"[\s{}]*(?:\\(?:cdot|times|,)\s*)?[\s{}]*")


def commuting(formulas: Iterable[Fragment]) -> frozenset[frozenset[str]]:
    """The pairs of letters, a weight and a quantity of some step, that stand beside each other in both orders.

    None where anything is transposed.
    """
    written = list(formulas)
    if any(TRANSPOSES.search(one.text) for one in written):
        return frozenset()
    found = {pair for fragment in written for pair in _neighbours(fragment)}
    return frozenset(frozenset((one, other)) for one, other in found if (other, one) in found)


def valued(formulas: Iterable[Fragment]) -> Iterator[tuple[str, int]]:
    """The letters that a formula gives a number, each with the line that does."""
    for fragment in formulas:
        for found in _VALUE.finditer(fragment.text):
            yield letter_name(found["letter"]), fragment.place(found.start()).line


def _neighbours(fragment: Fragment) -> Iterator[tuple[str, str]]:
    for side in fragment.text.split("="):
        try:
            found = sorted(mentions(replace(fragment, text=side)), key=lambda one: one.start)
        except (InputError, RecursionError):
            continue
        for one, other in pairwise(found):
            if _is_weight(one) != _is_weight(other) and _BESIDE.fullmatch(side[one.end : other.start]):
                yield one.name, other.name


def _is_weight(one: Mention) -> bool:
    return one.offset is None
