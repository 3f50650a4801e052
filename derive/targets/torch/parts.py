"""What a network has above its cells, in torch: the readout, the loss and the answer, each for a whole sequence.

A part is printed as it was lowered, as it has no loop: its forward statements are plain operators, which torch can
differentiate too where second derivatives are asked for; its backward statements are the derived ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.errors import InputError
from derive.functions import ScalarFunction
from derive.networks.network import Network, Reads
from derive.targets.given import Given
from derive.targets.language.code import lines
from derive.targets.lowering.lowered import is_class, lowered
from derive.targets.torch.dialect import in_torch, owned
from derive.targets.words import axes_text, names_text, tuple_text


def refuse_two_meanings(functions: Sequence[ScalarFunction]) -> None:
    """Raises InputError where the cell and the head define a function of one name in two ways."""
    seen: dict[str, ScalarFunction] = {}
    for function in functions:
        if seen.setdefault(function.name, function) != function:
            raise InputError(f"the cell and the head define {function.name} in two ways", hint="rename one of the two")


@dataclass(frozen=True)
class Part:
    """One part: the arrays it is given with their axes, and the bodies of its two functions."""

    name: str
    given: tuple[str, ...]
    axes: tuple[str, ...]
    forward: tuple[str, ...]
    backward: tuple[str, ...]
    made: Given


def part(cell: Cell, name: str) -> Part:
    """A cell without states as a part."""
    derivation = differentiate(cell)
    own = Given(lowered(derivation), derivation)
    program, names, sequence = own.low.program, own.low.names, own.low.sequence
    outside = {bound for bound, _ in own.all()} | own.chosen_names
    computed = names_text([bound for bound in sequence.cached if bound not in outside]) or "()"
    output = names.whole(program.output).name
    forward = lines(in_torch(owned(sequence.forward, [output])))
    forward.append(f"return {output}{'[..., 0]' if program.is_loss else ''}, {computed}")
    backward = lines(in_torch(sequence.backward))
    gradients = [sequence.gradients.get(q.name, "None") for q in (*program.inputs, *program.parameters)]
    asked = "d_losses = asked[..., None]" if program.is_loss else "d_ys = asked"
    unpacked = [f"{computed} = computed"] if computed != "()" else []
    backward = [*unpacked, asked, *backward, f"return {names_text(gradients)}"]
    return Part(
        name,
        tuple(bound for bound, _ in own.all()),
        tuple(tuple_text(map(own.shown, axes)) for _, axes in own.all()),
        (*own.opening(forward, sequence.forward), *forward),
        (*own.opening(backward, sequence.backward), *backward),
        own,
    )


class Head:
    """The parts above the cells of a network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        present = {"readout": network.readout, "loss": network.loss, "prediction": network.prediction}
        self.parts = [part(cell, name) for name, cell in present.items() if cell is not None]

    @property
    def opened(self) -> list[str]:
        """The functions that the head leaves open."""
        cells = (self.network.readout, self.network.loss)
        return list(dict.fromkeys(f.name for cell in cells if cell is not None for f in cell.open_functions))

    def tables(self) -> Mapping[str, object]:
        """What the template shows."""
        network, readout, loss = self.network, self.network.readout_in_place, self.network.loss
        assert loss is not None
        last = network.reads is Reads.LAST_STEP
        leading = ("B",) if last else ("T", "B")
        targets = {q.name: axes_text(q) for q in loss.targets}
        width = str(network.width).replace("*", " * ")
        return {
            "parts": self.parts,
            "last": last,
            "readout": {} if readout is None else {q.name: tuple_text(axes_text(q)) for q in readout.parameters},
            "targets": list(targets),
            "target_axes": {name: tuple_text(axes) for name, axes in targets.items()},
            "shown_targets": {name: ", ".join((*leading, *axes)) for name, axes in targets.items()},
            "classes": [q.name for q in loss.targets if is_class(q, loss)],
            "leading": ", ".join(leading),
            "output": ", ".join((*leading, *(axes_text(readout.output) if readout is not None else (width,)))),
            "answers": network.prediction is not None,
            "opened": self.opened,
            "part_opened": {p.name: [self.opened.index(function) for function in p.made.opened] for p in self.parts},
        }
