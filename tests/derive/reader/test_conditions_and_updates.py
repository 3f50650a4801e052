"""Values under conditions, values that a step gives anew, and what was taken for something else in silence."""

from __future__ import annotations

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


PLAIN = "v[t] = W @ x[t] + U @ s[t-1]\ns[t] = 1 if v[t] > 0 else 0\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (r"$$v_t = W x_t + U s_{t-1}, \quad s_t = 1 \text{ if } v_t > 0 \text{ else } 0$$", "cell.md"),
        ("$$v_t = W x_t + U s_{t-1}$$\n\n$$s_t = 1 \\quad \\text{if } v_t \\ge 0, \\text{ otherwise } 0$$", "cell.md"),
        (f"```\n{PLAIN}```\n", "cell.md"),
        (PLAIN.replace("> 0", ">= 0"), "cell.txt"),
    ],
)
def test_a_value_under_a_condition_is_none_without_it(text, name):
    assert "Heaviside" in equations(text, name)[1]


def test_both_values_of_a_condition_are_chosen_by_it():
    text = "$$h_t = \\tanh(W x_t + U h_{t-1}) \\text{ if } m_t > 0 \\text{ else } h_{t-1}$$"
    assert equations(text)[0].count("Heaviside") == 2


@pytest.mark.parametrize(
    "bound", [r"\text{ if } v_t > \theta", r"\quad \text{when } v_t \ge \theta", r"\text{ for } v_t > 0", ", v_t > 0"]
)
def test_what_a_value_is_where_its_condition_does_not_hold_is_asked_for(bound):
    with pytest.raises(InputError, match="does not hold is open"):
        cell(f"$$v_t = W x_t + s_{{t-1}}$$\n\n$$s_t = 1 {bound}$$\n")


def test_a_condition_on_the_step_is_a_range():
    assert equations("$$h_t = \\tanh(W x_t + U h_{t-1}) \\text{ if } t > 0$$\n")


def test_an_exponential_beside_letters_is_a_value():
    text = "$$\\bar{A} = e^{A\\Delta}$$\n\n$$x_k = \\bar{A} x_{k-1} + B u_k$$\n"
    with pytest.raises(InputError, match=r"shapes of \\Delta and A are open"):
        cell(text)
    vector = "\nwhere $\\Delta \\in \\mathbb{R}$, $A \\in \\mathbb{R}^{H}$\n"
    assert shapes(text + vector).keys() == {"u", "A", "Delta", "B"}
    with pytest.raises(InputError, match="exponential of a matrix"):
        cell(text + vector.replace("{H}", "{H \\times H}"))


def test_a_letter_that_is_another_one_of_the_equations_is_no_size():
    text = "$$\\bar{C} = C$$\n\n$$z_t = C x_t + z_{t-1}$$\n\n$$y_t = \\bar{C} z_t$$\n"
    assert shapes(text).keys() == {"x", "C"}


SPLIT = "$$[i_t, f_t] = W [x_t ; h_{t-1}] + b$$\n\nThen:\n\n$$i_t = \\sigma(i_t), \\qquad f_t = \\tanh(f_t)$$\n\nSo\n\n"


@pytest.mark.parametrize("more", ["", "As a sketch:\n\n$$h_t = h_{t-1} + \\text{new content}$$\n"])
def test_values_before_and_behind_their_function_are_of_one_cell(more):
    found = cell(SPLIT + "$$h_t = i_t \\odot h_{t-1} + f_t$$\n\n" + more)
    assert {str(q) for q in found.parameters} == {"W", "b"}
    assert [e.symbol.name for e in found.equations][-3:] == ["i", "f", "h"]


def test_a_capital_letter_of_two_states_is_no_matrix():
    text = "$$s_t = u_t \\cdot S(s_{t-1}, x_t) + (1 - u_t) \\cdot s_{t-1}$$\n"
    with pytest.raises(InputError, match="what S makes of its 2 arguments is open"):
        cell(text)
    assert shapes(text + "\n$S(a, v) = \\tanh(U a + V v)$, $u_t \\in \\mathbb{R}$\n").keys() == {"u", "x", "U", "V"}


def test_words_call_a_weight_a_vector():
    text = "$$s_t = \\sigma(W_p s_{t-1} + b) \\odot s_{t-1} + x_t$$\n\nwhere $W_p$ is a weights vector\n"
    with pytest.raises(InputError, match=r"call W_\{p\} a vector") as caught:
        cell(text)
    assert "1 \\times H" in caught.value.hint


def test_rows_of_letters_without_a_time_end_where_their_lines_do():
    text = "$$\nr = \\sigma(W x + U h)\nh̃ = \\tanh(V x + R (r \\odot h))\nh' = (1 - r) \\odot h̃ + r \\odot h\n$$\n"
    assert [e.symbol.name for e in cell(text).equations] == ["r", "h_tilde", "h"]


PROGRAM = "g = sigmoid(G @ [x; h] + a)\nh_new = tanh(W @ x + U @ h)\nh = (1 - g) * h + g * h_new\n"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"```\n{PROGRAM}```\n", "cell.md"),
        ('"""Rule:\n' + PROGRAM + '"""\n', "cell.py"),
        (r"$$g = \sigma(G [x; h] + a)$$" + "\n\n" + r"$$h = (1 - g) h + g \odot \tanh(W x + U h)$$", "cell.md"),
    ],
)
def test_what_a_program_makes_a_state_of_is_that_of_the_step_before(text, name):
    found = cell(text, name)
    assert [q.name for q in found.states] == ["h"]
    assert any("of the step before" in str(guess) for guess in found.guesses)


def test_a_length_of_time_is_one_step_and_a_number():
    text = "```\nh(t) = (1 - dt/tau) * h(t-dt) + dt/tau * tanh(W * h(t-dt) + I(t))\n```\n"
    with pytest.raises(InputError, match="dt"):
        cell(text)
    answer = "\nwhere $\\mathrm{dt} \\in \\mathbb{R}$, $\\tau \\in \\mathbb{R}^H$\n"
    assert shapes(text + answer) == {"I": "(H)", "dt": "(a number)", "tau": "(H)", "W": "(H×H)"}


def test_a_number_over_a_vector_is_one_over_each_entry():
    text = "$$h_t = d/g \\odot h_{t-1} + W x_t$$\n\nwhere $d \\in \\mathbb{R}$, $g \\in \\mathbb{R}^{H}$\n"
    assert shapes(text)["g"] == "(H)"


@pytest.mark.parametrize(("text", "name"), [("$$c_t = f_t c_{t_1} + x_t$$\n", "cell.md")])
def test_a_slip_of_a_step_is_asked_about(text, name):
    with pytest.raises(InputError, match=r"is it c_\{t-1\}\?"):
        cell(text, name)
    assert shapes("h_t = tanh(U @ h_t{-1} + V @ x_t) (1)\n", "cell.txt").keys() == {"x", "U", "V"}


def test_a_normalization_is_proposed_with_the_arguments_that_it_has():
    text = "$$h_t = \\tanh(\\text{LN}(W x_t; g_1, b_1) + U h_{t-1})$$\n"
    with pytest.raises(InputError, match="does is open") as caught:
        cell(text)
    line = caught.value.hint.removeprefix("add a line such as ")
    assert shapes(f"{text}\n{line}\n").keys() == {"x", "W", "g_1", "b_1", "U"}


def test_a_diagonal_matrix_has_an_inverse_and_an_exponential():
    text = (
        "$$\\bar{A} = e^{A d}$$\n\n$$\\bar{B} = A^{-1} (e^{A d} - I) B$$\n\n$$x_k = \\bar{A} x_{k-1} + \\bar{B} u_k$$\n"
    )
    with pytest.raises(InputError, match="inverse of a matrix"):
        cell(text)
    assert shapes(text + "\nwhere $A$ is a diagonal matrix, $d \\in \\mathbb{R}$\n")["A"] == "(H)"


def test_layers_with_labels_below_and_above_have_parameters_of_their_own():
    text = "$$h_t = \\tanh(lin_{h}^1(x_t) + lin_{h}^2(h_{t-1}))$$\n"
    assert len(shapes(text)) == 5


def test_what_a_value_is_above_by_its_form_is_no_comparison():
    text = "$$a_t = \\text{softplus}(W x_t) > 0 \\quad \\text{(gain)}$$\n\n"
    text += "$$g_t = |V x_t + b| + c > 0$$\n\n$$h_t = a_t h_{t-1} + g_t$$\n"
    assert len(equations(text)) == 3


def test_a_flat_function_is_told_of_beside_what_is_asked():
    with pytest.raises(InputError, match="slope of heaviside is 0") as caught:
        cell("```\nv[t] = beta * v[t-1] + W @ x[t]\ns[t] = 1 if v[t] > 1 else 0\n```\n")
    assert "heaviside}'(a) =" in caught.value.hint


def test_layers_and_steps_of_learning_are_no_states():
    for text in ("$$x = x + \\tanh(W x + b)$$\n", "$$z = W x + b$$\n\n$$W = W - \\eta G$$\n"):
        with pytest.raises(InputError, match="without a time index"):
            cell(text)


def test_what_holds_at_the_last_step_alone_is_asked_for():
    with pytest.raises(InputError, match="last step alone"):
        cell("$$h_t = \\tanh(W x_t + U h_{t-1}), \\quad y_t = V h_t \\text{ if } t = T$$\n")


def test_a_comparison_as_a_value_is_proposed_as_one():
    with pytest.raises(InputError, match="relation inside an expression") as caught:
        cell("$$v_t = W x_t + U s_{t-1}$$\n\n$$s_t = [v_t > 0]$$\n")
    assert "1[v_t >" in caught.value.hint


def test_what_a_value_is_between_stands_behind_its_equation():
    text = "$$a_t = \\sigma(W x_t) \\quad (0 < a_t < 1)$$\n\n$$h_t = a_t \\odot h_{t-1} + x_t$$\n"
    assert len(equations(text)) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("h_t = tanh(U @ h_{t-1} + V @ x_t) (1)\ny_t = tanh(W @ h_t) (2)\n", "cell.txt"),
        ("$$h_t = \\tanh(U h_{t-1} + V x_t) (1)$$\n\n$$y_t = \\tanh(W h_t) (2)$$\n", "cell.md"),
        ("$$h_t = \\tanh(U h_{t-1}) + V x_t (12)$$\n\n$$y_t = \\tanh(W h_t) (2a).$$\n", "cell.md"),
    ],
)
def test_the_number_of_an_equation_is_no_factor(text, name):
    assert not any("2*" in one or "12" in one for one in equations(text, name))


def test_a_label_that_is_on_a_left_side_is_no_transpose():
    text = "$$C^{T}_{t-1} = C_{t-1} + \\tanh(W C_{t-1})$$\n\n$$C_t = f_t \\odot C^{T}_{t-1} + g(\\Delta{t}) x_t$$\n\n"
    text += "where $g(a) = 1/a$, $\\Delta{t} \\in \\mathbb{R}$, $C_t \\in \\mathbb{R}^{H}$\n"
    assert shapes(text).keys() == {"f", "x", "W", "Delta_t"}


def test_what_a_step_finds_may_be_changed_first_under_a_letter_of_its_own():
    text = "$$C^{S}_{t-1} = \\tanh(W C_{t-1})$$\n\n"
    text += "$$C^{*}_{t-1} = C_{t-1} - C^{S}_{t-1}$$\n\n$$C_t = f_t \\odot C^{*}_{t-1} + x_t$$\n"
    assert [q.name for q in cell(text).states] == ["C"]
