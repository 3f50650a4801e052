"""Ranges of functions against samples, and bounds on expressions that are exact where they can be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sympy import Interval, Rational, S, Symbol, erf
from sympy.calculus.util import function_range

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.ranges import LIMITS, bounded_states, extent, function_extent, magnitude
from derive.functions import ENTRIES, ScalarFunction, function
from derive.nodes import Norm, Quantity, add, apply, hadamard, ones, power, scale, size, t
from derive.reader import read_equations

H = size("H")
U, X = Quantity("u", H, 1), Quantity("x", H, 1, t)
RNN = differentiate(catalogue.find("rnn")).program


KNOWN = {
    "tanh": np.tanh, "sigmoid": lambda a: 0.5 + 0.5 * np.tanh(a / 2), "relu": lambda a: np.maximum(a, 0),
    "identity": lambda a: a, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos,
    "abs": np.abs, "sign": np.sign, "heaviside": lambda a: np.heaviside(a, 0), "softplus": lambda a: np.logaddexp(a, 0),
    "erf": np.vectorize(math.erf), "floor": np.floor, "ceil": np.ceil, "round": lambda a: np.floor(a + 0.5),
}  # fmt: skip
ONE_ARGUMENT = [name for name, entry in ENTRIES.items() if len(entry.function.body.variables) == 1]


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_ranges_of_functions_hold_all_values_and_no_more(name: str) -> None:
    a = np.concatenate([-np.logspace(6, -9, 400), [0.0], np.logspace(-9, 6, 400), np.linspace(-7, 7, 1001)])
    with np.errstate(all="ignore"):
        values = KNOWN[name](a)
    values, found = values[~np.isnan(values)], function_extent(ENTRIES[name].function)
    if found is None:
        assert np.abs(values).max() > 10
    else:
        assert np.isclose(values.min(), float(found.inf), atol=1e-5)
        assert np.isclose(values.max(), float(found.sup), atol=1e-5)


def test_open_functions_and_two_arguments_have_no_range() -> None:
    assert function_extent(ScalarFunction("f")) is None
    assert function_extent(ENTRIES["max"].function) is None


def test_slopes_are_limited_by_their_exact_maximum() -> None:
    gate, squashed = apply(function("sigmoid"), X), apply(function("tanh"), X)
    one = ones(H, 1)
    assert magnitude(hadamard(gate, add(one, scale(-1, gate))), RNN) == scale(Rational(1, 4), ones(1, 1))
    assert magnitude(add(one, scale(-1, power(squashed, 2))), RNN) == ones(1, 1)
    assert extent(add(gate, scale(-2, squashed)), RNN) == Interval(-2, 3)
    assert magnitude(hadamard(gate, add(U, squashed)), RNN) == add(Norm(U, True), ones(1, 1))
    assert magnitude(hadamard(X, X, U), RNN).atoms(Norm) == {Norm(X, True), Norm(U, True)}


@pytest.mark.parametrize(
    ("name", "held"), [("rnn", {"h"}), ("lstm", {"h"}), ("gru", {"h"}), ("gru_reset_after", {"h"})]
)
def test_states_that_stay_between_minus_one_and_one(name: str, held: set[str]) -> None:
    assert {state.name for state in bounded_states(differentiate(catalogue.find(name)).program)} == held


def test_an_assumption_that_is_not_preserved_is_dropped_with_what_rests_on_it() -> None:
    growing = read_equations(
        [r"h_t = h_{t-1} + \tanh(W x_t)", r"g_t = h_{t-1} \odot \tanh(V x_t + g_{t-1})"], ["output: h_t"]
    )
    assert bounded_states(growing) == ()
    mean = read_equations(
        [r"h_t = \frac{1}{2} h_{t-1} + \frac{1}{2} g_{t-1}", r"g_t = h_{t-1} \odot \tanh(V x_t + g_{t-1})"],
        ["output: h_t"],
    )
    assert {state.name for state in bounded_states(mean)} == {"h", "g"}


def test_known_ranges_are_those_of_sympy() -> None:
    by = Symbol("by", real=True)
    for written, low, high in LIMITS:
        if written is not erf:
            found = function_range(written(by), by, S.Reals)
            assert (found.inf, found.sup) == (low, high)
