"""What a parameter is by where it stands: a matrix, a vector, or something to be asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from derive.reader.shapes import ONE, Dim
from derive.reader.terms import Add, Constant, Multiply, Ref, Stack, Term, Transposed


def contexts(terms: Iterable[Term]) -> dict[str, set[str]]:
    """For every name without a time, the positions it stands in: left or right in a product, under ⊙, elsewhere."""
    found: dict[str, set[str]] = {}
    for term in terms:
        _scan(term, "other", found)
    return found


def _scan(term: Term, context: str, found: dict[str, set[str]]) -> None:
    if isinstance(term, Ref):
        if term.offset is None:
            found.setdefault(term.name, set()).add(context)
    elif isinstance(term, Multiply) and term.elementwise:
        for factor in term.factors:
            _scan(factor, "left" if context == "left" else "dot", found)
    elif isinstance(term, Multiply):
        shaped = [factor for factor in term.factors if not isinstance(factor, Constant)]
        for position, factor in enumerate(shaped):
            if position + 1 < len(shaped):
                _scan(factor, "left", found)
            else:
                _scan(factor, "right" if position and context != "left" else context, found)
    elif isinstance(term, Transposed):
        inner = term.body
        if isinstance(inner, Ref):
            _scan(inner, f"transposed {context}" if context in ("left", "right") else context, found)
        else:
            _scan(inner, context, found)
    else:
        keeps = context == "left" and isinstance(term, Add | Stack)
        for part in term.parts:
            _scan(part, context if keeps else "other", found)


def kind(name: str, where: set[str]) -> str:
    """`matrix`, `vector`, `guess vector` (right in a product: a vector if a matrix acts on it) or `ask`."""
    capital = name[0].isupper()
    if capital and where & {"left", "transposed left", "transposed right"}:
        return "matrix"
    if where & {"dot", "other", "transposed left", "transposed right"}:
        return "vector"
    if "left" in where or capital:
        return "ask"
    return "guess vector"


def acted_on(terms: Sequence[Term], shapes: Mapping[str, tuple[Dim, Dim]]) -> set[str]:
    """The names that a matrix acts on; `shapes` are those declared."""
    where = contexts(terms)
    found: set[str] = set()

    def matrix(term: Term) -> bool:
        if isinstance(term, Transposed):
            return matrix(term.body)
        if not isinstance(term, Ref) or term.offset is not None:
            return isinstance(term, Stack | Add) and all(map(matrix, term.parts))
        if term.name in shapes:
            return shapes[term.name][1] != ONE
        return kind(term.name, where[term.name]) == "matrix"

    def visit(term: Term) -> None:
        if isinstance(term, Multiply) and not term.elementwise:
            for left, right in zip(term.factors, term.factors[1:], strict=False):
                if matrix(left):
                    found.update(part.name for part in (right, *right.parts) if isinstance(part, Ref))
        for part in term.parts:
            visit(part)

    for term in terms:
        visit(term)
    return found
