"""The Jacobian of the softmax, derived by SymPy entry by entry for a symbolic size, and the section that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from sympy import Add, Expr, KroneckerDelta, Mul, Symbol, exp, factor
from sympy.concrete.summations import Sum
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixSymbol

from derive.calculus.derivation import Derivation
from derive.calculus.sections import Equality, Section, Where
from derive.errors import DerivationError
from derive.functions import signs_inside
from derive.nodes import (
    Entry,
    Jacobian,
    Node,
    Quantity,
    Softmax,
    add,
    coefficient,
    diag,
    matmul,
    ones,
    scale,
    transpose,
)

_i, _j = Symbol("i", integer=True), Symbol("j", integer=True)


@cache
def softmax_entry() -> Expr:
    """∂y_i/∂z_j of y = softmax(z) for a symbolic size, by SymPy, with exp(z_i) written as y_i Σ exp(z)."""
    n = Symbol("n", integer=True, positive=True)
    i, j = _i, _j
    z, y = MatrixSymbol("z", n, 1), MatrixSymbol("y", n, 1)
    value = Softmax(z)._entry(i, 0)
    (normaliser,) = value.atoms(Sum)
    s = Symbol("s", positive=True)
    derivative = value.diff(z[j, 0]).doit().replace(lambda part: part.is_Piecewise, lambda part: part.args[0][0])
    # The index j lies within the sum, so SymPy's case "1 if j in range" is the one that holds.
    derivative = derivative.replace(
        lambda part: isinstance(part, KroneckerDelta) and len(part.args) > 2,
        lambda part: KroneckerDelta(*part.args[:2]),
    )
    derivative = derivative.subs(normaliser, s).subs({exp(z[i, 0]): s * y[i, 0], exp(z[j, 0]): s * y[j, 0]})
    return derivative.expand()


def softmax_jacobian(output: Node) -> tuple[Node, ...]:
    """The terms of ∂softmax/∂z as matrices in the output: diag(y) and -y yᵀ, read off the entry derived by SymPy."""
    terms: list[Node] = []
    for term in softmax_entry().as_ordered_terms():
        number, rest = term.as_coeff_Mul()
        deltas = [factor for factor in rest.args if isinstance(factor, KroneckerDelta)]
        entries = [factor for factor in rest.args if factor not in deltas]
        if len(deltas) == 1 and len(entries) == 1:
            terms.append(scale(number, diag(output)))
        elif not deltas and len(entries) == 2:
            terms.append(scale(number, matmul(output, transpose(output))))
        else:
            raise DerivationError(f"the softmax Jacobian has an unexpected term {term}")
    return tuple(sorted(terms, key=lambda matrix: coefficient(matrix)[0].could_extract_minus_sign()))


def softmax_sections(derivation: Derivation) -> tuple[Section, ...]:
    """For every softmax of a named quantity: its Jacobian, first by entries, then as a matrix."""
    sections = []
    for equation in derivation.program.equations:
        node = equation.expression
        if isinstance(node, Softmax) and isinstance(node.operand, Quantity):
            matrix = add(*softmax_jacobian(equation.symbol))
            sections.append(
                Section(
                    "The softmax Jacobian",
                    (
                        "An entry of a softmax is the exponential of its argument divided by the sum of all "
                        "exponentials; by the quotient rule, with each quotient written as the entry that it is:",
                        *_cases(equation.symbol, node.operand),
                        "As a matrix, with the first case on the diagonal:",
                        Equality((Jacobian(equation.symbol, node.operand), matrix)),
                    ),
                )
            )
    return tuple(sections)


def _cases(output: Quantity, argument: Quantity) -> tuple[Equality, ...]:
    """The derivative of an entry by an entry, for i = j and for i ≠ j."""
    left = Entry(Jacobian(output, argument), _i, _j)
    letters = {part: Symbol(f"y_{part.i}") for part in softmax_entry().atoms(MatrixElement)}
    entry = softmax_entry().xreplace(letters)
    here, there = Symbol("y_i"), Symbol("y_j")
    same = signs_inside(factor(entry.subs(_j, _i).xreplace({there: here})))
    other = entry.replace(KroneckerDelta, lambda *_: 0)
    nodes = {here: Entry(output, _i), there: Entry(output, _j)}
    return (
        Equality((left, _in_entries(same, nodes)), where=Where(_i, "=", _j)),
        Equality((left, _in_entries(other, nodes)), where=Where(_i, "≠", _j)),
    )


def _in_entries(value: Expr, nodes: Mapping[Symbol, Node]) -> Node:
    """A polynomial in entries as a node."""
    if isinstance(value, Symbol):
        return nodes[value]
    if isinstance(value, Add):
        return add(*(_in_entries(term, nodes) for term in sorted(value.args, key=lambda part: not part.is_number)))
    number, rest = value.as_coeff_Mul()
    if rest == 1:
        return scale(number, ones(1, 1))
    return scale(number, matmul(*(_in_entries(part, nodes) for part in Mul.make_args(rest))))
