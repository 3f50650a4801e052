"""What the pages print reads back and is proved, in the cell's own letters and in every notation."""

from __future__ import annotations

import os
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from registry import EVERY, IN_NOTATIONS, RATED

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.nodes import Adjoint
from derive.notation import notations
from derive.targets import pages
from derive.targets.formula import latex, text
from verify import check
from verify.formulas.judgement import Judgement, Word
from verify.formulas.readings.conventions import HELD, LATEST

DOCS = Path(__file__).parents[3] / "docs"
ALL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
PAGES = EVERY if ALL else ["rnn", "lstm", "rnn_layer_norm", *catalogue.heads()]
NETWORKS = [*catalogue.networks()] if ALL else ["character_model"]
TERMINAL = EVERY if ALL else ["rnn", "softmax_cross_entropy"]
STATED = {
    re.escape(HELD): "taken as independent",
    re.escape(LATEST): "the factor of the latest step",
    r"the entries of \S+ sum to 1": "the entries sum to one",
}
"""Conventions that a formula of a page may need, and what the page says of them."""
BEYOND = (r"\beta", r"\gamma", r"\max_", r"\lVert", "β", "γ", "max", "‖")
"""What a bound may have in it that the rules of norms do not settle: letters for bounds, the largest among steps."""
NAMES_A_BOUND = re.compile(r"\\?(?:beta|gamma|kappa|β|γ|κ)\w*")


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
        forms = ((latex, ()), (latex, deltas), (text, deltas))
        for printer, short in forms if ALL or letters is None else forms[1:2]:
            formula = " = ".join(printer(node, table, short) for node in (Adjoint(gradient.of), gradient.value))
            (judgement,) = check(formula, found.cell, notation=notation)
            expected = Word.HOLDS_IF if gradient.assumptions else Word.PROVED
            assert judgement.word in (expected, Word.PROVED), judgement


@pytest.mark.parametrize("name", PAGES)
def test_every_formula_of_the_page_reads_back(name: str) -> None:
    """Proved, or under conventions that the page states; of the bounds, some are beyond the rules of norms."""
    page = (DOCS / ("heads" if name in catalogue.heads() else "cells") / f"{name}.md").read_text(encoding="utf-8")
    judged = _judged(page, catalogue.find(name))
    for judgement in judged:
        _is_true_on(page, judgement)
    counts = Counter(judgement.word.value for judgement in judged)
    print(name, dict(counts))
    assert counts["proved"] > 5


@pytest.mark.parametrize("name", NETWORKS)
def test_every_formula_of_a_network_reads_back(name: str) -> None:
    """Each part of the page is about one cell, which its heading names."""
    page = (DOCS / "networks" / f"{name}.md").read_text(encoding="utf-8")
    cells = {cell.title: cell for cell in (*catalogue.cells().values(), *catalogue.heads().values())}
    counts: Counter[str] = Counter()
    for part in re.split(r"^(?=# )", page, flags=re.MULTILINE):
        title = part.partition("\n")[0].removeprefix("# ")
        judged = _judged(part, cells[title]) if title in cells else ()
        assert judged or "```math" not in part, title
        for judgement in judged:
            _is_true_on(page, judgement)
        counts.update(judgement.word.value for judgement in judged)
    print(name, dict(counts))
    assert counts["proved"] > 5


@pytest.mark.parametrize("name", TERMINAL)
def test_every_formula_in_the_terminal_reads_back(name: str) -> None:
    found = differentiate(catalogue.find(name))
    page = pages.text(found, None)
    counts: Counter[str] = Counter()
    for block in re.findall(r"^\(\d+\) {2,}(.*(?:\n {6,}\S.*)*)", page, re.MULTILINE):
        for judgement in check(" ".join(block.split()), found.cell, explain=False):
            _is_true_on(page, judgement)
            counts[judgement.word.value] += 1
    print(name, dict(counts))
    assert counts["proved"] > 5


def _judged(page: str, cell: Cell) -> list[Judgement]:
    blocks = re.findall(r"```math\n(.*?)```", page, re.DOTALL)
    return [judgement for block in blocks for judgement in check(block, cell, explain=False)]


def _is_true_on(page: str, judgement: Judgement) -> None:
    """The right word for a formula of a page, with every convention it needs stated there."""
    if judgement.word is Word.UNDECIDED:
        assert any(mark in judgement.formula for mark in BEYOND), judgement
        return
    assert judgement.word in (Word.PROVED, Word.HOLDS_IF, Word.NOT_A_CLAIM), judgement
    for assumption in judgement.assumptions:
        (sentence,) = (said for words, said in STATED.items() if re.fullmatch(words, assumption))
        assert sentence in page, judgement
    if judgement.word is Word.NOT_A_CLAIM:
        assert NAMES_A_BOUND.match(judgement.formula), judgement
