"""Letters of numbered steps that a note defines one by one, d_3 ≜ (p_3 - y_3) V (1 - s_3²), and then counts on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.claims.statements.chains import statements
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited
from verify.notes.conventions.trying import RIGHT, Judge, doubted
from verify.notes.files import Formula

DEFINED = "{letters} as line {line} defines"
_DEFINING = ("≜", ":=", r"\triangleq", r"\coloneqq", r"\stackrel{\triangle}{=}")
_NUMBERED = regex(r"(?P<letter>\\?[A-Za-z]+)\s*_\s*\{?\s*(?P<step>\d+)\s*\}?")


@dataclass(frozen=True)
class _Definition:
    letter: str
    text: str
    line: int

    @property
    def pattern(self) -> str:
        letter, _, step = self.letter.partition("_")
        return rf"(?<![A-Za-z\\]){re.escape(letter)}\s*_\s*(?:{step}(?!\d)|\{{\s*{step}\s*\}})"


def as_defined(found: Sequence[Audited], judge: Judge) -> Iterator[Audited]:
    """The formulas; what is open with such letters is held against their definitions, which are tried nowhere else."""
    known: list[_Definition] = []
    for each in found:
        new = list(_definitions(each.formula, known))
        used = [one for one in known if re.search(one.pattern, each.formula.fragment.text)]
        yield _held(each, used, judge) if used and not new else each
        names = {one.letter for one in new}
        known = [one for one in known if one.letter not in names] + new


def _definitions(formula: Formula, known: Sequence[_Definition]) -> Iterator[_Definition]:
    if not formula.claims or not any(sign in formula.text for sign in _DEFINING):
        return
    try:
        said = statements(formula.fragment)
    except (InputError, RecursionError):
        return
    before = list(known)
    for statement in said:
        left, *rest = (statement.fragment.text[side.start : side.end].strip() for side in statement.sides)
        named = _NUMBERED.fullmatch(left)
        if named is None or len(rest) != 1 or statement.relations[0].word.strip() not in _DEFINING:
            continue
        one = _Definition(f"{named['letter']}_{named['step']}", _written(rest[0], before), formula.place.line)
        before.append(one)
        yield one


def _written(text: str, known: Sequence[_Definition]) -> str:
    """A text with what the letters in it are defined as."""
    for one in known:
        text = re.sub(one.pattern, lambda _, one=one: rf"\left({one.text}\right)", text)  # type: ignore[misc]
    return text


def _held(audited: Audited, used: Sequence[_Definition], judge: Judge) -> Audited:
    model, fragment = audited.model, audited.formula.fragment
    if model is None or all(one.word not in (Word.WRONG, Word.UNDECIDED) for one in audited.judgements):
        return audited
    words = DEFINED.format(letters=", ".join(f"${one.letter}$" for one in used), line=used[0].line)
    there = replace(audited.formula, fragment=replace(fragment, text=_written(fragment.text, used)))
    again = judge(there, doubted(model, words)).judgements
    if len(again) != len(audited.judgements):
        return audited
    return replace(audited, judgements=tuple(map(_better, audited.judgements, again)))


def _better(old: Judgement, new: Judgement) -> Judgement:
    if old.word not in (Word.WRONG, Word.UNDECIDED) or new.word not in RIGHT:
        return old
    return replace(new, formula=old.formula, place=old.place)
