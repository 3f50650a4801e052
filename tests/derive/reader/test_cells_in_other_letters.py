"""The same cell in other letters is the same cell, or it is asked about; never another one in silence."""

from __future__ import annotations

import os
from functools import cache

import pytest
from restyled import DATA, letters

from derive.errors import InputError
from derive.nodes import Elementwise, Node, Quantity, children, coefficient
from derive.reader import read_note

FULL = os.environ.get("BACKPROOF_FULL_FIGURES") == "1"
NOTES = sorted((*(DATA / "written").glob("*.md"), *(DATA / "printed").glob("*.md")))
MOST = len(NOTES) if FULL else 2


@cache
def form(note: str) -> str | None:
    """The equations of a cell with numbers for its letters, in their order; None where the note leaves some open."""
    try:
        cell = read_note(note)
    except InputError:
        return None
    seen: dict[str, int] = {}
    return "; ".join(f"{_form(e.symbol, seen)} = {_form(e.expression, seen)}" for e in cell.equations)


def _form(node: Node, seen: dict[str, int]) -> str:
    if isinstance(node, Quantity):
        return f"{seen.setdefault(node.name, len(seen))}@{node.time}"
    name = node.function.name if isinstance(node, Elementwise) else type(node).__name__
    return f"{coefficient(node)[0]} {name}({', '.join(_form(child, seen) for child in children(node))})"


@pytest.mark.parametrize("way", letters.WAYS)
def test_a_cell_in_other_letters_is_the_same_cell(way: str) -> None:
    first, decided = sum(map(ord, way)) % len(NOTES), 0
    for path in (*NOTES[first:], *NOTES[:first]):
        note = path.read_text("utf-8")
        other = letters.WAYS[way](note)
        if other is None or other == note or form(note) is None:
            continue
        assert form(other) in (form(note), None), path.name
        decided += 1
        if decided == MOST:
            break
