"""Gates that are blocks of one product: i_t = σ((x_t W + b)_i), f_t = σ((x_t W + b)_f).

Where they share a part of it alone, r_t = σ((x_t W)_r + (h U)_r) and n_t = tanh((x_t W)_n + ((r_t ⊙ h) U)_n), the rest
is that of the gate's own block of the weights, h U_r. Equations written below each other are one of columns, too:
[a; b] = [A; B] x + [c; d] is a = A x + c and b = B x + d.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
_WEIGHT = regex(r"[\s&]*(?:\\math(?:bf|rm|cal)\s*)?\{?\s*(?P<letter>\\?[A-Za-z]+)\s*\}?[\s&]*")
_BLOCKS = regex(
    r"[\s&]*(?:\\left\s*)?(?:\[|\(|\\begin\{[bp]?(?:matrix|array)\}(?:\{[clr|]*\})?)(?P<parts>.*?)"
    r"(?:\\right\s*)?(?:\]|\)|\\end\{[bp]?(?:matrix|array)\})(?:\s*\^\s*\{?\s*(?:T|\\top)\s*\}?)?[\s.,;]*",
    re.DOTALL,
)
_BETWEEN = regex(r"(?:\s|\\[\\,;:!]|\\q?quad(?![A-Za-z])|[,;&|]|\\mid(?![A-Za-z]))+")
_LABELLED = regex(
    r"(?:\\math(?:bf|rm|cal)\s*)?\{?(?P<letter>\\?[A-Za-z]+)\}?_\{?(?P<label>[^{}]*(?:\{[^{}]*\}[^{}]*)*?)\}?(?:\^\{[^{}]*\})?"
)
_SIZE_BEFORE = regex(r"(?:\\(?:left|right|[bB]igg?[lr]?)\s*)?\Z")
SAID = "the blocks of ${name} = {product}$ are those of {gates}, in this order"
OWN = "the block of {weights} that gives {gate} is called {parts}"


def with_blocks(given: Sequence[Equation], orders: Sequence[Sequence[str]] = ()) -> list[Equation]:
    """The equations, with a value whose parts are the arguments of such gates, in their order in the document.

    `orders` are those in which it lists the blocks of its weights.
    """
    found: dict[str, list[tuple[Equation, str]]] = {}
    for each in given:
        if (read := _block(each)) is not None:
            found.setdefault("".join(read[1].split()), []).append((each, read[0]))
    several = [gates for gates in found.values() if len({gate.target for gate, _ in gates}) > 1]
    labelled = {id(each): parts for each in given if (parts := _parts(each))}
    alone = len(several) == 1 and {id(gate) for gate, _ in several[0]} == labelled.keys()
    name = _free(given)
    if not alone:
        return _of_own_blocks(given, labelled, name, orders)
    gates = sorted(several[0], key=lambda gate: _place(gate[0], [gate.target for gate, _ in several[0]], orders))
    read = _block(gates[0][0])
    assert read is not None
    letters = [_argument(gate) for gate, _ in gates]
    new = _split([gate for gate, _ in gates], read[1].strip(), name)
    for (gate, function), argument in zip(gates, letters, strict=True):
        new.append(gate.rewritten(f"{_left(gate)} = {function}({argument})"))
    return [*(each for each in given if id(each) not in labelled), *new]


def lists_blocks(left: str, right: str) -> list[str]:
    """The labels of blocks where the right side only has the letter of the left one with labels, U = [U_r, U_z]."""
    named, listed = _WEIGHT.fullmatch(left), _BLOCKS.fullmatch(right)
    parts = [part for part in _BETWEEN.split(listed["parts"]) if part] if named and listed else []
    found = [match for part in parts if (match := _LABELLED.fullmatch(part)) is not None]
    alike = named is not None and all(one["letter"] == named["letter"] for one in found)
    return [one["label"] for one in found] if alike and 1 < len(found) == len(parts) else []


def _free(given: Sequence[Equation]) -> str:
    """A letter that no equation has."""
    used = {each.target for each in given} | {m.name for each in given for m in each.used}
    return next((letter for letter in "zqpsvw" if letter not in used), "packed")


def _place(gate: Equation, gates: Sequence[str], orders: Sequence[Sequence[str]]) -> int:
    """Where a gate stands in the order of the blocks."""
    order = next((order for order in orders if sorted(order) == sorted(gates)), gates)
    return order.index(gate.target)


def _left(gate: Equation) -> str:
    return gate.fragment.text[: gate.left_end].strip()


def _argument(gate: Equation) -> str:
    return rf"\bar{{{gate.target}}}{TIMES[gate.style]}"


def _split(gates: Sequence[Equation], product: str, name: str) -> list[Equation]:
    """The equation of a product, and of its parts."""
    first, letters = gates[0], [_argument(gate) for gate in gates]
    spelled = rf"{name if len(name) == 1 else rf'{chr(92)}mathrm{{{name}}}'}{TIMES[first.style]}"
    rows = re.match(r"[\s(]*\\?[a-z]", product) is not None  # x W of rows, whose parts stand side by side
    listed = (" & " if rows else r" \\ ").join(letters)
    said = SAID.format(name=spelled, product=product, gates=", ".join(gate.target for gate in gates))
    new = [replace(first.rewritten(f"{spelled} = {product}", name), said=said, space=None)]
    split = rf"\begin{{bmatrix}} {listed} \end{{bmatrix}} = {spelled}"
    return [*new, *(replace(first.rewritten(split, f"{gate.target}_bar"), space=None) for gate in gates)]


@dataclass(frozen=True)
class _Part:
    """A block (…)_g of a gate g: where it stands in the text of its equation, and what is in its brackets."""

    start: int
    end: int
    first: int
    last: int

    def inside(self, equation: Equation) -> str:
        return equation.fragment.text[self.first : self.last]

    def product(self, equation: Equation) -> str:
        return "".join(self.inside(equation).split())


def _parts(equation: Equation) -> list[_Part]:
    """The blocks of an equation, all with the label of what it gives a value; none where one of them has another."""
    text, found = equation.fragment.text, []
    for match in _BLOCK.finditer(text, equation.right_start):
        opened = _opening(text, match.start("close"), equation.right_start)
        if (match.group("long") or match.group("short")) != equation.target or opened is None or equation.offset != 0:
            return []
        start = opened - len(_SIZE_BEFORE.search(text[:opened])[0])  # type: ignore[index]
        last = match.start("close") - len(_SIZE_BEFORE.search(text[: match.start("close")])[0])  # type: ignore[index]
        found.append(_Part(start, match.end(), opened + 1, last))
    return found


def _opening(text: str, close: int, start: int) -> int | None:
    """Where the bracket begins that ends at `close`."""
    depth = 0
    for at in range(close, start - 1, -1):
        depth += (text[at] in ")]") - (text[at] in "([")
        if depth == 0:
            return at
    return None


def _of_own_blocks(
    given: Sequence[Equation], labelled: Mapping[int, list[_Part]], name: str, orders: Sequence[Sequence[str]]
) -> list[Equation]:
    """The equations, gates with a letter for what all of them share, and their own blocks of other weights."""
    gates = [each for each in given if id(each) in labelled]
    if len({gate.target for gate in gates}) < len(gates) or len(gates) < 2:
        return list(given)
    targets = [gate.target for gate in gates]
    gates.sort(key=lambda gate: _place(gate, targets, orders))
    held = [{part.product(gate) for part in labelled[id(gate)]} for gate in gates]
    shared = next((part for part in labelled[id(gates[0])] if all(part.product(gates[0]) in one for one in held)), None)
    product = "" if shared is None else shared.product(gates[0])
    new = [] if shared is None else _split(gates, shared.inside(gates[0]).strip(), name)
    for gate in gates:
        text, weights = gate.fragment.text, set()
        for part in sorted(labelled[id(gate)], key=lambda part: part.start, reverse=True):
            if part.product(gate) == product:
                text = f"{text[: part.start]} {_argument(gate)} {text[part.end :]}"
                continue
            inside = part.inside(gate)
            for m in sorted(gate.used, key=lambda m: m.end, reverse=True):
                if m.offset is None and part.first <= m.start and m.end <= part.last:
                    end = m.start - part.first + len(gate.fragment.text[m.start : m.end].rstrip())
                    inside = f"{inside[:end]}_{{{gate.target}}}{inside[end:]}"
                    weights.add(m.name)
            text = f"{text[: part.start]}({inside}){text[part.end :]}"
        parts = ", ".join(f"{weight}_{gate.target}" for weight in sorted(weights))
        said = OWN.format(weights=", ".join(sorted(weights)), gate=gate.target, parts=parts) if weights else ""
        new.append(replace(gate.rewritten(f"{_left(gate)} = {text[gate.right_start :]}"), said=said))
    return [*(each for each in given if id(each) not in labelled), *new]


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
