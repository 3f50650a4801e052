"""Formulas that stand beside a chain with a word before them, where the chain goes on in the next line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from derive.patterns import regex
from derive.reader.claims.statements.prose import INTRODUCING, Aside, rows

_CONTINUED = regex(r"(?:\\|\s|&)*=")
"""The beginning of a line that goes on with the chain of the line before."""
_CHARACTER = regex(r"[^\n]")


def apart(text: str, spoken: Sequence[Aside]) -> list[str]:
    """The text without the formulas behind `set` and `since` before a line that goes on; then each of these alone.

    All keep their places.
    """
    kept = text
    alone = []
    for (first, end), (start, _) in pairwise(rows(text)):
        if text[end:start].strip(" \\\n") or not _CONTINUED.match(text, start):
            continue
        for aside in spoken:
            if aside.words.strip().lower() in INTRODUCING and first < aside.start and aside.end <= end:
                before = kept[: aside.end].rstrip()
                comma = len(before) - 1 if before.endswith(",") else len(before)
                kept = f"{kept[:comma]}{_blank(kept[comma:end])}{kept[end:]}"
                alone.append(_blank(text[: aside.end]) + text[aside.end : end] + _blank(text[end:]))
    return [kept, *alone]


def _blank(text: str) -> str:
    return _CHARACTER.sub(" ", text)
