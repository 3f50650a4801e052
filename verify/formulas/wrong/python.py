"""Two lines of Python that compute both sides of a claim at a point, by the equations alone (`verify.rerun`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, singledispatch

from sympy import (
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatAdd,
    MatMul,
    OneMatrix,
    Symbol,
    Transpose,
    ZeroMatrix,
)
from sympy import latex as printed
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from derive import catalogue, functions
from derive.cell import Cell
from derive.errors import InputError
from derive.nodes import (
    Adjoint,
    Concat,
    Elementwise,
    Entry,
    Jacobian,
    Kron,
    Node,
    Norm,
    Quantity,
    Restacked,
    Shaped,
    Slice,
    Softmax,
    T,
    Tabular,
    TimeProduct,
    TimeSum,
    coefficient,
    scale,
)
from derive.notation import spelled
from derive.reader import read_note
from derive.targets.formula import latex
from verify.formulas.wrong.restating import with_letters
from verify.truth.decimals.names import Numbers, known_function
from verify.truth.exact import rational, whole
from verify.truth.field import UnsupportedError

USUAL = {"tanh", "exp", "log", "sqrt", "sin", "cos", "abs", "sign"}
"""Functions that NumPy has under the same name."""


def lines(
    sides: tuple[Node, Node],
    cell: Cell,
    numbers: Mapping[Symbol, int],
    data: Numbers,
    asked: Numbers,
    entry: tuple[int, int],
    plain: bool,
) -> list[str]:
    """The two lines, which print that entry of both sides; none where they cannot be written.

    `numbers` are those of the sizes, T and every index of the claim; `plain` as in `verify.truth.world`.
    """
    name = _called(cell)
    if name is None:
        return []
    try:
        left, right = (f"{_part(side, Line(cell, numbers, plain))}[{entry[0]}, {entry[1]}]" for side in sides)
    except UnsupportedError:
        return []
    said = f"print({left}, {right})"
    needed = "import numpy as np; " if "np." in said else ""
    needed += "from functools import reduce; " if "reduce(" in said else ""
    return [
        f"{needed}from verify import rerun; v, d, D, f = rerun({name}, {numbers[T]}, {dict(data)}, {dict(asked)})",
        said,
    ]


def _called(cell: Cell) -> str | None:
    """A name, a path or the text of equations by which this very cell is found, as Python writes it; or None."""
    known = catalogue.called(cell) or _text(cell)
    return None if known is None else repr(known)


@lru_cache(maxsize=8)
def _text(cell: Cell) -> str | None:
    """Equations from which this very cell is read."""
    text = _note(cell)
    try:
        again = read_note(text)
    except InputError:
        return None
    return text if (again.equations, again.states) == (cell.equations, cell.states) else None


def _note(cell: Cell) -> str:
    """The equations in the cell's own names, and what the shapes and its own functions are."""
    numbers = [(str(spelled(name)), value) for name, value in cell.numbers]
    written_out = (latex(e.symbol) + " = " + latex(e.expression) for e in cell.equations)
    equations = (f"$${with_letters(text, '', numbers)}$$" for text in written_out)
    declared = [f"${letter} = {float(value)}$" for letter, value in numbers]
    for quantity in cell.quantities.values():
        if all(extent.is_Symbol or extent.is_Integer for extent in quantity.shape):  # sums follow from the equations
            rows, cols = map(printed, quantity.shape)
            space = rows if quantity.shape[1] == 1 else rf"{rows} \times {cols}"
            declared.append(rf"${latex(quantity)} \in \mathbb{{R}}^{{{space}}}$")
    for own in cell.functions:
        if own.specified and functions.function(own.name) != own:
            applied = latex(Elementwise(own, *(Quantity(str(letter), 1) for letter in own.body.variables)))
            declared.append(f"${applied} = {printed(own.body.expr)}$")
        if own.declared is not None:
            slope = latex(Elementwise(own.prime(), Quantity(str(own.declared.variables[0]), 1)))
            declared.append(f"${slope} = {printed(own.declared.expr)}$")
    return "\n\n".join((f"# {cell.name}", *equations, f"where {', '.join(declared)}"))


@dataclass(frozen=True)
class Line:
    """Where a side is written: the numbers of sizes and indices; sums bind more letters, which stay letters."""

    cell: Cell
    numbers: Mapping[Symbol, int]
    plain: bool
    """Whether nothing is asked of the final states by themselves."""
    bound: tuple[Symbol, ...] = ()

    def binding(self, index: Symbol) -> Line:
        return replace(self, bound=(*self.bound, index))

    def whole(self, expression: Expr) -> str:
        """A size or a time in numbers and bound letters."""
        free = expression.free_symbols & {*self.bound}
        known = {letter: number for letter, number in self.numbers.items() if letter not in self.bound}
        if not free:
            return str(whole(expression, known))
        if expression.free_symbols - free - {*known}:
            raise UnsupportedError(f"no number is known for {expression}")
        names = {letter: Symbol(self.name(letter)) for letter in free}
        return str(expression.xreplace({**known, **names}))

    def name(self, index: Symbol) -> str:
        """The index of a sum as a name of Python that nothing else has."""
        return f"{index.name.rstrip(chr(39))}{self.bound.index(index) or ''}"

    def shape(self, node: Node) -> str:
        return ", ".join(map(self.whole, node.shape))


def _plain(text: str) -> bool:
    """Whether a text needs no brackets: a name, a number or one call."""
    depth = 0
    for letter in text:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(letter, 0)
        if not depth and letter in " +-*/@":
            return False
    return True


def _part(node: Node, at: Line) -> str:
    text = written(node, at)
    return text if _plain(text) else f"({text})"


@singledispatch
def written(node: Node, at: Line) -> str:
    """A node as Python; raises UnsupportedError for one without a rule."""
    raise UnsupportedError(f"no Python for the node {type(node).__name__}")


def _named(quantity: Quantity, at: Line) -> str:
    return f'"{quantity.name}"' + ("" if quantity.time is None else f", {at.whole(quantity.time)}")


@written.register(Quantity)
def _quantity(node: Quantity, at: Line) -> str:
    return f"v({_named(node, at)})"


@written.register(Adjoint)
def _adjoint(node: Adjoint, at: Line) -> str:
    more = ", direct=True" if node.immediate else ""
    if node.only is not None:
        step = at.whole(node.only)
        if not at.plain and not (step.isdecimal() and int(step) < at.numbers[T]):
            raise UnsupportedError("what is asked of the last output and of the final state is one number")
        more += f", only={step}"
    return f"d({_named(node.quantity, at)}{more})"


@written.register(Jacobian)
def _jacobian(node: Jacobian, at: Line) -> str:
    more = ", direct=True" if node.immediate else ", alone=True" if node.stepwise else ""
    return f"D({_named(node.of, at)}, {_named(node.by, at)}{more})"


@written.register(MatAdd)
def _sum(node: MatAdd, at: Line) -> str:
    text = ""
    spread = any(not isinstance(coefficient(term)[1], OneMatrix) for term in node.args)
    for term in node.args:
        number, rest = coefficient(term)
        sign = "-" if number.could_extract_minus_sign() else "+"
        if spread and isinstance(rest, OneMatrix) and number in (1, -1):  # NumPy adds a number to every entry
            part = "1"
        else:
            part = written(scale(-number, rest) if sign == "-" else term, at)
        text += f" {sign} {part}" if text else part if sign == "+" else f"-{part if _plain(part) else f'({part})'}"
    return text


@written.register(MatMul)
def _product(node: MatMul, at: Line) -> str:
    number, _ = coefficient(node)
    factors = [_part(part, at) for part in node.args if part.is_Matrix]
    product = " @ ".join(factors)
    if number == 1:
        return product
    known = {letter: value for letter, value in at.numbers.items() if letter not in at.bound}
    free = number.free_symbols & {*at.bound}
    if free:
        raise UnsupportedError(f"no Python for the number {number}")
    value = rational(number, known)
    product = product if len(factors) == 1 else f"({product})"
    sign = "-" if value < 0 else ""
    count = "" if abs(value.numerator) == 1 else f"{abs(value.numerator)} * "
    return f"{sign}{count}{product}" + ("" if value.denominator == 1 else f" / {value.denominator}")


@written.register(Transpose)
def _transpose(node: Transpose, at: Line) -> str:
    return f"{_part(node.arg, at)}.T"


@written.register(HadamardProduct)
def _entries(node: HadamardProduct, at: Line) -> str:
    return " * ".join(_part(part, at) for part in node.args)


@written.register(HadamardPower)
def _power(node: HadamardPower, at: Line) -> str:
    if not node.exp.is_Rational:
        raise UnsupportedError(f"no Python for the exponent {node.exp}")
    base, n = _part(node.base, at), node.exp
    if n == -1:
        return f"1 / {base}"
    return f"{base} ** {n}" if n.is_Integer and n > 0 else f"{base} ** ({n})"


@written.register(Elementwise)
def _elementwise(node: Elementwise, at: Line) -> str:
    name = node.function.name
    if known_function(at.cell, name) != node.function:
        raise UnsupportedError(f"no Python for the function {name}")
    operands = ", ".join(written(operand, at) for operand in node.operands)
    return f"np.{name}({operands})" if name in USUAL else f'f("{name}", {operands})'


@written.register(Softmax)
def _softmax(node: Softmax, at: Line) -> str:
    return f'f("softmax", {written(node.operand, at)})'


@written.register(Norm)
def _norm(node: Norm, at: Line) -> str:
    operand = written(node.operand, at)
    return f"np.array([[np.abs({operand}).max()]])" if node.largest else f"np.array([[np.linalg.norm({operand}, 2)]])"


@written.register(Concat)
def _concat(node: Concat, at: Line) -> str:
    return f"np.concatenate([{', '.join(written(part, at) for part in node.parts)}], {node.axis})"


@written.register(Slice)
def _slice(node: Slice, at: Line) -> str:
    rows = f"{at.whole(node.start)}:{at.whole(node.start + node.length)}"
    return f"{_part(node.operand, at)}[{':, ' if node.axis else ''}{rows}]"


@written.register(Entry)
def _entry(node: Entry, at: Line) -> str:
    rows, cols = (f"{at.whole(index)}:{at.whole(index + 1)}" for index in (node.row, node.col))
    return f"{_part(node.operand, at)}[{rows}, {cols}]"


@written.register(Shaped)
def _shaped(node: Shaped, at: Line) -> str:
    return f"{_part(node.operand, at)}.reshape({at.shape(node)})"


@written.register(Kron)
def _kronecker(node: Kron, at: Line) -> str:
    return f"np.kron({written(node.left, at)}, {written(node.right, at)})"


@written.register(Restacked)
def _restacked(node: Restacked, at: Line) -> str:
    rows, cols = map(at.whole, node.of)
    return f"np.eye({at.whole(node.shape[0])})[np.arange({rows} * {cols}).reshape({rows}, {cols}).T.ravel()]"


@written.register(Tabular)
def _table(node: Tabular, at: Line) -> str:
    inside = at.binding(node.row).binding(node.col)
    entry = f"({written(node.entry, inside)})[0, 0]"
    (rows, cols), (i, j) = map(at.whole, node.shape), map(inside.name, (node.row, node.col))
    return f"np.array([[{entry} for {j} in range({cols})] for {i} in range({rows})])"


def _looped(node: TimeSum, at: Line, backwards: bool = False) -> str:
    inside = at.binding(node.index)
    steps = f"range({at.whole(node.first)}, {at.whole(node.last + 1)})"
    return (
        f"{written(node.term, inside)} for {inside.name(node.index)} in {f'reversed({steps})' if backwards else steps}"
    )


@written.register(TimeSum)
def _time_sum(node: TimeSum, at: Line) -> str:
    ends = at.whole(node.first), at.whole(node.last)
    if all(end.isdecimal() for end in ends) and int(ends[0]) <= int(ends[1]):
        return f"sum({_looped(node, at)})"
    return f"sum(({_looped(node, at)}), np.zeros(({at.shape(node)})))"


@written.register(TimeProduct)
def _time_product(node: TimeProduct, at: Line) -> str:
    return f"reduce(np.matmul, ({_looped(node, at, backwards=True)}), np.eye({at.whole(node.shape[0])}))"


@written.register(OneMatrix)
def _ones(node: OneMatrix, at: Line) -> str:
    return f"np.ones(({at.shape(node)}))"


@written.register(ZeroMatrix)
def _zeros(node: ZeroMatrix, at: Line) -> str:
    return f"np.zeros(({at.shape(node)}))"


@written.register(Identity)
def _identity(node: Identity, at: Line) -> str:
    return f"np.eye({at.whole(node.shape[0])})"


@written.register(DiagMatrix)
def _diag(node: DiagMatrix, at: Line) -> str:
    return f"np.diagflat({written(node.args[0], at)})"


@written.register(DiagonalOf)
def _diagonal(node: DiagonalOf, at: Line) -> str:
    return f"np.diag({written(node.arg, at)}).reshape(-1, 1)"


__all__ = ["lines"]
