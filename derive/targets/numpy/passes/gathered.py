"""Parts of rows that a loop fills gate by gate are filled in memory of their own, and put into the rows by one call.

NumPy goes through a part of the last axis row by row, which takes a call four times as long where rows are short, and
through numbers in one piece at once. The memory has an axis for the gates before that of the examples; what multiplies
rows reads them after they were put there, and what multiplies one gate reads it where it was filled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sympy import Integer, Symbol

from derive.targets.language.code import (
    MEMORY,
    Apply,
    Assign,
    Blocks,
    Buffer,
    Call,
    Code,
    Each,
    Fill,
    Index,
    Memory,
    Method,
    Name,
    Number,
    Statement,
    Tuple,
    assigned,
    free_names,
    read,
    size_text,
)
from derive.targets.numpy.passes.gates_first import NUMBERWISE, gates_taken
from derive.targets.passes.shapes import B

HELPERS = ("by_gates",)
"""What shows rows as their gates."""


def gathered(statements: Sequence[Statement], fresh: Callable[[str], Name]) -> list[Statement]:
    """The statements where a loop fills parts of rows so."""
    found: list[Statement] = []
    lengths = row_lengths(statements)
    for statement in statements:
        match statement:
            case Each():
                made, loop = _gathered(statement, lengths, fresh)
                found += [*made, loop]
            case Blocks(_, body):
                place = next(k for k, one in enumerate(body) if isinstance(one, Each))
                inner = body[place]
                assert isinstance(inner, Each)
                made, loop = _gathered(inner, lengths, fresh)
                found += [*made, replace(statement, body=(*body[:place], loop, *body[place + 1 :]))]
            case _:
                found.append(statement)
    return found


def row_lengths(statements: Sequence[Statement]) -> dict[str, str]:
    """The length of the rows of arrays over time, or over the steps of a block."""
    found: dict[str, str] = {}
    views: list[tuple[str, Code]] = []
    for statement in statements:
        match statement:
            case Buffer(name, axes) if len(axes) == 1:
                found[name] = size_text(axes[0])
            case Memory(name, axes) if len(axes) == 3:
                found[name] = size_text(axes[2])
            case Assign((Name(name),), Call(function, (Number(shape), _))) if function == MEMORY:
                axes_shown = re.fullmatch(r"\(min\(\w+, T\), B, ([^,()]+)\)", shape)
                if axes_shown:
                    found[name] = axes_shown[1]
            case Blocks(_, body, made=made):
                found |= row_lengths(made)
                views += [
                    (t.name, s.value) for s in body if isinstance(s, Assign) for t in s.targets if isinstance(t, Name)
                ]
    for name, value in views:
        while isinstance(value, Index) and "..." not in value.index:
            value = value.of
        if isinstance(value, Name) and value.name in found:
            found[name] = found[value.name]
    return found


def _gathered(loop: Each, lengths: dict[str, str], fresh: Callable[[str], Name]) -> tuple[list[Statement], Each]:
    made: list[Statement] = []
    for array in dict.fromkeys(code.of for _, code in loop.over if isinstance(code, Index)):
        if isinstance(array, Name) and array.name in lengths and (rows := _rows(loop, array, lengths[array.name])):
            before, loop = _apart(loop, rows, fresh)
            made += before
    return made, loop


@dataclass(frozen=True)
class _Rows:
    """Rows of gates of one length, filled gate by gate in the loop: what each is called, and where rows are read."""

    array: Name
    unit: str
    gates: tuple[Name, ...]
    read_at: int
    """The statement before which all gates are in the rows."""


def _rows(loop: Each, array: Name, length: str) -> _Rows | None:
    """The array as such rows; None where the loop does anything else with it."""
    if array.name in read(loop.body) or array.name in assigned(loop.body):
        return None
    gates: dict[int, Name] = {}
    units: set[str] = set()
    readers: set[str] = set()
    for name, code in loop.over:
        if array.name not in free_names(code):
            continue
        taken = gates_taken(code) if isinstance(code, Index) and code.of == array else None
        if taken is None or taken[1] != taken[0] + 1:
            if taken is not None or not _is_rows(code, array):
                return None
            if not _one_gate(code):
                readers.add(name.name)
        else:
            gates[taken[0]] = name
            units |= taken[2]
    count = len(gates)
    if count < 2 or len(units) != 1 or sorted(gates) != list(range(count)) or length != f"{count} * {min(units)}":
        return None
    own = {name.name for name in gates.values()}
    filled: set[str] = set()
    last, first = -1, len(loop.body)
    for k, statement in enumerate(loop.body):
        outs = assigned([statement])
        if readers & outs:
            return None
        if own & outs:
            if not (isinstance(statement, Apply) and statement.function in NUMBERWISE and not statement.keywords):
                return None
            filled |= own & outs
            last = k
        if readers & {*read([statement])}:
            first = min(first, k)
    if filled != own or first <= last:
        return None
    return _Rows(array, min(units), tuple(gates[k] for k in range(count)), last + 1)


def _is_rows(code: Code, array: Name) -> bool:
    """Whether something shows the rows, or some gates of them, to a product."""
    match code:
        case Call("piece_rows", (of, Name())):
            return of == array or (isinstance(of, Index) and of.of == array and gates_taken(of) is not None)
    return False


def _one_gate(code: Code) -> int | None:
    """The gate, if one alone is shown to a product."""
    taken = gates_taken(code.arguments[0]) if isinstance(code, Call) else None
    return taken[0] if taken is not None and taken[1] == taken[0] + 1 else None


def _apart(loop: Each, rows: _Rows, fresh: Callable[[str], Name]) -> tuple[list[Statement], Each]:
    """What stands before the loop, and the loop, with such gates in memory of their own."""
    name, count = rows.array.name, len(rows.gates)
    memory, shown, here = fresh(f"{name}_gates"), fresh(f"{name}_by_example"), fresh(f"{name}_t_gates")
    made: list[Statement] = [
        Memory(memory.name, (Integer(count), B, Symbol(rows.unit))),
        Assign((Tuple(rows.gates),), memory),
        Assign((shown,), Method(memory, "swapaxes(0, 1)")),
    ]
    over: list[tuple[Name, Code]] = []
    for variable, code in loop.over:
        gate = _one_gate(code) if _is_rows(code, rows.array) else None
        if gate is not None:
            assert isinstance(code, Call)
            made.append(Assign((variable,), replace(code, arguments=(rows.gates[gate], *code.arguments[1:]))))
        elif variable not in rows.gates:
            over.append((variable, code))
    over.append((here, Call("by_gates", (rows.array, Number(str(count))))))
    put = Fill(here, shown, "the gates beside each other, as products read them")
    body = (*loop.body[: rows.read_at], put, *loop.body[rows.read_at :])
    return made, replace(loop, over=tuple(over), body=body)
