from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from functools import cache

import pytest
from registry import IN_NOTATIONS

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.cell import Cell, Equation
from derive.errors import InputError, ProgramFault
from derive.functions import ScalarFunction, function
from derive.languages import find
from derive.nodes import Quantity, add, apply, matmul, size, t
from derive.notation import notations
from derive.targets import pages
from derive.targets.pages import _markdown_words, _tex_words, pdf
from derive.targets.pages.pdf import compiled

CELLS = {**catalogue.cells(), **catalogue.heads()}
FORMATS = {"markdown": pages.markdown, "latex": pages.latex, "text": pages.text}

every_cell = pytest.mark.parametrize("name", CELLS)
every_format = pytest.mark.parametrize("write", FORMATS.values(), ids=FORMATS)


every_form = pytest.mark.parametrize("form", FORMATS)


@cache
def derivation(name: str) -> Derivation:
    return differentiate(CELLS[name])


@cache
def written(name: str, form: str) -> str:
    """The page of a cell in its own letters."""
    return FORMATS[form](derivation(name))


def two_open_functions() -> Derivation:
    D, H, K = map(size, "DHK")
    x, s, o = Quantity("x", D, 1, t), Quantity("s", H, 1, t), Quantity("o", K, 1, t)
    U, W, V = Quantity("U", H, D), Quantity("W", H, H), Quantity("V", K, H)
    f, g = ScalarFunction("f"), ScalarFunction("g")
    equations = [
        Equation(s, apply(f, add(matmul(U, x), matmul(W, s.at(t - 1))))),
        Equation(o, apply(g, matmul(V, s))),
    ]
    return differentiate(Cell.of(equations, title="循环神经网络 & 100% <é>", source="a_b, $s_{t-1}$", output="o"))


FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
IN_FORMATS = [
    (name, notation, form)
    for k, (name, notation) in enumerate(IN_NOTATIONS)
    for j, form in enumerate(FORMATS)
    if FULL or notation is None or j == k % len(FORMATS)
]
"""In its own letters in every format, in those of a notation in one format in turn."""


@pytest.mark.parametrize(("name", "notation", "form"), IN_FORMATS)
def test_a_page_in_every_notation(name, notation, form):
    page = written(name, form) if notation is None else FORMATS[form](derivation(name), notations()[notation])
    assert not re.search(r"Dummy|object at|0x[0-9a-f]{6}|Quantity|Adjoint|None\b", page)
    assert page.endswith("\n")
    assert "\ue000" not in page


def referenced(page: str) -> set[int]:
    body = page[page.index("Equations") :]
    return {int(number) for number in re.findall(r"(?<![\w^)])\((\d+)\)", body)}


@every_cell
@every_form
def test_numbers_are_given_once_and_those_referred_to_exist(name, form):
    page = written(name, form)
    pattern = r"^\((\d+)\)  +" if form == "text" else r"\\tag\{(\d+)\}"
    given = [int(number) for number in re.findall(pattern, page, re.MULTILINE)]
    assert given == list(range(1, len(given) + 1))
    assert referenced(page) <= set(given)
    assert len(referenced(page)) > 1


@every_cell
def test_the_result_of_every_gradient_stands_on_the_page(name):
    found = derivation(name)
    page = written(name, "text")
    for gradient in found.gradients:
        head = "δ" if gradient.of.name.startswith("net_") else "∂J/∂"
        assert re.search(rf"^\(\d+\) +{head}\S+ = ", page, re.MULTILINE)
        for step in gradient.steps:
            assert step.rule in page.lower()


def test_assumptions_stand_with_the_result_that_used_them():
    assumed = [name for name in CELLS if any(gradient.assumptions for gradient in derivation(name).gradients)]
    assert assumed
    for name in assumed:
        assert "This holds if 𝟏ᵀ y_t = 1" in written(name, "text")


def test_where_paths_meet_the_page_says_why():
    for name in CELLS:
        page = " ".join(written(name, "text").split())
        for gradient in derivation(name).gradients:
            if len(gradient.paths) > 1:
                assert gradient.why in page


@every_format
def test_open_functions_and_letters_of_other_alphabets(write):
    page = write(two_open_functions())
    assert "any function, entry by entry" in page
    assert "循环神经网络" in page


@pytest.mark.parametrize("page", [pages.markdown, pages.latex])
def test_formulas_are_safe_from_markup(page):
    found = page(two_open_functions())
    if page is pages.markdown:
        outside = re.sub(r"```math.*?```|\$`[^`]*`\$", "", found, flags=re.DOTALL)
        assert "$" not in outside
        assert "\\frac" not in outside
    else:
        assert r"\& 100\% $<$é$>$" in found


def test_words_are_escaped():
    assert _markdown_words("a_b _c_ <d> *e*") == r"a_b \_c_ \<d\> \*e\*"
    assert _tex_words("50% of a_b < σ") == r"50\% of a\_b $<$ $\sigma$"
    assert _tex_words('"循环" x') == r"``\unlettered{循环}'' x"


def test_long_right_hand_sides_break_at_plus_signs():
    for name in catalogue.cells():
        page = re.sub(r"\\begin\{bmatrix\}.*?\\end\{bmatrix\}", "", pages.latex(derivation(name)))
        for line in re.findall(r".*&.*", page):
            assert line.count("{") == line.count("}")
            assert line.count(r"\left") == line.count(r"\right")


def test_sections_are_given_or_those_on_time():
    found = derivation("rnn")
    assert "Through time" in pages.text(found)
    assert "Through time" not in pages.text(found, sections=())


def test_without_introduced_names_there_is_no_second_list():
    H = size("H")
    h, x = Quantity("h", H, 1, t), Quantity("x", H, 1, t)
    cell = Cell.of([Equation(h, apply(function("tanh"), x))], output="h")
    assert "parts named" not in pages.text(differentiate(cell))


def test_a_taken_delta_is_not_used_again():
    found = derivation("rnn")
    taken = replace(notations()["net"], letters=(("x", r"\delta"), *notations()["net"].letters))
    assert "short for" not in pages.text(found, taken)


COMPILED = [
    *((name, None) for name in list(CELLS)[:: 1 if FULL else 3]),
    *((next(iter(CELLS)), notation) for notation in notations()),
]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize(("name", "notation"), [*COMPILED, ("open", None)])
def test_pdflatex_compiles_it_and_no_line_leaves_the_text(name, notation):
    found = two_open_functions() if name == "open" else derivation(name)
    made = compiled(pages.latex(found, notation and notations()[notation]))
    assert made.overfull <= 2
    assert made.content.startswith(b"%PDF")
    assert len(made.content) > 10_000


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_derivations_make_a_book():
    network = max(catalogue.networks().values(), key=lambda each: len(each.title))
    parts = {"Cells": [derivation("rnn")], "Heads": [derivation("squared_error")], "Networks": [network]}
    text = pages.book("Two & three", parts)
    assert text.count(r"\chapter{") == 3
    assert "gradients are chained in this order" in text
    made = compiled(text, runs=2)
    assert made.overfull <= 2
    with pytest.raises(ProgramFault, match="pdflatex found an error"):
        compiled(r"\documentclass{article}\begin{document}\nosuch\end{document}")


def test_without_pdflatex_the_answer_says_what_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="needs pdflatex"):
        compiled("")


@pytest.mark.skipif(not pdf._installed("CJKutf8.sty", "c70gbsn.fd"), reason="the Chinese font of TeX is not installed")
def test_an_article_in_chinese_is_typeset():
    chinese = find("zh")
    made = pdf.compiled(pages.latex(derivation("rnn"), language=chinese), font=chinese.font)
    assert made.content.startswith(b"%PDF")
    assert made.overfull <= 2
