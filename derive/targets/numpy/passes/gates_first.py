"""Gates of one array stand apart: the numbers of each in one piece, not a part of every row.

NumPy goes through a part of the last axis row by row, and through numbers in one piece at once. Where all gates have
the same length and the loop reads them apart, or all of them number by number, the array over time has an axis for
the gates before that of the examples. A product in pieces is written there as it is; one in rows is read in that order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Integer

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
                gates = None if _lasts(found, array, outside) else _gates(found, array)
                if gates is not None:
                    found = _apart(found, gates, fresh)
    return found


def _lasts(statements: Sequence[Statement], array: Name, outside: Collection[str]) -> bool:
    """Whether several gates have a name that others read, for whom they are parts of rows."""
    views = [
        (s.targets[0].name, gates_taken(s.value))
        for s in statements
        if isinstance(s, Assign) and len(s.targets) == 1 and isinstance(s.targets[0], Name) and _reads(s.value, array)
    ]
    return any(name in outside and span is not None and span[1] - span[0] > 1 for name, span in views)


@dataclass(frozen=True)
class _Gates:
    """An array of so many gates of one length, and the products of gates that the loop adds to several of them."""

    array: Name
    count: int
    products: Mapping[Name, int]


def _gates(statements: Sequence[Statement], array: Name) -> _Gates | None:
    """The array as gates; None where something reads it in another way."""
    loops = [s for s in statements if isinstance(s, Each)]
    if len(loops) != 1 or any(array.name in read([s]) and not _is_plain_view(s, array) for s in statements):
        return None
    (loop,) = loops
    taken = [code for _, code in loop.over if _reads(code, array) and code != array]
    taken += [code for code in _values(statements) if _reads(code, array)]
    spans = [gates_taken(code) for code in taken]
    lengths = {unit for found in spans if found is not None for unit in found[2]}
    if None in spans or len(lengths) != 1:
        return None
    (unit,) = lengths
    count = max(found[1] for found in spans if found is not None)
    memories = {
        Name(s.name): _count(s.axes[-1], unit) for s in statements if isinstance(s, Memory) and len(s.axes) == 2
    }
    reading = _Reading(statements, loop, array, count, {name: gates for name, gates in memories.items() if gates})
    products = reading.products()
    return None if products is None else _Gates(array, count, products)


def _count(size: Expr, unit: str) -> int:
    """How many of a length a size is; 0 where it is no multiple."""
    letter = next((letter for letter in size.free_symbols if str(letter) == unit), None)
    found = size.coeff(letter) if letter is not None else 0
    return int(found) if isinstance(found, Integer) and size == found * letter else 0


class _Reading:
    """How the loop reads an array of gates, and the products that are added to several of them."""

    def __init__(
        self, statements: Sequence[Statement], loop: Each, array: Name, count: int, memories: Mapping[Name, int]
    ) -> None:
        self._statements = statements
        self._loop = loop
        self._scalars = {s.targets[0] for s in statements if isinstance(s, Assign) and _is_scalar(s.value)}
        self._gates: dict[Name, int] = {}
        """How many gates each variable of the loop is."""
        for name, code in loop.over:
            found = gates_taken(code)
            if _reads(code, array):
                self._gates[name] = count if found is None else found[1] - found[0]
        self._parts: dict[Name, tuple[Name, int]] = {name: (name, gates) for name, gates in memories.items()}
        """Memory of a product or some gates of it: the whole, and how many they are."""
        for s in statements:
            match s:
                case Assign((Name() as name,), Index(Name() as whole) as code) if whole in memories:
                    found = gates_taken(code)
                    self._parts[name] = (whole, found[1] - found[0] if found is not None else 0)
        self._memories = memories

    def products(self) -> dict[Name, int] | None:
        """The products that are read as gates; None where one of them, or the array, is read in another way."""
        found: set[Name] = set()
        for call in self._loop.body:
            several = {name for name in map(Name, _names(call)) if self._gates.get(name, 0) > 1}
            if not several:
                continue
            if not isinstance(call, Apply) or call.function not in NUMBERWISE or call.keywords:
                return None
            counts = set()
            for operand in {*call.arguments, call.out} - self._scalars:
                if operand in self._gates:
                    counts.add(self._gates[operand])
                elif operand in self._parts and operand != call.out:
                    whole, gates = self._parts[operand]
                    counts.add(gates)
                    found.add(whole)
                else:
                    return None
            if len(counts) != 1:
                return None
        return {name: self._memories[name] for name in found} if all(map(self._is_product, found)) else None

    def _is_product(self, memory: Name) -> bool:
        """Whether a product in pieces alone is written there, whose gates are read in ways that allow any layout."""
        if _places(self._statements, memory) is None:
            return False
        for call in self._loop.body:
            names = [name for name in map(Name, _names(call)) if self._parts.get(name, (None, 0))[0] == memory]
            if not names:
                continue
            if not isinstance(call, Apply) or call.out in names or call.function not in NUMBERWISE or call.keywords:
                return False
            several = [name for name in map(Name, _names(call)) if self._gates.get(name, 0) > 1]
            if not several and any(self._parts[name][1] != 1 for name in names):
                return False
        return True


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
    found: list[Statement] = []
    for statement in statements:
        match statement:
            case Assign((made,), Call(_, arguments), formula) if made == gates.array:
                found.append(Assign((made,), Call("gates_times", (Number(str(gates.count)), *arguments)), formula))
            case Assign(targets, value, formula):
                found.append(Assign(targets, _by_gate(value, gates.array), formula))
            case Each(_, over):
                over = tuple((name, _by_gate(code, gates.array)) for name, code in over)
                found.append(replace(statement, over=over))
            case _:
                found.append(statement)
    for product, count in gates.products.items():
        found = _product_apart(found, product, count, fresh)
    return found


def _product_apart(
    statements: Sequence[Statement], product: Name, count: int, fresh: Callable[[str], Name]
) -> list[Statement]:
    """The statements with the memory of a product read as so many gates."""
    place = _places(statements, product)
    assert place is not None
    by_gates = fresh(f"{product.name}_gates")
    matrix: Code | None = None
    views: list[Statement] = []
    found: list[Statement] = []
    for k, statement in enumerate(statements):
        match statement:
            case Assign(targets, Call(function, arguments), formula) if k == place[0]:
                matrix = targets[0]
                found.append(Assign(targets, Call(function, (*arguments, Number(str(count)))), formula))
            case Assign(targets, Call("product_with", (times,)), formula) if times == matrix:
                made = Call("product_with", (times, Number("B"), Number(str(count))))
                found.append(Assign(targets, made, formula))
            case Assign(targets, Call(function, (memory, pieces)), formula) if k == place[1]:
                arguments = (memory, pieces, Number(str(count)))
                found.append(Assign(targets, Call(function, arguments), formula))
                found.append(Assign((by_gates,), Call("gates_of", arguments)))
                found += views
            case Assign(targets, Index(of) as code, formula) if of == product:
                views.append(Assign(targets, _by_gate(code, product, by_gates, ""), formula))
            case Each(_, _, body):
                found.append(replace(statement, body=tuple(_with(s, product, by_gates) for s in body)))
            case _:
                found.append(statement)
    return found


def _with(statement: Statement, old: Name, new: Name) -> Statement:
    if isinstance(statement, Apply) and old in statement.arguments:
        return replace(statement, arguments=tuple(new if a == old else a for a in statement.arguments))
    return statement


def _by_gate(code: Code, array: Name, of: Name | None = None, steps: str = ":, ") -> Code:
    """Some gates of an array where it is read so, `of` what stands for it."""
    span = gates_taken(code)
    if span is None or not _reads(code, array):
        return code
    first, last, _ = span
    return Index(of or array, f"{steps}{first}" if last == first + 1 else f"{steps}{first}:{last}")


def gates_taken(code: Code) -> tuple[int, int, frozenset[str]] | None:
    """The first gate that an index takes and the one behind the last, and the letter of their length."""
    found = re.fullmatch(r"\.\.\., ([^,:]+):([^,:]+)", code.index) if isinstance(code, Index) else None
    ends = [re.fullmatch(r"(?:(\d+) \* )?([A-Za-z_]\w*)|0", text) for text in (found[1], found[2])] if found else [None]
    if any(end is None for end in ends):
        return None
    numbers = [int(end[1] or 1) if end[2] else 0 for end in ends if end is not None]
    letters = frozenset(end[2] for end in ends if end is not None and end[2])
    return (numbers[0], numbers[1], letters) if len(letters) == 1 else None


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
