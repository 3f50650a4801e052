"""Named mistakes applied to a derivation: each mutant is wrong in the gradient of one quantity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from sympy import HadamardProduct, MatAdd, Transpose, ZeroMatrix

from derive.derivation import Derivation, Gradient, Path
from derive.nodes import (
    Adjoint,
    Node,
    Quantity,
    T,
    add,
    children,
    hadamard,
    scale,
    substitute,
    sum_over_time,
    t,
)


def mutants(derivation: Derivation) -> Iterator[tuple[Path, str, Gradient, Derivation]]:
    """Every mutant with the path that is spoilt, the name of the mistake, and the gradient that is wrong."""
    for gradient in derivation.gradients:
        for k, path in enumerate(gradient.paths):
            for mistake, paths in mistaken(gradient, k):
                wrong = rebuilt(gradient, paths)
                yield path, f"path {k}: {mistake}", wrong, with_gradient(derivation, wrong)


def mistaken(gradient: Gradient, k: int) -> Iterator[tuple[str, list[Path]]]:
    """Every way in which one path of a gradient is left out or spoilt."""
    path = gradient.paths[k]

    def spoilt(term: Node) -> list[Path]:
        return [replace(p, term=term) if j == k else p for j, p in enumerate(gradient.paths)]

    yield "dropped", [p for j, p in enumerate(gradient.paths) if j != k]
    yield "sign flipped", spoilt(scale(-1, path.term))
    for matrix in square_transposes(path.term):
        yield f"transpose of {matrix.arg} dropped", spoilt(replaced(path.term, matrix, matrix.arg))
    for leaf in later(path.term):
        now = Adjoint(leaf.quantity.at(t)) if isinstance(leaf, Adjoint) else leaf.at(t)
        yield f"{leaf} taken at t", spoilt(replaced(path.term, leaf, now))
    for product, factor in factors(path.term):
        rest = hadamard(*(f for f in product.args if f is not factor))
        yield f"factor {factor} dropped", spoilt(replaced(path.term, product, rest))
    for total, term in terms(path.term):
        rest = add(*(s for s in total.args if s is not term))
        yield f"term {term} dropped", spoilt(replaced(path.term, total, rest))


def rebuilt(gradient: Gradient, paths: list[Path]) -> Gradient:
    """The gradient with other paths, and their sum for a value."""
    value = add(*(path.term for path in paths)) if paths else ZeroMatrix(*gradient.of.shape)
    if gradient.of.time is None:
        value = sum_over_time(value, t, 1, T)
    return replace(gradient, paths=tuple(paths), value=value)


def with_gradient(derivation: Derivation, gradient: Gradient) -> Derivation:
    """The derivation with one gradient exchanged."""
    return replace(derivation, gradients=tuple(gradient if g.of == gradient.of else g for g in derivation.gradients))


def replaced(node: Node, part: Node, by: Node) -> Node:
    return substitute(node, lambda n: by if n == part else None)


def occurring(node: Node, wanted: Callable[[Node], bool]) -> list[Node]:
    """The subexpressions that are wanted, each once."""
    found: dict[Node, None] = {}

    def visit(part: Node) -> None:
        if wanted(part):
            found[part] = None
        for child in children(part):
            visit(child)

    visit(node)
    return list(found)


def square_transposes(node: Node) -> list[Node]:
    return occurring(node, lambda n: isinstance(n, Transpose) and n.shape[0] == n.shape[1])


def later(node: Node) -> list[Node]:
    """Quantities and adjoints at t + 1."""

    def is_later(n: Node) -> bool:
        quantity = n.quantity if isinstance(n, Adjoint) else n
        return isinstance(quantity, Quantity) and quantity.time == t + 1

    return occurring(node, is_later)


def factors(node: Node) -> list[tuple[Node, Node]]:
    products = occurring(node, lambda n: isinstance(n, HadamardProduct))
    return [(product, factor) for product in products for factor in product.args]


def terms(node: Node) -> list[tuple[Node, Node]]:
    totals = occurring(node, lambda n: isinstance(n, MatAdd))
    return [(total, term) for total in totals for term in total.args]
