"""Gates that are blocks of one product: i_t = σ((x_t W + b)_i), f_t = σ((x_t W + b)_f).

And equations written below each other as one of columns: [a; b] = [A; B] x + [c; d] is a = A x + c and b = B x + d.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from derive.patterns import regex
from derive.reader.meaning.letters import letter
from derive.reader.models.equations.equation import TIMES, Equation
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Group, Product, Run, Scripted, Sum, Syntax

_BLOCK = regex(r"(?P<close>\\?\)|\\?\])\s*_\s*(?:\{\s*(?P<long>[a-z])\s*\}|(?P<short>[a-z])(?![A-Za-z]))")
_CALL = regex(
    r"\s*(?P<function>\\[A-Za-z]+)\s*(?:\\left|\\[bB]igg?l?)?\s*\((?P<inside>.*?)(?:\\right|\\[bB]igg?r?)?\s*\)[\s.,;]*\Z",
    re.DOTALL,
)
SAID = "the blocks of $z_t = {product}$ are those of {gates}, in this order"


def with_blocks(given: Sequence[Equation]) -> list[Equation]:
    """The equations, with a value whose parts are the arguments of such gates, in their order in the document."""
    found: dict[str, list[tuple[Equation, str]]] = {}
    for each in given:
        if (read := _block(each)) is not None:
            found.setdefault("".join(read[1].split()), []).append((each, read[0]))
    several = [gates for gates in found.values() if len({gate.target for gate, _ in gates}) > 1]
    if len(several) != 1 or any(each.target == "z" for each in given):
        return list(given)
    (gates,) = several
    first = gates[0][0]
    read = _block(first)
    assert read is not None
    time = TIMES[first.style]
    product = read[1].strip()
    letters = [rf"\bar{{{gate.target}}}{time}" for gate, _ in gates]
    rows = re.match(r"[\s(]*\\?[a-z]", product) is not None  # x W of rows, whose parts stand side by side
    listed = (" & " if rows else r" \\ ").join(letters)
    said = SAID.format(product=product, gates=", ".join(gate.target for gate, _ in gates))
    new = [replace(first.rewritten(f"z{time} = {product}", "z"), said=said, space=None)]
    split = rf"\begin{{bmatrix}} {listed} \end{{bmatrix}} = z{time}"
    new += [replace(first.rewritten(split, f"{gate.target}_bar"), space=None) for gate, _ in gates]
    gone = {id(gate) for gate, _ in gates}
    for (gate, function), argument in zip(gates, letters, strict=True):
        left = gate.fragment.text[: gate.left_end].strip()
        new.append(gate.rewritten(f"{left} = {function}({argument})"))
    return [*(each for each in given if id(each) not in gone), *new]


def _block(equation: Equation) -> tuple[str, str] | None:
    """The function of a gate that is one block, and what it is a block of."""
    call = _CALL.match(equation.right)
    if call is None or equation.offset != 0:
        return None
    labels = [match.group("long") or match.group("short") for match in _BLOCK.finditer(call.group("inside"))]
    if not labels or set(labels) != {equation.target}:
        return None
    return call.group("function"), _BLOCK.sub(lambda match: match.group("close"), call.group("inside"))


def row_by_row(left: Syntax, right: Syntax, fragment: Fragment) -> list[str]:
    """The equation of each row or cell; none where the right side is no list and has no columns of as many rows."""
    rows = [side.rows for side in (left, _upright(right)) if isinstance(side, Group)]
    if len(rows) == 2 and len(rows[0]) == len(rows[1]) == 1 < len(rows[0][0]) == len(rows[1][0]):  # (i, f) = (a, b)
        text = fragment.text
        pairs = zip(rows[0][0], rows[1][0], strict=True)
        return [f"{text[one.start : one.end]} = {text[other.start : other.end]}" for one, other in pairs]
    count = len(left.rows) if isinstance(left, Group) else 0
    terms = [term for _, term in right.terms] if isinstance(right, Sum) else [right]
    columns = [_column(term, count) for term in terms]
    found = [column for column in columns if column is not None]
    if not isinstance(left, Group) or not _is_column(left, count) or len(found) < len(terms):
        return []
    return [
        f"{_cell(left, number, fragment)} = {_with_cells(right, found, number, fragment)}" for number in range(count)
    ]


def _upright(side: Syntax) -> Syntax:
    """A list without its transpose."""
    raised = isinstance(side, Scripted) and all(script.kind == "sup" for script in side.scripts)
    return side.base if isinstance(side, Scripted) and raised else side


def _column(term: Syntax, count: int) -> Group | None:
    """The column of `count` rows that a term begins with, where it has no other."""
    first = term.factors[0] if isinstance(term, Run | Product) else term
    if not isinstance(first, Group) or not _is_column(first, count):
        return None
    others = [node for node in walk(term) if isinstance(node, Group) and len(node.rows) > 1 and node is not first]
    return None if others else first


def _is_column(group: Group, count: int) -> bool:
    return count > 1 and len(group.rows) == count and all(len(row) == 1 for row in group.rows)


def _cell(column: Group, number: int, fragment: Fragment) -> str:
    (cell,) = column.rows[number]
    text = fragment.text[cell.start : cell.end].strip()
    return text if letter(cell) is not None else rf"\left({text}\right)"


def _with_cells(right: Syntax, columns: list[Group], number: int, fragment: Fragment) -> str:
    text, at = "", right.start
    for column in columns:
        text += fragment.text[at : column.start] + _cell(column, number, fragment) + " "
        at = column.end
    return text + fragment.text[at : right.end]
