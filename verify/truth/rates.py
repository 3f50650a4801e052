"""Scalar SymPy expressions -> their rates of change, by rules of this package's own.

`derive` has SymPy differentiate the functions of its registry; here nothing of that is used, so that a false slope
there is found out. Known are the rules for sums, products, powers and composition, and the slopes of the functions
that no expression defines: exp, log, sin, cos, |a|, and the steps, which are flat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch
from typing import cast

from sympy import (
    Abs,
    Add,
    Expr,
    Heaviside,
    Integer,
    Max,
    Min,
    Mul,
    Number,
    NumberSymbol,
    Piecewise,
    Pow,
    Symbol,
    ceiling,
    cos,
    erf,
    exp,
    floor,
    log,
    pi,
    sign,
    sin,
    sqrt,
    tanh,
)
from sympy import Function as AnyFunction
from sympy.core.function import AppliedUndef

from derive import functions

ZERO, ONE = Integer(0), Integer(1)


class NoRateError(TypeError):
    """An expression for which there is no rule; the message names it."""


@singledispatch
def rate(expression: Expr, by: Symbol) -> Expr:
    """∂(expression)/∂(by); calls of functions without a definition become calls of their slopes, f'."""
    raise NoRateError(f"no slope is known for {type(expression).__name__}: {expression}")


@rate.register(Symbol)
def _symbol(expression: Symbol, by: Symbol) -> Expr:
    return ONE if expression == by else ZERO


@rate.register(Number)
@rate.register(NumberSymbol)
def _number(expression: Expr, by: Symbol) -> Expr:
    return ZERO


@rate.register(Add)
def _sum(expression: Add, by: Symbol) -> Expr:
    return cast(Expr, Add(*(rate(term, by) for term in expression.args)))


@rate.register(Mul)
def _product(expression: Mul, by: Symbol) -> Expr:
    factors = expression.args
    terms = [
        Mul(*factors[:k], moved, *factors[k + 1 :])
        for k, factor in enumerate(factors)
        if (moved := rate(factor, by)) != 0
    ]
    return cast(Expr, Add(*terms))


@rate.register(Pow)
def _power(expression: Pow, by: Symbol) -> Expr:
    base, exponent = expression.base, expression.exp
    if by in exponent.free_symbols:
        raise NoRateError(f"no slope is known for a power whose exponent varies: {expression}")
    return cast(Expr, exponent * Pow(base, exponent - 1) * rate(base, by))


@rate.register(Max)
@rate.register(Min)
def _extremum(expression: Expr, by: Symbol) -> Expr:
    # max(a, b) = b + (a - b) H(a - b), in the order in which the values are taken; H is flat.
    first, *others = expression.args
    best, moved = first, rate(first, by)
    for other in others:
        gap = best - other
        share = Heaviside(gap if isinstance(expression, Max) else -gap)
        moved = rate(other, by) + (moved - rate(other, by)) * share
        best = other + gap * share
    return cast(Expr, moved)


@rate.register(Piecewise)
def _cases(expression: Piecewise, by: Symbol) -> Expr:
    return cast(Expr, Piecewise(*((rate(value, by), test) for value, test in expression.args), evaluate=False))


_SLOPES: Mapping[type, Callable[[Expr], Expr]] = {
    exp: exp,
    log: lambda a: 1 / a,
    sin: cos,
    cos: lambda a: -sin(a),
    # tanh(a) = 2 / (1 + exp(-2a)) - 1, as the field has it.
    tanh: lambda a: 4 * exp(-2 * a) / (1 + exp(-2 * a)) ** 2,
    erf: lambda a: 2 * exp(-(a**2)) / sqrt(pi),
    Abs: sign,
    sign: lambda _: ZERO,
    Heaviside: lambda _: ZERO,
    floor: lambda _: ZERO,
    ceiling: lambda _: ZERO,
}


@rate.register(AnyFunction)
def _call(expression: Expr, by: Symbol) -> Expr:
    if type(expression) not in _SLOPES:
        raise NoRateError(f"no slope is known for {type(expression).__name__}: {expression}")
    argument = expression.args[0]
    inner = rate(argument, by)
    return ZERO if inner == 0 else cast(Expr, _SLOPES[type(expression)](argument) * inner)


@rate.register(AppliedUndef)
def _named(expression: AppliedUndef, by: Symbol) -> Expr:
    """A function called by its name: by its definition, or f' where it has none."""
    name = expression.func.__name__
    known = functions.function(name) or functions.ScalarFunction(name)
    found: list[Expr] = []
    for variable, argument in zip(known.body.variables, expression.args, strict=True):
        inner = rate(argument, by)
        if inner != 0:
            slope = rate(known.body.expr, variable) if known.specified else known.prime().value(variable)
            values = dict(zip(known.body.variables, expression.args, strict=True))
            found.append(slope.subs(values, simultaneous=True) * inner)
    return cast(Expr, Add(*found))
