"""The class that a loss picks, -log p_t[y_t]: e_y, onehot(y), 1[i = y] and δ_{iy} are the one-hot vector of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from sympy import MatMul, S, Transpose

from derive.cell import Cell
from derive.notation import spelled
from derive.patterns import regex
from derive.reader.claims.guesses import Guess
from derive.reader.claims.letters import Letters
from derive.reader.meaning import tree
from derive.reader.meaning.letters import ENTRY_LETTERS, Written, only
from derive.reader.meaning.tree import Ref, Term
from derive.reader.models.equations.names import counted_in
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Group, Name, Ones, Scripted, Syntax

_ONE_HOT = regex(r"one[_-]?hot", re.IGNORECASE)
_INDEXED = r"\$\\?(?:mathbf|boldsymbol|bm|vec)?\s*\{?\s*(?P<NAME>[a-z])\s*\}?\s*_\s*\{?[a-su-z]\}?\$"
_ROW = regex(
    _INDEXED.replace("NAME", "before") + r"[^.\n$]{0,40}\b(?:embedding|row)\b|"
    r"\b(?:embedding|row)s?\b[^.\n$]{0,20}" + _INDEXED.replace("NAME", "behind"),
    re.IGNORECASE,
)
"""A letter with an index, and the word embedding or row beside it."""
_SUMMED = frozenset(["sums to one", "one-hot"])


def picked(side: Syntax | None, letters: Letters, fragment: Fragment) -> Ref | None:
    """What a loss compares a distribution with, where that is all that a side says."""
    found = None if side is None else letters.taken(side, fragment)
    if found is None or found.primes or found.transposed or found.power is not None:
        return None
    resolved = letters.resolve(found, fragment, noted=False)
    if resolved is None or resolved.at:
        return None
    compared = {q.name for q in letters.cell.targets}
    summed = {one.quantity.name for one in letters.cell.assumptions if one.kind in _SUMMED}
    if resolved.name not in compared & summed:
        return None
    letters.guesses.granted[f"{spelled(resolved.name)} is one-hot"] = None
    return Ref(resolved.name, resolved.time)


def vector(node: Syntax, following: Syntax | None, letters: Letters, fragment: Fragment) -> tuple[Term, int] | None:
    """e_{y_t}, 𝟏_{y_t}, 𝟏[y_t] and onehot(y_t), and how many factors that takes."""
    inside = only(following.rows) if isinstance(following, Group) else None
    if (isinstance(node, Name) and _ONE_HOT.fullmatch(node.word)) or isinstance(node, Ones):
        found, used = picked(inside, letters, fragment), 2
    elif isinstance(node, Scripted) and len(node.scripts) == 1 and node.scripts[0].kind == "sub" and _is_unit(node):
        own = letters.taken(node, fragment)
        known = own is not None and letters.resolve(own, fragment, noted=False) is not None
        below = only(node.scripts[0].rows)
        found, used = (
            None if known else picked(below, letters, fragment) or _by_place(node, below, letters, fragment),
            1,
        )
    else:
        return None
    return None if found is None else (found, used)


def _by_place(node: Scripted, below: Syntax | None, letters: Letters, fragment: Fragment) -> Ref | None:
    """The one-hot vector of a loss as e_j, j being where its 1 stands, if no sum counts with that letter."""
    index = below.word if isinstance(below, Name) and len(below.word) == 1 else ""
    compared = {q.name for q in letters.cell.targets}
    summed = [one.quantity.name for one in letters.cell.assumptions if one.kind in _SUMMED]
    if index not in ENTRY_LETTERS or index in counted_in(fragment.text) or len(compared.intersection(summed)) != 1:
        return None
    (name,) = compared.intersection(summed)
    written = fragment.text[node.start : node.end].strip()
    if letters.guesses.other(f"class {index}", Guess(f"{written} is no class", holds=False, doubtful=True)):
        return None
    letters.guesses.granted[f"{written} is {spelled(name)}, which is one-hot"] = None
    return Ref(name, letters.moment(name))


def _is_unit(node: Scripted) -> bool:
    return isinstance(node.base, Ones) or (isinstance(node.base, Name) and node.base.word == "e")


def rows_said(texts: Iterable[str]) -> frozenset[str]:
    """The letters of rows that a document speaks of: e of `$e_j$ is the embedding of item j`, a row of E."""
    return frozenset(one["before"] or one["behind"] for text in texts for one in _ROW.finditer(text))


def row(found: Written, letters: Letters) -> Term | None:
    """e_j as row j of E, standing; None where the document says nothing of it, or E is no matrix."""
    if found.base not in letters.meant.rows or len(found.parts) != 1 or found.primes or found.power is not None:
        return None
    if found.base in letters.known:
        return None
    whole, place = letters.known.get(found.base.upper()), letters.entry(found.parts[0][1])
    if whole is None or place is None or found.parts[0][0] != "sub" or 1 in letters.quantities[whole].shape:
        return None
    if not _lists_rows(letters.cell, whole):
        return None
    letters.guesses.granted[f"{spelled(found.base)} with an index is that row of {spelled(whole)}"] = None
    return Ref(whole, at=(place,))


def _lists_rows(cell: Cell, name: str) -> bool:
    """Whether each row of a matrix belongs to one item: in E h, and in E^⊤ x of an input x."""
    inputs = {q.name for q in cell.inputs}
    found = set[bool]()
    for product in (part for e in cell.equations for part in e.expression.atoms(MatMul)):
        for one, behind in pairwise(part for part in product.args if part.is_Matrix):
            turned = isinstance(one, Transpose)
            if getattr(one.args[0] if turned else one, "name", "") == name:
                found.add(turned == (getattr(behind, "name", "") in inputs))
    return found == {True}


def equal(first: Syntax, second: Syntax, letters: Letters, fragment: Fragment, *, differ: bool = False) -> Term | None:
    """1 where two indices are equal, or an index is the class that the loss picks; with `differ` the reverse."""
    one, other = letters.entry(first), letters.entry(second)
    if one is not None and other is not None:
        return tree.Kronecker(one, other, differ)
    place, side = (one, second) if one is not None else (other, first)
    found = picked(side, letters, fragment) if place is not None else None
    if found is None or place is None:
        return None
    entry = replace(found, at=(place,))
    return tree.Add(((1, tree.Constant(S.One)), (-1, entry))) if differ else entry
