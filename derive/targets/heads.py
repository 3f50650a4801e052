"""What a network has above its cells in files of frameworks: readout, loss and answer, each for a whole sequence.

A part is printed as it was lowered, as it has no loop: its forward statements are plain operators, which a framework
can differentiate too where second derivatives are asked for; its backward statements are the derived ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.errors import InputError
from derive.functions import ScalarFunction
from derive.networks.network import Copy, Network, Reads
from derive.targets.given import Given
from derive.targets.language.code import Statement, size_text
from derive.targets.lowering.lowered import is_class, lowered
from derive.targets.words import axes_text, names_text, plain, tuple_text

Printed: TypeAlias = Callable[[Sequence[Statement], Given, Sequence[str]], list[str]]


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


def part(cell: Cell, name: str, printed: Printed) -> Part:
    """A cell without states as a part; `printed` makes the lines of a program that returns what is named."""
    derivation = differentiate(cell)
    own = Given(lowered(derivation), derivation)
    program, names, sequence = own.low.program, own.low.names, own.low.sequence
    outside = {bound for bound, _ in own.all()} | own.chosen_names
    computed = names_text([bound for bound in sequence.cached if bound not in outside]) or "()"
    output = names.whole(program.output).name
    forward = printed(sequence.forward, own, [output])
    forward.append(f"return {output}{'[..., 0]' if program.is_loss else ''}, {computed}")
    backward = printed(sequence.backward, own, [])
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

    def __init__(self, network: Network, printed: Printed) -> None:
        self.network = network
        present = {"readout": network.readout, "loss": network.loss, "prediction": network.prediction}
        self.parts = [part(cell, name, printed) for name, cell in present.items() if cell is not None]

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


LOSSES = {"step_weights", "weighted", "one_hot"}
"""What a file of a framework does with functions of its own."""


def network_tables(given: Given, network: Network, head: Head | None) -> dict[str, object]:
    """What a template shows of the layers and directions of a network of that cell."""
    readout = network.readout_in_place.sizes if network.readout_in_place is not None else ()
    above = network.sizes_of(Copy(1)) if network.layers > 1 else {}
    letters = [*(given.shown(str(letter)) for letter in given.low.program.sizes), *map(str, readout)]
    return {
        "title": plain(network.title),
        "layers": network.layers,
        "senses": network.senses,
        "above": {str(letter): size_text(axis) for letter, axis in above.items()},
        "parameters": {q.name: tuple_text(axes_text(q)) for q in network.parameters},
        "states": {q.name: tuple_text(axes_text(q)) for q in network.states},
        "output_axes": size_text(network.width),
        "opened": list(dict.fromkeys([*given.opened, *(head.opened if head is not None else [])])),
        "letters": list(dict.fromkeys(letters)),
        "masks": [f"mask_l{layer}" for layer in range(1, network.layers)] if network.mask is not None else [],
    }
