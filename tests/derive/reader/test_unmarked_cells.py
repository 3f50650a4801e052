"""Cells in plain text: no equation is passed over or cut, and what is declared in dollars hides none of them."""

from __future__ import annotations

import pytest

from derive.errors import InputError
from derive.reader import reading_of
from derive.reader.document.reading import shape
from derive.reader.text.stated import stated


def said(text, name="cell.md"):
    cell = reading_of(text, name).cell
    return [e.symbol.name for e in cell.equations], {q.name: shape(q) for q in (*cell.inputs, *cell.parameters)}


@pytest.mark.parametrize(
    ("line", "formulas"),
    [
        ("a[t]   = tanh(z[t])", ["a[t]   = tanh(z[t])"]),
        ("k_t = (1/√d) W x_t", ["k_t = (1/√d) W x_t"]),
        ("s_t = 1[v_t > theta]", ["s_t = 1[v_t > theta]"]),
        (r"\tilde z^t = W x^t + U h^{t-1}", [r"\tilde z^t = W x^t + U h^{t-1}"]),
        ("h_t = a (1 - beta) x_t + (1 - beta) h_{t-1}", ["h_t = a (1 - beta) x_t + (1 - beta) h_{t-1}"]),
        ("h_t = x_t - leak * h_{t-1}", ["h_t = x_t - leak * h_{t-1}"]),
        ("h_t = x_t - leak", ["h_t = x_t - leak"]),
        ("c_t = f_t * c_{t-1} - the way of forgetting", ["c_t = f_t * c_{t-1}"]),
        ("c_t = f_t * c_{t-1} — forgetting", ["c_t = f_t * c_{t-1}"]),
    ],
)
def test_a_line_is_whole(line, formulas):
    assert [one.text for one in stated([(1, line)], "x.txt", latex=True)] == formulas


def test_every_equation_of_a_block_is_read_or_refused():
    block = "```\nk_t = (1/√d) W_k x_t + b_k\nh_t = f_t ⊙ h_{t-1} + k_t\nf_t = σ(W_f x_t)\n```\n"
    assert said(block + "\nwhere $k_t \\in \\mathbb{R}^{d}$\n")[0] == ["k", "f", "h"]
    with pytest.raises(InputError, match="unexpected character"):
        said("```\ng_t = W ∮ x_t\nh_t = g_t + h_{t-1}\n```\n")
    assert said("a_t = W x_t + U h_{t-1}\nh_{t} = tanh(a_t)\n", "cell.txt")[0] == ["a", "h"]


def test_what_is_declared_hides_no_plain_equation():
    block = "```\nh_t = a_t ⊙ h_{t-1} + W x_t\nm_t = b * m_{t-1} + h_t\n```\n"
    names, shapes = said(block + "\nwhere $b \\in \\mathbb{R}$\n\noutput: $m_t$\n")
    assert names == ["h", "m"]
    assert shapes["b"] == "(a number)"


def test_a_number_behind_a_wide_gap_counts_the_equation():
    cell = reading_of("h_t = a_t + h_{t-1}   (2)\ny_t = tanh(h_t)   (3)\n", "cell.txt").cell
    assert [str(e.expression) for e in cell.equations] == [
        str(e.expression) for e in reading_of("h_t = a_t + h_{t-1}\ny_t = tanh(h_t)\n", "cell.txt").cell.equations
    ]


def test_comments_of_doxygen():
    first = "/** Steps:\n * - \\f$h_t = \\tanh(W \\times x_t +\n * U h_{t-1})\\f$\n"
    text = first + " * @f{eqnarray*}{ y_t &= &V h_t @f}\n */\n"
    assert said(text, "cell.h")[0] == ["h", "y"]


@pytest.mark.parametrize("condition", [r"1[v_t > \theta]", r"\mathbb{1}\{v_t > \theta\}", r"\mathbf{1}_{v_t > \theta}"])
def test_an_indicator_is_a_step(condition):
    text = rf"$$v_t = W x_t + v_{{t-1}}, \quad s_t = {condition}$$" + "\n\nwhere $\\theta \\in \\mathbb{R}$\n"
    assert "Heaviside" in str(reading_of(text).cell.equations[1].expression)
    with pytest.raises(InputError, match="condition with"):
        reading_of(text.replace(">", "="))


def test_a_weight_of_one_row_gives_a_number():
    memory = [r"k_t = W_k x_t", r"v_t = W_v x_t", r"b_t = \sigma(W_b x_t)", r"a_t = \sigma(W_a x_t)"]
    memory += [r"e_t = v_t - S_{t-1} k_t", r"S_t = a_t S_{t-1} + b_t e_t k_t^\top"]
    text = "\n\n".join(f"$${one}$$" for one in memory)
    with pytest.raises(InputError, match="shape of b_t is open"):
        said(text)
    assert said(text + "\n\nwhere $b_t \\in \\mathbb{R}$\n")[1]["W_b"] == "(1×D)"
    assert said(text + "\n\nwhere $b_t \\in \\mathbb{R}^{m}$\n")[1]["W_b"] == "(m×D)"


def test_rows_are_proposed_where_one_stands_transposed_before_another():
    text = "$$S_n = \\gamma S_{n-1} + K_n^\\top V_n$$\n\n$$o_n = Q_n S_n$$\n\nwhere $\\gamma \\in \\mathbb{R}$\n"
    with pytest.raises(InputError) as caught:
        said(text)
    assert caught.value.hint.count("\\mathbb{R}^{1 \\times ") == 3


@pytest.mark.parametrize(
    ("text", "equations"),
    [
        ("γ_t = σ(W_γ x_t) ∈ (0,1)^d,   h_t = γ_t ⊙ h_{t-1} + x_t\n", ["gamma", "h"]),
        ("h~_t = tanh(W x_t + U h_{t-1})\nh_t = h~_t\n", ["h_tilde", "h"]),
        ("x(k+1) = A*x(k) + B*u(k)\n", ["x"]),
        ("$$h_t = W u_t + h_{t-1}$$\n\n$$o_t = V h_t \\approx u_{t+1}$$\n", ["h", "o"]),
    ],
)
def test_habits_of_plain_lines(text, equations):
    assert said(text)[0] == equations


def test_a_capital_input_without_its_time_is_asked_for_where_nothing_else_is_given():
    with pytest.raises(InputError, match="X has no time"):
        said("$$h_t = \\tanh(W X + R h_{t-1})$$\n")


def test_a_row_that_reads_a_matrix_is_proposed_as_one():
    text = "S_t = S_{t-1} + b_t^T @ (a_t @ S_{t-1}) + k_t^T @ v_t\ny_t = r_t @ S_t\n"
    with pytest.raises(InputError) as caught:
        said(text, "cell.txt")
    assert "$r_t \\in \\mathbb{R}^{1 \\times D}$" in caught.value.hint
