"""Which parameters act on the same operand inside the loop, and so become one matrix product.

A *net* is an equation that is a sum of matrix products P v (P a parameter), biases, and other terms. Nets stand side
by side in one layout, so chosen that the parameters acting on one operand form as few contiguous runs as possible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, count, permutations
from typing import TypeAlias

from sympy import Expr, MatAdd, MatMul, S

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
    """Parameters acting on one operand that stand next to each other in a block: rows start to stop of it."""

    operand: Operand
    nets: tuple[Net, ...]
    parameters: tuple[Quantity, ...]
    start: Expr
    stop: Expr


@dataclass(frozen=True)
class Block:
    """Neighbouring nets that products read together, side by side in one array."""

    nets: tuple[Net, ...]

    @cached_property
    def starts(self) -> list[Expr]:
        """The row at which every net begins, and that behind the last."""
        return list(accumulate((net.rows for net in self.nets), initial=S.Zero))

    @property
    def rows(self) -> Expr:
        """The rows of all nets together."""
        return self.starts[-1]


@dataclass(frozen=True)
class Layout:
    """The nets side by side, in groups that are computed at once.

    What no product reads together stands in blocks of their own, whose rows are counted from zero.
    """

    groups: tuple[tuple[Net, ...], ...]

    @cached_property
    def nets(self) -> tuple[Net, ...]:
        """All nets in order."""
        return tuple(net for group in self.groups for net in group)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The nets in as many arrays as can be."""
        reach = list(range(len(self.nets)))
        for _, first, last in self._intervals:
            reach[first] = max(reach[first], last)
        found: list[Block] = []
        first = end = 0
        for place, last in enumerate(reach):
            end = max(end, last)
            if place == end:
                found.append(Block(self.nets[first : place + 1]))
                first = end = place + 1
        return tuple(found)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The runs of every operand."""
        found: list[Run] = []
        for operand, first, last in self._intervals:
            nets = self.nets[first : last + 1]
            parameters = tuple(dict(net.linear)[operand] for net in nets)
            found.append(Run(operand, nets, parameters, *self.span(nets)))
        return tuple(found)

    def span(self, nets: Sequence[Net]) -> tuple[Expr, Expr]:
        """First row, in their block, of neighbouring nets, and the row behind them."""
        block, first = self._places[nets[0].symbol]
        return block.starts[first], block.starts[first + len(nets)]

    def run_of(self, operand: Operand, net: Net) -> Run:
        """The run in which a net's parameter for an operand stands."""
        return self._run_of[operand, net.symbol]

    @cached_property
    def _intervals(self) -> list[tuple[Operand, int, int]]:
        return _intervals(self.groups)

    @cached_property
    def _places(self) -> dict[Quantity, tuple[Block, int]]:
        return {net.symbol: (block, place) for block in self.blocks for place, net in enumerate(block.nets)}

    @cached_property
    def _run_of(self) -> dict[tuple[Operand, Quantity], Run]:
        return {(run.operand, net.symbol): run for run in self.runs for net in run.nets}


def layout(
    program: Cell, equations: Sequence[Equation], recurrent: Set[Quantity], sigmoids: Set[Quantity] = frozenset()
) -> Layout:
    """Arrange the linear ones among the equations; what depends on `recurrent` changes inside the loop.

    Nets that are arguments of σ (`sigmoids`) stand next to each other.
    """
    uses = Counter(name for equation in program.equations for name in _parameter_uses(equation.expression))
    once = {q for q in program.parameters if uses[q.name] == 1}
    nets = [net for equation in equations if (net := _net(equation, once, recurrent)) is not None]
    if len(nets) > 1:  # the parameters of a number have no axis of rows to stand beside others on
        nets = [net for net in nets if net.rows != 1]
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
    return Layout(min(orders, key=lambda order: len(_intervals(order))))


def _intervals(groups: Sequence[Sequence[Net]]) -> list[tuple[Operand, int, int]]:
    """The first and last place of neighbours that read an operand, operand by operand.

    Biases beside no product stand together only in a group: nothing else reads them at once.
    """
    found: dict[Operand, list[tuple[int, int]]] = {}
    places = count()
    for group in groups:
        for member, net in enumerate(group):
            place = next(places)
            for operand in net.operands:
                spans = found.setdefault(operand, [])
                joins = member > 0 or operand != Bias(None)
                if joins and spans and spans[-1][1] == place - 1:
                    spans[-1] = (spans[-1][0], place)
                else:
                    spans.append((place, place))
    return [(operand, first, last) for operand, spans in found.items() for first, last in spans]


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
