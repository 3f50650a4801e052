"""Worked examples: what the lines of a note say in numbers, computed with the values that it gives the letters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction as Exact
from typing import TYPE_CHECKING

from derive.errors import InputError, Place
from derive.patterns import regex
from derive.reader.claims.statements.chains import Statement, statements
from derive.reader.meaning.letters import letter
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Number, Syntax
from verify.formulas.judgement import Judgement, Word
from verify.formulas.worked import (
    A_VALUE,
    AN_EXAMPLE,
    LONG,
    ROUGHLY,
    THE_SIGMOID,
    WRITTEN,
    Matrix,
    NoNumbersError,
    sigma_unsaid,
)
from verify.notes.audited import Audited
from verify.notes.claiming import SUPPOSED
from verify.notes.examples.formulas import AS_SAID, Formulas, Said
from verify.notes.examples.lines import rows, settings
from verify.notes.examples.restored import restored
from verify.notes.examples.scalars import said_of_numbers
from verify.notes.examples.values import Given, Named, Table, gives_value
from verify.notes.files import continued

if TYPE_CHECKING:
    from verify.notes.files import Formula

GIVEN = "{letters} as in line {lines}"
SEVERAL_GIVEN = "{letters} as in lines {lines}"
_ANY_SLOPE = regex(r"(?:\\sigma|σ)\s*(?:'|′|\^\s*\{?\s*\\prime)")
UNSAID_SLOPE = "if σ is the sigmoid, the left side is {value} by the numbers; beside tanh it may be any function"
OFF = "by the numbers on the page the left side is {value}"
SUSPECT = (
    "by the numbers on the page the left side is {value}; other lines differ too, so perhaps it is not read as meant"
)
NEARLY = "the numbers of both sides differ in the last digits that are written"
IN_NUMBERS = "right by the numbers of the example, not for all values of the letters"
_DERIVATIVE = regex(r"\\frac\s*\{\s*\\partial[^=]*=\s*[-\d.]+[\s.,;]*\Z")
_GIVEN = regex(
    r"\b(?:suppose|assum(?:e|ing)|given|let|say|consider|upstream)\b[^.]*:?\s*\Z|(?:假设|假定|给定|已知|设)[^。]*[:：]?\s*\Z",
    re.IGNORECASE,
)
"""Words right before a display that gives a value."""
_STEP = regex(r"_\s*\{?\s*\d|[₀-₉]")
FEW = 3
"""Lines of an example that may be off before its reading is suspect."""
CERTAIN = 3
"""How many times what the digits leave open both sides differ at least, where that is no rounding."""
SMALLEST = Exact(1, 2000)
"""The part of a number by which both sides differ at least, where that is no rounding."""
MOST_PLAIN = 3
"""Numbers in a side of which each step is seen."""
SHOWN = 5
"""Digits of a number that is told."""


@dataclass(frozen=True)
class _Found:
    """What computing shows of an equation: `near`, in the digits, or `off` for certain; the letters it rests on."""

    near: bool
    off: bool
    left: Matrix
    used: dict[str, Given]


class _Beside:
    """The lines of a text that are read up to a formula for what they say beside the formulas."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.rows = list(rows(lines))
        self.read_to = 0

    def read(self, table: Table, formula: Formula) -> None:
        """Take what stands between the last formula and this one; of plain text it may be numbers for letters."""
        here = formula.place.line
        for line, letter_, number in self.rows:
            if self.read_to < line < here:
                table.note(letter_, number, line, formula.section)
        for line in range(self.read_to + 1, here) if formula.fragment.plain else ():
            for letter_, number in settings(self.lines[line - 1]):
                table.note(letter_, number, line, formula.section)
        self.read_to = max(self.read_to, here - 1)


def with_values(found: Sequence[Audited], lines: Mapping[str, Sequence[str]]) -> list[Audited]:
    """The formulas of a note; what computing with its numbers shows is said of those that the model leaves open."""
    table = Table()
    result: list[Audited] = []
    off: list[tuple[int, int, Judgement, str]] = []
    before: Formula | None = None
    beside = {file: _Beside(each) for file, each in lines.items()}
    first: Named | None = None
    formulas = Formulas()
    for number, one in enumerate(found):
        if one.model is not None:
            table.cell = one.model.cell
        if one.formula.place.file in beside:
            beside[one.formula.place.file].read(table, one.formula)
        each = said_of_numbers(one, lines.get(one.formula.place.file, ()), _numbered(one, table))
        kept, text = list(each.judgements), lines.get(each.formula.place.file, ())
        said = _statements(each.formula, before)
        values = all(map(gives_value, said))
        for statement in said:
            _computed(statement, table, formulas, kept, off, number, each, text)
            _agreeing(statement, table, kept)  # before it gives its own left side a value
            if _refuted(statement, kept):
                continue
            goes_on = statement.fragment.text.lstrip() != each.formula.text.lstrip()
            if values or not statement.given:
                table.learn(statement, each.formula.place.line, each.formula.section, first if goes_on else None)
            formulas.learn(statement, kept, each.formula.place.line)
            if not goes_on:
                first = statement.text(statement.sides[0].start, statement.sides[0].end), statement.sides[0]
        before = each.formula
        result.append(replace(each, judgements=tuple(kept)))
    suspect = len(off) > FEW
    for number, at, judgement, value in off:
        judgements = list(result[number].judgements)
        blank = Judgement(judgement.formula, Word.UNDECIDED, place=judgement.place)
        if _ANY_SLOPE.search(judgement.formula) and "tanh" in judgement.formula:
            judgements[at] = replace(blank, reason=UNSAID_SLOPE.format(value=value))
        elif suspect:
            judgements[at] = replace(blank, reason=SUSPECT.format(value=value))
        else:
            judgements[at] = replace(blank, word=Word.WRONG, reason=OFF.format(value=value))
        result[number] = replace(result[number], judgements=tuple(judgements))
    return result


def _statements(formula: Formula, before: Formula | None) -> list[Statement]:
    if not formula.claims:
        return []
    try:
        return statements(continued(formula, before))
    except (InputError, RecursionError):
        return []


def _computed(
    statement: Statement,
    table: Table,
    formulas: Formulas,
    kept: list[Judgement],
    off: list[tuple[int, int, Judgement, str]],
    number: int,
    audited: Audited,
    beside: Sequence[str],
) -> None:
    """Put what computing shows of the equations of a statement in the place of what was left open."""
    for at, relation in enumerate(statement.relations):
        rough = relation.word.strip() in ROUGHLY
        if (relation.type != "EQ" and not rough) or statement.given:
            continue
        place = statement.place(at)
        here = [i for i, one in enumerate(kept) if _same(one.place, place)]
        if len(here) != 1 or kept[here[0]].word not in (Word.WRONG, Word.UNDECIDED):
            continue
        judgement, left, right = kept[here[0]], statement.sides[at], statement.sides[at + 1]
        shown = None if statement.accumulated else _shown(left, right, table)
        model = audited.model
        if (shown is None or not shown.near) and at == 0 and model is not None and _is_number(right, table):
            in_letters = restored(left, right, statement, table, model.cell, model.meant)
            if in_letters is not None:
                assumed = (*in_letters[0][:1], *_said(in_letters[1]), *in_letters[0][1:], WRITTEN)
                kept[here[0]] = _holding(judgement, assumed)
                continue
        first = (shown is None or not shown.near) and at == 0 and _is_number(right, table)
        if first and (said := _as_said(left, right, formulas, table)) is not None:
            formula, found = said
            if found.near:
                words = AS_SAID.format(formula=formula.text, line=formula.line)
                kept[here[0]] = _holding(judgement, (words, *_said(found.used), WRITTEN))
                continue
            if table.known(left) is None and all(one.settled for one in found.used.values()):
                off.append((number, here[0], judgement, _told(found.left)))
                continue
        if (
            first
            and judgement.reason == AN_EXAMPLE
            and _DERIVATIVE.match(judgement.formula)
            and _is_given(audited, beside)
        ):
            kept[here[0]] = Judgement(judgement.formula, Word.NOT_A_CLAIM, reason=SUPPOSED, place=judgement.place)
            continue
        if shown is None:
            if letter(left) is not None and judgement.word is Word.UNDECIDED and _is_number(right, table):
                kept[here[0]] = Judgement(judgement.formula, Word.NOT_A_CLAIM, reason=A_VALUE, place=judgement.place)
            continue
        if table.known(left) is not None and (at == 0 or (letter(left) is None and not shown.near)):
            continue  # the same value again, or another one of the same part
        if shown.near:
            assumed = (*_said(shown.used), *_sigmoid(table, left, right), WRITTEN)
            kept[here[0]] = _holding(judgement, assumed)
        elif judgement.word is Word.WRONG or table.known(left) is not None:
            continue  # told already, or another value of the same letter
        elif (
            shown.off
            and not _sigmoid(table, left, right)
            and (not rough or _in_full(right))
            and all(one.settled for one in shown.used.values())
        ):
            off.append((number, here[0], judgement, _told(shown.left)))
        else:
            kept[here[0]] = Judgement(judgement.formula, Word.UNDECIDED, reason=NEARLY, place=judgement.place)


def _as_said(left: Syntax, right: Syntax, formulas: Formulas, table: Table) -> tuple[Said, _Found] | None:
    """A right formula that the note has for the left side, and what its numbers show: near those here, or far off."""
    found = [(one, shown) for one in formulas.of(left) if (shown := _shown(one.side, right, table)) is not None]
    near = [pair for pair in found if pair[1].near]
    return next(iter(near or [pair for pair in found if pair[1].off]), None)


def _holding(judgement: Judgement, assumed: tuple[str, ...]) -> Judgement:
    return Judgement(
        judgement.formula, Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed), place=judgement.place
    )


def _is_given(audited: Audited, lines: Sequence[str]) -> bool:
    """Whether the words right before a displayed formula suppose it."""
    above = next((line for line in reversed(lines[: audited.formula.place.line - 1]) if line.strip(" $>")), "")
    return audited.formula.displayed and _GIVEN.search(above) is not None


def _sigmoid(table: Table, *sides: Syntax) -> tuple[str, ...]:
    return (THE_SIGMOID,) if sigma_unsaid(table.cell, *sides) else ()


def _refuted(statement: Statement, kept: Sequence[Judgement]) -> bool:
    """Whether the number that a statement ends in is wrong of the model, so that it is the value of nothing."""
    place = statement.place(len(statement.relations) - 1) if statement.relations else None
    return place is not None and any(one.word is Word.WRONG and _same(one.place, place) for one in kept)


def _agreeing(statement: Statement, table: Table, kept: list[Judgement]) -> None:
    """Leave open what is wrong in letters and right by the numbers of the example."""
    for at in range(len(statement.relations)):
        here = [i for i, one in enumerate(kept) if _same(one.place, statement.place(at)) and one.word is Word.WRONG]
        left, right = statement.sides[at], statement.sides[at + 1]
        shown = _shown(left, right, table, both=True) if here else None
        if here and shown is None:  # what a sum over steps is, the chain begins with
            shown = _shown(statement.sides[0], right, table, both=True)
        if shown is not None and shown.near:
            for i in here:
                kept[i] = Judgement(kept[i].formula, Word.UNDECIDED, reason=IN_NUMBERS, place=kept[i].place)


def _numbered(audited: Audited, table: Table) -> int:
    """The line that gives a weight of the model a number, in the section of a formula or for one of named steps."""
    formula, cell = audited.formula, audited.model.cell if audited.model is not None else None
    for one in cell.parameters if cell is not None else ():
        given = table.given.get(one.name)
        if given is None or 1 in one.shape or (len(given.rows), len(given.rows[0])) != (1, 1):
            continue
        above = given.section[:-1]
        stepped = _STEP.search(formula.text) is not None and formula.section[: len(above)] == above
        if given.section == formula.section or stepped:
            return given.line
    return 0


def _same(one: Place | None, other: Place) -> bool:
    return one is not None and (one.line, one.column) == (other.line, other.column)


def _shown(left: Syntax, right: Syntax, table: Table, *, both: bool = False) -> _Found | None:
    """What computing shows where one side is numbers, and the other has values; where `both` have values, if asked."""
    try:
        used = (table.used(left), table.used(right))
        one, other = table.numbers(left), table.numbers(right)
        far = table.doubt(left), table.doubt(right)
        most = table.doubt(left, rounded=True), table.doubt(right, rounded=True)
    except (NoNumbersError, ArithmeticError, ValueError):
        return None
    if all(used) is not both or (len(one), len(one[0])) != (len(other), len(other[0])):
        return None
    near, off = True, False
    smallest = 0 if _plainly(left) and _plainly(right) and not any(used) else SMALLEST
    for entries in zip(one, other, *far, *most, strict=True):
        for a, b, c, d, e, f in zip(*entries, strict=True):
            near = near and abs(a - b) <= c + d
            off = off or abs(a - b) > CERTAIN * (e + f) + smallest * max(abs(a), abs(b))
    return _Found(near, off, one, {**used[0], **used[1]})


def _plainly(side: Syntax) -> bool:
    """Whether a side is computed from so few numbers that nothing in between is rounded."""
    return sum(isinstance(part, Number) for part in walk(side)) <= MOST_PLAIN


def _in_full(side: Syntax) -> bool:
    """Whether a number is written with so many digits that near it is not far off."""
    return any(isinstance(part, Number) and len(part.text.partition(".")[2]) >= LONG for part in walk(side))


def _is_number(side: Syntax, table: Table) -> bool:
    try:
        return not table.used(side)
    except (NoNumbersError, ArithmeticError, ValueError):
        return False


def _said(used: dict[str, Given]) -> tuple[str, ...]:
    """The letters that something rests on, and the lines that give them."""
    if not used:
        return ()
    letters = ", ".join(dict.fromkeys(one.label for one in used.values()))
    lines = sorted({one.line for one in used.values()})
    words = GIVEN if len(lines) == 1 else SEVERAL_GIVEN
    return (words.format(letters=letters, lines=", ".join(map(str, lines))),)


def _told(rows: Matrix) -> str:
    """A number, or a matrix of numbers, in some digits."""
    written = [[f"{float(entry):.{SHOWN}g}" for entry in row] for row in rows]
    if len(written) == len(written[0]) == 1:
        return written[0][0]
    return "[" + "; ".join(" ".join(row) for row in written) + "]"
