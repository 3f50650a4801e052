"""What a person who types a wrong formula is told: the name of the mistake, through `check`."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from derive import catalogue
from derive.cell import Cell
from derive.reader import read_note
from verify.formulas import telling
from verify.formulas.claims import check
from verify.formulas.judgement import Judgement, Word

BASIC = read_note(
    r"""# Basic

$$ s_t = \tanh(U x_t + W s_{t-1}) $$
$$ \hat y_t = \operatorname{softmax}(V s_t) $$

where $x_t \in \mathbb{R}^{D}$
"""
)
MEMORY = read_note(
    r"""# Memory

$$
\begin{aligned}
f_t &= \sigma(W_f [h_{t-1}; x_t] + b_f) \\
g_t &= \tanh(W_g [h_{t-1}; x_t] + b_g) \\
c_t &= f_t \odot c_{t-1} + g_t \\
h_t &= \tanh(c_t)
\end{aligned}
$$

where $x_t \in \mathbb{R}^{D}$

output: $h_t$
"""
)


def told(formula: str, cell: str | Cell) -> Judgement:
    found = check(formula, catalogue.find(cell) if isinstance(cell, str) else cell)[-1]
    assert found.word is Word.WRONG, found
    return found


@dataclass(frozen=True)
class Wrong:
    """A formula as people get it wrong, with the names of its mistakes and a word that must be told."""

    cell: str | Cell
    formula: str
    names: tuple[str, ...]
    word: str = ""


def wrong(cell: str | Cell, formula: str, *names: str, word: str = "") -> Wrong:
    """A formula with `d{q}` for ∂J/∂q, and Y for the slope of tanh at h_t."""
    return Wrong(cell, formula.replace("d{", r"\frac{\partial J}{\partial ").replace("Y", "(1 - h_t^2)"), names, word)


CASES = (
    wrong(BASIC, r"s_3 = \tanh(U x_t + W s_2)", "wrong time index", word="$x_t$ should be $x_3$"),
    wrong(BASIC, r"s_3 = \tanh(U x_3 + W s_3)", "wrong time index", word="$s_3$ should be $s_2$"),
    wrong(BASIC, r"s_t = \tanh(U x_t + W^\top s_{t-1})", "extra transpose", word=r"$W^\top$ should be $W$"),
    wrong(BASIC, r"s_t = \tanh(U x_t)", "missing term", word="$W s_{t-1}$"),
    wrong(BASIC, r"s_t = \sigma(U x_t + W s_{t-1})", "wrong function"),
    wrong(BASIC, r"s_t = U x_t + W s_{t-1}", "function forgotten"),
    wrong("rnn", r"d{U} = \sum_t (d{h_t} \odot Y) h_t^\top", "wrong time index", word="$h_t$ should be $h_{t-1}$"),
    wrong("rnn", r"d{U} = \sum_t (d{h_t} \odot (1 - h_t)^2) h_{t-1}^\top", "wrong slope"),
    wrong("rnn", r"d{U} = \sum_t (d{h_t} \odot h_t^2) h_{t-1}^\top", "wrong slope"),
    wrong("rnn", r"d{U} = \sum_t (d{h_t} \odot (1 - \tanh^2(h_t))) h_{t-1}^\top", "slope at the activated value"),
    wrong("rnn", r"d{U} = \sum_t (d{h_t} \odot (1 + h_t^2)) h_{t-1}^\top", "sign"),
    wrong("rnn", r"d{U} = \sum_t d{h_t} h_{t-1}^\top", "slope forgotten", word="missing factor $1 - h_t"),
    wrong("rnn", r"d{U} = \sum_t h_{t-1} (d{h_t} \odot Y)^\top", "extra transpose"),
    wrong("rnn", r"d{U} = \sum_t (d{h_t} \odot h_t (1 - h_t)) h_{t-1}^\top", "slope of another function"),
    wrong("rnn", r"d{U} = \frac{1}{B} \sum_t (d{h_t} \odot Y) h_{t-1}^\top", "constant factor", word=r"\frac{1}{B}"),
    wrong("rnn", r"d{U} = \frac{1}{T} \sum_t (d{h_t} \odot Y) h_{t-1}^\top", "constant factor", word=r"\frac{1}{T}"),
    wrong("rnn", r"d{U} = 2 \sum_t (d{h_t} \odot Y) h_{t-1}^\top", "constant factor", word="factor $2$"),
    wrong("rnn", r"d{U} = \sum_{t=2}^T (d{h_t} \odot Y) h_{t-1}^\top", "wrong bounds of the sum", word="over $t = 1"),
    wrong("rnn", r"d{U} = (\sum_t d{h_t} \odot Y) h_{t-1}^\top", "sum closed too early"),
    wrong(
        "rnn", r"d{U} = \sum_t (\frac{\partial^+ J}{\partial h_t} \odot Y) h_{t-1}^\top",
        "total and immediate derivative mixed",
    ),
    wrong(
        "rnn", r"d{h_{t-1}} = U^\top d{h_t} \odot Y",
        "missing term", "factor on the wrong side", word="$J$ reads $h_{t-1}$ itself",
    ),
    wrong("rnn", r"d{h_t} = \frac{\partial^+ J}{\partial h_t} + U^\top (d{h_t} \odot Y)", "wrong time index"),
    wrong(
        "rnn", r"d{h_t} = d{h_t} + U^\top (d{h_{t+1}} \odot (1 - h_{t+1}^2))", "total and immediate derivative mixed"
    ),
    wrong(
        "rnn", r"d{h_t} = \frac{\partial^+ J}{\partial h_t} + d{h_{t+1}} \odot (1 - h_{t+1}^2)",
        "forgotten factor", word=r"missing factor $U^\top$",
    ),
    wrong("rnn", r"\frac{\partial h_t}{\partial h_{t-1}} = U \mathrm{diag}Y", "product order"),
    wrong("rnn", r"\frac{\partial h_t}{\partial h_{t-1}} = U", "slope forgotten"),
    wrong(
        "rnn", r"\frac{\partial h_t}{\partial h_k} = \prod_{j=k}^t \mathrm{diag}(1 - h_j^2) U",
        "wrong range of the product", word="$j = k + 1",
    ),
    wrong("rnn", r"\frac{\partial h_t}{\partial h_k} = \prod_{j=k+1}^t U \mathrm{diag}(1 - h_j^2)", "product order"),
    wrong(
        "rnn", r"\frac{\partial h_t}{\partial h_k} = \sum_{j=k+1}^t \frac{\partial h_j}{\partial h_{j-1}}",
        "sum for product",
    ),
    wrong(
        "rnn", r"d{U} = \sum_t d{h_t} \frac{\partial^+ h_t}{\partial U} + d{U}", "extra term"
    ),
    wrong("lstm", r"d{c_t} = d{h_t} \odot o_t \odot \tanh(c_t) + d{c_{t+1}} \odot f_{t+1}", "wrong slope"),
    wrong("lstm", r"d{o_t} = d{h_t} \odot c_t", "function forgotten", word=r"$c_t$ should be $\tanh(c_t)$"),
    wrong("lstm", r"d{c_t} = d{h_t} \odot o_t \odot (1 - c_t^2) + d{c_{t+1}} \odot f_{t+1}", "slope at the argument"),
    wrong("lstm", r"d{c_t} = d{h_t} \odot o_t \odot (1 - \tanh^2(c_t)) + d{c_{t+1}} \odot f_t", "wrong time index"),
    wrong("lstm", r"d{f_t} = d{c_t} \odot c_t", "wrong time index", word="$c_t$ should be $c_{t-1}$"),
    wrong("lstm", r"d{W_f} = \sum_t (d{f_t} \odot f_t) x_t^\top", "forgotten factor", word="$1 - f_t$"),
    wrong("lstm", r"d{h_{t-1}} = U_f^\top \delta_{f,t} + U_i^\top \delta_{i,t} + U_o^\top \delta_{o,t}",
          "missing term", "missing term", word="through $g_t$"),
    wrong("lstm", r"g_t = \sigma(W_g x_t + U_g h_{t-1} + b_g)", "wrong function"),
    wrong("gru", r"d{z_t} = d{h_t} \odot (h_{t-1} - \tilde h_t)", "sign"),
    wrong("gru", r"d{z_t} = d{h_t} \odot h_{t-1}", "sign", "missing term"),
)  # fmt: skip

MISFITS = (
    Wrong(
        "rnn_stacked",
        r"\frac{\partial J}{\partial x_t} = "
        r"\left(\begin{bmatrix} W_{aa} & W_{ax} \end{bmatrix}^\top \delta_{a,t}\right)[0:H]",
        ("wrong block",), "[H:D+H]",
    ),
    wrong(BASIC, r"s_t = \tanh(W x_t + U s_{t-1})", "wrong quantity", word="each other's place"),
    wrong("rnn", r"d{W} = \sum_t (d{h_t} \odot Y) x_t", "missing transpose", word=r"$x_t$ should be $x_t^\top$"),
    wrong("rnn", r"d{x_t} = W (d{h_t} \odot Y)", "missing transpose", word=r"$W$ should be $W^\top$"),
    wrong("rnn", r"d{x_t} = U^\top (d{h_t} \odot Y)", "wrong quantity", word="$U$ should be $W$"),
    wrong("lstm", r"d{f_t} = d{c_t} c_{t-1}^\top", "matrix product for elementwise"),
    wrong("lstm", r"d{W_f} = \sum_t (d{f_t} \odot f_t \odot (1 - f_t)) h_{t-1}^\top", "wrong quantity", word="$x_t$"),
    wrong(
        MEMORY, r"d{f_t} \frac{\partial f_t}{\partial x_t} = W_f^\top d{f_t} f_t (1 - f_t)",
        "wrong block", word="[:, H:D+H]",
    ),
    wrong(
        MEMORY, r"d{g_t} \frac{\partial g_t}{\partial h_{t-1}} = W_g^\top d{g_t} (1 - \tanh(g_t)^2)",
        "wrong block", "slope at the activated value", word="[:, :H]",
    ),
    wrong(
        MEMORY, r"d{g_t} \frac{\partial g_t}{\partial W_g} = d{g_t} (1 - \tanh(g_t)^2) [h_{t-1}; x_t]^\top",
        "slope at the activated value",
    ),
)  # fmt: skip
"""Formulas whose shapes do not fit, or fit only under a convention that was not meant."""


@pytest.mark.parametrize("case", [*CASES, *MISFITS], ids=lambda case: case.formula)
def test_the_mistake_is_named(case: Wrong) -> None:
    found = told(case.formula, case.cell)
    assert tuple(mistake.name for mistake in found.mistakes) == case.names, found.mistakes
    assert case.word in " ".join(mistake.detail for mistake in found.mistakes)
    assert found.correct


def test_the_slope_of_an_open_function_is_a_function_that_can_be_forgotten() -> None:
    gradient = r"\frac{\partial J}{\partial z_t} = \hat{y}_t \odot g'(z_t) - y_t \odot z_t"
    (mistake,) = told(gradient, "squared_error").mistakes
    assert mistake.name == "function forgotten"


def test_of_two_mistakes_that_come_to_the_same_the_one_in_the_formula_is_named() -> None:
    slope = r"\frac{\partial J}{\partial i_t} \odot i_t^{\odot 2}"
    found = told(rf"\frac{{\partial J}}{{\partial U_i}} = \sum_{{t=2}}^{{T}} ({slope}) h_{{t-1}}^\top", "lstm")
    assert [mistake.name for mistake in found.mistakes] == ["wrong slope", "wrong bounds of the sum"]


def test_a_number_between_a_column_and_a_row_stays_there() -> None:
    cell = catalogue.find("linear_squared_error")
    term = r"\hat{y}_t \frac{\partial J}{\partial L_t} h_t^\top - y_t \frac{\partial J}{\partial L_t} h_t^\top"
    gradient, true = r"\frac{\partial J}{\partial V}", rf"\sum_{{t=1}}^{{T}} \left({term}\right)"
    found = told(f"{gradient} = {true.replace('{T}', '{T-1}')}", cell)
    assert found.correct == true
    assert check(f"{gradient} = {true}", cell)[-1].word in (Word.PROVED, Word.HOLDS_IF)


KEPT = [
    ("rnn", r"\frac{\partial J}{\partial W} = \sum_{t=1}^{T} \delta_t x_t", r"\sum_{t=1}^{T} \delta_t x_t^\top"),
    ("rnn", r"\frac{\partial E}{\partial x_t} = W \delta_t", r"W^\top \delta_t"),
    (
        "lstm",
        r"\frac{\partial J}{\partial W_i} = \sum_{t=1}^{T} \delta_{i,t} h_{t-1}^T",
        r"\sum_{t=1}^{T} \delta_{i,t} x_t^T",
    ),
]


@pytest.mark.parametrize(("model", "wrong", "true"), KEPT)
def test_what_fits_no_shapes_is_mended_in_the_authors_letters(model: str, wrong: str, true: str) -> None:
    """δ stays δ, and the T above a sum is no sign of a transpose."""
    (judgement,) = check(wrong, catalogue.find(model))
    assert judgement.word is Word.WRONG
    assert judgement.correct == true


def test_a_true_formula_that_rests_on_a_fact_says_so_and_its_case_has_data_like_that() -> None:
    """Where the targets did not sum to 1, the case would refute the true formula beside it too."""
    (judgement,) = check(r"\frac{\partial J}{\partial z_t} = y_t - \hat{y}_t", catalogue.find("softmax_cross_entropy"))
    case = judgement.counterexample
    assert case["left"] == pytest.approx(-case["right"])
    assert "which assumes: the entries of y sum to 1" in telling.told(judgement)


@pytest.mark.parametrize(
    ("formula", "correct"),
    [
        (r"\frac{\partial J}{\partial V} = \sum_t (\hat{y}_t - y_t) h_t", r"\sum_t (\hat{y}_t - y_t) h_t^\top"),
        (r"\frac{\partial J}{\partial h_t} = V (\hat{y}_t - y_t)", r"V^\top (\hat{y}_t - y_t)"),
    ],
)
def test_a_transpose_forgotten_where_a_declared_fact_is_used(formula: str, correct: str) -> None:
    (judgement,) = check(formula, catalogue.find("softmax_cross_entropy"))
    assert [mistake.name for mistake in judgement.mistakes] == ["missing transpose"]
    assert judgement.correct == correct
    assert judgement.assumptions == ("the entries of y sum to 1",)


def test_what_does_not_fit_is_said_once() -> None:
    (judgement,) = check(
        r"\frac{\partial J}{\partial x_t} = W_i \frac{\partial J}{\partial i_t}", catalogue.find("lstm")
    )
    assert telling.told(judgement).count("cannot multiply") == 1


def test_where_the_mended_formula_needs_more_than_was_said_the_derived_one_is_shown() -> None:
    """A sum from step 0 reads a gradient before step 1: with its slope put back it would hold under that alone."""
    wrong = r"\frac{\partial J}{\partial c} = \sum_{t=0}^{T} \frac{\partial J}{\partial \hat{y}_t}"
    (found,) = check(wrong, catalogue.find("squared_error"))
    assert [mistake.name for mistake in found.mistakes] == ["slope forgotten"]
    assert found.correct is not None
    assert "t=1" in found.correct
    (again,) = check(rf"\frac{{\partial J}}{{\partial c}} = {found.correct}", catalogue.find("squared_error"))
    assert again.word is Word.PROVED
