"""What closes a page: the backward pass in the order of the code, and the rules used, each proved."""

from __future__ import annotations

import re

import pytest

import derive
from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.bptt import through_time
from derive.targets import pages
from derive.targets.formula import latex
from derive.targets.pages.closing import PROOFS, steps_of
from verify import check
from verify.formulas.judgement import Word
from verify.formulas.readings.conventions import HELD, LATEST

CELLS = {**catalogue.cells(), **catalogue.heads()}


@pytest.mark.parametrize("name", CELLS)
def test_every_rule_of_a_derivation_has_a_proof(name: str) -> None:
    rules = {step.rule for step in steps_of(differentiate(CELLS[name]))}
    assert {rule for rule in rules if not rule.startswith("chain rule through ")} <= {*PROOFS}


@pytest.mark.parametrize("name", ["lstm", "deltanet", "softmax_cross_entropy"])
def test_the_box_has_every_rule_that_was_used(name: str) -> None:
    rules = {step.rule for step in steps_of(differentiate(CELLS[name]))}
    page = pages.markdown(differentiate(CELLS[name]))
    box = page.partition("## The rules used")[2].partition("\n## ")[0]
    assert all(f"- **{pages._markdown_words(rule)}**\n  1. " in box for rule in rules)


@pytest.mark.parametrize("name", ["gru", "lstm", "softmax_cross_entropy"])
def test_the_backward_pass_stands_in_the_order_of_the_code_with_its_variables(name: str) -> None:
    derivation = differentiate(CELLS[name])
    page = pages.markdown(derivation)
    box = page.partition("## The backward pass in order")[2].partition("\n## ")[0]
    variables = [one for one in re.findall(r", `(\w+)`$", box, re.MULTILINE) if one != "step_backward"]
    assert len(variables) == len(derivation.gradients)
    body = derive.generate(CELLS[name]).partition("def step_backward")[2]
    places = [
        found.start()
        for one in variables
        if (found := re.search(rf"^    {one} = ", body, re.MULTILINE))  # what nothing needs by itself has no line
    ]
    assert len(places) > len(variables) / 2
    assert places == sorted(places)


@pytest.mark.parametrize("form", [pages.markdown, pages.latex, pages.text])
def test_the_equations_stand_before_the_table_of_symbols(form) -> None:
    page = form(differentiate(CELLS["gru"]))
    places = [page.index(word) for word in ("Equations", "Symbols", "The backward pass in order", "Through time")]
    assert places == sorted(places)


def test_an_excerpt_has_no_boxes() -> None:
    page = pages.excerpt("markdown", differentiate(CELLS["lstm"]), ["c"])
    assert "## The backward pass" not in page
    assert "## The rules used" not in page


@pytest.mark.parametrize("name", ["lstm", "slstm", "scrn"])
def test_several_states_respond_over_many_steps_by_a_product_of_blocks(name: str) -> None:
    cell = CELLS[name]
    (section,) = (one for one in through_time(differentiate(cell)) if one.title == "Many steps as a product")
    shown = " = ".join(latex(member, cell.notation) for member in section.items[1].members)
    (found,) = check(rf"{shown} \quad (k < \tau)", cell, explain=False)
    assert found.word is Word.HOLDS_IF
    assert {*found.assumptions} <= {HELD, LATEST}  # which the page states
    (wrong,) = check(rf"{shown.replace('j-1', 'j')} \quad (k < \tau)", cell, explain=False)
    assert wrong.word is not Word.HOLDS_IF
