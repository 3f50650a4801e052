"""A forward pass that is not the cell's: with the backward pass of the cell, or with its own; and gates read in
another order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
from sympy import MatAdd

from derive import functions
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.cell import Cell, Equation
from derive.nodes import Adjoint, Elementwise, Node, Quantity, add, apply, ones, scale, substitute, t
from derive.targets.formula import text
from verify.code.mistakes.local import PART, Edit, edited, parts, swap
from verify.code.mistakes.registry import Change, Variation, kind, permuted
from verify.formulas.judgement import Mistake
from verify.numbers.case import Array, Arrays

CELL = 0
"""Rank: the cell is changed before its terms."""

MOST_GATES = 4
"""Of so many stacked gates every order is tried, of more only exchanges of two."""

INSTEAD: Mapping[str, tuple[str, ...]] = {
    "tanh": ("identity", "sigmoid", "relu"),
    "sigmoid": ("identity", "tanh"),
    "relu": ("identity", "tanh"),
}
"""Functions that stand in for others."""

Rewriting = Callable[[tuple[Equation, ...]], tuple[Equation, ...]]


@kind("another forward pass")
def standard_backward(derivation: Derivation) -> Iterator[Variation]:
    """The values of another cell with the formulas of this one."""
    for detail, rewrite in rewritings(derivation.program):

        def change(before: Derivation, rewrite: Rewriting = rewrite) -> Derivation:
            program = replace(before.program, equations=rewrite(before.program.equations))
            return replace(before, program=program)

        yield Variation(Mistake("another forward pass", f"{detail}; the backward pass is the cell's"), change, CELL)


@kind("another cell")
def own_backward(derivation: Derivation) -> Iterator[Variation]:
    """Another cell altogether, whose gradients are right for it."""
    for detail, rewrite in rewritings(derivation.cell):
        yield Variation(Mistake("another cell", f"{detail}; the gradients are right for that"), _other(rewrite), CELL)


def _other(rewrite: Rewriting) -> Change:
    known: dict[Cell, Derivation] = {}

    def change(before: Derivation) -> Derivation:
        if before.cell not in known:
            cell = replace(before.cell, equations=rewrite(before.cell.equations))
            known[before.cell] = differentiate(cell)
        return known[before.cell]

    return change


def rewritings(cell: Cell) -> Iterator[tuple[str, Rewriting]]:
    """Forward passes that differ from the cell's in one point, in words and as a change of the equations."""
    for equation in cell.equations:
        for node in parts(equation.expression, Elementwise):
            for name in INSTEAD.get(node.function.name, ()):
                function = functions.function(name)
                assert function is not None
                other = node.operands[0] if name == "identity" else apply(function, *node.operands)
                expression = _put(equation.expression, node, other)
                yield f"{text(equation.symbol)} = {text(expression)}", _assign(equation.symbol, expression)
        for total in parts(equation.expression, MatAdd):
            for term in total.args:
                if isinstance(term, Quantity) and term.time is None and len(total.args) > 1:
                    rest = add(*(other for other in total.args if other != term))
                    expression = _put(equation.expression, total, rest)
                    yield f"{text(equation.symbol)} lacks {text(term)}", _assign(equation.symbol, expression)
    gates = [e.symbol for e in cell.equations if parts(e.expression, Elementwise) and _is_gate(e.expression)]
    for gate in gates:
        yield (
            f"{text(gate)} and 1 - {text(gate)} exchanged",
            _use(gate, add(ones(*gate.shape), scale(-1, gate))),
        )
    for gate in gates:
        for other in gates:
            if gate != other and gate.shape == other.shape:
                words = f"{text(gate)} = 1 - {text(other)}"
                yield words, _use(gate, add(ones(*gate.shape), scale(-1, other)))


def _is_gate(expression: Node) -> bool:
    return isinstance(expression, Elementwise) and expression.function.name == "sigmoid"


def _assign(symbol: Quantity, expression: Node) -> Rewriting:
    def rewrite(equations: tuple[Equation, ...]) -> tuple[Equation, ...]:
        return tuple(replace(e, expression=expression) if e.symbol == symbol else e for e in equations)

    return rewrite


def _use(symbol: Quantity, other: Node) -> Rewriting:
    """Every use of a quantity replaced; what is replaced by another gate must stand after that gate."""

    def rewrite(equations: tuple[Equation, ...]) -> tuple[Equation, ...]:
        return tuple(
            e if _is_gate(e.expression) else replace(e, expression=_put(e.expression, symbol, other)) for e in equations
        )

    return rewrite


def _put(expression: Node, part: Node, other: Node) -> Node:
    return substitute(expression, lambda node: other if node == part else None)


# Parameters read in another order or transposed


def families(cell: Cell) -> tuple[list[str], list[str]]:
    """The prefixes and gate letters of parameters such as W_i, U_i, b_i: families that have the same letters."""
    letters: dict[str, list[str]] = defaultdict(list)
    for parameter in cell.parameters:
        prefix, _, letter = parameter.name.partition("_")
        if letter:
            letters[prefix].append(letter)
    most = max(letters.values(), key=len, default=[])
    prefixes = [prefix for prefix, found in letters.items() if set(found) == set(most)]
    shapes = {p.name: p.shape for p in cell.parameters}
    prefixes = [p for p in prefixes if len({shapes[f"{p}_{letter}"] for letter in most}) == 1]
    return prefixes, most if prefixes else []


def orders(letters: list[str]) -> Iterator[tuple[str, ...]]:
    """The other orders of stacked gates."""
    if len(letters) <= MOST_GATES:
        yield from (order for order in permutations(letters) if list(order) != letters)
        return
    for a, b in combinations(range(len(letters)), 2):
        order = list(letters)
        order[a], order[b] = order[b], order[a]
        yield tuple(order)


@kind("gates in another order")
def gate_order(derivation: Derivation) -> Iterator[Variation]:
    """The whole program takes the blocks for other gates: right, but for another layout."""
    prefixes, letters = families(derivation.cell)
    for order in orders(letters):
        pairs = [(f"{prefix}_{a}", f"{prefix}_{b}") for prefix in prefixes for a, b in zip(letters, order, strict=True)]
        there, back = dict(pairs), {b: a for a, b in pairs}
        detail = f"the blocks given for {', '.join(letters)} are taken for {', '.join(order)}"
        yield _reordered(Mistake("gates in another order", detail), permuted(back), permuted(there))


def _reordered(
    mistake: Mistake,
    given: Callable[[Mapping[str, Array]], dict[str, Array]],
    returned: Callable[[Arrays], Arrays],
) -> Variation:
    return Variation(
        mistake, given=lambda case: replace(case, given=given(case.given)), returned=returned, renames=True
    )


@kind("stack in another order")
def stack_order(derivation: Derivation) -> Iterator[Variation]:
    """The backward pass puts the gates together in another order than the forward pass takes them apart."""
    prefixes, letters = families(derivation.cell)
    nets = {letter: _net(derivation, [f"{prefix}_{letter}" for prefix in prefixes]) for letter in letters}
    if not prefixes or not all(nets.values()) or len(set(nets.values())) < len(letters):
        return
    for order in orders(letters):
        swapped = {nets[a]: nets[b] for a, b in zip(letters, order, strict=True)}
        pairs = [(f"{prefix}_{a}", f"{prefix}_{b}") for prefix in prefixes for a, b in zip(letters, order, strict=True)]
        there, back = dict(pairs), {b: a for a, b in pairs}
        given, taken = ", ".join(letters), ", ".join(order)
        detail = f"the gradients of the gates are stacked as {taken} instead of {given}"
        change = _readers(swapped)
        yield Variation(Mistake("stack in another order", detail), change, PART, renames=True)
        inverse = _readers({b: a for a, b in swapped.items()})
        split = _reordered(Mistake("", ""), permuted(back), permuted(there))
        detail = f"the forward pass takes the blocks {given} for {taken}, the backward pass does not"
        yield replace(split, mistake=Mistake("stack in another order", detail), change=inverse, rank=PART)


def _net(derivation: Derivation, parameters: list[str]) -> Quantity | None:
    """The pre-activation in which all these parameters stand."""
    found = {path.via for name in parameters for path in derivation.by_name[name].paths}
    return found.pop() if len(found) == 1 else None


def _readers(swapped: Mapping[Quantity | None, Quantity | None]) -> Change:
    """What leaves the step (dW, db, dx, dh) reads the gradient of another pre-activation; within it, all is right."""

    def change(derivation: Derivation) -> Derivation:
        edits: dict[tuple[str, Quantity | None], Edit] = {}
        given = {*derivation.program.inputs, *derivation.program.parameters}
        for gradient in derivation.gradients:
            for path in gradient.paths:
                if gradient.of not in given and not path.crosses_time:
                    continue
                here = None if path.via is None else path.via.at(t)
                other = swapped.get(here)
                if other is not None and path.via is not None and other != here:
                    before, after = Adjoint(path.via), Adjoint(other.at(path.via.time))
                    edits[gradient.of.name, path.via] = swap(before, after)
        return edited(edits)(derivation)

    return change


@kind("weights the other way round")
def the_other_way(derivation: Derivation) -> Iterator[Variation]:
    """Square matrices taken for their transposes: h @ U where U h is meant."""
    square = [p.name for p in derivation.cell.parameters if p.shape[0] == p.shape[1] and p.shape[1] != 1]
    groups = [[name] for name in square] + ([square] if len(square) > 1 else [])
    for names in groups:

        def turned(arrays: Mapping[str, Array], names: list[str] = names) -> dict[str, Array]:
            return {n: np.swapaxes(a, -1, -2) if n in names else a for n, a in arrays.items()}

        detail = f"{', '.join(names)} acts as its transpose: h @ U where U h is meant, or the reverse"
        yield _reordered(Mistake("weights the other way round", detail), turned, turned)
