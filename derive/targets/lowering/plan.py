"""Where everything over a sequence is computed: before, in or after the loop over t, and what is stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

from derive.cell import Cell
from derive.nodes import Elementwise, Node, Quantity, leaves, t
from derive.targets.language.code import Assign, Call, Code, Index, Name, Statement, Tuple
from derive.targets.language.names import Names
from derive.targets.lowering.frame import occurring, sliced
from derive.targets.lowering.stacking import Bias, Block, Layout, Net, Run, layout
from derive.targets.lowering.sweep import Sweep

LONGEST = 30
"""Names put together of more letters than this are cut short."""


@dataclass(frozen=True)
class Stack:
    """The gradients of a block of nets: the array over all steps, and at t."""

    block: Block
    over_time: Name
    now: Name


@dataclass(frozen=True)
class Plan:
    """The phases of a program, its layout of nets, and the names of both."""

    sweep: Sweep
    names: Names

    @property
    def program(self) -> Cell:
        return self.sweep.program

    @cached_property
    def recurrent(self) -> frozenset[Quantity]:
        """The states, and what depends on the step before."""
        found = {state.at(time) for state in self.program.states for time in (t - 1, t)}
        for equation in self.program.equations:
            if not found.isdisjoint(leaves(equation.expression)):
                found.add(equation.symbol)
        return frozenset(found)

    @cached_property
    def before(self) -> tuple[Quantity, ...]:
        """Assigned quantities that depend on inputs only: computed for all steps before the loop."""
        return tuple(q for q in self.sweep.forward if q not in self.recurrent)

    @cached_property
    def loop(self) -> tuple[Quantity, ...]:
        """Assigned quantities that recur."""
        feeding = set(self.program.states)
        for equation in reversed(self.program.equations):
            if equation.symbol in feeding:
                feeding.update(leaves(equation.expression))
        return tuple(q for q in self.sweep.forward if q in self.recurrent and q in feeding)

    @cached_property
    def after(self) -> tuple[Quantity, ...]:
        """Assigned quantities that no state depends on: computed for all steps after the loop."""
        return tuple(q for q in self.sweep.forward if q not in self.before and q not in self.loop)

    @cached_property
    def layout(self) -> Layout:
        """The nets of the loop side by side."""
        forward = self.sweep.forward
        equations = [replace(e, expression=forward[e.symbol]) for e in self.program.equations if e.symbol in self.loop]
        sigmoids = {
            part.operands[0]
            for equation in equations
            for part in occurring([equation.expression])
            if isinstance(part, Elementwise) and part.function.name == "sigmoid"
        }
        return layout(self.program, equations, self.recurrent, sigmoids)

    @cached_property
    def matrices(self) -> dict[Run, Name]:
        """The stacked parameters of each run; a run of one is the parameter itself."""
        return {
            run: self.names.whole(run.parameters[0])
            if len(run.parameters) == 1
            else self.names.fresh(_common([parameter.name for parameter in run.parameters]))
            for run in self.layout.runs
        }

    def stack_parameters(self) -> list[Statement]:
        """The statements that stack the parameters of each run."""
        return [
            Assign((name,), Call("np.concatenate", (Tuple(tuple(map(self.names.whole, run.parameters))),)))
            for run, name in self.matrices.items()
            if len(run.parameters) > 1
        ]

    def hoisted(self, run: Run) -> bool:
        """Whether a run's product can be formed for all steps before the loop."""
        return not isinstance(run.operand, Bias) and self.recurrent.isdisjoint(leaves(run.operand))

    @cached_property
    def groups(self) -> dict[tuple[Net, ...], tuple[Name, Name]]:
        """Each group of several nets with its array over all steps and its variable at t."""
        found = {}
        for group in self.layout.groups:
            if len(group) > 1:
                name = self.names.fresh("net_" + _nets(group))
                found[group] = (name, self.names.fresh(f"{name.name}_t"))
        return found

    @cached_property
    def stacks(self) -> tuple[Stack, ...]:
        """The arrays of gradients that several nets share."""
        blocks = [block for block in self.layout.blocks if len(block.nets) > 1]
        wanted = ["d_net"] if len(blocks) == 1 else [f"d_net_{_nets(block.nets)}" for block in blocks]
        over_time = [self.names.fresh(name) for name in wanted]
        return tuple(
            Stack(block, name, self.names.fresh(f"{name.name}_t"))
            for block, name in zip(blocks, over_time, strict=True)
        )

    def members(self, group: Sequence[Net], code: Code) -> dict[Node, Code]:
        """The part of a group's array that each net has."""
        start, stop = self.layout.span(group)
        spans = {net.symbol: self.layout.span([net]) for net in group}
        return {q: sliced(code, first - start, last - start, stop - start) for q, (first, last) in spans.items()}

    def values_at_step(self) -> dict[Node, Code]:
        """Values inside the loop that come from outside it."""
        values: dict[Node, Code] = {q: self.names.whole(q) for q in self.program.parameters}
        for q in (*self.program.inputs, *self.before):
            values[q] = self.names.whole(q) if q.time is None else Index(self.names.whole(q), "t")
        values |= {state.at(t - 1): self.names.before(state) for state in self.program.states}
        return values

    def values_over_time(self) -> dict[Node, Code]:
        """Values as arrays over all steps."""
        given = (*self.program.parameters, *self.program.inputs, *self.sweep.forward)
        values: dict[Node, Code] = {q: self.names.whole(q) for q in given}
        for state in self.program.states:
            values[state] = Index(self.names.whole(state), "1:")
            values[state.at(t - 1)] = Index(self.names.whole(state), ":-1")
        for group, (name, _) in self.groups.items():
            values |= self.members(group, name)
        return values


def _common(words: Sequence[str]) -> str:
    """What the names begin with, such as W for W_i, W_f; all of them where they have nothing in common."""
    letters = takewhile(lambda same: len(set(same)) == 1, zip(*words, strict=False))
    return "".join(same[0] for same in letters).rstrip("_") or _joined(words)


def _nets(nets: Sequence[Net]) -> str:
    return _joined([net.symbol.name.removeprefix("net_") for net in nets])


def _joined(words: Sequence[str]) -> str:
    """One name of several; of many, the first and the last."""
    whole = "_".join(words)
    return whole if len(whole) <= LONGEST else f"{words[0]}_to_{words[-1]}"
