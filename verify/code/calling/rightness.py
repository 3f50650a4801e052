"""How many gradients are right under one way to call the code: where several ways run, the best one is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from verify.code.calling.axes import FIRST, SCALES
from verify.code.calling.base import MisfitError, RaisedError
from verify.code.calling.engine import CallPlan, CallTrial, Fixed
from verify.code.judging import differences


def right(plan: CallPlan, scales: bool) -> dict[str, int]:
    """How many gradients are those of J under every scale, by differences along a few directions each."""
    setting = plan.fitted(FIRST)
    B = setting.B if plan.several else 1
    counts: dict[str, int] = {}
    for factor in factors(plan):
        for scale, of in SCALES.items():
            size = of(setting.T, B, setting.K)
            if (scales or not scale) and abs(factor - size) <= 1e-5 * size:
                counts[scale] = counts.get(scale, 0) + 1
    return counts


SMALL = 0.05
"""The factor of weights under which what is clipped at the end is small enough to be left as it is."""


def factors(plan: CallPlan) -> list[float]:
    """By which factor every gradient that is a multiple of the derivative of J is it."""
    return _factors(plan, 1.0) or (_factors(plan, SMALL) if plan.target_of is not None else [])


def _factors(plan: CallPlan, size: float) -> list[float]:
    setting = plan.fitted(FIRST)
    trial = CallTrial(plan, setting, np.random.default_rng(11))
    for name, variable in plan.variables.items():
        if variable.part in ("weight", "bias"):
            trial.values[name] = trial.values[name] * size
    found: list[float] = []
    try:
        got = trial.gradients()
        if not np.isfinite(trial.objective(trial.values)):
            return []
        for label, value in got.items():
            of = plan.variable_of(label, value.shape, setting)
            if of is None or value.shape != trial.values[of].shape or value.dtype.kind != "f":
                continue
            along = differences.along(trial, of, False)
            factor = differences.factor_of(along.of(value), along)
            found += [factor] if factor else []
    except (RaisedError, MisfitError):
        return []
    return found


def settled(plan: CallPlan, targets: Sequence[str], goals: Sequence[Fixed]) -> CallPlan:
    """The plan with the kind of target under which a gradient is right but for a factor; as it is where there is none.

    What is meant for indices may run with numbers, and the reverse; then nothing is right.
    """
    if not targets or factors(plan):
        return plan
    best, most = plan, 0
    for goal in goals:
        other = replace(plan, fixed={**plan.fixed, **dict.fromkeys(targets, goal)})
        count = len(factors(other))
        if count > most:
            best, most = other, count
    return best


def moving(plan: CallPlan) -> CallPlan:
    """The plan without arrays of the object that do not move J, such as what an optimizer keeps."""
    trial = CallTrial(plan, plan.fitted(FIRST), np.random.default_rng(2))
    before = trial.objective(trial.values)
    for name, slot in list(plan.slots.items()):
        if slot.kind in ("attribute", "item") and plan.variables[name].part in ("weight", "bias"):
            moved = trial.values[name] + 0.1 * np.random.default_rng(3).normal(size=trial.values[name].shape)
            if trial.objective({**trial.values, name: moved}) == before:
                del plan.variables[name]
                del plan.slots[name]
    return plan
