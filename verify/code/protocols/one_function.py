"""One function for both passes, gradients(params, x, d_ys): it returns no outputs, so that the forward pass is
the cell's.

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
from derive.patterns import regex
from verify.code.calling import words
from verify.code.calling.axes import FIRST, Axes, Setting
from verify.code.calling.base import (
    MisfitError,
    Output,
    RaisedError,
    Target,
    Variable,
    calls,
    required,
    returned_names,
)
from verify.code.calling.engine import CallPlan, CallTrial
from verify.code.calling.search import Wanted, found
from verify.code.matching.candidates import candidates
from verify.code.matching.match import Match, forward_of
from verify.code.mistakes.registry import Laboratory
from verify.code.programs.differentiated import derivation_of
from verify.code.protocols import functions
from verify.numbers.case import Array

SEEDS = regex(
    r"^(d|grad|delta|g_)_?(y|ys|h|hs|out|output|outputs|states|s|hidden|a|o|loss|next|upstream)", re.IGNORECASE
)


def recognises(target: Target) -> bool:
    """Whether the target takes what J asks of the outputs, and has no forward function beside it."""
    return inspect.isroutine(target.value) and any(_is_seed(p.name) for p in required(calls(target.value)))


def _is_seed(name: str) -> bool:
    return bool(SEEDS.match(name)) and words.is_gradient(name)


def bound(target: Target) -> CallPlan:
    """A plan whose forward pass is the cell's; raises MisfitError."""
    if not target.hints or not target.hints[0]:
        raise MisfitError(f"{target.name} returns no outputs: name the cell whose gradients they are with --cell")
    try:
        cell = catalogue.find(target.hints[0])
    except InputError as error:
        raise MisfitError(str(error)) from None
    taken = calls(target.value)
    seeds = [p.name for p in taken if _is_seed(p.name)]
    own = [p for p in taken if p.name not in seeds]
    wanted, order = functions.variables_of(target, target.value, own)
    back = returned_names(target.value, target.source.tree)
    finals = [n for n in seeds if n not in {p.name for p in required(taken)}]

    def build(variables: dict[str, Variable]) -> CallPlan:
        outputs = _outputs(variables, seeds, finals)

        def forward(**arguments: Any) -> dict[str, Array]:
            lengths = {a: n for w in wanted for a, n in _lengths(variables[w.name], arguments, w)}
            return {o.name: np.zeros(tuple(lengths.get(a, 1) for a in o.axes)) for o in outputs}

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
    best: tuple[int, Match] | None = None
    for variables in (plan.variables, _swapped(plan.variables)):
        other = build(variables)
        other.weighed = _outputs(variables, seeds, finals)
        try:
            here = _best(other, cell)
        except RaisedError:
            continue  # it does not run with time and examples exchanged
        if here is not None and (best is None or here[0] > best[0]):
            best, plan = here, other
    if best is None:
        raise MisfitError(
            f"{target.name} returns no outputs, and its arrays are not those of {cell.name}: {shown(plan.variables)}"
        )
    plan.forward = _Forward(plan, replace(best[1], plan=plan), wanted)
    plan.assumed.append("the forward pass is the cell's, as the function returns no outputs")
    plan.longest = 12
    return plan


def _lengths(variable: Variable, arguments: Mapping[str, Any], one: Wanted) -> list[tuple[str, int]]:
    value = arguments[one.slot.name]
    value = np.asarray(value if one.slot.key is None else value[one.slot.key])
    return [(a, n) for a, n in zip(variable.axes, value.shape, strict=True) if len(a) == 1]


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


def _swapped(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Time and examples exchanged: nothing that runs tells them apart where no state is given."""
    other = {"B": "T", "T": "B"}
    if any(v.part in ("h", "c") for v in variables.values()):
        return dict(variables)
    return {n: replace(v, axes=tuple(other.get(a, a) for a in v.axes)) for n, v in variables.items()}


def _best(plan: CallPlan, cell: Any) -> tuple[int, Match] | None:
    """The match under which most gradients are the cell's, and how many these are."""
    # One step, too: there a wrong carry leaves everything right.
    calls_ = [(trial, trial.raw()) for s in (FIRST, replace(FIRST, T=1)) for trial in [_trial(plan, s)]]
    best: tuple[int, Match] | None = None
    for match in candidates(plan, cell):
        whole = replace(match, outputs=_named(plan, match))
        good = sum(_right(whole, trial, got) for trial, got in calls_)
        if best is None or good > best[0]:
            best = (good, whole)
    return best


def _trial(plan: CallPlan, setting: Setting) -> CallTrial:
    trial = CallTrial(plan, setting, np.random.default_rng(3))
    for output in plan.weighed:
        trial.seeds[output.name] = np.random.default_rng(4).normal(size=setting.shape(output.axes))
    return trial


def _right(match: Match, trial: CallTrial, got: Mapping[str, Any]) -> int:
    """How many gradients (and single steps of data) are the cell's under a match."""
    try:
        truth = Laboratory(derivation_of(match.cell), match.case(trial)).predict()
    except (KeyError, ValueError, IndexError, InputError):
        return 0  # the arrays do not lie like that
    if truth is None:
        return 0
    good = 0
    for label, value in got.items():
        name = trial.plan.variable_of(label, np.shape(value), trial.setting)
        for _, ours, block in match.parts(label, name, np.asarray(value), trial.setting) if name else ():
            true = truth.gradients[ours]
            fits = block.shape == true.shape
            steps = zip(block, true, strict=True) if fits and ours == match.input else [(block, true)]
            good += sum(fits and np.allclose(a, b) for a, b in steps)
    return good


def _named(plan: CallPlan, match: Match) -> dict[str, tuple[str, str]]:
    output = match.cell.output.name
    states = [s.name for s in match.cell.states]
    found = {}
    for one in plan.weighed:
        part = words.state_part(words.ungraded(one.name))
        name = "c" if part == "c" and "c" in states else output
        found[one.name] = (name, "all" if "T" in one.axes else "final")
    return found
