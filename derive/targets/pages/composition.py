"""How a network is put together, in words, and the parts whose derivations explain it."""

from __future__ import annotations

from collections.abc import Iterator

from derive.cell import Cell
from derive.networks.layers import two_layers
from derive.networks.network import Direction, Network, Reads


def parts_to_show(network: Network) -> Iterator[Cell]:
    """The cells whose derivations make up the network's."""
    yield two_layers(network.cell) if network.layers > 1 else network.cell
    yield from (cell for cell in (network.meeting, network.mask, network.head) if cell is not None)


def composition(network: Network) -> Iterator[str]:
    """Paragraphs: what stands on what, and how the error comes back."""
    if network.about:
        yield network.about
    layers = f"{network.layers} layers" if network.layers > 1 else "One layer"
    yield f"{layers} of {network.cell.title}. What follows derives each part; the gradients are chained in this order."
    if network.layers > 1:
        yield (
            "Layer l reads at step t what layer l - 1 gives at step t. The error of layer l - 1 at step t therefore "
            "comes from two sides: from layer l at the same step, and from layer l - 1 itself at step t + 1. The first "
            "part derives both for any two neighbouring layers, named below and above; the top layer gets the error "
            "from the head instead. In code, a name ends with its layer, counted from 0 at the input."
        )
    if network.direction is not Direction.FORWARD:
        who = "The second copy of each layer" if network.direction is Direction.BIDIRECTIONAL else "Each layer"
        yield (
            f"{who} runs from the last step to the first: its equations and gradients are the same with the steps "
            "counted from the end, so that its error comes from step t - 1."
        )
    if network.meeting is not None:
        yield (
            "The outputs of the two directions at one step are put under each other; each direction gets its own part "
            "of the error, and the errors of the two directions with respect to what both read add up."
        )
    if network.mask is not None:
        yield "Between two layers a mask is multiplied in, entry by entry; the error is multiplied by the same mask."
    if network.head is not None and network.reads is Reads.LAST_STEP:
        yield (
            "The head reads the last output of each direction only: the error enters there, and nothing enters at "
            "other steps."
        )
    elif network.head is not None:
        yield "The head reads the outputs of every step; J is the sum of its losses."
