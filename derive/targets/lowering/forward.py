"""`forward` over a sequence."""

from __future__ import annotations

from derive.nodes import Node, Quantity, add, leaves
from derive.targets.language.code import (
    Assign,
    Buffer,
    Call,
    Code,
    Index,
    Loop,
    MatrixProduct,
    Number,
    Statement,
    Sum,
    Transposed,
    size_text,
)
from derive.targets.lowering.expressions import lower, rows_times
from derive.targets.lowering.frame import Frame, axes, sliced, timeless, unnamed_inner_functions
from derive.targets.lowering.lengths import kept
from derive.targets.lowering.plan import Plan
from derive.targets.lowering.stacking import Bias, Net, Run


class Forward:
    """Lowers the equations over a sequence; afterwards `values` tells what each value is called over all steps."""

    def __init__(self, plan: Plan, helpers: set[str]) -> None:
        self.plan = plan
        self.names = plan.names
        self._inner_in_loop: list[Node] = []
        self._read_back = plan.sweep.read_back
        self._over_time = Frame(plan.values_over_time(), plan.program.parameters, helpers, sequence=True)
        self._at_step = Frame(plan.values_at_step(), plan.program.parameters, helpers, sequence=False)
        self._products: dict[Run, Code] = {}
        self._hoisted_biases: set[Run] = set()

    @property
    def values(self) -> dict[Node, Code]:
        """Values as arrays over all steps, function values inside equations included."""
        return self._over_time.values

    def statements(self) -> list[Statement]:
        """The body of `forward`, from checked arrays to filled buffers."""
        plan = self.plan
        found: list[Statement] = plan.stack_parameters()
        for quantity in plan.before:
            found += self._whole_sequence(quantity)
        found += self._hoisted_products()
        found += self._constants()
        body = self._body()
        if body:
            found += self._buffers()
            found.append(Loop(False, (*body, kept(plan.program.states, self.names))))
        for quantity in plan.after:
            found += self._whole_sequence(quantity)
        return found

    def _whole_sequence(self, quantity: Quantity) -> list[Statement]:
        """An equation outside the loop, for all steps at once."""
        frame, expression = self._over_time, self.plan.sweep.forward[quantity]
        statements: list[Statement] = []
        for inner in unnamed_inner_functions(expression, self._read_back, frame):
            name = self.names.whole_inner(inner)
            statements.append(Assign((name,), frame.code(inner)))
            frame.values[inner] = name
        value = frame.code(expression)
        if timeless(expression):
            shape = ", ".join(("T", "B", *map(size_text, axes(quantity))))
            value = Call("np.broadcast_to", (value, Number(f"({shape})")))
        statements.append(Assign((self.names.whole(quantity),), value, self.plan.sweep.equation(quantity)))
        if not timeless(expression):  # an array with other axes: no other name for the expression
            frame.values[expression] = self.names.whole(quantity)
        return statements

    def _hoisted_products(self) -> list[Statement]:
        """One product of T·B rows for all parameters that act on an input, biases included where they fit."""
        statements: list[Statement] = []
        runs = self.plan.layout.runs
        biases = {(run.operand.beside, run.nets): run for run in runs if isinstance(run.operand, Bias)}
        for run in filter(self.plan.hoisted, runs):
            value = rows_times(self._over_time.code(run.operand), Transposed(self.plan.matrices[run]), self._over_time)
            bias = biases.get((run.operand, run.nets))
            if bias is not None:
                value = Sum(((False, value), (False, self.plan.matrices[bias])))
                self._hoisted_biases.add(bias)
            operand = leaves(run.operand)[0].name if len(leaves(run.operand)) == 1 else "inputs"
            name = self.names.fresh(f"{operand}_net")
            statements.append(Assign((name,), value))
            timed = any(leaf.time is not None for leaf in leaves(run.operand))
            self._products[run] = Index(name, "t") if timed else name
        return statements

    def _constants(self) -> list[Statement]:
        """Function values in the loop that are the same at every step and that the backward pass reads."""
        found: list[Statement] = []
        for quantity in self.plan.loop:
            expression = self.plan.sweep.forward[quantity]
            for inner in unnamed_inner_functions(expression, self._read_back, self._at_step):
                if timeless(inner):
                    name = self.names.whole_inner(inner)
                    found.append(Assign((name,), self._at_step.code(inner)))
                    self._at_step.values[inner] = self._over_time.values[inner] = name
        return found

    def _buffers(self) -> list[Statement]:
        """Arrays for what the loop computes; those that nothing reads are dropped later."""
        states = self.plan.program.states
        grouped = {net.symbol for group in self.plan.groups for net in group}
        statements: list[Statement] = []
        for state in states:
            statements.append(Buffer(self.names.whole(state).name, axes(state), with_start=True))
            statements.append(Assign((Index(self.names.whole(state), "0"),), self.names.before(state)))
        for quantity in self.plan.loop:
            if quantity not in states and quantity not in grouped:
                statements.append(Buffer(self.names.whole(quantity).name, axes(quantity)))
        for group, (name, _) in self.plan.groups.items():
            start, stop = self.plan.layout.span(group)
            statements.append(Buffer(name.name, (stop - start,)))
        statements += [Buffer(self.names.whole_inner(node).name, axes(node)) for node in self._inner_in_loop]
        return statements

    def _body(self) -> list[Statement]:
        plan, frame = self.plan, self._at_step
        statements: list[Statement] = [
            Assign((self.names.before(s),), Index(self.names.whole(s), "t")) for s in plan.program.states if plan.loop
        ]
        nets = {net.symbol: net for net in plan.layout.nets}
        for quantity in plan.loop:
            if quantity in frame.values:
                continue  # a net of a group that stands already
            expression = plan.sweep.forward[quantity]
            for inner in unnamed_inner_functions(expression, self._read_back, frame):
                if inner in self._over_time.values:  # an equation before the loop has it for all steps
                    whole_code = self._over_time.values[inner]
                    frame.values[inner] = whole_code if timeless(inner) else Index(whole_code, "t")
                    continue
                name, whole = self.names.now_inner(inner), self.names.whole_inner(inner)
                statements.append(Assign((name, Index(whole, "t")), frame.code(inner)))
                frame.values[inner] = name
                self._over_time.values[inner] = whole
                self._inner_in_loop.append(inner)
            if quantity in nets:
                statements += self._nets(nets[quantity])
                continue
            where = "t + 1" if quantity in plan.program.states else "t"
            targets = (self.names.now(quantity), Index(self.names.whole(quantity), where))
            statements.append(Assign(targets, frame.code(expression), plan.sweep.equation(quantity)))
            frame.values[quantity] = self.names.now(quantity)
            if not isinstance(expression, Quantity):  # another name for the same array
                frame.values[expression] = self.names.now(quantity)
                self._over_time.values[expression] = self._over_time.values[quantity]
        return statements

    def _nets(self, net: Net) -> list[Statement]:
        """A net, with all nets of its group at once."""
        plan, frame = self.plan, self._at_step
        group = next(group for group in plan.layout.groups if net in group)
        start, stop = plan.layout.span(group)
        statements: list[Statement] = []
        parts: list[tuple[bool, Code]] = []
        for operand in net.operands:
            run = plan.layout.run_of(operand, net)
            if run in self._hoisted_biases:
                continue
            if run not in self._products:
                matrix, is_bias = plan.matrices[run], isinstance(operand, Bias)
                product = matrix if is_bias else MatrixProduct(frame.code(operand), Transposed(matrix))
                if not is_bias and len(run.nets) > len(group):
                    name = self.names.fresh("_".join(leaf.name for leaf in leaves(operand)) + "_net_t")
                    statements.append(Assign((name,), product))
                    product = name
                self._products[run] = product
            parts.append(
                (False, sliced(self._products[run], start - run.start, stop - run.start, run.stop - run.start))
            )
        if net.rest:
            parts.append((False, lower(add(*net.rest), frame).code))
        value = Sum(tuple(parts)) if len(parts) > 1 else parts[0][1]
        formula = "\n".join(plan.sweep.equation(member.symbol) for member in group)
        if len(group) == 1:
            where = "t + 1" if net.symbol in plan.program.states else "t"
            name = self.names.now(net.symbol)
            targets: tuple[Code, ...] = (name, Index(self.names.whole(net.symbol), where))
            frame.values[net.symbol] = name
        else:
            whole, name = plan.groups[group]
            targets = (name, Index(whole, "t"))
            frame.values |= plan.members(group, name)
        return [*statements, Assign(targets, value, formula)]
