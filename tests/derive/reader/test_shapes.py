"""Sizes, products by shape, and what is asked rather than guessed."""

from __future__ import annotations

import pytest
from sympy import Rational

from derive.errors import InputError, ShapeError
from derive.functions import ScalarFunction, function
from derive.nodes import (
    Quantity,
    add,
    apply,
    concat,
    diag,
    divide,
    hadamard,
    matmul,
    ones,
    power,
    scale,
    size,
    softmax,
    t,
    total,
    transpose,
)
from derive.reader import read_equations, read_note

D, H = size("D"), size("H")
x, h, before = Quantity("x", D, 1, t), Quantity("h", H, 1, t), Quantity("h", H, 1, t - 1)
W, U, b = Quantity("W", H, D), Quantity("U", H, H), Quantity("b", H)
Wx, Uh = matmul(W, x), matmul(U, before)
TANH, SIGMA, EXP = function("tanh"), function("sigmoid"), function("exp")


def right_side(equation, where=()):
    """The expression of h in a cell whose input x has the size D and whose state h has the size H."""
    cell = read_equations([equation], [r"x_t \in \mathbb{R}^D", r"h_t \in \mathbb{R}^H", *where])
    return {e.symbol.name: e.expression for e in cell.equations}["h"]


alpha, v, u = Quantity("alpha", 1), Quantity("v", H), Quantity("u", H)
PRODUCTS = [
    (r"W x_t", [], Wx),
    (r"W \cdot x_t", [], Wx),
    (r"W * x_t", [], Wx),
    (r"W \times x_t", [], Wx),
    (r"W_a W_b x_t", [r"W_b \in \mathbb{R}^{K \times D}"],
     matmul(Quantity("W_a", H, size("K")), Quantity("W_b", size("K"), D), x)),
    (r"h_{t-1} \odot W x_t", [], hadamard(before, Wx)),
    (r"h_{t-1} \circ (W x_t)", [], hadamard(before, Wx)),
    (r"h_{t-1} ⊙ W · x_t", [], hadamard(before, Wx)),
    (r"h_{t-1} W x_t", [], hadamard(before, Wx)),
    (r"h_{t-1} \cdot (W x_t)", [], hadamard(before, Wx)),
    (r"W x_t h_{t-1}", [], hadamard(Wx, before)),
    (r"v \odot h_{t-1} + W x_t", [], add(hadamard(v, before), Wx)),
    (r"\alpha h_{t-1} + W x_t", [r"\alpha \in \mathbb{R}"], add(matmul(before, alpha), Wx)),
    (r"\alpha \cdot W x_t", [r"\alpha \in \mathbb{R}"], matmul(Wx, alpha)),
    (r"0.5 h_{t-1} + W x_t", [], add(scale(Rational(1, 2), before), Wx)),
    (r"\alpha h_{t-1} + W x_t", [r"\alpha = 0.1"], add(scale(Rational(1, 10), before), Wx)),
    (r"(v^\top h_{t-1}) u + W x_t", [], add(matmul(u, transpose(v), before), Wx)),
    (r"u v^\top h_{t-1} + W x_t", [r"u \in \mathbb{R}^H"], add(matmul(u, transpose(v), before), Wx)),
    (r"W x_t / 2", [], scale(Rational(1, 2), Wx)),
    (r"1/2 W x_t", [], scale(Rational(1, 2), Wx)),
    (r"\frac{W x_t}{1 + |h_{t-1}|}", [], divide(Wx, add(ones(H), apply(function("abs"), before)))),
    (r"\frac{1}{h_{t-1}} + W x_t", [], add(divide(ones(H), before), Wx)),
    (r"1 - W x_t", [], add(ones(H), scale(-1, Wx))),
    (r"\mathbf{1} - W x_t", [], add(ones(H), scale(-1, Wx))),
    (r"h_{t-1}^2 + W x_t", [], add(power(before, 2), Wx)),
    (r"\tanh^2(W x_t)", [], power(apply(TANH, Wx), 2)),
    (r"\tanh(W x_t)^2", [], power(apply(TANH, Wx), 2)),
    (r"\tanh W x_t", [], apply(TANH, Wx)),
    (r"e^{-(W x_t)}", [], apply(EXP, scale(-1, Wx))),
    (r"\exp(W x_t)", [], apply(EXP, Wx)),
    (r"\sqrt{W x_t}", [], apply(function("sqrt"), Wx)),
    (r"\max(0, W x_t)", [], apply(function("max"), scale(0, ones(H)), Wx)),
    (r"\operatorname{diag}(v) h_{t-1} + W x_t", [], add(matmul(diag(v), before), Wx)),
    (r"(I + U) h_{t-1} + W x_t", [], add(matmul(add(diag(ones(H)), U), before), Wx)),
    (r"\left( W x_t \right) \Big/ 2", [], scale(Rational(1, 2), Wx)),
    (r"{W}{x_t} + {U}\,{h_{t-1}}", [], add(Wx, Uh)),
    (r"\begin{bmatrix} W & U \end{bmatrix} \begin{bmatrix} x_t \\ h_{t-1} \end{bmatrix}", [],
     matmul(concat(1, W, U), concat(0, x, before))),
    (r"[W \mid U] [x_t; h_{t-1}]", [], matmul(concat(1, W, U), concat(0, x, before))),
    (r"[W, U] [x_t, h_{t-1}]", [], matmul(concat(1, W, U), concat(0, x, before))),
    (r"W [h_{t-1}; x_t]", [], matmul(Quantity("W", H, D + H), concat(0, before, x))),
    (r"\operatorname{softmax}(W x_t)", [], softmax(Wx)),
    (r"\operatorname*{softmax}(W x_t)", [], softmax(Wx)),
    (r"Softmax(W x_t)", [], softmax(Wx)),
    (r"W x_t \quad (3)", [], Wx),
    (r"W x_t \tag{3}, \label{e}", [], Wx),
    (r"W x_t + \\ \quad U h_{t-1}", [], add(Wx, Uh)),
    ("tanh(W @ x_t + U @ h[t-1])", [], apply(TANH, add(Wx, Uh))),
    ("tanh(W*x_t) .* h_(t-1)", [], hadamard(apply(TANH, Wx), before)),
    ("W @ x_t + v' @ h[t-1] * u", [], add(Wx, matmul(u, transpose(v), before))),
    ("(W @ x_t)**2", [], power(Wx, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("written", "where", "expected"), PRODUCTS, ids=[row[0] for row in PRODUCTS])
def test_products_mean_what_their_shapes_say(written, where, expected):
    assert right_side(f"h_t = {written}", where) == expected


def test_a_scalar_times_a_matrix():
    n = [r"M_t \in \mathbb{R}^{H \times H}", r"s \in \mathbb{R}", r"x_t \in \mathbb{R}^H"]
    cell = read_equations([r"M_t = s M_{t-1} + x_t x_t^\top"], n)
    M, vector, s = Quantity("M", H, H, t - 1), Quantity("x", H, 1, t), Quantity("s", 1)
    scaled = hadamard(matmul(ones(H), s, ones(1, H)), M)
    assert cell.equations[0].expression == add(scaled, matmul(vector, transpose(vector)))


def test_a_weight_whose_product_is_a_number_is_a_row():
    note = "$h_t = \\tanh(W h_{t-1} + U x_t)$, $p_t = \\sigma(V h_t + c)$, $p_t \\in \\mathbb{R}$"
    cell = read_note(note, "note.md")
    assert [str(size) for size in cell.quantities["V"].shape] == ["1", "H"]


def test_a_scalar_defined_later_is_still_a_scalar():
    cell = read_equations(["h_t = s_t (W x_t)", r"s_t = v^\top x_t"])
    assert sizes_of(cell)["s"] == ("1", "1")
    assert sizes_of(cell)["h"] == ("n_h", "1")


@pytest.mark.parametrize("equation", [r"h_t = W x_t + b^\top h_{t-1}", r"h_t = x_t + v^\top x_t"])
def test_a_size_that_collapses_to_one_is_asked_for(equation):
    with pytest.raises(ShapeError, match="the equations leave"):
        read_equations([equation])


def sizes_of(cell):
    return {q.name: tuple(map(str, q.shape)) for q in cell.quantities.values()}


def test_unnamed_sizes_are_called_after_their_symbols():
    cell = read_equations(
        ["h_t = tanh(W x_t + U h_{t-1} + V v_t + A m_{t-1})", "m_t = tanh(B x_t)", "o_t = C h_t"], ["input: v_t"]
    )
    found = sizes_of(cell)
    assert found["x"] == ("D", "1")
    assert found["h"] == ("H", "1")
    assert found["m"] == ("n_m", "1")
    assert found["v"] == ("n_v", "1")
    assert found["o"] == ("n_o", "1")
    assert found["A"] == ("H", "n_m")


def test_declared_sizes_are_kept_and_may_be_equal():
    where = [r"x_t \in \mathbb{R}^{m}", r"h_t \in \mathbb{R}^{n_h}", r"W \in \mathbb{R}^{n_h \times m}"]
    assert sizes_of(read_equations(["h_t = W x_t"], where))["W"] == ("n_h", "m")
    cell = read_equations(["h_t = W x_t + h_{t-1} + x_t"], ["D = H", r"x_t \in R^D", r"h_t \in R^H"])
    assert sizes_of(cell)["W"] == ("H", "H")


def test_two_names_for_one_size_are_refused_unless_declared_equal():
    with pytest.raises(ShapeError, match=r"cannot add h_\{t-1\} \(H×1\) and x_t \(D×1\)"):
        read_equations(["h_t = h_{t-1} + x_t"], [r"x_t \in \mathbb{R}^D", r"h_t \in \mathbb{R}^H"])


def test_stacked_sizes_add_up():
    cell = read_equations(
        [r"h_t = W [h_{t-1}; x_t]"], [r"W \in \mathbb{R}^{H \times (H + D)}", r"x_t \in \mathbb{R}^D"]
    )
    assert sizes_of(cell) == {"x": ("D", "1"), "W": ("H", "D + H"), "h": ("H", "1")}
    with pytest.raises(ShapeError, match="cannot multiply W"):
        read_equations(
            [r"h_t = W [h_{t-1}; x_t]"],
            [r"W \in \mathbb{R}^{H \times D}", r"x_t \in \mathbb{R}^D", r"h_t \in \mathbb{R}^H"],
        )


def test_lists_of_letters_share_a_declaration():
    cell = read_equations(["h_t = W x_t + U x_t"], [r"W, U \in \mathbb{R}^{n \times m}"])
    assert sizes_of(cell) == {"x": ("m", "1"), "W": ("n", "m"), "U": ("n", "m"), "h": ("n", "1")}


def test_functions_by_name_and_by_expression():
    by_name = right_side(r"h_t = \sigma(W x_t)", [r"\sigma = \operatorname{ReLU}"])
    assert by_name == apply(function("relu"), Wx)
    assert right_side("h_t = f(W x_t)", [r"f = \tanh"]) == apply(TANH, Wx)
    assert right_side("h_t = g(W x_t)", [r"g = \mathrm{softmax}"]) == softmax(Wx)
    phi = right_side(r"h_t = \phi(W x_t)", [r"\phi(a) = a / (1 + |a|)"]).function
    assert phi.name == "phi"
    assert phi.specified
    assert phi.value(2) == phi.value(-2) * -1 == 2 / (1 + 2 * ones(1, 1).shape[0])


def test_letters_that_are_no_quantity_are_unspecified_functions():
    assert right_side("h_t = f(W x_t)") == apply(ScalarFunction("f"), Wx)
    assert right_side(r"h_t = \phi(W x_t)") == apply(ScalarFunction("phi"), Wx)
    assert right_side(r"h_t = \sigma_g(W x_t)") == apply(ScalarFunction("sigma_g"), Wx)
    f = Quantity("f", H)
    assert right_side("h_t = f \\odot (W x_t) + f (1 - h_{t-1})") == add(
        hadamard(f, Wx), hadamard(f, add(ones(H), scale(-1, before)))
    )


def test_a_letter_with_a_time_is_no_function():
    cell = read_equations([r"h_t = f_t (1 - h_{t-1})", r"f_t = \sigma(W x_t)"])
    assert cell.open_functions == ()


def test_sums_over_entries():
    y, p = Quantity("y", size("D"), 1, t), Quantity("p", size("D"), 1, t)
    for loss in (r"\sum_i y_{i,t} p_{i,t}", r"\sum_{k=1}^{K} y_t^{(k)} p_t^{(k)}", r"\sum_k y_{tk} p_{tk}"):
        cell = read_equations([f"L_t = {loss}"], ["input: p_t", "target: y_t"])
        assert cell.equations[0].expression == total(hadamard(y, p))
        assert cell.output == Quantity("L", 1, 1, t)


@pytest.mark.parametrize(
    ("equation", "asked"),
    [
        (r"h_t = w x_t + h_{t-1}", "w"),
        (r"h_t = \alpha W x_t", r"\alpha"),
        (r"h_t = h_{t-1} \cdot a + W x_t", "a"),
    ],
)
def test_an_open_shape_is_asked_for_by_name(equation, asked):
    with pytest.raises(InputError) as caught:
        read_equations([equation])
    assert caught.value.message.startswith(f"the shape of {asked} is open")
    assert f"${asked} \\in" in caught.value.hint


SPLIT = r"""# A split

$$ z_t = W x_t + U h_{t-1} + d $$

$$ LEFT = z_t $$

$$ h_t = \tanh(P a_t + Q b_t) $$

WHERE
"""


@pytest.mark.parametrize(
    "left", [r"\begin{bmatrix} a_t \\ b_t \end{bmatrix}", "(a_t, b_t)", r"\begin{pmatrix} a_t \\ b_t \end{pmatrix}"]
)
@pytest.mark.parametrize(
    ("where", "sizes"),
    [
        (r"where $P \in \mathbb{R}^{H \times K}$, $Q \in \mathbb{R}^{H \times M}$", ("K", "M", "K + M")),
        (r"where $a_t \in \mathbb{R}^{K}$, $b_t \in \mathbb{R}^{M}$", ("K", "M", "K + M")),
        (r"where $P \in \mathbb{R}^{H \times K}$, $d \in \mathbb{R}^{3K}$", ("K", "2*K", "3*K")),
        (r"where $W \in \mathbb{R}^{2K \times D}$", ("K", "K", "2*K")),
    ],
)
def test_parts_of_a_split_have_the_sizes_of_their_uses(left: str, where: str, sizes: tuple[str, ...]) -> None:
    cell = read_note(SPLIT.replace("LEFT", left).replace("WHERE", where), "note.md")
    assert tuple(str(cell.quantities[name].shape[0]) for name in "abz") == sizes


def test_parts_that_do_not_add_up_are_told_by_their_sizes() -> None:
    where = r"where $W \in \mathbb{R}^{N \times D}$, $P \in \mathbb{R}^{H \times K}$, $Q \in \mathbb{R}^{H \times M}$"
    with pytest.raises(InputError, match=r"cannot split z_t .* into parts of K, M rows"):
        read_note(SPLIT.replace("LEFT", "(a_t, b_t)").replace("WHERE", where), "note.md")


def test_parts_without_a_size_are_equal() -> None:
    cell = read_note(SPLIT.replace("LEFT", "(a_t, b_t)").replace("WHERE", ""), "note.md")
    assert cell.quantities["a"].shape == cell.quantities["b"].shape
