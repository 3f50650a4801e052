"""TensorFlow 1: the variables of a cell of `tf.nn.rnn_cell`, whose kernels act on the input above the state.

Compared with the equations in its source, written down in the tests, not with TensorFlow itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from derive.errors import InputError
from verify.numbers.case import Array
from verify.weights.blocks import Rows, array_of, nested, part, read, shifted, suffixed, table, write


def from_tf1(
    variables: Mapping[str, Any],
    cell: str | Mapping[str, Rows],
    *,
    prefix: str = "",
    layer: int = 0,
    forget_bias: float = 1.0,
) -> dict[str, Array]:
    """The parameters of one cell: W_i_l0, ...

    `variables`: kernel and bias (of a GRU gates/kernel, gates/bias, candidate/kernel and candidate/bias), as they are
    or with ":0" behind them; only names that begin with `prefix` are read, such as "rnn/basic_lstm_cell/".
    `forget_bias`: what the cell was made with; an LSTM adds it to the argument of its forget gate.
    Raises InputError for names or shapes that do not fit.
    """
    chosen = table("tf1", cell)
    given = {
        name.removeprefix(prefix).removesuffix(":0"): array_of(value)
        for name, value in variables.items()
        if name.startswith(prefix)
    }
    if not given:
        raise InputError(f"no variable begins with {prefix!r}" if prefix else "there are no variables")
    arrays: dict[str, Array] = {}
    for name, array in given.items():
        if f"{name}/h" not in chosen.arrays:
            arrays[name] = array
            continue
        blocks = len(nested(chosen.arrays[f"{name}/h"])[0])
        state = array.shape[-1] // blocks if array.ndim == 2 else 0
        if not 0 < state < len(array) or array.shape[-1] % blocks:
            wanted = f"({blocks} H columns, D + H rows)"
            raise InputError(f"{name} has shape {array.shape}, expected (D + H, {blocks} H)", hint=wanted)
        arrays[f"{name}/x"], arrays[f"{name}/h"] = array[:-state], array[-state:]
    return suffixed(shifted(chosen, read(chosen, arrays), forget_bias), layer)


def to_tf1(
    params: Mapping[str, Array],
    cell: str | Mapping[str, Rows],
    *,
    layer: int = 0,
    forget_bias: float = 1.0,
    gradients: bool = False,
) -> dict[str, Array]:
    """The variables of one cell; with `gradients`, their gradients."""
    chosen = table("tf1", cell)
    own = part(params, layer)
    found = write(chosen, own if gradients else shifted(chosen, own, -forget_bias), gradients=gradients)
    kernels = [name.removesuffix("/h") for name in found if name.endswith("/h")]
    joined = {name: np.concatenate([found.pop(f"{name}/x"), found.pop(f"{name}/h")]) for name in kernels}
    return {**joined, **found}
