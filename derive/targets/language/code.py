"""The lowered program: array expressions, assignments with shapes, one loop over t, buffers.

Between the derivation and the printed text stands this small language, so that a pass can look at the program
before it is printed. Arrays hold batches of rows: a column vector (n, 1) of the mathematics is the last axis of an
array (..., n), a matrix the last two, and a scalar an axis of length 1; leading axes are (B,) inside a step and
(T, B) over a sequence.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, singledispatch
from itertools import accumulate
from typing import Any

from sympy import Expr

MEMORY = "memory"
"""The function that makes an array of the size of a sequence."""


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


@dataclass(frozen=True)
class Apply:
    """A function or, with a dot before it, a method of its first argument, written into existing memory.

    `brief`: the memory is the last argument, not one by keyword.
    """

    function: str
    arguments: tuple[Code, ...]
    out: Code
    keywords: str = ""
    formula: str = ""
    brief: bool = False


@dataclass(frozen=True)
class Fill:
    """All entries of an array, from a value that may be broadcast."""

    out: Code
    value: Code
    formula: str = ""


@dataclass(frozen=True)
class Memory:
    """An array that is filled again and again: its name and its axes."""

    name: str
    axes: tuple[Expr, ...]


@dataclass(frozen=True)
class Remark:
    """A comment."""

    text: str


@dataclass(frozen=True)
class Each:
    """The loop over t where each variable runs over an array; `blocked`: over the steps of a block.

    `unbound`: the arrays cannot be read from their end by a step of -1, so that they are taken apart first.
    """

    backwards: bool
    over: tuple[tuple[Name, Code], ...]
    body: tuple[Statement, ...]
    blocked: bool = False
    unbound: bool = False


@dataclass(frozen=True)
class Blocks:
    """The loop over blocks of steps from the last, as long as their `entries` are no more than `cached`."""

    entries: Expr
    body: tuple[Statement, ...]
    cached: str = str(2**15)
    """By default what leaves all arrays of a block in the cache."""
    made: tuple[Assign, ...] = ()
    """Memory for the steps of one block, made before the first."""
    at_least_one: bool = False
    """Whether there is a block also where there are no steps."""


@dataclass(frozen=True)
class Unless:
    """Statements that run where a call, or a number that is not zero, says that their work is not to be done."""

    call: Code
    body: tuple[Statement, ...]


Statement = Assign | Loop | Buffer | WithLengths | Apply | Fill | Memory | Remark | Each | Blocks | Unless


def indexed(text: str) -> Code:
    """A variable or some of its entries, from text such as d_W[0:H]."""
    name, bracket, index = text.partition("[")
    return Index(Name(name), index.removesuffix("]")) if bracket else Name(name)


def free_names(code: Code) -> list[str]:
    """The variables and functions of an expression in order of appearance."""
    if isinstance(code, Name):
        return [code.name]
    kept: tuple[str, ...] | None = code.__dict__.get("_free_names")  # passes ask again and again
    if kept is None:
        kept = tuple(_free_names(code))
        object.__setattr__(code, "_free_names", kept)
    return list(kept)


def _free_names(code: Code) -> dict[str, None]:
    found: dict[str, None] = {}
    left = [code]
    while left:
        here = left.pop()
        if isinstance(here, Name):
            found[here.name] = None
        elif isinstance(here, Call) and here.function.isidentifier():
            found[here.function] = None
        left += reversed(parts(here))
    return found


def parts(code: Code) -> tuple[Code, ...]:
    """The expressions an expression is made of."""
    read = _PARTS.get(type(code))
    return read(code) if read is not None else ()


_PARTS: dict[type, Callable[[Any], tuple[Code, ...]]] = {
    Sum: lambda code: tuple(term for _, term in code.terms),
    Product: lambda code: code.factors + code.divisors,
    MatrixProduct: lambda code: (code.left, code.right),
    Call: lambda code: code.arguments,
    Tuple: lambda code: code.items,
    Power: lambda code: (code.base,),
    **dict.fromkeys((Transposed, Method, Index), lambda code: (code.of,)),
}


@cache
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
                printed += comment(formula)
                left = " = ".join(python(target)[0] for target in targets)
                printed.append(f"{left} = {python(value)[0]}")
            case Buffer(name, axes, with_start, zeros):
                shape = ", ".join(["T + 1" if with_start else "T", "B", *(size_text(axis) for axis in axes)])
                printed.append(f"{name} = {'np.zeros' if zeros else MEMORY}(({shape}), dtype)")
            case Loop(backwards, body):
                printed.append(f"for t in {'reversed(range(T))' if backwards else 'range(T)'}:")
                printed += [f"    {line}" for line in lines(body)]
            case WithLengths(body, why):
                printed.append("if lengths is not None:" + (f"  # {why}" if why else ""))
                printed += [f"    {line}" for line in lines(body)]
            case Apply(formula=formula) | Fill(formula=formula):
                printed += [*comment(formula), _written(statement)]
            case Memory(name, shape_axes):
                own = ", ".join(map(size_text, shape_axes)) + ("," if len(shape_axes) == 1 else "")
                printed.append(f"{name} = {MEMORY}(({own}), dtype)")
            case Remark(text):
                printed += comment(text)
            case Each():
                printed += [*_each(statement), *(f"    {line}" for line in lines(statement.body))]
            case Blocks(entries, body, cached, made):
                printed.append(f"block = 1 + {cached} // (1 + {size_text(entries)})")
                printed += [*lines(made), *blocks_lines(statement, lines(body))]
            case Unless(call, body):
                printed += [f"if not {python(call)[0]}:", *(f"    {line}" for line in lines(body))]
    return printed


def blocks_lines(blocks: Blocks, body: Sequence[str]) -> list[str]:
    """The loop over blocks around the lines of one."""
    steps = "max(T, 1)" if blocks.at_least_one else "T"
    inside = ["stop = start + len(range(start, T)[:block])", *body]
    return [f"for start in reversed(range(0, {steps}, block)):", *(f"    {line}" for line in inside)]


def each_lines(loop: Each, steps: str) -> tuple[list[str], list[str]]:
    """The head of a loop over what a variable holds, and the lines that make it."""
    names, arrays = _each_words(loop)
    head, made = f"for {', '.join(names)} in {steps}:", f"{steps} = zip({', '.join(arrays)})"
    return (
        [head] if len(head) <= WIDTH else ["for (", *listed(names), f") in {steps}:"],
        [made] if len(made) <= WIDTH - 4 else [f"{steps} = zip(", *listed(arrays), ")"],
    )


def comment(text: str) -> list[str]:
    """The lines of a comment."""
    return [
        part
        for line in text.splitlines()
        for part in textwrap.wrap(line, WIDTH, initial_indent="# ", subsequent_indent="#     ", break_long_words=False)
    ]


def _written(statement: Apply | Fill) -> str:
    if isinstance(statement, Fill):
        return f"{_inside(statement.out, _ATOM)}[...] = {python(statement.value)[0]}"
    arguments = list(statement.arguments)
    called = statement.function
    if called.startswith("."):
        called = f"{_inside(arguments.pop(0), _ATOM)}{called}"
    out = python(statement.out)[0]
    if not statement.brief:
        out = f"out={out}"
    given = [*(python(argument)[0] for argument in arguments), statement.keywords, out]
    return f"{called}({', '.join(filter(None, given))})"


def _each_words(loop: Each) -> tuple[list[str], list[str]]:
    """The variables of a loop over steps, and what they run through."""
    span = "range(start, stop)" if loop.blocked else "range(T)"
    arrays = [f"reversed({span})" if loop.backwards else span]
    arrays += [_run_through(array, loop) for _, array in loop.over]
    return ["t", *(name.name for name, _ in loop.over)], arrays


def _each(loop: Each) -> list[str]:
    names, arrays = _each_words(loop)
    line = f"for {', '.join(names)} in zip({', '.join(arrays)}):"
    if len(line) <= WIDTH or not loop.over:
        return [line if loop.over else f"for t in {arrays[0]}:"]
    return ["for (", *listed(names), ") in zip(", *listed(arrays), "):"]


def _run_through(array: Code, loop: Each) -> str:
    if not loop.backwards:
        return python(array)[0]
    inside = _inside(array, _ATOM)
    return f"reversed({inside}.unbind())" if loop.unbound else f"{inside}[::-1]"


def listed(words: Sequence[str]) -> list[str]:
    """Words between commas, as many in a line as fit."""
    found: list[str] = []
    for word in words:
        if found and len(found[-1]) + len(word) + 2 <= WIDTH - 8:
            found[-1] += f" {word},"
        else:
            found.append(f"    {word},")
    return found


def assigned(statements: Sequence[Statement]) -> set[str]:
    """The variables that the statements bind or fill."""
    found: set[str] = set()
    for statement in statements:
        match statement:
            case Assign(targets):
                for target in targets:
                    found.update(free_names(target))
            case Buffer(name) | Memory(name):
                found.add(name)
            case Blocks(_, body, _, made):
                found |= assigned([*made, *body])
            case Loop(_, body) | WithLengths(body) | Unless(_, body):
                found |= assigned(body)
            case Apply(out=out) | Fill(out=out):
                found.update(free_names(out))
            case Each(_, over, body):
                found |= {name.name for name, _ in over} | assigned(body)
    return found


def read(statements: Sequence[Statement]) -> list[str]:
    """The variables that the statements read, in order of appearance."""
    found: dict[str, None] = {}
    for statement in statements:
        match statement:
            case Assign(_, value):
                found.update(dict.fromkeys(free_names(value)))
            case Loop(_, body) | WithLengths(body) | Blocks(_, body):
                found.update(dict.fromkeys(read(body)))
            case Apply(_, arguments):
                found.update(dict.fromkeys(name for argument in arguments for name in free_names(argument)))
            case Unless(call, body):
                found.update(dict.fromkeys([*free_names(call), *read(body)]))
            case Fill(_, value):
                found.update(dict.fromkeys(free_names(value)))
            case Each(_, over, body):
                found.update(dict.fromkeys(name for _, array in over for name in free_names(array)))
                found.update(dict.fromkeys(read(body)))
    return list(found)
