"""The syntax tree of a formula, with positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from derive.reader.text.lexing.tokens import Token


@dataclass(frozen=True)
class Syntax:
    """Any part of a formula: text[start:end] of its fragment."""

    start: int
    end: int


@dataclass(frozen=True)
class Name(Syntax):
    """A letter or word: `word` as an identifier, `latex` as written."""

    word: str
    latex: str


@dataclass(frozen=True)
class Number(Syntax):
    """A number such as 1, 0.5 or 1/2."""

    text: str


@dataclass(frozen=True)
class Ones(Syntax):
    """A vector of ones."""


@dataclass(frozen=True)
class Mark(Syntax):
    """Something that is no operand by itself: a star or prime in a script, ⊤, ∂ or dots."""

    kind: str


@dataclass(frozen=True)
class Script(Syntax):
    """`sub` or `sup` with its rows, or `prime` or `tick`."""

    kind: str
    rows: tuple[tuple[Syntax, ...], ...] = ()


@dataclass(frozen=True)
class Scripted(Syntax):
    """A base with scripts in the order written."""

    base: Syntax
    scripts: tuple[Script, ...]


@dataclass(frozen=True)
class Group(Syntax):
    """Rows of cells in brackets; `bracket` is the opening token."""

    bracket: str
    rows: tuple[tuple[Syntax, ...], ...]


@dataclass(frozen=True)
class Bars(Syntax):
    """|a| (LABS) or ‖a‖ (LNORM)."""

    bracket: str
    body: Syntax


@dataclass(frozen=True)
class Fraction(Syntax):
    """A numerator over a denominator."""

    above: Syntax
    below: Syntax


@dataclass(frozen=True)
class Root(Syntax):
    """A square root."""

    body: Syntax


@dataclass(frozen=True)
class Big(Syntax):
    """∑ or ∏ with its scripts, over everything up to the next sign."""

    sign: str
    scripts: tuple[Script, ...]
    body: Syntax


@dataclass(frozen=True)
class Run(Syntax):
    """Factors that stand next to each other."""

    factors: tuple[Syntax, ...]


@dataclass(frozen=True)
class Product(Syntax):
    """Factors joined by operators: `*`, `/`, or either followed by a minus sign."""

    factors: tuple[Syntax, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True)
class Operator(Syntax):
    """TIMES, SLASH, or with a minus sign before the right operand."""

    kind: str
    negative: bool = False


@dataclass(frozen=True)
class Dots(Syntax):
    """Factors of an elementwise product."""

    factors: tuple[Syntax, ...]


@dataclass(frozen=True)
class Sum(Syntax):
    """Terms with their signs."""

    terms: tuple[tuple[int, Syntax], ...]


@dataclass(frozen=True)
class Chain(Syntax):
    """`a = b = c`: sides and the relations between them."""

    sides: tuple[Syntax, ...]
    relations: tuple[Token, ...]


def is_drawn(relations: Sequence[Token]) -> bool:
    """Whether arrows draw what depends on what, L_3 ← h_3 ← h_2 ← W: they say nothing of values."""
    return len(relations) > 1 and all(relation.is_arrow for relation in relations)


def is_one(node: Syntax) -> bool:
    """Whether this may be the 1 before a condition, 𝟏{i = j}: 𝟏, 1 or 𝕀."""
    word = node.text if isinstance(node, Number) else node.word if isinstance(node, Name) else ""
    return isinstance(node, Ones) or word in ("1", "I")
