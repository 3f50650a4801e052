"""A fault of the program in one claim: it has a name and exit code 3, and touches no other claim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from backproof.command_line import main
from derive import find
from verify import check
from verify.formulas import claims, deciding
from verify.formulas.faults import ClaimsFault
from verify.formulas.judgement import Word
from verify.notes.audit import audit

WRONG = r"\frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial h_t}"
RIGHT = r"\frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial h_t} \odot (1 - h_t^2)"
NOTE = rf"""# RNN

$$ h_t = \tanh(W x_t + U h_{{t-1}} + b) $$

$$ {RIGHT} $$

$$ {WRONG} $$

$$ \frac{{\partial J}}{{\partial h_t}} = h_t $$
"""


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.md"
    path.write_text(NOTE, encoding="utf-8")
    return path


def fails_on(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, call: int) -> None:
    """The function fails when it is called for the given time."""
    true, calls = getattr(module, name), []

    def failing(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        if len(calls) == call:
            raise ZeroDivisionError("injected")
        return true(*args, **kwargs)

    monkeypatch.setattr(module, name, failing)


def test_in_the_comparison(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [j.word for j in audit(note).judgements]
    assert before == [Word.NOT_A_CLAIM, Word.PROVED, Word.WRONG, Word.WRONG]
    fails_on(monkeypatch, deciding, "decide", 1)
    found = audit(note)
    assert [j.word for j in found.judgements] == [Word.NOT_A_CLAIM, Word.WRONG, Word.WRONG]
    ((place, fault),) = found.faults
    assert place.line == 5
    assert fault.name == "unforeseen"
    assert "ZeroDivisionError" in fault.details
    assert RIGHT in fault.subject


def test_in_the_search_for_mistakes_the_verdict_stands(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_on(monkeypatch, claims.explaining, "explained", 1)
    found = audit(note)
    assert [j.word for j in found.judgements] == [Word.NOT_A_CLAIM, Word.PROVED, Word.WRONG, Word.WRONG]
    assert [place.line for place, _ in found.faults] == [7]
    assert not found.judgements[2].correct
    assert found.judgements[3].correct


def test_in_the_model(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from verify.notes import judging

    fails_on(monkeypatch, judging, "spoken", 10**6)
    fails_on(monkeypatch, judging, "continued", 1)
    found = audit(note)
    assert len(found.faults) == 1
    assert Word.WRONG in {j.word for j in found.judgements}


@pytest.mark.parametrize("form", ["json", "sarif", "text", "html", "markdown"])
def test_every_report_is_whole(note: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fails_on(monkeypatch, deciding, "decide", 1)
    result = CliRunner().invoke(main, ["audit", str(note), "--format", form])
    assert result.exit_code == 3
    assert "a fault of backproof" in result.stderr
    assert f"{note}:5" in result.stderr
    assert "Traceback" not in result.output
    if form == "json":
        found = json.loads(result.stdout)
        assert [claim["verdict"] for claim in found["claims"]] == ["not_a_claim", "wrong", "wrong"]
        assert [fault["place"]["line"] for fault in found["faults"]] == [5]
    if form == "sarif":
        (run,) = json.loads(result.stdout)["runs"]
        assert len(run["results"]) == 2
        (invocation,) = run["invocations"]
        assert not invocation["executionSuccessful"]
        assert "unforeseen" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_one_line_of_a_formula_touches_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_on(monkeypatch, deciding, "decide", 1)
    with pytest.raises(ClaimsFault) as caught:
        check(rf"\begin{{aligned}} {RIGHT} \\ {WRONG} \end{{aligned}}", find("rnn"))
    assert [j.word for j in caught.value.judgements] == [Word.WRONG]


def test_the_command_for_one_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_on(monkeypatch, deciding, "decide", 1)
    result = CliRunner().invoke(main, ["check", RIGHT, "--cell", "rnn", "--json"])
    assert result.exit_code == 3
    found = json.loads(result.stdout)
    assert found["claims"] == []
    assert found["faults"][0]["name"] == "unforeseen"
    assert CliRunner().invoke(main, ["check", " ", "--cell", "rnn"]).exit_code == 2
