"""Gates of one array stand apart: the numbers of each in one piece, not a part of every row.

NumPy goes through a part of the last axis row by row, and through numbers in one piece at once. Where all gates have
the same length and the loop reads them apart, or all of them number by number, the array over time has an axis for
the gates before that of the examples. A product in pieces is written there as it is; one in rows is read in that order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from sympy import Basic, Expr, Integer, Symbol

from derive.targets.language.code import (
    Apply,
    Assign,
    Call,
    Code,
    Each,
    Index,
    Memory,
    Name,
    Number,
    Statement,
    free_names,
    read,
)

HELPERS = ("gates_times", "gates_of")
"""What computes the array, and what reads a product as gates."""

NUMBERWISE = {"np.add", "np.subtract", "np.multiply", "np.divide", "np.negative", "np.tanh", "np.exp", "np.square"}


def gates_first(
    statements: Sequence[Statement], outside: Collection[str], fresh: Callable[[str], Name]
) -> list[Statement]:
    """The statements with such arrays by gates; `outside` are the variables that others read."""
    found = list(statements)
    for statement in statements:
        match statement:
            case Assign((Name(name) as array,), Call("rows_plus")) if name not in outside:
                gates = _gates(found, array)
                if gates is not None:
                    found = _apart(found, gates, fresh)
    return found


@dataclass(frozen=True)
class _Gates:
    """An array of gates, what it is called at t, the product that the loop adds to it, and the gates' number."""

    array: Name
    at_t: Name
    product: Name
    count: int


def _gates(statements: Sequence[Statement], array: Name) -> _Gates | None:
    """The array as gates; None where something reads it in another way."""
    loops = [s for s in statements if isinstance(s, Each)]
    if len(loops) != 1 or any(array.name in read([s]) and not _is_plain_view(s, array) for s in statements):
        return None
    (loop,) = loops
    over = dict(loop.over)
    at_t = [name for name, code in over.items() if code == array]
    memories = {s.name: s.axes for s in statements if isinstance(s, Memory)}
    calls = [s for s in loop.body if isinstance(s, Apply)]
    if len(at_t) != 1:
        return None
    (whole,) = at_t
    beside = {
        name
        for call in calls
        if whole in (*call.arguments, call.out)
        for name in _names(call)
        if name in memories and name != whole.name
    }
    if len(beside) != 1 or len(memories[product := min(beside)]) != 2:
        return None
    taken = [_span(code) for code in [*over.values(), *_values(statements)] if _reads(code, array) and code != array]
    lengths = {unit for span in taken if span is not None for unit in span[2]}
    if None in taken or len(lengths) != 1:
        return None
    (unit,) = lengths
    count = memories[product][1].subs(_letter(memories[product][1], unit), 1)
    if memories[product][1] != count * _letter(memories[product][1], unit) or not isinstance(count, Integer):
        return None
    found = _Gates(array, whole, Name(product), int(count))
    return found if _number_by_number(statements, loop, found) else None


def _letter(size: Expr, name: str) -> Basic:
    """The letter of that name in a size."""
    return next((letter for letter in size.free_symbols if str(letter) == name), Symbol(name))


def _number_by_number(statements: Sequence[Statement], loop: Each, gates: _Gates) -> bool:
    """Whether the loop reads gates apart, and several of them number by number alone."""
    scalars = {s.targets[0] for s in statements if isinstance(s, Assign) and _is_scalar(s.value)}
    several = {name for name, code in loop.over if _is_several(code, gates.array)}
    products = 0
    for call in loop.body:
        names = _names(call)
        if not names & {gates.at_t.name, gates.product.name, *(name.name for name in several)}:
            continue
        if not isinstance(call, Apply):
            return False
        operands = {*call.arguments, call.out}
        wide = {gates.at_t, gates.product}
        if call.function not in NUMBERWISE or call.keywords:
            return False
        if not (operands <= wide | scalars or any(operands <= {part} | scalars for part in several)):
            return False
        if call.out == gates.product:
            return False
        products += gates.product in call.arguments
    return products == 1 and _places(statements, gates.product) is not None


def _places(statements: Sequence[Statement], product: Name) -> tuple[int, int] | None:
    """Where a matrix is cut into pieces and where their places in the product's memory are named, if only there."""
    named = [
        (k, s.value.arguments[1])
        for k, s in enumerate(statements)
        if isinstance(s, Assign) and isinstance(s.value, Call) and s.value.function == "piece_places"
        if s.value.arguments[0] == product
    ]
    if len(named) != 1:
        return None
    place, matrix = named[0]
    uses = [s for s in statements if isinstance(s, Assign) and matrix in _arguments(s) and "places" in _called(s)]
    cut = [k for k, s in enumerate(statements) if isinstance(s, Assign) and s.targets == (matrix,)]
    return (cut[0], place) if len(uses) == len(cut) == 1 else None


def _apart(statements: Sequence[Statement], gates: _Gates, fresh: Callable[[str], Name]) -> list[Statement]:
    place = _places(statements, gates.product)
    assert place is not None
    count = Number(str(gates.count))
    by_gates = fresh("work_gates")
    found: list[Statement] = []
    for k, statement in enumerate(statements):
        match statement:
            case Assign((made,), Call(_, arguments), formula) if made == gates.array:
                found.append(Assign((made,), Call("gates_times", (count, *arguments)), formula))
            case Assign(targets, Call(function, arguments), formula) if k == place[0]:
                found.append(Assign(targets, Call(function, (*arguments, count)), formula))
            case Assign(_, Call(_, (memory, matrix))) if k == place[1]:
                found += [statement, Assign((by_gates,), Call("gates_of", (memory, matrix, count)))]
            case Assign(targets, value, formula):
                found.append(Assign(targets, _by_gate(value, gates), formula))
            case Each(_, over, body):
                body = tuple(_with(s, gates.product, by_gates) for s in body)
                over = tuple((name, _by_gate(code, gates)) for name, code in over)
                found.append(replace(statement, over=over, body=body))
            case _:
                found.append(statement)
    return found


def _with(statement: Statement, old: Name, new: Name) -> Statement:
    if isinstance(statement, Apply) and old in statement.arguments:
        return replace(statement, arguments=tuple(new if a == old else a for a in statement.arguments))
    return statement


def _by_gate(code: Code, gates: _Gates) -> Code:
    span = _span(code)
    if span is None or not _reads(code, gates.array):
        return code
    first, last, _ = span
    return Index(gates.array, f":, {first}" if last == first + 1 else f":, {first}:{last}")


def _span(code: Code) -> tuple[int, int, frozenset[str]] | None:
    """The first gate that an index takes and the one behind the last, and the letter of their length."""
    found = re.fullmatch(r"\.\.\., ([^,:]+):([^,:]+)", code.index) if isinstance(code, Index) else None
    ends = [re.fullmatch(r"(?:(\d+) \* )?([A-Za-z_]\w*)|0", text) for text in (found[1], found[2])] if found else [None]
    if any(end is None for end in ends):
        return None
    numbers = [int(end[1] or 1) if end[2] else 0 for end in ends if end is not None]
    letters = frozenset(end[2] for end in ends if end is not None and end[2])
    return (numbers[0], numbers[1], letters) if len(letters) == 1 else None


def _is_several(code: Code, array: Name) -> bool:
    span = _span(code)
    return span is not None and _reads(code, array) and span[1] > span[0] + 1


def _is_plain_view(statement: Statement, array: Name) -> bool:
    """Whether a statement only names a part of the array, or is the loop."""
    match statement:
        case Assign((Name(),), Index(of)):
            return of == array
        case Each(body=body):
            return array.name not in read(body)
    return False


def _is_scalar(value: Code) -> bool:
    return isinstance(value, Call) and value.function == "np.array" and isinstance(value.arguments[0], Number)


def _reads(code: Code, array: Name) -> bool:
    return array.name in free_names(code)


def _values(statements: Sequence[Statement]) -> list[Code]:
    return [s.value for s in statements if isinstance(s, Assign) and isinstance(s.value, Index)]


def _names(statement: Statement) -> set[str]:
    match statement:
        case Apply(_, arguments, out):
            return {name for code in (*arguments, out) for name in free_names(code)}
    return set(read([statement]))


def _arguments(statement: Assign) -> tuple[Code, ...]:
    return statement.value.arguments if isinstance(statement.value, Call) else ()


def _called(statement: Assign) -> str:
    return statement.value.function if isinstance(statement.value, Call) else ""
