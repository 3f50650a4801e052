"""Letters that stand for two things in a note, A_t beside a matrix A and I as a weight, each with its own letter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from derive.errors import InputError
from derive.reader.models.equations.equation import LOSSES
from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.resolving.rewriting import base_of, letters, symbol_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Big, Chain, Fraction, Name, Run, Sum, Syntax
from verify.notes.files import Document, Formula

OF_A_STEP = "${old}_t$ is another letter than ${old}$, and is read as ${new}_t$"
A_WEIGHT = "$I$ is a weight, by which the note differentiates, and is read as ${new}$"
IDENTITY = "I"
_WEIGHTS = "WVQKMGSRPN"
"""Letters of weights, of which one that a note lacks stands in for I."""


@dataclass(frozen=True)
class _Use:
    """A capital letter as it stands in a formula."""

    word: str
    timed: bool
    start: int
    end: int


@dataclass(frozen=True)
class _Other:
    """A letter that is read as another one, of a step or without one, and how that is told."""

    old: str
    new: str
    timed: bool
    words: str


def with_own_letters(document: Document) -> Document:
    """The document in which a letter for two things is two letters, as long as they were, and each formula says so."""
    others = tuple(_others([each for each in document.formulas if each.claims]))
    if not others:
        return document

    def one(fragment: Fragment) -> Fragment:
        text, told = fragment.text, fragment.given.split("; ") if fragment.given else []
        for use in _uses(fragment):
            for other in others:
                if (use.word, use.timed) == (other.old, other.timed):
                    text = text[: use.start] + other.new + text[use.end :]
                    told.append(other.words)
        given = "; ".join(dict.fromkeys(told))
        return (
            fragment
            if text == fragment.text
            else replace(fragment, text=text, as_written=fragment.written, given=given)
        )

    parts = []
    for part in document.parts:
        formulas = tuple(replace(each, fragment=one(each.fragment)) for each in part.formulas)
        declarations = tuple(replace(each, formulas=tuple(map(one, each.formulas))) for each in part.declarations)
        parts.append(replace(part, formulas=formulas, declarations=declarations))
    return replace(document, parts=tuple(parts))


def _others(formulas: list[Formula]) -> Iterator[_Other]:
    read = [(each.fragment, part) for each in formulas for part in _parts(each.fragment)]
    words = {node.word for _, part in read for node in walk(part) if isinstance(node, Name)}
    by = {(use.word, use.timed) for fragment, part in read for use in _differentiated_by(part, fragment)}
    equations = [one for one in read if isinstance(one[1], Chain) and not _has_derivative(*one)]
    computed = {
        use.word: part
        for fragment, part in equations
        if isinstance(part, Chain) and (use := _use(part.sides[0], fragment)) is not None and use.timed
    }
    weights = {word for fragment, part in equations for word in _weights(part, fragment)}
    for word, part in computed.items():
        new = word.lower()
        named = word in weights and (word, False) in by
        if (word, True) in by and new not in words and (named or (word in LOSSES and _is_read_out(part, weights))):
            yield _Other(word, new, True, OF_A_STEP.format(old=word, new=new))
    if (IDENTITY, False) in by and IDENTITY in weights:
        free = next((one for one in _WEIGHTS if one not in words), "")
        if free:
            yield _Other(IDENTITY, free, False, A_WEIGHT.format(new=free))


def _is_read_out(part: Syntax, weights: set[str]) -> bool:
    """Whether a value is no loss, but the product with a weight: L_t = A_t W."""
    nodes = list(walk(part))
    names = {node.word for node in nodes if isinstance(node, Name)}
    return bool(names & weights) and not any(isinstance(node, Big) for node in nodes) and not names & {"log", "ln"}


def _weights(part: Syntax, fragment: Fragment) -> Iterator[str]:
    """The letters without a step that are multiplied by one with a step: A of H_{t-1} A^⊤."""
    for node in walk(part):
        if isinstance(node, Run):
            factors = [found for factor in node.factors if (found := symbol_of(factor, fragment)) is not None]
            if any(found.offset is not None for found in factors):
                yield from (found.name for found in factors if found.offset is None)


def _differentiated_by(part: Syntax, fragment: Fragment) -> Iterator[_Use]:
    for node in walk(part):
        if isinstance(node, Fraction):
            yield from (use for each in letters(node.below) if (use := _use(each, fragment)) is not None)


def _uses(fragment: Fragment) -> list[_Use]:
    """The capitals of a formula without a typeface, the last one first; I alone and as a term is the identity."""
    parts = _parts(fragment)
    alone = {id(one) for part in parts for node in walk(part) for one in _terms(node)}
    nodes = [node for part in parts for node in letters(part)]
    found = [(node, use) for node in nodes if (use := _use(node, fragment)) is not None]
    uses = {use for node, use in found if use.word != IDENTITY or id(node) not in alone}
    return sorted(uses, key=lambda use: -use.start)


def _terms(node: Syntax) -> Sequence[Syntax]:
    """What stands on a side by itself or as a term."""
    return node.sides if isinstance(node, Chain) else [term for _, term in node.terms] if isinstance(node, Sum) else ()


def _use(node: Syntax, fragment: Fragment) -> _Use | None:
    symbol, base = symbol_of(node, fragment), base_of(node)
    if symbol is None or not isinstance(base, Name) or fragment.text[base.start : base.end] != base.word:
        return None
    timed = symbol.offset is not None
    whole = symbol.name == base.word or (
        timed and re.fullmatch(rf"{base.word}_[a-z]", symbol.name)
    )  # L_{t,c} is an entry
    one = whole and len(base.word) == 1 and base.word.isupper()
    return _Use(base.word, timed, base.start, base.end) if one else None


def _has_derivative(fragment: Fragment, part: Syntax) -> bool:
    return DERIVATIVE.search(fragment.text, part.start, part.end) is not None


def _parts(fragment: Fragment) -> list[Syntax]:
    try:
        return [part for row in parse(fragment) for part in row]
    except (InputError, RecursionError):
        return []
