"""A letter with its scripts -> a name, a time, an index, a power, a transpose."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from sympy import Expr

from derive.errors import InputError
from derive.nodes import t
from derive.notation import TimeStyle
from derive.reader.meaning.letters import ARGUMENTS, Piece, identifier, label, only, pieces, time_of, with_own_time
from derive.reader.text.fragment import LONGEST_NAME, Fragment
from derive.reader.text.syntax import Group, Mark, Name, Number, Run, Script, Syntax


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


def symbol(node: Syntax, fragment: Fragment, bound: frozenset[str] = frozenset()) -> Symbol | None:
    """The symbol that this is, or None where the base is not a letter; `bound` are the indices of sums around it."""
    found = pieces(node)
    base, said = found or (None, [])
    if not isinstance(base, Name):
        return None
    result = Symbol(base.word, base.latex, node.start, node.end)
    labels: list[str] = []
    for script, several in groupby(said, key=lambda piece: piece.script):
        if script.kind in ("sub", "sup") and len(script.rows) != 1:
            raise _unreadable(script, fragment)
        labelled = [label for piece in several if (label := _decided(result, piece, fragment, bound))]
        words = [word for word, _ in labelled]
        written = [text for _, text in labelled]
        if words and script.kind == "sub":
            words = ["".join(words)]
            if not fragment.plain or "_" not in result.latex:
                result.latex += f"_{{{','.join(written)}}}"
        else:
            result.latex += "".join(written)
        labels += words
        if sum(map(len, labels)) > LONGEST_NAME:
            raise fragment.error(f"a name of more than {LONGEST_NAME} letters", node.start, node.end)
    result.name = identifier("_".join([base.word, *labels]))
    return result


def _decided(base: Symbol, piece: Piece, fragment: Fragment, bound: frozenset[str]) -> tuple[str, str] | None:
    """Take in a time, an index, a power or a transpose; a label is returned with the way it is written."""
    part, script = piece.part, piece.script
    if piece.kind == "prime":
        base.primes += 1
        return "prime", "'" if script.kind == "prime" else "^{\\prime}"
    if piece.kind == "transpose":
        base.transposed = not base.transposed
    elif piece.kind == "power":
        base.power = piece.value
    elif (offset := time_of(part)) is not None:
        _set_time(base, offset, _style(script, part, fragment), fragment, script)
    elif (found := _index(part, bound)) is not None:
        base.indices += (found,)
    elif (found := _timed_index(part, bound)) is not None:
        base.indices += (found,)
        _set_time(base, 0, TimeStyle.SUBSCRIPT, fragment, script)
    elif piece.kind == "sub" and (timed := _timed_label(base, part)) is not None:
        text = " ".join(fragment.text[timed.start : timed.end].split())
        _set_time(base, 0, TimeStyle.SUBSCRIPT, fragment, script)
        return label(timed, fragment), text
    elif piece.kind == "mark" and isinstance(part, Mark) and part.kind in ("dots", "partial"):
        raise _unreadable(script, fragment)
    else:
        inner = only(part.rows) if isinstance(part, Group) and piece.kind != "sub" else part
        text = inner.text if isinstance(inner, Number) else " ".join(fragment.text[part.start : part.end].split())
        return label(part, fragment), text if piece.kind == "sub" else f"^{{{text}}}"
    return None


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


def _timed_label(base: Symbol, part: Syntax) -> Syntax | None:
    """The label in a_{z_t} and a_{zt}, of a letter that is usual for arguments."""
    if base.offset is not None or base.name not in ARGUMENTS:
        return None
    if (found := with_own_time(part)) is not None:
        return found[0] if found[1] == t else None
    if isinstance(part, Run) and len(part.factors) == 2 and time_of(part.factors[1]) == 0:
        return part.factors[0]
    return None


def _unreadable(script: Script, fragment: Fragment) -> InputError:
    return fragment.error(
        f"cannot read the script {fragment.text[script.start : script.end]!r}", script.start, script.end,
        "a time (t, t-1), a label (xi, in, 1), a power, or a transpose can stand here",
    )  # fmt: skip


def _style(script: Script, cell: Syntax, fragment: Fragment) -> TimeStyle:
    written = fragment.quoted(script.start, script.end)
    if script.kind == "sub" and written[:1] in ("^", "("):
        return TimeStyle.PARENTHESES if "(" in written else TimeStyle.ANGLES
    if script.kind == "sub":
        return TimeStyle.SUBSCRIPT
    if isinstance(cell, Group) and cell.bracket in ("LPAR", "LANGLE"):
        return TimeStyle.PARENTHESES if cell.bracket == "LPAR" else TimeStyle.ANGLES
    return TimeStyle.SUPERSCRIPT


def _set_time(base: Symbol, offset: int, style: TimeStyle, fragment: Fragment, script: Script) -> None:
    if base.offset is not None:
        raise fragment.error(f"{base.name} has two time indices", script.start, script.end)
    base.offset, base.style = offset, style
