"""The rules: every class of SymPy expression that can stand in a cell, as nodes built by the checked constructors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import singledispatchmethod
from typing import Any

from sympy import (
    Add,
    Basic,
    BlockMatrix,
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
    S,
    Symbol,
    Transpose,
    ZeroMatrix,
    exp,
)
from sympy.core.function import AppliedUndef, FunctionClass
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from derive import functions, nodes
from derive.cell import Equation
from derive.errors import InputError, Place
from derive.from_sympy.names import Names, short
from derive.nodes import Concat, Elementwise, Node, Quantity, Size, Slice, Softmax, shift, t

HIGHEST_POWER = 16
"""The largest exponent of a matrix power, which is written out as a product."""


class Conversion(Names):
    """SymPy expressions -> nodes."""

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
            f"the SymPy node {type(written).__name__} has no counterpart in a cell: {short(written)}",
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
                f"the matrix power {short(written)} is not a product that can be written out",
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
            raise self.error(f"the exponent of {short(written)} is not a number")
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
            raise self.error(f"{short(function)} is no function of one argument")
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
            raise self.error(f"{short(written)} computes with a size", "give the number, or a parameter in its place")
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
            f"the SymPy node {type(written).__name__} has no counterpart in an elementwise function: {short(written)}"
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
        return self.applied(known or functions.ScalarFunction(self.checked(name)), operands)

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


def _name(function: Any) -> str:
    """The name of a SymPy function as the table has it: Max is max."""
    name = str(function.__name__)
    return name.lower() if functions.function(name.lower()) else name


def _offset(symbol: Quantity) -> int:
    """How many steps from t a quantity with a time stands."""
    assert symbol.time is not None
    return int(Integer(symbol.time - t))
