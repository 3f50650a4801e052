"""Equations exactly as five people's notes print them."""

from __future__ import annotations

import pytest
from sympy import Rational

from derive.errors import InputError
from derive.functions import ScalarFunction, function
from derive.nodes import (
    Quantity,
    add,
    apply,
    concat,
    hadamard,
    matmul,
    power,
    scale,
    size,
    softmax,
    t,
    total,
    transpose,
)
from derive.notation import TimeStyle
from derive.reader import read_equations

D, H = size("D"), size("H")
TANH, SIGMA, LOG = function("tanh"), function("sigmoid"), function("log")
F, G = ScalarFunction("f"), ScalarFunction("g")

TEXTBOOK = [
    r"a^{(t)} = b + Wh^{(t-1)} + Ux^{(t)},",
    r"h(t) = tanh(a^{(t)}),",
    r"o^{(t)} = c + Vh^{(t)},",
    r"y^{(t)} = softmax(o^{(t)}),",
]
OUTPUT = r"o_t = g(Vs_t)\tag{1}"
STATE = r"s_t = f(Ux_t + Ws_{t-1})\tag{2}"
NET = "net_t = Ux_t + Ws_{t-1} \\\\\ns_{t-1} = f(net_{t-1})\\\\\n"
GATES = [
    r"i_t = \sigma(\mathbf{W}_{xi} \cdot X_t + \mathbf{W}_{hi} \cdot H_{t-1} + \mathbf{b}_i)\tag{1}",
    r"f_t = \sigma(\mathbf{W}_{xf} \cdot X_t + \mathbf{W}_{hf} \cdot H_{t-1} + \mathbf{b}_f)\tag{3}",
    r"o_t = \sigma(\mathbf{W}_{xo} \cdot X_t + \mathbf{W}_{ho} \cdot H_{t-1} + \mathbf{b}_o)\tag{5}",
    r"\beta_t = \sigma(\mathbf{W}_{xb} \cdot X_t + \mathbf{W}_{hb} \cdot H_{t-1} + \mathbf{b}_b)\tag{6}",
    r"H_t = o_t \odot \tanh(c_t) + \beta_t \odot H_{t-1}\tag{7}",
]


def column(name, rows, time=t):
    return Quantity(name, rows, 1, time)


def expressions(cell):
    return {equation.symbol.name: equation.expression for equation in cell.equations}


def test_the_textbook_rnn_with_biases():
    cell = read_equations(TEXTBOOK)
    K = size("n_o")
    x, h, before = column("x", D), column("h", H), column("h", H, t - 1)
    a, o = column("a", H), column("o", K)
    W, U, V = Quantity("W", H, H), Quantity("U", H, D), Quantity("V", K, H)
    assert expressions(cell) == {
        "a": add(Quantity("b", H), matmul(W, before), matmul(U, x)),
        "h": apply(TANH, a),
        "o": add(Quantity("c", K), matmul(V, h)),
        "y": softmax(o),
    }
    assert [q.name for q in cell.states] == ["h"]
    assert cell.inputs == (x,)
    assert cell.output == column("y", K)
    assert [q.name for q in cell.parameters] == ["b", "W", "U", "c", "V"]
    assert cell.notation.time is TimeStyle.PARENTHESES
    assert "tanh" not in dict(cell.notation.letters)  # typed as letters, to be printed as a function


def test_general_f_and_g():
    cell = read_equations([OUTPUT, STATE])
    x, s, before = column("x", D), column("s", H), column("s", H, t - 1)
    pre = add(matmul(Quantity("U", H, D), x), matmul(Quantity("W", H, H), before))
    assert expressions(cell) == {"s": apply(F, pre), "o": apply(G, matmul(Quantity("V", size("n_o"), H), s))}
    assert {f.name for f in cell.open_functions} == {"f", "g"}


def test_a_restatement_keeps_the_form_that_names_more():
    cell = read_equations([OUTPUT, STATE, STATE, NET])
    found = expressions(cell)
    assert list(found) == ["net", "s", "o"]
    assert found["s"] == apply(F, column("net", H))
    assert [q.name for q in cell.states] == ["s"]


def test_a_gap_in_a_note_is_named():
    with pytest.raises(InputError) as caught:
        read_equations(GATES)
    assert "c_t is never assigned" in caught.value.message
    assert "input: $c_t$" in caught.value.hint


def test_a_gap_that_is_a_state_is_named():
    with pytest.raises(InputError, match="the state c is used at t-1 but no equation assigns it"):
        read_equations([r"c_t^* = f_t \odot c_{t-1} + i_t \odot \tilde{C}\tag{4}"])


def test_the_gates_with_the_gap_filled():
    cell = read_equations([*GATES, r"c_t = f_t \odot c_{t-1} + i_t \odot \tanh(\mathbf{W}_{xc} \cdot X_t)"])
    assert {q.name for q in cell.states} == {"c", "H"}
    assert cell.output.name == "H"
    assert dict(cell.notation.letters)["W_xi"] == r"\mathbf{W}_{xi}"
    assert dict(cell.notation.letters)["beta"] == r"\beta"


def test_sizes_are_d_and_h_even_where_the_state_is_called_h():
    cell = read_equations([r"H_t = \tanh(W X_t + U H_{t-1})"])
    assert [str(size) for size in cell.sizes] == ["D", "H"]


def test_inline_text_with_a_unicode_minus():
    cell = read_equations(["S_t=f(UX_t+WS_{t−1})", "O_t =softmax(VS_t)"])
    assert expressions(cell)["O"] == softmax(matmul(Quantity("V", size("n_O"), H), column("S", H)))
    assert [q.name for q in cell.states] == ["S"]


def test_a_forgotten_underscore_and_a_constant_input():
    cell = read_equations([r"s_t=tanh(W{xh}*x_t+W_{hh}*s_{t-1}+W_{ih}*v)"], ["input: v"])
    v = Quantity("v", size("n_v"))
    assert cell.inputs == (column("x", D), v)
    assert [q.name for q in cell.parameters] == ["W_xh", "W_hh", "W_ih"]
    assert matmul(Quantity("W_ih", H, size("n_v")), v) in expressions(cell)["s"].operands[0].args


def test_gates_over_stacked_vectors():
    cell = read_equations(
        [
            r"\Gamma_f^{\langle t \rangle} = \sigma(W_f [a^{<t-1>}, x^{<t>}] + b_f)",
            r"a^{<t>} = \Gamma_f^{<t>} * \tanh(W_a \left [ \begin{matrix} a^{\langle t-1 \rangle} \\ "
            r"x^{\langle t \rangle} \end{matrix} \right ] + b_a)",
        ]
    )
    stacked = concat(0, column("a", H, t - 1), column("x", D))
    W = Quantity("W_f", H, D + H)
    assert expressions(cell)["Gamma_f"] == apply(SIGMA, add(matmul(W, stacked), Quantity("b_f", H)))
    assert isinstance(expressions(cell)["a"], type(hadamard(column("a", H), column("b", H))))
    assert cell.notation.time is TimeStyle.ANGLES


def test_matrices_side_by_side_act_on_vectors_below_each_other():
    cell = read_equations(
        [
            r"a^{<t>} = \tanh([W_{aa}\ \vdots \ W_{ax}] \left [ \begin{matrix} a^{\langle t-1 \rangle} \\ "
            r"x^{\langle t \rangle} \end{matrix} \right ])"
        ]
    )
    matrices = concat(1, Quantity("W_aa", H, H), Quantity("W_ax", H, D))
    stacked = concat(0, column("a", H, t - 1), column("x", D))
    assert expressions(cell)["a"] == apply(TANH, matmul(matrices, stacked))


def test_a_loss_with_a_list_of_arguments_and_a_sum_over_entries():
    cell = read_equations(
        [
            r"L^{\langle t \rangle} (\hat y^{\langle t \rangle}, y^{\langle t \rangle}) = "
            r"- \sum_i y_i^{\langle t \rangle} log \hat y_i^{\langle t \rangle}",
            r"\hat y^{<t>} = softmax(W_{ya} a^{<t>} + b_y)",
        ],
        ["input: a^{<t>}", "target: y^{<t>}"],
    )
    K = cell.quantities["y"].shape[0]
    y, p = column("y", K), column("y_hat", K)
    assert expressions(cell)["L"] == scale(-1, total(hadamard(y, apply(LOG, p))))
    assert [q.name for q in cell.targets] == ["y"]


@pytest.mark.parametrize(
    "loss",
    [
        r"L_t = -y_t^\top \log \hat y_t",
        r"L_t = -y_t^T log\hat{y}_t",
        r"L_t = - y_t^{\mathsf T} \cdot \log(\hat{y}_t)",
        r"L_t = -y_t^\intercal\log{\hat{y}_t}",
    ],
)
def test_cross_entropy_as_a_product(loss):
    cell = read_equations([loss, r"\hat y_t = softmax(V h_t)"], ["target: y_t", "input: h_t"])
    K = cell.quantities["y"].shape[0]
    y, p = column("y", K), column("y_hat", K)
    assert expressions(cell)["L"] == scale(-1, matmul(transpose(y), apply(LOG, p)))


@pytest.mark.parametrize(
    "norm", [r"\| y_t - p_t \|^2", r"\lVert y_t - p_t\rVert_2^2", r"\left\| y_t - p_t \right\|^{2}"]
)
def test_a_squared_norm(norm):
    cell = read_equations([rf"L_t = \frac{{1}}{{2}} {norm}"], ["target: y_t", "input: p_t"])
    n = cell.quantities["y"].shape[0]
    assert expressions(cell)["L"] == scale(
        Rational(1, 2), total(power(add(column("y", n), scale(-1, column("p", n))), 2))
    )
