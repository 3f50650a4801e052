"""Expressions of the small language -> operators of ONNX, whose entrywise ones broadcast as NumPy's do."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence

from sympy import Add, Expr, Integer, Mul, Symbol

from derive import functions
from derive.errors import ProgramFault
from derive.functions import ScalarFunction, is_entry
from derive.targets.language.code import (
    Call,
    Code,
    Index,
    MatrixProduct,
    Method,
    Name,
    Number,
    Power,
    Product,
    Sum,
    Transposed,
    Tuple,
    python,
)
from derive.targets.lowering.scalars import lowered_scalar
from derive.targets.onnx.graph import Graph, Value
from derive.targets.onnx.helpers import FUNCTIONS

_ARITHMETIC = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div", ast.Pow: "Pow"}

_END = 2**63 - 1
"""The end of an axis, whatever its length."""


class Sizes:
    """Lengths of axes as values: one-dimensional arrays of one number each, read off the inputs."""

    def __init__(self, graph: Graph, size: Callable[[str], Expr | None]) -> None:
        """`size` reads the text of a size, such as 2 * H + D."""
        self.graph = graph
        self.parsed = size
        self._letters: dict[str, str] = {}

    def learn(self, name: str, axes: Sequence[str]) -> None:
        """An input with its axes: the first that has a letter as an axis tells its size."""
        for place, axis in enumerate(axes):
            if axis.isidentifier() and axis not in self._letters:
                attributes = f"start = {place}, end = {place + 1}"
                self._letters[axis] = self.graph.node("Shape", [name], attributes, f"size_{axis}")

    def ints(self, *numbers: int) -> str:
        """Whole numbers as an array."""
        return self.graph.node("Constant", [], f"value_ints = [{', '.join(map(str, numbers))}]", "numbers")

    def of(self, size: Expr) -> str:
        """The length of an axis."""
        match size:
            case Integer():
                return self.ints(int(size))
            case Symbol() if size.name in self._letters:
                return self._letters[size.name]
            case Add() | Mul():
                operator = "Add" if isinstance(size, Add) else "Mul"
                first, *rest = map(self.of, size.args)
                for part in rest:
                    first = self.graph.node(operator, [first, part], "", "size")
                return first
        raise ProgramFault("a size that no input has", str(size))

    def read(self, text: str) -> str:
        """The length that a text says."""
        found = self.parsed(text)
        if found is None:
            raise ProgramFault("a size that cannot be read", text)
        return self.of(found)

    def shape(self, text: str) -> tuple[str, int]:
        """A shape such as (B, 2 * H), and how many axes it has."""
        axes = [axis.strip() for axis in text.strip("()").split(",") if axis.strip()]
        if not axes:
            return self.ints(), 0
        return self.graph.node("Concat", [self.read(axis) for axis in axes], "axis = 0"), len(axes)


class Expressions:
    """Computes expressions in a graph; `values` are the variables, `defined` the functions that a note defines."""

    def __init__(
        self, graph: Graph, sizes: Sizes, kind: str, defined: Mapping[str, ScalarFunction], values: dict[str, Value]
    ) -> None:
        """`kind` is the type of the arrays, float or double."""
        self.graph = graph
        self.sizes = sizes
        self.kind = kind
        self.defined = defined
        self.values = values

    def compute(self, code: Code) -> Value:
        """The value of an expression."""
        match code:
            case Name(name):
                return self.named(name)
            case Number(text):
                return self._literal(text)
            case Sum(terms):
                return self._sum(terms)
            case Product(factors, divisors):
                return self._product(factors, divisors)
            case MatrixProduct(left, right):
                return self._matrix_product(self.compute(left), self.compute(right))
            case Power(base, exponent):
                value = self.compute(base)
                if exponent == "2":
                    return self.entrywise("Mul", value, value)
                return self.entrywise("Pow", value, self.number(float(exponent)))
            case Transposed(of):
                return self._operator("Transpose", [self.compute(of)], 2, "perm = [1, 0]")
            case Method(of, call):
                return self._method(of, call)
            case Index(of, index):
                return self._indexed(self.compute(of), index)
            case Call():
                return self._call(code)
        raise _unknown(code)

    def named(self, name: str) -> Value:
        """The value of a variable."""
        if name not in self.values:
            raise ProgramFault("a variable without a value", name)
        return self.values[name]

    def _operator(self, operator: str, operands: Sequence[Value], rank: int, attributes: str = "") -> Value:
        return Value(self.graph.node(operator, [one.name for one in operands], attributes), rank)

    def entrywise(self, operator: str, *operands: Value) -> Value:
        """An operator on entries, its operands broadcast."""
        return self._operator(operator, operands, max(one.rank for one in operands))

    def number(self, value: float) -> Value:
        """A number in the type of the arrays."""
        return Value(self.graph.node("Constant", [], f"value = {self.kind} {{{float(value)!r}}}", "number"), 0)

    def as_numbers(self, condition: Value) -> Value:
        """1 where a condition is true, 0 elsewhere."""
        return self.entrywise("Where", condition, self.number(1.0), self.number(0.0))

    def along_last(self, operator: str, operand: Value) -> Value:
        """An operator along the last axis that keeps all axes."""
        return self._operator(operator, [operand], operand.rank, "axis = -1")

    def summed(self, value: Value, axis: int) -> Value:
        """The sum along an axis."""
        operands = [value, Value(self.sizes.ints(axis), 1)]
        return self._operator("ReduceSum", operands, value.rank - 1, "keepdims = 0")

    def zeros(self, shape: str, rank: int) -> Value:
        """Zeros of a shape."""
        return Value(self.graph.node("Expand", [self.number(0.0).name, shape]), rank)

    def _literal(self, text: str) -> Value:
        """A number, or arithmetic of numbers and sizes."""
        return self._arithmetic(ast.parse(text, mode="eval").body, text)

    def _arithmetic(self, tree: ast.expr, text: str) -> Value:
        match tree:
            case ast.Constant(int() | float() as value):
                return self.number(value)
            case ast.Name(letter):
                scalar = self.graph.node("Squeeze", [self.sizes.read(letter), self.sizes.ints(0)])
                return Value(self.graph.node("CastLike", [scalar, self.number(1.0).name]), 0)
            case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
                return self.number(-value)
            case ast.UnaryOp(ast.USub(), operand):
                return self.entrywise("Neg", self._arithmetic(operand, text))
            case ast.BinOp(left, operation, right) if type(operation) in _ARITHMETIC:
                operands = (self._arithmetic(left, text), self._arithmetic(right, text))
                return self.entrywise(_ARITHMETIC[type(operation)], *operands)
        raise ProgramFault("a number that cannot be read", text)

    def _sum(self, terms: Sequence[tuple[bool, Code]]) -> Value:
        (negative, first), *rest = sorted(terms, key=lambda term: term[0]) if terms[0][0] else terms
        value = self.compute(first)
        if negative:
            value = self.entrywise("Neg", value)
        for minus, term in rest:
            value = self.entrywise("Sub" if minus else "Add", value, self.compute(term))
        return value

    def _product(self, factors: Sequence[Code], divisors: Sequence[Code]) -> Value:
        value = self.compute(factors[0]) if factors else self.number(1.0)
        for factor in factors[1:]:
            value = self.entrywise("Mul", value, self.compute(factor))
        for divisor in divisors:
            value = self.entrywise("Div", value, self.compute(divisor))
        return value

    def _matrix_product(self, left: Value, right: Value) -> Value:
        rank = max(left.rank, right.rank) if min(left.rank, right.rank) > 1 else left.rank + right.rank - 2
        return self._operator("MatMul", [left, right], rank, "")

    def _method(self, of: Code, call: str) -> Value:
        value = self.compute(of)
        if call == "astype(dtype)":
            return value
        found = re.fullmatch(r"sum\((?:axis=(-?\d+|\(0, 1\)))?(, keepdims=True)?\)", call)
        if found is None:
            raise ProgramFault("a method without an operator", call)
        axes = [int(axis) for axis in re.findall(r"-?\d+", found[1] or "")]
        kept = int(found[2] is not None)
        operands = [value, Value(self.sizes.ints(*axes), 1)] if axes else [value]
        rank = value.rank if kept else value.rank - len(axes) if axes else 0
        return self._operator("ReduceSum", operands, rank, f"keepdims = {kept}")

    def _call(self, code: Call) -> Value:
        name, arguments = code.function, code.arguments
        if name in ("np.zeros", "np.ones") and isinstance(shape := arguments[0], Number):
            text, rank = self.sizes.shape(shape.text)
            one = self.number(1.0 if name == "np.ones" else 0.0)
            return Value(self.graph.node("Expand", [one.name, text], ""), rank)
        if name == "np.broadcast_to" and isinstance(shape := arguments[1], Number):
            text, rank = self.sizes.shape(shape.text)
            return Value(self.graph.node("Expand", [self.compute(arguments[0]).name, text], ""), rank)
        if name == "np.zeros_like":
            value = self.compute(arguments[0])
            return self.zeros(self.graph.node("Shape", [value.name]), value.rank)
        if name == "np.where" and isinstance(condition := arguments[0], Number):
            chosen = [self.compute(one) for one in arguments[1:]]
            return self.entrywise("Where", self._of_lengths(condition.text), *chosen)
        if name == "np.eye" and isinstance(size := arguments[0], Number):
            return self._eye(self.sizes.read(size.text))
        if name == "np.concatenate" and isinstance(arguments[0], Tuple):
            parts = [self.compute(part) for part in arguments[0].items]
            return self.joined(parts, int((code.keywords or "axis=0").removeprefix("axis=")))
        if name == "joined":
            return self._spread([self.compute(part) for part in arguments], int(code.keywords.removeprefix("axis=")))
        if name == "np.swapaxes":
            value = self.compute(arguments[0])
            order = [*range(value.rank - 2), value.rank - 1, value.rank - 2]
            return self._operator("Transpose", [value], value.rank, f"perm = {order}")
        if name == "np.diagonal":
            value = self.compute(arguments[0])
            eye = self._eye(self.graph.node("Shape", [value.name], "start = -1"))
            return self.summed(self.entrywise("Mul", value, eye), -1)
        operands = [self.compute(argument) for argument in arguments]
        if name == "rows":
            last = self.graph.node("Shape", [operands[0].name], "start = -1")
            shape_of = self.graph.node("Concat", [self.sizes.ints(-1), last], "axis = 0")
            return Value(self.graph.node("Reshape", [operands[0].name, shape_of], ""), 2)
        if name == "rows_times":
            return self._matrix_product(*operands)
        return self._function(name.removeprefix("np."), operands)

    def _of_lengths(self, text: str) -> Value:
        """A condition for each example, such as (lengths <= t)[:, None]."""
        found = re.fullmatch(r"\(lengths (<=|==) (t \+ 1|t|0)\)\[:((?:, None)*)\]", text)
        if found is None:
            raise ProgramFault("a condition without an operator", text)
        step = self.graph.node("Constant", [], "value_int = 0", "number") if found[2] == "0" else self.named("t").name
        if found[2] == "t + 1":
            step = self.graph.node("Add", [step, self.graph.node("Constant", [], "value_int = 1", "number")])
        operator = "Equal" if found[1] == "==" else "LessOrEqual"
        condition = self.graph.node(operator, [self.named("lengths").name, step])
        count = found[3].count("None")
        return Value(self.graph.node("Unsqueeze", [condition, self.sizes.ints(*range(1, 1 + count))]), 1 + count)

    def _function(self, name: str, operands: Sequence[Value]) -> Value:
        """A scalar function, entry by entry: one of the table, one that a note defines, or the slope of either."""
        own = self.defined.get(name)
        if own is not None and not is_entry(own):
            return self._scalar(own.body.expr, operands)
        name = name if own is None else own.name
        if name in FUNCTIONS:
            return FUNCTIONS[name](self, *operands)
        of = name.removesuffix("_slope")
        if of != name and of in self.defined:
            return self._scalar(functions.slope(self.defined[of]), operands, self._function(of, operands))
        known = functions.function(name)
        if known is None:
            raise ProgramFault("a function without an operator", name)
        return self._scalar(known.body.expr, operands)

    def _scalar(self, body: Expr, operands: Sequence[Value], value: Value | None = None) -> Value:
        """An expression in a, b and the value y of a function, entry by entry."""
        given = dict(zip("ab", operands, strict=False)) | ({} if value is None else {"y": value})
        inner = Expressions(self.graph, self.sizes, self.kind, self.defined, given)
        found = inner.compute(lowered_scalar(body, set()))
        if found.rank or not operands[0].rank:
            return found
        shape = self.graph.node("Shape", [operands[0].name])
        return Value(self.graph.node("Expand", [found.name, shape]), operands[0].rank)

    def _eye(self, size: str) -> Value:
        shape = self.graph.node("Concat", [size, size], "axis = 0")
        return self._operator("EyeLike", [self.zeros(shape, 2)], 2)

    def joined(self, parts: Sequence[Value], axis: int) -> Value:
        """Parts joined along an axis."""
        return self._operator("Concat", parts, max(part.rank for part in parts), f"axis = {axis}")

    def _spread(self, parts: Sequence[Value], axis: int) -> Value:
        """Parts joined along an axis, those without leading axes repeated along the others' leading axes."""
        largest = max(parts, key=lambda part: part.rank)
        leading = self.graph.node("Shape", [largest.name], f"end = {axis}")
        own = [self.graph.node("Shape", [part.name], f"start = {axis}") for part in parts]
        shapes = [self.graph.node("Concat", [leading, shape], "axis = 0") for shape in own]
        full = [Value(self.graph.node("Expand", [p.name, s]), largest.rank) for p, s in zip(parts, shapes, strict=True)]
        return self.joined(full, axis)

    def _indexed(self, value: Value, index: str) -> Value:
        """Entries of an array: spans and single entries, then new axes."""
        items = index.split(", ")
        if "..." not in items:
            items.append("...")
        own = [item for item in items if item != "None"]
        middle = [":"] * (value.rank - len(own) + 1)
        place = items.index("...")
        items = [*items[:place], *middle, *items[place + 1 :]]
        spans = [item for item in items if item != "None"]
        singles = [k for k, item in enumerate(spans) if ":" not in item]
        kept = [item for item in items if item == "None" or ":" in item]
        new = [k for k, item in enumerate(kept) if item == "None"]
        for k, item in enumerate(spans):
            if ":" in item and item != ":":
                first, last = item.split(":")
                start = self.sizes.read(first) if first else self.sizes.ints(0)
                stop = self.sizes.ints(int(last)) if last.startswith("-") else self.sizes.read(last) if last else None
                ends = [start, self.sizes.ints(_END) if stop is None else stop, self.sizes.ints(k)]
                value = Value(self.graph.node("Slice", [value.name, *ends]), value.rank)
        for k in reversed(singles):
            entry = self.graph.node("Constant", [], f"value_int = {int(spans[k])}", "number")
            value = Value(self.graph.node("Gather", [value.name, entry], f"axis = {k}"), value.rank - 1)
        if new:
            added = self.graph.node("Unsqueeze", [value.name, self.sizes.ints(*new)], "")
            value = Value(added, value.rank + len(new))
        return value


def _unknown(code: Code) -> ProgramFault:
    return ProgramFault("an expression without an operator", python(code)[0])
