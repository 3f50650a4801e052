"""One function for both passes, gradients(params, x, d_ys): it returns no outputs, so that the forward pass is the cell's.

The layout is the one under which most gradients are those of the cell; every other would be no better.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from derive import catalogue
from derive.errors import InputError
from verify.case import Array
from verify.code.differentiated import derivation_of
from verify.code.matching import Match, candidates, forward_of
from verify.code.mistakes import Laboratory
from verify.code.protocols import functions, words
from verify.code.protocols.axes import FIRST, Axes
from verify.code.protocols.base import Misfit, Output, Target, Variable, calls, required, returned_names
from verify.code.protocols.engine import CallPlan, CallTrial
from verify.code.protocols.search import Wanted, found

SEEDS = re.compile(r"^(d|grad|delta|g_)_?(y|ys|h|hs|out|output|outputs|states|s|hidden|a|o|loss|next|upstream)", re.IGNORECASE)


def recognises(target: Target) -> bool:
    """Whether the target takes what J asks of the outputs, and has no forward function beside it."""
    return inspect.isroutine(target.value) and any(_is_seed(p.name) for p in required(calls(target.value)))


def _is_seed(name: str) -> bool:
    return bool(SEEDS.match(name)) and words.is_gradient(name)


def bound(target: Target) -> CallPlan:
    """A plan whose forward pass is the cell's; raises Misfit."""
    if not target.hints or not target.hints[0]:
        raise Misfit(f"{target.name} returns no outputs: name the cell whose gradients they are with --cell")
    try:
        cell = catalogue.find(target.hints[0])
    except InputError as error:
        raise Misfit(str(error)) from None
    taken = calls(target.value)
    seeds = [p.name for p in taken if _is_seed(p.name)]
    own = [p for p in taken if p.name not in seeds]
    wanted, order = functions.variables_of(target, target.value, own)
    back = returned_names(target.value, target.source.tree)
    finals = [n for n in seeds if n not in {p.name for p in required(taken)}]

    def build(variables: dict[str, Variable]) -> CallPlan:
        outputs = _outputs(variables, seeds, finals)

        def forward(**arguments: Any) -> dict[str, Array]:
            return {o.name: np.zeros(FIRST.shape(o.axes)) for o in outputs}

        sources = {w.slot.name: f"argument {w.slot.name}" for w in wanted} | {n: f"seed {n}" for n in seeds}
        return CallPlan(
            protocol="one-function",
            target=target,
            variables=variables,
            slots={w.name: w.slot for w in wanted},
            forward=forward,
            backward=target.value,
            weighs=lambda returned, made: returned,
            sources=sources,
            collect=lambda returned, made: functions.gradients(returned, back, order),
            order=order,
        )

    plan = found(wanted, target, build, target.name)
    plan.weighed = _outputs(plan.variables, seeds, finals)
    match = _best(plan, cell)
    if match is None:
        raise Misfit(f"{target.name} returns no outputs, and its arrays are not those of {cell.name}: {shown(plan.variables)}")
    plan.forward = _Forward(plan, match, wanted)
    plan.assumed.append("the forward pass is the cell's, as the function returns no outputs")
    plan.longest = 12
    return plan


def shown(variables: Mapping[str, Variable]) -> str:
    """Names and axes."""
    return ", ".join(f"{n} ({', '.join(v.axes)})" for n, v in variables.items())


def _outputs(variables: Mapping[str, Variable], seeds: list[str], finals: list[str]) -> list[Output]:
    data = next(v.axes for v in variables.values() if v.part == "input")
    every: Axes = tuple("H" if a == "D" else a for a in data)
    last = tuple(a for a in every if a != "T")
    return [Output(n, last if n in finals else every) for n in seeds]


class _Forward:
    """The cell's forward pass under a match, called as their function is."""

    def __init__(self, plan: CallPlan, match: Match, wanted: list[Wanted]) -> None:
        self.plan, self.match, self.wanted = plan, match, wanted

    def __call__(self, **arguments: Any) -> dict[str, Array]:
        values = {}
        for one in self.wanted:
            value = arguments[one.slot.name]
            values[one.name] = np.asarray(value if one.slot.key is None else value[one.slot.key])
        return forward_of(self.match, values)


def _best(plan: CallPlan, cell: Any) -> Match | None:
    """The match under which most gradients are the cell's."""
    trial = CallTrial(plan, FIRST, np.random.default_rng(3))
    passed = trial.run(trial.values)
    trial.objective(trial.values)
    got = trial.raw(passed)
    best: tuple[int, Match] | None = None
    for match in candidates(plan, cell):
        whole = replace(match, outputs=_named(plan, match))
        try:
            truth = Laboratory(derivation_of(match.cell), whole.case(trial)).predict()
        except (KeyError, ValueError, IndexError, InputError):
            continue
        if truth is None:
            continue
        good = 0
        for label, value in got.items():
            name = plan.variable_of(label, np.shape(value), FIRST)
            parts = whole.parts(label, name, np.asarray(value), FIRST) if name else []
            good += sum(v.shape == truth.gradients[o].shape and np.allclose(v, truth.gradients[o]) for _, o, v in parts)
        if best is None or good > best[0]:
            best = (good, whole)
    return None if best is None else best[1]


def _named(plan: CallPlan, match: Match) -> dict[str, tuple[str, str]]:
    output = match.cell.output.name
    states = [s.name for s in match.cell.states]
    found = {}
    for one in plan.weighed:
        part = words.state_part(words.ungraded(one.name))
        name = "c" if part == "c" and "c" in states else output
        found[one.name] = (name, "all" if "T" in one.axes else "final")
    return found
