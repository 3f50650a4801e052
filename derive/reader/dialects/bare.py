"""Equations that stand in a text without any mark: lines of their own or items of a list, and LaTeX environments.

They are read only where a document marks no formula at all and they speak of the step before, so that no line of prose
or code becomes an equation beside marked ones.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from derive.cell import Guess
from derive.errors import Place
from derive.patterns import regex
from derive.reader.text.fragment import Fragment, Line
from derive.reader.text.note import Declaration, Note

_EQUATION = regex(
    r"\s*(?:(?:[-*+•]|\d+[.)])\s*)?(?P<equation>(?P<left>[A-Za-z]\w*['′]?(?:\([^()]*\)|\[[^\[\]]*\])?)\s*:?=(?!=)"
    r"(?P<right>[^=#]*?[^=#\s])(?:\s{2,}\(\d{1,3}[a-z]?\))?\s*(?:#(?P<comment>.*))?)"
)
_BEFORE = regex(r"t\s*-\s*1|ₜ₋₁|prev(?![a-z])")
_CODE = regex(r"[A-Za-z]\w*\.[A-Za-z_]")
_FENCE = regex(r"\s*(?:```|~~~)")
_ENVIRONMENT = regex(r"\\begin\{(?P<name>array|aligned|align\*?|gathered|split)\}.*?\\end\{(?P=name)\}", re.DOTALL)
_DEFAULTS = regex(r"\(\s*defaults?\s*:\s*(?P<pairs>\w+\s*=\s*\w+(?:\s*,\s*\w+\s*=\s*\w+)*)\s*\)", re.IGNORECASE)
_PAIR = regex(r"\w+\s*=\s*\w+")
_WHERE = regex(r"\s*(?:where|with)\s+(?=[A-Za-z]\w*['′]?(?:\([^()]*\))?\s*=)", re.IGNORECASE)
_SAID = regex(r"[A-Za-z]\w*['′]?(?:\([^()]*\))?\s*=(?:(?!\s+and\s|[,;]\s)[^=])+?(?=\s+and\s|[,;]\s|[.,;]?\s*$)")


@dataclass(frozen=True)
class _Stated:
    """A line that is an equation: where it stands, and the words behind its #."""

    number: int
    column: int
    text: str
    left: str
    comment: str
    line: str


def read(text: str, found: Note) -> None:
    """Add what a text says without marks to a note in which none was found."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    environments = list(_environments(text, found.file, lines))
    if environments:
        found.formulas += environments
        return
    stated = list(_stated(lines))
    if not any(_BEFORE.search(one.text) for one in stated):
        return
    chosen = _without_variants(stated, found)
    content, marks = "", []
    for one in chosen:
        marks.append(Line(len(content), one.number, one.column, one.line))
        content += one.text + "\n"
    found.formulas.append(Fragment(content.rstrip(), found.file, tuple(marks), plain=True))
    found.declarations += _defaults(lines, found)
    found.declarations += _where(lines, found.file)


def _environments(text: str, file: str, lines: list[str]) -> Iterator[Fragment]:
    for match in _ENVIRONMENT.finditer(text):
        number = text.count("\n", 0, match.start()) + 1
        column = match.start() - text.rfind("\n", 0, match.start())
        written = match.group()
        offsets = [0, *(i + 1 for i, sign in enumerate(written) if sign == "\n")]
        marks = [
            Line(offset, number + i, 1 if i else column, lines[number + i - 1]) for i, offset in enumerate(offsets)
        ]
        yield Fragment(written, file, tuple(marks))


def _stated(lines: list[str]) -> Iterator[_Stated]:
    fenced = False
    for number, line in enumerate(lines, 1):
        if _FENCE.match(line):
            fenced = not fenced
        found = None if fenced else _EQUATION.fullmatch(line)
        if found is not None and not _CODE.search(found.group("right")):
            yield _Stated(
                number, found.start("equation") + 1, line[found.start("equation") : found.end("right")],
                found.group("left"), (found.group("comment") or "").strip(), line,
            )  # fmt: skip


def _without_variants(stated: list[_Stated], found: Note) -> list[_Stated]:
    """One equation for each letter, where the words behind the others say that one is the default."""
    several: dict[str, list[_Stated]] = defaultdict(list)
    for one in stated:
        several[one.left].append(one)
    left_out: set[int] = set()
    for variants in several.values():
        default = [one for one in variants if "default" in one.comment.lower()]
        if len(variants) > 1 and len(default) == 1 and all(one.comment for one in variants):
            for other in variants:
                if other is not default[0]:
                    left_out.add(other.number)
                    found.guesses.append(
                        Guess(
                            default[0].text, f"{other.text} ({other.comment})", default[0].comment,
                            Place(found.file, default[0].number, default[0].column, default[0].number),
                        )
                    )  # fmt: skip
    return [one for one in stated if one.number not in left_out]


def _defaults(lines: list[str], found: Note) -> Iterator[Declaration]:
    """What the letters of functions are by default: `(Default: f=Sigmoid, g=Tanh)`."""
    for number, line in enumerate(lines, 1):
        for match in _DEFAULTS.finditer(line):
            pairs = tuple(
                Fragment(pair.group(), found.file, (Line(0, number, pair.start() + 1, line),), plain=True)
                for pair in _PAIR.finditer(line, match.start("pairs"), match.end("pairs"))
            )
            said = ", ".join(pair.text for pair in pairs)
            found.guesses.append(
                Guess(said, "other functions, chosen with the attributes", "the default", pairs[0].place(0))
            )
            yield Declaration("where", pairs, match.group())


def _where(lines: list[str], file: str) -> Iterator[Declaration]:
    """What a line says of letters that the equations above it use: `where f = tanh and g(a) = a`."""
    for number, line in enumerate(lines, 1):
        opened = _WHERE.match(line)
        if opened is not None:
            pairs = tuple(
                Fragment(pair.group(), file, (Line(0, number, pair.start() + 1, line),), plain=True)
                for pair in _SAID.finditer(line, opened.end())
            )
            if pairs:
                yield Declaration("where", pairs, line.strip())
