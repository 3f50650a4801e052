"""A letter that is given a value twice in a step, the second made of the first, as programs write it: l = f(l + c)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.reader.meaning.letters import time_of
from derive.reader.meaning.symbols import Symbol
from derive.reader.questions.guesses import Guess
from derive.reader.resolving.document import Document, is_claim
from derive.reader.resolving.rewriting import bracketed, letters, scripts_of, symbol_of, with_scripts
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import rewritten
from derive.reader.text.syntax import Chain, Group, Number, Script, Syntax


def resolve(document: Document) -> None:
    """Give the first value, and what reads it up to the second equation, a label of its own."""
    lines: list[tuple[int, int, int, str, int | None]] = []
    for number, formula in enumerate(document.formulas):
        for row, parts in enumerate(formula.rows):
            for at, part in enumerate(parts):
                if not isinstance(part, Chain) or [one.type for one in part.relations] != ["EQ"] or is_claim(part):
                    continue
                for left in _listed(part.sides[0]):
                    found = next((one for _, one in _symbols(left, formula.fragment)), None)
                    if found is not None and found.offset in (None, 0) and found.power is None:
                        lines.append((number, row, at, found.name, found.offset))
    seen: dict[tuple[str, int | None], tuple[int, int, int]] = {}
    for number, row, at, name, offset in lines:
        formula = document.formulas[number]
        part = formula.rows[row][at]
        first = seen.get((name, offset))
        if first is not None and _reads(part, name, offset, document, number) and not _reads(
            document.formulas[first[0]].rows[first[1]][first[2]], name, offset, document, first[0]
        ):  # fmt: skip
            _label(document, name, offset, first, (number, row, at))
            document.guesses.append(
                Guess(
                    f"${part_of(document, number, part)}$ gives the letter its second value in a step",
                    "the first is another letter", "it reads the first", formula.fragment.place(part.start, part.end),
                )
            )  # fmt: skip
        seen[name, offset] = (number, row, at)


def _listed(left: Syntax) -> Iterator[Syntax]:
    """The quantities of a left side, several where a value is split: [i_t, f_t] = W x_t."""
    if isinstance(left, Group) and left.bracket in ("LPAR", "LBRACK", "MATRIX"):
        yield from (cell for row in left.rows for cell in row)
    else:
        yield left


def part_of(document: Document, number: int, part: Syntax) -> str:
    """The text of a part."""
    return " ".join(document.formulas[number].fragment.text[part.start : part.end].split())


def _reads(part: Syntax, name: str, offset: int | None, document: Document, number: int) -> bool:
    """Whether the right side has the letter of the same step."""
    assert isinstance(part, Chain)
    fragment = document.formulas[number].fragment
    return any((one.name, one.offset) == (name, offset) for _, one in _symbols(part.sides[1], fragment))


def _symbols(node: Syntax, fragment: Fragment) -> Iterator[tuple[Syntax, Symbol]]:
    """The letters in an expression, v[t] and v(t) with their times."""
    times = {id(one): time_of(group) for one, group in bracketed(node)}
    for one in letters(node):
        found = symbol_of(one, fragment)
        if found is not None:
            within = times.get(id(one))
            yield one, found if within is None else replace(found, offset=within)


def _label(
    document: Document, name: str, offset: int | None, first: tuple[int, int, int], second: tuple[int, int, int]
) -> None:
    key = name, offset
    for number, formula in enumerate(document.formulas):
        for row, parts in enumerate(formula.rows):
            for at, part in enumerate(parts):
                if not first <= (number, row, at) <= second or not isinstance(part, Chain):
                    continue

                named = {id(node) for node, one in _symbols(part, formula.fragment) if (one.name, one.offset) == key}

                def change(node: Syntax, named: set[int] = named, fragment=formula.fragment) -> Syntax | None:  # type: ignore[no-untyped-def]
                    if id(node) in named:
                        return labelled(node)
                    return None if symbol_of(node, fragment) is None else node

                if (number, row, at) == second:
                    new = replace(part, sides=(part.sides[0], *(rewritten(one, change) for one in part.sides[1:])))
                else:
                    new = replace(part, sides=tuple(rewritten(one, change) for one in part.sides))
                cells = list(formula.rows[row])
                cells[at] = new
                formula.rows[row] = tuple(cells)


def labelled(node: Syntax) -> Syntax:
    """The letter with one more label, (1) as people number values."""
    number = Number(node.end, node.end, "1")
    bracket = Group(node.end, node.end, "LPAR", ((number,),))
    return with_scripts(node, (*scripts_of(node), Script(node.end, node.end, "sup", ((bracket,),))))
