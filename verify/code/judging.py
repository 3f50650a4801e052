"""Judging gradients by the code's own forward pass: derivatives of J by central differences, in several settings.

Along random directions first; entry by entry only for what is wrong, so that it can be shown and explained.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from verify.code import logarithms
from verify.code.loading import told
from verify.code.protocols import words
from verify.code.protocols.axes import SETTINGS, Setting
from verify.code.protocols.base import RaisedError
from verify.code.protocols.engine import CallPlan, CallTrial, called, put
from verify.code.report import Row, Standing
from verify.numbers.case import Array
from verify.numbers.numeric import FAILED

STEPS = (2.0**-13, 2.0**-10, 2.0**-16, 2.0**-6)
"""Steps of central differences that are tried along one direction; the quietest is used."""

WRONG, RIGHT = 1e-5, 1e-6
"""Relative errors above the first are mistakes, below the second rounding; between them nothing is said."""

SINGLE_WRONG, SINGLE_RIGHT = 2e-2, 5e-3
"""The same where the code computes in float32."""

DIRECTIONS, ENTRIES = 3, 12
"""Directions along which every gradient is compared; so many entries are looked at to show one that is wrong."""

SATURATED = 1e-3
"""With large weights a bound within the loss, as in log(max(p, 1e-12)), shows: below this it may be such a bound."""

SMALL = 1e-4
"""A gradient that is small beside the largest has the rounding error of its terms: this part of the largest counts."""


@dataclass(frozen=True)
class Along:
    """Derivatives of J along some directions of one array, and how far they may be off."""

    directions: Array
    want: Array
    noise: Array
    step: float

    def of(self, gradient: Array) -> Array:
        """What a gradient says along these directions."""
        one = np.asarray(gradient, float)[None] * self.directions
        return np.asarray(one.reshape(len(one), -1).sum(axis=1))


@dataclass
class Seen:
    """One setting: what the code gave, and for every gradient whether it is right."""

    setting: Setting
    trial: CallTrial
    got: dict[str, Array]
    of: dict[str, str]
    standings: dict[str, Standing] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    along: dict[str, Along] = field(default_factory=dict)
    single: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass
class Judged:
    """All settings together."""

    plan: CallPlan
    seen: list[Seen]
    notes: list[str] = field(default_factory=list)
    mistakes: list[tuple[str, str]] = field(default_factory=list)
    not_given: list[str] = field(default_factory=list)
    not_understood: list[str] = field(default_factory=list)
    undecided: str = ""
    kept: bool = False
    unjudged: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    clip: dict[str, float] = field(default_factory=dict)

    def wrong(self) -> list[str]:
        """The labels of gradients that are wrong in any setting, in the order of the code."""
        labels = [label for one in self.seen for label in one.got]
        bad = {label for one in self.seen for label, s in one.standings.items() if s is Standing.WRONG}
        return [label for label in dict.fromkeys(labels) if label in bad]


def judge(plan: CallPlan, watch: Callable[[str], None] = lambda stage: None) -> Judged:
    """Judge the gradients of a plan in all settings that differ for it."""
    judged = Judged(plan, [])
    settings = [replace(s, T=min(s.T, plan.longest)) for s in SETTINGS if plan.timed or s.label != "T = 40"]
    for k, setting in enumerate(settings):
        watch(f"the case {setting}")
        trial = plan.trial(setting, seed=k)
        try:
            one = _seen(trial)
        except RaisedError as error:
            if k == 0:
                raise
            judged.notes.append(
                f"not checked for {setting.label or setting}: {told(error.error, plan.target.source.path)}"
            )
            continue
        if k == 0:
            _same_again(judged, trial, one)
            if judged.undecided:
                return judged
        if not _compare(one, plan):
            judged.notes.append(f"not checked for {setting.label}: J is not finite there")
            continue
        for label in judged.twice:
            if label in one.standings:
                one.standings[label], one.reasons[label] = Standing.WRONG, "added to from call to call"
        judged.seen.append(one)
    for one in judged.seen:
        if one.setting.seeds != 1:
            _clips(one, judged)
    judged.notes += [note for one in judged.seen for note in one.notes[:1]]
    first = judged.seen[0]
    for label in first.got:
        if label not in first.of and not plan.loss and words.state_part(words.ungraded(label)):
            # The gradient of a state that the code is never given: nothing can be moved to judge it.
            judged.not_given.append(f"{label}, as the code is given no such state")
            judged.unjudged.append(label)
        elif label not in first.of:
            judged.not_understood.append(label)
    if any(one.single for one in judged.seen):
        judged.notes.append("the code computes in float32: right means right to single precision")
    if first.trial.changed:
        judged.notes.append(f"the function writes to what it is given: {', '.join(first.trial.changed)} changes")
    _missing(judged)
    return judged


def _seen(trial: CallTrial) -> Seen:
    got = trial.gradients()
    setting = trial.setting
    of = {
        label: name for label, v in got.items() if (name := trial.plan.variable_of(label, v.shape, setting)) is not None
    }
    taken: set[str] = set()
    for label in list(of):
        # Two gradients of one variable: the one by the variable's own name counts, the other is not understood.
        if of[label] in taken:
            del of[label]
        else:
            taken.add(of[label])
    return Seen(setting, trial, got, of)


def _same_again(judged: Judged, trial: CallTrial, one: Seen) -> None:
    """Whether a second and a third call give the same: else the code is random, or keeps its gradients."""
    try:
        second = {n: np.array(v) for n, v in trial.gradients().items()}
        third = trial.gradients()
        passed = trial.run(trial.values)
        a = trial.outputs(trial.values) or {"J": np.asarray(trial.objective(trial.values))}
        b = trial.outputs(trial.values) or {"J": np.asarray(trial.objective(trial.values))}
        del passed
    except RaisedError as error:
        judged.undecided = f"called a second time, it raises {told(error.error, trial.plan.target.source.path)}"
        return
    if any(not np.array_equal(a[n], b[n], equal_nan=True) for n in a):
        judged.undecided = (
            "called twice with the same arrays, forward gives different results: it is random, or keeps something from "
            "call to call, so that no comparison says anything"
        )
        return
    differing = [n for n in one.got if n not in second or not _near(one.got[n], second[n])]
    if not differing:
        _accumulates(judged, trial)
        return
    steady = all(
        n in third and third[n].shape == one.got[n].shape and _near(third[n] - second[n], second[n] - one.got[n])
        for n in differing
    )
    if not steady:
        judged.undecided = (
            "called twice with the same arrays, backward gives different results for "
            f"{', '.join(differing)}: it is random"
        )
        return
    judged.kept = True
    judged.mistakes.append(
        (
            "kept between calls",
            f"{', '.join(differing)} is added to from call to call and nothing sets it back: the second call "
            "returns the sum of both",
        )
    )
    for n in differing:
        one.standings[n] = Standing.WRONG
        one.reasons[n] = "added to from call to call"
        one.got[n] = second[n] - one.got[n]


RESETS = re.compile(r"zero|reset|clear")
"""How a method is called that sets gradients back."""


def _accumulates(judged: Judged, trial: CallTrial) -> None:
    """Whether an object adds to the gradients of the call before: right where it can be told to start anew."""
    plan = trial.plan
    if plan.make is None or plan.protocol == "torch":
        return
    try:
        passed = trial.run(trial.values)
        first = {n: np.array(v) for n, v in trial.raw(passed).items()}
        for name, slot in plan.slots.items():
            if slot.kind in ("attribute", "item"):
                put(passed.made, slot, np.array(trial.values[name]))
        function = getattr(passed.made, str(plan.forward))
        passed.returned = called(function, passed.arguments)
        again = trial.raw(passed)
    except RaisedError:  # an object need not be usable twice
        return
    parameters = {n for n, v in plan.variables.items() if v.part in ("weight", "bias")}
    doubled = [
        n
        for n, v in first.items()
        if n in again
        and v.any()
        and plan.variable_of(n, v.shape, trial.setting) in parameters
        and _near(again[n], 2 * v)
    ]
    if not doubled:
        return
    names = [n for n in dir(type(passed.made)) if RESETS.search(n.lower()) and not n.startswith("__")]
    names += [n for n, v in plan.target.space.items() if RESETS.search(n.lower()) and callable(v)]
    if names:
        judged.notes.append(
            f"each call adds its gradients to those before, until {names[0]}() is called: "
            f"{', '.join(doubled)} accumulate"
        )
        return
    judged.kept = True
    judged.mistakes.append(
        (
            "kept between calls",
            f"{', '.join(doubled)} is added to from call to call and nothing sets it back: a second forward "
            "and backward pass leaves twice the gradient",
        )
    )
    judged.twice = doubled


def _near(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(
        np.allclose(a, b, rtol=1e-6, atol=1e-9 * max(1.0, float(np.abs(a).max(initial=0.0))))
    )


def _compare(one: Seen, plan: CallPlan) -> bool:
    """Fill in the standings of a setting; False where J is not finite."""
    trial = one.trial
    J = trial.objective(trial.values)
    if not np.isfinite(J):
        return False
    one.single = _single(trial, one)
    found = one.along
    for label, name in one.of.items():
        got, value = one.got[label], trial.values[name]
        if got.shape != value.shape or got.dtype.kind not in "fiu":
            continue
        found[label] = along(trial, name, one.single)
    largest = max((float(np.abs(a.want).max(initial=0.0)) for a in found.values()), default=0.0)
    for label, name in one.of.items():
        if one.reasons.get(label):
            continue
        got, value = one.got[label], trial.values[name]
        if got.shape != value.shape:
            one.standings[label] = Standing.WRONG
            one.reasons[label] = f"shape {got.shape}, expected {value.shape}"
        elif got.dtype.kind not in "fiu":
            one.standings[label] = Standing.WRONG
            one.reasons[label] = f"dtype {got.dtype}, expected real numbers"
        elif not np.isfinite(got).all():
            one.standings[label] = Standing.WRONG
            one.reasons[label], one.errors[label] = "not finite", FAILED
        else:
            one.standings[label], one.errors[label] = _standing(found[label], got, largest, one.single)
    if plan.loss:
        _exactly(one, largest)
    return True


def _exactly(one: Seen, largest: float) -> None:
    """Compare what is not right once more, without the small numbers in the logarithms of the loss.

    Where the file shows no such number, what is off by little with large weights may be a bound written otherwise: that
    is not decided.
    """
    labels = [label for label, s in one.standings.items() if s is not Standing.RIGHT and not one.reasons.get(label)]
    if not labels:
        return
    with logarithms.exact(one.trial.plan.target.source) as numbers:
        for label in labels if numbers else ():
            seen = along(one.trial, one.of[label], one.single)
            if not (np.isfinite(seen.want).all() and np.isfinite(seen.noise).all()):
                continue
            one.along[label] = seen
            one.standings[label], one.errors[label] = _standing(seen, one.got[label], largest, one.single)
            if one.standings[label] is Standing.RIGHT:
                one.notes.append(
                    f"compared without {numbers[0]:g} in the logarithm of the loss, which shows in the gradients"
                )
    for label in labels if not numbers and one.setting.seeds != 1 else ():
        if one.standings[label] is Standing.WRONG and one.errors[label] < SATURATED:
            one.standings[label] = Standing.CANNOT_TELL
            one.reasons[label] = (
                f"off by {one.errors[label]:.0e} with large weights alone: a mistake, or a bound within the loss, "
                "such as a small number in its logarithm"
            )


def _single(trial: CallTrial, one: Seen) -> bool:
    arrays = [*one.got.values(), *trial.outputs(trial.values).values()]
    return any(np.asarray(a).dtype in (np.float32, np.float16) for a in arrays)


def _standing(seen: Along, gradient: Array, largest: float, single: bool) -> tuple[Standing, float]:
    got, want = seen.of(gradient), seen.want
    scale = max(float(np.abs(want).max()), float(np.abs(got).max()), SMALL * largest, 1e-300)
    error = float(np.abs(got - want).max() / scale)
    free = float(seen.noise.max() / scale)
    wrong, right = (SINGLE_WRONG, SINGLE_RIGHT) if single else (WRONG, RIGHT)
    if error > wrong + 10 * free:
        return Standing.WRONG, error
    if free > (wrong if not single else 0.1):
        return Standing.CANNOT_TELL, error
    if error <= right + 10 * free:
        return Standing.RIGHT, error
    return Standing.CANNOT_TELL, error


def along(trial: CallTrial, name: str, single: bool) -> Along:
    """What differences say along some directions."""
    value, rng = trial.values[name], np.random.default_rng(99)
    directions = rng.normal(size=(DIRECTIONS, *value.shape))
    directions /= np.sqrt((directions**2).sum(axis=tuple(range(1, directions.ndim)), keepdims=True)) + 1e-300
    step = _quietest(trial, name, directions[0], single)
    table = np.array([derivative(trial, name, direction, step) for direction in directions])
    return Along(directions, table[:, 0], table[:, 1], step)


def _quietest(trial: CallTrial, name: str, direction: Array, single: bool) -> float:
    if single:
        return min((2.0**-6, 2.0**-4), key=lambda step: derivative(trial, name, direction, step)[1])
    best, least = STEPS[0], np.inf
    for step in STEPS:
        want, noise = derivative(trial, name, direction, step)
        if noise < least:
            best, least = step, noise
        if noise <= 1e-8 * abs(want):
            break
    return best


def derivative(trial: CallTrial, name: str, direction: Array, step: float) -> tuple[float, float]:
    """The derivative of J along a direction, extrapolated from two steps, and how far it may be off."""
    value = trial.values[name]

    def J(h: float) -> float:
        return trial.objective({**trial.values, name: value + h * direction})

    wide = (J(step) - J(-step)) / (2 * step)
    ahead, behind = J(step / 2), J(-step / 2)
    narrow = (ahead - behind) / step
    rounding = 4 * np.finfo(float).eps * max(abs(ahead), abs(behind)) / step
    return (4 * narrow - wide) / 3, abs(narrow - wide) / 8 + rounding


def worst(one: Seen, label: str) -> tuple[tuple[int, ...], float, float] | None:
    """The entry that is most wrong among some of a gradient: its place, what was got, and what differences say."""
    name = one.of[label]
    got, along = np.asarray(one.got[label], float), one.along.get(label)
    if along is None or not got.size:
        return None
    order = np.argsort(-np.abs(got), axis=None)
    chosen = dict.fromkeys(
        [*order[: ENTRIES // 2].tolist(), *np.linspace(0, got.size - 1, ENTRIES // 2).astype(int).tolist()]
    )
    found: list[tuple[float, tuple[int, ...], float, float]] = []
    for k in chosen:
        unit = np.zeros(got.size)
        unit[k] = 1.0
        want, _ = derivative(one.trial, name, unit.reshape(got.shape), along.step)
        index = tuple(int(n) for n in np.unravel_index(k, got.shape))
        found.append((abs(want - got.flat[k]), index, float(got.flat[k]), want))
    _, index, value, want = max(found)
    return index, value, want


def rows(judged: Judged) -> tuple[Row, ...]:
    """One row for every gradient, from the setting in which it is worst."""
    made = []
    for label in dict.fromkeys(label for one in judged.seen for label in one.got):
        ones = [one for one in judged.seen if label in one.standings]
        if not ones and label in judged.unjudged:
            continue
        if not ones:
            made.append(
                Row(
                    label, Standing.CANNOT_TELL, reason="not understood: which array it is the gradient of is not known"
                )
            )
            continue
        bad = [one for one in ones if one.standings[label] is Standing.WRONG]
        doubtful = [one for one in ones if one.standings[label] is Standing.CANNOT_TELL]
        one = (bad or doubtful or sorted(ones, key=lambda o: -o.errors.get(label, 0.0)))[0]
        standing, error, reason = one.standings[label], one.errors.get(label), one.reasons.get(label, "")
        if bad and len(bad) < len(ones):
            where = ", ".join(o.setting.label or f"T = {o.setting.T}, B = {o.setting.B}" for o in bad)
            reason = "; ".join(filter(None, (reason, f"for {where}")))
        entry = worst(one, label) if standing is Standing.WRONG and not one.reasons.get(label) else None
        index, got, expected = entry or (None, None, None)
        made.append(Row(label, standing, error, index, got, expected, reason))
    return tuple(made)


# What was not returned, and what was clipped on purpose


def _missing(judged: Judged) -> None:
    """Parameters that move J and whose gradient was not returned; states and inputs are named as not returned."""
    first, plan = judged.seen[0], judged.plan
    lacking = []
    for name, variable in plan.variables.items():
        if name in first.of.values():
            continue
        rng = np.random.default_rng(5)
        direction = rng.normal(size=first.trial.values[name].shape)
        moves = derivative(first.trial, name, direction, 2.0**-10)
        if abs(moves[0]) <= 10 * moves[1]:
            continue
        if variable.part in ("weight", "bias"):
            lacking.append(name)
        else:
            judged.not_given.append(f"the gradient of {name} is not returned")
    if lacking:
        judged.undecided = f"the function returned no gradient of {', '.join(lacking)}"
    judged.not_given += plan.not_given


def _clips(one: Seen, judged: Judged) -> None:
    """Gradients that are right and then clipped to a bound, or scaled to a norm, at the very end: right, and said."""
    wrong = [label for label, s in one.standings.items() if s is Standing.WRONG and not one.reasons.get(label)]
    earlier = {
        label
        for other in judged.seen
        if other is not one
        for label, s in other.standings.items()
        if s is Standing.WRONG
    }
    labels = [label for label in wrong if label not in earlier]
    bounds = {label: bound for label in labels if (bound := _bound(one, label)) is not None}
    names = sorted({float(f"{b:.9g}") for b in bounds.values()})
    if bounds and len(names) == 1:
        for label in bounds:
            one.standings[label] = Standing.RIGHT
            one.errors[label] = 0.0
        judged.clip = bounds
        judged.notes.append(f"right, then clipped at ±{names[0]:.6g} at the very end: {', '.join(bounds)}")
        return
    factors = {label: f for label in labels if (f := _factor(one, label)) is not None}
    if factors and len(factors) == len(labels) and all(0 < f < 1 for f in factors.values()):
        norms = {label: float(np.linalg.norm(one.got[label])) for label in factors}
        together = float(np.sqrt(sum(n * n for n in norms.values())))
        own = {f"{n:.6g}" for n in norms.values()}
        shared = len({f"{f:.5g}" for f in factors.values()}) == 1
        # Scaled as a whole to a round norm, or each to the same norm of its own.
        if (
            (len(own) == 1 and len(norms) > 1)
            or (shared and _round(together))
            or (len(norms) == 1 and _round(together))
        ):
            for label in factors:
                one.standings[label], one.errors[label] = Standing.RIGHT, 0.0
            norm = next(iter(own)) if len(own) == 1 else f"{together:.6g}"
            judged.notes.append(f"right, then clipped to the norm {norm} at the very end: {', '.join(factors)}")


def _round(number: float) -> bool:
    return number > 0 and abs(number - float(f"{number:.2g}")) < 1e-5 * number


def _bound(one: Seen, label: str) -> float | None:
    got = np.asarray(one.got[label], float).ravel()
    bound = float(np.abs(got).max(initial=0.0))
    at = np.flatnonzero(np.abs(np.abs(got) - bound) <= 1e-9 * bound)
    inside = np.setdiff1d(np.arange(got.size), at)
    if bound == 0 or not at.size or not _round(bound):
        return None
    rng = np.random.default_rng(3)
    entries = [*rng.permutation(at)[:8], *rng.permutation(inside)[:8]]
    value = one.trial.values[one.of[label]]
    step = None
    for k in entries:
        unit = np.zeros(value.size)
        unit[k] = 1.0
        direction = unit.reshape(value.shape)
        step = step or _quietest(one.trial, one.of[label], direction, one.single)
        want, noise = derivative(one.trial, one.of[label], direction, step)
        clipped = min(max(want, -bound), bound)
        if abs(clipped - got[k]) > 1e-5 * bound + 10 * noise:
            return None
    return bound


def _factor(one: Seen, label: str) -> float | None:
    along = one.along[label]
    return factor_of(along.of(one.got[label]), along)


def factor_of(theirs: Array, along: Along) -> float | None:
    """The factor by which what they have is the derivative, the same along every direction; None if it is not."""
    size = float((along.want * along.want).sum())
    if size == 0:
        return None
    factor = float((theirs * along.want).sum()) / size
    if np.abs(theirs - factor * along.want).max() > 1e-5 * np.abs(theirs).max() + 10 * abs(factor) * along.noise.max():
        return None
    return factor
