"""Network -> places of its copies over some steps: time to the right, layers upwards, every line straight.

A column is one step. In it stand, from below, the inputs, the copies of every layer (a row and a lane of its own for
each direction, so that a line upwards passes beside the other copy), where two directions meet, the mask, the readout
and the loss. A box that feeds several copies is as wide as the column.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from derive.cell import Cell
from derive.errors import InputError
from derive.networks.network import Copy, Network, Reads
from derive.nodes import Adjoint, Quantity
from derive.targets.formula import text
from derive.targets.pictures.drawing import Box, Drawing, Placed, Point, Role, Wire
from derive.targets.pictures.labels import width
from derive.targets.pictures.layered import HEAD, LEGEND, MARGIN, legend_width

MOST = 12
"""Steps that a picture shows at most."""
BESIDE = 16.0
"""Between two lanes."""


def drawn(network: Network, steps: int, backward: bool) -> Drawing:
    """The picture; `backward`: the lines carry gradients, downwards and against the direction of the states.

    Raises InputError for more steps than a page is wide, and for a cell whose steps are not connected.
    """
    if not 1 <= steps <= MOST:
        raise InputError(f"a picture shows 1 to {MOST} steps, not {steps}", hint="as in --unrolled 3")
    if not network.cell.states:
        raise InputError(f"{network.cell.name} has no state: its steps are not connected", hint="leave out --unrolled")
    return _Grid(network, steps, backward).drawing()


@dataclass(frozen=True)
class _Row:
    """A row of boxes: what they are, and for a copy which."""

    kind: str
    layer: int = 0
    copy: Copy | None = None


@dataclass
class _Grid:
    network: Network
    steps: int
    backward: bool
    boxes: list[Placed] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)

    def drawing(self) -> Drawing:
        """All columns, the lines between them, and what holds for all steps below them."""
        for step in range(1, self.steps + 1):
            self._column(step)
        for row, one in enumerate(self.rows):
            if one.copy is not None:
                self._states(row, one.copy)
        if self.backward:
            self.boxes = [self._met(placed) for placed in self.boxes]
        title = self.network.cell.title if self.single else self.network.title
        heading = f"{title}: {'gradients through time' if self.backward else 'over time'}, T = {self.steps}"
        across = self._x(self.steps) + self.column / 2 + self.gap + MARGIN
        note = Box("note", self._note(across - 2 * MARGIN), Role.TERM)
        boxes = [*self.boxes, Placed(note, across / 2, self._y(0) + 32 + note.height / 2)]
        present = {placed.box.role for placed in boxes}
        legend = tuple((role, said) for role, said in self._legend().items() if role in present)
        wide = max(across, width(heading) * 1.1 + 2 * MARGIN, legend_width(legend) + 2 * MARGIN)
        shift = round((wide - across) / 2)
        return Drawing(
            heading,
            " ".join(note.lines),
            wide,
            boxes[-1].bottom + LEGEND,
            tuple(Placed(p.box, p.x + shift, p.y) for p in boxes),
            tuple(
                Wire(tuple((x + shift, y) for x, y in w.points), w.ends, arrow=w.arrow, role=w.role) for w in self.wires
            ),
            legend,
        )

    @cached_property
    def single(self) -> bool:
        """One copy alone: the cell over time, in its own letters."""
        return len(self.network.copies) == 1 and self.network.head is None

    @cached_property
    def rows(self) -> tuple[_Row, ...]:
        """From below."""
        found = [_Row("input")]
        for layer in range(self.network.layers):
            found += [_Row("copy", layer, copy) for copy in self.network.copies if copy.layer == layer]
            if self.network.meeting is not None:
                found.append(_Row("meeting", layer))
            if self.network.mask is not None and layer < self.network.layers - 1:
                found.append(_Row("mask", layer))
        if self.network.readout_in_place is not None:
            found.append(_Row("readout"))
        if self.network.loss is not None:
            found.append(_Row("loss"))
        elif self.network.meeting is None:
            found.append(_Row("output", self.network.layers - 1))
        return tuple(found)

    # What is written.

    def _cell(self, copy: Copy) -> Cell:
        return self.network.cell if self.single else self.network.cell_of(copy)

    def _said(self, cell: Cell, quantity: Quantity, step: int, immediate: bool = False) -> str:
        """A quantity at a step; backward, the gradient of J by it."""
        at = quantity if quantity.time is None else quantity.at(step)
        return text(Adjoint(at, immediate) if self.backward else at, cell.notation)

    def _all(self, cell: Cell, some: tuple[Quantity, ...], step: int, immediate: bool = False) -> str:
        return ", ".join(self._said(cell, quantity, step, immediate) for quantity in some)

    def _content(self, row: _Row, step: int) -> tuple[str, ...]:
        """The lines of a box."""
        network = self.network
        if row.kind == "input":
            cell = self._cell(network.copies[0])
            return (self._all(cell, cell.inputs, step),)
        if row.copy is not None:
            cell = self._cell(row.copy)
            name = network.cell.name.replace("_", " ")
            if self.backward:
                return (name, *(self._said(cell, state, step) for state in self._given(cell)))
            others = ", ".join(text(q if q.time is None else q.at(step), cell.notation) for q in cell.inputs[1:])
            return (name, f"with {others}") if others and row.layer > 0 else (name,)
        outputs = self._outputs(row.layer, step)
        if row.kind == "meeting":
            return (f"[{'; '.join(outputs)}]",)
        if row.kind == "mask":
            return ("⊙ mask",)
        if row.kind == "output":
            return (outputs[0],)
        part = network.readout_in_place if row.kind == "readout" else network.loss
        assert part is not None
        said = self._said(part, part.output, step)
        if row.kind == "loss" and not self.backward:
            return said, f"with {self._all(part, part.targets, step)}"
        return (said,)

    def _given(self, cell: Cell) -> tuple[Quantity, ...]:
        """What a copy gives: its output and its states."""
        return cell.states if cell.output in cell.states else (cell.output, *cell.states)

    def _outputs(self, layer: int, step: int) -> list[str]:
        found = []
        for copy in self.network.copies:
            if copy.layer == layer:
                cell = self._cell(copy)
                at = 1 if copy.reverse and self._late(_Row("meeting", layer)) else step
                found.append(self._said(cell, cell.output, at, immediate=self.single))
        return found

    def _note(self, room: float) -> tuple[str, ...]:
        """What holds for all steps."""
        names = dict.fromkeys(
            text(Adjoint(q) if self.backward else q, cell.notation)
            for copy in self.network.copies
            for cell in (self._cell(copy),)
            for q in cell.parameters
        )
        words = "summed over all steps:" if self.backward else "the same at every step:"
        lines = [words]
        for name in names:
            longer = f"{lines[-1]} {name}" if lines[-1] == words else f"{lines[-1]}, {name}"
            if width(longer) > room:
                lines[-1] += ","
                lines.append(name)
            else:
                lines[-1] = longer
        return tuple(lines) if names else ("no parameters",)

    def _legend(self) -> dict[Role, str]:
        if self.backward:
            return {
                Role.INPUT: "of the inputs",
                Role.VALUE: "one path",
                Role.MEETING: "paths meet and add",
                Role.OUTPUT: "from J",
            }
        return {
            Role.INPUT: "inputs",
            Role.VALUE: "one step of the cell",
            Role.OUTPUT: "loss" if self._loss else "output",
        }

    @property
    def _loss(self) -> bool:
        return self.network.loss is not None

    # Where it stands.

    @cached_property
    def lane(self) -> float:
        """The width of a lane: that of the widest box in it, with room for a line's label beside its middle."""
        contents = [line for row in self.rows if row.copy for line in self._content(row, self.steps)]
        tag = width("+") + 16 if self.backward else 0
        return round(max(max(map(width, contents)) + 24 + tag, 80.0))

    @cached_property
    def column(self) -> float:
        wide = [width(line) + 24 for row in self.rows for line in self._content(row, self.steps) if row.copy is None]
        tags = [width(self._tag(row)) + 16 for row in self.rows if self._tag(row)]
        return round(max(self._inner, max(wide) + max(tags, default=0)))

    @property
    def _inner(self) -> float:
        lanes = len(self.network.senses)
        return self.lane * lanes + BESIDE * (lanes - 1)

    @cached_property
    def gap(self) -> float:
        """Between two columns stands what a line from step to step carries."""
        said = [
            label
            for row in self.rows
            if row.copy
            for at in range(self.steps + 1)
            for label in self._between(row.copy, at)
        ]
        return round(max(map(width, said)) + 40)

    @cached_property
    def pitch(self) -> float:
        """From one row to the next."""
        lines = max(len(self._content(row, 1)) for row in self.rows)
        return 30 + 19.0 * lines + 26

    def _x(self, step: int, lane: int | None = None) -> float:
        """The middle of a column, or of a lane in it."""
        left = MARGIN + self.gap + (step - 1) * (self.column + self.gap)
        if lane is None or len(self.network.senses) == 1:
            return left + self.column / 2
        return left + (self.column - self._inner) / 2 + self.lane / 2 + lane * (self.lane + BESIDE)

    def _y(self, row: int) -> float:
        return HEAD + MARGIN + 24 + (len(self.rows) - 1 - row) * self.pitch

    def _lane(self, copy: Copy) -> int:
        return self.network.senses.index(copy.reverse)

    def _key(self, row: int, step: int) -> str:
        return f"r{row}s{step}"

    # Boxes and lines.

    def _present(self, row: _Row, step: int) -> bool:
        """Whether the row has a box at that step: behind the top layer, only the last where the head reads it alone."""
        alone = self.network.reads is Reads.LAST_STEP and step < self.steps
        above = row.kind in ("readout", "loss", "output") or (
            row.kind == "meeting" and row.layer == self.network.layers - 1
        )
        return not (alone and above)

    def _tag(self, row: _Row) -> str:
        if row.kind == "readout" and not self.backward:
            readout = self.network.readout_in_place
            assert readout is not None
            return ", ".join(text(q, readout.notation) for q in readout.parameters)
        return ""

    def _column(self, step: int) -> None:
        below: list[int] = []  # the rows whose boxes give what the next row reads
        for number, row in enumerate(self.rows):
            if not self._present(row, step):
                break
            if row.copy is not None:
                lane = self._lane(row.copy)
                self._box(number, step, row, lane)
                source = number - 1 - lane  # past the copy of the other direction
                self._up(source, number, step, lane)
                continue
            self._box(number, step, row)
            if row.kind == "input":
                continue
            below = (
                [number - 1 - k for k in range(len(self.network.senses))][::-1]
                if row.kind == "meeting"
                else [number - 1]
            )
            for lane, source in enumerate(below):
                copy = self.rows[source].copy
                if copy is not None and copy.reverse and self._late(row) and step > 1:
                    self._around(source, number, step, lane)
                else:
                    self._up(source, number, step, lane if row.kind == "meeting" else None)

    def _late(self, row: _Row) -> bool:
        """Whether the row reads the last output of every copy alone."""
        return (self.network.reads is Reads.LAST_STEP and row.layer == self.network.layers - 1) or (
            self.network.reads is Reads.LAST_STEP and row.kind in ("readout", "loss")
        )

    def _box(self, number: int, step: int, row: _Row, lane: int | None = None) -> None:
        role = {"input": Role.INPUT, "copy": Role.VALUE, "loss": Role.OUTPUT, "output": Role.OUTPUT}.get(
            row.kind, Role.OPERATION
        )
        tag = self._tag(row)
        wide = self.lane if row.copy is not None else self._inner
        box = Box(self._key(number, step), self._content(row, step), role, tag, least=round(wide))
        self.boxes.append(Placed(box, self._x(step, lane), self._y(number)))

    def _met(self, placed: Placed) -> Placed:
        """The box of a copy, marked where several lines bring gradients to it."""
        ends = (wire.points[-1] for wire in self.wires)
        coming = [(x, y) for x, y in ends if placed.left <= x <= placed.right and placed.top <= y <= placed.bottom]
        if placed.box.role is not Role.VALUE or len(coming) < 2:
            return placed
        return replace(placed, box=replace(placed.box, role=Role.MEETING, tag="+"))

    def _height(self, number: int) -> float:
        return next(placed.box.height for placed in self.boxes if placed.box.key.startswith(f"r{number}s"))

    def _up(self, source: int, target: int, step: int, lane: int | None) -> None:
        """A straight line from one box to another above it; backward, from above."""
        x = self._x(step, lane)
        ends = ((x, self._y(source) - self._height(source) / 2), (x, self._y(target) + self._height(target) / 2))
        self._wire(ends, (self._key(source, step), self._key(target, step)))

    def _around(self, source: int, target: int, step: int, lane: int) -> None:
        """From the copy that ends at the first step, up and over to the box that reads it at the last one."""
        x, y = self._x(1, lane), self._y(target)
        end = next(p for p in self.boxes if p.box.key == self._key(target, step)).left
        points = ((x, self._y(source) - self._height(source) / 2), (x, y), (end, y))
        self._wire(points, (self._key(source, 1), self._key(target, step)))

    def _wire(self, points: tuple[Point, ...], ends: tuple[str, ...], role: str = "") -> None:
        self.wires.append(Wire(points[::-1] if self.backward else points, ends, arrow=True, role=role))

    def _states(self, row: int, copy: Copy) -> None:
        """The lines from step to step of one copy, with what they carry; those at both ends begin or end free."""
        y, lane = self._y(row), self._lane(copy)
        for at in range(self.steps + 1):  # between step `at` and the next
            left = self._x(at, lane) + self.lane / 2 if at else MARGIN
            right = (
                self._x(at + 1, lane) - self.lane / 2 if at < self.steps else self._x(at) + self.column / 2 + self.gap
            )
            lines = self._between(copy, at)
            ends = tuple(self._key(row, step) for step in (at, at + 1) if 1 <= step <= self.steps)
            points = ((right, y), (left, y)) if copy.reverse else ((left, y), (right, y))
            self._wire(points, ends, "back" if self.backward else "")
            middle = self._x(at) + self.column / 2 + self.gap / 2 if at else MARGIN + self.gap / 2
            if not lines:  # J reads nothing of the last step that does not come from above
                self.wires.pop()
                continue
            box = Box(f"r{row}c{at}", lines, Role.TERM)
            self.boxes.append(Placed(box, middle, y - box.height / 2 - 1))

    def _between(self, copy: Copy, at: int) -> tuple[str, ...]:
        """What the line between a step and the next carries."""
        cell = self._cell(copy)
        giving = at + 1 if copy.reverse else at
        last = self.steps if not copy.reverse else 1
        if self.backward and giving == last:
            final = tuple(q for q in cell.states if not (self.single and q == cell.output))
            return (self._all(cell, final, giving, immediate=True),) if final else ()
        if self.backward and 1 <= giving <= self.steps:
            reading = giving - 1 if copy.reverse else giving + 1
            return (f"through step {reading}",)
        return (self._all(cell, cell.states, giving),)
