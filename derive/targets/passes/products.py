"""Matrix products cut to what is read of them, and products with joined vectors as sums of products.

W [h; x] is W[:, 0:H] h + W[:, H:] x, so that the part with x can stand before the loop; (Wᵀ a)[0:H] needs only the
first H columns of W.
"""

from __future__ import annotations

import re

from sympy import Expr

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
    return body.with_statements(_narrowed(statements, body))


def narrowed(code: Code) -> Code:
    """An expression where entries of a product are a product with columns of its matrix."""
    return mapped(code, _columns)


def _split(code: Code, shapes: Shapes) -> Code | None:
    match code:
        case MatrixProduct(Call("np.concatenate", (Tuple(pieces),), "axis=-1"), Transposed(Name() as matrix)):
            lengths = [shapes.of(piece) for piece in pieces]
            if any(length is None for length in lengths):
                return None
            terms: list[tuple[bool, Code]] = []
            start: Expr = 0
            for piece, length in zip(pieces, lengths, strict=True):
                assert length is not None
                stop = start + length[-1]
                columns = Index(matrix, f":, {size_text(start)}:{size_text(stop)}")
                terms.append((False, MatrixProduct(piece, Transposed(columns))))
                start = stop
            return Sum(tuple(terms))
    return _columns(code)


def _columns(code: Code) -> Code | None:
    """(a @ W)[..., i:j] as a @ W[:, i:j]."""
    match code:
        case Index(MatrixProduct(left, Name() as matrix), index) if re.fullmatch(r"\.\.\., [^,:]+:[^,:]+", index):
            return MatrixProduct(mapped(left, _columns), Index(matrix, index.replace("...", ":")))
        case Index(Call("rows_times", (left, Name() as matrix)), index) if re.fullmatch(
            r"\.\.\., [^,:]+:[^,:]+", index
        ):
            return Call("rows_times", (mapped(left, _columns), Index(matrix, index.replace("...", ":"))))
    return None


def _narrowed(statements: list[Assign], body: Body) -> list[Assign]:
    """A product of which all readers take the same entries is cut to these."""
    found = list(statements)
    readers: dict[str, list[int]] = {}
    for place, statement in enumerate(found):
        for read_here in set(read([statement])):
            readers.setdefault(read_here, []).append(place)
    for place, statement in enumerate(found):
        match statement:
            case Assign((Name() as name,), MatrixProduct(_, Name()) as product) if name.name not in body.carried:
                places = readers.get(name.name, [])
                uses = [part for k in places for part in _uses(found[k].value, name)]
                if uses and all(isinstance(use, Index) and use.index == uses[0].index for use in uses):  # type: ignore[attr-defined]
                    cut = _columns(Index(product, uses[0].index))  # type: ignore[attr-defined]
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
