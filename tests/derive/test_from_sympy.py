"""Cells of SymPy expressions: the same equations and code as the notes, and clear words for what cannot be meant."""

from __future__ import annotations

import re

import pytest
from sympy import (
    Abs,
    BlockMatrix,
    DiagMatrix,
    Eq,
    Function,
    HadamardPower,
    HadamardProduct,
    Heaviside,
    Identity,
    Lambda,
    MatrixSymbol,
    Max,
    OneMatrix,
    Piecewise,
    Rational,
    Symbol,
    Trace,
    ZeroMatrix,
    exp,
    log,
    sqrt,
    symbols,
    tanh,
)

from derive import Cell, InputError, differentiate, find, generate, nodes, quantity, read_equations, t
from derive.errors import ShapeError
from verify.numbers.evidence import evidence

D, H = symbols("D H")
x, h, c = quantity("x", D, time=t), quantity("h", H, time=t), quantity("c", H, time=t)
W, U, b = MatrixSymbol("W", H, D), MatrixSymbol("U", H, H), MatrixSymbol("b", H, 1)
before = h.at(t - 1)


def logistic(a):
    return 1 / (1 + exp(-a))


def net(gate, state=before):
    return (
        MatrixSymbol(f"W_{gate}", H, D) * x + MatrixSymbol(f"U_{gate}", H, H) * state + MatrixSymbol(f"b_{gate}", H, 1)
    )


def rnn():
    return [Eq(h, (W * x + U * before + b).applyfunc(tanh))]


def lstm():
    i, f, o, g = (quantity(letter, H, time=t) for letter in "ifog")
    return [
        *(Eq(gate, net(gate.name).applyfunc(logistic)) for gate in (i, f, o)),
        Eq(g, net("g").applyfunc(tanh)),
        Eq(c, HadamardProduct(f, c.at(t - 1)) + HadamardProduct(i, g)),
        Eq(h, HadamardProduct(o, c.applyfunc(tanh))),
    ]


def gru():
    z, r, candidate = (quantity(letter, H, time=t) for letter in ("z", "r", "h_tilde"))
    return [
        *(Eq(gate, net(gate.name).applyfunc(logistic)) for gate in (z, r)),
        Eq(candidate, net("h", HadamardProduct(r, before)).applyfunc(tanh)),
        Eq(h, HadamardProduct(OneMatrix(H, 1) - z, before) + HadamardProduct(z, candidate)),
    ]


@pytest.mark.parametrize("made", [rnn, lstm, gru])
def test_a_cell_of_sympy_expressions_is_the_cell_of_the_note(made):
    note = find(made.__name__)
    cell = Cell(equations=made(), name=note.name, title=note.title, source=note.source)
    assert cell.equations == note.equations
    assert (cell.inputs, cell.states, cell.parameters) == (note.inputs, note.states, note.parameters)
    assert generate(cell) == generate(note)
    assert [step.after for step in differentiate(cell).steps] == [step.after for step in differentiate(note).steps]
    assert Cell.from_sympy(made()) == Cell(equations=made())  # though SymPy names each function's argument anew
    assert evidence(cell).passed


def one(right, left=h):
    return Cell(equations=[(left, right)]).equations[0].expression


def same(right, latex, *where):
    shapes = [r"x_t \in \mathbb{R}^D", r"h_t \in \mathbb{R}^H", *where]
    assert one(right) == read_equations([rf"h_t = {latex}"], shapes).equations[0].expression


alpha, d = symbols("alpha d")
BASE = W * x + U * before


@pytest.mark.parametrize(
    ("right", "latex"),
    [
        (alpha * before + W * x / 2, r"\frac{1}{2} W x_t + \alpha h_{t-1}"),
        (HadamardPower(W * x, 2), r"(W x_t)^2"),
        ((U.T * before + W * x).applyfunc(Function("f")), r"f(W x_t + U^\top h_{t-1})"),
        (BASE.applyfunc(lambda a: a * logistic(a)), r"(W x_t + U h_{t-1}) \odot \sigma(W x_t + U h_{t-1})"),
        (BASE.applyfunc(lambda a: Max(0, a)), r"\operatorname{ReLU}(W x_t + U h_{t-1})"),
        (BASE.applyfunc(lambda a: log(1 + exp(a))), r"\operatorname{softplus}(W x_t + U h_{t-1})"),
        ((W * x).applyfunc(tanh) + before, r"\tanh(W x_t) + h_{t-1}"),
        (tanh(W * x), r"\tanh(W x_t)"),
        (BlockMatrix([[U, W]]) * BlockMatrix([[before], [x]]), r"[U, W] [h_{t-1}; x_t]"),
        (before - before + W * x + ZeroMatrix(H, 1), r"W x_t"),
        (Identity(H) * before + U**2 * W * x, r"U U W x_t + h_{t-1}"),
        (nodes.softmax(W * x) + before, r"\mathrm{softmax}(W x_t) + h_{t-1}"),
        (W * x + before * (before.T * before), r"W x_t + h_{t-1} (h_{t-1}^\top h_{t-1})"),
    ],
)  # fmt: skip
def test_operations_mean_what_they_mean_in_a_note(right, latex):
    declared = [r"\alpha \in \mathbb{R}"] if "alpha" in latex else []
    same(right, latex, *declared)


def test_more_operations_are_built_and_hold():
    bounded = Lambda(d, Rational(1, 2) * d / (1 + Abs(d)) + alpha * sqrt(1 + d**2) + 0.25)
    p = MatrixSymbol("p", H, 1)
    cell = Cell(equations=[Eq(h, (W * x + DiagMatrix(p) * before).applyfunc(bounded))])
    assert {q.name: q.shape for q in cell.parameters}["alpha"] == (1, 1)
    assert evidence(cell).passed


def test_names_tell_the_time_as_in_a_note():
    later = MatrixSymbol(r"\tilde{h}_{t+1}", H, 1)
    equation = Eq(later, (W * MatrixSymbol("x_{t+1}", D, 1) + U * MatrixSymbol(r"\tilde{h}_t", H, 1)).applyfunc(tanh))
    cell = Cell(equations=[equation])
    assert (
        cell.equations
        == read_equations(
            [r"\tilde h_t = \tanh(W x_t + U \tilde h_{t-1})"], [r"x_t \in R^D", r"\tilde h_t \in R^H"]
        ).equations
    )
    assert str(cell.notation.letter("h_tilde")) == r"\tilde{h}"


def test_what_equations_leave_open_is_said_by_name():
    v, P, y = MatrixSymbol("v", 4, 1), MatrixSymbol("P", H, 4), quantity("y", H, time=Symbol("t"))
    cell = Cell(equations=[(h, W * x + P * v), (y, h + before)], inputs=["v"], output="h")
    assert ([q.name for q in cell.inputs], cell.output.name, cell.parameters[1].shape[1]) == (["x", "v"], "h", 4)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ([Eq(h, tanh(W * x))], InputError, "equation 1:1:1: SymPy holds this equation to be false"),
        ([Eq(h, before), (c, W * before)], ShapeError, r"equation 2:1:1: cannot multiply W \(H×D\) by h_{t-1} \(H×1\)"),
        ([(h, x)], ShapeError, r"h_t \(H×1\) is assigned x_t \(D×1\)"),
        ([(h, HadamardProduct(h.at(t - 1), x))], ShapeError, "elementwise"),
        ([(h, U.I * before)], InputError, "matrix power"),
        ([(h, Trace(U) * before)], InputError, "the SymPy node Trace"),
        ([(h, before.applyfunc(Lambda(d, Piecewise((d, d > 0), (0, True)))))], InputError, "the SymPy node Piecewise"),
        ([(h, before.applyfunc(lambda a: exp(a) ** alpha))], InputError, "exp"),
        ([(h, before.applyfunc(lambda a: a**alpha))], InputError, "the SymPy node Pow"),
        ([(h, HadamardPower(before, alpha))], InputError, "the exponent"),
        ([(h, sqrt(2) * before)], InputError, "no rational number"),
        ([(h, before / sqrt(H))], InputError, "computes with a size"),
        ([(h, Function("f")(alpha) * W * x + Function("g", nargs=2)(alpha, d) * before)], InputError, "no function g"),
        ([(h, h.at(2 * t))], InputError, "the time index 2.t"),
        ([(h, h.at(t - 2))], InputError, "t-2"),
        ([(MatrixSymbol("h", H, 1), W * x)], InputError, "assigned without a time index"),
        ([(W * x, h)], InputError, "the left side must be one quantity, not MatMul"),
        (["h = x"], InputError, "not an equation: h = x"),
        ([], InputError, "no equation found"),
        ([(MatrixSymbol("h t+", H, 1), x)], InputError, "cannot be read as a name"),
        ([(quantity("h\nimport os", H, time=t), before)], InputError, "cannot be a name"),
        ([(h, before.applyfunc(Function("f(), g")))], InputError, "cannot be a name"),
        ([(h, before.applyfunc(Function("lambda")))], InputError, "cannot be a name"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told(given, kind, message):
    with pytest.raises(kind) as caught:
        Cell(equations=given)
    assert re.search(message, str(caught.value))


def test_a_step_function_keeps_one_argument():
    assert one(BASE + before.applyfunc(Heaviside)) == one(BASE + before.applyfunc(lambda a: Heaviside(a)))
