"""What the pages print reads back and is proved, in the cell's own letters and in every notation."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from derive import catalogue
from derive.adjoint import differentiate
from derive.derivation import Derivation
from derive.nodes import Adjoint
from derive.notation import notations
from derive.targets.formula import latex, text
from verify import check
from verify.judgement import Word

NAMES = [*catalogue.cells(), *catalogue.heads()]
DOCS = Path(__file__).parents[2] / "docs"
FOR_ONE_OUTPUT = (r"\frac{\partial J}{\partial h_k} = \left(\frac{\partial h_{k+1}}{\partial h_k}\right)^\top", "h_3")
"""Formulas that the page states for a J that reads one output alone, as the sentence before them says."""


@cache
def derivation(name: str) -> Derivation:
    return differentiate(catalogue.find(name)).summed_losses


@pytest.mark.parametrize("letters", ["own", *notations()])
@pytest.mark.parametrize("name", NAMES)
def test_every_gradient_is_proved(name: str, letters: str) -> None:
    found = derivation(name)
    notation = None if letters == "own" else notations()[letters]
    table = found.cell.notation if notation is None else notation.among(found.program.quantities)
    deltas = [q for q in found.program.quantities if q.startswith("net_")]
    for gradient in found.gradients:
        for printer, short in ((latex, ()), (latex, deltas), (text, deltas)):
            formula = " = ".join(printer(node, table, short) for node in (Adjoint(gradient.of), gradient.value))
            (judgement,) = check(formula, found.cell, notation=notation)
            expected = Word.HOLDS_IF if gradient.assumptions else Word.PROVED
            assert judgement.word in (expected, Word.PROVED), judgement


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_of_the_page_reads_back(name: str) -> None:
    cell = catalogue.find(name)
    page = (DOCS / ("heads" if name in catalogue.heads() else "cells") / f"{name}.md").read_text(encoding="utf-8")
    count = 0
    for block in re.findall(r"```math\n(.*?)```", page, re.DOTALL):
        for judgement in check(block, cell):
            if any(part in judgement.formula for part in FOR_ONE_OUTPUT) or r"\partial y_i" in judgement.formula:
                continue
            assert judgement.word in (Word.PROVED, Word.HOLDS_IF, Word.NOT_A_CLAIM), judgement
            count += 1
    assert count > 5
