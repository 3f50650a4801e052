"""A network: one cell in several layers and directions, and on top of it a readout and a loss.

A network brings no calculus of its own. Its copies of the cell, the place where two directions meet, the dropout
between layers, the readout and the loss are all cells, differentiated like any other; in between stand reversals in
time and the choice of a last step, which only move entries. Letters of a copy carry its layer and direction as names do
in torch: `W_i_l0`, `W_i_l0_reverse`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from sympy import Expr, Symbol

from derive.calculus.program import named_preactivations
from derive.cell import Cell, Equation
from derive.errors import InputError
from derive.lettering import lettered
from derive.networks.copies import renamed, resized
from derive.nodes import Quantity, concat, hadamard, leaves, size, t
from derive.notation import Notation


class Direction(Enum):
    """Whether the copies of a layer run from the first step to the last, from the last to the first, or both."""

    FORWARD = "forward"
    REVERSE = "reverse"
    BIDIRECTIONAL = "bidirectional"


class Reads(Enum):
    """What the head reads: the outputs of every step (many to many) or each copy's last output (many to one)."""

    EVERY_STEP = "every step"
    LAST_STEP = "the last step"


@dataclass(frozen=True)
class Copy:
    """One copy of the cell: its layer, counted from 0 at the input, and whether it runs from the last step on back."""

    layer: int
    reverse: bool = False

    @property
    def suffix(self) -> str:
        """What its names end with."""
        return f"_l{self.layer}" + ("_reverse" if self.reverse else "")

    @property
    def mark(self) -> str:
        """What its letters carry above them."""
        return f"({self.layer})" + (r"\leftarrow" if self.reverse else "")


@dataclass(frozen=True)
class Network:
    """`layers` copies of a cell above each other in one or both directions; build one with `Network.of`.

    `dropout` puts a given mask between one layer and the next. `name` and `about` are for readers.
    """

    cell: Cell
    layers: int = 1
    direction: Direction = Direction.FORWARD
    head: Cell | None = None
    reads: Reads = Reads.EVERY_STEP
    dropout: bool = False
    name: str = ""
    about: str = ""

    @classmethod
    def of(
        cls,
        cell: Cell,
        *,
        layers: int = 1,
        direction: Direction = Direction.FORWARD,
        head: Cell | None = None,
        reads: Reads = Reads.EVERY_STEP,
        dropout: bool = False,
        name: str = "",
        about: str = "",
    ) -> Network:
        """A network of copies of `cell`.

        Raises InputError if the cell cannot stand in a network (it has no input at every step, its output is not a
        column, its sizes do not fit above each other) or the head cannot be cut into a readout and a loss.
        """
        if layers < 1:
            raise InputError(f"a network needs at least one layer, not {layers}")
        if cell.is_loss:
            raise InputError(f"{cell.name} is a head, not a recurrent cell", hint="give it as the head")
        if cell.starts:
            raise InputError(
                f"{cell.name} starts from a parameter, which a network does not yet",
                hint="leave the start out, and give the initial state to forward",
            )
        if not cell.states:
            raise InputError(f"{cell.name} has no state: nothing recurs in it")
        if not cell.inputs or cell.inputs[0].time is None:
            raise InputError(f"{cell.name} has no input at every step, so nothing can stand below it")
        if cell.inputs[0].shape[1] != 1 or cell.output.shape[1] != 1:
            raise InputError(f"the input and the output of {cell.name} must be columns to stand above each other")
        if head is not None and not head.is_loss:
            raise InputError(f"{head.name} has no target, so it is no head")
        if head is None and reads is Reads.LAST_STEP:
            raise InputError("a head reads the last step alone, and there is none", hint="give a head")
        network = cls(cell, layers, direction, head, reads, dropout, name or f"{cell.name} network", about)
        for copy in network.copies:
            network.cell_of(copy)
        _ = network.readout, network.loss
        return network

    def _repr_html_(self) -> str:
        from derive.targets import notebook

        return notebook.network_html(self)

    def _repr_svg_(self) -> str:
        from derive.targets import notebook

        return notebook.cell_svg(self)

    def in_letters(self, notation: Notation) -> Network:
        """The same network, printed in the letters of a notation."""

        def written(cell: Cell) -> Cell:
            return replace(cell, notation=lettered(notation, named_preactivations(cell)))

        return replace(self, cell=written(self.cell), head=self.head and written(self.head))

    @property
    def copies(self) -> tuple[Copy, ...]:
        """The copies of the cell, layer by layer from below."""
        return tuple(Copy(layer, reverse) for layer in range(self.layers) for reverse in self.senses)

    @property
    def senses(self) -> tuple[bool, ...]:
        """For each copy of a layer whether it runs in reverse."""
        return {
            Direction.FORWARD: (False,),
            Direction.REVERSE: (True,),
            Direction.BIDIRECTIONAL: (False, True),
        }[self.direction]

    @property
    def width(self) -> Expr:
        """The number of entries that a layer hands to the one above it."""
        return len(self.senses) * self.cell.output.shape[0]

    @cached_property
    def parameters(self) -> tuple[Quantity, ...]:
        """The parameters of all copies, then those of the readout, in the sizes they have here."""
        readout = self.readout_in_place
        own = tuple(q for copy in self.copies for q in self.cell_of(copy).parameters)
        return own + (readout.parameters if readout is not None else ())

    @cached_property
    def states(self) -> tuple[Quantity, ...]:
        """The states of all copies."""
        return tuple(q for copy in self.copies for q in self.cell_of(copy).states)

    def sizes_of(self, copy: Copy) -> dict[Symbol, Expr]:
        """The sizes of a copy that are not the cell's own: the input above layer 0 is what the layer below gives."""
        letter = self.cell.inputs[0].shape[0]
        if copy.layer == 0 or letter == self.width:
            return {}
        if not isinstance(letter, Symbol) or letter in self.width.free_symbols:
            raise InputError(
                f"layer {copy.layer} gets {self.width} entries from the layer below it, but {self.cell.inputs[0].name} "
                f"of {self.cell.name} has {letter}"
            )
        return {letter: self.width}

    def cell_of(self, copy: Copy) -> Cell:
        """The cell in the letters and sizes of one copy."""
        given = {q.name for q in self.cell.inputs[1:]}
        own = resized(self.cell, self.sizes_of(copy))
        return renamed(own, lambda name: name if name in given else name + copy.suffix, copy.mark)

    @cached_property
    def meeting(self) -> Cell | None:
        """Where the outputs of the two directions are put under each other, if there are two."""
        if len(self.senses) == 1:
            return None
        n = size("n")
        a, b, u = Quantity("a", n, 1, t), Quantity("b", n, 1, t), Quantity("u", 2 * n, 1, t)
        return Cell.of([Equation(u, concat(0, a, b))], name="meeting", title="Two directions meet")

    @cached_property
    def mask(self) -> Cell | None:
        """Dropout between two layers with a given mask, if there is any."""
        if not self.dropout or self.layers == 1:
            return None
        n = size("n")
        u, mask, x = Quantity("u", n, 1, t), Quantity("mask", n, 1, t), Quantity("x", n, 1, t)
        return Cell.of([Equation(x, hadamard(u, mask))], name="dropout", title="Dropout")

    @cached_property
    def readout(self) -> Cell | None:
        """The equations of the head up to the last that has parameters; None without such equations."""
        if self.head is None or not self._cut:
            return None
        equations = self.head.equations[: self._cut]
        return Cell.of(
            equations,
            name=f"{self.head.name}_readout",
            title=f"Readout of {self.head.title}",
            output=equations[-1].symbol.name,
            notation=self.head.notation,
        )

    @cached_property
    def readout_in_place(self) -> Cell | None:
        """The readout with the sizes it has here: its input is what the top layer gives, other letters are its own."""
        if self.readout is None:
            return None
        letter = self.readout.inputs[0].shape[0]
        taken = {str(symbol) for symbol in self.cell.sizes} - {str(letter)}
        sizes = {symbol: size(f"{symbol}_out") for symbol in self.readout.sizes if str(symbol) in taken}
        return resized(self.readout, {**sizes, letter: self.width} if isinstance(letter, Symbol) else sizes)

    @cached_property
    def loss(self) -> Cell | None:
        """The equations of the head behind its readout: what they read is the readout's output."""
        if self.head is None:
            return None
        targets = {q.name for q in self.head.targets}
        found = Cell.of(
            self.head.equations[self._cut :],
            name=self.head.name,
            title=self.head.title,
            output=self.head.output.name,
            targets=tuple(targets),
            assumptions=self.head.assumptions,
            source=self.head.source,
            notation=self.head.notation,
        )
        read = [q for q in found.inputs if q.name not in targets]
        wanted = self.head.equations[self._cut - 1].symbol if self._cut else self.head.inputs[0]
        if [q.name for q in read] != [wanted.name] or found.parameters:
            raise InputError(
                f"the head {self.head.name} cannot be cut into a readout and a loss: its loss reads "
                f"{', '.join(q.name for q in (*read, *found.parameters))}"
            )
        return replace(found, inputs=(*read, *(q for q in found.inputs if q.name in targets)))

    @property
    def _cut(self) -> int:
        """How many of the head's equations belong to the readout."""
        assert self.head is not None
        parameters = set(self.head.parameters)
        return max(
            (k + 1 for k, e in enumerate(self.head.equations) if parameters & set(leaves(e.expression))), default=0
        )

    @cached_property
    def prediction(self) -> Cell | None:
        """The part of the loss that needs no target, such as ŷ = softmax(z); None where there is none."""
        if self.loss is None:
            return None
        seen = {q for q in self.loss.inputs if q not in self.loss.targets}
        kept: list[Equation] = []
        for equation in self.loss.equations:
            if set(leaves(equation.expression)) <= seen:
                seen.add(equation.symbol)
                kept.append(equation)
        if not kept:
            return None
        return Cell.of(
            kept,
            name=f"{self.loss.name}_prediction",
            title=f"Prediction of {self.loss.title}",
            output=kept[-1].symbol.name,
            notation=self.loss.notation,
        )

    @property
    def title(self) -> str:
        """In words: the cell, its layers and directions, the head and what it reads."""
        words = [self.cell.title]
        if self.layers > 1:
            words.append(f"{self.layers} layers")
        if self.direction is not Direction.FORWARD:
            words.append(self.direction.value)
        if self.dropout:
            words.append("dropout between layers")
        if self.head is not None:
            words.append(f"with {self.head.title} at {self.reads.value}")
        return ", ".join(words)
