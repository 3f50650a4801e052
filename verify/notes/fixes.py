"""A copy of a note in which wrong formulas are replaced by true ones: claims only, each wrong side alone.

The copy is audited again. What is wrong in it is corrected in turn (a step that followed from a wrong one); a formula
that stays wrong, or a note in which another formula becomes wrong, is left as it was written.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from derive.errors import InputError, Place
from derive.reader import text_of
from derive.reader.claims.statements.chains import statements
from derive.reader.dialects.notebooks import markdown_cells, notebook
from derive.reader.models.equations.equation import LOSSES
from derive.reader.models.equations.finding import equations
from derive.reader.text.fragment import Fragment
from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import Audit
from verify.notes.audited import Audited
from verify.notes.files import Part

ROUNDS = 4
"""How often a copy is corrected and audited again: a chain may need a round for each of its steps."""

Again = Callable[[Path], Audit]
"""Audits another file as the note was audited."""


@dataclass(frozen=True)
class Fix:
    """Text[start:end] of a part of a note is to become `text`; `number` counts the formulas of the note."""

    part: Part
    start: int
    end: int
    text: str
    judgement: Judgement
    number: int


@dataclass(frozen=True)
class Copy:
    """The corrected text (the note's own where nothing could be corrected), what was corrected, and what was left."""

    text: str
    corrected: tuple[Judgement, ...]
    left: tuple[Judgement, ...]


def fixed_path(path: str | Path) -> Path:
    """Where the corrected copy goes: `note.fixed.md` beside `note.md`."""
    path = Path(path)
    return path.with_name(f"{path.stem}.fixed{path.suffix}")


def fixes(audit: Audit) -> list[Fix]:
    """What can be replaced: sides that are wrong, with a true formula, at a place that is beyond doubt."""
    parts = {part.file: part for part in audit.document.parts}
    found = [
        fix
        for number, each in enumerate(audit.formulas)
        for fix in _fixes(each, parts[each.formula.fragment.file], number)
    ]
    return sorted(found, key=lambda fix: (fix.part.file, fix.start))


def corrected(audit: Audit, again: Again) -> Copy:
    """The note with what can be corrected; its copy has nothing wrong but what is left, and says so."""
    given = text_of(audit.file)
    wrong = _wrong(audit)
    kept = {fix.number for fix in fixes(audit)}
    while kept:
        text, after = _corrected(audit, again, given, kept)
        still = _wrong(after) if len(after.formulas) == len(audit.formulas) else set(range(len(audit.formulas)))
        spoilt = (still & kept) or (kept if still - wrong else set())
        if not spoilt:
            return Copy(text, _of(audit, kept), _of(audit, wrong - kept))
        kept -= spoilt
    return Copy(given, (), _of(audit, wrong))


def _corrected(audit: Audit, again: Again, given: str, kept: set[int]) -> tuple[str, Audit]:
    """The text with the formulas of these numbers corrected, round after round, and its audit."""
    text, after = given, audit
    for _ in range(ROUNDS):
        found = [fix for fix in fixes(after) if fix.number in kept]
        if not found or len(after.formulas) != len(audit.formulas):
            break
        text = _rewritten(after, text, found)
        after = _audited(text, audit.file, again)
    return text, after


def _audited(text: str, file: str, again: Again) -> Audit:
    """The audit of a text that stands beside the note, as long as it takes."""
    path = Path(file)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    except OSError as error:
        raise InputError(f"cannot write beside {path}: {error.strerror}") from None
    copy = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as writing:
            writing.write(text)
        return again(copy)
    finally:
        copy.unlink()


def _wrong(audit: Audit) -> set[int]:
    """The numbers of the formulas in which something is wrong."""
    return {k for k, each in enumerate(audit.formulas) if any(_counts(j) for j in each.judgements)}


def _of(audit: Audit, numbers: Iterable[int]) -> tuple[Judgement, ...]:
    return tuple(j for k in sorted(numbers) for j in audit.formulas[k].judgements if _counts(j))


def _rewritten(audit: Audit, given: str, found: Iterable[Fix]) -> str:
    """The whole file with these fixes."""
    by_file: dict[str, list[Fix]] = {}
    for fix in found:
        by_file.setdefault(fix.part.file, []).append(fix)
    texts = {part.file: _replaced(part.text, by_file.get(part.file, [])) for part in audit.document.parts}
    if not any(part.number for part in audit.document.parts):
        return next(iter(texts.values()))
    data = notebook(given, audit.file)
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


def _counts(judgement: Judgement) -> bool:
    return judgement.word is Word.WRONG and not judgement.ignored


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _fixes(audited: Audited, part: Part, number: int) -> Iterator[Fix]:
    """One for every wrong side of a claim; what defines a quantity is left alone."""
    fragment = audited.formula.fragment
    wrong = {
        (j.place.line, j.place.column): j
        for j in audited.judgements
        if _counts(j) and j.correct and j.place is not None
    }
    if not wrong:
        return
    try:
        chains = statements(fragment)
    except InputError:
        return
    defining = _defining(audited)
    for chain in chains:
        start = fragment.place(chain.sides[0].start)
        if (start.line, start.column) in defining:
            continue
        for k in range(len(chain.relations)):
            place, side = chain.place(k), chain.sides[k + 1]
            judgement = wrong.get((place.line, place.column))
            span = None if judgement is None else _span(fragment, side.start, side.end, part)
            if judgement is not None and span is not None:
                yield Fix(part, *span, judgement.correct or "", judgement, number)


def _defining(audited: Audited) -> set[tuple[int, int]]:
    """Where a formula gives a quantity of the model, or the loss, its value."""
    names = {*LOSSES, *(audited.model.cell.quantities if audited.model is not None else ())}
    return {found.place[1:] for found in equations(audited.formula, 0) if found.target in names}


def _span(fragment: Fragment, start: int, end: int, part: Part) -> tuple[int, int] | None:
    """Where fragment.text[start:end] stands in the text of its part; None if the text there is another."""
    text, end = _plain(part.text), fragment.through(end)
    first, last = _offset(text, fragment.place(start)), _offset(text, fragment.place(end - 1)) + 1
    written = fragment.quoted(start, end).split("\n")
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
