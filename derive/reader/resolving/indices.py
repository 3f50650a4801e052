"""Products written with indices as products of matrices, and equations for numbered layers written out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from derive.reader.meaning.letters import number_of, only, time_of
from derive.reader.meaning.vocabulary import ACTIVATIONS
from derive.reader.resolving.clocks import clock_of
from derive.reader.resolving.document import Document, Formula, Row
from derive.reader.resolving.rewriting import base_of, letters, scripts_of, whole_letter, with_scripts
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import inside, rewritten, walk
from derive.reader.text.syntax import (
    Big,
    Chain,
    Dots,
    Group,
    Mark,
    Name,
    Number,
    Product,
    Run,
    Script,
    Scripted,
    Sum,
    Syntax,
)
from derive.reader.text.words import ENTRYWISE

MOST_LAYERS = 32
"""Layers that are written out."""


def resolve(document: Document) -> None:
    """Σ_i W_{ji} x_i as W x in an equation for entry j."""
    for formula in document.formulas:
        formula.rows = [tuple(_without_entries(part, formula.fragment) for part in row) for row in formula.rows]


# Entries


def _without_entries(part: Syntax, fragment: Fragment) -> Syntax:
    """An equation for one entry as the equation for all of them; any other part as it is."""
    if not isinstance(part, Chain) or not whole_letter(part.sides[0]):
        return part
    for index in indices_of(part.sides[0]):
        sums = [node for side in part.sides[1:] for node in walk(side) if isinstance(node, Big) and node.sign == "sum"]
        for one in sums:
            if _leaves_out(one) and _pairs(one.body, index, bound_of(one)):
                raise fragment.error(
                    "a sum that leaves out an entry cannot be read", one.start, one.end,
                    "sum over all entries, and take the one off: W v - w \\odot v, w being the diagonal of W",
                )  # fmt: skip
        if any(_pairs(one.body, index, bound_of(one)) for one in sums):
            sides = tuple(rewritten(side, lambda node, j=index: _summed(node, j)) for side in part.sides[1:])  # type: ignore[misc]
            sides = tuple(stripped(side, {index}) for side in (part.sides[0], *sides))
            return replace(part, sides=sides)
    return part


def indices_of(node: Syntax) -> list[str]:
    """Letters among the subscripts of a letter that may be indices of entries."""
    found = []
    for script in scripts_of(node):
        if script.kind == "sub":
            for row in script.rows:
                for cell in row:
                    names = cell.factors if isinstance(cell, Run) else (cell,)
                    found += [n.word for n in names if isinstance(n, Name) and len(n.latex) == 1 and time_of(n) is None]
    return found


def bound_of(node: Big) -> str | None:
    """The letter that a sum runs over."""
    for script in node.scripts:
        cell = only(script.rows)
        first = cell.sides[0] if isinstance(cell, Chain) else cell
        if script.kind == "sub" and isinstance(first, Name):
            return first.word
    return None


def _leaves_out(node: Big) -> bool:
    """Whether a sum is over i ≠ j."""
    cells = (only(script.rows) for script in node.scripts)
    return any(
        isinstance(cell, Chain) and any(one.word.strip() in (r"\neq", r"\ne", "≠") for one in cell.relations)
        for cell in cells
    )


def _pairs(node: Syntax, free: str, bound: str | None) -> bool:
    """Whether a letter has both indices."""
    return bound is not None and any({free, bound} <= set(indices_of(one)) for one in letters(node))


def _summed(node: Syntax, free: str) -> Syntax | None:
    """One sum over an index as a product of a matrix and a vector."""
    if not isinstance(node, Big) or node.sign != "sum":
        return None
    bound = bound_of(node)
    if bound is None or not _pairs(node.body, free, bound):
        return None
    factors = _with_calls(factors_of(node.body))
    matrices = [f for f in factors if whole_letter(f) and {free, bound} <= set(indices_of(f))]
    if len(matrices) != 1 or len(factors) < 2:
        return None
    matrix = matrices[0]
    vectors = [stripped(f, {bound}) for f in factors if f is not matrix and has_index(f, bound)]
    beside = [f for f in factors if f is not matrix and not has_index(f, bound)]
    turned = indices_of(matrix).index(free) > indices_of(matrix).index(bound)
    matrix = stripped(matrix, {free, bound})
    if turned:
        top = Script(matrix.end, matrix.end, "sup", ((Mark(matrix.end, matrix.end, "top"),),))
        matrix = with_scripts(matrix, (*scripts_of(matrix), top))
    acted: Syntax = (
        vectors[0]
        if len(vectors) == 1
        else Group(node.start, node.end, "LPAR", ((Dots(node.start, node.end, tuple(vectors)),),))
    )
    product: Syntax = Run(node.start, node.end, (matrix, acted))
    if beside:
        product = Dots(node.start, node.end, (*beside, product))
    return Group(node.start, node.end, "LPAR", ((product,),))


def _with_calls(factors: Iterable[Syntax]) -> list[Syntax]:
    """The factors, a function and its argument as one: σ(s_n) of σ(s_n) R_{nk}."""
    found: list[Syntax] = []
    for factor in factors:
        base = base_of(found[-1]) if found else None
        if isinstance(factor, Group) and isinstance(base, Name) and base.word in ENTRYWISE | ACTIVATIONS:
            found[-1] = Run(found[-1].start, factor.end, (found[-1], factor))
        else:
            found.append(factor)
    return found


def factors_of(node: Syntax) -> Iterator[Syntax]:
    """The factors of a product, those of products in it too."""
    times = not isinstance(node, Product) or all(o.kind == "TIMES" for o in node.operators)
    if isinstance(node, Run | Dots | Product) and times:
        for factor in node.factors:
            yield from factors_of(factor)
    else:
        yield node


def has_index(node: Syntax, index: str) -> bool:
    """Whether some letter has the index."""
    return any(index in indices_of(one) for one in letters(node))


def stripped(node: Syntax, indices: set[str]) -> Syntax:
    """The same without those indices on its letters."""

    def change(part: Syntax) -> Syntax | None:
        if not whole_letter(part):
            return None
        kept = []
        for script in scripts_of(part):
            if script.kind != "sub":
                kept.append(script)
                continue
            rows = tuple(tuple(cell for cell in map(without, row) if cell is not None) for row in script.rows)
            if any(rows):
                kept.append(replace(script, rows=rows))
        return with_scripts(part, tuple(kept))

    def without(cell: Syntax) -> Syntax | None:
        if isinstance(cell, Name):
            return None if cell.word in indices else cell
        if isinstance(cell, Run):
            left = tuple(one for one in cell.factors if not (isinstance(one, Name) and one.word in indices))
            return None if not left else left[0] if len(left) == 1 else replace(cell, factors=left)
        return cell

    return rewritten(node, change)


# Layers


def layers(document: Document) -> None:
    """`r_ℓ = f(A_ℓ r_{ℓ-1}), ℓ = 1, ..., 3` as three equations."""
    depths = whole_numbers(document)
    clock = clock_of(document.displayed())
    for formula in document.formulas:
        formula.rows = [new for row in formula.rows for new in _written_out(row, formula, depths, document, clock)]


def whole_numbers(document: Document) -> dict[str, int]:
    """Letters that a note gives a whole number: L = 3."""
    found = {}
    for _, part in document.said():
        if isinstance(part, Chain) and len(part.sides) == 2 and isinstance(part.sides[0], Name):
            value = number_of(part.sides[1])
            if value is not None and value.is_Integer:
                found[part.sides[0].word] = int(value)
    return found


def _written_out(
    row: Row, formula: Formula, depths: dict[str, int], document: Document, clock: str | None
) -> list[Row]:
    for at, part in enumerate(row):
        if not (isinstance(part, Chain) and isinstance(part.sides[0], Name) and at):
            continue
        index = part.sides[0].word
        equation = row[at - 1]
        if not isinstance(equation, Chain) or not any(_mentions(node, index) for node in letters(equation)):
            continue
        first = number_of(part.sides[1]) if len(part.sides) == 2 else None
        rest = [one for one in row[at + 1 :] if not isinstance(one, Mark)]
        last = number_of(rest[0]) if rest else None
        if last is None and rest and isinstance(rest[0], Name) and rest[0].word in depths:
            last = depths[rest[0].word]
            document.counted.add(rest[0].word)
        if first is None or time_of(part.sides[0]) is not None or index == clock:
            continue
        if last is None or int(last) - int(first) >= MOST_LAYERS:
            raise formula.fragment.error(
                f"the depth of the layers {part.sides[0].latex} is open", part.start, part.end,
                f"give it as a number: ${part.sides[0].latex} = 1, \\dots, 3$",
            )  # fmt: skip
        numbers = range(int(first), int(last) + 1)
        made = [tuple(numbered(equation, index, number) for number in numbers)]
        return [row[: at - 1], *made] if at > 1 else made
    return [row]


def _mentions(node: Syntax, index: str) -> bool:
    return any(isinstance(part, Name) and part.word == index for script in scripts_of(node) for part in walk(script))


def numbered(node: Syntax, index: str, number: int) -> Syntax:
    """The same with a number for the index of the layer."""

    def cell(part: Syntax) -> Syntax | None:
        if isinstance(part, Name) and part.word == index:
            return Number(part.start, part.end, str(number))
        if isinstance(part, Sum) and len(part.terms) == 2:
            (sign, first), (direction, amount) = part.terms
            if (
                sign == 1
                and isinstance(first, Name)
                and first.word == index
                and isinstance(amount, Number)
                and amount.text.isdigit()
            ):
                return Number(part.start, part.end, str(number + direction * int(amount.text)))
        return None

    def change(part: Syntax) -> Syntax | None:
        if not whole_letter(part) or not _mentions(part, index):
            return None
        base = base_of(part)
        scripts = tuple(inside(script, cell) for script in scripts_of(part))
        return Scripted(part.start, part.end, base, tuple(one for one in scripts if isinstance(one, Script)))

    return rewritten(node, change)
