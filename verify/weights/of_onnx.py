"""ONNX: the tensors W, R, B and P of a recurrent operator, and its inputs and outputs in either layout.

The operators' text: https://onnx.ai/onnx/operators/ . All directions of one node stand in one tensor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from derive.errors import InputError
from verify.numbers.case import Array
from verify.weights.blocks import Rows, array_of, contents, part, read, suffixed, table, write

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
"""Whether each copy of the cell runs from the last step on back."""


def onnx_cell(operator: str, attributes: Mapping[str, Any] | None = None, *, peepholes: bool = False) -> str:
    """The catalogue's cell that computes what a node does, by the node's operator and attributes.

    `peepholes`: whether the node has the input P. Raises InputError where the catalogue has no such cell.
    """
    given = {key: plain(value) for key, value in (attributes or {}).items()}
    known = contents("onnx")
    settings = {key: given.pop(key, default) for key, default in known["settings"].items()}
    directions = len(DIRECTIONS[direction_of(given.pop("direction", "forward"))])
    activations = given.pop("activations", None)
    for ignored in known["ignored"]:
        given.pop(ignored, None)
    if given:
        raise InputError(f"{operator} with {', '.join(given)} is not supported", hint="`onnx_note` writes it as a note")
    for name, row in known["cells"].items():
        if row["operator"] != operator or row.get("peepholes", False) != peepholes:
            continue
        if any(row.get(key, known["settings"][key]) != value for key, value in settings.items()):
            continue
        if activations is None and row.get("default", True):
            return str(name)
        if activations is not None and [a.lower() for a in activations] == row["activations"] * directions:
            return str(name)
    asked = {**settings, "activations": activations, "peepholes": peepholes}
    raise InputError(f"no cell of the catalogue is {operator} with {asked}", hint="`onnx_note` writes it as a note")


def from_onnx(
    tensors: Mapping[str, Any], cell: str | Mapping[str, Rows], *, direction: str = "forward", layer: int = 0
) -> dict[str, Array]:
    """The parameters of one node: W_i_l0, W_i_l0_reverse, ...

    `tensors`: W (directions, nH, D), R (directions, nH, H) and, if the node has them, B (directions, 2nH) and
    P (directions, 3H). Raises InputError for tensors that do not fit.
    """
    chosen = table("onnx", cell)
    given = {name: array_of(value) for name, value in tensors.items() if value is not None}
    directions = DIRECTIONS[direction_of(direction)]
    for name, array in given.items():
        if array.ndim == 0 or len(array) != len(directions):
            raise InputError(f"{name} has shape {array.shape}, expected {len(directions)} along the first axis")
    found: dict[str, Array] = {}
    for k, reverse in enumerate(directions):
        found |= suffixed(read(chosen, {name: array[k] for name, array in given.items()}), layer, reverse=reverse)
    return found


def to_onnx(
    params: Mapping[str, Array],
    cell: str | Mapping[str, Rows],
    *,
    direction: str = "forward",
    layer: int = 0,
    gradients: bool = False,
) -> dict[str, Array]:
    """The tensors W, R, B (and P) of a node; with `gradients`, their gradients."""
    chosen = table("onnx", cell)
    written = [
        write(chosen, part(params, layer, reverse=reverse), gradients=gradients)
        for reverse in DIRECTIONS[direction_of(direction)]
    ]
    return {name: np.stack([one[name] for one in written]) for name in chosen.arrays}


def onnx_arguments(
    X: Array,
    *,
    states: Mapping[str, Array | None] | None = None,
    sequence_lens: Array | None = None,
    direction: str = "forward",
    layout: int = 0,
) -> list[dict[str, Array]]:
    """The arrays for `forward` of each direction: x (T, B, D), reversed where it runs back, states and lengths.

    `states`: by the cell's names, (directions, B, H), or None; with `layout` 1 the batch is the first axis everywhere.
    """
    x = np.swapaxes(X, 0, 1) if layout else np.asarray(X)
    found = []
    for k, reverse in enumerate(DIRECTIONS[direction_of(direction)]):
        arguments = {"x": in_reverse(x, sequence_lens) if reverse else x}
        for name, value in (states or {}).items():
            if value is not None:
                arguments[name] = np.asarray(value[:, k] if layout else value[k])
        if sequence_lens is not None:
            arguments["lengths"] = np.asarray(sequence_lens)
        found.append(arguments)
    return found


def onnx_results(
    runs: Sequence[tuple[Array, Mapping[str, Array]]],
    *,
    sequence_lens: Array | None = None,
    direction: str = "forward",
    layout: int = 0,
) -> tuple[Array, ...]:
    """Y (T, directions, B, H), or (B, T, directions, H) with `layout` 1, then the final state of each name.

    `runs`: outputs and final states of `forward` for each direction.
    """
    outputs = [
        in_reverse(ys, sequence_lens) if reverse else ys
        for (ys, _), reverse in zip(runs, DIRECTIONS[direction_of(direction)], strict=True)
    ]
    Y = np.stack(outputs, axis=1)
    axis = 1 if layout else 0
    finals = [np.stack([final[name] for _, final in runs], axis=axis) for name in runs[0][1]]
    return (np.moveaxis(Y, 2, 0) if layout else Y, *finals)


def in_reverse(a: Array, lengths: Array | None) -> Array:
    """(T, B, ...) backwards in time, every sequence within its own length; what stands past the end stays there."""
    if lengths is None:
        return np.asarray(a)[::-1]
    steps = np.arange(len(a))[:, None]
    order = np.where(steps < lengths, np.asarray(lengths) - 1 - steps, steps)
    return np.asarray(a)[order, np.arange(a.shape[1])]


def direction_of(name: Any) -> str:
    """The direction by its name; raises InputError for one that ONNX does not have."""
    found = str(plain(name))
    if found not in DIRECTIONS:
        raise InputError(f"direction is {found!r}, expected {', '.join(DIRECTIONS)}")
    return found


def plain(value: Any) -> Any:
    """Text that comes as bytes, as in a protobuf."""
    if isinstance(value, bytes):
        return value.decode()
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
