"""A loop once more in NumPy, on the memory of the tensors: its calls take less time, for few numbers half of it.

That is told apart when it runs; what a loop calls besides NumPy, or hands on by name, has no such form.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import prod

from sympy import Expr, Integer

from derive.cell import Cell
from derive.targets.language.code import (
    Apply,
    Assign,
    Blocks,
    Call,
    Code,
    Each,
    Fill,
    Name,
    Statement,
    WithLengths,
    assigned,
    lines,
    parts,
    read,
    size_text,
)
from derive.targets.lowering.frame import axes


@dataclass(frozen=True)
class NumPyLoop:
    """The definition of a function that runs a loop, and the call of it on tensors of these names."""

    name: str
    numbers: tuple[str, ...]
    arrays: tuple[str, ...]
    entries: Expr
    """The numbers that pass from step to step, for each example."""
    in_matrices: Expr
    """Those of them that are entries of matrices: NumPy multiplies every entry with every other row by row."""
    multiplied: Expr
    """The multiplications of its largest product, for each example: about as many as vectors that pass have pairs."""
    body: tuple[Statement, ...]

    def definition(self) -> list[str]:
        """The lines of the function."""
        return [
            f"def {self.name}({', '.join([*self.numbers, *self.arrays])}):",
            '    """The same steps in NumPy, without lengths."""',
            *(f"    {line}" for line in lines(self.body)),
        ]

    def around(self, loop: Sequence[str]) -> list[str]:
        """The lines that choose between this loop and the one in torch's words."""
        tensors = ", ".join(self.arrays)
        call = f"{self.name}({', '.join([*self.numbers, f'*arrays_of({tensors})'])})"
        counts = ", ".join(map(_of_a_batch, (self.entries, self.in_matrices, self.multiplied)))
        return [
            f"if lengths is None and are_few(given, {counts}):  # calls cost more than numbers",
            f"    {call}",
            "else:",
            *(f"    {line}" for line in loop),
        ]


def numpy_loop(statement: Statement, name: str, program: Cell, read_after: Collection[str]) -> NumPyLoop | None:
    """The loop of a program as a function of arrays; None where it has no such form."""
    plain = _without_lengths(statement)
    if not isinstance(plain, Each | Blocks) or (isinstance(plain, Blocks) and plain.made) or not _is_plain(plain):
        return None
    own = _bound(plain)
    if own & set(read_after):
        return None
    used = dict.fromkeys([*read([plain]), *sorted(assigned([plain]))])
    free = [one for one in used if one not in own and one not in ("t", "start", "stop", "block")]
    words = {word for line in lines([plain]) for word in _words(line)}
    if {"dtype", "device", "lengths"} & words:
        return None
    numbers = tuple(letter for letter in ("T", "B", *map(str, program.sizes)) if letter in words)
    passing = [axes(q) for q in program.states or (program.output,)]
    entries = _entries(passing)
    in_matrices = _entries([own for own in passing if len(own) > 1])
    together = sum((own[0] for own in passing if len(own) == 1), Integer(0))
    arrays = tuple(one for one in free if one not in numbers)
    return NumPyLoop(name, numbers, arrays, entries, in_matrices, together**2 if together else entries, (plain,))


def _entries(axes: Sequence[Sequence[Expr]]) -> Expr:
    return sum((prod(own, start=Integer(1)) for own in axes), Integer(0))


def _of_a_batch(count: Expr) -> str:
    return "0" if count == 0 else f"B * ({size_text(count)})" if count.is_Add else f"B * {size_text(count)}"


def _words(line: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "_" else " " for c in line).split()


def _without_lengths(statement: Statement) -> Statement:
    match statement:
        case Each() | Blocks():
            kept = (s for s in statement.body if not isinstance(s, WithLengths))
            return replace(statement, body=tuple(map(_without_lengths, kept)))
    return statement


def _bound(statement: Statement) -> set[str]:
    """The variables that are bound in the loop, and are not memory that is filled."""
    match statement:
        case Assign(targets):
            return {target.name for target in targets if isinstance(target, Name)}
        case Each(_, over, body):
            return {name.name for name, _ in over}.union(*map(_bound, body))
        case Blocks(_, body):
            return set().union(*map(_bound, body))
    return set()


def _is_plain(statement: Statement) -> bool:
    """Whether nothing but NumPy is called."""
    match statement:
        case Assign(_, value) | Fill(_, value):
            return _calls_numpy(value)
        case Apply(function, arguments):
            return function.startswith((".", "np.")) and all(map(_calls_numpy, arguments))
        case Each(_, over, body):
            return all(_calls_numpy(array) for _, array in over) and all(map(_is_plain, body))
        case Blocks(_, body):
            return all(map(_is_plain, body))
    return True


def _calls_numpy(code: Code) -> bool:
    if isinstance(code, Call) and not code.function.startswith("np."):
        return False
    return all(map(_calls_numpy, parts(code)))
