"""A file -> its formulas, each with its place and its section: Markdown, Jupyter notebooks, LaTeX, reST and HTML.

Markdown is read by `derive.reader.text.note`, which knows the places; a notebook is its Markdown cells, one after
the other (the place of a formula names the cell: `note.ipynb#cell3`); other dialects are `derive.reader.dialects`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path

from derive.errors import InputError, Place
from derive.patterns import regex
from derive.reader import text_of
from derive.reader.dialects import marks, programs, put_in, put_in_note, tables, tex, unmarked
from derive.reader.dialects.assumed_macros import with_assumed
from derive.reader.dialects.macros import Macro, macros
from derive.reader.dialects.notebooks import cells, notebook
from derive.reader.text.fragment import Fragment, piece
from derive.reader.text.note import Declaration, Found, every_formula, note, worded
from verify.notes import comments

_PERCENT = regex(r"%+(.*)")
_FENCE = regex(r"\s*(```+|~~~+)(?!\s*(?:\{math\}|math|latex|tex|equations)\b)")
_STEP = r"(?:[⟨<(\[]\s*t(?:\s*[-+]\s*1)?\s*[⟩>)\]])?"
_IN_CODE = regex(rf"\s*(?:[A-Za-z_]\w*\.)*([A-Za-zŷ]\w*(?:\[[^\]]*\])?){_STEP}\s*=(?!=)")
_IN_TEXT = regex(r"(?:[-*+>\s]|\d+\.)*([A-Za-z](?:_\w|_\{[^}]*\})*(?:[(\[]t[)\]])?)\s*=(?!=)")
_DOTS = r"(?:\\[cl]?dots(?![A-Za-z])|\.\.\.|…|⋯)"
_LEADING = regex(rf"\s*&?\s*(?P<dots>{_DOTS})?\s*&?\s*(?:=|[≈≤]|\\(?:approx|leq?|leqslant)(?![A-Za-z]))")
_BOUND = regex(r"[≤≈]|\\(?:leq?|leqslant|approx)(?![A-Za-z])")
_TRAILING = regex(rf"\s*&?\s*=\s*&?\s*{_DOTS}[\s.,;&]*\Z")


HEADING = regex(r"\s*(?:#{1,6}\s|\\(?:sub)*section|\\chapter)")
NEAREST = 2
"""So many headings above a formula may say what it is about."""
NO_GATES: tuple[str, tuple[str, ...], bool] = ("", (), False)


@dataclass(frozen=True)
class Formula(Found):
    """A formula of a note: `settings` is what a comment says about its model, `ignored` the mistakes and words that one
    says to ignore in it, `stands` a letter of it that stands for each of several gates, these, and whether that is said
    right beside it.
    """

    settings: comments.Settings = ()
    ignored: tuple[str, ...] = ()
    stands: tuple[str, tuple[str, ...], bool] = NO_GATES


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
class Source:
    """A program within a document: a fence of Python or a cell of code, whose first line has the number `first`."""

    text: str
    file: str
    first: int = 1
    section: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """A file with the texts in it, and the programs."""

    path: str
    parts: tuple[Part, ...]
    sources: tuple[Source, ...] = ()

    @property
    def formulas(self) -> tuple[Formula, ...]:
        return tuple(formula for part in self.parts for formula in part.formulas)

    @property
    def declarations(self) -> tuple[Declaration, ...]:
        return tuple(declaration for part in self.parts for declaration in part.declarations)

    @property
    def aside(self) -> tuple[Aside, ...]:
        return tuple(each for part in self.parts for each in part.aside)

    def in_program(self, place: Place | None) -> bool:
        """Whether this stands in one of the programs."""
        return place is not None and any(
            one.file == place.file and 0 <= place.line - one.first < len(one.text.splitlines()) for one in self.sources
        )


def read(path: str | Path) -> Document:
    """The formulas of a file; raises InputError if it cannot be read."""
    text = text_of(path)
    file = str(path)
    if not text.strip():
        raise InputError("the note is empty", Place(file, 1, 1, 1), "there is nothing to audit")
    document = _read(text, file)
    if not programs.define_step(formula.fragment for formula in document.formulas):
        document = _read(text, file, with_programs=True)
    return replace(document, sources=tuple(_sources(text, file)))


def _sources(text: str, file: str) -> Iterator[Source]:
    suffix = Path(file).suffix.lower()
    if suffix == ".ipynb":
        for number, kind, written in cells(notebook(text, file)):
            if kind == "code":
                yield Source(written, f"{file}#cell{number}")
    elif suffix != ".tex":
        yield from (Source(inside, file, first, section) for first, inside, section in programs.fences(text))


def _read(text: str, file: str, *, with_programs: bool = False) -> Document:
    suffix = Path(file).suffix.lower()
    if suffix == ".ipynb":
        return Document(file, tuple(_notebook(text, file, with_programs)))
    if suffix == ".tex":
        return Document(file, (Part(file, text, _latex(text, file)),))
    shown, defined = macros(marks.usual(text, suffix))
    found, _, _, known = _markdown(shown, file, (), (), defined)
    if with_programs:
        found = _in_order((*found, *_of_programs(programs.equations(shown, file))))
    said = _declarations(shown, file, known)
    return Document(file, (Part(file, text, found, None, said, tuple(asides(shown, found))),))


def _notebook(text: str, file: str, with_programs: bool) -> Iterator[Part]:
    section: tuple[str, ...] = ()
    settings: comments.Settings = ()
    known: dict[str, Macro] = {}
    for number, kind, written in cells(notebook(text, file)):
        name = f"{file}#cell{number}"
        if kind == "markdown":
            source, defined = macros(marks.usual(written))
            known |= defined
            found, section, settings, used = _markdown(source, name, section, settings, known)
            yield Part(name, written, found, number, _declarations(source, name, used), tuple(asides(source, found)))
        elif with_programs and (step := programs.of_program(written, name, section)):
            yield Part(name, written, _of_programs(step), number)
            with_programs = False


def _of_programs(found: Iterable[Found]) -> tuple[Formula, ...]:
    return tuple(Formula(each.fragment, each.displayed, each.section) for each in found)


def _in_order(formulas: Iterable[Formula]) -> tuple[Formula, ...]:
    return tuple(sorted(formulas, key=lambda each: (each.place.line, each.place.column)))


def _latex(text: str, file: str) -> tuple[Formula, ...]:
    """The formulas of a LaTeX document, under what its comments say."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    said = [
        ours
        for place, comment in tex.comments(text, file)
        if (percent := _PERCENT.match(comment)) and (ours := comments.read(percent.group(1), place)) is not None
    ]
    return _told((Formula(f.fragment, f.displayed, f.section) for f in tex.formulas(text, file)), said, ())


def _declarations(text: str, file: str, known: Mapping[str, Macro]) -> tuple[Declaration, ...]:
    """The lines of a Markdown text that declare something, as a note of a cell has them."""
    return tuple(put_in_note(note(comments.without(text, file)[0], file), known).declarations)


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
    text: str, file: str, section: tuple[str, ...], settings: comments.Settings, known: Mapping[str, Macro]
) -> tuple[tuple[Formula, ...], tuple[str, ...], comments.Settings, Mapping[str, Macro]]:
    """The formulas of a Markdown text that follows on `section`, where it ends, and its macros."""
    visible, said = comments.without(text, file)
    found, section = every_formula(visible, file, section)
    if ".ipynb#" not in file:
        found = unmarked.added(found, visible, file, Path(file).suffix.lower())
    known = with_assumed((each.text for each in found), known)
    found = tables.with_rows(put_in(found, known))
    formulas = _told((Formula(each.fragment, each.displayed, each.section) for each in found), said, settings)
    end = Place(file, text.count("\n") + 2, 1, 0)
    return formulas, section, comments.in_force(said, end, settings), known


def _told(formulas: Iterable[Formula], said: list[comments.Comment], before: comments.Settings) -> tuple[Formula, ...]:
    """The formulas with what the comments around them say."""
    found = worded(tuple(formulas))
    ignored = iter(comments.ignored(said, [each.place for each in found if each.claims]))
    return tuple(
        replace(
            each, settings=comments.in_force(said, each.place, before), ignored=next(ignored) if each.claims else ()
        )
        for each in found
    )


_WORDS = regex(r"[\s.,:;]*(?:\\(?:text\w*|mbox)\s*\{[^{}]*\}[\s.,:;]*)+")
_CONDITION = regex(r"\s*[a-z]\s*(?:=|≠|\\neq?(?![A-Za-z]))\s*[a-z]\s*")
_ENDED = regex(r"[\s$`*_)）\\]*[:：,，.。]?[\s*_]*")


def goes_on_from(formulas: Sequence[Formula]) -> Iterator[tuple[Formula, Formula | None]]:
    """Each formula with the one before it; a display that begins with = goes on from the last one that is no words."""
    before = display = None
    for each in formulas:
        leads = each.displayed and _LEADING.match(each.fragment.text) is not None
        yield each, (display or before) if leads else before
        before = each
        if each.displayed and not _WORDS.fullmatch(each.text):
            display = each


def continued(formula: Formula, before: Formula | None) -> Fragment:
    """The formula to be read: one that begins with `=`, `... =`, `≈` or `≤` goes on from the last side before it."""
    fragment = _without_open_end(formula.fragment)
    lead = _LEADING.match(fragment.text)
    if lead is None or before is None or before.section != formula.section:
        return fragment
    shown = _TRAILING.sub("", before.text).rstrip(" \n\t&").removesuffix("=")
    equals = _last_equals(shown)
    bounds = [m.end() for m in _BOUND.finditer(shown) if shown.count("{", 0, m.end()) == shown.count("}", 0, m.end())]
    start = max(-1 if equals is None else equals + 1, *bounds[-1:], -1)
    if start < 0:
        return fragment
    start += len(before.text[start:]) - len(before.text[start:].lstrip())
    last = piece(before.fragment, start, len(shown.rstrip()))
    shift = len(last.text) + 1
    if lead["dots"] is not None:  # a = ..., and ... = b below it
        fragment = piece(fragment, lead.end("dots"), len(fragment.text))
    own = [replace(line, offset=max(line.offset, 0) + shift) for line in fragment.lines]
    return replace(fragment, text=f"{last.text} {fragment.text}", lines=(*last.lines, *own))


def _without_open_end(fragment: Fragment) -> Fragment:
    """A chain that the next formula goes on with, `a = b =` or `a = b = ...`, without its last sign."""
    if (open_ := _TRAILING.search(fragment.text)) and _last_equals(fragment.text[: open_.start()]) is not None:
        return replace(fragment, text=fragment.text[: open_.start()].ljust(len(fragment.text)))
    shown = fragment.text.rstrip(" \n\t&")
    if not shown.endswith("=") or _last_equals(shown[:-1]) is None:
        return fragment
    return replace(fragment, text=f"{shown[:-1]} ")


def _last_equals(text: str) -> int | None:
    """Where the last = of a formula stands that is none of a sum's."""
    depth = 0
    for i in range(len(text) - 1, -1, -1):
        depth += {"}": 1, "{": -1}.get(text[i], 0)
        if text[i] == "=" and depth == 0:
            return i
    return None


def behind_words(
    document: Document, words: re.Pattern[str], within: int | None = None, until: re.Pattern[str] | None = None
) -> frozenset[Formula]:
    """The formulas that stand behind such words in their section, `within` so many lines or `until` others if said.

    The cells of a notebook follow each other like the lines of a file.
    """
    found: set[Formula] = set()
    more = -1.0  # lines that the words reach
    for part in document.parts:
        reached: set[int] = set()
        for number, line in enumerate(part.text.splitlines(), 1):
            more = -1 if HEADING.match(line) or (until is not None and until.search(line)) else more - 1
            if more >= 0:
                reached.add(number)
            if words.search(line):
                more = inf if within is None else within
        found |= {formula for formula in part.formulas if formula.place.line in reached}
    return frozenset(found)


def beside_words(document: Document, words: re.Pattern[str]) -> frozenset[Formula]:
    """The formulas that stand in the running text of a line behind such words, or below a heading that has them."""
    return frozenset(
        formula
        for formula in document.formulas
        if any(map(words.search, formula.section[-NEAREST:]))
        or (not formula.displayed and words.search(formula.place.text[: formula.place.column - 1]))
    )


def conditioned(fragment: Fragment, formula: Formula, before: Formula | None) -> Fragment:
    """The formula with the condition on entries that a line of words before it ends with: case B, i ≠ k."""
    if before is None or before.displayed or not formula.displayed or _CONDITION.fullmatch(before.text) is None:
        return fragment
    place, here = before.place, formula.place
    behind = place.text[place.column - 1 :].partition(before.text)[2]
    if place.file != here.file or not 0 < here.line - place.line <= 3 or _ENDED.fullmatch(behind) is None:
        return fragment
    if "".join(before.text.split()) in "".join(fragment.text.split()):
        return fragment  # it says so itself
    bare = fragment.text.rstrip(" \n.,;")
    return replace(fragment, text=rf"{bare} \quad ({before.text.strip()})")
