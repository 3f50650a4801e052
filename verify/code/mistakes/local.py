"""Mistakes in one term: left out, wrong sign, a factor forgotten, a wrong time index, a slope at the wrong place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sympy import HadamardProduct, MatAdd, Transpose, ZeroMatrix

from derive.calculus.derivation import Derivation, Gradient, Path
from derive.nodes import (
    Adjoint,
    Elementwise,
    Node,
    Quantity,
    T,
    add,
    children,
    hadamard,
    leaves,
    ones,
    scale,
    shift,
    substitute,
    sum_over_time,
    t,
    transpose,
)
from derive.targets.formula import text
from verify.code.mistakes.registry import Change, Variation, kind
from verify.formulas.judgement import Mistake

TERM, PART = 1, 2
"""Ranks: slopes write a term anew, the other mistakes spoil the term that is there."""

Edit = Callable[[Node], Node | None]
"""What becomes of a term; None: it is left out."""


def as_written(derivation: Derivation) -> Derivation:
    """The derivation with the simplified form of a gradient in place of its path, as people write ŷ - y."""
    gradients = tuple(
        replace(g, paths=(replace(g.paths[0], term=g.value),))
        if g.steps and len(g.paths) == 1 and g.of.time is not None
        else g
        for g in derivation.gradients
    )
    return replace(derivation, gradients=gradients)


def edited(edits: Mapping[tuple[str, Quantity | None], Edit]) -> Change:
    """Change the terms of paths, given by the name of their gradient and the quantity they lead to; None: left out."""

    def change(derivation: Derivation) -> Derivation:
        names = {name for name, _ in edits}
        changed = tuple(
            _edited(gradient, edits) if gradient.of.name in names else gradient for gradient in derivation.gradients
        )
        return replace(derivation, gradients=changed)

    return change


def _edited(gradient: Gradient, edits: Mapping[tuple[str, Quantity | None], Edit]) -> Gradient:
    paths = []
    for path in gradient.paths:
        edit = edits.get((gradient.of.name, path.via))
        term = edit(path.term) if edit else path.term
        if term is not None:
            paths.append(path if term is path.term else replace(path, term=term))
    return replace(gradient, paths=tuple(paths), steps=())


def summed(derivation: Derivation) -> Derivation:
    """The derivation with the sum of its paths as the value of each gradient: what runs reads the paths alone."""

    def whole(gradient: Gradient) -> Gradient:
        value: Node = add(*(p.term for p in gradient.paths)) if gradient.paths else ZeroMatrix(*gradient.of.shape)
        if gradient.of.time is None and gradient.paths:
            value = sum_over_time(value, t, 1, T)
        return replace(gradient, value=value)

    return replace(derivation, gradients=tuple(g if g.steps else whole(g) for g in derivation.gradients))


def _paths(derivation: Derivation) -> Iterator[tuple[Gradient, Path, str]]:
    """Every path with the words for it."""
    for gradient in derivation.gradients:
        for path in gradient.paths:
            left = text(Adjoint(gradient.of))
            yield gradient, path, f"{text(path.term)} in {left}"


def _one(gradient: Gradient, path: Path, name: str, detail: str, edit: Edit) -> Variation:
    return Variation(Mistake(name, detail), edited({(gradient.of.name, path.via): edit}), PART)


@kind("missing term")
def missing(derivation: Derivation) -> Iterator[Variation]:
    """A path to J left out."""
    for gradient, path, words in _paths(derivation):
        yield _one(gradient, path, "missing term", words, lambda term: None)


@kind("sign")
def sign(derivation: Derivation) -> Iterator[Variation]:
    """A path with the wrong sign."""
    for gradient, path, words in _paths(derivation):
        yield _one(gradient, path, "sign", words, lambda term: scale(-1, term))


@kind("constant factor")
def twice(derivation: Derivation) -> Iterator[Variation]:
    """A path that counts twice."""
    for gradient, path, words in _paths(derivation):
        yield _one(gradient, path, "constant factor", f"counted twice: {words}", lambda term: scale(2, term))


@kind("forgotten factor")
def factor(derivation: Derivation) -> Iterator[Variation]:
    """A factor of an elementwise product left out."""
    for gradient, path, words in _paths(derivation):
        for product in parts(path.term, HadamardProduct):
            for k, part in enumerate(product.args):
                if isinstance(part, Adjoint):
                    continue
                rest = hadamard(*(product.args[:k] + product.args[k + 1 :]))
                detail = f"{'slope' if parts(part, MatAdd) else 'factor'} {text(part)} of {words}"
                yield _one(gradient, path, "forgotten factor", detail, swap(product, rest))


@kind("gate and complement exchanged")
def complement(derivation: Derivation) -> Iterator[Variation]:
    """A gate z in a product where 1 - z is meant, or the reverse."""
    gates = {
        e.symbol
        for e in derivation.program.equations
        if isinstance(e.expression, Elementwise) and e.expression.function.name == "sigmoid"
    }
    complements = {add(ones(*gate.shape), scale(-1, gate)): gate for gate in gates}
    for gradient, path, words in _paths(derivation):
        for product in parts(path.term, HadamardProduct):
            for part in product.args:
                at = _at_t(part)
                other = complements.get(at) or (add(ones(*at.shape), scale(-1, at)) if at in gates else None)
                if other is None:
                    continue
                moved = shift(other, 1) if at != part else other
                rest = [one for one in product.args if one is not part]
                detail = f"{text(moved)} in place of {text(part)}: {words}"
                yield _one(
                    gradient, path, "gate and complement exchanged", detail, swap(product, hadamard(*rest, moved))
                )


def _at_t(node: Node) -> Node:
    """What belongs to the next step as of this one."""
    later = any(leaf.time is not None and leaf.time - t == 1 for leaf in leaves(node))
    return shift(node, -1) if later else node


@kind("missing term in a sum")
def part_of_sum(derivation: Derivation) -> Iterator[Variation]:
    """A part of a sum within a term left out or with the wrong sign."""
    for gradient, path, words in _paths(derivation):
        for total in parts(path.term, MatAdd):
            for part in total.args:
                rest = add(*(other for other in total.args if other != part))
                detail = f"{text(part)} in {text(total)}: {words}"
                yield _one(gradient, path, "missing term", detail, swap(total, rest))
                turned = add(*(scale(-1, other) if other == part else other for other in total.args))
                yield _one(gradient, path, "sign", detail, swap(total, turned))


@kind("missing transpose")
def untransposed(derivation: Derivation) -> Iterator[Variation]:
    """Uᵀ for U, or U for Uᵀ."""
    for gradient, path, words in _paths(derivation):
        for part in parts(path.term, Transpose):
            if part.shape[0] == part.shape[1]:
                detail = f"{text(part.arg)} for {text(part)}: {words}"
                yield _one(gradient, path, "missing transpose", detail, swap(part, part.arg))
        for part in parts(path.term, Quantity):
            if part.time is None and part.shape[0] == part.shape[1] and not _under_transpose(path.term, part):
                detail = f"{text(transpose(part))} for {text(part)}: {words}"
                yield _one(gradient, path, "extra transpose", detail, swap(part, transpose(part)))
    for gradient in derivation.gradients:
        edits: dict[tuple[str, Quantity | None], Edit] = {}
        for path in gradient.paths:
            square = [part for part in parts(path.term, Transpose) if part.shape[0] == part.shape[1]]
            if square:
                edits[gradient.of.name, path.via] = swap(square[0], square[0].arg)
        if len(edits) > 1:
            detail = f"no transpose in any term of {text(Adjoint(gradient.of))}"
            yield Variation(Mistake("missing transpose", detail), edited(edits), PART)


@kind("wrong time index")
def time_index(derivation: Derivation) -> Iterator[Variation]:
    """A value of the step before or after."""
    for gradient, path, words in _paths(derivation):
        for part in parts(path.term, Quantity):
            if part.time is None:
                continue
            others = {t: (t - 1,), t - 1: (t,), t + 1: (t,)}.get(part.time, ())
            for other in others:
                moved = part.at(other)
                detail = f"{text(moved)} in place of {text(part)}: {words}"
                yield _one(gradient, path, "wrong time index", detail, swap(part, moved))


@kind("read before the carry is added")
def before_carry(derivation: Derivation) -> Iterator[Variation]:
    """A term that reads the gradient of a state before the part from the next step was added to it."""
    for state in derivation.program.states:
        paths = derivation.by_name[state.name].paths
        if not any(path.crosses_time for path in paths):
            continue
        local = [path.term for path in paths if not path.crosses_time]
        edits: dict[tuple[str, Quantity | None], Edit] = {}
        for gradient, path, words in _paths(derivation):
            for part in parts(path.term, Adjoint):
                if part.quantity.name != state.name or part.immediate:
                    continue
                time = part.quantity.time
                assert time is not None
                early = add(*(shift(term, int(time - t)) for term in local)) if local else ZeroMatrix(*part.shape)
                edit = edits[gradient.of.name, path.via] = swap(part, early)
                detail = f"{text(part)} lacks what comes from the next step: {words}"
                yield _one(gradient, path, "read before the carry is added", detail, edit)
        if len(edits) > 1:
            detail = f"every term reads {text(Adjoint(state))} without what comes from the next step"
            yield Variation(Mistake("read before the carry is added", detail), edited(edits), PART)


@kind("gradient of the wrong quantity")
def signal(derivation: Derivation) -> Iterator[Variation]:
    """A parameter or an input reads the gradient of the value behind a function, or what J asks of the output alone."""
    given = {*derivation.program.inputs, *derivation.program.parameters}
    behind: dict[Quantity, Quantity] = {}
    for equation in derivation.program.equations:
        for part in parts(equation.expression, Elementwise):
            behind |= {q: equation.symbol for q in part.operands if isinstance(q, Quantity) and q.time == t}
    output = Adjoint(derivation.program.output, True)
    for gradient, path, words in _paths(derivation):
        if gradient.of not in given:
            continue
        for part in parts(path.term, Adjoint):
            after = behind.get(part.quantity)
            if part.immediate or after is None or after.shape != part.shape:
                continue
            detail = (
                f"{text(Adjoint(after))} in place of {text(part)}, without the slope of the function between: {words}"
            )
            yield _one(gradient, path, "slope forgotten", detail, swap(part, Adjoint(after)))
            if output.shape == part.shape:
                detail = f"d_ys in place of {text(part)}, without slope and without the carry from later steps: {words}"
                yield _one(gradient, path, "slope forgotten", detail, swap(part, output))


# Parts of expressions


def parts(node: Node, kinds: type[Node]) -> list[Node]:
    """The nodes of one class in an expression, each once, outermost first."""
    found: dict[Node, None] = {}

    def visit(part: Node) -> None:
        if isinstance(part, kinds):
            found[part] = None
        for child in children(part):
            visit(child)

    visit(node)
    return list(found)


def _under_transpose(node: Node, part: Node) -> bool:
    return any(found.arg == part for found in parts(node, Transpose))


def swap(part: Node, other: Node) -> Edit:
    """The change that puts `other` in the place of `part`."""
    key = hash(part)
    return lambda term: substitute(term, lambda node: other if hash(node) == key and node == part else None)
