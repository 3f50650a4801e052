"""Scalar SymPy expressions as decimals: every value with its rate of change, operation by operation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache, singledispatch
from typing import Any, NamedTuple, TypeAlias, cast

import mpmath
from sympy import (
    Abs,
    Add,
    Expr,
    Float,
    Heaviside,
    Max,
    Min,
    Mul,
    NumberSymbol,
    Piecewise,
    Pow,
    Rational,
    Symbol,
    ceiling,
    exp,
    floor,
    log,
    sign,
)
from sympy import Function as AnyFunction
from sympy.core.function import AppliedUndef
from sympy.core.relational import GreaterThan, LessThan, Relational, StrictGreaterThan, StrictLessThan
from sympy.logic.boolalg import BooleanTrue

from derive import functions
from derive.functions import ScalarFunction
from verify.truth.field import UnsupportedError

DIGITS = 50
CONTEXT: Any = mpmath.MPContext()
CARRIED = DIGITS + 20  # what cancellation may take
CONTEXT.dps = CARRIED

Real: TypeAlias = Any
"""A decimal of mpmath, for which there are no types."""

ZERO, ONE, HALF = CONTEXT.mpf(0), CONTEXT.mpf(1), CONTEXT.mpf(1) / 2


AGREEING = CONTEXT.mpf(10) ** -40


def close(a: Real, b: Real) -> bool:
    """Whether two decimals agree to 40 digits, however small: gradients that vanish are not equal for it."""
    return bool(abs(a - b) <= AGREEING * max(abs(a), abs(b)))


class NoRealError(ArithmeticError):
    """The point lies where a formula has no real value: another one is drawn."""


class Pair(NamedTuple):
    """A value and its rate of change."""

    value: Real
    rate: Real


def real(number: Expr) -> Real:
    """A rational number as a decimal."""
    return CONTEXT.mpf(int(number.p)) / int(number.q)


def called(function: ScalarFunction, arguments: tuple[Pair, ...]) -> Pair:
    """A function at arguments that change: f(a), with f'(a) times the rate of a."""
    if not function.specified:
        return _unspecified(function.name, arguments)
    if len(arguments) == 1:
        value, slope = _known_at(function, arguments[0].value, CONTEXT.prec)
        return Pair(value, slope * arguments[0].rate)
    return pair(function.body.expr, dict(zip(function.body.variables, arguments, strict=True)))


@lru_cache(maxsize=4096)
def _known_at(function: ScalarFunction, argument: Real, precision: int) -> Pair:
    """A function and its slope at a number, kept: every disturbance of a cell asks for the same ones."""
    (by,) = function.body.variables
    found = pair(function.body.expr, {by: Pair(argument, ONE)})
    if function.declared is None:
        return found
    return Pair(found.value, pair(function.declared(by), {by: Pair(argument, ZERO)}).value)


def _unspecified(name: str, arguments: tuple[Pair, ...]) -> Pair:
    """One smooth function for every name, of which f', f'', ... are the slopes: sin(k a + s)."""
    if len(arguments) != 1:
        raise UnsupportedError(f"no numbers for {name} of {len(arguments)} arguments")
    (argument,) = arguments
    base = name.rstrip("'")
    order = len(name) - len(base)
    k, shift = _turning(base)
    turned = [CONTEXT.sin(k * argument.value + shift + (order + more) * CONTEXT.pi / 2) for more in (0, 1)]
    return Pair(k**order * turned[0], k ** (order + 1) * turned[1] * argument.rate)


def _turning(base: str) -> tuple[Real, Real]:
    code = sum(ord(letter) * 7**k for k, letter in enumerate(base))
    return 1 + CONTEXT.mpf(code % 89) / 100, CONTEXT.mpf(code % 97) / 50


def stand_in(function: ScalarFunction, letter: str) -> str:
    """What a function that is not specified, of that letter, stands for, in words."""
    k, shift = _turning(function.base)
    return f"{letter}(z) = sin({float(k):.4g} z + {float(shift):.4g})"


@singledispatch
def pair(expression: Expr, known: Mapping[Symbol, Pair]) -> Pair:
    """The value and the rate of change of a scalar expression, from those of its symbols."""
    raise UnsupportedError(f"no numbers for {type(expression).__name__}: {expression}")


@pair.register(Symbol)
def _symbol(expression: Symbol, known: Mapping[Symbol, Pair]) -> Pair:
    if expression not in known:
        raise UnsupportedError(f"unknown symbol {expression}")
    return known[expression]


@pair.register(Rational)
def _rational(expression: Rational, known: Mapping[Symbol, Pair]) -> Pair:
    return Pair(real(expression), ZERO)


@pair.register(Float)
def _float(expression: Float, known: Mapping[Symbol, Pair]) -> Pair:
    return Pair(CONTEXT.mpf(str(expression)), ZERO)


@pair.register(NumberSymbol)
def _constant(expression: NumberSymbol, known: Mapping[Symbol, Pair]) -> Pair:
    return Pair(CONTEXT.mpf(str(expression.evalf(CONTEXT.dps + 5))), ZERO)


@pair.register(Add)
def _sum(expression: Add, known: Mapping[Symbol, Pair]) -> Pair:
    parts = [pair(part, known) for part in expression.args]
    return Pair(CONTEXT.fsum(p.value for p in parts), CONTEXT.fsum(p.rate for p in parts))


@pair.register(Mul)
def _product(expression: Mul, known: Mapping[Symbol, Pair]) -> Pair:
    value, rate = ONE, ZERO
    for part in expression.args:
        found = pair(part, known)
        value, rate = value * found.value, rate * found.value + value * found.rate
    return Pair(value, rate)


@pair.register(Pow)
def _pow(expression: Pow, known: Mapping[Symbol, Pair]) -> Pair:
    base, exponent = pair(expression.base, known), expression.exp
    if exponent.is_Rational:
        return raised(base, exponent)
    power_ = pair(exponent, known)
    logarithm = _log_of(base)
    return _exp_of(Pair(power_.value * logarithm.value, power_.rate * logarithm.value + power_.value * logarithm.rate))


def raised(base: Pair, exponent: Expr) -> Pair:
    """A power with a rational exponent; a root of a negative number is no real."""
    if base.value == 0 and exponent <= 0:
        raise NoRealError("division by zero")
    if exponent.is_Integer:
        n = int(exponent)
        return Pair(base.value**n, n * base.value ** (n - 1) * base.rate if n != 1 else base.rate)
    if base.value <= 0:
        raise NoRealError("the root of a number that is not positive")
    power_ = real(exponent)
    value = base.value**power_
    return Pair(value, power_ * value / base.value * base.rate)


def _log_of(argument: Pair) -> Pair:
    if argument.value <= 0:
        raise NoRealError("the logarithm of a number that is not positive")
    return Pair(CONTEXT.log(argument.value), argument.rate / argument.value)


def _exp_of(argument: Pair) -> Pair:
    if abs(argument.value) > 10_000:
        raise NoRealError("an exponential that is too large")
    value = CONTEXT.exp(argument.value)
    return Pair(value, value * argument.rate)


@pair.register(exp)
def _exp(expression: Expr, known: Mapping[Symbol, Pair]) -> Pair:
    return _exp_of(pair(expression.args[0], known))


@pair.register(log)
def _log(expression: Expr, known: Mapping[Symbol, Pair]) -> Pair:
    if len(expression.args) != 1:
        raise UnsupportedError(f"no numbers for {expression}")
    return _log_of(pair(expression.args[0], known))


def positive(value: Real) -> Real:
    """1, 0, and 1/2 between them."""
    return ONE if value > 0 else ZERO if value < 0 else HALF


@pair.register(Max)
@pair.register(Min)
def _extremum(expression: Expr, known: Mapping[Symbol, Pair]) -> Pair:
    way = 1 if isinstance(expression, Max) else -1
    first, *others = (pair(part, known) for part in expression.args)
    for other in others:
        share = positive(way * (first.value - other.value))
        first = Pair(*(share * a + (1 - share) * b for a, b in zip(first, other, strict=True)))
    return first


@pair.register(Abs)
def _abs(expression: Expr, known: Mapping[Symbol, Pair]) -> Pair:
    found = pair(expression.args[0], known)
    return Pair(abs(found.value), (2 * positive(found.value) - 1) * found.rate)


@pair.register(sign)
def _sign(expression: Expr, known: Mapping[Symbol, Pair]) -> Pair:
    return Pair(2 * positive(pair(expression.args[0], known).value) - 1, ZERO)


@pair.register(Heaviside)
def _step(expression: Expr, known: Mapping[Symbol, Pair]) -> Pair:
    return Pair(positive(pair(expression.args[0], known).value), ZERO)


@pair.register(floor)
@pair.register(ceiling)
def _whole(expression: Expr, known: Mapping[Symbol, Pair]) -> Pair:
    found = pair(expression.args[0], known).value
    return Pair(CONTEXT.floor(found) if isinstance(expression, floor) else CONTEXT.ceil(found), ZERO)


@pair.register(Piecewise)
def _piecewise(expression: Piecewise, known: Mapping[Symbol, Pair]) -> Pair:
    for value, test in expression.args:
        if _holds(test, known):
            return pair(value, known)
    raise NoRealError("no case applies")


def _holds(test: Relational, known: Mapping[Symbol, Pair]) -> bool:
    if isinstance(test, BooleanTrue):
        return True
    if not isinstance(test, GreaterThan | StrictGreaterThan | LessThan | StrictLessThan):
        raise UnsupportedError(f"no numbers for the condition {test}")
    gap = pair(test.gts - test.lts, known).value
    return bool(gap > 0 or (gap == 0 and isinstance(test, GreaterThan | LessThan)))


@pair.register(AppliedUndef)
def _by_name(expression: AppliedUndef, known: Mapping[Symbol, Pair]) -> Pair:
    name = expression.func.__name__
    arguments = tuple(pair(part, known) for part in expression.args)
    entry = functions.function(name)
    return _unspecified(name, arguments) if entry is None else called(entry, arguments)


@pair.register(AnyFunction)
def _other(expression: Expr, known: Mapping[Symbol, Pair]) -> Pair:
    """Any other function of one argument that mpmath has under the same name."""
    name = expression.func.__name__
    compute = _computed(name)
    if compute is None or len(expression.args) != 1:
        raise UnsupportedError(f"no numbers for {name}")
    argument = pair(expression.args[0], known)
    return Pair(compute(argument.value), CONTEXT.diff(compute, argument.value) * argument.rate)


@cache
def _computed(name: str) -> Any:
    return cast(Any, getattr(CONTEXT, name, None)) if name in _KNOWN else None


_KNOWN = frozenset(
    {"tanh", "sinh", "cosh", "sech", "sin", "cos", "tan", "atan", "asin", "acos", "asinh", "acosh", "atanh"}
    | {"erf", "erfc"}
)
