"""torch: the `state_dict` of a recurrent module, all layers and directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive.errors import InputError
from verify.numbers.case import Array
from verify.weights.blocks import Rows, array_of, copies, part, read, suffix, suffixed, table, write


def from_torch(state: Mapping[str, Any], cell: str | Mapping[str, Rows], *, prefix: str = "") -> dict[str, Array]:
    """The parameters of every layer and direction: W_i_l0, W_i_l0_reverse, ...; of an LSTMCell or GRUCell W_i, ...

    `state`: a state_dict, of tensors or arrays; only names that begin with `prefix` are read, such as "encoder.".
    Two biases that the cell has as one are added. Raises InputError for names or shapes that do not fit.
    """
    chosen = table("torch", cell)
    arrays = {name.removeprefix(prefix): array_of(value) for name, value in state.items() if name.startswith(prefix)}
    if arrays and not copies(arrays) and all(name in chosen.arrays for name in arrays):
        return read(chosen, arrays)
    for name in arrays:
        if not any(name.endswith(suffix(*copy)) for copy in copies([name])):
            raise InputError(f"{name} belongs to no layer", hint="expected names such as weight_ih_l0")
    if not arrays:
        raise InputError(f"nothing in the state begins with {prefix!r}" if prefix else "the state is empty")
    found: dict[str, Array] = {}
    for layer, reverse in copies(arrays):
        found |= suffixed(read(chosen, part(arrays, layer, reverse=reverse)), layer, reverse=reverse)
    return found


def to_torch(
    params: Mapping[str, Array], cell: str | Mapping[str, Rows], *, gradients: bool = False
) -> dict[str, Array]:
    """A state_dict of arrays (`torch.from_numpy` makes tensors of them); of two biases the second is zero.

    Parameters without a layer behind their names make the state of an LSTMCell or GRUCell. With `gradients`, `params`
    are gradients by parameter, and both biases have that of their sum.
    """
    chosen = table("torch", cell)
    if not copies(params):
        return write(chosen, params, gradients=gradients)
    found: dict[str, Array] = {}
    for layer, reverse in copies(params):
        found |= suffixed(
            write(chosen, part(params, layer, reverse=reverse), gradients=gradients), layer, reverse=reverse
        )
    return found
