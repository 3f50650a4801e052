"""What looks like a slip in a note's model or comments, beside its claims: told as a note, it changes no verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sympy import MatAdd, MatMul

from derive.cell import Cell, Equation
from derive.errors import Place
from derive.nodes import Concat, Node, Quantity, children, leaves
from derive.reader.document.reading import odd
from verify.notes.audited import Audited
from verify.notes.models import Model


@dataclass(frozen=True)
class Note:
    """A remark on a model: `rule` is its kind, such as `never-read`."""

    rule: str
    text: str
    place: Place

    def to_json(self) -> dict[str, Any]:
        """The kind, the words and the place."""
        place = {"file": self.place.file, "line": self.place.line, "column": self.place.column}
        return {"rule": self.rule, "text": self.text, "place": place}


RULES = {
    "never-read": "A quantity is computed and nothing reads it.",
    "copy": "The output only copies another quantity.",
    "no-recurrence": "Nothing of the step before is used.",
    "never-defined": "A letter is used at every step and nothing defines it.",
    "two-biases": "Two biases are added to each other.",
    "shape": "A declaration contradicts the equations.",
    "unused-ignore": "A comment says to ignore what is not there.",
}
"""The kinds of notes."""


def notes(model: Model) -> Iterator[Note]:
    """The notes on a model that the note itself writes; none where a hole leaves open what is read."""
    for text, place in model.unusable:
        yield Note("shape", text, place)
    if model.holes or model.recognised:
        return
    cell = model.cell
    for rule, text, at in odd(cell):
        if at is not None and rule != "copy":
            yield Note(rule, text, at)
    for quantity in undefined(cell):
        reader = next((e for e in cell.equations if quantity in leaves(e.expression) and e.place is not None), None)
        if reader is not None and reader.place is not None:
            yield Note("never-defined", f"{quantity.name} is used and never defined", reader.place)
    for equation in cell.equations:
        yield from _biases(equation, cell)


def unused(audited: Audited) -> Iterator[Note]:
    """A note where a formula's comment says to ignore something and nothing of it was found."""
    names = audited.formula.ignored
    if names and not any(judgement.ignored for judgement in audited.judgements):
        yield Note("unused-ignore", f"nothing here is ignored: {', '.join(names)}", audited.formula.place)


def undefined(cell: Cell) -> list[Quantity]:
    """The inputs that no weight acts on, beside one that is acted on: perhaps gates whose equations are missing."""
    acted = {q for q in cell.inputs if any(_acts_on(e.expression, q) for e in cell.equations)}
    given = [q for q in cell.inputs if q.time is not None and q not in cell.targets]
    return [q for q in given if acted and q not in acted]


def _acts_on(node: Node, quantity: Quantity) -> bool:
    multiplied = isinstance(node, MatMul) and quantity in node.args[1:]
    joined = isinstance(node, Concat) and quantity in node.parts  # v_t = [h_{t-1}; x_t], which weights act on elsewhere
    return multiplied or joined or any(_acts_on(child, quantity) for child in children(node))


def _biases(equation: Equation, cell: Cell) -> Iterator[Note]:
    if equation.place is None:
        return

    def visit(node: Node) -> Iterator[Note]:
        if isinstance(node, MatAdd):
            terms = [part for part in node.args if isinstance(part, Quantity) and part in cell.parameters]
            biases = [part.name for part in terms if part.shape[1] == 1]
            twice = [part for part in node.args if isinstance(part, MatMul) and part.args[0] == 2]
            biases += [q.name for part in twice for q in part.args[1:] if q in cell.parameters for _ in range(2)]
            if len(biases) > 1 and equation.place is not None:
                names = " and ".join(dict.fromkeys(biases))
                added = f"{names} is added twice" if len(set(biases)) == 1 else f"{names} are added: one bias would do"
                yield Note("two-biases", f"{added} in {equation.symbol.name}", equation.place)
        for child in children(node):
            yield from visit(child)

    yield from visit(equation.expression)
