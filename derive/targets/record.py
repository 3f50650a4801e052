"""A derivation as plain data, for `backproof derive --json`: every formula in LaTeX and in text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation, Gradient, Path, Step
from derive.calculus.program import introduced
from derive.cell import Cell
from derive.errors import InputError
from derive.lettering import lettered
from derive.networks.network import Network
from derive.nodes import Adjoint, Node
from derive.notation import Notation
from derive.targets.formula import latex, text
from derive.targets.pages.composition import composition, parts_to_show


def record(derivation: Derivation, notation: Notation | None = None) -> dict[str, Any]:
    """Equations and gradients with their paths and steps, in the letters of a notation (None: the note's own)."""
    letters = lettered(notation or derivation.cell.notation, derivation.program)
    own = introduced(derivation.cell, derivation.program)

    def formula(left: Node, right: Node) -> dict[str, str]:
        return {
            form: f"{printer(left, letters)} = {printer(right, letters)}"
            for form, printer in (("latex", latex), ("text", text))
        }

    def step(s: Step) -> dict[str, Any]:
        return {"rule": s.rule, "why": s.why, "latex": latex(s.after, letters), "text": text(s.after, letters)}

    def path(p: Path) -> dict[str, Any]:
        via = p.via and {"name": p.via.name, "text": text(p.via, letters)}
        terms = {"latex": latex(p.term, letters), "text": text(p.term, letters)}
        return {"via": via, "next_step": p.crosses_time, **terms, "steps": [step(s) for s in p.steps]}

    def gradient(g: Gradient) -> dict[str, Any]:
        return {
            "of": g.of.name,
            **formula(Adjoint(g.of), g.value),
            "why": g.why,
            "assumptions": [f"{a.quantity.name} {a.kind}" for a in g.assumptions],
            "paths": [path(p) for p in g.paths],
            "simplified": [step(s) for s in g.steps],
        }

    return {
        "cell": derivation.cell.name,
        "title": derivation.cell.title,
        "source": derivation.cell.source,
        "equations": [
            {"of": e.symbol.name, "introduced": e.symbol.name in own, **formula(e.symbol, e.expression)}
            for e in derivation.program.equations
        ],
        "gradients": [gradient(g) for g in derivation.gradients],
    }


def network_record(network: Network, notation: Notation | None = None) -> dict[str, Any]:
    """How the network is put together, and the record of each of its parts."""
    network = network if notation is None else network.in_letters(notation)
    return {
        "network": network.title,
        "composition": list(composition(network)),
        "parts": [record(differentiate(cell)) for cell in parts_to_show(network)],
    }


def of_any(made: Cell | Network, notation: Notation | None = None, names: Sequence[str] = ()) -> dict[str, Any]:
    """The record of a cell or of a network; with `names`, of a cell's gradients by these alone.

    Raises InputError for names that the cell does not have.
    """
    if isinstance(made, Network):
        if names:
            raise InputError("one gradient is asked of a cell, not of a network")
        return network_record(made, notation)
    derivation = differentiate(made)
    whole = record(derivation, notation)
    asked = {derivation[name].of.name for name in names}
    return {**whole, "gradients": [g for g in whole["gradients"] if g["of"] in asked]} if names else whole
