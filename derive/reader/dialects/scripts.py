"""Scripts that were lost on the way, rt and ∂L/∂ht, where a text has r_t and h_t too: a lowered t in one character."""

from __future__ import annotations

import re

from derive.patterns import regex

_FORMULA = regex(r"\$\$.+?\$\$|\$[^$\n]+\$|\\\[.+?\\\]", re.DOTALL)
_WORDS = regex(r"\\(?:text|mathrm|operatorname|mbox|begin|end|tag)\s*\{[^{}]*\}")
_TIMED = regex(r"(?<![A-Za-z\\])([a-z])\s*_\s*(?:t(?![A-Za-z])|\{\s*t\s*(?:[-+]\s*1\s*)?\})")
_LOST = regex(r"(?<![A-Za-z\\])([abce-z])t(?![A-Za-z_^'(])")
_DEFINED = regex(r"(?:\A(?:\$\$?|\\\[)|[&\n])[\s&]*([abce-z])t\s*&?=")
_ACCENT = r"\\(?:tilde|hat|bar|widetilde|widehat)\s*\{\s*[a-z]\s*\}"
_ACCENTED = regex(rf"({_ACCENT})\s*_\s*(?:t(?![A-Za-z])|\{{\s*t\s*\}})")
_DEFINED_BEHIND = regex(rf"(?:\A(?:\$\$?|\\\[)|[&\n])[\s&]*({_ACCENT})t\s*&?=")
_LOST_BEHIND = regex(rf"({_ACCENT})t(?![A-Za-z_^'(])")

_GLUED = regex(
    r"(?<![A-Za-z0-9_\\.])(?P<d>d?)(?P<letter>[A-Za-z][\u0302\u0303]?)t(?P<sign>(?P<minus>[-−])|\+)?(?(sign)1)(?![A-Za-z0-9_'(\[])"
)
"""A letter with its step as plain text has it where scripts were lost: ht, ht-1."""
_STATED = regex(r"^\W*([A-Za-z])t\s*=", re.MULTILINE)
_ENGLISH = frozenset("aiAI")


def usual(text: str) -> str:
    """The text with zₜ for zt in formulas, of letters that have their script elsewhere, where one is defined so.

    In a text without marks also where no letter has its script.
    """
    if "$" not in text and "\\" not in text:
        return _plain(text)
    formulas = [match.group() for match in _FORMULA.finditer(text)]
    accented = {_joined(letter) for formula in formulas for letter in _ACCENTED.findall(formula)}
    if any(letter in accented for formula in formulas for letter in map(_joined, _DEFINED_BEHIND.findall(formula))):
        text = _FORMULA.sub(lambda match: _behind_accents(match.group(), accented), text)
    timed = {letter for formula in formulas for letter in _TIMED.findall(formula)}
    if not any(letter in timed for formula in formulas for letter in _DEFINED.findall(formula)):
        return text
    return _FORMULA.sub(lambda match: _lowered(match.group(), timed), text)


def _plain(text: str) -> str:
    """The lines of equations with hₜ₋₁ for ht-1, where the text defines an h of which it reads that."""
    stated = set(_STATED.findall(text))
    if not any(m["minus"] and m["letter"] in stated for m in _GLUED.finditer(text)):
        return text

    def lowered(match: re.Match[str]) -> str:
        if match["letter"] in _ENGLISH - stated:
            return match.group()
        step = f"{'₋' if match['minus'] else '₊'}₁" if match["sign"] else ""
        return f"{match['d']}{match['letter']}ₜ{step}"

    return "\n".join(_GLUED.sub(lowered, line) if "=" in line else line for line in text.split("\n"))


def _joined(text: str) -> str:
    return "".join(text.split())


def _behind_accents(formula: str, timed: set[str]) -> str:
    def lowered(match: re.Match[str]) -> str:
        return f"{match.group(1)}ₜ" if _joined(match.group(1)) in timed else match.group()

    return _LOST_BEHIND.sub(lowered, formula)


def _lowered(formula: str, timed: set[str]) -> str:
    words = [match.span() for match in _WORDS.finditer(formula)]

    def lowered(match: re.Match[str]) -> str:
        within = any(start <= match.start() < end for start, end in words)
        return match.group() if within or match.group(1) not in timed else f"{match.group(1)}ₜ"

    return _LOST.sub(lowered, formula)
