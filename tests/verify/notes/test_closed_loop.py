"""A true formula that is printed is proved when it is put in the place of the wrong one.

BACKPROOF_FULL_FIGURES=1 takes more mistakes, and corrects the five notes.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import mutated_texts
import pytest

from derive.targets.formula import latex
from verify import check
from verify.formulas.judgement import Judgement, Word
from verify.formulas.wrong.restating import in_style, merged, units
from verify.notes.audit import audit
from verify.notes.fixes import corrected

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
EACH = 150 if FULL else 2
NOTES = sorted((Path(__file__).parents[2] / "data" / "notes").glob("0*.md"))


def holds(judgement: Judgement, assumptions: tuple[str, ...]) -> bool:
    """Proved, or true under what was said already."""
    under = judgement.word is Word.HOLDS_IF and {*judgement.assumptions} <= {*assumptions}
    return judgement.word is Word.PROVED or under


def test_what_is_printed_for_a_named_mistake_is_proved_when_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = printed = 0
    silent: list[str] = []
    for name in mutated_texts.NAMES:
        found = mutated_texts.derivation(name)
        cases = list(mutated_texts.named(name))
        for _, left, right in random.Random(f"loop {name}").sample(cases, min(EACH, len(cases))):
            before, text = latex(left, found.cell.notation), latex(right, found.cell.notation)
            judgement = check(f"{before} = {text}", found.cell)[-1]
            if judgement.word is not Word.WRONG:
                continue
            wrong += 1
            if judgement.correct is None:
                silent.append(f"{name}: {before} = {text}")
                continue
            printed += 1
            again = check(f"{before} = {judgement.correct}", found.cell, explain=False)[-1]
            assert holds(again, judgement.assumptions), (before, text, judgement.correct, again)
    with capsys.disabled():
        print(f"\n{wrong} wrong formulas with a named mistake, {printed} true ones printed, all proved when put back")
    assert printed >= 0.9 * wrong, silent


@pytest.mark.parametrize("path", NOTES if FULL else NOTES[1:2], ids=lambda path: path.stem)
def test_corrected_notes_have_nothing_wrong_but_what_is_left(path: Path) -> None:
    copy = corrected(audit(path), audit)
    assert copy.corrected
    assert r"\partial J" not in copy.text or r"\partial J" in path.read_text(encoding="utf-8")


def test_units_know_what_belongs_together() -> None:
    text = r"\sum_{t=1}^{T} \left( h_{t-1}^\top \frac{\partial J}{\partial b} \right)"
    parts = [text[unit.start : unit.end] for unit in units(text)]
    assert parts == [r"\sum_{t=1}^{T}", r"\left(", r"h_{t-1}^\top", r"\frac{\partial J}{\partial b}", r"\right)"]


STYLES = [
    (r"\frac{\partial J}{\partial h_t}", r"\frac{\partial E}{\partial q_t}", r"\frac{\partial E}{\partial h_t}"),
    (r"\frac{\partial J}{\partial h_t}", r"\frac{d\mathcal{L}}{dq_t}", r"\frac{d \mathcal{L}}{d h_t}"),
    (r"U^\top h", "W^T x", "U^T h"),
    (r"U^\top h", r"W^{\mathsf{T}} x", r"U^{\mathsf{T}} h"),
    (r"a \odot h_t^{\odot 2}", r"x \circ y^2", r"a \circ h_t^2"),
    (r"\sum_{t=1}^{T} h_t", r"\sum_t x_t", r"\sum_t h_t"),
    (r"\sum_{t=1}^{T} h_t", r"\sum_k x_k", r"\sum_{t=1}^{T} h_t"),
    (r"\sum_{t=1}^{T} h_t", r"\sum_{t=1}^{3} x_t", r"\sum_{t=1}^{T} h_t"),
    (r"\sum_{t=1}^{T} h_t", r"\sum_{t=1}^{N} x_t", r"\sum_{t=1}^{N} h_t"),
]


@pytest.mark.parametrize(("printed", "author", "expected"), STYLES)
def test_signs_of_the_author(printed: str, author: str, expected: str) -> None:
    assert in_style(printed, author) == expected


def test_a_sum_over_the_number_of_steps_that_a_document_fixes_is_the_whole_sum() -> None:
    assert in_style(r"\sum_{t=1}^{T} h_t", r"\sum_{t=1}^{3} x_t", steps=3) == r"\sum_{t=1}^{3} h_t"


def test_only_the_change_is_made() -> None:
    author = r"\bigl( 1 - h_t \bigr)\; g_t^{\top}"
    assert merged(author, r"(1 - h_t) g_t^\top", r"(1 - h_t^2) g_t^\top") == r"\bigl( 1 - h_t^2 \bigr)\; g_t^{\top}"
    assert merged(author, r"(1 - h_t) g_t^\top", r"(1 - h_t) g_t^\top + b") == author + " + b"
    assert merged("a + b + c", "a + b + c", "a + c") == "a + c"


def test_a_change_in_a_formula_of_many_hundred_parts_is_not_looked_for() -> None:
    assert merged("a + " * 200 + "b", "a + " * 200 + "b", "a + " * 200 + "c") == "a + " * 200 + "c"
    assert merged("a + " * 300 + "b", "a + " * 300 + "b", "a + " * 300 + "c") is None
