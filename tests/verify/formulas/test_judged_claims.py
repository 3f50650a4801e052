"""The claims of the five notes against the judgement made by hand: nothing wrong passes, nothing right is condemned."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from derive.cell import Cell
from derive.reader import read_file
from verify.formulas.claims import check
from verify.formulas.judgement import Judgement, Word

DATA = Path(__file__).parents[2] / "data" / "claims"
CLAIMS = [claim for file in sorted(DATA.glob("*.json")) for claim in json.loads(file.read_text("utf-8"))["claims"]]
SILENT = {"undecided", "unreadable"}


@cache
def model(name: str) -> Cell:
    return read_file(DATA / "models" / f"{name}.md")


@cache
def told(number: int) -> Judgement:
    claim = CLAIMS[number]
    return check(claim["formula"], model(claim["model"]))[-1]


def test_there_are_as_many_claims_as_asked_for() -> None:
    assert len(CLAIMS) >= 110
    assert len({claim["id"] for claim in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize("number", range(len(CLAIMS)), ids=[claim["id"] for claim in CLAIMS])
def test_no_wrong_claim_passes_and_no_right_one_is_condemned(number: int) -> None:
    claim, judgement = CLAIMS[number], told(number)
    word = judgement.word.value
    allowed: set[str] = {claim["verdict"], *claim["accept"]} | SILENT
    if claim["verdict"] != "wrong":
        allowed |= {"not_a_claim"}
    assert word in allowed, f"judged {claim['verdict']}, told {judgement}"


def test_almost_every_claim_is_decided(capsys: pytest.CaptureFixture[str]) -> None:
    words = Counter(told(number).word for number in range(len(CLAIMS)))
    silent = words[Word.UNDECIDED] + words[Word.UNREADABLE]
    with capsys.disabled():
        print(f"\n{len(CLAIMS)} judged claims, {silent} undecided or unreadable: {_listed(words)}")
    assert silent <= 0.05 * len(CLAIMS)


def test_the_wrong_ones_come_with_the_true_formula_and_a_counterexample() -> None:
    for number, claim in enumerate(CLAIMS):
        judgement = told(number)
        if claim["verdict"] == "wrong" and judgement.word is Word.WRONG:
            assert judgement.counterexample, claim["id"]


def test_the_true_formulas_are_proved_when_put_back(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [number for number in range(len(CLAIMS)) if told(number).word is Word.WRONG]
    printed = 0
    for number in wrong:
        claim, judgement = CLAIMS[number], told(number)
        if judgement.correct is None:
            continue
        printed += 1
        text = f"{claim['left']} {claim['relation']} {judgement.correct}"
        again = check(text, model(claim["model"]), explain=False)[-1]
        under = again.word is Word.HOLDS_IF and {*again.assumptions} <= {*judgement.assumptions}
        assert again.word is Word.PROVED or under, (claim["id"], text, again)
    with capsys.disabled():
        print(f"\n{len(wrong)} wrong claims, {printed} true formulas printed, all proved when put back")


def _listed(words: Counter[Any]) -> str:
    return ", ".join(f"{count} {word.value}" for word, count in words.most_common())
