"""What is right only if it says less than it seems to: of the loss of one step, of one share of a gradient: left open.

Tried after all conventions of a note, and only for what is wrong by all of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sympy import Expr, S

from derive import nodes
from derive.calculus.program import named_preactivations
from derive.errors import Place
from derive.patterns import regex
from derive.reader.claims.gradients.derivatives import LOSSES
from derive.reader.claims.meant import Habit, Loss
from derive.reader.claims.statements.chains import Statement
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Gradient, Term
from derive.reader.models.model import Model
from verify.formulas import upside
from verify.formulas.equation import ITSELF
from verify.formulas.judgement import Judgement, Word
from verify.formulas.wrong import special
from verify.notes.audited import Audited
from verify.notes.conventions.habits import OF_ONE, with_later_losses
from verify.notes.conventions.trying import RIGHT, Judge, doubted, mending, sides_of, states_of, wrong_in
from verify.notes.files import Formula
from verify.notes.models.meaning import unweighted

WHOLE = regex(r"\b(?:whole|total|full|complete)\b|[全总](?:部|体)?(?:梯度|导数)|整体|整個|總梯度", re.IGNORECASE)
"""Words by which a gradient is meant with everything that it comes through."""
UNLESS = "wrong unless {supposed}"
STANDS_FOR = "{letter} stands for {step}"
HANDED_BACK = "it is what step t hands back to step t - 1, without what step t - 1 adds"
PART = "the gradient by a state of an earlier step is the part that comes through that state alone"
SHARE = "it is the part that comes through {via}, as line {line} has another part"
SHARE_OF_SUM = "it is the part of the sum, not the mean, that comes through {via}, as line {line} has another part"
_THROUGH = regex(r"what is added is the part that comes through (?P<via>.+ of step .+)")
_OF_STEP_BEFORE = regex(r"the paths through (?:\$[^$]*t *- *1[^$]*\$(?:, )?)+ are ignored")
_BOUND = regex(r"\\(?:sum|prod)\s*_\s*\{\s*(?P<letter>[a-z])\s*=\s*\d\s*\}\s*\^\s*\{?\s*(?P<last>T)(?![A-Za-z])")
"""A sum or product of all steps, and the letter of its steps."""
_SIGN_OVER = r"\\(?:sum|prod)(?:\\limits)?\s*_\s*\{\s*"
_BOUND_TWICE = regex(
    rf"{_SIGN_OVER}(?P<outer>[a-z])\s*=\s*\d[^{{}}]*\}}[^=]*?{_SIGN_OVER}(?P=outer)\s*=\s*(?P<meant>[a-z])\s*\+\s*1\s*\}}"
)
_BOUND_IN_VAIN = regex(
    rf"{_SIGN_OVER}(?P<letter>[a-su-z])\s*=[^{{}}]*\}}\s*\^\s*(?:t(?![A-Za-z])|\{{\s*t\s*\}})(?P<body>[^=]*)"
)
_OF_T = regex(r"(?<=[_{])t(?![A-Za-z])")
_LIMIT = regex(r"\\(?:sum|prod)\s*_\s*\{\s*[a-z]\s*=\s*\d\s*\}\s*\^\s*\{?\s*(?P<letter>t)(?![A-Za-z])(?=\s*\}?)")
"""A sum or product up to step t."""
OF_ONE_MEAN = "every letter for a loss in it is the mean over the steps"
DIRECT = "the gradient on the right that stands on the left, too, is what the loss reads of that step itself"
_LOSS = regex(
    r"(?P<sign>\\partial(?![A-Za-z])|∂)\s*(?P<loss>\\(?:mathcal|ell)\s*(?:\{?[A-Z]\}?)?|[A-Za-z])(?!\s*[_^(])"
)
_IMMEDIATE = regex(r"(?:\\partial|∂)\s*\^\s*\{?\s*\+|∂⁺")
_CURLED = regex(r"\\partial(?![A-Za-z])|∂|\\nabla(?![A-Za-z])|∇")
_STEP = regex(r"_\s*\{?\s*(\d)\s*\}?")


def perhaps(found: Sequence[Audited], judge: Judge, whole: Collection[Formula]) -> Sequence[Audited]:
    """The formulas of a note, those left open that are right only of less, or of another letter, than they say.

    `whole` are those behind words that say that a whole gradient is meant.
    """
    paths = partial(of_one_path, whole=whole)
    ways = of_one_loss, of_a_mean, of_the_mean, of_direct_parts, of_one_letter, of_shares, of_handed_back, paths
    for way in ways:
        if any(map(wrong_in, found)):
            found = tuple(way(found, judge))
    return found


def of_one_loss(found: Sequence[Audited], judge: Judge) -> Iterator[Audited]:
    """The formulas, those right only of the loss of the one step from which they come back: open where a loss is given.

    ∂L/∂s_1 = ∂L/∂s_4 ∂s_4/∂s_1 and ∂L/∂c_1 = ∂L/∂c_T ∏ ∂c_t/∂c_{t-1}, the latter along c alone.
    """
    steps = [_one_step(each, each.model) if each.model is not None and wrong_in(each) else None for each in found]
    last = max((step for step in steps if step is not None and step.is_Integer), default=None)
    for each, step in zip(found, steps, strict=True):
        model = each.model
        if model is None or step is None:
            yield each
            continue
        step = last if last is not None and step.is_Integer else step
        losses = tuple((letter, Loss(step)) for letter in LOSSES)
        errors = tuple((letter, tree.mapped(said, partial(_of, step))) for letter, said in model.meant.errors)
        for tried in _along_too(doubted(model, f"{OF_ONE} {step} alone", losses=losses, errors=errors)):
            words = "; ".join(tried.doubts[len(model.doubts) :])
            again = judge(each.formula, tried)
            said = model.cell.is_loss or model.meant.losses  # else it is the loss that the formula is right of
            (each,) = [_unless(words, each, again)] if said else mending([each], {0: again})
        yield each


def of_a_mean(found: Sequence[Audited], judge: Judge) -> Iterator[Audited]:
    """The formulas, those for parameters left open that are right of the loss of step t where the whole is a mean.

    ∂L/∂W = δ_t h_t^⊤, in which the sum is left out, and 1/T with it.
    """
    for each in found:
        model = each.model
        if model is not None and wrong_in(each) and any(said.factor.has(nodes.T) for _, said in model.meant.losses):
            sides = [part for _, said in sides_of(each, model) for side in said for part in tree.walk(side)]
            lefts = [unweighted(said[0]) for _, said in sides_of(each, model)]
            summed = all(isinstance(left, Gradient) and left.by.time is None for left in lefts)
            if summed and not any(isinstance(part, Gradient) and part.only is not None for part in sides):
                losses = tuple((letter, Loss(nodes.t)) for letter in LOSSES)
                words = f"{OF_ONE} t alone"
                each = _unless(words, each, judge(each.formula, doubted(model, words, losses=losses)))
        yield each


def of_the_mean(found: Sequence[Audited], judge: Judge) -> Iterator[Audited]:
    """The formulas, those left open that are right where two letters for losses are both the mean over the steps.

    ∂L/∂W = Σ_t ∂l/∂a_t ∂a_t/∂W, where L = 1/T Σ_t l(y_t) and ∂l/∂a_t is what comes back from all later steps.
    """
    for each in found:
        model = each.model
        mean = [said for _, said in model.meant.losses if said.factor.has(nodes.T)] if model is not None else []
        if model is not None and wrong_in(each) and mean:
            parts = (part for _, said in sides_of(each, model) for side in said for part in tree.walk(side))
            if all(part.only is None for part in parts if isinstance(part, Gradient)):
                losses = tuple((letter, mean[0]) for letter in LOSSES)
                other = replace(model, meant=replace(model.meant, losses=losses))
                each = _unless(OF_ONE_MEAN, each, judge(each.formula, other))
        yield each


def of_direct_parts(found: Sequence[Audited], judge: Judge) -> Iterator[Audited]:
    """The formulas, those left open that have on both sides the gradient that they give, and are right where it is on
    the right what J reads of that step itself: ∂L/∂h_t = ∂L/∂h_t + ∂L/∂h_{t+1} ∂h_{t+1}/∂h_t.

    Not in a note that has a sign for this: ∂⁺.
    """
    marked = any(_IMMEDIATE.search(each.formula.text) for each in found)
    for each in found:
        model = each.model
        if model is not None and wrong_in(each) and not marked:
            for text in _with_direct_parts(each, model):
                fragment = replace(each.formula.fragment, text=text, as_written=each.formula.fragment.text)
                for other in (model, with_later_losses(model)):
                    each = _unless(DIRECT, each, judge(replace(each.formula, fragment=fragment), other))
        yield each


def _with_direct_parts(audited: Audited, model: Model) -> Iterator[str]:
    """The text with ∂⁺l, and with the loss l_t of the step alone, on the right in what its left side is."""
    text = audited.formula.text
    steps: dict[int, tuple[re.Match[str], Expr]] = {}
    for _, (left, *rest) in sides_of(audited, model):
        for part in (part for side in rest for part in tree.walk(side)):
            if not (isinstance(left, Gradient) and isinstance(part, Gradient) and part.by == left.by and part.by.time):
                continue
            at = part.span  # of a letter for it none, or elsewhere
            loss = _LOSS.search(text, at.start, at.end) if at is not None and at.fragment.text == text else None
            if loss is not None:
                steps[loss.start()] = loss, part.by.time
    for wanted in ("{sign}^{{+}} {loss}", "{sign} {loss}_{{{time}}}") if steps else ():
        said = text
        for start, (loss, time) in sorted(steps.items(), reverse=True):
            said = said[:start] + wanted.format(**loss.groupdict(), time=time) + said[loss.end() :]
        yield said


def _of(step: Expr, said: Term) -> Term | None:
    """The gradient of all losses as that of the loss of one step."""
    return replace(said, only=step) if isinstance(said, Gradient) and said.only is None else None


def of_shares(found: Sequence[Audited], judge: Judge) -> Iterator[Audited]:
    """The formulas, those left open that have one share of a gradient each: ∂J/∂c_t through h_t, and ∂J/∂c_{t-1}.

    Not where the note puts a share in for the whole: then that is what it takes it for.
    """
    whole = {of for each in found for of in _put_in(each)}
    shares = [share for n, each in enumerate(found) for share in _shares(n, each, judge) if share.of not in whole]
    result = list(found)
    for share in shares:
        other = next((one for one in shares if one.of == share.of and one.ahead != share.ahead), None)
        if other is not None:
            each = result[share.number]
            words = (SHARE_OF_SUM if share.summed else SHARE).format(via=share.via, line=other.place.line)
            kept = (_open(one, words) if one.place == share.place else one for one in each.judgements)
            result[share.number] = replace(each, judgements=tuple(kept))
    yield from result


@dataclass(frozen=True)
class _Share:
    """One share of the gradient by a state: where it is claimed, through what it comes, and whether from step t + 1."""

    number: int
    place: Place
    of: tuple[tuple[str, ...], str]
    via: str
    ahead: bool
    summed: bool = False
    """Whether it is one of the sum of the losses, where J is their mean."""


def _shares(number: int, audited: Audited, judge: Judge) -> Iterator[_Share]:
    model = audited.model
    judged = {one.place: one for one in audited.judgements if one.word is Word.WRONG or ITSELF in one.assumptions}
    for statement, said in sides_of(audited, model) if model is not None and judged else ():
        for relation, left in enumerate(said[: len(statement.relations)]):
            one, left = judged.get(statement.place(relation)), unweighted(left)
            if model is None or one is None or one.place is None or not isinstance(left, Gradient):
                continue
            if left.immediate or left.by.name not in states_of(model):
                continue
            of = states_of(model), left.by.name
            if one.word in RIGHT:
                yield _Share(number, one.place, of, "", True)
                continue
            for other in _without_mean(model) if one.word is Word.WRONG else ():
                if via := _via(audited.formula, statement, relation, other, judge):
                    ahead = not via.endswith(f" of step {left.by.time}")
                    given = any(isinstance(part, Gradient) for part in tree.walk(said[relation + 1]))
                    yield _Share(number, one.place, of, via, ahead, other is not model and not given)
                    break


def _without_mean(model: Model) -> Iterator[Model]:
    """The model, and where J is the mean over the steps, with the sum for it."""
    yield model
    losses = tuple((name, replace(said, factor=S.One)) for name, said in model.meant.losses if said.factor.has(nodes.T))
    if losses:
        kept = {**dict(model.meant.losses), **dict(losses)}
        yield replace(model, meant=replace(model.meant, losses=tuple(kept.items())))


def _put_in(audited: Audited) -> Iterator[tuple[tuple[str, ...], str]]:
    """The states whose gradient stands in a product of which something wrong is said."""
    model = audited.model
    wrong = {one.place for one in audited.judgements if one.word is Word.WRONG}
    for statement, said in sides_of(audited, model) if model is not None and wrong else ():
        for relation, left in enumerate(said[: len(statement.relations)]):
            left = unweighted(left)
            if model is not None and statement.place(relation) in wrong and isinstance(left, tree.Multiply):
                parts = (part for part in tree.walk(left) if isinstance(part, Gradient))
                yield from ((states_of(model), part.by.name) for part in parts)


def of_handed_back(found: Sequence[Audited], judge: Judge) -> Iterator[Audited]:
    """The formulas, those left open that miss only what J reads of step t - 1 itself: ∂L/∂h_{t-1} = W^⊤ ∂L/∂a_t."""
    for each in found:
        one_step = {
            statement.place(0)
            for statement, said in (sides_of(each, each.model) if each.model is not None and wrong_in(each) else ())
            if each.model is not None and _comes_back(said, each.model)
        }
        kept = (
            _open(one, HANDED_BACK) if one.place in one_step and _misses_its_own_step(one.true_when) else one
            for one in each.judgements
        )
        yield replace(each, judgements=tuple(kept)) if one_step else each


def _misses_its_own_step(case: str) -> bool:
    return special.LAST_OUTPUT in case or bool(_OF_STEP_BEFORE.search(case))


def of_one_path(found: Sequence[Audited], judge: Judge, whole: Collection[Formula]) -> Iterator[Audited]:
    """The formulas, those left open that are right of the part of a gradient that comes through one state of several:
    ∂L/∂c_{t-1} = ∂L/∂c_t f_t and ∂L/∂c_k = ∂L/∂c_t ∏ f_i. Not with a letter that the note defines as the gradient, and
    not where another formula of the note has the path through another state: then it is forgotten here.
    """
    elsewhere = {of for each in found for of in _through_another(each)}
    for each in found:
        curled = _CURLED.search(each.formula.text.partition("=")[0]) is not None
        model = each.model if curled and wrong_in(each) and each.formula not in whole else None
        if (
            model is not None
            and len(states_of(model)) > 1
            and any(
                (of := _of_one_state(said, model)) and (states_of(model), of) not in elsewhere
                for _, said in sides_of(each, model)
            )
        ):
            tried = doubted(model, PART, habits={Habit.HANDED, Habit.ALONG})
            each = _unless(PART, each, judge(each.formula, tried))
        yield each


def _of_one_state(said: Sequence[Term], model: Model) -> str:
    """The state whose gradient at an earlier step is given by that at step t alone; empty where there is none."""
    by, others = _given_by(said, model)
    later = by is not None and by.time is not None and by.time not in (nodes.t, nodes.T)
    alone = bool(others) and all(by is not None and one.name == by.name and one.time == nodes.t for one in others)
    return by.name if by is not None and later and alone else ""


def _through_another(audited: Audited) -> Iterator[tuple[tuple[str, ...], str]]:
    """The states of which a formula gives the gradient by that of another state."""
    model = audited.model
    for _, said in sides_of(audited, model) if model is not None else ():
        by, others = _given_by(said, model) if model is not None else (None, [])
        if model is not None and by is not None and any(one.name in {*states_of(model)} - {by.name} for one in others):
            yield states_of(model), by.name


def _given_by(said: Sequence[Term], model: Model) -> tuple[tree.Ref | None, list[tree.Ref]]:
    """The state whose whole gradient stands on the left, and what the gradients behind the first = are by."""
    left, *rest = said
    left = unweighted(left)
    if (
        not isinstance(left, Gradient)
        or left.immediate
        or left.only is not None
        or left.by.name not in states_of(model)
    ):
        return None, []
    return left.by, [part.by for side in rest[:1] for part in tree.walk(side) if isinstance(part, Gradient)]


def _comes_back(said: Sequence[Term], model: Model) -> bool:
    """Whether a whole gradient at step t - 1 is given by gradients at step t alone, of states and what they read."""
    left, *rest = said
    left = unweighted(left)
    if not isinstance(left, Gradient) or left.immediate or left.only is not None or left.by.time != nodes.t - 1:
        return False
    program, states = named_preactivations(model.cell), states_of(model)
    carried = {*states}.union(*(upside.behind(name, program) for name in states))
    found = [part.by for side in rest[:1] for part in tree.walk(side) if isinstance(part, Gradient)]
    return bool(found) and all(by.time == nodes.t and by.name in carried for by in found)


def _via(formula: Formula, statement: Statement, relation: int, model: Model, judge: Judge) -> str:
    """Through what the part of a gradient comes that stands right of an `=`; empty if it is no such part."""
    sides = (statement.fragment.text[side.start : side.end] for side in statement.sides[relation : relation + 2])
    fragment = replace(statement.fragment, text=" += ".join(sides), lines=statement.fragment.lines[:1])
    again = judge(replace(formula, fragment=fragment), model).judgements
    if not all(one.word in RIGHT for one in again):
        return ""
    return next((m["via"] for one in again for words in one.assumptions if (m := _THROUGH.match(words))), "")


def of_one_letter(found: Sequence[Audited], judge: Judge) -> Iterator[Audited]:
    """The formulas, those left open that are right where one letter stands for the last step that another side names.

    ∂c_t/∂c_0 = ∏_{t=1}^T f_t, where T is meant on the left, and ∂s_4/∂W = Σ_{k=1}^t ..., where 4 is meant above the Σ;
    Σ_{i=1}^T ∂L_t/∂V, where t is meant below it; Σ_{i=0}^t (∏_{i=k+1}^t ...) ∂h_k/∂W, where k is; ∏_{i=k+1}^t
    ∂c_t/∂c_{t-1}, where i is meant behind it.
    """
    for each in found:
        model, text = each.model, each.formula.text
        ways = (_for_another(text), _bound_twice(text), _bound_in_vain(text)) if model and wrong_in(each) else ()
        for read, letter, step in filter(None, ways):
            words = STANDS_FOR.format(letter=letter, step=step)
            fragment = replace(each.formula.fragment, text=read, as_written=each.formula.fragment.text)
            there = replace(each.formula, fragment=fragment)
            for tried in _along_too(doubted(model, words)) if model is not None else ():
                each = _unless(words, each, judge(there, tried))
        yield each


def _along_too(model: Model) -> Iterator[Model]:
    """The model, and where it has several states, with derivatives over several steps along one of them alone."""
    yield model
    if len(states_of(model)) > 1:
        yield doubted(model, Habit.ALONG.value, habits={Habit.ALONG})


def _bound_twice(text: str) -> tuple[str, str, str] | None:
    """The text with k below the outer of two signs that bind i, where the inner one begins behind a k of no sign."""
    found = _BOUND_TWICE.search(text)
    if found is None or re.search(rf"\\(?:sum|prod)(?:\\limits)?\s*_\s*\{{?\s*{found['meant']}\s*=", text):
        return None
    if _below(found["meant"]).search(text.partition("=")[0]):
        return None
    return text[: found.start("outer")] + found["meant"] + text[found.end("outer") :], found["outer"], found["meant"]


def _bound_in_vain(text: str) -> tuple[str, str, str] | None:
    """The text with i for the t behind a product that binds i up to t, and behind which no i stands."""
    found = _BOUND_IN_VAIN.search(text)
    if found is None or re.search(rf"(?<![A-Za-z\\]){found['letter']}(?![A-Za-z])", found["body"]):
        return None
    body = _OF_T.sub(found["letter"], found["body"])
    same = body == found["body"]
    return None if same else (text[: found.start("body")] + body + text[found.end("body") :], "t", found["letter"])


def _for_another(text: str) -> tuple[str, str, str] | None:
    """The text with the step that a letter may stand for in place of the letter, the letter, and the step."""
    left, equals, right = text.partition("=")
    if not equals:
        return None
    bound = _BOUND.search(right)
    if bound is not None and (counted := _counting_nothing(text, bound["letter"])) is not None:
        return counted, bound["letter"], "t"
    if bound is not None and (own := _below(bound["letter"])).search(left):
        letter, last = bound.groups()
        return own.sub(lambda m: m[0].replace(letter, last), left) + equals + right, letter, last
    limit = _LIMIT.search(right)
    steps = {*_STEP.findall(left)}
    if limit is None or len(steps) != 1 or _below(limit["letter"]).search(text):
        return None
    (step,) = steps
    put = right[: limit.start("letter")] + step + right[limit.end("letter") :]
    return left + equals + put, limit["letter"], step


def _counting_nothing(text: str, letter: str) -> str | None:
    """The text with t for the letter of a sum of which all terms are of step t, as no term has that letter."""
    bound = re.compile(rf"(?<=\\sum)(\s*_\s*\{{\s*){letter}(?=\s*=)")
    elsewhere = re.search(rf"(?<![A-Za-z\\]){letter}(?![A-Za-z])", bound.sub(" ", text))
    return None if letter == "t" or elsewhere or not _below("t").search(text) else bound.sub(r"\g<1>t", text)


def _below(letter: str) -> re.Pattern[str]:
    return re.compile(rf"_\s*(?:{letter}(?![A-Za-z])|\{{\s*{letter}\s*\}})")


def _unless(supposed: str, before: Audited, after: Audited) -> Audited:
    """The formula before, those of its judgements left open that are wrong there and right under what is supposed."""
    if len(before.judgements) != len(after.judgements):
        return before
    pairs = zip(before.judgements, after.judgements, strict=True)
    return replace(before, judgements=tuple(_open(old, supposed) if new.word in RIGHT else old for old, new in pairs))


def _open(judgement: Judgement, supposed: str) -> Judgement:
    if judgement.word is not Word.WRONG:
        return judgement
    reason = UNLESS.format(supposed=supposed)
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)


def _one_step(audited: Audited, model: Model) -> Expr | None:
    """The one step, a number or T, by whose values a formula takes the whole loss, on the right of its first `=`."""
    found = set()
    for _, sides in sides_of(audited, model):
        gradients = [part for side in sides[1:] for part in tree.walk(side) if isinstance(part, Gradient)]
        if any(one.only is not None or one.immediate for one in gradients):
            return None
        found |= {one.by.time for one in gradients}
    step = found.pop() if len(found) == 1 else None
    fixed = step is not None and (step == nodes.T or (step.is_Integer and step > 1))
    lefts = {sides[0].by.time for _, sides in sides_of(audited, model) if isinstance(sides[0], Gradient)}
    earlier = step == nodes.t and bool(lefts) and all(time is not None and time.is_Symbol for time in lefts - {step})
    return step if fixed or (earlier and step not in lefts) else None
