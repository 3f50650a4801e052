"""An adapter to fill in, for code that could not be called: two functions in a form that is always understood."""

from __future__ import annotations

import inspect

from derive.cell import Cell
from verify.code.calling.base import Target


def skeleton(target: Target, cell: Cell) -> str:
    """Python text with the names and shapes of the cell, and the signature of the target as a comment."""
    stem = target.source.path.stem
    parameters = [p.name for p in cell.parameters]
    states = [f"{s.name}0" for s in cell.states]
    shapes = "\n".join(
        [f"#   {p.name:8} ({', '.join(str(n) for n in p.shape if str(n) != '1')},)" for p in cell.parameters]
        + ["#   x        (B, T, D)", *(f"#   {s:8} (B, H)" for s in states)]
    )
    arguments = ", ".join(["x", *states, *parameters])
    results = ", ".join(f'"d{name}": ...' for name in ["x", *states, *parameters])
    name = target.name.split(".")[0]
    return f'''"""Calls {name} of {stem}.py; fill in the three dots.

Then: backproof check-code THIS_FILE:backward --cell {cell.name}
"""

import numpy as np
from {stem} import {name}

# {name}{_signature(target.value)}
# Shapes of what is given here; a gradient has the shape of its array:
{shapes}


def forward({arguments}):
    """Returns the outputs (B, T, H) and whatever backward needs."""
    h, kept = ...  # call yours: rearrange the arrays, stack the gates as it wants them
    return h, kept


def backward(dh, cache):
    """dh: (B, T, H). Returns the gradients by name; leave out what yours does not give."""
    ...  # call yours with dh and what forward kept
    return {{{results}}}
'''


def _signature(value: object) -> str:
    try:
        return str(inspect.signature(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "(...)"
