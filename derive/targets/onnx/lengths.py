"""Sequences of different lengths in a graph: what is read past an end, and what is returned there."""

from __future__ import annotations

from derive.targets.onnx.dialect import Expressions
from derive.targets.onnx.graph import Value


class Lengths:
    """The lengths (B,) that a graph is given."""

    def __init__(self, inner: Expressions, name: str) -> None:
        self._inner = inner
        self._graph = inner.graph
        self.value = Value(name, 1)

    def steps(self) -> str:
        """The numbers of the steps, from 0 on."""
        return self._counted("T")

    def repeated(self, value: Value) -> Value:
        """(T, B, ...) where a sequence repeats its last step past its end; an empty one reads as the longest does."""
        node, lengths = self._graph.node, self.value.name
        empty = node("Equal", [lengths, self._whole(0)])
        longest = node("ArgMax", [lengths], "axis = 0, keepdims = 0")
        examples = node("Where", [empty, longest, self._counted("B")])
        last = node("Max", [node("Sub", [lengths, self._whole(1)]), self._whole(0)])
        ends = node("Unsqueeze", [node("Gather", [last, examples], "axis = 0"), self._ints(0)])
        steps = node("Min", [node("Unsqueeze", [self.steps(), self._ints(1)]), ends])
        shape, _ = self._inner.sizes.shape("(T, B)")
        chosen = [steps, node("Expand", [examples, shape])]
        places = node("Concat", [node("Unsqueeze", [one, self._ints(2)]) for one in chosen], "axis = 2")
        found = Value(node("GatherND", [value.name, places]), value.rank)
        none = Value(node("Equal", [node("ReduceMax", [lengths], "keepdims = 0"), self._whole(0)]), 0)
        return self._inner.entrywise("Where", none, self._inner.number(0.0), found)

    def cut(self, value: Value) -> Value:
        """(T, B, ...) with zeros past the end of every sequence."""
        node = self._graph.node
        each = node("Unsqueeze", [self.steps(), self._ints(1)])
        ended = node("GreaterOrEqual", [each, node("Unsqueeze", [self.value.name, self._ints(0)])])
        if value.rank > 2:
            ended = node("Unsqueeze", [ended, self._ints(*range(2, value.rank))])
        return self._inner.entrywise("Where", Value(ended, value.rank), self._inner.number(0.0), value)

    def _counted(self, letter: str) -> str:
        number = self._graph.node("Squeeze", [self._inner.sizes.read(letter), self._ints(0)])
        return self._graph.node("Range", [self._whole(0), number, self._whole(1)])

    def _whole(self, number: int) -> str:
        return self._graph.node("Constant", [], f"value_int = {number}", "number")

    def _ints(self, *numbers: int) -> str:
        return self._inner.sizes.ints(*numbers)
