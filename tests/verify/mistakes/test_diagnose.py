"""What a person is told about a wrong formula."""

from __future__ import annotations

import pytest
import true_formulas

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.functions import ENTRIES
from derive.nodes import (
    Adjoint,
    Jacobian,
    add,
    apply,
    contains,
    diag,
    hadamard,
    matmul,
    ones,
    power,
    scale,
    size,
    sum_over_time,
    t,
    transpose,
)
from derive.nodes import T as LAST
from verify.formulas.wrong.diagnose import diagnose
from verify.mistakes.context import Context
from verify.mistakes.mutate import MISTAKES
from verify.mistakes.terms import BATCH
from verify.truth.comparison import Bench, Setting
from verify.truth.proof import identical

TANH, SIGMOID = (ENTRIES[name].function for name in ("tanh", "sigmoid"))


class Known:
    """The quantities and gradients of a cell by name."""

    def __init__(self, cell):
        self.derivation = differentiate(catalogue.find(cell) if isinstance(cell, str) else cell)
        self.program = self.derivation.program
        self.bench = Bench(self.program, self.program)

    def q(self, name, shift=0):
        quantity = self.program.quantities[name]
        return quantity if quantity.time is None else quantity.at(t + shift)

    def d(self, name, shift=0):
        return Adjoint(self.q(name, shift))

    def value(self, name):
        return self.derivation.by_name[name].value

    def diagnose(self, left, right, **options):
        found = diagnose(left, right, Setting(self.bench), self.derivation, **options)
        if found.mistakes:
            assert identical(left, found.correct, self.program).proved
        return found


@pytest.fixture(scope="module")
def lstm():
    return Known("lstm")


@pytest.fixture(scope="module")
def rnn():
    return Known("rnn")


def one_minus(node):
    return add(ones(*node.shape), scale(-1, node))


def names(found):
    return [mistake.name for mistake in found.mistakes]


def test_a_path_through_the_next_step_is_missing(lstm):
    found = lstm.diagnose(lstm.d("c"), lstm.value("c").args[0])
    assert names(found) == ["missing term"]
    assert found.mistakes[0].detail == (
        r"missing term $\frac{\partial J}{\partial c_{t+1}} \odot f_{t+1}$: $c_t$ also reaches $J$ through $c_{t+1}$"
    )
    assert found.true_when == "$t = T$, nothing being asked of the final states"
    assert found.correct == lstm.value("c")


def test_two_of_five_paths_are_missing(lstm):
    kept = lstm.value("h").args
    found = lstm.diagnose(lstm.d("h"), add(kept[0], kept[2], kept[4]))
    assert names(found) == ["missing term", "missing term"]
    assert r"through $i_{t+1}$" in found.mistakes[0].detail


def test_everything_later_is_missing(lstm):
    found = lstm.diagnose(lstm.d("h"), Adjoint(lstm.q("h"), True))
    assert names(found) == ["total and immediate derivative mixed"]


def test_what_the_loss_reads_is_missing(lstm):
    found = lstm.diagnose(lstm.d("h"), add(*lstm.value("h").args[1:]))
    assert found.mistakes[0].detail.endswith("$J$ reads $h_t$ itself")
    assert found.true_when == "$J$ reads the output of the last step alone, at every earlier step"


def test_the_slope_is_taken_at_the_activated_value(lstm):
    """In a form that the derivation does not state: the gradient of g inserted."""
    g, wrong = lstm.q("g"), power(apply(TANH, lstm.q("g")), 2)
    found = lstm.diagnose(lstm.d("net_g"), hadamard(lstm.d("c"), lstm.q("i"), one_minus(wrong)))
    assert names(found) == ["slope at the activated value"]
    assert found.correct == hadamard(lstm.d("c"), lstm.q("i"), one_minus(power(g, 2)))
    o = apply(SIGMOID, lstm.q("o"))
    found = lstm.diagnose(lstm.d("net_o"), hadamard(lstm.d("o"), o, one_minus(o)))
    assert names(found) == ["slope at the activated value"]


def test_the_slope_is_taken_at_the_argument(lstm):
    right = lstm.value("c").xreplace({apply(TANH, lstm.q("c")): lstm.q("c")})
    assert names(lstm.diagnose(lstm.d("c"), right)) == ["slope at the argument"]


def outer(known, time, other=0):
    gradient = hadamard(known.d("c"), known.q("c", time), known.q("f"), one_minus(known.q("f")))
    return matmul(gradient, transpose(known.q("x", other)))


def test_the_sum_over_t_is_missing(lstm):
    found = lstm.diagnose(lstm.d("W_f"), outer(lstm, -1))
    assert names(found) == ["missing sum over t"]
    assert found.true_when == "$T = 1$"
    assert found.correct == sum_over_time(outer(lstm, -1), t, 1, LAST)


def test_a_time_index_is_wrong(lstm):
    found = lstm.diagnose(lstm.d("W_f"), sum_over_time(outer(lstm, 0), t, 1, LAST))
    assert [(m.name, m.detail) for m in found.mistakes] == [("wrong time index", "$c_t$ should be $c_{t-1}$")]


def test_the_sum_and_a_time_index(lstm):
    assert sorted(names(lstm.diagnose(lstm.d("W_f"), outer(lstm, 0)))) == ["missing sum over t", "wrong time index"]


def test_a_missing_transpose_is_true_for_a_symmetric_matrix(rnn):
    u = rnn.q("U")
    found = rnn.diagnose(rnn.d("h"), add(Adjoint(rnn.q("h"), True), matmul(u, rnn.d("net_h", 1))))
    assert [(m.name, m.detail) for m in found.mistakes] == [("missing transpose", r"$U$ should be $U^\top$")]
    assert found.true_when.endswith("; or $U$ is symmetric")


def test_all_transposes_are_missing(lstm):
    right = lstm.value("h")
    for letter in "ifog":
        right = right.xreplace({transpose(lstm.q(f"U_{letter}")): lstm.q(f"U_{letter}")})
    assert names(lstm.diagnose(lstm.d("h"), right)) == ["missing transpose"]


def test_the_product_is_in_the_wrong_order(rnn):
    h = rnn.q("h")
    right = matmul(rnn.q("U"), diag(one_minus(power(h, 2))))
    found = rnn.diagnose(Jacobian(h, h.at(t - 1)), right)
    assert names(found) == ["product order"]
    assert found.correct == matmul(diag(one_minus(power(h, 2))), rnn.q("U"))


def test_a_block_is_cut_from_the_wrong_side():
    stacked = Known(true_formulas.STACKED)
    context = Context(stacked.derivation, stacked.d("h"))
    wrong = [change.node for change in MISTAKES["wrong block"].made_in(stacked.value("h"), context)]
    assert wrong
    for node in wrong:
        found = stacked.diagnose(stacked.d("h"), node)
        assert names(found) == ["wrong block"]
        assert found.correct == stacked.value("h")


def test_an_average_over_the_batch(rnn):
    found = rnn.diagnose(rnn.d("W"), scale(1 / BATCH, rnn.value("W")))
    assert names(found) == ["constant factor"]
    assert found.correct == rnn.value("W")


def test_a_wrong_shape_is_turned(lstm):
    """Σ x δᵀ for a weight with the rows of δ."""
    gradient = lstm.d("net_f")
    wrong = sum_over_time(matmul(lstm.q("x"), transpose(gradient)), t, 1, LAST)
    assert lstm.diagnose(lstm.d("W_f"), wrong).correct == lstm.value("W_f")


def test_the_letters_are_the_authors(lstm):
    """Names that the derivation introduced do not appear, unless the author uses them."""
    right = sum_over_time(outer(lstm, 0), t, 1, LAST)
    assert not any(contains(lstm.diagnose(lstm.d("W_f"), right).correct, lstm.d(f"net_{k}")) for k in "ifog")


def test_what_nothing_explains_still_has_a_true_formula(lstm):
    found = lstm.diagnose(lstm.d("c"), lstm.q("i"))
    assert found.mistakes == ()
    assert found.correct == lstm.value("c")


def test_the_left_side_is_no_explanation_of_itself(lstm):
    """∂J/∂c = ∂J/∂h: that another quantity was meant would make the claim say nothing."""
    assert lstm.diagnose(lstm.d("c"), lstm.d("h")).correct == lstm.value("c")


def test_a_diagnosis_is_the_same_every_time(lstm):
    right = outer(lstm, 0)
    assert lstm.diagnose(lstm.d("W_f"), right) == lstm.diagnose(lstm.d("W_f"), right)


@pytest.mark.parametrize(
    ("number", "name", "words"),
    [
        (4 / LAST, "number for a letter", "is 1 for $T = 4$ alone"),
        (LAST / 5, "number for a letter", "is 1 for $T = 5$ alone"),
        (size("H") / 3, "number for a letter", "is 1 for $H = 3$ alone"),
        (2 / LAST, "constant factor", "does not belong here"),
        (1 / LAST, "constant factor", "does not belong here"),
    ],
)
def test_a_number_over_a_letter_is_no_constant_factor(number, name, words):
    """4/T is right where T is 4; 2/T comes from a square and a mean."""
    known = Known("rnn")
    found = known.diagnose(known.d("U"), scale(number, known.value("U")))
    assert [mistake.name for mistake in found.mistakes] == [name]
    assert words in found.mistakes[0].detail
