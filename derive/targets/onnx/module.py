"""The text of a model: inputs and outputs by their public names, the equations, and the operators in between."""

from __future__ import annotations

from collections.abc import Sequence

from derive import functions
from derive.calculus.derivation import Derivation
from derive.errors import InputError
from derive.functions import ScalarFunction
from derive.nodes import Quantity
from derive.targets.language.code import Index, Name, indexed
from derive.targets.lowering.lowered import Lowered, lowered
from derive.targets.onnx.dialect import Expressions, Sizes
from derive.targets.onnx.graph import Graph, Value, quoted, typed
from derive.targets.onnx.lengths import Lengths
from derive.targets.onnx.scan import Program
from derive.targets.passes.pipeline import arriving_shapes, given_shapes
from derive.targets.passes.shapes import Shapes
from derive.targets.templates import environment
from derive.targets.words import axes_text, equation_lines, source_line

KINDS = {"float32": "float", "float64": "double"}
"""The types of arrays, and what ONNX calls them."""

LENGTHS = "lengths"
"""The input that holds the steps of each sequence."""

OPEN = "tanh"
"""What stands for a function that the equations leave open, as in every other target."""


def module(
    derivation: Derivation, origin: str = "", *, dtype: str = "float32", backward: bool = False, lengths: bool = False
) -> str:
    """The text of a model with the cell over a sequence, or the losses of a head; `backward` adds all gradients.

    `lengths`: whether the steps of each sequence (B,) are an input. `origin` is the file the equations come from. The
    text depends on the arguments alone.
    Raises InputError for an unknown dtype, for lengths of a head and for a cell without an input at a step.
    """
    if dtype not in KINDS:
        raise InputError(f"a model cannot have arrays of {dtype!r}", hint="known: " + ", ".join(KINDS))
    low = lowered(derivation)
    if not any(q.time is not None for q in low.program.inputs):
        raise InputError(
            f"{derivation.cell.title} has no input at a step: an ONNX model takes its steps from one",
            hint="give it one, as in + W x_t, or use --target numpy, whose forward takes the number of steps",
        )
    if lengths and low.program.is_loss:
        raise InputError("the model of a head has no lengths", hint="leave the steps past an end out of the sum")
    return _Model(low, derivation, KINDS[dtype], lengths).text(origin, dtype, backward)


class _Model:
    """The parts of one model."""

    def __init__(self, low: Lowered, derivation: Derivation, kind: str, with_lengths: bool) -> None:
        self._low = low
        self._derivation = derivation
        self._kind = kind
        self._graph = Graph()
        self._program, self._names = low.program, low.names
        self._letters = {str(size): size for size in low.program.sizes}
        self._shapes = Shapes(given_shapes(low.program, low.names), self._letters)
        self._sizes = Sizes(self._graph, self._shapes.size)
        self._inputs: list[tuple[str, tuple[str, ...]]] = []
        self._outputs: list[tuple[str, tuple[str, ...], Value]] = []
        self._with_lengths = with_lengths
        self._reserved = {name: self._graph.fresh(name) for name in self._public_names()}
        own = {f.name: f for f in low.own}
        opened = {f.name: functions.function(OPEN) for f in low.program.open_functions}
        self._defined: dict[str, ScalarFunction] = own | {name: f for name, f in opened.items() if f is not None}

    def text(self, origin: str, dtype: str, backward: bool) -> str:
        run = self._forward()
        if backward:
            self._backward(run)
        outputs = self._named_outputs()
        self._graph.without_unread([name for name, *_ in self._outputs])
        cell = self._derivation.cell
        template = environment("derive.targets.onnx").get_template("module.onnxtxt.jinja")
        shown = [*equation_lines(cell), "", source_line(cell.source)]
        values = {
            "title": _escaped(cell.title),
            "name": self._derivation.cell.name,
            "equations": [_escaped(line) for line in shown],
            "origin": _escaped(origin),
            "opened": ", ".join(f.name for f in self._program.open_functions),
            "open": OPEN,
            "dtype": dtype,
            "inputs": [self._typed(name, axes) for name, axes in self._inputs],
            "outputs": outputs,
            "lines": self._graph.lines(),
        }
        return template.render(**values).rstrip() + "\n"

    def _public_names(self) -> list[str]:
        """Every name that inputs and outputs may have: none of them is an operator's."""
        program = self._program
        given = [q.name for q in (*program.inputs, *program.states, *program.parameters)]
        given += dict(self._derivation.cell.starts).values()
        named = self._values if program.is_loss else []
        ends = [f"{s.name}_final" for s in program.states]
        asked = ["d_losses" if program.is_loss else "d_ys", *(f"d_{end}" for end in ends)]
        outputs = ["losses" if program.is_loss else "ys", *named, *ends]
        given += [LENGTHS] if self._with_lengths else []
        return list(dict.fromkeys([*given, *asked, *outputs, *(f"d_{name}" for name in given)]))

    @property
    def _values(self) -> list[str]:
        """What a head tells beside its losses: every value with a name, states apart."""
        program = self._program
        return [
            name
            for name in self._low.sequence.named
            if program.quantities[name] not in (*program.states, program.output)
        ]

    def _given(self, name: str, axes: tuple[str, ...]) -> Value:
        """An input of the model."""
        own = self._graph.given(self._reserved[name])
        self._sizes.learn(own, axes)
        self._inputs.append((own, axes))
        return Value(own, len(axes))

    def _returned(self, name: str, axes: tuple[str, ...], value: Value) -> None:
        self._outputs.append((name, axes, value))

    def _forward(self) -> Program:
        program, names, starts = self._program, self._names, dict(self._derivation.cell.starts)
        values: dict[str, Value] = {}
        for q in program.inputs:
            leading = ("B",) if q.time is None else ("T", "B")
            values[names.whole(q).name] = self._given(q.name, (*leading, *(axes_text(q) or ("1",))))
        first = {s.name: ("B", *axes_text(s)) for s in program.states}
        for s in program.states:
            if s.name not in starts:
                values[names.before(s).name] = self._given(s.name, first[s.name])
        for q in program.parameters:
            values[names.whole(q).name] = self._given(q.name, axes_text(q))
        for s in program.states:
            if s.name in starts:
                start = self._start(starts[s.name], axes_text(s))
                shape, rank = self._sizes.shape(", ".join(first[s.name]))
                values[names.before(s).name] = Value(self._graph.node("Expand", [start.name, shape]), rank)
        run = Program(self._graph, self._sizes, self._kind, self._defined, values)
        if self._with_lengths:
            inner = Expressions(self._graph, self._sizes, self._kind, self._defined, values)
            values[LENGTHS] = self._given(LENGTHS, ("B",))
            run.lengths = Lengths(inner, values[LENGTHS].name)
            for q in program.inputs:
                if q.time is not None:
                    values[names.whole(q).name] = run.lengths.repeated(values[names.whole(q).name])
        arrays = {names.whole(s).name: names.before(s).name for s in program.states}
        run.run(self._low.sequence.forward, self._shapes, arrays, ())
        if program.is_loss:
            inner = Expressions(self._graph, self._sizes, self._kind, self._defined, run.values)
            self._returned("losses", ("T", "B"), inner.compute(Index(names.whole(program.output), "..., 0")))
            for name in self._values:
                axes = ("T", "B", *axes_text(program.quantities[name]))
                self._returned(name, axes, inner.compute(indexed(self._low.sequence.named[name])))
        else:
            output = names.whole(program.output).name
            ys = run.filled.get(output, run.values[output])
            ys = ys if run.lengths is None else run.lengths.cut(ys)
            self._returned("ys", ("T", "B", *axes_text(program.output)), ys)
        for s in program.states:
            self._returned(f"{s.name}_final", first[s.name], run.ends[names.before(s).name])
        return run

    def _start(self, name: str, axes: tuple[str, ...]) -> Value:
        """The parameter that a state starts from; two states may share it."""
        known = [place for place, _ in self._inputs if place == name]
        return Value(name, len(axes)) if known else self._given(name, axes)

    def _backward(self, run: Program) -> None:
        program, names, found = self._program, self._names, self._low.sequence.gradients
        starts = dict(self._derivation.cell.starts)
        values = run.values
        if program.is_loss:
            values["d_losses"] = self._given("d_losses", ("T", "B"))
            inner = Expressions(self._graph, self._sizes, self._kind, self._defined, values)
            values["d_losses"] = inner.compute(Index(Name("d_losses"), "..., None"))
        else:
            values["d_ys"] = self._given("d_ys", ("T", "B", *axes_text(program.output)))
            if run.lengths is not None:
                values["d_ys"] = run.lengths.cut(values["d_ys"])
        for s in program.states:
            values[names.carry(s).name] = self._given(f"d_{s.name}_final", ("B", *axes_text(s)))
        arriving = Shapes(self._shapes.known | arriving_shapes(program, names), self._letters)
        run.run(self._low.sequence.backward, arriving, {}, [names.carry(s).name for s in program.states])
        inner = Expressions(self._graph, self._sizes, self._kind, self._defined, values)
        sums: dict[str, Value] = {}
        for q in (*program.inputs, *program.states, *program.parameters):
            if q.name not in found:
                continue  # what is aimed at has no gradient
            value = inner.compute(indexed(found[q.name]))
            if q in program.states and q.name in starts:
                own = inner.summed(value, 0)
                start = starts[q.name]
                sums[start] = inner.entrywise("Add", sums[start], own) if start in sums else own
            else:
                self._returned(f"d_{q.name}", self._axes(q), value)
        for start, value in sums.items():
            self._returned(f"d_{start}", next(axes for name, axes in self._inputs if name == start), value)

    def _axes(self, q: Quantity) -> tuple[str, ...]:
        return next(axes for name, axes in self._inputs if name == q.name)

    def _named_outputs(self) -> list[str]:
        """The outputs under their public names, each computed by an operator of its own."""
        found = []
        for k, (name, axes, value) in enumerate(self._outputs):
            own = self._reserved[name]
            self._graph.named("Identity", [value.name], [own])
            self._outputs[k] = (own, axes, value)
            found.append(self._typed(own, axes))
        return found

    def _typed(self, name: str, axes: Sequence[str]) -> str:
        public = {str(local): str(letter) for letter, local in self._low.letters.items()}
        shown = [public.get(axis, axis) for axis in axes]
        dims = [quoted(axis) if axis.isidentifier() else axis if axis.isdigit() else "?" for axis in shown]
        kind = "int64" if self._with_lengths and name == self._reserved[LENGTHS] else self._kind
        return f"{typed(kind, dims)} {quoted(name)}"


def _escaped(words: str) -> str:
    """Words inside a string of the text."""
    return words.replace("\\", "\\\\").replace('"', '\\"')
