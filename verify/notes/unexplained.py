"""What differs from the model of a note, and nothing explains how: it may be read otherwise than it was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from verify.formulas.judgement import FOR_ANY_NUMBER, MISFIT, Judgement, Word
from verify.notes.audited import Audited
from verify.notes.examples.followed import OFF
from verify.notes.models.holes import spoken

UNEXPLAINED = "not so by the model as it was read, but no known mistake leads there: it may mean another thing"
INSTEAD = (
    "not so by the model as it was read, where it is ${correct}$, but no known mistake leads there: "
    "it may mean another thing"
)
UNFIT = "the shapes do not fit as it was read: {misfit}; no one change makes them fit, so it may mean another thing"
NO_GRADIENT = "not so by the model as it was read; it speaks of no gradient, and may say what a letter is, or suppose"
TWO_LOSSES = "{letters} both stand for a loss here, and nothing says which of them is of one step"
NOT_LAST = "wrong if step {letter} is not the last one, of which the note says nothing"
_NUMBERS = OFF.partition("{")[0]
_OF_ONE_STEP = re.compile(r"[\s&]*\\?[A-Za-z]+\s*[_^]\s*\{?\(?\s*\d+\s*\)?\}?\s*=")
"""s_3 = tanh(U x_t + W s_2): an equation of the model said again, for one step."""
_AS_LAST = re.compile(r"the paths through .*[_^]\s*\{?\(?(?P<letter>\\tau|[NSKLM])\s*\+\s*1")
_OF_LOSS = re.compile(
    r"frac\s*\{\s*(?:\\partial|∂)\s*\{?\s*(?:\\math(?:cal|bf|rm)\s*)?\{?\s*([JELC]|\\ell(?![a-z]))\s*\}+"
)


def unexplained(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas; wrong of a model that the note does not name is a gradient of which can be told where it errs.

    A model that was named is the person's word; what is wrong of it is wrong, explained or not. So is what lacks its
    explanation by a fault of the program.
    """
    for each in found:
        model = each.model
        if model is None or each.faults or not (model.definitions or model.recognised) or not _refuted(each):
            yield each
            continue
        about = spoken(each.formula.fragment, model.cell, model.meant).values()
        plain = bool(about) and all(says is not None and not says.by for says in about)
        yield replace(each, judgements=tuple(_open(one, plain) for one in each.judgements))


def _refuted(audited: Audited) -> bool:
    return any(one.word is Word.WRONG for one in audited.judgements)


def _open(judgement: Judgement, plain: bool) -> Judgement:
    """The judgement; undecided in place of wrong where nothing tells its mistake. `plain`: it has no gradient."""
    if judgement.word is not Word.WRONG or judgement.reason.startswith(_NUMBERS):
        return judgement
    if [mistake.name for mistake in judgement.mistakes] == [MISFIT]:
        reason = UNFIT.format(misfit=judgement.mistakes[0].detail)
    elif plain and not (judgement.mistakes and _OF_ONE_STEP.match(judgement.formula)):
        reason = NO_GRADIENT
    elif last := _AS_LAST.match(judgement.true_when):
        reason = NOT_LAST.format(letter=last.group("letter"))
    elif len(losses := sorted(set(_OF_LOSS.findall(judgement.formula)))) == 2:
        reason = TWO_LOSSES.format(letters=" and ".join(losses))
    elif _told(judgement):
        return judgement
    else:
        reason = INSTEAD.format(correct=judgement.correct) if judgement.correct else UNEXPLAINED
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)


def _told(judgement: Judgement) -> bool:
    """Whether a mistake has a name, or a case in which the formula is right."""
    return bool(
        judgement.mistakes or judgement.true_when or judgement.reason or judgement.reading.endswith(FOR_ANY_NUMBER)
    )
