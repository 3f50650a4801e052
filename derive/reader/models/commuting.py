"""Letters that a document multiplies in either order, w h_{t-2} beside h_{t-1} w, as only numbers can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.models.equations.equation import TRANSPOSES, Mention, mentions
from derive.reader.text.fragment import Fragment

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
