"""Words that every file of code shows: axes, names, equations, where they come from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from derive.cell import Cell
from derive.nodes import Node, Quantity
from derive.targets.formula import text
from derive.targets.language.code import size_text
from derive.targets.lowering.frame import axes


def tuple_text(items: Iterable[str]) -> str:
    """A tuple of strings as Python text."""
    quoted = [f'"{item}"' for item in items]
    return f"({', '.join(quoted)}{',' if len(quoted) == 1 else ''})"


def axes_text(node: Node) -> tuple[str, ...]:
    """The axes of one value behind the leading ones; a scalar parameter has none, a scalar quantity one of length 1."""
    if node.shape == (1, 1):
        return () if isinstance(node, Quantity) and node.time is None else ("1",)
    return tuple(map(size_text, axes(node)))


def names_text(names: Sequence[str]) -> str:
    """A tuple of variables as Python text."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def equation_lines(cell: Cell) -> list[str]:
    """The equations of a cell, for a docstring."""
    lines = (f"{text(e.symbol)} = {text(e.expression)}" for e in cell.equations)
    return [textwrap.fill(line, 112, subsequent_indent=8 * " ") for line in lines]


def source_line(words: str) -> str:
    """Where the equations come from, for a docstring."""
    return textwrap.fill(f"Source: {plain(words).rstrip('.')}.", 118) if words else ""


def plain(words: str) -> str:
    """Text from a note, fit to stand in a docstring: one line, no quotes or backslashes that could end it."""
    shown = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(shown.replace("\\", "\\\\").replace('"', "'").split())
