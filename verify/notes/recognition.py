"""A recognised model steps back where an equation of the note says otherwise, which is no mistake, or where it lacks a
letter that the note takes derivatives by.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.claims.statements.chains import statements
from derive.reader.meaning.letters import letter
from derive.reader.models.equations.finding import DERIVATIVE
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited

UNKNOWN = "the model, which is recognised, has no {letter}: {origin}"
_UNKNOWN = regex(r"(?P<letter>\S+) is not known in this cell")
OTHERWISE = "line {line} says something else of the letters than the model, which is recognised: {origin}"


def stepping_back(found: Sequence[Audited]) -> list[Audited]:
    """The formulas, none of them refuted by a recognised model that the note contradicts."""
    against: dict[int, str] = {}
    for each in found:
        if each.model is None or not each.model.recognised or id(each.model.cell) in against:
            continue
        line = next((one.place.line for one in each.judgements if one.place and _is_other(one, each)), None)
        if line is not None:
            against[id(each.model.cell)] = OTHERWISE.format(line=line, origin=each.model.origin)
        elif (lacking := next(filter(None, map(_lacking, each.judgements)), None)) is not None:
            against[id(each.model.cell)] = UNKNOWN.format(letter=lacking, origin=each.model.origin)

    def open_(judgement: Judgement, reason: str) -> Judgement:
        if judgement.word is not Word.WRONG:
            return judgement
        return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)

    return [
        replace(each, judgements=tuple(open_(one, against[id(each.model.cell)]) for one in each.judgements))
        if each.model is not None and id(each.model.cell) in against
        else each
        for each in found
    ]


def _lacking(judgement: Judgement) -> str | None:
    """The letter below a derivative that the model does not have."""
    found = _UNKNOWN.fullmatch(judgement.reason) if judgement.word is Word.UNDECIDED else None
    if found is None:
        return None
    below = rf"\\partial\s*\{{?\s*{re.escape(found['letter'])}(?![A-Za-z])"
    return found["letter"] if re.search(below, judgement.formula) else None


def _is_other(judgement: Judgement, audited: Audited) -> bool:
    """Whether this is an equation for a letter, without any derivative, that is wrong of the model."""
    if judgement.word is not Word.WRONG or judgement.place is None or DERIVATIVE.search(judgement.formula):
        return False
    try:
        chains = statements(audited.formula.fragment)
    except InputError:
        return False
    place = judgement.place.line, judgement.place.column
    return any(
        letter(chain.sides[0]) is not None
        and chain.relations
        and (at := chain.place(0)) is not None
        and (at.line, at.column) == place
        for chain in chains
    )
