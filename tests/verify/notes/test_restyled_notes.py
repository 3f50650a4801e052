"""A note in another style gets the words that it had: some ways with a few notes, in a full run all with all."""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from restyled import DATA, mended, pairs, ways, words

FULL = os.environ.get("BACKPROOF_FULL_FIGURES") == "1"
NOTES = sorted(path for path in (DATA / "note_cases").glob("*.md") if path.name != "README.md")
SHORT = [path for path in NOTES if path.stat().st_size < 1500]
MOST = len(NOTES) if FULL else 2
WAYS = [*ways()][:: 1 if FULL else 4]


@cache
def as_it_stands(path: Path, folder: Path) -> list[tuple[str, str]]:
    return words(path.read_text("utf-8"), folder)


@pytest.mark.parametrize("name", WAYS)
def test_a_note_in_another_style_gets_its_words(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    way, suffix = ways()[name]
    folder = tmp_path_factory.getbasetemp()
    first = sum(map(ord, name)) % len(SHORT)
    counts: Counter[tuple[str, str]] = Counter()
    seen = 0
    for path in NOTES if FULL else (*SHORT[first:], *SHORT[:first]):
        text = path.read_text("utf-8")
        other = way(text)
        if other is None or other == text:
            continue
        before, after = as_it_stands(path, folder), words(other, folder, suffix)
        assert len(after) >= len(before), (path.name, before, after)
        for (formula, was), (_, now) in pairs(before, after[len(after) - len(before) :]):
            assert {was, now} != {"right", "wrong"}, (path.name, formula, was, now)
            counts[was, now] += 1
        seen += 1
        if seen >= MOST and len({was for was, _ in counts} - {"open"}):
            break
    decided = sum(count for (was, _), count in counts.items() if was != "open")
    lost = decided - counts["right", "right"] - counts["wrong", "wrong"]
    assert decided
    assert lost <= 0.05 * decided, counts


@pytest.mark.parametrize(("name", "note"), mended())
def test_a_note_that_was_once_read_otherwise(name: str, note: str, tmp_path: Path) -> None:
    path = DATA / "note_cases" / f"{note}.md"
    way, suffix = ways()[name]
    other = way(path.read_text("utf-8"))
    assert other is not None
    before, after = as_it_stands(path, tmp_path), words(other, tmp_path, suffix)
    assert [was for _, was in before] == [now for _, now in after[len(after) - len(before) :]], after
