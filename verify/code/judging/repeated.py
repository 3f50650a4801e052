"""Whether calling again gives the same: code that is random, or keeps something from call to call."""

from __future__ import annotations

import ast

import numpy as np

from derive.patterns import regex
from verify.code.calling.base import RaisedError
from verify.code.calling.engine import CallTrial
from verify.code.judging.judged import Judged, Seen
from verify.code.report import Standing
from verify.code.running.loading import told
from verify.numbers.case import Array


def same_again(judged: Judged, trial: CallTrial, one: Seen) -> None:
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
        _never_written(judged, trial, one)
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


def _never_written(judged: Judged, trial: CallTrial, one: Seen) -> None:
    """Gradients that hold what stood in an array of `np.empty` before: where it is another number, they are others."""
    unwritten = trial.plan.unwritten
    if not unwritten.used:
        return
    with unwritten.as_if(1.0):
        try:
            other = trial.gradients()
        except RaisedError:  # with zeros it ran: what stands there is read
            other = {}
    judged.unwritten = [n for n in one.got if n not in other or not _near(one.got[n], other[n])]
    if judged.unwritten:
        detail = (
            f"{', '.join(judged.unwritten)} has entries that are never written: what np.empty leaves there is other "
            "from call to call; judged as if zeros stood there"
        )
        judged.mistakes.append(("never written", detail))


RESETS = regex(r"zero|reset|clear|flush")
"""How a method is called that sets gradients back."""


def _accumulates(judged: Judged, trial: CallTrial) -> None:
    """Whether an object adds to the gradients of the call before: right where it can be told to start anew."""
    plan = trial.plan
    if plan.make is None or plan.protocol == "torch":
        return
    try:
        passed = trial.run(trial.values)
        first = {n: np.array(v) for n, v in trial.raw(passed).items()}
        trial.again(passed)
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
    names += _setting(plan.target.source.tree, {n.split(".")[-1] for n in doubled}, str(plan.backward))
    if not names and not plan.timed:
        judged.notes.append(
            f"each step adds its gradients to those of the steps before: {', '.join(doubled)} accumulate"
        )
        return
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


def _setting(tree: ast.AST, names: set[str], backward: str) -> list[str]:
    """The functions of a file, the constructor and the backward pass excepted, that give such an attribute a value."""
    return [
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name not in ("__init__", backward)
        for part in ast.walk(function)
        if isinstance(part, ast.Assign)
        for target in part.targets
        for one in ast.walk(target)
        if isinstance(one, ast.Attribute) and one.attr in names
    ]


def _near(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(
        np.allclose(a, b, rtol=1e-6, atol=1e-9 * max(1.0, float(np.abs(a).max(initial=0.0))))
    )
