"""Texts of formulas with their times where most notes have them, h_t, for all that looks at the texts themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from derive.errors import InputError
from derive.reader.meaning.letters import letter, only, time_expression, time_of
from derive.reader.resolving.rewriting import bracketed
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Group, Name, Script, Scripted, Syntax
from derive.reader.text.usual import timelike
from derive.reader.text.words import ENTRYWISE, SUBSCRIPTS

_SMALL = {ord(large): small for small, large in SUBSCRIPTS.items()}
Place = tuple[str, int, int, Syntax]
"""A letter with a time in brackets: its name, where the brackets with all that belongs to them are, and the time."""


def timed_in_brackets(fragments: Iterable[Fragment]) -> frozenset[str]:
    """Letters whose time stands in brackets: h of h^{(t-1)}, h^{\\langle t \\rangle} and h(t)."""
    return frozenset(
        base for fragment in fragments for base, _, _, time in _in_brackets(fragment) if time_of(time) is not None
    )


def with_times_below(fragment: Fragment, timed: frozenset[str]) -> Fragment:
    """A formula with t and T for the letters of its note, below the letters that they belong to; as long as it was."""
    text = fragment.text
    usual = dict(fragment.times)
    for part in _parts(fragment) if usual else ():
        for name in timelike(part):
            if name.word in usual:
                text = text[: name.start] + usual[name.word].ljust(name.end - name.start) + text[name.end :]
    found = [
        (start, end, _below(text[time.start : time.end].strip(), end - start))
        for base, start, end, time in _in_brackets(fragment)
        if base in timed and time_expression(time) is not None
    ]
    if all(below for *_, below in found):
        for start, end, below in found:
            text = f"{text[:start]}{below}{text[end:]}"
    return fragment if text == fragment.text else replace(fragment, text=text, as_written=fragment.written)


def _below(time: str, width: int) -> str | None:
    """A time below a letter in as many characters: h_{t-1}, or hₜ₋₁ where there is less room; None if it has none."""
    small = "".join(time.split()).translate(_SMALL)
    ways = [f"_{time}"] if len(time) == 1 else [f"_{{{time}}}", *([] if re.search("[ -~]", small) else [small])]
    return next((way.ljust(width) for way in ways if len(way) <= width), None)


def _in_brackets(fragment: Fragment) -> Iterator[Place]:
    for part in _parts(fragment):
        for node in walk(part):
            if isinstance(node, Scripted) and (base := letter(node.base)) is not None and len(node.scripts) == 1:
                (script,) = node.scripts
                if script.kind == "sup" and (time := _bracketed(script)) is not None:
                    yield base.word, script.start, script.end, time
        labels = [script for node in walk(part) if isinstance(node, Scripted) for script in node.scripts]
        for node, group in bracketed(part):
            if any(script.start <= group.start < script.end for script in labels):
                continue  # O_{Cc(t)}: a label with a time
            base, argument = letter(node), only(group.rows)
            if base is not None and isinstance(node, Name) and base.word not in ENTRYWISE and argument is not None:
                yield base.word, group.start, group.end, argument


def _bracketed(script: Script) -> Syntax | None:
    cell = only(script.rows)
    return only(cell.rows) if isinstance(cell, Group) and cell.bracket in ("LPAR", "LANGLE") else None


def _parts(fragment: Fragment) -> list[Syntax]:
    try:
        return [part for row in parse(fragment) for part in row]
    except (InputError, RecursionError):
        return []
