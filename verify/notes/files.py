"""A file -> its formulas, each with its place and its section: Markdown, Jupyter notebooks, LaTeX, reST and HTML.

Markdown is read by `derive.reader.text.note`, which knows the places; a notebook is its Markdown cells, one after
the other (the place of a formula names the cell: `note.ipynb#cell3`); other dialects are `derive.reader.dialects`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from derive.errors import InputError, Place
from derive.reader import text_of
from derive.reader.dialects import marks, tex
from derive.reader.dialects.notebooks import markdown_cells, notebook
from derive.reader.text.fragment import Fragment, Line
from derive.reader.text.note import Declaration, every_formula, note

_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_PERCENT = re.compile(r"%+\s*backproof\s*:(.*)")
_DIRECTIVE = re.compile(r"\s*backproof\s*:(.*)", re.DOTALL)
_RELATION = re.compile(
    r"[=≔≡∝≈∈←<>≤≥]|\\(?:in|approx|propto|coloneqq|equiv|gets|leftarrow|to|rightarrow|triangleq|le|leq|ge|geq|sim)"
    r"(?![A-Za-z])"
)
_FENCE = re.compile(r"\s*(```+|~~~+)(?!\s*(?:\{math\}|math|latex|tex|equations)\b)")
_IN_CODE = re.compile(r"\s*(?:[A-Za-z_]\w*\.)*([A-Za-z]\w*(?:\[[^\]]*\])?)\s*=(?!=)")
_IN_TEXT = re.compile(r"(?:[-*+>\s]|\d+\.)*([A-Za-z](?:_\w|_\{[^}]*\})*(?:[(\[]t[)\]])?)\s*=(?!=)")
_LEADING = re.compile(r"\s*&?\s*=")
SETTINGS = ("cell", "notation")
"""What a comment in a note can say about the formulas after it."""


@dataclass(frozen=True)
class Formula:
    """A formula of a note: `section` are the headings above it, `settings` what a comment says about its model."""

    fragment: Fragment
    displayed: bool
    section: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        return self.fragment.text

    @cached_property
    def place(self) -> Place:
        """Where it starts and ends, without the space around it."""
        text = self.fragment.text
        return self.fragment.place(len(text) - len(text.lstrip()), len(text.rstrip()))

    @property
    def claims(self) -> bool:
        """Whether it says anything: a letter on its own is a mention."""
        return _RELATION.search(self.fragment.text) is not None


@dataclass(frozen=True)
class Aside:
    """An assignment to a quantity that stands outside of the formulas: in code, or in plain text."""

    name: str
    line: int
    reason: str


@dataclass(frozen=True)
class Part:
    """A text with formulas: a whole file, or one cell of a notebook (`number` is its place among the cells).

    `declarations` are its "where" lines, `aside` what is assigned outside of its formulas.
    """

    file: str
    text: str
    formulas: tuple[Formula, ...]
    number: int | None = None
    declarations: tuple[Declaration, ...] = ()
    aside: tuple[Aside, ...] = ()


@dataclass(frozen=True)
class Document:
    """A file with the texts in it."""

    path: str
    parts: tuple[Part, ...]

    @property
    def formulas(self) -> tuple[Formula, ...]:
        return tuple(formula for part in self.parts for formula in part.formulas)

    @property
    def declarations(self) -> tuple[Declaration, ...]:
        return tuple(declaration for part in self.parts for declaration in part.declarations)

    @property
    def aside(self) -> tuple[Aside, ...]:
        return tuple(each for part in self.parts for each in part.aside)


def read(path: str | Path) -> Document:
    """The formulas of a file; raises InputError if it cannot be read."""
    text = text_of(path)
    file = str(path)
    if not text.strip():
        raise InputError("the note is empty", Place(file, 1, 1, 1), "there is nothing to audit")
    suffix = Path(path).suffix.lower()
    if suffix == ".ipynb":
        return Document(file, tuple(_notebook(text, file)))
    if suffix == ".tex":
        return Document(file, (Part(file, text, tuple(_latex(text, file))),))
    shown = marks.usual(text, suffix)
    found, _, _ = _markdown(shown, file, (), ())
    return Document(file, (Part(file, text, found, None, _declarations(shown, file), tuple(asides(shown, found))),))


def _notebook(text: str, file: str) -> Iterator[Part]:
    section: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    for number, written in markdown_cells(notebook(text, file)):
        source = marks.usual(written)
        found, section, settings = _markdown(source, f"{file}#cell{number}", section, settings)
        name = f"{file}#cell{number}"
        yield Part(name, written, found, number, _declarations(source, name), tuple(asides(source, found)))


def _latex(text: str, file: str) -> Iterator[Formula]:
    """The formulas of a LaTeX document, under what its comments say."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    said = [
        (place, directive_settings(directive.group(1), place))
        for place, comment in tex.comments(text, file)
        if (directive := _PERCENT.match(comment))
    ]
    for each in tex.formulas(text, file):
        place = each.fragment.place(0)
        yield Formula(each.fragment, each.displayed, each.headings, in_force(said, place, ()))


def _declarations(text: str, file: str) -> tuple[Declaration, ...]:
    """The lines of a Markdown text that declare something, as a note of a cell has them."""
    return tuple(note(comments(text, file)[0], file).declarations)


def asides(text: str, formulas: Iterable[Formula]) -> Iterator[Aside]:
    """Assignments in code, and in plain text without dollars."""
    read = {line.number for formula in formulas for line in formula.fragment.lines}
    fence = ""
    for number, line in enumerate(text.splitlines(), 1):
        marker = _FENCE.match(line)
        if marker and (not fence or line.strip().startswith(fence)):
            fence = "" if fence else marker.group(1)
            continue
        found = (_IN_CODE if fence else _IN_TEXT).match(line)
        if found and number not in read:
            name = found.group(1).split("_")[0].split("[")[0]
            yield Aside(name, number, "code is not read as a model" if fence else "write it between $$ and $$")


def _markdown(
    text: str, file: str, section: tuple[str, ...], settings: tuple[tuple[str, str], ...]
) -> tuple[tuple[Formula, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The formulas of a Markdown text that follows on `section`, and where it ends."""
    visible, said = comments(text, file)
    found, section = every_formula(visible, file, section)
    formulas = []
    for each in found:
        formula = Formula(each.fragment, each.displayed, each.headings)
        formulas.append(replace(formula, settings=in_force(said, formula.place, settings)))
    end = Place(file, text.count("\n") + 2, 1, 0)
    return tuple(formulas), section, in_force(said, end, settings)


def in_force(
    said: list[tuple[Place, tuple[tuple[str, str], ...]]], place: Place, before: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """What the last comment before a place says."""
    for at, settings in reversed(said):
        if (at.line, at.column) <= (place.line, place.column):
            return settings
    return before


def comments(text: str, file: str) -> tuple[str, list[tuple[Place, tuple[tuple[str, str], ...]]]]:
    """The text with its comments blanked out, and what those that speak to us say."""
    said = []
    for comment in _COMMENT.finditer(text):
        if directive := _DIRECTIVE.fullmatch(comment.group(1)):
            line = text.count("\n", 0, comment.start()) + 1
            column = comment.start() - text.rfind("\n", 0, comment.start())
            place = Place(file, line, column, line, text.split("\n")[line - 1], comment.end() - comment.start())
            said.append((place, directive_settings(directive.group(1), place)))
    return _COMMENT.sub(lambda comment: re.sub(r"[^\n]", " ", comment.group()), text), said


def directive_settings(words: str, place: Place) -> tuple[tuple[str, str], ...]:
    """cell=lstm notation=deeplearning-ai; raises InputError for anything else."""
    found = []
    for word in words.split():
        key, equals, value = word.partition("=")
        if not equals or not value or key not in SETTINGS:
            raise InputError(
                f"cannot understand {word!r} in this comment", place,
                "readable: <!-- backproof: cell=lstm notation=deeplearning-ai -->",
            )  # fmt: skip
        found.append((key, value))
    return tuple(found)


def continued(formula: Formula, before: Formula | None) -> Fragment:
    """The formula as it is to be read: one that begins with `=` goes on from the last side of the one before it."""
    fragment = formula.fragment
    lead = _LEADING.match(fragment.text)
    if lead is None or before is None or before.section != formula.section or "=" not in before.text:
        return fragment
    start = before.text.rindex("=") + 1
    start += len(before.text[start:]) - len(before.text[start:].lstrip())
    last = piece(before.fragment, start, len(before.text.rstrip()))
    shift = len(last.text) + 1
    own = [replace(line, offset=max(line.offset, 0) + shift) for line in fragment.lines]
    return replace(fragment, text=f"{last.text} {fragment.text}", lines=(*last.lines, *own))


def piece(fragment: Fragment, start: int, end: int) -> Fragment:
    """A part of a fragment that still knows its place."""
    before = [line for line in fragment.lines if line.offset <= start][-1:] or [fragment.lines[0]]
    first = before[0]
    marks = [Line(0, first.number, first.column + start - first.offset, first.text)]
    marks += [replace(line, offset=line.offset - start) for line in fragment.lines if start < line.offset < end]
    return replace(fragment, text=fragment.text[start:end], lines=tuple(marks))
