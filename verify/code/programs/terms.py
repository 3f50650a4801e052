"""Terms of a derivation as functions of the adjoints: what does not depend on them is computed once, for all steps.

Hundreds of mistaken programs run over one forward pass and differ in a term or two: what they share is shared here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from sympy import HadamardProduct, MatAdd, MatMul, Transpose

from derive.nodes import Adjoint, Node, children
from verify.numbers.case import Array
from verify.numbers.oracles import Scope, interpret
from verify.truth.exact import rational

Step: TypeAlias = int | slice
"""One step, or all of them."""

Term: TypeAlias = Callable[[Step, Mapping[Node, Array]], Array]
"""The value of a term at a step from the adjoints there."""


class Terms:
    """The terms over one forward pass; `now` holds the values of all quantities, (T, B, n, m), and of constants."""

    def __init__(self, scope: Scope, now: Mapping[Node, Array]) -> None:
        self._scope, self._now = scope, now
        # By the node itself, kept beside what was made of it: comparing expressions takes longer than running them.
        self._made: dict[int, tuple[Node, Term]] = {}
        self._known: dict[int, tuple[Node, Array | None]] = {}

    def term(self, node: Node) -> Term:
        """The function for a term; raises KeyError where it reads what the forward pass does not have."""
        found = self._made.get(id(node))
        if found is None:
            found = self._made[id(node)] = (node, self._compiled(node))
        return found[1]

    def known(self, node: Node) -> Array | None:
        """The value of what holds no adjoint, None for the others."""
        found = self._known.get(id(node))
        if found is None:
            value = None if _holds_adjoint(node) else self._value(node)
            found = self._known[id(node)] = (node, value)
        return found[1]

    def _value(self, node: Node) -> Array:
        self._scope.now = self._now  # type: ignore[assignment]
        return np.asarray(interpret(node, self._scope))

    def _compiled(self, node: Node) -> Term:
        value = self.known(node)
        if value is not None:
            return _constant(value)
        if isinstance(node, Adjoint):
            return lambda step, adjoints: adjoints[node]
        if isinstance(node, MatAdd):
            return _reduced(np.add, [self.term(part) for part in node.args])
        if isinstance(node, HadamardProduct):
            return self._folded(node.args, np.multiply, 1.0)
        if isinstance(node, MatMul):
            number = 1.0
            for part in node.args:
                number *= 1.0 if part.is_Matrix else float(rational(part, self._scope.numbers))
            return self._folded([part for part in node.args if part.is_Matrix], np.matmul, number)
        if isinstance(node, Transpose):
            inner = self.term(node.arg)
            return lambda step, adjoints: np.swapaxes(inner(step, adjoints), -1, -2)
        return self._interpreted(node)

    def _folded(self, parts: Sequence[Node], operation: Any, number: float) -> Term:
        """A product, neighbours that hold no adjoint multiplied beforehand."""
        factors: list[Array | Term] = []
        for part in parts:
            value = self.known(part)
            if value is not None and factors and isinstance(factors[-1], np.ndarray):
                factors[-1] = operation(factors[-1], value)
            else:
                factors.append(self.term(part) if value is None else value)
        terms = [_constant(f) if isinstance(f, np.ndarray) else f for f in factors]
        whole = _reduced(operation, terms)
        return whole if number == 1 else lambda step, adjoints: number * whole(step, adjoints)

    def _interpreted(self, node: Node) -> Term:
        """Whatever has no rule here goes the long way."""

        def call(step: Step, adjoints: Mapping[Node, Array]) -> Array:
            self._scope.now = {q: _at(v, step) for q, v in self._now.items()} | dict(adjoints)
            return np.asarray(interpret(node, self._scope))

        return call


def _holds_adjoint(node: Node) -> bool:
    return isinstance(node, Adjoint) or any(_holds_adjoint(child) for child in children(node))


def _at(value: Array, step: Step) -> Array:
    return value[step] if value.ndim == 4 else value


def _constant(value: Array) -> Term:
    if value.ndim == 4:
        return lambda step, adjoints: value[step]
    return lambda step, adjoints: value


def _reduced(operation: Any, terms: Sequence[Term]) -> Term:
    if len(terms) == 1:
        return terms[0]
    if len(terms) == 2:
        first, second = terms
        return lambda step, adjoints: operation(first(step, adjoints), second(step, adjoints))
    return lambda step, adjoints: reduce(operation, [term(step, adjoints) for term in terms])
