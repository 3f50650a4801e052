"""Habits of published cells that were read as something else, or asked about badly."""

from __future__ import annotations

import re

import pytest

from derive.errors import InputError
from derive.reader import reading_of
from derive.reader.document.reading import shape


def cell(text, name="cell.md"):
    return reading_of(text, name).cell


def equations(text, name="cell.md"):
    return [str(e.expression) for e in cell(text, name).equations]


def shapes(text, name="cell.md"):
    found = cell(text, name)
    return {q.name: shape(q) for q in (*found.inputs, *found.parameters)}


@pytest.mark.parametrize(
    "power", [r"A^{-1} \tanh(A (W x_t + h_{t-1}))", "(U A)^{-1} h_{t-1} + x_t", "(U A)^2 x_t + h_{t-1}"]
)
def test_a_power_of_what_may_be_a_matrix_is_none_of_its_entries(power):
    text = f"$$h_t = {power}$$\n"
    with pytest.raises(InputError, match="matrix"):
        cell(text)
    assert shapes(text + "\nwhere $A \\in \\mathbb{R}^{H}$\n")["A"] == "(H)"


def test_the_inverse_of_a_matrix_is_refused_by_its_name():
    with pytest.raises(InputError, match="inverse of a matrix"):
        cell("$$h_t = (I - A/2)^{-1} (I + A/2) h_{t-1} + B x_t$$\n")


def test_words_say_what_a_letter_of_functions_is():
    text = "$$h_t = \\sigma(W x_t + U h_{t-1})$$\n\nwhere $\\sigma$ is "
    assert "tanh" in equations(text + "the tanh.\n")[0]
    assert "σ" in equations(text + "the sigmoid.\n")[0]
    several = "$$h_t = f(W x_t + g(h_{t-1}))$$\n\nwhere $f$ and $g$ are "
    assert equations(several + "sigmoid functions.\n")[0].count("σ") == 2
    assert "f(" in equations(several + "the sigmoid and the tanh.\n")[0]


def test_beside_a_sigma_with_a_hat_that_words_explain_the_plain_one_is_open():
    text = "$$z_t = \\hat{\\sigma}(W x_t), \\quad h_t = z_t \\odot \\sigma(h_{t-1})$$\n\nwhere $\\hat{\\sigma}$ is "
    assert not cell(text + "the sigmoid.\n").equations[1].expression.args[1].function.specified


@pytest.mark.parametrize("called", ["nonlin", "act", "act_g", r"\mathrm{act}_g", "activation"])
def test_words_for_a_function_that_is_left_open(called):
    assert equations(f"$$h_t = {called}(W x_t + U h_{{t-1}})$$\n")[0].endswith("(W x_t + U h_{t-1})")


def test_an_open_function_is_answered_in_words():
    text = "$$h_t = act_g(W x_t + U h_{t-1})$$\n\nwhere $act_g$ is the sigmoid\n"
    assert equations(text)[0].startswith("σ(")


def test_linear_of_a_value_is_a_layer_and_of_a_sum_the_identity():
    plain = "z_t = sigmoid(linear_z(x_t))\nh_t = (1 - z_t)*h_{t-1} + z_t*linear_h(x_t)\n"
    assert shapes(plain, "cell.txt").keys() == {"x", "W_z", "b_z", "W_h", "b_h"}
    assert shapes("$$h_t = \\mathrm{linear}(x_t) + h_{t-1}$$\n").keys() == {"x", "W_h", "b_h"}
    assert shapes("$$h_t = \\mathrm{linear}(W x_t + U h_{t-1})$$\n").keys() == {"x", "W", "U"}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "$$[i_t, f_t] = W x_t + U h_{t-1}$$\n\n$$i_t = \\sigma(i_t)$$\n\n$$h_t = f_t \\odot h_{t-1} + i_t$$\n",
            "cell.md",
        ),
        ("i_t, f_t = split(W x_t + U h_{t-1})\ni_t = sigmoid(i_t)\nh_t = f_t*h_{t-1} + i_t\n", "cell.txt"),
        ("    i[t] = W*x[t] + U*h[t-1]   (first)\n    i[t] = sigmoid(i[t])\n    h[t] = i[t]*h[t-1]\n", "cell.md"),
    ],
)
def test_one_letter_before_and_behind_its_function(text, name):
    named = [e.symbol.name for e in cell(text, name).equations]
    assert "i_1" in named
    assert named.index("i_1") < named.index("i")


def test_a_comparison_of_plain_text_is_a_step():
    text = "    v[t] = a*v[t-1] + W*x[t]    (leak and integrate)\n    s[t] = v[t] > theta          (fire)\n"
    text += "    v[t] = v[t] - s[t]*theta     (reset)\n\nwhere $a \\in \\mathbb{R}$\n"
    assert any("Heaviside" in one for one in equations(text))
    with pytest.raises(InputError, match="expected '='"):
        cell("a_t = tanh(x_t) > 0\nh_t = a_t*h_{t-1} + x_t\n", "cell.txt")


def test_a_power_of_a_diagonal_matrix_is_one_of_its_entries():
    text = "$$r_t = \\sigma(V x_t), h_t = \\mathrm{diag}(r_t)^{1/a} h_{t-1} + W x_t$$\n\nwhere $a \\in \\mathbb{R}$\n"
    assert "DiagMatrix(exp(" in equations(text)[1]
    assert "DiagMatrix(HadamardPower(r, 2))" in equations("$$h_t = \\mathrm{diag}(r)^2 h_{t-1} + W x_t$$\n")[0]


@pytest.mark.parametrize(
    "written", [r"\sin(\omega t) \odot x_t", r"\omega t x_t", r"\sum_k a_k \sin(\omega_k t + b_k)"]
)
def test_steps_are_not_counted(written):
    with pytest.raises(InputError, match="time steps cannot be counted"):
        cell(f"$$h_t = h_{{t-1}} + {written}$$\n")


def test_numbers_that_words_name_before_the_letters():
    text = "with per-token scalars $a_t, b_t \\in (0, 1)$:\n\n$$S_t = a_t S_{t-1} + b_t k_t v_t^\\top$$\n"
    assert [shapes(text)[name] for name in "ab"] == ["(a number)"] * 2


def test_a_function_that_running_text_defines():
    text = "$$h_t = \\phi(W x_t + U h_{t-1})$$\n\nand for now we set $\\phi(x) = x$ here.\n"
    assert cell(text).equations[0].expression.function.name == "identity"


def test_a_label_is_no_parameter_of_its_function():
    text = "$$g_t = f_\\phi(W_\\phi x_t + U_\\phi h_{t-1})$$\n\n$$h_t = g_t \\odot h_{t-1}$$\n"
    assert "W_phi" in shapes(text)
    with pytest.raises(InputError, match="parameters of its own"):
        cell("$$h_t = f_\\phi(x_t) + h_{t-1}$$\n")


def test_lists_and_products_of_the_notes_of_frameworks():
    text = "x_h_prev = [x, h_prev]\n[r_bar u_bar] = x_h_prev * W + b\nr = sigmoid(r_bar)\nu = sigmoid(u_bar)\n"
    text += "h_prevr = h_prev \\circ r\nx_h_prevr = [x h_prevr]\nc = tanh(x_h_prevr * V)\n"
    text += "h = (1-u) \\circ c + u \\circ h_prev\n"
    assert shapes(text, "cell.txt") == {"x": "(D)", "W": "(D + H×2*H)", "b": "(2*H)", "V": "(D + H×H)"}


def test_a_small_weight_is_proposed_as_a_vector_where_the_star_is_entrywise():
    text = "i_t = sigmoid(p_t + w_ic*c_{t-1})\nc_t = f_t*c_{t-1} + i_t\n"
    with pytest.raises(InputError) as caught:
        cell(text, "cell.txt")
    for letter in ("f_t", "w_{ic}"):
        assert f"${letter} \\in \\mathbb{{R}}^{{H}}$" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$$Z = \\tanh(W ∗ X)$$\n\n$$h_t = f_t h_{t-1} + z_t$$\n\n∗ denotes a convolution.\n", "convolution"),
        ("$$\\dot{v} = -v + x, \\quad \\dot{a} = v - a$$\n\n$$v = (1 - z) v$$\n", "differential equation"),
        ("$$h_t = \\text{LayerNorm}(W x_t + U h_{t-1})$$\n", "what LayerNorm does is open"),
    ],
)
def test_what_cannot_be_read_is_called_by_its_name(text, said):
    with pytest.raises(InputError, match=said):
        cell(text)


def test_a_number_or_a_fraction_above_a_letter_is_a_power():
    text = "$$r_t = \\sigma(W x_t), \\quad h_t = r_t^{POWER} \\odot h_{t-1} + r_t$$\n"
    number = "\nwhere $\\gamma \\in \\mathbb{R}$\n"
    for power in (r"\gamma", r"1/\gamma", r"\frac{1}{\gamma}"):
        assert "exp(" in equations(text.replace("POWER", power) + number)[1]
    with pytest.raises(InputError, match="a power, or a letter with a label"):
        cell(text.replace("POWER", r"\gamma"))
    assert "r_gamma" in shapes(text.replace("POWER", r"\gamma") + "\ninput: $r^{\\gamma}_t$\n")


@pytest.mark.parametrize("called", ["LN", r"\mathrm{LN}", r"\text{LayerNorm}"])
def test_the_line_that_is_proposed_for_a_normalization_can_be_pasted(called):
    text = f"$$h_t = \\tanh({called}(W x_t) + U h_{{t-1}})$$\n"
    with pytest.raises(InputError) as caught:
        cell(text)
    (line,) = re.findall(r"where \$[^$]*\$", caught.value.hint)
    assert shapes(text + f"\n{line}\n").keys() == {"x", "W", "U"}


def test_a_value_that_is_made_of_itself_is_called_by_its_letter():
    with pytest.raises(InputError, match="i is computed from its own value"):
        cell("$$i_t = \\sigma(i_t)$$\n\n$$h_t = i_t \\odot h_{t-1} + x_t$$\n")


def test_a_slope_that_is_declared_hides_no_plain_equation():
    text = "    v[t] = a[t]*v[t-1] + W*x[t]\n    s[t] = v[t] > theta\n\nwhere $a_t \\in \\mathbb{R}^{H}$\n"
    slope = "\nwhere $\\operatorname{heaviside}'(u) = \\max(0, 1 - |u|)$\n\noutput: $s_t$\n"
    assert len(equations(text + slope)) == 2
