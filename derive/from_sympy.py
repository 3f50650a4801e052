"""SymPy expressions -> equations of a cell: ordinary SymPy becomes nodes, through the constructors that check shapes.

SymPy neither checks symbolic shapes nor keeps the order in which a sum or an elementwise product was written. Here they
get the order in which such equations are written: in a sum numbers, what comes from the inputs, from the step before,
from this step, and last the parameters alone; in a product parameters, what this step assigns, inputs, the step before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatchmethod
from typing import Any

from sympy import (
    Add,
    Basic,
    BlockMatrix,
    Eq,
    Expr,
    Function,
    HadamardPower,
    HadamardProduct,
    Heaviside,
    Identity,
    Integer,
    Lambda,
    MatAdd,
    MatMul,
    MatPow,
    MatrixSymbol,
    Mul,
    OneMatrix,
    Pow,
    Rational,
    S,
    Symbol,
    Transpose,
    ZeroMatrix,
    exp,
    preorder_traversal,
)
from sympy.core.function import AppliedUndef, FunctionClass
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from derive import functions, nodes
from derive.cell import Equation
from derive.errors import InputError, Place
from derive.nodes import Concat, Elementwise, Node, Quantity, Size, Slice, Softmax, shift, t
from derive.notation import Notation
from derive.reader import named

HIGHEST_POWER = 16
"""The largest exponent of a matrix power, which is written out as a product."""


def quantity(name: str, rows: Any, cols: Any = 1, time: Any = None) -> Quantity:
    """A quantity of a cell: a column of `rows` entries, or a matrix; at a time such as `t` or `t - 1`, or without one.

    Sizes are SymPy symbols, letters or numbers. `h.at(t - 1)` is the same quantity a step earlier.
    """
    rows, cols = (Symbol(n) if isinstance(n, str) else n for n in (rows, cols))
    return Quantity(name, rows, cols, time)


def equations_from(given: Sequence[Any]) -> tuple[tuple[Equation, ...], Notation]:
    """Equations from `Eq(h, ...)`, pairs (h, ...) or Equations, and the letters in which LaTeX names are written.

    Raises InputError or ShapeError, which say which equation and which part of it.
    """
    if isinstance(given, Basic) or (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], Basic)):
        given = [given]
    places = [Place(f"equation {number}", 1, 1, 1) for number in range(1, len(given) + 1)]
    pairs = [_sides(one, place) for one, place in zip(given, places, strict=True)]
    try:
        conversion = _Conversion(pairs, places)
        found = tuple(conversion.equation(*pair, place) for pair, place in zip(pairs, places, strict=True))
    except RecursionError:
        raise InputError("operations are nested too deeply to be read") from None
    return found, Notation("as written", tuple(conversion.letters.items()))


def _sides(one: Any, place: Place) -> tuple[Basic, Basic]:
    if isinstance(one, Equation):
        return one.symbol, one.expression
    if isinstance(one, Eq):
        return one.lhs, one.rhs
    if one is False or one is S.false:
        raise InputError(
            "SymPy holds this equation to be false: its sides differ in shape, or one of them is a scalar to SymPy",
            place,
            "give the pair (left, right), of which the shapes can be told, and (...).applyfunc(tanh) for tanh(...)",
        )
    if isinstance(one, tuple | list) and len(one) == 2 and all(isinstance(side, Basic) for side in one):
        return one[0], one[1]
    raise InputError(f"not an equation: {_short(one)}", place, "write Eq(h, ...) or the pair (h, ...)")


def _short(part: Any) -> str:
    written = str(part)
    return written if len(written) <= 80 else written[:79] + "…"


class _Conversion:
    """What must be known of all equations to convert one: the sizes, what is assigned, and how names are written."""

    def __init__(self, pairs: Sequence[tuple[Basic, Basic]], places: Sequence[Place]) -> None:
        self.place = places[0] if places else None
        self.letters: dict[str, str] = {}
        matrices = {atom for pair in pairs for side in pair for atom in side.atoms(MatrixSymbol, OneMatrix, Identity)}
        self.sizes = {symbol for atom in matrices for n in atom.shape for symbol in n.free_symbols}
        self.assigned: list[str] = []
        for (left, _), place in zip(pairs, places, strict=True):
            self.place = place
            self.assigned.append(self.target(left).name)

    def error(self, message: str, hint: str = "") -> InputError:
        return InputError(message, self.place, hint)

    def equation(self, left: Basic, right: Basic, place: Place) -> Equation:
        self.place = place
        symbol = self.target(left)
        by = _offset(symbol)
        try:
            expression = self.node(right, symbol)
        except InputError as error:
            error.place = error.place or place
            raise
        return Equation(symbol.at(t), shift(expression, -by), place)

    def target(self, left: Basic) -> Quantity:
        if not isinstance(left, MatrixSymbol | Symbol):
            raise self.error(f"the left side must be one quantity, not {type(left).__name__} {_short(left)}")
        symbol = self.named_quantity(left)
        if symbol.time is None:
            raise self.error(
                f"{symbol.name} is assigned without a time index",
                f"write derive.quantity({symbol.name!r}, {left.shape[0] if isinstance(left, MatrixSymbol) else 1}, "
                f"time=derive.t), or call it {symbol.name}_t",
            )
        return symbol

    def size(self, written: Expr) -> Size:
        return written.xreplace({symbol: nodes.size(symbol.name) for symbol in written.free_symbols})

    def shape(self, matrix: Any) -> tuple[Size, Size]:
        rows, cols = matrix.shape
        return self.size(rows), self.size(cols)

    def time(self, written: Expr | None) -> Expr | None:
        if written is None:
            return None
        time = written.xreplace({symbol: t for symbol in written.free_symbols if symbol.name == t.name})
        if not (time - t).is_Integer:
            raise self.error(f"the time index {written} is not t, or t and a number", "as in h.at(derive.t - 1)")
        return time

    def named_quantity(self, written: Any) -> Quantity:
        """A quantity; other symbols have names as in a note, so that `h_t` and `h_{t-1}` tell the time."""
        rows, cols = self.shape(written) if isinstance(written, MatrixSymbol) else (S.One, S.One)
        if isinstance(written, Quantity):
            return Quantity(written.name, rows, cols, self.time(written.time))
        found = named(written.name)
        if found is None:
            raise self.error(f"{written.name!r} cannot be read as a name", "write it as in a note: W_i, h_t, h_{t-1}")
        name, offset, letter = found
        if "\\" in letter:
            self.letters.setdefault(name, letter)
        return Quantity(name, rows, cols, None if offset is None else t + offset)

    def node(self, written: Basic, like: Node | None = None) -> Node:
        """An expression as a node; `like` gives the shape where a scalar stands for every entry."""
        if isinstance(written, Function) and any(getattr(argument, "is_Matrix", False) for argument in written.args):
            return self.called(written.func, [self.convert(argument) for argument in written.args])
        if isinstance(written, Expr) and not written.is_Matrix:
            return self.scalar(written, {}, (S.One, S.One) if like is None else like.shape)
        return self.convert(written)

    @singledispatchmethod
    def convert(self, written: Basic) -> Node:
        """A matrix expression as a node; one rule per class."""
        if isinstance(written, Function):
            return self.node(written)
        raise self.error(
            f"the SymPy node {type(written).__name__} has no counterpart in a cell: {_short(written)}",
            "what can stand here: +, products, .T, HadamardProduct, HadamardPower, applyfunc, Identity, OneMatrix, "
            "ZeroMatrix, DiagMatrix, BlockMatrix, and derive.nodes",
        )

    @convert.register
    def _(self, written: MatrixSymbol) -> Node:
        return self.named_quantity(written)

    @convert.register(MatAdd)
    def _(self, written: MatAdd) -> Node:
        terms = [self.convert(argument) for argument in written.args]
        return nodes.add(*sorted(terms, key=self.rank))

    def rank(self, term: Node) -> int:
        """The place of a term in a sum."""
        ranks = [
            3 if q.time is None else 1 if q.time != t else 2 if q.name in self.assigned else 0
            for q in nodes.leaves(term)
        ]
        return min(ranks, default=-1)

    def factor_rank(self, factor: Node) -> tuple[int, int, int]:
        """The place of a factor in an elementwise product; of two alike the simpler one stands first."""
        timed = [q for q in nodes.leaves(factor) if q.time is not None]
        ranks = [
            (3, 0) if q.time != t else (1, self.assigned.index(q.name)) if q.name in self.assigned else (2, 0)
            for q in timed
        ]
        return (*min(ranks, default=(0, 0)), sum(1 for _ in preorder_traversal(factor)))

    def product(self, factors: Iterable[Node]) -> Node:
        return nodes.hadamard(*sorted(factors, key=self.factor_rank))

    @convert.register(MatMul)
    def _(self, written: MatMul) -> Node:
        number, *factors = written.as_coeff_mmul()
        parts = factors[0].args if isinstance(factors[0], MatMul) else factors
        product = self.convert(parts[0])
        for part in parts[1:]:
            factor = self.convert(part)
            if product.shape == (1, 1):
                product = nodes.scaled(product, factor)
            elif factor.shape == (1, 1):
                product = nodes.scaled(factor, product)
            else:
                product = nodes.matmul(product, factor)
        plain, symbols = number.as_coeff_Mul()
        product = nodes.scale(self.rational(plain), product)
        return product if symbols == 1 else nodes.scaled(self.scalar(symbols, {}, (S.One, S.One)), product)

    @convert.register(MatPow)
    def _(self, written: MatPow) -> Node:
        if not (written.exp.is_Integer and 0 <= written.exp <= HIGHEST_POWER):
            raise self.error(
                f"the matrix power {_short(written)} is not a product that can be written out",
                "for a power entry by entry use HadamardPower",
            )
        base = self.convert(written.base)
        return nodes.matmul(*[base] * int(written.exp)) if written.exp else Identity(base.shape[0])

    @convert.register(Transpose)
    def _(self, written: Transpose) -> Node:
        return nodes.transpose(self.convert(written.arg))

    @convert.register(HadamardProduct)
    def _(self, written: HadamardProduct) -> Node:
        return self.product(map(self.convert, written.args))

    @convert.register(HadamardPower)
    def _(self, written: HadamardPower) -> Node:
        if not written.exp.is_Number:
            raise self.error(f"the exponent of {_short(written)} is not a number")
        return nodes.power(self.convert(written.base), self.rational(written.exp))

    @convert.register(OneMatrix)
    @convert.register(ZeroMatrix)
    def _(self, written: Any) -> Node:
        return type(written)(*self.shape(written))

    @convert.register(Identity)
    def _(self, written: Identity) -> Node:
        return Identity(self.shape(written)[0])

    @convert.register(DiagMatrix)
    def _(self, written: DiagMatrix) -> Node:
        return nodes.diag(self.convert(written.args[0]))

    @convert.register(DiagonalOf)
    def _(self, written: DiagonalOf) -> Node:
        return nodes.diagonal(self.convert(written.args[0]))

    @convert.register(BlockMatrix)
    def _(self, written: BlockMatrix) -> Node:
        blocks = written.blocks
        rows = [[self.convert(blocks[i, j]) for j in range(blocks.cols)] for i in range(blocks.rows)]
        return nodes.concat(0, *(nodes.concat(1, *row) for row in rows))

    @convert.register(ElementwiseApplyFunction)
    def _(self, written: ElementwiseApplyFunction) -> Node:
        operand = self.convert(written.expr)
        function = written.function
        if isinstance(function, FunctionClass):
            return self.called(function, [operand])
        if not isinstance(function, Lambda) or len(function.variables) != 1:
            raise self.error(f"{_short(function)} is no function of one argument")
        return self.scalar(function.expr, {function.variables[0]: operand}, operand.shape)

    @convert.register(Elementwise)
    @convert.register(Softmax)
    @convert.register(Concat)
    @convert.register(Slice)
    def _(self, written: Any) -> Node:
        rebuilt = nodes.rebuild(written, map(self.convert, nodes.children(written)))
        return rebuilt.xreplace({symbol: nodes.size(symbol.name) for symbol in self.sizes})

    def scalar(self, written: Expr, known: Mapping[Symbol, Node], shape: tuple[Size, Size]) -> Node:
        """A scalar expression entry by entry: `known` symbols are nodes of the shape, others are scalar parameters."""
        if written in known:
            return known[written]
        if written.free_symbols & self.sizes:
            raise self.error(f"{_short(written)} computes with a size", "give the number, or a parameter in its place")
        if isinstance(written, Symbol):
            return nodes.scaled(self.named_quantity(written), nodes.ones(*shape))
        if written.is_number:
            return nodes.scale(self.rational(written), nodes.ones(*shape))
        for inside in sorted(written.atoms(exp), key=str):
            # The logistic function and its kin are written out in SymPy; here they are one function, and stable.
            for argument in (inside.args[0], -inside.args[0]):
                for entry in functions.ENTRIES.values():
                    if entry.expression.has(exp) and entry.expression.xreplace({functions.a: argument}) == written:
                        return nodes.apply(entry.function, self.scalar(argument, known, shape))
        operands = written.args
        if isinstance(written, Add):
            terms = [self.scalar(argument, known, shape) for argument in operands]
            return nodes.add(*sorted(terms, key=self.rank))
        if isinstance(written, Mul):
            return self.product(self.scalar(argument, known, shape) for argument in operands)
        if isinstance(written, Pow) and written.exp.is_Rational:
            base = self.scalar(written.base, known, shape)
            root = functions.function("sqrt")
            return nodes.apply(root, base) if root and written.exp == S.Half else nodes.power(base, written.exp)
        if isinstance(written, AppliedUndef) or functions.function(_name(written.func)):
            operands = operands[:1] if isinstance(written, Heaviside) else operands  # without its value at 0
            return self.called(written.func, [self.scalar(argument, known, shape) for argument in operands])
        raise self.error(
            f"the SymPy node {type(written).__name__} has no counterpart in an elementwise function: {_short(written)}"
        )

    def called(self, function: Any, operands: Sequence[Node]) -> Node:
        """A function by its name: one that is known, else one left open, such as f."""
        name = _name(function)
        known = functions.function(name)
        if name == "softmax":
            return nodes.softmax(operands[0])
        if known is None and (len(operands) != 1 or not issubclass(function, AppliedUndef)):
            raise self.error(
                f"there is no function {function.__name__}",
                f"known: {', '.join(sorted(functions.ENTRIES))}, softmax; Function('f') stands for any other",
            )
        return self.applied(known or functions.ScalarFunction(name), operands)

    def applied(self, function: functions.ScalarFunction, operands: Sequence[Node]) -> Node:
        """A call; SymPy's Max(0, a) is the function that has a name of its own."""
        rectifier = functions.function("relu")
        zeros = [operand for operand in operands if isinstance(operand, ZeroMatrix)]
        if rectifier and len(operands) == 2 and len(zeros) == 1 and function == functions.function("max"):
            return nodes.apply(rectifier, next(operand for operand in operands if operand not in zeros))
        arity = len(function.body.variables)
        if len(operands) > arity > 1:  # SymPy's Max takes any number of arguments
            operands = [operands[0], self.applied(function, operands[1:])]
        if len(operands) != arity:
            raise self.error(f"{function.name} takes {arity} argument{'s' * (arity > 1)}, not {len(operands)}")
        return nodes.apply(function, *operands)

    def rational(self, number: Expr) -> Expr:
        """An exact number; a decimal number means what it shows."""
        exact = Rational(str(number)) if number.is_Float else number
        if not exact.is_Rational:
            raise self.error(f"{number} is no rational number", "write it as a decimal number, or as a parameter")
        return exact


def _name(function: Any) -> str:
    """The name of a SymPy function as the table has it: Max is max."""
    name = str(function.__name__)
    return name.lower() if functions.function(name.lower()) else name


def _offset(symbol: Quantity) -> int:
    """How many steps from t a quantity with a time stands."""
    assert symbol.time is not None
    return int(Integer(symbol.time - t))


def names_of(some: Iterable[Any]) -> list[str]:
    """The names of quantities given as such or by name."""
    return [one if isinstance(one, str) else one.name for one in some]
