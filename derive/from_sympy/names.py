"""What must be known of all equations to convert one: the sizes, the names with their times, and the order of terms."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from typing import Any

from sympy import (
    Basic,
    Expr,
    Identity,
    MatrixSymbol,
    OneMatrix,
    Rational,
    S,
    Symbol,
    preorder_traversal,
)

from derive import nodes
from derive.errors import InputError, Place
from derive.nodes import Node, Quantity, Size, t
from derive.reader import named


def short(part: Any) -> str:
    """An expression as SymPy prints it, cut where it is long."""
    written = str(part)
    return written if len(written) <= 80 else written[:79] + "…"


class Names:
    """The names and sizes of a cell's equations, as a person's SymPy symbols say them."""

    def __init__(self, pairs: Sequence[tuple[Basic, Basic]], places: Sequence[Place]) -> None:
        self.place = places[0] if places else None
        self.letters: dict[str, str] = {}
        matrices = {atom for pair in pairs for side in pair for atom in side.atoms(MatrixSymbol, OneMatrix, Identity)}
        self.sizes = {symbol for atom in matrices for n in atom.shape for symbol in n.free_symbols}
        self.assigned: list[str] = []
        for (left, _), place in zip(pairs, places, strict=True):
            self.place = place
            self.assigned.append(self.target(left).name)

    def error(self, message: str, hint: str = "") -> InputError:
        return InputError(message, self.place, hint)

    def target(self, left: Basic) -> Quantity:
        if not isinstance(left, MatrixSymbol | Symbol):
            raise self.error(f"the left side must be one quantity, not {type(left).__name__} {short(left)}")
        symbol = self.named_quantity(left)
        if symbol.time is None:
            raise self.error(
                f"{symbol.name} is assigned without a time index",
                f"write derive.quantity({symbol.name!r}, {left.shape[0] if isinstance(left, MatrixSymbol) else 1}, "
                f"time=derive.t), or call it {symbol.name}_t",
            )
        return symbol

    def size(self, written: Expr) -> Size:
        return written.xreplace({symbol: nodes.size(symbol.name) for symbol in written.free_symbols})

    def shape(self, matrix: Any) -> tuple[Size, Size]:
        rows, cols = matrix.shape
        return self.size(rows), self.size(cols)

    def time(self, written: Expr | None) -> Expr | None:
        if written is None:
            return None
        time = written.xreplace({symbol: t for symbol in written.free_symbols if symbol.name == t.name})
        if not (time - t).is_Integer:
            raise self.error(f"the time index {written} is not t, or t and a number", "as in h.at(derive.t - 1)")
        return time

    def checked(self, name: str) -> str:
        """A name that code and formulas can have."""
        if not name.isidentifier() or keyword.iskeyword(name):
            raise self.error(
                f"{short(name)!r} cannot be a name", "a name is a letter, or letters joined by _, as in W_i"
            )
        return name

    def named_quantity(self, written: Any) -> Quantity:
        """A quantity; other symbols have names as in a note, so that `h_t` and `h_{t-1}` tell the time."""
        rows, cols = self.shape(written) if isinstance(written, MatrixSymbol) else (S.One, S.One)
        if isinstance(written, Quantity):
            self.checked(written.name)
            return Quantity(written.name, rows, cols, self.time(written.time))
        found = named(written.name)
        if found is None:
            raise self.error(f"{written.name!r} cannot be read as a name", "write it as in a note: W_i, h_t, h_{t-1}")
        name, offset, letter = found
        if "\\" in letter:
            self.letters.setdefault(name, letter)
        return Quantity(name, rows, cols, None if offset is None else t + offset)

    def rank(self, term: Node) -> int:
        """The place of a term in a sum."""
        ranks = [
            3 if q.time is None else 1 if q.time != t else 2 if q.name in self.assigned else 0
            for q in nodes.leaves(term)
        ]
        return min(ranks, default=-1)

    def factor_rank(self, factor: Node) -> tuple[int, int, int]:
        """The place of a factor in an elementwise product; of two alike the simpler one stands first."""
        timed = [q for q in nodes.leaves(factor) if q.time is not None]
        ranks = [
            (3, 0) if q.time != t else (1, self.assigned.index(q.name)) if q.name in self.assigned else (2, 0)
            for q in timed
        ]
        return (*min(ranks, default=(0, 0)), sum(1 for _ in preorder_traversal(factor)))

    def rational(self, number: Expr) -> Expr:
        """An exact number; a decimal number means what it shows."""
        exact = Rational(str(number)) if number.is_Float else number
        if not exact.is_Rational:
            raise self.error(f"{number} is no rational number", "write it as a decimal number, or as a parameter")
        return exact
