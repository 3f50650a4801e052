"""The facts about the data that a user may declare: h_0 = 0, y_t one-hot, 1ᵀy_t = 1; anything else is refused."""

from __future__ import annotations

from collections.abc import Sequence

from derive.cell import Assumption, Cell
from derive.errors import InputError, OpenQuestionError
from derive.notation import AS_WRITTEN, Notation
from derive.patterns import regex
from derive.reader import formula as fragment_of
from derive.reader.claims.letters import Letters
from derive.reader.meaning.letters import taken
from derive.reader.text.parser import parse
from derive.targets.formula import latex

ZERO, HOT, ONE = "starts at zero", "one-hot", "sums to one"

_ONES = r"(?:\\math(?:bf|bb|ds)\s*\{?\s*1\s*\}?|𝟏|1)\s*(?:\^\s*\{?\s*(?:\\top|\\intercal|T)\s*\}?|ᵀ|\.T)"
_SPELLINGS = (
    (
        HOT,
        regex(r"(?P<of>.*?),?\s*(?:\\text\s*\{)?\s*(?:is\s+|are\s+)?(?:a\s+)?one[-\s]?hot(?:\s+vectors?)?\s*\}?"),
    ),
    (ONE, regex(r"(?:the entries of\s+)?(?P<of>.*?)\s*(?:\\text\s*\{)?\s*sums?\s+to\s+(?:1|one)\s*\}?")),
    (ONE, regex(r"(?:\\sum|∑|Σ)\s*(?:\\limits)?(?:\s*[_^]\s*(?:\{[^{}]*\}|\w))*\s*(?P<of>.+?)\s*=\s*1")),
    (ONE, regex(r"sum\s*\((?P<of>.+)\)\s*={1,2}\s*1")),
    (ONE, regex(rf"{_ONES}\s*(?:@|\*|\\cdot)?\s*(?P<of>.+?)\s*=\s*1")),
    (ZERO, regex(r"(?P<of>.+?)\s*={1,2}\s*(?:\\math(?:bf|bb)\s*\{?\s*)?0\s*\}?")),
)
"""What is declared, and how it may be written; `of` is the letter."""


def facts(assume: Sequence[str], cell: Cell, notation: Notation | None = None) -> tuple[Assumption, ...]:
    """The declared facts about the data of a cell; raises InputError, which lists the possible ones."""
    letters = Letters(cell, cell, notation)
    found = []
    for text in assume:
        fact = _fact(text, letters)
        if fact is None:
            known = "; ".join(possible(cell, notation))
            raise InputError(f"cannot read the assumption {text!r}", None, f"possible for {cell.name}: {known}")
        found.append(fact)
    return tuple(dict.fromkeys(found))


def possible(cell: Cell, notation: Notation | None = None) -> list[str]:
    """Every fact that can be declared for a cell, in the letters of the formula."""
    written = notation.among(cell.quantities) if notation is not None else cell.notation or AS_WRITTEN
    data = [*cell.targets, *(q for q in cell.inputs if q not in cell.targets)]
    vectors = [latex(q, written) for q in data if q.shape[1] == 1 and q.shape[0] != 1]
    zeros = [f"{latex(state.at(0), written)} = 0" for state in cell.states]
    return [*zeros, *(f"{letter} one-hot" for letter in vectors), *(rf"\sum {letter} = 1" for letter in vectors)]


def _fact(text: str, letters: Letters) -> Assumption | None:
    bare = " ".join(text.strip().strip("$").rstrip(".").split())
    for kind, pattern in _SPELLINGS:
        match = pattern.fullmatch(bare)
        if match is not None:
            return _about(kind, match.group("of").strip(), letters)
    return None


def _about(kind: str, written: str, letters: Letters) -> Assumption | None:
    """The fact about the letter, if the cell has it among its states or its data; no letter means the one target."""
    cell = letters.cell
    if not written:
        return Assumption(kind, cell.targets[0]) if len(cell.targets) == 1 else None
    fragment = fragment_of(written)
    try:
        rows = parse(fragment)
        found = taken(rows[0][0]) if len(rows) == 1 and len(rows[0]) == 1 else None
        resolved = found and letters.resolve(found, fragment, None)
    except (InputError, OpenQuestionError):
        return None
    if not resolved or found is None or found.power is not None or found.transposed:
        return None
    quantity = cell.quantities[resolved.name]
    if kind == ZERO:
        state = quantity.name in {state.name for state in cell.states}
        return Assumption(kind, quantity) if state and resolved.time == 0 and not resolved.at else None
    data = {q.name for q in (*cell.targets, *cell.inputs)}
    return Assumption(kind, quantity) if quantity.name in data and quantity.shape[1] == 1 else None
