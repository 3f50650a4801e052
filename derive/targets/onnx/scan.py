"""Programs over a sequence as operators: a loop that fills arrays is one Scan, everything else stands around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sympy import Expr, Integer

from derive.errors import ProgramFault
from derive.functions import ScalarFunction
from derive.targets.language.code import Assign, Buffer, Code, Index, Loop, Name, Statement, WithLengths
from derive.targets.onnx.dialect import Expressions, Sizes
from derive.targets.onnx.graph import Graph, Value, typed
from derive.targets.onnx.lengths import Lengths
from derive.targets.passes.pipeline import learn_shapes
from derive.targets.passes.scans import Scan, Scans
from derive.targets.passes.shapes import Shapes


class Program:
    """Runs statements into a graph; `values` are the variables, `ends` what a loop carries out of its last step."""

    def __init__(
        self, graph: Graph, sizes: Sizes, kind: str, defined: Mapping[str, ScalarFunction], values: dict[str, Value]
    ) -> None:
        """`kind` is the type of the arrays, float or double."""
        self.graph = graph
        self.sizes = sizes
        self.kind = kind
        self.defined = defined
        self.values = values
        self.lengths: Lengths | None = None
        self.filled: dict[str, Value] = {}
        """The arrays that loops filled, those of states without the state before the first step."""
        self.ends: dict[str, Value] = {}
        """The states after the last step, by the variables of the states before."""

    def run(
        self, statements: Sequence[Statement], shapes: Shapes, starts: dict[str, str], carried: Sequence[str]
    ) -> None:
        """`starts` are the variables of the states before by the arrays of the states, `carried` what passes else."""
        scans = Scans(statements, shapes, starts, carried)
        outside = Expressions(self.graph, self.sizes, self.kind, self.defined, self.values)
        for statement in statements:
            learn_shapes([statement], scans.shapes)
            match statement:
                case Buffer(name) if name in scans.filled:
                    continue
                case Buffer(name, axes, False):
                    shape, rank = self.sizes.shape(", ".join(["T", "B", *map(str, axes)]))
                    self.values[name] = outside.zeros(shape, rank)
                case Assign((Index(Name(name), _),)) if name in scans.filled:
                    continue  # the start of a state, which the scan is given
                case Assign(targets, value, formula) if all(isinstance(target, Name) for target in targets):
                    self._assigned(outside, targets, value, formula)
                case Loop():
                    self._scan(scans.scan(statement), scans)
                case WithLengths(body):
                    for one in self._for_lengths([WithLengths(body)]):
                        self._assigned(outside, one.targets, one.value, one.formula)
                case _:
                    raise ProgramFault("a statement without operators", type(statement).__name__)

    def _for_lengths(self, blocks: Sequence[WithLengths]) -> list[Assign]:
        """What is done for sequences of different lengths, where there are such."""
        return [statement for block in blocks for statement in block.body] if self.lengths is not None else []

    @staticmethod
    def _assigned(inside: Expressions, targets: Sequence[Code], code: Code, formula: str) -> None:
        first = targets[0]
        assert isinstance(first, Name)
        inside.graph.formula = formula
        since = inside.graph.moment
        value = inside.compute(code)
        inside.graph.formula = ""
        value = Value(inside.graph.renamed(value.name, first.name, since), value.rank)
        inside.values.update({target.name: value for target in targets if isinstance(target, Name)})

    def _scan(self, scan: Scan, scans: Scans) -> None:
        body = Graph(self.graph)
        inside = _Step(body, self.sizes, self.kind, self.defined, dict(self.values))
        over = {name: self._array(code) for name, code in scan.over.items()}
        given: list[str] = []
        for name, rank in [
            *((name, self.values[name].rank) for name in scan.before),
            *((name, value.rank - 1) for name, value in over.items()),
        ]:
            own = body.given(body.fresh(f"{name}_in" if name in scan.before else name))
            inside.values[name] = Value(own, rank)
            given.append(f"{self._type(rank)} {own}")
        if self.lengths is not None:
            over["t"] = Value(self.lengths.steps(), 1)
            inside.values["t"] = Value(body.given(body.fresh("t")), 0)
            given.append(f"int64 {inside.values['t'].name}")
        elif not over:  # a Scan must run over something
            over = {"t": self._zero_for_each_step()}
            given.append(f"{self._type(0)} {body.given(body.fresh('t'))}")
        for array in scan.in_parts:
            inside.parts[f"{array}_at"] = []
            inside.lengths[f"{array}_at"] = scans.shapes.known[array][-1]
        inside.read_size = self.sizes.parsed
        for statement in (*self._for_lengths(scan.first), *scan.body, *self._for_lengths(scan.last)):
            match statement:
                case Assign((Index(Name(array), index),), code, formula):
                    body.formula = formula
                    inside.parts[array].append((index, inside.compute(code)))
                    body.formula = ""
                case Assign(targets, code, formula):
                    self._assigned(inside, targets, code, formula)
        outputs = [(name, inside.named(name)) for name in (*scan.after, *(f"{array}_at" for array in scan.filled))]
        results = self._results(body, outputs)
        body.without_unread([name for name, _ in results])
        attributes = [f"num_scan_inputs = {len(over)}"]
        if scan.backwards:
            attributes.append(f"scan_input_directions = [{', '.join('1' for _ in over)}]")
            if scan.filled:
                attributes.append(f"scan_output_directions = [{', '.join('1' for _ in scan.filled)}]")
        returned = ", ".join(f"{self._type(value.rank)} {name}" for name, value in results)
        attributes.append(f"body = step_{'back' if scan.backwards else 'on'} ({', '.join(given)})")
        attributes[-1] += f"\n        => ({returned})"
        ends = [self.graph.fresh(f"{name.removesuffix('_prev')}_end") for name in scan.before]
        arrays = [self.graph.fresh(name) for name in scan.filled]
        taken = [*(self.values[name].name for name in scan.before), *(value.name for value in over.values())]
        self.graph.named("Scan", taken, [*ends, *arrays], ",\n    ".join(attributes), body)
        for name, end in zip(scan.before, ends, strict=True):
            self.ends[name] = Value(end, self.values[name].rank)
            if scan.backwards:
                self.values[name] = self.ends[name]
        for array, name in zip(scan.filled, arrays, strict=True):
            value = Value(name, inside.named(f"{array}_at").rank + 1)
            self.filled[array] = self.values[array] = value
            if array in scan.starts:
                first = self.values[scan.starts[array]]
                added = self.graph.node("Unsqueeze", [first.name, self.sizes.ints(0)])
                self.values[array] = Value(self.graph.node("Concat", [added, name], "axis = 0"), value.rank)

    def _array(self, code: Code) -> Value:
        return Expressions(self.graph, self.sizes, self.kind, self.defined, self.values).compute(code)

    def _zero_for_each_step(self) -> Value:
        outside = Expressions(self.graph, self.sizes, self.kind, self.defined, self.values)
        return outside.zeros(*self.sizes.shape("(T,)"))

    def _type(self, rank: int) -> str:
        return typed(self.kind, "?" * rank)

    @staticmethod
    def _results(body: Graph, outputs: Sequence[tuple[str, Value]]) -> list[tuple[str, Value]]:
        """Distinct values that the body itself computes, as a Scan asks for."""
        found: list[tuple[str, Value]] = []
        for wanted, value in outputs:
            name = value.name
            if not body.computed_here(name) or any(name == other for other, _ in found):
                name = body.own("Identity", [name], f"{wanted}_out")
            found.append((name, value))
        return found


class _Step(Expressions):
    """The expressions of one step, where an array at t may be filled in parts."""

    def __init__(
        self, graph: Graph, sizes: Sizes, kind: str, defined: Mapping[str, ScalarFunction], values: dict[str, Value]
    ) -> None:
        super().__init__(graph, sizes, kind, defined, values)
        self.parts: dict[str, list[tuple[str, Value]]] = {}
        self.lengths: dict[str, Expr] = {}
        self.read_size = sizes.parsed

    def named(self, name: str) -> Value:
        """The value of a variable; what was filled in parts is joined when it is read."""
        if name not in self.parts:
            return super().named(name)
        found: list[Value] = []
        place: Expr = Integer(0)
        pieces = [(*self._span(index), value) for index, value in self.parts[name]]
        # Parts follow one another, so that their order is the same whatever the sizes are.
        for start, stop, value in sorted(pieces, key=lambda piece: float(_at_ones(piece[0]))):
            found += [self._empty(value, start - place), value] if start != place else [value]
            place = stop
        if place != self.lengths[name]:
            found.append(self._empty(found[-1], self.lengths[name] - place))
        since = self.graph.moment
        joined = self.joined(found, -1)
        return Value(self.graph.renamed(joined.name, name, since), joined.rank)

    def compute(self, code: Code) -> Value:
        """The value of an expression; where it is a part that was filled, that part."""
        if isinstance(code, Index) and isinstance(code.of, Name):
            filled = [value for index, value in self.parts.get(code.of.name, ()) if index == code.index]
            if filled:
                return filled[-1]
        return super().compute(code)

    def _span(self, index: str) -> tuple[Expr, Expr]:
        first, last = index.removeprefix("..., ").split(":")
        start, stop = self.read_size(first), self.read_size(last)
        if start is None or stop is None:
            raise ProgramFault("a part of an array that cannot be read", index)
        return start, stop

    def _empty(self, beside: Value, length: Expr) -> Value:
        """Zeros beside a part."""
        leading = self.graph.node("Shape", [beside.name], "end = -1")
        return self.zeros(self.graph.node("Concat", [leading, self.sizes.of(length)], "axis = 0"), beside.rank)


def _at_ones(size: Expr) -> Expr:
    return size.subs(dict.fromkeys(size.free_symbols, 1))
