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


@pytest.mark.parametrize("bound", [r"\text{ if } v_t > \theta", r"\quad \text{when } v_t \ge \theta"])
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
