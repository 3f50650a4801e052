"""The same cell in other letters and sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sympy import Expr, Symbol

from derive.calculus.program import ARGUMENT, FACTOR
from derive.cell import Cell, Equation
from derive.nodes import Node, Quantity, substitute
from derive.notation import AS_WRITTEN, Notation


def renamed(cell: Cell, name: Callable[[str], str], mark: str) -> Cell:
    """The cell with other names; a letter whose name changes carries `mark` above it."""

    def moved(node: Node) -> Node | None:
        return quantity(node) if isinstance(node, Quantity) else None

    def quantity(q: Quantity) -> Quantity:
        return Quantity(name(q.name), q.shape[0], q.shape[1], q.time)

    def quantities(some: tuple[Quantity, ...]) -> tuple[Quantity, ...]:
        return tuple(map(quantity, some))

    letters = []
    for old in cell.quantities:
        if name(old) != old:
            for prefix in ("", f"{ARGUMENT}_", f"{FACTOR}_"):
                letter = cell.notation.letter(prefix + old)
                letters.append((prefix + name(old), str(letter._replace(above=letter.above + mark))))
    return replace(
        cell,
        equations=tuple(Equation(quantity(e.symbol), substitute(e.expression, moved), e.place) for e in cell.equations),
        inputs=quantities(cell.inputs),
        states=quantities(cell.states),
        parameters=quantities(cell.parameters),
        targets=quantities(cell.targets),
        output=quantity(cell.output),
        assumptions=tuple(replace(a, quantity=quantity(a.quantity)) for a in cell.assumptions),
        notation=_with(cell.notation, tuple(letters)),
    )


def resized(cell: Cell, sizes: Mapping[Symbol, Expr]) -> Cell:
    """The cell with other sizes in the places of its size letters."""
    if not sizes:
        return cell

    def moved(some: tuple[Quantity, ...]) -> tuple[Quantity, ...]:
        return tuple(q.xreplace(sizes) for q in some)

    return replace(
        cell,
        equations=tuple(
            Equation(e.symbol.xreplace(sizes), e.expression.xreplace(sizes), e.place) for e in cell.equations
        ),
        inputs=moved(cell.inputs),
        states=moved(cell.states),
        parameters=moved(cell.parameters),
        targets=moved(cell.targets),
        output=moved((cell.output,))[0],
        assumptions=tuple(replace(a, quantity=moved((a.quantity,))[0]) for a in cell.assumptions),
    )


def _with(notation: Notation, letters: tuple[tuple[str, str], ...]) -> Notation:
    # No longer a notation of its own: its letters belong to these names.
    return replace(notation, name=AS_WRITTEN.name, letters=letters + notation.letters)
