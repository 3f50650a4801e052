"""`backward` over a sequence: what no state depends on, the loop backwards, then one product of T·B rows for each
stack of parameters and for the inputs."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import ZeroMatrix

from derive.nodes import Adjoint, Node, Quantity, add, leaves
from derive.targets.language.code import (
    Assign,
    Buffer,
    Call,
    Code,
    Index,
    Loop,
    MatrixProduct,
    Method,
    Name,
    Statement,
    Transposed,
    read,
)
from derive.targets.lowering.frame import Emission, Frame, axes, emit, sliced, span, timeless
from derive.targets.lowering.lengths import entering, entering_empty, set_aside
from derive.targets.lowering.plan import Plan
from derive.targets.lowering.single_step import summed_over_batch, zeros_like
from derive.targets.lowering.stacking import Bias, Net, Run


class Backward:
    """Lowers the gradients over a sequence; `values` are the forward values over all steps."""

    def __init__(self, plan: Plan, values: dict[Node, Code], helpers: set[str]) -> None:
        self.plan = plan
        self.names = plan.names
        sweep, program = plan.sweep, plan.program
        self._wanted = [q for q in sweep.backward if q in sweep.needed]
        self._in_loop = [q for q in self._wanted if q in plan.loop]
        self._stacked = {net.symbol: stack for stack in plan.stacks for net in stack.block.nets}
        immediate = Name("d_losses" if program.is_loss else "d_ys")

        over_time = values | self._net_gradients(now=False)
        for q in self._wanted:
            over_time.setdefault(Adjoint(q), self.names.gradients(q))
        over_time[Adjoint(program.output, True)] = immediate
        runs = self._runs(now=False)
        self._over_time = Frame(over_time, program.parameters, helpers, sequence=True, runs=runs)

        at_step = plan.values_at_step() | {q: self.names.now(q) for q in plan.loop}
        for group, (_, name) in plan.groups.items():
            at_step |= plan.members(group, name)
        at_step |= {sweep.forward[q]: at_step[q] for q in (*plan.before, *plan.loop) if sweep.forward[q] in values}
        self._stored = self._loads()
        for node, code in values.items():
            if node not in at_step and isinstance(code, Name):
                at_step[node] = self._inner_at_step(node, code)
        at_step |= self._net_gradients(now=True)
        at_step |= {Adjoint(q): Index(self.names.gradients(q), "t") for q in self._wanted if q in plan.after}
        for q in self._in_loop:
            at_step.setdefault(Adjoint(q), self.names.gradient(q))
        for q in self._wanted:
            if q in plan.after:  # read where a state of the step before reaches it directly
                at_step.setdefault(Adjoint(q), Index(self.names.gradients(q), "t"))
        at_step[Adjoint(program.output, True)] = Index(immediate, "t")
        at_step |= {carry: self.names.carry(s) for s, carry in sweep.carries.items()}
        self._at_step = Frame(at_step, program.parameters, helpers, sequence=False, runs=self._runs(now=True))

    @property
    def parts(self) -> dict[Code, Name]:
        """The names at t of the parts of the stacked gradients."""
        found = self._net_gradients(now=False)
        return {_at_t(code): self.names.gradient(node.quantity) for node, code in found.items()}

    def _net_gradients(self, *, now: bool) -> dict[Adjoint, Code]:
        nets = [net for stack in self.plan.stacks for net in stack.block.nets]
        return {Adjoint(net.symbol): self._part([net], now=now) for net in nets}

    def _runs(self, *, now: bool) -> dict[Run, tuple[Code, Code]]:
        return {
            run: (matrix, self._part(run.nets, now=now))
            for run, matrix in self.plan.matrices.items()
            if len(run.nets) > 1 and not isinstance(run.operand, Bias)
        }

    def _part(self, nets: Sequence[Net], *, now: bool) -> Code:
        """The part of a stack that neighbouring nets have."""
        stack = self._stacked[nets[0].symbol]
        return sliced(stack.now if now else stack.over_time, *self.plan.layout.span(nets), stack.block.rows)

    def statements(self) -> tuple[list[Statement], dict[str, str]]:
        """The body of `backward` and the gradients by key."""
        plan, sweep = self.plan, self.plan.sweep
        found = self._outside(q for q in self._wanted if q in plan.after)
        found += self._from_after()
        found += self._loop()
        found += self._outside(q for q in self._wanted if q in plan.before)
        gradients = {s.name: self.names.carry(s).name for s in plan.program.states}
        emissions: list[Emission] = []
        for q in plan.program.inputs:
            if q in sweep.to_given:
                if isinstance(sweep.to_given[q], ZeroMatrix):
                    found.append(Buffer(self.names.gradients(q).name, axes(q), zeros=True))
                else:
                    emissions.append(((self.names.gradients(q),), sweep.to_given[q], ""))
                gradients[q.name] = self.names.gradients(q).name
        found += emit(emissions, self._over_time, self.names)
        constant = [self.names.gradients(q) for q in plan.program.inputs if q.time is None]
        found += [Assign((name,), Method(name, "sum(axis=0)")) for name in constant]
        return found + self._parameters(gradients), gradients

    def _outside(self, quantities: object) -> list[Statement]:
        """Gradients outside the loop, for all steps at once."""
        sweep = self.plan.sweep
        emissions: list[Emission] = [
            ((self.names.gradients(q),), sweep.backward[q], sweep.gradient(q))
            for q in quantities  # type: ignore[attr-defined]  # any iterable of quantities
        ]
        return emit(emissions, self._over_time, self.names)

    def _from_after(self) -> list[Statement]:
        """What quantities in the loop receive from those behind it, for all steps at once."""
        emissions: list[Emission] = []
        self._received: dict[Quantity, tuple[Quantity, Node]] = {}
        for q in self._in_loop:
            paths = self.plan.sweep.derivation.by_name[q.name].paths
            live = [path for path in paths if path.via not in self.plan.sweep.idle]
            outside = [self.plan.sweep.lowered(path.term) for path in live if path.via in self.plan.after]
            if outside and not isinstance(add(*outside), ZeroMatrix):
                inside = [
                    self.plan.sweep.lowered(p.term) for p in live if p.via not in self.plan.after and not p.crosses_time
                ]
                if q in self.plan.sweep.carries:
                    inside.append(self.plan.sweep.carries[q])
                received = Quantity(f"received {q.name}", q.shape[0], q.shape[1], q.time)
                name = self.names.fresh(f"d_{q.name}_read")
                emissions.append(((name,), add(*outside), ""))
                self._at_step.values[received] = Index(name, "t")
                self._received[q] = (received, add(received, *inside))
        return emit(emissions, self._over_time, self.names)

    def _loop(self) -> list[Statement]:
        plan, sweep = self.plan, self.plan.sweep
        if not plan.loop:
            return []
        emissions: list[Emission] = []
        buffers: list[Statement] = []
        for q in self._in_loop:
            node = self._received[q][1] if q in self._received else sweep.backward[q]
            name = self._at_step.values[Adjoint(q)]
            targets: tuple[Code, ...] = (name,)
            if q not in self._stacked:
                targets += (Index(self.names.gradients(q), "t"),)
                buffers.append(Buffer(self.names.gradients(q).name, axes(q)))
            emissions.append((targets, node, sweep.gradient(q)))
        for state, node in sweep.to_previous.items():
            if not isinstance(node, ZeroMatrix):
                emissions.append(((self.names.carry(state),), node, sweep.passed_back(state)))
        body = emit(emissions, self._at_step, self.names)
        body += [
            zeros_like(self.names.carry(state), self.names.carry(state), sweep.passed_back(state))
            for state, node in sweep.to_previous.items()
            if isinstance(node, ZeroMatrix)
        ]
        start: list[Statement] = []
        for stack in plan.stacks:
            unfilled = any(net.symbol not in self._in_loop for net in stack.block.nets)  # nothing reaches J through it
            buffers.append(Buffer(stack.over_time.name, (stack.block.rows,), zeros=unfilled))
            start.append(Assign((stack.now,), Index(stack.over_time, "t")))
        states = plan.program.states
        loads = [Assign((Name(name),), self._stored[name]) for name in read(body) if name in self._stored]
        loop = Loop(True, (entering(states, self.names), *start, *loads, *body))
        return [*buffers, set_aside(states, self.names), loop, entering_empty(states, self.names)]

    def _loads(self) -> dict[str, Code]:
        """What the body of the loop may read of the forward pass at t, by its name there."""
        names, states = self.names, self.plan.program.states
        found: dict[str, Code] = {}
        for state in states:
            found[names.now(state).name] = Index(names.whole(state), "t + 1")
            found[names.before(state).name] = Index(names.whole(state), "t")
        found |= {names.now(q).name: Index(names.whole(q), "t") for q in self.plan.loop if q not in states}
        return found | {name.name: Index(whole, "t") for whole, name in self.plan.groups.values()}

    def _inner_at_step(self, node: Node, code: Name) -> Code:
        """A function value of the forward pass, as it is called in the loop."""
        if timeless(node):
            return code
        now = self.names.now_inner(node)
        self._stored[now.name] = Index(code, "t")
        return now

    def _parameters(self, gradients: dict[str, str]) -> list[Statement]:
        """Gradients of parameters: a stack at once, and one by one what stands alone."""
        frame, layout = self._over_time, self.plan.layout
        statements: list[Statement] = []
        for run in layout.runs:
            if len(run.parameters) > 1:
                name = self.names.fresh(f"d_{self.plan.matrices[run].name}")
                stacked = self._part(run.nets, now=False)
                value: Code = Method(stacked, "sum(axis=(0, 1))")
                if not isinstance(run.operand, Bias):
                    if timeless(run.operand):  # as it is at every step, and a parameter for every sequence
                        shared = set(leaves(run.operand)) <= set(self.plan.program.parameters)
                        stacked = Method(stacked, "sum(axis=(0, 1))" if shared else "sum(axis=0)")
                    left = Transposed(Call(frame.uses("rows"), (stacked,)))
                    value = MatrixProduct(left, Call(frame.uses("rows"), (frame.code(run.operand),)))
                statements.append(Assign((name,), value))
                for parameter, net in zip(run.parameters, run.nets, strict=True):
                    first, last = layout.span([net])
                    gradients[parameter.name] = f"{name.name}[{span(first - run.start, last - run.start, leading='')}]"
        for parameter in self.plan.program.parameters:
            if parameter.name not in gradients:
                node = self.plan.sweep.to_given[parameter]
                name = self.names.gradients(parameter)
                if isinstance(node, ZeroMatrix):
                    statements.append(zeros_like(name, self.names.whole(parameter)))
                else:
                    statements.append(Assign((name,), summed_over_batch(node, frame)))
                gradients[parameter.name] = name.name
        return statements


def _at_t(code: Code) -> Code:
    """Entries of an array over all steps, at t."""
    return Index(Index(code.of, "t"), code.index) if isinstance(code, Index) else Index(code, "t")
