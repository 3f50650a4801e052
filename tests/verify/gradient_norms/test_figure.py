"""The figure and the page: fresh, well formed, and made of rounded numbers only."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from derive import catalogue
from derive.errors import InputError
from derive.reader import read_equations
from verify.gradient_norms.figure import svg
from verify.gradient_norms.measure import Measured, measured
from verify.gradient_norms.page import markdown, told

DOCS = Path(__file__).parents[3] / "docs"
SHOWN = ("rnn", "lstm", "gru")
AGAIN = f"run: backproof norms {' '.join(SHOWN)} -o docs/vanishing.md"


@cache
def shown() -> tuple[Measured, ...]:
    return tuple(measured(catalogue.find(name)) for name in SHOWN)


def test_the_page_and_its_figure_are_fresh() -> None:
    assert (DOCS / "vanishing.svg").read_text(encoding="utf-8") == svg(shown()), AGAIN
    assert (DOCS / "vanishing.md").read_text(encoding="utf-8") == markdown(shown(), "vanishing.svg"), AGAIN


def test_curves_start_at_one_and_stay_below_their_bounds() -> None:
    for one in shown():
        for curve in one.curves:
            assert curve.norms[0] == 1
            assert curve.bounds is not None
            assert all(norm <= bound * 1.01 for norm, bound in zip(curve.norms, curve.bounds, strict=True))


def test_the_figure_is_well_formed_with_a_line_for_every_curve() -> None:
    found = ElementTree.fromstring(svg(shown()))
    space = "{http://www.w3.org/2000/svg}"
    lines = found.findall(f".//{space}polyline")
    assert len(lines) == sum(2 + (curve.direct is not None) for one in shown() for curve in one.curves)
    titles = [text.text for text in found.iter(f"{space}text") if text.get("class") == "name"]
    assert titles == ["RNN", "LSTM", "GRU"]
    for line in lines:
        assert re.fullmatch(r"(-?\d+(\.\d)?,-?\d+(\.\d)? ?)+", line.get("points", ""))


def test_titles_are_text_and_never_markup() -> None:
    cell = measured(read_equations([r"h_t = \tanh(W x_t + U h_{t-1})"]), steps=3)
    named = replace(cell, cell=replace(cell.cell, title='<script>"a" & b'))
    found = ElementTree.fromstring(svg([named]))
    assert any(text.text == '<script>"a" & b' for text in found.iter("{http://www.w3.org/2000/svg}text"))


def test_cells_that_cannot_be_measured_are_refused() -> None:
    with pytest.raises(InputError, match="no states"):
        measured(next(iter(catalogue.heads().values())))
    with pytest.raises(InputError, match="open"):
        measured(read_equations([r"h_t = f(W x_t + U h_{t-1})"]))
    shapes = [r"$M_t \in \mathbb{R}^{D \times D}$", r"$x_t \in \mathbb{R}^D$"]
    memory = read_equations([r"M_t = M_{t-1} + x_t x_t^\top"], shapes)
    with pytest.raises(InputError, match="matrix"):
        measured(memory)


def test_steps_that_a_table_tells() -> None:
    assert told(40) == [1, 10, 20, 30, 40]
    assert told(1) == [1]
