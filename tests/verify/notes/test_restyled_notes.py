"""Notes in other styles get the words that they had: some ways with a note each, in a full run all with all."""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from pathlib import Path
from zlib import crc32

import pytest
from restyled import DATA, FAMILIES, KNOWN, mended, pairs, ways, words

FULL = os.environ.get("BACKPROOF_FULL_FIGURES") == "1"
NOTES = sorted(path for path in (DATA / "note_cases").glob("*.md") if path.name != "README.md")
SHORT = [path for path in NOTES if path.stat().st_size < 1000]


@cache
def as_it_stands(path: Path, folder: Path) -> list[tuple[str, str]]:
    return words(path.read_text("utf-8"), folder)


def _by_chance(name: str) -> list[Path]:
    """Notes in an order of their own for every way, which another note does not change."""
    return sorted(SHORT, key=lambda path: crc32(f"{name} {path.name}".encode()))


@pytest.mark.parametrize("family", FAMILIES)
def test_notes_in_another_style_get_their_words(family: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    counts: Counter[tuple[str, str]] = Counter()
    of_family = [name for name in ways() if name.startswith(f"{family}:")]
    for name in of_family if FULL else of_family[::3]:
        way, suffix = ways()[name]
        seen = False
        for path in NOTES if FULL else _by_chance(name):
            text = path.read_text("utf-8")
            other = way(text)
            if other is None or other == text:
                continue
            before = as_it_stands(path, folder)
            if {was for _, was in before} <= {"open"}:
                continue
            after = words(other, folder, suffix)
            assert len(after) >= len(before), (name, path.name, before, after)
            for (formula, was), (_, now) in pairs(before, after[len(after) - len(before) :]):
                turned = {was, now} == {"right", "wrong"} and (name, path.stem) not in KNOWN
                assert not turned, (name, path.name, formula, was, now)
                counts[was, now] += 1
            seen = True
            if not FULL:
                break
        assert seen, f"{name} changes no note"
    decided = sum(count for (was, _), count in counts.items() if was != "open")
    lost = decided - counts["right", "right"] - counts["wrong", "wrong"]
    assert decided > 10
    assert lost <= 0.1 * decided, counts


@pytest.mark.parametrize(("name", "note"), mended())
def test_a_note_that_was_once_read_otherwise(name: str, note: str, tmp_path: Path) -> None:
    path = DATA / "note_cases" / f"{note}.md"
    way, suffix = ways()[name]
    other = way(path.read_text("utf-8"))
    assert other is not None
    before, after = as_it_stands(path, tmp_path), words(other, tmp_path, suffix)
    assert [was for _, was in before] == [now for _, now in after[len(after) - len(before) :]], after
