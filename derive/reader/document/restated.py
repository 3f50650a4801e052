"""Equations that a note displays twice: the same ones are kept once, in the form that names more steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Basic, HadamardProduct, MatAdd

from derive.cell import Equation
from derive.errors import InputError
from derive.functions import ScalarFunction
from derive.nodes import Elementwise, Node, Quantity, leaves, substitute
from derive.reader.questions.guesses import Guess


def without_restatements(equations: Sequence[Equation], guesses: list[Guess] | None = None) -> list[Equation]:
    """Each symbol once; raises InputError where two equations for it differ, unless they are sides of one chain.

    The second value of `p = 1 - g = σ(-a)` is the first one rewritten; whether it is the same is not asked here.
    """
    versions: dict[str, list[Equation]] = {}
    for equation in equations:
        versions.setdefault(equation.symbol.name, []).append(equation)
    versions = {name: _defining(same) for name, same in versions.items()}
    if all(len(same) == 1 for same in versions.values()):
        return [equation for equation in equations if equation in versions[equation.symbol.name]]
    assigned = {equation.symbol for equation in equations}
    kept: dict[str, Equation] = {
        name: max(same, key=lambda e: sum(leaf in assigned for leaf in leaves(e.expression)))
        for name, same in versions.items()
    }
    for name, same in versions.items():
        first = canonical(_expanded(same[0].expression, kept, {name}))
        for other in same[1:]:
            if canonical(_expanded(other.expression, kept, {name})) != first:
                before = same[0].place
                if before and other.place and (before.line, before.column) == (other.place.line, other.place.column):
                    kept[name] = same[0]
                    if guesses is not None:
                        guesses.append(
                            Guess(f"{name} is the first value of its chain", "it is a later one",
                                  "they are taken to be equal", other.place)
                        )  # fmt: skip
                    continue
                raise InputError(
                    f"{name} is assigned twice, differently" + (f": first at {before}" if before else ""), other.place,
                    "give the second value a name of its own",
                )  # fmt: skip
    return [equation for equation in equations if kept[equation.symbol.name] is equation]


def _defining(values: list[Equation]) -> list[Equation]:
    """The values of a chain without f(h_t) of an f that nothing else is said of: the next one says what that is."""
    if len({value.place and (value.place.line, value.place.column) for value in values}) > 1:
        return values
    used = [value.expression.atoms(ScalarFunction) for value in values]
    known = [
        value
        for number, value in enumerate(values)
        if not _names_a_function(value.expression, set().union(*used[:number], *used[number + 1 :]))
    ]
    return known or values


def _names_a_function(value: Node, others: set[Basic]) -> bool:
    """Whether this is f(h_t) of a function of which nothing is known, and that is not among the others."""
    if not isinstance(value, Elementwise) or value.function.specified or value.function in others:
        return False
    return all(isinstance(operand, Quantity) for operand in value.operands)


def _expanded(node: Node, kept: dict[str, Equation], within: set[str]) -> Node:
    """The node with everything assigned in the same step put in; what stands inside itself is left alone."""

    def put_in(part: Node) -> Node | None:
        if isinstance(part, Quantity) and part.name in kept and part.name not in within:
            equation = kept[part.name]
            if part == equation.symbol:
                return _expanded(equation.expression, kept, within | {part.name})
        return None

    return substitute(node, put_in)


def canonical(node: Basic) -> Any:
    """A value that is equal for sums and elementwise products in another order."""
    if not node.args or isinstance(node, Quantity):
        return node
    parts = [canonical(part) for part in node.args]
    if isinstance(node, MatAdd | HadamardProduct):
        parts.sort(key=repr)
    return (type(node).__name__, *parts)
