"""Layouts of code without matrices: gates from outside, pointwise steps, norms, attention over states.

Every array has the width of the state, and may have axes of examples and steps or not: all are tried.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from verify.code.calling import words
from verify.code.calling.axes import Axes

DATA = ("BTH", "BH", "TBH", "TH", "H", "HB", "1H", "B T 4H", "B 4H", "B 3H", "4H", "3H", "BT", "TB")
"""What an array of data may be like, the likeliest first."""

STATES = ("BH", "H", "BTH", "HB", "1H")
BIASES = ("H", "1H")

MOST = 3
"""More arrays than these are not tried: there would be too many layouts."""


def free(names: Sequence[tuple[str, str]]) -> Iterator[dict[str, Axes]]:
    """Axes for arrays, given by name and part; nothing where one of them is a matrix by its name."""
    if len(names) > MOST or any(part == "weight" and words.part(name) == "weight" for name, part in names):
        return
    ways = [
        BIASES if part == "bias" else (*STATES, *DATA) if part in ("h", "c") else (*DATA, *BIASES) for _, part in names
    ]
    ranks = sorted(itertools.product(*(range(len(way)) for way in ways)), key=lambda rank: (sum(rank), rank))
    for rank in ranks:
        yield {name: _axes(way[k]) for (name, _), way, k in zip(names, ways, rank, strict=True)}


def _axes(text: str) -> Axes:
    if " " in text or (text[0].isdigit() and text[0] != "1"):
        return tuple(text.split())
    return tuple(text)
