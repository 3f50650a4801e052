"""Conventions of a note as a whole: which way round the gates are that it only speaks of, and what steps hand back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from verify.formulas.judgement import Word
from verify.notes.audited import Audited
from verify.notes.files import Formula
from verify.notes.models.model import Model
from verify.notes.models.names import letter_name

_OF_STATE = re.compile(
    r"[\s&]*\\[dt]?frac\s*\{\s*\\partial[^{}]*(?:\{[^{}]*\}[^{}]*)?\}\s*"
    r"\{\s*\\partial\s*(?P<state>\\?[A-Za-z]+(?:\s*\{\s*\\?[A-Za-z]+\s*\})?)\s*_\s*\{?\s*t\s*\}?\s*\}"
)
_ADDED = re.compile(r"\+\s*=|\\mathrel\{\+\}\s*=")
EXCHANGED = "the model is the recognised one with {gate} and 1 - {gate} exchanged, which the note does not write out"

Judge = Callable[[Formula, Model], Audited]


def otherwise(found: Sequence[Audited], judge: Judge) -> tuple[Audited, ...]:
    """The same formulas, those of a recognised model under the convention that leaves fewest of them wrong."""
    result = list(found)
    suspects = [each.model for each in found if each.model is not None and each.model.recognised and _wrong(each)]
    for model in dict.fromkeys(suspects):
        from verify.which.exchanged import exchanged  # needed for few notes

        here = [number for number, each in enumerate(result) if each.model is model]
        fewest = sum(_wrong(result[number]) for number in here)
        for gate, cell in exchanged(model.cell):
            other = replace(model, cell=cell, doubts=(EXCHANGED.format(gate=gate),))
            tried = [judge(result[number].formula, other) for number in here]
            if (left := sum(map(_wrong, tried))) < fewest:
                fewest = left
                for number, each in zip(here, tried, strict=True):
                    result[number] = each
    return tuple(result)


def handing_back(found: Sequence[Audited], judge: Judge) -> tuple[Audited, ...]:
    """The same formulas, where the note has the whole gradient of a state, as what is added up or is right at step t.

    Then ∂J/∂c_{t-1} from step t alone is what that step hands back, to which t - 1 adds its own.
    """
    whole: dict[Model, set[str]] = {}
    for each in found:
        if each.model is not None:
            states = {state.name for state in each.model.cell.states}
            whole.setdefault(each.model, set()).update(_whole(each, states))
    result = []
    for each in found:
        model = each.model
        if model is None or not whole[model] or not _wrong(each) or "-" not in each.formula.text:
            result.append(each)
            continue
        other = judge(each.formula, replace(model, meant=replace(model.meant, hands_back=frozenset(whole[model]))))
        result.append(replace(other, model=model) if _wrong(other) < _wrong(each) else each)
    return tuple(result)


def _whole(audited: Audited, states: set[str]) -> set[str]:
    """The states of which a formula gives the gradient at step t, rightly or adding to what is there."""
    found = set()
    for judgement in audited.judgements:
        left = _OF_STATE.match(judgement.formula)
        name = "" if left is None else letter_name(left.group("state"))
        right = judgement.word in (Word.PROVED, Word.HOLDS_IF)
        if name in states and (right or _ADDED.search(judgement.formula)):
            found.add(name)
    return found


def _wrong(audited: Audited) -> int:
    return sum(judgement.word is Word.WRONG for judgement in audited.judgements)
