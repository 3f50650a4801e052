"""Equations for row vectors -> the same equations for columns: x W as W^T x."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from derive.reader.meaning.tree import Call, Multiply, Ref, Slice, Term, Total, Transposed, mapped
from derive.reader.sizes.joining import COLUMN, ROW


class Columns:
    """Rewrites terms in which the names of kind row are rows, so that all of them are columns."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = kinds

    def kept(self, term: Term) -> Term:
        """The same value, with rows as transposed columns."""
        return mapped(term, self._keep)

    def _keep(self, term: Term) -> Term | None:
        if isinstance(term, Ref) and self.kinds.get(term.name) == ROW:
            return Transposed(term, span=term.span)
        if isinstance(term, Transposed):
            return self.flipped(term.body)
        if isinstance(term, Call) and isinstance(term.function, str) and term.function != "sum":
            turned = replace(term, arguments=tuple(self.flipped(one) for one in term.arguments))
            return turned if term.function == "diag" else Transposed(turned, span=term.span)
        return None

    def flipped(self, term: Term) -> Term:
        """The transposed value."""
        return mapped(term, self._flip)

    def _flip(self, term: Term) -> Term | None:
        if isinstance(term, Ref):
            row_or_scalar = self.kinds.get(term.name) not in (COLUMN, "matrix")
            return term if row_or_scalar else Transposed(term, span=term.span)
        if isinstance(term, Transposed):
            return self.kept(term.body)
        if isinstance(term, Multiply) and not term.elementwise:
            return replace(term, factors=tuple(self.flipped(factor) for factor in reversed(term.factors)))
        if isinstance(term, Total):
            return self.kept(term)
        if isinstance(term, Slice):
            return Transposed(self.kept(term), span=term.span)
        return None
