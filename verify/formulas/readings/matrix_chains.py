"""∂J/∂S ∂S/∂v with a matrix S: what reaches v through the equation of S, entry by entry, as matrices have no row."""

from __future__ import annotations

from collections.abc import Sequence

from derive import nodes
from derive.calculus.adjoint import arrivals
from derive.cell import Cell
from derive.errors import DerivationError, OpenQuestionError
from derive.nodes import Adjoint, Node, Quantity
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Term
from verify.formulas.readings.conventions import MisfitError


def through_matrices(program: Cell, factors: Sequence[Term]) -> tuple[Node, list[Term]] | None:
    """The gradient that comes through the matrices at the head of a product, and the other factors; None without any.

    Raises MisfitError where the equation of a matrix does not read what it is differentiated by.
    """
    first, *rest = factors
    if not isinstance(first, tree.Gradient) or first.by.at or first.by.columns is not None:
        return None
    at = _quantity(program, first.by)
    node: Node = Adjoint(at, first.immediate, first.only)
    start = len(rest)
    while 1 not in at.shape and rest and isinstance(rest[0], tree.Derivative):
        said = rest[0]
        if said.stacking:
            break
        if _quantity(program, said.of) != at or said.of.at or said.by.at or said.by.columns is not None:
            break
        at, node = _through(program, at, node, _quantity(program, said.by))
        rest = rest[1:]
    return None if len(rest) == start else (node, rest)


def _through(program: Cell, via: Quantity, gradient: Node, by: Quantity) -> tuple[Quantity, Node]:
    equation = next((e for e in program.equations if e.symbol.name == via.name), None)
    if equation is None or via.time is None:
        raise OpenQuestionError(f"the derivative of the matrix {via.name}")
    try:
        found = list(arrivals(equation.expression.xreplace({nodes.t: via.time}), gradient, via))
    except DerivationError as error:
        raise OpenQuestionError(error.message) from error
    reaching = [one.gradient for one in found if one.quantity == by]
    if not reaching:
        raise MisfitError(f"the equation of {via.name} does not read {by.name}")
    return by, nodes.add(*reaching)


def _quantity(program: Cell, value: tree.Ref) -> Quantity:
    found = program.quantities[value.name]
    return found if value.time is None else found.at(value.time)
