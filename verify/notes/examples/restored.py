"""Numbers of an example, and the letters that have these values: -0.88 · 0.39 is ∂L/∂h_2 · tanh'(a_2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction as Exact
from itertools import islice, product

from derive.cell import Cell
from derive.errors import InputError
from derive.patterns import regex
from derive.reader.claims.meant import Meant
from derive.reader.claims.statements.chains import Statement
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Number, Scripted, Syntax
from derive.reader.text.usual import length_of
from verify.formulas.faults import ClaimsFault
from verify.formulas.judgement import Word
from verify.formulas.wrong.special import of_numbers
from verify.notes.examples.values import EXACT, Given, Table, key

THAT_IS = "the numbers are those of {formula}"
MOST = 24
"""Choices of letters that are tried."""
LONGEST = 40
"""Characters of a letter that is put in the place of a number."""
_MINUS = regex(r"(?:\A|[(\[{=*·×]|\\cdot|\\times)\s*-\s*\Z")

Choice = tuple[int, int, str, Given | None]
"""From where to where a letter stands in the place of a number."""


def restored(
    left: Syntax, right: Syntax, statement: Statement, table: Table, cell: Cell, meant: Meant
) -> tuple[tuple[str, ...], dict[str, Given]] | None:
    """Under what an equation of numbers is a true one of letters, and the letters; None where no such one is found."""
    from verify.formulas.claims import check  # reads much; few notes have examples

    text = statement.fragment.text
    choices = [list(each) for each in _choices(left, right, text, table)]
    if not choices or not all(choices) or all(given is None for each in choices for *_, given in each):
        return None
    small, relation = of_numbers(cell), "+=" if statement.accumulated else "="
    for chosen in islice(product(*choices), MOST):
        used = {label: given for _, _, label, given in chosen if given is not None}
        if not used:
            continue
        written = text[right.start : right.end]
        for start, end, label, _ in sorted(chosen, reverse=True):
            written = written[: start - right.start] + label + written[end - right.start :]
        formula = f"{text[left.start : left.end].strip()} {relation} {written}"
        fragment = replace(Fragment.of(formula, plain=statement.fragment.plain), times=_times(statement, table, cell))
        try:
            (found,) = check(formula, small, fragment=fragment, explain=False, meant=meant)
        except (InputError, ClaimsFault, ValueError):
            continue
        if found.word in (Word.PROVED, Word.HOLDS_IF):
            return (THAT_IS.format(formula=" ".join(formula.split())), *found.assumptions), used
    return None


def _choices(left: Syntax, right: Syntax, text: str, table: Table) -> Iterator[Iterator[Choice]]:
    powers = {
        part.start
        for each in walk(right)
        if isinstance(each, Scripted)
        for script in each.scripts
        for row in script.rows
        for cell in row
        for part in walk(cell)
        if isinstance(part, Number)
    }
    own = key(left)
    for part in walk(right):
        if isinstance(part, Number) and part.start not in powers:
            yield _named(part, text[right.start : part.start], own, table)


def _named(part: Number, before: str, own: str, table: Table) -> Iterator[Choice]:
    """The letters that have the value of a number; a small number may be one."""
    value, minus = Exact(part.text), _MINUS.search(before)
    back = 0 if minus is None else len(before) - before.rindex("-")
    for name, given in reversed(table.given.items()):
        if name == own or len(given.rows) != 1 or len(given.rows[0]) != 1 or len(given.label) > LONGEST:
            continue
        if given.rows[0][0] == -value and back:
            yield part.start - back, part.end, f"({given.label})", given
        elif given.rows[0][0] == value:
            yield part.start, part.end, f"({given.label})", given
    if len(part.text.partition(".")[2]) <= EXACT:
        yield part.start, part.end, part.text, None


def _times(statement: Statement, table: Table, cell: Cell) -> tuple[tuple[str, str], ...]:
    """The letters for t and T, the last step that has an input in the example as T."""
    times = statement.fragment.times
    if length_of(times) is not None:
        return times
    inputs = "|".join(re.escape(one.name) for one in cell.inputs)
    steps = [int(found.group(1)) for name in table.given if (found := re.fullmatch(rf"(?:{inputs})_(\d+)", name))]
    return (*times, (str(max(steps)), "T")) if inputs and steps and max(steps) > 1 else times
