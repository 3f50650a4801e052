"""What a note says aside, in letters of its own: y = x², J = y + 3x, and f'(x) = 1 - y²."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from string import ascii_letters

from derive.patterns import regex
from derive.reader.claims.meant import Habit
from verify.formulas.judgement import MISFIT, Judgement, Word
from verify.notes.audited import Audited
from verify.notes.examples.followed import with_values
from verify.notes.files import HEADING, Document

OF_AN_EXAMPLE = "line {line} says that {loss} is something else here"
_LETTER = r"(?P<loss>[A-Za-z]|\\(?:mathcal|mathrm)\s*\{?[A-Za-z]\}?|\\ell)"
_SET = regex(
    rf"(?:\A|[,;&]|\\q?quad)\s*{_LETTER}\s*=\s*(?=[^=,;]*[-+])(?=[^=,;]*[a-z])"
    r"(?:[\s\d+\-*/(){}]|(?<![A-Za-z])[A-Za-z]|\^)+(?:[,;.]|\Z)"
)
"""A loss as a sum of letters that have no time and are no functions."""
UNTRANSPOSED = (
    "the document transposes nothing, so the order of its products says little, and the shapes do not fit: {misfit}"
)
OF_A_NUMBER = "line {line} says that {letter} is a number here"
_NUMBER = regex(r"\s*(?P<letter>[A-Za-z])\s*\\in\s*\\(?:mathbb|mathbf|Bbb)\s*\{?\s*R\s*\}?[\s.,;]*")
OF_ANOTHER = "the words before it speak of a plain RNN, which is not the model here"
_PLAIN = regex(
    r"\b(?:vanilla|plain|simple|basic|standard|traditional|ordinary|elman)[\s-]+(?:RNNs?|recurrent)\b"
    r"|(?:普通|简单|传统|标准|基本|原始|朴素)的?\s*(?:RNN|循环神经网络)",
    re.IGNORECASE,
)
LONGEST_LABEL = 100
"""Characters of a line that only says what the formula below is about."""
OF_A_FUNCTION = "letters without a time beside a function of {argument} may be the function's own"
_FUNCTION = regex(
    r"(?:\\[A-Za-z]+|[A-Za-z]+)\s*(?:'|\^\s*\{?\s*\\prime\s*\}?)?\s*\(\s*(?P<argument>[a-z])\s*\)\s*&?\s*="
)
_VALUE = regex(r"\s*[a-z]\s*=\s*(?:\\[A-Za-z]+|[A-Za-z]{2,})\s*\(\s*(?P<argument>[a-z])\s*\)[\s.,;]*")
"""y = tanh(x), which says of what function the derivative is spoken of."""
_NO_LETTERS = regex(r"\\[A-Za-z]+|[A-Za-z]{2,}")
_GRADIENT = regex(rf"\\partial\s*{_LETTER}")


def of_examples(found: Sequence[Audited], document: Document) -> Iterator[Audited]:
    """The formulas; wrong of the model is not what is said in letters that the note uses otherwise here."""
    lines = {part.file: part.text.splitlines() for part in document.parts}
    losses: dict[str, tuple[tuple[str, ...], int]] = {}
    numbers: dict[tuple[str, ...], dict[str, int]] = {}
    for each in with_values(found, lines):
        text, section = each.formula.text, each.formula.section
        if (number := _NUMBER.fullmatch(text)) is not None:
            numbers.setdefault(section, {})[number.group("letter")] = each.formula.place.line
        for match in _SET.finditer(text.strip()):
            losses[match.group("loss")] = section, each.formula.place.line
        about = [match.group("loss") for match in _GRADIENT.finditer(text)]
        again = {loss: losses[loss][1] for loss in about if loss in losses and losses[loss][0] == section}
        other = of_a_plain_cell(each, lines.get(each.formula.place.file, []))
        loose = each.model is not None and each.model.meant.keeps(Habit.UNTRANSPOSED)
        judgements = map(_in_any_order, each.judgements) if loose else each.judgements
        told = (_aside(one, text, again, other) for one in judgements)
        yield replace(each, judgements=tuple(_of_a_number(one, numbers.get(section, {})) for one in told))


def _in_any_order(judgement: Judgement) -> Judgement:
    """A judgement that only shapes refute as open, where the note transposes nothing."""
    misfits = [mistake.detail for mistake in judgement.mistakes if mistake.name == MISFIT]
    if judgement.word is not Word.WRONG or len(misfits) != 1 or len(judgement.mistakes) != 1:
        return judgement
    reason = UNTRANSPOSED.format(misfit=misfits[0])
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)


def _of_a_number(judgement: Judgement, numbers: Mapping[str, int]) -> Judgement:
    """A judgement that is wrong of the model as open, where a letter without a time is a number in this section."""
    for letter, line in numbers.items():
        if judgement.word is Word.WRONG and re.search(
            rf"(?<![A-Za-z\\]){letter}(?![A-Za-z]|\s*[_^])", judgement.formula
        ):
            reason = OF_A_NUMBER.format(line=line, letter=letter)
            return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)
    return judgement


def of_a_plain_cell(audited: Audited, lines: Sequence[str], *, of_section: bool = False) -> bool:
    """Whether the words before a formula, or its heading, speak of a plain RNN, and its model has gates.

    `of_section`: whether all words before it in its section count, of a formula that its model leaves open.
    """
    place, cell = audited.formula.place, audited.model.cell if audited.model is not None else None
    gated = cell is not None and len(cell.equations) > 2 and any(each.name == "sigmoid" for each in cell.functions)
    if not gated and not (of_section and all(one.word is Word.UNDECIDED for one in audited.judgements)):
        return False
    before = lines[: place.line - 1][::-1]
    above = next((line for line in before if line.strip(" $>")), "")
    label = above if len(above) < LONGEST_LABEL and audited.formula.displayed else ""
    here = takewhile(lambda line: not HEADING.match(line), before) if of_section else ()
    return any(map(_PLAIN.search, (place.text[: place.column - 1], label, *here, *audited.formula.section[-1:])))


def _aside(judgement: Judgement, text: str, again: Mapping[str, int], other: bool) -> Judgement:
    """A judgement that is wrong of the model as open, where the letters may be others; `again` are losses set anew."""
    if judgement.word is not Word.WRONG:
        return judgement
    reason = next((OF_AN_EXAMPLE.format(line=line, loss=loss) for loss, line in again.items()), "")
    function = _FUNCTION.search(text)
    if function is not None and "_" not in judgement.formula:
        own = {*"".join(_NO_LETTERS.split(judgement.formula))} & {*ascii_letters}
        if own - {function.group("argument"), "e"}:
            reason = OF_A_FUNCTION.format(argument=function.group("argument"))
    elif other:
        reason = OF_ANOTHER
    elif (value := _VALUE.fullmatch(text)) is not None:
        reason = OF_A_FUNCTION.format(argument=value.group("argument"))
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place) if reason else judgement
