"""The values that the lines of an example give letters, gradients and other parts of formulas, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction as Exact

from derive.cell import Cell
from derive.reader.claims.statements.chains import Statement
from derive.reader.meaning.letters import letter
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import (
    Chain,
    Fraction,
    Group,
    Mark,
    Name,
    Number,
    Product,
    Run,
    Script,
    Scripted,
    Sum,
    Syntax,
)
from verify.formulas.worked import LONG, ROUGHLY, Matrix, NoNumbersError, evaluated

EXACT = 2
"""Digits behind the point up to which a number that is given, not computed, is no rounded one."""

Named = tuple[str, Syntax]
"""A part with what is written for it."""


@dataclass(frozen=True)
class Given:
    """What a part is by a line of the note; `slack` is how far each entry may lie from what the digits say.

    `settled`: whether no other line gives it another value.
    """

    label: str
    line: int
    section: tuple[str, ...]
    rows: Matrix
    slack: Matrix
    settled: bool = True


@dataclass
class Table:
    """The values given so far."""

    cell: Cell | None = None
    given: dict[str, Given] = field(default_factory=dict)

    def known(self, node: Syntax) -> Given | None:
        """What a part of a formula is."""
        name = key(node)
        return self.given.get(name) if name and any(isinstance(part, Name) for part in walk(node)) else None

    def numbers(self, side: Syntax, moved: str = "") -> Matrix:
        """The rows of a side; `moved` is a part whose value is taken as far off as its digits leave open.

        Raises NoNumbersError where a part has no value.
        """

        def value(node: Syntax) -> Matrix | None:
            found = self.known(node)
            if found is None or key(node) != moved:
                return None if found is None else found.rows
            return _added(found.rows, found.slack)

        return evaluated(side, self.cell, known=value)

    def used(self, side: Syntax) -> dict[str, Given]:
        """The parts of a side that its value rests on."""
        found: dict[str, Given] = {}

        def value(node: Syntax) -> Matrix | None:
            known = self.known(node)
            if known is not None:
                found[key(node)] = known
            return None if known is None else known.rows

        evaluated(side, self.cell, known=value)
        return found

    def doubt(self, side: Syntax, *, rounded: bool = False) -> Matrix:
        """How far the digits of a side, and those of what it rests on, leave its entries open.

        `rounded`: whether numbers with two digits are rounded too, which may be so and may not.
        """
        rows = self.numbers(side)
        moved = [self.numbers(side, moved=name) for name in self.used(side)]

        def value(node: Syntax) -> Matrix | None:
            found = self.known(node)
            return None if found is None else found.rows

        numbers = [part for part in walk(side) if isinstance(part, Number) and "." in part.text]
        for part in numbers:
            if _alone(side) or len(part.text.partition(".")[2]) > (1 if rounded else EXACT):
                moved.append(evaluated(side, self.cell, {part.start: Exact(part.text) + _last(part.text)}, value))
        total = tuple(tuple(Exact(1, 10**9) for _ in row) for row in rows)
        for each in moved:
            pairs = zip(rows, each, strict=True)
            total = _added(total, tuple(tuple(abs(a - b) for a, b in zip(*both, strict=True)) for both in pairs))
        return total

    def learn(self, statement: Statement, line: int, section: tuple[str, ...], first: Named | None = None) -> None:
        """Take the values that a statement gives; `first` is what it goes on from, where it begins with its sign."""
        if statement.accumulated or not statement.relations or (statement.given and not gives_value(statement)):
            return
        if any(one.type != "EQ" and one.word.strip() not in ROUGHLY for one in statement.relations):
            return
        for named, number in _entries(statement.sides):
            try:
                rows = evaluated(number, self.cell)
            except (NoNumbersError, ArithmeticError, ValueError):
                continue
            plain = len(statement.sides) == 2 and all(one.type == "EQ" for one in statement.relations)
            slack = _slack(number, rows, plain)
            self._give(named, Given(statement.text(named.start, named.end), line, section, rows, slack))
            if first is not None:
                self._give(first[1], Given(first[0], line, section, rows, slack))

    def note(self, letter: str, text: str, line: int, section: tuple[str, ...]) -> None:
        """Take a number that stands for a letter outside of the formulas."""
        digits = len(text.partition(".")[2])
        slack = ((_last(text) if digits > EXACT else Exact(0),),)
        self._take(letter, Given(letter, line, section, ((Exact(text),),), slack))

    def _give(self, part: Syntax, given: Given) -> None:
        name = key(part)
        if not name or not any(isinstance(each, Name | Mark) for each in walk(part)):
            return
        self._take(name, given)

    def _take(self, name: str, given: Given) -> None:
        before = self.given.get(name)
        settled = before is None or (before.settled and _same(before, given))
        self.given[name] = Given(given.label, given.line, given.section, given.rows, given.slack, settled)


def gives_value(statement: Statement) -> bool:
    """Whether a letter is a number here, or several: b_f = 1.0."""
    sides = statement.sides
    return len(sides) == 2 and letter(sides[0]) is not None and not any(isinstance(one, Name) for one in walk(sides[1]))


def key(node: Syntax) -> str:
    """A part of a formula written without its places and typefaces; empty for what is no name of anything."""
    match node:
        case Name(word=word):
            return word
        case Number(text=text):
            return text
        case Mark(kind=kind):
            return kind
        case Scripted(base=base, scripts=scripts):
            order = sorted(scripts, key=lambda one: one.kind != "sub")
            parts = [key(base), *map(_script, order)]
            return "".join(parts) if all(parts) else ""
        case Fraction(above=above, below=below) if key(above) and key(below):
            return f"({key(above)})/({key(below)})"
        case Product(factors=(above, below), operators=(operator,)) if operator.kind == "SLASH":
            return f"({key(above)})/({key(below)})" if key(above) and key(below) else ""
        case Run(factors=factors):
            parts = [key(each) for each in factors]
            return "".join(parts) if all(parts) else ""
        case Group(rows=((inner,),)):
            return f"({key(inner)})" if key(inner) else ""
    return ""


def _script(script: Script) -> str:
    """A script; empty where it is no name."""
    cells = [_index(cell) for row in script.rows for cell in row]
    inner = ",".join(cells)
    return {"sub": f"_{inner}", "sup": f"^{inner}"}.get(script.kind, "'") if all(cells) else ""


def _index(cell: Syntax) -> str:
    """A step or a label: t - 1, and (t = 2)."""
    match cell:
        case Sum(terms=terms) if all(key(term) for _, term in terms):
            return "".join(("-" if sign < 0 else "+") + key(term) for sign, term in terms)
        case Chain(sides=(left, right)) if key(left) and key(right):
            return f"{key(left)}={key(right)}"
        case Group(rows=((inner,),)):
            return _index(inner)
    return key(cell)


def _entries(sides: Sequence[Syntax]) -> Iterator[tuple[Syntax, Syntax]]:
    """The parts that a chain gives a value, each with the last side: all of lists, one by one."""
    last = sides[-1]
    for number, side in enumerate(sides[:-1]):
        match side, last:
            case Group(bracket="LBRACK" | "LPAR", rows=(names,)), Group(rows=(numbers,)) if len(names) == len(numbers):
                yield from zip(names, numbers, strict=True)
            case _ if number == 0 or isinstance(side, Name | Scripted):
                yield side, last


def _alone(side: Syntax) -> bool:
    """Whether a side is one number, with its sign."""
    return isinstance(side, Number) or (isinstance(side, Sum) and len(side.terms) == 1 and _alone(side.terms[0][1]))


def _last(text: str) -> Exact:
    """How far what is meant may lie from a number as written."""
    digits = len(text.partition(".")[2])
    return Exact(1 if digits >= LONG else 0.5) * Exact(1, 10**digits)


def _slack(side: Syntax, rows: Matrix, plain: bool) -> Matrix:
    """How far a value may lie from its digits: nowhere where it is given with few, or as whole numbers."""
    texts = [part.text for part in walk(side) if isinstance(part, Number) and "." in part.text]
    longest = max((len(text.partition(".")[2]) for text in texts), default=0)
    far = Exact(0) if longest == 0 or (plain and longest <= EXACT) else _last("0." + "0" * longest)
    return tuple(tuple(far for _ in row) for row in rows)


def _same(one: Given, other: Given) -> bool:
    if (len(one.rows), len(one.rows[0])) != (len(other.rows), len(other.rows[0])):
        return False
    far = _added(one.slack, other.slack)
    return all(abs(a - b) <= c for r in zip(one.rows, other.rows, far, strict=True) for a, b, c in zip(*r, strict=True))


def _added(one: Matrix, other: Matrix) -> Matrix:
    return tuple(tuple(a + b for a, b in zip(*rows, strict=True)) for rows in zip(one, other, strict=True))
