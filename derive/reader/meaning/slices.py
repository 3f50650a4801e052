"""Slices as NumPy writes them: W_f[:, :n_a] are the columns of W_f that act on a."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sympy import Expr, Integer

from derive.reader.meaning.tree import Slice, Span, Term
from derive.reader.meaning.vocabulary import bracket
from derive.reader.text.syntax import Group, Mark, Name, Number, Run, Scripted, Sum, Syntax

Letter = Callable[[Syntax], Expr | None]
COUNTED = "COUNTED"
"""The bracket of a range in a subscript, which counts from 1 and has its last entry."""


def is_slice(node: Syntax | None) -> bool:
    """Whether this is a bracket with a colon in it."""
    group, _ = bracket(node)
    return group is not None and group.bracket == "LBRACK" and any(map(_has_colon, _cells(group)))


def without_slice(node: Syntax) -> tuple[Syntax, Group | None]:
    """W_{f,[:,0:H]} as W_f and the bracket with its colon; z_{t,1:K} as z_t and a range that counts from 1."""
    if not isinstance(node, Scripted):
        return node, None
    for script in node.scripts if isinstance(node.base, Name) else ():
        for row in script.rows if script.kind == "sub" else ():
            for cell in row:
                bracketed = isinstance(cell, Group) and is_slice(cell)
                if bracketed or _has_colon(cell):
                    rows = tuple(tuple(other for other in each if other is not cell) for each in script.rows)
                    scripts = [replace(one, rows=rows) if one is script else one for one in node.scripts]
                    kept = tuple(one for one in scripts if one.kind != "sub" or any(one.rows))
                    part = cell if isinstance(cell, Group) else Group(cell.start, cell.end, COUNTED, ((cell,),))
                    return (replace(node, scripts=kept) if kept else node.base), part
    return node, None


def sliced(said: Term, group: Group, letter: Letter, span: Span | None = None) -> Term | None:
    """The rows and columns that the bracket takes; None where a border is no size. `letter` reads one of a size."""
    cells = _cells(group)
    if len(cells) > 2:
        return None
    for axis, cell in enumerate(cells):
        if not _has_colon(cell):
            return None
        before, after = _parted(cell)
        start, end = (None if part is None else _extent(part, letter) for part in (before, after))
        if (before is not None and start is None) or (after is not None and end is None):
            return None
        if start is not None and start != 0 and group.bracket == COUNTED:
            start -= 1
        if (start is not None and start != 0) or end is not None:
            said = Slice(said, axis, start, end, len(cells) == 1, span=span or said.span)
    return said


def _cells(group: Group) -> list[Syntax]:
    return [cell for row in group.rows for cell in row]


def _is_colon(node: Syntax) -> bool:
    """Whether this is a colon, also in braces that take the space around it away: 0{:}H."""
    if isinstance(node, Group) and sum(map(len, node.rows)) == 1:
        return node.bracket == "LBRACE" and _is_colon(node.rows[0][0])
    return isinstance(node, Mark) and node.kind == "colon"


def _has_colon(node: Syntax) -> bool:
    if isinstance(node, Run):
        return any(map(_is_colon, node.factors))
    return any(_has_colon(term) for _, term in node.terms) if isinstance(node, Sum) else _is_colon(node)


def _parted(node: Syntax) -> tuple[Syntax | None, Syntax | None]:
    """What stands before and behind the colon."""
    if isinstance(node, Run):
        at = next(i for i, factor in enumerate(node.factors) if _is_colon(factor))
        return _joined(node.factors[:at]), _joined(node.factors[at + 1 :])
    if isinstance(node, Sum):
        at = next(i for i, (_, term) in enumerate(node.terms) if _has_colon(term))
        sign, term = node.terms[at]
        before, after = _parted(term)
        left = (*node.terms[:at], *(((sign, before),) if before is not None else ()))
        right = (*(((1, after),) if after is not None else ()), *node.terms[at + 1 :])
        return tuple(Sum(node.start, node.end, part) if part else None for part in (left, right))  # type: ignore[return-value]
    return None, None


def _joined(factors: tuple[Syntax, ...]) -> Syntax | None:
    return None if not factors else factors[0] if len(factors) == 1 else Run(factors[0].start, factors[-1].end, factors)


def _extent(node: Syntax, letter: Letter) -> Expr | None:
    """A size: a letter or a number; sums and multiples of them."""
    if isinstance(node, Run) and len(node.factors) == 2 and isinstance(times := node.factors[0], Number):
        inner = _extent(node.factors[1], letter)
        return int(times.text) * inner if inner is not None and times.text.isdigit() else None
    if isinstance(node, Run) and all(isinstance(one, Name) and len(one.word) == 1 for one in node.factors):
        word = "".join(one.word for one in node.factors if isinstance(one, Name))
        return letter(Name(node.start, node.end, word, word))  # sizes are added, never multiplied: in is a word
    if isinstance(node, Number) and node.text.isdigit() and len(node.text) < 5:
        return Integer(int(node.text))
    if isinstance(node, Sum):
        parts = [(sign, _extent(term, letter)) for sign, term in node.terms]
        if any(part is None for _, part in parts):
            return None
        return sum((sign * part for sign, part in parts if part is not None), Integer(0))
    return letter(node) if isinstance(node, Name | Scripted) else None
