"""What a formula means before its sizes are known: references to quantities and operations on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from sympy import Expr

from derive.errors import InputError, Place
from derive.functions import ScalarFunction
from derive.reader.text.fragment import Fragment

LONGEST_POWER = 4096
"""Bits that a power of a number may have."""


@dataclass(frozen=True, eq=False)
class Term:
    """Any part of a formula, with the text that says it."""

    fragment: Fragment
    start: int
    end: int

    @property
    def place(self) -> Place:
        return self.fragment.place(self.start, self.end)

    @property
    def written(self) -> str:
        """The text, on one line."""
        return " ".join(self.fragment.text[self.start : self.end].split())

    @property
    def parts(self) -> tuple[Term, ...]:
        """The operands."""
        return ()

    def error(self, message: str, hint: str = "") -> InputError:
        """An error at this part."""
        return InputError(message, self.place, hint)


@dataclass(frozen=True, eq=False)
class Ref(Term):
    """A quantity at t + offset, or without a time (offset None)."""

    name: str
    offset: int | None


@dataclass(frozen=True, eq=False)
class Constant(Term):
    """A number."""

    value: Expr


@dataclass(frozen=True, eq=False)
class SizeOf(Term):
    """A size as a number, such as the H of a mean over H entries."""

    letter: str


@dataclass(frozen=True, eq=False)
class OnesVector(Term):
    """Ones in whatever number the context wants."""


@dataclass(frozen=True, eq=False)
class IdentityMatrix(Term):
    """I, of whatever size the context wants."""


@dataclass(frozen=True, eq=False)
class Add(Term):
    """Terms with their signs."""

    terms: tuple[tuple[int, Term], ...]

    @property
    def parts(self) -> tuple[Term, ...]:
        return tuple(term for _, term in self.terms)


@dataclass(frozen=True, eq=False)
class Multiply(Term):
    """Factors from left to right; `elementwise` says ⊙, otherwise their shapes say what is meant."""

    factors: tuple[Term, ...]
    elementwise: bool

    @property
    def parts(self) -> tuple[Term, ...]:
        return self.factors


@dataclass(frozen=True, eq=False)
class Divide(Term):
    """Elementwise quotient, or division by a number."""

    above: Term
    below: Term

    @property
    def parts(self) -> tuple[Term, ...]:
        return (self.above, self.below)


@dataclass(frozen=True, eq=False)
class Power(Term):
    """Elementwise power with a number as exponent."""

    base: Term
    exponent: Expr

    @property
    def parts(self) -> tuple[Term, ...]:
        return (self.base,)


@dataclass(frozen=True, eq=False)
class Transposed(Term):
    """A transpose."""

    body: Term

    @property
    def parts(self) -> tuple[Term, ...]:
        return (self.body,)


@dataclass(frozen=True, eq=False)
class Call(Term):
    """A function of its arguments: elementwise, or by name `softmax`, `diag`."""

    function: ScalarFunction | str
    arguments: tuple[Term, ...]

    @property
    def parts(self) -> tuple[Term, ...]:
        return self.arguments


@dataclass(frozen=True, eq=False)
class Stack(Term):
    """Rows of cells in brackets."""

    rows: tuple[tuple[Term, ...], ...]

    @property
    def parts(self) -> tuple[Term, ...]:
        return tuple(cell for row in self.rows for cell in row)


@dataclass(frozen=True, eq=False)
class Total(Term):
    """The sum of all entries."""

    body: Term

    @property
    def parts(self) -> tuple[Term, ...]:
        return (self.body,)


@dataclass(frozen=True, eq=False)
class Outer(Term):
    """a ⊗ b: the outer product, or entry by entry where the shapes say so."""

    left: Term
    right: Term

    @property
    def parts(self) -> tuple[Term, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, eq=False)
class Part(Term):
    """One of `count` parts of equal length, below each other, of a vector."""

    body: Term
    index: int
    count: int

    @property
    def parts(self) -> tuple[Term, ...]:
        return (self.body,)


def references(term: Term) -> Iterator[Ref]:
    """Every reference in the order written."""
    if isinstance(term, Ref):
        yield term
    for part in term.parts:
        yield from references(part)


def every_part(term: Term) -> Iterator[Term]:
    """A term and everything in it."""
    yield term
    for part in term.parts:
        yield from every_part(part)


def mapped(term: Term, change: Callable[[Term], Term | None]) -> Term:
    """The term with `change` applied from the top; where it returns None the parts are looked at."""
    new = change(term)
    if new is not None:
        return new
    changes: dict[str, object] = {}
    for name, value in vars(term).items():
        if isinstance(value, Term):
            changes[name] = mapped(value, change)
        elif isinstance(term, Add) and name == "terms":
            changes[name] = tuple((sign, mapped(part, change)) for sign, part in term.terms)
        elif isinstance(term, Stack) and name == "rows":
            changes[name] = tuple(tuple(mapped(part, change) for part in row) for row in term.rows)
        elif isinstance(value, tuple) and name in ("factors", "arguments"):
            changes[name] = tuple(mapped(part, change) for part in value)
    return replace(term, **changes) if changes else term  # type: ignore[arg-type]


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
