"""Notes whose inputs are counted from 0, h_{t+1} = f(W x_t + U h_t) and Σ_{t=0}^{T-1}: x_0 is the input of step 1."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from derive.errors import InputError
from derive.reader.meaning.letters import letter, only, time_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Big, Chain, Group, Name, Number, Script, Scripted, Sum, Syntax
from derive.reader.text.words import SUBSCRIPTS
from verify.notes.door.gates import changed
from verify.notes.files import Document, Formula

INPUTS_FROM_ZERO = "${letter}$ is counted from 0, as a sum over the steps is, so that ${letter}_0$ is the first input"
_LARGE = {ord(small): large for small, large in SUBSCRIPTS.items()}
_GRADIENT = ("partial", "nabla", "delta", "∂", "∇", "δ")


@dataclass(frozen=True)
class _Timed:
    """A letter with what stands below it."""

    name: str
    latex: str
    script: Script
    cell: Syntax


def with_inputs_of_their_step(document: Document) -> Document:
    """The document with x_{t+1} for the x_t of h_{t+1} = f(W x_t + U h_t), where its sums count inputs from 0."""
    claims = [each for each in document.formulas if each.claims]
    parts = [(each.fragment, _parts(each.fragment)) for each in claims]
    inputs = _inputs([part for _, found in parts for part in found])
    sums = [found for fragment, each in parts for part in each if inputs for found in _counted(part, fragment)]
    said = {name for name, first in sums if first == 0} & inputs
    said -= {name for name, first in sums if first == 1}
    if not said:
        return document

    def moved(each: Formula) -> Formula:
        found = _changes(each.fragment, said, 1)
        if not found:
            return each
        changes = [change[:3] for change in found]
        told = (INPUTS_FROM_ZERO.format(letter=one) for one in dict.fromkeys(latex for *_, latex in found))
        given = "; ".join(filter(None, (each.fragment.given, *told)))
        return replace(
            each,
            fragment=replace(changed(each.fragment, each.fragment.text, changes), given=given, behind=frozenset(said)),
        )

    return replace(
        document,
        parts=tuple(replace(part, formulas=tuple(map(moved, part.formulas))) for part in document.parts),
    )


def counted_back(fragment: Fragment, text: str) -> str:
    """What was written for a fragment, with the steps that its document has."""
    for start, end, step, _ in reversed(_changes(Fragment.of(text), fragment.behind, -1) if fragment.behind else []):
        text = text[:start] + step + text[end:]
    return text


def _changes(fragment: Fragment, letters: Collection[str], by: int) -> list[tuple[int, int, str, str]]:
    """Where the steps of some letters stand, what is there where they are more by a number, and the letter."""
    text = fragment.text.translate(_LARGE)
    return sorted(
        (one.script.start, one.script.end, f"_{{{_moved(one.cell, text, by)}}}", one.latex)
        for part in _parts(fragment)
        for one in _timed(part)
        if one.name in letters
    )


def _parts(fragment: Fragment) -> list[Syntax]:
    try:
        return [part for row in parse(fragment) for part in row]
    except (InputError, RecursionError):
        return []


def _timed(part: Syntax) -> Iterator[_Timed]:
    for node in walk(part):
        if isinstance(node, Scripted) and (base := letter(node.base)) is not None:
            for script in node.scripts:
                if script.kind == "sub" and (cell := _cell(script)) is not None:
                    yield _Timed(base.word, base.latex, script, cell)


def _cell(script: Script) -> Syntax | None:
    cell = only(script.rows)
    return only(cell.rows) if isinstance(cell, Group) else cell


def _inputs(parts: Sequence[Syntax]) -> set[str]:
    """What is read at t in equations for the state at t + 1 alone, and has no equation of its own."""
    made: set[str] = set()
    ahead: set[str] = set()
    given: set[str] = set()
    elsewhere: set[str] = set()
    for part in parts:
        if not isinstance(part, Chain) or len(part.sides) < 2 or part.relations[0].type != "EQ":
            continue
        left = letter(part.sides[0])
        steps = {one.name: time_of(one.cell) for one in _timed(part.sides[0])}
        if left is None or left.word not in steps:
            continue
        made.add(left.word)
        read = [(one.name, time_of(one.cell)) for side in part.sides[1:] for one in _timed(side)]
        if steps[left.word] == 1 and (left.word, 0) in read:
            ahead.add(left.word)
            given |= {name for name, step in read if step == 0}
            elsewhere |= {name for name, step in read if step not in (0, None)}
        else:
            elsewhere |= {name for name, step in read if step is not None}
    return given - made - elsewhere if ahead else set()


def _counted(part: Syntax, fragment: Fragment) -> Iterator[tuple[str, int]]:
    """The letters in a gradient that is a sum over the steps, with the step that the first of them has."""
    text = fragment.text[part.start : part.end]
    if not any(word in text for word in _GRADIENT):
        return
    for node in walk(part):
        if isinstance(node, Big) and (range_ := _range(node)) is not None:
            index, first = range_
            for one in _timed(part):
                if (back := _behind(one.cell, index)) is not None:
                    yield one.name, first + back


def _range(node: Big) -> tuple[str, int] | None:
    """The letter that a sum over 0, ..., T - 1 or 1, ..., T runs over, and its first value."""
    cells = {script.kind: _cell(script) for script in node.scripts}
    below, above = cells.get("sub"), cells.get("sup")
    if not isinstance(below, Chain) or len(below.sides) != 2:
        return None
    index, first = below.sides
    last = {"0": Sum, "1": Name}.get(first.text) if isinstance(first, Number) else None
    if not isinstance(index, Name) or not isinstance(first, Number) or last is None or not isinstance(above, last):
        return None
    return index.word, int(first.text)


def _behind(cell: Syntax, index: str) -> int | None:
    """0 for k, -1 for k - 1."""
    if isinstance(cell, Name):
        return 0 if cell.word == index else None
    if isinstance(cell, Sum) and len(cell.terms) == 2:
        (sign, first), (direction, amount) = cell.terms
        if sign == 1 and isinstance(first, Name) and first.word == index and isinstance(amount, Number):
            return direction * int(amount.text) if amount.text.isdigit() else None
    return None


def _moved(cell: Syntax, text: str, by: int) -> str:
    """The step that is later by a number, as it is written."""
    if isinstance(cell, Number) and cell.text.isdigit():
        return str(int(cell.text) + by)
    if isinstance(cell, Sum) and len(cell.terms) == 2:
        (_, first), (direction, amount) = cell.terms
        if isinstance(amount, Number) and amount.text.isdigit():
            steps = direction * int(amount.text) + by
            return text[first.start : first.end] + (f"{steps:+d}" if steps else "")
    return f"{text[cell.start : cell.end].strip()}{by:+d}"
