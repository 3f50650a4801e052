"""Expression nodes as matrices of decimals with their rates of change: one rule per node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce, singledispatch
from itertools import chain
from typing import NamedTuple, TypeAlias

from sympy import (
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    OneMatrix,
    Symbol,
    Transpose,
    ZeroMatrix,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from derive.nodes import (
    Adjoint,
    Concat,
    Elementwise,
    Entry,
    Jacobian,
    Node,
    Norm,
    Quantity,
    Shaped,
    Slice,
    Softmax,
    Tabular,
    TimeProduct,
    TimeSum,
)
from verify.truth.decimals.scalars import CONTEXT, ONE, ZERO, NoRealError, Pair, Real, called, raised
from verify.truth.exact import rational, whole
from verify.truth.field import UnsupportedError

Grid: TypeAlias = list[list[Real]]
"""Rows of decimals."""


class Moving(NamedTuple):
    """A matrix and its rate of change; None is a rate of zero."""

    value: Grid
    rate: Grid | None = None


Leaf: TypeAlias = Quantity | Adjoint | Jacobian


@dataclass(frozen=True)
class Place:
    """Where an expression is computed: the numbers of sizes and indices, and the leaves' values."""

    numbers: Mapping[Symbol, int]
    leaf: Callable[[Leaf, Mapping[Symbol, int]], Moving]

    def bound(self, index: Symbol, value: int) -> Place:
        return replace(self, numbers={**self.numbers, index: value})

    def whole(self, expression: Expr) -> int:
        return whole(expression, self.numbers)


def filled(rows: int, cols: int, value: Real = ZERO) -> Grid:
    """A matrix of one value."""
    return [[value] * cols for _ in range(rows)]


def plus(a: Grid | None, b: Grid | None) -> Grid | None:
    """The sum; None is zero."""
    if a is None or b is None:
        return b if a is None else a
    return [[x + y for x, y in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)]


def _times(a: Grid, b: Grid) -> Grid:
    columns = list(zip(*b, strict=True))
    return [[CONTEXT.fdot(zip(row, column, strict=True)) for column in columns] for row in a]


def _entrywise(a: Grid, b: Grid) -> Grid:
    return [[x * y for x, y in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)]


def _both(operation: Callable[[Grid], Grid], a: Moving) -> Moving:
    """A linear operation on the value and its rate alike."""
    return Moving(operation(a.value), None if a.rate is None else operation(a.rate))


def _added(a: Moving, b: Moving) -> Moving:
    return Moving(plus(a.value, b.value) or [], plus(a.rate, b.rate))


def _multiplied(product: Callable[[Grid, Grid], Grid], a: Moving, b: Moving) -> Moving:
    left = None if a.rate is None else product(a.rate, b.value)
    right = None if b.rate is None else product(a.value, b.rate)
    return Moving(product(a.value, b.value), plus(left, right))


def _mapped(change: Callable[[tuple[Pair, ...]], Pair], operands: list[Moving]) -> Moving:
    """A scalar function of the operands' entries at every place."""
    still = all(operand.rate is None for operand in operands)
    rates = [operand.rate or filled(len(operand.value), len(operand.value[0])) for operand in operands]
    found = [
        [
            change(tuple(Pair(o.value[i][j], rate[i][j]) for o, rate in zip(operands, rates, strict=True)))
            for j in range(len(operands[0].value[0]))
        ]
        for i in range(len(operands[0].value))
    ]
    values = [[pair.value for pair in row] for row in found]
    return Moving(values, None if still else [[pair.rate for pair in row] for row in found])


@singledispatch
def computed(node: Node, at: Place) -> Moving:
    """The value of a node and its rate of change; raises UnsupportedError, with its name, for one without a rule."""
    raise UnsupportedError(f"no numbers for the node {type(node).__name__}")


@computed.register(Quantity)
@computed.register(Adjoint)
@computed.register(Jacobian)
def _leaf(node: Leaf, at: Place) -> Moving:
    return at.leaf(node, at.numbers)


@computed.register(MatAdd)
def _sum(node: MatAdd, at: Place) -> Moving:
    return reduce(_added, (computed(term, at) for term in node.args))


@computed.register(MatMul)
def _product(node: MatMul, at: Place) -> Moving:
    factors = [computed(part, at) for part in node.args if part.is_Matrix]
    number = ONE
    for part in node.args:
        if not part.is_Matrix:
            exact = rational(part, at.numbers)
            number = number * exact.numerator / exact.denominator
    if len(factors[-1].value[0]) == 1:
        result = reduce(lambda right, left: _multiplied(_times, left, right), reversed(factors))
    else:
        result = reduce(lambda left, right: _multiplied(_times, left, right), factors)
    return _both(lambda grid: [[number * x for x in row] for row in grid], result)


@computed.register(Transpose)
def _transpose(node: Transpose, at: Place) -> Moving:
    return _both(lambda grid: [list(column) for column in zip(*grid, strict=True)], computed(node.arg, at))


@computed.register(HadamardProduct)
def _entries(node: HadamardProduct, at: Place) -> Moving:
    return reduce(lambda a, b: _multiplied(_entrywise, a, b), (computed(part, at) for part in node.args))


@computed.register(HadamardPower)
def _power(node: HadamardPower, at: Place) -> Moving:
    if not node.exp.is_Rational:
        raise UnsupportedError(f"no numbers for the exponent {node.exp}")
    return _mapped(lambda entries: raised(entries[0], node.exp), [computed(node.base, at)])


@computed.register(Elementwise)
def _elementwise(node: Elementwise, at: Place) -> Moving:
    return _mapped(lambda entries: called(node.function, entries), [computed(operand, at) for operand in node.operands])


@computed.register(Norm)
def _norm(node: Norm, at: Place) -> Moving:
    operand = computed(node.operand, at)
    if operand.rate is not None:
        raise UnsupportedError("the rate of change of a norm")
    grid = operand.value
    if node.largest:
        size = max(abs(entry) for row in grid for entry in row)
    elif 1 in (len(grid), len(grid[0])):
        size = CONTEXT.sqrt(CONTEXT.fsum(entry * entry for row in grid for entry in row))
    else:
        size = max(CONTEXT.svd_r(CONTEXT.matrix(grid), compute_uv=False))
    return Moving([[size]])


@computed.register(Softmax)
def _softmax(node: Softmax, at: Place) -> Moving:
    operand = computed(node.operand, at)
    highest = max(row[0] for row in operand.value)
    powers = [CONTEXT.exp(row[0] - highest) for row in operand.value]
    total = CONTEXT.fsum(powers)
    shares = [power / total for power in powers]
    if operand.rate is None:
        return Moving([[share] for share in shares])
    mean = CONTEXT.fsum(share * row[0] for share, row in zip(shares, operand.rate, strict=True))
    rates = [[share * (row[0] - mean)] for share, row in zip(shares, operand.rate, strict=True)]
    return Moving([[share] for share in shares], rates)


@computed.register(Concat)
def _concat(node: Concat, at: Place) -> Moving:
    parts = [computed(part, at) for part in node.parts]

    def joined(grids: list[Grid]) -> Grid:
        if node.axis == 0:
            return [row for grid in grids for row in grid]
        return [list(chain.from_iterable(rows)) for rows in zip(*grids, strict=True)]

    value = joined([part.value for part in parts])
    if all(part.rate is None for part in parts):
        return Moving(value)
    return Moving(value, joined([part.rate or filled(len(part.value), len(part.value[0])) for part in parts]))


@computed.register(Slice)
def _slice(node: Slice, at: Place) -> Moving:
    start, length = at.whole(node.start), at.whole(node.length)
    operand = computed(node.operand, at)
    extent = len(operand.value) if node.axis == 0 else len(operand.value[0])
    if start < 0 or start + length > extent:
        raise UnsupportedError(f"a slice from {start} to {start + length} of {extent} entries")
    end = start + length
    return _both(lambda grid: grid[start:end] if node.axis == 0 else [row[start:end] for row in grid], operand)


@computed.register(Entry)
def _entry(node: Entry, at: Place) -> Moving:
    operand = computed(node.operand, at)
    i, j = at.whole(node.row), at.whole(node.col)
    if not (0 <= i < len(operand.value) and 0 <= j < len(operand.value[0])):
        raise UnsupportedError(f"no entry ({i}, {j})")
    return _both(lambda grid: [[grid[i][j]]], operand)


@computed.register(Shaped)
def _shaped(node: Shaped, at: Place) -> Moving:
    rows, cols = map(at.whole, node.shape)

    def laid_out(grid: Grid) -> Grid:
        entries = list(chain.from_iterable(grid))
        return [entries[row * cols : (row + 1) * cols] for row in range(rows)]

    return _both(laid_out, computed(node.operand, at))


@computed.register(Tabular)
def _table(node: Tabular, at: Place) -> Moving:
    rows, cols = map(at.whole, node.shape)
    entries = [
        [computed(node.entry, at.bound(node.row, i).bound(node.col, j)) for j in range(cols)] for i in range(rows)
    ]
    values = [[entry.value[0][0] for entry in row] for row in entries]
    return Moving(values, [[entry.rate[0][0] if entry.rate else ZERO for entry in row] for row in entries])


@computed.register(TimeSum)
def _time_sum(node: TimeSum, at: Place) -> Moving:
    terms = (computed(node.term, at.bound(node.index, k)) for k in _range(node, at))
    return reduce(_added, terms, Moving(filled(*map(at.whole, node.shape))))


@computed.register(TimeProduct)
def _time_product(node: TimeProduct, at: Place) -> Moving:
    factors = [computed(node.term, at.bound(node.index, k)) for k in _range(node, at)]
    start = Moving(_unit(at.whole(node.shape[0])))
    return reduce(lambda later, factor: _multiplied(_times, factor, later), factors, start)


def _range(node: TimeSum, at: Place) -> range:
    return range(at.whole(node.first), at.whole(node.last) + 1)


def _unit(n: int) -> Grid:
    return [[ONE if i == j else ZERO for j in range(n)] for i in range(n)]


@computed.register(OneMatrix)
def _ones(node: OneMatrix, at: Place) -> Moving:
    rows, cols = map(at.whole, node.shape)
    return Moving(filled(rows, cols, ONE))


@computed.register(ZeroMatrix)
def _zeros(node: ZeroMatrix, at: Place) -> Moving:
    return Moving(filled(*map(at.whole, node.shape)))


@computed.register(Identity)
def _identity(node: Identity, at: Place) -> Moving:
    return Moving(_unit(at.whole(node.shape[0])))


@computed.register(DiagMatrix)
def _diag(node: DiagMatrix, at: Place) -> Moving:
    def spread(grid: Grid) -> Grid:
        return [[row[0] if i == j else ZERO for j in range(len(grid))] for i, row in enumerate(grid)]

    return _both(spread, computed(node.args[0], at))


@computed.register(DiagonalOf)
def _diagonal(node: DiagonalOf, at: Place) -> Moving:
    return _both(lambda grid: [[row[i]] for i, row in enumerate(grid)], computed(node.arg, at))


__all__ = ["Grid", "Leaf", "Moving", "NoRealError", "Place", "computed", "filled", "plus"]
