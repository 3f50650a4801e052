"""Functions and gates that a note leaves open or exchanges; differentials."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from derive import nodes
from derive.cell import Cell
from derive.functions import ENTRIES, ScalarFunction
from derive.notation import spelled
from derive.patterns import regex
from derive.reader.claims.gradients.derivatives import LOSSES
from derive.reader.models.aliases import without_function
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited
from verify.notes.conventions.trying import Judge, doubted, mending, right_in, wrong_in

_UNCHANGED = regex(
    r"\s*(?P<function>\\?[A-Za-z]+)\s*"
    r"(?:\(\s*(?P<argument>[A-Za-z])\s*\)\s*=\s*(?P=argument)|=\s*\\\w+\{(?:id|identity)\})\s*[.,;]?\s*"
)

EXCHANGED = "the model is the recognised one with {gate} and 1 - {gate} exchanged, which the note does not write out"
UNCHANGED = "{name} leaves its argument as it is, as line {line} says"
DIFFERENTIALS = "d before a letter is its differential, which comes from those of the states before"
_OF = r"(?:\\[A-Za-z]+\s*\{\s*\\?[A-Za-z]+\s*\}|\\?[A-Za-z]+)"
_STEP = r"_\s*(?:\{(?P<step>[^{}]*)\}|[A-Za-z0-9])"
_UPRIGHT = regex(rf"\\mathrm\s*(?:\{{\s*d\s*\}}|d)\s*(?P<of>{_OF}\s*(?:{_STEP}))")
_SLANTED = regex(
    rf"(?<![A-SU-Za-z\\{{])d\s*(?P<of>(?:\\[A-Za-z]+\s*\{{\s*\\?[A-Za-z]+\s*\}}|\\?[A-Za-z])\s*(?:{_STEP}))"
)
_OF_LOSS = regex(
    r"[\s&]*(?:\\mathrm\s*(?:\{\s*d\s*\}|d)|d)\s*(?:\\math\w+\s*\{?\s*)?\\?"
    rf"(?:{'|'.join(sorted(LOSSES, key=len, reverse=True))})\}}?[\s&]*="
)
"""dL =, which can be no gradient of L."""
_ANY = regex(r"(?<![A-SU-Za-z\\])(?:d\s*\\?[A-Za-z]|\\mathrm\s*(?:\{\s*d\s*\}|d))")
_INSIDE = regex(r"(\\(?:wide)?(?:tilde|hat|bar)\s*)\{\s*(\\?[A-Za-z]+)\s*(_\s*(?:\{[^{}]*\}|[A-Za-z0-9]))\s*\}")
"""\\tilde{h_t}, whose step stands below the accent."""
_EARLIEST = "t - 2"
CHOSEN = "{function} is {chosen}, which the equations leave open"
RELU = "relu"
USUAL_FUNCTIONS = ("tanh", "sigmoid", RELU)
"""What a function that equations leave open usually is."""
AN_ACTIVATION = regex(
    r"(?:\\sigma(?![A-Za-z])|σ)[^\n。.;；]{0,30}(?:激活函[数數]|\bactivation\b|\bnon-?linearity\b|活性化関数)"
    r"|(?:激活函[数數]|\bactivation(?: function)?|\bnon-?linearity|活性化関数)[\s为是\\($]*(?:sigma(?![A-Za-z])|σ)",
    re.IGNORECASE,
)
A_SIGMOID = regex(r"sigmoid|logistic|シグモイド", re.IGNORECASE)
SPOKEN = "the function in the equation of {name} is tanh, as the note calls it an activation and names no other"
SOFTMAX = "softmax"
"""What one usually is whose values a loss compares."""


def exchanged(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """A recognised model with a gate the other way round, if that leaves fewer of its formulas wrong."""
    result = list(found)
    suspects = [each.model for each in found if each.model is not None and each.model.recognised and wrong_in(each)]
    for model in dict.fromkeys(suspects):
        from verify.which.exchanged import exchanged  # needed for few notes

        here = [number for number, each in enumerate(result) if each.model == model]
        fewest = sum(wrong_in(result[number]) for number in here)
        for gate, cell in exchanged(model.cell):
            other = replace(model, cell=cell, doubts=(EXCHANGED.format(gate=gate),))
            tried = [judge(result[number].formula, other) for number in here]
            if (left := sum(map(wrong_in, tried))) < fewest:
                fewest = left
                for number, each in zip(here, tried, strict=True):
                    result[number] = each
    return result


def chosen(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """A function that the equations leave open as a usual one, for the formulas that are right so: 1 - h_t^2 for f'."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        for function in model.cell.open_functions:
            for name in (*USUAL_FUNCTIONS, SOFTMAX):
                if (cell := _applying(model.cell, function, name)) is None:
                    continue
                other = replace(doubted(model, CHOSEN.format(function=function.name, chosen=name)), cell=cell)
                wrong = {n: each for n, each in enumerate(result) if each.model == model and wrong_in(each)}
                if name == RELU:  # of which f' f' = f', so that one too many is no mistake
                    wrong = {n: each for n, each in wrong.items() if not _has_slope(each, function)}
                result = mending(result, {n: judge(each.formula, other) for n, each in wrong.items()})
    return result


def called_an_activation(found: Sequence[Audited], judge: Judge, texts: Sequence[str]) -> list[Audited]:
    """σ in the equation of a state as tanh, where that mends formulas and spoils none of a note that calls σ an
    activation and speaks of no sigmoid.
    """
    result = list(found)
    if any(map(A_SIGMOID.search, texts)) or not any(map(AN_ACTIVATION.search, texts)):
        return result
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        states = {state.name for state in model.cell.states}
        for equation in model.cell.equations:
            value = equation.expression
            if equation.symbol.name not in states or not isinstance(value, nodes.Elementwise):
                continue
            if value.function != ENTRIES["sigmoid"].function:
                continue
            other_value = replace(equation, expression=nodes.apply(ENTRIES["tanh"].function, *value.operands))
            cell = replace(
                model.cell, equations=tuple(other_value if e is equation else e for e in model.cell.equations)
            )
            other = replace(doubted(model, SPOKEN.format(name=equation.symbol.name)), cell=cell)
            tried = {n: judge(each.formula, other) for n, each in enumerate(result) if each.model == model}
            if all(right_in(again) >= right_in(result[n]) for n, again in tried.items()):
                result = mending(result, tried)
    return result


def _applying(cell: Cell, function: ScalarFunction, usual: str) -> Cell | None:
    """The cell with a usual function in the place of one; None for a softmax of what is no prediction."""
    applied = {e.symbol.name for e in cell.equations if any(p.function == function for p in _called(e.expression))}
    loss = next((e for e in cell.equations if e.symbol == cell.output), None)
    if usual == SOFTMAX and not (
        cell.is_loss and loss is not None and applied <= {leaf.name for leaf in nodes.leaves(loss.expression)}
    ):
        return None

    def put_in(part: nodes.Node) -> nodes.Node | None:
        if not isinstance(part, nodes.Elementwise) or part.function != function or len(part.operands) != 1:
            return None
        inside = nodes.substitute(part.operands[0], put_in)
        return nodes.Softmax(inside) if usual == SOFTMAX else nodes.apply(ENTRIES[usual].function, inside)

    changed = (replace(each, expression=nodes.substitute(each.expression, put_in)) for each in cell.equations)
    return replace(cell, equations=tuple(changed))


def _has_slope(audited: Audited, function: ScalarFunction) -> bool:
    """Whether a formula has the slope of a function by its letter: f'(a_t)."""
    letter = re.escape(str(spelled(function.name)))
    return bool(re.search(rf"{letter}\s*(?:'|\^\s*\{{?\s*\\prime)", audited.formula.text))


def _called(expression: nodes.Node) -> set[nodes.Elementwise]:
    found: set[nodes.Elementwise] = expression.atoms(nodes.Elementwise)
    return found


def identity(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What is true where a function leaves everything as it is, if the section says so before: σ(x) = x."""
    tried: dict[int, Audited] = {}
    said: dict[tuple[str, ...], tuple[str, int]] = {}
    for number, each in enumerate(found):
        formula = each.formula
        if (match := _UNCHANGED.fullmatch(formula.text)) is not None:
            name = match.group("function").removeprefix("\\")
            said[formula.section] = "sigmoid" if name == "sigma" else name, formula.place.line
        elif each.model is not None and wrong_in(each) and formula.section in said:
            name, line = said[formula.section]
            model = replace(each.model, cell=without_function(each.model.cell, name))
            tried[number] = judge(formula, doubted(model, UNCHANGED.format(name=name, line=line)))
    return mending(found, tried)


def differentials(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """dc_t = F dc_{t-1} + B dh_{t-1} as a total differential: along every state of step t - 2; else left open.

    dL = tr(...) with another d in it is left open, as no gradient is called so.
    """
    result = list(found)
    for number, each in enumerate(found):
        text = _INSIDE.sub(r"\1{\2}\3", each.formula.text)
        if each.model is None or not wrong_in(each) or "=" not in text:
            continue
        sign = _marked(text)
        if sign is not None:
            tried = [_along_state(each, text, sign, state.name, judge) for state in each.model.cell.states]
            rows = zip(each.judgements, *(one.judgements for one in tried), strict=False)
            judged = tuple(_along_all(before, after) for before, *after in rows)
            if len(judged) == len(each.judgements):
                result[number] = replace(each, judgements=judged)
        elif (left := _OF_LOSS.match(text)) is not None and _ANY.search(text, left.end()):
            result[number] = replace(each, judgements=tuple(map(_as_differential, each.judgements)))
    return result


def _marked(text: str) -> re.Pattern[str] | None:
    """How d is written in a formula in which it can be no gradient: those come from later steps, never from earlier."""
    for sign in (_UPRIGHT, _SLANTED):
        steps = ["".join((match["step"] or "t").split()) for match in sign.finditer(text)]
        if len(steps) > 1 and sign.match(text.lstrip(" &\n")) and _earlier(steps[0]) in steps[1:]:
            return sign
    return None


def _earlier(step: str) -> str:
    """The step before one that is written so; empty where that cannot be told."""
    return {"t+1": "t", "t": "t-1", "t-1": "t-2"}.get(step, "")


def _along_state(audited: Audited, text: str, sign: re.Pattern[str], name: str, judge: Judge) -> Audited:
    """The formula with every differential as the derivative by a state of step t - 2."""
    assert audited.model is not None
    fragment = audited.formula.fragment
    by = rf"{spelled(name)}_{{{_EARLIEST}}}"
    text = sign.sub(lambda match: rf"\frac{{\partial {match['of']}}}{{\partial {by}}}", text)
    there = replace(audited.formula, fragment=replace(fragment, text=text, lines=fragment.lines[:1]))
    return judge(there, doubted(audited.model, DIFFERENTIALS))


def _along_all(before: Judgement, after: Sequence[Judgement]) -> Judgement:
    """What is right along every state is; what was wrong as a gradient else is left open."""
    if before.word is not Word.WRONG or not after:
        return before
    if all(one.word in (Word.PROVED, Word.HOLDS_IF) for one in after):
        return replace(after[0], formula=before.formula, place=before.place)
    return _as_differential(before)


def _as_differential(judgement: Judgement) -> Judgement:
    if judgement.word is not Word.WRONG:
        return judgement
    reason = f"wrong unless {DIFFERENTIALS}"
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)
