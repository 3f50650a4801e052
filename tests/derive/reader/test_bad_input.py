"""Each wrong input is one clear message with its place."""

from __future__ import annotations

import pytest

from derive.errors import InputError, ShapeError
from derive.reader import read_equations, read_file, read_note

SHAPES = [r"x_t \in \mathbb{R}^{D}", r"W \in \mathbb{R}^{H \times K}"]
UNEQUAL = [r"x_t \in \mathbb{R}^{D}", r"h_t \in \mathbb{R}^{H}"]

BAD = [
    # equations, where, message, line, column
    ([r"h_t = W x_t + U h_{t-1}"], SHAPES, "cannot multiply W (H×K) by x_t (D×1)", 1, 7),
    ([r"h_t = x_t \odot h_{t-1}"], UNEQUAL, "cannot multiply elementwise x_t (D×1) and h_{t-1} (H×1)", 1, 7),
    ([r"h_t = \tanh(W x_t)", r"h_t = \sigma(W x_t)"], [], "h is assigned twice, differently", 2, 1),
    ([r"a_t = b_t + W x_t \\ b_t = U a_t"], [], "the equations form a cycle within one step: a -> b", 1, 1),
    ([r"h_t = W x_t + U c_{t-1}"], [], "the state c is used at t-1 but no equation assigns it", 1, 17),
    ([r"h_t = \operatorname{foo}(W x_t)"], [], "unknown function foo", 1, 7),
    ([r"h_t = foo(W x_t)"], [], "unknown function foo", 1, 7),
    ([r"h_t = frobnicate(W_xh @ x_t)"], [], "unknown function frobnicate", 1, 7),
    ([r"h_t = \foo{W x_t}"], [], r"unknown command \foo", 1, 7),
    ([r"h_t = \tanh(W x_t + \tnh(U))"], [], r"unknown command \tnh", 1, 21),
    ([r"h_t = \tanh{W x_t"], [], "'{' is never closed", 1, 12),
    ([r"h_t = \tanh(W x_t"], [], "'(' is never closed", 1, 12),
    ([r"h_t = \tanh(W x_t))"], [], "')' closes nothing", 1, 19),
    ([r"h_t = W x_t}"], [], "'}' closes nothing", 1, 12),
    ([r"h_t = \left( W x_t \right]"], [], "']' cannot close '(' of line 1, column 12", 1, 26),
    ([r"h_t \tanh(W x_t)"], [], "expected '=' after", 1, 1),
    ([r"h_t = "], [], "expected an operand after '='", 1, 5),
    ([r"h_t = W x_t + * b"], [], "expected an operand after '+', but found '*'", 1, 15),
    ([r"h_t = W x_t + ()"], [], "expected an operand here", 1, 16),
    ([r"h_t = \begin{aligned} W x_t"], [], r"\begin{aligned} is never ended", 1, 7),
    ([r"h_t = \begin{tikzpicture} x_t"], [], "unknown environment tikzpicture", 1, 7),
    ([r"h_t = W x_t, \quad \tilde{C} = V x_t"], [], r"nothing uses h_t and \tilde{C}_t in its step", 1, 20),
    ([r"h_t = W x_t, \quad \tilde{C} = V V"], [], "C_tilde is assigned without a time index", 1, 20),
    ([r"h_t = W x_t + g_t h_{t-1}"], [], r"the shape of g_t is open", 1, 15),
    ([r"W x_t = h_t"], [], "the left side must be one quantity", 1, 1),
    ([r"h_t = \alpha h_{t-1} + W x_t"], [], r"the shape of \alpha is open", 1, 7),
    ([r"h_t = \alpha(x_t)"], [], "is alpha a number or a function?", 1, 7),
    ([r"h_t = \frac{\partial J}{\partial W}"], [], "a derivative is no part of a forward equation", 1, 7),
    ([r"h_t = f'(W x_t)"], [], "the slope f_prime is no part of a forward equation", 1, 7),
    ([r"h_t = \sum_t W x_t"], [], "only a sum over the entries of a vector", 1, 7),
    ([r"h_t = \sum_i x_t"], [], "x stands inside a sum over i without the index i", 1, 14),
    ([r"h_t = \prod_i x_{i,t}"], [], "a product over an index", 1, 7),
    ([r"h_t = W x_t + \cdots"], [], "dots cannot be read", 1, 15),
    ([r"h_t^{(t)} = W x_t"], [], "h has two time indices", 1, 4),
    ([r"h_t = W x_t + x"], [], "x appears both with and without a time index", 1, 15),
    ([r"h_t = W x_t + U h"], [], "h is assigned at t but used without a time index", 1, 17),
    ([r"h_t = W x_t + U \sigma"], [], "sigma needs an argument", 1, 17),
    ([r"h_t = \max(W x_t)"], [], "max takes 2 arguments, not 1", 1, 7),
    ([r"h_t = \max_k x_t"], [], r"cannot read \max_{k} as a function", 1, 7),
    ([r"h_t = \tanh'(W x_t)"], [], r"cannot read \tanh' as a function", 1, 7),
    ([r"h_t = h_{t-1} \star W x_t"], [], r"cannot read \star", 1, 15),
    ([r"h_t = \sqrt{2} W x_t"], [], r"\sqrt{2} is no rational number", 1, 7),
    ([r"h_t = 2^{100000} W x_t"], [], "this number is too large", 1, 7),
    ([r"h_t = f(W x_t)"], [r"f(a) = a^{1000000}"], "this exponent is too large", 2, 8),
    ([r"h_t = W x_t / 0"], [], "division by zero", 1, 7),
    ([r"h_t = W^\top x_t + b^\top h_{t-1}"], [], "the equations leave W the shape", 1, 7),
    ([r"h_t = W x_t # b"], [], "unexpected character '#'", 1, 13),
    ([r"h_t = W x_t"], ["output: y_t"], "y is declared, but no equation has it", 2, 9),
    ([r"h_t = W x_t"], [r"Z \in \mathbb{R}"], "Z is declared, but no equation has it", 2, 1),
    ([r"h_t = W x_t"], [r"x_t \in \mathbb{Q}"], "cannot read this set", 2, 9),
    ([r"h_t = W x_t"], [r"x = y = z"], "cannot understand this declaration", 2, 1),
    ([r"h_t = f(W x_t)"], [r"f = \operatorname{foo}"], "unknown function foo", 2, 5),
    ([r"h_t = f(W x_t)"], [r"f(a) = q a"], "the shape of q is open", 2, 8),
    ([r"h_t = f(W x_t) + g_\theta(h_{t-1})"], [], "g_theta has parameters of its own", 1, 18),
    ([r"h_t = W x_t"], ["input: h_t"], "h is declared as given, but an equation assigns it", 2, 8),
    ([r"h_t = W x_t"], ["assume: x_t = 2"], "cannot understand this assumption", 2, 9),
    ([r"h_t = W x_t"], [r"h_t \in \mathbb{R}^{H}", r"h_t \in \mathbb{R}^{K}"], "h is declared with two shapes", 3, 1),
    ([r"h_t = W x_t"], [r"x_t \in \mathbb{R}^{D}", "D = 3"], "D is a size: it stays a letter", 3, 1),
    ([r"h_t = W x_t + U h_{t+2}"], [], "h is used at t+2", 1, 17),
    ([r"h_{t+2} = W x_t + U h_t"], [], "h is assigned at t+2", 1, 1),
    ([r"h_t = W x_{t-1}"], [], "the state x is used at t-1 but no equation assigns it", 1, 9),
    ([r"h_t = W x_t + U h_{t-1} + V x_{t+1}"], [], "x is used at t+1", 1, 29),
    ([r"h_t = \mathrm{grelu}(W x_t + U h_{t-1})"], [], "unknown function grelu", 1, 7),
    ([r"h_t = W x_t + h_{t-1} (\mathbf{1}^\top \mathbf{1})"], [], "nothing says how many entries", 1, 1),
    ([r"M_t = \mathbf{1} x_t^\top", "h_t = M_t^T M_t h_{t-1}"], [r"M_t \in R^{K \times H}"], "the size K of M", 1, 1),
    ([""], [], "an empty formula", 1, 1),
    ([r"h_t = v \tanh(v)"], [], "nothing that h_t is computed from has a time index", 1, 1),
]


@pytest.mark.parametrize(("equations", "where", "message", "line", "column"), BAD, ids=[row[2] for row in BAD])
def test_bad_equations(equations, where, message, line, column):
    with pytest.raises(InputError) as caught:
        read_equations(equations, where)
    assert message in caught.value.message
    place = caught.value.place
    assert (place.line, place.column) == (line, column)
    assert place.text == [*equations, *where][line - 1]
    assert caught.value.hint or not message.startswith(("unknown", "expected"))
    assert "Token" not in str(caught.value)


def test_shape_errors_are_their_own_kind():
    with pytest.raises(ShapeError):
        read_equations([r"h_t = W x_t + U h_{t-1}"], SHAPES)


def test_a_second_assignment_names_both_places():
    with pytest.raises(InputError, match="first at <equations>:1:1") as caught:
        read_equations([r"h_t = \tanh(W x_t)", r"h_t = \sigma(W x_t)"])
    assert caught.value.place.line == 2


def test_the_caret_stands_under_the_mistake():
    with pytest.raises(InputError) as caught:
        read_equations([r"h_t = \tanh(W x_t + \foo)"])
    lines = str(caught.value).splitlines()
    assert lines[0] == r"<equations>:1:21: unknown command \foo"
    assert lines[1].index("\\foo") == lines[2].index("^^^^")


@pytest.mark.parametrize(
    ("data", "message", "line", "column"),
    [
        (b"", "the note is empty", 1, 1),
        (b"  \n\n", "the note is empty", 1, 1),
        (b"\x7fELF\x00\x01", "this is a binary file", 1, 1),
        (b"# ok\n\nh\xff = 1\n", "byte 0xff is not UTF-8", 3, 2),
        (b"# Only words\n\nno formula\n", "no equation found", 1, 1),
    ],
)
def test_bad_files(tmp_path, data, message, line, column):
    path = tmp_path / "note.md"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_file(path)
    assert caught.value.message == message
    assert (caught.value.place.file, caught.value.place.line, caught.value.place.column) == (str(path), line, column)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="cannot open the file"):
        read_file(tmp_path / "nothing.md")
    with pytest.raises(InputError, match="cannot open the file"):
        read_file(tmp_path)


NOTE = """\
---
title: front matter
---

# A cell

Some words, not read: $g_t$.

> A quote
> - and a list $$
>   h_t = \\tanh(W x_t +
>     U h_{t-1} + \\foo)
>   $$
"""


def test_places_in_quotes_and_lists_are_those_of_the_file():
    with pytest.raises(InputError) as caught:
        read_note(NOTE, "note.md")
    place = caught.value.place
    assert (place.file, place.line, place.column) == ("note.md", 12, 19)
    assert place.text == ">     U h_{t-1} + \\foo)"


def test_places_of_where_lines_are_those_of_the_file():
    text = "# A cell\n\n$$h_t = W x_t$$\n\nwith some\nwhere x is $x$ and $x_t \\in \\mathbb{Q}$\n"
    with pytest.raises(InputError, match="cannot read this set") as caught:
        read_note(text, "note.md")
    assert (caught.value.place.line, caught.value.place.column) == (6, 29)
