"""Functions with parameters of their own, layers without their weights, and sums over positions."""

from __future__ import annotations

import pytest

from derive.errors import InputError
from derive.reader import read_equations

NEXT = r"s_t = \tanh(W s_{t-1} + U y_t + C c_t)"
SOFTMAX = r"\alpha_{t,i} = \mathrm{softmax}(s_{t-1}^\top W_a h_i)"
SHARE = r"\alpha_{t,i} = \frac{\exp(e_{t,i})}{\sum_j \exp(e_{t,j})}"
SCORE = r"e_{t,i} = v^\top \tanh(W_a s_{t-1} + U_a h_i)"


@pytest.mark.parametrize(
    "equations",
    [
        [SOFTMAX, r"c_t = \sum_i \alpha_{t,i} h_i", NEXT],
        [SHARE, SCORE, r"c_t = \sum_{i=1}^N \alpha_{t,i} h_i", NEXT],
        [r"\alpha_t = \mathrm{softmax}(W_a s_{t-1})", r"c_t = \sum_i \alpha_{ti} m_i", NEXT],
        [r"c_t = \sum_i a_{t,i} h_i", NEXT],
        [r"c_t = \sum_i w_i^t h_i", NEXT],
    ],
)
def test_attention_over_positions_is_named(equations):
    with pytest.raises(InputError, match="is attention") as told:
        read_equations(equations)
    assert r"M \in \mathbb{R}^{n \times d}" in told.value.hint


def test_what_the_hint_says_reads():
    cell = read_equations(
        [
            r"\alpha_t = \operatorname{softmax}(M W s_{t-1})",
            r"c_t = M^\top \alpha_t",
            r"s_t = \tanh(U s_{t-1} + C c_t)",
        ],
        [r"M \in \mathbb{R}^{n \times d}", "input: M"],
    )
    assert [one.name for one in cell.inputs] == ["M"]
    cell = read_equations([r"\alpha_t = \mathrm{softmax}(W_a s_{t-1})", r"c_t = \sum_i \alpha_{ti} m_i", NEXT],
                          [r"m \in \mathbb{R}^{n}"])  # fmt: skip
    assert "m" in [one.name for one in cell.parameters]


def test_a_sum_of_entries_is_no_attention():
    cell = read_equations([r"h_t = \tanh(W x_t + U h_{t-1})", r"y_t = \sum_i w_i h_{t,i}"])
    assert str(cell.output.shape) == "(1, 1)"


@pytest.mark.parametrize(
    "equations",
    [
        [r"\alpha_t = q_t", r"c_t = \sum_{i=1}^{t-1} \alpha_{t,i} h_i", r"h_t = \tanh(W x_t + C c_t)"],
        [r"S_t = \sum_{i=1}^{t} v_i k_i^\top", "o_t = S_t q_t"],
        [r"c_t = \sum_i \alpha_{t,i} h_i", r"h_t = \tanh(W x_t + U h_{t-1} + C c_t)"],
    ],
)
def test_a_sum_over_all_steps_is_named(equations):
    with pytest.raises(InputError, match="a sum over all steps so far is no step"):
        read_equations(equations)


def test_functions_have_parameters_of_their_own():
    cell = read_equations(
        [r"h_t = \tanh(W h_{t-1} + \mathrm{FFN}(x_t))"],
        [r"\mathrm{FFN}(x) = W_2 \, \mathrm{relu}(W_1 x + b_1) + b_2"],
    )
    written = [r"h_t = \tanh(W h_{t-1} + (W_2 \mathrm{relu}(W_1 x_t + b_1) + b_2))"]
    assert str(cell.equations[0].expression) == str(read_equations(written).equations[0].expression)


def test_a_number_may_be_declared_behind_the_function():
    cell = read_equations([r"h_t = f(W x_t + U h_{t-1})"], [r"f(a) = \alpha a", r"\alpha = 0.5"])
    assert [one.name for one in cell.parameters] == ["W", "U"]


def test_what_stands_behind_a_semicolon_is_a_parameter():
    cell = read_equations([r"h_t = h_{t-1} + f(x_t; W, b)"], [r"f(x; W, b) = \tanh(W x + b)"])
    written = read_equations([r"h_t = h_{t-1} + \tanh(W x_t + b)"])
    assert str(cell.equations[0].expression) == str(written.equations[0].expression)


def test_a_layer_without_weights_has_its_own():
    cell = read_equations(
        [
            r"z_t = \sigma(\mathrm{Linear}_{d_h}(x_t))",
            r"h_t = (1 - z_t) \odot h_{t-1} + z_t \odot \mathrm{Linear}_{d_h}([x_t, h_{t-1}])",
            r"y_t = \mathrm{Linear}_1(h_t) + \tanh(\mathrm{Linear}_2(h_t))",
        ]
    )
    assert [one.name for one in cell.parameters] == ["W_z", "b_z", "W_h", "b_h", "W_1", "b_1", "W_2", "b_2"]
    assert any("W v + b" in guess.taken for guess in cell.guesses)
