"""Terms -> nodes: every part gets its size by unification; the node is built when all sizes are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from sympy import Expr, Integer

from derive import nodes
from derive.errors import ShapeError
from derive.functions import ScalarFunction, function
from derive.nodes import Node
from derive.reader.meaning.tree import (
    LONGEST_POWER,
    Add,
    Call,
    Constant,
    Divide,
    Identity,
    Multiply,
    Ones,
    Part,
    Power,
    Ref,
    SizeOf,
    Slice,
    Stack,
    Term,
    Total,
    Transposed,
    between,
    exact_power,
)
from derive.reader.sizes.joining import TOTALS
from derive.reader.sizes.shapes import ONE, Dim, Sizes, total
from derive.reader.sizes.typed import Shapes, Typed


class Inference(Shapes):
    """Gives every term its shape, one rule for each kind of term."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.cuts: list[tuple[Dim, Dim, Callable[[], ShapeError]]] = []
        """Slices with an end: what they are cut from, and that end."""
        self.splits: dict[Term, list[Dim]] = {}
        """What is split, with the sizes of its parts."""

    def typed(self, term: Term) -> Typed:
        """The shape of a term, with what it demands of the sizes inside."""
        match term:
            case Ref(name=name, time=time):
                rows, cols = self.shapes[name]
                return Typed(term, rows, cols, lambda: self.quantity(name, time))
            case Constant(value=value):
                return self._number(term, value)
            case SizeOf(letter=letter):
                return self._number(term, self.sizes.expression(self.sizes.letter(letter)))
            case Ones():
                rows = self.sizes.fresh()
                return Typed(term, rows, ONE, lambda: nodes.ones(self.sizes.expression(rows)))
            case Identity():
                n = self.sizes.fresh()
                return Typed(term, n, n, lambda: nodes.diag(nodes.ones(self.sizes.expression(n))))
            case Add():
                return self._add(term)
            case Multiply():
                operands = [self.typed(factor) for factor in term.factors]
                if not term.elementwise:
                    operands = self._rows_of_ones(operands)
                return self._elementwise(term, operands) if term.elementwise else self._by_shape(term, operands)
            case Divide():
                return self._divide(term)
            case Power():
                return self._power(term)
            case Transposed():
                return self._transposed(term)
            case Call():
                return self._call(term)
            case Stack():
                return self._stack(term)
            case Part():
                return self._part(term)
            case Slice():
                return self._slice(term)
            case Total(body=body):
                inner = self.typed(body)
                if inner.number is not None:
                    raise ShapeError("a sum over nothing", term.place)
                return Typed(term, ONE, ONE, lambda: nodes.total(inner.build()))
        raise AssertionError(term)

    def _number(self, term: Term, value: Expr) -> Typed:
        if not (value.is_Rational or (value.free_symbols and value.is_rational_function())):
            raise term.error(
                f"{term.written} is no rational number",
                "write it as a decimal number, or as a parameter in $\\mathbb{R}$",
            )
        return Typed(term, ONE, ONE, lambda: nodes.scale(value, nodes.ones(1)), value)

    def filled(self, number: Expr, like: Typed) -> Node:
        """A number in every entry of a shape."""
        rows, cols = self.sizes.expression(like.rows), self.sizes.expression(like.cols)
        return nodes.scale(number, nodes.ones(rows, cols))

    def _add(self, term: Add) -> Typed:
        operands = [(sign, self.typed(part)) for sign, part in term.terms]
        shaped = [typed for _, typed in operands if typed.number is None]
        if not shaped:
            numbers = [sign * typed.number for sign, typed in operands if typed.number is not None]
            return self._number(term, sum(numbers, Integer(0)))
        first = next((typed for typed in shaped if self.is_wide(typed)), shaped[0])
        # Only a scalar with a name: a product that collapses to one entry is more often a transpose that slipped in.
        spread = {
            id(typed)
            for typed in shaped
            if (isinstance(typed.term, Ref) and self.is_scalar(typed) and self.is_wide(first))
            or (isinstance(typed.term, Call) and typed.term.function in TOTALS and typed is not first)
        }
        for other in shaped:
            if other is not first and id(other) not in spread:
                self.same("add", *((first, other) if shaped[0] is first else (other, first)), other.term)

        def part(sign: int, typed: Typed) -> Node:
            if typed.number is not None:
                return self.filled(sign * typed.number, first)
            entries = nodes.ones(self.sizes.expression(first.rows))
            node = nodes.matmul(entries, typed.build()) if id(typed) in spread else typed.build()
            return nodes.scale(sign, node)

        def build() -> Node:
            return nodes.add(*(part(sign, typed) for sign, typed in operands))

        return Typed(term, first.rows, first.cols, build)

    def _elementwise(self, term: Multiply, operands: list[Typed]) -> Typed:
        number: Expr = Integer(1)
        shaped: list[Typed] = []
        for typed in operands:
            if typed.number is not None:
                number *= typed.number
            else:
                shaped.append(typed)
        if not shaped:
            return self._number(term, number)
        scalars = [typed for typed in shaped if self.is_scalar(typed)]
        if len(scalars) < len(shaped):  # a scalar beside ⊙ stands in every entry
            shaped = [typed for typed in shaped if not self.is_scalar(typed)]
        else:
            scalars = []
        first = shaped[0]
        for other in shaped[1:]:
            self.same("multiply elementwise", first, other, term)

        def build() -> Node:
            whole = nodes.scale(number, nodes.hadamard(*(typed.build() for typed in shaped)))
            for factor in scalars:
                whole = nodes.scaled(factor.build(), whole)
            return whole

        return Typed(term, first.rows, first.cols, build)

    def _by_shape(self, term: Multiply, operands: list[Typed]) -> Typed:
        """A product whose meaning follows from the shapes, from left to right; a matrix waits for what it acts on."""
        stack: list[Typed] = []
        for position, typed in enumerate(operands):
            stack.append(typed)
            waits = position + 1 < len(operands) and (self.is_matrix(typed) or self.is_row(typed))
            while len(stack) > 1 and not waits:
                right, left = stack.pop(), stack.pop()
                stack.append(self._pair(left, right, term))
                # An outer product or a matrix that came of it acts on what follows.
                waits = position + 1 < len(operands) and self.is_matrix(stack[-1])
        while len(stack) > 1:
            right, left = stack.pop(), stack.pop()
            stack.append(self._pair(left, right, term))
        return stack[0]

    def _pair(self, left: Typed, right: Typed, whole: Multiply) -> Typed:
        at = type(whole)((left.term, right.term), False, span=between(left.term, right.term))
        if left.number is not None and right.number is not None:
            return self._number(at, left.number * right.number)
        if left.number is not None or right.number is not None:
            number, other = (left.number, right) if left.number is not None else (right.number, left)
            return Typed(at, other.rows, other.cols, lambda: nodes.scale(number, other.build()))
        if self.is_scalar(left) or self.is_scalar(right):
            factor, other = (left, right) if self.is_scalar(left) else (right, left)
            return Typed(at, other.rows, other.cols, lambda: nodes.scaled(factor.build(), other.build()))
        if self.is_column(left) and self.is_column(right):
            self.same("multiply", left, right, at)
            return Typed(at, left.rows, left.cols, lambda: nodes.hadamard(left.build(), right.build()))
        if self.is_column(left) and self.is_row(right):
            return Typed(at, left.rows, right.cols, lambda: nodes.matmul(left.build(), right.build()))
        if self.is_column(left) or self.is_row(right):
            raise self.clash(
                "multiply", left, right, at, "quantities are columns: a matrix stands left of the vector it acts on"
            )()
        failure = self.clash("multiply", left, right, at)
        if len(left.blocks) == len(right.blocks):
            for ours, theirs in zip(left.blocks, right.blocks, strict=True):  # [A, B] [a; b] = A a + B b
                self.sizes.unify(ours, theirs, failure)
        self.sizes.unify(left.cols, right.rows, failure)
        return Typed(at, left.rows, right.cols, lambda: nodes.matmul(left.build(), right.build()))

    def _divide(self, term: Divide) -> Typed:
        above, below = self.typed(term.above), self.typed(term.below)
        if below.number is not None:
            divisor = below.number
            if divisor == 0:
                raise term.error("division by zero")
            if above.number is not None:
                return self._number(term, above.number / divisor)
            return Typed(term, above.rows, above.cols, lambda: nodes.scale(1 / divisor, above.build()))
        single = above.number is None and self.is_scalar(above) and not self.is_scalar(below)
        if above.number is not None or single:
            number = Integer(1) if above.number is None else above.number

            def divided() -> Node:
                whole = nodes.divide(self.filled(number, below), below.build())
                return nodes.scaled(above.build(), whole) if single else whole

            return Typed(term, below.rows, below.cols, divided)
        if self.is_scalar(below) and not self.is_scalar(above):
            return Typed(
                term, above.rows, above.cols, lambda: nodes.scaled(nodes.power(below.build(), -1), above.build())
            )  # fmt: skip
        self.same("divide", above, below, term)
        return Typed(term, above.rows, above.cols, lambda: nodes.divide(above.build(), below.build()))

    def _power(self, term: Power) -> Typed:
        base = self.typed(term.base)
        if base.number is not None:
            value = exact_power(base.number, term.exponent, term)
            if base.number.free_symbols and not value.is_rational_function():  # d^{-1/2} of a size
                single = nodes.scale(base.number, nodes.ones(1))
                return Typed(term, ONE, ONE, lambda: nodes.power(single, term.exponent))
            return self._number(term, value)
        if self.is_matrix(base) and term.exponent < 0:
            raise ShapeError("the inverse of a matrix cannot be read", term.place, "give it a letter of its own")
        if self.is_matrix(base):
            raise ShapeError(
                f"a power of the matrix {self.shape_text(base)} can mean two things", term.place,
                "write the product out, with \\odot if it is elementwise",
            )  # fmt: skip
        if abs(term.exponent) > LONGEST_POWER:
            raise term.error("this exponent is too large")
        return Typed(term, base.rows, base.cols, lambda: nodes.power(base.build(), term.exponent))

    def _transposed(self, term: Transposed) -> Typed:
        body = self.typed(term.body)
        if body.number is not None:
            return body
        return Typed(term, body.cols, body.rows, lambda: nodes.transpose(body.build()))

    def _call(self, term: Call) -> Typed:
        arguments = [self.typed(argument) for argument in term.arguments]
        function = term.function
        shaped = [typed for typed in arguments if typed.number is None]
        if isinstance(function, str):
            return self._named(function, term, arguments[0])
        if not shaped:
            if not function.specified:
                raise ShapeError(f"{term.written} is applied to a number, so that its shape is open", term.place)
            values = [typed.number for typed in arguments if typed.number is not None]
            value = function.value(*values)
            if values[0].free_symbols and not value.is_rational_function():  # √d of a size
                single = [nodes.scale(number, nodes.ones(1)) for number in values]
                return Typed(term, ONE, ONE, lambda: nodes.apply(function, *single))
            return self._number(term, value)
        first = shaped[0]
        for other in shaped[1:]:
            self.same(f"apply {function.name} to", first, other, term)

        def build(applied: ScalarFunction = function) -> Node:
            operands = (
                typed.build() if typed.number is None else self.filled(typed.number, first) for typed in arguments
            )
            return nodes.apply(applied, *operands)

        return Typed(term, first.rows, first.cols, build)

    def _named(self, name: str, term: Call, argument: Typed) -> Typed:
        """softmax, diag, mean and variance act on a whole vector."""
        if argument.number is not None or not self.sizes.is_one(argument.cols):
            raise ShapeError(f"{name} acts on a column vector, not on {self.shape_text(argument)}", term.place)
        if name == "softmax":
            return Typed(term, argument.rows, argument.cols, lambda: nodes.softmax(argument.build()))
        if name in TOTALS:
            return Typed(term, ONE, ONE, lambda: summary(name, argument.build()))
        return Typed(term, argument.rows, argument.rows, lambda: nodes.diag(argument.build()))

    def _stack(self, term: Stack) -> Typed:
        rows = [[self.typed(cell) for cell in row] for row in term.rows]
        column = len(rows) == 1 or all(len(row) == 1 for row in rows)
        if column and any(cell.number is None for row in rows for cell in row):
            rows = [[self._one_entry(cell) for cell in row] for row in rows]  # [1; u], for a bias in the matrix
        for cell in (cell for row in rows for cell in row):
            if cell.number is not None:
                raise ShapeError(f"a number cannot be stacked: {cell.term.written}", cell.term.place)
        if len(rows) == 1 and all(self.is_column(cell) or self.is_scalar(cell) for cell in rows[0]):
            rows = [[cell] for cell in rows[0]]  # [h, x] of vectors is meant as one below the other
        return self._joined(0, [self._joined(1, row, term) for row in rows], term)

    def _rows_of_ones(self, operands: Sequence[Typed]) -> list[Typed]:
        """The operands with ones behind a column as a row: αᵀ 𝟏 of rows is an outer product."""
        found = list(operands)
        for at, (left, right) in enumerate(pairwise(operands)):
            if isinstance(right.term, Ones) and self.is_column(left):
                found[at + 1] = Typed(right.term, ONE, right.rows, self._row(right.rows))
        return found

    def _row(self, cols: Dim) -> Callable[[], Node]:
        return lambda: nodes.ones(Integer(1), self.sizes.expression(cols))

    def _one_entry(self, cell: Typed) -> Typed:
        """A number as an entry of a vector."""
        value = cell.number
        if value is None:
            return cell
        like = Typed(cell.term, ONE, ONE, lambda: nodes.ones(Integer(1), Integer(1)))
        return Typed(cell.term, ONE, ONE, lambda: self.filled(value, like))

    def _part(self, term: Part) -> Typed:
        """One of several parts, as long as their uses demand; `even_splits` makes equal what these leave open."""
        body = self.typed(term.body)
        parts = self.splits.get(term.body)
        if parts is None:
            parts = self.splits[term.body] = [self.sizes.fresh() for _ in range(term.count)]
            self.sizes.unify(body.rows, total(parts), self._no_split(body, parts, term))
        rows, before = parts[term.index], total(parts[: term.index])

        def build() -> Node:
            start, length = self.sizes.expression(before), self.sizes.expression(rows)
            return nodes.block(0, body.build(), start, length)

        return Typed(term, rows, body.cols, build)

    def _slice(self, term: Slice) -> Typed:
        """Rows or columns from a border to another; what has no end of its own ends with the last of its slices."""
        body = self.typed(term.body)
        lying = term.alone and self.sizes.is_one(body.rows) and not self.sizes.is_one(body.cols)
        axis = 1 if lying else term.axis
        along = body.rows if axis == 0 else body.cols
        start = self._border(term.start, term)

        def failure() -> ShapeError:
            return ShapeError(f"{term.written} is cut from {self.shape_text(body)}, whose end is another", term.place)

        if term.end is not None:
            end = self._border(term.end, term)
            length = self._border(term.end - (term.start or 0), term)
            self.cuts.append((along, end, failure))
        else:
            whole = self.sizes.find(along)
            kept = Counter(start.variables) - Counter(whole.variables)
            if not kept and whole.constant >= start.constant:
                rest = Counter(whole.variables) - Counter(start.variables)
                length = Dim(whole.constant - start.constant, tuple(sorted(rest.elements())))
            else:
                length = self.sizes.fresh()
                self.sizes.unify(along, start + length, failure)
        rows, cols = (length, body.cols) if axis == 0 else (body.rows, length)

        def build() -> Node:
            return nodes.block(axis, body.build(), self.sizes.expression(start), self.sizes.expression(length))

        return Typed(term, rows, cols, build)

    def _border(self, border: Expr | None, term: Slice) -> Dim:
        """A border of a slice as a size."""
        constant, rest = (border or Integer(0)).as_coeff_Add()
        counts = rest.as_coefficients_dict()
        letters = {size: int(number) for size, number in counts.items() if size.is_Symbol and number > 0}
        if not constant.is_Integer or constant < 0 or len(letters) != len([n for n in counts.values() if n != 0]):
            raise term.error(f"a border of {term.written} is no size", "write W[:, D:], z[H:2H], or z_{t,1:K}")
        parts = (self.sizes.letter(size.name) for size, number in letters.items() for _ in range(number))
        return total(parts) + Dim(int(constant))

    def ends_of_cuts(self) -> None:
        """What nothing else ends has its end where the last of its slices has it."""
        self.sizes.settle(final=False)
        for along, end, failure in sorted(self.cuts, key=lambda cut: self._extent_of(cut[1]), reverse=True):
            whole = self.sizes.find(along)
            beyond = Counter(self.sizes.find(end).variables) - Counter(whole.variables)
            if self.sizes.is_open(whole) or beyond or whole.constant < self.sizes.find(end).constant:
                self.sizes.unify(along, end, failure)
        self.sizes.settle(final=False)

    def _extent_of(self, dim: Dim) -> tuple[int, int]:
        found = self.sizes.find(dim)
        return len(found.variables), found.constant

    def _no_split(self, body: Typed, parts: Sequence[Dim], term: Part) -> Callable[[], ShapeError]:
        def failure() -> ShapeError:
            rows = ", ".join(self.sizes.show(part, self.names) for part in parts)
            return ShapeError(
                f"cannot split {self.shape_text(body)} into parts of {rows} rows", term.place,
                "the parts have these sizes by their use; together they must have the rows of what is split",
            )  # fmt: skip

        return failure

    def even_splits(self) -> None:
        """Give the parts of a split whose sizes nothing says one size."""
        self.sizes.settle(final=False)
        for body, parts in self.splits.items():
            open_ = [part for part in parts if self.sizes.is_open(part)]
            for part in open_:
                self.sizes.unify(parts[0] if part is not parts[0] else parts[1], part, self._uneven(body))
        self.sizes.settle(final=False)

    def _uneven(self, body: Term) -> Callable[[], ShapeError]:
        return lambda: ShapeError(
            "the sizes of the parts that this is split into are open", body.place,
            "declare them: $a_t \\in \\mathbb{R}^{K}$",
        )  # fmt: skip

    def _joined(self, axis: int, parts: Sequence[Typed], term: Stack) -> Typed:
        first = parts[0]
        along = first.rows if axis == 0 else first.cols
        for part in parts[1:]:
            failure = self.clash("stack", first, part, part.term)
            self.sizes.unify(*((first.cols, part.cols) if axis == 0 else (first.rows, part.rows)), failure)
            along += part.rows if axis == 0 else part.cols
        if len(parts) == 1:
            return replace(first, term=term)
        across = first.cols if axis == 0 else first.rows
        rows, cols = (along, across) if axis == 0 else (across, along)
        blocks = tuple(part.rows if axis == 0 else part.cols for part in parts)
        return Typed(
            term, rows, cols, lambda: nodes.concat(axis, *(part.build() for part in parts)), blocks=blocks
        )  # fmt: skip


def summary(name: str, vector: Node) -> Node:
    """The mean, the variance (the mean of the squared deviations) or the standard deviation of the entries."""
    mean = nodes.scale(1 / vector.shape[0], nodes.total(vector))
    if name == "mean":
        return mean
    deviation = nodes.add(vector, nodes.scale(-1, nodes.matmul(nodes.ones(vector.shape[0]), mean)))
    variance = nodes.scale(1 / vector.shape[0], nodes.total(nodes.hadamard(deviation, deviation)))
    if name == "var":
        return variance
    root = function("sqrt")
    assert root is not None
    return nodes.apply(root, variance)
