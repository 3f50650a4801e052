"""A document -> the same document with what its running text says of letters that its displayed equations only read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from derive.cell import Guess
from derive.errors import InputError
from derive.patterns import regex
from derive.reader.meaning.letters import letter, number_of
from derive.reader.meaning.symbols import symbol
from derive.reader.meaning.vocabulary import is_general
from derive.reader.models.declaring import within
from derive.reader.models.equations.equation import mentions
from derive.reader.models.equations.finding import DERIVATIVE, without_membership
from derive.reader.resolving.rewriting import scripts_of
from derive.reader.text.fragment import Fragment, piece
from derive.reader.text.mapping import walk
from derive.reader.text.note import Found, Note
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain, Mark

_SUPPOSED = regex(
    r"(?:\b(?:if|when|whenever|unless|setting|set|suppose|assum\w+|example|e\.g\.?|case|instead|otherwise|for|at|not)"
    r"|如果|若|当|假设|例如|比如|设置|取|特别)\W*\Z",
    re.IGNORECASE,
)
"""What stands before a formula that is true of a special case."""


def completed(document: Note, every: Sequence[Found]) -> Note | None:
    """The document with those definitions displayed; None where there are none."""
    inline = [one.fragment for one in every if not one.displayed and "=" in one.text]
    if not inline or not document.formulas:
        return None
    declaring = [one for each in document.declarations if each.key != "said" for one in each.formulas]
    aside = [*document.formulas, *declaring]
    known = {name for fragment in declaring for name in _assigned(fragment)}
    assigned = known | {name for fragment in document.formulas for name in _assigned(fragment)}
    spoken = [one for one in inline if not any(within(one.place(0), other) for other in aside)]
    added: list[Fragment] = []
    waiting = list(document.formulas)
    while waiting:  # what an equation of the text reads may have its own there
        read = {name for fragment in waiting for name in _mentioned(fragment)} - assigned
        said: dict[str, list[Fragment]] = defaultdict(list)
        for fragment in spoken:
            for name, cut in _definitions(fragment, read):
                said[name].append(cut)
        waiting = [
            several[0] for several in said.values() if len({"".join(one.text.split()) for one in several}) == 1
        ]  # two values are two models, or examples
        added += waiting
        assigned |= read
    if not added:
        return None
    guesses = [
        Guess(
            f"${one.text.strip()}$, which running text says, is an equation of the cell", "it is an example",
            "the displayed equations read the letter, and none gives it a value", one.place(0),
        )
        for one in added
    ]  # fmt: skip
    declared = [
        replace(each, formulas=tuple(f for f in each.formulas if each.key != "said" or not _defines(f, added)))
        for each in document.declarations
    ]
    formulas = sorted([*document.formulas, *added], key=_at)
    return replace(
        document, formulas=formulas, declarations=[one for one in declared if one.formulas],
        guesses=[*document.guesses, *guesses],
    )  # fmt: skip


def _at(fragment: Fragment) -> tuple[str, int, int]:
    place = fragment.place(0)
    return place.file, place.line, place.column


def _defines(fragment: Fragment, added: Sequence[Fragment]) -> bool:
    return any(within(one.place(0), fragment) for one in added)


def _chains(fragment: Fragment) -> list[Chain]:
    try:
        return [part for row in parse(fragment) for part in row if isinstance(part, Chain)]
    except (InputError, RecursionError):
        return []


def _assigned(fragment: Fragment) -> Iterator[str]:
    """The letters that stand left of an equation."""
    for chain in _chains(fragment):
        if chain.relations[0].type == "EQ" and letter(chain.sides[0]) is not None:
            try:
                found = symbol(chain.sides[0], fragment)
            except InputError:  # it is refused where it is read, if it has to be
                continue
            if found is not None:
                yield found.name


def _mentioned(fragment: Fragment) -> set[str]:
    try:
        return {mention.name for mention in mentions(fragment)}
    except (InputError, RecursionError):
        return set()


def _definitions(fragment: Fragment, wanted: Collection[str]) -> Iterator[tuple[str, Fragment]]:
    """The letters that a formula of running text gives a value, with the equation."""
    before = fragment.lines[0].text[: max(fragment.lines[0].column - 1, 0)].rstrip("$`( \\")
    if _SUPPOSED.search(before) or DERIVATIVE.search(fragment.text):
        return
    for chain in _chains(fragment):
        part = without_membership(chain)
        if not isinstance(part, Chain) or [one.type for one in part.relations] != ["EQ"]:
            continue
        left, right = part.sides
        plain = letter(right) is not None and not any(one.kind == "sup" for one in scripts_of(right))
        if letter(left) is None or plain or number_of(right) is not None or is_general(right, 1):
            continue
        if any(isinstance(node, Mark) for node in walk(right) if getattr(node, "kind", "") == "dots"):
            continue
        try:
            found = symbol(left, fragment)
        except InputError:
            continue
        if found is not None and found.name in wanted and not found.transposed and found.power is None:
            yield found.name, piece(fragment, part.start, part.end)
