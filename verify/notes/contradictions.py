"""Equations of a section that say different things of a quantity: what is wrong by one of them is left open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.models.equations.names import names
from derive.reader.models.model import Model
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import ANOTHER, Audited

OF_TWO_MINDS = "wrong by the model, of which line {line} says another thing"

_IN_A_CASE = re.compile(r"=\s*-?[\d.]+\s*(?:[$,;:，；：]|\\)")  # z_t = 0: h_t = h_{t-1}


def of_two_minds(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that are wrong of a quantity that the section defines in two ways."""
    said: list[tuple[Model, tuple[str, ...], int, frozenset[str]]] = []
    for each in found:
        in_a_case = _IN_A_CASE.search(each.formula.place.text)
        if each.model is not None and not in_a_case and not DERIVATIVE.search(each.formula.text):
            computed = {equation.symbol.name for equation in each.model.cell.equations}
            letters = names(each.formula.fragment) & computed
            if letters and any(one.reason == ANOTHER for one in each.judgements):
                said.append((each.model, each.formula.section, each.formula.place.line, letters))
    for each in found:
        about = names(each.formula.fragment)
        lines = [
            line
            for model, section, line, letters in said
            if model == each.model and section == each.formula.section and letters & about
        ]
        yield replace(each, judgements=tuple(_open(one, lines[0]) for one in each.judgements)) if lines else each


def _open(judgement: Judgement, line: int) -> Judgement:
    if judgement.word is not Word.WRONG:
        return judgement
    reason = OF_TWO_MINDS.format(line=line)
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)
