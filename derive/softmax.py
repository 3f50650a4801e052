"""The Jacobian of the softmax, derived by SymPy entry by entry for a symbolic size, and the section that shows it."""

from __future__ import annotations

from functools import cache

from sympy import Expr, KroneckerDelta, Symbol, exp, factor, latex
from sympy.concrete.summations import Sum
from sympy.matrices.expressions.matexpr import MatrixElement, MatrixSymbol

from derive.derivation import Derivation
from derive.errors import DerivationError
from derive.functions import signs_inside
from derive.nodes import Jacobian, Node, Quantity, Softmax, add, coefficient, diag, matmul, scale, transpose
from derive.sections import Entries, Equality, Section

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
                        "Let $y$ be the softmax of $z$. Entry $y_i$ is the exponential of $z_i$ divided by the sum of "
                        "all exponentials; by the quotient rule, with each quotient written as the entry of $y$ it is:",
                        *_cases(),
                        "As a matrix, with the first case on the diagonal:",
                        Equality((Jacobian(equation.symbol, node.operand), matrix)),
                    ),
                )
            )
    return tuple(sections)


def _cases() -> tuple[Entries, ...]:
    """The entry for i = j and for i ≠ j, where y are the values of the softmax and z its arguments."""
    letters = {part: Symbol(f"y_{part.i}") for part in softmax_entry().atoms(MatrixElement)}
    entry = softmax_entry().xreplace(letters)
    same = signs_inside(factor(entry.subs(_j, _i).xreplace({Symbol("y_j"): Symbol("y_i")})))
    other = entry.replace(KroneckerDelta, lambda *_: 0)
    return tuple(
        Entries(
            rf"\frac{{\partial y_i}}{{\partial z_j}} = {latex(value)} \quad ({case})",
            f"∂y_i/∂z_j = {str(value).replace('*', ' ')}  ({words})",
        )
        for value, case, words in ((same, "i = j", "i = j"), (other, r"i \neq j", "i ≠ j"))
    )
