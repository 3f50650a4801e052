"""The true gradients of a case: the complex step of the cell's equations, all entries of one array at once.

It shares nothing with the derivation: every entry is moved in a copy of its own of the batch, and J read off
forwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from derive.cell import Cell
from verify.code.programs.run import Forward
from verify.numbers.case import Array, Case
from verify.numbers.numeric import COMPLEX_STEP


@dataclass(frozen=True)
class Equations:
    """A cell in the place of a derivation: a forward pass needs no more."""

    program: Cell


def outputs(case: Case) -> tuple[Array, dict[str, Array]]:
    """The outputs over time and the final states, by the cell's equations."""
    forward = Forward(Equations(case.cell), case)
    return _read(case, forward)


def gradients(case: Case) -> dict[str, Array]:
    """The gradient of J with respect to every parameter, input and initial state."""
    parameters = {q.name for q in case.cell.parameters}
    timed = {q.name for q in case.cell.inputs if q.time is not None}
    found = {}
    for name in case.differentiable:
        value = np.asarray(case.given[name])
        if name in parameters:
            found[name] = _of_parameter(case, name, value)
        else:
            found[name] = _of_data(case, name, value, name in timed)
    return found


def _of_parameter(case: Case, name: str, value: Array) -> Array:
    n = value.size
    if not n:
        return np.zeros(value.shape)
    moved = value[None] + 1j * COMPLEX_STEP * np.eye(n).reshape((n, *value.shape))
    J = _each(case, n, {}, {name: np.repeat(moved, case.B, axis=0)})
    return np.asarray(J.sum(axis=1).reshape(value.shape))


def _of_data(case: Case, name: str, value: Array, timed: bool) -> Array:
    """All examples are moved at once, as each moves its own J only."""
    entries = value[:, 0].size if timed else value[0].size
    if not entries or not case.B:
        return np.zeros(value.shape)
    per_example = (value.shape[0], *value.shape[2:]) if timed else value.shape[1:]
    step = 1j * COMPLEX_STEP * np.eye(entries).reshape((entries, *per_example))
    if timed:
        moved = value[:, None] + np.moveaxis(step, 1, 0)[:, :, None]
        moved = moved.reshape((value.shape[0], entries * case.B, *value.shape[2:]))
    else:
        moved = (value[None] + step[:, None]).reshape((entries * case.B, *value.shape[1:]))
    J = _each(case, entries, {name: moved}, {}).reshape((*per_example, case.B))
    return np.moveaxis(J, -1, 1 if timed else 0)


def _each(case: Case, copies: int, data: Mapping[str, Array], constants: Mapping[str, Array]) -> Array:
    """The derivative of J of every copy and example."""
    cell = case.cell
    given = dict(case.given)
    for q in (*cell.inputs, *cell.states):
        axis = 0 if q in cell.states or q.time is None else 1
        tiled = np.concatenate([np.asarray(given[q.name])] * copies, axis=axis)
        given[q.name] = data.get(q.name, tiled)
    d_output = np.concatenate([case.d_output] * copies, axis=1)
    d_final = {n: np.concatenate([v] * copies) for n, v in case.d_final.items()}
    many = replace(case, B=case.B * copies, given=given, d_output=d_output, d_final=d_final)
    forward = Forward(Equations(cell), many, constants)
    ys, final = _read(many, forward)
    axes = (0, *range(2, ys.ndim))
    J = (many.d_output * ys).sum(axis=axes) if ys.size else np.zeros(many.B, complex)
    for n, v in d_final.items():
        J = J + (v * final[n]).reshape(many.B, -1).sum(axis=1)
    return np.asarray(np.imag(J) / COMPLEX_STEP).reshape(copies, case.B)


def _read(case: Case, forward: Forward) -> tuple[Array, dict[str, Array]]:
    cell = case.cell
    ys = np.stack([step[cell.output] for step in forward.steps]).reshape(case.d_output.shape)
    last = forward.steps[-1]
    return ys, {s.name: np.asarray(last[s]).reshape(case.d_final[s.name].shape) for s in cell.states}
