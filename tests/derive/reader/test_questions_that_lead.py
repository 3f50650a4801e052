"""Questions whose answers lead to a cell: what is asked in one message, and what must not be read in silence."""

from __future__ import annotations

import re

import pytest

from derive.errors import InputError
from derive.reader import read_equations, read_note


def asked(equations, declarations=()):
    with pytest.raises(InputError) as caught:
        read_equations(equations, declarations)
    return caught.value


def shapes(cell):
    return {q.name: tuple(map(str, q.shape)) for q in (*cell.inputs, *cell.states, *cell.parameters)}


def test_the_exponential_of_a_matrix_is_not_that_of_its_entries():
    decay = [r"h_t = \exp(d A) h_{t-1} + B x_t"]
    assert r"$A \in \mathbb{R}^{H}$" in asked(decay, [r"d \in \mathbb{R}"]).hint
    assert "exponential of a matrix" in asked(decay, [r"d \in \mathbb{R}", r"A \in \mathbb{R}^{H \times H}"]).message
    entrywise = read_equations([r"S_t = \exp(A) \odot S_{t-1} + k_t v_t^\top"])
    assert shapes(entrywise)["A"] == shapes(entrywise)["S"]
    diagonal = read_note("$$h_t = \\exp(A) h_{t-1} + B x_t$$\n\nwhere $A$ is a diagonal matrix\n", "note.md")
    assert shapes(diagonal)["A"][1] == "1"


@pytest.mark.parametrize(
    "equations",
    [
        [r"S_t = (I - k_t (b_t \odot k_t)^\top) D_t S_{t-1} + k_t (w_t \odot v_t)^\top"],
        [r"h_t = \exp(d A) h_{t-1} + u_t + g u_{t-1}", r"u_t = \sigma(g) d x_t"],
        [r"u_t = \beta u_{t-1} + W X_t - S_{t-1} V", r"S_t = \tanh(u_t - V)"],
    ],
)
def test_what_is_proposed_answers_everything(equations):
    hint = asked(equations).hint
    lines = [line.strip("$ ") for line in re.findall(r"\$[^$]*\\in [^$]*\$", hint)]
    assert read_equations(equations, lines)


def test_a_weight_beside_a_number_is_no_matrix():
    error = asked([r"B_t = W x_t", r"S_t = a_t \odot S_{t-1} + B_t"], [r"x_t \in \mathbb{R}"])
    assert "shape of" in error.message
    assert "W" in error.message


def test_a_letter_without_the_label_of_its_layer_is_asked_for():
    layers = [
        r"h_t^{(0)} = \tanh(U^{(0)} u_t + W^{(0)} h_{t-1}^{(0)})",
        r"h_t^{(1)} = \tanh(U^{(1)} h_t^{(0)} + W^{(1)} h_{t-1}^{(1)})",
        r"y_t = V h_t",
    ]
    assert "never assigned, only with labels" in asked(layers).message


def test_layers_whose_range_stands_apart():
    layers = [
        r"h_t^{(1)} = \tanh(U^{(1)} x_t + W^{(1)} h_{t-1}^{(1)})",
        r"h_t^{(l)} = \tanh(U^{(l)} h_t^{(l-1)} + W^{(l)} h_{t-1}^{(l)})",
        r"y_t = V h_t^{(L)}",
    ]
    assert "how many layers" in asked(layers).message
    cell = read_equations(layers, [r"L = 3", r"l \in \{1, 2, \dots, L\}"])
    assert [state.name for state in cell.states] == ["h_1", "h_2", "h_3"]
    assert [one.name for one in cell.inputs] == ["x"]


def test_parts_of_a_value_that_nothing_splits():
    gates = [r"g_t = W x_t + U h_{t-1}", r"c_t = c_{t-1} + \sigma(g_{i,t}) \tanh(g_{c,t})", r"h_t = \tanh(c_t)"]
    error = asked(gates)
    assert "are they its parts?" in error.message
    split = re.search(r"\$\$(.*)\$\$", error.hint)[1]
    assert shapes(read_equations([gates[0], split, *gates[1:]]))["W"][0] == "2*H"


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ([r"\Delta h_t = \tanh(W x_t) - h_{t-1}", r"h_t = h_{t-1} + a \odot \Delta h_t"],
         [r"d_t = \tanh(W x_t) - h_{t-1}", r"h_t = h_{t-1} + a \odot d_t"]),
        ([r"z_t = \sigma(W x_t) \in (0, 1)", r"h_t = z_t \odot h_{t-1} + x_t"],
         [r"z_t = \sigma(W x_t)", r"h_t = z_t \odot h_{t-1} + x_t"]),
        ([r"\begin{aligned} h_t &= \tanh(W x_t + U h_{t-1}) &&\text{(yazma, gücü)} \end{aligned}"],
         [r"h_t = \tanh(W x_t + U h_{t-1})"]),
    ],
)  # fmt: skip
def test_printed_the_same(written, plain):
    found, wanted = read_equations(written), read_equations(plain)
    said = str([str(one.expression) for one in found.equations])
    assert said.replace("Delta_h", "d") == str([str(one.expression) for one in wanted.equations])


def test_running_text_may_hold_formulas_that_declare_nothing():
    words = "where $P$ is the fixed matrix that shifts all entries ($(P h)_i = h_{i-1}$, in a circle) at each step"
    cell = read_note(f"$$h_t = \\tanh(P h_{{t-1}} + x_t)$$\n\n{words}\n", "note.md")
    assert shapes(cell)["P"] == ("H", "H")


def test_words_make_numbers_and_functions():
    note = "$$h_t = \\lambda \\circ h_{t-1} + (1 - \\lambda) \\circ H(W x_t)$$\n\n"
    note += "where $\\lambda$ is a hyperparameter.\n\n"
    cell = read_note(note + "Here $H(\\cdot)$ is the Heaviside step function.\n", "note.md")
    assert shapes(cell)["lambda_"] == ("1", "1")
    assert "H" not in shapes(cell)


def test_a_function_named_as_a_size_usually_is():
    cell = read_equations([r"h_t = \tanh(W x_t + h_{t-1})", r"y_t = H(h_t)"], [r"H(a) = \max(0, a - 1)"])
    assert "H" not in {size for shape in shapes(cell).values() for size in shape}


@pytest.mark.parametrize(
    ("read_out", "lines"),
    [
        (
            r"$$\hat{y} = \mathrm{softmax}(V h_T + c)$$ $$L = -y^\top \log \hat{y}$$",
            [r"$\hat{y}_t = \mathrm{softmax}(V h_t + c)$", r"$L_t = -y_t^\top \log \hat{y}_t$"],
        ),
        (
            r"$$z = V h_T, \quad p = \sigma(z)$$ $$L = \frac12 \|p - y\|^2$$",
            [r"$z_t = V h_t$", r"$p_t = \sigma(z_t)$", r"$L_t = \frac12 \|p_t - y_t\|^2$"],
        ),
    ],
)
def test_what_only_the_last_step_has_is_asked_for_with_lines_that_can_be_read(read_out, lines):
    start = r"$$h_t = \tanh(W h_{t-1} + U x_t)$$ "
    with pytest.raises(InputError) as caught:
        read_note(start + read_out, "note.md")
    for line in lines:
        assert line in str(caught.value)
    cell = read_note(start + "\n\n".join(f"${line}$" for line in lines), "note.md")
    assert cell.output.name == "L"
