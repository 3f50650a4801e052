"""What shows that letters are numbers: w h_{t-2} beside h_{t-1} w, a number for one, c_{t-1} = 2.0, 1 / (1 - k w)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.meaning.letters import number_of, only
from derive.reader.models.equations.equation import TRANSPOSES, Equation, Mention, mentions
from derive.reader.models.equations.names import letter_name
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Fraction, Group, Name, Product, Run, Script, Scripted, Sum, Syntax

_VALUE = regex(
    r"(?<![A-Za-z\\_^{])(?P<letter>(?:\\[a-z]+\s*\{\s*[A-Za-z]\s*\}|\\?[A-Za-z]+)"
    r"(?:_(?:[A-Zac-su-z]|\{[A-Za-su-z]{1,3}\}))?)(?:\s*_\s*(?:t|\{\s*t(?:\s*-\s*1)?\s*\}))?"
    r"\s*=\s*-?\d+\.\d+\s*(?=[.,;]|\\q?quad|\\implies|\Z)"
)
"""A letter with a number, perhaps of a step."""
_TURNED = regex(
    r"(?<![A-Za-z\\_^])(?P<letter>\\(?:mathbf|bm|boldsymbol)\s*\{\s*[A-Z]\s*\}|[A-Z])"
    r"\s*_\s*(?:t|\{\s*[a-z](?:\s*[+-]\s*1)?\s*\})\s*\^\s*\{?\s*(?:T(?![A-Za-z])|\\top|\\intercal)\s*\}?"
    r"\s*(?:\\[,;]\s*|\\cdot\s*)?(?=[A-Za-z(]|\\(?:mathbf|bm|boldsymbol|delta|lambda|d?frac|left))"
)
"""A capital letter of a step, transposed, before a letter."""
_WEIGHT = regex(r"[A-Z](?:_\w+)?")
_BESIDE = regex(r"[\s{}]*(?:\\(?:cdot|times|,)\s*)?[\s{}]*")


def commuting(formulas: Iterable[Fragment]) -> frozenset[frozenset[str]]:
    """The pairs of letters, a weight and a quantity of some step, that stand beside each other in both orders.

    None where anything is transposed.
    """
    written = list(formulas)
    if any(TRANSPOSES.search(one.text) for one in written):
        return frozenset()
    found = {pair for fragment in written for pair in _neighbours(fragment)}
    return frozenset(frozenset((one, other)) for one, other in found if (other, one) in found)


def valued(formulas: Iterable[Fragment]) -> Iterator[tuple[str, int]]:
    """The letters that a formula gives a number, each with the line that does."""
    for fragment in formulas:
        for found in _VALUE.finditer(fragment.text):
            yield letter_name(found["letter"]), fragment.place(found.start()).line


def turned_before(fragment: Fragment) -> Iterator[str]:
    """The capital letters of a step whose transpose stands before another letter: M of M_{t+1}^⊤ g_{t+1}."""
    for found in _TURNED.finditer(fragment.text):
        yield letter_name(found["letter"])


def acting_in(reader: Equation) -> Iterator[str]:
    """The letters of a step that act on what the same equation gives at that step: M of x_t = M_t x_{t-1} + c_t."""
    for one, other in pairwise(sorted(reader.used, key=lambda mention: mention.start)):
        beside = _BESIDE.fullmatch(reader.fragment.text, one.end, other.start)
        if one.offset is not None and other.name == reader.target and other.offset != reader.offset and beside:
            yield one.name


def divided(formulas: Iterable[Fragment]) -> Iterator[tuple[str, int]]:
    """The weights in what a formula divides by, 1 - k W, which reads no step: a matrix would stand beside I there."""
    for fragment in formulas:
        try:
            nodes = [node for row in parse(fragment) for part in row for node in walk(part)]
            for side in filter(None, map(_divisor, nodes)):
                letters = mentions(replace(fragment, text=fragment.text[side.start : side.end]))
                if all(one.offset is None for one in letters):
                    line = fragment.place(side.start).line
                    yield from ((one.name, line) for one in letters if _WEIGHT.fullmatch(one.name))
        except (InputError, RecursionError):
            continue


def _divisor(node: Syntax) -> Sum | None:
    """A sum of 1 and a product with a weight that stands below a bar, or in brackets to the power -1."""
    side: Syntax | None = None
    match node:
        case Fraction(below=below):
            side = only(below.rows) if isinstance(below, Group) else below
        case Scripted(base=Group(rows=rows), scripts=(Script(kind="sup", rows=above),)):
            power = only(above)
            inverse = isinstance(power, Sum) and [(sign, number_of(one)) for sign, one in power.terms] == [(-1, 1)]
            side = only(rows) if inverse else None
    if not isinstance(side, Sum) or len(side.terms) != 2 or not any(number_of(term) == 1 for _, term in side.terms):
        return None
    products = [term for _, term in side.terms if isinstance(term, Run | Product)]
    factors = [one for term in products for one in term.factors if isinstance(one, Name | Scripted)]
    letters = [one.base if isinstance(one, Scripted) else one for one in factors]
    return side if any(isinstance(one, Name) and _WEIGHT.fullmatch(one.word) for one in letters) else None


def _neighbours(fragment: Fragment) -> Iterator[tuple[str, str]]:
    for side in fragment.text.split("="):
        try:
            found = sorted(mentions(replace(fragment, text=side)), key=lambda one: one.start)
        except (InputError, RecursionError):
            continue
        for one, other in pairwise(found):
            if _is_weight(one) != _is_weight(other) and _BESIDE.fullmatch(side[one.end : other.start]):
                yield one.name, other.name


def _is_weight(one: Mention) -> bool:
    return one.offset is None
