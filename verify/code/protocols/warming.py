"""Weights that a class makes in its first forward pass, from the shape of what it is given.

They are told from what it keeps of the input: they stay as they are when another input comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.code.calling import words
from verify.code.calling.axes import FIRST, Axes, axes
from verify.code.calling.base import MisfitError, RaisedError, Target, calls, required
from verify.code.calling.constructing import Maker, arrays_of, attributes, example
from verify.code.calling.engine import CallPlan, CallTrial, Fixed
from verify.code.calling.search import Wanted
from verify.numbers.case import Array

LAYOUTS = ("BTD", "TBD", "BDT", "DBT", "BD", "TD", "TD1", "DB", "D1", "D")
"""Inputs with which a first pass is tried, the usual first."""

OF_WEIGHTS = frozenset(["D", "H", "J", "N", "K", "1", *(f"{n}H" for n in range(2, 7))])
"""What axes of weights may be: none of examples or steps."""

FORGETTING = ("flush_gradients", "flush", "reset", "reset_state", "reset_states", "clear", "zero_grad")
"""Methods by which an object forgets what it has gone through, the weights excepted."""


@dataclass(frozen=True)
class Warm:
    """The weights that were found, and how an object is made that has them: by `make`, given `fixed` too."""

    weights: list[Wanted]
    make: Callable[..., Any]
    fixed: dict[str, Fixed]


def warmed(target: Target, maker: Maker, ahead: str, arguments: Sequence[Wanted]) -> Warm | None:
    """How the weights come about in the first forward pass, None where they do not."""
    inputs = [one.name for one in arguments if one.part == "input"]
    if len(inputs) != 1 or maker.arrays:
        return None
    if (setup := _setup(target.value)) is not None:
        return _set_up(target, maker, setup)
    for layout in map(axes, LAYOUTS):
        try:
            made = example(target, maker)
            first = dict(_after(made, ahead, inputs[0], layout, 0))
            again = dict(_after(made, ahead, inputs[0], layout, 1))
        except (Exception, SystemExit):  # whatever a person's code may raise for another layout
            continue
        found = [one for n, (one, value) in first.items() if n in again and np.array_equal(value, again[n][1])]
        if any(one.axes is None or not OF_WEIGHTS.issuperset(one.axes) for one in found):
            continue  # as wide as there are steps or examples: the input lies otherwise
        if any(one.part == "weight" for one in found):
            return Warm(found, _maker(target, ahead, inputs[0]), {**maker.fixed, FIRST_INPUT: _drawn(layout)})
    return None


SETUPS = ("setup", "set_up", "build", "initialize", "init_params", "init_weights")
"""Methods that make the weights, from the shape of the input."""


def _setup(kind: type) -> str | None:
    """The method of a class that takes nothing but the shape of the input."""
    for name in (name for name in SETUPS if callable(getattr(kind, name, None))):
        taken = [p.name for p in required(calls(getattr(kind, name))[1:])]
        if len(taken) == 1 and (words.plain(taken[0]).endswith("shape") or words.plain(taken[0]) in words.SHAPES):
            return name
    return None


def _set_up(target: Target, maker: Maker, setup: str) -> Warm | None:
    """The weights that a method makes from the shape of the input."""

    def make(**given: Any) -> Any:
        shape = given.pop(FIRST_INPUT)
        made = target.value(**given)
        getattr(made, setup)(shape)
        return made

    for layout in map(axes, LAYOUTS):
        try:
            made = example(target, maker)
            getattr(made, setup)(FIRST.shape(layout))
            weights = attributes(made)
        except (Exception, SystemExit):  # whatever a person's code may raise for another layout
            continue
        if any(one.part == "weight" for one in weights):
            return Warm(weights, make, {**maker.fixed, FIRST_INPUT: _shaped(layout)})
    return None


def _shaped(layout: Axes) -> Fixed:
    return lambda setting, rng: setting.shape(layout)


FIRST_INPUT = "first_input_of_backproof"


def _drawn(layout: Axes) -> Fixed:
    return lambda setting, rng: rng.normal(size=setting.shape(layout))


def _maker(target: Target, ahead: str, argument: str) -> Callable[..., Any]:
    def make(**given: Any) -> Any:
        first = given.pop(FIRST_INPUT)
        made = target.value(**given)
        getattr(made, ahead)(**{argument: first})
        forget(made)
        return made

    return make


def _after(made: Any, ahead: str, argument: str, layout: Axes, seed: int) -> Iterator[tuple[str, tuple[Wanted, Array]]]:
    """The arrays that an object keeps after a forward pass, zeros and gradients excepted."""
    forget(made)
    getattr(made, ahead)(**{argument: _drawn(layout)(FIRST, np.random.default_rng(seed))})
    for name, slot, value in arrays_of(made):
        known, bare = FIRST.axes(value.shape), name.split(".")[-1]
        weight = OF_WEIGHTS.issuperset(known) or value.any()
        if value.size and weight and not words.is_gradient(bare) and "grad" not in slot.name:
            bias = words.is_bias(bare) or value.ndim == 1 or 1 in value.shape
            yield name, (Wanted(name, "bias" if bias else "weight", slot, known), value.copy())


def forget(made: Any) -> None:
    """Call what sets an object back, where it has such a method."""
    for method in (getattr(made, name, None) for name in FORGETTING):
        if callable(method):
            try:
                method()
            except Exception:  # it takes arguments, or there is nothing to set back yet
                continue


def check(plan: CallPlan) -> None:
    """Raise MisfitError where a second pass of the same object gives other outputs: it keeps something of the first."""
    trial = CallTrial(plan, plan.fitted(FIRST), np.random.default_rng(4))
    passed = trial.run(trial.values)
    before = {n: np.array(v) for n, v in passed.weighed.items()}
    try:
        forget(passed.made)
        trial.again(passed)
        after = plan.weighs(passed.returned, passed.made)
    except RaisedError:
        after = {}
    if any(n not in after or not np.array_equal(v, after[n]) for n, v in before.items()):
        raise MisfitError(
            f"{plan.target.name} makes its weights in its first forward pass and keeps more of it than these: a second "
            "pass gives other outputs; give it a method reset, or make the weights in the constructor"
        )
