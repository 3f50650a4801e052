"""A matrix given by some of its entries and dots -> the entry in row i and column j, where the pattern is plain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sympy import Expr, Integer, Symbol

from derive import nodes
from derive.reader.meaning.tree import Add, Call, Constant, Kronecker, Multiply, Ref, Shown, Tabulated, Term, content

ZERO = Constant(Integer(0))
ROW, COLUMN = Symbol("row", integer=True), Symbol("column", integer=True)


def tabulated(rows: Sequence[Sequence[Term | None]]) -> Term | None:
    """The matrix that the rows show, None standing for dots; or None where no pattern is plain."""
    rows = _without_middle(rows)
    rows_shown = [list(row) for row in rows if any(cell is not None for cell in row)]
    before = next((i for i, row in enumerate(rows) if all(cell is None for cell in row)), len(rows))
    if len(rows_shown) != before + 1 or before not in (1, 2, 3):
        return None
    width = {len([cell for cell in row if cell is not None]) for row in rows_shown}
    if len(width) != 1:
        return None
    grid = [[cell for cell in row if cell is not None] for row in rows_shown]
    if any(None not in row for row in rows_shown) and width != {1}:
        return None  # all columns are shown, the rows are not
    entry = _column(grid) if width == {1} else _diagonal(grid) or _full(grid)
    if entry is None:
        return None
    diagonal = isinstance(entry, Multiply) and entry.factors[0] == Kronecker(ROW, COLUMN)
    inner = entry.factors[1] if isinstance(entry, Multiply) and diagonal else entry
    across = () if width == {1} else tuple(_ends(inner, grid[0][-1], COLUMN))
    ends = (*_ends(inner, grid[-1][0], ROW), *_ends(inner, grid[-1][-1], ROW))
    return Tabulated(entry, ROW, None if width == {1} else COLUMN, (tuple(dict.fromkeys(ends)), across))


def shown(rows: Sequence[Sequence[Term | None]]) -> Shown:
    """The entries whose places are plain: those before the first dots of their row or column, and the last ones."""
    places = _places([all(cell is None for cell in row) or row[0] is None for row in rows])
    found = []
    for place, row in zip(places, rows, strict=True):
        columns = _places([cell is None for cell in row])
        for column, cell in zip(columns, row, strict=True):
            if place != NOWHERE and column != NOWHERE and cell is not None:
                found.append((place, column, _spatial(cell)))
    return Shown(tuple(found))


NOWHERE = -1
"""The place of what stands between dots."""


def _places(dots: Sequence[bool]) -> list[int | None]:
    """Where each of some things in a line stands; None is the last one, where dots stand before it."""
    if True not in dots:
        return list(range(len(dots)))
    first, last = dots.index(True), len(dots) - 1
    return [i if i < first else None if i == last and not dots[i] else NOWHERE for i in range(len(dots))]


def _ends(template: Any, cell: Any, index: Symbol) -> list[Expr]:
    """What stands in the cell where the template has the index."""
    if isinstance(template, Term) and isinstance(cell, Term) and type(template) is type(cell):
        ours, theirs = content(template), content(cell)
        parts = [(ours[name], theirs[name]) for name in ours]
    elif isinstance(template, tuple) and isinstance(cell, tuple) and len(template) == len(cell):
        parts = list(zip(template, cell, strict=True))
    else:
        return [cell] if template == index and isinstance(cell, Expr) and cell.free_symbols else []
    return [end for one, other in parts for end in _ends(one, other, index)]


def _without_middle(rows: Sequence[Sequence[Term | None]]) -> Sequence[Sequence[Term | None]]:
    """A diagonal of a first and a last entry with ⋱ between them, zeros elsewhere, with its dots spread as usual."""
    middle = [i for i, row in enumerate(rows) if row.count(None) == 1 and all(c in (None, ZERO) for c in row)]
    if len(middle) != 1 or any(None in row for i, row in enumerate(rows) if i != middle[0]):
        return rows
    at = list(rows[middle[0]]).index(None)
    spread = [[None if j == at else cell for j, cell in enumerate(row)] for row in rows]
    spread[middle[0]] = [None] * len(rows[middle[0]])
    return spread


def _column(grid: list[list[Term]]) -> Term | None:
    first, *rest = [_spatial(row[0]) for row in grid]
    template: Term | None = _varied(first, rest[0], ROW)
    shown: Term | None = template if template is not None and _fits(template, rest[-1], True, True) else None
    return shown


def _full(grid: list[list[Term]]) -> Term | None:
    if len(grid) < 2 or len(grid[0]) < 2:
        return None
    cells = [[_spatial(cell) for cell in row] for row in grid]
    down = _varied(cells[0][0], cells[1][0], ROW)
    both = down and _varied(down, _with(cells[0][1], cells[0][0], down), COLUMN)
    if both is None:
        return None
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            if not _fits(both, cell, i == len(cells) - 1, j == len(row) - 1, i, j):
                return None
    result: Term = both
    return result


def _diagonal(grid: list[list[Term]]) -> Term | None:
    if len(grid) < 2 or any(len(row) != len(grid) for row in grid):
        return None
    if any((cell == ZERO) != (i != j) for i, row in enumerate(grid) for j, cell in enumerate(row)):
        return None
    cells = [_spatial(grid[i][i]) for i in range(len(grid))]
    template = _varied(cells[0], cells[1], ROW)
    if template is None or not _fits(template, cells[-1], True, True):
        return None
    return Multiply((Kronecker(ROW, COLUMN), template))


def _spatial(said: Any) -> Any:
    """x_1 in a column of entries is the first entry of x_t, not x at step 1; so is that of tanh(x_1)."""
    if isinstance(said, Ref) and not said.at and said.time is not None:
        if said.time.is_Integer:
            return Ref(said.name, nodes.t, (said.time - 1,))
        if _is_last(said.time):
            return Ref(said.name, nodes.t, (said.time,))
    if isinstance(said, Call | Multiply | Add):
        return replace(said, **{name: _spatial(value) for name, value in content(said).items()})
    return tuple(map(_spatial, said)) if isinstance(said, tuple) else said


def _varied(first: Any, second: Any, index: Symbol) -> Any:
    """The first with the index where the second counts one further; None where they differ in anything else."""
    if isinstance(first, Term):
        if type(first) is not type(second):
            return None
        changes = {}
        for name, value in content(first).items():
            found = _varied(value, getattr(second, name), index)
            if found is None and value is not None:
                return None
            changes[name] = found
        return replace(first, **changes)
    if isinstance(first, tuple):
        if not isinstance(second, tuple) or len(first) != len(second):
            return None
        parts = tuple(_varied(a, b, index) for a, b in zip(first, second, strict=True))
        return None if any(p is None and a is not None for p, a in zip(parts, first, strict=True)) else parts
    if first == second:
        return first
    if isinstance(first, Expr) and isinstance(second, Expr) and first == 0 and (second == 1 or _is_last(second)):
        return index
    return None


def _is_last(index: Expr) -> bool:
    """Whether this is a letter for the last entry, as in x_n."""
    return (bool(index.is_Symbol) and str(index) in "mnpqNMK") or bool((index + 1).is_Symbol)


def _is_end(index: Any) -> bool:
    """Whether this may be the last row or column: a letter, or a size counted from 0."""
    return isinstance(index, Expr) and bool(index.is_Symbol or (index + 1).is_Symbol)


def _with(cell: Any, corner: Any, down: Any) -> Any:
    """The cell with the row index where the template has it."""
    if isinstance(down, Term):
        if type(cell) is not type(down):
            return cell
        changes = {name: _with(getattr(cell, name), getattr(corner, name), d) for name, d in content(down).items()}
        return replace(cell, **changes)
    if isinstance(down, tuple):
        if not isinstance(cell, tuple) or len(cell) != len(down):
            return cell
        return tuple(_with(a, b, c) for a, b, c in zip(cell, corner, down, strict=True))
    return down if down == ROW and cell == corner else cell


def _fits(
    template: Any, cell: Any, last_row: bool, last_column: bool, i: int | None = None, j: int | None = None
) -> bool:
    """Whether a shown entry is the template's: at the place i, j, or a last one with a letter such as n."""
    if isinstance(template, Term):
        return type(template) is type(cell) and all(
            _fits(value, getattr(cell, name), last_row, last_column, i, j) for name, value in content(template).items()
        )
    if isinstance(template, tuple):
        return (
            isinstance(cell, tuple)
            and len(cell) == len(template)
            and all(_fits(a, b, last_row, last_column, i, j) for a, b in zip(template, cell, strict=True))
        )
    if template == ROW:
        return _is_end(cell) if last_row else bool(cell == i)
    if template == COLUMN:
        return _is_end(cell) if last_column else bool(cell == j)
    return bool(template == cell)
