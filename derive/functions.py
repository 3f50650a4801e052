"""Elementwise functions: one entry each. The slope is derived by SymPy; nobody types it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, cast

from sympy import (
    Abs,
    Basic,
    Derivative,
    DiracDelta,
    Expr,
    Heaviside,
    Integer,
    Lambda,
    Max,
    Min,
    Mul,
    Poly,
    Rational,
    Subs,
    Symbol,
    ceiling,
    cos,
    erf,
    exp,
    floor,
    fraction,
    log,
    sign,
    sin,
    sqrt,
    tanh,
    together,
)
from sympy import Function as UndefinedFunction
from sympy.core.function import AppliedUndef
from sympy.core.symbol import Str

from derive.calculus.stable_scalars import saturating

a = Symbol("a", real=True)
b = Symbol("b", real=True)
y = Symbol("y", real=True)
"""The output of a function, in which its slope is written where that is possible."""


class ScalarFunction(Basic):
    """A named scalar function: a SymPy Lambda, or an unspecified function such as f with slope f'.

    Its slope may be `declared`, as for a surrogate gradient: then that is taken wherever it is differentiated.
    """

    def __new__(cls, name: Any, body: Lambda | None = None, declared: Lambda | None = None) -> ScalarFunction:
        label = Str(name) if isinstance(name, str) else name
        known = (body or Lambda(a, UndefinedFunction(label.name)(a)), *(() if declared is None else (declared,)))
        return cast(ScalarFunction, Basic.__new__(cls, label, *known))

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    @property
    def body(self) -> Lambda:
        return cast(Lambda, self.args[1])

    @property
    def declared(self) -> Lambda | None:
        """The slope that a note declares beside the function, None where it is the function's own derivative."""
        return cast(Lambda, self.args[2]) if len(self.args) > 2 else None

    @property
    def specified(self) -> bool:
        """Whether the function is known as an expression."""
        return not isinstance(self.body.expr, AppliedUndef)

    @property
    def base(self) -> str:
        """The name without the primes that mark its slopes."""
        return self.name.rstrip("'")

    def prime(self) -> ScalarFunction:
        """The slope as a function: the declared one, or that of an unspecified function, unspecified itself."""
        return ScalarFunction(self.name + "'", self.declared)

    def value(self, *arguments: Expr) -> Expr:
        return cast(Expr, self.body(*arguments))


@dataclass(frozen=True)
class Entry:
    """What is known of a function: its expression in a (and b), how it is printed and how NumPy computes it.

    SymPy takes a while over some expressions, so each is `written` when it is asked for. `numpy` is stable code in `a`
    (and `b`) that also accepts complex arrays, so that the complex step works.
    """

    name: str
    written: Callable[[], Expr]
    numpy: str
    latex: str
    words: tuple[str, ...] = ()
    choosable: bool = True
    """Whether it may be chosen for a function that a note leaves open."""

    @cached_property
    def expression(self) -> Expr:
        return self.written()

    @property
    def function(self) -> ScalarFunction:
        arguments = tuple(symbol for symbol in (a, b) if symbol in self.expression.free_symbols) or (a,)
        return ScalarFunction(self.name, Lambda(arguments, self.expression))


ERF = (
    "np.vectorize(math.erf, otypes=[a.real.dtype])(a.real) + (0 if a.dtype.kind != 'c' else "
    "2j / np.sqrt(np.pi) * a.imag * np.exp(-a.real * a.real))"
)
"""The error function, which NumPy lacks; beside the real axis to first order, as the complex step needs it."""

ENTRIES: Mapping[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry("tanh", lambda: tanh(a), "np.tanh(a)", r"\tanh"),
        Entry("sigmoid", lambda: 1 / (1 + exp(-a)), "0.5 + 0.5 * np.tanh(0.5 * a)", r"\sigma", ("logistic", "σ")),
        Entry("relu", lambda: Max(0, a), "np.where(a.real > 0, a, 0 * a)", r"\operatorname{ReLU}", ("ReLU", "Relu")),
        Entry("identity", lambda: a, "a", r"\operatorname{id}", ("id", "linear")),
        Entry("exp", lambda: exp(a), "np.exp(a)", r"\exp"),
        Entry("log", lambda: log(a), "np.log(a)", r"\log", ("ln",)),
        Entry("sqrt", lambda: sqrt(a), "np.sqrt(a)", r"\operatorname{sqrt}"),
        Entry("sin", lambda: sin(a), "np.sin(a)", r"\sin"),
        Entry("cos", lambda: cos(a), "np.cos(a)", r"\cos"),
        Entry("abs", lambda: Abs(a), "np.where(a.real < 0, -a, a)", r"\operatorname{abs}"),
        Entry("sign", lambda: sign(a), "np.sign(a.real)", r"\operatorname{sign}", ("sgn",)),
        Entry(
            "heaviside",
            lambda: Heaviside(a),
            "(a.real > 0).astype(a.real.dtype)",
            r"\operatorname{Heaviside}",
            ("Heaviside", "step", "Step"),
        ),
        Entry("floor", lambda: floor(a), "np.floor(a.real)", r"\operatorname{floor}", choosable=False),
        Entry("ceil", lambda: ceiling(a), "np.ceil(a.real)", r"\operatorname{ceil}", ("ceiling",), choosable=False),
        Entry(
            "round",  # halves go up
            lambda: floor(a + Rational(1, 2)),
            "np.floor(a.real + 0.5)",
            r"\operatorname{round}",
            choosable=False,
        ),
        Entry(
            "softplus",
            lambda: log(1 + exp(a)),
            "np.where(a.real > 0, a, 0 * a) + np.log1p(np.exp(np.where(a.real > 0, -a, a)))",
            r"\operatorname{softplus}",
        ),
        Entry("erf", lambda: erf(a), ERF, r"\operatorname{erf}", choosable=False),
        Entry("max", lambda: Max(a, b), "np.where((a - b).real > 0, a, b)", r"\max"),
        Entry("min", lambda: Min(a, b), "np.where((a - b).real < 0, a, b)", r"\min"),
    )
}
"""The functions that everything else is made of: printed, computed and differentiated by an entry of their own."""


@dataclass(frozen=True)
class Defined:
    """A function that frameworks know by name, by its expression; the rest follows from the entries in it."""

    name: str
    written: Callable[[], Expr]
    words: tuple[str, ...] = ()
    otherwise: str = ""
    """Another function that some call by the same name."""

    @cached_property
    def expression(self) -> Expr:
        return self.written()

    @property
    def function(self) -> ScalarFunction:
        return ScalarFunction(self.name, Lambda((a,), self.expression))


def _sigmoid(argument: Expr) -> Expr:
    return cast(Expr, 1 / (1 + exp(-argument)))


DEFINED: Mapping[str, Defined] = {
    one.name: one
    for one in (
        Defined("silu", lambda: a * _sigmoid(a), ("SiLU", "swish", "Swish")),
        Defined("gelu", lambda: a * (1 + erf(a / sqrt(2))) / 2, ("GELU", "GeLU"), "its approximation by tanh"),
        Defined("elu", lambda: Max(0, a) + Min(0, exp(a) - 1), ("ELU",)),
        Defined(
            "leaky_relu",
            lambda: Max(a, a / 100),
            ("LeakyReLU", "leakyrelu", "leakyReLU", "LReLU", "Leaky_ReLU"),
            "with another slope than 0.01",
        ),
        Defined(
            "hard_sigmoid",
            lambda: Max(0, Min(1, a / 6 + Rational(1, 2))),
            ("hardsigmoid", "HardSigmoid", "hardSigmoid", "Hardsigmoid"),
            "max(0, min(1, 0.2 a + 0.5)), as older Keras and ONNX have it",
        ),
        Defined("hard_tanh", lambda: Max(-1, Min(1, a)), ("hardtanh", "HardTanh", "Hardtanh", "htanh")),
        Defined("relu6", lambda: Max(0, Min(6, a)), ("ReLU6",)),
        Defined("softsign", lambda: a / (1 + Abs(a)), ("Softsign", "SoftSign")),
        Defined("mish", lambda: a * tanh(log(1 + exp(a))), ("Mish",)),
        Defined("sinh", lambda: (exp(a) - exp(-a)) / 2),
        Defined("cosh", lambda: (exp(a) + exp(-a)) / 2),
        Defined("logsigmoid", lambda: -log(1 + exp(-a)), ("LogSigmoid", "log_sigmoid")),
    )
}
"""Functions that a note may use by name and that no entry is needed for."""


@cache
def function(name: str) -> ScalarFunction | None:
    """The function of that name or alias, if there is one."""
    for entry in ENTRIES.values():
        if name == entry.name or name in entry.words:
            return entry.function
    for one in DEFINED.values():
        if name == one.name or name in one.words:
            return one.function
    return None


def is_entry(of: ScalarFunction) -> bool:
    """Whether the function is the one of the table, with its own derivative, not a note's own by the same name."""
    return of.name in ENTRIES and ENTRIES[of.name].function == of


@cache
def slope(of: ScalarFunction, argument: int = 0) -> Expr:
    """∂f/∂(argument): declared, or derived by SymPy and written in the output `y` where `a` can be eliminated.

    Calls of other functions that remain in it are calls of entries, or of f' for an unspecified f.
    """
    arguments = of.body.variables
    by = arguments[argument]
    if of.declared is not None:
        return cast(Expr, of.declared(by))
    if not of.specified:
        return cast(Expr, of.prime().value(by))
    body = of.body.expr
    derivative = body.diff(by).replace(DiracDelta, lambda *_: Integer(0))  # a jump has slope zero beside it
    derivative = derivative.replace(lambda part: isinstance(part, Derivative | Subs), lambda _: Integer(0))
    if not isinstance(body, Symbol):
        derivative = derivative.subs(body, y)
    # SymPy's Heaviside carries its value at 0 along; one step function of one argument is enough.
    derivative = derivative.replace(Heaviside, lambda argument, *_: UndefinedFunction("heaviside")(argument))
    if derivative.has(exp):
        derivative = _in_output(body, derivative, by)
    if derivative.has(exp):
        derivative = _recognised(derivative, by)
    return signs_inside(saturating(derivative))


def _recognised(derivative: Expr, by: Symbol) -> Expr:
    """The derivative as a call of a known function, where it is one (softplus' = sigmoid)."""
    for entry in ENTRIES.values():
        if (
            entry.expression.has(exp)
            and together(entry.expression.subs(a, by) - derivative).rewrite(exp).simplify() == 0
        ):
            return cast(Expr, UndefinedFunction(entry.name)(by))
    return derivative


def _in_output(body: Expr, derivative: Expr, by: Symbol) -> Expr:
    """Eliminate an exponential in which `body` is a ratio of two linear terms."""
    exponentials = body.atoms(exp)
    if len(exponentials) != 1:
        return derivative
    exponential = next(iter(exponentials))
    u = Symbol("u")
    above, below = fraction(together(body.subs(exponential, u)))
    relation = above - y * below
    if by in relation.free_symbols or not relation.is_polynomial(u) or Poly(relation, u).degree() != 1:
        return derivative
    slope_of, constant = Poly(relation, u).all_coeffs()
    return cast(Expr, derivative.subs(exponential, -constant / slope_of).factor())


def signs_inside(expression: Expr) -> Expr:
    """-y(y - 1) as y(1 - y)."""
    if isinstance(expression, Mul) and expression.args[0] == -1:
        for factor in expression.args[1:]:
            if factor.is_Add and any(term.could_extract_minus_sign() for term in factor.args):
                return cast(Expr, Mul(*(-f if f == factor else f for f in expression.args[1:])))
    return expression
