"""The languages of pages and answers: one table each, from the English sentence to that of the language. Data only."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files

from derive.errors import InputError

_SLOT = re.compile(r"\{(\w+)\}")
_OPEN = {"cell", "fact", "function", "n"}
"""Names in braces that stand for words, which English sentences come with."""
_BETWEEN_SENTENCES = re.compile(r"(?<=\.) (?=[A-Z])")


@dataclass(frozen=True)
class Language:
    """Sentences by the English ones; what stands in braces is filled in. `gap` stands between two sentences.

    Where these are a few words, the sentence is a pattern: "chain rule through {function}" is that of any function.
    """

    name: str
    title: str
    sentences: Mapping[str, str] = field(default_factory=dict, hash=False)
    gap: str = " "

    def say(self, english: str) -> str:
        """The sentence in this language; the English one where the table has none."""
        found = self.find(english)
        return english if found is None else found

    def find(self, english: str) -> str | None:
        """The sentence in this language, None where the table has none; several sentences one by one."""
        if not self.sentences or not english:
            return english
        if english in self.sentences:
            return self.sentences[english]
        for pattern, sentence in self._patterns:
            if match := pattern.fullmatch(english):
                return _SLOT.sub(lambda slot: self.say(match[slot[1]]), sentence)
        pieces = _BETWEEN_SENTENCES.split(english)
        parts = [self.find(piece) for piece in pieces] if len(pieces) > 1 else [None]
        return None if None in parts else self.gap.join(map(str, parts))

    @cached_property
    def _patterns(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        found = []
        for english, sentence in self.sentences.items():
            pieces = _SLOT.split(english)
            if pieces[1::2] and set(pieces[1::2]) <= _OPEN:
                pieces[::2] = map(re.escape, pieces[::2])
                pieces[1::2] = [f"(?P<{name}>[^.{{}}]+)" for name in pieces[1::2]]
                found.append((re.compile("".join(pieces)), sentence))
        return tuple(found)


ENGLISH = Language("en", "English")


@cache
def languages() -> Mapping[str, Language]:
    """The languages by name: English, and those of the tables."""
    tables = sorted(entry.name for entry in (files("derive") / "languages").iterdir() if entry.name.endswith(".toml"))
    return {ENGLISH.name: ENGLISH, **{name[:-5]: _read(name) for name in tables}}


def _read(table: str) -> Language:
    data = tomllib.loads((files("derive") / "languages" / table).read_text(encoding="utf-8"))
    return Language(table[:-5], data["title"], data["sentences"], data["gap"])


def find(name: str) -> Language:
    """The language of that name; raises InputError, which lists the known ones."""
    if name not in languages():
        raise InputError(f"there is no language {name!r}", hint="known: " + ", ".join(languages()))
    return languages()[name]
