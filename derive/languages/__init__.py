"""The languages of pages and answers: one folder of tables each, from English sentences to its own. Data only."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files

from derive.errors import InputError
from derive.patterns import regex

_SLOT = regex(r"\{(\w*)\}")
_BETWEEN_SENTENCES = regex(r"(?<=\.) (?=[A-Z])")
_PARTS = (r"(?:[^:;,$]|\$[^$]*\$|[:;,](?! ))", r"(?:[^:;$]|\$[^$]*\$|[:;](?! ))", ".")
"""Of what the parts of a sentence are: words, lists of words, anything."""
_FORMULA = regex(r"\$[^$]+\$")
_JOINTS = ("; or ", "; ", ": ", ", ", " and ", " or ")
"""What stands between two things that are said at once, the loosest first."""


@dataclass(frozen=True)
class Pattern:
    """A sentence that comes with its parts filled in; each is said in the language before it is put into `said`."""

    english: tuple[str, ...]
    said: str

    @classmethod
    def of(cls, english: str, said: str) -> Pattern:
        """From a sentence with names in braces; without names they are numbered."""
        return cls(tuple(_SLOT.split(english)), said)

    @property
    def known(self) -> int:
        """How many of its letters are known before it is filled in."""
        return sum(map(len, self.english[::2]))

    def parts(self, text: str, part: str) -> list[str] | None:
        """What fills the braces in this text, of letters that `part` allows; None where it is another sentence."""
        if not all(piece in text for piece in self.english[::2]):
            return None
        found = self._expressions[part].fullmatch(text)
        return None if found is None else list(found.groups())

    def filled(self, parts: list[str]) -> str:
        """The sentence of the language with these parts."""
        unnamed = iter(parts)
        named = dict(zip(self.english[1::2], parts, strict=True))
        return _SLOT.sub(lambda slot: named[slot[1]] if slot[1] else next(unnamed), self.said)

    @cached_property
    def _expressions(self) -> Mapping[str, re.Pattern[str]]:
        return {part: self._expression(part) for part in _PARTS}

    def _expression(self, part: str) -> re.Pattern[str]:
        written = [re.escape(self.english[0])]
        for before, after in zip(self.english[::2], self.english[2::2], strict=False):
            written += [f"({'[^$]' if before.endswith('$') else part}+?)", re.escape(after)]
        return re.compile("".join(written), re.DOTALL)


@dataclass(frozen=True)
class Language:
    """Sentences by the English ones. What stands in braces is filled in after (`sentences`) or before (`patterns`).

    `gap` stands between two sentences; `font` is what LaTeX calls the font of its script, "" for Latin letters.
    """

    name: str
    title: str
    sentences: Mapping[str, str] = field(default_factory=dict, hash=False)
    gap: str = " "
    patterns: tuple[Pattern, ...] = ()
    font: str = ""

    def say(self, english: str) -> str:
        """The sentence in this language; the English one where the table has none."""
        found = self.find(english)
        return english if found is None else found

    def lines(self, text: str) -> str:
        """A text said line by line; how far each is set in stays."""
        return "\n".join(
            line.replace(bare, self.say(bare)) if (bare := line.strip()) else line for line in text.split("\n")
        )

    def find(self, english: str) -> str | None:
        """The sentence in this language, None where the table has none; several sentences one by one."""
        if not self.sentences or not english.strip():
            return english
        if english in self.sentences:
            return self.sentences[english]
        if english not in self._found:
            self._found[english] = self._of_parts(english)
        return self._found[english]

    def _of_parts(self, english: str) -> str | None:
        if _FORMULA.fullmatch(english):
            return english
        words, lists, anything = _PARTS
        if (found := self._filled(english, words)) is not None:
            return found
        for one, joint, other in _cuts(english):
            if (before := self.find(one)) is not None and (after := self.find(other)) is not None:
                return before + (self.sentences.get(f"…{joint}…", joint) if joint.strip() else self.gap) + after
        found = self._filled(english, lists)
        return self._filled(english, anything) if found is None else found

    def _filled(self, english: str, part: str) -> str | None:
        for pattern in self._longest_first:
            if (parts := pattern.parts(english, part)) is not None:
                return pattern.filled([self._listed(each.strip()) for each in parts])
        return None

    def _listed(self, words: str) -> str:
        """What fills a sentence, one thing after another."""
        if (found := self.find(words)) is not None:
            return found
        return self.sentences.get("… and …", " and ").join(
            ", ".join(map(self.say, things.split(", "))) for things in words.split(" and ")
        )

    @cached_property
    def _found(self) -> dict[str, str | None]:
        return {}

    @cached_property
    def _longest_first(self) -> tuple[Pattern, ...]:
        return tuple(sorted(self.patterns, key=lambda pattern: -pattern.known))


def _cuts(english: str) -> Iterator[tuple[str, str, str]]:
    """The ways to take a text for two sentences or words, with what joins them."""
    for between in _BETWEEN_SENTENCES.finditer(english):
        yield english[: between.start()], " ", english[between.end() :]
    for joint in _JOINTS:
        pieces = english.split(joint)
        for place in range(1, len(pieces)):
            yield joint.join(pieces[:place]), joint, joint.join(pieces[place:])


ENGLISH = Language("en", "English")


@cache
def languages() -> Mapping[str, Language]:
    """The languages by name: English, and those that have a folder of tables."""
    folders = sorted(entry.name for entry in (files("derive") / "languages").iterdir() if entry.is_dir())
    return {ENGLISH.name: ENGLISH, **{name: _read(name) for name in folders if not name.startswith("_")}}


def _read(name: str) -> Language:
    folder = files("derive") / "languages" / name
    tables = sorted((table for table in folder.iterdir() if table.name.endswith(".toml")), key=lambda table: table.name)
    sentences: dict[str, str] = {}
    patterns: list[Pattern] = []
    about: dict[str, str] = {}
    for table in tables:
        data = tomllib.loads(table.read_text(encoding="utf-8"))
        about |= {key: value for key, value in data.items() if isinstance(value, str)}
        sentences |= data.get("sentences", {})
        for english, said in data.get("filled", {}).items():
            if _SLOT.search(english):
                patterns.append(Pattern.of(english, said))
            else:
                sentences[english] = said
    return Language(name, about["title"], sentences, about["gap"], tuple(patterns), about.get("font", ""))


def find(name: str) -> Language:
    """The language of that name; raises InputError, which lists the known ones."""
    if name == ENGLISH.name:
        return ENGLISH  # without a table read
    if name not in languages():
        raise InputError(f"there is no language {name!r}", hint="known: " + ", ".join(languages()))
    return languages()[name]
