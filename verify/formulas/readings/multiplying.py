"""What products mean under a reading: by shape, entry by entry, with diagonal matrices."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from sympy import Expr, S, Transpose

from derive import nodes
from derive.errors import OpenQuestionError
from derive.nodes import Adjoint, Jacobian, Node, Shaped
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Term
from verify.formulas.readings.conventions import Built, MisfitError
from verify.formulas.readings.parts import Leaves

_DERIVED = (tree.Gradient, tree.Derivative)


def _in_a_chain(factors: tuple[Term, ...]) -> tuple[Term, ...]:
    """The factors of a product; behind a derivative by all of a quantity the next one is of all of it."""
    found = list(factors)
    for i, (before, factor) in enumerate(itertools.pairwise(factors), 1):
        if isinstance(factor, tree.Derivative) and not factor.of.at and isinstance(before, _DERIVED):
            found[i] = replace(factor, whole=before.by == factor.of)
    return tuple(found)


def _unbracketed(said: Term) -> bool:
    return isinstance(said, tree.Multiply) and not (said.elementwise or said.bracketed)


def is_turned(said: tree.OverTime) -> bool:
    """Whether the factors of a product over steps have a transpose in them: W^⊤ diag(1 - h_k^2)."""
    return any(isinstance(part, tree.Transposed) for part in tree.walk(said.body))


@lru_cache(maxsize=64)
def counts_back(said: tree.OverTime) -> bool:
    """Whether the index of a product over steps counts from the latest one back: ∏_i ∂h_{t-i}/∂h_{t-i-1}."""
    times = [time for time in tree.times(said.body) if said.index in time.free_symbols]
    return bool(times) and all(time.diff(said.index) == -1 for time in times)


class Products(Leaves):
    """Builds products; `Builder` in `verify.formulas.readings.expressions` builds everything."""

    def elementwise(self, parts: list[Built]) -> Built:
        number, shaped = self._numbers(parts)
        if not shaped:
            return Built(number=number)
        shape = next((part.shape for part in shaped if part.node is not None and not self._is_jacobian(part)), None)
        matrix = next((p.shape for p in shaped if p.node is not None and 1 not in p.shape), None)
        if matrix is not None and self.reading.product == "diagonal":
            return Built(nodes.scale(number, nodes.hadamard(*(self._beside(part, matrix) for part in shaped))))
        if shape is None:
            shape = next((part.shape for part in shaped if part.node is not None), None)
            if shape is None:
                raise OpenQuestionError("constants whose size nothing tells")
        if (
            self.reading.layout == "all rows" and shape[1] == 1
        ):  # (1 - h_t²) ⊙ dh, a column beside the row that is meant
            shape = next((part.shape for part in shaped if part.node is not None and part.shape == shape[::-1]), shape)
        factors = [self._fitted(part, shape) for part in shaped]
        return Built(nodes.scale(number, nodes.hadamard(*factors)))

    def _beside(self, part: Built, shape: tuple[Expr, Expr]) -> Node:
        """A factor of an elementwise product with a matrix: a column scales its rows, a row its columns."""
        node = self.node(part, shape)
        if node.shape != shape and node.shape == (shape[0], 1):
            return nodes.matmul(node, nodes.ones(1, shape[1]))
        if node.shape != shape and node.shape == (1, shape[1]):
            return nodes.matmul(nodes.ones(shape[0]), node)
        return self._fitted(part, shape)

    def _is_jacobian(self, part: Built) -> bool:
        return isinstance(part.node, Jacobian)

    def _fitted(self, part: Built, shape: tuple[Expr, Expr]) -> Node:
        node = self.node(part, shape)
        if node.shape == shape:
            return node
        rows, cols = node.shape
        vector = 1 in shape and shape != (1, 1)
        length = shape[0] if shape[1] == 1 else shape[1]
        if node.shape == (1, 1):
            return nodes.matmul(nodes.ones(shape[0]), node, nodes.ones(1, shape[1]))
        rows_meant = self.reading.product != "strict" and self.reading.layout in ("numerator", "all rows")
        if rows_meant and not self.strictly and vector and (cols, rows) == shape and not part.flipped:
            return nodes.transpose(node)
        if self.reading.product == "elementwise" and vector and rows == cols == length:
            self.diagonal.append(node)
            spread = nodes.diagonal(node)
            return spread if shape[1] == 1 else nodes.transpose(spread)
        raise MisfitError(f"cannot multiply {shape[0]}×{shape[1]} elementwise by {rows}×{cols}")

    def _numbers(self, parts: Sequence[Built]) -> tuple[Expr, list[Built]]:
        number: Expr = S.One
        shaped = []
        for part in parts:
            if part.number is not None:
                number *= part.number
            else:
                number *= part.factor
                shaped.append(replace(part, factor=S.One))
        return number, shaped

    def juxtaposed(self, parts: list[Built], *, signed: bool = False, beside: tuple[Expr, Expr] | None = None) -> Built:
        """A product whose meaning follows from the shapes; `signed` where a sign stands between the factors.

        `beside` is the shape of the other terms of its sum, from which ones at either end have their size.
        """
        number, shaped = self._numbers(parts)
        shaped = self._without_identity(shaped)
        if not shaped:
            return Built(number=number)
        if len(shaped) == 1 and shaped[0].node is None and shaped[0].kind not in ("ones", "identity"):
            if number == 1:
                return shaped[0]
            raise OpenQuestionError("a constant whose size nothing tells")
        if (filled := self._filled(number, shaped)) is not None:
            return filled
        sized = self._ones(shaped, beside)
        if self.reading.product == "inner":
            sized = self._paired(sized)
        if self.reading.product == "outer":
            sized = self._crossed(sized)
        if self.reading.product == "row":
            sized = self._crossed(self._merged_before_the_last(sized))
        if self.reading.product == "elementwise" or (self.reading.product == "strict" and signed):
            sized = self._merged(sized)
        elif self.reading.product == "diagonal":
            sized = self._spread(sized)
        scalars = [part for part in sized if part.shape == (1, 1)]
        rest = [part for part in sized if part.shape != (1, 1)]
        if not rest:
            return Built(nodes.scale(number, nodes.hadamard(*(self.node(part) for part in scalars))))
        rest = self._upright(rest)
        for left, right in itertools.pairwise(rest):
            if left.shape[1] != right.shape[0] or left.flat is not None:
                a, b = left.shape, right.shape
                rows = (a[1] == 1 and 1 not in b) or (a[0] == 1 and b[1] == 1)
                raise MisfitError.of_rows(f"cannot multiply {a[0]}×{a[1]} by {b[0]}×{b[1]}", rows)
        factors = [self.node(part) for part in rest]
        # Between a column and a row, numbers are factors like any other.
        between = next((k + 1 for k, part in enumerate(rest[:-1]) if part.shape[1] == 1 and part.flat is None), None)
        if between is not None and 1 not in (factors[0].shape[0], factors[-1].shape[1]):
            factors[between:between] = [self.node(part) for part in scalars]
            scalars = []
        product = nodes.matmul(*factors)
        for part in scalars:
            product = self._scaled(self.node(part), product)
        product = nodes.scale(number, product)
        flat = rest[-1].flat
        if flat is not None and product.shape[0] == 1:
            return Built(Shaped(product, *flat))
        return Built(product, flat=flat)

    def _scaled(self, factor: Node, node: Node) -> Node:
        rows, cols = node.shape
        if (rows, cols) == (1, 1):
            return nodes.hadamard(factor, node)
        if cols == 1:
            return nodes.matmul(node, factor)
        if rows == 1:
            return nodes.matmul(factor, node)
        return nodes.hadamard(nodes.matmul(nodes.ones(rows), factor, nodes.ones(1, cols)), node)

    @staticmethod
    def _without_identity(parts: list[Built]) -> list[Built]:
        """The parts without I, which changes nothing beside a vector or matrix; what it is multiplied by stays."""
        identities = [part for part in parts if part.kind == "identity"]
        others = [part for part in parts if part.kind != "identity"]
        others += [Built(part.scalar) for part in identities if part.scalar is not None]
        numbers = all(part.node is not None and part.shape == (1, 1) for part in others)
        return [*others, replace(identities[0], scalar=None)] if identities and numbers else others

    @staticmethod
    def _filled(number: Expr, parts: list[Built]) -> Built | None:
        """Numbers times ones or an identity, whose size the context gives."""
        bare = [part for part in parts if part.kind in ("ones", "identity")]
        scalars = [part.node for part in parts if part.node is not None and part.shape == (1, 1)]
        if len(bare) != 1 or len(scalars) != len(parts) - 1:
            return None
        scalars += [] if bare[0].scalar is None else [bare[0].scalar]
        product = nodes.hadamard(*scalars) if scalars else None
        return replace(bare[0], scalar=product, factor=number)

    def _ones(self, parts: list[Built], beside: tuple[Expr, Expr] | None = None) -> list[Built]:
        """Ones beside a factor take its size, and at either end of a product that of the terms `beside`."""
        found = list(parts)
        for i, part in enumerate(parts):
            if part.node is not None:
                continue
            if part.kind != "ones":
                raise OpenQuestionError("a constant whose size nothing tells")
            after = found[i + 1] if i + 1 < len(found) else None
            before = found[i - 1] if i else None
            if part.flipped and after is not None and after.node is not None:
                found[i] = Built(self.node(part, (S.One, after.shape[0])), flipped=True)
            elif not part.flipped and before is not None and before.node is not None:
                found[i] = Built(self.node(part, (before.shape[1], S.One)))
            elif part.flipped and after is None and beside is not None:
                found[i] = Built(self.node(part, (S.One, beside[1])), flipped=True)
            elif not part.flipped and before is None and beside is not None:
                found[i] = Built(self.node(part, (beside[0], S.One)))
            else:
                raise OpenQuestionError("ones whose size nothing tells")
        return found

    def _upright(self, parts: list[Built]) -> list[Built]:
        """∂J/∂h ∂h/∂z xᵀ: of a chain that is a row, before a vector that is transposed, the column is meant."""
        *chain, last = parts
        if self.reading.layout != "numerator" or self.strictly or len(chain) < 2 or not last.flipped:
            return parts
        fits = all(a.shape[1] == b.shape[0] and a.flat is None for a, b in itertools.pairwise(chain))
        rows = chain[0].shape[0] == 1 == last.shape[0] and self._is_gradient(chain[0]) and chain[-1].flat is None
        if not rows or not fits:
            return parts
        column = nodes.transpose(nodes.matmul(*map(self.node, chain)))
        self.upright.append(column)
        return [Built(column), last]

    def _merged(self, parts: list[Built]) -> list[Built]:
        """Neighbouring vectors of one length multiplied entry by entry."""
        merged: list[Built] = []
        for part in parts:
            if merged and self._vector(part) and self._vector(merged[-1]):
                left, right = merged[-1], part
                # Two columns of one length have no matrix product: a sign between them means their entries.
                columns = left.shape == right.shape and left.shape[1] == 1
                meant = columns or self.reading.product == "elementwise"
                if meant and not left.flipped and not right.flipped and self._length(left) == self._length(right):
                    row = left.shape[0] == 1 or right.shape[0] == 1
                    pair = [
                        nodes.transpose(each.node) if (each.shape[0] == 1) != row else each.node
                        for each in (left, right)
                    ]
                    merged[-1] = Built(nodes.hadamard(*pair))
                    continue
            merged.append(part)
        return merged

    def _paired(self, parts: list[Built]) -> list[Built]:
        """Two columns of one length as the sum of their products."""
        same = len(parts) == 2 and all(self._vector(p) for p in parts) and parts[0].shape == parts[1].shape
        if same and parts[0].shape[1] == 1:
            return [Built(nodes.transpose(self.node(parts[0]))), parts[1]]
        return parts

    def _crossed(self, parts: list[Built]) -> list[Built]:
        """Two columns as the matrix of all products of their entries."""
        vectors = [place for place, part in enumerate(parts) if self._vector(part)]
        if len(vectors) != 2 or vectors[1] != vectors[0] + 1:
            return parts
        left, right = (parts[place] for place in vectors)
        if left.shape[1] != 1 or right.shape[1] != 1 or left.flipped or right.flipped:
            return parts
        return [*parts[: vectors[1]], Built(nodes.transpose(self.node(right))), *parts[vectors[1] + 1 :]]

    def earliest_first(self, said: tree.OverTime) -> bool:
        """Whether the factor of the first index stands leftmost: that of the earliest step, unless it counts back."""
        order = self.reading.order
        earliest = order == "earliest" or (order == "turned" and is_turned(said))
        return said.ascending or earliest != counts_back(said)

    def factors(self, said: tree.Multiply) -> Sequence[Term]:
        """The factors of a product, without the groups that signs make where vectors are meant in a row."""
        if self.reading.product != "row" or said.elementwise:
            return _in_a_chain(said.factors)
        return _in_a_chain(
            tuple(
                one
                for factor in said.factors
                for one in (self.factors(factor) if _unbracketed(factor) else (factor,))  # type: ignore[arg-type]  # it is one
            )
        )

    def _merged_before_the_last(self, parts: list[Built]) -> list[Built]:
        """Columns multiplied entry by entry, but for the last one."""
        *front, last = parts
        if len(front) < 2 or not all(map(self._vector, parts)) or len({part.shape for part in front}) > 1:
            return parts
        return [Built(nodes.hadamard(*(self.node(part) for part in front))), last]

    def _spread(self, parts: list[Built]) -> list[Built]:
        """Vectors beside a matrix as diagonal matrices."""
        if not any(1 not in part.shape for part in parts) and len(parts) > 1:
            return self._merged(parts)
        return [
            Built(nodes.diag(self.node(part) if part.shape[1] == 1 else nodes.transpose(part.node)))
            if self._vector(part) and not part.flipped and not self._is_gradient(part)
            else part
            for part in parts
        ]

    @staticmethod
    def _is_gradient(part: Built) -> bool:
        """Whether this is ∂J/∂q, as a column or a row."""
        node = part.node
        return isinstance(node.args[0] if isinstance(node, Transpose) else node, Adjoint)

    @staticmethod
    def _vector(part: Built) -> bool:
        return 1 in part.shape and part.shape != (1, 1) and part.flat is None

    @staticmethod
    def _length(part: Built) -> Expr:
        return part.shape[0] if part.shape[1] == 1 else part.shape[1]

    def flipped(self, body: Built) -> Built:
        if body.node is None:
            return replace(body, flipped=not body.flipped)
        if body.flat is not None:
            raise MisfitError("the transpose of a derivative by a matrix")
        return Built(nodes.transpose(body.node), flipped=not body.flipped)
