"""Derivation -> graph of its backward flow: every gradient, the terms that reach it, and where they meet."""

from __future__ import annotations

from collections import defaultdict

from derive.calculus.derivation import Derivation, Gradient
from derive.calculus.program import ARGUMENT, introduced
from derive.nodes import Adjoint, Node, Quantity
from derive.targets.formula import text
from derive.targets.pictures.drawing import Box, Graph, Role
from derive.targets.pictures.labels import width, wrapped


def graph(derivation: Derivation) -> Graph:
    """The paths of a derivation: an edge carries the term that its path adds to the gradient at its end."""
    cell, letters = derivation.cell, derivation.program.notation
    named = introduced(cell, derivation.program)
    taken = any(r"\delta" in letters.letter(name).base for name in derivation.program.quantities)
    deltas = frozenset(name for name in named if name.startswith(f"{ARGUMENT}_") and not taken)

    def written(node: Node) -> str:
        return text(node, letters, deltas)

    boxes: list[Box] = []
    edges: list[tuple[str, str]] = []
    sources: dict[Node, str] = {}

    def box(lines: tuple[str, ...], role: Role, tag: str = "", name: str = "") -> str:
        boxes.append(Box(f"n{len(boxes)}", lines, role, tag, name))
        return boxes[-1].key

    def source(via: Quantity | None, term: Node) -> str:
        node = term if via is None else Adjoint(via)
        if node not in sources:
            role = Role.LOSS if via is None else Role.LATER
            sources[node] = box(wrapped(written(node)), role, "", "J" if via is None else via.name)
        return sources[node]

    given = [g for g in derivation.gradients if g.of.time is None and g.of not in cell.inputs]
    parameters = [g for g in given if len(g.paths) == 1]
    for gradient in derivation.gradients:
        if gradient in parameters:
            continue
        meets = len(gradient.paths) > 1
        label = [written(Adjoint(gradient.of))]
        if gradient.steps and gradient.of.time is not None and width(written(gradient.value)) < 240:
            label.append(f"= {written(gradient.value)}")
        role = Role.MEETING if meets else _role(gradient, derivation)
        key = box(tuple(label), role, "+" if meets else "", gradient.of.name)
        for path in gradient.paths:
            if path.via is None:
                edges.append((source(None, path.term), key))
                continue
            term = box(wrapped(written(path.term)), Role.TERM)
            edges += [(source(path.via, path.term), term), (term, key)]
        sources[Adjoint(gradient.of)] = key
    by_source: dict[str, list[Gradient]] = defaultdict(list)
    for gradient in parameters:
        by_source[source(gradient.paths[0].via, gradient.paths[0].term)].append(gradient)
    for origin, found in by_source.items():
        lines = [line for g in found for line in wrapped(f"{written(Adjoint(g.of))} = {written(g.value)}")]
        edges.append((origin, box(tuple(lines), Role.PARAMETER, "", " ".join(g.of.name for g in found))))
    about = "; ".join(f"{written(Adjoint(g.of))} = {written(g.value)}" for g in derivation.gradients)
    return Graph(f"{cell.title}: gradients of one step", about, tuple(boxes), tuple(edges))


def _role(gradient: Gradient, derivation: Derivation) -> Role:
    cell = derivation.cell
    if gradient.of.time is None and gradient.of not in cell.inputs:
        return Role.PARAMETER
    if gradient.of in cell.inputs:
        return Role.INPUT
    return Role.STATE if gradient.of in cell.states else Role.VALUE
