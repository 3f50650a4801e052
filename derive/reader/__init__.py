"""Text -> Cell: a note's equations in LaTeX or plain text, with roles and shapes inferred.

0. dialects: a file of any kind -> its formulas in the marks that `note` knows
1. note: Markdown -> displayed formulas and declaring lines, each a Fragment that knows its place in the file
2. latex (latex_commands), plain (letters, tokens, words): Fragment -> tokens; words has the tables of notation
3. parser (grammar.lark, syntax): tokens -> syntax tree; nothing is decided yet, so that claims are read the same way
   resolving: letters, times and left sides of the whole document in one form
4. meaning: `tree` is what any formula means; `letters` takes a letter with its scripts apart, `walk` turns syntax into
   terms, in equations and claims alike; equations add `symbols`, `vocabulary`, `quantities`, `lefts`
5. where: declaring lines -> shapes, functions, constants, roles, facts
6. kinds (rows), delays, outputs, asking: numbers, vectors and matrices told apart, what is open asked for; sizing,
   infer (shapes, typed): sizes by unification, and nodes built by the checked constructors
7. restated, elaborate: equations -> Cell; reading: what was understood, told to a person
8. claims: `statements` are the lines of a formula to be checked; letters, survey, and meaning (deltas, derivatives,
   brackets, sums, slices, dots, matrix), which extends the walk: what they say, with the guesses that were made; which
   conventions they are written in is `verify`'s question
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from derive.cell import Cell
from derive.errors import InputError, Place
from derive.patterns import regex
from derive.reader.dialects import formulas_of, note_of
from derive.reader.document.elaborate import cell, reading, slug
from derive.reader.document.reading import Reading
from derive.reader.document.refused import refuse_at_once, refused
from derive.reader.meaning.symbols import symbol
from derive.reader.models.prose import completed
from derive.reader.models.several import one_of_several
from derive.reader.models.spoken import with_spoken
from derive.reader.text.fragment import Fragment, Line
from derive.reader.text.note import KEYS, WHERE, Declaration, Note, note
from derive.reader.text.parser import parse

__all__ = ["named", "read_equations", "read_file", "read_note", "reading_of", "text_of"]

_PLAIN = regex(
    r"@|\[\s*t\s*(?:[-+−]\s*\d+\s*)?\]|_\(|_[A-Za-z][A-Za-z0-9]+|\*\*|(?<![A-Za-z_])(?:sum|prod)_|\.T(?![A-Za-z_{])|"
    r"(?<![A-Za-z])delta(?=[_\[(])"
)
_AS_IN_A_NOTE = regex(r"\$|\\\[|\\\(")
_CONVOLUTION = regex(r"(?i:convol(?:ution|ve))|[Cc]onv[A-Z]{3,4}\b|卷积")
_STAR = regex(r"[*∗⊛]|\\(?:ast|star|circledast)(?![A-Za-z])")
LARGEST = 2_000_000
"""Bytes a note may have."""


def read_note(text: str, file: str = "<text>") -> Cell:
    """Read a note: Markdown with displayed equations; raises InputError with the place of what is wrong."""
    return reading_of(text, file).cell


def reading_of(text: str, file: str = "<text>") -> Reading:
    """What a note says: its cell, what stands beside it, and the guesses; raises InputError as `read_note` does."""
    if not text.strip():
        raise InputError("the note is empty", Place(file, 1, 1, 1), "write at least one equation between $$ and $$")
    found = note_of(text, file)
    fuller = completed(found, formulas_of(text, file))
    missed: InputError | None = None
    if fuller is not None:
        try:
            return _read(fuller, text, file)
        except InputError as error:
            missed = error
    try:
        return _read(found, text, file)
    except InputError as error:
        spoken = with_spoken(found, formulas_of(text, file))
        if spoken is not None:
            try:
                return _read(spoken, text, file)
            except InputError:
                pass
        error = missed or error
        raise refused(found.formulas, error) or error from None


def _read(found: Note, text: str, file: str) -> Reading:
    """What a document says by its displayed equations."""
    if not found.formulas and not any(declaration.formulas for declaration in found.declarations):
        raise InputError(
            "no equation found", Place(file, 1, 1, 1, text.split("\n")[0]),
            "put equations between $$ and $$, or in a fence with the info equations",
        )  # fmt: skip
    if (said := _CONVOLUTION.search(text)) and any(_STAR.search(fragment.text) for fragment in found.formulas):
        line = text.count("\n", 0, said.start()) + 1
        raise InputError(
            "a convolution cannot be read: a cell is made of products of matrices and vectors",
            Place(file, line, 1, line, text.split("\n")[line - 1]),
            "write it for one place, with a matrix for what the kernel does there: "
            "$z_t = \\tanh(W_1 x_{t-1} + W_2 x_t)$ for one over two steps",
        )
    refuse_at_once(found.formulas)
    name = slug(found.title) or slug(Path(file).stem) or "cell"

    def read(formulas: Sequence[Fragment], declarations: Sequence[Declaration]) -> Reading:
        return reading(formulas, declarations, name=name, title=found.title, source=found.source, guesses=found.guesses)

    try:
        return read(found.formulas, found.declarations)
    except InputError as whole:
        chosen = one_of_several(found, formulas_of(text, file), text, whole, read)
        return replace(chosen, cell=replace(chosen.cell, name=name, title=found.title or name, source=found.source))


def read_file(path: str | Path) -> Cell:
    """Read a note from a file; raises InputError if it is binary, not UTF-8, empty or not there."""
    return read_note(text_of(path), str(path))


def text_of(path: str | Path) -> str:
    """The text of a file; raises InputError if it is binary, too large, not UTF-8 or not there."""
    file = str(path)
    start = Place(file, 1, 1, 1)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot open the file: {error.strerror or error}", start) from None
    if b"\0" in data[:8192]:
        raise InputError(
            "this is a binary file", start, "notes are text: Markdown, LaTeX, notebooks, HTML, reStructuredText"
        )
    if len(data) > LARGEST:
        raise InputError(f"the file has {len(data)} bytes; at most {LARGEST} are read", start)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise InputError(
            f"byte {data[error.start]:#04x} is not UTF-8", Place(file, line, column, line), "save the note as UTF-8"
        ) from None


def read_equations(
    equations: Sequence[str],
    where: Sequence[str] = (),
    name: str = "cell",
    *,
    title: str = "",
    source: str = "",
    file: str = "<equations>",
) -> Cell:
    """Read equations given one by one, and declarations such as `x_t \\in \\mathbb{R}^{D}` or `output: h_t`.

    A declaration may also stand among the equations, with its word before it. An item may be written as in a note, with
    its dollars. Raises InputError with its place, where the items count as the lines of one text.
    """
    formulas: list[Fragment] = []
    declarations: list[Declaration] = []
    line = 1
    listed = [[given] if isinstance(given, str) else given for given in (equations, where)]
    for text, declares in [*((text, False) for text in listed[0]), *((text, True) for text in listed[1])]:
        if not isinstance(text, str):
            raise InputError(
                f"{type(text).__name__} is no text", Place(file, line, 1, line), "write LaTeX as a string"
            )  # fmt: skip
        found = note("\n" * (line - 1) + text, file) if _AS_IN_A_NOTE.search(text) else None
        if found and (found.formulas or found.declarations):
            formulas += found.formulas
            declarations += found.declarations
        elif (declared := _declaration(text, file, line, always=declares)) is not None:
            declarations += declared
        else:
            formulas.append(formula(text, file, line))
        line += text.count("\n") + 1
    return cell(formulas, declarations, name=slug(name) or "cell", title=title or name, source=source)


def _declaration(text: str, file: str, line: int, *, always: bool) -> list[Declaration] | None:
    """What a line without dollars declares; None where it is an equation."""
    key, colon, rest = text.partition(":")
    known = KEYS.get(key.strip().lower()) if colon else None
    opening = None if known else WHERE.match(text)
    if not (known or opening or always):
        return None
    fragment = formula(text, file, line)
    if known or opening:
        fragment = _cut(fragment, len(text) - len(rest) if opening is None else opening.end())
    mathematics = _cut_words(fragment) if known == "assume" else fragment
    return [Declaration(known or "where", (mathematics,), text)] if fragment.text.strip() else []


def named(text: str) -> tuple[str, int | None, str] | None:
    """A name as a letter of a note is read: `h_{t-1}` is h at offset -1. With its LaTeX; None if it is no name."""
    try:
        rows = parse(fragment := formula(text, "<name>"))
        found = symbol(rows[0][0], fragment) if len(rows) == 1 and len(rows[0]) == 1 else None
    except InputError:
        found = None
    if found is None or found.transposed or found.power is not None or found.indices:
        return (text, None, text) if text.isidentifier() else None
    return found.name, found.offset, found.latex


def formula(text: str, file: str = "<text>", line: int = 1) -> Fragment:
    """One formula as a fragment: plain text or LaTeX, by how it looks."""
    plain = "\\" not in text and _PLAIN.search(text) is not None
    return Fragment.of(text, file, line=line, plain=plain)


def _cut(fragment: Fragment, start: int) -> Fragment:
    """A fragment without its first characters."""
    first = fragment.lines[0]
    lines = (
        Line(0, first.number, first.column + start, first.text),
        *(replace(line, offset=line.offset - start) for line in fragment.lines[1:]),
    )
    return replace(fragment, text=fragment.text[start:], lines=lines)


def _cut_words(fragment: Fragment) -> Fragment:
    """An assumption without the words one-hot behind it."""
    return replace(fragment, text=re.sub(r"\s*\b(?:is\s+)?one-?hot\b.*", "", fragment.text))
