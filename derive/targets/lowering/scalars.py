"""Scalar expressions to code, entry by entry: the bodies of a module's helper functions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from sympy import Abs, Expr, Heaviside, Max, Min, Mul, Pow, Rational, Symbol, exp, log, sign

from derive import functions
from derive.calculus.stable_scalars import saturating
from derive.errors import DerivationError
from derive.functions import ENTRIES
from derive.targets.language.code import Call, Code, Name, Number, Power, Product, Sum, python, size_text

_ENTRY = {Abs: "abs", Max: "max", Min: "min", Heaviside: "heaviside", sign: "sign"}
"""The entries by the classes that SymPy has for them."""


NAMES: Mapping[Symbol, Code] = {symbol: Name(symbol.name) for symbol in (functions.a, functions.b, functions.y)}
"""The arguments of a helper, and y for its value."""


def scalar(expression: Expr, called: set[str]) -> str:
    """The text of a scalar expression in a, b and y; the helpers it calls are added to `called`.

    Raises DerivationError for a function that the module cannot define.
    """
    return python(lowered_scalar(expression, called))[0]


def lowered_scalar(expression: Expr, called: set[str]) -> Code:
    """The same as an expression of numbers."""
    return _lowered(saturating(expression), NAMES, called)


def _lowered(expression: Expr, names: Mapping[Symbol, Code], called: set[str]) -> Code:
    if expression in names:
        return names[expression]
    if expression.is_number:
        return Number(size_text(expression) if expression.is_Integer else repr(float(expression)))
    if expression.is_Add:
        # Numbers and positive terms lead: 1 - y * y.
        ordered = sorted(expression.args, key=lambda term: term.could_extract_minus_sign())
        terms = [(term.could_extract_minus_sign(), _unsigned(term)) for term in ordered]
        return Sum(tuple((negative, _lowered(term, names, called)) for negative, term in terms))
    if expression.is_Mul:
        return _product(expression, names, called)
    if expression.is_Pow:
        return _power(expression, names, called)
    if isinstance(expression, log) and (inner := _softplus_argument(expression)) is not None:
        return _call("softplus", [_lowered(inner, names, called)], called)
    arguments = expression.args[:1] if isinstance(expression, Heaviside) else expression.args
    parts = [_lowered(part, names, called) for part in arguments]
    name = _ENTRY.get(type(expression), expression.func.__name__)
    if name in ("max", "min"):
        return reduce(lambda left, right: _call(name, [left, right], called), parts)
    known = functions.function(name) or functions.function(name.lower())
    if known is None:
        raise DerivationError(f"the code cannot compute {expression}")
    return _call(known.name, parts, called)


def _unsigned(term: Expr) -> Expr:
    """The term without the minus sign before it."""
    return -term if term.could_extract_minus_sign() else term


def _softplus_argument(expression: log) -> Expr | None:
    """u, where the expression is log(1 + e^u)."""
    (inside,) = expression.args
    rest = inside - 1
    return rest.args[0] if isinstance(rest, exp) else None


def _call(name: str, arguments: list[Code], called: set[str]) -> Code:
    text = ENTRIES[name].numpy
    if name == "identity":
        return arguments[0]
    if text == f"np.{name}(a)":
        return Call(f"np.{name}", tuple(arguments))
    called.add(name)
    return Call(name, tuple(arguments))


def _product(expression: Mul, names: Mapping[Symbol, Code], called: set[str]) -> Code:
    """A product; where it holds a step function, the other factors count only where that is not zero."""
    steps = [factor for factor in expression.args if isinstance(factor, Heaviside) or _is_step(factor)]
    rest = [factor for factor in expression.args if factor not in steps]
    if steps and any(factor.free_symbols for factor in rest):
        gate = _joined([_lowered(step, names, called) for step in steps])
        others = _lowered(Mul(*rest), names, called)
        called.add("gated")
        return Call("gated", (gate, others))
    negative = expression.could_extract_minus_sign()
    above: list[Code] = []
    below: list[Code] = []
    for factor in (-expression if negative else expression).as_ordered_factors():
        if isinstance(factor, Rational) and not factor.is_Integer:
            exact = float(factor) == factor  # a half and the like
            above += [Number(repr(float(factor)) if exact else str(factor.p))]
            below += [] if exact else [Number(str(factor.q))]
        elif isinstance(factor, Pow) and factor.exp.is_negative:
            below.append(_lowered(1 / factor, names, called))
        else:
            above.append(_lowered(factor, names, called))
    product = above[0] if len(above) == 1 and not below else Product(tuple(above), tuple(below))
    return Sum(((True, product),)) if negative else product


def _is_step(factor: Expr) -> bool:
    return bool(factor.func.__name__ == "heaviside")


def _joined(parts: list[Code]) -> Code:
    return parts[0] if len(parts) == 1 else Product(tuple(parts))


def _power(expression: Pow, names: Mapping[Symbol, Code], called: set[str]) -> Code:
    base, exponent = expression.as_base_exp()
    if exponent.is_negative:
        return Product((), (_lowered(base ** (-exponent), names, called),))
    inner = _lowered(base, names, called)
    if exponent == Rational(1, 2):
        return Call("np.sqrt", (inner,))
    if not exponent.is_number:
        raise DerivationError(f"the code cannot compute {expression}")
    return Power(inner, size_text(exponent) if exponent.is_Integer else repr(float(exponent)))
