"""Whole notes written another way, which must get the words that they had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from operator import itemgetter
from pathlib import Path

from verify.formulas.judgement import Word
from verify.notes.audit import audit

Way = Callable[[str], str | None]
"""A note to the same note in another style; None where nothing changes, or where it would say another thing."""

Said = tuple[str, str]
"""A formula, and whether it is right, wrong or open."""

FAMILIES = ("derivatives", "layout", "letters", "surroundings")
KNOWN = frozenset({("surroundings: a heading for each formula", "added_up")})
"""Ways with notes in which a formula still goes from right to wrong or back."""
RIGHT = (Word.PROVED, Word.HOLDS_IF)
DATA = Path(__file__).parents[2] / "data"
ADDED = "⟦added⟧"
"""Ends each line that a way adds: what is said of formulas there is not compared."""


def ways() -> Mapping[str, tuple[Way, str]]:
    """Every way by its name, with the suffix of the files that it makes."""
    modules = {family: import_module(f"restyled.{family}") for family in FAMILIES}
    return {
        f"{family}: {name}": (way, getattr(module, "SUFFIXES", {}).get(name, ".md"))
        for family, module in modules.items()
        for name, way in module.WAYS.items()
    }


def mended() -> list[tuple[str, str]]:
    """Ways with notes that were once read otherwise in them."""
    modules = {family: import_module(f"restyled.{family}") for family in FAMILIES}
    return [(f"{f}: {way}", note) for f, module in modules.items() for way, note in getattr(module, "MENDED", ())]


def words(text: str, folder: Path, suffix: str = ".md") -> list[Said]:
    """Each formula of a note with what was said of it: right, wrong or open."""
    path = folder / f"note{suffix}"
    path.write_text(text.replace(ADDED, ""), "utf-8")
    added = {number for number, line in enumerate(text.splitlines(), 1) if line.endswith(ADDED)}
    return [
        (one.formula, _kind(one.word))
        for each in audit(path).formulas
        for one in each.judgements
        if (one.place or each.formula.place).line not in added
    ]


def pairs(before: Sequence[Said], after: Sequence[Said]) -> Iterator[tuple[Said, Said]]:
    """What was said of each formula and what is said now; formulas that were moved are found by their text."""
    if Counter(formula for formula, _ in before) == Counter(formula for formula, _ in after):
        before, after = (sorted(each, key=itemgetter(0)) for each in (before, after))
    return zip(before, after, strict=True)


def _kind(word: Word) -> str:
    return "right" if word in RIGHT else "wrong" if word is Word.WRONG else "open"
