"""What a section says about another cell than its own, which words right before it name: "in a vanilla RNN"."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sympy import HadamardProduct

from derive.cell import Cell
from derive.nodes import leaves
from derive.patterns import regex
from derive.reader.models.equations.names import names
from verify.notes.files import HEADING, Document, Formula

_DISPLAY = regex(r"\s*(?:\$\$|\\\[|\\begin\{|```|~~~)")
FAMILIES = {
    "lstm": regex(r"(?<![A-Za-z])LSTMs?(?![A-Za-z])|[Ll]ong [Ss]hort-?[- ][Tt]erm|长短期记忆|長短期記憶"),
    "gru": regex(r"(?<![A-Za-z])GRUs?(?![A-Za-z])|[Gg]ated [Rr]ecurrent|门控循环|門控循環"),
    "rnn": regex(r"(?<![A-Za-z])RNNs?(?![A-Za-z])|(?<![Gg]ated )[Rr]ecurrent (?:[Nn]eural )?[Nn]etwork|循环神经网络"),
}
"""The catalogue's name of a cell, and what texts call it."""


@dataclass(frozen=True)
class Mention:
    """The catalogue's name of a cell that words call by its name, and the line that they stand in."""

    kind: str
    line: int


def before(formula: Formula, document: Document) -> Iterator[Mention]:
    """The cells that the text between the last display and a formula names, the nearest first, or else its heading."""
    place = formula.place
    part = next((part for part in document.parts if part.file == place.file), None)
    if part is None:
        return
    lines = part.text.splitlines()[: place.line]
    lines[-1:] = [lines[-1][: place.column - 1]] if lines else []
    told, near = set[str](), True
    for number in range(len(lines), 0, -1):
        line = lines[number - 1]
        heading = HEADING.match(line) is not None
        if near or heading:
            found = [(match.start(), kind) for kind, name in FAMILIES.items() for match in name.finditer(line)]
            for kind in dict.fromkeys(kind for _, kind in sorted(found, reverse=True)):
                if kind not in told:
                    told.add(kind)
                    yield Mention(kind, number)
        if told and number < len(lines):
            return
        near = near and (number >= len(lines) - 1 or _DISPLAY.match(line) is None)


def before_a_letter(letters: Collection[str], formula: Formula, document: Document) -> Iterator[Mention]:
    """The cells that words name before the last earlier formula with one of these letters."""
    earlier = [each for each in document.formulas if letters and _stands_before(each, formula)]
    used = (each for each in reversed(earlier) if each.displayed and not names(each.fragment).isdisjoint(letters))
    for each in used:
        if found := [*before(each, document)]:
            yield from found
            return


def _stands_before(one: Formula, other: Formula) -> bool:
    return one.place.file == other.place.file and one.place.line < other.place.line


def family(cell: Cell) -> str:
    """What a cell is called in general: with two states an LSTM, with products of its values a GRU, else an RNN."""
    if len(cell.states) != 1:
        return "lstm"
    gated = any(
        sum(any(leaf.time is not None for leaf in leaves(factor)) for factor in product.args) > 1
        for equation in cell.equations
        for product in equation.expression.atoms(HadamardProduct)
    )
    return "gru" if gated else "rnn"
