"""Cell -> graph of its data flow within one step: what is computed from what, with which parameters.

An operation takes the parts of its equation that stay the same from step to step into its label (`W_i ·`, `+ b_i`),
and the last operation of an equation is one box with the quantity that it gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sympy import HadamardPower, HadamardProduct, MatAdd, MatMul, OneMatrix, Transpose

from derive.cell import Cell, Equation
from derive.nodes import Concat, Elementwise, Node, Quantity, Softmax, children, coefficient, leaves, substitute, t
from derive.notation import Notation
from derive.targets.formula import text
from derive.targets.pictures.drawing import Box, Graph, Role
from derive.targets.pictures.labels import wrapped

HOLE = "·"


def graph(cell: Cell) -> Graph:
    """The data flow of one step, from the states before it and the inputs to the states after it."""
    made = _Flow(cell)
    for equation in cell.equations:
        made.equation(equation)
    made.ends()
    about = "; ".join(f"{made.written(e.symbol)} = {made.written(e.expression)}" for e in cell.equations)
    sources = frozenset(box.key for box in made.boxes if box.role in (Role.INPUT, Role.STATE)) - made.last
    return Graph(
        f"{cell.title}: one step", about, tuple(made.boxes), tuple(dict.fromkeys(made.edges)), sources, made.last
    )


@dataclass
class _Flow:
    cell: Cell
    boxes: list[Box] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)
    found: dict[Node, str] = field(default_factory=dict)
    last: frozenset[str] = frozenset()

    def written(self, node: Node, letters: Notation | None = None) -> str:
        return text(node, letters or self.cell.notation)

    def equation(self, equation: Equation) -> None:
        """The boxes of one equation; the last one is that of its symbol."""
        symbol, expression = equation.symbol, equation.expression
        role = Role.OUTPUT if symbol == self.cell.output else Role.VALUE
        label = (self.written(symbol),)
        operands = self._operands(expression)
        tag = self._label(expression, operands) if not isinstance(expression, Quantity) else "="
        key = self._box(label, role, tag, symbol.name)
        self.edges += [(self._of(operand), key) for operand in operands]
        self.found[symbol] = key

    def ends(self) -> None:
        """The states that go on to the next step."""
        last = []
        for state in self.cell.states:
            key = self._box((f"{self.written(state)}",), Role.STATE, "", state.name)
            self.edges.append((self.found[state], key))
            last.append(key)
        self.last = frozenset(last)

    def _box(self, lines: tuple[str, ...], role: Role, tag: str = "", name: str = "") -> str:
        key = f"n{len(self.boxes)}"
        self.boxes.append(Box(key, lines, role, tag, name))
        return key

    def _of(self, node: Node) -> str:
        """The box of a part of an equation, made when it is first met."""
        if node not in self.found:
            if isinstance(node, Quantity):
                role = Role.STATE if node.time == t - 1 else Role.INPUT
                self.found[node] = self._box((self.written(node),), role, "", node.name)
            else:
                operands = self._operands(node)
                key = self._box(wrapped(self._label(node, operands), 170), Role.OPERATION)
                self.edges += [(self._of(operand), key) for operand in operands]
                self.found[node] = key
        return self.found[node]

    def _flows(self, node: Node) -> bool:
        """Whether the part changes from step to step, or was given from outside."""
        return any(leaf.time is not None or leaf in self.cell.inputs for leaf in leaves(node))

    def _operands(self, node: Node) -> list[Node]:
        """The parts that an operation reads: behind numbers, transposes and inverses, which its label shows."""
        if isinstance(node, Quantity):
            return [node]
        found: dict[Node, None] = {}
        base = coefficient(node)[1]
        for child in children(base) if not isinstance(base, Quantity) else (base,):
            if self._flows(child):
                found.setdefault(self._inner(child, base))
        return list(found)

    def _inner(self, node: Node, around: Node) -> Node:
        base = coefficient(node)[1]
        if isinstance(base, Transpose):
            return self._inner(base.arg, base)
        if isinstance(around, HadamardProduct) and isinstance(base, MatMul):  # a number in every entry
            inner = [part for part in base.args if not isinstance(part, OneMatrix)]
            if len(inner) == 1 and inner[0].shape == (1, 1):
                return self._inner(inner[0], base)
        if isinstance(base, HadamardPower) and isinstance(around, HadamardProduct) and base.exp == -1:
            return self._inner(base.base, base)
        return base

    def _label(self, node: Node, operands: list[Node]) -> str:
        """The operation with its constant parts: the operands are left out where their order does not matter."""
        holes = {
            operand: Quantity(f"hole{number}", *operand.shape)
            for number, operand in enumerate(operands)
            if len(operands) == 1 or not isinstance(operand, Quantity)
        }
        names = tuple((hole.name, HOLE) for hole in holes.values())
        letters = replace(self.cell.notation, letters=names + self.cell.notation.letters)
        if len(operands) == 1 and isinstance(node, Elementwise | Softmax):
            return self.written(substitute(node, holes.get), letters).removesuffix(f"({HOLE})")
        if len(operands) > 1 and isinstance(node, MatAdd | HadamardProduct):
            plain = self._symmetric(node)
            if plain is not None:
                return plain
        if len(operands) > 1 and isinstance(node, Concat):
            return "[ ; ]" if node.axis == 0 else "[ , ]"
        label = self.written(substitute(node, holes.get), letters)
        if label == f"{HOLE} {HOLE}":
            return "×"
        return label.removeprefix(f"{HOLE} ") if label.startswith(f"{HOLE} + ") else label

    def _symmetric(self, node: Node) -> str | None:
        """A sum or product of what flows, as a sign with its constants: `+ b`, `⊙ w`; None where signs differ."""
        constant = [part for part in node.args if not self._flows(part)]
        flowing = [part for part in node.args if self._flows(part)]
        if isinstance(node, MatAdd):
            if any(coefficient(part)[0] != 1 or isinstance(part, Transpose) for part in flowing):
                return None
            return " ".join(["+", *(self.written(part) for part in constant[:1]), *self._more(constant[1:], "+")])
        if any(isinstance(part, HadamardPower | Transpose) or self._inner(part, node) != part for part in flowing):
            return None
        return " ".join(["⊙", *(self._tight(part) for part in constant[:1]), *self._more(constant[1:], "⊙")])

    def _more(self, parts: list[Node], sign: str) -> list[str]:
        return [f"{sign} {self._tight(part) if sign == '⊙' else self.written(part)}" for part in parts]

    def _tight(self, node: Node) -> str:
        shown = self.written(node)
        return f"({shown})" if isinstance(node, MatAdd | MatMul) else shown
