"""An equation for layer l that has layer l - 1 in it, whose range stands apart -> one equation for each layer."""

from __future__ import annotations

from derive.reader.meaning.letters import number_of, only
from derive.reader.resolving.clocks import clock_of
from derive.reader.resolving.document import Document, Formula, is_claim
from derive.reader.resolving.indices import MOST_LAYERS, numbered, whole_numbers
from derive.reader.resolving.rewriting import base_of, letters, scripts_of, whole_letter
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Chain, Group, Mark, Name, Sum, Syntax

LAYERS = frozenset({"l", "ell"})


def resolve(document: Document) -> None:
    """Write the layers out up to the depth that the document says; raises InputError where it says none."""
    clock = clock_of(document.displayed()) or "t"
    general = [
        (formula, part, index)
        for formula in document.formulas
        for row in formula.rows
        for part in row
        if isinstance(part, Chain) and not is_claim(part) and (index := _layer(part, clock)) is not None
    ]
    if not general or any(_below(part) for _, part in document.displayed()):
        return
    deepest = _deepest(document)
    depth = whole_numbers(document).get(deepest)
    for formula, part, index in general:
        first = _first(document, part)
        if depth is None or not first <= depth < first + MOST_LAYERS:
            raise formula.fragment.error(
                "how many layers there are is open", part.start, part.end,
                f"add a line such as where ${deepest} = {first + 1}$",
            )  # fmt: skip
        _write_out(formula, part, index, range(first, depth + 1))
    document.counted.add(deepest)
    for formula in document.formulas:
        formula.rows = [tuple(numbered(part, deepest, depth) for part in row) for row in formula.rows if depth]


def _layer(chain: Chain, clock: str) -> str | None:
    """The index of layers that a value of a step carries, where the right side has the layer below."""
    left = chain.sides[0]
    scripts = scripts_of(left)
    if not whole_letter(left) or not any(
        isinstance(one, Name) and one.word == clock for script in scripts for one in walk(script)
    ):
        return None
    above = {_label(cell) for script in scripts if script.kind == "sup" for row in script.rows for cell in row}
    for index in LAYERS & above:
        inside = [script for side in chain.sides[1:] for node in letters(side) for script in scripts_of(node)]
        sums = [part for script in inside for part in walk(script) if isinstance(part, Sum)]
        if any(isinstance(first := one.terms[0][1], Name) and first.word == index for one in sums):
            return index
    return None


def _below(part: Syntax) -> bool:
    """Whether this is an equation for the layer below: a_t^{l-1} = …, so that l and l - 1 are labels of two layers."""
    sup = [script for script in scripts_of(part.sides[0]) if script.kind == "sup"] if isinstance(part, Chain) else []
    cells = [cell for script in sup for row in script.rows for cell in row]
    return any(isinstance(one, Sum) and _label(one.terms[0][1]) in LAYERS for cell in cells for one in walk(cell))


def _label(cell: Syntax) -> str:
    inner = only(cell.rows) if isinstance(cell, Group) else cell
    return inner.word if isinstance(inner, Name) else ""


def _deepest(document: Document) -> str:
    """The letter of the last layer: of l in {1, ..., L}; else L."""
    for _, part in document.said():
        if isinstance(part, Chain) and isinstance(part.sides[0], Name) and part.sides[0].word in LAYERS:
            cells = [cell for row in part.sides[1].rows for cell in row] if isinstance(part.sides[1], Group) else []
            if any(isinstance(cell, Mark) for cell in cells) and isinstance(cells[-1], Name):
                return cells[-1].word
    return "L"


def _first(document: Document, part: Chain) -> int:
    """The first layer that has no equation of its own."""
    base = base_of(part.sides[0])
    own = [0]
    for _, other in document.displayed():
        left = other.sides[0] if isinstance(other, Chain) else other
        if isinstance(base, Name) and isinstance(named := base_of(left), Name) and named.word == base.word:
            numbers = [_number(cell) for s in scripts_of(left) if s.kind == "sup" for row in s.rows for cell in row]
            own += [number for number in numbers if number is not None]
    return max(own) + 1


def _number(cell: Syntax) -> int | None:
    inner = only(cell.rows) if isinstance(cell, Group) else cell
    value = number_of(inner) if inner is not None else None
    return int(value) if value is not None and value.is_Integer else None


def _write_out(formula: Formula, part: Chain, index: str, numbers: range) -> None:
    formula.rows = [
        tuple(
            new
            for one in row
            for new in ([numbered(one, index, number) for number in numbers] if one is part else [one])
        )
        for row in formula.rows
    ]
