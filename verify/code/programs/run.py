"""What a program computes that follows a derivation, right or mistaken: the sweep over one case in NumPy.

It runs *mistaken* derivations and mistaken loops, hundreds of them, without writing a module for each. Values are
batches of matrices (B, n, m).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from derive.calculus.derivation import Derivation
from derive.nodes import Adjoint, Node, Quantity, shift, t
from verify.code.programs.terms import Step, Term, Terms
from verify.numbers.case import Array, Arrays, Case
from verify.numbers.oracles import NumPy, Scope, interpret


@interpret.register(Adjoint)
def _adjoint(node: Adjoint, scope: Scope) -> Any:
    return scope.now[node]


class _Analytic(NumPy):
    """NumPy with |a| as sign(a) a, which has a complex step."""

    @property
    def library(self) -> Any:
        return _LIBRARY


class _Library:
    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def abs(value: Any) -> Any:
        return np.where(np.real(value) < 0, -value, value)


_LIBRARY = _Library()


@dataclass(frozen=True)
class Loop:
    """How the loop over t treats what goes from step to step.

    `dropped` names the states whose carry is left out, `stuck` those whose carry keeps its first value; what reaches
    the initial state is computed all the same, unless it is left out or kept as well (`to_the_start`). `cut` says
    where the carry is cut: None, or a kind and a number k (`last`: only the last k steps run; `from the end`, `from
    the start`: chunks of k steps; `each output`: every output goes back through k steps at most). `bound` clips what
    goes from step to step, of the states `bounded` or of all; `factors` multiply it, by state; `wraps` reads the last
    state as the one before the first step; `late` leaves out the first step.
    """

    dropped: frozenset[str] = frozenset()
    stuck: frozenset[str] = frozenset()
    to_the_start: bool = False
    cut: tuple[str, int] | None = None
    bound: float | None = None
    bounded: frozenset[str] = frozenset()
    factors: tuple[tuple[str, Node], ...] = ()
    wraps: bool = False
    late: bool = False
    early: bool = False
    forwards: bool = False
    outside: bool = False

    def closes(self, step: int, steps: int) -> bool:
        """Whether nothing is carried from `step` to the one before it."""
        if self.cut is None or step == 0:
            return False
        kind, k = self.cut
        return (kind == "from the end" and (steps - step) % k == 0) or (kind == "from the start" and step % k == 0)


@dataclass(frozen=True)
class Prediction:
    """The gradients by name, and for every parameter the share of each step and example, (T, B, …)."""

    gradients: Arrays
    shares: Arrays


class Programmed(Protocol):
    """What has equations to follow: a derivation, or what stands in for one."""

    @property
    def program(self) -> Any: ...


class Forward:
    """The values of all quantities over time, (T, B, n, m), computed by the equations of a program."""

    def __init__(self, derivation: Programmed, case: Case, moved: Mapping[str, Array] | None = None) -> None:
        """`moved`: parameters that differ from example to example, (B, n, m)."""
        program = self.program = derivation.program
        self._terms: dict[bool, Terms] = {}
        self.scope = Scope(_Analytic(), case)
        T, B = case.T, case.B
        self.constants: dict[Node, Array] = {q: self.column(case.given[q.name], q) for q in program.parameters}
        self.constants |= {q: self.column(case.given[q.name], q, B) for q in program.inputs if q.time is None}
        self.constants |= {q: self.column(moved[q.name], q, B) for q in program.parameters if moved and q.name in moved}
        self.steps: list[dict[Node, Array]] = []
        states = {state: self.column(case.given[state.name], state, B) for state in program.states}
        inputs = {q: self.column(case.given[q.name], q, T, B) for q in program.inputs if q.time is not None}
        for step in range(case.T):
            now: dict[Node, Array] = dict(self.constants)
            now |= {q: value[step] for q, value in inputs.items()}
            # Mistakes read the step before; where there is none, the first step stands in.
            before = self.steps[-1] if self.steps else {}
            now |= {q.at(t - 1): before[q] for q in before if isinstance(q, Quantity) and q.time == t}
            now |= {state.at(t - 1): value for state, value in states.items()}
            self.scope.now = now
            for equation in program.equations:
                value = interpret(equation.expression, self.scope)
                now[equation.symbol] = np.broadcast_to(value, (B, *value.shape[-2:]))  # a constant has no batch
                if not self.steps and equation.symbol not in states:
                    now[equation.symbol.at(t - 1)] = now[equation.symbol]
            if not self.steps:
                now |= {q.at(t - 1): value[0] for q, value in inputs.items()}
            states = {state: now[state] for state in states}
            self.steps.append(now)

    def terms(self, wraps: bool = False) -> Terms:
        """What terms are over this pass; `wraps`: the state before the first step is read as the last one."""
        if wraps not in self._terms:
            now = dict(self.constants)
            for q in self.steps[0] if self.steps else ():
                if q not in now:
                    now[q] = np.stack([step[q] for step in self.steps])
            if wraps and self.steps:
                now |= {
                    q.at(t - 1): np.stack([step[q] for step in (self.steps[-1:] + self.steps)[:-1]])
                    for q in self.program.states
                }
            self._terms[wraps] = Terms(self.scope, now)
        return self._terms[wraps]

    def column(self, value: Array, quantity: Quantity, *lead: int) -> Array:
        """An array in the layout of the code as matrices, under the axes `lead`."""
        return value.reshape((*lead, *_shape(quantity, self.scope)))


class Sweep:
    """The terms of a derivation, sorted for the sweep."""

    def __init__(self, derivation: Derivation) -> None:
        program = derivation.program
        self.program = program
        states = {q.name for q in program.states}
        given = {q.name for q in (*program.inputs, *program.parameters)}
        self.assigned: list[tuple[Quantity, list[Node]]] = []
        self.crossing: list[tuple[Quantity, list[Node]]] = []
        self.given: list[tuple[Quantity, list[Node]]] = []
        self.above = {""}
        for gradient in derivation.gradients:
            if gradient.of.name not in states and all(_name(path.via) in self.above for path in gradient.paths):
                self.above.add(gradient.of.name)
            local = [path.term for path in gradient.paths if not path.crosses_time]
            if gradient.of.name in states:
                back = [_one_earlier(path.term) for path in gradient.paths if path.crosses_time]
                self.crossing.append((gradient.of, back))
            if gradient.of.name in given:
                self.given.append((gradient.of, local))
            else:
                self.assigned.append((gradient.of, local))

    def run(self, forward: Forward, case: Case, loop: Loop) -> Prediction:
        """The gradients of the case."""
        if loop.cut is not None and loop.cut[0] == "each output":
            return self._each_output(forward, case, loop.cut[1])
        first = max(case.T - loop.cut[1], 0) if loop.cut is not None and loop.cut[0] == "last" else int(loop.late)
        steps = range(first, case.T - loop.early)
        carry = {s: forward.column(case.d_final[s.name], s, case.B) for s in self.program.states}
        return self._back(forward, case, loop, carry, steps, case.d_output)

    def _each_output(self, forward: Forward, case: Case, k: int) -> Prediction:
        """Every step's loss goes back through k steps; the final states count as the loss of the last step."""
        total: Prediction | None = None
        for last in range(case.T):
            seeds = np.zeros_like(case.d_output)
            seeds[last] = case.d_output[last]
            counts = last == case.T - 1
            carry = {s: forward.column(case.d_final[s.name], s, case.B) * counts for s in self.program.states}
            steps = range(max(0, last - k + 1), last + 1)
            found = self._back(forward, case, Loop(), carry, steps, seeds)
            total = found if total is None else _added(total, found)
        assert total is not None
        return total

    def _back(
        self, forward: Forward, case: Case, loop: Loop, carry: dict[Quantity, Array], steps: range, seeds: Array
    ) -> Prediction:
        terms, first_carry, none = forward.terms(loop.wraps), dict(carry), frozenset[str]()
        immediate = forward.column(seeds, self.program.output, case.T, case.B)
        seed = Adjoint(self.program.output, True)
        zero = {q: np.zeros((case.B, *_shape(q, forward.scope))) for q, _ in self.assigned}
        assigned = [(q, Adjoint(q), [terms.term(node) for node in nodes], zero[q]) for q, nodes in self.assigned]
        crossing = [(q, [terms.term(node) for node in nodes]) for q, nodes in self.crossing]
        factors = [(name, terms.term(factor)) for name, factor in loop.factors]
        over: dict[Node, list[Array]] = {adjoint: [] for _, adjoint, _, _ in assigned}
        order = range(case.T) if loop.forwards else reversed(range(case.T))
        last = 0 if not loop.forwards else case.T - 1
        for step in order:
            runs = step in steps
            now: dict[Node, Array] = {seed: immediate[step]}
            for q, adjoint, parts, nothing in assigned:
                whole = runs or (loop.outside and q.name in self.above)
                value = _total(parts, step, now) if whole else None
                value = nothing if value is None else value
                if runs and q in carry:
                    passed_on = carry[q]
                    for name, factor in factors:
                        passed_on = passed_on * factor(step, now) if name == q.name else passed_on
                    value = value + passed_on
                now[adjoint] = value
                over[adjoint].append(value)
            if not runs:
                continue
            passed = {}
            dropped, stuck = (loop.dropped, loop.stuck) if step != last or loop.to_the_start else (none, none)
            for state, parts in crossing:
                value = None if state.name in dropped else _total(parts, step, now)
                value = zero[state] if value is None or loop.closes(step, case.T) else value
                if loop.bound is not None and (not loop.bounded or state.name in loop.bounded):
                    value = np.clip(value, -loop.bound, loop.bound)
                passed[state] = first_carry[state] if state.name in stuck else value
            carry = passed
        if (not steps or steps.start > 0) and not (loop.late or loop.early):
            carry = {state: zero[state] for state in carry}
        stacked = {q: np.stack(values if loop.forwards else values[::-1]) for q, values in over.items()}
        return self._given(forward, case, terms, stacked | {seed: immediate}, carry)

    def _given(
        self,
        forward: Forward,
        case: Case,
        terms: Terms,
        adjoints: Mapping[Node, Array],
        carry: Mapping[Quantity, Array],
    ) -> Prediction:
        """The gradients of inputs and parameters, for all steps at once."""
        parameters = {q.name for q in self.program.parameters}
        gradients: dict[str, Array] = {}
        shares: dict[str, Array] = {}
        for q, nodes in self.given:
            shape = case.given[q.name].shape
            value = _total([terms.term(node) for node in nodes], slice(None), adjoints)
            value = np.zeros((case.T, case.B, *_shape(q, forward.scope))) if value is None else value
            if q.name in parameters:
                whole = (case.T, case.B, *value.shape[-2:])
                shares[q.name] = np.broadcast_to(value, whole).reshape((case.T, case.B, *shape))
                gradients[q.name] = shares[q.name].sum((0, 1))
            else:
                gradients[q.name] = (value.sum(0) if q.time is None else value).reshape(shape)
        for state, value in carry.items():
            gradients[state.name] = value.reshape(case.given[state.name].shape)
        for name in case.differentiable:
            gradients.setdefault(name, np.zeros(case.given[name].shape))
        return Prediction(gradients, shares)


def _name(via: Quantity | None) -> str:
    return "" if via is None else via.name


_EARLIER: dict[int, tuple[Node, Node]] = {}
"""Terms one step earlier, by the term itself, which is kept beside: most programs share them."""


def _one_earlier(node: Node) -> Node:
    found = _EARLIER.get(id(node))
    if found is None:
        found = _EARLIER[id(node)] = (node, shift(node, -1))
    return found[1]


def _shape(quantity: Quantity, scope: Scope) -> tuple[int, ...]:
    return tuple(scope.whole(dimension) for dimension in quantity.shape)


def _total(terms: Sequence[Term], step: Step, adjoints: Mapping[Node, Array]) -> Array | None:
    total: Array | None = None
    for term in terms:
        value = term(step, adjoints)
        total = value if total is None else total + value
    return total


def _added(a: Prediction, b: Prediction) -> Prediction:
    def sums(x: Arrays, y: Arrays) -> Mapping[str, Array]:
        return {name: value + y[name] for name, value in x.items()}

    return Prediction(sums(a.gradients, b.gradients), sums(a.shares, b.shares))


def run(derivation: Derivation, case: Case, loop: Loop | None = None) -> Prediction:
    """The gradients that a program following this derivation computes for the case."""
    return Sweep(derivation).run(Forward(derivation, case), case, loop or Loop())
