"""A cell with a head above it, as one cell: for code with a loss of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from derive import catalogue
from derive.cell import Cell
from derive.networks.copies import renamed
from derive.nodes import Node, Quantity, substitute
from verify.code.match import READOUT, READOUT_BIAS

HEADS = ("softmax_cross_entropy", "linear_squared_error", "sigmoid_binary_cross_entropy")


def below(head: Cell) -> Quantity:
    """The input of a head that is the cell's output."""
    return next(q for q in head.inputs if q not in head.targets)


@cache
def with_head(cell: Cell, name: str) -> Cell:
    """The cell with a head of the catalogue above it, as one cell whose output is the loss."""
    head = catalogue.find(name)
    names = [str(p.name) for p in head.parameters]
    table: dict[str, str] = dict(zip(names, (READOUT, READOUT_BIAS), strict=False))
    taken, data = {*cell.quantities}, below(head)

    def new(old: str) -> str:
        return table.get(old, f"{old}_out" if old in taken and old != data.name else old)

    above = renamed(head, new, "")
    first, output = below(above), cell.output

    def moved(node: Node) -> Node | None:
        return output if node == first else None

    equations = [*cell.equations, *(replace(e, expression=substitute(e.expression, moved)) for e in above.equations)]
    return Cell.of(
        equations,
        name=f"{cell.name} with {head.name}",
        title=f"{cell.title} with {head.title}",
        output=above.output.name,
        targets=[q.name for q in above.targets],
        assumptions=[a for a in above.assumptions if a.quantity in above.targets],
        source=cell.source,
    )
