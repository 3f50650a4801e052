"""Documents that mark no formula at all: their lines that are formulas, with the headings above each.

Of files of code, and of fences in a language, only comments and docstrings are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from derive.patterns import regex
from derive.reader.text.note import Found, titles_a_model
from derive.reader.text.stated import formula, speaks_of_steps, stated

_CODE = {
    ".py": "#", ".jl": "#", ".r": "#", ".m": "%", ".lua": "--", ".c": "//", ".h": "//", ".cc": "//", ".cpp": "//",
    ".hpp": "//", ".cu": "//", ".cuh": "//", ".rs": "//", ".go": "//", ".js": "//", ".ts": "//", ".java": "//",
    ".cs": "//", ".swift": "//", ".kt": "//", ".scala": "//",
}  # fmt: skip
"""What a comment of a file of code begins with."""
_QUOTES = regex(r"\"\"\"|'''")
_BLOCK = regex(r"/\*|\*/")
_FENCE = regex(r"[ \t]*(?P<mark>```+|~~~+)[ \t]*(?P<info>[\w+-]*)")
_HEADING = regex(r"(?P<level>#{1,6})[ \t]+(?P<title>\S.*)")
_MARKS = regex(r"[ \t]*(?:(?://[/!]?|#+|%+|\*|[-=]{2,})[ \t]*)*")
_SPAN = regex(r"(?<!`)(?P<mark>``?)(?!`)(?P<inside>[^`]+)(?P=mark)(?!`)")
"""Code in running text."""
_COUNTED = regex(r"^\s*\w+\(([kn])\+1\)\s*=.*\(\1\)|^\s*\w+(?:\[([kn])\]\s*=.*\[\2-1\]|\(([kn])\)\s*=.*\(\3-1\))")
"""A recurrence whose steps are counted by k or n: x(k+1) = ... x(k), y[n] = ... y[n-1]."""
_UPDATED = regex(r"\s*(?P<name>[A-Za-z]\w*)\s*(?:=(?!=)|←|<-).*(?<![\w.])(?P=name)(?![\w(])")
_NETWORK = regex(r"\b(?:tanh|sigmoid|softmax|relu)\s*\(|σ\(", re.IGNORECASE)
_TEXT = {"", "text", "txt", "plaintext", "plain", "none"}


def added(marked: list[Found], text: str, file: str, suffix: str) -> list[Found]:
    """The formulas of a text: those with marks, and, where none of these is displayed, the lines that are formulas."""
    if any(each.displayed and not each.fragment.plain for each in marked):
        return marked
    bare = formulas(text, file, suffix)
    read = {line.number for each in bare for line in each.fragment.lines}
    kept = [each for each in marked if each.place.line not in read]
    return sorted([*kept, *bare], key=lambda each: (each.place.line, each.place.column))


def formulas(text: str, file: str, suffix: str, *, latex: bool = False) -> list[Found]:
    """The formulas of a text without marks, with `latex` LaTeX too; none where nothing tells them from settings."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found: list[Found] = []
    section: list[str] = []
    gathered: list[tuple[int, str]] = []

    def end() -> None:
        found.extend(Found(one, True, tuple(section)) for one in stated(gathered, file, latex=latex))
        gathered.clear()

    spoken = _commented(lines, _CODE[suffix]) if suffix in _CODE else _outside_code(lines)
    for number, line in spoken:
        heading = _HEADING.fullmatch(line) if suffix in (".md", ".markdown", ".qmd", ".rmd") else None
        bare = line[_MARKS.match(line).end() :].strip()  # type: ignore[union-attr]  # it matches nothing too
        if heading is not None:
            end()
            depth = len(heading.group("level"))
            section[depth - 1 :] = [*[""] * (depth - 1 - len(section)), heading.group("title").strip()]
            gathered.append((number, line))
        elif bare and titles_a_model(bare):
            end()
            section[6:] = [*[""] * (6 - len(section)), bare]
        else:
            gathered.append((number, line))
    end()
    counted = latex and any(_COUNTED.search(each.text) for each in found)
    return found if counted or speaks_of_steps(each.fragment for each in found) or _updates(found) else []


def _updates(found: list[Found]) -> bool:
    """Whether a value is made of itself by a function of networks, as programs write a state."""
    return any(_UPDATED.match(each.text) for each in found) and any(_NETWORK.search(each.text) for each in found)


def _outside_code(lines: list[str]) -> Iterator[tuple[int, str]]:
    """All lines but those in a fence with a language."""
    mark, code = "", False
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if fence is not None and (not mark or (line.strip().startswith(mark) and not fence.group("info"))):
            mark, code = ("", False) if mark else (fence.group("mark"), fence.group("info").lower() not in _TEXT)
        elif not code:
            yield number, _in_spans(line)


def _in_spans(line: str) -> str:
    """A line of which a formula stands in code: only what stands in code, in its place."""
    spans = list(_SPAN.finditer(line))
    if not any(formula(span.group("inside").strip()) for span in spans):
        return line
    shown = [" "] * len(line)
    for span in spans:
        shown[slice(*span.span("inside"))] = span.group("inside")
    return "".join(shown)


def _commented(lines: list[str], sign: str) -> Iterator[tuple[int, str]]:
    """The comments, those behind code too, and what stands in docstrings and blocks."""
    inside = False
    border = _QUOTES if sign == "#" else _BLOCK
    for number, line in enumerate(lines, 1):
        borders = len(border.findall(line))
        if inside or borders or line.lstrip().startswith(sign):
            yield number, line
        elif (at := line.rfind(f" {sign} ")) >= 0:
            yield number, " " * at + line[at:]
        inside ^= borders % 2 == 1
