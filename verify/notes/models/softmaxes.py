"""Letters that a note defines as the softmax and writes for its value: σ(z)_i = e^{z_i} / Σ_j e^{z_j}, then σ_i."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from derive import nodes
from derive.cell import Cell
from derive.reader.models.equations.wholes import softmax_letter
from verify.notes.files import Formula
from verify.notes.models.stating import stated


def softmaxes(formulas: Iterable[Formula], cell: Cell) -> Iterator[tuple[str, str]]:
    """Each such letter with the one value of the cell that is a softmax; where there are more, it is not plain."""
    values = [each.symbol.name for each in cell.equations if isinstance(each.expression, nodes.Softmax)]
    for letter in softmax_letters(formulas) if len(values) == 1 else ():
        if letter not in cell.quantities:
            yield letter, values[0]


def softmax_letters(formulas: Iterable[Formula]) -> list[str]:
    """The letters that a note defines as the softmax."""
    found = dict.fromkeys(softmax_letter(one) for formula in formulas for one in stated(formula))
    return [letter for letter in found if letter]
