"""Slices as NumPy writes them: W_f[:, :n_a] are the columns of W_f that act on a."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr, Integer

from derive.reader.claims.letters import Letters
from derive.reader.meaning import tree
from derive.reader.meaning.letters import taken
from derive.reader.meaning.tree import Term
from derive.reader.meaning.vocabulary import bracket
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Group, Mark, Name, Number, Run, Scripted, Sum, Syntax


def is_slice(node: Syntax | None) -> bool:
    """Whether this is a bracket with a colon in it."""
    group, _ = bracket(node)
    return group is not None and group.bracket == "LBRACK" and any(map(_has_colon, _cells(group)))


def without_slice(node: Syntax) -> tuple[Syntax, Group | None]:
    """W_{f,[:,0:H]} as W_f and the bracket with its colon."""
    if not isinstance(node, Scripted):
        return node, None
    for script in node.scripts if isinstance(node.base, Name) else ():
        for row in script.rows if script.kind == "sub" else ():
            for cell in row:
                if isinstance(cell, Group) and is_slice(cell):
                    rows = tuple(tuple(other for other in each if other is not cell) for each in script.rows)
                    scripts = [replace(one, rows=rows) if one is script else one for one in node.scripts]
                    kept = tuple(one for one in scripts if one.kind != "sub" or any(one.rows))
                    return (replace(node, scripts=kept) if kept else node.base), cell
    return node, None


def sliced(said: Term, group: Group, letters: Letters, fragment: Fragment) -> Term | None:
    """The rows and columns that the bracket takes; None where a border is no size of the cell."""
    cells = _cells(group)
    if len(cells) > 2:
        return None
    for axis, cell in enumerate(cells):
        if not _has_colon(cell):
            return None
        before, after = _parted(cell)
        start, end = (None if part is None else _extent(part, letters, fragment) for part in (before, after))
        if (before is not None and start is None) or (after is not None and end is None):
            return None
        if start is not None or end is not None:
            said = tree.Slice(said, axis, start, end, len(cells) == 1)
    return said


def _cells(group: Group) -> list[Syntax]:
    return [cell for row in group.rows for cell in row]


def _is_colon(node: Syntax) -> bool:
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


def _extent(node: Syntax, letters: Letters, fragment: Fragment) -> Expr | None:
    """A size of the cell: its letter, or n_a for the entries of a; sums and multiples of them; 0."""
    if isinstance(node, Run) and len(node.factors) == 2 and isinstance(times := node.factors[0], Number):
        inner = _extent(node.factors[1], letters, fragment)
        return int(times.text) * inner if inner is not None and times.text.isdigit() else None
    if isinstance(node, Number) and node.text == "0":
        return Integer(0)
    if isinstance(node, Sum):
        parts = [(sign, _extent(term, letters, fragment)) for sign, term in node.terms]
        if any(part is None for _, part in parts):
            return None
        return sum(sign * part for sign, part in parts if part is not None)
    found = taken(node) if isinstance(node, Name | Scripted) else None
    if found is None:
        return None
    labels = [part.word for kind, part in found.parts if kind == "sub" and isinstance(part, Name)]
    word = "_".join([found.base, *labels])
    own = {str(letter): letter for letter in letters.cell.sizes}
    if word in own:
        return own[word]
    base, _, label = word.partition("_")
    name = letters.known.get(label) if base in ("n", "N", "d", "D", "dim") else None
    return None if name is None or letters.quantities[name].shape[1] != 1 else letters.quantities[name].shape[0]
