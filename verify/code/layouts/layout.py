"""How a person's arrays lie: axes, transposed weights, stacked gates, two biases; and the way there and back.

`names` says what their arrays are made of, in the names of the cell: rows of blocks, `,` for below and `|` for beside,
`*` for all gates in the layout's order: `{"W_ih": "W_*"}`, `{"W_f": "U_f | W_f", "b_f": "b_f"}`, `{"a0": "h"}`. Where
two of their arrays have the same part (two biases), they add up to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from derive.cell import Cell
from derive.errors import InputError
from verify.code.mistakes.other_cells import families
from verify.numbers.case import Array, Arrays

SHARES = (1.0, 0.375, 0.25, 0.1875)
"""Arrays that add up to one are given different parts of it, so that an exchange shows."""


@dataclass(frozen=True)
class Layout:
    """The axes of a person's arrays.

    sequence: axes of x, d_ys and the gradient of x, of the letters T, B and n, and 1 for an axis of length one; without
        B there is one example (`"TBn"`, `"BTn"`, `"nBT"`, `"Tn"`, `"Tn1"`).
    vectors: axes of biases: `"n"`, `"n1"` for columns, `"1n"` for rows.
    transposed: weights are given as (D, H), for `x @ W`.
    gates: the order of stacked gates for `*` in names, such as `"ifgo"` or `("z", "r", "h")`.
    """

    sequence: str = "TBn"
    vectors: str = "n"
    transposed: bool = False
    gates: str | tuple[str, ...] = ()

    def __post_init__(self) -> None:
        letters = self.sequence.replace("1", "")
        if sorted(letters) not in (["B", "T", "n"], ["T", "n"]):
            raise InputError(
                f"the axes {self.sequence!r} are not known", hint='write T, B and n, as in "TBn", "nBT" or "Tn"'
            )
        if self.vectors not in ("n", "n1", "1n"):
            raise InputError(f"the axes {self.vectors!r} of vectors are not known", hint='write "n", "n1" or "1n"')

    @property
    def batched(self) -> bool:
        """Whether there is an axis of examples."""
        return "B" in self.sequence

    def sequence_to(self, value: Array) -> Array:
        """A sequence (T, B, n) in their layout."""
        return _arranged(value, "TBn", self.sequence)

    def sequence_from(self, value: Array) -> Array:
        """A sequence of theirs as (T, B, n); what does not fit is left as it is."""
        return _restored(value, self.sequence, "TBn")

    def losses_from(self, value: Array) -> Array:
        """Losses of theirs as (T, B)."""
        return _restored(value, self.sequence.replace("n", "").replace("1", ""), "TB")

    def state_to(self, value: Array) -> Array:
        """A state (B, n) in their layout."""
        return _arranged(value, "Bn", self.sequence.replace("T", ""))

    def state_from(self, value: Array) -> Array:
        """A state of theirs as (B, n)."""
        return _restored(value, self.sequence.replace("T", ""), "Bn")

    def parameter_to(self, value: Array) -> Array:
        """A parameter in their layout."""
        if value.ndim == 1:
            return np.array({"n": value, "n1": value[:, None], "1n": value[None]}[self.vectors])
        return np.array(value.T if self.transposed else value)

    def parameter_from(self, value: Array, dimensions: int) -> Array:
        """A gradient of theirs in the layout of the code; what does not fit is left as it is."""
        if dimensions == 1 and value.ndim == 2 and self.vectors != "n":
            fits = value.shape[1 if self.vectors == "n1" else 0] == 1
            return value.reshape(-1) if fits else value
        return value.T if self.transposed and value.ndim == 2 and dimensions == 2 else value


def _arranged(value: Array, ours: str, theirs: str) -> Array:
    if value.ndim > len(ours):  # a matrix: its columns stay last
        ours, theirs = ours + "m", theirs + "m"
    if value.ndim != len(ours):  # a quantity with no axis of its own, such as a loss
        ours = ours[: value.ndim]
        theirs = "".join(letter for letter in theirs if letter in ours)
    if "B" not in theirs:
        value, ours = value[(slice(None),) * ours.index("B") + (0,)], ours.replace("B", "")
    letters = theirs.replace("1", "")
    value = np.transpose(value, [ours.index(letter) for letter in letters])
    for place, letter in enumerate(theirs):
        if letter == "1":
            value = np.expand_dims(value, place)
    return np.array(value)


def _restored(value: Array, theirs: str, ours: str) -> Array:
    if value.ndim != len(theirs):
        return value
    ones = tuple(place for place, letter in enumerate(theirs) if letter == "1")
    if any(value.shape[place] != 1 for place in ones):
        return value
    value, letters = value.squeeze(ones), theirs.replace("1", "")
    if "B" not in letters:
        value, letters = value[None], "B" + letters
    return np.transpose(value, [letters.index(letter) for letter in ours])


@dataclass(frozen=True)
class Part:
    """One block of one of their arrays: the array's name, what the block is in the cell's names, and its label."""

    theirs: str
    ours: str
    label: str
    rows: slice
    columns: slice


@dataclass(frozen=True)
class Binding:
    """A cell bound to a person's names and layout."""

    cell: Cell
    layout: Layout
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = [*self.cell.quantities]
        for theirs, spec in self.names.items():
            for row in self._blocks(spec):
                for name in row:
                    if name not in known:
                        raise InputError(
                            f"{theirs} stands for {name}, which {self.cell.name} does not have",
                            hint=f"it has {', '.join(self._given())}",
                        )

    def _given(self) -> list[str]:
        found = dict.fromkeys(q.name for q in (*self.cell.parameters, *self.cell.inputs, *self.cell.states))
        return list(found)

    def _blocks(self, spec: str) -> list[list[str]]:
        rows = [[name.strip() for name in row.split("|")] for row in spec.split(",")]
        if len(rows) == 1 and any("*" in name for name in rows[0]):
            gates = self.layout.gates or families(self.cell)[1]
            if not gates:
                raise InputError(f"{spec!r}: {self.cell.name} has no gates", hint="write the names one by one")
            rows = [[name.replace("*", gate) for name in rows[0]] for gate in gates]
        return rows

    def their_name(self, ours: str) -> str:
        """What they call an input or a state."""
        return next((theirs for theirs, spec in self.names.items() if spec.strip() == ours), ours)

    @property
    def arrays(self) -> dict[str, list[list[str]]]:
        """Their parameters by name, as rows of blocks; those of the cell that no name mentions are as they are."""
        parameters = {q.name for q in self.cell.parameters}
        found = {theirs: self._blocks(spec) for theirs, spec in self.names.items()}
        found = {theirs: rows for theirs, rows in found.items() if rows[0][0] in parameters}
        mentioned = {name for rows in found.values() for row in rows for name in row}
        return found | {q.name: [[q.name]] for q in self.cell.parameters if q.name not in mentioned}

    def parameters_to(self, given: Arrays) -> dict[str, Array]:
        """Their parameters, from the cell's."""
        arrays = self.arrays
        uses: dict[str, list[str]] = {}
        for theirs, rows in arrays.items():
            for row in rows:
                for name in row:
                    uses.setdefault(name, []).append(theirs)
        found = {}
        for theirs, rows in arrays.items():
            blocks = [[given[name] * self._share(theirs, uses[name]) for name in row] for row in rows]
            lines = [np.concatenate(row, axis=-1) if len(row) > 1 else row[0] for row in blocks]
            found[theirs] = self.layout.parameter_to(np.concatenate(lines) if len(lines) > 1 else np.asarray(lines[0]))
        return found

    @staticmethod
    def _share(theirs: str, uses: list[str]) -> float:
        if len(uses) == 1:
            return 1.0
        shares = [SHARES[(k + 1) % len(SHARES)] for k in range(len(uses) - 1)]
        return [*shares, 1.0 - sum(shares)][uses.index(theirs)]

    def parts(self, given: Arrays) -> Iterator[Part]:
        """Every block of their parameters with its place."""
        arrays = self.arrays
        several = [name for rows in arrays.values() for row in rows for name in row]
        for theirs, rows in arrays.items():
            top = 0
            for row in rows:
                left, height = 0, given[row[0]].shape[0] if given[row[0]].ndim else 1
                for name in row:
                    width = given[name].shape[-1] if given[name].ndim > 1 else 1
                    alone = len(rows) == len(row) == 1
                    label = name if theirs == name and alone else f"{theirs}[{name}]" if not alone else theirs
                    if alone and theirs != name and several.count(name) == 1:
                        label = f"{theirs} ({name})"
                    yield Part(theirs, name, label, slice(top, top + height), slice(left, left + width))
                    left += width
                top += height

    def block(self, part: Part, value: Array, dimensions: int) -> Array:
        """The block of a gradient of theirs, in the layout of the code; their whole array where it does not fit."""
        rows = self.arrays[part.theirs]
        value = self.layout.parameter_from(value, dimensions)
        if len(rows) == 1 and len(rows[0]) == 1:
            return value
        if value.ndim != dimensions:
            return value
        return value[part.rows] if dimensions == 1 else value[part.rows, part.columns]


def read_names(text: str) -> dict[str, str]:
    """Names as they are written on a command line: `W_ih=W_i,W_f; b=b_*`."""
    found = {}
    for entry in filter(None, (part.strip() for part in re.split(r"[;\n]", text))):
        theirs, equals, ours = (word.strip() for word in entry.partition("="))
        if not (theirs and equals and ours):
            raise InputError(f"the name {entry!r} is not understood", hint="write THEIRS=OURS; THEIRS=OURS,OURS")
        found[theirs] = ours
    return found


def read_layout(text: str) -> Layout:
    """A layout as it is written on a command line: `BTn`, `nBT, vectors=n1, transposed, gates=ifgo`."""
    known: dict[str, Callable[[str], Any]] = {"vectors": str, "gates": _gates, "transposed": lambda _: True}
    found: dict[str, Any] = {}
    for place, word in enumerate(filter(None, (part.strip() for part in text.split(",")))):
        key, _, value = word.partition("=")
        if key in known:
            found[key] = known[key](value)
        elif place == 0 and not value:
            found["sequence"] = word
        else:
            raise InputError(
                f"the layout {word!r} is not understood", hint="as in: BTn, vectors=n1, transposed, gates=ifgo"
            )
    return Layout(**found)


def _gates(value: str) -> tuple[str, ...]:
    return tuple(value.split("/")) if "/" in value else tuple(value)
