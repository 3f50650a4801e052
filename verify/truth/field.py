"""Arithmetic modulo the prime 2⁶¹ − 1, with functions about which nothing is known but their slopes.

An uninterpreted function is a table of random numbers: an identity that holds for random tables holds for every
function, so what is found equal here is equal by the chain rule alone. The few relations that all readers use are
built in, most by storing one half of the table: sin is odd, cos is even, exp(−a) = 1/exp(a), softplus(−a) =
softplus(a) − a, H(−a) = 1 − H(a); σ(a) = 1/(1 + exp(−a)) and tanh(a) = 2σ(2a) − 1 follow from the table of exp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, singledispatch
from hashlib import blake2b
from typing import TypeAlias

from sympy import (
    Abs,
    Add,
    Expr,
    Float,
    Heaviside,
    Integer,
    Lambda,
    Max,
    Min,
    Mul,
    NumberSymbol,
    Piecewise,
    Pow,
    Rational,
    Symbol,
    sign,
)
from sympy import Function as AnyFunction
from sympy.core.relational import GreaterThan, LessThan, Relational, StrictGreaterThan, StrictLessThan
from sympy.logic.boolalg import BooleanTrue

from derive import functions
from derive.functions import ScalarFunction
from verify.truth.rates import NoRateError, rate

P = (1 << 61) - 1
"""The prime; P ≡ 3 (mod 4), so a square root is a power."""

ODD, EVEN = frozenset({"sin", "erf"}), frozenset({"cos"})
HALF = (P + 1) // 2


class NoValueError(ArithmeticError):
    """The random point lies where a formula has no value (a zero divisor, a number without root): draw another."""

    def __init__(self, reason: str, number: int | None = None) -> None:
        super().__init__(reason)
        self.number = number
        """The number that has no root."""


class UnsupportedError(TypeError):
    """A node or expression for which exact arithmetic has no rule; the message names it."""


def kinked(of: Iterable[ScalarFunction]) -> bool:
    """Whether one of the functions has a kink, beside which it may be flat: what passes through it there is zero."""
    return any(function.body.expr.has(Max, Min, Heaviside, Piecewise) for function in of)


def inverse(a: int) -> int:
    """1/a in the field."""
    if a % P == 0:
        raise NoValueError("division by zero")
    return pow(a, -1, P)


class Table:
    """The values of all functions of one trial: drawn by a keyed hash at first use, then kept.

    `mark` and `forget` take back what was drawn since, so that a step can be drawn again.
    """

    def __init__(self, seed: int) -> None:
        self._key = seed.to_bytes(16, "big", signed=True)
        self._drawn: dict[tuple[str, tuple[int, ...]], int] = {}
        self._entries: dict[tuple[str, tuple[int, ...]], tuple[int, int]] = {}
        self.salt = 0
        self.entry = 0, 0
        """Which entry of a matrix is computed, where that is done entry by entry."""

    def random(self, *label: object) -> int:
        """A random element of the field that depends on the seed, the salt and the label only."""
        return self._digest(self.salt, *label) % P

    def _digest(self, *label: object) -> int:
        return int.from_bytes(blake2b(repr(label).encode(), key=self._key, digest_size=16).digest())

    def mark(self) -> int:
        return len(self._drawn)

    def forget(self, mark: int) -> None:
        while len(self._drawn) > mark:
            self._drawn.popitem()

    def forget_entry(self, entry: tuple[int, int], first: int, last: int) -> bool:
        """Forget what was drawn for an entry from one mark to another, and all behind it; whether there was any.

        What follows from it is forgotten too.
        """
        self.forget(last)
        since = list(self._drawn)[first:]
        if not any(self._entries.get(key) == entry for key in since):
            return False
        for key in since:
            if self._entries.get(key, entry) == entry:  # what is not drawn follows from what is
                del self._drawn[key]
        return True

    def draw(self, name: str, *arguments: int) -> int:
        """The value of an uninterpreted function."""
        key = (name, arguments)
        value = self._drawn.get(key)
        if value is None:
            value = self._drawn[key] = self.random(name, *arguments)
            self._entries[key] = self.entry
        return value

    def kept(self, name: str, a: int, value: Callable[[], int]) -> int:
        """A value that follows from others in the table, computed once."""
        return self.kept_at(name, (a,), value)

    def kept_at(self, name: str, arguments: tuple[int, ...], value: Callable[[], int]) -> int:
        """The same for several arguments."""
        key = (name, arguments)
        if key not in self._drawn:
            found = value()
            self._drawn[key] = found
        return self._drawn[key]

    def call(self, name: str, *arguments: int) -> int:
        """The value of a function known by its name, with the relations listed above."""
        if name in _RELATIONS:
            a = arguments[0]
            return _RELATIONS[name](self, a, a > P // 2)
        return self.draw(name, *arguments)

    def positive(self, a: int) -> int:
        """H(a): a random bit for a and −a together, 1/2 at zero."""
        if a == 0:
            return HALF
        flipped = a > P // 2
        return (self.draw("H", P - a if flipped else a) & 1) ^ flipped

    def sign(self, a: int) -> int:
        """The sign of a, consistent with H."""
        return (2 * self.positive(a) - 1) % P

    def root(self, a: int) -> int:
        """One of the two square roots; half of the numbers have none."""
        r = pow(a, (P + 1) // 4, P)
        if r * r % P != a:
            raise NoValueError("a number without a square root", a)
        return P - r if self._digest("branch of the root", a) & 1 else r


def _odd(name: str) -> Callable[[Table, int, bool], int]:
    def value(table: Table, a: int, negative: bool) -> int:
        if a == 0:
            return 0
        return P - table.draw(name, P - a) if negative else table.draw(name, a)

    return value


def _exp(table: Table, a: int, negative: bool) -> int:
    if a == 0:
        return 1
    return inverse(table.draw("exp", P - a)) if negative else table.draw("exp", a)


def _cos(table: Table, a: int, negative: bool) -> int:
    return 1 if a == 0 else table.draw("cos", P - a if negative else a)


def _sigmoid(table: Table, a: int, negative: bool) -> int:
    return table.kept("sigmoid", a, lambda: inverse(1 + _exp(table, -a % P, -a % P > P // 2)))


def _tanh(table: Table, a: int, negative: bool) -> int:
    return (2 * _sigmoid(table, 2 * a % P, False) - 1) % P


def _softplus(table: Table, a: int, negative: bool) -> int:
    return (table.draw("softplus", P - a) + a) % P if negative else table.draw("softplus", a)


_RELATIONS: dict[str, Callable[[Table, int, bool], int]] = {
    **{name: _odd(name) for name in sorted(ODD)},
    "tanh": _tanh,
    "exp": _exp,
    "cos": _cos,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "heaviside": lambda table, a, _: table.positive(a),
    "sign": lambda table, a, _: table.sign(a),
    "ceil": lambda table, a, _: -table.draw("floor", -a % P) % P,
}

UNINTERPRETED = frozenset({*_RELATIONS, "log", "floor"})
"""Functions of the registry that are tables; the others compute the expression they are defined by."""

Code: TypeAlias = Callable[[Table, tuple[int, ...]], int]
"""A scalar expression, compiled: from the table and the values of its symbols to its value."""


@dataclass(frozen=True)
class Scalar:
    """A scalar function in the field: its value from the arguments, its slopes from (*arguments, value)."""

    value: Code
    slopes: tuple[Code, ...]


@cache
def scalar(function: ScalarFunction) -> Scalar:
    """The function and its slopes."""
    name, variables = function.name, function.body.variables
    entry = functions.ENTRIES.get(name)
    if not function.specified or (entry and entry.function == function and name in UNINTERPRETED):
        value: Code = lambda table, values: table.call(name, *values)  # noqa: E731 - a table entry, like the compiled ones
    else:
        value = compiled(function.body.expr, tuple(variables))
    return Scalar(value, tuple(own_slope(function, k) for k in range(len(variables))))


def own_slope(function: ScalarFunction, argument: int) -> Code:
    """The slope from (*arguments, value), declared or differentiated here: of `derive`, only the definition is used."""
    variables = tuple(function.body.variables)
    if not function.specified:
        name = function.prime().name
        return lambda table, values: table.call(name, values[argument])
    stated = function.declared
    try:
        moved = rate(function.body.expr, variables[argument]) if stated is None else stated(variables[argument])
        code = compiled(moved, variables)
    except NoRateError as error:
        raise UnsupportedError(str(error)) from None
    label = f"slope {argument} of {function.name} {function.body} {stated}"
    return lambda table, values: table.kept_at(label, values[:-1], lambda: code(table, values[:-1]))


def slope_of(function: ScalarFunction) -> ScalarFunction:
    """The slope of a function of one argument as a function, declared or differentiated; raises UnsupportedError."""
    if not function.specified or function.declared is not None:
        return function.prime()
    (variable,) = function.body.variables
    try:
        return ScalarFunction(function.name + "'", Lambda(variable, rate(function.body.expr, variable)))
    except NoRateError as error:
        raise UnsupportedError(str(error)) from None


ROOTED = 64
"""How many numbers are tried where the roots of some do not exist."""


def is_slope(stated: Expr, function: ScalarFunction) -> bool:
    """Whether an expression in the argument and the value `y` of a function is its slope, at a random number.

    Half of the numbers have no root: others are tried.
    """
    own = scalar(function)
    for seed in range(ROOTED):
        table = Table(seed)
        argument = table.random("argument")
        try:
            values = argument, own.value(table, (argument,))
            given = compiled(stated, (*function.body.variables, functions.y))(table, values)
            return given == own.slopes[0](table, values)
        except UnsupportedError:
            return False
        except NoValueError:
            continue
    return False


@singledispatch
def compiled(expression: Expr, symbols: tuple[Symbol, ...]) -> Code:
    """Compile a scalar SymPy expression; `symbols` gives the order of the values it will be called with."""
    raise UnsupportedError(f"no exact arithmetic for {type(expression).__name__}: {expression}")


@compiled.register(Symbol)
def _symbol(expression: Symbol, symbols: tuple[Symbol, ...]) -> Code:
    if expression not in symbols:
        raise UnsupportedError(f"unknown symbol {expression}")
    place = symbols.index(expression)
    return lambda table, values: values[place]


@compiled.register(Rational)
@compiled.register(Integer)
def _rational(expression: Rational, symbols: tuple[Symbol, ...]) -> Code:
    number = int(expression.p) * inverse(int(expression.q)) % P
    return lambda table, values: number


@compiled.register(Float)
def _float(expression: Float, symbols: tuple[Symbol, ...]) -> Code:
    return compiled(Rational(str(expression)), symbols)


@compiled.register(NumberSymbol)
def _number_symbol(expression: NumberSymbol, symbols: tuple[Symbol, ...]) -> Code:
    # The square of a random number: sqrt(π), as in the normal density, must exist.
    return lambda table, values: table.draw(f"number {expression}") ** 2 % P


@compiled.register(Add)
def _add(expression: Add, symbols: tuple[Symbol, ...]) -> Code:
    parts = [compiled(part, symbols) for part in expression.args]
    return lambda table, values: sum(part(table, values) for part in parts) % P


@compiled.register(Mul)
def _mul(expression: Mul, symbols: tuple[Symbol, ...]) -> Code:
    parts = [compiled(part, symbols) for part in expression.args]

    def product(table: Table, values: tuple[int, ...]) -> int:
        result = 1
        for part in parts:
            result = result * part(table, values) % P
        return result

    return product


def power(table: Table, base: int, exponent: Expr) -> int:
    """base^exponent for an integer or half-integer exponent."""
    if exponent.is_Integer:
        return pow(base, int(exponent), P) if exponent >= 0 else pow(inverse(base), -int(exponent), P)
    if exponent.is_Rational and exponent.q == 2:
        return power(table, table.root(base), Integer(exponent.p))
    raise UnsupportedError(f"no exact arithmetic for the exponent {exponent}")


@compiled.register(Pow)
def _pow(expression: Pow, symbols: tuple[Symbol, ...]) -> Code:
    base, exponent = compiled(expression.base, symbols), expression.exp
    return lambda table, values: power(table, base(table, values), exponent)


@compiled.register(Max)
@compiled.register(Min)
def _extremum(expression: Max, symbols: tuple[Symbol, ...]) -> Code:
    # From the first two on: max(a, b) = b + (a − b) H(a − b), min(a, b) = b + (a − b) H(b − a).
    parts = [compiled(part, symbols) for part in expression.args]
    largest = isinstance(expression, Max)

    def extremum(table: Table, values: tuple[int, ...]) -> int:
        best = parts[0](table, values)
        for part in parts[1:]:
            other = part(table, values)
            gap = (best - other) % P
            best = (other + gap * table.positive(gap if largest else -gap % P)) % P
        return best

    return extremum


@compiled.register(Piecewise)
def _piecewise(expression: Piecewise, symbols: tuple[Symbol, ...]) -> Code:
    cases = [(_condition(test, symbols), compiled(value, symbols)) for value, test in expression.args]

    def choose(table: Table, values: tuple[int, ...]) -> int:
        for test, value in cases:
            if test(table, values):
                return value(table, values)
        raise NoValueError("no case applies")

    return choose


def _condition(test: Relational, symbols: tuple[Symbol, ...]) -> Code:
    if isinstance(test, BooleanTrue):
        return lambda table, values: 1
    if isinstance(test, GreaterThan | StrictGreaterThan | LessThan | StrictLessThan):
        gap = compiled(test.gts - test.lts, symbols)
        return lambda table, values: int(table.positive(gap(table, values)) == 1)
    raise UnsupportedError(f"no exact arithmetic for the condition {test}")


@compiled.register(AnyFunction)
def _call(expression: Expr, symbols: tuple[Symbol, ...]) -> Code:
    operands = expression.args[:1] if isinstance(expression, Heaviside) else expression.args
    parts = [compiled(part, symbols) for part in operands]
    if isinstance(expression, Abs):
        return lambda table, values: (a := parts[0](table, values)) * table.sign(a) % P
    name = {Heaviside: "heaviside", sign: "sign"}.get(type(expression), expression.func.__name__)
    known = functions.function(name)
    if known is not None and known.name not in UNINTERPRETED:
        return _composed(known, parts)
    named = name if known is None else known.name
    return lambda table, values: table.call(named, *(part(table, values) for part in parts))


def _composed(function: ScalarFunction, parts: list[Code]) -> Code:
    inner = scalar(function).value
    return lambda table, values: inner(table, tuple(part(table, values) for part in parts))
