"""A comment asks not to count what is said about the next formula; it is still said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from derive.errors import InputError
from verify.formulas.judgement import Word
from verify.notes.audit import as_json, audit, code
from verify.notes.fixes import corrected
from verify.reports import FORMATS

MODEL = "$$h_t = \\tanh(W x_t + U h_{t-1} + b)$$\n\n"
WRONG = "$$\\frac{\\partial h_t}{\\partial h_{t-1}} = \\operatorname{diag}(1 + h_t^2)\\, U$$\n\n"


def audited(folder: Path, text: str):
    (folder / "note.md").write_text(MODEL + text, encoding="utf-8")
    return audit(folder / "note.md")


def words(found) -> list[tuple[Word, bool]]:
    return [(one.word, one.ignored) for one in found.judgements if one.word is not Word.NOT_A_CLAIM]


def test_the_next_formula_alone(tmp_path):
    found = audited(tmp_path, f"<!-- backproof: ignore sign -->\n\n$U$ counts as no formula.\n\n{WRONG}{WRONG}")
    assert words(found) == [(Word.WRONG, True), (Word.WRONG, False)]
    assert code([found]) == 1
    assert [claim.get("ignored", False) for claim in as_json([found])["claims"]] == [False, False, True, False]


@pytest.mark.parametrize("name", ["sign", "wrong", "missing-term sign"])
def test_what_is_ignored_does_not_count_and_is_said(tmp_path, name):
    found = audited(tmp_path, f"<!-- backproof: ignore {name} -->\n{WRONG}")
    assert (words(found), code([found])) == ([(Word.WRONG, True)], 0)
    text = FORMATS["text"]([found], ())
    assert "wrong" in text
    assert "ignored" in text
    results = json.loads(FORMATS["sarif"]([found], ()))["runs"][0]["results"]
    assert [result.get("suppressions") for result in results] == [[{"kind": "inSource"}]]
    assert corrected(found, lambda path: audit(path)).corrected == ()


def test_another_mistake_is_not_ignored_and_the_comment_is_told(tmp_path):
    found = audited(tmp_path, f"<!-- backproof: ignore missing-transpose -->\n{WRONG}")
    assert (words(found), code([found])) == ([(Word.WRONG, False)], 1)
    assert [note.rule for note in found.notes] == ["unused-ignore"]


def test_in_latex(tmp_path):
    path = tmp_path / "note.tex"
    body = "\\[h_t = \\tanh(W x_t + U h_{t-1} + b)\\]\n% backproof: ignore sign\n" + WRONG
    path.write_text(f"\\begin{{document}}\n{body}\\end{{document}}\n", encoding="utf-8")
    assert words(audit(path)) == [(Word.WRONG, True)]


@pytest.mark.parametrize("name", ["", "sing", "proved"])
def test_a_name_that_nothing_has_is_refused(tmp_path, name):
    with pytest.raises(InputError) as caught:
        audited(tmp_path, f"<!-- backproof: ignore {name} -->\n{WRONG}")
    assert caught.value.place is not None
    assert caught.value.place.line == 3
