"""vec(A), derivatives between matrices, Kronecker products: what a document says of how entries are stacked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from sympy import Expr, S

from derive.patterns import regex
from derive.reader.claims.letters import Letters
from derive.reader.meaning import tree
from derive.reader.meaning.letters import Written, only
from derive.reader.meaning.tree import COLUMNS, OPEN, ROWS, Term
from derive.reader.meaning.vocabulary import bracket
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Name, Run, Scripted, Syntax
from derive.reader.text.words import SAID

_STACKS = regex(
    r"(?<![A-Za-z\\])vec(?:\s*\}+)?\s*(?:\\left|\\[bB]ig+l?|\\!)?\s*\(|\bKronecker\b|克罗内克|按列(?:堆叠|展开|拉直)|"
    r"\bflatten(?:ed|ing|s)?\b[^.\n]{0,60}\bmatri(?:x|ces)\b|\bmatri(?:x|ces)\b[^.\n]{0,60}\bflatten(?:ed|ing|s)?\b"
)
_ORDER = regex(
    r"\b(?P<one>col(?:umn)?|row)s?[-\s]+(?:major|wise|stack(?:ed|ing)?|first)\b|"
    r"\b(?P<two>col(?:umn)?|row) (?:by|below|after) (?:col(?:umn)?|row)\b|"
    r"\bstack(?:s|ed|ing)?\s+(?:all\s+|up\s+)?(?:the\s+|its\s+)?(?P<three>col(?:umn)?|row)s\b|"
    r"按(?P<four>列|行)(?:优先|堆叠|展开|拉直)"
)


class Reads(Protocol):
    """The part of a claim's reader that this needs."""

    letters: Letters
    fragment: Fragment

    def term(self, node: Syntax) -> Term: ...


def order_said(texts: Iterable[str]) -> str:
    """How a document that stacks the entries of matrices says that it does so; nothing where it never does."""
    parts = list(texts)
    if not any(map(_STACKS.search, parts)):
        return ""
    words = {next(filter(None, one.groups()))[:1] for text in parts for one in _ORDER.finditer(text)}
    orders = {ROWS if word in ("r", "行") else COLUMNS for word in words}
    return orders.pop() if len(orders) == 1 else OPEN


def is_vec(node: Syntax) -> bool:
    """Whether this is the word vec."""
    return isinstance(node, Name) and node.word.removeprefix(SAID) == "vec"


def stacked_inside(factors: Sequence[Syntax]) -> Syntax | None:
    """What stands in the bracket of vec(A), where that is all of these factors."""
    if len(factors) != 2 or not is_vec(factors[0]):
        return None
    group, scripts = bracket(factors[1])
    return None if group is None or scripts else only(group.rows)


def vec(reader: Reads, factors: list[Syntax], i: int) -> tuple[Term, int] | None:
    """vec(A), perhaps transposed, as a factor; and where the next one starts."""
    if not is_vec(factors[i]) or i + 1 >= len(factors):
        return None
    group, scripts = bracket(factors[i + 1])
    inner = None if group is None else only(group.rows)
    turned = isinstance(factors[i + 1], Scripted)
    if inner is None or len(scripts) > 1 or (turned and not _is_transpose(factors[i + 1])):
        return None
    found = tree.Vec(reader.term(inner), reader.letters.meant.stacking or OPEN)
    return (tree.Transposed(found) if turned else found), i + 2


def _is_transpose(node: Syntax) -> bool:
    script = node.scripts[0] if isinstance(node, Scripted) else None
    part = only(script.rows) if script is not None and script.kind == "sup" else None
    return part is not None and (getattr(part, "kind", "") in ("top", "intercal") or getattr(part, "word", "") == "T")


def opened(factors: list[Syntax]) -> tuple[list[Syntax], bool]:
    """What is differentiated, or by what, without its vec; and whether it had one."""
    inner = stacked_inside(factors)
    if inner is None:
        return factors, False
    return (list(inner.factors) if isinstance(inner, Run) else [inner]), True


def between_stacked(said: Term, order: str) -> Term | None:
    """A derivative as that between the stacked entries of both; None for what is no derivative."""
    match said:
        case tree.Derivative() | tree.Operated() if not (said.by.at or said.by.columns):
            return replace(said, stacking=order)
        case tree.Gradient() if not said.by.at:
            return tree.Vec(said, order)
    return None


def of_matrices(said: Term, letters: Letters) -> Term:
    """∂S_t/∂S_{t-1} of matrices in a document that stacks their entries somewhere, as the derivative of these."""
    order = letters.meant.stacking
    if not order or not isinstance(said, tree.Derivative) or said.of.at or said.by.at or said.by.columns:
        return said
    of, by = letters.quantities[said.of.name], letters.quantities[said.by.name]
    moving = said.by.time is not None and 1 not in by.shape
    return replace(said, stacking=order) if 1 not in of.shape or moving else said


def identity_size(found: Written, letters: Letters, fragment: Fragment) -> Expr | None:
    """The size that an identity matrix is written with, I_n and I_{nm}; None where none is known."""
    parts = [part for kind, part in found.parts if kind == "sub"]
    if len(parts) != 1 or len(found.parts) != 1:
        return None
    written = "".join(fragment.text[parts[0].start : parts[0].end].split()).strip("{}")
    for sign in (r"\cdot", r"\times", r"\,"):
        written = written.replace(sign, "")
    if written in letters.numbers:
        return letters.numbers[written]
    if not written or not all(letter in letters.numbers for letter in written):
        return None
    size: Expr = S.One
    for letter in written:
        size = size * letters.numbers[letter]
    return size
