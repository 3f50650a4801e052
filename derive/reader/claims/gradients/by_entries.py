"""Derivatives by an entry: ∂h/∂W_{ij}, ∂h/∂W(i, j), and 𝕀_i(x), the vector that has x in row i and zeros elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Expr, S, Symbol

from derive.reader.claims.meant import Habit
from derive.reader.meaning import tree
from derive.reader.meaning.letters import ENTRY_LETTERS, TIME_LETTERS, Written, number_of, only
from derive.reader.meaning.tree import Term
from derive.reader.text.syntax import Group, Mark, Name, Run, Syntax

if TYPE_CHECKING:
    from derive.reader.claims.gradients.defined import Defined


def pair(node: Syntax) -> Syntax | None:
    """The two indices of W(i, j), side by side as in W_{ij}."""
    if not isinstance(node, Group) or node.bracket not in ("LPAR", "LBRACK") or len(node.rows) != 1:
        return None
    (row,) = node.rows
    letters = len(row) == 2 and all(isinstance(one, Name) and one.word not in TIME_LETTERS - {"k"} for one in row)
    return Run(row[0].start, row[1].end, tuple(row)) if letters else None


def of_a_whole(claiming: Defined, below: list[Syntax], node: Syntax) -> None:
    """∂h_t/∂W_{ij}: where nothing else is differentiated by that entry, h_t may stand for h_{t,i}."""
    text = claiming.fragment.text
    again = text.count(text[below[1].start : below[-1].end]) > 1
    words = f"{claiming.written(node)} is of one entry, whose index is left out"
    if not again and claiming.guess("whole", words, holds=False, doubtful=True):
        raise claiming.unclear(f"{claiming.written(node)} is not read of one entry", node)


def unit(claiming: Defined, found: Written, group: Group | None) -> Term | None:
    """𝕀_i(x) as x times the unit vector of row i."""
    below = found.parts[0][1] if len(found.parts) == 1 and found.parts[0][0] == "sub" else None
    value = None if group is None else only(group.rows)
    if found.base != "I" or not isinstance(below, Name) or below.word not in ENTRY_LETTERS or value is None:
        return None
    place = claiming.letters.entry(below)
    if place is None or found.primes or found.transposed or found.power is not None:
        return None
    return _in_row(place, claiming.term(value))


def basis(claiming: Defined, found: Written) -> Term | None:
    """e_i as the unit vector of row i, where the words of the document call it so."""
    below = found.parts[0][1] if len(found.parts) == 1 and found.parts[0][0] == "sub" else None
    if found.base != "e" or not isinstance(below, Name) or below.word not in ENTRY_LETTERS or found.primes:
        return None
    place = claiming.letters.entry(below) if claiming.letters.meant.keeps(Habit.BASIS) else None
    return None if place is None or found.power is not None else _in_row(place, tree.Constant(S.One))


def alone_in_a_column(claiming: Defined, node: Group, place: Expr | None) -> Term | None:
    """The column (0, ⋮, x, ⋮, 0), which has x in the row of the entry by which is differentiated."""
    cells = [row[0] for row in node.rows if len(row) == 1]
    kinds = [cell.kind if isinstance(cell, Mark) else number_of(cell) for cell in cells]
    if place is None or len(cells) != len(node.rows) or kinds[:2] + kinds[3:] != [0, "dots", "dots", 0]:
        return None
    claiming.letters.guesses.granted[f"what is no zero in the column stands in row {place}"] = None
    return _in_row(place, claiming.term(cells[2]))


def _in_row(place: Expr, value: Term) -> Term:
    row = tree.index_clash(Symbol("row", integer=True))
    return tree.Multiply((tree.Tabulated(tree.Kronecker(row, place), row, None), value))
