"""Formulas as text: one printer over the closed node set, in the words of either vocabulary.

What is printed is column-vector mathematics. A node is shown together with its kind, from which the node around it
sees whether it needs brackets: a matrix product is written by juxtaposition and bracketed beside ⊙, so that no reader
has to know which of the two binds first.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch
from typing import Any, cast

from sympy import (
    Expr,
    HadamardPower,
    HadamardProduct,
    Identity,
    Integer,
    MatAdd,
    MatMul,
    OneMatrix,
    Transpose,
    ZeroMatrix,
)
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf

from derive.errors import DerivationError
from derive.nodes import (
    Adjoint,
    Concat,
    Elementwise,
    Entry,
    Jacobian,
    Largest,
    Node,
    Norm,
    Quantity,
    Shaped,
    Slice,
    Softmax,
    Tabular,
    TimeProduct,
    TimeSum,
    coefficient,
    hadamard,
    power,
    table,
    transpose,
)
from derive.notation import AS_WRITTEN, Notation
from derive.targets.vocabulary import TIGHT, Kind, Latex, Shown, Text, Vocabulary

_LATEX = Latex()
_TEXT = Text()
_BESIDE_ODOT = TIGHT | {Kind.QUOTIENT}


def latex(node: Node, notation: Notation = AS_WRITTEN, deltas: Iterable[str] = ()) -> str:
    """A node as LaTeX in the letters of a notation."""
    vocabulary = _LATEX if notation is AS_WRITTEN and not deltas else Latex(notation, frozenset(deltas))
    return show(node, vocabulary).text


def text(node: Node, notation: Notation = AS_WRITTEN, deltas: Iterable[str] = ()) -> str:
    """A node as one line of Unicode text."""
    vocabulary = _TEXT if notation is AS_WRITTEN and not deltas else Text(notation, frozenset(deltas))
    return show(node, vocabulary).text


def terms(node: Node, v: Vocabulary) -> list[str]:
    """The terms of a sum, each but the first with its sign; one term where the node is no sum."""
    parts = node.args if isinstance(node, MatAdd) else (node,)
    printed = []
    for position, part in enumerate(parts):
        factor, base = coefficient(part)
        negative = factor.could_extract_minus_sign()
        if len(parts) > 1 and isinstance(base, OneMatrix):
            body = v.number(-factor if negative else factor)
        else:
            shown = show(_without_sign(part), v) if negative else show(part, v)
            body = shown.text
            if shown.kind is Kind.SUM or (shown.kind is Kind.BIG and position < len(parts) - 1):
                body = v.brackets(body) if len(parts) > 1 or negative else body
        if position == 0:
            printed.append(f"-{body}" if negative else body)
        else:
            printed.append(f"{'-' if negative else '+'} {body}")
    return printed


def operand(node: Node, v: Vocabulary, bare: frozenset[Kind]) -> str:
    """A node inside another, in brackets unless its kind may stand there without."""
    shown = show(node, v)
    return shown.text if shown.kind in bare else v.brackets(shown.text)


@singledispatch
def show(node: Any, v: Vocabulary) -> Shown:
    """A node with its kind; one rule per class of node."""
    raise DerivationError(f"no rule to print a node of class {type(node).__name__}")


@show.register
def _(node: Quantity, v: Vocabulary) -> Shown:
    return v.letter(node.name, node.time)


@show.register
def _(node: Adjoint, v: Vocabulary) -> Shown:
    quantity = node.quantity
    if quantity.name in v.deltas and not node.immediate and node.only is None:
        return v.letter(quantity.name, quantity.time, base=r"\delta")
    sign = v.immediate if node.immediate else v.partial
    loss = v.letter("J", node.only).text
    return v.quotient(sign + loss, v.partial + v.letter(quantity.name, quantity.time).text)


@show.register
def _(node: Jacobian, v: Vocabulary) -> Shown:
    above, below = (v.letter(quantity.name, quantity.time).text for quantity in (node.of, node.by))
    return v.quotient((v.immediate if node.immediate else v.partial) + above, v.partial + below)


@show.register
def _(node: MatAdd, v: Vocabulary) -> Shown:
    return Shown(" ".join(terms(node, v)), Kind.SUM)


@show.register
def _(node: MatMul, v: Vocabulary) -> Shown:
    factor, base = coefficient(node)
    if factor.could_extract_minus_sign():
        return Shown(terms(node, v)[0], Kind.SUM)
    if factor != 1 and base == OneMatrix(1, 1):
        return Shown(v.number(factor), Kind.QUOTIENT if v.stacked and not factor.is_Integer else Kind.ATOM)
    if factor != 1:
        shown = show(base, v)
        inner = v.brackets(shown.text) if shown.kind is Kind.SUM else shown.text
        kind = shown.kind if shown.kind in (Kind.ELEMENTWISE, Kind.BIG) else Kind.PRODUCT
        return Shown(f"{v.number(factor)} {inner}", kind)
    args = node.args
    if _number_leads(args):
        args = (args[-1], *args[:-1])
    last = len(args) - 1
    factors = [
        operand(arg, v, v.beside_product | {Kind.BIG} if position == last else v.beside_product)
        for position, arg in enumerate(args)
    ]
    return Shown(" ".join(factors), Kind.PRODUCT)


@show.register
def _(node: HadamardProduct, v: Vocabulary) -> Shown:
    if _lies(node):
        return _raised_up(node, v)
    numbers = [number for factor in node.args if (number := _everywhere(factor)) is not None]
    if numbers and len(numbers) < len(node.args):
        rest = hadamard(*(factor for factor in node.args if _everywhere(factor) is None))
        return Shown(" ".join(operand(one, v, v.beside_product) for one in (*numbers, rest)), Kind.PRODUCT)
    groups: list[tuple[Node | None, list[Node]]] = []
    for factor in node.args:
        if isinstance(factor, HadamardPower) and factor.exp.is_negative:
            if not groups or isinstance(groups[-1][0], Adjoint | Jacobian):
                groups.append((None, []))
            groups[-1][1].append(power(factor.base, -factor.exp))
        else:
            groups.append((factor, []))
    printed = [
        _over(numerator, below, v).text if below else operand(numerator, v, _BESIDE_ODOT)
        for numerator, below in groups
        if numerator is not None or below
    ]
    kind = Kind.QUOTIENT if len(printed) == 1 and v.stacked else Kind.ELEMENTWISE
    return Shown(f" {v.odot} ".join(printed), kind)


@show.register
def _(node: HadamardPower, v: Vocabulary) -> Shown:
    if _lies(node):
        return _raised_up(node, v)
    if node.exp.is_negative:
        return _over(None, [power(node.base, -node.exp)], v)
    base = node.base
    named = isinstance(base, Elementwise) and not v.has_sign(base.function) and "'" not in base.function.name
    if isinstance(node.exp, Integer) and named:
        return Shown(v.raised(v.word(base.function), node.exp, True) + _arguments(base.operands, v), Kind.CALL)
    plain = base.shape == (1, 1) or (isinstance(v, Text) and base.shape[1] == 1)
    return Shown(v.raised(operand(base, v, frozenset({Kind.ATOM})), node.exp, plain), Kind.RAISED)


@show.register
def _(node: Elementwise, v: Vocabulary) -> Shown:
    if v.has_sign(node.function):
        return Shown(v.signed(node.function, show(node.operands[0], v).text), Kind.CALL)
    return Shown(v.word(node.function) + _arguments(node.operands, v), Kind.CALL)


@show.register
def _(node: Softmax, v: Vocabulary) -> Shown:
    return Shown(v.named("softmax") + _arguments((node.operand,), v), Kind.CALL)


@show.register
def _(node: DiagMatrix, v: Vocabulary) -> Shown:
    return Shown(v.named("diag") + _arguments((node.args[0],), v), Kind.CALL)


@show.register
def _(node: DiagonalOf, v: Vocabulary) -> Shown:
    return Shown(v.named("diagonal") + _arguments((node.args[0],), v), Kind.CALL)


@show.register
def _(node: Transpose, v: Vocabulary) -> Shown:
    return Shown(operand(node.arg, v, frozenset({Kind.ATOM})) + v.transposed, Kind.RAISED)


@show.register
def _(node: Concat, v: Vocabulary) -> Shown:
    return Shown(v.matrix([[show(part, v).text for part in row] for row in table(node)]), Kind.CALL)


@show.register
def _(node: Slice, v: Vocabulary) -> Shown:
    first = "" if isinstance(v, Latex) and node.start == 0 else v.amount(node.start)
    extent = f"{first}:{v.amount(node.start + node.length)}"
    if node.axis == 1:
        extent = (":, " if isinstance(v, Latex) else ":,") + extent
    if isinstance(node.operand, Quantity) and not isinstance(v, Latex):
        return v.letter(node.operand.name, node.operand.time, below=extent)
    inner = show(node.operand, v)
    whole = inner.text if isinstance(node.operand, Quantity) else v.brackets(inner.text)
    return Shown(f"{whole}[{extent}]", Kind.RAISED)


@show.register
def _(node: Entry, v: Vocabulary) -> Shown:
    places = [_entry(index, v) for index in (node.row, node.col)[: 1 if node.operand.shape[1] == 1 else 2]]
    operand_ = node.operand
    if isinstance(operand_, Quantity):
        return v.letter(
            operand_.name, operand_.time, below="".join(places) if len("".join(places)) == 2 else ",".join(places)
        )
    if isinstance(operand_, Adjoint) and operand_.shape[1] == 1:
        return _rate("J", operand_.only, operand_.quantity, "", places[0], operand_.immediate, v)
    if isinstance(operand_, Jacobian) and len(places) == 2:
        above, below = operand_.of, operand_.by
        place = places[1] if below.shape[1] == 1 else _within(node.col, below.shape[1], v)
        return _rate(above.name, above.time, below, places[0], place, operand_.immediate, v)
    return Shown(f"{v.brackets(show(operand_, v).text)}_{{{','.join(places)}}}", Kind.ATOM)


def _entry(index: Expr, v: Vocabulary) -> str:
    """A place counted from 1; the letter of an index means the same in both ways of counting."""
    return v.amount(index if index.free_symbols else index + 1)


def _within(index: Expr, columns: Expr, v: Vocabulary) -> str:
    """The row and the column of an entry of a matrix whose entries are counted row by row."""
    row = index.expand().coeff(columns)
    return _entry(row, v) + _entry((index - row * columns).expand(), v)


def _rate(of: str, time: Expr | None, by: Quantity, i: str, j: str, immediate: bool, v: Vocabulary) -> Shown:
    """The derivative of an entry by an entry."""
    sign = v.immediate if immediate else v.partial
    above, below = v.letter(of, time, below=i), v.letter(by.name, by.time, below=j)
    return v.quotient(sign + above.text, v.partial + below.text)


@show.register
def _(node: Tabular, v: Vocabulary) -> Shown:
    return Shown(v.brackets(show(node.entry, v).text), Kind.CALL)


@show.register
def _(node: Shaped, v: Vocabulary) -> Shown:
    return show(node.operand, v)


@show.register
def _(node: TimeSum, v: Vocabulary) -> Shown:
    return _over_index(v.sum_sign, node, v, frozenset(Kind) - {Kind.SUM})


@show.register
def _(node: TimeProduct, v: Vocabulary) -> Shown:
    return _over_index(v.product_sign, node, v, v.beside_product)


@show.register
def _(node: Norm, v: Vocabulary) -> Shown:
    inner = show(node.operand, v).text
    return Shown(v.magnitude(inner) if node.operand.shape == (1, 1) else v.norm(inner, node.largest), Kind.ATOM)


@show.register
def _(node: Largest, v: Vocabulary) -> Shown:
    steps = f"{v.amount(node.first - 1)} < {v.amount(node.index)} {v.at_most} {v.amount(node.last)}"
    return Shown(v.among(steps, operand(node.term, v, TIGHT)), Kind.BIG)


@show.register
def _(node: OneMatrix, v: Vocabulary) -> Shown:
    rows, cols = node.shape
    if rows == cols == 1:
        return Shown("1", Kind.ATOM)
    if cols == 1:
        return Shown(v.one, Kind.ATOM)
    if rows == 1:
        return Shown(v.one + v.transposed, Kind.RAISED)
    return Shown(v.sized(v.one, rows, cols), Kind.ATOM)


@show.register
def _(node: ZeroMatrix, v: Vocabulary) -> Shown:
    return Shown("0", Kind.ATOM)


@show.register
def _(node: Identity, v: Vocabulary) -> Shown:
    return Shown("I", Kind.ATOM)


def _number_leads(factors: tuple[Node, ...]) -> bool:
    """Whether the last factor is a number that people write in front; B u_t and the factors of a gradient stay."""
    *others, last = factors
    column_of_parameter = isinstance(others[0], Quantity) and others[0].time is None
    plain = last.shape == (1, 1) and all(factor.shape != (1, 1) for factor in others)
    return plain and not column_of_parameter and not any(one.has(Adjoint, Jacobian) for one in factors)


def _everywhere(node: Node) -> Node | None:
    """The number that stands in every entry of this matrix, 𝟏 γ 𝟏ᵀ."""
    match node.args if isinstance(node, MatMul) else ():
        case (OneMatrix(), number, OneMatrix()) if number.is_Matrix and number.shape == (1, 1):
            return cast(Node, number)
    return None


def _lies(node: Node) -> bool:
    """Whether the node is a row: people write it as a column, transposed once."""
    rows, cols = node.shape
    return bool(rows == 1 and cols != 1)


def _raised_up(node: Node, v: Vocabulary) -> Shown:
    return Shown(operand(transpose(node), v, frozenset({Kind.ATOM})) + v.transposed, Kind.RAISED)


def _over_index(sign: str, node: TimeSum, v: Vocabulary, bare: frozenset[Kind]) -> Shown:
    counted = 1 if any(node.index in entry.args[1:] for entry in node.term.atoms(Entry)) else 0
    bounds = v.bounds(sign, v.amount(node.index), v.amount(node.first + counted), v.amount(node.last + counted))
    return Shown(f"{bounds} {operand(node.term, v, bare)}", Kind.BIG)


def _over(numerator: Node | None, denominators: list[Node], v: Vocabulary) -> Shown:
    """An elementwise quotient; without a numerator, one over the denominators."""
    if not v.stacked:
        above = "1" if numerator is None else operand(numerator, v, _BESIDE_ODOT)
        return Shown(" / ".join([above, *(operand(node, v, TIGHT) for node in denominators)]), Kind.ELEMENTWISE)
    above = "1" if numerator is None else show(numerator, v).text
    if len(denominators) == 1:
        return v.quotient(above, show(denominators[0], v).text)
    return v.quotient(above, f" {v.odot} ".join(operand(node, v, _BESIDE_ODOT) for node in denominators))


def _arguments(nodes: tuple[Node, ...], v: Vocabulary) -> str:
    return v.brackets(", ".join(show(node, v).text for node in nodes))


def _without_sign(node: Node) -> Node:
    """The node times -1, where its coefficient carries a minus sign."""
    factor, base = coefficient(node)
    if factor == -1:
        return base
    return MatMul(-factor, *(base.args if isinstance(base, MatMul) else (base,)))
