"""Mistakes in what goes from step to step: the carry, truncation, and what J asks of the outputs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
from sympy import HadamardProduct, MatAdd

from derive.calculus.derivation import Derivation
from derive.nodes import Adjoint, Node
from derive.targets.formula import text
from verify.code.mistakes.local import parts
from verify.code.mistakes.registry import Variation, kind
from verify.code.programs.run import Loop
from verify.formulas.judgement import Mistake
from verify.numbers.case import Case

CUTS = {
    "from the end": "the carry is cut every {k} steps, counted from the end",
    "from the start": "the carry is cut every {k} steps, counted from the start",
    "each output": "the loss of a step goes back through {k} steps only",
}

CHUNKS = range(1, 7)
"""Lengths that are tried; the case has fewer steps than twice the longest."""


@kind("carry left out")
def dropped(derivation: Derivation) -> Iterator[Variation]:
    """The part from the next step is computed and not added."""
    yield from _carries(derivation, "carry left out", "what comes from the next step is not added to {}", "dropped")


@kind("carry not updated")
def stuck(derivation: Derivation) -> Iterator[Variation]:
    """The variable for the part from the next step is never assigned again."""
    detail = "what comes from the next step keeps its first value: {}"
    yield from _carries(derivation, "carry not updated", detail, "stuck")


def _carries(derivation: Derivation, name: str, detail: str, field: str) -> Iterator[Variation]:
    states = derivation.program.states
    groups = [frozenset({state.name}) for state in states]
    if len(states) > 1:
        groups.append(frozenset(state.name for state in states))
    for group in groups:
        words = " and ".join(text(Adjoint(state)) for state in states if state.name in group)
        for whole in (False, True):

            def loop(before: Loop, group: frozenset[str] = group, whole: bool = whole) -> Loop:
                return replace(before, **{field: getattr(before, field) | group}, to_the_start=whole)

            yield Variation(Mistake(name, detail.format(words)), loop=loop)


@kind("truncated")
def truncated(
    derivation: Derivation, lengths: Iterable[int] = CHUNKS, ways: Iterable[str] = tuple(CUTS)
) -> Iterator[Variation]:
    """The gradient goes back through k steps only."""
    if not derivation.program.states:
        return
    for k in lengths:
        for way in ways:
            yield Variation(Mistake("truncated", CUTS[way].format(k=k)), loop=_cut(way, k), over_steps=True)


@kind("last steps only")
def last_only(derivation: Derivation, lengths: Iterable[int] = CHUNKS) -> Iterator[Variation]:
    """The loop runs over the last steps only."""
    for k in lengths:
        steps = "step" if k == 1 else f"{k} steps"
        detail = f"only the last {steps} {'is' if k == 1 else 'are'} gone through"
        yield from _runs_short(derivation, Mistake("last steps only", detail), _cut("last", k))


def _runs_short(derivation: Derivation, mistake: Mistake, loop: Callable[[Loop], Loop]) -> Iterator[Variation]:
    """A loop over some steps only; what stands above the states within it, or outside."""
    yield Variation(mistake, loop=loop, over_steps=True)
    if derivation.program.output not in derivation.program.states:
        yield Variation(mistake, loop=lambda before: replace(loop(before), outside=True), over_steps=True)


def _cut(way: str, k: int) -> Callable[[Loop], Loop]:
    return lambda before: replace(before, cut=(way, k))


BOUNDS = (0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 25.0, 50.0, 100.0)
"""Bounds at which a carry may be clipped."""


@kind("carry clipped")
def clipped(derivation: Derivation) -> Iterator[Variation]:
    """What goes from step to step clipped within the loop: the result is the gradient of nothing."""
    if not derivation.program.states:
        return
    states = derivation.program.states
    groups = [frozenset[str](), *(frozenset({s.name}) for s in states if len(states) > 1)]
    for bound, group in itertools.product(BOUNDS, groups):
        of = f" of {', '.join(sorted(group))}" if group else ""
        detail = f"what the next step hands back{of} is clipped to ±{bound:g} at every step, within the loop"
        yield Variation(Mistake("carry clipped", detail), loop=_bounded(bound, group))


def _bounded(bound: float, group: frozenset[str]) -> Callable[[Loop], Loop]:
    return lambda before: replace(before, bound=bound, bounded=group)


@kind("carry multiplied")
def multiplied(derivation: Derivation) -> Iterator[Variation]:
    """The carry multiplied by a factor that belongs to another path."""
    for state in derivation.program.states:
        for path in derivation.by_name[state.name].paths:
            if path.crosses_time:
                continue
            for product in parts(path.term, HadamardProduct):
                for factor in product.args:
                    if parts(factor, Adjoint):
                        continue
                    word = "slope" if parts(factor, MatAdd) else "factor"
                    detail = (
                        f"the carry of {text(Adjoint(state))} (of the next step or the final state) is multiplied by "
                        f"the {word} {text(factor)}, which belongs to {text(path.term)} alone"
                    )
                    name = state.name

                    def loop(before: Loop, name: str = name, factor: Node = factor) -> Loop:
                        return replace(before, factors=(*before.factors, (name, factor)))

                    yield Variation(Mistake("carry multiplied", detail), loop=loop)


@kind("wraps to the last state")
def wraps(derivation: Derivation) -> Iterator[Variation]:
    """At the first step `h[t - 1]` is `h[-1]`, the last state."""
    if derivation.program.states:
        names = ", ".join(text(s) for s in derivation.program.states)
        detail = (
            f"at the first step the state before it is read as h[-1], the last state ({names}), not the initial state"
        )
        mistake = Mistake("wraps to the last state", detail)
        yield Variation(mistake, loop=lambda before: replace(before, wraps=True), over_steps=True)


@kind("first step left out")
def late(derivation: Derivation) -> Iterator[Variation]:
    """The loop backwards ends before the first step."""
    if derivation.program.states:
        detail = "the loop backwards ends before the first step, t = 0, which is never counted"
        mistake = Mistake("wrong bounds of the sum", detail)
        yield from _runs_short(derivation, mistake, lambda before: replace(before, late=True))


@kind("last step left out")
def early(derivation: Derivation) -> Iterator[Variation]:
    """The loop backwards starts one step before the last."""
    if derivation.program.states:
        detail = "the loop backwards starts before the last step, which is never counted"
        mistake = Mistake("wrong bounds of the sum", detail)
        yield from _runs_short(derivation, mistake, lambda before: replace(before, early=True))


@kind("loop in the wrong direction")
def forwards(derivation: Derivation) -> Iterator[Variation]:
    """The loop goes from the first step to the last, with the carry of the step before."""
    if derivation.program.states:
        detail = "the loop of the backward pass goes from the first step to the last, not backwards"
        mistake = Mistake("loop in the wrong direction", detail)
        yield Variation(mistake, loop=lambda before: replace(before, forwards=True), over_steps=True)


# What J asks of the outputs, and where the sequence starts


def _given(name: str, detail: str, change: Callable[[Case], Case], over_steps: bool = False) -> Variation:
    return Variation(Mistake(name, detail), given=change, over_steps=over_steps)


@kind("last output only")
def last_output(derivation: Derivation) -> Iterator[Variation]:
    """What J asks of the outputs counts at the last step only."""

    def change(case: Case) -> Case:
        seeds = np.zeros_like(case.d_output)
        seeds[-1:] = case.d_output[-1:]
        return replace(case, d_output=seeds)

    yield _given("last output only", "the gradient of the outputs counts at the last step only", change, True)


@kind("outputs in the wrong order")
def reversed_seeds(derivation: Derivation) -> Iterator[Variation]:
    """The gradient of the outputs read backwards."""
    yield _given(
        "outputs in the wrong order",
        "the gradient of the outputs is read in reversed order of time",
        lambda case: replace(case, d_output=case.d_output[::-1]),
        True,
    )


@kind("outputs one step off")
def shifted_seeds(derivation: Derivation) -> Iterator[Variation]:
    """The gradient of the outputs read one step too late or too early."""

    def later(case: Case) -> Case:
        return replace(case, d_output=np.concatenate((case.d_output[1:], np.zeros_like(case.d_output[:1]))))

    def earlier(case: Case) -> Case:
        return replace(case, d_output=np.concatenate((np.zeros_like(case.d_output[:1]), case.d_output[:-1])))

    yield _given("outputs one step off", "step t reads the gradient of the output of step t + 1", later, True)
    yield _given("outputs one step off", "step t reads the gradient of the output of step t - 1", earlier, True)


@kind("final state ignored")
def final_ignored(derivation: Derivation) -> Iterator[Variation]:
    """The loop starts from zero instead of the gradient of the final state."""
    for state in derivation.program.states:

        def change(case: Case, name: str = state.name) -> Case:
            return replace(case, d_final={**case.d_final, name: np.zeros_like(case.d_final[name])})

        yield _given("final state ignored", f"the gradient of the final state {state.name} is not used", change)


@kind("final state scaled")
def final_scaled(derivation: Derivation) -> Iterator[Variation]:
    """The gradient of the final state counts half or twice."""
    for state in derivation.program.states:
        for word, factor in (("half", 0.5), ("twice", 2.0)):

            def change(case: Case, name: str = state.name, factor: float = factor) -> Case:
                return replace(case, d_final={**case.d_final, name: factor * case.d_final[name]})

            yield _given("final state scaled", f"the gradient of the final state {state.name} counts {word}", change)


@kind("initial state ignored")
def initial_ignored(derivation: Derivation) -> Iterator[Variation]:
    """The forward pass starts from zero."""
    for state in derivation.program.states:

        def change(case: Case, name: str = state.name) -> Case:
            return replace(case, given={**case.given, name: np.zeros_like(case.given[name])})

        yield _given("initial state ignored", f"the initial state {state.name} counts as zero", change)
