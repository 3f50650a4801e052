"""Expression nodes as matrices of decimals with their rates of change: one rule per node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce, singledispatch
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

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
    Kron,
    Node,
    Norm,
    Quantity,
    Restacked,
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


Rates: TypeAlias = Mapping[Any, Grid]
"""Rates of change, each along a direction; a missing one is zero."""
STILL: Rates = {}


class Moving(NamedTuple):
    """A matrix and its rates of change."""

    value: Grid
    rates: Rates = STILL


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


def in_decimals(direction: list[list[int]]) -> Grid:
    """Zeros and ones as decimals."""
    return [[ONE if entry else ZERO for entry in row] for row in direction]


def plus(a: Grid, b: Grid) -> Grid:
    """The sum."""
    return [[x + y for x, y in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)]


def _times(a: Grid, b: Grid) -> Grid:
    columns = list(zip(*b, strict=True))
    return [[CONTEXT.fdot(zip(row, column, strict=True)) for column in columns] for row in a]


def _entrywise(a: Grid, b: Grid) -> Grid:
    return [[x * y for x, y in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)]


def _kronecker(a: Grid, b: Grid) -> Grid:
    return [[x * y for x in r for y in s] for r in a for s in b]


def _both(operation: Callable[[Grid], Grid], a: Moving) -> Moving:
    """A linear operation on the value and its rates alike."""
    return Moving(operation(a.value), {d: operation(rate) for d, rate in a.rates.items()})


def united(a: Rates, b: Rates) -> Rates:
    """The sum along every direction."""
    if not a or not b:
        return a or b
    return {**a, **{d: plus(a[d], rate) if d in a else rate for d, rate in b.items()}}


def _added(a: Moving, b: Moving) -> Moving:
    return Moving(plus(a.value, b.value), united(a.rates, b.rates))


def _multiplied(product: Callable[[Grid, Grid], Grid], a: Moving, b: Moving) -> Moving:
    left = {d: product(rate, b.value) for d, rate in a.rates.items()}
    right = {d: product(a.value, rate) for d, rate in b.rates.items()}
    return Moving(product(a.value, b.value), united(left, right))


def _mapped(change: Callable[[tuple[Pair, ...]], Pair], operands: list[Moving]) -> Moving:
    """A scalar function of the operands' entries at every place."""

    def pairs(k: int | None) -> list[list[Pair]]:
        """The values, with the slopes by the entries of operand k."""
        return [
            [
                change(tuple(Pair(entry, ONE if m == k else ZERO) for m, entry in enumerate(entries)))
                for entries in zip(*rows, strict=True)
            ]
            for rows in zip(*(operand.value for operand in operands), strict=True)
        ]

    moving = [k for k, operand in enumerate(operands) if operand.rates]
    found = [pairs(k) for k in moving or (None,)]
    rates = STILL
    for k, entries in zip(moving, found, strict=bool(moving)):
        slopes = [[pair.rate for pair in row] for row in entries]
        rates = united(rates, {d: _entrywise(slopes, rate) for d, rate in operands[k].rates.items()})
    return Moving([[pair.value for pair in row] for row in found[0]], rates)


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
    if operand.rates:
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

    def rate(moved: Grid) -> Grid:
        mean = CONTEXT.fsum(share * row[0] for share, row in zip(shares, moved, strict=True))
        return [[share * (row[0] - mean)] for share, row in zip(shares, moved, strict=True)]

    return Moving([[share] for share in shares], {d: rate(moved) for d, moved in operand.rates.items()})


@computed.register(Concat)
def _concat(node: Concat, at: Place) -> Moving:
    parts = [computed(part, at) for part in node.parts]

    def joined(grids: list[Grid]) -> Grid:
        if node.axis == 0:
            return [row for grid in grids for row in grid]
        return [list(chain.from_iterable(rows)) for rows in zip(*grids, strict=True)]

    def rate(direction: Any) -> Grid:
        return joined([part.rates.get(direction) or filled(len(part.value), len(part.value[0])) for part in parts])

    return Moving(joined([part.value for part in parts]), {d: rate(d) for d in _directions(parts)})


def _directions(parts: Iterable[Moving]) -> dict[Any, None]:
    """Along which of them something of these changes, in order."""
    return dict.fromkeys(direction for part in parts for direction in part.rates)


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


@computed.register(Kron)
def _kronecker_product(node: Kron, at: Place) -> Moving:
    return _multiplied(_kronecker, computed(node.left, at), computed(node.right, at))


@computed.register(Restacked)
def _restacked(node: Restacked, at: Place) -> Moving:
    rows, cols = map(at.whole, node.of)
    every = range(rows * cols)
    return Moving([[ONE if j == i % rows * cols + i // rows else ZERO for j in every] for i in every])


@computed.register(Tabular)
def _table(node: Tabular, at: Place) -> Moving:
    rows, cols = map(at.whole, node.shape)
    entries = [
        [computed(node.entry, at.bound(node.row, i).bound(node.col, j)) for j in range(cols)] for i in range(rows)
    ]
    values = [[entry.value[0][0] for entry in row] for row in entries]

    def rate(direction: Any) -> Grid:
        found = [[entry.rates.get(direction) for entry in row] for row in entries]
        return [[entry[0][0] if entry else ZERO for entry in row] for row in found]

    return Moving(values, {d: rate(d) for d in _directions(chain.from_iterable(entries))})


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


__all__ = [
    "STILL", "Grid", "Leaf", "Moving", "NoRealError", "Place", "Rates", "computed", "filled", "in_decimals", "plus",
    "united",
]  # fmt: skip
