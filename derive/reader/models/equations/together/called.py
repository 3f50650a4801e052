"""Right sides that words call the formula of a letter: $h_t$'s own formula $\\tanh(W x_t + U h_{t-1} + b)$."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.patterns import regex
from derive.reader.models.equations.equation import Equation
from derive.reader.models.equations.finding import equations
from derive.reader.text.note import Found

CALLED = "{letter} = {formula} is what words in line {line} call its formula"
_OF = regex(
    r"(?:\$|\\\()(?P<letter>[^$=()]{1,20})(?:\$|\\\))(?:['’]s)?\s+(?:own\s+)?(?:formula|equation|update(?:\s+rule)?)\s*,?\s*"
    r"(?:\$|\\\()\s*\Z"
)


def called(formulas: Sequence[Found]) -> Iterator[Equation]:
    """The equations that formulas of running text make with the letter before them."""
    for index, formula in enumerate(formulas):
        fragment = formula.fragment
        if formula.displayed or "=" in fragment.text:
            continue
        found = _OF.search(fragment.lines[0].text[: max(fragment.lines[0].column - 1, 0)])
        if found is None:
            continue
        letter = found["letter"].strip()
        written = replace(formula, fragment=replace(fragment, text=f"{letter} = {fragment.text.strip()}"))
        words = CALLED.format(letter=letter, formula=fragment.text.strip(), line=formula.place.line)
        yield from (replace(one, said=words) for one in equations(written, index))
