"""What a note says in two ways, or cannot be read to say: what is wrong of one of them alone stays open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from derive.errors import Place
from derive.notation import spelled
from derive.patterns import regex
from derive.reader.meaning import tree
from derive.reader.models.equations.finding import DERIVATIVE, RELATION, letter_named
from derive.reader.models.equations.names import names, spelled_names, stripped
from derive.reader.models.equations.remarks import operands_in_words
from derive.reader.models.model import Model
from verify.formulas import upside
from verify.formulas.judgement import MISFIT, NO_READING, Judgement, Word
from verify.formulas.readings.conventions import DERIVATIVES
from verify.notes.audited import ANOTHER, Audited
from verify.notes.conventions.habits import OF_ONE
from verify.notes.conventions.trying import RIGHT, sides_of
from verify.notes.models.stating import UPDATE

OF_TWO_MINDS = "wrong by the model, of which line {line} says another thing"

OF_UNREAD = "wrong if {letter} is not what line {line} says, which is not understood"
_SCRIPTS = r"(?:\s*[_^]\s*(?:\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w))"
_ERROR = regex(rf"(?:\\delta(?![A-Za-z])|δ){_SCRIPTS}*|(?<![A-Za-z\\])d[a-z]{_SCRIPTS}")
"""δ_t and dy_t."""
_ENTRY = regex(r"_[ij]\Z")
_OF_A_STEP = regex(r"[ij]\s*[-+]\s*1(?!\d)")
_UNKNOWN = regex(r"is\s+not\s+known\s+in\s+this\s+cell\Z")

OF_WRONG = "right only if {letter} is not what line {line} says, which is wrong"
_BARE_ERROR = regex(
    r"[\s&]*((?:\\delta(?![A-Za-z])|δ)\s*_\s*(?:\{\s*\\?[A-Za-z]+\s*\}|[A-Za-z]))\s*&?\s*(?::?=|\\equiv)"
)
"""δ_t =, of which no label says what it is the gradient by."""

OF_SO_MANY = "right only if {supposed}; it speaks of any step t"
_SO_MANY = regex(r"(?:the sequence has|there are) \d+ steps(?:, as many as the formula names)?")
_AT_T = regex(r"[_^]\s*(?:t(?![A-Za-z])|\{\s*\(?\s*t\s*\)?\s*\})")
_NUMBERED_SUM = regex(r"\\(?:sum|prod)\s*(?:\\limits\s*)?_\s*\{\s*([a-z])\s*=[^{}]*\}\s*\^\s*\{?\s*\d")
"""A sum up to a step by its number."""

OF_A_CASE = "said of the case that the words before it name, which is not read"
_CASE = regex(
    r"(?:\A|[\s*\-。；;])(?:if|when|otherwise|else|若|如果|当|否则|其他情况|其余)(?![A-Za-z])[^.。；;]*[:：]\W*\Z",
    re.IGNORECASE,
)
"""If p = q and i = r: ..."""
OF_AN_UPDATE = "an update of a letter without a step, as loops have it; with the steps of both sides it can be judged"
OF_UNUSED = "depends on the loss, which the model does not have: line {line}, which says it, is not used"
_GRADIENTS = tree.Gradient | tree.Use
_DERIVED = _GRADIENTS | tree.Derivative | tree.Operated | tree.Error | tree.Differential | tree.Handed | tree.Through

AGAINST_THE_SUM = "right only if {supposed}; line {line} says that the loss is a sum over the steps"
_SUM_OVER_STEPS = regex(
    r"\s*(?:\\(?:mathcal|mathrm|text)\s*\{?\s*)?(?:[LJEC]|\\ell|[Ll]oss)\}?(?:_\{?\\?(?:text|mathrm)?\{?[a-z]+\}*)?"
    r"(?:\s*\([^()=]*\))?\s*&?\s*=\s*&?[^=]{0,20}\\sum(?:\\n?o?limits)?\s*"
    r"_\s*(?:t(?![a-z])|\{\s*(?:t|\\tau|k|n|i)?\s*(?:=\s*[01]\s*)?\}\s*\^\s*\{?\s*T|\{\s*t\s*(?:=\s*[01]\s*)?\})"
)
_SUM_IN_WORDS = regex(
    r"\bloss(?:es)?\b[^.\n$]{0,30}\b(?:sum(?:med)?|add(?:ed)?(?: up)?)\b[^.\n$]{0,20}\b(?:over|of|at|across|for)\b"
    r"[^.\n$]{0,20}\b(?:all|every|each)\b(?: (?:time|the))*[\s-]?(?:steps?|times)\b"
    r"|损失[^。\n$]{0,10}(?:所有|各个?|每个?|全部)[^。\n$]{0,4}(?:时间步|时刻|步)[^。\n$]{0,8}(?:之和|总和|求和|累加|相加)"
)
AGAINST_THE_WHOLE = "right only if {supposed}; line {line} counts its uses in earlier steps, too"
_OF_ONE_USE = (DERIVATIVES["step"], DERIVATIVES["use"])
_BACK_THROUGH_STEPS = regex(
    r"^(?P<outer>[ \t]*)for (?P<step>\w+) in [^\n]+:[ \t]*\n(?:(?P=outer)[ \t]+\S[^\n]*\n|[ \t]*\n)*?"
    r"(?P<inner>(?P=outer)[ \t]+)for \w+ in [^\n]*\b(?P=step)\b[^\n]*:[ \t]*\n"
    r"(?P<body>(?:(?P=inner)[ \t]+\S[^\n]*\n)+)",
    re.MULTILINE,
)
_ADDED = regex(r"^[ \t]*d(?:[LEJ]_?d)?_?(?P<weight>[A-Z]\w*)[^\n=]*\+=", re.MULTILINE)
_OF_THE_LOSS = regex(r"\\partial\s*\{?\s*(?:\\mathcal\s*\{?\s*)?[LEJC](?![A-Za-z])")
_BY = regex(rf"\\partial\s*\{{?\s*(\\?[A-Za-z]+{_SCRIPTS}*)")
_SUMMED = regex(r"\\sum(?![A-Za-z])|∑|Σ")
_LETTER = regex(rf"\\?[A-Za-z]+{_SCRIPTS}+")
_CURLED = regex(r"\\partial(?![A-Za-z])|∂|\\nabla(?![A-Za-z])|∇|\\delta(?![A-Za-z])|δ")
_TIMES_A_NUMBER = regex(r"(?<![A-Za-z_^{\d.])\d+(?:\.\d+)?\s*(?:\\(?:cdot|times|,)|[*·A-Za-z(])")
"""0.5 h_t"""
_IN_A_CASE = regex(r"=\s*-?[\d.]+\s*(?:[$,;:，；：]|\\)")  # z_t = 0: h_t = h_{t-1}


def of_two_minds(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that are wrong of a quantity that the section defines in two ways.

    A letter with an index, r_j, is by a value that cannot be read another one than r_t wherever it has that index.
    """
    entries: dict[str, int] = {}
    said: list[tuple[Model, tuple[str, ...], int, frozenset[str]]] = []
    for each in found:
        in_a_case = _IN_A_CASE.search(each.formula.place.text)
        error = _ERROR.match(each.formula.text.lstrip(" &"))
        if error and each.model is not None and any(one.reason == ANOTHER for one in each.judgements):
            letters = frozenset({_error_named(error.group())})  # δ_3 = 1 (1 - h_3^2)
            said.append((each.model, each.formula.section, each.formula.place.line, letters))
        if each.model is not None and not in_a_case and not DERIVATIVE.search(each.formula.text):
            computed = {equation.symbol.name for equation in each.model.cell.equations}
            letters = names(each.formula.fragment) & computed
            left = letter_named(each.formula.text.partition("=")[0].strip(" &"))
            entry = (
                bool(_ENTRY.search(left)) and stripped(left) in computed and not _OF_A_STEP.search(each.formula.text)
            )
            if entry and any(_UNKNOWN.search(one.reason) for one in each.judgements):
                entries.setdefault(left, each.formula.place.line)
            if any(MISFIT in one.reason or NO_READING in one.reason for one in each.judgements):  # z_3 = V s_3
                letters = frozenset({left, stripped(left)} if stripped(left) in computed else ())
            elif all(one.reason != ANOTHER for one in each.judgements) or _of_an_example(each, each.model):
                continue
            if letters:
                said.append((each.model, each.formula.section, each.formula.place.line, letters))
    for each in found:
        about = names(each.formula.fragment) | {_error_named(m.group()) for m in _ERROR.finditer(each.formula.text)}
        lines = [
            line
            for model, section, line, letters in said
            if model == each.model and section == each.formula.section and letters & about
        ]
        spelled_out = set(spelled_names(each.formula.text)) if entries else set()  # beside Σ_j r_j is one letter
        lines += [line for letter, line in entries.items() if letter in spelled_out]
        yield (
            replace(each, judgements=tuple(_open(one, OF_TWO_MINDS.format(line=lines[0])) for one in each.judgements))
            if lines
            else each
        )


def _of_an_example(audited: Audited, model: Model) -> bool:
    """Whether an equation has numbers in the place of all parameters: it is the model's, in an example."""
    given = {parameter.name for parameter in model.cell.parameters}
    return not names(audited.formula.fragment) & given and _TIMES_A_NUMBER.search(audited.formula.text) is not None


def of_unread_errors(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that are wrong with an error letter of which the note says what cannot be read."""
    unread: dict[str, Audited] = {}
    read: set[str] = set()
    for each in found:
        named = _ERROR.match(each.formula.text.lstrip(" &\n"))
        if named is None or not RELATION.match(each.formula.text.lstrip(" &\n")[named.end() :].lstrip(" &")):
            continue
        lost = bool(operands_in_words(each.formula.fragment)) or _says_nothing_read(each, _error_named(named.group()))
        if lost or all(one.word is Word.UNREADABLE or _UNKNOWN.search(one.reason) for one in each.judgements):
            unread.setdefault(_error_named(named.group()), each)
        else:
            read.add(_error_named(named.group()))
    for each in found:
        wrong = unread and any(one.word is Word.WRONG for one in each.judgements)
        letters = {_error_named(m.group()): m.group() for m in _ERROR.finditer(each.formula.text)} if wrong else {}
        said = next((name for name in letters if name in unread.keys() - read), None)
        if said is None or unread[said] is each:
            yield each
            continue
        reason = OF_UNREAD.format(letter=f"${letters[said]}$", line=unread[said].formula.place.line)
        yield replace(each, judgements=tuple(_open(one, reason) for one in each.judgements))


def _says_nothing_read(audited: Audited, letter: str) -> bool:
    """Whether nothing of what a formula says of an error letter is decided, and no other line says what it is."""
    known = audited.model is not None and letter in dict(audited.model.meant.errors)
    return not known and all(
        one.word in (Word.UNDECIDED, Word.UNREADABLE) or NO_READING in one.reason or MISFIT in one.reason
        for one in audited.judgements
    )


def _error_named(text: str) -> str:
    return letter_named(text) or text[: len("dy")]


def of_wrong_errors(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that are right with an error letter of which the note has wrong values alone.

    Not where the note says in another way what it is the gradient by, or gives it from itself at another step.
    """
    wrong: dict[str, Audited] = {}
    right: set[str] = set()
    for each in found:
        named = _BARE_ERROR.match(each.formula.text)
        if named is None or each.model is None or not each.judgements:
            continue
        letter = letter_named(named[1])
        again = letter in {letter_named(m.group()) for m in _ERROR.finditer(each.formula.text, named.end())}
        if each.judgements[0].word is Word.WRONG and not again and letter not in dict(each.model.meant.errors):
            wrong.setdefault(letter, each)
        else:
            right.add(letter)
    for each in found:
        letters = {letter_named(m.group()): m.group() for m in _ERROR.finditer(each.formula.text)} if wrong else {}
        said = next((name for name in letters if name in wrong.keys() - right), None)
        if said is None:
            yield each
            continue
        reason = OF_WRONG.format(letter=f"${letters[said]}$", line=wrong[said].formula.place.line)
        yield replace(
            each, judgements=tuple(_left_open(one, reason) if one.word in RIGHT else one for one in each.judgements)
        )


def of_zeros(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that are right as they stand as a Jacobian in them, upside down, is zero."""
    for each in found:
        kept = (
            _left_open(one, words) if (words := next(filter(upside.ZERO.search, one.assumptions), "")) else one
            for one in each.judgements
        )
        yield replace(each, judgements=tuple(kept))


def of_any_step(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that speak of any step t and are right only of as many steps as a sum in them has:
    ∂L_t/∂W = Σ_{s=0}^4 ..., where what stands at s > t is zero.
    """
    for each in found:
        kept = (
            _left_open(one, OF_SO_MANY.format(supposed=words))
            if (words := next(filter(_SO_MANY.fullmatch, one.assumptions), ""))
            and one.word in RIGHT
            and _AT_T.search(one.formula)
            and _NUMBERED_SUM.search(one.formula)
            and "t" not in _NUMBERED_SUM.findall(one.formula)
            else one
            for one in each.judgements
        )
        yield replace(each, judgements=tuple(kept))


def of_cases(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that are wrong in a case that words before them in their line name."""
    for each in found:
        place = each.formula.place
        named = not each.formula.displayed and _CASE.search(place.text[: place.column - 1].rstrip("$`(\\ "))
        yield replace(each, judgements=tuple(_open(one, OF_A_CASE) for one in each.judgements)) if named else each


def of_updates(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that are wrong and update a gradient without a step: δ_h ← δ_z W^⊤ in a loop."""
    for each in found:
        kept = (_open(one, OF_AN_UPDATE) if UPDATE.match(one.formula) else one for one in each.judgements)
        yield replace(each, judgements=tuple(kept))


def of_unused_losses(found: Sequence[Audited], losses: Sequence[Place]) -> Iterator[Audited]:
    """The formulas, those left open that say in values alone what the gradient of a loss is that no model has."""
    for each in found:
        model = each.model if losses and any(one.word is Word.WRONG for one in each.judgements) else None
        if model is None or model.cell.is_loss:
            yield each
            continue
        lost = {
            statement.place(number)
            for statement, said in sides_of(each, model)
            for number, sides in enumerate(pairwise(said))
            if len({any(isinstance(part, _DERIVED) for part in tree.walk(side)) for side in sides}) > 1
            and any(isinstance(part, _GRADIENTS) for side in sides for part in tree.walk(side))
        }
        reason = OF_UNUSED.format(line=losses[0].line)
        yield replace(
            each, judgements=tuple(_open(one, reason) if one.place in lost else one for one in each.judgements)
        )


def against_the_sum(found: Sequence[Audited], last_alone: bool, texts: Iterable[str]) -> Iterator[Audited]:
    """The formulas, those left open that are right of the error of one step where the note sums over the steps.

    With `last_alone` its words speak of the error of the last step, too; `texts` may say in words that it is a sum.
    """
    lines = (text.count("\n", 0, words.start()) + 1 for text in texts for words in _SUM_IN_WORDS.finditer(text))
    line = next(lines, 0)
    for each in found:
        if _SUM_OVER_STEPS.match(each.formula.text):
            line = each.formula.place.line
        known = line and not last_alone
        yield replace(each, judgements=tuple(_summed(one, line) for one in each.judgements)) if known else each


def against_the_whole(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that are right of a parameter's use in one step where d has been that of every use.

    A note shows the latter by da_t/dw = x_t + u da_{t-1}/dw, if all its derivatives have a d.
    """
    plain = [each for each in found if DERIVATIVE.search(each.formula.text)]
    if any(_CURLED.search(each.formula.text) for each in plain):
        yield from found
        return
    line = next((each.formula.place.line for each in plain if each.model is not None and _through_steps(each)), 0)
    for each in found:
        yield replace(each, judgements=tuple(_whole(one, line) for one in each.judgements)) if line else each


def against_the_recursion(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that give ∂y_k/∂w_{ij} by its use in one step alone where the note has it of every
    use, ∂y_k/∂w_{ij} = f'(s_k) [Σ_l w_{kl} ∂y_l/∂w_{ij} + δ_{ki} z_j].
    """
    lines: dict[tuple[str, str], int] = {}
    for each in found:
        for key in _by_entries(each) if _through_steps(each) else ():
            lines.setdefault(key, each.formula.place.line)
    for each in found:
        line = next((lines[key] for key in _by_entries(each) if key in lines), 0) if lines else 0
        yield replace(each, judgements=tuple(_whole(one, line) for one in each.judgements)) if line else each


def _by_entries(audited: Audited) -> Iterator[tuple[str, str]]:
    """What a formula differentiates by an entry of what, all of its left side."""
    for _, sides in sides_of(audited, audited.model) if audited.model is not None else ():
        left = sides[0]
        if isinstance(left, tree.Derivative) and left.by.time is None and left.by.at and not left.immediate:
            yield left.of.name, left.by.name


def against_the_program(found: Sequence[Audited], texts: Iterable[str]) -> Iterator[Audited]:
    """The formulas, those left open that are right of a parameter's use in one step where a program in the note, in a
    loop back from each step, adds up those of all steps before: for t in ...: for k in range(t, ...): dW += ...
    """
    lines: dict[str, int] = {}
    for text in texts:
        for loop in _BACK_THROUGH_STEPS.finditer(text):
            for added in _ADDED.finditer(loop["body"]):
                weight = added["weight"].replace("_", "")
                lines.setdefault(weight, text.count("\n", 0, loop.start("body") + added.start("weight")) + 1)
    for each in found:
        text = each.formula.text
        alone = bool(lines) and _OF_THE_LOSS.search(text) is not None and _SUMMED.search(text) is None
        by = [letter_named(found[1]).replace("_", "") for found in _BY.finditer(text)] if alone else []
        line = next((lines[weight] for weight in by if weight in lines), 0)
        yield replace(each, judgements=tuple(_whole(one, line) for one in each.judgements)) if line else each


def against_the_carried(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open that are right only if a letter for ∂h_t/∂W, which the note gives from its value at
    t - 1, has the use in one step alone: S_t = f'(a_t) (W S_{t-1} + h_{t-1}).
    """
    lines: dict[str, int] = {}
    for each in found:
        left, equals, right = each.formula.text.partition("=")
        for letter in _sensitivities(each) if equals else ():
            at = rf"{re.escape(str(spelled(letter)))}\s*_\s*\{{?\s*t\b"
            if re.fullmatch(rf"[\s&]*{at}\s*\}}?[\s&]*", left) and re.search(rf"{at}\s*-\s*1", right):
                lines.setdefault(letter, each.formula.place.line)
    for each in found:
        about = {letter_named(m.group()) for m in _LETTER.finditer(each.formula.text)} if lines else set()
        line = next((line for letter, line in lines.items() if letter in about), 0)
        yield replace(each, judgements=tuple(_whole(one, line) for one in each.judgements)) if line else each


def _sensitivities(audited: Audited) -> Iterator[str]:
    """The letters that stand for a derivative of a value by a parameter."""
    for letter, said in audited.model.meant.errors if audited.model is not None else ():
        if isinstance(said, tree.Derivative) and said.by.time is None:
            yield letter


def _through_steps(audited: Audited) -> bool:
    """Whether a formula is right that gives a derivative by a parameter from that of an earlier step."""
    if audited.model is None or not all(_is_right_of_all_uses(one) for one in audited.judgements):
        return False
    for _, sides in sides_of(audited, audited.model):
        left = sides[0]
        if isinstance(left, tree.Derivative) and left.by.time is None:
            behind = (part for side in sides[1:] for part in tree.walk(side))
            if any(isinstance(part, tree.Derivative) and _before(part, left) for part in behind):
                return True
    return False


def _before(part: tree.Derivative, whole: tree.Derivative) -> bool:
    steps = part.of.time, whole.of.time
    earlier = steps[0] is not None and steps[1] is not None and (steps[1] - steps[0]).is_positive
    return part.by == whole.by and bool(earlier)


def _is_right_of_all_uses(judgement: Judgement) -> bool:
    right = judgement.word in (Word.PROVED, Word.HOLDS_IF)
    return right and not {*_OF_ONE_USE}.intersection(judgement.assumptions)


def _whole(judgement: Judgement, line: int) -> Judgement:
    supposed = next((words for words in _OF_ONE_USE if words in judgement.assumptions), None)
    if judgement.word is not Word.HOLDS_IF or supposed is None:
        return judgement
    return _left_open(judgement, AGAINST_THE_WHOLE.format(supposed=supposed, line=line))


def _summed(judgement: Judgement, line: int) -> Judgement:
    supposed = next((words for words in judgement.assumptions if words.startswith(OF_ONE)), None)
    if judgement.word is not Word.HOLDS_IF or supposed is None:
        return judgement
    return _left_open(judgement, AGAINST_THE_SUM.format(supposed=supposed, line=line))


def _open(judgement: Judgement, reason: str) -> Judgement:
    return _left_open(judgement, reason) if judgement.word is Word.WRONG else judgement


def _left_open(judgement: Judgement, reason: str) -> Judgement:
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)
