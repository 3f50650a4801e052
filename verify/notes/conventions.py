"""Conventions of a note as a whole: each is tried where formulas are wrong without it, and told where they need it.

Which way round the gates are that a note only speaks of; what a step hands back; from where on δ is the gradient of the
argument, or of a state where the note never says of what; whether ∂L_t is of the losses from step t on; what `+=` adds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from sympy import Expr

from derive import nodes
from derive.calculus.program import ARGUMENT, named_preactivations
from derive.cell import Cell
from derive.errors import InputError
from derive.functions import ENTRIES, ScalarFunction
from derive.notation import spelled
from derive.reader.claims.derivatives import LOSSES
from derive.reader.claims.letters import Letters
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.meant import Habit, Loss
from derive.reader.claims.statements.chains import Statement, statements
from derive.reader.claims.survey import survey
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Gradient, Term
from derive.reader.models.aliases import without_function
from derive.reader.models.model import Model
from verify.formulas.judgement import Judgement, Word
from verify.formulas.wrong import special
from verify.notes.audited import Audited
from verify.notes.files import Formula

_ADDED = re.compile(r"\+\s*=|\\mathrel\{\+\}\s*=")
_LAST = re.compile(
    r"\b(?:last|final)\s+(?:(?:time|lstm|gru|rnn|hidden)[\s-]*)?(?:step|unit|cell|time|state)\b"
    r"|最后一?个?\s*(?:LSTM|GRU|RNN)?\s*(?:时间步|时刻|单元|時間步|時刻|單元|步)",
    re.IGNORECASE,
)
_OF_LAST_OUTPUT = re.compile(
    r"(?:\\(?:mathcal|mathrm|ell)\s*)?\{?[A-Za-z]*\}?\s*=\s*(?:\\(?:mathcal|mathrm|ell)\s*)?\{?[A-Za-z]*\}?\s*"
    r"\(\s*\\?[A-Za-z]+_\{?T\}?\s*(?:[,;][^()=]*)?\)[\s.,;]*"
)
LAST_ALONE = re.compile(
    r"(?:只有|仅有?|只在)最后一?个?[^。\n$]{0,12}(?:损失|loss)|损失(?:函数)?[^。\n]{0,6}(?:只|仅)[^。\n]{0,10}最后"
    r"|\bloss\b[^.\n]{0,40}\bonly\b[^.\n]{0,30}\b(?:last|final)\b|\bonly\b[^.\n]{0,25}\b(?:last|final)\b[^.\n]{0,40}\bloss\b",
    re.IGNORECASE,
)
"""Words for a loss that reads the output of the last step alone."""
_DELTA = "delta"
_NEXT_TO_LAST = re.compile(r"(?<![A-Za-z\\])T\s*-\s*1(?!\d)")
_AT_THE_LAST_STEP = re.compile(r"_\s*(?:T|\{(?:[^{}]*,)?\s*T\s*\})|\(\s*T\s*\)|=\s*1\s*\}\s*\^\s*(?:T|\{\s*T\s*\})")
"""h_T, h^{(T)}, and a sum from 1 to T."""
_ZERO_TO_LAST = re.compile(
    r"=\s*0\s*\}\s*\^\s*\{\s*T\s*-\s*1\s*\}|T\s*-\s*1\s*,[^$]{0,12}(?:dots|\.\.\.)[^$]{0,4},\s*0(?!\d)"
)
_NUMBERED = re.compile(r"[_^]\{?\(?(\d)\)?(?!\d)")
"""A step by its number: h_3, h^{(3)}."""
_UNCHANGED = re.compile(
    r"\s*(?P<function>\\?[A-Za-z]+)\s*\(\s*(?P<argument>[A-Za-z])\s*\)\s*=\s*(?P=argument)\s*[.,;]?\s*"
)
_SUMMED = re.compile(r"=\s*1\s*\}\s*\^\s*\{?\s*(\d)(?!\d)")
"""The last step of a sum from the first one."""
_SUM_FROM_ZERO = re.compile(r"(?<==)\s*0(?=\s*\}\s*\^\s*(?:T|\{\s*T\s*\}))")
_PLAIN = re.compile(r"(?:\\delta|δ)\s*_\s*\{?\s*[A-Za-z0-9]")
EXCHANGED = "the model is the recognised one with {gate} and 1 - {gate} exchanged, which the note does not write out"
REDEFINED = "from line {line} on {letter} is the gradient by the argument of {name}, not by {name} as defined before"
OF_ONE = "J is the error of step"
OF_LAST_OUTPUT = "the loss reads the output of the last step alone, as the note says"
UPSTREAM = "the gradient by {names} is what the step after hands back, what belongs to its own step held fixed"
UNCHANGED = "{name} leaves its argument as it is, as line {line} says"
OF_LENGTH = "there are {steps} steps, as many as the formula names"
AT_THE_LAST = "t = T, as the heading says"
ITSELF = "δ is the gradient of {name} itself, not of its argument, which the note does not say"
FROM_ZERO = "steps are counted from 0, so that T - 1 is the last one"
NONE_AT_ZERO = "what stands at step 0 counts as zero"
ADDED = "line {line} adds the rest to it"
DIFFERENTIALS = "d before a letter is its differential, which comes from those of the states before"
_UPRIGHT = re.compile(
    r"\\mathrm\s*(?:\{\s*d\s*\}|d)\s*(?P<of>\\?[A-Za-z]+\s*(?:_\s*(?:\{(?P<step>[^{}]*)\}|[A-Za-z0-9])))"
)
_EARLIEST = "t - 2"
CHOSEN = "{function} is {chosen}, which the equations leave open"
USUAL_FUNCTIONS = ("tanh", "sigmoid", "relu")
"""What a function that equations leave open usually is."""

Judge = Callable[[Formula, Model], Audited]
Convention = Callable[[Sequence[Audited], Judge], list[Audited]]
RIGHT = (Word.PROVED, Word.HOLDS_IF)


def settled(found: Sequence[Audited], judge: Judge, last_alone: Collection[Formula] = ()) -> tuple[Audited, ...]:
    """The same formulas under the conventions of the note that leave fewest of them wrong.

    `last_alone` stand behind words that say that the loss reads the last output alone.
    """
    result = _itself(_exchanged(found, judge), judge)
    for convention in (
        _last,
        _identity,
        _of_length,
        partial(_of_last_output, said=last_alone),
        _onward,
        _keeping(Habit.TERMS),
        _redefined,
        _handing_back,
        _upstream,
        _from_zero,
        _with_step_zero,
        _adding,
        _keeping(Habit.ALONG),
        _keeping(Habit.OWN_USE),
        _keeping(Habit.NO_LATER),
        _of_one,
        _chosen,
        _differentials,
    ):
        if any(map(_wrong, result)):
            result = convention(result, judge)
    return tuple(result)


def _exchanged(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """A recognised model with a gate the other way round, if that leaves fewer of its formulas wrong."""
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
    return result


def _onward(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """∂L_t as the gradient of the losses from step t on, where that mends formulas and spoils none of the note's.

    Only where the note takes ∂L_t by what comes after step t, which else would be zero.
    """
    if not any(_is_later(part) for each in found if each.model is not None for part in _parts(each, each.model)):
        return list(found)
    said = {number: each for number, each in enumerate(found) if _right(each) or _wrong(each)}
    other = {
        number: judge(each.formula, _doubted(each.model, Habit.ONWARD.value, habits={Habit.ONWARD}))
        for number, each in said.items()
        if each.model is not None
    }
    spoiled = [n for n, each in other.items() if _right(each) < _right(said[n])]
    return _mended(found, {} if spoiled else other)


def _of_terms(model: Model, parts: Sequence[Term]) -> bool:
    """Whether ∂L_t/∂W stands beside whole gradients at t."""
    gradients = [part for part in parts if isinstance(part, Gradient)]
    of_step = any(one.only is not None and one.by.time is None for one in gradients)
    return of_step and any(one.only is None and one.by.time == nodes.t for one in gradients)


def _along(model: Model, parts: Sequence[Term]) -> bool:
    """Whether ∂c_t/∂c_k of one state of several stands here, or ∂E_t by a state of another step."""
    states = _states(model)
    return len(states) > 1 and any(
        part.of.name == part.by.name and part.of.time != part.by.time
        if isinstance(part, tree.Derivative)
        else part.only is not None and part.by.name in states and part.by.time not in (None, part.only)
        for part in parts
        if isinstance(part, tree.Derivative | Gradient)
    )


def _own_use(model: Model, parts: Sequence[Term]) -> bool:
    """Whether ∂E_t/∂W stands beside ∂f_t/∂W."""
    of_step = {one.by.name for one in parts if isinstance(one, Gradient) and one.only is not None and not one.by.time}
    return any(isinstance(part, tree.Derivative) and part.by.name in of_step for part in parts)


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


def _keeping(habit: Habit) -> Convention:
    """The convention that a habit is for each formula on its own."""

    def kept(found: Sequence[Audited], judge: Judge) -> list[Audited]:
        tried = {}
        for number, each in enumerate(found):
            if each.model is not None and _wrong(each) and TRIED[habit](each.model, list(_parts(each, each.model))):
                tried[number] = judge(each.formula, _doubted(each.model, habit.value, habits={habit}))
        return _mended(found, tried)

    return kept


def _of_one(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """J as the error of step t alone, where another formula of the note is right so.

    Not of a formula about a gradient by what belongs to a later step, which would be zero.
    """
    rest = (one.assumptions for each in found for one in each.judgements if one.word in RIGHT)
    if not any(words.startswith(OF_ONE) for assumptions in rest for words in assumptions):
        return list(found)
    tried = {}
    for number, each in enumerate(found):
        if each.model is not None and _wrong(each) and not each.model.meant.losses:
            if any(isinstance(part, Gradient) and _is_after(part.by.time) for part in _parts(each, each.model)):
                continue
            losses = tuple((letter, Loss(nodes.t)) for letter in LOSSES)
            again = judge(each.formula, _doubted(each.model, f"{OF_ONE} t alone", losses=losses))
            tried[number] = replace(again, judgements=tuple(map(_better, each.judgements, again.judgements)))
    return _mended(found, tried)


def _chosen(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """A function that the equations leave open as a usual one, for the formulas that are right so: 1 - h_t^2 for f'."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and _wrong(each)):
        for function in model.cell.open_functions:
            for name in USUAL_FUNCTIONS:
                words = CHOSEN.format(function=function.name, chosen=name)
                other = replace(_doubted(model, words), cell=_applying(model.cell, function, ENTRIES[name].function))
                wrong = {n: each for n, each in enumerate(result) if each.model is model and _wrong(each)}
                result = _mended(result, {n: judge(each.formula, other) for n, each in wrong.items()})
    return result


def _differentials(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """dc_t = F dc_{t-1} + B dh_{t-1} as a total differential: along every state of step t - 2; else left open."""
    result = list(found)
    for number, each in enumerate(found):
        steps = [match.group("step") for match in _UPRIGHT.finditer(each.formula.text)]
        if each.model is None or not _wrong(each) or "=" not in each.formula.text or len(steps) < 2:
            continue
        if not _UPRIGHT.match(each.formula.text.lstrip()) or "".join((steps[-1] or "").split()) == "t+1":
            continue
        tried = [_along_state(each, state.name, judge) for state in each.model.cell.states]
        if all(map(_right, tried)) and not any(map(_wrong, tried)):
            one = tried[0].judgements[0]
            kept = replace(one, formula=each.judgements[0].formula, place=each.judgements[0].place)
            result[number] = replace(each, judgements=(kept,))
        elif any("t-1" in "".join((step or "").split()) for step in steps[1:]):
            result[number] = replace(each, judgements=tuple(map(_as_differential, each.judgements)))
    return result


def _along_state(audited: Audited, name: str, judge: Judge) -> Audited:
    """The formula with every differential as the derivative by a state of step t - 2."""
    assert audited.model is not None
    fragment = audited.formula.fragment
    by = rf"{spelled(name)}_{{{_EARLIEST}}}"
    text = _UPRIGHT.sub(lambda match: rf"\frac{{\partial {match.group('of')}}}{{\partial {by}}}", fragment.text)
    there = replace(audited.formula, fragment=replace(fragment, text=text, lines=fragment.lines[:1]))
    return judge(there, _doubted(audited.model, DIFFERENTIALS))


def _as_differential(judgement: Judgement) -> Judgement:
    if judgement.word is not Word.WRONG:
        return judgement
    reason = f"wrong unless {DIFFERENTIALS}"
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)


def _applying(cell: Cell, function: ScalarFunction, usual: ScalarFunction) -> Cell:
    """The cell with another function in the place of one."""

    def put_in(part: nodes.Node) -> nodes.Node | None:
        if not isinstance(part, nodes.Elementwise) or part.function != function or len(part.operands) != 1:
            return None
        return nodes.apply(usual, nodes.substitute(part.operands[0], put_in))

    changed = (replace(each, expression=nodes.substitute(each.expression, put_in)) for each in cell.equations)
    return replace(cell, equations=tuple(changed))


def _is_after(time: Expr | None) -> bool:
    """Whether this is a step after t."""
    return time is not None and bool((time - nodes.t).is_positive)


def _better(before: Judgement, after: Judgement) -> Judgement:
    """A wrong judgement as it is under another convention, where that mends it."""
    return after if before.word is Word.WRONG and after.word in RIGHT else before


def _last(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What is true at the last step, below a heading that says so."""
    return [
        _in_case(each, "$t = T$", AT_THE_LAST) if any(map(_LAST.search, each.formula.section)) else each
        for each in found
    ]


def _of_length(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What is true of as many steps as the formula names by their numbers: ∂J/∂W = ∂J_1/∂W + ∂J_2/∂W + ∂J_3/∂W.

    It must name every step, and no other formula of the note a later one, or the last step by its letter.
    """
    if any(_AT_THE_LAST_STEP.search(each.formula.text) for each in found):
        return list(found)
    last = max((int(step) for each in found for step in _NUMBERED.findall(each.formula.text)), default=1)
    every = {str(step) for step in range(1, last + 1)}
    words = OF_LENGTH.format(steps=last)

    def names_all(text: str) -> bool:
        return str(last) in _SUMMED.findall(text) or every <= {*_NUMBERED.findall(text)}

    return [_in_case(each, f"$T = {last}$", words) if names_all(each.formula.text) else each for each in found]


def _identity(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What is true where a function leaves everything as it is, if the section says so before: σ(x) = x."""
    tried: dict[int, Audited] = {}
    said: dict[tuple[str, ...], tuple[str, int]] = {}
    for number, each in enumerate(found):
        formula = each.formula
        if (match := _UNCHANGED.fullmatch(formula.text)) is not None:
            name = match.group("function").removeprefix("\\")
            said[formula.section] = "sigmoid" if name == "sigma" else name, formula.place.line
        elif each.model is not None and _wrong(each) and formula.section in said:
            name, line = said[formula.section]
            model = replace(each.model, cell=without_function(each.model.cell, name))
            tried[number] = judge(formula, _doubted(model, UNCHANGED.format(name=name, line=line)))
    return _mended(found, tried)


def _of_last_output(found: Sequence[Audited], judge: Judge, said: Collection[Formula]) -> list[Audited]:
    """What is true where J reads the last output alone, if the note says so: L = L(h_T), or words before it."""
    whole = any(_OF_LAST_OUTPUT.fullmatch(each.formula.text.strip()) for each in found)
    return [
        _in_case(each, special.LAST_OUTPUT, OF_LAST_OUTPUT) if whole or each.formula in said else each for each in found
    ]


def _in_case(audited: Audited, case: str, words: str) -> Audited:
    """Wrong judgements that are right in a special case, as right where the note says that it is the case."""

    def told(judgement: Judgement) -> Judgement:
        cases = judgement.true_when.split(special.OR)
        if judgement.word is not Word.WRONG or not any(each.startswith(case) for each in cases):
            return judgement
        kept = Judgement(judgement.formula, Word.HOLDS_IF, (words,), words, place=judgement.place)
        return replace(kept, assumptions=(*judgement.assumptions, words))

    return replace(audited, judgements=tuple(map(told, audited.judgements)))


def _is_later(part: Term) -> bool:
    """Whether this is ∂L_t by something of a later step."""
    if not isinstance(part, Gradient) or part.only is None or part.by.time is None:
        return False
    return bool((part.by.time - part.only).is_positive)


def _redefined(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """δ as the gradient of an argument, from a formula for δ on that is right so, if gradients from δ are too."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and _wrong(each)):
        for letter, said in model.meant.errors:
            net = _argument(said, model)
            if net is None or not isinstance(said, Gradient):
                continue
            errors = tuple((name, net if name == letter else term) for name, term in model.meant.errors)
            tried: dict[int, Audited] = {}
            line, used = 0, 0
            for number, each in enumerate(result):
                if each.model is None or dict(each.model.meant.errors).get(letter) != said or not _wrong(each):
                    continue
                words = REDEFINED.format(line=line or each.formula.place.line, letter=letter, name=said.by.name)
                again = judge(each.formula, _doubted(each.model, words, errors=errors))
                if _wrong(again) or not _right(again):
                    continue
                of_itself = any(left == said for left in _lefts(each, each.model))
                if of_itself and not line:
                    line = each.formula.place.line
                if line:
                    tried[number] = again
                    used += not of_itself
            result = _mended(result, tried if used else {})
    return result


def _itself(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """δ as the gradient of a state, not of its argument, where more of a note that does not say it is right so."""
    result = list(found)
    silent = [
        (n, each.model)
        for n, each in enumerate(found)
        if each.model is not None and _PLAIN.search(each.formula.text) and not each.model.doubts
        and _DELTA not in dict(each.model.meant.errors) and len(each.model.cell.states) == 1
    ]  # fmt: skip
    for cell in dict.fromkeys(model.cell for _, model in silent):
        here = {n: model for n, model in silent if model.cell == cell}
        if not any(_wrong(found[n]) or _open(found[n]) for n in here):
            continue
        tried = {n: judge(found[n].formula, _with_itself(model)) for n, model in here.items()}
        right = sum(map(_right, tried.values())) - sum(_right(found[n]) for n in here)
        if right > 0 and sum(map(_wrong, tried.values())) <= sum(_wrong(found[n]) for n in here):
            for n, each in tried.items():
                result[n] = each
    return result


def _with_itself(model: Model) -> Model:
    """The model in a note whose δ is the gradient of the state."""
    (state,) = model.cell.states
    value = tree.Ref(state.name, nodes.t)
    letters = Letters(model.cell, named_preactivations(model.cell), meant=model.meant)
    errors = (*model.meant.errors, (_DELTA, Gradient(value, letters.asked(value), False)))
    return _doubted(model, ITSELF.format(name=state.name), errors=errors)


def _argument(said: Term, model: Model) -> Gradient | None:
    """The gradient by the argument of what a letter is said to be the gradient by."""
    if not isinstance(said, Gradient) or said.by.name.startswith(ARGUMENT) or said.by.at:
        return None
    program = named_preactivations(model.cell)
    inside = [e.expression.args for e in program.equations if e.symbol.name == said.by.name]
    arguments = [
        leaf.name for args in inside for leaf in args if isinstance(leaf, nodes.Quantity) and leaf.time == nodes.t
    ]
    return replace(said, by=replace(said.by, name=arguments[0])) if len(arguments) == 1 else None


def _handing_back(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What a step hands back, where the note has the whole gradient of a state too, rightly or as what is added up.

    Then ∂J/∂c_{t-1} from step t alone is what that step hands back, to which t - 1 adds its own.
    """
    whole: dict[tuple[str, ...], set[str]] = {}
    for each in found:
        if each.model is not None:
            whole.setdefault(_states(each.model), set()).update(_whole(each, each.model))
    models = [each.model for each in found if each.model is not None]
    # where no model of the note has a loss or a read-out, nobody says what J reads of an output
    silent = all(model.cell.output.name in _states(model) for model in models)
    upstream = _never_given(found)
    tried = {}
    for number, each in enumerate(found):
        model = each.model
        if model is None or not _wrong(each) or "-" not in each.formula.text:
            continue
        said = whole[_states(model)] | upstream.get(_states(model), set())
        backs = frozenset(said | ({model.cell.output.name} if silent else set()))
        if backs:
            tried[number] = judge(each.formula, replace(model, meant=replace(model.meant, hands_back=backs)))
    return _mended(found, tried)


def _never_given(found: Sequence[Audited]) -> dict[tuple[str, ...], set[str]]:
    """The states of a model with a read-out whose gradient formulas read and none gives: it comes from outside."""
    read: dict[tuple[str, ...], set[str]] = {}
    given: set[str] = set()
    for each in found:
        if each.model is None:
            continue
        states = _states(each.model)
        for _, (left, *sides) in _sides(each, each.model):
            own = left.by if isinstance(left, Gradient) and left.by.name in states else None
            parts = [part for side in sides for part in tree.walk(side)]
            here = [part for part in parts if own is not None and own.time in tree.times(part)]
            if own is not None and (own.time == nodes.t or here):
                given.add(own.name)
            names = {part.by.name for part in parts if isinstance(part, Gradient) and part.by.time == nodes.t}
            if each.model.cell.output.name not in states:
                read.setdefault(states, set()).update(names & set(states))
    return {states: names - given for states, names in read.items()}


def _upstream(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """∂J/∂c_t of states beside the output as what step t + 1 hands back, where that mends formulas and spoils none."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and _wrong(each)):
        others = [state.name for state in model.cell.states if state.name != model.cell.output.name]
        if not others:
            continue
        words = UPSTREAM.format(names=", ".join(others))
        other = _doubted(model, words, upstream=frozenset(others))
        said = {n: each for n, each in enumerate(result) if each.model is model and (_right(each) or _wrong(each))}
        tried = {n: judge(each.formula, other) for n, each in said.items()}
        if not any(_right(tried[n]) < _right(each) for n, each in said.items()):
            result = _mended(result, tried)
    return result


def _from_zero(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """T - 1 as the last step, where the note counts so: it says 0, ..., T - 1, or claims two things that are right so.

    A note that claims something at T counts from 1.
    """
    claims = [each for each in found if any(one.word is not Word.NOT_A_CLAIM for one in each.judgements)]
    if any(_AT_THE_LAST_STEP.search(each.formula.text) for each in claims):
        return list(found)
    tried: dict[int, Audited] = {}
    for number, each in enumerate(found):
        if each.model is None or not _wrong(each) or not _NEXT_TO_LAST.search(each.formula.text):
            continue
        tried[number] = _reworded(each, _NEXT_TO_LAST, "T", FROM_ZERO, judge)
    mended = _mended(found, tried)
    right = sum(map(_right, mended)) - sum(map(_right, found))
    said = any(_ZERO_TO_LAST.search(each.formula.text) for each in found)
    return mended if right > 1 or (said and right) else list(found)


def _with_step_zero(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """A sum from 0 to T as that of the steps there are."""
    return _mended(
        found, {
            number: _reworded(each, _SUM_FROM_ZERO, "1", NONE_AT_ZERO, judge)
            for number, each in enumerate(found)
            if each.model is not None and _wrong(each) and _SUM_FROM_ZERO.search(each.formula.text)
        },
    )  # fmt: skip


def _reworded(audited: Audited, what: re.Pattern[str], usual: str, words: str, judge: Judge) -> Audited:
    """The formula judged with other words for something that is as long, on which every verdict rests."""
    assert audited.model is not None
    fragment = audited.formula.fragment
    text = what.sub(lambda match: usual.ljust(len(match.group())), fragment.text)
    there = replace(audited.formula, fragment=replace(fragment, text=text, as_written=fragment.text))
    return replace(judge(there, _doubted(audited.model, words)), formula=audited.formula)


def _states(model: Model) -> tuple[str, ...]:
    return tuple(sorted(state.name for state in model.cell.states))


def _whole(audited: Audited, model: Model) -> Iterator[str]:
    """The states of which a formula gives the gradient at step t, rightly or adding to what is there."""
    judged = {(one.place.line, one.place.column): one for one in audited.judgements if one.place is not None}
    for statement, (left, *_) in _sides(audited, model):
        first = statement.place(0) if statement.relations else None
        one = None if first is None else judged.get((first.line, first.column))
        if one is None or not (one.word in RIGHT or _ADDED.search(one.formula)):
            continue
        if isinstance(left, Gradient) and left.by.time == nodes.t and left.by.name in _states(model):
            yield left.by.name


def _lefts(audited: Audited, model: Model) -> Iterator[Term]:
    """What the left sides of a formula mean."""
    return (sides[0] for _, sides in _sides(audited, model))


def _parts(audited: Audited, model: Model) -> Iterator[Term]:
    """Everything that a formula speaks of."""
    return (part for _, sides in _sides(audited, model) for side in sides for part in tree.walk(side))


def _sides(audited: Audited, model: Model) -> Iterator[tuple[Statement, list[Term]]]:
    """The statements in a formula with what their sides mean, up to the first that is not read."""
    try:
        found = statements(audited.formula.fragment)
    except InputError:
        return
    program = named_preactivations(model.cell)
    for statement in found:
        letters = Letters(model.cell, program, meant=model.meant)
        said: list[Term] = []
        try:
            for side in statement.sides:
                survey(side, letters)
            for side in statement.sides:
                said.append(Claiming(statement.fragment, letters).term(side))
        except InputError:
            pass  # what stands before it is read
        if said:
            yield statement, said


def _adding(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """A gradient to which a later formula of the note adds the rest by +=, and that is right with it."""
    tried: dict[int, Audited] = {}
    for number, each in enumerate(found):
        left, equals, right = each.formula.text.partition("=")
        if not _wrong(each) or not equals or "=" in right or _ADDED.search(each.formula.text) or each.model is None:
            continue
        for later in found[number + 1 :]:
            added = _ADDED.search(later.formula.text)
            if added is None or "".join(later.formula.text[: added.start()].split()) != "".join(left.split()):
                continue
            rest = later.formula.text[added.end() :]
            text = " + ".join((each.formula.text.rstrip(" .,;\n"), rest.strip()))
            fragment = replace(each.formula.fragment, text=text, lines=each.formula.fragment.lines[:1])
            words = ADDED.format(line=later.formula.place.line)
            again = judge(replace(each.formula, fragment=fragment), _doubted(each.model, words))
            if _right(again) and not _wrong(again):
                written = tuple(
                    replace(one, formula=before.formula)
                    for one, before in zip(again.judgements, each.judgements, strict=False)
                )
                tried[number] = replace(again, formula=each.formula, judgements=written)
            break
    return _mended(found, tried)


def _doubted(model: Model, words: str, habits: Collection[Habit] = (), **meant: object) -> Model:
    """The model with other meanings, on which every verdict rests."""
    kept = model.meant.habits.union(habits)
    return replace(model, doubts=(*model.doubts, words), meant=replace(model.meant, habits=kept, **meant))  # type: ignore[arg-type]


def _mended(found: Sequence[Audited], tried: dict[int, Audited]) -> list[Audited]:
    """The formulas, those under the other convention that are right there and were not."""
    result = list(found)
    for number, each in tried.items():
        before = result[number]
        if _wrong(each) < _wrong(before) and _right(each) > _right(before):
            result[number] = replace(each, model=before.model)
    return result


def _wrong(audited: Audited) -> int:
    return sum(judgement.word is Word.WRONG for judgement in audited.judgements)


def _open(audited: Audited) -> int:
    return sum(judgement.word is Word.UNDECIDED for judgement in audited.judgements)


def _right(audited: Audited) -> int:
    return sum(judgement.word in RIGHT for judgement in audited.judgements)
