"""The true right sides of a left side, read off the derivation, and the terms they are sums of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from math import prod

from sympy import HadamardProduct, MatAdd, MatMul, Symbol, Transpose

from derive.calculus import bptt
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.calculus.program import introduced
from derive.cell import Cell, Equation
from derive.errors import InputError
from derive.nodes import (
    Adjoint,
    Jacobian,
    Node,
    Quantity,
    Shaped,
    T,
    TimeProduct,
    TimeSum,
    add,
    children,
    coefficient,
    hadamard,
    matmul,
    scale,
    substitute,
    sum_over_time,
    t,
    transpose,
)

TERMS = 128
"""How many terms are kept: all paths of the largest cell of the catalogue, opened twice, and multiplied out."""
LARGEST = 250
"""Parts that a formula may have to be searched, or stated with its gradients inserted: a person's have a third."""


@dataclass(frozen=True)
class Term:
    """A term of the true right side; `of` reaches J through `via`, or J reads it itself (None). `whole`: the path."""

    node: Node
    of: Quantity | None = None
    via: Quantity | None = None
    whole: bool = True


def forms_of(left: Node, derivation: Derivation) -> tuple[Node, ...]:
    """Every form in which the derivation states the left side, each once."""
    found: dict[Node, None] = {}
    count = max((len(_values(leaf, derivation)) for leaf in _leaves(left)), default=0)
    for k in range(count):

        def value(node: Node, k: int = k) -> Node | None:
            values = _values(node, derivation)
            return values[min(k, len(values) - 1)] if values else None

        found[substitute(left, value)] = None
    if (use := _use(left, derivation)) is not None:
        found[use] = None
    return tuple(found)


def _use(left: Node, derivation: Derivation) -> Node | None:
    """What stands for (∂J/∂a_t)ᵀ ∂a_t/∂W in the gradient of a matrix, in its use at t."""
    product = left.operand if isinstance(left, Shaped) else left
    if not isinstance(product, MatMul) or len(product.args) != 2:
        return None
    error, by = product.args
    if not isinstance(error, Transpose) or not isinstance(error.arg, Adjoint) or not isinstance(by, Jacobian):
        return None
    of, weight = by.of, by.by
    if error.arg != Adjoint(of) or weight.time is not None or of.name not in derivation.by_name:
        return None
    found = bptt.through(derivation, of.at(t), weight)
    return None if found is None or found.shape != left.shape else found.xreplace({t: of.time})


def terms_of(left: Node, derivation: Derivation) -> tuple[Term, ...]:
    """The paths of the left side, then the parts of each path, one path deeper each time."""
    if isinstance(left, Transpose):
        return tuple(replace(term, node=transpose(term.node)) for term in terms_of(left.arg, derivation))
    if isinstance(left, Adjoint) and not left.immediate and left.quantity.name in derivation.by_name:
        gradient, time = derivation.by_name[left.quantity.name], left.quantity.time
        at = {} if time is None else {t: time}
        of = left.quantity
        first = [
            Term(_of_same_loss(path.term.xreplace(at), left), of, None if path.via is None else path.via.xreplace(at))
            for path in gradient.paths
        ]
        found: dict[Node, Term] = {term.node: term for term in first}
        level = first
        for _ in range(2):
            level = list(islice((part for term in level for part in _opened(term, derivation)), TERMS))
            for part in level:
                found.setdefault(part.node, part)
        for form in forms_of(left.func(of.at(t) if time is not None else of, *left.args[1:]), derivation):
            for part in multiplied_out(form.term if isinstance(form, TimeSum) else form):
                found.setdefault(part.xreplace(at), Term(part.xreplace(at), whole=False))
        kept = list(found.values())[:TERMS]
        if time is None:
            kept = [replace(term, node=sum_over_time(term.node, t, 1, T)) for term in kept]
        return tuple(kept)
    found = {}
    for form in forms_of(left, derivation):
        for part in form.args if isinstance(form, MatAdd) else ():
            found.setdefault(part, Term(part))
    return tuple(found.values())


def spoken(node: Node, derivation: Derivation) -> Node:
    """The formula without the names that the derivation introduced: their gradients and values inserted."""
    names = introduced(derivation.cell, derivation.program)
    equations = {e.symbol.name: e.expression for e in derivation.program.equations}

    def insert(part: Node) -> Node | None:
        if isinstance(part, Adjoint) and not part.immediate and part.quantity.name in names:
            value = derivation.by_name[part.quantity.name].value
        elif isinstance(part, Quantity) and part.name in names:
            part, value = Adjoint(part), equations[part.name]
        else:
            return None
        return spoken(value.xreplace({t: part.quantity.time}), derivation)

    return substitute(node, insert)


def multiplied_out(node: Node, most: int = 2 * TERMS) -> tuple[Node, ...]:
    """The terms of a formula with (1 - z) ⊙ g as g - z ⊙ g, and W (a + b) as W a + W b.

    What would have more than `most` terms stays as it is: a product of n sums has 2^n.
    """
    if isinstance(node, MatAdd) and _terms_in(node) > most:
        return tuple(term for part in node.args for term in multiplied_out(part, most // len(node.args)))
    return _multiplied_out(node) if _terms_in(node) <= most else (node,)


def _terms_in(node: Node) -> int:
    """How many terms a formula has when it is multiplied out."""
    if isinstance(node, MatAdd):
        return sum(map(_terms_in, node.args))
    base = coefficient(node)[1]
    parts = base.args if isinstance(base, HadamardProduct | MatMul) else ()
    return prod(_terms_in(part) for part in parts)


def _multiplied_out(node: Node) -> tuple[Node, ...]:
    if isinstance(node, MatAdd):
        return tuple(term for part in node.args for term in _multiplied_out(part))
    number, base = coefficient(node)
    parts = list(base.args) if isinstance(base, HadamardProduct | MatMul) else []
    build = hadamard if isinstance(base, HadamardProduct) else matmul
    for k, part in enumerate(parts):
        terms = _multiplied_out(part)
        if len(terms) > 1:
            made = (build(*parts[:k], term, *parts[k + 1 :]) for term in terms)
            return tuple(scale(number, term) for product in made for term in _multiplied_out(product))
    return (node,)


def _leaves(node: Node) -> Iterator[Node]:
    if isinstance(node, Quantity | Adjoint | Jacobian):
        yield node
    for child in children(node):
        yield from _leaves(child)


def _values(leaf: Node, derivation: Derivation) -> list[Node]:
    """What the derivation says of a leaf, each way of saying it."""
    if isinstance(leaf, Adjoint):
        found = [] if leaf.immediate else _gradients(leaf.quantity, derivation)
        if found and leaf.only is not None and leaf.quantity.time is None:  # a loss may read the parameter at its step
            found.append(add(*(p.term for p in derivation.by_name[leaf.quantity.name].paths)).xreplace({t: leaf.only}))
        return [_of_same_loss(form, leaf) for form in found]
    if isinstance(leaf, Jacobian):
        return _jacobians(leaf, derivation)
    if isinstance(leaf, Quantity) and leaf.time is not None:
        cells = (derivation.cell, derivation.program)
        found = [e.expression for cell in cells for e in cell.equations if e.symbol.name == leaf.name]
        return list(dict.fromkeys(expression.xreplace({t: leaf.time}) for expression in found))
    return []


def _gradients(quantity: Quantity, derivation: Derivation) -> list[Node]:
    gradient = derivation.by_name.get(quantity.name)
    if gradient is None or not gradient.paths:
        return []
    paths = add(*(path.term for path in gradient.paths))
    if quantity.time is None:
        paths = sum_over_time(paths, t, 1, T)
    found = [gradient.value, paths]
    found += [_one_deeper(form, derivation) for form in (gradient.value, paths)]
    found += [spoken(form, derivation) for form in (gradient.value, paths)]
    if bptt.parts_within_step(derivation, gradient.value) <= LARGEST:
        found += [bptt.within_step(derivation, gradient.value)]
    at = {} if quantity.time is None else {t: quantity.time}
    return list(dict.fromkeys(form.xreplace(at) for form in found))


def _one_deeper(node: Node, derivation: Derivation) -> Node:
    """The gradients within the step, but for those of the states, inserted once."""
    states = {state.name for state in derivation.program.states}

    def insert(part: Node) -> Node | None:
        if isinstance(part, Adjoint) and not part.immediate and part.quantity.name not in states:
            gradient = derivation.by_name[part.quantity.name]
            return gradient.value.xreplace({t: part.quantity.time}) if gradient.of.time is not None else None
        return None

    return substitute(node, insert)


def _opened(term: Term, derivation: Derivation) -> Iterator[Term]:
    """A term with one gradient in it replaced by each of its paths."""
    for leaf in dict.fromkeys(_leaves(term.node)):
        if isinstance(leaf, Adjoint) and not leaf.immediate and leaf.quantity.time is not None:
            at = {t: leaf.quantity.time}
            for path in derivation.by_name[leaf.quantity.name].paths:
                part = substitute(term.node, _exchange(leaf, _of_same_loss(path.term.xreplace(at), leaf)))
                yield Term(part, leaf.quantity, None if path.via is None else path.via.xreplace(at), whole=False)


def _of_same_loss(node: Node, like: Adjoint) -> Node:
    """The gradients in a formula taken of the same part of J as another gradient is."""
    if len(like.args) < 3:
        return node
    return node.xreplace({leaf: leaf.func(*leaf.args[:2], *like.args[2:]) for leaf in node.atoms(Adjoint)})


def _exchange(leaf: Node, by: Node) -> Callable[[Node], Node | None]:
    return lambda node: by if node == leaf else None


def _jacobians(leaf: Jacobian, derivation: Derivation) -> list[Node]:
    of, by = leaf.of, leaf.by
    if of.time is None or of.name not in derivation.program.quantities:
        return []
    if by.time is None:
        value = None if leaf.immediate else bptt.jacobian(derivation, of.at(t), by)
        return [] if value is None else [value.xreplace({t: of.time})]
    gap = by.time - of.time
    if gap == 0 or gap == -1:
        here, there = of.at(t), by.at(t + gap)
        if leaf.immediate:
            value = _immediate(derivation.program, here, there)
        else:
            value = bptt.jacobian(derivation, here, there)
        return [] if value is None else [value.xreplace({t: of.time})]
    if of.name != by.name or of.name not in derivation.by_name or leaf.immediate:
        return []
    index = Symbol("j", integer=True)
    one_step = bptt.jacobian(derivation, of.at(t), by.at(t - 1))
    found = [TimeProduct(Jacobian(of.at(index), by.at(index - 1)), index, by.time + 1, of.time)]
    if one_step is not None:
        found.append(TimeProduct(one_step.xreplace({t: index}), index, *found[0].args[2:]))
    return found


def _immediate(program: Cell, of: Quantity, by: Quantity) -> Node | None:
    """∂⁺of/∂by: the Jacobian of a cell whose only equation is the one of `of`, everything else given."""
    equation = next((e for e in program.equations if e.symbol == of), None)
    if equation is None:
        return None
    earlier = {q.at(t - 1): Quantity(f"{q.name}_before", q.shape[0], q.shape[1], t) for q in program.states}
    back = {new: old for old, new in earlier.items()}
    try:
        alone = Cell.of([Equation(of, equation.expression.xreplace(earlier))])
        value = bptt.jacobian(differentiate(alone), of, earlier.get(by, by))
    except (InputError, KeyError):
        return None
    return None if value is None else value.xreplace(back)
