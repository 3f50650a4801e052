"""The formulas that the pages of audits print, put back as claims about the note's model, with the words of the page.

A true formula stands in the place of the wrong side. BACKPROOF_FULL_FIGURES=1 takes all five pages.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from verify import check
from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import Audited, audit
from verify.reports.wording import TITLES, shown

NOTES = Path(__file__).parents[2] / "data" / "notes"
PAGES = Path(__file__).parents[3] / "docs" / "audits"
CHOSEN = ["000", "001", "002", "003", "004"] if os.environ.get("BACKPROOF_FULL_FIGURES") else ["001", "002"]
TRUE = {Word.PROVED, Word.HOLDS_IF}

_ENTRY = re.compile(
    r"^(?:\*\*\S (?P<word>[a-z ]+)\*\*,|–) line (?P<line>\d+).*\n\n```(?:math|tex)\n(?P<formula>.*)\n```"
)


@dataclass(frozen=True)
class Entry:
    """What a page says of one formula; `word` is None for a definition."""

    word: Word | None
    line: int
    formula: str
    correct: str | None
    first: str | None
    assumptions: tuple[str, ...]

    @property
    def left(self) -> str:
        """What the right side is compared with."""
        return self.first or sides(self.formula)[0]


def sides(formula: str) -> list[str]:
    """What stands around every `=` that is in no braces."""
    found, depth = [""], 0
    for letter in formula:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "=" and not depth:
            found.append("")
        else:
            found[-1] += letter
    return found


def entries(page: str) -> Iterator[Entry]:
    """The entries of a page, in its order."""
    words = {title: word for word, title in TITLES.items()}
    for part in re.split(r"(?m)^(?=\*\*\S [a-z ]+\*\*, line|– line)", page):
        found = _ENTRY.match(part)
        if found is None:
            continue
        correct = re.search(r"^true formula:\n\n```math\n(.*)\n```", part, re.MULTILINE)
        first = re.search(r"compared with (.*?)(?:, of which|: what stands)", part)
        said = re.findall(r"^- (?:if|assuming): (.*)$", part, re.MULTILINE)
        read = re.search(r"^- read as: (.*)$", part, re.MULTILINE)
        yield Entry(
            words[found["word"]] if found["word"] else None, int(found["line"]), found["formula"],
            correct and correct[1], first and first[1], (*said, *(read[1].split("; ") if read else ())),
        )  # fmt: skip


def of(entry: Entry, formulas: tuple[Audited, ...]) -> Audited:
    """The formula of the note that an entry is about."""
    here = [each for each in formulas if each.formula.place.line <= entry.line <= each.formula.place.end_line]
    start = "".join(sides(entry.formula)[0].split())
    return next((each for each in here if start in "".join(shown(each.formula.text).split())), here[0])


def put_back(text: str, audited: Audited) -> Judgement:
    model = audited.model
    assert model is not None
    fragment = replace(audited.formula.fragment, text=text)
    found = check(text, model.cell, assume=model.facts, fragment=fragment, meant=model.meant, explain=False)
    return found[-1]


@pytest.mark.parametrize("number", CHOSEN)
def test_the_page_of_an_audit_says_what_is_so(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    formulas = audit(NOTES / f"{number}.md", check=lambda *_, **__: ()).formulas
    counts: Counter[str] = Counter()
    for entry in entries((PAGES / f"{number}.md").read_text(encoding="utf-8")):
        audited = of(entry, formulas)
        if audited.model is None:
            assert entry.word in (None, Word.UNDECIDED), entry
            continue
        formula = f"{entry.first} = {sides(entry.formula)[-1]}" if entry.first else entry.formula
        found = put_back(formula, audited)
        counts[entry.word.value if entry.word else "definition"] += 1
        if entry.word in TRUE:
            assert found.word in TRUE, (entry, found)
        elif entry.word is not None:
            assert found.word is entry.word, (entry, found)
        else:
            assert found.word is not Word.WRONG or not entry.correct, (entry, found)
        if entry.correct is not None:
            again = put_back(f"{entry.left} = {entry.correct}", audited)
            assert again.word in TRUE, (entry, again)
            assert {*again.assumptions} <= {*entry.assumptions}, (entry, again)
            counts["true formula"] += 1
    with capsys.disabled():
        print(f"\n{number}: {dict(counts)}")
    assert counts or number == "003"
