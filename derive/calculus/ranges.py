"""How large values can be: ranges of functions, found by SymPy, and from them bounds on elementwise expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from itertools import product
from math import prod

from sympy import (
    Abs,
    Expr,
    Interval,
    Max,
    Min,
    Mul,
    Piecewise,
    Poly,
    S,
    Set,
    Symbol,
    cos,
    erf,
    exp,
    factor,
    oo,
    real_roots,
    sin,
    sqrt,
    tanh,
)
from sympy.calculus.util import function_range

from derive.calculus.simplify import entry
from derive.cell import Cell
from derive.functions import ScalarFunction
from derive.nodes import Elementwise, Node, Norm, Quantity, Softmax, add, matmul, ones, scale, t

UNIT = Interval(-1, 1)
_CORNERS = 8  # a box in more dimensions has too many corners to go over
MOST_TERMS = 64
"""Terms of a polynomial that is multiplied out: their number doubles with every factor."""


LIMITS: tuple[tuple[Callable[[Symbol], Expr], int, Expr | int], ...] = (
    (tanh, -1, 1),
    (lambda by: 1 / (1 + exp(-by)), 0, 1),
    (sin, -1, 1),
    (cos, -1, 1),
    (erf, -1, 1),
    (exp, 0, oo),
    (sqrt, 0, oo),
)
"""What SymPy takes long over, and does not tell for the last: each function and the limits of its values."""
_NEVER_REACHED = tuple(LIMITS[number][0] for number in (0, 1, 4))


@cache
def function_extent(function: ScalarFunction) -> Interval | None:
    """The smallest closed interval around all values of a function of one argument, None where none is known."""
    if not function.specified or len(function.body.variables) != 1:
        return None
    (by,) = function.body.variables
    found = next((Interval(low, high) for written, low, high in LIMITS if function.body.expr == written(by)), None)
    try:
        found = found or _values(function.body.expr, by)
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        return None  # SymPy says in one of these ways that it cannot tell
    low, high = found.inf, found.sup
    return Interval(low, high) if low.is_finite and high.is_finite else None


def _values(body: Expr, by: Symbol) -> Set:
    pieces = body.rewrite(Piecewise)
    if not isinstance(pieces, Piecewise):
        return function_range(body, by, S.Reals)
    found, left = S.EmptySet, S.Reals
    for value, condition in pieces.args:
        where = condition.as_set().intersect(left) if condition not in (True, S.true) else left
        left = left - where
        if where is not S.EmptySet:
            found = found.union(function_range(value, by, where) if value.has(by) else {value})
    return found


def extent(node: Node, program: Cell, given: Mapping[Quantity, Interval] | None = None) -> Interval | None:
    """An interval that holds every entry of a node, None where the equations of the step set no limit.

    Values of step t are limited by their own equations, those of step t - 1 only where an interval is `given`.
    """
    known: dict[Node, Interval | None] = dict(given or {})
    definitions = {equation.symbol: equation.expression for equation in program.equations}

    def of(node: Node) -> Interval | None:
        if node not in known:  # each once: what is defined by two values before it would double with every equation
            known[node] = found(node)
        return known[node]

    def found(node: Node) -> Interval | None:
        if isinstance(node, Softmax):
            return Interval(0, 1)
        if isinstance(node, Elementwise):
            return function_extent(node.function)
        if isinstance(node, Quantity):
            return of(definitions[node]) if node.time == t and node in definitions else None
        expression, atoms = _as_polynomial(node)
        if expression is None or node in atoms.values():
            return None
        return _extent(expression, {symbol: of(atom) for symbol, atom in atoms.items()})

    return of(node)


def values(node: Node, program: Cell) -> Interval | None:
    """The interval of `extent`, without the ends that no value reaches where one function's values tell that."""
    closed = extent(node, program)
    expression, atoms = _as_polynomial(node)
    used = [] if expression is None else [symbol for symbol in atoms if symbol in expression.free_symbols]
    if closed is None or expression is None or len(used) != 1:
        return closed
    (symbol,) = used
    box = extent(atoms[symbol], program)
    if box is None or not _is_open(atoms[symbol], program):
        return closed
    turning = [root for root in real_roots(Poly(expression, symbol).diff(symbol)) if box.inf < root < box.sup]
    inside = {expression.subs(symbol, place) for place in turning}
    return Interval(closed.inf, closed.sup, closed.inf not in inside, closed.sup not in inside)


def _is_open(node: Node, program: Cell) -> bool:
    """Whether these are values of a function that comes near its limits and never reaches them."""
    definitions = {equation.symbol: equation.expression for equation in program.equations}
    while isinstance(node, Quantity) and node.time == t and node in definitions:
        node = definitions[node]
    if not isinstance(node, Elementwise) or not node.function.specified or len(node.function.body.variables) != 1:
        return False
    (by,) = node.function.body.variables
    return any(node.function.body.expr == written(by) for written in _NEVER_REACHED)


def magnitude(node: Node, program: Cell) -> Node:
    """A scalar that no entry of an elementwise node exceeds in magnitude.

    It is a number where functions limit the values; what nothing limits stays as its own largest entry.
    """
    expression, atoms = _as_polynomial(node)
    if expression is None:
        return Norm(node, largest=True)
    extents = {symbol: extent(atom, program) for symbol, atom in atoms.items()}
    return matmul(ones(1, 1), *(_magnitude(group, atoms, extents) for group in _independent(expression)))


def _as_polynomial(node: Node) -> tuple[Expr | None, dict[Symbol, Node]]:
    """One entry as a polynomial, factored where it is short; None where it is no polynomial."""
    found: dict[Node, Symbol] = {}
    written = entry(node, found)
    expression = _factored(written)
    atoms = {symbol: atom for atom, symbol in found.items()}
    return (expression if expression.is_polynomial(*atoms) else None), atoms


@lru_cache(4096)  # the letters of entries are counted, so that many cells have the same ones
def _factored(written: Expr) -> Expr:
    return factor(written) if _terms(written) <= MOST_TERMS else written


def _terms(expression: Expr) -> int:
    """How many terms a polynomial has once it is multiplied out, or more."""
    if expression.is_Add:
        return sum(map(_terms, expression.args))
    if expression.is_Mul:
        return prod(map(_terms, expression.args))
    if expression.is_Pow and expression.exp.is_Integer and expression.exp.is_positive:
        return int(_terms(expression.base) ** min(expression.exp, MOST_TERMS))
    return 1


def _independent(expression: Expr) -> list[Expr]:
    """The factors of a product, multiplied together where they share a value: their bounds multiply."""
    groups: list[Expr] = []
    for part in Mul.make_args(expression):
        sharing = [group for group in groups if group.free_symbols & part.free_symbols]
        groups = [group for group in groups if group not in sharing]
        groups.append(Mul(*sharing, part))
    return groups


def _magnitude(expression: Expr, atoms: Mapping[Symbol, Node], extents: Mapping[Symbol, Interval | None]) -> Node:
    """A bound on one group: exact where all is limited, else by factors and, term by term, the triangle inequality."""
    found = _extent(expression, extents)
    if found is not None:
        return scale(Max(Abs(found.inf), Abs(found.sup)), ones(1, 1))
    factors = Mul.make_args(expression)
    if len(factors) > 1:
        return matmul(*(_magnitude(part, atoms, extents) for part in factors))
    if expression.is_Add:
        return add(
            *(
                matmul(ones(1, 1), *(_magnitude(g, atoms, extents) for g in _independent(term)))
                for term in expression.args
            )
        )
    if expression.is_Pow and expression.exp.is_Integer and expression.exp.is_positive:
        return matmul(*[_magnitude(expression.base, atoms, extents)] * int(expression.exp))
    if expression in atoms:
        return Norm(atoms[expression], largest=True)
    return scale(Abs(expression), ones(1, 1))  # a number or a size


def _extent(expression: Expr, extents: Mapping[Symbol, Interval | None]) -> Interval | None:
    """The range of a polynomial where it is exact: of one variable, or of degree one in each."""
    symbols = tuple(sorted((symbol for symbol in extents if symbol in expression.free_symbols), key=str))
    return _extent_between(expression, symbols, tuple(extents[symbol] for symbol in symbols))


@lru_cache(4096)
def _extent_between(
    expression: Expr, symbols: tuple[Symbol, ...], limits: tuple[Interval | None, ...]
) -> Interval | None:
    if not symbols:
        return Interval(expression, expression)
    if _terms(expression) > MOST_TERMS:
        return None
    polynomial = Poly(expression, *symbols)
    ends = [(found.inf, found.sup) for found in limits if found is not None]
    if len(ends) < len(symbols) or polynomial.free_symbols != set(symbols):
        return None
    if len(symbols) == 1:
        (low, high), (symbol,) = ends[0], symbols
        turning = [root for root in real_roots(polynomial.diff(symbol)) if low <= root <= high]
        values = [expression.subs(symbol, place) for place in (low, high, *turning)]
    elif len(symbols) <= _CORNERS and all(degree <= 1 for degree in polynomial.degree_list()):
        values = [expression.subs(dict(zip(symbols, corner, strict=True))) for corner in product(*ends)]
    else:
        return None
    return Interval(Min(*values), Max(*values))


def bounded_states(program: Cell) -> tuple[Quantity, ...]:
    """The states whose entries stay between -1 and 1 at every step if those of the initial states do.

    By induction over the steps: an assumption that the equations do not preserve is dropped until all are.
    """
    held = program.states
    while True:
        given = {state.at(t - 1): UNIT for state in held}
        found = [extent(state, program, given) for state in held]
        kept = tuple(s for s, values in zip(held, found, strict=True) if values is not None and values.is_subset(UNIT))
        if kept == held:
            return kept
        held = kept
