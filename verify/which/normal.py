"""The normal form of one step: for every state a sum of products in which only inputs, states and parameters are named.

Names for parts are written out, sums are multiplied out, a matrix that acts on a sum or on stacked operands acts on
each part by itself. So two ways to write one step, with other names for other parts, come out as the same form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sympy import Expr, HadamardPower, HadamardProduct, MatAdd, MatMul, OneMatrix, S, Transpose, ZeroMatrix
from sympy.matrices.expressions.diagonal import DiagMatrix

from derive.cell import Cell
from derive.nodes import Concat, Elementwise, Node, Quantity, Softmax, children, coefficient, t

LARGEST = 64
"""Products of more terms are not multiplied out."""


@dataclass(frozen=True)
class Letter:
    """An input, a state at t or t - 1, or (a block of the columns of) a parameter, possibly transposed."""

    role: str
    name: str
    start: Expr = S.Zero
    length: Expr | None = None
    transposed: bool = False

    def __str__(self) -> str:
        name = {"state": f"{self.name}_{{t-1}}", "parameter": self.name}.get(self.role, f"{self.name}_t")
        if self.length is not None:
            name += f"[:, {self.start}:{self.start + self.length}]"
        return f"{name}^T" if self.transposed else name


@dataclass(frozen=True)
class Applied:
    """A function applied entry by entry, or softmax."""

    function: str
    of: Form

    def __str__(self) -> str:
        return _shown(self, {})


@dataclass(frozen=True)
class Linear:
    """A parameter matrix times one product."""

    matrix: Letter
    of: Product

    def __str__(self) -> str:
        return _shown(self, {})


@dataclass(frozen=True)
class Other:
    """Any further operation on forms; `operation` tells it with everything about it that is no form."""

    operation: str
    of: tuple[Form, ...]

    def __str__(self) -> str:
        return _shown(self, {})


Factor: TypeAlias = Letter | Applied | Linear | Other
Product: TypeAlias = tuple[Factor, ...]
Form: TypeAlias = tuple[tuple[Expr, Product], ...]

ONE: Form = ((S.One, ()),)


@dataclass(frozen=True)
class StepForm:
    """The step of every state, and of the output where it is no state, by name; names for parts of them.

    `turned`: the gate g for which the forms have 1 - g.
    """

    cell: Cell
    forms: Mapping[str, Form]
    gates: Mapping[Factor, str]
    turned: Factor | None = None


def step_form(cell: Cell) -> StepForm:
    """The normal form of a cell's step."""
    states = {state.name for state in cell.states}
    definitions = {e.symbol.name: e.expression for e in cell.equations}
    writer = _Writer(cell, definitions, states)
    wanted = list(dict.fromkeys([*(s.name for s in cell.states), cell.output.name]))
    forms = {name: writer.form(definitions[name]) for name in wanted if name in definitions}
    gates: dict[Factor, str] = {}
    for name, form in writer.written.items():
        if len(form) == 1 and form[0][0] == 1 and len(form[0][1]) == 1:
            gates.setdefault(form[0][1][0], name)
    return StepForm(cell, forms, gates)


class _Writer:
    def __init__(self, cell: Cell, definitions: Mapping[str, Node], states: set[str]) -> None:
        self._definitions = definitions
        self._states = states
        self._parameters = {q.name for q in cell.parameters}
        self.written: dict[str, Form] = {}

    def form(self, node: Node) -> Form:
        number, base = coefficient(node)
        return _scaled(number, self._form(base))

    def _form(self, node: Node) -> Form:
        if isinstance(node, Quantity):
            return self._quantity(node)
        if isinstance(node, OneMatrix) and 1 in node.shape:
            return ONE
        if isinstance(node, ZeroMatrix):
            return ()
        if isinstance(node, MatAdd):
            return _sum([self.form(term) for term in node.args])
        if isinstance(node, HadamardProduct):
            return _multiplied([self.form(factor) for factor in node.args])
        if isinstance(node, HadamardPower) and node.exp.is_Integer and 0 < node.exp <= 4:
            return _multiplied([self.form(node.base)] * int(node.exp))
        if isinstance(node, Elementwise) and len(node.operands) == 1:
            inside = self.form(node.operands[0])
            name = node.function.name
            return inside if name == "identity" else ((S.One, (Applied(name, inside),)),)
        if isinstance(node, Softmax):
            return ((S.One, (Applied("softmax", self.form(node.operand)),)),)
        if isinstance(node, Transpose) and 1 in node.shape:
            return self.form(node.arg)
        if isinstance(node, DiagMatrix):
            return self.form(node.args[0])
        if isinstance(node, MatMul):
            return self._product(list(node.args))
        return _single(self._other(node))

    def _quantity(self, node: Quantity) -> Form:
        name = node.name
        if name in self._parameters or node.time is None:
            return _single(Letter("parameter" if name in self._parameters else "input", name))
        if node.time != t:
            return _single(Letter("state", name))
        if name in self._states:
            return _single(Letter("now", name))
        if name in self._definitions:
            if name not in self.written:
                self.written[name] = self.form(self._definitions[name])
            return self.written[name]
        return _single(Letter("input", name))

    def _product(self, factors: list[Node]) -> Form:
        """A product from left to right: scalars and diagonals multiply entries, parameters act on every term."""
        if len(factors) == 1:
            return self.form(factors[0])
        first, rest = factors[0], factors[1:]
        if rest[-1].shape == (1, 1):
            return _multiplied([self._product(factors[:-1]), self.form(rest[-1])])
        if first.shape == (1, 1):
            return _multiplied([self.form(first), self._product(rest)])
        if rest[-1].shape[1] != 1:
            return _single(Other("product", tuple(self.form(f) for f in factors)))
        if isinstance(first, DiagMatrix):
            return _multiplied([self.form(first.args[0]), self._product(rest)])
        if isinstance(first, Concat) and first.axis == 1:
            return self._side_by_side(first, rest)
        matrix = self._matrix(first)
        if matrix is None:
            name = "sum over entries" if isinstance(first, OneMatrix) else "product"
            inside = (self._product(rest),) if isinstance(first, OneMatrix) else (self.form(first), self._product(rest))
            return _single(Other(name, inside))
        if len(rest) == 1 and isinstance(rest[0], Concat) and rest[0].axis == 0 and matrix.length is None:
            start: Expr = S.Zero
            terms = []
            for part in rest[0].parts:
                block = Letter(matrix.role, matrix.name, start, part.shape[0], matrix.transposed)
                terms.append(_acted(block, self.form(part)))
                start += part.shape[0]
            return _sum(terms)
        return _acted(matrix, self._product(rest))

    def _side_by_side(self, first: Concat, rest: list[Node]) -> Form:
        """Matrices side by side act on the parts of a stack, each on its own."""
        stacked = rest[0] if len(rest) == 1 and isinstance(rest[0], Concat) else None
        fits = stacked is not None and [p.shape[1] for p in first.parts] == [p.shape[0] for p in stacked.parts]
        if stacked is None or not fits:
            return _single(Other("product", (self.form(first), self._product(rest))))
        return _sum([self._product([*pair]) for pair in zip(first.parts, stacked.parts, strict=True)])

    def _matrix(self, node: Node) -> Letter | None:
        transposed = isinstance(node, Transpose)
        inside = node.arg if transposed else node
        if isinstance(inside, Quantity) and inside.name in self._parameters and 1 not in inside.shape:
            return Letter("parameter", inside.name, transposed=transposed)
        return None

    def _other(self, node: Node) -> Other:
        if isinstance(node, Elementwise):
            return Other(node.function.name, tuple(map(self.form, node.operands)))
        further = [str(argument) for argument in node.args if argument not in children(node)]
        return Other(" ".join([type(node).__name__, *further]), tuple(map(self.form, children(node))))


def _single(factor: Factor) -> Form:
    return ((S.One, (factor,)),)


def _acted(matrix: Letter, form: Form) -> Form:
    return _sum([((number, (Linear(matrix, product),)),) for number, product in form])


def _scaled(number: Expr, form: Form) -> Form:
    return form if number == 1 else tuple((number * own, product) for own, product in form)


def _sum(forms: Sequence[Form]) -> Form:
    found: dict[Product, Expr] = {}
    for form in forms:
        for number, product in form:
            found[product] = found.get(product, S.Zero) + number
    terms = [(number, product) for product, number in found.items() if number != 0]
    return tuple(sorted(terms, key=lambda term: (shown_product(term[1]), str(term[0]))))


def _multiplied(forms: Sequence[Form]) -> Form:
    found = ONE
    for form in forms:
        if len(found) * len(form) > LARGEST:
            return _single(Other("elementwise product", tuple(forms)))
        found = _sum([((m * n, _sorted((*p, *q))),) for m, p in found for n, q in form])
    return found


def turned_form(form: Form, gate: Factor) -> Form:
    """The form with one minus a gate for the gate, at every depth."""
    return _sum([_scaled(number, _multiplied([_turned(f, gate) for f in product])) for number, product in form])


def _turned(factor: Factor, gate: Factor) -> Form:
    if factor == gate:
        return _sum([ONE, ((-S.One, (gate,)),)])
    match factor:
        case Applied(function, of):
            return _single(Applied(function, turned_form(of, gate)))
        case Linear(matrix, of):
            return _acted(matrix, turned_form(((S.One, of),), gate))
        case Other(operation, of):
            return _single(Other(operation, tuple(turned_form(part, gate) for part in of)))
    return _single(factor)


def _sorted(product: Product) -> Product:
    return tuple(sorted(product, key=str))


def shown(form: Form, gates: Mapping[Factor, str] | None = None) -> str:
    """A form as text; what has a name in `gates` is called so."""
    terms = [f"{'' if number == 1 else f'{number} '}{shown_product(product, gates)}" for number, product in form]
    return " + ".join(terms) or "0"


def shown_product(product: Product, gates: Mapping[Factor, str] | None = None) -> str:
    """A product as text."""
    return " ⊙ ".join(_shown(factor, gates or {}) for factor in product) or "1"


def _shown(factor: Factor, gates: Mapping[Factor, str]) -> str:
    if factor in gates:
        return f"{gates[factor]}_t"
    match factor:
        case Applied(function, of):
            return f"{function}({shown(of, gates)})"
        case Linear(matrix, of):
            inside = shown_product(of, gates)
            return f"{matrix} ({inside})" if len(of) > 1 else f"{matrix} {inside}"
        case Other(operation, of):
            return f"{operation}({'; '.join(shown(part, gates) for part in of)})"
    return str(factor)


def factors_in(form: Form) -> Iterator[Factor]:
    """Every factor at any depth."""
    for _, product in form:
        yield from _in_product(product)


def _in_product(product: Product) -> Iterator[Factor]:
    for factor in product:
        yield factor
        match factor:
            case Applied(_, of):
                yield from factors_in(of)
            case Linear(matrix, of):
                yield matrix
                yield from _in_product(of)
            case Other(_, parts):
                for part in parts:
                    yield from factors_in(part)
