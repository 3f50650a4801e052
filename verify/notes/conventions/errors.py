"""What error letters and gradients of states stand for: of argument or value, handed back, upstream, added up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive import nodes
from derive.calculus.program import ARGUMENT, named_preactivations
from derive.notation import spelled
from derive.patterns import regex
from derive.reader.claims.letters import Letters
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Gradient, Term
from derive.reader.models.declaring import ACCENTED
from derive.reader.models.model import Model
from verify.formulas.judgement import Word
from verify.formulas.readings.conventions import PRECEDENCES
from verify.notes.audited import Audited
from verify.notes.conventions.trying import (
    RIGHT,
    Judge,
    doubted,
    lefts_of,
    mending,
    open_in,
    opened,
    parts_of,
    right_in,
    sides_of,
    states_of,
    wrong_in,
)

_ADDED = regex(r"\+\s*=|\\mathrel\{\+\}\s*=")
_DELTA = "delta"
_PLAIN = regex(r"(?:\\delta|δ)\s*_\s*\{?\s*(?:[tTkKijlnNmsqp0-9]|\\tau|τ)(?![A-Za-z])")
REDEFINED = "from line {line} on {letter} is the gradient by the argument of {name}, not by {name} as defined before"
UPSTREAM = "the gradient by {names} is what the step after hands back, what belongs to its own step held fixed"
INNER = "the gradient by {name} is the one by its argument, as line {line} computes it"
_INNER = regex(r"the gradient by .+ is the one by its argument, as line \d+ computes it")
INNER_ALL = "the gradient by each of {names} is the one by its argument"
ITSELF = "δ is the gradient of {name} itself, not of its argument, which the note does not say"
_FIRST = PRECEDENCES["elementwise"]
CANDIDATE = "δ of {state} is the gradient by the argument of {candidate}"
ADDED = "line {line} adds the rest to it"
OF_EITHER_SIGN = "wrong if minus in the definition of {letters} is no slip, which nothing else shows"
MINUS_OF_A_LOSS = (
    "wrong if the minus before the sum in the definition of ${letter}$ is no slip, which nothing else shows"
)
OPEN = {Word.UNDECIDED, Word.UNREADABLE}
PERHAPS_HANDED = "wrong unless it is what step t hands back, as line {line} may show, of which nothing could be decided"


def redefined(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """δ as the gradient of an argument, from a formula for δ on that is right so, if gradients from δ are too."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        for letter, said in model.meant.errors:
            net = _argument(said, model)
            if net is None or not isinstance(said, Gradient):
                continue
            errors = tuple((name, net if name == letter else term) for name, term in model.meant.errors)
            tried: dict[int, Audited] = {}
            line, used = 0, 0
            for number, each in enumerate(result):
                if each.model is None or dict(each.model.meant.errors).get(letter) != said or not wrong_in(each):
                    continue
                words = REDEFINED.format(line=line or each.formula.place.line, letter=letter, name=said.by.name)
                again = judge(each.formula, doubted(each.model, words, errors=errors))
                if wrong_in(again) or not right_in(again):
                    continue
                of_itself = any(left == said for left in lefts_of(each, each.model))
                if of_itself and not line:
                    line = each.formula.place.line
                if line:
                    tried[number] = again
                    used += not of_itself
            result = mending(result, tried if used else {})
    return result


def of_either_sign(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What a note defines as minus a gradient and nowhere else uses so may have a slip there: what is right of the
    gradient itself is left open.
    """
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        plain = tuple((letter, _without_minus(said)) for letter, said in model.meant.errors)
        signed = [letter for (letter, said), (_, bare) in zip(model.meant.errors, plain, strict=True) if said != bare]
        if not signed:
            continue
        other = replace(model, meant=replace(model.meant, errors=plain))
        tried = {n: judge(each.formula, other) for n, each in enumerate(found) if each.model == model}
        if not any(right_in(found[n]) > right_in(again) for n, again in tried.items()):
            reason = OF_EITHER_SIGN.format(letters=", ".join(f"${spelled(letter)}$" for letter in signed))
            for n, again in tried.items():
                result[n] = opened(found[n], again, reason)
    return result


def of_a_negative_sum(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """L = -Σ_t L_t: what is right of L = Σ_t L_t is left open, unless a formula is right of the minus."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        negative = [name for name, said in model.meant.losses if said.step is None and said.factor.is_negative]
        if not negative:
            continue
        losses = tuple(
            (name, replace(said, factor=-said.factor) if name in negative else said)
            for name, said in model.meant.losses
        )
        other = replace(model, meant=replace(model.meant, losses=losses))
        tried = {n: judge(each.formula, other) for n, each in enumerate(found) if each.model == model}
        if not any(right_in(found[n]) > right_in(again) for n, again in tried.items()):
            reason = MINUS_OF_A_LOSS.format(letter=spelled(negative[0]))
            for n, again in tried.items():
                result[n] = opened(found[n], again, reason)
    return result


def _without_minus(said: Term) -> Term:
    match said:
        case tree.Add(((-1, Gradient() as gradient),)):
            return gradient
    return said


def of_arguments(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """∂J/∂f_t as the gradient by the argument of f, where a formula for it and one that reads it are right so alone."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        for name in (e.symbol.name for e in model.cell.equations):
            speaking = [
                (number, each, any(_is_by(left, name) for left in lefts_of(each, model)))
                for number, each in enumerate(result)
                if each.model == model and any(_is_by(part, name) for part in parts_of(each, model))
            ]
            first = next((each.formula.place.line for _, each, own in speaking if own and wrong_in(each)), None)
            if first is None or _argument(Gradient(tree.Ref(name, nodes.t), None, False), model) is None:
                continue
            words = INNER.format(name=name, line=first)
            other = doubted(model, words, inner=model.meant.inner | {name})
            tried = {number: judge(each.formula, other) for number, each, _ in speaking}
            mended = {own for number, each, own in speaking if right_in(tried[number]) > right_in(each)}
            if mended == {True, False} and all(right_in(tried[n]) >= right_in(each) for n, each, _ in speaking):
                result = mending(result, tried)
    return result


def of_all_arguments(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """∂J/∂i_t as the gradient by the argument of every gate, where a formula is read so of one: U_f^⊤ ∂J/∂f_t + ⋯.

    Left open where the note gives none of these gradients. A state at step t - 1 may be given by what is handed back.
    """
    result = list(found)
    said = any(_INNER.match(words) for each in found for one in each.judgements for words in one.assumptions)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        names = (e.symbol.name for e in model.cell.equations if e.symbol.name not in states_of(model))
        inner = frozenset(n for n in names if _argument(Gradient(tree.Ref(n, nodes.t), None, False), model) is not None)
        if len(inner) < 2 or (_gives_a_value(found, inner) if said else _gives_one(found, inner)):
            continue
        words = INNER_ALL.format(names=", ".join(sorted(inner)))
        output = model.cell.output.name
        backs = [frozenset[str](), frozenset({output})] if output in states_of(model) else [frozenset[str]()]
        for back in backs:
            other = doubted(model, words, inner=inner, hands_back=model.meant.hands_back | back)
            for n, each in enumerate(result):
                if (
                    each.model == model
                    and wrong_in(each)
                    and any(_is_by(p, i) for p in parts_of(each, model) for i in inner)
                ):
                    again = judge(each.formula, other)
                    (mended,) = mending([each], {0: again})
                    result[n] = mended if said else opened(each, mended, f"wrong unless {words}")
    return result


def _gives_a_value(found: Sequence[Audited], inner: frozenset[str]) -> bool:
    """Whether a formula is right of the gradient by one of these values itself."""
    plain = (
        each
        for each in found
        if right_in(each) and not any(_INNER.match(words) for one in each.judgements for words in one.assumptions)
    )
    return _gives_one([*plain], inner)


def _gives_one(found: Sequence[Audited], inner: frozenset[str]) -> bool:
    """Whether a formula gives the gradient by one of these values."""
    models = ((each, each.model) for each in found if each.model is not None)
    return any(_is_by(left, name) for each, model in models for left in lefts_of(each, model) for name in inner)


def _is_by(part: Term, name: str) -> bool:
    return isinstance(part, Gradient) and part.spelling == "partial" and part.by.name == name


def itself(found: Sequence[Audited], judge: Judge) -> list[Audited]:
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
        if not any(wrong_in(found[n]) or open_in(found[n]) for n in here):
            continue
        tried = {n: judge(found[n].formula, _with_itself(model)) for n, model in here.items()}
        loose = {n for n, each in tried.items() if any(_FIRST in one.assumptions for one in each.judgements)}
        right = sum(right_in(tried[n]) - right_in(found[n]) for n in here.keys() - loose)
        if right > 0 and sum(map(wrong_in, tried.values())) <= sum(wrong_in(found[n]) for n in here):
            for n, each in tried.items():
                result[n] = each
            continue
        for n in loose:  # that ⊙ is taken first, too, is one guess more than is believed
            words = f"wrong unless {ITSELF.format(name=cell.states[0].name)}; {_FIRST}"
            result[n] = opened(found[n], tried[n], words)
    return result


def of_the_candidate(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """δ_c as the gradient by the argument of the candidate for c, where that mends formulas and spoils none."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        for state in model.cell.states:
            letter, accents = f"{_DELTA}_{state.name}", [f"{state.name}{accent}" for accent in ACCENTED]
            candidate = next((name for name in accents if name in model.cell.quantities), None)
            labelled = re.compile(rf"(?:\\delta|δ)\s*[_^]\s*\{{?\s*{re.escape(state.name)}(?![A-Za-z])")
            here = {n: e for n, e in enumerate(result) if e.model == model and labelled.search(e.formula.text)}
            if candidate is None or letter in dict(model.meant.errors) or not here:
                continue
            value = tree.Ref(candidate, nodes.t)
            letters = Letters(model.cell, named_preactivations(model.cell), meant=model.meant)
            net = _argument(Gradient(value, letters.asked(value), False, _DELTA), model)
            if net is None:
                continue
            words = CANDIDATE.format(state=state.name, candidate=spelled(candidate))
            other = doubted(model, words, errors=(*model.meant.errors, (letter, net)))
            tried = {n: judge(each.formula, other) for n, each in here.items()}
            if all(right_in(tried[n]) >= right_in(each) for n, each in here.items()):
                both = handing_back([tried.get(n, each) for n, each in enumerate(result)], judge)
                tried = {n: both[n] for n in here}
                result = mending(result, tried)
    return result


def _with_itself(model: Model) -> Model:
    """The model in a note whose δ is the gradient of the state."""
    (state,) = model.cell.states
    value = tree.Ref(state.name, nodes.t)
    letters = Letters(model.cell, named_preactivations(model.cell), meant=model.meant)
    itself = Gradient(value, letters.asked(value), False, _DELTA)
    net = _argument(itself, model)

    def read(part: Term) -> Term | None:  # δ_t^z = δ_t ⊙ (1 - h²) was said of δ_t as the argument's
        if isinstance(part, Gradient) and net is not None and part.spelling == _DELTA and part.by.name == net.by.name:
            return replace(part, by=replace(part.by, name=state.name))
        return None

    said = (
        (name, term if isinstance(term, Gradient) else tree.mapped(term, read)) for name, term in model.meant.errors
    )
    return doubted(model, ITSELF.format(name=state.name), errors=(*said, (_DELTA, itself)))


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


def handing_back(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What a step hands back, where the note has the whole gradient of a state too, rightly or as what is added up.

    Then ∂J/∂c_{t-1} from step t alone is what that step hands back, to which t - 1 adds its own.
    """
    whole: dict[tuple[str, ...], set[str]] = {}
    for each in found:
        if each.model is not None:
            whole.setdefault(states_of(each.model), set()).update(_whole(each, each.model))
    models = [each.model for each in found if each.model is not None]
    # where no model of the note has a loss or a read-out, nobody says what J reads of an output
    silent = all(model.cell.output.name in states_of(model) for model in models)
    upstream = _never_given(found)
    tried = {}
    for number, each in enumerate(found):
        model = each.model
        if model is None or not wrong_in(each) or "-" not in each.formula.text:
            continue
        said = whole[states_of(model)] | upstream.get(states_of(model), set())
        backs = frozenset(said | ({model.cell.output.name} if silent else set()))
        if backs:
            tried[number] = judge(each.formula, replace(model, meant=replace(model.meant, hands_back=backs)))
    return mending(found, tried)


def perhaps_handed_back(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What is wrong unless a step hands it back, as open where the whole gradient is said and nothing decided of it."""
    said: dict[tuple[tuple[str, ...], str], int] = {}
    for each in found:
        if each.model is not None and {one.word for one in each.judgements} & OPEN and not right_in(each):
            fragment = each.formula.fragment
            first = replace(each.formula, fragment=replace(fragment, text=fragment.text.partition("=")[0]))
            for left in (*lefts_of(each, each.model), *lefts_of(replace(each, formula=first), each.model)):
                if isinstance(left, Gradient) and left.by.time == nodes.t and left.by.name in states_of(each.model):
                    said.setdefault((states_of(each.model), left.by.name), each.formula.place.line)
    result = list(found)
    for number, each in enumerate(found):
        model = each.model
        if model is None or not wrong_in(each) or "-" not in each.formula.text:
            continue
        lines = {name: line for (states, name), line in said.items() if states == states_of(model)}
        if lines:
            meant = replace(model.meant, hands_back=frozenset(lines))
            (again,) = mending([each], {0: judge(each.formula, replace(model, meant=meant))})
            result[number] = opened(each, again, PERHAPS_HANDED.format(line=min(lines.values())))
    return result


def _never_given(found: Sequence[Audited]) -> dict[tuple[str, ...], set[str]]:
    """The states of a model with a read-out whose gradient formulas read and none gives: it comes from outside."""
    models = [each.model for each in found if each.model is not None]
    read_out = {states_of(model) for model in models if model.cell.output.name not in states_of(model)}
    read: dict[tuple[str, ...], set[str]] = {}
    given: dict[tuple[str, ...], set[str]] = {}
    for each in found:
        if each.model is None:
            continue
        states = states_of(each.model)
        for _, (left, *sides) in sides_of(each, each.model):
            own = left.by if isinstance(left, Gradient) and left.by.name in states else None
            parts = [part for side in sides for part in tree.walk(side)]
            here = [part for part in parts if own is not None and own.time in tree.times(part)]
            if own is not None and (own.time == nodes.t or here):
                given.setdefault(states, set()).add(own.name)
            names = {part.by.name for part in parts if isinstance(part, Gradient) and part.by.time == nodes.t}
            if states in read_out:
                read.setdefault(states, set()).update(names & set(states))
    return {states: names - given.get(states, set()) for states, names in read.items()}


def _whole(audited: Audited, model: Model) -> Iterator[str]:
    """The states of which a formula gives the gradient at step t, rightly or adding to what is there."""
    judged = {(one.place.line, one.place.column): one for one in audited.judgements if one.place is not None}
    for statement, (left, *_) in sides_of(audited, model):
        first = statement.place(0) if statement.relations else None
        one = None if first is None else judged.get((first.line, first.column))
        if one is None or not (one.word in RIGHT or _ADDED.search(one.formula)):
            continue
        if isinstance(left, Gradient) and left.by.time == nodes.t and left.by.name in states_of(model):
            yield left.by.name


def upstream(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """∂J/∂c_t of states beside the output as what step t + 1 hands back, where that mends formulas and spoils none."""
    result = list(found)
    for model in dict.fromkeys(each.model for each in found if each.model is not None and wrong_in(each)):
        others = [state.name for state in model.cell.states if state.name != model.cell.output.name]
        if not others:
            continue
        words = UPSTREAM.format(names=", ".join(others))
        other = doubted(model, words, upstream=frozenset(others))
        said = {n: each for n, each in enumerate(result) if each.model == model and (right_in(each) or wrong_in(each))}
        tried = {n: judge(each.formula, other) for n, each in said.items()}
        if any(right_in(tried[n]) < right_in(each) for n, each in said.items()):
            continue
        mended = [n for n, each in said.items() if right_in(tried[n]) > right_in(each)]
        if len(mended) > 1:
            result = mending(result, tried)
        for n in mended if len(mended) == 1 else ():
            result[n] = opened(result[n], tried[n], f"wrong unless {words}")
    return result


def adding(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """A gradient to which a later formula of the note adds the rest by +=, and that is right with it."""
    tried: dict[int, Audited] = {}
    for number, each in enumerate(found):
        left, equals, right = each.formula.text.partition("=")
        if not wrong_in(each) or not equals or "=" in right or _ADDED.search(each.formula.text) or each.model is None:
            continue
        for later in found[number + 1 :]:
            added = _ADDED.search(later.formula.text)
            if added is None or "".join(later.formula.text[: added.start()].split()) != "".join(left.split()):
                continue
            rest = later.formula.text[added.end() :]
            text = " + ".join((each.formula.text.rstrip(" .,;\n"), rest.strip()))
            fragment = replace(each.formula.fragment, text=text, lines=each.formula.fragment.lines[:1])
            words = ADDED.format(line=later.formula.place.line)
            again = judge(replace(each.formula, fragment=fragment), doubted(each.model, words))
            if right_in(again) and not wrong_in(again):
                written = tuple(
                    replace(one, formula=before.formula)
                    for one, before in zip(again.judgements, each.judgements, strict=False)
                )
                tried[number] = replace(again, formula=each.formula, judgements=written)
            break
    return mending(found, tried)
