"""Scalar expressions in forms that do not overflow: what is rational in an exponential, in terms of σ.

With s = σ(u) and s' = σ(−u) = 1 − s, e^u is s / s'. A quotient of two polynomials in e^u, the lower one at least of
the same degree and with both its ends, becomes a quotient of polynomials in s and s': numbers between zero and one,
which never vanish together. So σ(u) written out, its slopes, tanh and the like are computed for any argument.
"""

from __future__ import annotations

from functools import cache
from typing import cast

from sympy import Add, Expr, Mul, Poly, Pow, Symbol, exp, fraction, together
from sympy import Function as UndefinedFunction

_POWER = Symbol("power")


@cache
def saturating(expression: Expr) -> Expr:
    """The expression with every such quotient in terms of `sigmoid`, applied as a function without a definition."""
    if not expression.has(exp):
        return expression
    found = _rational(expression)
    if found is not None:
        return found
    if isinstance(expression, Mul):
        return _factors(expression)
    return cast(Expr, expression.func(*map(saturating, expression.args)))


def _factors(product: Mul) -> Expr:
    """A product that is no such quotient: the factors with exponentials of one argument together, if they are one."""
    rest: list[Expr] = []
    groups: dict[Expr, list[Expr]] = {}
    for factor in product.args:
        argument = _argument(factor)
        if argument is None:
            rest.append(saturating(factor))
        else:
            groups.setdefault(argument, []).append(factor)
    for factors in groups.values():
        found = _rational(Mul(*factors))
        rest += factors if found is None else [found]
    return Mul(*rest)


def _argument(expression: Expr) -> Expr | None:
    """u, where the expression is rational in exponentials of whole multiples of u, and holds nothing else."""
    exponents = [power.args[0] for power in expression.atoms(exp)]
    inside = expression.replace(exp, lambda _: _POWER)
    if not exponents or inside.free_symbols - {_POWER} or not inside.is_rational_function(_POWER):
        return None
    bare = [-u if u.could_extract_minus_sign() else u for u in exponents]
    smallest = min(bare, key=lambda u: abs(u.as_coeff_Mul()[0]))
    return smallest if all(_whole(u / smallest) is not None for u in exponents) else None


def _whole(multiple: Expr) -> int | None:
    return int(multiple) if multiple.is_Number and float(multiple).is_integer() else None


def _rational(expression: Expr) -> Expr | None:
    """The quotient in terms of σ, or None where it is none or would not be safer."""
    argument = _argument(expression)
    if argument is None or isinstance(expression, exp):
        return None
    inside = expression.replace(exp, lambda u: Pow(_POWER, _whole(u / argument)))
    above, below = fraction(together(inside))
    if not (above.is_polynomial(_POWER) and below.is_polynomial(_POWER)):
        return None
    upper, lower = Poly(above, _POWER), Poly(below, _POWER)
    degree = lower.degree()
    if degree < 1 or upper.degree() > degree or lower.nth(0) == 0:
        return None
    if not all(coefficient.is_positive for coefficient in lower.coeffs()):
        return None
    sigmoid = UndefinedFunction("sigmoid")
    opened, closed = sigmoid(argument), sigmoid(-argument)
    return _homogeneous(upper, degree, opened, closed) / _binomial(lower, degree, opened, closed)


def _homogeneous(polynomial: Poly, degree: int, opened: Expr, closed: Expr) -> Expr:
    terms = [coefficient * opened**power * closed ** (degree - power) for (power,), coefficient in polynomial.terms()]
    return Add(*terms)


def _binomial(polynomial: Poly, degree: int, opened: Expr, closed: Expr) -> Expr:
    """The same; a multiple of (1 + e^u)^n is that number, as s + s' = 1."""
    leading = polynomial.LC()
    if (polynomial - leading * Poly((1 + _POWER) ** degree, _POWER)).is_zero:
        return cast(Expr, leading)
    return _homogeneous(polynomial, degree, opened, closed)
