"""What a note has said of a part in letters, ∂L/∂c_t = ∂L/∂h_t o_t, when it gives it in numbers further below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from derive.errors import Place
from derive.reader.claims.statements.chains import Statement
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Name, Syntax
from verify.formulas.judgement import Judgement, Word
from verify.notes.examples.values import key

AS_SAID = "{formula}, as in line {line}"


@dataclass(frozen=True)
class Said:
    """A side that a part is equal to, with the equation in words and its line."""

    side: Syntax
    text: str
    line: int


@dataclass
class Formulas:
    """The right formulas so far, by the part that they are of."""

    said: dict[str, list[Said]] = field(default_factory=dict)

    def of(self, part: Syntax) -> Iterator[Said]:
        """The formulas of a part, the last one first."""
        yield from reversed(self.said.get(key(part), ()))

    def learn(self, statement: Statement, judgements: Sequence[Judgement], line: int) -> None:
        """Take what the first side of a chain is equal to, as far as that is right."""
        first, name = statement.sides[0], key(statement.sides[0])
        if not name or statement.accumulated or statement.given:
            return
        for at, side in enumerate(statement.sides[1:]):
            if statement.relations[at].type != "EQ" or not _right(judgements, statement.place(at)):
                return
            if any(isinstance(part, Name) for part in walk(side)):
                text = " ".join(
                    f"{statement.text(first.start, first.end)} = {statement.text(side.start, side.end)}".split()
                )
                self.said.setdefault(name, []).append(Said(side, text, line))


def _right(judgements: Sequence[Judgement], place: Place) -> bool:
    here = [
        one
        for one in judgements
        if one.place is not None and (one.place.line, one.place.column) == (place.line, place.column)
    ]
    return bool(here) and all(one.word in (Word.PROVED, Word.HOLDS_IF) for one in here)
