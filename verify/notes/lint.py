"""What looks like a slip in a note's model or comments, beside its claims: told as a note, it changes no verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import MatAdd, MatMul

from derive.cell import Cell, Equation
from derive.errors import Place
from derive.nodes import Concat, Node, Quantity, children, leaves
from derive.patterns import regex
from derive.reader.document.reading import odd
from verify.formulas.judgement import Word
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


ASKED = (
    "nothing says how a step computes {letters}, so that no formula can be held against a cell: write the "
    r"cell's equations, such as $$h_t = \tanh(W x_t + U h_{{t-1}} + b)$$, or name it: <!-- backproof: cell=rnn -->"
)
MOST_NAMED = 2
_BY = regex(
    r"\}\s*\{\s*\\partial\s*(?:\{\s*)?(?:\\(?:math(?:bf|rm)|vec|boldsymbol|bm)\s*\{?\s*)?(?P<letter>\\?[a-zA-Z]+)"
)
"""What something is differentiated by."""
_NO_VALUES = frozenset("WUVwuvb") | {"theta", "Theta"}
"""Weights and biases."""

RULES = {
    "never-read": "A quantity is computed and nothing reads it.",
    "copy": "The output only copies another quantity.",
    "no-recurrence": "Nothing of the step before is used.",
    "never-defined": "A letter is used at every step and nothing defines it.",
    "two-biases": "Two biases are added to each other.",
    "shape": "A declaration contradicts the equations.",
    "no-model": "No formula of the note could be held against a cell.",
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
    for quantity in cell.inputs:
        if quantity.time is not None and quantity not in cell.targets:
            yield from _undefined(quantity, cell)
    for equation in cell.equations:
        yield from _biases(equation, cell)


def unused(audited: Audited) -> Iterator[Note]:
    """A note where a formula's comment says to ignore something and nothing of it was found."""
    names = audited.formula.ignored
    if names and not any(judgement.ignored for judgement in audited.judgements):
        yield Note("unused-ignore", f"nothing here is ignored: {', '.join(names)}", audited.formula.place)


def without_model(found: Sequence[Audited]) -> Iterator[Note]:
    """One question for a note whose formulas no cell fits: what it must say, with the lines that say so."""
    claims = [each for each in found if any(one.word is not Word.NOT_A_CLAIM for one in each.judgements)]
    derived = [each for each in claims if _BY.search(each.formula.text)]
    if not derived or any(each.model is not None for each in claims):
        return
    letters = Counter(match["letter"].strip() for each in derived for match in _BY.finditer(each.formula.text))
    named = [f"${letter}$" for letter, _ in letters.most_common() if letter.lstrip("\\") not in _NO_VALUES][:MOST_NAMED]
    if named:
        yield Note("no-model", ASKED.format(letters=", ".join(named)), derived[0].formula.place)


def _undefined(quantity: Quantity, cell: Cell) -> Iterator[Note]:
    """An input that no weight acts on, beside one that is acted on: perhaps a gate whose equation is missing."""
    acted = {q for q in cell.inputs if any(_acts_on(e.expression, q) for e in cell.equations)}
    if quantity in acted or not acted:
        return
    for equation in cell.equations:
        if quantity in leaves(equation.expression) and equation.place is not None:
            yield Note("never-defined", f"{quantity.name} is used and never defined", equation.place)
            return


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
