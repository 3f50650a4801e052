"""A class with a method that gives the loss and the gradients: forward_backward(x, y, h_prev) -> loss, ...; or with two
methods that take the same: loss(x, y), bptt(x, y).

The gradients are returned, left in attributes, lists and dicts, or taken off the parameters at once.
"""

from __future__ import annotations

import inspect
from typing import Any

from verify.code.calling import constructing, rightness, words
from verify.code.calling.base import MisfitError, MissingError, Target, Variable, calls, required, returned_names
from verify.code.calling.engine import CallPlan, Fixed
from verify.code.calling.implied import LOSS
from verify.code.calling.search import Wanted, found
from verify.code.calling.updating import check_updates
from verify.code.protocols import functions, losses, objects


def recognises(target: Target) -> bool:
    """Whether a method takes a target and returns a loss, or one such gives the loss and another the gradients."""
    return inspect.isclass(target.value) and (_method(target) is not None or _two(target) is not None)


def _method(target: Target) -> str | None:
    """The method: the one that was named, else one that speaks of gradients before others."""
    hint = target.hints[-1] if target.hints else ""
    names = [hint] if hint in vars(target.value) else list(vars(target.value))
    fits = [n for n in names if not n.startswith("__") and _fits(target, n)]
    return max(fits, key=lambda n: (functions.is_backward(n), "loss" in n.lower()), default=None)


def _two(target: Target) -> tuple[str, str] | None:
    """A method that gives a loss, and one that takes the same and gives its gradients."""
    own = {n: [p.name for p in required(calls(m)[1:])] for n, m in vars(target.value).items() if inspect.isfunction(m)}
    backs = [n for n in own if functions.is_backward(n) and any(words.part(a) == "target" for a in own[n])]
    if target.hints and target.hints[-1] in own:
        backs = [n for n in backs if n == target.hints[-1]]
    for back in backs:
        for name, taken in own.items():
            if name != back and LOSS.search(name) and taken == own[back] and len(taken) >= 2:
                return name, back
    return None


def _fits(target: Target, name: str) -> bool:
    method = inspect.getattr_static(target.value, name)
    if not inspect.isfunction(method):
        return False
    groups = returned_names(method, target.source.tree)
    gives = any(words.plain(n) in losses.LOSSES for group in groups for n in group)
    taken = calls(method)[1:]
    return gives and any(words.part(p.name) == "target" for p in taken) and len(taken) >= 2


def bound(target: Target) -> CallPlan:
    """A plan for the method; raises MisfitError."""
    two = _two(target) if _method(target) is None else None
    name = two[0] if two else _method(target)
    if name is None:
        raise MisfitError(f"{target.name} has no method that takes targets and returns a loss")
    failures: list[str] = []
    for maker in constructing.makers(target):
        try:
            kept, order = objects.kept(target, maker)
            return _best(target, name, two[1] if two else None, kept, order, maker.fixed)
        except MissingError:
            raise
        except MisfitError as error:
            failures.append(str(error))
    raise MisfitError(failures[0] if failures else f"{target.name} could not be constructed")


def _best(
    target: Target, name: str, back: str | None, kept: list[Wanted], order: list[str], make: dict[str, Fixed]
) -> CallPlan:
    method = getattr(target.value, name)
    groups = returned_names(method, target.source.tree)
    taken = calls(method)[1:]
    rates = [p.name for p in taken if words.plain(p.name) in words.RATES]
    returns = returned_names(getattr(target.value, back), target.source.tree) if back else []
    failures: list[str] = []
    for arguments, fixed, tied in losses.arguments(target, method, [p for p in taken if p.name not in rates]):
        wanted = [*kept, *(w for w in arguments if w.name not in {k.name for k in kept})]
        given = {**fixed, **{rate: lambda setting, rng: 1.0 for rate in rates}}

        def collect(returned: Any, made: Any) -> dict[str, Any]:
            found = functions.gradients(returned, returns, order) if back else losses.collected(returned, groups, order)
            return {**objects.left(made, order), **found}

        def build(
            variables: dict[str, Variable], wanted: list[Wanted] = wanted, given: dict[str, Fixed] = given,
            tied: bool = tied,
        ) -> CallPlan:  # fmt: skip
            return CallPlan(
                protocol="loss",
                target=target,
                variables=variables,
                slots={w.name: w.slot for w in wanted},
                forward=name,
                backward=back,
                weighs=lambda returned, made: {"loss": losses.loss_of(returned, groups)},
                sources={p.name: f"argument {p.name}" for p in taken} if back else {},
                collect=collect,
                fixed=given,
                make=target.value,
                make_fixed=make,
                loss=True,
                order=order,
                tied=tied or not constructing.reads_out(make),
                large_weights=8.0,
                updates=bool(rates),
            )

        try:
            plan = found(wanted, target, build, f"{target.name}.{name}")
            if plan.updates:
                check_updates(plan)
            targets = [n for n in fixed if words.part(n) == "target"]
            return rightness.moving(losses.settled(plan, targets))
        except MissingError:
            raise
        except MisfitError as error:
            failures.append(str(error))
    raise MisfitError(failures[0] if failures else f"{target.name}.{name}: its arguments are not understood")
