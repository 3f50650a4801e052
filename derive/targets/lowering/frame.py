"""What the names of an expression stand for at one place of the program, and the values worth a name of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set

from sympy import Expr, MatMul, Transpose

from derive.nodes import Adjoint, Elementwise, Node, Quantity, Softmax, children, coefficient, leaves
from derive.targets.language.code import Assign, Code, Index, Statement, size_text
from derive.targets.language.names import Names
from derive.targets.lowering.expressions import lower_full, rows_times
from derive.targets.lowering.stacking import Run


class Frame:
    """A scope for `lower`: known values by node, and the stacked products that a sum may use.

    `runs` maps a run to the stacked matrix and to the stacked gradients of its nets here.
    """

    def __init__(
        self,
        values: Mapping[Node, Code],
        parameters: Sequence[Quantity],
        helpers: set[str],
        *,
        sequence: bool,
        runs: Mapping[Run, tuple[Code, Code]] | None = None,
    ) -> None:
        self.values = dict(values)
        self.sequence = sequence
        self._parameters = frozenset(parameters)
        self._helpers = helpers
        self._runs = dict(runs or {})

    def known(self, node: Node) -> Code | None:
        """The variable that already holds the value of a node."""
        return self.values.get(node)

    def is_parameter(self, quantity: Quantity) -> bool:
        """Whether the quantity is the same for the whole batch."""
        return quantity in self._parameters

    def uses(self, function: str) -> str:
        """The text that calls a helper function of the module."""
        self._helpers.add(function)
        return function

    def gathered(self, terms: Sequence[Node]) -> tuple[list[Code], list[Node]]:
        """Terms Pᵀ∂J/∂net of a whole run become one product with the stacked matrix."""
        rest = list(terms)
        codes: list[Code] = []
        for run, (matrix, gradients) in self._runs.items():
            wanted = [
                MatMul(Transpose(parameter), Adjoint(net.symbol))
                for parameter, net in zip(run.parameters, run.nets, strict=True)
            ]
            if len(wanted) > 1 and all(term in rest for term in wanted):
                rest = [term for term in rest if term not in wanted]
                codes.append(rows_times(gradients, matrix, self))
        return codes, rest

    def code(self, node: Node) -> Code:
        """The lowered expression."""
        return lower_full(node, self).code


def axes(node: Node) -> tuple[Expr, ...]:
    """The axes of an array behind its leading ones."""
    rows, cols = node.shape
    return (rows,) if cols == 1 else (cols,) if rows == 1 else (rows, cols)


def span(start: object, stop: object, *, leading: str = "...") -> str:
    """Index text for some entries of the last axis."""
    text = f"{size_text(start)}:{size_text(stop)}"
    return f"{leading}, {text}" if leading else text


def sliced(code: Code, start: object, stop: object, whole: object) -> Code:
    """Some entries of the last axis, or all of them."""
    return code if start == 0 and stop == whole else Index(code, span(start, stop))


def unnamed_inner_functions(expression: Node, read_back: Set[Node], frame: Frame) -> list[Node]:
    """Function values inside an equation, not the whole of it, that the backward pass reads again: tanh(c_t), say."""
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        for child in children(node):
            visit(child)
            if isinstance(child, Elementwise | Softmax) and child in read_back and frame.known(child) is None:
                found[child] = None

    visit(expression)
    return list(found)


def timeless(node: Node) -> bool:
    """Whether the value is the same at all steps, so that its array has no axis for them."""
    return all(leaf.time is None for leaf in leaves(node))


def occurring(expressions: Sequence[Node]) -> set[Node]:
    """Every subexpression."""
    found: set[Node] = set()

    def visit(node: Node) -> None:
        found.add(node)
        for child in children(node):
            visit(child)

    for expression in expressions:
        visit(expression)
    return found


def repeated(expressions: Sequence[Node], known: Mapping[Node, Code]) -> list[Node]:
    """Matrix products and function values that occur more than once and have no name yet."""
    counts: Counter[Node] = Counter()

    def visit(node: Node) -> None:
        base = coefficient(node)[1]
        if node in known or base in known:
            return
        if isinstance(base, Elementwise | Softmax) or (isinstance(base, MatMul) and base.shape[1] == 1):
            counts[base] += 1
        for child in children(node) if base == node or isinstance(base, MatMul) else (base,):
            visit(child)

    for expression in expressions:
        visit(expression)
    return [node for node, count in counts.items() if count > 1 and leaves_or_gradients(node)]


def leaves_or_gradients(node: Node) -> bool:
    """Whether the value changes with the data."""
    return bool(leaves(node)) or any(isinstance(part, Adjoint) for part in occurring([node]))


Emission = tuple[tuple[Code, ...], Node, str]
"""Targets, the expression, and the formula printed above the line."""


def emit(emissions: Sequence[Emission], frame: Frame, names: Names) -> list[Statement]:
    """Lower assignments in order; what repeats is computed once, right before its first use."""
    statements: list[Statement] = []
    pending = repeated([node for _, node, _ in emissions], frame.values)
    for targets, node, formula in emissions:
        inside = occurring([node])
        for shared in [part for part in pending if part in inside]:
            name = names.temporary(shared)
            statements.append(Assign((name,), frame.code(shared)))
            frame.values[shared] = name
            pending.remove(shared)
        statements.append(Assign(targets, frame.code(node), formula))
    return statements
