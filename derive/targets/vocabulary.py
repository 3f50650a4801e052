"""The two vocabularies of formulas, LaTeX and Unicode: letters with their times, signs, brackets, numbers."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any, ClassVar, NamedTuple

from sympy import Add, Expr, Float, Integer, Mul, Pow, Rational, Symbol, latex

from derive.errors import DerivationError
from derive.functions import ENTRIES, ScalarFunction, is_entry
from derive.notation import ACCENTS, AS_WRITTEN, GREEK, WIDE, Letter, Notation, TimeStyle, script, spelled, take_apart
from derive.patterns import regex


class Kind(Enum):
    """What a printed formula is on its outside."""

    ATOM = "a letter, with or without a subscript"
    RAISED = "a letter or bracket that already has a superscript"
    CALL = "a function with its bracket"
    QUOTIENT = "a fraction"
    PRODUCT = "factors side by side"
    ELEMENTWISE = "factors joined by an elementwise sign"
    BIG = "a sum or product over an index"
    SUM = "terms, or a leading minus sign"


class Shown(NamedTuple):
    """A printed formula and its kind."""

    text: str
    kind: Kind


TIGHT = frozenset({Kind.ATOM, Kind.RAISED, Kind.CALL})
_SMALL_DIGITS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Vocabulary(ABC):
    """Signs and letters. `deltas` names the quantities q whose gradient ∂J/∂q is abbreviated by a δ."""

    notation: Notation = AS_WRITTEN
    deltas: frozenset[str] = frozenset()
    letters: dict[tuple[Any, ...], Shown] = field(default_factory=dict, repr=False, compare=False)
    amounts: dict[Expr, str] = field(default_factory=dict, repr=False, compare=False)

    odot: ClassVar[str]
    partial: ClassVar[str]
    immediate: ClassVar[str]
    one: ClassVar[str]
    transposed: ClassVar[str]
    at_most: ClassVar[str]
    not_equal: ClassVar[str]
    wide: ClassVar[str]
    """The space before a condition."""
    norm_sign: ClassVar[str]
    sum_sign: ClassVar[str]
    product_sign: ClassVar[str]
    beside_product: ClassVar[frozenset[Kind]]
    stacked: ClassVar[bool]
    signs: ClassVar[frozenset[str]]
    """Functions with a sign around their argument in place of a word."""

    def letter(self, name: str, time: Expr | None = None, below: str = "", base: str = "") -> Shown:
        """A name at a time; `below` adds to its subscript, `base` replaces its base."""
        key = (name, time, below, base)
        if key not in self.letters:
            letter = self.notation.letter(name)
            if base:
                letter = letter._replace(base=base)
            if time is not None and name in self.notation.later:
                time += 1
            self.letters[key] = self.place(letter, "" if time is None else self.amount(time), below)
        return self.letters[key]

    def amount(self, value: Expr) -> str:
        """A size, a time index or a number."""
        if value not in self.amounts:
            self.amounts[value] = _amount(value, self)
        return self.amounts[value]

    @abstractmethod
    def place(self, letter: Letter, time: str, below: str) -> Shown: ...

    @abstractmethod
    def symbol(self, name: str) -> str: ...

    @abstractmethod
    def brackets(self, inner: str) -> str: ...

    @abstractmethod
    def word(self, function: ScalarFunction) -> str: ...

    def has_sign(self, function: ScalarFunction) -> bool:
        """Whether the function has a sign around its argument in place of a word."""
        return function.name in self.signs and is_entry(function)

    def signed(self, function: ScalarFunction, inner: str) -> str:
        """A function that has a sign, of its argument."""
        return self.magnitude(inner) if function.name == "abs" else rf"\sqrt{{{inner}}}"

    @abstractmethod
    def named(self, word: str) -> str: ...

    @abstractmethod
    def quotient(self, above: str, below: str) -> Shown: ...

    @abstractmethod
    def number(self, value: Expr) -> str: ...

    @abstractmethod
    def irrational(self, value: Expr) -> str:
        """A number such as √2 or 1/√π."""

    @abstractmethod
    def raised(self, base: str, exponent: Expr, plain: bool) -> str:
        """An elementwise power; `plain` where no other power could be meant."""

    @abstractmethod
    def matrix(self, rows: list[list[str]]) -> str: ...

    @abstractmethod
    def bounds(self, sign: str, index: str, first: str, last: str) -> str: ...

    @abstractmethod
    def sized(self, sign: str, rows: Expr, cols: Expr) -> str: ...

    @abstractmethod
    def norm(self, inner: str, largest: bool) -> str:
        """The spectral norm, or the largest magnitude of an entry."""

    @abstractmethod
    def magnitude(self, inner: str) -> str:
        """The magnitude of a scalar."""

    @abstractmethod
    def among(self, steps: str, inner: str) -> str:
        """The largest value among the steps that a chain like k < j ≤ τ names."""


class Latex(Vocabulary):
    """Standard constructs only: amsmath, MathJax and the project's reader know them all."""

    odot = r"\odot"
    partial = r"\partial "
    immediate = r"\partial^{+} "
    one = r"\mathbf{1}"
    transposed = r"^\top"
    at_most = r"\leq"
    not_equal = r"\neq"
    wide = r" \quad "
    norm_sign = r"\rVert"
    sum_sign = r"\sum"
    product_sign = r"\prod"
    beside_product = TIGHT | {Kind.QUOTIENT}
    stacked = True
    signs = frozenset({"sqrt", "abs"})

    def place(self, letter: Letter, time: str, below: str) -> Shown:
        base, subscript, superscript = letter
        if time and self.notation.time is TimeStyle.SUBSCRIPT:
            subscript = f"{subscript},{time}" if subscript else time
        elif time:
            mark = {
                TimeStyle.PARENTHESES: f"({time})",
                TimeStyle.ANGLES: rf"\langle {time} \rangle",
                TimeStyle.SUPERSCRIPT: time,
            }[self.notation.time]
            if superscript:
                base, superscript = f"{{{base}{script('^', superscript)}}}", mark
            else:
                superscript = mark
        if below:
            subscript = f"{subscript},{below}" if subscript else below
        text = base + script("_", subscript) + script("^", superscript)
        return Shown(text, Kind.RAISED if superscript else Kind.ATOM)

    def brackets(self, inner: str) -> str:
        return rf"\left({inner}\right)" if _tall(inner) else f"({inner})"

    def symbol(self, name: str) -> str:
        return str(spelled(name))

    def word(self, function: ScalarFunction) -> str:
        entry = ENTRIES.get(function.name)
        if entry is not None and entry.function == function:
            return self.notation.word(entry.name) or entry.latex
        primes = function.name[len(function.base) :]
        usual = ENTRIES.get(function.base)
        if usual is not None and primes and not function.specified:
            return (self.notation.word(usual.name) or usual.latex) + primes
        if "_" in function.base:  # f^{l-1}
            letter = self.notation.letter(function.base)
            return f"{{{letter}}}{primes}" if primes and letter.above else f"{letter}{primes}"
        base = str(take_apart("\\" + function.base if function.base in GREEK else function.base))
        return (base if len(function.base) == 1 or base[0] == "\\" else rf"\operatorname{{{base}}}") + primes

    def named(self, word: str) -> str:
        return self.notation.word(word) or rf"\operatorname{{{word}}}"

    def quotient(self, above: str, below: str) -> Shown:
        return Shown(rf"\frac{{{above}}}{{{below}}}", Kind.QUOTIENT)

    def number(self, value: Expr) -> str:
        if isinstance(value, Rational) and not isinstance(value, Integer):
            return rf"\tfrac{{{value.p}}}{{{value.q}}}"
        above, below = value.as_numer_denom()
        return rf"\tfrac{{{self.amount(above)}}}{{{self.amount(below)}}}" if below != 1 else _bracketed(value, self)

    def irrational(self, value: Expr) -> str:
        return str(latex(value))

    def raised(self, base: str, exponent: Expr, plain: bool) -> str:
        return base + script("^", self.amount(exponent)) if plain else rf"{base}^{{\odot {self.amount(exponent)}}}"

    def matrix(self, rows: list[list[str]]) -> str:
        return r"\begin{bmatrix} " + r" \\ ".join(" & ".join(row) for row in rows) + r" \end{bmatrix}"

    def bounds(self, sign: str, index: str, first: str, last: str) -> str:
        return f"{sign}_{{{index}={first}}}^{{{last}}}"

    def sized(self, sign: str, rows: Expr, cols: Expr) -> str:
        return rf"{sign}_{{{self.amount(rows)} \times {self.amount(cols)}}}"

    def norm(self, inner: str, largest: bool) -> str:
        sides = (r"\left\lVert", r"\right\rVert") if _tall(inner) else (r"\lVert", r"\rVert")
        return f"{sides[0]} {inner} {sides[1]}" + (r"_\infty" if largest else "")

    def magnitude(self, inner: str) -> str:
        return rf"\left\lvert {inner} \right\rvert" if _tall(inner) else rf"\lvert {inner} \rvert"

    def among(self, steps: str, inner: str) -> str:
        return rf"\max_{{{steps}}} {inner}"


def _tall(formula: str) -> bool:
    return any(mark in formula for mark in (r"\frac", r"\begin", r"\sum", r"\prod"))


class Text(Vocabulary):
    """One line of Unicode, for terminals, messages and comments."""

    odot = "⊙"
    partial = "∂"
    immediate = "∂⁺"
    one = "𝟏"
    transposed = "ᵀ"
    at_most = "≤"
    not_equal = "≠"
    wide = "  "
    norm_sign = "‖"
    sum_sign = "Σ"
    product_sign = "∏"
    beside_product = TIGHT
    stacked = False
    signs = frozenset({"abs"})

    def place(self, letter: Letter, time: str, below: str) -> Shown:
        base, subscript, superscript = (unicode(part).replace("{", "").replace("}", "") for part in letter)
        if time and self.notation.time is TimeStyle.SUBSCRIPT:
            subscript = f"{subscript},{time}" if subscript else time
        entry, part = ("", f"[{below}]") if ":" in below else (below, "")
        if entry:
            subscript = f"{subscript},{entry}" if subscript else entry
        text = base + (superscript if superscript in ("′", "*") else script("^", superscript))
        text += f"_{{{subscript}}}" if len(subscript) > 1 else script("_", subscript)
        raised = bool(superscript)
        if time and self.notation.time is not TimeStyle.SUBSCRIPT:
            raised = True
            text += {
                TimeStyle.PARENTHESES: f"^({time})",
                TimeStyle.ANGLES: f"^<{time}>",
                TimeStyle.SUPERSCRIPT: script("^", time),
            }[self.notation.time]
        return Shown(text + part, Kind.RAISED if raised else Kind.ATOM)

    def brackets(self, inner: str) -> str:
        return f"({inner})"

    def symbol(self, name: str) -> str:
        return unicode(str(spelled(name)))

    def word(self, function: ScalarFunction) -> str:
        return unicode(Latex(self.notation).word(function)).replace("′", "'")

    def named(self, word: str) -> str:
        return unicode(Latex(self.notation).named(word))

    def quotient(self, above: str, below: str) -> Shown:
        return Shown(f"{above}/{below}", Kind.QUOTIENT)

    def number(self, value: Expr) -> str:
        if value == Rational(1, 2):
            return "½"
        above, below = value.as_numer_denom()
        under = f"({self.amount(below)})" if isinstance(below, Mul) else _bracketed(below, self)
        return f"({self.amount(above)}/{under})" if below != 1 else _bracketed(value, self)

    def irrational(self, value: Expr) -> str:
        return str(value)

    def raised(self, base: str, exponent: Expr, plain: bool) -> str:
        if plain and isinstance(exponent, Integer):
            return base + self.amount(exponent).translate(_SMALL_DIGITS)
        if exponent.free_symbols:
            return f"{base}^{{{self.amount(exponent)}}}"
        return f"{base}^{{⊙{self.amount(exponent)}}}"

    def matrix(self, rows: list[list[str]]) -> str:
        return "[" + "; ".join(", ".join(row) for row in rows) + "]"

    def bounds(self, sign: str, index: str, first: str, last: str) -> str:
        return f"{sign}_{{{index}={first}}}" + (f"^{{{last}}}" if len(last) > 1 else f"^{last}")

    def sized(self, sign: str, rows: Expr, cols: Expr) -> str:
        return f"{sign}_{{{self.amount(rows)}×{self.amount(cols)}}}"

    def norm(self, inner: str, largest: bool) -> str:
        return f"‖{inner}‖" + ("_∞" if largest else "")

    def magnitude(self, inner: str) -> str:
        return f"|{inner}|"

    def among(self, steps: str, inner: str) -> str:
        return f"max_{{{steps}}} {inner}"


def _amount(value: Expr, v: Vocabulary) -> str:
    if isinstance(value, Float):
        return f"{float(value):g}"
    if isinstance(value, Symbol):
        return v.symbol(value.name)
    if isinstance(value, Integer):
        return str(value)
    if isinstance(value, Rational):
        return f"{value.p}/{value.q}"
    if isinstance(value, Add):
        first, *rest = sorted(value.as_ordered_terms(), key=lambda term: bool(term.could_extract_minus_sign()))
        signed = ("-" + v.amount(-term) if term.could_extract_minus_sign() else "+" + v.amount(term) for term in rest)
        return v.amount(first) + "".join(signed)
    if isinstance(value, Mul):
        if value.could_extract_minus_sign():
            return "-" + _bracketed(-value, v)
        return " ".join(_bracketed(factor, v) for factor in value.as_ordered_factors())
    if isinstance(value, Pow) and isinstance(value.exp, Integer) and value.exp.is_positive:
        return f"{_bracketed(value.base, v)}^{value.exp}"
    if value.is_number:  # √2, π
        return v.irrational(value)
    raise DerivationError(f"no rule to print a number of class {type(value).__name__}")


def _bracketed(value: Expr, v: Vocabulary) -> str:
    return f"({v.amount(value)})" if isinstance(value, Add) else v.amount(value)


_FONT = regex(r"\\(?:math[a-z]+|boldsymbol|bm|operatorname|text[a-z]*)\s*\{([^{}]*)\}")
_ACCENT = regex(r"\\([a-z]+)\s*(?:\{([^{}]*)\}|(\w))")


@cache
def unicode(letter: str) -> str:
    r"""A LaTeX letter in Unicode: \hat{y} is ŷ, \Gamma is Γ, \mathbf{W} is W."""
    out = letter
    for command, sign in (r"\prime", "′"), (r"\ast", "*"), (r"\leftarrow", "←"):
        out = out.replace(command, sign)
    out = re.sub(r"\\([A-Za-z]+)", lambda found: GREEK.get(found[1], found[0]), out)
    before = ""
    while out != before:
        before, out = out, _ACCENT.sub(_accented, _FONT.sub(r"\1", out))
    return re.sub(r"\\([A-Za-z]+)\s*", r"\1", out)


def _accented(found: re.Match[str]) -> str:
    base, accent = found[2] or found[3], WIDE.get(found[1], found[1])
    if accent not in ACCENTS:
        return found[0]
    return unicodedata.normalize("NFC", base[:1] + ACCENTS[accent] + base[1:])
