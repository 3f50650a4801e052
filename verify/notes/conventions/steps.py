"""Which steps there are, as a note says: the last, as many as are named, counted from 0."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from derive import nodes
from derive.patterns import regex
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Term
from derive.reader.models.equations.equation import Equation
from derive.reader.models.equations.names import letter_name
from derive.reader.models.own import FROM_ZERO as COUNTED
from derive.reader.text.words import SUBSCRIPTS
from verify.formulas.judgement import Judgement, Word
from verify.formulas.wrong import special
from verify.notes.audited import Audited, wrong_if
from verify.notes.conventions.trying import (
    Judge,
    Told,
    as_it_was,
    doubted,
    in_case,
    mending,
    parts_of,
    reworded,
    right_in,
    states_of,
    steps_named,
    without_cell_states,
    wrong_in,
)
from verify.notes.files import Formula

LAST_STEP = regex(
    r"\b(?:last|final)\s+(?:(?:time|lstm|gru|rnn|hidden)[\s-]*)?(?:step|unit|cell|time|state)\b"
    r"|最后一?个?\s*(?:LSTM|GRU|RNN)?\s*(?:时间步|时刻|单元|時間步|時刻|單元|步)",
    re.IGNORECASE,
)

_OF_LAST_OUTPUT = regex(
    r"(?:\\(?:mathcal|mathrm|ell)\s*)?\{?[A-Za-z]*\}?\s*=\s*(?:\\(?:mathcal|mathrm|ell)\s*)?\{?[A-Za-z]*\}?\s*"
    r"\(\s*\\?[A-Za-z]+_\{?T\}?\s*(?:[,;][^()=]*)?\)[\s.,;]*"
)

LAST_ALONE = regex(
    r"(?<!不)(?:只有|仅有?|只在)最后一?个?[^。\n$]{0,12}(?:损失|loss)|损失(?:函数)?[^。\n]{0,6}(?<!不)(?:只|仅)[^。\n]{0,10}最后"
    r"|\bloss\b[^.\n]{0,40}\b(?:last|final)\b[^.,;\n]{0,25}\b(?:only|alone)\b"
    r"|\bloss\b[^.\n]{0,40}(?<!not )\bonly\b[^.\n]{0,30}\b(?:last|final)\b"
    r"|(?<!not )\bonly\b[^.\n]{0,25}\b(?:last|final)\b[^.\n]{0,40}\bloss\b"
    r"|\b(?:pérdida|perda|perte|Verlust|потер[ияь])\b[^.\n]{0,40}"
    r"(?<!no )(?<!não )(?<!pas )(?<!nicht )(?<!не )\b(?:solo|sólo|solamente|únicamente|apenas|"
    r"somente|uniquement|seulement|nur|только)\b[^.\n]{0,30}\b(?:últim[oa]|derni(?:er|ère)|letzten?|последн\w+)\b"
    r"|損失[^。\n]{0,12}最後[^。\n]{0,10}(?:のみ|だけ)|最後[^。\n]{0,12}(?:のみ|だけ)[^。\n]{0,12}損失"
    r"|손실[^.\n]{0,20}마지막[^.\n]{0,12}(?:에서만|에만|만)",
    re.IGNORECASE,
)
"""Words for a loss that reads the output of the last step alone."""

OUTPUT_ALONE = regex(
    r"(?<!不)(?:只|仅)(?:需要?|取|用|使用|要|看|考虑|关心)+最后一?个?(?:时刻|时间步|步)[^。，,\n]{0,8}(?:输出|隐藏状态|状态|预测)"
    r"|(?<!not )\bonly\b[^.,;\n]{0,30}\b(?:last|final)\b[^.,;\n]{0,25}\b(?:output|hidden state|prediction)\b"
    r"|(?<!not )\bonly\b[^.,;\n]{0,15}\b(?:output|hidden state|prediction)\b[^.,;\n]{0,15}\b(?:last|final)\b"
    r"|\b(?:last|final)\b[^.,;\n]{0,25}\b(?:output|hidden state|prediction)\b[^.,;\n]{0,20}\b(?:only|alone)\b",
    re.IGNORECASE,
)
"""Words for tasks of which the output of the last step alone counts: what stands next to them is about these."""
EVERY_OUTPUT = regex(
    r"(?:所有|全部|每一?个?|各个?)(?:时刻|时间步|步)|\b(?:all|every|each)\b[^.\n]{0,20}\bsteps?\b", re.IGNORECASE
)
NEXT_TO = 8
"""Lines between such words and a formula that they are about."""

_NEXT_TO_LAST = regex(r"(?<![A-Za-z\\])T\s*-\s*1(?!\d)")
_AT_THE_LAST_STEP = regex(r"_\s*(?:T|\{(?:[^{}]*,)?\s*T\s*\})|\(\s*T\s*\)|=\s*1\s*\}\s*\^\s*(?:T|\{\s*T\s*\})")
"""h_T, h^{(T)}, and a sum from 1 to T."""

_ZERO_TO_LAST = regex(
    r"=\s*0\s*\}\s*\^\s*\{\s*T\s*-\s*1\s*\}|T\s*-\s*1\s*,[^$]{0,12}(?:dots|\.\.\.)[^$]{0,4},\s*0(?!\d)"
)

_LOSS_FROM_ZERO = regex(
    r"(?<![A-Za-z\\])(?:\\(?:mathcal|mathrm|text)\s*\{\s*)?[LJE]\}?\s*&?\s*:?=\s*(?:\\[dt]?frac\s*\{\s*1\s*\}\s*\{\s*T\s*\}\s*)?"
    r"\\sum(?:\\limits)?\s*_\s*\{\s*t\s*=\s*0\s*\}\s*\^\s*\{\s*(?:t\s*=\s*)?T\s*-\s*1\s*\}"
)
"""L = Σ_{t=0}^{T-1} ..."""

_EQUATED = regex(r"\(\s*t\s*=\s*(\d)\s*\)")
"""A step said by an equation, dW^{(t=2)}."""

_SUMMED = regex(r"=\s*1\s*\}\s*\^\s*\{?\s*(\d)(?!\d)")
"""The last step of a sum from the first one."""

_OF_A_STEP = regex(r"(?:\\(?:mathcal|ell)\s*)?\{?(?<![A-Za-z])(?:[LEJC]|\\ell)\}?\s*(?:_|\^)\s*(?:\{?\(?[a-z0-9T])")
"""The loss of one step: L_t, E^{(t)}."""

_NUMBERED = regex(r"_\s*(?:\{\s*(\d)\s*\}|(\d))")
_LETTERED = regex(r"(?<![A-Za-z\\])t(?![A-Za-z])|\\sum|∑|Σ|\\partial|∂")
"""A step by its letter, or a sum over the steps."""

_SUM_FROM_ZERO = regex(r"(?<==)\s*0(?=\s*\}\s*\^\s*(?:T|\{\s*T\s*\}))")
_SUM_OF_ALL = regex(r"\\sum(?:\\limits)?\s*_\s*(?:\{\s*t\s*\}|t(?![A-Za-z]))(?!\s*\^)(?=.*t\s*\+\s*1(?!\d))")
"""Σ_t of what has a t + 1."""
_GRADIENT = regex(
    r"(?<![A-Za-z\\{/])d(?P<of>[ABDF-IKM-Za-z])(?:_\{?\s*(?P<step>[a-z]|\\tau)(?![A-Za-z])|(?!\s*[/_^'(\[{]|\w))"
)
WITHOUT_STEP = "the step of d{letter} is not said here, and elsewhere in the note it is"
UNSAID = "wrong if earlier steps have losses of their own, of which the note says nothing"
_IN_WORDS = regex(
    r"\b(?:(?P<number>[2-6])|(?P<word>two|three|four|five|six))(?:[\s-]time[\s-]?steps?|-step)\b"
    r"|(?<![分第])(?P<chinese>[2-6二三四五六])\s*(?:个时间步|個時間步|步\s*(?:的\s*)?(?:RNN|LSTM|GRU|循环|序列))"
    r"|\$\s*T\s*=\s*(?P<last>[2-6])\s*\$",
    re.IGNORECASE,
)
"""A 2-timestep example, a sequence of three time steps, $T = 3$."""
_WORDS = (("two", "二"), ("three", "三"), ("four", "四"), ("five", "五"), ("six", "六"))
_BRACES = regex(r"[{}\s&]|\\(?:left|right|quad|[,;: !])")
_SUM_OF_LOSSES = regex(
    r"(?<![A-Za-z_])(?P<loss>(?:\\mathcal|\\mathrm)?[LEJC]|\\ell)(?:_(?:total|tot|all))?="
    r"(?P<terms>(?P=loss)_\d(?:\+(?P=loss)_\d)+)(?![\w+])"
)
_STEP_OF_LOSS = regex(r"_(\d)")
_NUMBER = regex(r"_\s*\{?\s*(\d+)\s*\}?\s*\Z")
_DOTTED = regex(r"[+](?:\s|&|\\\\)*(?:\\(?:cdots|ldots|dots|dotsb)(?![A-Za-z])|…|⋯|\.\.\.)(?:\s|&|\\\\)*\+")
"""The terms of the steps between: + ⋯ +."""
_FIRST = regex(
    r"[\s&]*(?P<state>\\?[A-Za-z]+|\\[a-z]+\s*\{\s*\\?[A-Za-z]+\s*\})\s*_\s*\{?\s*1\s*\}?\s*&?\s*=(?!.*\\partial)"
)
_ZERO_BEFORE = regex(r"(?:\$T = 1\$ and )?\$[^$]*_0 = 0\$")
STARTS_AT_ZERO = "what stands before the first step is zero, as its equation says"
OF_LENGTH = "there are {steps} steps, as many as the formula names"
AT_THE_LAST = "t = T, as the heading says"
OF_NEXT = "the sum runs over the steps t of which t + 1 is one"
OF_NAMED = "an error without a step is that of step {step}, which the formula names"
FROM_ZERO = "steps are counted from 0, so that T - 1 is the last one"
NONE_AT_ZERO = "what stands at step 0 counts as zero"
OF_LAST_OUTPUT = "the loss reads the output of the last step alone, as the note says"


def last(found: Sequence[Audited], judge: Judge, told: Told) -> list[Audited]:
    """What is true at the last step, below a heading that says so."""
    return [
        in_case(told(each), "$t = T$", AT_THE_LAST) if any(map(LAST_STEP.search, each.formula.section)) else each
        for each in found
    ]


def of_length(found: Sequence[Audited], judge: Judge, said: Collection[int], told: Told) -> list[Audited]:
    """What is true of as many steps as the formula names by their numbers: ∂J/∂W = ∂J_1/∂W + ∂J_2/∂W + ∂J_3/∂W."""
    return [*map(as_long_as_named(found, said, told), found)]


def lengths_in_words(text: str) -> Iterator[int]:
    """The numbers of steps that a text speaks of."""
    for match in _IN_WORDS.finditer(text):
        said = match["number"] or match["word"] or match["chinese"] or match["last"]
        yield next(n for n, words in enumerate(_WORDS, 2) if said.lower() in (*words, str(n)))


def lengths_in_equations(written: Sequence[Equation]) -> Iterator[int]:
    """The number of steps where a letter has an equation for each: o_1 = f(x_1 W), ..., o_4 = f(x_4 W + o_3 U)."""
    steps: dict[str, set[int]] = {}
    for equation in written:
        if number := _NUMBER.search(equation.numbered):
            steps.setdefault(equation.target, set()).add(int(number[1]))
    yield from (max(each) for each in steps.values() if len(each) > 2 and each == {*range(1, max(each) + 1)})


def lengths_in_sums(texts: Iterable[str]) -> Iterator[int]:
    """The number of steps over which a loss is a sum that is written out: L = L_1 + L_2 + L_3."""
    for text in texts:
        written = "".join(f"_{SUBSCRIPTS[each]}" if each in SUBSCRIPTS else each for each in text)
        found = _SUM_OF_LOSSES.search(_BRACES.sub("", written))
        steps = sorted(map(int, _STEP_OF_LOSS.findall(found["terms"]))) if found else []
        if len(steps) > 1 and steps == [*range(1, len(steps) + 1)]:
            yield len(steps)


def as_long_as_named(found: Sequence[Audited], said: Collection[int], told: Told) -> Callable[[Audited], Audited]:
    """What takes a formula to be of as many steps as it names by their numbers.

    It must name every step, and no other formula of the note a later one, or the last step by its letter; nothing of
    the others counts where the note has so many steps in words, `said`, or the formula says that these are steps:
    dW = dW^{(t=1)} + dW^{(t=2)}.
    """
    longest = max((int(step) for each in found for step in steps_named(each.formula.text)), default=1)
    by_letter = any(_AT_THE_LAST_STEP.search(each.formula.text) for each in found)

    def of_its_length(each: Audited) -> Audited:
        if equated := _equated(each.formula.text):
            return in_case(told(each), f"$T = {equated}$", OF_LENGTH.format(steps=equated))
        named = {int(step) for step in steps_named(each.formula.text)}
        summed = {int(step) for step in _SUMMED.findall(each.formula.text)}
        last = max(named | summed, default=1)
        from_one = 1 in named and _DOTTED.search(each.formula.text) is not None
        whole = last > 1 and (last in summed or from_one or named >= {*range(1, last + 1)})
        if not whole or not (last in said or (last == longest and not by_letter)):
            return each  # h_1 alone tells of no length
        return in_case(told(each), f"$T = {last}$", OF_LENGTH.format(steps=last))

    return of_its_length


def _equated(text: str) -> int:
    """The last of the steps that a formula names as such, where it names all before; 0 where it does not."""
    named = {int(step) for step in _EQUATED.findall(text)}
    return max(named) if len(named) > 1 and named == set(range(1, max(named) + 1)) else 0


def of_last_output(found: Sequence[Audited], judge: Judge, said: Collection[Formula], told: Told) -> list[Audited]:
    """What is true where J reads the last output alone, if the note says so: L = L(h_T), or words before it."""
    whole = any(_OF_LAST_OUTPUT.fullmatch(each.formula.text.strip()) for each in found)
    return [
        in_case(told(each), special.LAST_OUTPUT, OF_LAST_OUTPUT) if whole or each.formula in said else each
        for each in found
    ]


def of_no_said_loss(found: Sequence[Audited], judge: Judge, told: Told) -> list[Audited]:
    """What is wrong only as earlier steps have losses is open in a note that says of no step what its loss is.

    Nor may its cell read anything out of the state, but where a chain names its steps by number. Of what does so no
    such case is known, but the longest way through them.
    """
    if any(map(_OF_A_STEP.search, without_cell_states(each.formula.text for each in found))):
        return list(found)

    def kept(judgement: Judgement, *, bare: bool, many: bool) -> Judgement:
        cases = judgement.true_when.split(special.OR)
        by_the_end = any(case.startswith(special.LAST_OUTPUT) for case in cases)
        numbered = not judgement.mistakes and many
        open_ = (by_the_end or numbered) if bare else (by_the_end and numbered)
        if judgement.word is not Word.WRONG or not open_:
            return judgement
        return Judgement(judgement.formula, Word.UNDECIDED, reason=UNSAID, place=judgement.place)

    def opened(each: Audited) -> Audited:
        if each.model is None or each.model.cell.is_loss or not wrong_in(each) or wrong_if(each):
            return each
        bare = each.model.cell.output.name in states_of(each.model)
        many = len({*steps_named(each.formula.text)}) > 2
        if not bare and not many:
            return each
        each = told(each)
        return replace(each, judgements=tuple(kept(one, bare=bare, many=many) for one in each.judgements))

    return [*map(opened, found)]


def of_no_said_step(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """What is wrong is open where it has dh and the note has dh_t too: in programs dh may be of any step."""
    steps = {"t", *(own for each in found for own, usual in each.formula.fragment.times if usual == "t")}
    stepped = {
        match["of"] for each in found for match in _GRADIENT.finditer(each.formula.text) if match["step"] in steps
    }

    def opened(each: Audited) -> Audited:
        bare = {match["of"] for match in _GRADIENT.finditer(each.formula.text) if not match["step"]}
        if not (letters := sorted(bare & stepped)):
            return each
        reason = WITHOUT_STEP.format(letter=letters[0])
        kept = (
            Judgement(one.formula, Word.UNDECIDED, reason=reason, place=one.place) if one.word is Word.WRONG else one
            for one in each.judgements
        )
        return replace(each, judgements=tuple(kept))

    return [opened(each) if wrong_in(each) else each for each in found]


def from_zero(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """T - 1 as the last step, where the note counts so: it says 0, ..., T - 1, or claims two things that are right so.

    A note that claims something at T counts from 1. Where its loss is such a sum, nothing is guessed.
    """
    claims = [each for each in found if any(one.word is not Word.NOT_A_CLAIM for one in each.judgements)]
    if any(_AT_THE_LAST_STEP.search(each.formula.text) for each in claims):
        return list(found)
    words = COUNTED if any(_LOSS_FROM_ZERO.search(each.formula.text) for each in found) else FROM_ZERO
    tried: dict[int, Audited] = {}
    for number, each in enumerate(found):
        if each.model is None or not wrong_in(each) or not _NEXT_TO_LAST.search(each.formula.text):
            continue
        tried[number] = reworded(each, _NEXT_TO_LAST, "T", words, judge)
    mended = mending(found, tried)
    right = sum(map(right_in, mended)) - sum(map(right_in, found))
    said = any(_ZERO_TO_LAST.search(each.formula.text) for each in found)
    return mended if right > 1 or (said and right) else list(found)


def of_named_step(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """Errors without a step as those of the one step that a formula names by its number: dW = δ_h h_0^⊤.

    Such a formula is that of any step at this one. Behind h_0 it is the first; of others the last that is named.
    """
    tried = {}
    for number, each in enumerate(found):
        named = {int(step) for step in steps_named(each.formula.text)}
        step = max([1, *named])
        if each.model is None or not wrong_in(each) or not named or not named <= {step - 1, step}:
            continue
        if _LETTERED.search(each.formula.text) or not any(map(_is_bare, parts_of(each, each.model))):
            continue
        fragment = each.formula.fragment
        text = _NUMBERED.sub(lambda m, k=step: "_t" if int(m[1] or m[2]) == k else "_{t-1}", fragment.text)  # type: ignore[misc]
        there = replace(each.formula, fragment=replace(fragment, text=text, as_written=fragment.text))
        again = judge(there, doubted(each.model, OF_NAMED.format(step=step)))
        if len(again.judgements) == len(each.judgements):
            tried[number] = as_it_was(again, each)
    return mending(found, tried)


def _is_bare(part: Term) -> bool:
    """Whether this is an error or gradient at t, as a letter without a step is."""
    return isinstance(part, tree.Gradient) and part.spelling != "partial" and part.by.time == nodes.t


def at_the_start(found: Sequence[Audited], judge: Judge, told: Told) -> list[Audited]:
    """The equation of a state's first step, which reads none before it: o_1 = f(x_1 W)."""
    result = []
    for each in found:
        first = _FIRST.match(each.formula.text) if each.model is not None else None
        if each.model is not None and first is not None and letter_name(first["state"]) in states_of(each.model):
            each = told(each)
            cases = (case for one in each.judgements for case in one.true_when.split(special.OR))
            for case in filter(_ZERO_BEFORE.fullmatch, list(cases)):
                each = in_case(each, case, STARTS_AT_ZERO)
        result.append(each)
    return result


def with_step_zero(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """A sum from 0 to T as that of the steps there are."""
    return mending(
        found, {
            number: reworded(each, _SUM_FROM_ZERO, "1", NONE_AT_ZERO, judge)
            for number, each in enumerate(found)
            if each.model is not None and wrong_in(each) and _SUM_FROM_ZERO.search(each.formula.text)
        },
    )  # fmt: skip


def of_next_step(found: Sequence[Audited], judge: Judge) -> list[Audited]:
    """Σ_t δ_{t+1} h_t^⊤ as a sum from 0 to T - 1, where nothing says from where on it is."""
    tried = {}
    for number, each in enumerate(found):
        if each.model is not None and wrong_in(each) and _SUM_OF_ALL.search(each.formula.text):
            again = reworded(each, _SUM_OF_ALL, r"\sum_{t=0}^{T-1}", OF_NEXT, judge)
            if len(again.judgements) == len(each.judgements):
                tried[number] = as_it_was(again, each)
    return mending(found, tried)
