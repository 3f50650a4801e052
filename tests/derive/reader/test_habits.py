"""Recurrences as papers write them: each is read, and those with habits of their own pass all evidence."""

from __future__ import annotations

import pytest

from derive.nodes import add, matmul, ones, scale
from derive.reader import read_equations
from verify import evidence

HABITS = {
    # equations, where, "output; states; inputs; parameters"
    "next step with x_{t+1}": (
        [r"h_{t+1} = \tanh(W x_{t+1} + U h_t + b)"],
        [],
        "h; h; x; W U b",
    ),
    "next step with x_t": (
        [r"h_{t+1} = \tanh(W x_t + U h_t + b)"],
        [],
        "h; h; x; W U b",
    ),
    "next step with gates": (
        [
            r"i_t = \sigma(W_i x_t + U_i h_t)",
            r"h_{t+1} = i_t \odot h_t + (1 - i_t) \odot \tanh(W x_t + U h_t)",
        ],
        [],
        "h; h; x; W_i U_i W U",
    ),
    "next step with output 2": (
        [
            r"s_{t+1} = \tanh(A s_t + B x_{t+1})",
            "y_{t+1} = C s_{t+1}",
        ],
        [],
        "y; s; x; A B C",
    ),
    "two states next": (
        [
            r"z_{t+1} = z_t + 0.1 (\tanh(W y_t + V x_t) - y_t)",
            "y_{t+1} = y_t + 0.1 z_{t+1}",
        ],
        ["output: y_{t+1}"],
        "y; y z; x; W V",
    ),
    "primes": (
        [
            r"f'_t = \sigma(W' x_t + b')",
            r"h_t = f'_t \odot h_{t-1} + (1 - f'_t) \odot \tanh(W x_t)",
        ],
        [],
        "h; h; x; W_prime b_prime W",
    ),
    "primes 2": (
        [
            r"h'_t = \tanh(W x_t + U h_{t-1})",
            r"h_t = h_{t-1} + \alpha (h'_t - h_{t-1})",
        ],
        [r"\alpha = 0.5"],
        "h; h; x; W U",
    ),
    "double prime": (
        [
            r"f''_t = \sigma(W x_t)",
            r"h_t = f''_t \odot h_{t-1} + x''_t",
        ],
        [r"x''_t \in R^H", r"h_t \in R^H"],
        "h; h; x x_prime_prime; W",
    ),
    "gate called t": (
        [
            r"t_t = \sigma(W_t x_t + b_t)",
            r"h_t = t_t \odot h_{t-1} + (1 - t_t) \odot \tanh(W_h x_t)",
        ],
        [],
        "h; h; x; W_t b_t W_h",
    ),
    "gate T": (
        [
            r"T_t = \sigma(W_T x_t)",
            r"h_t = T_t \odot h_{t-1} + (1-T_t) \odot \tanh(W_H x_t)",
        ],
        [],
        "h; h; x; W_T W_H",
    ),
    "scalar gate": (
        [
            r"g_t = \sigma(w^\top x_t + b)",
            r"h_t = g_t h_{t-1} + (1 - g_t) \tanh(W x_t)",
        ],
        [r"b \in \mathbb{R}"],
        "h; h; x; w b W",
    ),
    "nested": (
        [r"h_t = \tanh(W \sigma(V \tanh(A x_t + B h_{t-1})) + b)"],
        [],
        "h; h; x; W V A B b",
    ),
    "max": (
        [r"h_t = \max(0, W x_t + U h_{t-1})"],
        [],
        "h; h; x; W U",
    ),
    "max of two": (
        [r"h_t = \max\{W x_t, U h_{t-1}\}"],
        [],
        "h; h; x; W U",
    ),
    "exp": (
        [
            r"h_t = \exp(-\Delta_t) \odot h_{t-1} + W x_t",
            r"\Delta_t = \operatorname{softplus}(V x_t)",
        ],
        [],
        "h; h; x; W V",
    ),
    "e^": (
        [r"h_t = e^{-(V x_t)^2} \odot h_{t-1} + W x_t"],
        [],
        "h; h; x; V W",
    ),
    "sum_j": (
        [
            r"n_t = \sum_{j=1}^{H} h_{j,t-1}",
            r"h_t = \tanh(W x_t + n_t u)",
        ],
        [r"x_t \in \mathbb{R}^{D}", r"h_t \in \mathbb{R}^{H}"],
        "h; h; x; W u",
    ),
    "norm": (
        [
            r"h_t = \frac{a_t}{1 + \lVert a_t \rVert}",
            "a_t = W x_t + U h_{t-1}",
        ],
        [],
        "h; h; x; W U",
    ),
    "norm2": (
        [
            "a_t = W x_t + U h_{t-1}",
            r"h_t = \frac{\|a_t\|^2}{1 + \|a_t\|^2} \frac{a_t}{\|a_t\|}",
        ],
        [],
        "h; h; x; W U",
    ),
    "frac abs": (
        [r"h_t = \frac{W x_t + U h_{t-1}}{1 + |W x_t + U h_{t-1}|}"],
        [],
        "h; h; x; W U",
    ),
    "softplus": (
        [r"h_t = \log(1 + \exp(W x_t + U h_{t-1}))"],
        [],
        "h; h; x; W U",
    ),
    "matrix state": (
        [
            r"S_t = \lambda S_{t-1} + v_t k_t^\top",
            "v_t = V x_t",
            "k_t = K x_t",
            "o_t = S_t (Q x_t)",
        ],
        [r"S_t \in \mathbb{R}^{N \times M}", r"\lambda = 0.9"],
        "o; S; x; V K Q",
    ),
    "several": (
        [
            r"a_t = \tanh(A x_t + B c_{t-1})",
            r"c_t = \tanh(C a_t + E d_{t-1})",
            "d_t = F c_t",
        ],
        [r"a_t \in R^{K}", r"c_t \in R^{M}", r"d_t \in R^{N}", "output: d_t"],
        "d; d c; x; A B C E F",
    ),
    "sigma is relu": (
        [r"h_t = \sigma(W x_t + U h_{t-1})"],
        [r"\sigma = \operatorname{ReLU}"],
        "h; h; x; W U",
    ),
    "D = H": (
        [
            r"h_t = (1 - z_t) \odot h_{t-1} + z_t \odot x_t",
            r"z_t = \sigma(W x_t)",
        ],
        [r"x_t \in \mathbb{R}^{D}", r"h_t \in \mathbb{R}^{H}", "D = H"],
        "h; h; x; W",
    ),
    "constants": (
        [r"h_t = h_{t-1} + \epsilon \tanh(W x_t + U h_{t-1} - \gamma h_{t-1})"],
        [r"\epsilon = 0.1", r"\gamma = \frac{1}{3}"],
        "h; h; x; W U",
    ),
    "mean": (
        [
            r"\mu_t = \frac{1}{H} \sum_{i=1}^{H} a_{i,t}",
            "a_t = W x_t + U h_{t-1}",
            r"h_t = \tanh(a_t - \mu_t)",
        ],
        [r"x_t \in \mathbb{R}^{D}", r"h_t \in \mathbb{R}^{H}"],
        "h; h; x; W U",
    ),
    "sigmoid word": (
        [r"h_t = \text{sigmoid}(W x_t + U h_{t-1})"],
        [],
        "h; h; x; W U",
    ),
    "hadamard ast": (
        [
            r"h_t = f_t * h_{t-1} + (1 - f_t) * \tanh(W x_t)",
            r"f_t = \sigma(V x_t)",
        ],
        [],
        "h; h; x; W V",
    ),
    "sub/sup": (
        [
            r"h^{(2)}_t = \tanh(W^{(2)} h^{(1)}_t + U^{(2)} h^{(2)}_{t-1})",
            r"h^{(1)}_t = \tanh(W^{(1)} x_t + U^{(1)} h^{(1)}_{t-1})",
        ],
        [],
        "h_2; h_2 h_1; x; W_2 U_2 W_1 U_1",
    ),
    "leaky relu": (
        [
            r"h_t = \max(0.01 a_t, a_t)",
            "a_t = W x_t + U h_{t-1}",
        ],
        [],
        "h; h; x; W U",
    ),
    "inner product": (
        [
            r"e_t = h_{t-1}^\top W x_t",
            r"h_t = \sigma(e_t) h_{t-1} + V x_t",
        ],
        [],
        "h; h; x; W V",
    ),
    "bold": (
        [r"\mathbf{h}_t = \tanh(\mathbf{W}\mathbf{x}_t + \mathbf{U}\mathbf{h}_{t-1} + \mathbf{b})"],
        [],
        "h; h; x; W U b",
    ),
    "cdot": (
        [
            r"c_t = f_t \cdot c_{t-1} + i_t \cdot \tilde c_t",
            r"f_t = \sigma(W_f \cdot [h_{t-1}, x_t] + b_f)",
            r"i_t = \sigma(W_i \cdot [h_{t-1}, x_t] + b_i)",
            r"\tilde c_t = \tanh(W_c \cdot [h_{t-1}, x_t] + b_c)",
            r"h_t = \tanh(c_t)",
        ],
        [],
        "h; h c; x; W_f b_f W_i b_i W_c b_c",
    ),
    "elu": (
        [
            r"h_t = \max(0, a_t) + \min(0, \exp(a_t) - 1)",
            "a_t = W x_t + U h_{t-1}",
        ],
        [],
        "h; h; x; W U",
    ),
    "sqrt": (
        [
            r"h_t = \sqrt{1 - a_t^2} \odot x_t + a_t \odot h_{t-1}",
            r"a_t = \sigma(\lambda)^2",
        ],
        [r"x_t, h_t, \lambda \in \mathbb{R}^H"],
        "h; h; x; lambda_",
    ),
    "plain": (
        ["h[t] = tanh(W @ x[t] + U @ h[t-1] + b)"],
        [],
        "h; h; x; W U b",
    ),
    "clip": (
        [r"h_t = \min(1, \max(0, W x_t + U h_{t-1}))"],
        [],
        "h; h; x; W U",
    ),
    "1/x": (
        [r"h_t = \frac{1}{1 + e^{-(W x_t + U h_{t-1})}}"],
        [],
        "h; h; x; W U",
    ),
    "semicolons": (
        [r"h_t = \tanh(W [x_t ; h_{t-1}])"],
        [],
        "h; h; x; W",
    ),
    "delta t": (
        [r"h_t = h_{t-1} + \Delta t (W x_t - h_{t-1})"],
        [r"\Delta t = 0.1"],
        "h; h; x; W",
    ),
    "softsign def": (
        [r"h_t = \phi(W x_t + U h_{t-1})"],
        [r"\phi(a) = \frac{a}{1+|a|}"],
        "h; h; x; W U",
    ),
    "diag": (
        [r"h_t = \operatorname{diag}(\lambda) h_{t-1} + W x_t"],
        [],
        "h; h; x; lambda_ W",
    ),
    "gelu": (
        [r"h_t = \operatorname{GELU}(W x_t + U h_{t-1})"],
        [],
        "h; h; x; W U",
    ),
    "cases of an input": (
        [
            r"h_t = \begin{cases} a_t & \text{if } k_t > 0 \\ h_{t-1} & \text{otherwise} \end{cases}",
            r"a_t = \tanh(W x_t + U h_{t-1})",
        ],
        [r"k_t \in \mathbb{R}"],
        "h; h; k x; W U",
    ),
    "squared relu": (
        [r"h_t = \operatorname{ReLU}(W x_t)^2 + r \odot h_{t-1}"],
        [],
        "h; h; x; W r",
    ),
    "identity": (
        ["h_t = (I + 0.1 (W - W^T)) h_{t-1} + V x_t"],
        [],
        "h; h; x; W V",
    ),
}

PROVED = (
    "gelu",
    "cases of an input",
    "next step with x_t",
    "next step with gates",
    "two states next",
    "gate called t",
    "delta t",
    "mean",
    "primes",
    "primes 2",
    "scalar gate",
    "norm2",
    "several",
)
"""Those whose reading is more than their letters."""


@pytest.mark.parametrize("habit", HABITS)
def test_what_a_paper_writes_is_read(habit):
    equations, where, roles = HABITS[habit]
    cell = read_equations(equations, where)
    found = [[cell.output], cell.states, cell.inputs, cell.parameters]
    assert "; ".join(" ".join(q.name for q in group) for group in found) == roles


@pytest.mark.parametrize("habit", PROVED)
def test_what_a_paper_writes_is_proved(habit):
    equations, where, _ = HABITS[habit]
    found = evidence(read_equations(equations, where))
    assert found.passed, found.to_json()


def test_the_next_state_is_counted_from_zero_where_it_reads_what_is_given_now():
    ahead = read_equations([r"h_{t+1} = \tanh(U h_t + W x_t)"])
    assert ahead.equations == read_equations([r"h_t = \tanh(U h_{t-1} + W x_t)"]).equations
    output = read_equations([r"s_{t+1} = A s_t + B x_t", r"y_t = C s_t + E x_t"], ["output: y_t"])
    assert (
        output.equations
        == read_equations([r"s_t = A s_{t-1} + B x_t", r"y_t = C s_{t-1} + E x_t"], ["output: y_t"]).equations
    )


def test_a_scalar_with_a_name_stands_in_every_entry():
    cell = read_equations([r"s_t = v^\top x_t", r"h_t = W x_t - s_t"], [r"x_t \in R^D", r"h_t \in R^H"])
    W, x, s, h = (cell.quantities[name] for name in "Wxsh")
    assert cell.equations[1].expression == add(matmul(W, x), scale(-1, matmul(ones(h.shape[0]), s)))


def test_a_size_below_a_fraction_is_its_number():
    cell = read_equations([r"m_t = \frac{1}{D} \sum_i x_{i,t}", r"h_t = \tanh(m_t u + U h_{t-1})"], [r"x_t \in R^D"])
    D = cell.quantities["x"].shape[0]
    assert cell.equations[0].expression == scale(1 / D, matmul(ones(1, D), cell.quantities["x"]))
    assert [q.name for q in cell.parameters] == ["u", "U"]
    matrix = read_equations([r"y_t = C h_t + D x_t", r"h_t = A h_{t-1} + B x_t"], [r"x_t \in \mathbb{R}^{D}"])
    assert "D" in matrix.quantities, "a letter that multiplies is a matrix"


def test_the_root_of_a_size_is_a_number_of_the_cell():
    cell = read_equations([r"k_t = \frac{1}{\sqrt{d}} W x_t", "h_t = k_t + U h_{t-1}"], [r"x_t \in R^d"])
    assert [q.name for q in cell.parameters] == ["W", "U"]
