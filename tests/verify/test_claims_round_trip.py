"""What the pages print reads back and is proved, in the cell's own letters and in every notation."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from registry import EVERY, IN_NOTATIONS, RATED

from derive import catalogue
from derive.adjoint import differentiate
from derive.derivation import Derivation
from derive.nodes import Adjoint
from derive.notation import notations
from derive.targets.formula import latex, text
from derive.vanishing import TITLE
from verify import check
from verify.judgement import Word

DOCS = Path(__file__).parents[2] / "docs"
FOR_ONE_OUTPUT = (r"\frac{\partial J}{\partial h_k} = \left(\frac{\partial h_{k+1}}{\partial h_k}\right)^\top", "h_3")
"""Formulas that the page states for a J that reads one output alone, as the sentence before them says."""


@cache
def derivation(name: str) -> Derivation:
    return differentiate(catalogue.find(name)).summed_losses


@pytest.mark.parametrize("name", [name for name in EVERY if name not in RATED])
def test_no_gradient_is_condemned(name: str) -> None:
    """What only odd cells have, such as blocks of stacked matrices, may be more than the reader of claims knows."""
    found = derivation(name)
    words = []
    for gradient in found.gradients:
        formula = " = ".join(latex(node, found.cell.notation) for node in (Adjoint(gradient.of), gradient.value))
        (judgement,) = check(formula, found.cell)
        assert judgement.word in (Word.PROVED, Word.UNDECIDED, Word.UNREADABLE), judgement
        words.append(judgement.word)
    assert Word.PROVED in words


@pytest.mark.parametrize(("name", "letters"), [both for both in IN_NOTATIONS if both[0] in RATED])
def test_every_gradient_is_proved(name: str, letters: str | None) -> None:
    found = derivation(name)
    notation = None if letters is None else notations()[letters]
    table = found.cell.notation if notation is None else notation.among(found.program.quantities)
    deltas = [q for q in found.program.quantities if q.startswith("net_")]
    for gradient in found.gradients:
        for printer, short in ((latex, ()), (latex, deltas), (text, deltas)):
            formula = " = ".join(printer(node, table, short) for node in (Adjoint(gradient.of), gradient.value))
            (judgement,) = check(formula, found.cell, notation=notation)
            expected = Word.HOLDS_IF if gradient.assumptions else Word.PROVED
            assert judgement.word in (expected, Word.PROVED), judgement


@pytest.mark.parametrize("name", RATED)
def test_every_formula_of_the_page_reads_back(name: str) -> None:
    cell = catalogue.find(name)
    page = (DOCS / ("heads" if name in catalogue.heads() else "cells") / f"{name}.md").read_text(encoding="utf-8")
    page = page.partition(f"### {TITLE}")[0]  # bounds are no equations; tests of verify.gradient_norms judge them
    count = 0
    for block in re.findall(r"```math\n(.*?)```", page, re.DOTALL):
        for judgement in check(block, cell):
            if any(part in judgement.formula for part in FOR_ONE_OUTPUT) or r"\partial y_i" in judgement.formula:
                continue
            assert judgement.word in (Word.PROVED, Word.HOLDS_IF, Word.NOT_A_CLAIM), judgement
            count += 1
    assert count > 5
