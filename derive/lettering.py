"""A notation for one cell: which name of the notation's table each quantity answers to, told from its part in the cell.

The tables are written for names with W on the input, U on the state before, b, and V and c on the way out. A note may
call its weights otherwise, such as U on the input: then the part that a weight plays counts, not its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sympy import MatAdd, MatMul

from derive.calculus.program import ARGUMENT
from derive.cell import Cell
from derive.nodes import Elementwise, Node, Quantity, children, coefficient, leaves, t
from derive.notation import ACCENTS, AS_WRITTEN, Notation

INPUT, STATE, READOUT, BIASES = "W", "U", "V", ("b", "c")
"""The letters of the tables: what acts on the input, on the state before, on the new state; what is added."""


@dataclass(frozen=True)
class _Group:
    """The parameters of one sum: each with its letter in the tables."""

    assigned: str
    letters: Mapping[str, str]

    @property
    def is_readout(self) -> bool:
        return READOUT in self.letters.values()

    @property
    def label(self) -> str | None:
        """What all their names have behind the letter, if it is one and the same."""
        labels = {name.partition("_")[2] for name in self.letters}
        return labels.pop() if len(labels) == 1 else None


def lettered(notation: Notation, cell: Cell) -> Notation:
    """The notation with letters for the names of a cell (or of its program), by the part that each plays."""
    names = list(cell.quantities)
    if notation.name == AS_WRITTEN.name:
        return notation.among(names)
    everything = parts_played(cell)
    weights = {name: answer for name, answer in everything.items() if cell.quantities[name] in cell.parameters}
    for answers in (everything, weights):
        table = notation.among(answers.get(name, name) for name in names)
        own = tuple((name, str(table.letter(answer))) for name, answer in answers.items())
        found = replace(table, letters=own + table.letters)
        if len({str(found.letter(name)) for name in names}) == len(names):
            return found
    return notation.among(names)


def parts_played(cell: Cell) -> dict[str, str]:
    """For each quantity that plays a part of another name in the tables, that name.

    Empty where the parts are not clear, such as one matrix that acts on both the input and the state.
    """
    if not cell.states:
        return {}  # what a head reads is no input of a recurrence
    found = _weights(cell)
    if cell.inputs and _is_plain(cell.inputs[0]) and cell.inputs[0].time is not None:
        found[cell.inputs[0].name] = "x"
    if len(cell.states) == 1 and _is_plain(cell.states[0]):
        state = cell.states[0]
        found[state.name] = "h"
        for equation in cell.equations:
            if equation.symbol == state and isinstance(equation.expression, Elementwise):
                for argument in equation.expression.operands:
                    if isinstance(argument, Quantity) and argument.time == t:
                        found[argument.name] = f"{ARGUMENT}_h"
    answers = [found.get(name, name) for name in cell.quantities]
    clear = len(set(answers)) == len(answers)
    return {name: answer for name, answer in found.items() if name != answer} if clear else {}


def _is_plain(quantity: Quantity) -> bool:
    """Whether this is a column with one letter as its name: a longer name says something of its own."""
    return len(quantity.name) == 1 and quantity.shape[1] == 1


def _weights(cell: Cell) -> dict[str, str]:
    groups = _groups(cell)
    listed = [name for group in groups for name in group.letters]
    if len(set(listed)) < len(listed):
        return {}
    if all(name.partition("_")[0] == letter for group in groups for name, letter in group.letters.items()):
        return {}  # the letters of the tables already, whatever stands behind them
    recurrent = [group for group in groups if not group.is_readout]
    found = {}
    for group in groups:
        label = group.label
        if group.is_readout:
            label = ""
        elif label is None:
            label = "" if len(recurrent) == 1 else _plain(group.assigned)
        for name, letter in group.letters.items():
            # The second bias of a recurrence is that of its state, c_h: c alone is the readout's.
            behind = "h" if letter == BIASES[1] and not label and not group.is_readout else label
            found[name] = f"{letter}_{behind}" if behind else letter
    return found


def _plain(name: str) -> str:
    """A name without its accents: the weights of h_tilde are W_h and U_h."""
    return "_".join(part for part in name.removeprefix(f"{ARGUMENT}_").split("_") if part not in ACCENTS)


def _groups(cell: Cell) -> list[_Group]:
    """The weights and biases of every sum; none at all where two of one sum play the same part."""
    parameters = set(cell.parameters)
    found = []
    for equation in cell.equations:
        for terms in _sums(equation.expression):
            weights: dict[str, str] = {}
            biases: list[str] = []
            for term in terms:
                base = coefficient(term)[1]
                if base in parameters:
                    biases.append(base.name)
                elif isinstance(base, MatMul) and base.args[0] in parameters:
                    letter = _acts_as(base, equation.symbol, cell)
                    if letter is None:
                        continue
                    if letter in weights.values() or base.args[0].name in weights:
                        return []
                    weights[base.args[0].name] = letter
            own = set(weights.values())
            if not own or (READOUT in own and len(own) > 1):
                continue
            letters = BIASES if INPUT in own else BIASES[1:]
            found.append(_Group(equation.symbol.name, {**weights, **dict(zip(biases, letters, strict=False))}))
    return found


def _acts_as(product: MatMul, assigned: Quantity, cell: Cell) -> str | None:
    """The letter that the tables give a weight, by what it acts on."""
    operands = {leaf for factor in product.args[1:] for leaf in leaves(factor)} - set(cell.parameters)
    if any(leaf.time == t - 1 for leaf in operands):
        return STATE
    if operands == set(cell.inputs[:1]):
        return INPUT
    if operands == set(cell.states[:1]) and assigned not in cell.states:
        return READOUT
    return None


def _sums(node: Node) -> Iterator[tuple[Node, ...]]:
    """The terms of every sum in an expression; a product that stands alone is a sum of one."""
    terms = node.args if isinstance(node, MatAdd) else (node,)
    yield terms
    for term in terms:
        for child in children(term):
            yield from _sums(child)
