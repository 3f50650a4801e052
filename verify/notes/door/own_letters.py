"""Letters that stand for two things in a note, A_t beside a matrix A and I as a weight, each with its own letter.

Likewise a row of an embedding, L_{x_t}, beside the letter that the equations have for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.meaning.letters import only
from derive.reader.models.equations.equation import LOSSES
from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.resolving.rewriting import base_of, letters, scripts_of, symbol_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Big, Chain, Fraction, Name, Run, Scripted, Sum, Syntax
from verify.notes.files import Document, Formula

OF_A_STEP = "${old}_t$ is another letter than ${old}$, and is read as ${new}_t$"
A_WEIGHT = "$I$ is a weight, by which the note differentiates, and is read as ${new}$"
A_LOSS = "${old}$, of which the derivatives are summed over the steps, is the loss, and is read as ${new}$"
A_ROW = "{row} is the row of ${old}$ that step t reads, ${new}_t$, at that step alone"
IDENTITY = "I"
_TOTALS = regex(r"_\s*\{?\s*(?:\\(?:text|mathrm|textrm)\s*\{\s*)?(?:tot|total|all|sum)\s*\}*")
"""The label of a loss as a whole: tot of L_tot."""
_LAST = regex(r"_\s*(?:T|\{\s*T\s*\})")
_WEIGHTS = "WVQKMGSRPN"
"""Letters of weights, of which one that a note lacks stands in for I."""


@dataclass(frozen=True)
class _Use:
    """A capital letter as it stands in a formula; `row` is the letter of a step below it: x of L_{x_t}."""

    word: str
    timed: bool
    start: int
    end: int
    row: str = ""


@dataclass(frozen=True)
class _Other:
    """A letter that is read as another one, of a step or without one or as a row, and how that is told."""

    old: str
    new: str
    timed: bool
    words: str
    row: str = ""


def with_own_letters(document: Document) -> Document:
    """The document in which a letter for two things is two letters, as long as they were, and each formula says so."""
    others = tuple(_others([each for each in document.formulas if each.claims]))
    if not others:
        return document

    def one(fragment: Fragment) -> Fragment:
        text, told = fragment.text, fragment.given.split("; ") if fragment.given else []
        for use in _uses(fragment):
            for other in others:
                says = other.row and DERIVATIVE.search(fragment.text) is None  # e_t = L_{x_t}
                if (use.word, use.timed, use.row) == (other.old, other.timed, other.row) and not says:
                    text = text[: use.start] + other.new.ljust(use.end - use.start) + text[use.end :]
                    told.append(other.words)
        if text == fragment.text:
            return fragment
        return replace(fragment, text=text, as_written=fragment.written, given="; ".join(dict.fromkeys(told)))

    parts = []
    for part in document.parts:
        formulas = tuple(replace(each, fragment=one(each.fragment)) for each in part.formulas)
        declarations = tuple(replace(each, formulas=tuple(map(one, each.formulas))) for each in part.declarations)
        parts.append(replace(part, formulas=formulas, declarations=declarations))
    return replace(document, parts=tuple(parts))


def _others(formulas: list[Formula]) -> Iterator[_Other]:
    read = [(each.fragment, part) for each in formulas for part in _parts(each.fragment)]
    words = {node.word for _, part in read for node in walk(part) if isinstance(node, Name)}
    below = [use for fragment, part in read for use in _differentiated_by(part, fragment)]
    by = {(use.word, use.timed) for use in below if not use.row}
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
    if not computed:
        yield from _loss(read, words, below)
    lefts = (symbol_of(part.sides[0], fragment) for fragment, part in equations if isinstance(part, Chain))
    values = {found.name for found in lefts if found is not None}
    for word, row in dict.fromkeys((use.word, use.row) for use in below if use.row not in {"", *values}):
        said = {name for fragment, part in equations for name in _of_row(word, row, part, fragment)}
        shown = {name for fragment, part in read for name in _of_row(word, row, part, fragment)} - values
        if len(said or shown) == 1:
            (value,) = said or shown
            told = A_ROW.format(row=f"${word}_{{{row}_t}}$", old=word, new=value)
            yield _Other(word, f"{value}_t", False, told, row)


def _loss(read: Sequence[tuple[Fragment, Syntax]], words: Collection[str], below: Sequence[_Use]) -> Iterator[_Other]:
    """The one capital of a step and as a whole that stands above ∂ alone: R of ∂R/∂θ = Σ_t ∂R_t/∂θ."""
    above = {(use.word, use.timed) for fragment, part in read for use in _differentiated(part, fragment)}
    both = {word for word, timed in above if timed and (word, False) in above} - {use.word for use in below}
    new = next((one for one in "LEJ" if one not in words), "")
    if len(both) == 1 and new and not (both | set(words)) & LOSSES:
        (word,) = both
        yield from (_Other(word, new, timed, A_LOSS.format(old=word, new=new)) for timed in (False, True))


def _differentiated(part: Syntax, fragment: Fragment) -> Iterator[_Use]:
    """The capitals above a ∂, and behind ∂_θ."""
    for node in walk(part):
        if isinstance(node, Fraction):
            yield from (use for _, use in _within(node.above, fragment))
        elif isinstance(node, Run):
            pairs = zip(node.factors, node.factors[1:], strict=False)
            marks = (
                after for mark, after in pairs if isinstance(base := base_of(mark), Name) and base.word == "partial"
            )
            yield from (use for after in marks for _, use in _within(after, fragment))


def _of_row(word: str, row: str, part: Syntax, fragment: Fragment) -> Iterator[str]:
    """The letter of a step that is this row: e of e_t = L_{x_t}, e_t = x_t L and ∂e_t/∂L_{x_t}."""
    equation = isinstance(part, Chain) and not _has_derivative(fragment, part)
    pairs = [(node.above, node.below) for node in walk(part) if isinstance(node, Fraction)]
    pairs = [(part.sides[0], part.sides[1])] if isinstance(part, Chain) and equation else pairs
    for one, other in pairs:
        values = [symbol_of(each, fragment) for each in letters(one)]
        read = {found.name for each in letters(other) if (found := symbol_of(each, fragment)) is not None}
        of_row = any((use.word, use.row) == (word, row) for _, use in _within(other, fragment))
        product = equation and isinstance(other, Run) and read == {word, row}
        value = values[0] if len(values) == 1 else None
        if value is not None and value.offset == 0 and value.name not in LOSSES and (of_row or product):
            yield value.name


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
            yield from (use for _, use in _within(node.below, fragment))


def _uses(fragment: Fragment) -> list[_Use]:
    """The capitals of a formula without a typeface, the last one first; I alone and as a term is the identity."""
    parts = _parts(fragment)
    alone = {id(one) for part in parts for node in walk(part) for one in _terms(node)}
    found = [pair for part in parts for pair in _within(part, fragment)]
    uses = {use for node, use in found if use.word != IDENTITY or id(node) not in alone}
    return sorted(uses, key=lambda use: -use.start)


def _terms(node: Syntax) -> Sequence[Syntax]:
    """What stands on a side by itself or as a term."""
    return node.sides if isinstance(node, Chain) else [term for _, term in node.terms] if isinstance(node, Sum) else ()


def _use(node: Syntax, fragment: Fragment) -> _Use | None:
    symbol, base = symbol_of(node, fragment), base_of(node)
    if not isinstance(base, Name) or fragment.text[base.start : base.end] != base.word:
        return None
    if len(base.word) != 1 or not base.word.isupper():
        return None
    if row := _row(node, fragment):
        return _Use(base.word, False, base.start, node.end, row)
    if _TOTALS.fullmatch(fragment.text, base.end, node.end):
        return _Use(base.word, False, base.start, node.end)
    if _LAST.fullmatch(fragment.text, base.end, node.end):
        return _Use(base.word, True, base.start, base.end)
    if symbol is None:
        return None
    timed = symbol.offset is not None
    entry = timed and re.fullmatch(rf"{base.word}_[a-z]", symbol.name)  # L_{t,c}
    return _Use(base.word, timed, base.start, base.end) if entry or symbol.name == base.word else None


def _within(part: Syntax, fragment: Fragment) -> Iterator[tuple[Syntax, _Use]]:
    """The capitals in a part of a formula, those of which a row is meant too."""
    rows = [node for node in walk(part) if isinstance(node, Scripted) and _row(node, fragment)]
    bases = {node.base.start for node in rows}
    for node in (*rows, *(each for each in letters(part) if each.start not in bases)):
        if (use := _use(node, fragment)) is not None:
            yield node, use


def _row(node: Syntax, fragment: Fragment) -> str:
    """The letter of this step that stands below another one, and alone: x of L_{x_t}."""
    below = scripts_of(node)
    cell = only(below[0].rows) if len(below) == 1 and below[0].kind == "sub" else None
    found = None if cell is None else symbol_of(cell, fragment)
    return found.name if found is not None and found.offset == 0 else ""


def _has_derivative(fragment: Fragment, part: Syntax) -> bool:
    return DERIVATIVE.search(fragment.text, part.start, part.end) is not None


def _parts(fragment: Fragment) -> list[Syntax]:
    try:
        return [part for row in parse(fragment) for part in row]
    except (InputError, RecursionError):
        return []
