"""Layers above each other as one cell: derivation and proof apply to it as to any other."""

from __future__ import annotations

from dataclasses import replace

from derive.cell import Cell, Equation
from derive.networks.copies import renamed, resized
from derive.networks.network import Copy, Network
from derive.nodes import Node, Quantity, substitute


def above_each_other(cells: list[Cell], title: str) -> Cell:
    """Cells as one: each reads the output of the one before it as its first input.

    This is how layers above each other become a single cell, to which derivation and proof apply as to any other.
    """
    equations: list[Equation] = []
    for position, cell in enumerate(cells):
        below = cells[position - 1].output if position else None
        first = cell.inputs[0]

        def moved(node: Node, first: Quantity = first, below: Quantity | None = below) -> Node | None:
            return below if node == first else None

        equations += [
            replace(e, expression=substitute(e.expression, moved)) if below is not None else e for e in cell.equations
        ]
    letters = tuple(letter for cell in cells for letter in cell.notation.letters)
    return Cell.of(
        equations,
        name="_above_".join(dict.fromkeys(cell.name for cell in reversed(cells))),
        title=title,
        output=cells[-1].output.name,
        constants=[q.name for q in cells[0].inputs if q.time is None],
        source=cells[0].source,
        notation=replace(cells[-1].notation, letters=letters),
    )


def two_layers(cell: Cell) -> Cell:
    """Layer l above layer l - 1 of the same cell, in letters that say so: how the error comes down a layer.

    Raises InputError if the cell cannot stand above itself.
    """
    below, above = Network.of(cell, layers=2).copies
    return above_each_other(
        [_of_layer(cell, below, "_below", "(l-1)"), _of_layer(cell, above, "_above", "(l)")],
        f"Two layers of {cell.title}",
    )


def _of_layer(cell: Cell, copy: Copy, suffix: str, mark: str) -> Cell:
    given = {q.name for q in cell.inputs[1 if copy.layer == 0 else 0 :]}
    sizes = Network(cell, layers=2).sizes_of(copy)
    return renamed(resized(cell, sizes), lambda name: name if name in given else name + suffix, mark)
