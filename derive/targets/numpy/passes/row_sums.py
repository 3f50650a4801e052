"""Sums of rows in a loop as products with a column of ones, which take half the time of a reduction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from derive.targets.language.code import (
    Apply,
    Assign,
    Blocks,
    Call,
    Each,
    Index,
    Memory,
    Name,
    Number,
    Statement,
    Tuple,
    size_text,
)
from derive.targets.numpy.passes.gathered import row_lengths


def row_sums(statements: Sequence[Statement], fresh: Callable[[str], Name]) -> list[Statement]:
    """The statements where a loop sums the rows of memory of two axes, or of such an array at t, by products."""
    sums = _Sums(
        {s.name: size_text(s.axes[-1]) for s in statements if isinstance(s, Memory) and len(s.axes) == 2},
        row_lengths(statements),
        fresh,
    )
    found: list[Statement] = []
    for statement in statements:
        loop = sums.of(statement)
        found += [*sums.made, loop]
        sums.made = []
    return found


@dataclass
class _Sums:
    """Rewrites loops; `axes` are the lengths of the rows of memory, `timed` those of arrays for all steps.

    `made` is what must stand before a loop.
    """

    axes: dict[str, str]
    timed: dict[str, str]
    fresh: Callable[[str], Name]
    made: list[Statement] = field(default_factory=list)
    ones: dict[str, Name] = field(default_factory=dict)

    def of(self, statement: Statement) -> Statement:
        """The statement with its sums of rows as products."""
        match statement:
            case Blocks(_, body):
                return replace(statement, body=tuple(map(self.of, body)))
            case Each(_, over, body):
                for name, code in over:
                    array = code.of if isinstance(code, Index) and "..." not in code.index else code
                    if isinstance(array, Name) and array.name in self.timed:
                        self.axes[name.name] = self.timed[array.name]
                return replace(statement, body=tuple(map(self.of, body)))
            case Apply("np.add.reduce", (Name(name) as rows,), Name(out), "axis=-1, keepdims=True", formula) if (
                name in self.axes and out in self.axes
            ):
                return Apply(".dot", (rows, self._column(self.axes[name])), statement.out, formula=formula)
        return statement

    def _column(self, length: str) -> Name:
        """Ones, as many as a row has entries."""
        if length not in self.ones:
            self.ones[length] = self.fresh("ones")
            shape = Tuple((Number(length), Number("1")))
            self.made.append(Assign((self.ones[length],), Call("np.ones", (shape, Name("dtype")))))
        return self.ones[length]
