"""The lowered program: array expressions, assignments with shapes, one loop over t, buffers.

Between the derivation and the printed text stands this small language, so that a pass can look at the program
before it is printed. Arrays hold batches of rows: a column vector (n, 1) of the mathematics is the last axis of an
array (..., n), a matrix the last two, and a scalar an axis of length 1; leading axes are (B,) inside a step and
(T, B) over a sequence.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import accumulate

from sympy import Expr


class Code:
    """An array expression."""


@dataclass(frozen=True)
class Name(Code):
    """A variable."""

    name: str


@dataclass(frozen=True)
class Number(Code):
    """A literal."""

    text: str


@dataclass(frozen=True)
class Sum(Code):
    """Terms added; each may be negative."""

    terms: tuple[tuple[bool, Code], ...]


@dataclass(frozen=True)
class Product(Code):
    """Factors multiplied entry by entry, divided by the divisors."""

    factors: tuple[Code, ...]
    divisors: tuple[Code, ...] = ()


@dataclass(frozen=True)
class MatrixProduct(Code):
    """left @ right."""

    left: Code
    right: Code


@dataclass(frozen=True)
class Power(Code):
    """Entry by entry, a fixed exponent."""

    base: Code
    exponent: str


@dataclass(frozen=True)
class Transposed(Code):
    """The transpose of an array of two axes."""

    of: Code


@dataclass(frozen=True)
class Call(Code):
    """A call of a function, with extra keyword text such as `axis=-1`."""

    function: str
    arguments: tuple[Code, ...]
    keywords: str = ""


@dataclass(frozen=True)
class Tuple(Code):
    """Several expressions in parentheses."""

    items: tuple[Code, ...]


@dataclass(frozen=True)
class Method(Code):
    """A method call on an array, such as `.sum(axis=0)`."""

    of: Code
    call: str


@dataclass(frozen=True)
class Index(Code):
    """An index written out, such as [t] or [..., 0:H]."""

    of: Code
    index: str


@dataclass(frozen=True)
class Assign:
    """`targets` = value, under the formula it implements; `into` writes into existing memory."""

    targets: tuple[Code, ...]
    value: Code
    formula: str = ""


@dataclass(frozen=True)
class Loop:
    """The loop over t, forwards or backwards."""

    backwards: bool
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Buffer:
    """An array for all steps: its axes after (T, B), whether it has one more entry in time, and whether it is zero."""

    name: str
    axes: tuple[Expr, ...]
    with_start: bool = False
    zeros: bool = False


@dataclass(frozen=True)
class WithLengths:
    """Statements for sequences of different lengths alone, under the reason for them."""

    body: tuple[Assign, ...]
    why: str = ""


Statement = Assign | Loop | Buffer | WithLengths


def free_names(code: Code) -> list[str]:
    """The variables and functions of an expression in order of appearance."""
    if isinstance(code, Name):
        return [code.name]
    found: dict[str, None] = {}
    if isinstance(code, Call) and code.function.isidentifier():
        found[code.function] = None
    for part in parts(code):
        found.update(dict.fromkeys(free_names(part)))
    return list(found)


def parts(code: Code) -> tuple[Code, ...]:
    """The expressions an expression is made of."""
    match code:
        case Sum(terms):
            return tuple(term for _, term in terms)
        case Product(factors, divisors):
            return factors + divisors
        case MatrixProduct(left, right):
            return (left, right)
        case Call(_, arguments) | Tuple(arguments):
            return arguments
        case Power(of, _) | Transposed(of) | Method(of) | Index(of):
            return (of,)
    return ()


def size_text(size: Expr) -> str:
    """A size such as 2*H + D as Python text."""
    return re.sub(r"\*+", lambda sign: f" {sign[0]} ", str(size))


_ADD, _MULTIPLY, _UNARY, _POWER, _ATOM = 1, 2, 3, 4, 5


def _inside(code: Code, least: int) -> str:
    text, binding = python(code)
    return text if binding >= least else f"({text})"


@singledispatch
def python(code: Code) -> tuple[str, int]:
    """An expression as Python text and how tightly its outermost operator binds."""
    raise TypeError(f"no text for {type(code).__name__}")


@python.register
def _(code: Name) -> tuple[str, int]:
    return code.name, _ATOM


@python.register
def _(code: Number) -> tuple[str, int]:
    if " + " in code.text or " - " in code.text:
        return code.text, _ADD
    if " * " in code.text or " / " in code.text:
        return code.text, _MULTIPLY
    return code.text, _UNARY if code.text.startswith("-") else _ATOM


@python.register
def _(code: Sum) -> tuple[str, int]:
    terms = sorted(code.terms, key=lambda term: term[0]) if code.terms[0][0] else code.terms
    text = ""
    for negative, term in terms:
        shown = _inside(term, _MULTIPLY)
        text += (f" {'-' if negative else '+'} " if text else "-" if negative else "") + shown
    return text, _ADD


@python.register
def _(code: Product) -> tuple[str, int]:
    text = (
        " * ".join(_inside(factor, _MULTIPLY if k == 0 else _UNARY) for k, factor in enumerate(code.factors)) or "1.0"
    )
    for divisor in code.divisors:
        text += f" / {_inside(divisor, _UNARY)}"
    return text, _MULTIPLY


@python.register
def _(code: MatrixProduct) -> tuple[str, int]:
    return f"{_inside(code.left, _MULTIPLY)} @ {_inside(code.right, _UNARY)}", _MULTIPLY


@python.register
def _(code: Power) -> tuple[str, int]:
    if code.exponent == "2" and isinstance(code.base, Name | Index):
        text = _inside(code.base, _POWER)
        return f"{text} * {text}", _MULTIPLY
    return f"{_inside(code.base, _ATOM)} ** {code.exponent}", _POWER


@python.register
def _(code: Transposed) -> tuple[str, int]:
    return f"{_inside(code.of, _ATOM)}.T", _ATOM


@python.register
def _(code: Call) -> tuple[str, int]:
    arguments = [python(argument)[0] for argument in code.arguments] + ([code.keywords] if code.keywords else [])
    return f"{code.function}({', '.join(arguments)})", _ATOM


@python.register
def _(code: Tuple) -> tuple[str, int]:
    return f"({', '.join(python(item)[0] for item in code.items)}{',' if len(code.items) == 1 else ''})", _ATOM


@python.register
def _(code: Method) -> tuple[str, int]:
    return f"{_inside(code.of, _ATOM)}.{code.call}", _ATOM


@python.register
def _(code: Index) -> tuple[str, int]:
    return f"{_inside(code.of, _ATOM)}[{code.index}]", _ATOM


WIDTH = 112
"""The longest line of a function's body, not counting the body's indentation."""


def folded(line: str) -> list[str]:
    """A line that is too long, broken where brackets are open; brackets are put around a value that has none."""
    indent = line[: len(line) - len(line.lstrip())]
    if line.startswith(f"{indent}#"):
        return [line]
    targets, equals, value = line.strip().rpartition(" = ")
    for written in (line.strip(), f"{targets} = ({value})"):
        parts = textwrap.wrap(
            written, WIDTH - len(indent), subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
        )
        openings = accumulate(sum(map(part.count, "([{")) - sum(map(part.count, ")]}")) for part in parts[:-1])
        if all(openings):
            return [indent + part for part in parts]
        if not equals:
            break
    return [line]


def lines(statements: Sequence[Statement]) -> list[str]:
    """Statements as lines of Python."""
    printed: list[str] = []
    for statement in statements:
        match statement:
            case Assign(targets, value, formula):
                for line in formula.splitlines():
                    printed += textwrap.wrap(
                        line, WIDTH, initial_indent="# ", subsequent_indent="#     ", break_long_words=False
                    )
                left = " = ".join(python(target)[0] for target in targets)
                printed.append(f"{left} = {python(value)[0]}")
            case Buffer(name, axes, with_start, zeros):
                shape = ", ".join(["T + 1" if with_start else "T", "B", *(size_text(axis) for axis in axes)])
                printed.append(f"{name} = np.{'zeros' if zeros else 'empty'}(({shape}), dtype)")
            case Loop(backwards, body):
                printed.append(f"for t in {'reversed(range(T))' if backwards else 'range(T)'}:")
                printed += [f"    {line}" for line in lines(body)]
            case WithLengths(body, why):
                printed.append("if lengths is not None:" + (f"  # {why}" if why else ""))
                printed += [f"    {line}" for line in lines(body)]
    return printed


def assigned(statements: Sequence[Statement]) -> set[str]:
    """The variables that the statements bind or fill."""
    found: set[str] = set()
    for statement in statements:
        match statement:
            case Assign(targets):
                for target in targets:
                    found.update(free_names(target))
            case Buffer(name):
                found.add(name)
            case Loop(_, body) | WithLengths(body):
                found |= assigned(body)
    return found


def read(statements: Sequence[Statement]) -> list[str]:
    """The variables that the statements read, in order of appearance."""
    found: dict[str, None] = {}
    for statement in statements:
        match statement:
            case Assign(_, value):
                found.update(dict.fromkeys(free_names(value)))
            case Loop(_, body) | WithLengths(body):
                found.update(dict.fromkeys(read(body)))
    return list(found)
