"""torch: a Module or an autograd.Function with a backward pass written by hand, run in float64.

Importing this module imports torch: it is used only for a file that has imported torch itself.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from verify.code.calling import constructing, words
from verify.code.calling.axes import FIRST
from verify.code.calling.base import MisfitError, MissingError, Target, Variable, calls, definition
from verify.code.calling.engine import CallPlan, Slot
from verify.code.calling.search import Wanted, found
from verify.code.protocols import functions
from verify.code.running.loading import told
from verify.numbers.case import Array

NUMBER = 0.5
"""What is given for a number of unknown meaning."""


def recognises(target: Target) -> bool:
    """Whether the target is a class of torch."""
    torch = sys.modules.get("torch")
    return torch is not None and inspect.isclass(target.value) and issubclass(
        target.value, torch.nn.Module | torch.autograd.Function
    )  # fmt: skip


def bound(target: Target) -> CallPlan:
    """A plan for the class; raises MisfitError."""
    import torch

    if issubclass(target.value, torch.autograd.Function):
        return _function(target)
    failures = []
    for maker in constructing.makers(target):
        try:
            return _module(target, maker)
        except MissingError:
            raise
        except MisfitError as error:
            failures.append(str(error))
    raise MisfitError(failures[0] if failures else f"{target.name} could not be constructed")


def tensor(value: Array) -> Any:
    """A leaf in float64 that asks for its gradient."""
    import torch

    return torch.tensor(np.asarray(value, np.float64), dtype=torch.float64, requires_grad=True)


def arrays(returned: Any) -> dict[str, Any]:
    """The float outputs among what was returned, by their places."""
    elements: list[Any] = []

    def visit(value: Any) -> None:
        if isinstance(value, tuple | list):
            for part in value:
                visit(part)
        elif hasattr(value, "detach") and value.is_floating_point():
            elements.append(value)

    visit(returned)
    return {f"output {k}": value for k, value in enumerate(elements)}


class Run:
    """A forward pass with the leaves it started from."""

    def __init__(self, returned: Any, leaves: Mapping[str, Any]) -> None:
        self.outputs, self.leaves = arrays(returned), dict(leaves)


def weighs(run: Run, made: Any) -> dict[str, Array]:
    """The outputs as arrays."""
    return {n: v.detach().numpy() for n, v in run.outputs.items()}


def backward(run: Run, seeds: Mapping[str, Array]) -> dict[str, Array]:
    """The gradients of the leaves, by their names."""
    import torch

    J = sum((torch.tensor(seeds[n]) * v).sum() for n, v in run.outputs.items() if n in seeds)
    for leaf in run.leaves.values():
        leaf.grad = None
    J.backward()
    return {n: leaf.grad.numpy().copy() for n, leaf in run.leaves.items() if leaf.grad is not None}


def _function(target: Target) -> CallPlan:
    forward = target.value.forward
    taken = calls(forward)
    with_context = [p.name for p in taken[:1]] and taken[0].name in ("ctx", "context", "self", "c")
    taken = taken[1:] if with_context else taken
    numbers = _without_gradient(target, [p.name for p in taken])
    wanted, order = functions.variables_of(target, forward, [p for p in taken if p.name not in numbers])

    def run(**given: Any) -> Run:
        leaves = {n: tensor(v) for n, v in given.items()}
        places = [p.name for p in taken if p.name in leaves or p.name in numbers]
        return Run(target.value.apply(*(leaves.get(name, NUMBER) for name in places)), leaves)

    plan = _found(target, wanted, run, order)
    plan.not_given += [f"{name}, for which backward returns None: a number" for name in numbers]
    return plan


def _without_gradient(target: Target, names: list[str]) -> list[str]:
    """The arguments of unknown part for which backward returns None: numbers such as a rate."""
    node = definition(target.value.backward, target.source.tree)
    returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)] if node is not None else []
    rows = [r.elts for r in returned if isinstance(r, ast.Tuple)]
    if not rows or any(len(row) != len(names) for row in rows):
        return []
    nothing = [all(ast.unparse(row[k]) == "None" for row in rows) for k in range(len(names))]
    return [name for name, none in zip(names, nothing, strict=True) if none and not words.part(name)]


def _module(target: Target, maker: Any) -> CallPlan:
    import torch

    def make(**fixed: Any) -> Any:
        torch.manual_seed(0)
        module = target.value(**fixed)
        return module.double() if hasattr(module, "double") else module

    rng = np.random.default_rng(0)
    try:
        example = make(**{n: give(FIRST, rng) for n, give in maker.fixed.items()})
    except (Exception, SystemExit) as error:  # whatever a person's constructor may raise
        raise MisfitError(f"{target.name} could not be constructed: {told(error, target.source.path)}") from None
    wanted = []
    for name, parameter in example.named_parameters():
        found_axes = FIRST.axes(tuple(parameter.shape))
        part = "bias" if "bias" in name or len(found_axes) == 1 else "weight"
        wanted.append(Wanted(name, part, Slot("attribute", name), found_axes))
    parameters = [w.name for w in wanted]
    taken = calls(target.value.forward)[1:]
    arguments, _ = functions.variables_of(target, target.value.forward, taken)
    wanted += arguments

    def run(made: Any, **given: Any) -> Run:
        leaves = {n: tensor(v) for n, v in given.items()}
        returned = made(**leaves)
        return Run(returned, {**leaves, **{n: p for n, p in made.named_parameters() if n in parameters}})

    try:
        return _found(target, wanted, run, [w.name for w in wanted], make=make, make_fixed=maker.fixed)
    except MisfitError:
        plain = [w for w in wanted if w.slot.kind != "argument" or w.part == "input"]
        if len(plain) == len(wanted):
            raise
        return _found(target, plain, run, [w.name for w in plain], make=make, make_fixed=maker.fixed)


def _found(target: Target, wanted: list[Wanted], run: Any, order: list[str], **more: Any) -> CallPlan:
    def build(variables: dict[str, Variable]) -> CallPlan:
        return CallPlan(
            protocol="torch",
            target=target,
            variables=variables,
            slots={w.name: w.slot for w in wanted},
            forward=run,
            backward=backward,
            weighs=weighs,
            sources={"run": "whole", "seeds": "seeds"},
            collect=lambda returned, made: returned,
            order=order,
            hands_object="make" in more,
            **more,
        )

    return found(wanted, target, build, f"{target.name}.forward")
