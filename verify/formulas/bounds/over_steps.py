"""Bounds over many steps: a product of norms, and a bound on every factor raised to their number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sympy import Expr, HadamardProduct, MatMul, S

from derive.cell import Cell
from derive.nodes import (
    Adjoint,
    Concat,
    Jacobian,
    Largest,
    Node,
    Norm,
    T,
    TimeProduct,
    leaves,
    matmul,
    ones,
    substitute,
    t,
    table,
)
from verify.formulas.bounds.polynomials import Norms, each


@dataclass(frozen=True)
class Steps:
    """Something that is multiplied up over steps: the bound sought is one on `node`, at step t."""

    node: Node
    first: Expr
    last: Expr


@dataclass(frozen=True)
class OverSteps:
    """The rules for products over steps; `at_most` decides what is left of them, at a single step."""

    cell: Cell
    norms: Norms
    at_most: Callable[[Node, Node], bool]

    def shown(self, left: Node, right: Node) -> bool:
        """Whether left ≤ right follows from a bound on every step."""
        if right == ones(1, 1):
            found = self.multiplied(left)
            return found is not None and self.at_most(found.node, right)
        right = _of_numbers(right)
        if not isinstance(right, TimeProduct):
            return False
        ways = self._of_norms, self._step_by_step, self._to_a_power, self._of_blocks
        return any(way(left, right) for way in ways)

    def _of_norms(self, left: Node, right: TimeProduct) -> bool:
        """‖AB‖ ≤ ‖A‖ ‖B‖."""
        one = right.term
        if not (isinstance(left, Norm) and isinstance(one, Norm)) or left.largest or one.largest:
            return False
        inner = TimeProduct(one.operand, right.index, right.first, right.last)
        return inner.shape == left.operand.shape and self.norms.same(left.operand, inner)

    def _step_by_step(self, left: Node, right: TimeProduct) -> bool:
        """A bound on the factor of every step that has quantities of that step: ‖A_i B‖ ≤ ‖A_i‖ ‖B‖."""
        found = self.multiplied(left)
        if found is None or (found.first, found.last) != (right.first, right.last):
            return False
        above = right.term.xreplace({right.index: t})
        grows = all(map(self.norms.monotone, (found.node, above)))
        return grows and self.at_most(found.node, above)

    def _to_a_power(self, left: Node, right: TimeProduct) -> bool:
        found = self.multiplied(left)
        if found is None or not _as_many(found, right):
            return False
        if isinstance(left, TimeProduct) and found.node == left.term:  # the same at every step
            return self.norms.monotone(left.term) and self.at_most(left.term, right.term)
        above = self.at_every_step(right.term, found)
        return above is not None and self.at_most(found.node, above)

    def _of_blocks(self, left: Node, right: TimeProduct) -> bool:
        """The matrix of all states' responses, by the matrix of the bounds on its blocks at one step."""
        blocks = _table(left)
        limits = _table(right.term)
        if blocks is None or limits is None or [len(row) for row in blocks] != [len(row) for row in limits]:
            return False
        steps = self._all_states(blocks)
        if steps is None or not _as_many(steps[0][0], right):
            return False
        for row, others in zip(steps, limits, strict=True):
            for step, limit in zip(row, others, strict=True):
                most = self.at_every_step(limit, step) if limit.shape == (1, 1) else None
                if most is None or not self.at_most(step.node, most):
                    return False
        return True

    def _all_states(self, blocks: list[list[Node]]) -> list[list[Steps]] | None:
        """The norm of every block at one step, where the blocks are how each state responds to each."""
        found: list[list[Steps]] = []
        names: list[str] = []
        for row in blocks:
            if not all(isinstance(block, Jacobian) and block.stepwise and not block.immediate for block in row):
                return None
            jacobians = [block for block in row if isinstance(block, Jacobian)]
            steps = [self.multiplied(Norm(block), every=True) for block in jacobians]
            if any(step is None for step in steps) or len({block.of.name for block in jacobians}) != 1:
                return None
            names.append(jacobians[0].of.name)
            found.append([step for step in steps if step is not None])
        across = [[block.by.name for block in row if isinstance(block, Jacobian)] for row in blocks]
        spans = {(step.first, step.last) for row in found for step in row}
        whole = sorted(names) == sorted(state.name for state in self.cell.states)
        return found if whole and len(spans) == 1 and all(each == names for each in across) else None

    def multiplied(self, left: Node, every: bool = False) -> Steps | None:
        """What is multiplied up on the left; with `every` also how one of several states responds to another."""
        inner = left.operand if isinstance(left, Norm) and not left.largest else None
        if isinstance(left, TimeProduct):
            return Steps(left.term.xreplace({left.index: t}), left.first, left.last)
        if isinstance(inner, TimeProduct):
            return Steps(Norm(inner.term.xreplace({inner.index: t})), inner.first, inner.last)
        states = {state.name for state in self.cell.states}
        if not isinstance(inner, Jacobian) or not {inner.of.name, inner.by.name} <= states:
            return None
        if not every and len(states) > 1:
            return None
        if inner.of.time is None or inner.by.time is None or (inner.of.time - inner.by.time).is_Integer:
            return None
        step = Jacobian(inner.of.at(t), inner.by.at(t - 1), inner.immediate, inner.stepwise)
        return Steps(Norm(step), inner.by.time + 1, inner.of.time)

    def at_every_step(self, limit: Node, steps: Steps) -> Node | None:
        """A bound at step t that `limit` is at least: the largest among the steps, as the one at t; None for no limit.

        It must be the same at all steps, and grow with every norm in it.
        """
        fixed = substitute(limit, lambda node: ones(1, 1) if isinstance(node, Largest) else None)
        moving = fixed.atoms(Adjoint, Jacobian) or any(leaf.time is not None for leaf in leaves(fixed))
        if moving or not self.norms.monotone(limit):
            return None

        def at_one(node: Node) -> Node | None:
            among = isinstance(node, Largest) and (node.first, node.last) in ((steps.first, steps.last), (S.One, T))
            return each(node) if among else None

        found = substitute(limit, at_one)
        return None if found.atoms(Largest) else found


def _of_numbers(right: Node) -> Node:
    """Π_i a_i Π_j b_j of numbers over as many steps as Π_i a_i b_i: ‖W‖^{t-k} γ^{t-k} as (‖W‖ γ)^{t-k}.

    What is the same at every step is counted alone: ‖W‖^{t-k} Π_{i=k+1}^t a_i.
    """
    factors = right.args if isinstance(right, HadamardProduct | MatMul) else ()
    products = [one for one in factors if isinstance(one, TimeProduct)]
    if len(products) < 2 or len(products) < len(factors) or any(one.shape != (1, 1) for one in factors):
        return right
    moving = [one for one in products if one.term.xreplace({one.index: t}) != one.term]
    first = (moving or products)[0]
    apart = any((one.first, one.last) != (first.first, first.last) for one in moving)
    if apart or any((one.last - one.first) - (first.last - first.first) != 0 for one in products):
        return right
    return TimeProduct(
        matmul(*(one.term.xreplace({one.index: first.index}) for one in products)), first.index, first.first, first.last
    )


def _as_many(steps: Steps, right: TimeProduct) -> bool:
    """Whether the power counts the steps, and nothing in its base depends on them."""
    counted = (steps.last - steps.first) - (right.last - right.first)
    return bool(counted == 0) and right.term.xreplace({right.index: t}) == right.term


def _table(node: Node) -> list[list[Node]] | None:
    """The rows of a block matrix whose norm this is."""
    inner = node.operand if isinstance(node, Norm) and not node.largest else None
    return table(inner) if isinstance(inner, Concat) else None
