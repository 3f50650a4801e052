"""What disturbed and hostile texts have found: scripts that say something are never passed over, work is bounded."""

from __future__ import annotations

import pytest

from derive import catalogue
from verify import check
from verify.formulas.judgement import Word

NOT_READ = [
    ("rnn", r"\frac{\partial J}{\partial x_t^2} = W^\top \frac{\partial J}{\partial \mathrm{net}_{h,t}}"),
    ("lstm", r"\frac{\partial J}{\partial b_f} = \sum_{t=1}^{T} \frac{\partial J}{\partial \mathrm{net}_{f,t}^{-1}}"),
    ("rnn", r"\frac{\partial J}{\partial b} = \sum_{t=1}^{T} \frac{\partial J}{\partial \mathrm{net}_{h,t}^{\odot 2}}"),
    ("lstm", r"\frac{\partial J}{\partial b_f} = \sum_{t=1}^{T} \frac{\partial J}{\partial_{T} \mathrm{net}_{f,t}}"),
    ("rnn", r"\frac{\partial J}{\partial b} = \sum_{t=1}^{T} \frac{\partial J}{\partial' \mathrm{net}_{h,t}}"),
    ("rnn", r"\frac{\partial J}{\partial b} = \sum_{t=1}^{T} \frac{\partial J'}{\partial \mathrm{net}_{h,t}}"),
    ("rnn", r"\frac{\partial J}{\partial b} = \sum_{t=1}^{-1}^{T} \frac{\partial J}{\partial \mathrm{net}_{h,t}}"),
    ("rnn", r"\frac{\partial J}{\partial b} = \sum_{t=1}^\top^{T} \frac{\partial J}{\partial \mathrm{net}_{h,t}}"),
    ("rnn", r"\frac{\partial J}{\partial b} = \sum_{t=1}^{T}' \frac{\partial J}{\partial \mathrm{net}_{h,t}}"),
    ("rnn", r"\frac{\partial J}{\partial b} = \sum_{t=1t=1}^{T} \frac{\partial J}{\partial \mathrm{net}_{h,t}}"),
    ("rnn", r"\frac{\partial J}{}{\partial x_t} = W^\top \frac{\partial J}{\partial \mathrm{net}_{h,t}}"),
    ("rnn", r"\frac{\partial J}{\partial b} = \sum_{t=1}^{}T \frac{\partial J}{\partial \mathrm{net}_{h,t}}"),
    ("softmax_cross_entropy", r"\frac{\partial J}{\partial \hat{}y_t} = -\frac{y_t}{\hat{y}_t}"),
    ("sigmoid_binary_cross_entropy", r"\frac{\partial J}{\partial z_t} = \hat{y}_t - y_t^-1"),
    ("linear_squared_error", r"\frac{\partial J}{\partial L_V} = \mathbf{1}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "formula"), NOT_READ)
def test_what_is_not_read_is_not_passed_over(name, formula):
    words = {judgement.word for judgement in check(formula, catalogue.find(name))}
    assert words <= {Word.UNDECIDED, Word.UNREADABLE}, words


WRONG = [
    ("gru_reset_after", r"\mathrm{net}_{r,t}^\top = W_r x_t + U_r h_{t-1} + b_r"),
    ("gru", r"h_t = (1 - z_t)^\top \odot h_{t-1} + z_t \odot \tilde{h}_t"),
    ("lstm", r"\frac{\partial J}{\partial f_t} = \frac{\partial J}{\partial c_t}^\top \odot c_{t-1}"),
    ("rnn", r"dh_t = \frac{\partial^{+} J}{\partial h_t} + U^\top \frac{\partial J}{\partial h_{t+1}}^\top"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "formula"), WRONG)
def test_a_transpose_too_many_is_no_convention(name, formula):
    (judgement,) = check(formula, catalogue.find(name), explain=False)
    assert judgement.word is Word.WRONG, judgement


TRUE = [
    ("softmax_cross_entropy", r"\hat{y}_t = \operatorname{softmax}(z_t + 1)"),
    ("softmax_cross_entropy", r"\hat{y}_t = \operatorname{softmax}(z_t - 3)"),
    ("linear_squared_error", "L_t = ½ 𝟏ᵀ (y_t - ŷ_t)²"),
    ("linear_squared_error", r"L_t = \frac{1}{2} (\mathbf{1}^{\odot 2})^\top (y_t - \hat{y}_t)^{\odot 2}"),
    ("rnn", r"\frac{\partial J}{\partial x_t} = W' \delta_t"),
    ("rnn", r"\frac{\partial J}{\partial U} = \sum_{t=1}^{T} \delta_t h_{t-1}'"),
    ("rnn", r"\frac{\partial J}{\partial U} = \sum_{t=1}^{T} (h_{t-1} \delta_t')'"),
]


@pytest.mark.parametrize(("name", "formula"), TRUE)
def test_another_spelling_is_proved(name, formula):
    (judgement,) = check(formula, catalogue.find(name))
    assert judgement.word is Word.PROVED, judgement


EXPLAINED = [
    ("softmax_cross_entropy", r"∂E/∂z_t = \frac{\partial h_0}{\partial L_t}"),
    ("rnn", r"\frac{\partial J}{\partial h_k} = \frac{\partial h_t}{\partial h_k} \frac{\partial J}{\partial h_k}"),
]


@pytest.mark.parametrize(("name", "formula"), EXPLAINED)
def test_steps_without_an_order_are_explained(name, formula):
    (judgement,) = check(formula, catalogue.find(name))
    assert judgement.word is Word.WRONG


LETTERS = "abdeijklmnpqrsuvwyz"
COSTLY = [
    "h_t = " + "(" * 40 + "9" + ")^{60}" * 40,
    "h_t = " + "(" * 40 + "h_t" + ")^{60}" * 40,
    "h_t = 1/0 h_t",
    "h_t^{1/0} = h_t",
    r"\frac{h_t}{1/0} = 0",
    "h_t = " + " + ".join(f"h_{{{letter}-1}}" for letter in LETTERS),
    "h_t = " + "".join(rf"\sum_{{{letter}=1}}^T " for letter in LETTERS) + "h_t",
    "h_t = " + r"\sum_{t=1}^T (" * 40 + "h_t" + ")" * 40,
    r"\sum_{t=0}^{11}\sum_{k=0}^{11}\sum_{s=0}^{11}\sum_{j=0}^{11}\sum_{i=0}^{11} h_t = 0",
    r"\sum_{t=0}^{10^9} h_t = 0",
    "h_{999999999} = 0",
    "x_t^{999999999} = x_t",
    "h_t = " + r"\begin{matrix}" * 45 + "h_t" + r"\\ h_t \end{matrix}" * 45,
    "h_t = " + "(U + U^2) " * 300 + "h_t",
    "h_t = " + "(U + U^\\top) " * 200 + "h_t",
    "h_t = " + r"\frac{\partial h_t}{\partial h_{t-1}} " * 100 + "h_t",
    "h_t = " + r"\frac{1}{1 + " * 24 + "h_t" + "}" * 24,
    "h_t = " + r"\tanh(\sigma(" * 24 + "h_t" + "))" * 24,
    "h_t" + " = h_t" * 900,
    "x_t = " + "1 - (" * 70 + "U" + ")" * 70,
    "x_t = b" + "h" * 150,
    r"\frac{\partial J}{\partial U} = \sum_{k=1}^{T} \sqrt{1 - \sqrt{U}}",
    "__import__('os').system('exit 1')",
    "{" * 3000,
    "h_t = \x00",
]


@pytest.mark.parametrize("formula", COSTLY, ids=range(len(COSTLY)))
def test_costly_formulas_end(formula):
    # Each takes less than a second; where a bound is missing it takes minutes, and the suite hangs here.
    cell = catalogue.find("rnn")
    check("h_t = 0", cell)
    words = {judgement.word for judgement in check(formula, cell)}
    assert words
