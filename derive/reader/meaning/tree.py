"""What a formula means before its sizes and conventions are known: one tree for equations and for claims about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property
from typing import Any

from sympy import Basic, Expr, Symbol

from derive.errors import InputError, Place
from derive.functions import ScalarFunction
from derive.nodes import t
from derive.reader.text.fragment import Fragment

LONGEST_POWER = 4096
"""Bits that a power of a number may have."""


@dataclass(frozen=True)
class Span:
    """The text that says something: `text[start:end]` of its fragment."""

    fragment: Fragment
    start: int
    end: int


@dataclass(frozen=True)
class Term:
    """Any part of a formula. Where it stands does not count when two are compared."""

    span: Span | None = field(default=None, compare=False, repr=False, kw_only=True)

    @property
    def where(self) -> Span:
        """Where the term stands, which whatever is read has."""
        assert self.span is not None
        return self.span

    @property
    def place(self) -> Place | None:
        return None if self.span is None else self.span.fragment.place(self.span.start, self.span.end)

    @property
    def written(self) -> str:
        """The text, on one line."""
        return "" if self.span is None else " ".join(self.span.fragment.text[self.span.start : self.span.end].split())

    @cached_property
    def parts(self) -> tuple[Term, ...]:
        """The parts directly inside, in the order written."""
        return tuple(part for name in _content(self) for part in _inside(getattr(self, name)))

    def error(self, message: str, hint: str = "") -> InputError:
        """An error at this part."""
        return InputError(message, self.place, hint)


# What equations and claims say


@dataclass(frozen=True)
class Ref(Term):
    """A quantity at a time, or without one; or one entry of it, or some columns."""

    name: str
    time: Expr | None = None
    at: tuple[Expr, ...] = ()
    columns: tuple[Expr, Expr] | None = None
    """Of a matrix the columns from the first up to the second."""

    @property
    def offset(self) -> int | None:
        """The steps from t to the time; None without a time, or where the time is no such step."""
        return None if self.time is None else offset_of(self.time)


@dataclass(frozen=True)
class Constant(Term):
    """A number."""

    value: Expr


@dataclass(frozen=True)
class SizeOf(Term):
    """A size as a number, such as the H of a mean over H entries."""

    letter: str


@dataclass(frozen=True)
class Ones(Term):
    """Ones in whatever number the context wants."""


@dataclass(frozen=True)
class Identity(Term):
    """The identity matrix, of whatever size the context wants where none is said."""

    size: Expr | None = None


@dataclass(frozen=True)
class Add(Term):
    """Terms with their signs."""

    terms: tuple[tuple[int, Term], ...]


@dataclass(frozen=True)
class Multiply(Term):
    """Factors from left to right; `elementwise` says ⊙, otherwise their shapes say what is meant.

    `signed` says that a sign such as · or * stands between them, `bracketed` that brackets stand around them.
    """

    factors: tuple[Term, ...]
    elementwise: bool = False
    signed: bool = False
    bracketed: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Divide(Term):
    """Division entry by entry, or by a number."""

    above: Term
    below: Term


@dataclass(frozen=True)
class Power(Term):
    """A power; the exponent is a number or a number of steps."""

    base: Term
    exponent: Expr


@dataclass(frozen=True)
class Transposed(Term):
    """A transpose."""

    body: Term


@dataclass(frozen=True)
class Call(Term):
    """A function of its arguments: entry by entry, or by name `softmax`, `diag`, `sech`."""

    function: ScalarFunction | str
    arguments: tuple[Term, ...]


@dataclass(frozen=True)
class Stack(Term):
    """Rows of cells in brackets."""

    rows: tuple[tuple[Term, ...], ...]


@dataclass(frozen=True)
class Total(Term):
    """The sum of all entries."""

    body: Term


@dataclass(frozen=True)
class Outer(Term):
    """a ⊗ b: the outer product, or entry by entry where the shapes say so."""

    left: Term
    right: Term


COLUMNS, ROWS, OPEN = "columns", "rows", "open"
"""How the entries of a matrix are stacked in a vector: column by column, row by row, or as its document leaves open."""


@dataclass(frozen=True)
class Vec(Term):
    """The entries of a matrix as a column; `alone`: only of a matrix, while a vector stays what it is."""

    body: Term
    stacking: str = OPEN
    alone: bool = False


@dataclass(frozen=True)
class KroneckerProduct(Term):
    """A ⊗ B in a document that knows Kronecker products."""

    left: Term
    right: Term


@dataclass(frozen=True)
class Part(Term):
    """One of `count` parts of equal length, below each other, of a vector."""

    body: Term
    index: int
    count: int


# What claims alone say: derivatives


@dataclass(frozen=True)
class Gradient(Term):
    """∂J/∂q; `only` is the step whose loss is meant; `spelling` is "partial", "d" or "delta"."""

    by: Ref
    only: Expr | None = None
    immediate: bool = False
    spelling: str = "partial"


@dataclass(frozen=True)
class Use(Term):
    """The part of ∂J/∂q that comes from the use of a parameter in the step `time`; `only` is as in a gradient."""

    by: Ref
    only: Expr | None
    time: Expr


@dataclass(frozen=True)
class Through(Term):
    """The part of ∂J/∂q that comes through one quantity whose equation reads q; `only` is as in a gradient."""

    by: Ref
    only: Expr | None
    via: Ref


@dataclass(frozen=True)
class Error(Term):
    """δ with a label that names a quantity: the gradient of its argument, or its own (`plain`)."""

    argument: Gradient
    plain: Gradient


@dataclass(frozen=True)
class Differential(Term):
    """δ or d before the letter of a gate: the gradient of the gate (`plain`), or that of its argument."""

    plain: Gradient
    argument: Gradient


@dataclass(frozen=True)
class Handed(Term):
    """dc_{next} or dc_{prev}: what a step's backward pass is given for a state, or hands on for the state before."""

    by: Ref
    onward: bool
    """Whether this is handed on (prev), not given (next)."""
    apart: bool = False
    """Whether the document has another letter for the whole gradient, so that this is the part and nothing else."""
    only: Expr | None = None
    """As in a gradient."""
    anywhen: bool = False
    """Whether no step is written, so that an assignment to it may be one for the step before."""


@dataclass(frozen=True)
class Derivative(Term):
    """∂a/∂b of two quantities."""

    of: Ref
    by: Ref
    immediate: bool = False
    stacking: str = ""
    """How the entries of both are stacked; nothing where neither is a matrix that the document stacks."""
    whole: bool = False
    """Whether all of a is meant, as the factor before it shows, ∂J/∂a ∂a/∂b_i."""


@dataclass(frozen=True)
class Operated(Term):
    """∂(an expression)/∂b."""

    body: Term
    by: Ref
    immediate: bool = False
    stacking: str = ""


# Entries, norms and sums


@dataclass(frozen=True)
class Kronecker(Term):
    """1 where two indices are equal, 0 elsewhere; or the reverse."""

    first: Expr
    second: Expr
    differ: bool = False


@dataclass(frozen=True)
class Norm(Term):
    """The spectral norm, or with `largest` the largest magnitude of an entry."""

    body: Term
    largest: bool = False


@dataclass(frozen=True)
class SquaredNorm(Term):
    """The sum of the squares of all entries; `script` is what stands at the bars: "", "2" or "F"."""

    body: Term
    script: str = ""


@dataclass(frozen=True)
class Tabulated(Term):
    """A matrix (or, without `column`, a column) by its entry in a row and column that count from 0.

    `ends` are the indices that the last row and the last column are written with.
    """

    entry: Term
    row: Symbol
    column: Symbol | None
    ends: tuple[tuple[Expr, ...], tuple[Expr, ...]] = ((), ())


@dataclass(frozen=True)
class Shown(Term):
    """Entries of a matrix whose other entries are dots without a plain pattern; None is the last row or column."""

    entries: tuple[tuple[int | None, int | None, Term], ...]


@dataclass(frozen=True)
class EntryOf(Term):
    """The entry of a matrix in a row and column that count from 0; None is the last one."""

    body: Term
    row: Expr | int | None
    column: Expr | int | None


@dataclass(frozen=True)
class Slice(Term):
    """Rows (axis 0) or columns (axis 1) of something, from `start` up to `end`; None is the border."""

    body: Term
    axis: int
    start: Expr | None
    end: Expr | None
    alone: bool = False
    """Whether the bracket says one range only, which of a vector takes entries, lying or standing."""


@dataclass(frozen=True)
class OverTime(Term):
    """Σ or ∏ over an index that is a time."""

    body: Term
    index: Symbol
    first: Expr
    last: Expr
    product: bool = False
    ascending: bool = False
    ordered: bool = False
    """Whether the text shows the order of the factors: by dots, or by an index that counts down."""


@dataclass(frozen=True)
class Largest(Term):
    """The largest value among the steps from `first` to `last`."""

    body: Term
    index: Symbol
    first: Expr
    last: Expr


@dataclass(frozen=True)
class OverEntries(Term):
    """Σ over an index that counts entries, perhaps leaving out one; `extent` is their number, where it is said."""

    body: Term
    index: Symbol
    without: Symbol | None = None
    extent: Expr | None = None


# Walking and changing


_CONTENT: dict[type, tuple[str, ...]] = {}


def _content(term: Term) -> tuple[str, ...]:
    """The fields that say what a term is, and not where or how it is written."""
    kind = type(term)
    if kind not in _CONTENT:
        _CONTENT[kind] = tuple(each.name for each in fields(term) if each.compare)
    return _CONTENT[kind]


def content(term: Term) -> dict[str, Any]:
    """What a term says, by the names of its fields."""
    return {name: getattr(term, name) for name in _content(term)}


def _inside(value: Any) -> Iterator[Term]:
    if isinstance(value, Term):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _inside(part)


def walk(term: Term) -> Iterator[Term]:
    """This and everything inside, from the outside in."""
    yield term
    for part in term.parts:
        yield from walk(part)


def references(term: Term) -> Iterator[Ref]:
    """Every reference in the order written."""
    return (part for part in walk(term) if isinstance(part, Ref))


def rebuilt(term: Term, change: Callable[[Term], Term]) -> Term:
    """The same term with each part directly inside changed."""
    changes = {}
    for name, value in content(term).items():
        new = _changed(value, change)
        if new is not value:
            changes[name] = new
    return replace(term, **changes) if changes else term


def _changed(value: Any, change: Callable[[Term], Term]) -> Any:
    if isinstance(value, Term):
        return change(value)
    if isinstance(value, tuple):
        new = tuple(_changed(part, change) for part in value)
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value


def mapped(term: Term, change: Callable[[Term], Term | None]) -> Term:
    """The term with `change` applied from the top; where it returns None the parts are looked at."""
    new = change(term)
    return new if new is not None else rebuilt(term, lambda part: mapped(part, change))


_MOMENTS = ("time", "only", "first", "last", "exponent")


def at_times(term: Term, change: Callable[[Expr], Expr]) -> Term:
    """The same with every time changed."""
    found = rebuilt(term, lambda part: at_times(part, change))
    moments = {name: value for name in _MOMENTS if isinstance(value := getattr(found, name, None), Basic)}
    return replace(found, **{name: change(value) for name, value in moments.items()}) if moments else found


def times(term: Term) -> list[Expr]:
    """The times of all quantities, in the order written."""
    return [ref.time for ref in references(term) if ref.time is not None]


@cache
def offset_of(time: Expr) -> int | None:
    """The steps from t to a time, or None where that is no number."""
    apart = time - t
    return int(apart) if apart.is_Integer else None


def between(first: Term, last: Term) -> Span:
    """All that is written from the start of one term to the end of another."""
    return replace(first.where, end=last.where.end)


def index_clash(symbol: Symbol) -> Symbol:
    """The bound index of a sum, another symbol than a free index of the same letter."""
    return Symbol(f"{symbol.name}'", integer=True)


def exact_power(base: Expr, exponent: Expr, term: Term) -> Expr:
    """base ** exponent, refusing numbers that would fill the memory."""
    if base.is_Rational:
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        if bits * abs(exponent) > LONGEST_POWER:
            raise term.error("this number is too large")
        if base == 0 and exponent < 0:
            raise term.error("division by zero")
    elif abs(exponent) > LONGEST_POWER:
        raise term.error("this exponent is too large")
    return base**exponent


def depth_exceeds(term: Term, limit: int) -> bool:
    """Whether operations are nested deeper than that; does not recurse itself."""
    waiting = [(term, 1)]
    while waiting:
        part, depth = waiting.pop()
        if depth > limit:
            return True
        waiting.extend((inner, depth + 1) for inner in part.parts)
    return False
