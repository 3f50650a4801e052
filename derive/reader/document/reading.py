"""What was understood of a document: the cell, the claims that stand beside it, every guess, and what looks odd."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from derive.cell import Cell
from derive.errors import Place
from derive.functions import ScalarFunction, is_entry
from derive.lettering import lettered
from derive.nodes import Elementwise, Node, Quantity, children, leaves
from derive.targets.formula import latex, text
from derive.targets.vocabulary import Text


@dataclass(frozen=True)
class Remark:
    """A formula that defines nothing of the cell: a claim about derivatives, or the loss of a sequence."""

    written: str
    place: Place


@dataclass(frozen=True)
class Reading:
    """The cell that a document defines, and the formulas in it that are none of its equations."""

    cell: Cell
    remarks: tuple[Remark, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The whole reading as plain data."""
        beside = [{"formula": one.written, "place": _place(one.place)} for one in self.remarks]
        return {**as_json(self.cell), "beside": beside}

    def _repr_html_(self) -> str:
        from derive.targets import notebook

        return notebook.reading_html(self)

    def __str__(self) -> str:
        lines = [self.cell.title, *(f"  {line}" for line in told(self.cell))]
        for one in self.remarks:
            lines.append(f"  beside: {one.written} ({one.place.line}:{one.place.column})")
        return "\n".join(lines)


def told(cell: Cell) -> Iterator[str]:
    """The short form, line by line: equations, roles with shapes, output, guesses, warnings."""
    letters = lettered(cell.notation, cell)
    for equation in cell.equations:
        yield f"{text(equation.symbol, letters)} = {text(equation.expression, letters)}"
    for function in functions_of(cell):
        arguments = ", ".join(map(str, function.body.variables))
        body = function.body.expr if function.specified else "open: chosen when the code is called"
        called = Text(letters).word(function)
        yield f"{called}({arguments}) = {body}"
        if function.declared is not None:
            yield f"declared slope: {called}'({arguments}) = {function.declared.expr}"
    groups = {"inputs": cell.inputs, "states": cell.states, "parameters": cell.parameters}
    for name, quantities in groups.items():
        if name == "inputs":
            quantities = tuple(q for q in quantities if q not in cell.targets)
        shown = ", ".join(f"{text(q, letters)} {shape(q)}" for q in quantities)
        yield f"{name}: {shown or 'none'}"
    if cell.targets:
        yield "targets: " + ", ".join(f"{text(q, letters)} {shape(q)}" for q in cell.targets)
    yield f"output: {text(cell.output, letters)} {shape(cell.output)}"
    for state, start in cell.starts:
        yield f"start: {state} starts from {start}"
    for assumption in cell.assumptions:
        yield f"assumed: {text(assumption.quantity, letters)} {assumption.kind}"
    for guess in cell.guesses:
        yield f"guess: {guess}"
    for warning in warnings(cell):
        yield f"warning: {warning}"


def functions_of(cell: Cell) -> list[ScalarFunction]:
    """The functions that are no entry of the table: a note's own, those of frameworks, and those left open."""
    found: dict[ScalarFunction, None] = {}

    def visit(node: Node) -> None:
        if isinstance(node, Elementwise) and not is_entry(node.function):
            found[node.function] = None
        for child in children(node):
            visit(child)

    for equation in cell.equations:
        visit(equation.expression)
    return list(found)


def shape(quantity: Quantity) -> str:
    """`(H×D)`, `(H)`, `(a number)`."""
    rows, cols = map(str, quantity.shape)
    if rows == cols == "1":
        return "(a number)"
    return f"({rows})" if cols == "1" else f"({rows}×{cols})"


def warnings(cell: Cell) -> Iterator[str]:
    """What is read as it is written, and more often a slip than meant."""
    yield from (words for _, words, _ in odd(cell))


def odd(cell: Cell) -> Iterator[tuple[str, str, Place | None]]:
    """The warnings, each with its kind (`never-read`, `copy`, `no-recurrence`) and its equation's place."""
    if not cell.states and not cell.is_loss and cell.parameters:
        yield "no-recurrence", "no recurrence: nothing of step t - 1 is used", cell.equations[0].place
    read = {(leaf.name) for equation in cell.equations for leaf in leaves(equation.expression)}
    for equation in cell.equations:
        symbol = equation.symbol
        if symbol == cell.output and isinstance(equation.expression, Quantity):
            yield "copy", f"the output {symbol.name} only copies {equation.expression.name}", equation.place
        if symbol.name not in read and symbol != cell.output:
            yield "never-read", f"nothing reads {symbol.name}", equation.place


def as_json(cell: Cell) -> dict[str, Any]:
    """A cell as it was read, as plain data."""
    letters = lettered(cell.notation, cell)

    def listed(quantities: tuple[Quantity, ...]) -> list[dict[str, Any]]:
        return [
            {"name": q.name, "latex": latex(q, letters), "shape": list(map(str, q.shape)), "time": q.time is not None}
            for q in quantities
        ]

    return {
        "cell": cell.name,
        "title": cell.title,
        "equations": [
            {
                "of": e.symbol.name,
                "latex": f"{latex(e.symbol, letters)} = {latex(e.expression, letters)}",
                "text": f"{text(e.symbol, letters)} = {text(e.expression, letters)}",
            }
            for e in cell.equations
        ],
        "functions": {
            one.name: f"({', '.join(map(str, one.body.variables))}) -> {one.body.expr}" if one.specified else None
            for one in functions_of(cell)
        },
        "declared_slopes": {
            one.name: f"({one.declared.variables[0]}) -> {one.declared.expr}"
            for one in functions_of(cell)
            if one.declared is not None
        },
        "inputs": listed(tuple(q for q in cell.inputs if q not in cell.targets)),
        "targets": listed(cell.targets),
        "states": listed(cell.states),
        "parameters": listed(cell.parameters),
        "output": cell.output.name,
        "starts": dict(cell.starts),
        "assumptions": [f"{one.quantity.name} {one.kind}" for one in cell.assumptions],
        "guesses": [
            {"taken": one.taken, "otherwise": one.otherwise, "why": one.why, "place": _place(one.place)}
            for one in cell.guesses
        ],
        "warnings": list(warnings(cell)),
    }


def _place(place: Place | None) -> dict[str, Any] | None:
    return None if place is None else {"file": place.file, "line": place.line, "column": place.column}
