"""Core ML: the arrays in `weightParams` of a recurrent layer of a neural network, by the names of its fields.

Compared with the equations in its format's description, written down in the tests, not with Core ML itself. It keeps
arguments of gates within ±50, where they are saturated, and c of an LSTM within ±cellClipThreshold, which no cell here
does: below it the two are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from verify.numbers.case import Array
from verify.weights.blocks import Rows, array_of, part, read, shifted, suffixed, table, write


def from_coreml(
    weights: Mapping[str, Any],
    cell: str | Mapping[str, Rows],
    *,
    layer: int = 0,
    reverse: bool = False,
    forget_bias: bool = False,
) -> dict[str, Array]:
    """The parameters of one direction of a layer: W_i_l0, ...

    `weights`: by field: inputGateWeightMatrix (H, D), inputGateRecursionMatrix (H, H), inputGateBiasVector (H,), ...
    `forget_bias`: the layer's parameter forgetBias, which adds 1 to the bias of the forget gate.
    Raises InputError for names or shapes that do not fit.
    """
    chosen = table("coreml", cell)
    found = read(chosen, {name: array_of(value) for name, value in weights.items()})
    return suffixed(shifted(chosen, found, float(forget_bias)), layer, reverse=reverse)


def to_coreml(
    params: Mapping[str, Array],
    cell: str | Mapping[str, Rows],
    *,
    layer: int = 0,
    reverse: bool = False,
    forget_bias: bool = False,
    gradients: bool = False,
) -> dict[str, Array]:
    """The arrays of one direction of a layer by field; with `gradients`, their gradients."""
    chosen = table("coreml", cell)
    own = part(params, layer, reverse=reverse)
    return write(chosen, own if gradients else shifted(chosen, own, -float(forget_bias)), gradients=gradients)
