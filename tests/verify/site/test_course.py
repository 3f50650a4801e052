"""Every exercise of the course has its place in a chapter, and `check` decides its answers as the page says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from derive import catalogue, languages
from derive.errors import ProgramFault
from verify.formulas.claims import check
from verify.formulas.judgement import Word
from verify.site.chapters import SAME, by_paragraphs, filled, translation
from verify.site.exercises import exercises, with_exercises, written

FOLDER = Path(__file__).parents[3] / "docs/site"
EXERCISES = exercises(FOLDER)
TRANSLATED = [
    path.relative_to(FOLDER)
    for path in sorted(FOLDER.rglob("*.md"))
    if path.relative_to(FOLDER).parts[0] in languages.languages()
]


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


@pytest.mark.parametrize("path", TRANSLATED, ids=str)
def test_a_translation_fits_its_chapter(path):
    english, other = _english(path), (FOLDER / path).read_text(encoding="utf-8")
    told = translation(other, english, languages.find(path.parts[0]))
    assert SAME not in told
    for kind in (r"(?<![$`])\$[^$\n]+\$(?!`)", r"<!-- (?:exercise|picture|check): .+? -->", r"\]\(([^)]+[a-z]\.md)\)"):
        assert Counter(re.findall(kind, _words(told))) == Counter(re.findall(kind, _words(english)))
    assert re.findall(r"^#+ ", told, re.MULTILINE) == re.findall(r"^#+ ", english, re.MULTILINE)


def _english(path: Path) -> str:
    chapter = Path(*path.parts[1:])
    place = FOLDER / chapter
    return (place if place.is_file() else FOLDER.parent / chapter).read_text(encoding="utf-8")


def _words(chapter: str) -> str:
    """A chapter without its blocks, its broken lines joined."""
    bare = re.sub(r"^```.*?^```$|^\$\$\n.*?^\$\$$|`[^`\n]+`", "", chapter, flags=re.MULTILINE | re.DOTALL)
    return " ".join(bare.split())


@pytest.mark.parametrize("name", [name for name in languages.languages() if name != "en"])
def test_every_chapter_and_exercise_has_a_translation(name):
    chapters = {path.relative_to(FOLDER) for path in FOLDER.rglob("*.md") if path.relative_to(FOLDER).parts[0] != name}
    assert chapters <= {path.relative_to(FOLDER / name) for path in (FOLDER / name).rglob("*.md")}
    asked = exercises(FOLDER, languages.find(name))
    assert all(asked[each].question != EXERCISES[each].question for each in EXERCISES)


def test_pages_made_of_sentences_are_told_in_another_language():
    chinese = languages.find("zh")
    audit = (
        "**✗ wrong**, line 3, model 1\n\n```math\nx\n```\n\n- mistake: missing transpose: $`W`$ should be $`W^\\top`$\n"
    )
    assert by_paragraphs(audit, chinese) == (
        "**✗ 错误**，第 3 行，模型 1\n\n```math\nx\n```\n\n- 错误所在：缺少转置：$`W`$ 应为 $`W^\\top`$\n"
    )
    assert "**Exercise.**" in written(EXERCISES["state"])
    assert "错误：[缺少项]" in written(EXERCISES["state"], chinese)
    with pytest.raises(ProgramFault, match="1 places for 2 blocks"):
        translation(SAME, "# A\n\n```\na\n```\n\n$$\nb\n$$", chinese)


def test_a_verdict_on_a_page_is_made_as_the_page_is_built():
    shown = filled("<!-- check: rnn \\frac{\\partial J}{\\partial x_t} = W \\delta_t -->", languages.find("zh"))
    assert '<div class="judged wrong">' in shown
    assert "缺少转置：{math}`W` 应为 {math}`W^\\top`" in shown
    assert "<svg" in filled("<!-- picture: rnn backward -->", languages.ENGLISH)
