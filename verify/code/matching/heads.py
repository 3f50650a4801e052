"""A cell with a head above it, as one cell: for code with a loss of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from derive import catalogue
from derive.cell import Cell
from derive.networks.copies import renamed
from derive.nodes import Node, Quantity, substitute
from verify.code.matching.match import READOUT, READOUT_BIAS

HEADS = ("softmax_cross_entropy", "linear_squared_error", "sigmoid_binary_cross_entropy")
PREDICTION = "y_hat"
"""What a head calls its prediction."""


def below(head: Cell) -> Quantity:
    """The input of a head that is the cell's output."""
    return next(q for q in head.inputs if q not in head.targets)


@cache
def with_head(cell: Cell, name: str) -> Cell:
    """The cell with a head of the catalogue above it, as one cell whose output is the loss."""
    return _above(cell, catalogue.find(name), "")


@cache
def with_readout(cell: Cell, name: str) -> Cell:
    """The cell with the readout of a head above it, as one cell whose output is what that head predicts."""
    return _above(cell, catalogue.find(name), PREDICTION)


def _above(cell: Cell, head: Cell, until: str) -> Cell:
    names = [str(p.name) for p in head.parameters]
    table: dict[str, str] = dict(zip(names, (READOUT, READOUT_BIAS), strict=False))
    taken, data = {*cell.quantities}, below(head)

    def new(old: str) -> str:
        return table.get(old, f"{old}_out" if old in taken and old != data.name else old)

    above = renamed(head, new, "")
    first, output = below(above), cell.output

    def moved(node: Node) -> Node | None:
        return output if node == first else None

    own = list(above.equations)
    if until:
        last = next(k for k, e in enumerate(own) if e.symbol.name == new(until))
        own = own[: last + 1]
    equations = [*cell.equations, *(replace(e, expression=substitute(e.expression, moved)) for e in own)]
    return Cell.of(
        equations,
        name=f"{cell.name} with {head.name}",
        title=f"{cell.title} with {'the readout of ' if until else ''}{head.title}",
        output=own[-1].symbol.name,
        targets=[] if until else [q.name for q in above.targets],
        assumptions=[] if until else [a for a in above.assumptions if a.quantity in above.targets],
        source=cell.source,
    )
