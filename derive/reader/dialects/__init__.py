"""How documents mark their formulas: a file of any known kind -> a `Note`.

`marks` turns reStructuredText, HTML and the many dollars of Markdown into plain Markdown, character for character in
place; `notebooks` finds the Markdown in a notebook; `tex` finds the formulas of LaTeX documents; `macros` has the
commands that a document of any kind defines, `assumed_macros` those that it defines elsewhere; `bare` and `unmarked`
read what stands in a text without any mark; `programs` reads the step of a Python program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from derive.patterns import regex
from derive.reader.dialects import bare, marks, programs, scripts, tex, unmarked
from derive.reader.dialects.assumed_macros import with_assumed
from derive.reader.dialects.macros import Macro, macros, with_macros
from derive.reader.dialects.notebooks import cells, markdown_cells, notebook
from derive.reader.dialects.repairs import repaired
from derive.reader.text.note import Found, Note, every_formula, note, worded
from derive.reader.text.stated import derivative, formula

_AT_STEP = regex(r"[^=]*(?:[_^]\s*\{?[^{}=]*[tnk]\b|\([tnk][^()]*\)|['′](?!\s*\()|\\prime(?!\s*\}?\s*\())[^=]*=")
"""What a quantity is at a step."""


def note_of(text: str, file: str) -> Note:
    """What a document says, whatever kind of file it is; raises InputError for a notebook that is none."""
    suffix = Path(file).suffix.lower()
    if suffix == ".ipynb":
        return _notebook(text, file)
    if suffix == ".tex":
        found = note(tex.readable(text), file)
        found.formulas = [each.fragment for each in tex.formulas(text, file) if each.displayed]
        return found
    shown, defined = macros(marks.usual(text, suffix))
    found = note(shown, file)
    if len(with_assumed((each.text for each in found.formulas), defined)) > len(defined):
        defined = with_assumed((each.text for each in every_formula(shown, file)[0]), defined)  # one guess for all
    found = put_in_note(found, defined)
    if not _has_equations(found):
        _read_unmarked(scripts.usual(text), found, suffix)
    if not _defines_step(found):
        found.formulas = [*(each.fragment for each in programs.equations(shown, file)), *found.formulas]
    return found


def _read_unmarked(text: str, found: Note, suffix: str) -> None:
    """Add the equations of a text without marks: none of them is left out because another reader knows fewer forms."""
    bare.read(text, found)
    if any(not one.plain for one in found.formulas) or found.guesses:
        return
    lines = [
        one
        for one in unmarked.formulas(text, found.file, suffix, latex=True)
        if not derivative(one.fragment) and "+=" not in one.text
    ]
    if _tells_more(lines, found):
        found.formulas = [one.fragment for one in lines]


def _tells_more(lines: list[Found], found: Note) -> bool:
    """Whether the lines that are formulas are more than those found, or the same without the remarks behind them."""
    known = {
        line.number: text for one in found.formulas for line, text in zip(one.lines, one.text.split("\n"), strict=False)
    }
    read = {one.place.line: one.text.strip() for one in lines}
    cut = any(known[n].strip() != text and known[n].strip().startswith(text) for n, text in read.items() if n in known)
    whole = all(n in read or not formula(text) for n, text in known.items())
    return not known or not read.keys() <= known.keys() or (cut and whole)


def _has_equations(found: Note) -> bool:
    """Whether formulas with marks say what is computed at a step; shapes, sizes and the output say nothing of it."""
    declared = (one for declaration in found.declarations for one in declaration.formulas)
    return bool(found.formulas) or any(_AT_STEP.match(one.text) for one in declared)


def _defines_step(found: Note) -> bool:
    declared = (one for declaration in found.declarations for one in declaration.formulas)
    return programs.define_step((*found.formulas, *declared))


def formulas_of(text: str, file: str) -> list[Found]:
    """All formulas of a document, those in running text too, each with the headings above it."""
    return worded(_formulas_of(text, file))


def _formulas_of(text: str, file: str) -> list[Found]:
    suffix = Path(file).suffix.lower()
    if suffix == ".tex":
        return list(tex.formulas(text, file))
    if suffix != ".ipynb":
        shown, defined = macros(marks.usual(text, suffix))
        marked = every_formula(shown, file)[0]
        return put_in(unmarked.added(marked, shown, file, suffix), defined)
    found: list[Found] = []
    section: tuple[str, ...] = ()
    known: dict[str, Macro] = {}
    for number, source in markdown_cells(notebook(text, file)):
        shown, defined = macros(marks.usual(source))
        more, section = every_formula(shown, f"{file}#cell{number}", section)
        known |= defined
        found += put_in(more, known)
    return found


def put_in(formulas: Iterable[Found], known: Mapping[str, Macro]) -> list[Found]:
    """The formulas with the macros of their document put in."""
    formulas = list(formulas)
    known = with_assumed((each.text for each in formulas), known)
    return [replace(each, fragment=repaired(with_macros(each.fragment, known))) for each in formulas]


def put_in_note(said: Note, known: Mapping[str, Macro]) -> Note:
    """A note with the macros of its document put in."""
    declared = [one for each in said.declarations for one in each.formulas]
    known = with_assumed((one.text for one in (*said.formulas, *declared)), known)
    said.formulas = [repaired(with_macros(each, known)) for each in said.formulas]
    said.declarations = [
        replace(each, formulas=tuple(with_macros(one, known) for one in each.formulas)) for each in said.declarations
    ]
    return said


def _notebook(text: str, file: str) -> Note:
    whole = Note(file)
    known: dict[str, Macro] = {}
    data = notebook(text, file)
    for number, source in markdown_cells(data):
        shown, defined = macros(marks.usual(source))
        known |= defined
        cell = put_in_note(note(shown, f"{file}#cell{number}"), known)
        whole.title = whole.title or cell.title
        whole.source = whole.source or cell.source
        whole.formulas += cell.formulas
        whole.declarations += cell.declarations
    if not _defines_step(whole):
        steps = (programs.of_program(text, f"{file}#cell{n}", ()) for n, kind, text in cells(data) if kind == "code")
        whole.formulas = [*(each.fragment for each in next(filter(None, steps), [])), *whole.formulas]
    return whole
