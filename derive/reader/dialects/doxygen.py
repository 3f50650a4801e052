r"""Formulas in comments as Doxygen marks them, \f$ … \f$, @f[ … @f] and @f{align}{ … @f}, as usual ones, in place."""

from __future__ import annotations

import re

from derive.patterns import regex

_INLINE = regex(r"[\\@]f\$(?P<tex>[^$]+?)[\\@]f\$")
_DISPLAYED = regex(r"[\\@]f\[(?P<tex>.+?)[\\@]f\]", re.DOTALL)
_NAMED = regex(r"[\\@]f\{(?P<name>[a-z]+\*?)\}(?:\{)?(?P<tex>.+?)[\\@]f\}", re.DOTALL)
_MARGIN = regex(r"(?<=\n)[ \t]*(?:\*(?!/)|//[/!]?)")
"""What a line of a comment begins with."""


def usual(text: str) -> str:
    """The text with dollars around these formulas; each sign stays in its line and column."""
    if "f$" not in text and "f[" not in text and "f{" not in text:
        return text
    text = _INLINE.sub(lambda m: _between(m, "$"), text)
    return _NAMED.sub(lambda m: _between(m, "$$"), _DISPLAYED.sub(lambda m: _between(m, "$$"), text))


def _between(match: re.Match[str], mark: str) -> str:
    before = match.start("tex") - match.start()
    behind = match.end() - match.end("tex")
    inside = _MARGIN.sub(lambda m: " " * len(m.group()), match.group("tex"))
    return mark.rjust(before) + inside + mark.ljust(behind)
