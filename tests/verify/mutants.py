"""Named mistakes applied to a derivation: each mutant is wrong in the gradient of one quantity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sympy import HadamardPower, ZeroMatrix

from derive.calculus.derivation import Derivation, Gradient, Path
from derive.nodes import Adjoint, Node, Slice, T, add, scale, sum_over_time, t
from verify.mistakes.context import Context, quantities_of
from verify.mistakes.indices import moved
from verify.mistakes.mutate import MISTAKES
from verify.mistakes.places import one_place


def mutants(derivation: Derivation) -> Iterator[tuple[Path, str, Gradient, Derivation]]:
    """Every mutant with the path that is spoilt, the name of the mistake, and the gradient that is wrong."""
    for gradient in derivation.gradients:
        for k, path in enumerate(gradient.paths):
            for mistake, paths in mistaken(derivation, gradient, k):
                wrong = rebuilt(gradient, paths)
                yield path, f"path {k}: {mistake}", wrong, with_gradient(derivation, wrong)


def mistaken(derivation: Derivation, gradient: Gradient, k: int) -> Iterator[tuple[str, list[Path]]]:
    """Every way in which one path of a gradient is left out or spoilt."""
    path = gradient.paths[k]

    def spoilt(term: Node) -> list[Path]:
        return [replace(p, term=term) if j == k else p for j, p in enumerate(gradient.paths)]

    context = Context(derivation, Adjoint(gradient.of))
    yield "dropped", [p for j, p in enumerate(gradient.paths) if j != k]
    yield "sign flipped", spoilt(scale(-1, path.term))
    for name in ("missing transpose", "forgotten factor", "missing term"):
        for change in MISTAKES[name].made_in(path.term, context):
            # A square is left alone: under a root, what is left of it may have none at any random point.
            fits = change.node.shape == path.term.shape and _cut(change.node) <= _cut(path.term)
            if fits and not isinstance(change.before, HadamardPower):
                yield name, spoilt(change.node)
    for change in one_place(path.term, taken_at_t, context):
        yield "taken at t", spoilt(change.node)


def _cut(node: Node) -> set[tuple[object, ...]]:
    """What is cut out of what: a block beyond the end of its operand is no formula."""
    return {(part.axis, part.start, part.length, *part.operand.shape) for part in node.atoms(Slice)}


def taken_at_t(node: Node, context: Context) -> Iterator[Node]:
    """What belongs to the next step, taken at this one."""
    if any(quantity.time == t + 1 for quantity in quantities_of(node)):
        yield from moved(node, -1)


def rebuilt(gradient: Gradient, paths: list[Path]) -> Gradient:
    """The gradient with other paths, and their sum for a value."""
    value = add(*(path.term for path in paths)) if paths else ZeroMatrix(*gradient.of.shape)
    if gradient.of.time is None:
        value = sum_over_time(value, t, 1, T)
    return replace(gradient, paths=tuple(paths), value=value)


def with_gradient(derivation: Derivation, gradient: Gradient) -> Derivation:
    """The derivation with one gradient exchanged."""
    return replace(derivation, gradients=tuple(gradient if g.of == gradient.of else g for g in derivation.gradients))
