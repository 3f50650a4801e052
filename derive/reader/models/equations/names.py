"""Which quantities a formula speaks of, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from derive.errors import InputError
from derive.notation import GREEK
from derive.patterns import regex
from derive.reader.claims.statements.chains import blanked
from derive.reader.meaning.letters import identifier, time_of
from derive.reader.meaning.vocabulary import Vocabulary
from derive.reader.text.fragment import Fragment
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Name, Run

ABOUT = frozenset(["J", "delta", "d", "T", "I", "t", "j", "k", "l", "n", "m", "e"])
"""Names that say how a formula is written, not which model it is about."""
_STEP = regex(r"_(?:\d+|[ijklmntT])(?:(?:minus|plus)(?:\d+|[ijklmntT]))*$")
_COUNTED = regex(r"\\(?:sum|prod|max|min)(?:\\limits)?\s*_\s*\{?\s*([a-su-z])(?![A-Za-z])")
_LETTER = regex(
    r"(?:\\(?P<accent>hat|tilde|bar|widehat|widetilde)\s*\{?\s*)?(?P<base>\\(?:" + "|".join(GREEK) + r")(?![A-Za-z])"
    r"|(?<![A-Za-z\\])[A-Za-z](?![A-Za-z]))\}?(?:_(?:\{(?P<long>[A-Za-z]{1,3})\}|(?P<short>[A-Za-z])))?"
)
_QUOTIENT = regex(r"(?<![\w.])d([A-Za-z]+)(?:_\w*)?(?:\{[^{}]*\}|\([^()]*\))?[ \t]*/[ \t]*d([A-Za-z]+)")
_ERROR = regex(r"\\delta\s*[_^]\s*\{\s*([A-Za-z])_\{?([A-Za-su-z])\}?")
_ERROR_AT_A_STEP = regex(r"\\delta\s*[_^]\s*\{\s*([A-Za-z])\s*_\s*(?:[tT](?![A-Za-z])|\{\s*[tT]\s*(?:[-+]\s*1\s*)?\})")
_SCRIPTS = r"(?:\s*[_^]\s*(?:\w|\{[^{}]*\}))*\s*"
_HAT = r"\\(?:wide)?hat\s*\{?\s*"
_RESIDUAL = regex(
    rf"{_HAT}(?P<computed>[A-Za-z])\s*\}}?{_SCRIPTS}-\s*(?P=computed)(?![A-Za-z])"
    rf"|(?<![A-Za-z\\])(?P<given>[A-Za-z]){_SCRIPTS}-\s*{_HAT}(?P=given)(?![A-Za-z])"
)
_CHANGE = regex(r"\s*(?:\\Delta(?![A-Za-z])|Δ)")


def is_error(equation: str) -> bool:
    """Whether Δ_t = (ŷ_t - y_t) u names a factor of gradients, as δ_t does, and nothing that a model computes."""
    return _CHANGE.match(equation) is not None and _RESIDUAL.search(equation) is not None


@lru_cache(maxsize=4096)
def names(fragment: Fragment) -> frozenset[str]:
    """The names in a formula; `s_3` and `y_j` keep what may be a step or an entry: see `stripped`."""
    try:
        found = Vocabulary()
        bare = replace(fragment, text=blanked(fragment.text)[0])
        for row in parse(bare):
            for part in row:
                found.survey(part, bare)
        written = found.quantities
    except (InputError, RecursionError):
        written = set(spelled_names(fragment.text))
    if fragment.plain:
        written = _without_d(written, fragment.text)
    counted = counted_in(fragment.text)
    return frozenset({without_index(name, counted) for name in written} - ABOUT)


def _without_d(written: Iterable[str], text: str) -> set[str]:
    """The names, those over and under the bar of a derivative that is typed as dL/dh_t without their d."""
    over = {f"d{letter}" for pair in _QUOTIENT.findall(text) for letter in pair}
    return {name[1:] if name.partition("_")[0] in over else name for name in written}


def counted_in(text: str) -> frozenset[str]:
    """The letters that sums and products of a formula count with, but for t."""
    return frozenset(_COUNTED.findall(text))


_MARKS = ("star", "prime")


def without_index(name: str, counted: frozenset[str]) -> str:
    """The name without the indices that its formula counts with: y of y_c in Σ_c y_c log ŷ_c, and of y_{ij}."""
    marked, _, mark = name.rpartition("_")
    if mark in _MARKS and (bare := without_index(marked, counted)) != marked:  # y_{t,k}^*
        return f"{bare}_{mark}"
    whole, _, index = name.rpartition("_")
    several = len(index) > 1 and index.isalpha() and len(set(index)) == len(index) and set(index) <= counted
    return whole if whole and (index in counted or several) else name


def spelled_names(text: str) -> list[str]:
    """The names of all letters in a text that may not be readable, in their order."""
    return [_spelled(match) for match in _LETTER.finditer(text)]


def first_spelled(text: str) -> tuple[int, str]:
    """Where the first letter of a text stands, and its name; behind the end and empty where there is none."""
    found = _LETTER.search(text)
    return (len(text), "") if found is None else (found.start(), _spelled(found))


def of_errors(text: str) -> set[str]:
    """The letters that δ has as labels, with labels or steps of their own: a_f of δ^{a_f}_t, z of δ_{z_{t+1}}."""
    return {f"{base}_{below}" for base, below in _ERROR.findall(text)} | set(_ERROR_AT_A_STEP.findall(text))


def stripped(name: str) -> str:
    """The name without an index of step or entry."""
    return _STEP.sub("", name)


@lru_cache(maxsize=4096)
def letter_name(written: str, *, plain: bool = False, layered: frozenset[str] = frozenset()) -> str:
    """The identifier of a letter such as `\\Gamma_f` or `W_{ax}`, or in plain text `W_ax`; empty if it is none."""
    fragment = replace(Fragment.of(written, plain=plain), layered=layered)
    try:
        (part,) = parse(fragment)[0]
        if isinstance(part, Run) and len(part.factors) == 2 and time_of(part.factors[1]) is not None:
            part = part.factors[0]  # x(t)
        if isinstance(part, Name):
            return identifier(part.word)
        found = Vocabulary()
        found.survey(part, fragment)
    except (InputError, ValueError):
        return ""
    return next(iter(found.quantities), "")


def _spelled(match: re.Match[str]) -> str:
    base = match.group("base").removeprefix("\\")
    below = match.group("long") or match.group("short")
    accent = {"widehat": "hat", "widetilde": "tilde"}.get(match.group("accent") or "", match.group("accent"))
    return identifier("_".join(part for part in (base, accent, None if below == "t" else below) if part))
