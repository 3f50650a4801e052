"""Tokens -> a syntax tree, by one grammar; what the parts mean is decided later."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from lark import Lark
from lark.exceptions import UnexpectedToken
from lark.lexer import Lexer

from derive.errors import InputError
from derive.reader.text.fragment import Fragment
from derive.reader.text.lexing.latex import latex_tokens
from derive.reader.text.lexing.plain import plain_tokens
from derive.reader.text.lexing.quotients import fractions
from derive.reader.text.lexing.tokens import Token
from derive.reader.text.mapping import rewritten
from derive.reader.text.primes import labelled
from derive.reader.text.syntax import (
    Bars,
    Big,
    Chain,
    Dots,
    Fraction,
    Group,
    Mark,
    Name,
    Number,
    Ones,
    Operator,
    Product,
    Root,
    Run,
    Script,
    Scripted,
    Sum,
    Syntax,
)
from derive.reader.text.usual import in_usual_letters
from derive.reader.text.words import listed


def parse(fragment: Fragment) -> list[tuple[Syntax, ...]]:
    """The rows of a formula (equations on lines of their own), each with its comma-separated parts.

    Raises InputError with the place of what cannot be read.
    """
    return list(_rows(fragment))


@lru_cache(4096)
def _rows(fragment: Fragment) -> tuple[tuple[Syntax, ...], ...]:
    """Formulas of a note are read by many: for equations, times, letters, and once for each way to understand them."""
    tokens = fractions(plain_tokens(fragment) if fragment.plain else latex_tokens(fragment))
    if not tokens:
        raise fragment.error("an empty formula", 0)
    try:
        rows = list(_parser().parse(tokens))
    except UnexpectedToken as error:
        raise _explained(error, tokens, fragment) from None
    if "'" in fragment.text or "prime" in fragment.text:
        rows = [tuple(rewritten(part, labelled) for part in row) for row in rows]
    return tuple(in_usual_letters(rows, fragment.times) if fragment.times else rows)


def _unboxed(row: tuple[Syntax, ...]) -> Iterator[tuple[Syntax, ...]]:
    r"""A row without the braces around whole formulas that \boxed{a = b} leaves."""
    if len(row) == 1 and isinstance(row[0], Group) and row[0].bracket == "LBRACE" and len(row[0].rows) > 1:
        yield from row[0].rows
        return
    yield tuple(part for whole in row for part in _contents(whole))


def _contents(part: Syntax) -> tuple[Syntax, ...]:
    if isinstance(part, Group) and part.bracket == "LBRACE" and len(part.rows) == 1:
        inner = tuple(found for whole in part.rows[0] for found in _contents(whole))
        if any(isinstance(found, Chain) for found in inner):
            return inner
    return (part,)


class _Build:
    """What the parser makes of each rule of the grammar; operands come between tokens."""

    @staticmethod
    def start(children: list[Any]) -> list[tuple[Syntax, ...]]:
        return [row for child in children if not isinstance(child, Token) for row in _unboxed(child)]

    @staticmethod
    def row(children: list[Any]) -> tuple[Syntax, ...]:
        return tuple(child for child in children if not isinstance(child, Token))

    cells = row

    @staticmethod
    def chain(children: list[Any]) -> Syntax:
        if len(children) == 1:
            return _syntax(children[0])
        sides = tuple(children[::2])
        return Chain(sides[0].start, sides[-1].end, sides, tuple(children[1::2]))

    @staticmethod
    def relation(children: list[Any]) -> Token:
        return _token(children[0])

    sign = relation

    @staticmethod
    def sum(children: list[Any]) -> Syntax:
        if len(children) == 1:
            return _syntax(children[0])
        start = children[0].start
        if not isinstance(children[0], Token):
            children = [Token("PLUS", start, start), *children]
        terms = tuple(
            (-1 if sign.type == "MINUS" else 1, term) for sign, term in zip(children[::2], children[1::2], strict=True)
        )
        return Sum(start, terms[-1][1].end, terms)

    @staticmethod
    def dots(children: list[Any]) -> Syntax:
        factors = _Build.row(children)
        return factors[0] if len(factors) == 1 else Dots(factors[0].start, factors[-1].end, factors)

    @staticmethod
    def operator(children: list[Any]) -> Operator:
        return Operator(children[0].start, children[-1].end, children[0].type, len(children) == 2)

    @staticmethod
    def product(children: list[Any]) -> Syntax:
        if len(children) == 1:
            return _syntax(children[0])
        return Product(children[0].start, children[-1].end, tuple(children[::2]), tuple(children[1::2]))

    @staticmethod
    def run(children: list[Any]) -> Syntax:
        factors = tuple(_multiplied(children))
        if len(factors) == 1:
            return _syntax(factors[0])
        return Run(children[0].start, children[-1].end, factors)

    @staticmethod
    def big(children: list[Any]) -> Big:
        sign, *scripts, body = children
        if scripts and isinstance(scripts[-1], Token):  # the sign of what is summed
            body = _Build.sum([scripts.pop(), body])
        kind = "product" if sign.word in ("\\prod", "∏") else "sum"
        return Big(sign.start, body.end, kind, tuple(scripts), body)

    @staticmethod
    def scripted(children: list[Any]) -> Syntax:
        base, *scripts = children
        return Scripted(base.start, scripts[-1].end, base, tuple(scripts)) if scripts else _syntax(base)

    @staticmethod
    def sub(children: list[Any]) -> Script:
        return Script(children[0].start, children[-1].end, "sub", children[2])

    @staticmethod
    def sup(children: list[Any]) -> Script:
        return Script(children[0].start, children[-1].end, "sup", children[-2])  # a power ^{⊙2} is elementwise anyway

    @staticmethod
    def prime(children: list[Any]) -> Script:
        return Script(children[0].start, children[0].end, "prime")

    @staticmethod
    def tick(children: list[Any]) -> Script:
        return Script(children[0].start, children[0].end, "tick")

    @staticmethod
    def name(children: list[Any]) -> Name:
        token = children[0]
        return Name(token.start, token.end, token.word, token.latex)

    @staticmethod
    def number(children: list[Any]) -> Number:
        return Number(children[0].start, children[0].end, children[0].word)

    @staticmethod
    def ones(children: list[Any]) -> Ones:
        return Ones(children[0].start, children[0].end)

    @staticmethod
    def mark(children: list[Any]) -> Mark:
        token = children[0]
        return Mark(token.start, token.end, token.word if token.type == "MARK" else token.type.lower())

    @staticmethod
    def group(children: list[Any]) -> Group:
        opening, rows, closing = children
        return Group(opening.start, closing.end, opening.type, rows)

    @staticmethod
    def bars(children: list[Any]) -> Bars:
        opening, body, closing = children
        return Bars(opening.start, closing.end, opening.type, body)

    @staticmethod
    def fraction(children: list[Any]) -> Fraction:
        return Fraction(children[0].start, children[-1].end, children[2], children[5])

    @staticmethod
    def root(children: list[Any]) -> Root:
        return Root(children[0].start, children[-1].end, children[2])


def _multiplied(factors: Sequence[Syntax]) -> Iterator[Syntax]:
    """The factors, with those of prod(a, b), a product "after the necessary transpositions", as factors too.

    concat(a, b) is [a, b].
    """
    waiting = list(factors)
    while waiting:
        first = waiting.pop(0)
        called = first.word if isinstance(first, Name) else ""
        listed = waiting[0] if waiting and called in ("prod", "concat") else None
        if isinstance(listed, Group) and called == "concat":
            del waiting[0]
            yield _stacked(listed)
            continue
        if isinstance(listed, Group) and listed.bracket == "LPAR" and len(listed.rows) == 1 and len(listed.rows[0]) > 1:
            del waiting[0]
            yield from (Group(cell.start, cell.end, "LPAR", ((cell,),)) for cell in listed.rows[0])
        else:
            yield first


def _stacked(group: Group) -> Group:
    cells = [cell for row in group.rows for cell in row]
    inner = cells[0] if len(cells) == 1 else None
    return inner if isinstance(inner, Group) else replace(group, bracket="LBRACK")


def _syntax(child: Any) -> Syntax:
    assert isinstance(child, Syntax)
    return child


def _token(child: Any) -> Token:
    assert isinstance(child, Token)
    return child


class _Passing(Lexer):
    """What lark calls a lexer, for tokens that are made already."""

    def __init__(self, _: Any) -> None:
        pass

    def lex(self, data: list[Token]) -> Iterator[Token]:  # type: ignore[override]
        return iter(data)


@cache
def _parser() -> Any:
    """The parser, made at the first formula."""
    grammar = Path(__file__).with_name("grammar.lark")
    kept = Path(cache_from_source(str(grammar))).with_suffix(".tables")  # beside the compiled modules, and as they are
    keep = kept.exists() or (not sys.dont_write_bytecode and os.access(kept.parent, os.W_OK))
    text = grammar.read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer=_Passing, transformer=_Build(), cache=str(kept) if keep else False)


_OPERATORS = frozenset(listed("EQ IN RELATION PLUS MINUS DOT TIMES SLASH OTIMES COMMA SEMI MID NEWLINE SUB SUP"))
_CLOSERS = frozenset(listed("RPAR RBRACK RBRACE RANGLE RABS RNORM ENDMATRIX"))


def _explained(error: Any, tokens: list[Token], fragment: Fragment) -> InputError:
    """A parser error as a sentence."""
    token: Token = error.token
    previous = None
    if token.type == "$END":
        previous, where = tokens[-1], (tokens[-1].start, tokens[-1].end)
    else:
        index = next((i for i, candidate in enumerate(tokens) if candidate is token), 0)
        previous = tokens[index - 1] if index else None
        where = (token.start, token.end)
    before = repr(fragment.text[previous.start : previous.end]) if previous and previous.end > previous.start else ""
    written = fragment.text[token.start : token.end] if token.type != "$END" else ""
    if token.type == "$END" or token.type in _CLOSERS or token.type == "NEWLINE":
        if previous and previous.type in _OPERATORS:
            found = f"found {written!r}" if written.strip() else "the formula ends"
            return fragment.error(
                f"expected an operand after {before}, but {found}",
                previous.start, previous.end, "write what stands on its right side",
            )  # fmt: skip
        return fragment.error("expected an operand here", *where, "an empty bracket says nothing")
    if token.type in _OPERATORS:
        after = f" after {before}" if before else " at the beginning"
        return fragment.error(
            f"expected an operand{after}, but found {written!r}", *where, "a quantity, a number or a bracket"
        )
    return fragment.error(f"did not expect {written!r} here", *where)
