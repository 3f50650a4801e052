"""Sizes as numbers: under roles and in powers; and lines that a question proposes settle it as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import derive
from derive.errors import InputError
from derive.reader import read_note
from derive.targets.formula import latex, text
from verify.numbers.written import checked

PRINTED = Path(__file__).parents[2] / "data" / "printed"
SHAPES = r"where $x_t \in \mathbb{R}^{d}$, $h_t \in \mathbb{R}^{H}$"
POWERS = {
    r"h_t = \tanh(d^{-1/2} W x_t + \frac{1}{\sqrt{H}} U h_{t-1})": ["1 / sqrt(d)", "1 / sqrt(H)"],
    r"h_t = \tanh(W x_t + H^{-\frac12} U h_{t-1})": ["1 / sqrt(H)"],
    r"h_t = \tanh(W x_t + U h_{t-1} / d^{1/2})": ["1 / sqrt(d)"],
    r"h_t = \sqrt{d} \tanh(W x_t + U h_{t-1}) + H^{-1} b": ["sqrt(d)", "1/H"],
    r"h_t = \tanh(W x_t + H^{-3/2} U h_{t-1})": ["1 / (sqrt(H) sqrt(H) sqrt(H))"],
}


def note(equation: str, lines: str = SHAPES) -> str:
    return f"# Cell\n\n$$ {equation} $$\n\n{lines}\n"


@pytest.mark.parametrize("equation", POWERS)
def test_a_power_of_a_size_is_a_number(equation: str) -> None:
    cell = read_note(note(equation))
    shown = text(cell.equations[-1].expression)
    assert all(part in shown for part in POWERS[equation]), shown
    assert {str(s) for s in cell.sizes} == {"d", "H"}
    assert not {"d", "H"} & {q.name for q in cell.parameters}
    assert not cell.guesses
    assert checked(cell, derive.generate(cell))
    again = read_note(note("h_t = " + latex(cell.equations[-1].expression)))
    assert again.equations == cell.equations


def test_a_matrix_with_the_letter_of_a_size_stays_one() -> None:
    cell = read_note(
        note(r"h_t = \tanh(W x_t + D h_{t-1})", r"where $x_t \in \mathbb{R}^{D}$, $D \in \mathbb{R}^{H \times H}$")
    )
    assert "D" in {q.name for q in cell.parameters}


@pytest.mark.parametrize("name", ["julia_asymrnn", "julia_gasymrnn", "julia_lem", "haiku_vanilla"])
def test_what_a_question_proposes_settles_it_when_pasted(name: str) -> None:
    printed = (PRINTED / f"{name}.md").read_text()
    with pytest.raises(InputError) as asked:
        read_note(printed)
    lines = re.sub(r"^add (a line|lines) such as ", "", asked.value.hint).split("   ")
    cell = read_note("\n\n".join((printed, *lines)) + "\n")
    assert checked(cell, derive.generate(cell))


def test_pasted_lines_may_say_t_where_the_equations_count_otherwise() -> None:
    written = note(r"h_n = h_{n-1} + \mathbf{\Delta t}_n \tanh(W x_n + U h_{n-1})", "")
    with pytest.raises(InputError) as asked:
        read_note(written)
    lines = asked.value.hint.removeprefix("add lines such as ").split("   ")
    cell = read_note("\n\n".join((written, *lines)) + "\n")
    assert [q.name for q in cell.inputs] == ["x", "Delta_t"]


def test_an_interval_with_an_accent_is_one_letter() -> None:
    cell = read_note(
        note(r"h_t = h_{t-1} + \Delta \hat{t} \tanh(W x_t + U h_{t-1})", SHAPES + r", $\Delta\hat{t} \in \mathbb{R}$")
    )
    assert [q.name for q in cell.parameters if q.shape == (1, 1)] == ["Delta_t_hat"]


PRINTS = {
    r"h_t = a_t \odot h_{t-1} + \sqrt{1 - a_t^2} \odot x_t": r"\sqrt{1 - a_t^{\odot 2}} \odot x_t",
    r"h_t = \tanh(W x_t) + (1 - \alpha) h_{t-1}": r"(1 - \alpha) h_{t-1}",
    r"h_t = |h_{t-1}| + W x_t": r"\lvert h_{t-1} \rvert",
    r"h_t = \tanh((U - \gamma I) h_{t-1} + W x_t)": r"U - \gamma I",
}


@pytest.mark.parametrize("equation", PRINTS)
def test_roots_magnitudes_and_numbers_are_printed_as_people_write_them(equation: str) -> None:
    scalars = ", ".join(rf"${letter} \in \mathbb{{R}}$" for letter in (r"\alpha", r"\gamma") if letter in equation)
    lines = r"where $h_t \in \mathbb{R}^{H}$" + (f", {scalars}" if scalars else "")
    cell = read_note(note(equation, lines))
    shown = latex(cell.equations[-1].expression, cell.notation)
    assert PRINTS[equation] in shown
    assert read_note(note("h_t = " + shown, lines)).equations == cell.equations
