"""A network put together: the functions of its parts, and the names that the functions above them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.networks.network import Copy, Network, Reads
from derive.nodes import Quantity
from derive.targets.lowering.lowered import Lowered, lowered
from derive.targets.lowering.single_step import Passes
from derive.targets.numpy.module import Parts, parts
from derive.targets.numpy.passes.tuned import tuned
from derive.targets.numpy.pieces import Argument
from derive.targets.words import axes_text


@dataclass(frozen=True)
class Assembly:
    """The parts of a network and the names of what stands between them."""

    network: Network
    over_time: Callable[[Lowered], Passes] = tuned
    """What makes the cell's programs over a sequence out of the lowered ones."""
    cut: bool = True
    """Whether the batch of a loop may be cut into parts."""

    @cached_property
    def parts(self) -> dict[str, Parts]:
        """The functions of every part, by its role."""
        n = self.network
        present = {
            "cell": n.cell,
            "meeting": n.meeting,
            "dropout": n.mask,
            "readout": n.readout,
            "loss": n.loss,
            "prediction": n.prediction,
        }
        found = {}
        for role, cell in present.items():
            if cell is not None:
                derivation = differentiate(cell)
                low = lowered(derivation)
                passes = self.over_time if role == "cell" else tuned
                found[role] = parts(derivation, low, passes(low), f"{role}_", self.cut)
        return found

    @cached_property
    def cells(self) -> dict[Copy, Cell]:
        return {copy: self.network.cell_of(copy) for copy in self.network.copies}

    @cached_property
    def states(self) -> dict[tuple[Copy, str], Quantity]:
        """The states of every copy, by the copy and the cell's name for it."""
        return {
            (copy, own.name): state
            for copy, cell in self.cells.items()
            for own, state in zip(self.network.cell.states, cell.states, strict=True)
        }

    @property
    def x(self) -> str:
        return str(self.network.cell.inputs[0].name)

    @property
    def others(self) -> tuple[Quantity, ...]:
        return self.network.cell.inputs[1:]

    @property
    def opened(self) -> list[str]:
        return [function.name for function in self.network.cell.open_functions]

    @property
    def masks(self) -> list[str]:
        return [f"mask_l{layer}" for layer in range(1, self.network.layers)] if self.network.mask else []

    @property
    def last(self) -> bool:
        return self.network.reads is Reads.LAST_STEP

    @property
    def leading(self) -> tuple[str, ...]:
        return ("B",) if self.last and self.network.head is not None else ("T", "B")

    @cached_property
    def output(self) -> tuple[str, ...]:
        """The axes of ys."""
        readout, width = self.network.readout_in_place, self.network.width
        return (
            *self.leading,
            *(axes_text(readout.output) if readout is not None else (str(width).replace("*", " * "),)),
        )

    def sizes(self) -> list[str]:
        letters = [str(letter) for letter in self.network.cell.sizes]
        if self.network.readout_in_place is not None:
            letters += [str(letter) for letter in self.network.readout_in_place.sizes if str(letter) not in letters]
        return letters

    def given(self) -> list[Argument]:
        arguments = [Argument(self.x, ("T", "B", *axes_text(self.network.cell.inputs[0])))]
        for q in self.others:
            arguments.append(Argument(q.name, (*(("B",) if q.time is None else ("T", "B")), *(axes_text(q) or ("1",)))))
        arguments += [Argument(q.name, ("B", *axes_text(q)), True) for q in self.states.values()]
        width = str(self.network.width).replace("*", " * ")
        return arguments + [Argument(mask, ("T", "B", width), True) for mask in self.masks]

    @cached_property
    def cached(self) -> list[str]:
        names = [f"cache{copy.suffix}" for copy in self.network.copies]
        for layer in range(1, self.network.layers):
            names += [f"cache_meeting_l{layer}"] * (self.network.meeting is not None)
            names += [f"cache_mask_l{layer}"] * (self.network.mask is not None)
        names += ["cache_meeting"] * (self.network.meeting is not None)
        return names + ["cache_readout"] * (self.network.readout is not None)


def turned(name: str, copy: Copy) -> str:
    """What a copy reads or gives, in the order of its own steps."""
    return f"turned({name}, lengths)" if copy.reverse else name
