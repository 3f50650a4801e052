"""What a sum or product sign runs over: j = 1 to n, k < j ≤ t, j ≠ i, i = t down to k + 1."""

from __future__ import annotations

from dataclasses import dataclass

from sympy import Expr, Integer

from derive.reader import syntax
from derive.reader.claim_letters import time_expression
from derive.reader.symbols import only
from derive.reader.syntax import Big, Group, Mark, Name, Syntax

_BELOW = {"<": 1, r"\lt": 1, "≤": 0, "⩽": 0, r"\le": 0, r"\leq": 0, r"\leqslant": 0}
_ABOVE = {">": 1, r"\gt": 1, "≥": 0, "⩾": 0, r"\ge": 0, r"\geq": 0, r"\geqslant": 0}
_UNEQUAL = frozenset(["≠", r"\ne", r"\neq"])


@dataclass(frozen=True)
class Bounds:
    """The index of a big sign and its first and last value; `beyond` are added to values that < or > exclude.

    `without` is the index that is left out; `unread` says that something stands there that is not understood.
    """

    word: str = ""
    first: Syntax | None = None
    last: Syntax | None = None
    without: str = ""
    beyond: tuple[int, int] = (0, 0)
    unread: bool = False

    def times(self) -> tuple[Expr | None, Expr | None]:
        """First and last value where they are times; None where nothing or something else stands."""
        low, high = time_expression(self.first), time_expression(self.last)
        return (
            None if low is None else low + Integer(self.beyond[0]),
            None if high is None else high - Integer(self.beyond[1]),
        )


def bounds(node: Big) -> Bounds:
    """What the scripts of a big sign say."""
    kinds = [script.kind for script in node.scripts]
    word, without = "", ""
    unread = len(set(kinds)) < len(kinds) or not set(kinds) <= {"sub", "sup"}
    ends: dict[str, Syntax] = {}
    beyond = {"first": 0, "last": 0}
    for script in node.scripts:
        cells = [cell for row in script.rows for cell in row]
        if script.kind == "sup" and cells:
            if isinstance(cells[0], Mark):
                unread = True
            ends["last"] = cells[0]
            continue
        for cell in cells:
            while isinstance(cell, Group) and (inner := only(cell.rows)) is not None:
                cell = inner
            if isinstance(cell, Name):
                word = word or cell.word
                continue
            if not isinstance(cell, syntax.Chain):
                unread = True
                continue
            kinds = [relation.type for relation in cell.relations]
            signs = [relation.word.strip() for relation in cell.relations]
            left, right = cell.sides[0], cell.sides[-1]
            if kinds == ["EQ"] and isinstance(left, Name):
                word, ends["first"] = left.word, right
            elif len(signs) == 1 and signs[0] in _UNEQUAL and isinstance(left, Name) and isinstance(right, Name):
                own = word or left.word
                word, without = own, right.word if right.word != own else left.word
            elif _ordered(signs) and (middle := _index(cell, word)) is not None:
                at = cell.sides.index(middle)
                assert isinstance(middle, Name)
                word = middle.word
                rising = signs[0] in _BELOW
                for side, position in ((at - 1, at - 1), (at + 1, at)):
                    if 0 <= side < len(cell.sides):
                        end = "first" if (side < at) == rising else "last"
                        ends[end] = cell.sides[side]
                        beyond[end] = {**_BELOW, **_ABOVE}[signs[position]]
            else:
                unread = True
    excluded = (beyond["first"], beyond["last"])
    return Bounds(word, ends.get("first"), ends.get("last"), without, excluded, unread)


def _ordered(signs: list[str]) -> bool:
    """Whether all signs point the same way, so that a chain of two or three sides is an interval."""
    return len(signs) in (1, 2) and (all(s in _BELOW for s in signs) or all(s in _ABOVE for s in signs))


def _index(chain: syntax.Chain, word: str) -> Name | None:
    """The index in k < j ≤ t (the middle one), or in k ≥ t (the left one, unless the right one is known to be it)."""
    if len(chain.sides) == 3:
        middle = chain.sides[1]
        return middle if isinstance(middle, Name) and word in ("", middle.word) else None
    found = [side for side in chain.sides if isinstance(side, Name) and word in ("", side.word)]
    return found[0] if found else None


def inside_times(found: Bounds) -> set[str]:
    """The letters in the bounds, which are times where the index is one."""
    ends = [end for end in found.times() if end is not None]
    return {str(symbol) for end in ends for symbol in end.free_symbols}
