"""A derivative by what the quantity does not depend on, which makes zero of a product that it stands in."""

from __future__ import annotations

from derive.cell import Cell
from derive.nodes import Quantity
from derive.notation import spelled
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Term

VANISHES = "the derivative of {of} by {by} is zero: {of} does not depend on {by}"


def vanishing(side: Term, cell: Cell) -> str:
    """The sentence on the first derivative in a side that is zero; empty if every one can be otherwise.

    Of an expression that is differentiated as a whole, which the cell has no equation for, nothing is said.
    """
    reads = {e.symbol.name: {q.name for q in e.expression.atoms(Quantity)} for e in cell.equations}
    for part in tree.walk(side):
        if not isinstance(part, tree.Derivative) or part.of.name not in cell.quantities:
            continue
        if part.by.name not in _behind(part.of.name, reads):
            return VANISHES.format(of=spelled(part.of.name), by=spelled(part.by.name))
    return ""


def _behind(name: str, reads: dict[str, set[str]]) -> set[str]:
    """The names that a quantity depends on at any step, with its own."""
    found, waiting = {name}, [name]
    while waiting:
        new = reads.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found
