"""A sequence run by `step` and `step_backward`, one step after the other."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from verify.numbers.case import Array, Case, called


def by_steps(module: ModuleType, case: Case) -> tuple[Array, dict[str, Array]]:
    """The outputs (T, B, ...) and the gradients by name, as `forward` and `backward` should give them.

    The sequences of the case have one length.
    """
    cell = case.cell
    timed = {q.name for q in cell.inputs if q.time is not None}
    params, states = case.named(cell.parameters), case.named(cell.states)
    caches, outputs = [], []
    for time in range(case.T):
        inputs = {q.name: case.given[q.name][time] if q.name in timed else case.given[q.name] for q in cell.inputs}
        main = [inputs.pop(q.name) for q in cell.inputs[:1]]
        y, after, cache = module.step(params, *main, **called(module.step, inputs), **states, **case.functions)
        states = {name: after[name] for name in states}
        caches.append(cache)
        outputs.append(y)
    found = {name: np.zeros(case.given[name].shape) for name in case.differentiable}
    carries: dict[str, Any] = dict(case.d_final)
    for time in reversed(range(case.T)):
        back = module.step_backward(caches[time], case.d_output[time], **carries)
        carries = {name: back[name] for name in carries}
        for name in set(found) - set(carries):
            if name in timed:
                found[name][time] = back[name]
            else:
                found[name] = found[name] + back[name]
    return np.array(outputs), {**found, **carries}
