"""The same page in the letters of every notation: which formula stands for which, and what each letter means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain

from derive.calculus.bptt import k, tau
from derive.calculus.derivation import Derivation
from derive.calculus.sections import Section
from derive.errors import ProgramFault
from derive.nodes import Adjoint, Node, T, t
from derive.notation import AS_WRITTEN, Notation, notations
from derive.patterns import regex
from derive.targets.formula import show
from derive.targets.pages.model import Block, Item, Page
from derive.targets.pages.printing import Format, Printing
from derive.targets.pages.symbols import symbols
from derive.targets.pages.writer import page
from derive.targets.site.displays import display

_ROLE = regex(r"\{math\}`([^`]*)`")


@dataclass(frozen=True)
class Table:
    """One notation: what it is called, its remarks, the formula for each of the page, and what its letters mean.

    A row of `symbols` has a letter at every moment that a page may name, its role, its shape and its name in code.
    """

    title: str
    remarks: tuple[str, ...]
    formulas: Mapping[str, str]
    symbols: tuple[tuple[tuple[str, ...], str, str, str], ...]


@dataclass(frozen=True)
class Letters:
    """The tables by the name of a notation; "" is the page as it stands."""

    tables: Mapping[str, Table]

    @classmethod
    def together(cls, several: Sequence[Letters]) -> Letters:
        """Those of a page of several derivations."""
        joined: dict[str, Table] = {}
        for name, table in ((name, table) for one in several for name, table in one.tables.items()):
            known = joined.get(name)
            if known is not None:
                formulas = {**known.formulas, **table.formulas}
                table = replace(known, formulas=formulas, symbols=known.symbols + table.symbols)
            joined[name] = table
        return cls(joined)

    @property
    def json(self) -> str:
        """For a script element of the page."""
        tables = {name: asdict(table) for name, table in self.tables.items()}
        return json.dumps(tables, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def letters_of(
    derivation: Derivation, content: Page, before: Sequence[Section], after: Sequence[Section], form: Format
) -> Letters:
    """The letters of the author and of every notation of the registry."""
    formulas = list(_formulas(content))
    tables: dict[str, Table] = {}
    for notation in (AS_WRITTEN, *notations().values()):
        own = notation is AS_WRITTEN
        others = formulas if own else list(_formulas(page(derivation, notation, before, after, form)))
        shown = derivation.cell.notation if own else notation
        tables["" if own else notation.name] = Table(
            "as in the note" if own else notation.title,
            () if own else notation.remarks,
            {} if own else _paired(derivation.cell.name, notation, formulas, others),
            tuple(_symbols(derivation, shown, form)),
        )
    return Letters(tables)


def _paired(cell: str, notation: Notation, formulas: Sequence[str], others: Sequence[str]) -> dict[str, str]:
    """Each formula of the page by the one in its place; raises ProgramFault where one stands in two places."""
    if len(formulas) != len(others):
        raise ProgramFault("page", f"{len(others)} formulas in {notation.name}, {len(formulas)} on the page", cell)
    found: dict[str, str] = {}
    for one, other in zip(formulas, others, strict=True):
        if found.setdefault(one, other) != other:
            raise ProgramFault("page", f"{one} is {found[one]} and {other} in {notation.name}", cell)
    return {one: other for one, other in found.items() if one != other}


def _formulas(content: Page) -> Iterator[str]:
    """Every formula of a page in a fixed order, but for the remarks of the notation."""
    for text in _texts(content):
        yield from _ROLE.findall(text)
    for part in content.parts:
        for item in (item for block in part.blocks for item in block.items):
            yield from map(display, item.displays)


def _texts(content: Page) -> Iterator[str]:
    yield content.title
    for row in content.symbols:
        yield from (row.symbol, row.role, row.shape)
    yield from content.conventions
    for part in content.parts:
        yield from (part.title, part.words)
        yield from chain.from_iterable(map(_block_texts, part.blocks))


def _block_texts(block: Block) -> Iterator[str]:
    yield block.heading
    yield from chain.from_iterable(map(_item_texts, block.items))


def _item_texts(item: Item) -> Iterator[str]:
    yield item.words
    for point in item.points:
        yield from (point.words, *point.steps)
    yield item.after


def _symbols(
    derivation: Derivation, notation: Notation, form: Format
) -> Iterator[tuple[tuple[str, ...], str, str, str]]:
    printing = Printing(derivation, notation, form)
    rows = {row.code or row.symbol: row for row in symbols(printing)}
    for q in derivation.program.quantities.values():
        forms = [q] if q.time is None else [q.at(moment) for moment in (t, t - 1, t + 1, T, T - 1, 0, 1, tau, k)]
        if q.name in rows:
            row = rows[q.name]
            yield _letters(printing, forms), _plain(row.role), _plain(row.shape), q.name
        if q.name in printing.deltas:
            short = rows["{math}`" + show(Adjoint(q), printing.v).text + "`"]
            yield _letters(printing, list(map(Adjoint, forms))), _plain(short.role), _plain(short.shape), ""


def _letters(printing: Printing, nodes: Sequence[Node]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(show(node, printing.v).text for node in nodes))


def _plain(words: str) -> str:
    """Words with formulas between dollar signs, as the tooltip sets them."""
    return _ROLE.sub(r"$\1$", words)
