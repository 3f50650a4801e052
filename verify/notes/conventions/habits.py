"""Which losses and paths a gradient of one step counts: habits of a note, tried where its formulas need them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from sympy import Expr, Integer

from derive import nodes
from derive.notation import spelled
from derive.patterns import regex
from derive.reader.claims.gradients.derivatives import LOSSES
from derive.reader.claims.meant import Habit, Loss
from derive.reader.meaning import tree
from derive.reader.meaning.letters import index
from derive.reader.meaning.tree import Gradient, Term
from derive.reader.models.model import Model
from verify.notes.audited import Audited
from verify.notes.conventions.trying import (
    RIGHT,
    Convention,
    Judge,
    better,
    doubted,
    lefts_of,
    mending,
    parts_of,
    right_in,
    states_of,
    steps_named,
    without_cell_states,
    wrong_in,
)
from verify.notes.files import Formula

THROUGH_A_STATE = regex(
    r"\b(?:through|along|via|over|down) (?:the )?(?:cell[\s-]states?|cell path|memory cells?|state path)\b"
    r"|\bflow(?:s|ed|ing)? back(?:wards?)? (?:in)?to the (?:previous|preceding|earlier) \[?(?:cell|memory)[\s-]state\b"
    r"|\berror carousel\b|\b(?:direct|cell[\s-]state|memory) (?:paths?|pathway|transfer)\b|\bgradient highway\b"
    r"|(?:沿着?|通过|经过|經過|流经)[^。\n$]{0,6}(?:细胞|細胞|单元|單元|记忆)|直接(?:路径|路徑|通路|传递|傳遞)"
    r"|\b(?:camino|caminho|chemin|percorso) dire(?:c|tt)to?\b|\bdirekte[rn]? (?:Pfad|Weg)\b|прямо[йму]\w* пут[ьи]",
    re.IGNORECASE,
)
"""Words for the part of a gradient that comes through one state alone."""
NEAR = 4
"""Lines between such words and a formula that they are about."""

OF_THIS_STEP = "δ is the gradient of the loss of step t alone, whatever its own step is"
OF_ONE = "J is the error of step"
FEWEST = 2
_SUMMED = regex(r"\\sum|∑|Σ|(?:L|J|E|C|ell|mathcal\s*\{?[LJEC]\}?)\s*[_^]")
"""A sum, or a loss with a step: the losses are several."""


def onward(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """∂L_t as the gradient of the losses from step t on, where that mends formulas and spoils none of the note's.

    Only where the note takes ∂L_t by what comes after step t, which else would be zero, or has a letter for the
    gradient of L_t by a state of step t, as errors have it that come back through the steps, or computes ∂L_t/∂h_t
    from ∂L_{t+1}/∂h_{t+1} or ∂L_{t+1}/∂h_t. What would spoil formulas of one chapter may be meant in another.
    """
    everywhere = _onward({*range(len(found))}, found, judge)
    if everywhere is not None:
        return mending(found, everywhere)
    chapters: dict[tuple[str, ...], set[int]] = {}
    for number, each in enumerate(found):
        chapters.setdefault(each.formula.section[:2], set()).add(number)
    result = list(found)
    for here in chapters.values() if len(chapters) > 1 else ():
        result = mending(result, _onward(here, found, judge) or {})
    return result


def _onward(here: Collection[int], found: Sequence[Audited], judge: Judge) -> dict[int, Audited] | None:
    """Some formulas of a note with ∂L_t of the losses from step t on; none where nothing speaks for it or it spoils."""
    if not _speaks_of_later([found[number] for number in here]):
        return {}
    said = {number: found[number] for number in here if right_in(found[number]) or wrong_in(found[number])}
    models = {number: with_later_losses(each.model) for number, each in said.items() if each.model is not None}
    other = {number: judge(said[number].formula, model) for number, model in models.items()}
    for number, each in other.items():
        if wrong_in(said[number]) > right_in(each) - right_in(said[number]):  # ∂L_t/∂W may be what step t brings of it
            termed = judge(each.formula, doubted(models[number], Habit.TERMS.value, habits={Habit.TERMS}))
            other[number] = termed if right_in(termed) > right_in(each) else each
    if any(right_in(each) < right_in(said[number]) for number, each in other.items()):
        return None
    return {
        n: replace(each, judgements=tuple(map(better, said[n].judgements, each.judgements)))
        for n, each in other.items()
        if len(each.judgements) == len(said[n].judgements)
    }


def _speaks_of_later(found: Sequence[Audited]) -> bool:
    """Whether formulas have a ∂L_t that only the losses from step t on can give, or a δ_{t+1} of such letters."""
    letters = set()
    for model in {each.model for each in found if each.model is not None}:
        own = {letter: said for letter, said in model.meant.errors if _of_its_step(said)}
        if any(isinstance(said, Gradient) and said.by.name in states_of(model) for said in own.values()):
            return True
        letters |= own.keys() | {"delta" for _, step, loss in model.meant.asked if step == loss}
    ahead = [re.compile(rf"{re.escape(str(spelled(each)))}\s*_\s*\{{\s*t\s*\+\s*1\s*\}}") for each in letters]
    parts = (list(parts_of(each, each.model)) for each in found if each.model is not None)
    return any(one.search(each.formula.text) for one in ahead for each in found) or any(
        any(map(_is_later, here)) or _of_two_steps(here) for here in parts
    )


def with_later_losses(model: Model) -> Model:
    """The model in a note whose ∂L_t is of the losses from step t on, its error letters too."""
    errors = tuple((letter, tree.mapped(said, _of_all)) for letter, said in model.meant.errors)
    asked = tuple((name, step, None if loss == step else loss) for name, step, loss in model.meant.asked)
    return doubted(model, Habit.ONWARD.value, habits={Habit.ONWARD}, errors=errors, asked=asked)


def _of_all(said: Term) -> Term | None:
    return replace(said, only=None) if isinstance(said, Gradient) and _of_its_step(said) else None


def _of_its_step(said: Term) -> bool:
    """Whether this is ∂L_t by something of step t."""
    if not isinstance(said, Gradient) or said.immediate or said.only is None:
        return False
    return bool(said.only == said.by.time)


def _of_two_steps(parts: Sequence[Term]) -> bool:
    """Whether ∂L_t by what belongs to step t stands beside ∂L_{t+1} by what belongs to step t or t + 1."""
    gradients = [part for part in parts if isinstance(part, Gradient) and part.only and not part.immediate]
    here = any(_of_its_step(part) and part.only == nodes.t for part in gradients)
    return here and any(part.only == nodes.t + 1 and part.by.time in (nodes.t, nodes.t + 1) for part in gradients)


def _is_later(part: Term) -> bool:
    """Whether this is ∂L_t by something of a later step."""
    if not isinstance(part, Gradient) or part.only is None or part.by.time is None:
        return False
    return bool((part.by.time - part.only).is_positive)


def _of_terms(model: Model, parts: Sequence[Term]) -> bool:
    """Whether ∂L_t/∂W stands beside whole gradients at t."""
    gradients = [part for part in parts if isinstance(part, Gradient)]
    of_step = any(one.only is not None and one.by.time is None for one in gradients)
    return of_step and any(one.only is None and one.by.time == nodes.t for one in gradients)


def _along(model: Model, parts: Sequence[Term]) -> bool:
    """Whether ∂c_t/∂c_k of one state of several stands here, or ∂E_t by a state of another step."""
    states = states_of(model)
    return len(states) > 1 and any(
        part.of.name == part.by.name and part.of.time != part.by.time
        if isinstance(part, tree.Derivative)
        else part.only is not None and part.by.name in states and part.by.time not in (None, part.only)
        for part in parts
        if isinstance(part, tree.Derivative | Gradient)
    )


def _own_use(model: Model, parts: Sequence[Term]) -> bool:
    """Whether ∂E_t/∂W stands beside ∂f_t/∂W, or ∂E_2/∂W of a step by its number beside ∂E_2/∂z_2 and no sum."""
    gradients = [part for part in parts if isinstance(part, Gradient) and part.only is not None]
    of_step = {one.by.name for one in gradients if one.by.time is None}
    if any(isinstance(part, tree.Derivative) and part.by.name in of_step for part in parts):
        return True
    summed = any(isinstance(part, tree.OverTime) for part in parts)
    numbered = any(isinstance(one.only, Integer) and one.by.time == one.only for one in gradients)
    return bool(of_step) and numbered and not summed


def _no_later(model: Model, parts: Sequence[Term]) -> bool:
    """Whether ∂E_t/∂s_k stands here beside ∂E_t by a value of another step."""
    steps = {one.by.time - one.only for one in parts if isinstance(one, Gradient) and one.only and one.by.time}
    return len(steps) > 1 and any(not step.is_number for step in steps)


TRIED: Mapping[Habit, Callable[[Model, Sequence[Term]], bool]] = {
    Habit.TERMS: _of_terms,
    Habit.ALONG: _along,
    Habit.OWN_USE: _own_use,
    Habit.NO_LATER: _no_later,
}
"""Habits that are taken for a formula that is right so, each with what must stand in it."""


def keeping(habit: Habit) -> Convention:
    """The convention that a habit is for each formula on its own."""

    def kept(found: Sequence[Audited], judge: Judge) -> list[Audited]:
        tried = {}
        for number, each in enumerate(found):
            if each.model is not None and wrong_in(each) and TRIED[habit](each.model, list(parts_of(each, each.model))):
                tried[number] = judge(each.formula, doubted(each.model, habit.value, habits={habit}))
        return mending(found, tried)

    return kept


def through_a_state(found: Sequence[Audited], judge: Judge, said: Collection[Formula]) -> list[Audited]:
    """∂J/∂c_{t-1} as the part that comes through c_t, for formulas behind words that speak of that path.

    ∂J/∂c_k as that along c from step t on.
    """
    tried = {}
    for number, each in enumerate(found):
        if each.model is not None and wrong_in(each) and each.formula in said:
            model = doubted(each.model, Habit.HANDED.value, habits={Habit.HANDED})
            steps = {p.by.time for p in parts_of(each, each.model) if isinstance(p, Gradient) and p.by.time is not None}
            if any(step != nodes.T and not (step - nodes.t).is_number for step in steps):
                model = doubted(model, Habit.ALONG.value, habits={Habit.ALONG})
            tried[number] = judge(each.formula, model)
    return mending(found, tried)


def of_one(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """J as the error of step t alone, where another formula of the note is right so.

    Not of a formula about a gradient by what belongs to a later step, which would be zero.
    """
    rest = (one.assumptions for each in found for one in each.judgements if one.word in RIGHT)
    if not any(words.startswith(OF_ONE) for assumptions in rest for words in assumptions):
        return list(found)
    tried = {}
    for number, each in enumerate(found):
        if each.model is not None and wrong_in(each) and not each.model.meant.losses:
            if any(isinstance(part, Gradient) and _is_after(part.by.time) for part in parts_of(each, each.model)):
                continue
            losses = tuple((letter, Loss(nodes.t)) for letter in LOSSES)
            again = judge(each.formula, doubted(each.model, f"{OF_ONE} t alone", losses=losses))
            tried[number] = replace(again, judgements=tuple(map(better, each.judgements, again.judgements)))
    return mending(found, tried)


def of_this_step(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """δ as the gradient of the loss of step t alone, where that mends one formula for δ and one for ∂E_t/∂W."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        deltas = {n: _deltas(each, model) for n, each in enumerate(found) if each.model == model}
        here = {n: found[n] for n, names in deltas.items() if names}
        if model.meant.asked or not here:
            continue
        asked = tuple((name, index("k"), nodes.t) for name in sorted(set().union(*deltas.values())))
        tried = {n: judge(each.formula, doubted(model, OF_THIS_STEP, asked=asked)) for n, each in here.items()}
        mended = [n for n, each in here.items() if wrong_in(each) and right_in(tried[n]) > right_in(each)]
        lefts = [left for n in mended for left in lefts_of(here[n], model) if isinstance(left, Gradient)]
        defined = any(left.spelling == "delta" for left in lefts)
        summed = any(left.by.time is None and left.only == nodes.t for left in lefts)
        if defined and summed and all(right_in(tried[n]) >= right_in(each) for n, each in here.items()):
            result = mending(result, tried)
    return result


def _deltas(audited: Audited, model: Model) -> set[str]:
    """What δ in a formula is the gradient by."""
    return {p.by.name for p in parts_of(audited, model) if isinstance(p, Gradient) and p.spelling == "delta"}


def of_numbered(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """J as the error of the last step that the note names by its number, where it writes no loss."""
    last = max((int(step) for each in found for step in steps_named(each.formula.text)), default=0)
    if last < FEWEST or any(map(_SUMMED.search, without_cell_states(each.formula.text for each in found))):
        return list(found)
    losses = tuple((letter, Loss(Integer(last))) for letter in LOSSES)
    result = list(found)
    for number, each in enumerate(found):
        if each.model is not None and wrong_in(each) and (each.model.recognised or not each.model.cell.is_loss):
            model = doubted(each.model, f"{OF_ONE} {last} alone", losses=losses)
            starts = tuple(f"{state}_0 = 0" for state in states_of(model))
            for facts in ((), starts) if model.recognised else ((),):  # h_1, the first, reads nothing that acts on h_0
                again = judge(each.formula, replace(model, facts=(*model.facts, *facts)))
                result = mending(result, {number: again})
    return result


def _is_after(time: Expr | None) -> bool:
    """Whether this is a step after t."""
    return time is not None and bool((time - nodes.t).is_positive)
