"""LaTeX documents -> formulas: environments, `\\[`, `\\(`, `$` and `$$`, with comments and verbatim text left out.

Commands that the document defines (`macros`) are put in; places stay exact all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from derive.errors import Place
from derive.patterns import regex
from derive.reader.dialects.assumed_macros import with_assumed
from derive.reader.dialects.macros import Macro, group, macros, with_macros
from derive.reader.dialects.marks import without_words_between
from derive.reader.dialects.repairs import repaired
from derive.reader.text.fragment import Fragment, Line
from derive.reader.text.note import Found

ENVIRONMENTS = ("equation", "align", "gather", "multline", "eqnarray", "flalign", "alignat", "displaymath", "math")
"""Environments that are formulas, with or without a star."""
LEVELS = ("part", "chapter", "section", "subsection", "subsubsection", "paragraph", "subparagraph")

_VERBATIM = regex(
    r"\\begin\{(verbatim\*?|lstlisting|minted|comment)\}.*?\\end\{\1\}|\\verb\*?([^\w\s*]).*?\2", re.DOTALL
)
_COMMENT = regex(r"(?<!\\)((?:\\\\)*)(%[^\n]*)")
_MATH = regex(
    r"\\begin\{(?P<env>(?:" + "|".join(ENVIRONMENTS) + r")\*?)\}(?P<body>.*?)\\end\{(?P=env)\}"
    r"|\\\[(?P<display>.*?)\\\]|\\\((?P<inline>.*?)\\\)"
    r"|(?<!\\)\$\$(?P<dollars>.+?)(?<!\\)\$\$|(?<!\\)\$(?P<dollar>[^$]+?)(?<!\\)\$"
    r"|\\(?P<heading>" + "|".join(LEVELS) + r")\*?\s*(?:\[[^\]]*\])?\{",
    re.DOTALL,
)
_COLUMNS = regex(r"\s*\{\d+\}|(?=)")


def formulas(text: str, file: str) -> Iterator[Found]:
    """The formulas of a LaTeX document in their order, with its macros put in."""
    found, defined = _typed(text, file)
    known = with_assumed((each.text for each in found), defined)
    for each in found:
        yield replace(each, fragment=repaired(with_macros(each.fragment, known)))


def _typed(text: str, file: str) -> tuple[list[Found], dict[str, Macro]]:
    """The formulas as they are typed, and the macros of their document."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    visible, defined = macros(readable(text))
    found: list[Found] = []
    section: list[str] = []
    for match in _MATH.finditer(visible):
        kind = match.lastgroup or ""
        if kind == "heading":
            title, _ = group(visible, match.end() - 1)
            level = LEVELS.index(match.group("heading"))
            section[level:] = [*[""] * (level - len(section)), " ".join(title.split())]
            continue
        start, end = match.span(kind)
        if kind == "body" and match.group("env").startswith("alignat"):
            columns = _COLUMNS.match(visible, start, end)
            start = columns.end() if columns else start
        fragment = _fragment(visible, start, end, lines, starts, file)
        displayed = kind not in ("inline", "dollar") and match.group("env") != "math"
        found.append(Found(fragment, displayed, tuple(filter(None, section))))
    return found, defined


def comments(text: str, file: str) -> Iterator[tuple[Place, str]]:
    """The comments of a document, each with its place."""
    for comment in _COMMENT.finditer(_VERBATIM.sub(_blank, text)):
        start = comment.start(2)
        number = text.count("\n", 0, start) + 1
        column = start - text.rfind("\n", 0, start)
        yield Place(file, number, column, number, text.split("\n")[number - 1]), comment.group(2)


def readable(text: str) -> str:
    """The text without its comments and what is set as typed, character for character in place."""
    visible = _VERBATIM.sub(_blank, text)
    return without_words_between(_COMMENT.sub(lambda comment: comment.group(1) + " " * len(comment.group(2)), visible))


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def _at(offset: int, lines: list[str], starts: list[int], file: str) -> Place:
    number = next(i for i in range(len(lines)) if offset < starts[i + 1])
    return Place(file, number + 1, offset - starts[number] + 1, number + 1, lines[number])


def _fragment(text: str, start: int, end: int, lines: list[str], starts: list[int], file: str) -> Fragment:
    marks = []
    offset = start
    for row in text[start:end].splitlines(keepends=True):
        place = _at(offset, lines, starts, file)
        marks.append(Line(offset - start, place.line, place.column, place.text))
        offset += len(row)
    return Fragment(text[start:end], file, tuple(marks) or (Line(0, 1, 1, lines[0]),))
