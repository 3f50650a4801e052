"""One judgement for each spelling that people use, right and wrong: (model, formula, words of the judgement)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from derive import catalogue, nodes
from derive.cell import Cell
from derive.reader import read_equations, read_file
from verify import check
from verify.formulas.judgement import Judgement, Word

NOTES = Path(__file__).parents[2] / "data" / "claims" / "models"
PROVED, IF, WRONG, OPEN = Word.PROVED, Word.HOLDS_IF, Word.WRONG, Word.UNDECIDED
OWN = {"memory": [r"f_t = \sigma(W_f x_t + b_f)", r"c_t = f_t \odot c_{t-1} + x_t"]}
"""Models that only these tests need."""

SOFTMAX = r"\frac{\partial \hat{y}_i}{\partial z_j} = "
HIDDEN = r"\frac{\partial h_t}{\partial h_{t-1}} = "
DELTA = r"(U^T \delta_{t+1} + \frac{\partial^+ J}{\partial h_t}) \odot (1-h_t^2)"
LAST = r"\delta_t = \frac{\partial^+ J}{\partial h_t} \odot (1-h_t^2)"
STACKED = r"W_u[:, n_a:]^T \delta_u^{<t>} + W_o[:, n_a:]^T \delta_o^{<t>} + W_c[:, n_a:]^T \delta_{\tilde c}^{<t>}"

SPELLINGS = [
    # Derivatives
    ("lstm", r"\nabla_{h_t} J = \nabla_{h_t}^+ J + U_f^T \delta_{f,t+1} + U_i^T \delta_{i,t+1} + U_o^T \delta_{o,t+1}"
     r" + U_g^T \delta_{g,t+1}", PROVED),
    ("lstm", r"\dot{c}_t = \dot{h}_t \odot o_t \odot (1-\tanh^2 c_t) + \dot{c}_{t+1} \odot f_{t+1}", PROVED),
    ("lstm", r"\dot{c}_t = \dot{h}_t \odot o_t \odot (1-\tanh^2 c_t)", WRONG),
    ("lstm", r"\frac{\partial C}{\partial c_t} = \frac{\partial C}{\partial h_t} o_t (1-\tanh^2(c_t)) + "
     r"\frac{\partial C}{\partial c_{t+1}} f_{t+1}", IF),
    ("lstm", r"\delta_{x}^{(t)} = W_f^T\delta_f^{(t)} + W_i^T\delta_i^{(t)} + W_o^T\delta_o^{(t)}", WRONG),
    ("rnn", r"\delta_t = \frac{\partial J}{\partial h_t} \odot \tanh'(net_t)", PROVED),
    ("rnn", r"\delta_t = \frac{\partial J}{\partial h_t} \odot \tanh'(h_t)", WRONG),
    ("rnn", r"\delta_t = (I - \mathrm{diag}(h_t)^2) \frac{\partial J}{\partial h_t}", PROVED),
    ("rnn", r"\delta_t = (I - \mathrm{diag}(h_t)) \frac{\partial J}{\partial h_t}", WRONG),
    ("rnn", r"dU = \delta h^T", IF),
    # ∂ as an operator
    ("rnn", r"\frac{\partial}{\partial W} J = \sum_t \delta_t x_t^T", PROVED),
    ("rnn", r"\frac{\partial}{\partial U} \sum_{t=1}^T E_t = \sum_{t=1}^T \frac{\partial E_t}{\partial U}", PROVED),
    ("rnn", r"\frac{\partial}{\partial U} \sum_{t=1}^{T-1} E_t = \sum_t \delta_t h_{t-1}^T", WRONG),
    ("rnn", r"\frac{\partial}{\partial h_{t-1}} \tanh(W x_t + U h_{t-1} + b) = \mathrm{diag}(1-h_t^2) U", PROVED),
    ("rnn", r"\frac{\partial}{\partial h_{t-1}} \tanh(W x_t + U h_{t-1} + b) = U \mathrm{diag}(1-h_t^2)", WRONG),
    ("lstm", r"\frac{\partial (f_t \odot c_{t-1})}{\partial c_{t-1}} = \mathrm{diag}(f_t)", IF),
    ("lstm", r"\frac{\partial (f_t \odot c_{t-1})}{\partial c_{t-1}} = \mathrm{diag}(c_{t-1})", WRONG),
    ("lstm", r"\frac{\partial \tanh(c_t)}{\partial c_t} = 1 - \tanh^2 c_t", IF),
    ("lstm", r"\partial/\partial c_{t-1} c_t = \mathrm{diag}(f_t)", IF),
    ("lstm", r"\frac{\partial}{\partial c_{t-1}} f_t c_{t-1} i_t = \mathrm{diag}(f_t)", OPEN),
    # Slices of stacked weights
    ("note004-lstm", r"dW_f[:, :n_a] = \sum_t \delta_f^{<t>} (a^{<t-1>})^T", PROVED),
    ("note004-lstm", r"\frac{\partial J}{\partial W_f[:, n_a:]} = \sum_t \delta_f^{<t>} {x^{<t>}}^T", PROVED),
    ("note004-lstm", r"\partial J/\partial W_f[:, n_a:] = \sum_t \delta_f^{<t>} {a^{<t-1>}}^T", WRONG),
    ("note004-lstm", r"dx^{<t>} = W_f[:, n_a:n_a+n_x]^T \delta_f^{<t>} + " + STACKED, PROVED),
    ("note004-lstm", r"dx^{<t>} = W_f[:, H:]^T \delta_f^{<t>} + " + STACKED, PROVED),
    ("note004-lstm", r"dx^{<t>} = W_f[:, :n_a]^T \delta_f^{<t>} + " + STACKED, WRONG),
    ("note004-lstm", r"dW_f[:, :7] = \sum_t \delta_f^{<t>} (a^{<t-1>})^T", OPEN),
    # Sums and products
    ("rnn", r"\frac{\partial h_t}{\partial h_k} = \prod_{k<j\le t} \mathrm{diag}(1-h_j^2) U", IF),
    ("rnn", r"\frac{\partial h_t}{\partial h_k} = \prod_{t \ge i > k} \mathrm{diag}(1-h_i^2) U", IF),
    ("rnn", r"\frac{\partial h_t}{\partial h_k} = \prod_{k<j<t} \mathrm{diag}(1-h_j^2) U", WRONG),
    ("rnn", r"\frac{\partial h_t}{\partial h_k} = \prod_{i=t}^{k+1} \mathrm{diag}(1-h_i^2) U", IF),
    ("rnn", r"\frac{\partial h_i}{\partial h_j} = \prod_{k=j+1}^{i} \frac{\partial h_k}{\partial h_{k-1}}", PROVED),
    ("rnn", r"\frac{\partial h_t}{\partial h_k} = \prod_{\substack{j=k+1}}^{t} \mathrm{diag}(1-h_j^2) U", IF),
    ("rnn", r"\frac{\partial J}{\partial h_t} = \sum_{k \ge t} (\frac{\partial h_k}{\partial h_t})^T "
     r"\frac{\partial^+ J}{\partial h_k}", PROVED),
    ("rnn", r"\frac{\partial J}{\partial h_t} = \sum_{k > t} (\frac{\partial h_k}{\partial h_t})^T "
     r"\frac{\partial^+ J}{\partial h_k}", WRONG),
    ("rnn", r"\frac{\partial J}{\partial U} = \sum_{t=T}^{1} \delta_t h_{t-1}^T", PROVED),
    ("rnn", r"\frac{\partial J}{\partial U} = \sum_{1 \le t \le T} \delta_t h_{t-1}^T", PROVED),
    ("rnn", r"\frac{\partial J}{\partial U} = \sum_{1 < t \le T} \delta_t h_{t-1}^T", WRONG),
    ("softmax_cross_entropy", r"\frac{\partial J}{\partial z_i} = \sum_{\substack{j \\ j \neq i}} \frac{y_j}{\hat y_j}"
     r" \hat y_i \hat y_j - y_i(1-\hat y_i)", PROVED),
    ("memory", r"\frac{\partial c_t}{\partial c_{t-2}} = f_t f_{t-1}", IF),
    ("memory", r"\frac{\partial c_t}{\partial c_{t-2}} = f_t f_{t-2}", WRONG),
    # Matrices by their entries
    ("rnn", r"\mathrm{diag}(1-h_t^2) = \begin{bmatrix} 1-h_{t,1}^2 & & \\ & \ddots & \\ & & 1-h_{t,n}^2 \end{bmatrix}",
     PROVED),
    ("rnn", r"\mathrm{diag}(1-h_t^2) = \begin{bmatrix} 1-h_{t,1} & & \\ & \ddots & \\ & & 1-h_{t,n} \end{bmatrix}",
     WRONG),
    ("rnn", HIDDEN + r"\begin{bmatrix} (1-h_{t,1}^2)U_{11} & \cdots & (1-h_{t,1}^2)U_{1n} \\ \vdots & \ddots & \vdots"
     r" \\ (1-h_{t,n}^2)U_{n1} & \cdots & (1-h_{t,n}^2)U_{nn} \end{bmatrix}", PROVED),
    ("softmax_cross_entropy", SOFTMAX + r"\hat{y}_i (\mathbb{1}_{i=j} - \hat{y}_j)", PROVED),
    ("softmax_cross_entropy", SOFTMAX + r"\hat{y}_i ([i=j] - \hat{y}_j)", PROVED),
    ("softmax_cross_entropy", SOFTMAX + r"\hat{y}_j (\mathbf{1}\{i \ne j\} - \hat{y}_i)", WRONG),
    # Layouts: only where the formula has a row
    ("rnn", HIDDEN + r"\mathrm{diag}(1-h_t^2) U^T", WRONG),
    ("rnn", HIDDEN + r"U^T \mathrm{diag}(1-h_t^2)", IF),
    ("rnn", r"\frac{\partial J}{\partial U} = \sum_t h_{t-1}^T \delta_t", IF),
    ("rnn", r"\frac{\partial J}{\partial U} = \sum_t h_{t-1} \delta_t^T", WRONG),
    ("rnn", r"\frac{\partial J}{\partial U} = \sum_t \delta_t h_{t-1}", WRONG),
    ("rnn", r"\frac{\partial J}{\partial W} = \sum_t x_t \delta_t^T", WRONG),
    ("rnn", r"\frac{\partial J}{\partial x_t} = \delta_t W^T", IF),
    ("lstm", r"\frac{\partial f_t}{\partial x_t} = \mathrm{diag}(f_t (1-f_t)) W_f^T", WRONG),
    ("lstm", r"\frac{\partial f_t}{\partial h_{t-1}} = f_t (1-f_t) U_f^T", WRONG),
    # Shapes
    ("rnn", "U is n×n", PROVED),
    ("rnn", r"W \text{ is } n \times n", WRONG),
    ("rnn", r"W \text{ has shape } H \times D", PROVED),
    ("rnn", r"W: D \times H", IF),
    ("rnn", r"\frac{\partial J}{\partial W} \in \mathbb{R}^{H \times D}", PROVED),
    ("rnn", r"\frac{\partial J}{\partial W} \in \mathbb{R}^{D \times H}", IF),
    ("rnn", r"\delta_t \in \mathbb{R}^{D}", WRONG),
    ("rnn", r"dW \in \mathbb{R}^{H \times H}", WRONG),
    # Around the formula
    ("rnn", r"\text{gradient of } U: \frac{\partial J}{\partial U} = \sum_t \delta_t h_{t-1}^T", PROVED),
    ("rnn", r"\frac{\partial J}{\partial U} \stackrel{!}{=} \sum_t \delta_t h_{t-1}^T", PROVED),
    ("rnn", r"dU \leftarrow dU + \delta_t h_{t-1}^T", IF),
    ("rnn", r"dU \leftarrow dU + \delta_t h_t^T", WRONG),
    ("lstm", r"dc_t \mathrel{+}= dh_t \odot o_t \odot (1-\tanh^2(c_t))", IF),
    # Stated conditions
    ("rnn", LAST, WRONG),
    ("rnn", LAST + r" \text{ for } t = T", PROVED),
    ("rnn", LAST + r", \quad t = T", PROVED),
    ("rnn", LAST + r" \quad (t = T)", PROVED),
    ("rnn", LAST + r" \text{ for } t = 1", WRONG),
    ("rnn", LAST + ", t < T", WRONG),
    ("rnn", rf"\delta_t = {DELTA}, t < T", PROVED),
    ("rnn", r"\delta_t = U^T \delta_{t+1} \odot (1-h_t^2), t < T", WRONG),
    ("rnn", LAST + r" \text{ for all } t", WRONG),
    ("rnn", rf"\delta_t = {DELTA.replace('U^T', 'U')} \text{{ if $U$ is symmetric}}", OPEN),
    ("rnn", r"\delta^{T} = \frac{\partial^+ J}{\partial h^T} \odot (1-(h^T)^2)", IF),
    # What was read through a guess is not condemned
    ("lstm", r"\bar{c}_t = \tanh(W_g x_t + U_g h_{t-1} + b_g)", OPEN),
    ("rnn", r"\delta_t = U^T (\delta_{t+1} \odot (1-h_{t+1}^2)) + \frac{\partial^+ J}{\partial h_t}", OPEN),
    ("rnn", r"h_t^l = \tanh(W x_t + U h_{t-1}^l)", OPEN),
    ("lstm", r"C_t = f_t \odot C_{t-1} + i_t \odot o_t", WRONG),
]  # fmt: skip

SPECIAL = [
    ("lstm", r"dc_t = dh_t \odot o_t \odot (1-\tanh^2(c_t))", "t = T"),
    ("rnn", rf"\delta_t = {DELTA.replace('U^T', 'U')}", "symmetric"),
    ("rnn", r"\frac{\partial J}{\partial U} = \delta_T h_{T-1}^T", "T = 1"),
    ("rnn", r"\frac{\partial J}{\partial b} = \delta_1", "T = 1"),
    ("lstm", r"\frac{\partial J}{\partial c_t} = dc_{t+1} \odot f_{t+1}", "the paths through $h_t$ are ignored"),
    ("rnn", rf"{HIDDEN} \mathrm{{diag}}(1-h_t^2) U^T", "symmetric"),
]


@cache
def model(name: str) -> Cell:
    if name in OWN:
        return read_equations(OWN[name])
    return read_file(NOTES / f"{name}.md") if name.startswith("note") else catalogue.find(name)


def only(name: str, formula: str) -> Judgement:
    (judgement,) = check(formula, model(name))
    return judgement


@pytest.mark.parametrize(("name", "formula", "word"), SPELLINGS)
def test_every_spelling_is_read_and_judged(name: str, formula: str, word: Word) -> None:
    judgement = only(name, formula)
    assert judgement.word is word, judgement
    assert judgement.reason or word is not OPEN


@pytest.mark.parametrize(("name", "formula", "case"), SPECIAL)
def test_what_is_true_only_in_a_special_case_is_wrong_and_says_in_which(name: str, formula: str, case: str) -> None:
    judgement = only(name, formula)
    assert judgement.word is WRONG
    assert case in judgement.true_when


def test_cases_of_steps_are_claims_of_their_own() -> None:
    formula = (
        r"\delta_t = \begin{cases} \frac{\partial J}{\partial h_T} \odot (1-h_T^2) & \text{if } t = T \\ "
        r"(U^T \delta_{t+1}) \odot (1-h_t^2) & \text{otherwise} \end{cases}"
    )
    words = [judgement.word for judgement in check(formula, model("rnn"))]
    assert words == [PROVED, WRONG]


def test_a_guess_that_makes_it_true_is_named() -> None:
    assert "h without a time stands for h_{t-1}" in only("rnn", r"dU = \delta h^T").assumptions
    assert "the product counts down" in only(
        "rnn", r"\frac{\partial h_t}{\partial h_k} = \prod_{i=t}^{k+1} \mathrm{diag}(1-h_i^2) U"
    ).assumptions  # fmt: skip


def test_the_layer_below_is_printed_as_it_is_written() -> None:
    from derive.targets.formula import latex

    cell = read_equations([r"a_t = f^{l-1}(W x_t + U a_{t-1})"])
    assert "f^{l-1}(" in latex(cell.equations[0].expression, cell.notation)
    slope = cell.open_functions[0].prime()
    (operand,) = cell.equations[0].expression.operands
    assert latex(nodes.apply(slope, operand), cell.notation).startswith("{f^{l-1}}'(")
    (judgement,) = check(r"\delta_a^{t} = \frac{\partial J}{\partial a_t} \odot f^{l-1}{'}(W x_t + U a_{t-1})", cell)
    assert judgement.word is PROVED, judgement


@pytest.mark.parametrize(
    ("plain", "written"),
    [
        ("dc_prev = dc_t * f_t", r"dc_{prev} = dc_t \odot f_t"),
        ("dc_old = dc_t * i_t", r"dc_{old} = dc_t \odot i_t"),
        ("dc_t = dc_next + dh_t * o_t", r"dc_t = dc_{next} + dh_t \odot o_t"),
    ],
)  # fmt: skip
def test_words_for_steps_mean_the_same_in_plain_text(plain: str, written: str) -> None:
    assert only("lstm", plain).word is only("lstm", written).word
    assert only("lstm", plain).assumptions == only("lstm", written).assumptions
