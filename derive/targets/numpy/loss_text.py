"""What the functions of a head have besides: targets as classes, weights of the steps, one loss for all of them.

This is machinery around the losses that the note defines: J is their sum, each times its weight.
"""

from __future__ import annotations

from derive.targets.numpy.pieces import Argument
from derive.targets.words import names_text

KEYWORDS = ("weights=None", "reduction=None")

DETAILS = (
    "weights: what each step's loss is multiplied by (T, B), numbers or a mask; None: 1 for all.",
    'reduction: "sum" or "mean" for one loss of all steps; the mean is weighted, and zero over no step.',
)


def choose_weights() -> str:
    """Weights and reduction put into one array, or None."""
    return "weights = step_weights(weights, reduction, lengths, T, B, dtype)"


def returned_losses(output: str, named: str) -> list[str]:
    """The end of `forward`; `named` are the entries of the named values."""
    return [
        f"losses = weighted({output}[..., 0], weights)",
        "losses = losses if reduction is None else losses.sum()",
        f"return losses, {{{named}}}, cache",
    ]


def loss_gradient(immediate: Argument, whole: bool) -> list[str]:
    """What J asks of each loss, ones where nothing is given; `whole`: of a sequence."""
    name, shape = immediate.name, names_text(immediate.axes)
    if not whole:
        return [f"{name} = (np.ones({shape}, dtype) if {name} is None else {name})[..., None]"]
    return [
        f"{name} = np.ones((), dtype) if {name} is None else {name}",
        f"{name} = weighted(np.broadcast_to({name}, {shape}), weights)[..., None]",
    ]
