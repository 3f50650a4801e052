"""Rewriting a gradient into the form that people write: each rewriting is a named step.

SymPy does the algebra: entry by entry, an expression of elementwise operations is a rational function of scalars.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from itertools import takewhile
from math import prod

from sympy import Expr, HadamardPower, HadamardProduct, MatAdd, MatMul, Mul, OneMatrix, Symbol, cancel, expand

from derive.calculus.derivation import Gradient, Step
from derive.cell import Assumption, Cell
from derive.nodes import (
    Adjoint,
    Node,
    Quantity,
    TimeProduct,
    TimeSum,
    add,
    children,
    coefficient,
    hadamard,
    matmul,
    ones,
    power,
    rebuild,
    scale,
    substitute,
    sum_over_time,
    total,
    transpose,
)

MULTIPLIED_OUT = 32
"""What has more terms than this when multiplied out is left as it is: nobody would see what cancels."""


def simplified(
    value: Node, program: Cell, known: Mapping[Quantity, Gradient]
) -> tuple[Node, tuple[Step, ...], tuple[Assumption, ...]]:
    """The simplified gradient, the steps that led to it and the assumptions they used."""
    steps: list[Step] = []
    assumptions: tuple[Assumption, ...] = ()

    def record(after: Node, rule: str, why: str) -> None:
        nonlocal value
        if after != value:
            steps.append(Step(value, value, rule, after, why))
            value = after

    inserted = _insert_quotients(value, known)
    if _has_quotient(inserted) and not _has_quotient(cancelled := cancel_quotients(inserted)):
        record(inserted, "insertion", "the gradient found above is inserted")
        record(cancelled, "cancellation", "what stands both above and below a fraction line cancels")
        for assumption in program.assumptions:
            before = value
            record(using(value, assumption), f"assumption: {assumption.kind}", "a declared fact about the data")
            if value != before:
                assumptions = (*assumptions, assumption)
    record(common_factor(value), "common factor", "the terms share a factor")
    record(sign_inside(value), "sign", "the minus sign is taken into the difference")
    return value, tuple(steps), assumptions


def _has_quotient(node: Node) -> bool:
    negative = isinstance(node, HadamardPower) and node.exp.is_negative
    return negative or any(_has_quotient(child) for child in children(node))


def _insert_quotients(value: Node, known: Mapping[Quantity, Gradient]) -> Node:
    """Insert the gradients of the same step that contain a fraction: there is something to cancel."""

    def found(node: Node) -> Node | None:
        if isinstance(node, Adjoint) and not node.immediate and node.quantity in known:
            gradient = known[node.quantity]
            within = not any(path.crosses_time for path in gradient.paths)
            return gradient.value if within and _has_quotient(gradient.value) else None
        return None

    return substitute(value, found)


def using(node: Node, assumption: Assumption) -> Node:
    """Rewrite by a declared fact: 1ᵀy = 1 for what sums to one (a one-hot vector does)."""
    if assumption.kind not in ("sums to one", "one-hot"):
        return node
    row = ones(1, assumption.quantity.shape[0])
    if isinstance(node, MatMul):
        factor, base = coefficient(node)
        parts = list(base.args) if isinstance(base, MatMul) else [base]
        for k in range(len(parts) - 1):
            if parts[k] == row and parts[k + 1] == assumption.quantity:
                return scale(factor, matmul(*(using(p, assumption) for p in (*parts[:k], ones(1, 1), *parts[k + 2 :]))))
    return rebuild(node, (using(child, assumption) for child in children(node)))


def cancel_quotients(node: Node) -> Node:
    """Multiply out and cancel, entry by entry; an inner product aᵀb is the sum of the entries of a ⊙ b."""
    atoms: dict[Node, Symbol] = {}
    expression = entry(node, atoms)
    if _terms(expression) > MULTIPLIED_OUT:
        return node
    cancelled = cancel(expression)
    candidates = [expand(cancelled), cancelled]
    return _node(min(candidates, key=lambda e: (e.count_ops(), str(e))), atoms, node)


def _terms(expression: Expr) -> int:
    """How many terms the expression has once it is multiplied out, above and below its fraction lines."""
    if expression.is_Add:
        return sum(map(_terms, expression.args))
    if expression.is_Mul:
        return prod(map(_terms, expression.args))
    if expression.is_Pow and expression.exp.is_Integer:
        return int(_terms(expression.base) ** min(abs(int(expression.exp)), MULTIPLIED_OUT))
    return 1


def entry(node: Node, atoms: dict[Node, Symbol]) -> Expr:
    """One entry of an elementwise expression as a scalar; in `atoms`, what is not elementwise becomes a symbol."""
    factor, base = coefficient(node)
    if factor != 1:
        return factor * entry(base, atoms)
    if isinstance(base, OneMatrix):
        return factor
    if isinstance(base, MatAdd):
        return sum(entry(term, atoms) for term in base.args)
    if isinstance(base, HadamardProduct):
        return Mul(*(entry(part, atoms) for part in base.args))
    if isinstance(base, HadamardPower):
        return entry(base.base, atoms) ** base.exp
    if isinstance(base, MatMul):
        split = _vector_times_scalars(base)
        if split is not None:
            return Mul(*(entry(part, atoms) for part in split))
    return atoms.setdefault(base, Symbol(f"e{len(atoms):03d}"))


def _vector_times_scalars(product: Node) -> list[Node] | None:
    """A product of a column and scalars, as its parts; inner products among them are rewritten and cancelled."""
    parts: list[Node] = []
    rest = list(product.args)
    while rest:
        if rest[0].shape == (1, 1) or (rest[0].shape[1] == 1 and not parts):
            parts.append(rest.pop(0))
        elif len(rest) > 1 and rest[0].shape[0] == 1 and rest[1].shape[1] == 1:
            row, column = rest.pop(0), rest.pop(0)
            inner = cancel_quotients(hadamard(transpose(row), column))
            parts += _scalar_parts(total(inner))
        else:
            return None
    return parts if len(parts) > 1 else None


def _scalar_parts(node: Node) -> list[Node]:
    """1ᵀ v λ as the scalars 1ᵀv and λ."""
    factor, base = coefficient(node)
    if not isinstance(base, MatMul):
        return [node]
    scalars = [part for part in base.args if part.shape == (1, 1)]
    others = [part for part in base.args if part.shape != (1, 1)]
    return [scale(factor, matmul(*others)), *scalars] if others else [node]


def _node(expression: Expr, atoms: Mapping[Node, Symbol], like: Node) -> Node:
    """Back from one entry to the whole, terms without a minus sign first."""
    nodes = {symbol: node for node, symbol in atoms.items()}

    def build(e: Expr) -> Node:
        """The vector (or scalar) that `e` is an entry of; a number becomes ones."""
        if e in nodes:
            return nodes[e]
        if e.free_symbols.isdisjoint(nodes):  # a number or a size
            return scale(e, ones(*like.shape))
        if e.is_Add:
            terms = sorted(e.args, key=lambda term: (term.could_extract_minus_sign(), str(term)))
            return add(*(_broadcast(build(term), like) for term in terms))
        if e.is_Pow:
            return power(build(e.base), e.exp)
        number, rest = e.as_independent(*nodes, as_Add=False)
        factors = [build(factor) for factor in Mul.make_args(rest)]
        columns = [factor for factor in factors if factor.shape != (1, 1)]
        scalars = [factor for factor in factors if factor.shape == (1, 1)]
        product = [hadamard(*columns)] if columns else []
        return scale(number, matmul(*product, *scalars))

    return _broadcast(build(expression), like)


def _broadcast(node: Node, like: Node) -> Node:
    return node if node.shape == like.shape else matmul(ones(like.shape[0], 1), node)


def common_factor(node: Node) -> Node:
    """a ⊙ g + b ⊙ g as g ⊙ (a + b), and a λ + b λ as (a + b) λ."""
    if not isinstance(node, MatAdd):
        return node
    split = [_factors(term) for term in node.args]
    shared = _in_all([entries for _, entries, _ in split])
    shared_scalars = _in_all([scalars for _, _, scalars in split])
    if not shared and not shared_scalars:
        return node
    rest = []
    for number, entries, scalars in split:
        others = _without(entries, shared)
        left = hadamard(*others) if others else ones(*node.shape)
        rest.append(scale(number, matmul(left, *_without(scalars, shared_scalars))))
    rest.sort(key=lambda term: bool(coefficient(term)[0].could_extract_minus_sign()))
    return matmul(hadamard(*shared, add(*rest)), *shared_scalars)


def _in_all(several: list[list[Node]]) -> list[Node]:
    """What stands in every list, as often as it stands in each."""
    first, *others = several
    return reduce(lambda shared, factors: _without(shared, _without(shared, factors)), others, first)


def _without(factors: list[Node], taken: list[Node]) -> list[Node]:
    """The factors that are left when each of `taken` has taken one away."""
    left = list(factors)
    for factor in taken:
        if factor in left:
            left.remove(factor)
    return left


def sign_inside(node: Node) -> Node:
    """-(a - b) as b - a, also where factors follow."""
    number, base = coefficient(node)
    if not number.could_extract_minus_sign():
        return node
    parts = list(base.args) if isinstance(base, MatMul | HadamardProduct) else [base]
    for k, part in enumerate(parts):
        if isinstance(part, MatAdd) and any(coefficient(term)[0].could_extract_minus_sign() for term in part.args):
            terms = [scale(-1, term) for term in part.args]
            terms.sort(key=lambda term: bool(coefficient(term)[0].could_extract_minus_sign()))
            parts[k] = add(*terms)
            product = hadamard(*parts) if isinstance(base, HadamardProduct) else matmul(*parts)
            return scale(-number, product)
    return node


def _factors(node: Node) -> tuple[Expr, list[Node], list[Node]]:
    """A term as its number, its elementwise factors and the scalars it is multiplied by."""
    number, base = coefficient(node)
    scalars: list[Node] = []
    while isinstance(base, MatMul) and base.args[-1].shape == (1, 1) != base.shape:
        scalars.insert(0, base.args[-1])
        base = matmul(*base.args[:-1])
    return number, list(base.args) if isinstance(base, HadamardProduct) else [base], scalars


def constants_out(value: Node) -> Node:
    """Σ_t Wᵀδ_t as Wᵀ Σ_t δ_t: the matrices on the left that do not change over the sum stand before it."""
    if not isinstance(value, TimeSum) or isinstance(value, TimeProduct):
        return value
    factor, base = coefficient(value.term)
    factors = base.args if isinstance(base, MatMul) else (base,)
    fixed = list(takewhile(lambda part: value.index not in part.atoms(Symbol), factors[:-1]))
    if not fixed:
        return value
    inner = scale(factor, matmul(*factors[len(fixed) :]))
    return matmul(*fixed, sum_over_time(inner, value.index, value.first, value.last))
