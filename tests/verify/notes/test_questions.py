"""What a note leaves open is asked in one question, which names what is lacking and is gone when that is added.

By default a few notes made at random; BACKPROOF_FULL_FIGURES=1 makes many.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path

import pytest

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.languages import ENGLISH, languages
from derive.nodes import Adjoint
from derive.notation import spelled, timed
from derive.targets.formula import latex
from verify.formulas.judgement import Word
from verify.mistakes.context import Context
from verify.notes.audit import Audit, audit, code
from verify.reports import FORMATS

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
NOTES = 120 if FULL else 6
CELLS = (
    "rnn_caption", "gru", "gru_reset_after", "lstm", "lstm_coupled", "lstm_fgr", "lstm_projection", "mgu",
    "scrn", "ugrnn", "cfn",
)  # fmt: skip
WAITS = "waits for the question above: "
RIGHT = (Word.PROVED, Word.HOLDS_IF)


@cache
def written(name: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The equations of a cell by what they define, and true formulas for all its gradients."""
    cell = catalogue.find(name)
    derivation, letters = differentiate(cell), cell.notation
    equations = [
        (e.symbol.name, f"{latex(e.symbol, letters)} = {latex(e.expression, letters)}") for e in cell.equations
    ]
    contexts = [Context(derivation, Adjoint(gradient.of)) for gradient in derivation.gradients]
    return equations, [f"{latex(one.left, letters)} = {latex(one.forms[0], letters)}" for one in contexts]


def audited(path: Path, equations: Sequence[str], claims: Sequence[str]) -> Audit:
    lines = ["# A cell", *(f"$${each}$$" for each in equations), "## Gradients", *(f"$${each}$$" for each in claims)]
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return audit(path)


def words(found: Audit) -> set[Word]:
    return {one.word for one in found.judgements} - {Word.NOT_A_CLAIM}


def _some(claims: Sequence[str], letter: str, draw: random.Random) -> list[str]:
    """About half of the formulas and all that speak of a letter, in another order."""
    kept = [each for each in claims if timed(letter) in each or f"{{{letter},t" in each or draw.random() < 0.5]
    return draw.sample(kept, len(kept))


@pytest.mark.parametrize("seed", range(NOTES))
def test_the_question_names_what_was_deleted_and_is_gone_when_it_is_back(seed: int, tmp_path: Path) -> None:
    draw = random.Random(f"question {seed}")
    equations, claims = written(draw.choice(CELLS))
    deleted, definition = draw.choice(equations)
    claims = _some(claims, str(spelled(deleted)), draw)
    rest = [text for name, text in equations if name != deleted]
    path = tmp_path / "note.md"
    found = audited(path, rest, claims)
    undecided = [one for one in found.judgements if one.word is Word.UNDECIDED]
    assert Word.WRONG not in words(found), "nothing of it is wrong"
    assert bool(found.questions) == bool(undecided)
    for question in found.questions:
        assert question.letters == (timed(str(spelled(deleted))),)
        assert question.waiting == len(undecided)
        assert {one.reason for one in undecided} == {WAITS + question.asked}
        assert not audited(path, [*rest, *(line.strip("$") for line in question.lines)], claims).questions
    again = audited(path, draw.sample([*rest, definition], len(equations)), claims)
    assert not again.questions
    assert words(again) <= {*RIGHT}


LOST = r"""# A state without its step

$$v_t = \tanh(\operatorname{LN}(A x_t) + B v_{t-1})$$

$$\frac{\partial J}{\partial v_t} = B^\top \frac{\partial J}{\partial v_{t+1}}$$

$$\frac{\partial J}{\partial A} = \sum_t \frac{\partial J}{\partial v_t} x_t^\top$$
"""
PROGRAM = """# Going back

```python
d_model = 4 * heads

def backward(ds):
    carried = 0
    for t in reversed(range(T)):
        delta = (ds[t] + carried) * (1 - s[t] ** 2)
        dU = dU + np.outer(delta, x[t])
        carried = np.dot(R.T, delta)
    return dU
```
"""


def note(path: Path, text: str) -> Audit:
    path.write_text(text, encoding="utf-8")
    return audit(path)


def test_the_question_stands_first_in_every_report(tmp_path: Path) -> None:
    found = note(tmp_path / "note.md", LOST)
    (question,) = found.questions
    assert question.letters == ("v_t",)
    (unused,) = question.unused
    assert (unused.place.line, unused.place.column) == (3, 3)
    assert "LN" in unused.reason
    assert unused.text in LOST.splitlines()
    text = FORMATS["text"]([found], (), ENGLISH).splitlines()
    assert text[0] == f"{question.place}: question: what is $v_t$? 2 formulas wait for it"
    assert f"        {unused.text}" in text
    assert f"        {question.lines[0]}" in text
    assert sum("undecided: waits for the question above: what is $v_t$?" in line for line in text) == 2
    log = json.loads(FORMATS["sarif"]([found], (), ENGLISH))["runs"][0]
    first, *others = log["results"]
    assert first["ruleId"] == log["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == "backproof/question"
    assert first["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 3
    assert [one["ruleId"] for one in others] == ["backproof/undecided"] * 2
    (told,) = json.loads(FORMATS["json"]([found], (), ENGLISH))["questions"]
    assert told["letters"] == ["v_t"]
    assert told["equations"][0]["text"] == unused.text
    assert told["add"] == list(question.lines)
    assert told["waiting"] == 2
    for form in ("markdown", "html"):
        page = FORMATS[form]([found], (), ENGLISH)
        assert page.index("2 formulas wait for it") < page.index("waits for the question above"), form
        assert escape(question.lines[0]) in page or question.lines[0] in page, form
    assert question.lines[0] in found._repr_html_()
    assert "等待上面的问题" in FORMATS["text"]([found], (), languages()["zh"])


def test_what_waits_is_exit_code_2_and_the_answer_settles_it(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    found = note(path, LOST)
    assert code([found]) == 2
    added = "\n\n".join((*found.questions[0].lines, *LOST.split("\n\n")[2:]))
    again = note(path, added)
    assert not again.questions
    assert Word.UNDECIDED not in words(again)


def test_a_backward_program_without_a_model_is_told_line_by_line(tmp_path: Path) -> None:
    found = note(tmp_path / "note.md", PROGRAM)
    lines = [one.place.line for one in found.judgements if one.place and one.word is Word.UNDECIDED]
    assert lines == [9, 10]
    (question,) = found.questions
    assert question.letters == ()
    assert {one.reason for one in found.judgements} == {WAITS + question.asked}
    assert code([found]) == 2


def test_programs_that_do_not_go_back_claim_nothing(tmp_path: Path) -> None:
    for line in ("d_model = heads * d_head", "delta = end - start", "grad = loss.backward()", "dx = np.dot(a, b)"):
        found = note(tmp_path / "note.md", f"# Code\n\n```python\n{line}\n```\n")
        assert not found.formulas, line
