"""A forward pass that predicts, and a backward pass that takes targets: forward(x) -> y_hat, backward(y), bptt(x, y).

It returns no loss. J is a loss function of the same file, or else one of the usual losses, under which most of its
gradients are right; with none of them nothing can be said.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from verify.code.calling import constructing, implied, rightness, words
from verify.code.calling.axes import FIRST, Axes
from verify.code.calling.base import MisfitError, MissingError, RaisedError, Target, Variable, calls, required
from verify.code.calling.base import returned_names as names_of
from verify.code.calling.engine import CallPlan, Fixed
from verify.code.calling.search import Wanted, found
from verify.code.protocols import functions, losses, objects
from verify.numbers.case import Array


def recognises(target: Target) -> bool:
    """Whether backward takes a target that forward does not take."""
    pair = _pair(target)
    return pair is not None and bool(pair.targets)


@dataclass
class _Pair:
    """Both passes, as functions of their own arguments; with `owner` they are methods."""

    forward: Any
    backward: Any
    owner: Any = None
    ahead: list[inspect.Parameter] = field(default_factory=list)
    back: list[inspect.Parameter] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        taken = {p.name for p in self.ahead}
        return [p.name for p in required(self.back) if words.part(p.name) == "target" and p.name not in taken]


def _pair(target: Target) -> _Pair | None:
    skip = 0
    if inspect.isclass(target.value):
        names = objects.methods(target.value)
        if names is None:
            return None
        if target.hints and target.hints[-1] in vars(target.value):
            names = (names[0], target.hints[-1])
        forward, backward = (getattr(target.value, name) for name in names)
        owner, skip = target.value, 1
    elif inspect.isroutine(target.value) and functions.is_backward(target.name):
        partner = functions.partner(target.name, target.space)
        if partner is None:
            return None
        forward, backward, owner = target.space[partner], target.value, None
    else:
        return None
    return _Pair(forward, backward, owner, calls(forward)[skip:], calls(backward)[skip:])


class _Run:
    """One forward pass with what it was given, and J of it."""

    def __init__(self, made: Any, given: dict[str, Any], returned: Any) -> None:
        self.made, self.given, self.returned = made, given, returned
        self.loss: Any = 0.0

    def wanting(self, targets: list[str], target: Any) -> dict[str, Any]:
        """What was given, the targets with it."""
        return {**self.given, **dict.fromkeys(targets, target)}


def bound(target: Target) -> CallPlan:
    """A plan for both passes and the loss whose gradients they are; raises MisfitError."""
    pair = _pair(target)
    assert pair is not None
    if pair.owner is None:
        return _of_functions(target, pair)
    failures: list[str] = []
    for maker in constructing.makers(target):
        try:
            kept, order = objects.kept(target, maker)
            return _best(target, pair, kept, order, maker.fixed)
        except MissingError:
            raise
        except MisfitError as error:
            failures.append(str(error))
    raise MisfitError(failures[0] if failures else f"{target.name} could not be constructed")


def _of_functions(target: Target, pair: _Pair) -> CallPlan:
    """A plan for two functions: their parameters are arguments, or globals that backward moves."""
    arrays = losses.global_arrays(target, names_of(pair.backward, target.source.tree))
    ways = [losses.Sizes([], {}, {})]
    with contextlib.suppress(MisfitError):
        ways = [*losses.size_ways(target, arrays)]
    failures: list[str] = []
    for sizes in ways:
        try:
            return _best(target, pair, sizes.wanted, [], {}, sizes)
        except MissingError:
            raise
        except MisfitError as error:
            failures.append(str(error))
    raise MisfitError(failures[0])


def _best(
    target: Target, pair: _Pair, kept: list[Wanted], order: list[str], make: dict[str, Fixed],
    sizes: losses.Sizes | None = None,
) -> CallPlan:  # fmt: skip
    failures: list[str] = []
    for arguments, fixed, tied in losses.arguments(target, pair.forward, pair.ahead):
        wanted = [*kept, *(w for w in arguments if w.name not in {k.name for k in kept})]
        try:
            return _with_loss(*_found(target, pair, wanted, fixed, order, make, tied, sizes), target, pair)
        except MissingError:
            raise
        except MisfitError as error:
            failures.append(str(error))
    unknown = [f for f in failures if "whose gradients" in f]
    raise MisfitError((unknown or failures or [f"{target.name}: its arguments are not understood"])[0])


def _found(
    target: Target, pair: _Pair, wanted: list[Wanted], fixed: dict[str, Fixed], order: list[str],
    make: dict[str, Fixed], tied: bool, sizes: losses.Sizes | None = None,
) -> tuple[CallPlan, implied.Kind, implied.Frame]:  # fmt: skip
    tree = target.source.tree
    groups, names = names_of(pair.forward, tree), names_of(pair.backward, tree)
    ahead = [p.name for p in pair.ahead]
    skip = len(calls(pair.backward)) - len(pair.back)
    sources, _ = functions.backward_sources(pair.backward, ahead, groups, skip=skip)
    outputs = {name for group in groups for name in group}
    predicted = [n for n in sources if words.plain(n) in implied.PREDICTIONS and n not in {*outputs, *ahead}]
    sources |= {n: f"seed {n}" for n in predicted if n not in pair.targets}
    order = order or [w.name for w in wanted if w.part in ("weight", "bias")]
    given = [name for name in ahead if name in {w.slot.name for w in wanted} | {*fixed}]

    def run(*made: Any, **arguments: Any) -> _Run:
        return _Run(made[0] if made else None, arguments, pair.forward(*made, **{n: arguments[n] for n in given}))

    def back_with(kind: implied.Kind, frame: implied.Frame) -> Callable[[_Run], Any]:
        def back(run: _Run) -> Any:
            wanted = kind.drawn(implied.prediction(run.returned, groups), frame)
            sent = {n: wanted if n in pair.targets else _sent(n, source, run, groups) for n, source in sources.items()}
            return pair.backward(*([run.made] if pair.owner else []), **sent)

        return back

    def first_kind(run: _Run) -> Any:
        """Targets of every kind, until one is understood; then the plan keeps to it."""
        frame = implied.Frame.of(implied.prediction(run.returned, groups), FIRST)
        for kind in implied.KINDS:
            with contextlib.suppress(Exception, SystemExit):  # whatever a person's code may raise
                found = back_with(kind, frame)(run)
                kinds.append((kind, frame))
                return found
        return back_with(implied.KINDS[0], frame)(run)

    def collect(returned: Any, made: Any) -> dict[str, Any]:
        found = functions.gradients(returned, names, order) if returned is not None else {}
        return {**(objects.left(made, order) if made is not None else {}), **found}

    rates = _rates(target, pair) if sizes and sizes.wanted else {}

    def build(variables: dict[str, Variable]) -> CallPlan:
        return CallPlan(
            protocol="predictions",
            target=target,
            variables=variables,
            slots={w.name: w.slot for w in wanted},
            forward=run,
            backward=first_kind,
            weighs=lambda run, made: {"loss": run.loss},
            sources={"run": "whole"},
            collect=collect,
            fixed=fixed,
            make=pair.owner,
            make_fixed=make,
            hands_object=pair.owner is not None,
            loss=True,
            order=order,
            tied=tied or (bool(make) and not constructing.reads_out(make)),
            large_weights=8.0,
            updates=bool(rates) or any(source == "rate" for source in sources.values()),
            global_fixed={**(sizes.numbers if sizes else {}), **rates},
            sizes_fixed=sizes.known if sizes else {},
        )

    kinds: list[tuple[implied.Kind, implied.Frame]] = []
    plan = found(wanted, target, build, target.name)
    kind, frame = kinds[-1]
    plan.backward = back_with(kind, frame)

    def target_of(run: _Run) -> tuple[Array, Axes]:
        predicted = implied.prediction(run.returned, groups)
        return implied.aligned(predicted, kind.drawn(predicted, frame), frame)[1], (*frame.letters, "K")

    plan.target_of = target_of
    return plan, kind, frame


def _rates(target: Target, pair: _Pair) -> dict[str, Fixed]:
    """The learning rates that stand in globals: each is 1, so that backward takes off the gradient."""
    read = getattr(pair.backward, "__code__", None)
    names = [n for n in (read.co_names if read else ()) if words.plain(n) in words.RATES]
    return {n: lambda setting, rng: 1.0 for n in names if isinstance(target.space.get(n), float)}


def _sent(name: str, source: str, run: _Run, groups: list[list[str]]) -> Any:
    """What an argument of backward is given."""
    if name in run.given:
        return run.given[name]
    if words.plain(name) in words.RATES:
        return 1.0
    kind, _, place = source.partition(" ")
    if kind == "returned":
        return run.returned[int(place)]
    if kind == "seed":
        return implied.prediction(run.returned, groups)
    return run.returned


# The loss


def _with_loss(plan: CallPlan, kind: implied.Kind, frame: implied.Frame, target: Target, pair: _Pair) -> CallPlan:
    """The plan with the loss under which most of its gradients are right; raises MisfitError where there is none."""
    groups = names_of(pair.forward, target.source.tree)
    best: tuple[int, implied.Loss, str] | None = None
    inner = plan.forward
    assert callable(inner)
    for loss in implied.losses(target, pair.owner, frame):
        plan.forward = _weighing(inner, loss, kind, frame, pair.targets, groups)
        for scale, count in rightness.right(plan, scales=not loss.theirs).items():
            if best is None or count > best[0]:
                best = count, loss, scale
    if best is None:
        plan.unproved = (
            f"{target.name} takes {pair.targets[0]} and no loss is returned: no loss was found whose gradients these "
            "are; give a function that returns (loss, gradients), or one that takes the gradient of the outputs"
        )
        best = 0, _of_the_file(plan, inner, kind, frame, target, pair, groups), ""
    _, loss, plan.scale = best
    plan.forward = _weighing(inner, loss, kind, frame, pair.targets, groups)
    plan.assumed.append(f"J is {loss.words}" + (f", times {plan.scale}" if plan.scale else ""))
    return rightness.moving(plan)


def _of_the_file(
    plan: CallPlan, inner: Any, kind: implied.Kind, frame: implied.Frame, target: Target, pair: _Pair,
    groups: list[list[str]],
) -> implied.Loss:  # fmt: skip
    """The loss of the file itself, although no gradient is right for it; raises MisfitError where there is none."""
    for loss in implied.losses(target, pair.owner, frame):
        if not loss.theirs:
            break
        plan.forward = _weighing(inner, loss, kind, frame, pair.targets, groups)
        trial = plan.trial(FIRST)
        with contextlib.suppress(RaisedError, MisfitError):
            if np.isfinite(trial.objective(trial.values)):
                return loss
    raise MisfitError(plan.unproved)


def _weighing(
    inner: Any,
    loss: implied.Loss,
    kind: implied.Kind,
    frame: implied.Frame,
    targets: list[str],
    groups: list[list[str]],
) -> Any:
    def run(*made: Any, **arguments: Any) -> _Run:
        passed: _Run = inner(*made, **arguments)
        predicted = implied.prediction(passed.returned, groups)
        wanted = kind.drawn(predicted, frame)
        passed.loss = loss.value(predicted, wanted, passed.wanting(targets, wanted), passed.made)
        return passed

    return run
