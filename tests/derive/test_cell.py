"""Roles, order and output of a cell."""

from __future__ import annotations

import pytest

from derive.cell import Cell, Equation, Roles, classify
from derive.errors import InputError, Place, ShapeError, caret
from derive.functions import ScalarFunction
from derive.nodes import Quantity, add, apply, hadamard, matmul, size, t
from derive.reader import read_equations

D, H = size("D"), size("H")
x, h, c = (Quantity(name, n, 1, t) for name, n in (("x", D), ("h", H), ("c", H)))
W, U = Quantity("W", H, D), Quantity("U", H, H)
PLACE = Place("note.md", 3, 1, 3, "h_t = ...")


def equation(symbol, expression):
    return Equation(symbol, expression, PLACE)


def test_roles():
    uses = [("x", 0, None), ("W", None, None), ("h", -1, None), ("z", 0, None)]
    assert classify(["z", "h"], uses) == Roles(("x",), ("h",), ("W",))


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        ([("h", None, PLACE)], "h is assigned at t but used without a time index"),
        ([("c", -1, PLACE)], "the state c is used at t-1 but no equation assigns it"),
        ([("h", -2, PLACE)], "h is used at t-2"),
        ([("h", 1, PLACE)], r"h is used at t\+1"),
        ([("x", 0, None), ("x", None, PLACE)], "x appears both with and without a time index"),
    ],
)
def test_uses_that_no_role_fits(uses, message):
    with pytest.raises(InputError, match=message) as caught:
        classify(["h"], uses)
    assert caught.value.place == PLACE


def test_equations_are_ordered_by_use_and_else_as_written():
    cell = Cell.of([equation(h, apply(ScalarFunction("f"), c)), equation(c, add(matmul(W, x), c.at(t - 1)))])
    assert [e.symbol.name for e in cell.equations] == ["c", "h"]
    assert [f.name for f in cell.open_functions] == ["f"]
    assert cell.sizes == (D, H)


def test_the_output_stands_first_among_the_states():
    carried = equation(c, add(matmul(W, x), c.at(t - 1)))
    cell = Cell.of([carried, equation(h, hadamard(c, matmul(U, h.at(t - 1))))])
    assert cell.output == h
    assert cell.states == (h, c)
    assert Cell.of([carried, equation(h, hadamard(c, matmul(U, h.at(t - 1))))], output="c").states == (c, h)


@pytest.mark.parametrize(
    ("equations", "kind", "message"),
    [
        ([], InputError, "no equation found"),
        ([equation(h, matmul(W, x)), equation(h, matmul(U, h.at(t - 1)))], InputError, "h is assigned twice"),
        ([equation(h, c), equation(c, h)], InputError, "form a cycle within one step: h -> c"),
        ([equation(x, matmul(U, h))], ShapeError, "is assigned"),
        ([equation(h.at(t - 1), matmul(W, x))], InputError, "must be assigned at time t"),
        ([equation(h, matmul(W, x)), equation(c, matmul(W, x))], InputError, "nothing uses h and c"),
    ],
)
def test_cells_that_are_refused(equations, kind, message):
    with pytest.raises(kind, match=message):
        Cell.of(equations)


def test_an_unknown_output_is_refused():
    with pytest.raises(InputError, match="the output y is not assigned"):
        Cell.of([equation(h, matmul(W, x))], output="y")


def test_the_caret_of_a_wide_line_and_of_a_long_one():
    assert caret("中文 = x", 6) == "    中文 = x\n" + " " * 11 + "^"
    line, mark = caret("a" * 500 + "!" + "b" * 500, 501).split("\n")
    assert len(line) < 200
    assert line[mark.index("^")] == "!"


@pytest.mark.parametrize("letter", ["T", "B"])
def test_letters_of_steps_and_batches_are_no_sizes(letter):
    with pytest.raises(InputError, match=f"the size {letter} of"):
        read_equations([r"h_t = \tanh(W x_t + U h_{t-1})"], [rf"$x_t \in \mathbb{{R}}^{{{letter}}}$"])
