"""What the pages print reads back and is proved, in the cell's own letters and in every notation."""

from __future__ import annotations

import os
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from put_back import in_markdown, in_terminal, judged
from registry import EVERY, IN_NOTATIONS, RATED

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.nodes import Adjoint
from derive.notation import notations
from derive.targets import pages
from derive.targets.formula import latex, text
from derive.targets.pages.composition import parts_to_show
from verify import check
from verify.formulas.bounds import STARTED
from verify.formulas.judgement import Word
from verify.formulas.readings.conventions import HELD, LATEST

DOCS = Path(__file__).parents[3] / "docs"
ALL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
PAGES = EVERY if ALL else ["rnn", "lstm", "rnn_layer_norm", *catalogue.heads()]
NETWORKS = [*catalogue.networks()] if ALL else ["character_model"]
TERMINAL = EVERY if ALL else ["rnn", "softmax_cross_entropy"]
STATED = {
    re.escape(HELD): "taken as independent",
    re.escape(LATEST): "the factor of the latest step",
    re.escape(STARTED): "exceeds 1 in magnitude",
    r"the entries of \S+ sum to 1": "the entries sum to one",
}
"""Conventions that a formula of a page may need, and what the page says of them."""
SAYS_OPEN = re.compile("they stay undecided")
"""What a page says that has bounds which the rules of norms leave open."""
ASIDE = re.compile(r"(?:[tk]|\\tau) = (?:\d|T|\\tau)|says which steps or entries are meant")
"""Which step is meant, in a sentence of a page."""


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
    """Proved, or under conventions that the page states; displayed formulas and those in sentences."""
    page = (DOCS / ("heads" if name in catalogue.heads() else "cells") / f"{name}.md").read_text(encoding="utf-8")
    counts = _counted(page, in_markdown(page), catalogue.find(name))
    print(name, dict(counts))
    assert counts["proved"] > 5


@pytest.mark.parametrize("name", NETWORKS)
def test_every_formula_of_a_network_reads_back(name: str) -> None:
    """Each part of the page is about one cell of the network, which its heading names."""
    page = (DOCS / "networks" / f"{name}.md").read_text(encoding="utf-8")
    cells = {cell.title: cell for cell in parts_to_show(catalogue.networks()[name])}
    counts: Counter[str] = Counter()
    for part in re.split(r"^(?=# )", page, flags=re.MULTILINE):
        title = part.partition("\n")[0].removeprefix("# ")
        written = in_markdown(part)
        assert title in cells or not written, title
        if written:
            counts += _counted(page, written, cells.pop(title))
    print(name, dict(counts))
    assert not cells
    assert counts["proved"] > 5


def test_every_formula_on_how_far_gradients_reach_reads_back() -> None:
    """Each section of the page is about the cell in its heading."""
    page = (DOCS / "vanishing.md").read_text(encoding="utf-8")
    cells = {cell.title: cell for cell in catalogue.cells().values()}
    for part in re.split(r"^(?=## )", page, flags=re.MULTILINE)[1:]:
        title = part.partition("\n")[0].removeprefix("## ")
        counts = _counted(part, in_markdown(part), cells[title])
        print(title, dict(counts))
        assert counts["proved"] >= 5


@pytest.mark.parametrize("name", TERMINAL)
def test_every_formula_in_the_terminal_reads_back(name: str) -> None:
    found = differentiate(catalogue.find(name))
    page = pages.text(found, None)
    counts = _counted(" ".join(page.split()), in_terminal(page), found.cell)
    print(name, dict(counts))
    assert counts["proved"] > 5


def _counted(page: str, written: list[str], cell: Cell) -> Counter[str]:
    """How many formulas have which word; the right one for each, with every convention it needs stated on the page."""
    counts: Counter[str] = Counter()
    for judgement in judged(written, cell):
        counts[judgement.word.value] += 1
        if judgement.word is Word.UNDECIDED:
            assert SAYS_OPEN.search(page), judgement
            continue
        if judgement.word is Word.NOT_A_CLAIM:
            assert ASIDE.fullmatch(judgement.formula) or ASIDE.fullmatch(judgement.reason), judgement
            continue
        assert judgement.word in (Word.PROVED, Word.HOLDS_IF), judgement
        for assumption in judgement.assumptions:
            (sentence,) = (said for words, said in STATED.items() if re.fullmatch(words, assumption))
            assert sentence in page, judgement
    return counts
