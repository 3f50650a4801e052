"""A letter with its scripts -> a name, a time, an index, a power, a transpose."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, field

from sympy import Expr, Rational

from derive.errors import InputError
from derive.notation import TimeStyle
from derive.reader.text import syntax
from derive.reader.text.fragment import LONGEST_NAME, Fragment
from derive.reader.text.syntax import Group, Mark, Name, Number, Run, Script, Scripted, Sum, Syntax


@dataclass
class Symbol:
    """A letter as written: its name, and everything its scripts say about it."""

    name: str
    latex: str
    start: int
    end: int
    offset: int | None = None
    style: TimeStyle | None = None
    indices: tuple[str, ...] = ()
    power: Expr | None = None
    transposed: bool = False
    primes: int = 0
    labels: list[str] = field(default_factory=list)


def number(text: str) -> Expr:
    """The exact value of 1, 0.5, 1e-3 or 1/2."""
    return Rational(text)


def only(rows: tuple[tuple[Syntax, ...], ...]) -> Syntax | None:
    """The one cell of a bracket, or None."""
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else None


def time_of(node: Syntax | None) -> int | None:
    """The offset if this says t, t-1 or t+1, possibly in brackets."""
    if isinstance(node, Name):
        return 0 if node.word == "t" else None
    if isinstance(node, Group):
        return time_of(only(node.rows))
    if isinstance(node, Sum) and len(node.terms) == 2:
        (sign, letter), (direction, amount) = node.terms
        if sign == 1 and time_of(letter) == 0 and isinstance(amount, Number) and amount.text.isdigit():
            return direction * int(amount.text)
    return None


def number_of(node: Syntax | None) -> Expr | None:
    """The value if this is a number, possibly signed or in brackets."""
    if isinstance(node, Number):
        return number(node.text)
    if isinstance(node, syntax.Fraction):
        above, below = number_of(node.above), number_of(node.below)
        return above / below if above is not None and below else None
    if isinstance(node, Group) and node.bracket in ("LPAR", "LBRACE"):
        return number_of(only(node.rows))
    if isinstance(node, Sum) and len(node.terms) == 1:
        sign, inner = node.terms[0]
        value = number_of(inner)
        return None if value is None else sign * value
    return None


def letter(node: Syntax) -> Name | None:
    """The name at the base of a symbol, or None for anything else."""
    if isinstance(node, Name):
        return node
    if isinstance(node, Group) and node.bracket == "LBRACE" and (inner := only(node.rows)) is not None:
        return letter(inner)
    if isinstance(node, Scripted):
        return letter(node.base)
    return None


def symbol(node: Syntax, fragment: Fragment, bound: frozenset[str] = frozenset()) -> Symbol | None:
    """The symbol that this is, or None where the base is not a letter; `bound` are the indices of sums around it."""
    if isinstance(node, Name):
        return Symbol(identifier(node.word), node.latex, node.start, node.end)
    if isinstance(node, Group) and node.bracket == "LBRACE" and (inner := only(node.rows)) is not None:
        found = symbol(inner, fragment, bound)
        if found is not None:
            found.start, found.end = node.start, node.end
        return found
    if not isinstance(node, Scripted):
        return None
    base = symbol(node.base, fragment, bound)
    if base is None:
        return None
    base.start, base.end = node.start, node.end
    for script in node.scripts:
        _script(base, script, fragment, bound)
        if sum(map(len, base.labels)) > LONGEST_NAME:
            raise fragment.error(f"a name of more than {LONGEST_NAME} letters", node.start, node.end)
    if base.labels:
        base.name = identifier("_".join([base.name, *base.labels]))
        base.labels = []
    return base


def _script(base: Symbol, script: Script, fragment: Fragment, bound: frozenset[str]) -> None:
    if script.kind == "prime":
        base.labels.append("prime")
        base.latex += "'"
        base.primes += 1
        return
    if script.kind == "tick":
        base.transposed = not base.transposed
        return
    if len(script.rows) != 1:
        raise _unreadable(script, fragment)
    cells = script.rows[0]
    words: list[str] = []
    written: list[str] = []
    for cell in cells:
        offset = time_of(cell)
        if offset is not None:
            _set_time(base, offset, _style(script, cell), fragment, script)
        elif (index := _index(cell, bound)) is not None:
            base.indices += (index,)
        elif (index := _timed_index(cell, bound)) is not None:
            base.indices += (index,)
            _set_time(base, 0, TimeStyle.SUBSCRIPT, fragment, script)
        elif script.kind == "sup":
            _superscript(base, cell, script, fragment)
        else:
            words.append(label(cell, fragment))
            written.append(
                cell.text if isinstance(cell, Number) else " ".join(fragment.text[cell.start : cell.end].split())
            )
    if words:
        base.labels.append("".join(words))
        if not fragment.plain or "_" not in base.latex:
            base.latex += f"_{{{','.join(written)}}}"


def _index(cell: Syntax, bound: frozenset[str]) -> str | None:
    """The index of a sum around this, as in y_i or y^{(i)}."""
    if isinstance(cell, Group) and (inner := only(cell.rows)) is not None:
        return _index(inner, bound)
    return cell.word if isinstance(cell, Name) and cell.word in bound else None


def _timed_index(cell: Syntax, bound: frozenset[str]) -> str | None:
    """The index in y_{ti} or y_{it}."""
    if isinstance(cell, Run) and len(cell.factors) == 2:
        times = [time_of(factor) for factor in cell.factors]
        if times in ([0, None], [None, 0]):
            return _index(cell.factors[times.index(None)], bound)
    return None


def _superscript(base: Symbol, cell: Syntax, script: Script, fragment: Fragment) -> None:
    parts = cell.factors if isinstance(cell, Run) else (cell,)
    if all(isinstance(part, Name) and part.word != "T" for part in parts):
        parts = (cell,)
    for part in parts:
        offset = time_of(part)
        value = None if isinstance(part, Group) and part.bracket == "LPAR" else number_of(part)
        if offset is not None:
            _set_time(base, offset, _style(script, part), fragment, script)
        elif (isinstance(part, Mark) and part.kind == "top") or (isinstance(part, Name) and part.word == "T"):
            base.transposed = not base.transposed
        elif value is not None and base.power is None:
            base.power = value
        elif isinstance(part, Mark) and part.kind in ("dots", "partial"):
            raise _unreadable(script, fragment)
        else:
            base.labels.append(label(part, fragment))
            base.primes += isinstance(part, Mark) and part.kind == "prime"
            inner = only(part.rows) if isinstance(part, Group) else part
            written = inner.text if isinstance(inner, Number) else fragment.text[part.start : part.end]
            base.latex += f"^{{{' '.join(written.split())}}}"


def label(node: Syntax, fragment: Fragment) -> str:
    """A subscript such as xi, in or 1 as a part of a name."""
    if isinstance(node, Name):
        return node.word.replace("_", "")
    if isinstance(node, Number) and node.text.isdigit():
        return node.text
    if isinstance(node, Mark) and node.kind in ("star", "prime", "plus", "minus"):
        return node.kind
    if isinstance(node, Group) and (inner := only(node.rows)) is not None:
        return label(inner, fragment)
    if isinstance(node, Run):
        return "".join(label(factor, fragment) for factor in node.factors)
    if isinstance(node, Scripted):
        scripts = "".join(
            script.kind
            if script.kind == "prime"
            else "".join(label(cell, fragment) for row in script.rows for cell in row)
            for script in node.scripts
        )
        return label(node.base, fragment) + scripts
    if isinstance(node, Sum) and len(node.terms) == 2 and node.terms[0][0] == 1:
        # W_{l-1}: another layer's
        (_, first), (sign, second) = node.terms
        return f"{label(first, fragment)}{'plus' if sign > 0 else 'minus'}{label(second, fragment)}"
    raise fragment.error(
        f"cannot read the script {fragment.text[node.start : node.end]!r}", node.start, node.end,
        "a time (t, t-1), a label (xi, in, 1), a power, or a transpose can stand here",
    )  # fmt: skip


def _unreadable(script: Script, fragment: Fragment) -> InputError:
    return fragment.error(
        f"cannot read the script {fragment.text[script.start : script.end]!r}", script.start, script.end,
        "a time (t, t-1), a label (xi, in, 1), a power, or a transpose can stand here",
    )  # fmt: skip


def _style(script: Script, cell: Syntax) -> TimeStyle:
    if script.kind == "sub":
        return TimeStyle.SUBSCRIPT
    if isinstance(cell, Group) and cell.bracket in ("LPAR", "LANGLE"):
        return TimeStyle.PARENTHESES if cell.bracket == "LPAR" else TimeStyle.ANGLES
    return TimeStyle.SUPERSCRIPT


def _set_time(base: Symbol, offset: int, style: TimeStyle, fragment: Fragment, script: Script) -> None:
    if base.offset is not None:
        raise fragment.error(f"{base.name} has two time indices", script.start, script.end)
    base.offset, base.style = offset, style


def identifier(word: str) -> str:
    """A word as a Python identifier that is no keyword."""
    return f"{word}_" if keyword.iskeyword(word) else word
