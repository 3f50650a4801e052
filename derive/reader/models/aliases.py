"""Letters that only name a part of another equation: `m_t = tanh(c_t)` beside `h_t = o_t ⊙ tanh(c_t)`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

from sympy import HadamardProduct, MatAdd, MatMul

from derive.cell import Cell, Equation, in_dependency_order
from derive.nodes import Elementwise, Node, Quantity, Softmax, leaves, rebuild, substitute, t
from derive.reader.document.restated import canonical


def aliases(cell: Cell, output: Collection[str] = ()) -> list[str]:
    """The names of values that nothing that counts reads, and whose whole right side stands in another equation."""
    found: list[str] = []
    equations = list(cell.equations)
    for equation in reversed(cell.equations):
        name = equation.symbol.name
        read = {leaf.name for each in _counting(cell, equations) for leaf in leaves(each.expression)}
        if name in read or name in output or isinstance(equation.expression, Quantity):
            continue
        changed = _named(equation, equations)
        if changed != equations:
            equations = changed
            found.append(name)
    return found


def slips(cell: Cell, output: Collection[str] = ()) -> dict[str, str]:
    """Parameters that stand for another: z = W x + b beside h = tanh(W x + b_h), where nothing else reads b."""
    parameters = [parameter for parameter in cell.parameters if parameter.shape[1] == 1]
    readers = {p: [e for e in cell.equations if p in leaves(e.expression)] for p in parameters}
    read = {leaf.name for each in cell.equations for leaf in leaves(each.expression)}
    found: dict[str, str] = {}
    for own, (equation, *others) in ((p, each) for p, each in readers.items() if each):
        if others or equation.symbol.name in read or equation.symbol.name in output:
            continue
        rest = [each for each in cell.equations if each != equation]
        for meant in parameters:
            if meant.shape != own.shape or equation in readers[meant]:
                continue
            there = replace(equation, expression=substitute(equation.expression, _exchange(own, meant)))
            if _named(there, rest) != rest:
                found[own.name] = meant.name
    return found


def carried(cell: Cell, claimed: Collection[str]) -> dict[str, str]:
    """States that only carry a value of their step on, c_t = m_t, where they and not the value are spoken of."""
    states = {state.name for state in cell.states}
    values = {e.symbol.name for e in cell.equations} - {*states, *claimed, cell.output.name}
    return {
        e.symbol.name: e.expression.name
        for e in cell.equations
        if isinstance(e.expression, Quantity)
        and e.symbol.name in states.intersection(claimed)
        and e.expression.name in values
        and e.expression.time == t
    }


def with_carried(cell: Cell, found: Mapping[str, str]) -> Cell:
    """The cell in which such a value is the state itself."""
    by_name = {equation.symbol.name: equation for equation in cell.equations}
    for state, value in found.items():
        put_in = _exchange(by_name[value].symbol, by_name[state].symbol)
        equations = [
            replace(e, symbol=put_in(e.symbol) or e.symbol, expression=substitute(e.expression, put_in))
            for e in cell.equations
            if e.symbol.name != state
        ]
        ordered = in_dependency_order(equations)
        read = {leaf for e in ordered for leaf in leaves(e.expression)}
        last = next(e.symbol for e in reversed(ordered) if e.symbol not in read)
        cell = replace(cell, equations=ordered, output=last if cell.output.name == state else cell.output)
    return cell


def without_slips(cell: Cell, found: Mapping[str, str]) -> Cell:
    """The cell with the parameters that are meant in the place of those that slipped in."""
    by_name = {parameter.name: parameter for parameter in cell.parameters}
    for own, meant in found.items():
        if own in by_name and meant in by_name:
            put_in = _exchange(by_name[own], by_name[meant])
            cell = replace(
                cell,
                equations=tuple(replace(e, expression=substitute(e.expression, put_in)) for e in cell.equations),
                parameters=tuple(p for p in cell.parameters if p.name != own),
            )
    return cell


def _exchange(own: Quantity, meant: Quantity) -> Callable[[Node], Node | None]:
    return lambda part: meant if part == own else None


def _counting(cell: Cell, equations: Sequence[Equation]) -> list[Equation]:
    """The equations behind the output and the states."""
    wanted, before = {cell.output.name, *(state.name for state in cell.states)}, 0
    while len(wanted) != before:
        before = len(wanted)
        wanted |= {leaf.name for e in equations if e.symbol.name in wanted for leaf in leaves(e.expression)}
    return [each for each in equations if each.symbol.name in wanted]


def shorthands(cell: Cell) -> list[str]:
    """The names of values that nothing reads and that other formulas use: D_t = diag(1 - h_t²), a matrix or a slope."""
    read = {leaf.name for each in cell.equations for leaf in leaves(each.expression)}
    known = {each.symbol.name for each in cell.equations}
    found = []
    for equation in cell.equations:
        name, node = equation.symbol.name, equation.expression
        inside = {leaf.name for leaf in leaves(node)}
        if name in read or name in {state.name for state in cell.states} or not inside <= known:
            continue
        slope = len(inside) == 1 and node.has(MatAdd) and not node.has(Elementwise, Softmax, MatMul)
        if 1 not in node.shape or slope:
            found.append(name)
    return found


def with_aliases(cell: Cell, names: Collection[str]) -> Cell:
    """The cell whose other equations read these names where they have their right sides."""
    equations = list(cell.equations)
    for equation in reversed(cell.equations):
        if equation.symbol.name in names:
            equations = _named(equation, equations)
    return replace(cell, equations=in_dependency_order(equations)) if names else cell


def with_values(cell: Cell, wanted: Mapping[str, Node]) -> Cell:
    """The cell with names for values of its quantities, tanh(c_t) and r_t ⊙ h_{t-1}, where its equations have them."""
    made = cell
    for name, value in wanted.items():
        if name in cell.quantities or not any(equation.expression.has(value) for equation in cell.equations):
            continue
        alias = Equation(Quantity(name, value.shape[0], value.shape[1], t), value)
        equations = in_dependency_order(_named(alias, [*made.equations, alias]))
        made = replace(made, equations=equations)
    return made


def without_function(cell: Cell, name: str) -> Cell:
    """The cell in which a function of entries, or the only one where it has none of that name, leaves them as is."""
    if len(cell.functions) == 1 and cell.functions[0].name != name:
        name = cell.functions[0].name

    def argument(part: Node) -> Node | None:
        return substitute(part.operands[0], argument) if _calls(part, name) else None

    equations = tuple(replace(e, expression=substitute(e.expression, argument)) for e in cell.equations)
    return replace(cell, equations=equations)


def _calls(part: Node, name: str) -> TypeGuard[Elementwise]:
    return isinstance(part, Elementwise) and part.function.name == name and len(part.operands) == 1


def _named(alias: Equation, equations: list[Equation]) -> list[Equation]:
    """The equations with the symbol of one in the place of its right side."""
    wanted = canonical(alias.expression)

    def put_in(part: Node) -> Node | None:
        if canonical(part) == wanted:
            return alias.symbol
        return _instead_of_some(part, alias) if type(part) is type(alias.expression) else None

    return [
        each if each.symbol == alias.symbol else replace(each, expression=substitute(each.expression, put_in))
        for each in equations
    ]


def _instead_of_some(node: Node, alias: Equation) -> Node | None:
    """A sum or elementwise product with the alias for those of its parts that make up the alias."""
    if not isinstance(node, MatAdd | HadamardProduct):
        return None
    rest = list(node.args)
    for wanted in map(canonical, alias.expression.args):
        found = next((part for part in rest if canonical(part) == wanted), None)
        if found is None:
            return None
        rest.remove(found)
    return rebuild(node, [alias.symbol, *rest])
