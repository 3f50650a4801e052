"""Every exercise of the course has its place in a chapter, and `check` decides its answers as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from derive import catalogue
from verify.formulas.claims import check
from verify.formulas.judgement import Word
from verify.site.exercises import exercises, with_exercises, written

FOLDER = Path(__file__).parents[3] / "docs/site"
EXERCISES = exercises(FOLDER)


def test_every_exercise_stands_in_one_chapter():
    chapters = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("course/*.md"))]
    placed = [name for text in chapters for name in re.findall(r"<!-- exercise: (.+) -->", text)]
    assert sorted(placed) == sorted(EXERCISES)


@pytest.mark.parametrize("name", EXERCISES)
def test_check_decides_the_answers(name):
    exercise = EXERCISES[name]
    cell = catalogue.find(exercise.cell)
    for formula in exercise.right:
        for judgement in check(formula, cell, assume=exercise.assume):
            assert judgement.word in (Word.PROVED, Word.HOLDS_IF), formula
    for formula, mistake in exercise.wrong:
        judgements = check(formula, cell, assume=exercise.assume)
        assert [judgement.word for judgement in judgements] == [Word.WRONG], formula
        named = [found.name for judgement in judgements for found in judgement.mistakes]
        assert (mistake in named) if mistake else not named, formula


def test_a_chapter_shows_its_exercises_with_the_answers_folded():
    shown = with_exercises("before\n\n<!-- exercise: cell state -->\n\nafter", EXERCISES)
    assert shown == f"before\n\n{written(EXERCISES['cell state'])}\n\nafter"
    assert "<details" in shown
    assert "[missing term](../mistakes/missing-term.md)" in shown
    assert "--assume '\\sum y_t = 1'" in written(EXERCISES["logits"])
    with pytest.raises(KeyError):
        with_exercises("<!-- exercise: no such -->", EXERCISES)
