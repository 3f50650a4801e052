"""Slices in equations as NumPy and papers write them: W[:, D:], W_{[:,0:H]}, z_{t,1:K}."""

from __future__ import annotations

import pytest

import derive
from derive.errors import InputError
from derive.reader import read_note
from derive.targets.formula import latex
from verify import check
from verify.formulas.judgement import Word
from verify.numbers.written import checked

SHAPES = r"where $x_t \in \mathbb{R}^{D}$, $h_t \in \mathbb{R}^{H}$"
STACKED = SHAPES + r", $W \in \mathbb{R}^{H \times (D+H)}$"
GATES = "z_t = W x_t + U h_{t-1} + b"
CELLS = {
    "columns, as NumPy": ([r"h_t = \tanh(W[:, D:] h_{t-1} + W[:, :D] x_t + b)"], STACKED, "W", "(H, D + H)"),
    "columns, below": ([r"h_t = \tanh(W_{[:,0:D]} x_t + W_{[:,D:D+H]} h_{t-1})"], STACKED, "W", "(H, D + H)"),
    "shape by the slices": ([r"h_t = \tanh(W[:, D:] h_{t-1} + W[:, :D] x_t)"], SHAPES, "W", "(H, D + H)"),
    "ends by the slices": ([r"h_t = \tanh(W[:, 0:D] x_t + W[:, D:D+H] h_{t-1})"], SHAPES, "W", "(H, D + H)"),
    "rows, transposed": (
        [r"h_t = \tanh(W[D:, :]^\top h_{t-1} + W[:D, :]^T x_t)"],
        SHAPES + r", $W \in \mathbb{R}^{(D+H) \times H}$",
        "W",
        "(D + H, H)",
    ),
    "vectors lie": ([r"h_t = \tanh(x_t W[:D, :] + h_{t-1} W[D:, :] + b)"], SHAPES, "W", "(D + H, H)"),
    "counted from one": ([GATES, r"h_t = \sigma(z_{t,1:H}) \odot \tanh(z_{t,H+1:2H})"], SHAPES, "W", "(2*H, D)"),
    "a vector, as NumPy": ([GATES, r"h_t = \sigma(z_t[:H]) \odot \tanh(z_t[H:])"], SHAPES, "W", "(2*H, D)"),
    "numbers": ([r"h_t = \tanh(W x_t[0:3] + V x_t[3:] + U h_{t-1})"], SHAPES.replace("{D}", "{7}"), "V", "(H, 4)"),
}


def read(equations: list[str], lines: str) -> derive.Cell:
    return read_note("# Cell\n\n" + "\n".join(f"$$ {one} $$" for one in equations) + f"\n\n{lines}\n")


@pytest.mark.parametrize("name", CELLS)
def test_slices_are_read_and_generated(name: str) -> None:
    equations, lines, parameter, shape = CELLS[name]
    cell = read(equations, lines)
    assert str(cell.quantities[parameter].shape) == shape
    assert checked(cell, derive.generate(cell))
    again = read([f"{latex(e.symbol)} = {latex(e.expression)}" for e in cell.equations], lines.replace("D+H", "D + H"))
    assert again.equations == cell.equations or "lie" in name


@pytest.mark.parametrize(
    ("equation", "words"),
    [
        (r"h_t = \tanh(W[:, :D] x_t + U h_{t-1})", "whose end is another"),
        (r"h_t = \tanh(W[:, :D:2] x_t + U h_{t-1})", "slice .* is not read"),
        (r"h_t = \tanh(W[:, D - 1:] x_t + U h_{t-1})", "is no size"),
    ],
)
def test_a_slice_that_cannot_be_is_said(equation: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read([equation], SHAPES + r", $W \in \mathbb{R}^{H \times 5}$")


CLAIMS = {
    r"\frac{\partial J}{\partial z_{t,1:H}} = \frac{\partial J}{\partial h_t} \odot \tanh(z_{t,H+1:2H}) \odot "
    r"\sigma(z_{t,1:H}) \odot (1 - \sigma(z_{t,1:H}))": Word.PROVED,
    r"\frac{\partial J}{\partial z_t}[H:] = \frac{\partial J}{\partial h_t} \odot \sigma(z_t[:H]) \odot "
    r"(1 - \tanh^2(z_t[H:]))": Word.PROVED,
    r"\frac{\partial h_t}{\partial z_{t,1:H}} = \operatorname{diag}(\tanh(z_{t,H+1:2H}) \odot \sigma(z_{t,1:H}) "
    r"\odot (1 - \sigma(z_{t,1:H})))": Word.PROVED,
    r"\frac{\partial J}{\partial z_{t,H+1:2H}} = \frac{\partial J}{\partial h_t} \odot \tanh(z_{t,H+1:2H})": Word.WRONG,
}


@pytest.mark.parametrize("formula", CLAIMS)
def test_claims_about_slices_are_judged(formula: str) -> None:
    equations, lines, _, _ = CELLS["counted from one"]
    (found,) = check(formula, read(equations, lines), explain=False)
    assert found.word is CLAIMS[formula], found
