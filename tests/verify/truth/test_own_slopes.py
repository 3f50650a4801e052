"""The truth differentiates by itself: a false slope in `derive` makes no proof, and a true one is not doubted."""

from __future__ import annotations

import pytest
from sympy import Lambda, Piecewise, exp, log

from derive import functions
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.functions import ENTRIES, ScalarFunction, a
from derive.reader import read_note
from verify.formulas.claims import check
from verify.formulas.judgement import Word
from verify.truth.field import NoValueError, Table, compiled, scalar
from verify.truth.proof import prove
from verify.truth.rates import NoRateError, rate

FLAT = {"sign", "heaviside", "floor", "ceil", "round"}
SLOPED = [name for name, entry in ENTRIES.items() if len(entry.function.body.variables) == 1 and name not in FLAT]
TRUE = functions.slope


def _cell(name: str) -> Cell:
    written = ENTRIES[name].latex
    return read_note(
        f"# Cell with {name}\n\n$$ h_t = {written}(W x_t + U h_{{t-1}} + b) $$\n\nwhere $x_t \\in \\mathbb{{R}}^D$\n"
    )


def _false(monkeypatch, name, change):
    def slope(of, argument=0):
        true = TRUE(of, argument)
        return change(true) if of.name == name else true

    monkeypatch.setattr(functions, "slope", slope)


@pytest.mark.parametrize("name", SLOPED)
def test_a_false_slope_in_the_derivation_is_refuted_wherever_it_was_used(name, monkeypatch):
    cell = _cell(name)
    assert all(verdict.proved for verdict in prove(differentiate(cell), trials=1).values())
    _false(monkeypatch, name, lambda true: true + 1)
    verdicts = prove(differentiate(cell), trials=1)
    assert all(verdict.refuted for verdict in verdicts.values()), verdicts


@pytest.mark.parametrize("false", [1 - functions.y, functions.y * (1 - functions.y), 1 + functions.y**2])
def test_no_other_slope_passes_for_that_of_tanh(false, monkeypatch):
    cell = _cell("tanh")
    _false(monkeypatch, "tanh", lambda true: false)
    assert all(verdict.refuted for verdict in prove(differentiate(cell), trials=1).values())


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "relu"])
def test_the_prime_of_a_function_is_its_slope_whatever_the_derivation_says(name, monkeypatch):
    cell, written = _cell(name), ENTRIES[name].latex
    net = r"\frac{\partial J}{\partial net_{h,t}} = \frac{\partial J}{\partial h_t} \odot"
    formula = rf"{net} {written}'(net_{{h,t}})"
    before = check(formula, cell, explain=False)[0].word
    _false(monkeypatch, name, lambda true: 1 - functions.y)
    assert check(formula, cell, explain=False)[0].word is before is Word.PROVED


def test_a_false_slope_in_the_derivation_does_not_turn_a_formula(monkeypatch):
    cell = _cell("tanh")
    _false(monkeypatch, "tanh", lambda true: 1 - functions.y)
    net = r"\frac{\partial J}{\partial net_{h,t}} = \frac{\partial J}{\partial h_t} \odot"
    assert check(net + r" (1 - h_t^2)", cell, explain=False)[0].word is Word.PROVED
    assert check(net + r" (1 - h_t)", cell, explain=False)[0].word is Word.WRONG


@pytest.mark.parametrize("name", list(ENTRIES))
def test_own_slopes_are_those_of_the_registry(name):
    function = ENTRIES[name].function
    known = (*function.body.variables, functions.y)
    for argument in range(len(function.body.variables)):
        theirs = compiled(TRUE(function, argument), known)
        for seed in range(8):
            table = Table(seed)
            values = tuple(table.random("argument", k) for k in range(len(function.body.variables)))
            try:
                y = scalar(function).value(table, values)
                assert scalar(function).slopes[argument](table, (*values, y)) == theirs(table, (*values, y))
            except NoValueError:
                continue


@pytest.mark.parametrize(
    "body", [a**3 / (1 + a**2), log(1 + exp(a)) * a, Piecewise((a, a > 0), (exp(a) - 1, True)), exp(-(a**2))]
)
def test_own_rules_are_those_of_sympy(body):
    function = ScalarFunction("own", Lambda((a,), body))
    theirs = compiled(body.diff(a), (a,))
    for seed in range(4):
        table = Table(seed)
        at = table.random("argument")
        assert scalar(function).slopes[0](table, (at, 0)) == theirs(table, (at,))


def test_what_has_no_rule_is_named():
    with pytest.raises(NoRateError, match="exponent varies"):
        rate(2**a, a)
