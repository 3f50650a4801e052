"""Mistakes in the slope of a function: forgotten, taken at the wrong place, or that of another function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from derive import functions
from derive.calculus.adjoint import as_node, pullback
from derive.calculus.derivation import Derivation
from derive.cell import Equation
from derive.nodes import Adjoint, Elementwise, Node, Quantity, add, apply, hadamard, ones, scale, shift, t
from derive.targets.formula import text
from verify.code.mistakes.local import PART, TERM, Edit, edited, parts, swap
from verify.code.mistakes.registry import Variation, kind
from verify.formulas.judgement import Mistake

Slope = Callable[[Elementwise, Node], Node | None]
"""The mistaken slope of a function, given its place and a name for its value; None where there is none."""


def _forgotten(node: Elementwise, output: Node) -> Node | None:
    return ones(*node.shape)


def _activated(node: Elementwise, output: Node) -> Node | None:
    value = apply(node.function, output)
    return _slope(node, output, value)


def _at_argument(node: Elementwise, output: Node) -> Node | None:
    expression = functions.slope(node.function, 0)
    return _slope(node, node.operands[0], node.operands[0]) if expression.has(functions.y) else None


def _of_other(node: Elementwise, output: Node) -> Node | None:
    name = {"tanh": "sigmoid", "sigmoid": "tanh"}.get(node.function.name)
    other = functions.function(name) if name else None
    return as_node(functions.slope(other, 0), {functions.a: node.operands[0], functions.y: output}) if other else None


def _not_squared(node: Elementwise, output: Node) -> Node | None:
    return add(ones(*node.shape), scale(-1, output)) if node.function.name in ("tanh", "sigmoid") else None


def _value_alone(node: Elementwise, output: Node) -> Node | None:
    return output if node.function.name in ("tanh", "sigmoid") else None


def _slope(node: Elementwise, argument: Node, value: Node) -> Node:
    known = {functions.a: argument, functions.y: value}
    return as_node(functions.slope(node.function, 0), known)


SLOPES: Sequence[tuple[str, str, Slope]] = (
    ("slope forgotten", "", _forgotten),
    ("slope at the activated value", "", _activated),
    ("slope at the argument", "", _at_argument),
    ("slope of another function", "", _of_other),
    ("wrong slope", "1 - y for the slope: ", _not_squared),
    ("wrong slope", "y for the slope: ", _value_alone),
)
"""The name of each, what its detail begins with, and the slope."""


@kind("slope")
def slopes(derivation: Derivation) -> Iterator[Variation]:
    """Each function by itself, all calls of one function, and all functions."""
    places = [
        (equation, node)
        for equation in derivation.program.equations
        for node in parts(equation.expression, Elementwise)
        if len(node.operands) == 1
    ]
    for name, first, wrong in SLOPES:
        usable = [(equation, node) for equation, node in places if wrong(node, _value(equation, node)) is not None]
        groups: list[tuple[str, Sequence[tuple[Equation, Elementwise]]]] = []
        called = sorted({node.function.name for _, node in usable})
        if len(called) > 1:
            groups.append(("all functions", usable))
        for function in called:
            calls = [place for place in usable if place[1].function.name == function]
            if len(calls) > 1:
                groups.append((f"all calls of {function}", calls))
        groups += [(f"{text(node)} in {text(equation.symbol)}", [(equation, node)]) for equation, node in usable]
        for words, group in groups:
            edits: dict[tuple[str, Quantity | None], Edit] = {}
            for equation in dict.fromkeys(equation for equation, _ in group):
                edits |= _rewritten(equation, {node for e, node in group if e is equation}, wrong, derivation)
            if edits:
                yield Variation(Mistake(name, first + words), edited(edits), TERM)


def _value(equation: Equation, node: Elementwise) -> Node:
    return equation.symbol if equation.expression == node else node


def _rewritten(
    equation: Equation, wrong_at: set[Elementwise], wrong: Slope, derivation: Derivation
) -> dict[tuple[str, Quantity | None], Edit]:
    """The terms of all paths through an equation, with the wrong slope in some places."""
    found: dict[Quantity, list[Node]] = {}

    def visit(node: Node, gradient: Node, output: Node) -> None:
        if isinstance(node, Quantity):
            found.setdefault(node, []).append(gradient)
            return
        for pull in pullback(node, gradient, output):
            reaching = pull.gradient
            if isinstance(node, Elementwise) and node in wrong_at:
                slope = wrong(node, output)
                assert slope is not None
                reaching = hadamard(gradient, slope)
            visit(pull.operand, reaching, pull.operand)

    visit(equation.expression, Adjoint(equation.symbol), equation.symbol)
    edits: dict[tuple[str, Quantity | None], Edit] = {}
    for quantity, terms in found.items():
        if quantity.name not in derivation.by_name:
            continue  # data that a loss compares with
        term, via = add(*terms), equation.symbol
        if quantity.time == t - 1:
            term, via = shift(term, 1), via.at(t + 1)
        before = next((p.term for p in derivation.by_name[quantity.name].paths if p.via == via), None)
        if before is not None and before != term:
            edits[quantity.name, via] = lambda _, term=term: term  # type: ignore[misc]
    return edits


@kind("function forgotten")
def unapplied(derivation: Derivation) -> Iterator[Variation]:
    """A term that has the argument of a function where its value belongs: c_t for tanh(c_t)."""
    for gradient in derivation.gradients:
        for path in gradient.paths:
            for part in parts(path.term, Elementwise):
                if len(part.operands) == 1 and isinstance(part.operands[0], Quantity):
                    words = f"{text(path.term)} in {text(Adjoint(gradient.of))}"
                    detail = f"{text(part.operands[0])} in place of {text(part)}: {words}"
                    edits: dict[tuple[str, Quantity | None], Edit] = {
                        (gradient.of.name, path.via): swap(part, part.operands[0])
                    }
                    yield Variation(Mistake("function forgotten", detail), edited(edits), PART)
