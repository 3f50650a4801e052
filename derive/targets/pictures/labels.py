"""Labels: a formula in one line of Unicode as runs of letters, subscripts and superscripts, and how wide they are.

No font is asked: widths are those of a wide serif face, so that a label needs no more room than was left for it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from derive.patterns import regex

SIZE, SMALL = 15.0, 11.0
"""Pixels of a letter, and of one in a script."""
LINE = 19.0
"""From one line to the next."""
SHIFT = 4.0
"""How far a script is lowered or raised."""

_SCRIPT = regex(r"([_^])(?:\{([^{}]*)\}|\(([^()]*)\)|<([^<>]*)>|(.[\u0300-\u036f]*))")
_FACES = regex(r"(?:[^\W\d_ᵀ⁰¹²³⁴⁵⁶⁷⁸⁹][\u0300-\u036f]*)+|(?:\W|[\d_ᵀ⁰¹²³⁴⁵⁶⁷⁸⁹])+")
_UNPRINTABLE = regex("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Run:
    """Letters of one face: `level` is -1 below, 0 on, 1 above the line; a single letter is a variable, in italics."""

    text: str
    level: int
    italic: bool

    @property
    def width(self) -> float:
        """Pixels."""
        return sum(map(_em, self.text)) * (SMALL if self.level else SIZE)


def plain(text: str) -> str:
    """Text without the characters that no XML may hold and those that turn the direction of writing."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


@cache
def runs(text: str) -> tuple[Run, ...]:
    """The runs of a printed formula such as `h_{t-1}`, `U_iᵀ` or `h^{(l-1)}_t`."""
    found: list[Run] = []
    start, text = 0, plain(text)
    for script in _SCRIPT.finditer(text):
        found += _faces(text[start : script.start()], 0)
        braced, bracket, angle, letter = script.group(2, 3, 4, 5)
        inner = braced or letter or (f"({bracket})" if bracket is not None else "") or f"⟨{angle}⟩"
        found += _faces(inner, -1 if script[1] == "_" else 1)
        start = script.end()
    return (*found, *_faces(text[start:], 0))


def width(text: str) -> float:
    """The width of a printed formula in pixels."""
    return sum(run.width for run in runs(text))


def wrapped(text: str, most: float = 260.0) -> tuple[str, ...]:
    """A formula in lines no wider than that, where it can be broken before an operation."""
    lines = [""]
    for part in _parts(text):
        if lines[-1] and width(f"{lines[-1]} {part}") > most:
            lines.append(part)
        else:
            lines[-1] = f"{lines[-1]} {part}".lstrip()
    return tuple(lines)


def _parts(text: str) -> Iterator[str]:
    """A formula cut before the operations that stand in no brackets."""
    depth, start = 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0 and letter == " " and text[at + 1 : at + 2] in ("+", "⊙", "/", "-", "=", "≤"):
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _faces(text: str, level: int) -> Iterator[Run]:
    text = text.replace("-", "−")
    for part in _FACES.findall(text):
        base = "".join(c for c in unicodedata.normalize("NFD", part) if not unicodedata.combining(c))
        yield Run(part, level, len(base) == 1 and base.isalpha() and base not in "ᵀ𝟏")


_NARROW, _WIDE = frozenset("ijlftIr.,:;'|!()[]⟨⟩ ′"), frozenset("mwMWΣ∏ωΩ%@")


@cache
def _em(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    if letter in "ᵀ⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹":
        return 0.48
    if letter in _NARROW:
        return 0.38
    if letter in _WIDE or letter.isupper():
        return 0.9 if letter in _WIDE else 0.78
    if letter in "⊙+−=≤≥×·∂→←…∑√‖":
        return 0.84 if letter in "⊙→←…√" else 0.62
    return 1.05 if unicodedata.east_asian_width(letter) in "WF" else 0.6
