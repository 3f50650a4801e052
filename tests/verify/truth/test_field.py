from __future__ import annotations

import pytest
from sympy import Lambda, Max, Piecewise, Rational, Symbol, exp, log, pi, sqrt, tanh

from derive import functions
from derive.functions import ENTRIES, ScalarFunction
from verify.truth.field import HALF, NoValueError, P, Table, UnsupportedError, compiled, inverse, scalar

A = functions.a


def test_the_inverse_multiplies_to_one():
    assert 12345 * inverse(12345) % P == 1
    with pytest.raises(NoValueError):
        inverse(0)


def test_a_table_keeps_its_values_and_depends_on_the_seed_alone():
    table = Table(1)
    assert table.call("f", 7) == table.call("f", 7) == Table(1).call("f", 7)
    assert len({table.call("f", 7), table.call("g", 7), table.call("f", 8), Table(2).call("f", 7)}) == 4


def test_what_was_drawn_can_be_taken_back():
    table = Table(0)
    kept = table.draw("f", 1)
    mark = table.mark()
    first = table.draw("f", 2)
    table.forget(mark)
    table.salt = 1
    assert table.draw("f", 1) == kept
    assert table.draw("f", 2) != first


@pytest.mark.parametrize("a", [3, P - 3, 10**17])
def test_relations_that_readers_use_hold(a):
    table = Table(5)
    minus = P - a

    def call(name, argument):
        return table.call(name, argument)

    assert call("tanh", minus) == P - call("tanh", a)
    assert call("sin", minus) == P - call("sin", a)
    assert call("cos", minus) == call("cos", a)
    assert call("exp", minus) * call("exp", a) % P == 1
    assert (call("sigmoid", minus) + call("sigmoid", a)) % P == 1
    assert (call("softplus", a) - call("softplus", minus)) % P == a
    assert table.positive(a) + table.positive(minus) == 1
    assert (table.sign(a) + table.sign(minus)) % P == 0


def test_values_at_zero_respect_the_relations():
    table = Table(0)
    assert [table.call(name, 0) for name in ("tanh", "sin", "exp", "cos", "sigmoid")] == [0, 0, 1, 1, HALF]
    assert table.sign(0) == 0


def test_a_root_squares_back_and_half_of_the_numbers_have_one():
    table = Table(0)
    found = 0
    for a in range(1, 200):
        try:
            found += table.root(a) ** 2 % P == a
        except NoValueError:
            continue
    assert 70 < found < 130


def test_kinks_are_consistent_with_the_step():
    table = Table(3)
    for a, b in [(3, 8), (8, 3), (5, P - 7)]:
        relu = scalar(ENTRIES["relu"].function)
        assert relu.value(table, (a,)) == a * table.positive(a) % P
        assert relu.slopes[0](table, (a, 0)) == table.positive(a)
        largest, least = scalar(ENTRIES["max"].function), scalar(ENTRIES["min"].function)
        assert largest.value(table, (a, b)) in (a, b)
        assert (largest.value(table, (a, b)) + least.value(table, (a, b))) % P == (a + b) % P
        assert largest.value(table, (a, b)) == largest.value(table, (b, a))
        for function in (largest, least):
            chosen = function.value(table, (a, b))
            assert [slope(table, (a, b, chosen)) for slope in function.slopes] == [chosen == a, chosen == b]


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_registered_function_has_a_value_and_slopes(name):
    function = scalar(ENTRIES[name].function)
    arguments = (4, 9)[: len(function.slopes)]  # squares, so that a root exists
    table = Table(0)
    value = function.value(table, arguments)
    assert 0 <= value < P
    assert all(0 <= slope(table, (*arguments, value)) < P for slope in function.slopes)


def test_an_open_function_and_its_slope_are_two_tables():
    f = scalar(ScalarFunction("f"))
    table = Table(0)
    assert f.value(table, (3,)) == table.call("f", 3)
    assert f.slopes[0](table, (3, 0)) == table.call("f'", 3)


def test_a_function_given_as_an_expression_is_computed():
    swish = scalar(ScalarFunction("swish", Lambda(A, A / (1 + exp(-A)))))
    table = Table(0)
    e = table.call("exp", 7)
    y = swish.value(table, (7,))
    assert y == 7 * e * inverse(1 + e) % P
    # (a e^a / (1 + e^a))' = σ + a σ (1 − σ)
    s = e * inverse(1 + e) % P
    assert swish.slopes[0](table, (7, y)) == (s + 7 * s * (1 - s)) % P


def test_scalar_expressions_compile():
    table = Table(0)
    assert compiled(Rational(1, 3) * A**2 - 2, (A,))(table, (6,)) == 10
    assert compiled(sqrt(A) ** 3, (A,))(table, (4,)) in (8, P - 8)
    assert compiled(A * sqrt(pi), (A,))(table, (1,)) ** 2 % P == compiled(pi * A, (A,))(table, (1,))
    assert compiled(log(tanh(A)), (A,))(table, (3,)) == table.call("log", table.call("tanh", 3))
    pieces = compiled(Piecewise((A, A > 0), (2 * A, True)), (A,))
    assert pieces(table, (5,)) == (5 if table.positive(5) else 10)
    assert compiled(Max(A, 3, -A), (A,))(table, (8,)) in (8, 3, P - 8)


@pytest.mark.parametrize(
    ("expression", "named"), [(A ** Rational(1, 3), "1/3"), (Symbol("q"), "q"), (A ** Symbol("n"), "n")]
)
def test_what_has_no_exact_value_is_named(expression, named):
    with pytest.raises(UnsupportedError, match=named):
        compiled(expression, (A,))(Table(0), (8,))
