"""What a mistake may draw on: the true forms of the left side, their terms and factors, and the cell's slopes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from sympy import Expr, HadamardProduct, MatAdd, MatMul, OneMatrix, Rational, Transpose
from sympy.matrices.expressions.diagonal import DiagMatrix

from derive.calculus.adjoint import slope
from derive.calculus.derivation import Derivation
from derive.nodes import (
    Adjoint,
    Elementwise,
    Node,
    Quantity,
    TimeSum,
    children,
    coefficient,
    substitute,
    t,
)
from verify.mistakes.forms import Term, forms_of, terms_of
from verify.truth.scales import quantities_of


@dataclass(frozen=True)
class Slope:
    """A function at a place of the cell: its argument, its value (by name where it has one), its slope there."""

    call: Elementwise
    argument: Node
    value: Node
    slope: Node

    def at(self, time: Expr) -> Slope:
        """The same at another time."""
        return Slope(*(part.xreplace({t: time}) for part in (self.call, self.argument, self.value, self.slope)))


@dataclass(frozen=True, eq=False)
class Context:
    """The derivation and the left side that a formula is meant to equal."""

    derivation: Derivation
    left: Node
    _at: dict[Expr, tuple[Slope, ...]] = field(default_factory=dict, repr=False)
    _completed: dict[Any, dict[Node, list[Node]]] = field(default_factory=dict, repr=False)

    @cached_property
    def forms(self) -> tuple[Node, ...]:
        """True right sides, the derivation's own first, then with the gradients of a step inserted."""
        return forms_of(self.left, self.derivation)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The terms that the left side is a sum of: whole paths first, then parts of paths."""
        return terms_of(self.left, self.derivation)

    @cached_property
    def slopes(self) -> tuple[Slope, ...]:
        """Every function of one argument in the cell's equations, at t."""
        found: dict[Node, Slope] = {}
        for equation in self.derivation.program.equations:
            for node in walk(equation.expression):
                if isinstance(node, Elementwise) and len(node.operands) == 1 and node not in found:
                    value = equation.symbol if node == equation.expression else node
                    found[node] = Slope(node, node.operands[0], value, slope(node, 0, value))
        return tuple(found.values())

    def slopes_in(self, node: Node) -> Iterator[Slope]:
        """The cell's functions at the times that a formula names; where it names none, at those of the left side."""
        for time in times(node) or times(self.left):
            if time not in self._at:
                self._at[time] = tuple(fact.at(time) for fact in self.slopes)
            yield from self._at[time]

    def alike(self, quantity: Quantity) -> Iterator[Quantity]:
        """The other quantities of the same shape and kind (with or without a time), at the same time."""
        for other in self.derivation.program.quantities.values():
            same_kind = (other.time is None) == (quantity.time is None)
            if other.name != quantity.name and other.shape == quantity.shape and same_kind:
                yield other if quantity.time is None else other.at(quantity.time)

    @cached_property
    def reading(self) -> dict[str, set[str]]:
        """What each quantity depends on, through any steps."""
        found: dict[str, set[str]] = {name: set() for name in self.derivation.program.quantities}
        equations = (*self.derivation.cell.equations, *self.derivation.program.equations)
        for equation in equations:
            used = {q.name for q in equation.expression.atoms(Quantity)}
            found.setdefault(equation.symbol.name, set()).update(used)
        for middle in found:
            for read in found.values():
                read |= found[middle] if middle in read else set()
        return found

    @cached_property
    def sums(self) -> tuple[Node, ...]:
        """Sums that stand inside products of the true forms, such as 1 - z_t."""
        return _collected(self.forms, lambda node: [node] if isinstance(node, MatAdd) else [])

    def completed(self, node: Node, shortened: Callable[[Node, Context], Iterable[Node]]) -> Iterator[Node]:
        """The sums that a node is one of the shorter forms of."""
        if shortened not in self._completed:
            found = self._completed[shortened] = {}
            for total in self.sums:
                for rest in dict.fromkeys(shortened(total, self)):
                    if rest != total:
                        found.setdefault(rest, []).append(total)
        yield from self._completed[shortened].get(node, ())

    @cached_property
    def numbers(self) -> tuple[Expr, ...]:
        """The numbers in front of what the true forms are made of, but for the usual ones."""
        found = (abs(coefficient(node)[0]) for form in self.forms for node in walk(form))
        return tuple(dict.fromkeys(number for number in found if number not in (1, 2, Rational(1, 2))))

    @cached_property
    def factors(self) -> tuple[Node, ...]:
        """What multiplies in the true forms: elementwise factors, diagonal matrices, matrices and their transposes."""

        def factors(node: Node) -> tuple[Node, ...]:
            if isinstance(node, HadamardProduct):
                return tuple(node.args)
            if isinstance(node, MatAdd):  # multiplied out, the terms of 1 - z_t are factors
                bases = tuple(coefficient(term)[1] for term in node.args)
                return tuple(base for base in bases if not base.atoms(Adjoint))
            if isinstance(node, DiagMatrix):
                return (node, node.args[0], *elementwise_factors(node.args[0]))
            if isinstance(node, MatMul):
                return tuple(part for part in node.args if part.is_Matrix)
            return ()

        return _collected(self.forms, factors)


_KEPT: dict[tuple[int, Node], Context] = {}
"""The last contexts, by the identity of the derivation: to compare derivations takes longer than a diagnosis."""


def context_of(derivation: Derivation, left: Node) -> Context:
    """The context of a left side, kept: a note makes many claims about one quantity."""
    key = id(derivation), left
    found = _KEPT.get(key)
    if found is None or found.derivation is not derivation:
        while len(_KEPT) >= 64:
            _KEPT.pop(next(iter(_KEPT)))
        found = _KEPT[key] = Context(derivation, left)
    return found


def elementwise_factors(node: Node) -> tuple[Node, ...]:
    """The factors of an elementwise product; any other node is its only factor."""
    return tuple(node.args) if isinstance(node, HadamardProduct) else (node,)


def times(node: Node) -> tuple[Expr, ...]:
    """The times that a formula names, in order of appearance."""
    found: dict[Expr, None] = {}
    for part in walk(node):
        for quantity in quantities_of(part):
            if quantity.time is not None:
                found[quantity.time] = None
    return tuple(found)


def names_in(node: Node) -> frozenset[str]:
    """The names of all quantities in a formula, those of its gradients and Jacobians too."""
    return frozenset(quantity.name for part in walk(node) for quantity in quantities_of(part))


def walk(node: Node) -> Iterator[Node]:
    """A node and all nodes below it, outermost first."""
    yield node
    for child in children(node):
        yield from walk(child)


def _collected(forms: Iterable[Node], wanted: Callable[[Node], Iterable[Node]]) -> tuple[Node, ...]:
    found: dict[Node, None] = {}
    for form in forms:
        for node in walk(form):
            for part in wanted(node):
                if not isinstance(part, OneMatrix | TimeSum):
                    found[part] = None
    return tuple(found)


def replaced(node: Node, part: Node, by: Node) -> Node:
    """The formula with every occurrence of a part exchanged."""
    return substitute(node, lambda found: by if found == part else None)


def untransposed(node: Node) -> Node:
    """The node under a transpose."""
    return cast(Node, node.arg) if isinstance(node, Transpose) else node
