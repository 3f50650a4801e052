"""Matrix products cut to what is read of them, and products with joined vectors as sums of products.

W [h; x] is W[:, 0:H] h + W[:, H:] x, so that the part with x can stand before the loop, and [U, V] [h; x] is U h + V x;
(Wᵀ a)[0:H] needs only the first H columns of W.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sympy import Expr, Integer

from derive.targets.language.code import (
    Assign,
    Call,
    Code,
    Index,
    MatrixProduct,
    Name,
    Sum,
    Transposed,
    Tuple,
    parts,
    read,
    size_text,
)
from derive.targets.passes.loops import Body
from derive.targets.passes.rewriting import flat, mapped, substituted
from derive.targets.passes.shapes import Shapes


def split(body: Body, shapes: Shapes) -> Body:
    """The loop where a product with joined vectors is the sum of its parts, and a part of a product is a product."""
    statements = [
        Assign(s.targets, flat(mapped(s.value, lambda c: _split(c, shapes))), s.formula) for s in body.statements
    ]
    return body.with_statements(_narrowed(statements, body, shapes))


def narrowed(code: Code, shapes: Shapes) -> Code:
    """An expression where entries of a product are a product with columns of its matrix."""
    return mapped(code, lambda c: _columns(c, shapes))


def _split(code: Code, shapes: Shapes) -> Code | None:
    match code:
        case MatrixProduct(Call("np.concatenate", (Tuple(pieces),), "axis=-1"), Transposed(matrix)):
            columns = [_part(matrix, span, shapes) for span in _spans(pieces, shapes)]
            terms = [
                (False, MatrixProduct(piece, Transposed(part)))
                for piece, part in zip(pieces, columns, strict=False)
                if part is not None
            ]
            return Sum(tuple(terms)) if len(terms) == len(pieces) else None
    return _columns(code, shapes)


def _columns(code: Code, shapes: Shapes) -> Code | None:
    """(a @ W)[..., i:j] as a @ W[:, i:j]."""
    match code:
        case Index(MatrixProduct(left, matrix), index) if (part := _part(matrix, index, shapes)) is not None:
            return MatrixProduct(narrowed(left, shapes), part)
        case Index(Call("rows_times", (left, matrix)), index) if (part := _part(matrix, index, shapes)) is not None:
            return Call("rows_times", (narrowed(left, shapes), part))
    return None


def _part(matrix: Code, index: str, shapes: Shapes) -> Code | None:
    """Columns of a matrix: of a variable, or one of several that stand side by side."""
    match matrix:
        case Name() if re.fullmatch(r"\.\.\., [^,:]+:[^,:]+", index):
            return Index(matrix, index.replace("...", ":"))
        case Call("np.concatenate", (Tuple(blocks),), "axis=-1"):
            spans = _spans(blocks, shapes)
            return blocks[spans.index(index)] if index in spans else None
    return None


def _spans(pieces: Sequence[Code], shapes: Shapes) -> list[str]:
    """Where each piece stands along the last axis, up to the first whose length is not known."""
    found: list[str] = []
    start: Expr = Integer(0)
    for piece in pieces:
        shape = shapes.of(piece)
        if shape is None:
            break
        found.append(f"..., {size_text(start)}:{size_text(start + shape[-1])}")
        start += shape[-1]
    return found


def _narrowed(statements: list[Assign], body: Body, shapes: Shapes) -> list[Assign]:
    """A product of which all readers take the same entries is cut to these."""
    found = list(statements)
    readers: dict[str, list[int]] = {}
    for place, statement in enumerate(found):
        for read_here in set(read([statement])):
            readers.setdefault(read_here, []).append(place)
    for place, statement in enumerate(found):
        match statement:
            case Assign((Name() as name,), MatrixProduct() as product) if name.name not in body.carried:
                places = readers.get(name.name, [])
                uses = [part for k in places for part in _uses(found[k].value, name)]
                if uses and all(isinstance(use, Index) and use.index == uses[0].index for use in uses):  # type: ignore[attr-defined]
                    cut = _columns(Index(product, uses[0].index), shapes)  # type: ignore[attr-defined]
                    if cut is not None:
                        found[place] = Assign(statement.targets, cut, statement.formula)
                        for k in places:
                            s = found[k]
                            found[k] = Assign(s.targets, substituted(s.value, {uses[0]: name}), s.formula)
    return found


def _uses(code: Code, name: Name) -> list[Code]:
    """Where a variable stands, with the index around it if there is one."""
    if code == name:
        return [name]
    if isinstance(code, Index) and code.of == name:
        return [code]
    return [use for part in parts(code) for use in _uses(part, name)]
