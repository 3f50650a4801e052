"""Biases that a note leaves out where it writes the arguments of its functions again: σ'(W_f [h_{t-1}, x_t])."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sympy import MatAdd

from derive import nodes
from derive.cell import Cell
from derive.nodes import Node, Quantity
from derive.reader.meaning import tree
from verify.notes.audited import Audited
from verify.notes.conventions.trying import Judge, doubted, mending, parts_of, right_in, wrong_in

LEFT_OUT = "the biases are left out inside the gates"
FEWEST = 2
"""Formulas that make it a habit of the note; one alone is a slip."""


def without_biases(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What is right of the cell without its biases, if a note leaves them out several times and writes them never."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        names = {quantity.name for quantity in _biases(model.cell)}
        if not names or any(_has(each, names) for each in found if right_in(each) and each.model == model):
            continue
        other = replace(doubted(model, LEFT_OUT), cell=_bare(model.cell))
        wrong = {n: each for n, each in enumerate(result) if each.model == model and wrong_in(each)}
        tried = {n: judge(each.formula, other) for n, each in wrong.items() if _writes_arguments(each)}
        if sum(map(right_in, tried.values())) >= FEWEST:
            result = mending(result, tried)
    return result


def _biases(cell: Cell) -> set[Quantity]:
    """The parameters that stand alone in a sum."""
    sums = (part for each in cell.equations for part in each.expression.atoms(MatAdd))
    terms = (term for one in sums for term in one.args if isinstance(term, Quantity))
    return {term for term in terms if term in cell.parameters and term.shape[1] == 1}


def _bare(cell: Cell) -> Cell:
    """The cell without its biases."""
    biases = _biases(cell)

    def left_out(part: Node) -> Node | None:
        if not isinstance(part, MatAdd) or biases.isdisjoint(part.args):
            return None
        kept = [nodes.substitute(term, left_out) for term in part.args if term not in biases]
        return nodes.add(*kept) if kept else None

    equations = tuple(replace(e, expression=nodes.substitute(e.expression, left_out)) for e in cell.equations)
    read = {leaf for each in equations for leaf in nodes.leaves(each.expression)}
    left = tuple(each for each in cell.parameters if each in read or each not in biases)
    return replace(cell, equations=equations, parameters=left)


def _has(audited: Audited, names: set[str]) -> bool:
    """Whether a function is written of something with a bias in it."""
    return any(isinstance(part, tree.Ref) and part.name in names for part in _arguments(audited))


def _writes_arguments(audited: Audited) -> bool:
    """Whether a function is written of a product."""
    return any(isinstance(part, tree.Multiply) for part in _arguments(audited))


def _arguments(audited: Audited) -> list[tree.Term]:
    assert audited.model is not None
    called = (part for part in parts_of(audited, audited.model) if isinstance(part, tree.Call))
    return [inner for call in called for argument in call.arguments for inner in tree.walk(argument)]
