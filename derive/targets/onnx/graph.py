"""A graph of operators under construction: each value has one name and one operator, and is computed once.

A value is computed where everything it is made of is known, so that nothing is computed at every step that is the same
at all of them. What nothing reads is dropped when the text is written.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class Value:
    """A value of a graph: its name and how many axes it has."""

    name: str
    rank: int


@dataclass
class Node:
    """One operator, under the formula it is part of."""

    outputs: tuple[str, ...]
    operator: str
    inputs: tuple[str, ...]
    attributes: str = ""
    body: Graph | None = None
    formula: str = ""
    number: int = 0


class Graph:
    """Operators in order; `around` is the graph whose operator this one is the body of."""

    def __init__(self, around: Graph | None = None) -> None:
        self.around = around
        self.nodes: list[Node] = []
        self.formula = ""
        """What is written above the next operator."""
        self._known: set[str] = set()
        self._computed: dict[tuple[str, tuple[str, ...], str], str] = {}
        self._counter: Iterator[int] = around._counter if around else count()
        self._taken: set[str] = around._taken if around else set()

    def fresh(self, wanted: str) -> str:
        """A name that nothing has yet: `wanted`, or with a number behind it."""
        name, times = wanted, 1
        while name in self._taken:
            times += 1
            name = f"{wanted}_{times}"
        self._taken.add(name)
        return name

    def given(self, name: str) -> str:
        """A value that comes from outside."""
        self._known.add(name)
        return name

    @property
    def moment(self) -> int:
        """A number that grows, for what is computed from here on."""
        return next(self._counter)

    def computed_here(self, name: str) -> bool:
        """Whether an operator of this very graph computes the value."""
        return any(name in node.outputs for node in self.nodes)

    def node(self, operator: str, inputs: Sequence[str], attributes: str = "", wanted: str = "") -> str:
        """The name of what an operator with one output computes; `wanted` is its name if it is not computed yet."""
        if self.around is not None and self._known.isdisjoint(inputs):
            return self.around.node(operator, inputs, attributes, wanted)
        key = (operator, tuple(inputs), attributes)
        if key not in self._computed:
            name = self.fresh(wanted or operator.lower())
            self._computed[key] = name
            self._add(Node((name,), operator, tuple(inputs), attributes))
        return self._computed[key]

    def renamed(self, name: str, wanted: str, since: int) -> str:
        """The name of a value: `wanted`, if the last operator computes it, and was not there yet at `since`."""
        last = self.nodes[-1] if self.nodes else None
        if last is None or last.outputs != (name,):
            return self.around.renamed(name, wanted, since) if self.around is not None else name
        key = (last.operator, last.inputs, last.attributes)
        if last.number < since or self._computed.get(key) != name:
            return name
        found = self.fresh(wanted)
        self._known.add(found)
        self._computed[key] = found
        last.outputs = (found,)
        return found

    def own(self, operator: str, inputs: Sequence[str], wanted: str) -> str:
        """A value of this very graph with a name of its own, though the same may be computed elsewhere."""
        name = self.fresh(wanted)
        self._add(Node((name,), operator, tuple(inputs)))
        return name

    def named(
        self,
        operator: str,
        inputs: Sequence[str],
        wanted: Sequence[str],
        attributes: str = "",
        body: Graph | None = None,
    ) -> None:
        """An operator whose outputs have names that are taken for them already."""
        self._add(Node(tuple(wanted), operator, tuple(inputs), attributes, body))

    def _add(self, node: Node) -> None:
        node.formula, self.formula = self.formula, ""
        node.number = self.moment
        self.nodes.append(node)
        self._known.update(node.outputs)

    def without_unread(self, outputs: Collection[str]) -> None:
        """Drop the operators that nothing reads."""
        wanted = set(outputs)
        kept: list[Node] = []
        for node in reversed(self.nodes):
            if not wanted.isdisjoint(node.outputs):
                kept.append(node)
                wanted.update(node.inputs)
                if node.body is not None:
                    wanted.update(node.body.reads())
        self.nodes = kept[::-1]

    def reads(self) -> set[str]:
        """Every value that the operators read."""
        found: set[str] = set()
        for node in self.nodes:
            found.update(node.inputs)
            if node.body is not None:
                found |= node.body.reads()
        return found

    def lines(self) -> list[str]:
        """The operators as text."""
        found: list[str] = []
        for node in self.nodes:
            for line in node.formula.splitlines():
                found += textwrap.wrap(line, 112, initial_indent="# ", subsequent_indent="#     ")
            call = f"{', '.join(map(quoted, node.outputs))} = {node.operator}"
            given = f"({', '.join(map(quoted, node.inputs))})"
            attributes = f" <{node.attributes}>" if node.attributes else ""
            if node.body is not None:
                inner = [f"        {line}" for line in node.body.lines()]
                attributes = "\n".join([f" <\n    {node.attributes} {{", *inner, "    }", ">"])
            found += f"{call}{attributes} {given}".splitlines()
        return found


def quoted(name: str) -> str:
    """A name as it stands in the text."""
    return name if name.isascii() and name.isidentifier() else f'"{name}"'


def typed(kind: str, axes: Sequence[str]) -> str:
    """The type of an array; one without brackets has no axes, while empty brackets would leave them open."""
    return f"{kind}[{', '.join(axes)}]" if axes else kind
