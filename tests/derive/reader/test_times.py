"""Every way to write a time, and names by their letters."""

from __future__ import annotations

import pytest

from derive.errors import InputError
from derive.nodes import t
from derive.notation import TimeStyle
from derive.reader import read_equations

STYLES = [
    ("{}_t", "{}_{{t-1}}", TimeStyle.SUBSCRIPT),
    ("{}_{{t}}", "{}_{{t - 1}}", TimeStyle.SUBSCRIPT),
    ("{}^{{(t)}}", "{}^{{(t-1)}}", TimeStyle.PARENTHESES),
    ("{}(t)", "{}(t-1)", TimeStyle.PARENTHESES),
    (r"{}^{{\langle t \rangle}}", r"{}^{{\langle t-1\rangle}}", TimeStyle.ANGLES),
    ("{}^{{<t>}}", "{}^{{<t-1>}}", TimeStyle.ANGLES),
    ("{}^t", "{}^{{t-1}}", TimeStyle.SUPERSCRIPT),
    ("{}[t]", "{}[t-1]", None),
    ("{}_t", "{}_(t-1)", TimeStyle.SUBSCRIPT),
    ("{}_t", "{}_prev", TimeStyle.SUBSCRIPT),
    ("{}ₜ", "{}ₜ₋₁", TimeStyle.SUBSCRIPT),
    ("{}_t", "{}_{{t−1}}", TimeStyle.SUBSCRIPT),
]


@pytest.mark.parametrize(("now", "before", "style"), STYLES)
def test_time_styles(now, before, style):
    cell = read_equations([f"{now.format('h')} = tanh(W {now.format('x')} + U {before.format('h')} + b)"])
    assert [q.name for q in cell.states] == ["h"]
    assert [(q.name, q.time) for q in cell.inputs] == [("x", t)]
    if style is not None:
        assert cell.notation.time is style


@pytest.mark.parametrize(
    ("now", "before", "name"), [("h_{i,t}", "h_{i,t-1}", "h_i"), ("h_t^{fw}", "h_{t-1}^{fw}", "h_fw")]
)
def test_a_label_beside_the_time(now, before, name):
    cell = read_equations([f"{now} = tanh(W x_t + U {before})"])
    assert [q.name for q in cell.states] == [name]


def test_an_equation_for_the_next_step_is_shifted():
    later = read_equations([r"h_{t+1} = \tanh(U h_t + W x_{t+1})"])
    now = read_equations([r"h_t = \tanh(U h_{t-1} + W x_t)"])
    assert later.equations == now.equations


def test_nothing_of_a_later_step():
    with pytest.raises(InputError, match="an equation for step t may use t and t-1 only") as caught:
        read_equations([r"h_t = W x_t + U h_{t+1}"])
    assert caught.value.place.column == 17


NAMES = [
    (r"W_{xi}", "W_xi", r"W_{xi}"),
    (r"\mathbf{W}_{xi}", "W_xi", r"\mathbf{W}_{xi}"),
    (r"\boldsymbol{W}_{xi}", "W_xi", r"\boldsymbol{W}_{xi}"),
    (r"\mathbf{W_{xi}}", "W_xi", r"\mathbf{W}_{xi}"),
    (r"W_{x,i}", "W_xi", None),
    (r"W_{\text{in}}", "W_in", None),
    (r"\mathrm{W}_x", "W_x", None),
    (r"\Gamma_f", "Gamma_f", r"\Gamma_{f}"),
    (r"W'", "W_prime", "W'"),
    (r"W^{'}", "W_prime", None),
    (r"W^*", "W_star", None),
    (r"W{xh}", "W_xh", r"W_{xh}"),
    (r"\tilde{W}", "W_tilde", r"\tilde{W}"),
    (r"\bar W_x", "W_bar_x", None),
    (r"\dot{W}", "W_dot", None),
    (r"\vec W", "W", None),
    ("Γ", "Gamma", r"\Gamma"),
    ("Ŵ", "W_hat", r"\hat{W}"),
    ("W̃", "W_tilde", r"\tilde{W}"),
    ("𝐖", "W", None),
    (r"W^{(z)}", "W_z", None),
    (r"W^{xh}", "W_xh", None),
    (r"\Lambda", "Lambda", r"\Lambda"),
    (r"\Zeta", "Z", "Z"),
]


@pytest.mark.parametrize(("written", "name", "latex"), NAMES)
def test_identifiers_follow_the_letters(written, name, latex):
    cell = read_equations([rf"h_t = \tanh({written} x_t + U h_{{t-1}})"])
    assert cell.parameters[0].name == name
    if latex is not None:
        assert dict(cell.notation.letters)[name] == latex


def test_a_keyword_of_python_gets_an_underscore():
    cell = read_equations([r"h_t = \lambda \odot h_{t-1} + W x_t"])
    assert cell.parameters[0].name == "lambda_"
    assert dict(cell.notation.letters)["lambda_"] == r"\lambda"


@pytest.mark.parametrize("accented", [r"\hat y_t", r"\hat{y}_t", r"\hat{y_t}", "ŷ_t", r"\widehat{y}_t"])
def test_accents(accented):
    assert read_equations([f"{accented} = W x_t"]).output.name == "y_hat"


def test_plain_text_takes_words_as_names():
    cell = read_equations(["h_t = tanh(W_xh @ x_t + W_hh @ h[t-1] + bias)"])
    assert [q.name for q in cell.parameters] == ["W_xh", "W_hh", "bias"]
    assert dict(cell.notation.letters)["W_xh"] == "W_{xh}"


def test_letters_are_factors_in_latex():
    cell = read_equations(["net_t = Ux_t + Ws_{t-1}", "s_t = tanh(net_t)"])
    assert [q.name for q in cell.parameters] == ["U", "W"]
    assert [q.name for q in cell.equations[0].expression.args[0].args] == ["U", "x"]


def test_a_chain_of_two_names_with_times_as_arguments() -> None:
    now = read_equations([r"c(t) = g(t) = \tanh(W u(t) + R c(t-1))", r"s(t) = \tanh(g(t))"])
    below = read_equations([r"c_t = g_t = \tanh(W u_t + R c_{t-1})", r"s_t = \tanh(g_t)"])
    assert [(e.symbol, e.expression) for e in now.equations] == [(e.symbol, e.expression) for e in below.equations]
