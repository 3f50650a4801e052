"""Formulas with the verdict they must get, by kind; a kind that went wrong once is told by several."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from derive import catalogue
from derive.cell import Cell
from derive.notation import find
from derive.reader import read_note
from verify import check

DATA = Path(__file__).parents[2] / "data" / "formulas"
CASES = [json.loads(line) for file in sorted(DATA.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()]


@cache
def _model(cell: str | None, note: str | None) -> Cell:
    return catalogue.find(cell) if cell is not None else read_note(note or "")


def _bare(text: str) -> str:
    for dropped in (r"\left", r"\right", "{", "}", " "):
        text = text.replace(dropped, "")
    return text


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case['formula']}")
def test_a_formula_gets_its_verdict(case):
    letters = find(case["notation"]) if "notation" in case else None
    model = _model(case.get("cell"), case.get("note"))
    says = bool(case.get("must_say") or case.get("must_not_say"))
    judgements = check(case["formula"], model, assume=case.get("assume", ()), notation=letters, explain=says)
    told = [judgement.to_json() for judgement in judgements]
    for judgement in told:
        judgement.pop("formula")
    right = case.get("each") or [case["verdict"]] * len(told)
    assert len(told) == len(right) > 0
    assert all(judgement["verdict"] in words for judgement, words in zip(told, right, strict=True)), told
    said = _bare(json.dumps(told, ensure_ascii=False).replace("\\\\", "\\"))
    for wanted in case.get("must_say", []):
        options = [wanted] if isinstance(wanted, str) else wanted
        assert any(_bare(option) in said for option in options), (wanted, said)
    for unwanted in case.get("must_not_say", []):
        assert _bare(unwanted) not in said
