"""Where equations end that stand in lines of their own without a \\ between them."""

from __future__ import annotations

import re

from derive.patterns import regex

_BROKEN = regex(r"(?<!\\)\\\\|\\(?:cr|newline|begin\s*\{(?:\w*matrix|cases|array)\})(?![A-Za-z])")
_RELATION = regex(r"(?<![:<>!+])&?\s*:?=")
_ALIGNED = regex(r"&\s*:?=")
_ALONE = regex(
    r"\s*(?:\\?[A-Za-z]+(?:\{\\?[A-Za-z]+\})?(?:_(?:\{[^{}=]*\}|[A-Za-z0-9])|\^(?:\{[^{}=]*\}|[A-Za-z0-9]))+"
    r"|(?:\\[A-Za-z]+(?:\{\\?[A-Za-z]+\})?|[^\W\d_][\u0300-\u036f]?)['′]?)\s*&?\s*:?="
)
"""A left side that is one letter with its scripts, or without any."""
_OPEN = regex(r"(?:[=+\-*/(<>≤≥≠∈&,;]|\\(?:le|leq|ge|geq|ne|neq|in|odot|cdot|times|circ|quad|qquad)(?![A-Za-z]))\s*\Z")


def line_ends(text: str) -> frozenset[int]:
    """The places of the line breaks between equations, where no other sign ends one.

    Every line must be one whole equation, its left side set off by an & or one letter alone.
    """
    if "\n" not in text or _BROKEN.search(text):
        return frozenset()
    ends: list[int] = []
    offset, before = 0, ""
    for line in text.split("\n"):
        bare = re.sub(r"\\(?:begin|end)\s*\{[a-z]+\*?\}", "", line)
        if bare.strip():
            whole = len(_RELATION.findall(bare)) == 1 and _depth(bare) == 0 and not _OPEN.search(bare)
            if not whole or not (_ALIGNED.search(bare) or _ALONE.match(bare)) or _start(bare):
                return frozenset()
            if before:
                ends.append(offset - 1)
            before = bare
        offset += len(line) + 1
    return frozenset(ends)


def _start(line: str) -> bool:
    """Whether a line goes on with the one before: nothing stands left of its =."""
    found = _RELATION.search(line)
    return found is None or not line[: found.start()].strip(" &")


def _depth(line: str) -> int:
    return len(re.findall(r"[({\[]", line)) - len(re.findall(r"[)}\]]", line))
