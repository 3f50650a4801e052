"""What a note says aside, in letters of its own: y = x², J = y + 3x, and f'(x) = 1 - y²."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from string import ascii_letters

from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited

OF_AN_EXAMPLE = "line {line} says that {loss} is something else here"
_LETTER = r"(?P<loss>[A-Za-z]|\\(?:mathcal|mathrm)\s*\{?[A-Za-z]\}?|\\ell)"
_SET = re.compile(
    rf"(?:\A|[,;&]|\\q?quad)\s*{_LETTER}\s*=\s*(?=[^=,;]*[-+])(?=[^=,;]*[a-z])"
    r"(?:[\s\d+\-*/(){}]|(?<![A-Za-z])[A-Za-z]|\^)+(?:[,;.]|\Z)"
)
"""A loss as a sum of letters that have no time and are no functions."""
OF_A_FUNCTION = "letters without a time beside a function of {argument} may be the function's own"
_FUNCTION = re.compile(
    r"(?:\\[A-Za-z]+|[A-Za-z]+)\s*(?:'|\^\s*\{?\s*\\prime\s*\}?)?\s*\(\s*(?P<argument>[a-z])\s*\)\s*&?\s*="
)
_NO_LETTERS = re.compile(r"\\[A-Za-z]+|[A-Za-z]{2,}")
_GRADIENT = re.compile(rf"\\partial\s*{_LETTER}")


def of_examples(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas; wrong of the model is not what is said in letters that the note uses otherwise here."""
    losses: dict[str, tuple[tuple[str, ...], int]] = {}
    for each in found:
        text, section = each.formula.text, each.formula.section
        for match in _SET.finditer(text.strip()):
            losses[match.group("loss")] = section, each.formula.place.line
        about = [match.group("loss") for match in _GRADIENT.finditer(text)]
        again = {loss: losses[loss][1] for loss in about if loss in losses and losses[loss][0] == section}
        yield replace(each, judgements=tuple(_aside(one, text, again) for one in each.judgements))


def _aside(judgement: Judgement, text: str, again: Mapping[str, int]) -> Judgement:
    """A judgement that is wrong of the model as open, where the letters may be others; `again` are losses set anew."""
    if judgement.word is not Word.WRONG:
        return judgement
    reason = next((OF_AN_EXAMPLE.format(line=line, loss=loss) for loss, line in again.items()), "")
    function = _FUNCTION.search(text)
    if function is not None and "_" not in judgement.formula:
        own = {*"".join(_NO_LETTERS.split(judgement.formula))} & {*ascii_letters}
        if own - {function.group("argument"), "e"}:
            reason = OF_A_FUNCTION.format(argument=function.group("argument"))
    return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place) if reason else judgement
