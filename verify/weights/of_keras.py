"""Keras: `layer.get_weights()` of a recurrent layer, or of one inside `Bidirectional`.

Compared with the equations that Keras publishes, written down in the tests, not with Keras itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from derive.errors import InputError
from verify.numbers.case import Array
from verify.weights.blocks import Rows, array_of, part, read, suffixed, table, write


def from_keras(
    weights: Sequence[Any], cell: str | Mapping[str, Rows], *, layer: int = 0, bidirectional: bool = False
) -> dict[str, Array]:
    """The parameters of one layer: W_i_l0, and W_i_l0_reverse where it is bidirectional.

    `weights`: kernel (D, nH), recurrent_kernel (H, nH) and, with use_bias, bias; twice that, forward first, where
    `bidirectional`. Raises InputError for arrays that do not fit.
    """
    chosen = table("keras", cell)
    times = 2 if bidirectional else 1
    counts = [times * (len(chosen.arrays) - without) for without in range(len(chosen.optional) + 1)]
    if len(weights) not in counts:
        wanted = " or ".join(map(str, counts))
        raise InputError(f"got {len(weights)} arrays, expected {wanted}: {', '.join(chosen.arrays)} of each direction")
    each = len(weights) // times
    found: dict[str, Array] = {}
    for k in range(times):
        arrays = dict(zip(chosen.arrays, map(array_of, weights[k * each : (k + 1) * each]), strict=False))
        found |= suffixed(read(chosen, arrays), layer, reverse=k == 1)
    return found


def to_keras(
    params: Mapping[str, Array],
    cell: str | Mapping[str, Rows],
    *,
    layer: int = 0,
    bidirectional: bool = False,
    gradients: bool = False,
) -> list[Array]:
    """The arrays for `layer.set_weights(...)`, with use_bias; with `gradients`, their gradients."""
    chosen = table("keras", cell)
    directions = (False, True) if bidirectional else (False,)
    return [
        array
        for reverse in directions
        for array in write(chosen, part(params, layer, reverse=reverse), gradients=gradients).values()
    ]
