"""Equations for one entry without a matrix in them, c_{t,i} = f_{t,i} c_{t-1,i}, as equations for all entries."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from derive.reader.meaning.letters import letter, only, time_of
from derive.reader.resolving.clocks import clock_of, is_time
from derive.reader.resolving.document import Document
from derive.reader.resolving.indices import has_index, indices_of, stripped
from derive.reader.resolving.rewriting import bracketed, letters, scripts_of, whole_letter, with_scripts
from derive.reader.text.mapping import inside, rewritten, walk
from derive.reader.text.syntax import Big, Chain, Dots, Group, Mark, Name, Number, Run, Script, Scripted, Sum, Syntax

INDICES = frozenset("ijk")
OVER_ENTRIES = frozenset(["mean", "sum", "var", "std"])
"""Functions of a whole vector, which may carry the index that they run over."""


def resolve(document: Document) -> None:
    """Every equation of one entry as one of all, with i, j or k for the entry where no step and no quantity has that
    letter.
    """
    _with_times_above(document)
    targets = _computed(document)
    counted = INDICES - {clock_of(document.displayed())} - {base for base, _ in targets}
    vectors = frozenset(base for base, indices in targets if len(indices) == 1)
    for formula in document.formulas:
        rows = [tuple(map(without_named_index, row)) for row in formula.rows]
        formula.rows = [tuple(of_all_entries(part, counted, vectors) for part in row) for row in rows]


def _with_times_above(document: Document) -> None:
    """The step in brackets behind a letter with an index as a script of it: x_j(t-1) and x_j[t-1] as x_j^{(t-1)}."""
    clock = clock_of(document.displayed()) or "t"

    def above(node: Syntax) -> Syntax | None:
        factors: list[Syntax] = []
        for behind in node.factors if isinstance(node, Run) else ():
            before = factors[-1] if factors else None
            step = only(behind.rows) if isinstance(behind, Group) and behind.bracket in ("LPAR", "LBRACK") else None
            timed = step is not None and is_time(step, clock)
            if before is not None and step is not None and timed and whole_letter(before) and indices_of(before):
                raised = Group(behind.start, behind.end, "LPAR", ((step,),))
                script = Script(behind.start, behind.end, "sup", ((raised,),))
                factors[-1] = replace(with_scripts(before, (*scripts_of(before), script)), end=behind.end)
            else:
                factors.append(behind)
        if not isinstance(node, Run) or len(factors) == len(node.factors):
            return None
        return inside(factors[0] if len(factors) == 1 else replace(node, factors=tuple(factors)), above)

    for formula in document.every():
        formula.rows = [tuple(rewritten(part, above) for part in row) for row in formula.rows]


def _computed(document: Document) -> list[tuple[str, list[str]]]:
    """The letters that equations compute, each with its indices: i_t, an input gate, so that z_i is what it is made of
    and no entry.
    """
    parts = (part for formula in document.formulas for row in formula.rows for part in row)
    sides = [part.sides[0] for part in parts if isinstance(part, Chain) and whole_letter(part.sides[0])]
    return [(base.word, indices_of(side)) for side in sides if (base := letter(side)) is not None]


def without_named_index(part: Syntax) -> Syntax:
    """mean_i α_{ti}² as mean(α_t²)."""

    def change(node: Syntax) -> Syntax | None:
        if not isinstance(node, Run):
            return None
        for at, (called, behind) in enumerate(zip(node.factors, node.factors[1:], strict=False)):
            if not isinstance(called, Scripted) or not isinstance(called.base, Name):
                continue
            index = only(called.scripts[0].rows) if len(called.scripts) == 1 else None
            if called.base.word in OVER_ENTRIES and isinstance(index, Name) and has_index(behind, index.word):
                inner = stripped(behind, {index.word})
                bracket = inner if isinstance(inner, Group) and inner.bracket == "LPAR" else None
                group = bracket or Group(behind.start, behind.end, "LPAR", ((inner,),))
                return replace(node, factors=(*node.factors[:at], called.base, group, *node.factors[at + 2 :]))
        return None

    return rewritten(part, change)


def of_all_entries(part: Syntax, counted: Collection[str], vectors: Collection[str]) -> Syntax:
    """The equation without the index that its left side has beside the time, products entry by entry.

    `vectors` are capitals that other equations compute entry by entry.
    """
    if not isinstance(part, Chain) or not whole_letter(part.sides[0]) or len(part.sides) != 2:
        return part
    for index in indices_of(part.sides[0]):
        if index in counted and _with_a_time(part.sides[0], index) and _plain(part.sides[1], index, vectors):
            right = rewritten(part.sides[1], lambda node, i=index: _entrywise(node, i))  # type: ignore[misc]
            return replace(part, sides=(stripped(part.sides[0], {index}), stripped(right, {index})))
    return part


def _with_a_time(node: Syntax, index: str) -> bool:
    """Whether the index stands beside another letter in one script, or below a step: z_{t,i}, z_{ti}, z_i^t."""
    timed = [one for one in scripts_of(node) if one.kind == "sup" and time_of(only(one.rows)) is not None]
    for script in scripts_of(node):
        alone = only(script.rows)
        if timed and script.kind == "sub" and isinstance(alone, Name) and alone.word == index:
            return True
        cells = [cell for row in script.rows for cell in row]
        names = [one for cell in cells for one in (cell.factors if isinstance(cell, Run) else (cell,))]
        if len(names) == 2 and any(isinstance(one, Name) and one.word == index for one in names):
            return True
    return False


def _plain(side: Syntax, index: str, vectors: Collection[str]) -> bool:
    """Whether letters of vectors alone have the index, and none is a row or one of several layers."""
    if not has_index(side, index):
        return False
    called = {id(one) for one, _ in bracketed(side) if not has_index(one, index)}
    for node in letters(side):
        if id(node) in called:
            continue  # H(a_i) is of every entry, whatever H is
        base = letter(node)
        scripts = scripts_of(node)
        counted = any(
            isinstance(cell, Sum) and any(isinstance(one, Name) and one.word == index for one in walk(cell))
            for script in scripts
            for row in script.rows
            for cell in row
        )
        row = any(isinstance(one, Mark) and one.kind == "top" for script in scripts for one in walk(script))
        matrix = base is None or (base.word[:1].isupper() and base.word not in vectors)
        if counted or matrix or (row and has_index(node, index)):
            return False
    return not any(isinstance(node, Big) and has_index(node.body, index) for node in walk(side))


def _entrywise(node: Syntax, index: str) -> Syntax | None:
    """Neighbours as an elementwise product, where more than one of them has the index."""
    if not isinstance(node, Run):
        return None
    indexed = [one for one in node.factors if has_index(one, index)]
    called = any(
        isinstance(behind, Group) and not isinstance(before, Number)
        for before, behind in zip(node.factors, node.factors[1:], strict=False)
    )
    return Dots(node.start, node.end, node.factors) if len(indexed) > 1 and not called else None
