from __future__ import annotations

import pytest
from registry import IN_NOTATIONS
from sympy import Float, Matrix, Rational, Symbol, ZeroMatrix

from derive import catalogue
from derive.errors import DerivationError
from derive.functions import ScalarFunction, function
from derive.nodes import (
    CLOSED_SET,
    Adjoint,
    Jacobian,
    Quantity,
    T,
    TimeProduct,
    TimeSum,
    add,
    apply,
    block,
    concat,
    diag,
    diagonal,
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
from derive.notation import Notation, TimeStyle, find
from derive.reader import read_note
from derive.targets.formula import latex, show, text
from derive.targets.vocabulary import unicode

D, H = size("D"), size("H")
j, k, tau = Symbol("j", integer=True), Symbol("k", integer=True), Symbol("tau", integer=True)
W, U, b = Quantity("W", H, D), Quantity("U", H, H), Quantity("b", H)
x, h, c = Quantity("x", D, 1, t), Quantity("h", H, 1, t), Quantity("c", H, 1, t)
y, y_hat, net = Quantity("y", H, 1, t), Quantity("y_hat", H, 1, t), Quantity("net_i", H, 1, t)
L = Quantity("L", 1, 1, t)
tanh, f = function("tanh"), ScalarFunction("f")
one = ones(H)
step = Jacobian(h.at(j), h.at(j - 1))


def minus(node):
    return scale(-1, node)


CASES = {
    "sum": (add(matmul(W, x), matmul(U, h.at(t - 1)), b), "W x_t + U h_{t-1} + b", "W x_t + U h_{t-1} + b"),
    "difference": (add(y_hat, minus(y)), r"\hat{y}_t - y_t", "ŷ_t - y_t"),
    "leading minus": (add(minus(y), y_hat), r"-y_t + \hat{y}_t", "-y_t + ŷ_t"),
    "negative sum": (add(h, minus(add(c, y))), "h_t - (c_t + y_t)", "h_t - (c_t + y_t)"),
    "negative alone": (minus(add(c, y)), "-(c_t + y_t)", "-(c_t + y_t)"),
    "negative factor": (matmul(U, add(c, minus(y))), "U (c_t - y_t)", "U (c_t - y_t)"),
    "one minus": (add(one, minus(h)), "1 - h_t", "1 - h_t"),
    "number of ones": (add(scale(3, one), minus(h)), "3 - h_t", "3 - h_t"),
    "ones alone": (one, r"\mathbf{1}", "𝟏"),
    "minus ones": (scale(-3, one), r"-3 \mathbf{1}", "-3 𝟏"),
    "total": (total(y), r"\mathbf{1}^\top y_t", "𝟏ᵀ y_t"),
    "broadcast": (matmul(y_hat, ones(1, H), y), r"\hat{y}_t \mathbf{1}^\top y_t", "ŷ_t 𝟏ᵀ y_t"),
    "ones in two directions": (ones(H, D), r"\mathbf{1}_{H \times D}", "𝟏_{H×D}"),
    "transposed matrix": (matmul(transpose(U), Adjoint(h)), r"U^\top \frac{\partial J}{\partial h_t}", "Uᵀ (∂J/∂h_t)"),
    "outer product": (matmul(c, transpose(x)), r"c_t x_t^\top", "c_t x_tᵀ"),
    "product beside the elementwise sign": (hadamard(matmul(U, h), c), r"(U h_t) \odot c_t", "(U h_t) ⊙ c_t"),
    "elementwise in a product": (matmul(U, hadamard(h, c)), r"U (h_t \odot c_t)", "U (h_t ⊙ c_t)"),
    "a row, transposed once": (
        matmul(y, transpose(hadamard(h, add(one, minus(c))))),
        r"y_t (h_t \odot (1 - c_t))^\top",
        "y_t (h_t ⊙ (1 - c_t))ᵀ",
    ),
    "slope of a known function": (
        add(one, minus(power(apply(tanh, c), 2))),
        r"1 - \tanh^2(c_t)",
        "1 - tanh²(c_t)",
    ),
    "power of a letter": (power(c, 2), r"c_t^{\odot 2}", "c_t²"),
    "power of a sum": (power(add(c, h), 3), r"(c_t + h_t)^{\odot 3}", "(c_t + h_t)³"),
    "power of a matrix": (power(U, 2), r"U^{\odot 2}", "U^{⊙2}"),
    "power of a scalar": (power(L, 2), "L_t^2", "L_t²"),
    "fractional power": (power(c, Rational(1, 2)), r"c_t^{\odot 1/2}", "c_t^{⊙1/2}"),
    "power of an open function": (power(apply(f.prime(), c), 2), r"(f'(c_t))^{\odot 2}", "(f'(c_t))²"),
    "quotient": (minus(divide(y, y_hat)), r"-\frac{y_t}{\hat{y}_t}", "-y_t / ŷ_t"),
    "inverse": (power(y_hat, -1), r"\frac{1}{\hat{y}_t}", "1 / ŷ_t"),
    "two denominators": (
        hadamard(y, power(y_hat, -1), power(c, -1)),
        r"\frac{y_t}{\hat{y}_t \odot c_t}",
        "y_t / ŷ_t / c_t",
    ),
    "quotient of sums": (
        divide(add(y, minus(one)), add(one, minus(y_hat))),
        r"\frac{y_t - 1}{1 - \hat{y}_t}",
        "(y_t - 1) / (1 - ŷ_t)",
    ),
    "a gradient is no numerator": (
        hadamard(Adjoint(h), power(y_hat, -1)),
        r"\frac{\partial J}{\partial h_t} \odot \frac{1}{\hat{y}_t}",
        "∂J/∂h_t ⊙ 1 / ŷ_t",
    ),
    "half": (scale(Rational(1, 2), h), r"\tfrac{1}{2} h_t", "½ h_t"),
    "third": (scale(Rational(-2, 3), h), r"-\tfrac{2}{3} h_t", "-(2/3) h_t"),
    "mean": (scale(1 / T, h), r"\tfrac{1}{T} h_t", "(1/T) h_t"),
    "decimal": (scale(Float("0.01"), h), "0.01 h_t", "0.01 h_t"),
    "size as a factor": (scale(H + 1, h), "(H+1) h_t", "(H+1) h_t"),
    "function": (apply(function("sigmoid"), add(h, c)), r"\sigma(h_t + c_t)", "σ(h_t + c_t)"),
    "function with a name": (apply(function("relu"), h), r"\operatorname{ReLU}(h_t)", "ReLU(h_t)"),
    "function of two": (apply(function("max"), h, c), r"\max(h_t, c_t)", "max(h_t, c_t)"),
    "open function": (apply(f, net), r"f(\mathrm{net}_{i,t})", "f(net_{i,t})"),
    "its slope": (diag(apply(f.prime(), net)), r"\operatorname{diag}(f'(\mathrm{net}_{i,t}))", "diag(f'(net_{i,t}))"),
    "Greek function": (apply(ScalarFunction("phi"), h), r"\phi(h_t)", "ϕ(h_t)"),
    "softmax": (softmax(h), r"\operatorname{softmax}(h_t)", "softmax(h_t)"),
    "softmax Jacobian": (
        add(diag(y_hat), minus(matmul(y_hat, transpose(y_hat)))),
        r"\operatorname{diag}(\hat{y}_t) - \hat{y}_t \hat{y}_t^\top",
        "diag(ŷ_t) - ŷ_t ŷ_tᵀ",
    ),
    "diagonal": (diagonal(U), r"\operatorname{diagonal}(U)", "diagonal(U)"),
    "identity": (diag(one), "I", "I"),
    "zero": (ZeroMatrix(H, 1), "0", "0"),
    "stack": (concat(0, h.at(t - 1), x), r"\begin{bmatrix} h_{t-1} \\ x_t \end{bmatrix}", "[h_{t-1}; x_t]"),
    "side by side": (concat(1, U, W), r"\begin{bmatrix} U & W \end{bmatrix}", "[U, W]"),
    "rows of a letter": (block(0, Quantity("G", 4 * H, 1, t), H, H), "G_t[H:2 H]", "G_t[H:2 H]"),
    "columns of a sum": (block(1, add(W, W), 0, 1), "(2 W)[:, :1]", "(2 W)[:,0:1]"),
    "gradient": (Adjoint(h), r"\frac{\partial J}{\partial h_t}", "∂J/∂h_t"),
    "immediate gradient": (Adjoint(h, True), r"\frac{\partial^{+} J}{\partial h_t}", "∂⁺J/∂h_t"),
    "gradient on its side": (
        transpose(Adjoint(h)),
        r"\left(\frac{\partial J}{\partial h_t}\right)^\top",
        "(∂J/∂h_t)ᵀ",
    ),
    "Jacobian": (
        Jacobian(h, h.at(t - 1)),
        r"\frac{\partial h_t}{\partial h_{t-1}}",
        "∂h_t/∂h_{t-1}",
    ),
    "immediate Jacobian": (Jacobian(h, b, True), r"\frac{\partial^{+} h_t}{\partial b}", "∂⁺h_t/∂b"),
    "sum over time": (
        TimeSum(matmul(c, transpose(x)), t, 1, T),
        r"\sum_{t=1}^{T} c_t x_t^\top",
        "Σ_{t=1}^T c_t x_tᵀ",
    ),
    "sum of a sum": (TimeSum(add(h, c), t, 1, T), r"\sum_{t=1}^{T} (h_t + c_t)", "Σ_{t=1}^T (h_t + c_t)"),
    "sum before another term": (
        add(TimeSum(h, t, 1, T), b),
        r"\left(\sum_{t=1}^{T} h_t\right) + b",
        "(Σ_{t=1}^T h_t) + b",
    ),
    "product over time": (
        matmul(TimeProduct(step, j, k + 1, tau), b),
        r"\left(\prod_{j=k+1}^{\tau} \frac{\partial h_j}{\partial h_{j-1}}\right) b",
        "(∏_{j=k+1}^τ (∂h_j/∂h_{j-1})) b",
    ),
}


@pytest.mark.parametrize(("node", "in_latex", "in_text"), CASES.values(), ids=CASES)
def test_a_node_is_printed(node, in_latex, in_text):
    assert latex(node) == in_latex
    assert text(node) == in_text


def test_every_class_of_node_has_a_rule():
    default = show.dispatch(object)
    assert [cls.__name__ for cls in CLOSED_SET if show.dispatch(cls) is default] == []


@pytest.mark.parametrize("write", [latex, text])
def test_an_unknown_node_is_named(write):
    with pytest.raises(DerivationError, match="Matrix"):
        write(Matrix([[1]]))


def test_a_named_argument_has_a_delta_for_its_gradient():
    node = matmul(transpose(U), Adjoint(net.at(t + 1)))
    assert latex(node, deltas={"net_i"}) == r"U^\top \delta_{i,t+1}"
    assert text(node, deltas={"net_i"}) == "Uᵀ δ_{i,t+1}"
    assert text(Adjoint(net, True), deltas={"net_i"}) == "∂⁺J/∂net_{i,t}"


def test_a_letter_with_a_superscript_is_bracketed_before_another():
    notation = Notation("book", time=TimeStyle.PARENTHESES)
    assert latex(transpose(h), notation) == r"(h^{(t)})^\top"
    assert latex(power(h, 2), notation) == r"(h^{(t)})^{\odot 2}"
    assert text(transpose(h), notation) == "(h^(t))ᵀ"


def test_the_authors_word_for_a_function_is_kept():
    notation = Notation("own", letters=(("sigmoid", r"\operatorname{sigmoid}"), ("softmax", r"\mathrm{softmax}")))
    assert latex(apply(function("sigmoid"), h), notation) == r"\operatorname{sigmoid}(h_t)"
    assert latex(softmax(h), notation) == r"\mathrm{softmax}(h_t)"
    assert text(apply(function("sigmoid"), h), notation) == "sigmoid(h_t)"


def test_the_loss_has_the_letter_of_the_notation():
    assert text(Adjoint(h), find("net")) == "∂E/∂s_t"


@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        (r"\hat{y}", "ŷ"),
        (r"\widehat{y}", "ŷ"),
        (r"\overline{h}", "h̄"),
        (r"\mathbf{W}", "W"),
        (r"\mathbf{\tilde{h}}", "h̃"),
        (r"\tilde{\mathbf{h}}", "h̃"),
        (r"\Gamma", "Γ"),
    ],
)
def test_letters_in_unicode(letter, expected):
    assert unicode(letter) == expected


def _space(q: Quantity) -> str:
    rows, cols = q.shape
    if q.shape == (1, 1):
        return "\\mathbb{R}"
    return f"\\mathbb{{R}}^{{{rows}}}" if cols == 1 else f"\\mathbb{{R}}^{{({rows}) \\times ({cols})}}"


@pytest.mark.parametrize(("name", "notation"), IN_NOTATIONS)
def test_what_is_printed_reads_back(name, notation):
    registered = catalogue.find(name)
    letters = (find(notation) if notation else registered.notation).among(registered.quantities)
    lines = [f"{latex(e.symbol, letters)} &= {latex(e.expression, letters)}" for e in registered.equations]
    sizes = [f"${latex(q, letters)} \\in {_space(q)}$" for q in registered.quantities.values()]
    given = [f"target: ${latex(q, letters)}$" for q in registered.targets]
    if not registered.states:
        given += [f"input: ${latex(q, letters)}$" for q in registered.inputs if q not in registered.targets]
    note = "\n".join(
        [
            "# Note", "", "$$", r"\begin{aligned}", " \\\\\n".join(lines), r"\end{aligned}", "$$", "",
            f"where {', '.join(sizes)}", "", f"output: ${latex(registered.output, letters)}$", *given,
        ]
    )  # fmt: skip
    read = read_note(note, "note.md")
    assert [latex(e.expression, read.notation) for e in read.equations] == [
        latex(e.expression, letters) for e in registered.equations
    ]
    if notation is None:
        assert read.equations == registered.equations
