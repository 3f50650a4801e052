"""A document that writes several models, or words beside its equations -> the formulas of one cell.

A text book shows an abstract form first, a cell without memory, a variant; each gives the same letters a value again.
The formulas up to a letter's next value belong together; the first group that is a whole recurrent cell is taken, as a
guess that is told, and only where the document as one cell cannot be read. Two values with neither words nor a claim or
a loss between them are no two models: they contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from derive.errors import InputError
from derive.reader.document.equations import is_claim
from derive.reader.document.reading import Reading, Remark
from derive.reader.meaning.lefts import left_side
from derive.reader.resolving.guesses import Guess
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Declaration
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain
from derive.reader.text.words import WORD_FONTS, WORDS

_SAID = re.compile(rf"\\(?:{'|'.join(sorted(WORD_FONTS - {'operatorname'}))})\s*\{{([^{{}}]*)\}}")
_ROW = re.compile(r"\\\\(?![A-Za-z])")
_LAID_OUT = re.compile(r"\\(?:begin|end)\s*\{[a-z]+\*?\}(?:\s*\{[a-z|]*\})?")
_BARE = re.compile(r"(?:\\[dt]?frac(?![A-Za-z])|\\sqrt(?![A-Za-z])|\\[,;: ]|[\d\s{}&.,<>()+*/-])*")

_SET_APART = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}|^\s*(?:`{3,}|:::?|~{3,}|\.\.)[^\n]*$", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{2,}")

Read = Callable[[Sequence[Fragment]], Reading]


def legend(fragment: Fragment) -> bool:
    """Whether every row only says in words what a letter is: N = batch size."""
    rows = [row for row in _ROW.split(_LAID_OUT.sub(" ", fragment.text)) if row.strip(" .,;&\n\t")]
    said = " ".join(word.strip() for word in _SAID.findall(fragment.text))
    return bool(rows) and not fragment.plain and all(map(_in_words, rows)) and (" " in said or "_" in said)


def _in_words(row: str) -> bool:
    """Whether a row is a letter, `=`, and words that name no function."""
    left, equals, right = row.partition("=")
    said = _SAID.findall(right)
    known = all(re.sub(r"[ _\\-]+", "_", word.strip()) in WORDS for word in said)
    return (
        bool(equals and left.strip()) and bool(said) and not known and _BARE.fullmatch(_SAID.sub("", right)) is not None
    )


def without_legends(
    formulas: Iterable[Fragment], declarations: Iterable[Declaration]
) -> tuple[list[Fragment], list[Declaration], list[Remark]]:
    """The formulas and declarations that say something about the cell, and what only names a letter in words."""
    formulas, declarations = list(formulas), list(declarations)
    beside = [one for one in formulas if legend(one)]
    beside += [one for declaration in declarations for one in declaration.formulas if legend(one)]
    kept = [
        replace(declaration, formulas=tuple(one for one in declaration.formulas if not legend(one)))
        for declaration in declarations
        if declaration.key != "said" or all(map(_readable, declaration.formulas))
    ]
    return [one for one in formulas if not legend(one)], kept, [remark(one) for one in beside]


def _readable(fragment: Fragment) -> bool:
    """Whether running text has a formula that can be parsed; nothing rests on one that cannot."""
    try:
        parse(fragment)
    except InputError:
        return False
    return True


def remark(fragment: Fragment) -> Remark:
    """A whole formula as something that stands beside the cell."""
    text = fragment.text
    written = " ".join(text.split())
    return Remark(written, fragment.place(len(text) - len(text.lstrip()), len(text.rstrip())))


def passages(text: str, formulas: Iterable[Fragment]) -> dict[Fragment, int]:
    """How many passages of words stand in the document before each formula."""
    lines = text.split("\n")
    found: dict[Fragment, int] = {}
    count, before = 0, ("", 0)
    for fragment in formulas:
        here, first = fragment.file, fragment.lines[0].number
        between = "\n".join(lines[before[1] : max(before[1], first - 1)])
        count += here != before[0] or _WORD.search(_SET_APART.sub("", between)) is not None
        found[fragment] = count
        before = here, fragment.lines[-1].number
    return found


def one_of_several(
    formulas: Sequence[Fragment], read: Read, whole: InputError, before: Mapping[Fragment, int]
) -> Reading:
    """The first group of formulas that is a recurrent cell; raises `whole` where there is one group, or none is.

    `before`: how many passages of words stand before each formula.
    """
    groups = _groups(formulas, before)
    if len(groups) < 2:
        raise whole
    for group in groups:
        try:
            found = read(group)
        except InputError:
            continue
        if found.cell.states:
            return _told(found, group, formulas)
    raise whole


def _told(found: Reading, group: Sequence[Fragment], formulas: Sequence[Fragment]) -> Reading:
    others = [one for one in formulas if one not in group]
    place = group[0].place(0)
    guess = Guess(
        f"the cell is the one from line {place.line} on",
        f"it is another of those that the document writes: line {', '.join(str(o.place(0).line) for o in others)}",
        "letters are given a value more than once, and this is the first that is a whole recurrent cell",
        place,
    )  # fmt: skip
    cell = replace(found.cell, guesses=(guess, *found.cell.guesses))
    return Reading(cell, (*found.remarks, *map(remark, others)))


def _groups(formulas: Sequence[Fragment], before: Mapping[Fragment, int]) -> list[list[Fragment]]:
    """The formulas in groups that give each letter one value; what cannot be parsed gives none.

    One group where a letter has two values with nothing between them but values of others.
    """
    groups: list[list[Fragment]] = [[]]
    given: dict[str, int] = {}
    others = 0
    for fragment in formulas:
        names = _given(fragment)
        others += not names
        passage = before.get(fragment, 0) + others
        if again := names & {*given}:
            if any(given[name] == passage for name in again):
                return [list(formulas)]
            groups.append([])
            given = {}
        given |= dict.fromkeys(names, passage)
        groups[-1].append(fragment)
    return groups


def _given(fragment: Fragment) -> set[str]:
    """The letters that a formula gives a value at a step."""
    found: set[str] = set()
    try:
        rows = parse(fragment)
    except InputError:
        return found
    for part in (part for row in rows for part in row):
        if not isinstance(part, Chain) or part.relations[0].type != "EQ":
            continue
        try:
            if not is_claim(part):
                found |= {one.name for one in left_side(part.sides[0], fragment).symbols}
        except (InputError, RecursionError):  # what is nested too deeply is refused where it is read
            continue
    return found
