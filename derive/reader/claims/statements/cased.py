"""Cases that are laid out as an array behind one brace, as `cases`, character for character in place."""

from __future__ import annotations

import re

from derive.patterns import regex

_ARRAY = regex(
    r"(?P<brace>\\left\s*\\(?:\{|lbrace)\s*)\\begin\{array\}(?P<columns>\s*(?:\{[^{}]*\})?)(?P<rows>.*?)\\end\{array\}"
    r"(?P<close>\s*\\right\s*\.)",
    re.DOTALL,
)
_BARE_IF = regex(r"&\s*(?:if|for|when)\s*&(?=[^&\\]*(?:=|\\n(?:e|eq|ot)(?![a-z])|≠))")
_WORDS = r"(?:&?(?:\s|\\[,;: ]|\\q?quad(?![A-Za-z]))*)\\(?:text|textrm|mbox|mathrm)\s*\{\s*\(?\s*"
_SAID_IF = regex(_WORDS + r"(?:if|for|when)\s*\$(?P<condition>[^${}]*)\$\s*\)?\s*\}")
_ELSE = regex(_WORDS + r"(?:if\s+)?(?:otherwise|else)\s*\)?\s*\}")
_NOT_EQUAL = regex(r"\\not\s*=")


def as_cases(text: str) -> str:
    """The text with an array of values and conditions, \\left\\{ \\begin{array}{ll} a & i = j ..., as cases."""
    return _ARRAY.sub(_of_array, text) if "array" in text else text


def _of_array(match: re.Match[str]) -> str:
    rows = _BARE_IF.sub(lambda m: "&".ljust(len(m.group())), match["rows"])
    rows = _SAID_IF.sub(lambda m: f"& {m['condition']}".ljust(len(m.group())), rows)
    rows = _ELSE.sub(lambda m: r"& \text{otherwise}".ljust(len(m.group())), rows)
    rows = _NOT_EQUAL.sub(lambda m: r"\neq".ljust(len(m.group())), rows)
    blank = {name: " " * len(match[name]) for name in ("brace", "columns", "close")}
    written = rf"{blank['brace']}\begin{{cases}}{blank['columns']}{rows}\end{{cases}}{blank['close']}"
    return written if len(written) == len(match.group()) else match.group()
