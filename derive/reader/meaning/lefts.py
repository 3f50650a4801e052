"""The left side of an equation: one quantity, or several that a value is split into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from derive.errors import InputError
from derive.nodes import t
from derive.notation import TimeStyle
from derive.reader.meaning.letters import letter, time_of
from derive.reader.meaning.quantities import Meaning
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.meaning.tree import Part, Ref, Span, Term
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Group, Name, Run, Syntax

HINT = "an equation of a cell reads h_t = ..."


@dataclass(frozen=True)
class Left:
    """The quantities that an equation gives a value, in their order; those of a stack below each other."""

    symbols: tuple[Symbol, ...]

    @property
    def joint(self) -> str:
        """The name of the value that is split."""
        return "_".join(found.name for found in self.symbols)


def left_side(left: Syntax, fragment: Fragment) -> Left:
    """Read a left side; raises InputError where it is no quantity and no list of quantities."""
    if isinstance(left, Group) and left.bracket in ("LPAR", "LBRACK", "MATRIX"):
        cells = [cell for row in left.rows for cell in row]
        if fragment.plain and len(cells) == 1 and isinstance(cells[0], Run):  # [r u], as some write lists
            cells = list(cells[0].factors)
        if len(cells) > 1:
            found = tuple(_one(cell, fragment) for cell in cells)
            if len({one.offset for one in found}) == 1 and found[0].offset is not None:
                return Left(found)
            raise fragment.error("quantities that are split off together need one time", left.start, left.end, HINT)
    return Left((_one(left, fragment),))


def _one(left: Syntax, fragment: Fragment) -> Symbol:
    """One quantity with its time; a list of arguments behind it says nothing."""
    factors = left.factors if isinstance(left, Run) else (left,)
    found = symbol(factors[0], fragment) if letter(factors[0]) is not None else None
    if found is None or found.transposed or found.power is not None or len(factors) > 2:
        raise _no_quantity(left, fragment)
    if len(factors) == 2:
        group = factors[1]
        offset = time_of(group) if isinstance(group, Group) else None
        if not isinstance(group, Group) or (found.offset is None) == (offset is None):
            raise _no_quantity(left, fragment)
        if offset is not None:
            found.offset, found.style = offset, TimeStyle.PARENTHESES
    return found


def _no_quantity(left: Syntax, fragment: Fragment) -> InputError:
    return fragment.error("the left side must be one quantity", left.start, left.end, HINT)


def unpacked(left: Left, right: Syntax, meaning: Meaning) -> Iterator[tuple[str, int | None, Term]]:
    """(name, time, value) of every quantity on the left; a value that is split gets a name of its own first."""
    if len(left.symbols) == 1:
        only = left.symbols[0]
        yield only.name, only.offset, meaning.term(right)
        return
    count, offset = len(left.symbols), left.symbols[0].offset
    at = Span(meaning.fragment, right.start, right.end)
    if isinstance(right, Group) and sum(map(len, right.rows)) == count:
        for found, cell in zip(left.symbols, (cell for row in right.rows for cell in row), strict=True):
            yield found.name, offset, meaning.term(cell)
        return
    functions, body = _functions(right, count, meaning)
    whole = meaning.term(body)
    if isinstance(whole, Ref) and whole.time == t + offset and not whole.at and whole.columns is None:
        joint = whole
    else:
        yield left.joint, offset, whole
        joint = Ref(left.joint, t + offset, span=at)
    for index, found in enumerate(left.symbols):
        part: Term = Part(joint, index, count, span=at)
        if functions is not None:
            part = meaning.applied_to(functions[index], part)
        yield found.name, offset, part


def _functions(right: Syntax, count: int, meaning: Meaning) -> tuple[list[Syntax] | None, Syntax]:
    """The functions stacked before a value, (σ; σ; tanh) W x, and the value; `split(...)` says nothing more."""
    if not isinstance(right, Run):
        return None, right
    first, rest = right.factors[0], right.factors[1:]
    body = rest[0] if len(rest) == 1 else Run(rest[0].start, rest[-1].end, rest)
    if isinstance(first, Name) and first.word in ("split", "chunk") and len(rest) == 1:
        inner = rest[0]
        return None, inner.rows[0][0] if isinstance(inner, Group) else inner
    if isinstance(first, Group):
        cells = [cell for row in first.rows for cell in row]
        if len(cells) == count and all(meaning.is_function(cell) for cell in cells):
            return cells, body
    return None, right
