"""A copy of a note in which the formulas judged wrong are replaced by the true ones.

From the first wrong side of a chain on, the chain becomes the true formula: what followed from it goes with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from derive.errors import InputError, Place
from derive.reader import text_of
from derive.reader.claims import statements
from derive.reader.fragment import Fragment
from verify.audit import Audit, Audited
from verify.judgement import Judgement, Word
from verify.notes import Part, markdown_cells, notebook


@dataclass(frozen=True)
class Fix:
    """Text[start:end] of a part of a note is to become `text`."""

    part: Part
    start: int
    end: int
    text: str
    judgement: Judgement


def fixed_path(path: str | Path) -> Path:
    """Where the corrected copy goes: `note.fixed.md` beside `note.md`."""
    path = Path(path)
    return path.with_name(f"{path.stem}.fixed{path.suffix}")


def fixes(audit: Audit) -> list[Fix]:
    """What can be replaced: formulas that are wrong, with a true formula, at a place that is beyond doubt."""
    parts = {part.file: part for part in audit.document.parts}
    found = [fix for each in audit.formulas for fix in _fixes(each, parts[each.formula.fragment.file])]
    return sorted(found, key=lambda fix: (fix.part.file, fix.start))


def corrected(audit: Audit) -> str:
    """The whole file with all fixes."""
    by_file: dict[str, list[Fix]] = {}
    for fix in fixes(audit):
        by_file.setdefault(fix.part.file, []).append(fix)
    texts = {part.file: _replaced(part.text, by_file.get(part.file, [])) for part in audit.document.parts}
    if not any(part.number for part in audit.document.parts):
        return next(iter(texts.values()))
    data = notebook(text_of(audit.file), audit.file)
    for number, source in markdown_cells(data):
        text = texts.get(f"{audit.file}#cell{number}", source)
        if text != source:
            data["cells"][number - 1]["source"] = text.splitlines(keepends=True)
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


def _replaced(text: str, found: list[Fix]) -> str:
    """The text with its own line ends."""
    plain = _plain(text)
    end = len(plain)
    for fix in reversed(found):
        if fix.end <= end:
            plain = plain[: fix.start] + fix.text + plain[fix.end :]
            end = fix.start
    return plain.replace("\n", "\r\n") if "\r\n" in text else plain


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _fixes(audited: Audited, part: Part) -> Iterator[Fix]:
    """At most one for each chain."""
    fragment = audited.formula.fragment
    wrong = {
        (j.place.line, j.place.column): j
        for j in audited.judgements
        if j.word is Word.WRONG and j.correct and j.place is not None
    }
    if not wrong:
        return
    try:
        chains = statements(fragment)
    except InputError:
        return
    for chain in chains:
        for number in range(len(chain.relations)):
            place = chain.place(number)
            judgement = wrong.get((place.line, place.column))
            if judgement is None:
                continue
            side = chain.sides[number + 1]
            span = _span(fragment, side.start, chain.sides[-1].end, part)
            if span is not None:
                yield Fix(part, *span, _right(judgement.correct or ""), judgement)
            break


def _span(fragment: Fragment, start: int, end: int, part: Part) -> tuple[int, int] | None:
    """Where fragment.text[start:end] stands in the text of its part; None if the text there is another."""
    text = _plain(part.text)
    first, last = _offset(text, fragment.place(start)), _offset(text, fragment.place(end - 1)) + 1
    written = fragment.text[start:end].split("\n")
    there = text[first:last].split("\n")
    same = len(written) == len(there) and all(
        there_.endswith(line.strip())
        for line, there_ in zip(map(str.rstrip, written), map(str.rstrip, there), strict=True)
    )
    return (first, last) if same and first < last else None


def _offset(text: str, place: Place) -> int:
    start = 0
    for _ in range(place.line - 1):
        start = text.index("\n", start) + 1
    return start + place.column - 1


def _right(correct: str) -> str:
    """The right side of the true formula: what stands behind its first `=` outside brackets."""
    depth = 0
    for position, character in enumerate(correct):
        depth += (character in "{([") - (character in "})]")
        if character == "=" and depth == 0:
            return correct[position + 1 :].strip().lstrip("&").strip()
    return correct.strip()
