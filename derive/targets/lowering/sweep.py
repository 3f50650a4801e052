"""The derivation cut into what code computes: for each quantity its gradient within the step, the carry that comes
from the next step, and what it passes back to the step before."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property

from sympy import ZeroMatrix

from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.nodes import (
    Adjoint,
    Node,
    Quantity,
    TimeSum,
    add,
    shift,
    substitute,
    t,
)
from derive.targets.formula import text
from derive.targets.lowering.frame import occurring
from derive.targets.lowering.stable import stable


@dataclass(frozen=True)
class Sweep:
    """A derivation as expressions in the values and gradients of one step."""

    derivation: Derivation

    @property
    def program(self) -> Cell:
        return self.derivation.program

    @property
    def immediate(self) -> str:
        """The variable that holds what J asks of the output itself."""
        return "d_losses" if self.program.is_loss else "d_y"

    @cached_property
    def forward(self) -> dict[Quantity, Node]:
        """The equations, in their stable form."""
        return {symbol: stable(expression, self._definitions) for symbol, expression in self._definitions.items()}

    @cached_property
    def _definitions(self) -> dict[Quantity, Node]:
        return {e.symbol: e.expression for e in self.program.equations}

    @cached_property
    def carries(self) -> dict[Quantity, Quantity]:
        """For each state, the gradient that reaches it from the next step."""
        return {s: Quantity(f"next {s.name}", s.shape[0], s.shape[1], t) for s in self.program.states}

    @cached_property
    def idle(self) -> frozenset[Quantity]:
        """Assigned quantities that J does not depend on: their gradient is zero, and they pass none on."""
        found: set[Quantity] = set()
        for gradient in self.derivation.gradients:  # in reverse order: what reads a quantity comes before it
            quantity = gradient.of
            candidate = quantity in self.forward and quantity not in self.carries
            if candidate and isinstance(without(gradient.value, found), ZeroMatrix):
                found.add(quantity)
        return frozenset(found)

    def lowered(self, gradient: Node) -> Node:
        """A gradient as code computes it: nothing comes from `idle` quantities, exponentials stay in their range."""
        return stable(without(gradient, self.idle), self._definitions)

    @cached_property
    def backward(self) -> dict[Quantity, Node]:
        """Gradients of the assigned quantities in reverse order; those that J does not depend on are left out."""
        found: dict[Quantity, Node] = {}
        for gradient in self.derivation.gradients:
            quantity = gradient.of
            if quantity in self.carries:
                local = [path.term for path in gradient.paths if not path.crosses_time]
                found[quantity] = self.lowered(add(*local, self.carries[quantity]))
            elif quantity in self.forward and quantity not in self.idle:
                found[quantity] = self.lowered(gradient.value)
        return found

    @cached_property
    def to_previous(self) -> dict[Quantity, Node]:
        """What each state of the step before receives through this step."""
        found: dict[Quantity, Node] = {}
        for state in self.program.states:
            crossing = [path.term for path in self.derivation.by_name[state.name].paths if path.crosses_time]
            terms = [shift(term, -1) for term in crossing]
            found[state] = self.lowered(add(*terms)) if terms else ZeroMatrix(*state.shape)
        return found

    @cached_property
    def to_given(self) -> dict[Quantity, Node]:
        """One step's share of the gradients of inputs and parameters."""
        given = [q for q in (*self.program.inputs, *self.program.parameters) if q not in self.program.targets]
        values = {q: self.derivation.by_name[q.name].value for q in given}
        shares = {q: value.term if isinstance(value, TimeSum) else value for q, value in values.items()}
        return {q: self.lowered(share) for q, share in shares.items()}

    @cached_property
    def needed(self) -> frozenset[Quantity]:
        """The assigned quantities whose gradients are read by what is returned."""
        seen: set[Quantity] = set()
        waiting = [*self.to_previous.values(), *self.to_given.values()]
        while waiting:  # a chain of equations is longer than Python lets calls be nested
            for part in waiting.pop().atoms(Adjoint):
                if not part.immediate and part.quantity not in seen:
                    seen.add(part.quantity)
                    waiting += [self.backward[part.quantity]] if part.quantity in self.backward else []
        return frozenset(seen)

    @cached_property
    def read_back(self) -> frozenset[Node]:
        """Every expression that the backward pass reads."""
        wanted = [node for quantity, node in self.backward.items() if quantity in self.needed]
        return frozenset(occurring([*wanted, *self.to_previous.values(), *self.to_given.values()]))

    def equation(self, quantity: Quantity) -> str:
        """The formula of an assignment, as text."""
        definition = next(e.expression for e in self.program.equations if e.symbol == quantity)
        return f"{text(quantity)} = {text(definition)}"

    def gradient(self, quantity: Quantity) -> str:
        """The formula of a gradient, as text."""
        return f"{text(Adjoint(quantity))} = {text(self.derivation.by_name[quantity.name].value)}"

    def passed_back(self, state: Quantity) -> str:
        """The formula of what a state of the step before receives, as text."""
        return f"to {text(state.at(t - 1))} through this step: {text(self.to_previous[state])}"

    def share(self, quantity: Quantity) -> str:
        """The formula of one step's share of a gradient, as text."""
        return f"this step's share of {text(Adjoint(quantity))}: {text(self.to_given[quantity])}"


def without(node: Node, idle: Set[Quantity]) -> Node:
    """The expression where the gradients of `idle` quantities are zero."""
    if not any(part.quantity in idle for part in node.atoms(Adjoint)):
        return node

    def zero(part: Node) -> Node | None:
        return ZeroMatrix(*part.shape) if isinstance(part, Adjoint) and part.quantity in idle else None

    return substitute(node, zero)
