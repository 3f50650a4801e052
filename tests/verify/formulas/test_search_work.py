"""What an explanation may cost, counted in parts of formulas evaluated."""

from __future__ import annotations

from itertools import pairwise

import pytest

from derive.calculus.adjoint import differentiate
from derive.nodes import Adjoint, add, hadamard, matmul
from derive.reader import read_note
from verify.formulas.claims import check
from verify.formulas.wrong.diagnose import diagnose
from verify.mistakes import forms
from verify.mistakes.judge import PARTS, Purse
from verify.truth.comparison import Bench, Setting


def chain(length):
    """A cell of so many equations, one after the other."""
    letters = "abcdefgijklmnopqrsuvwyz"[: length - 2]
    rows, before = [r"a_t &= W x_t + U h_{t-1} + b"], "a_t"
    for k, letter in enumerate(letters):
        function = (r"\tanh", r"\sigma")[k % 2]
        rows.append(rf"p_{{{letter},t}} &= {function}({before}) + h_{{t-1}}")
        before = f"p_{{{letter},t}}"
    rows.append(rf"h_t &= \tanh({before})")
    equations = " \\\\\n".join(rows)
    where = r"where $x_t \in \mathbb{R}^{D}$"
    return read_note(f"# Chain\n\n$$\n\\begin{{aligned}}\n{equations}\n\\end{{aligned}}\n$$\n\n{where}\n")


@pytest.mark.parametrize("length", [4, 10])
def test_the_work_of_a_search_is_bounded_whatever_the_cell(length):
    cell, purse = chain(length), Purse()
    derivation = differentiate(cell)
    u = cell.quantities["U"]
    nonsense = matmul(derivation.by_name["U"].value, u, u)
    diagnose(Adjoint(u), nonsense, Setting(Bench(cell, derivation.program)), derivation, purse=purse)
    assert purse.left > -0.2 * PARTS


def test_a_search_without_means_explains_nothing():
    cell = chain(5)
    derivation = differentiate(cell)
    a = derivation.program.quantities["a"]
    wrong = derivation.by_name["a"].value
    left = Adjoint(a)
    setting = Setting(Bench(cell, derivation.program))
    right = hadamard(wrong, a)
    assert diagnose(left, right, setting, derivation).mistakes
    assert not diagnose(left, right, setting, derivation, purse=Purse(0)).mistakes


def test_a_purse_gives_what_it_has():
    purse = Purse(100)
    assert [purse.share(60).left, purse.share(60).left, purse.share(60).left] == [60, 40, 0]
    assert Purse(100).affords(30) == 3


def test_a_product_of_many_sums_is_not_multiplied_out():
    cell = chain(20)
    quantities = [cell.quantities[f"p_{letter}"] for letter in "abcdefgijklmno"]
    sums = [add(one, other) for one, other in pairwise(quantities)]
    assert len(forms.multiplied_out(hadamard(*sums[:3]))) == 8
    assert forms.multiplied_out(hadamard(*sums)) == (hadamard(*sums),)
    assert len(forms.multiplied_out(add(hadamard(*sums), quantities[0]))) == 2


def test_vanishing_gradients_have_a_counterexample_of_small_numbers():
    formula = r"\frac{\partial J}{\partial U} = 2 \sum_t \frac{\partial J}{\partial a_t} h_{t-1}^\top"
    (found,) = check(formula, chain(8))
    case = found.counterexample
    assert case["T"] == 2
    assert case["right"] == pytest.approx(2 * case["left"], rel=1e-3)
