"""A row of a table with a letter in one cell and a gate's formula in another: one equation, f_t = σ(W x_t + b)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

from derive.cell import Guess
from derive.patterns import regex
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Found

ALTERNATIVE = "the formula is of another thing"
REASON = "the letter and the formula stand in one row of a table"
_STEP = r"(?:\s*[_^]\s*(?:t|\{\s*(?:[a-z]\s*,\s*)?(?:t|\(t\)|<t>|\\langle\s*t\s*\\rangle)\s*\}))"
_LETTER = regex(
    rf"\s*(?:\\(?:tilde|widetilde|hat|bar|mathbf|boldsymbol|bm)\s*\{{?\s*)*[A-Za-z]\s*\}}*{_STEP}\s*\}}*\s*"
)
_GATE = regex(
    r"\s*(?:\\(?:sigma|tanh|phi|sigmoid|(?:operatorname|mathrm|text)\s*\{\s*(?:sigmoid|tanh|sigma)\s*\}))"
    r"\s*(?:\\left|\\[bB]ig+l?)?\s*\((?P<inside>[^=<>]*\+[^=<>]*)\)\s*"
)
_OF_GRADIENTS = regex(r"\\(?:partial|nabla|delta|approx|to|in)(?![A-Za-z])|∂|∇|δ|'")
_BEFORE, _BEHIND = regex(r"(?:\A|(?<!\\)\|)[\s*_]*[$`]*\Z"), regex(r"[$`]*[\s*_.,;]*(?:\||\Z)")

_F = TypeVar("_F", bound=Found)


def with_rows(found: Sequence[_F]) -> list[_F]:
    """The formulas with an equation in the place of a gate's formula that stands in a row behind its letter."""
    by_line = groupby(found, key=lambda one: (one.fragment.file, one.fragment.lines[0].number))
    return [one for _, row in by_line for one in _row(list(row))]


def _row(found: Sequence[_F]) -> Iterator[_F]:
    letters = [one for one in found if _LETTER.fullmatch(one.text) and _is_cell(one.fragment)]
    gates = [one for one in found if _is_gate(one.text) and _is_cell(one.fragment)]
    if len(letters) != 1 or len(gates) != 1 or "|" not in letters[0].fragment.lines[0].text:
        return iter(found)
    return (
        replace(one, fragment=_joined(letters[0].fragment, one.fragment)) if one is gates[0] else one for one in found
    )


def _is_gate(text: str) -> bool:
    return _GATE.fullmatch(text) is not None and _OF_GRADIENTS.search(text) is None


def _is_cell(fragment: Fragment) -> bool:
    """Whether a formula is all that its cell has."""
    line = fragment.lines[0]
    start = line.column - 1
    end = start + len(fragment.text)
    return (
        len(fragment.lines) == 1
        and _BEFORE.search(line.text, 0, start) is not None
        and _BEHIND.match(line.text, end) is not None
    )


def _joined(letter: Fragment, value: Fragment) -> Fragment:
    before = f"{letter.text.strip()} = "
    lines = (*letter.lines, *(replace(line, offset=line.offset + len(before)) for line in value.lines))
    text = f"{before}{value.text}"
    guess = Guess(text.strip(), ALTERNATIVE, REASON, letter.place(0))
    return replace(letter, text=text, lines=lines, as_written="", assumed=(*letter.assumed, guess))
