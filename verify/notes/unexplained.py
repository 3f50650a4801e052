"""What differs from the model of a note, and nothing explains how: it may be read otherwise than it was meant."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from derive.notation import spelled
from derive.patterns import regex
from derive.reader.claims.functions import cell_of_functions
from verify.formulas.bounds.related import NO_BOUND
from verify.formulas.judgement import BEHIND_A_WRONG_STEP, FOR_ANY_NUMBER, LEFT_IS_WRONG, MISFIT, Judgement, Word
from verify.formulas.wrong.vanishing import VANISHES
from verify.notes.audited import Audited
from verify.notes.conventions.trying import states_of
from verify.notes.examples.followed import OFF
from verify.notes.files import Formula
from verify.notes.models import Model
from verify.notes.models.holes import spoken

UNEXPLAINED = "not so by the model as it was read, but no known mistake leads there: it may mean another thing"
UNFIT = "the shapes do not fit as it was read: {misfit}; no one change makes them fit, so it may mean another thing"
NO_GRADIENT = "not so by the model as it was read; it speaks of no gradient, and may say what a letter is, or suppose"
TWO_LOSSES = "{letters} both stand for a loss here, and nothing says which of them is of one step"
NOT_LAST = "wrong if step {letter} is not the last one, of which the note says nothing"
WITHOUT_STEP = "wrong if {letter} beside {letter}_t is the loss of all steps; it may be the one of step t too"
BELOW_ITSELF = "wrong if {letter} below {letter} is a step of its own"
INDEX_APART = (
    "wrong if {index}, on the right alone, is any entry: a sum over it, or the entry on the left, may be meant"
)
TWO_CELLS = "wrong if {of} and {by} are states of one cell, in which {of} does not depend on {by}"
BEGUN = "wrong if no more terms are meant: a chain written out step by step stands here to step {step} alone"
_BRACED = r"\{[^{}]*(?:\{[^{}]*(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}[^{}]*)*\}[^{}]*)*\}"
_LONE = regex(rf"\\[dt]?frac\s*(?P<above>{_BRACED})\s*(?P<below>{_BRACED})")
_BETWEEN = r"(?:\\(?:cdot|times|,|;|!)|[\s&])*"
_TERM = rf"{_BETWEEN}(?:\\[dt]?frac\s*{_BRACED}\s*{_BRACED}{_BETWEEN})+"
_TERMS = regex(rf"{_TERM}(?:\+{_TERM})+[.,;]?\s*")
_STEP_BACK = regex(r"t\s*-\s*(?P<many>\d)")
_COMPARED = regex(r"compared with (?P<left>[^:]*):")
_COUNTED = regex(r"\\sum(?:\\limits)?\s*_\s*\{?\s*(?P<index>[i-n])(?![A-Za-z])")
_INDICES = regex(r"_\s*(?:\{(?P<script>[^{}]*)\}|(?P<one>[i-n])(?![A-Za-z]))")
_NUMBERS, _ZERO = OFF.partition("{")[0], VANISHES.partition("{")[0]
_VANISHES = regex(r"the derivative of (?P<of>.+) by (?P<by>.+) is zero: .+")
_BELOW_ITSELF = regex(r"(?<![A-Za-z\\])(?P<letter>[A-Za-z])\s*[_^]\s*\{?\(?\s*(?P=letter)\s*[+-]\s*\d")
"""h_{h+1}, a slip for h_{t+1}."""
_OF_ONE_STEP = regex(r"[\s&]*\\?[A-Za-z]+\s*[_^]\s*\{?\(?\s*\d+\s*\)?\}?\s*=")
"""s_3 = tanh(U x_t + W s_2): an equation of the model said again, for one step."""
_AS_LAST = regex(r"the paths through .*[_^]\s*\{?\(?(?P<letter>\\tau|[NSKLM])\s*\+\s*1")
_OF_LOSS = regex(
    r"(?:\\partial|∂|\\mathrm\s*\{?d\}?|(?<![A-Za-z\\])d"
    r"|(?:\\nabla|\\partial|[∇∂])\s*_\s*(?:\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|\w))"
    r"\s*\{?\s*(?:\\math(?:cal|bf|rm)\s*)?\{?\s*([JELC]|\\ell)(?![A-Za-z]|\s*\}?\s*[_^(])"
)
_OF_ITS_STEP = regex(
    r"[\s&]*\\[dt]?frac\s*\{\s*(?:\\partial|∂|d)\s*(?P<letter>[JELC])\s*_\s*(?:t|\{\s*t\s*\})\s*\}[^=]*=(?P<right>.*)",
    re.DOTALL,
)
"""∂L_t/∂i_t = ∂L/∂c_t ∂c_t/∂i_t: the same letter with its step and then without it."""


def unexplained(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas; wrong of a model that the note does not name is a gradient of which can be told where it errs.

    A model that was named is the person's word; what is wrong of it is wrong, explained or not. So is what lacks its
    explanation by a fault of the program. Where a formula of the note is right by its model, others that have a value
    by it are wrong without an explanation too, but for bounds.
    """
    sound = {
        each.model.cell
        for each in found
        if each.model is not None and any(one.word in (Word.PROVED, Word.HOLDS_IF) for one in each.judgements)
    }
    for each in found:
        model = each.model
        if model is None or each.faults or not (model.definitions or model.recognised) or not _refuted(each):
            yield replace(each, judgements=_behind_no_wrong_step(each.judgements))
            continue
        plain, trusted = _speaks_of_values(each.formula, model), model.cell in sound
        apart = tuple(_of_one_cell(one, model) for one in each.judgements)
        values = {*model.cell.quantities} - {model.cell.output.name}
        opened = tuple(_open(one, plain, trusted, values) for one in apart)
        yield replace(each, judgements=_behind_no_wrong_step(opened))


def _behind_no_wrong_step(judgements: tuple[Judgement, ...]) -> tuple[Judgement, ...]:
    """The judgements, without the words for a wrong step before them where none is left."""
    if any(one.word is Word.WRONG for one in judgements):
        return judgements
    kept = (replace(one, reason=one.reason.removesuffix(LEFT_IS_WRONG)) for one in judgements)
    return tuple(replace(one, reason="") if one.reason == BEHIND_A_WRONG_STEP else one for one in kept)


def _of_one_cell(judgement: Judgement, model: Model) -> Judgement:
    """The judgement; undecided where a state is derived by another one that it does not depend on: of two cells."""
    states = {str(spelled(name)) for name in states_of(model)}
    found = _VANISHES.fullmatch(judgement.reason)
    if judgement.word is not Word.WRONG or found is None or not {found["of"], found["by"]} <= states:
        return judgement
    reason = TWO_CELLS.format(of=found["of"], by=found["by"])
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)


def _refuted(audited: Audited) -> bool:
    return any(one.word is Word.WRONG for one in audited.judgements)


def _speaks_of_values(formula: Formula, model: Model) -> bool:
    """Whether a formula has neither a gradient in it nor a slope of a function alone."""
    about = spoken(formula.fragment, model.cell, model.meant).values()
    values = bool(about) and all(says is not None and not says.by for says in about)
    return values and cell_of_functions(formula.fragment) is None


def _open(judgement: Judgement, plain: bool, trusted: bool, values: Collection[str]) -> Judgement:
    """The judgement; undecided in place of wrong where nothing tells its mistake. `plain`: it has no gradient; `values`
    are the letters of the cell, which stand for no loss.
    """
    if judgement.word is not Word.WRONG or judgement.reason.startswith(_NUMBERS):
        return judgement
    if [mistake.name for mistake in judgement.mistakes] == [MISFIT]:
        reason = UNFIT.format(misfit=judgement.mistakes[0].detail)
    elif plain and not (judgement.mistakes and _OF_ONE_STEP.match(judgement.formula)):
        reason = NO_GRADIENT
    elif last := _AS_LAST.match(judgement.true_when):
        reason = NOT_LAST.format(letter=last.group("letter"))
    elif len(losses := sorted({*_OF_LOSS.findall(judgement.formula)}.difference(values))) == 2:
        reason = TWO_LOSSES.format(letters=" and ".join(losses))
    elif slip := _BELOW_ITSELF.search(judgement.formula):
        reason = BELOW_ITSELF.format(letter=slip["letter"])
    elif letter := _without_its_step(judgement.formula):
        reason = WITHOUT_STEP.format(letter=letter)
    elif not judgement.mistakes and (step := _last_of_a_chain(judgement.formula)):
        reason = BEGUN.format(step=step)
    elif not judgement.mistakes and (index := _index_apart(judgement)):
        reason = INDEX_APART.format(index=index)
    elif _told(judgement) or (trusted and not judgement.reason.startswith(NO_BOUND)):
        return judgement
    else:
        reason = UNEXPLAINED
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)


def _without_its_step(formula: str) -> str:
    """The letter of a loss that has its step on the left alone."""
    found = _OF_ITS_STEP.match(formula)
    again = found is not None and re.search(rf"(?:\\partial|∂)\s*{found['letter']}\s*_", found["right"])
    bare = found is not None and found["letter"] in _OF_LOSS.findall(found["right"])
    return found["letter"] if found is not None and bare and not again else ""


def _last_of_a_chain(formula: str) -> str:
    """The last step of ∂J/∂W = ∂J/∂h_t ⋯ ∂h_t/∂W + ∂J/∂h_t ⋯ ∂h_{t-1}/∂W, whose further terms a note may leave out."""
    left, _, right = formula.partition("=")
    asked = _LONE.fullmatch(left.strip(" &"))
    if asked is None or not _TERMS.fullmatch(right):
        return ""
    ends = [[*_LONE.finditer(term)][-1] for term in right.split("+") if _LONE.search(term)]
    by = {"".join(end["below"].split()) for end in (asked, *ends)}
    steps = [found["many"] if (found := _STEP_BACK.search(end["above"])) else "0" for end in ends]
    if len(by) > 1 or steps != [*map(str, range(len(ends)))] or len(ends) < 2:
        return ""
    return f"t-{steps[-1]}"


def _index_apart(judgement: Judgement) -> str:
    """The index of an entry beside a step that stands on the right alone: k of ∂L/∂b_j = δ_{t,k}."""
    compared = _COMPARED.match(judgement.reason)
    left, _, right = judgement.formula.partition("=")
    (one, _), (other, more) = _free(left if compared is None else compared["left"]), _free(right)
    apart = (other - one) & more
    return min(apart) if one and len(apart) == 1 else ""


def _free(side: str) -> tuple[set[str], set[str]]:
    """The indices of entries that no sum of a side counts, and those of them that stand beside a step or a label."""
    found, beside = set[str](), set[str]()
    for match in _INDICES.finditer(_COUNTED.sub("", side)):
        parts = [part.strip() for part in (match["script"] or match["one"]).split(",")]
        letters = {letter for part in parts if re.fullmatch("[i-n]{1,2}", part) for letter in part}
        found |= letters
        beside |= letters if len(parts) > 1 else set()
    bound = {match["index"] for match in _COUNTED.finditer(side)}
    return found - bound, beside - bound


def _told(judgement: Judgement) -> bool:
    """Whether a mistake has a name, or is known to be one, or there is a case in which the formula is right."""
    explained = judgement.mistakes or judgement.true_when or judgement.correct or _ZERO in judgement.reason
    return bool(explained) or judgement.reading.endswith(FOR_ANY_NUMBER)
