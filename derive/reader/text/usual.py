"""The letters that a document has for t and T, read as these; and put back into what is written for its reader."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from derive.patterns import regex
from derive.reader.text.mapping import parts, rewritten
from derive.reader.text.syntax import Big, Group, Name, Run, Script, Scripted, Syntax

Row = tuple[Syntax, ...]
_SUMMED = regex(
    r"(?:\\sum|∑)(?:\\limits)?\s*_\s*\{?\s*(?P<letter>[a-su-z])(?![A-Za-z])"
    r"(?P<range>\s*=\s*1\s*\}\s*\^\s*(?:T(?![A-Za-z])|\{\s*T\s*\}))?"
)
_PRIMED = regex(r"(?:\\sum|∑)(?:\\limits)?\s*_\s*\{?\s*t\s*(?:'|\^\s*\{?\s*\\prime(?![A-Za-z]))")
_AT_T = regex(r"(?<![A-Za-z\\])t(?![A-Za-z']|\s*\^\s*\{?\s*\\prime)")


def in_usual_letters(rows: Iterable[Row], times: Iterable[tuple[str, str]]) -> list[Row]:
    """The rows with t and T where the document's own letters for them may be times."""
    usual = dict(times)
    rows = list(rows)
    found = {id(name) for row in rows for part in row for name in timelike(part)}

    def change(node: Syntax) -> Syntax | None:
        if not isinstance(node, Name):
            return None
        word = usual.get(node.word) if id(node) in found else None
        return replace(node, word=word, latex=word) if word else node

    return [tuple(rewritten(part, change) for part in row) for row in rows]


def timelike(node: Syntax) -> Iterator[Name]:
    """The letters in a tree that may be times: no base of scripts, no part of a label, no power or transpose."""
    if isinstance(node, Name):
        yield node
    elif isinstance(node, Scripted):
        if not isinstance(node.base, Name):
            yield from timelike(node.base)
        for script in node.scripts:
            yield from (name for cell in _cells(script) for name in _in_script(cell, script, node.base))
    elif isinstance(node, Big):
        yield from (name for script in node.scripts for cell in _cells(script) for name in timelike(cell))
        yield from timelike(node.body)
    else:
        yield from (name for part in parts(node) for name in timelike(part))


def _in_script(cell: Syntax, script: Script, base: Syntax) -> Iterator[Name]:
    label = isinstance(cell, Run) and isinstance(base, Name) and base.word[:1].isupper()
    bare = script.kind == "sup" and not isinstance(cell, Group) and not parts(cell)
    if not label and not bare:
        yield from timelike(cell)


def _cells(script: Script) -> Iterator[Syntax]:
    yield from (cell for row in script.rows for cell in row)


def own_letters(text: str, names: Iterable[Name], times: Mapping[str, str]) -> str:
    """A text with the document's letters (`k`, `\\tau`) in the place of the names that are t and T."""
    for name in sorted(names, key=lambda name: -name.start):
        if name.word in times:
            letter = times[name.word]
            behind = text[name.end : name.end + 1]
            letter += " " if letter.startswith("\\") and behind.isalpha() else ""
            text = text[: name.start] + letter + text[name.end :]
    return text


def summed_steps(text: str, written: str) -> tuple[tuple[str, str], ...]:
    """The letter that a sum over all steps has in a text without t: k of Σ_{k=1}^T, and of Σ_{t'} as `written`."""
    found = _SUMMED.search(text)
    if found is None or _AT_T.search(written) or not (found["range"] or _PRIMED.search(written)):
        return ()
    return ((found["letter"], "t"),)


def length_of(times: Iterable[tuple[str, str]]) -> int | None:
    """The number of steps, where the document has a number for T."""
    return next((int(own) for own, usual in times if usual == "T" and own.isdigit()), None)


def in_usual_words(text: str, times: Iterable[tuple[str, str]]) -> str:
    """A condition such as `n = N` with t and T."""
    for own, usual in times:
        if own.isdigit():  # elsewhere a number is no step
            text = re.sub(rf"((?:dots|\.\.\.|…)(?:\s|\\[,;: ])*,(?:\s|\\[,;: ])*){own}(?![\d.])", rf"\1{usual}", text)
            continue
        text = re.sub(rf"(?:\\(?={own}(?![A-Za-z])))?(?<![A-Za-z]){own}(?![A-Za-z])", usual, text)
    return text
