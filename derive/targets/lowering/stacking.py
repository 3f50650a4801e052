"""Which parameters act on the same operand inside the loop, and so become one matrix product.

A *net* is an equation that is a sum of matrix products P v (P a parameter), biases, and other terms. Nets stand side
by side in one layout, so chosen that the parameters acting on one operand form as few contiguous runs as possible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, permutations
from typing import TypeAlias

from sympy import Add, Expr, MatAdd, MatMul, S

from derive.cell import Cell, Equation
from derive.nodes import Node, Quantity, children, leaves, matmul


@dataclass(frozen=True)
class Bias:
    """The operand of a parameter that is added as it is, beside the product with `beside` if that can be hoisted."""

    beside: Node | None


Operand: TypeAlias = Node | Bias


@dataclass(frozen=True)
class Net:
    """A linear equation: its parameters by operand (a node, or BIAS), and the terms that are none of these."""

    symbol: Quantity
    linear: tuple[tuple[Operand, Quantity], ...]
    rest: tuple[Node, ...]

    @property
    def operands(self) -> tuple[Operand, ...]:
        """What the parameters act on."""
        return tuple(operand for operand, _ in self.linear)

    @property
    def rows(self) -> Expr:
        """How many rows of the layout it takes."""
        return self.symbol.shape[0]


@dataclass(frozen=True)
class Run:
    """Parameters acting on one operand that stand next to each other in the layout: rows start to stop of it."""

    operand: Operand
    nets: tuple[Net, ...]
    parameters: tuple[Quantity, ...]
    start: Expr
    stop: Expr


@dataclass(frozen=True)
class Layout:
    """The nets side by side, in groups that are computed at once, and the runs over them."""

    groups: tuple[tuple[Net, ...], ...]
    runs: tuple[Run, ...]

    @cached_property
    def nets(self) -> tuple[Net, ...]:
        """All nets in order."""
        return tuple(net for group in self.groups for net in group)

    @cached_property
    def rows(self) -> Expr:
        """The rows of all nets together."""
        return Add(*(net.rows for net in self.nets))

    def span(self, nets: Sequence[Net]) -> tuple[Expr, Expr]:
        """First row of neighbouring nets, and the row behind them."""
        first = self._places[nets[0].symbol]
        return self._starts[first], self._starts[first + len(nets)]

    @cached_property
    def _places(self) -> dict[Quantity, int]:
        return {net.symbol: place for place, net in enumerate(self.nets)}

    @cached_property
    def _starts(self) -> list[Expr]:
        """The row at which every net begins, and that behind the last."""
        return list(accumulate((net.rows for net in self.nets), initial=S.Zero))

    def run_of(self, operand: Operand, net: Net) -> Run:
        """The run in which a net's parameter for an operand stands."""
        return next(run for run in self.runs if run.operand == operand and net in run.nets)


def layout(
    program: Cell, equations: Sequence[Equation], recurrent: Set[Quantity], sigmoids: Set[Quantity] = frozenset()
) -> Layout:
    """Arrange the linear ones among the equations; what depends on `recurrent` changes inside the loop.

    Nets that are arguments of σ (`sigmoids`) stand next to each other.
    """
    uses = Counter(name for equation in program.equations for name in _parameter_uses(equation.expression))
    once = {q for q in program.parameters if uses[q.name] == 1}
    nets = [net for equation in equations if (net := _net(equation, once, recurrent)) is not None]
    groups: dict[object, list[Net]] = {}
    for net in nets:
        alone = net.rest or net.symbol in program.states  # a state has an array of its own, one step longer
        key = net.symbol if alone else net.operands
        groups.setdefault(key, []).append(net)
    for group in groups.values():
        group.sort(key=lambda net: net.symbol not in sigmoids)
    orders = (
        list(permutations(map(tuple, groups.values()))) if len(groups) <= 6 else [tuple(map(tuple, groups.values()))]
    )
    best = min(orders, key=lambda order: len(_runs(order)))
    return Layout(best, _runs(best))


def _runs(groups: Sequence[Sequence[Net]]) -> tuple[Run, ...]:
    nets = [net for group in groups for net in group]
    operands = list(dict.fromkeys(operand for net in nets for operand in net.operands))
    runs: list[Run] = []
    for operand in operands:
        start = S.Zero
        members: list[Net] = []
        first = start
        for net in [*nets, None]:
            if net is not None and operand in net.operands:
                if not members:
                    first = start
                members.append(net)
            elif members:
                parameters = tuple(dict(member.linear)[operand] for member in members)
                runs.append(Run(operand, tuple(members), parameters, first, start))
                members = []
            start += net.rows if net is not None else S.Zero
    return tuple(runs)


def _net(equation: Equation, once: Set[Quantity], recurrent: Set[Quantity]) -> Net | None:
    """The equation as a net, if there is a product of a parameter in it that occurs nowhere else."""
    if equation.symbol.shape[1] != 1:
        return None
    expression = equation.expression
    products: dict[Operand, Quantity] = {}
    biases: list[Quantity] = []
    rest: list[Node] = []
    for term in expression.args if isinstance(expression, MatAdd) else (expression,):
        operand = matmul(*term.args[1:]) if isinstance(term, MatMul) and term.args[0] in once else None
        if operand is not None and operand not in products and operand.shape[1] == 1 != operand.shape[0]:
            products[operand] = term.args[0]
        elif term in once and not biases:
            biases.append(term)
        else:
            rest.append(term)
    if not products:
        return None
    beside = next((operand for operand in products if recurrent.isdisjoint(leaves(operand))), None)
    linear = (*products.items(), *((Bias(beside), bias) for bias in biases))
    return Net(equation.symbol, linear, tuple(rest))


def _parameter_uses(node: Node) -> list[str]:
    if isinstance(node, Quantity):
        return [node.name] if node.time is None else []
    return [name for child in children(node) for name in _parameter_uses(child)]
