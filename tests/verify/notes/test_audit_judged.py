"""Audits of whole notes against the judgement by hand: the model is found, not given, and nothing wrong passes.

The pages of these audits are held against the same run, as the audits take long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import Audited, audit
from verify.notes.judging import A_DEFINITION
from verify.reports import FORMATS

DATA = Path(__file__).parents[2] / "data"
DOCS = Path(__file__).parents[3] / "docs" / "audits"
RIGHT = {Word.PROVED.value, Word.HOLDS_IF.value}
_LAYOUT = re.compile(r"\\tag\{.*?\}|\\(?:left|right|quad|begin\{\w+\}|end\{\w+\})|\\\\|\\ |[\s{}&,]")


def bare(formula: str) -> str:
    """A formula without what only lays it out."""
    return _LAYOUT.sub("", formula)


@pytest.mark.parametrize("number", ["000", "001", "002", "003", "004"])
def test_audits_agree_with_the_judgement_by_hand_and_their_pages_are_fresh(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(DATA / "notes")
    found = audit(f"{number}.md")
    again = f"run in tests/data/notes: backproof audit {number}.md --format markdown > ../../../docs/audits/{number}.md"
    page = (DOCS / f"{number}.md").read_text(encoding="utf-8")
    assert page == FORMATS["markdown"]([found], ()), again
    _agrees(found.formulas, number)


def _agrees(formulas: Iterable[Audited], number: str) -> None:
    found: dict[str, list[Judgement]] = {}
    for audited in formulas:
        guessed = audited.model is not None and audited.model.recognised
        for judgement in audited.judgements:
            if guessed and judgement.word is Word.HOLDS_IF and not judgement.assumptions[1:]:
                judgement = replace(judgement, word=Word.PROVED)  # it was judged against the model that is assumed
            found.setdefault(bare(judgement.formula), []).append(judgement)
    printed = [
        c for c in json.loads((DATA / f"claims/{number}.json").read_text("utf-8"))["claims"] if not c["in_words"]
    ]
    open_ = []
    for claim in printed:
        here = found.get(bare(claim["formula"]), [])
        near = [j for j in here if j.place is not None and j.place.line == claim["line"]] or here
        if not near or near[0].word in (Word.UNDECIDED, Word.UNREADABLE):
            open_.append(claim["id"])
            continue
        word = near[0].word.value
        assert word in claim["accept"] or near[0].reason == A_DEFINITION, (claim["id"], word, claim["why"])
        assert not (claim["verdict"] == "wrong" and word in RIGHT), claim["id"]
    assert len(open_) <= max(1, len(printed) // 3), open_
