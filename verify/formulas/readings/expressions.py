"""A claim under one set of conventions -> an expression node: layouts, what juxtaposition means, which ∂ is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Add, DiagMatrix, Expr, HadamardPower, Integer, MatAdd, OneMatrix, S, Symbol, ZeroMatrix

from derive import functions, nodes
from derive.calculus.adjoint import slope
from derive.errors import OpenQuestionError
from derive.functions import ScalarFunction
from derive.nodes import Elementwise, Jacobian, Largest, Node, Tabular, TimeProduct, TimeSum
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Ref, Term
from derive.reader.sizes.infer import summary
from derive.reader.sizes.joining import TOTALS
from verify.formulas.readings.conventions import POWER, Built, MisfitError
from verify.formulas.readings.matrix_chains import through_matrices
from verify.formulas.readings.multiplying import Products
from verify.truth.field import UnsupportedError, is_slope, slope_of

LARGEST_NUMBER = 512
"""Bits that a power of a number may have."""


@dataclass
class Builder(Products):
    """Builds the nodes of a claim under a reading."""

    def side(self, said: Term) -> Built:
        """The meaning of a whole side: a ∂a/∂b that stands alone is what it says, not a factor of a chain."""
        alone = said.body if isinstance(said, tree.Transposed | tree.EntryOf) else said
        mode = self.reading.derivative
        if isinstance(alone, tree.Derivative) and mode != "total" and not (mode == "step" and alone.by.time is None):
            builder = self if mode == "natural" else replace(self, reading=self.reading.natural)
            return builder.build(said)
        return self.build(said)

    def build(self, said: Term) -> Built:
        """The meaning of any part."""
        match said:
            case Ref():
                return self.value(said)
            case tree.Gradient():
                return self.gradient(said)
            case tree.Error():
                return self.build(said.argument if self.reading.delta == "argument" else said.plain)
            case tree.Derivative():
                return self.derivative(said)
            case tree.Constant():
                return Built(number=said.value)
            case tree.Ones():
                return Built(kind="ones")
            case tree.Identity():
                return Built(kind="identity") if said.size is None else Built(nodes.diag(nodes.ones(said.size)))
            case tree.Kronecker():
                return self.kronecker(said)
            case tree.Add():
                return self.terms(said)
            case tree.Use():
                return self.use(said)
            case tree.Through():
                return self.coming(said)
            case tree.Differential():
                return self.build(said.argument if self.reading.differential == "argument" else said.plain)
            case tree.Handed():
                return self.handed(said)
            case tree.Multiply():
                if said.elementwise and self.reading.precedence == "elementwise":
                    said = _regrouped(said)
                parts = self._together(said.factors) if said.elementwise else self._in_turn(self.factors(said))
                if any(part.kind == "kronecker" for part in parts):
                    parts = [self.build(factor) for factor in said.factors]
                return self.elementwise(parts) if said.elementwise else self.juxtaposed(parts, signed=said.signed)
            case tree.Divide():
                return self.quotient(said)
            case tree.Power():
                return self.raised(said)
            case tree.Transposed():
                return self.flipped(self.build(said.body))
            case tree.Call():
                return self.applied(said)
            case tree.Stack():
                return self.stacked(said)
            case tree.Slice():
                return self.part(said)
            case tree.Tabulated():
                return self.tabulated(said)
            case tree.OverTime():
                return self.over_time(said)
            case tree.OverEntries():
                return self.over_entries(said)
            case tree.Norm():
                return Built(nodes.Norm(self._normed(said), said.largest))
            case tree.Largest():
                return Built(nodes.Largest(self.node(self.build(said.body)), said.index, said.first, said.last))
            case tree.Outer():
                return self.outer(said)
            case tree.KroneckerProduct():
                return Built(nodes.Kron(*(self.node(self.build(part)) for part in (said.left, said.right))))
            case tree.Vec():
                return self.stacked_entries(said)
            case tree.SquaredNorm():
                return self.squared_norm(said)
            case tree.EntryOf():
                return self.entry_of(said)
            case tree.Shown():
                raise OpenQuestionError("a matrix given by entries with dots whose pattern is not plain")
            case tree.Total():
                return Built(nodes.total(self.node(self.build(said.body))))
        raise OpenQuestionError(f"no rule for {type(said).__name__}")

    def _in_turn(self, factors: Sequence[Term]) -> list[Built]:
        """The factors of a product, those that are a chain through a matrix as one."""
        chain = through_matrices(self.program, factors)
        if chain is None:
            return list(map(self.build, factors))
        row = self.reading.layout in ("numerator", "all rows", "rows", "batch")
        return [Built(self.laid(chain[0], row)), *map(self.build, chain[1])]

    def _normed(self, said: tree.Norm) -> Node:
        """What stands between the bars; an identity whose size nothing tells has the norm of a single one."""
        over = said.body if isinstance(said.body, tree.OverTime) and said.body.product else None
        built = self.build(said.body if over is None else over.body)
        single = built.kind == "identity" and built.node is None and built.scalar is None and not said.largest
        if not single:
            return self.node(built if over is None else self.build(said.body))
        one = nodes.scale(built.factor, nodes.ones(1, 1))
        return one if over is None else TimeProduct(one, over.index, over.first, over.last)

    def terms(self, said: tree.Add) -> Built:
        parts = [
            (sign, part)
            for (sign, _), part in zip(said.terms, self._together([term for _, term in said.terms]), strict=True)
        ]
        shaped = [part for _, part in parts if part.node is not None]
        if not shaped:
            if all(part.number is not None for _, part in parts):
                return Built(number=sum((sign * part.number for sign, part in parts), Integer(0)))  # type: ignore[operator,misc]
            if len(parts) == 1:
                raise OpenQuestionError("a constant whose size nothing tells")
            raise OpenQuestionError("constants whose size nothing tells")
        parts = self._with_identities(parts)
        shaped = [part for _, part in parts if part.node is not None]
        flats = {part.flat for part in shaped}
        shape = shaped[0].shape
        if any(part.shape != shape for part in shaped) or len(flats) > 1:
            shape, parts = self._agreed(parts)
        total = nodes.add(*(nodes.scale(sign, self.node(part, shape)) for sign, part in parts))
        return Built(total, flat=shaped[0].flat)

    def _with_identities(self, parts: list[tuple[int, Built]]) -> list[tuple[int, Built]]:
        """Numbers beside a Jacobian, as that many times the identity: 1 - α + α diag(f'(a)) W."""
        nodes_ = [part.node for _, part in parts if part.node is not None and part.shape != (1, 1)]
        size = nodes_[0].shape[0] if nodes_ else S.One
        if size == 1 or any(node.shape != (size, size) for node in nodes_):
            return parts
        if not any(isinstance(node, DiagMatrix) or node.has(DiagMatrix, Jacobian) for node in nodes_):
            return parts
        return [(sign, self._times_identity(part, size)) for sign, part in parts]

    def _times_identity(self, part: Built, size: Expr) -> Built:
        if part.number is not None:
            made = nodes.scale(part.number, nodes.diag(nodes.ones(size)))
        elif part.node is not None and part.shape == (1, 1):
            made = nodes.diag(nodes.matmul(nodes.ones(size), part.node))
        else:
            return part
        self.scaled.append(made)
        return Built(made)

    def _together(self, said: Sequence[Term]) -> list[Built]:
        """Parts of one shape; products with ones whose size the other parts tell are built behind these."""
        built: list[Built | None] = []
        refused: OpenQuestionError | None = None
        for term in said:
            try:
                built.append(self.build(term))
            except OpenQuestionError as error:
                built.append(None)
                refused = refused or error
        if refused is None:
            return [part for part in built if part is not None]
        shapes = {part.shape for part in built if part is not None and part.node is not None}
        if len(shapes) != 1:
            raise refused
        (shape,) = shapes
        return [
            self._product_beside(term, shape, refused) if part is None else part
            for term, part in zip(said, built, strict=True)
        ]

    def _product_beside(self, said: Term, shape: tuple[Expr, Expr], refused: OpenQuestionError) -> Built:
        if not isinstance(said, tree.Multiply) or said.elementwise:
            raise refused
        return self.juxtaposed([self.build(part) for part in said.factors], signed=said.signed, beside=shape)

    def _agreed(self, parts: list[tuple[int, Built]]) -> tuple[tuple[Expr, Expr], list[tuple[int, Built]]]:
        """Terms that are vectors in different layouts: numerator layout beside columns, a diagonal beside a matrix."""
        shapes = [part.shape for _, part in parts if part.node is not None]
        rows = next((s for s in shapes if s[0] == 1 and s[1] != 1), None)
        loose = self.reading.layout in ("numerator", "all rows") and not self.strictly
        mixed = loose and not any(part.flipped for _, part in parts)
        if mixed and rows is not None and all(s == rows or s == rows[::-1] for s in shapes):
            turned = [
                (sign, replace(part, node=nodes.transpose(part.node)))
                if part.node is not None and part.shape != rows
                else (sign, part)
                for sign, part in parts
            ]
            return rows, turned
        vectors = [shape for shape in dict.fromkeys(shapes) if shape != (S.One, S.One)]
        if len(vectors) == 1 and 1 in vectors[0]:
            return vectors[0], [(sign, self._everywhere(part, vectors[0])) for sign, part in parts]
        square = [shape for shape in vectors if 1 not in shape]
        if self.reading.product == "diagonal" and len(square) == 1 and square[0][0] == square[0][1]:
            length = square[0][0]
            if all(shape == square[0] or (1 in shape and length in shape) for shape in vectors):
                return square[0], [(sign, self._spread_out(part)) for sign, part in parts]
        raise MisfitError("cannot add " + " and ".join(f"{a}×{b}" for a, b in dict.fromkeys(shapes)))

    def _spread_out(self, part: Built) -> Built:
        """A vector beside a matrix, as the diagonal one: f_t + c_{t-1} ∂f_t/∂c_{t-1}."""
        if part.node is None or part.flat is not None or not self._vector(part):
            return part
        column = part.node if part.shape[1] == 1 else nodes.transpose(part.node)
        return replace(part, node=nodes.diag(column))

    def _everywhere(self, part: Built, shape: tuple[Expr, Expr]) -> Built:
        """A number beside a vector, as added to every entry."""
        if part.node is None or part.shape == shape:
            return part
        self.spread.append(part.node)
        return replace(part, node=nodes.matmul(nodes.ones(shape[0]), part.node, nodes.ones(1, shape[1])))

    def quotient(self, said: tree.Divide) -> Built:
        above, below = self.build(said.above), self.build(said.below)
        if below.number is not None:
            if below.number == 0:
                raise OpenQuestionError("division by zero")
            if above.number is not None:
                return Built(number=above.number / below.number)
            if above.node is None and above.kind in ("ones", "identity"):
                return replace(above, factor=above.factor / below.number)
            return replace(above, node=nodes.scale(1 / below.number, self.node(above)))
        bottom = self.node(below)
        if bottom.shape != (1, 1) and isinstance(said.below, _ERRORS):
            raise OpenQuestionError("a vector of gradients cannot be divided by")
        if bottom.shape == (1, 1) and above.node is not None and above.shape != (1, 1):
            return Built(self._scaled(nodes.power(bottom, -1), above.node))
        if 1 not in bottom.shape:
            raise MisfitError("division by a matrix")
        return Built(nodes.hadamard(self._fitted(above, bottom.shape), nodes.power(bottom, -1)))

    def raised(self, said: tree.Power) -> Built:
        if isinstance(said.base, tree.Call) and said.base.function in ("sech", "cosh"):
            # The field knows tanh: sech² = 1 - tanh².
            if abs(said.exponent) != 2:
                raise OpenQuestionError(f"a power of {said.base.function} other than its square")
            square = tree.Power(replace(said.base, function=_entry("tanh")), Integer(2))
            slope_ = self.terms(tree.Add(((1, tree.Constant(S.One)), (-1, square))))
            upright = (said.base.function == "sech") == (said.exponent > 0)
            return slope_ if upright else Built(nodes.power(self.node(slope_), -1))
        base = self.build(said.base)
        if base.number is not None and said.exponent.free_symbols:
            return self._power_of_number(base.number, said.exponent)
        if base.number is not None:
            parts = () if base.number.free_symbols else map(int, base.number.as_numer_denom())  # 1/T
            digits = max((abs(part).bit_length() for part in parts), default=1)
            whole = said.exponent.is_Integer and not (base.number == 0 and said.exponent < 0)
            if not whole or digits * abs(said.exponent) > LARGEST_NUMBER:
                raise OpenQuestionError("this power of a number")
            return Built(number=base.number**said.exponent)
        if base.kind in ("ones", "identity") and base.factor == 1 and base.scalar is None:
            return base
        node = self.node(base)
        if said.exponent.free_symbols and node.shape[1] == 1 != node.shape[0]:
            product = TimeProduct(nodes.diag(node), POWER, 1, said.exponent)
            return Built(nodes.diagonal(product))
        of_entries = isinstance(said.base, tree.Call) and isinstance(said.base.function, ScalarFunction)
        matrix = 1 not in node.shape and not isinstance(node, DiagMatrix) and not of_entries  # tanh²(Z)
        if said.exponent.free_symbols or matrix:
            return self._power_of_matrix(node, said.exponent)
        if isinstance(node, DiagMatrix):  # entry by entry and as a matrix product, the power is the same
            return Built(nodes.diag(nodes.power(node.args[0], said.exponent)))
        if abs(said.exponent) > 64 or not (2 * said.exponent).is_Integer:
            raise OpenQuestionError("this exponent")
        if isinstance(node, HadamardPower):
            return Built(nodes.power(node.base, node.exp * said.exponent))
        return Built(nodes.power(node, said.exponent))

    def _power_of_number(self, number: Expr, steps: Expr) -> Built:
        """A number to the power of how many steps there are."""
        if not number.is_nonnegative:
            raise OpenQuestionError("this power of a number")
        return Built(TimeProduct(nodes.scale(number, nodes.ones(1, 1)), POWER, 1, steps))

    def _power_of_matrix(self, node: Node, exponent: Expr) -> Built:
        """A matrix times itself as often as the exponent says, or its entries to that power."""
        if self.reading.power == "entries":
            if not exponent.is_Integer or abs(exponent) > 64:
                raise OpenQuestionError("this exponent")
            return Built(nodes.power(node, exponent))
        rows, cols = node.shape
        if rows != cols:
            raise MisfitError("a power of what is not a square matrix")
        if exponent.is_Integer and not 0 < exponent <= 12:
            raise OpenQuestionError("this power of a matrix")
        if exponent.is_Integer:
            return Built(nodes.matmul(*[node] * int(exponent)))
        if not exponent.free_symbols:
            raise OpenQuestionError("this power of a matrix")
        return Built(TimeProduct(node, POWER, 1, exponent))

    def applied(self, said: tree.Call) -> Built:
        inner: Builder = self
        if self.reading.product == "diagonal" and said.function != "diagonal":
            # What a function acts on is a vector: none in it stands for a diagonal matrix.
            inner = replace(self, reading=replace(self.reading, product="strict"))
        arguments = [inner.build(argument) for argument in said.arguments]
        shaped = [part for part in arguments if part.node is not None]
        function = said.function
        if function == "diag" and arguments[0].kind == "ones":
            return replace(arguments[0], kind="identity", flipped=False)
        if not shaped and function == _entry("sqrt") and arguments[0].number is not None:
            number = arguments[0].number
            if not number.is_nonnegative:
                raise OpenQuestionError("the root of what may be negative")
            return Built(nodes.apply(_entry("sqrt"), nodes.scale(number, nodes.ones(1, 1))))
        if not shaped:
            raise OpenQuestionError("a function of constants")
        if isinstance(function, str):
            node = self.node(arguments[0])
            if function.endswith("'") and len(arguments) == 1:
                own = next((f for f in self.cell.functions if f.name == function[:-1]), None)
                return Built(_slope(Elementwise(own or _entry(function[:-1]), node)))
            if function in ("softmax", "diag"):
                if 1 not in node.shape:
                    raise MisfitError(f"{function} acts on a vector")
                column = node if node.shape[1] == 1 else nodes.transpose(node)
                if function == "diag":
                    return Built(nodes.diag(column))
                result = nodes.softmax(_unshifted(column))
                return Built(result if column is node else nodes.transpose(result))
            if function in TOTALS and 1 in node.shape:
                return Built(summary(function, node if node.shape[1] == 1 else nodes.transpose(node)))
            if function == "cosh":
                return Built(nodes.apply(_entry("cosh"), node))
            if function == "diagonal" and node.shape[0] == node.shape[1]:
                return Built(nodes.diagonal(node))
            if function == "tr" and node.shape[0] == node.shape[1]:
                return Built(node if node.shape[0] == 1 else nodes.total(nodes.diagonal(node)))
            raise OpenQuestionError(f"{function} is not read here")
        if len(arguments) != len(function.body.variables):
            raise OpenQuestionError(f"{function.name} of {len(arguments)} arguments")
        shape = shaped[0].shape
        operands = [self._fitted(part, shape) for part in arguments]
        return Built(nodes.apply(function, *operands))

    def stacked(self, said: tree.Stack) -> Built:
        rows = [[self.node(self.build(cell)) for cell in row] for row in said.rows]
        if len({len(row) for row in rows}) != 1:
            raise OpenQuestionError("rows of different lengths")
        lying = self.reading.layout in ("rows", "batch")
        flat = [cell for row in rows for cell in row]
        if (len(rows) == 1 or len(rows[0]) == 1) and all(1 in cell.shape for cell in flat):
            return Built(nodes.concat(1 if lying else 0, *flat))
        if len(rows[0]) == 1 and len({cell.shape[1] for cell in flat}) > 1:  # a list: nothing stacks W, R and b
            rows = [[one if one is own else ZeroMatrix(own.shape[0], one.shape[1]) for one in flat] for own in flat]
        return Built(nodes.concat(0, *(nodes.concat(1, *row) for row in rows)))

    def outer(self, said: tree.Outer) -> Built:
        left, right = (self.node(self.build(part)) for part in (said.left, said.right))
        if any(node.shape.count(S.One) != 1 for node in (left, right)):
            raise MisfitError("⊗ of what is no vector")
        column = left if left.shape[1] == 1 else nodes.transpose(left)
        return Built(nodes.matmul(column, right if right.shape[0] == 1 else nodes.transpose(right)))

    def stacked_entries(self, said: tree.Vec) -> Built:
        built = self.build(said.body)
        if said.alone and (built.node is None or 1 in built.shape):
            return built
        if said.alone:
            self.unrolled.append(self.node(built))
        column = nodes.stacked(self.node(built), self.by_rows(said.stacking))
        lying = isinstance(said.body, tree.Gradient) and self.reading.layout not in ("columns", "denominator")
        return Built(self.laid(column, lying))

    def squared_norm(self, said: tree.SquaredNorm) -> Built:
        """The sum of squares of all entries: of a matrix, the square of its Frobenius norm."""
        node = self.node(self.build(said.body))
        if 1 not in node.shape and said.script == "2":
            raise OpenQuestionError("‖·‖₂ of a matrix, its largest singular value, is judged in bounds only")
        if 1 not in node.shape and not said.script:
            self.frobenius.append(node)
        return Built(nodes.total(nodes.hadamard(node, node)))

    def entry_of(self, said: tree.EntryOf) -> Built:
        node = self.node(self.build(said.body))
        rows, cols = node.shape
        row, column = (
            size - 1 if at is None else Integer(at) if isinstance(at, int) else at
            for size, at in ((rows, said.row), (cols, said.column))
        )
        return Built(self.entry(node, (row, column)))

    def tabulated(self, said: tree.Tabulated) -> Built:
        inner = replace(self, domains=dict(self.domains))
        built = inner.build(said.entry)
        if built.node is None:  # a Kronecker δ before anything says what its indices count
            raise OpenQuestionError("a matrix of constants")
        rows = inner.domains.get(said.row)
        cols = S.One if said.column is None else inner.domains.get(said.column, rows)
        if rows is None or cols is None:
            raise OpenQuestionError("a matrix whose indices count nothing")
        for ends, extent in zip(said.ends, (rows, cols), strict=True):
            counts = (end + 1 for end in ends)
            if any(isinstance(n, Symbol) and n.name in self.counted and n != extent for n in counts):
                raise OpenQuestionError(f"a matrix of {extent} rows or columns whose last one has another index")
        column = Symbol("column", integer=True) if said.column is None else said.column
        return Built(Tabular(inner.node(built), said.row, column, rows, cols))

    def part(self, said: tree.Slice) -> Built:
        node = self.node(self.build(said.body))
        axis = 1 - said.axis if self.reading.layout == "batch" else said.axis
        if said.alone and 1 in node.shape:
            axis = 1 if node.shape[0] == 1 else 0
        extent = node.shape[axis]
        start = S.Zero if said.start is None else said.start
        end = extent if said.end is None else said.end
        lengths = (start, end - start, extent - end)
        if any(term.could_extract_minus_sign() for length in lengths for term in Add.make_args(length.expand())):
            raise MisfitError(f"a slice from {start} to {end} of {extent}")
        return Built(nodes.block(axis, node, start, end - start))

    def over_time(self, said: tree.OverTime) -> Built:
        outside = len(self.diagonal)
        body = self.build(said.body)
        node = self.node(body)
        inside = self.diagonal[outside:]
        self.diagonal[outside:] = [TimeSum(each, said.index, said.first, said.last) for each in inside]
        if not said.product:
            return Built(TimeSum(node, said.index, said.first, said.last), flat=body.flat)
        if node.atoms(Largest) and said.index not in node.free_symbols and node.shape == (1, 1):
            return Built(TimeProduct(node, POWER, 1, said.last - said.first + 1))
        vector = 1 in node.shape and node.shape != (1, 1)
        square = nodes.diag(node if node.shape[1] == 1 else nodes.transpose(node)) if vector else node
        if square.shape[0] != square.shape[1]:
            raise MisfitError("a product of matrices that are not square")
        if self.earliest_first(said):
            turned = TimeProduct(nodes.transpose(square), said.index, said.first, said.last)
            product: Node = nodes.transpose(turned)
        else:
            product = TimeProduct(square, said.index, said.first, said.last)
        if not vector:
            return Built(product)
        spread = nodes.diagonal(product)
        return Built(spread if node.shape[1] == 1 else nodes.transpose(spread))

    def over_entries(self, said: tree.OverEntries) -> Built:
        outside = self.domains.pop(said.index, None)  # the letter of a sum may count other entries elsewhere
        self.summed.add(said.index)
        body = self.build(said.body)
        self.summed.discard(said.index)
        node = self.node(body)
        extent = self.domains.pop(said.index, None)
        if outside is not None:
            self.domains[said.index] = outside
        if extent is None:
            return Built(nodes.total(node))
        if said.extent is not None and said.extent != extent:
            raise OpenQuestionError(f"a sum over {said.extent} of {extent} entries")
        bound = tree.index_clash(said.index)
        inner = node.xreplace({said.index: bound})
        total: Node = TimeSum(inner, bound, 0, extent - 1)
        if said.without is not None:
            total = nodes.add(total, nodes.scale(-1, node.xreplace({said.index: said.without})))
        return Built(total)


_ERRORS = (tree.Gradient, tree.Error, tree.Handed, tree.Differential)


def is_run(said: Term) -> bool:
    """Whether these are factors next to each other, without signs and without brackets around them."""
    plain = isinstance(said, tree.Multiply) and not (said.elementwise or said.signed or said.bracketed)
    return plain and len(said.factors) > 1  # type: ignore[attr-defined]


def _regrouped(said: tree.Multiply) -> tree.Multiply:
    """a ⊙ b c^⊤ as (a ⊙ b) c^⊤."""
    if not any(map(is_run, said.factors)):
        return said
    run: list[Term] = []
    group: list[Term] = []

    def close() -> None:
        if group:
            run.append(group[0] if len(group) == 1 else tree.Multiply(tuple(group), True))
            group.clear()

    for i, factor in enumerate(said.factors):
        if not isinstance(factor, tree.Multiply) or not is_run(factor):
            group.append(factor)
            continue
        first, *rest = factor.factors
        if i == 0:
            run += factor.factors[:-1]
            group.append(factor.factors[-1])
            continue
        group.append(first)
        close()
        if i + 1 < len(said.factors):
            run += rest[:-1]
            group.append(rest[-1])
        else:
            run += rest
    close()
    return tree.Multiply(tuple(run))


def _unshifted(node: Node) -> Node:
    """A column without the numbers that are added to all its entries, which softmax does not see."""
    terms = node.args if isinstance(node, MatAdd) else (node,)
    kept = [term for term in terms if not isinstance(nodes.coefficient(term)[1], OneMatrix)]
    return nodes.add(*kept) if 0 < len(kept) < len(terms) else node


def _slope(called: Elementwise) -> Node:
    """f' at an argument: as the derivation writes it where that is the slope; else as differentiated in `verify`."""
    if len(called.function.body.variables) != 1:
        raise OpenQuestionError(f"the slope of {called.function.name}, which has several arguments")
    if is_slope(functions.slope(called.function, 0), called.function):
        return slope(called, 0, called)
    try:
        return nodes.apply(slope_of(called.function), *called.operands)
    except UnsupportedError as error:
        raise OpenQuestionError(str(error)) from None


def _entry(name: str) -> functions.ScalarFunction:
    found = functions.function(name)
    assert found is not None
    return found
