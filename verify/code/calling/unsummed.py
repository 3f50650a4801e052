"""Gradients that keep an axis of examples or steps: the sum is missing, unless the code is for one example at a time.

Such code runs with several examples, and with one example all its shapes are right: which is meant, its words must say.
"""

from __future__ import annotations

import ast
import re

from derive.patterns import regex
from verify.code.calling.axes import FIRST, Axes, Setting
from verify.code.calling.base import Target
from verify.code.calling.engine import CallPlan

SEVERAL = regex(r"N|B|m|bs|n_?(samples|examples)|(num_)?(samples|examples)")
"""What the number of examples is called where it is read off a shape."""

BATCH = regex(r"(n_?|num_?|mini)?batch(_?size|es)?")
"""What it is called anywhere."""

SAID = regex(r"\((N|B|m|batch\w*),")
"""A shape in a comment or a docstring whose first axis is that of the examples."""


def kept(shape: tuple[int, ...], wanted: Axes, setting: Setting) -> bool:
    """Whether an array has the axes of a variable and one of examples or steps more, or in the place of a 1."""
    own = setting.shape(wanted)
    if own == shape:
        return False
    several = (setting.B, setting.T)
    more = len(shape) == len(own) + 1 and any(
        n in several and (*shape[:k], *shape[k + 1 :]) == own for k, n in enumerate(shape)
    )
    instead = len(shape) == len(own) and all(
        n == o or (o == 1 and n in several) for n, o in zip(shape, own, strict=True)
    )
    return more or instead


def for_several(target: Target) -> bool:
    """Whether the file speaks of several examples: a length by that name, or a shape in words."""
    tree = target.source.tree
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} | {
        a.arg for a in ast.walk(tree) if isinstance(a, ast.arg)
    }
    lengths = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and re.search(r"\.shape|\blen\(", ast.unparse(node.value))
        for name in ast.walk(node.targets[0])
        if isinstance(name, ast.Name)
    }
    if any(BATCH.fullmatch(name) for name in names) or any(SEVERAL.fullmatch(name) for name in lengths):
        return True
    try:
        return bool(SAID.search(target.source.path.read_text(encoding="utf-8")))
    except OSError:
        return False


def doubt(ragged: CallPlan, plan: CallPlan, unsummed: dict[str, tuple[int, ...]]) -> str:
    """Why neither is judged: with several examples the sum is missing, with one all is as it should be."""
    given = "; ".join(
        f"{label} is {shape} for {name} {plan.fitted(FIRST).shape(ragged.variables[name].axes)}"
        for label, shape in unsummed.items()
        if (name := ragged.variable_of(label, shape, ragged.fitted(FIRST))) is not None
    )
    one = next(v for v in ragged.variables.values() if v.part == "input")
    return (
        f"with several examples {given}: the sum over the examples is missing, unless the code is for one example at a "
        f"time; say which by SHAPES in the file: the axes of {one.name} are {' '.join(one.axes)}, or with 1 for B"
    )
