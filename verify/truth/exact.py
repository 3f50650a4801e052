"""Exact evaluation of nodes as dual numbers over a prime field: every value comes with its rate of change.

This is the road to the truth that shares no code with the derivation: forward mode, over the cell's own equations.
`evaluate` is the one evaluator; the field and the uninterpreted functions are in `verify.truth.field`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache, reduce, singledispatch
from itertools import chain
from operator import mul
from typing import Any, NamedTuple, TypeAlias

from sympy import (
    Add,
    Basic,
    Expr,
    Float,
    HadamardPower,
    HadamardProduct,
    Identity,
    Integer,
    MatAdd,
    MatMul,
    Mul,
    OneMatrix,
    Pow,
    Rational,
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
    Quantity,
    Restacked,
    Shaped,
    Slice,
    Softmax,
    Tabular,
    TimeProduct,
    TimeSum,
)
from verify.truth.field import P, Table, UnsupportedError, compiled, inverse, power, scalar

Matrix: TypeAlias = list[list[int]]
"""Rows of field elements; a column vector has rows of one entry."""


Tangents: TypeAlias = Mapping[Any, Matrix]
"""Rates of change, each along a direction; a missing one is zero."""
STILL: Tangents = {}


class Dual(NamedTuple):
    """A matrix and its tangents."""

    value: Matrix
    tangents: Tangents = STILL

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.value), len(self.value[0]) if self.value else 0


Leaf: TypeAlias = Quantity | Adjoint | Jacobian


@dataclass(frozen=True)
class Environment:
    """What an expression is evaluated in: function values, numbers for sizes and indices, and the leaves' values.

    `leaf` is given a quantity, adjoint or Jacobian together with the numbers.
    """

    table: Table
    numbers: Mapping[Symbol, int]
    leaf: Callable[[Leaf, Mapping[Symbol, int]], Dual]
    known: dict[tuple[Node, tuple[tuple[Symbol, int], ...]], Dual] | None = None
    """What parts of expressions are worth, where many alike are evaluated; None: nothing is kept."""
    bindings: tuple[tuple[Symbol, int], ...] = ()
    _bound: dict[tuple[Symbol, int], Environment] = field(default_factory=dict, init=False, compare=False, repr=False)

    def bound(self, index: Symbol, value: int) -> Environment:
        """The same environment with one index set."""
        place = index, value
        found = self._bound.get(place)
        if found is None:
            numbers, bindings = {**self.numbers, index: value}, (*self.bindings, place)
            found = self._bound[place] = Environment(self.table, numbers, self.leaf, self.known, bindings)
        return found

    def whole(self, expression: Expr) -> int:
        """A size or a time as a whole number."""
        return whole(expression, self.numbers)


def rational(expression: Basic, numbers: Mapping[Symbol, int]) -> Fraction:
    """A scalar expression in sizes and indices as a number."""
    if isinstance(expression, Rational):
        return Fraction(int(expression.p), int(expression.q))
    if isinstance(expression, Symbol):
        if expression not in numbers:
            raise UnsupportedError(f"no number is known for {expression}")
        return Fraction(numbers[expression])
    if isinstance(expression, Add):
        return sum((rational(part, numbers) for part in expression.args), Fraction(0))
    if isinstance(expression, Mul):
        return reduce(mul, (rational(part, numbers) for part in expression.args))
    if isinstance(expression, Pow) and expression.exp.is_Integer:
        return rational(expression.base, numbers) ** int(expression.exp)
    if isinstance(expression, Float):
        return Fraction(str(expression))
    raise UnsupportedError(f"no exact arithmetic for the number {expression}")


def whole(expression: Basic, numbers: Mapping[Symbol, int]) -> int:
    """A size or a time as a whole number."""
    if isinstance(expression, Integer):
        return int(expression.p)
    if isinstance(expression, Symbol) and expression in numbers:
        return numbers[expression]
    shifted = _shifted(expression)
    if shifted is not None and shifted[0] in numbers:  # t - 1, T + 1
        return numbers[shifted[0]] + shifted[1]
    result = rational(expression, numbers)
    if result.denominator != 1:
        raise UnsupportedError(f"{expression} is not a whole number")
    return result.numerator


@lru_cache(maxsize=1024)
def _shifted(expression: Basic) -> tuple[Symbol, int] | None:
    """The letter and the number of a letter plus a whole number."""
    if isinstance(expression, Add) and len(expression.args) == 2:
        number, letter = expression.args
        if isinstance(number, Integer) and isinstance(letter, Symbol):
            return letter, int(number.p)
    return None


# Matrix arithmetic


def constant(rows: int, cols: int, value: int) -> Matrix:
    """A matrix of one value."""
    return [[value] * cols for _ in range(rows)]


def identity(n: int) -> Matrix:
    """The identity matrix."""
    return [[int(i == j) for j in range(n)] for i in range(n)]


def plus(a: Matrix, b: Matrix) -> Matrix:
    """Sum."""
    return [[(x + y) % P for x, y in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)]


def times(a: Matrix, b: Matrix) -> Matrix:
    """Matrix product."""
    if a and len(a[0]) != len(b):
        raise ValueError(f"cannot multiply {len(a)}×{len(a[0])} by {len(b)}×{len(b[0]) if b else 0}")
    columns = list(zip(*b, strict=True))
    return [[sum(map(mul, row, column)) % P for column in columns] for row in a]


def entrywise(a: Matrix, b: Matrix) -> Matrix:
    """Product entry by entry."""
    return [[x * y % P for x, y in zip(r, s, strict=True)] for r, s in zip(a, b, strict=True)]


def kronecker(a: Matrix, b: Matrix) -> Matrix:
    """Every entry of the first times the second, as blocks."""
    return [[x * y % P for x in r for y in s] for r in a for s in b]


def scaled(factor: int, a: Matrix) -> Matrix:
    """A number times a matrix."""
    return [[factor * x % P for x in row] for row in a]


def inner(a: Matrix, b: Matrix) -> int:
    """Σ of the products of corresponding entries."""
    if len(a) != len(b) or (a and len(a[0]) != len(b[0])):
        raise ValueError(f"{len(a)}×{len(a[0])} and {len(b)}×{len(b[0])} have no inner product")
    total: int = sum(map(mul, chain.from_iterable(a), chain.from_iterable(b)))
    return total % P


def _transposed(a: Matrix) -> Matrix:
    return [list(column) for column in zip(*a, strict=True)]


def added(a: Tangents, b: Tangents) -> Tangents:
    """The sum along every direction."""
    if not a or not b:
        return a or b
    return {**a, **{d: plus(a[d], moved) if d in a else moved for d, moved in b.items()}}


def _dual_sum(a: Dual, b: Dual) -> Dual:
    return Dual(plus(a.value, b.value), added(a.tangents, b.tangents))


def _bilinear(product: Callable[[Matrix, Matrix], Matrix], a: Dual, b: Dual) -> Dual:
    """The product rule."""
    left = {d: product(moved, b.value) for d, moved in a.tangents.items()}
    right = {d: product(a.value, moved) for d, moved in b.tangents.items()}
    return Dual(product(a.value, b.value), added(left, right))


def _dual_product(a: Dual, b: Dual) -> Dual:
    return _bilinear(times, a, b)


def _linear(operation: Callable[[Matrix], Matrix], a: Dual) -> Dual:
    return Dual(operation(a.value), {d: operation(moved) for d, moved in a.tangents.items()})


def _product(factors: list[Dual]) -> Dual:
    # A column is carried from right to left, so that no matrix meets a matrix on the way.
    if factors[-1].shape[1] == 1:
        return reduce(lambda right, left: _dual_product(left, right), reversed(factors))
    return reduce(_dual_product, factors)


# The evaluator: one rule per node


def evaluate(node: Node, env: Environment) -> Dual:
    """The value of a node and its tangent. Raises UnsupportedError, with its name, for a node without a rule."""
    if env.known is None:
        return _rule(node, env)
    key = node, env.bindings
    if key not in env.known:
        env.known[key] = _rule(node, env)
    return env.known[key]


@singledispatch
def _rule(node: Node, env: Environment) -> Dual:
    raise UnsupportedError(f"no exact arithmetic for the node {type(node).__name__}")


@_rule.register(Quantity)
@_rule.register(Adjoint)
@_rule.register(Jacobian)
def _leaf(node: Leaf, env: Environment) -> Dual:
    return env.leaf(node, env.numbers)


@_rule.register(MatAdd)
def _sum(node: MatAdd, env: Environment) -> Dual:
    return reduce(_dual_sum, (evaluate(term, env) for term in node.args))


@_rule.register(MatMul)
def _matrix_product(node: MatMul, env: Environment) -> Dual:
    scalars, matrices = _parted(node)
    result = _product([evaluate(part, env) for part in matrices])
    if not scalars:
        return result
    number, irrational = Fraction(1), 1
    for one in scalars:
        if one.is_number and not one.is_Rational:  # √2, 1/√π
            irrational = irrational * compiled(one, ())(env.table, ()) % P
        else:
            number *= rational(one, env.numbers)
    factor = irrational * number.numerator * inverse(number.denominator) % P
    return _linear(lambda matrix: scaled(factor, matrix), result)


@lru_cache(maxsize=4096)
def _parted(node: MatMul) -> tuple[tuple[Expr, ...], tuple[Node, ...]]:
    """The factors of the number in front, and the matrices."""
    scalars = tuple(one for part in node.args if not part.is_Matrix for one in Mul.make_args(part))
    return scalars, tuple(part for part in node.args if part.is_Matrix)


@_rule.register(Transpose)
def _transpose(node: Transpose, env: Environment) -> Dual:
    return _linear(_transposed, evaluate(node.arg, env))


@_rule.register(HadamardProduct)
def _entrywise_product(node: HadamardProduct, env: Environment) -> Dual:
    return reduce(lambda a, b: _bilinear(entrywise, a, b), (evaluate(part, env) for part in node.args))


@_rule.register(HadamardPower)
def _entrywise_power(node: HadamardPower, env: Environment) -> Dual:
    base, exponent = evaluate(node.base, env), node.exp
    value = _by_entry(env.table, base.value, lambda entry: power(env.table, entry, exponent))
    if not base.tangents:
        return Dual(value)
    number = rational(exponent, env.numbers)
    factor = number.numerator * inverse(number.denominator) % P
    slope = [[factor * power(env.table, entry, exponent - 1) % P for entry in row] for row in base.value]
    return Dual(value, _sloped(slope, base))


def _sloped(slope: Matrix, operand: Dual) -> Tangents:
    return {d: entrywise(slope, moved) for d, moved in operand.tangents.items()}


def _by_entry(table: Table, rows: Sequence[Sequence[Any]], value: Callable[[Any], int]) -> Matrix:
    """A value for every entry, each known to the table while it is computed."""
    found: Matrix = []
    for i, row in enumerate(rows):
        found.append([])
        for j, entry in enumerate(row):
            table.entry = i, j
            found[-1].append(value(entry))
    return found


@_rule.register(Elementwise)
def _elementwise(node: Elementwise, env: Environment) -> Dual:
    code, table = scalar(node.function), env.table
    operands = [evaluate(operand, env) for operand in node.operands]
    if len(operands) != len(code.slopes):
        raise UnsupportedError(f"{node.function.name} takes {len(code.slopes)} operands, not {len(operands)}")
    arguments = [
        list(zip(*rows, strict=True)) for rows in zip(*(operand.value for operand in operands), strict=True)
    ]  # rows of entries, each entry the tuple of all operands' entries there
    value = _by_entry(table, arguments, lambda entry: code.value(table, entry))
    tangents = STILL
    for operand, slope in zip(operands, code.slopes, strict=True):
        if operand.tangents:
            slopes = [
                [slope(table, (*entry, y)) for entry, y in zip(entries, ys, strict=True)]
                for entries, ys in zip(arguments, value, strict=True)
            ]
            tangents = added(tangents, _sloped(slopes, operand))
    return Dual(value, tangents)


@_rule.register(Softmax)
def _softmax(node: Softmax, env: Environment) -> Dual:
    operand = evaluate(node.operand, env)
    powers = [env.table.call("exp", row[0]) for row in operand.value]
    share = inverse(sum(powers))
    value = [[e * share % P] for e in powers]

    def rate(tangent: Matrix) -> Matrix:
        # The quotient rule, with exp' = exp: (e ż) / s − e Σ(e ż) / s².
        moved = [e * row[0] % P for e, row in zip(powers, tangent, strict=True)]
        total = sum(moved) * share % P
        return [[(m - e * total) * share % P] for m, e in zip(moved, powers, strict=True)]

    return Dual(value, {d: rate(tangent) for d, tangent in operand.tangents.items()})


@_rule.register(Concat)
def _concat(node: Concat, env: Environment) -> Dual:
    parts = [evaluate(part, env) for part in node.parts]

    def moved(direction: Any) -> Matrix:
        return _stack(node.axis, [part.tangents.get(direction) or constant(*part.shape, 0) for part in parts])

    value = _stack(node.axis, [part.value for part in parts])
    return Dual(value, {direction: moved(direction) for direction in _directions(parts)})


def _directions(parts: Iterable[Dual]) -> dict[Any, None]:
    """Along which of them something of these changes, in order."""
    return dict.fromkeys(direction for part in parts for direction in part.tangents)


def _stack(axis: int, parts: list[Matrix]) -> Matrix:
    if axis == 0:
        return [row for part in parts for row in part]
    return [[entry for row in rows for entry in row] for rows in zip(*parts, strict=True)]


@_rule.register(Slice)
def _slice(node: Slice, env: Environment) -> Dual:
    operand = evaluate(node.operand, env)
    start, length = env.whole(node.start), env.whole(node.length)
    if start < 0 or start + length > operand.shape[node.axis]:
        raise UnsupportedError(f"a slice from {start} to {start + length} of {operand.shape[node.axis]} entries")
    end = start + length
    return _linear(lambda m: m[start:end] if node.axis == 0 else [row[start:end] for row in m], operand)


@_rule.register(Entry)
def _entry(node: Entry, env: Environment) -> Dual:
    operand = evaluate(node.operand, env)
    i, j = env.whole(node.row), env.whole(node.col)
    if not (0 <= i < operand.shape[0] and 0 <= j < operand.shape[1]):
        raise UnsupportedError(f"no entry ({i}, {j}) in {operand.shape[0]}×{operand.shape[1]}")
    return _linear(lambda m: [[m[i][j]]], operand)


@_rule.register(Shaped)
def _shaped(node: Shaped, env: Environment) -> Dual:
    rows, cols = map(env.whole, node.shape)

    def laid_out(m: Matrix) -> Matrix:
        entries = list(chain.from_iterable(m))
        if len(entries) != rows * cols:
            raise UnsupportedError(f"{len(entries)} entries are not {rows}×{cols}")
        return [entries[row * cols : (row + 1) * cols] for row in range(rows)]

    return _linear(laid_out, evaluate(node.operand, env))


@_rule.register(Kron)
def _kronecker_product(node: Kron, env: Environment) -> Dual:
    return _bilinear(kronecker, evaluate(node.left, env), evaluate(node.right, env))


@_rule.register(Restacked)
def _restacked(node: Restacked, env: Environment) -> Dual:
    rows, cols = map(env.whole, node.of)
    return Dual([[int(j == i % rows * cols + i // rows) for j in range(rows * cols)] for i in range(rows * cols)])


@_rule.register(Tabular)
def _table(node: Tabular, env: Environment) -> Dual:
    rows, cols = map(env.whole, node.shape)
    entries = [
        [evaluate(node.entry, env.bound(node.row, i).bound(node.col, j)) for j in range(cols)] for i in range(rows)
    ]
    value = [[entry.value[0][0] for entry in row] for row in entries]

    def moved(direction: Any) -> Matrix:
        found = [[entry.tangents.get(direction) for entry in row] for row in entries]
        return [[entry[0][0] if entry else 0 for entry in row] for row in found]

    return Dual(value, {direction: moved(direction) for direction in _directions(chain.from_iterable(entries))})


@_rule.register(TimeSum)
def _time_sum(node: TimeSum, env: Environment) -> Dual:
    rows, cols = map(env.whole, node.shape)
    terms = (evaluate(node.term, env.bound(node.index, k)) for k in _indices(node, env))
    return reduce(_dual_sum, terms, Dual(constant(rows, cols, 0)))


@_rule.register(TimeProduct)
def _time_product(node: TimeProduct, env: Environment) -> Dual:
    factors = [evaluate(node.term, env.bound(node.index, k)) for k in _indices(node, env)]
    return reduce(lambda later, factor: _dual_product(factor, later), factors, Dual(identity(env.whole(node.shape[0]))))


def _indices(node: TimeSum, env: Environment) -> range:
    return range(env.whole(node.first), env.whole(node.last) + 1)


@_rule.register(OneMatrix)
def _ones(node: OneMatrix, env: Environment) -> Dual:
    rows, cols = map(env.whole, node.shape)
    return Dual(constant(rows, cols, 1))


@_rule.register(ZeroMatrix)
def _zeros(node: ZeroMatrix, env: Environment) -> Dual:
    rows, cols = map(env.whole, node.shape)
    return Dual(constant(rows, cols, 0))


@_rule.register(Identity)
def _identity(node: Identity, env: Environment) -> Dual:
    return Dual(identity(env.whole(node.shape[0])))


@_rule.register(DiagMatrix)
def _diag(node: DiagMatrix, env: Environment) -> Dual:
    def spread(vector: Matrix) -> Matrix:
        return [[row[0] if i == j else 0 for j in range(len(vector))] for i, row in enumerate(vector)]

    return _linear(spread, evaluate(node.args[0], env))


@_rule.register(DiagonalOf)
def _diagonal(node: DiagonalOf, env: Environment) -> Dual:
    return _linear(lambda m: [[row[i]] for i, row in enumerate(m)], evaluate(node.arg, env))
