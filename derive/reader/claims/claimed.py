"""What a formula to be checked says before its conventions are known: quantities at times, derivatives, operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias

from sympy import Basic, Expr, Symbol

from derive.errors import InputError
from derive.functions import ScalarFunction


class OpenQuestionError(InputError):
    """The formula can be parsed, but what it says cannot be decided here; the message says why."""


@dataclass(frozen=True)
class Said:
    """Any part of a claim."""


@dataclass(frozen=True)
class Value(Said):
    """A quantity of the cell, at a time, or one entry of it."""

    name: str
    time: Expr | None = None
    at: tuple[Expr, ...] = ()
    columns: tuple[Expr, Expr] | None = None
    """Of a matrix the columns from the first up to the second."""


@dataclass(frozen=True)
class Gradient(Said):
    """∂J/∂q; `only` is the step whose loss is meant; `spelling` is "partial", "d" or "delta"."""

    by: Value
    only: Expr | None = None
    immediate: bool = False
    spelling: str = "partial"


@dataclass(frozen=True)
class Error(Said):
    """δ with a label that names a quantity: the gradient of its argument, or its own (`plain`)."""

    argument: Gradient
    plain: Gradient


@dataclass(frozen=True)
class Differential(Said):
    """δ or d before the letter of a gate: the gradient of the gate (`plain`), or that of its argument."""

    plain: Gradient
    argument: Gradient


@dataclass(frozen=True)
class Handed(Said):
    """dc_{next} or dc_{prev}: what a step's backward pass is given for a state, or hands on for the state before."""

    by: Value
    onward: bool
    """Whether this is handed on (prev), not given (next)."""


@dataclass(frozen=True)
class Derivative(Said):
    """∂a/∂b of two quantities."""

    of: Value
    by: Value
    immediate: bool = False


@dataclass(frozen=True)
class Operated(Said):
    """∂(an expression)/∂b."""

    body: Said
    by: Value
    immediate: bool = False


@dataclass(frozen=True)
class Scalar(Said):
    """A number."""

    value: Expr


@dataclass(frozen=True)
class Ones(Said):
    """Ones in whatever number the context wants."""


@dataclass(frozen=True)
class One(Said):
    """The identity matrix of whatever size the context wants."""


@dataclass(frozen=True)
class Kronecker(Said):
    """1 where two indices are equal, 0 elsewhere; or the reverse."""

    first: Expr
    second: Expr
    differ: bool = False


@dataclass(frozen=True)
class Terms(Said):
    """A sum with its signs."""

    terms: tuple[tuple[int, Said], ...]


@dataclass(frozen=True)
class Factors(Said):
    """Factors from left to right; `elementwise` says ⊙, `signed` that a sign such as · or * stands between them.

    `bracketed` says that brackets stand around them.
    """

    factors: tuple[Said, ...]
    elementwise: bool = False
    signed: bool = False
    bracketed: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Quotient(Said):
    """Division entry by entry, or by a number."""

    above: Said
    below: Said


@dataclass(frozen=True)
class Raised(Said):
    """A power; the exponent is a number or a number of steps."""

    base: Said
    exponent: Expr


@dataclass(frozen=True)
class Norm(Said):
    """The spectral norm, or with `largest` the largest magnitude of an entry."""

    body: Said
    largest: bool = False


@dataclass(frozen=True)
class Flipped(Said):
    """A transpose."""

    body: Said


@dataclass(frozen=True)
class Applied(Said):
    """A function of its arguments: entry by entry, or by name `softmax`, `diag`, `sech`."""

    function: ScalarFunction | str
    arguments: tuple[Said, ...]


@dataclass(frozen=True)
class Stacked(Said):
    """Rows of parts in brackets."""

    rows: tuple[tuple[Said, ...], ...]


@dataclass(frozen=True)
class Tabulated(Said):
    """A matrix (or, without `column`, a column) by its entry in a row and column that count from 0."""

    entry: Said
    row: Symbol
    column: Symbol | None


@dataclass(frozen=True)
class Part(Said):
    """Rows (axis 0) or columns (axis 1) of something, from `start` up to `end`; None is the border."""

    body: Said
    axis: int
    start: Expr | None
    end: Expr | None


@dataclass(frozen=True)
class OverTime(Said):
    """Σ or ∏ over an index that is a time."""

    body: Said
    index: Symbol
    first: Expr
    last: Expr
    product: bool = False
    ascending: bool = False
    ordered: bool = False
    """Whether the text shows the order of the factors: by dots, or by an index that counts down."""


@dataclass(frozen=True)
class OverEntries(Said):
    """Σ over an index that counts entries, perhaps leaving out one."""

    body: Said
    index: Symbol
    without: Symbol | None = None


@dataclass(frozen=True)
class AllEntries(Said):
    """The sum of all entries."""

    body: Said


Piece: TypeAlias = Any


def pieces(said: Said) -> Iterator[Said]:
    """The parts directly inside."""
    for each in fields(said):
        yield from _inside(getattr(said, each.name))


def _inside(value: Piece) -> Iterator[Said]:
    if isinstance(value, Said):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _inside(part)


def walk(said: Said) -> Iterator[Said]:
    """This and everything inside, from the outside in."""
    yield said
    for piece in pieces(said):
        yield from walk(piece)


_MOMENTS = frozenset(["time", "only", "first", "last", "exponent"])


def mapped(said: Said, change: Callable[[Expr], Expr]) -> Said:
    """The same claim with every time changed."""
    changes: dict[str, Any] = {}
    for each in fields(said):
        value = getattr(said, each.name)
        if each.name in _MOMENTS and isinstance(value, Basic):
            changes[each.name] = change(value)
        else:
            changes[each.name] = _changed(value, change)
    return replace(said, **changes)


def _changed(value: Piece, change: Callable[[Expr], Expr]) -> Piece:
    if isinstance(value, Said):
        return mapped(value, change)
    if isinstance(value, tuple):
        return tuple(_changed(part, change) for part in value)
    return value


def times(said: Said) -> list[Expr]:
    """The times of all quantities, in the order written."""
    return [part.time for part in walk(said) if isinstance(part, Value) and part.time is not None]


def index_clash(symbol: Symbol) -> Symbol:
    """The bound index of a sum, another symbol than a free index of the same letter."""
    return Symbol(f"{symbol.name}'", integer=True)
