"""Code that returns no gradient and changes its parameters by it: the gradient is what it takes off at the rate 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from verify.code.calling import words
from verify.code.calling.axes import FIRST
from verify.code.calling.base import MissingError
from verify.code.calling.engine import CallPlan, CallTrial


def check_updates(plan: CallPlan) -> None:
    """Raise MisfitError where what backward takes off the parameters is not proportional to what J asks."""
    setting = plan.fitted(FIRST)
    small, twice = (CallTrial(plan, replace(setting, seeds=s), np.random.default_rng(2)) for s in (2.0**-20, 2.0**-19))
    one, two = small.raw(), twice.raw()
    for name, value in one.items():
        if name not in two or not np.allclose(2 * np.asarray(value), two[name], rtol=1e-4, atol=1e-14):
            raise MissingError(
                f"{plan.target.name}: what backward takes off {words.ungraded(name)} is not proportional to what is "
                "asked of the outputs: it is what an optimizer made of the gradient, so the gradient cannot be seen"
            )
    plan.notes.append("no gradient is returned: it is what backward takes off the parameters at the learning rate 1")
