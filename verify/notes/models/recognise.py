"""Letters -> a cell of the catalogue in a notation, with a loss on top where the letters speak of one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files

from derive import catalogue
from derive.cell import Cell
from derive.errors import InputError
from derive.notation import AS_WRITTEN, Notation, notations, spelled
from derive.reader import read_equations, read_note
from derive.reader.models.equations.equation import LOSSES, TIMES
from derive.reader.models.equations.names import letter_name, stripped
from derive.reader.models.model import Model
from derive.targets.formula import latex

ENOUGH = 0.6
"""The share of a section's letters that a cell must explain to be recognised."""
FEWEST = 2
"""Letters of a section that must be among the cell's: one alone says nothing."""
WEIGHTS: Mapping[str, tuple[str, ...]] = {
    "V": ("V", r"W_{hy}", r"W_{ya}", r"W_y"),
    "c": ("b_y", "c", r"b_o", r"b_V"),
    "z": ("z", "o"),
    "y_hat": (r"\\hat{y}", "o", "p"),
}
"""Letters that a loss may be written in, where the notation has no other."""


@dataclass(frozen=True)
class Candidate:
    """A cell in a notation, perhaps with a head."""

    kind: str
    cell: Cell
    notation: Notation
    head: Cell | None = None
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        letters = "" if self.notation.name == AS_WRITTEN.name else f" in the letters of {self.notation.name}"
        return self.kind + (f" with {self.head.name}" if self.head else "") + letters

    @cached_property
    def letters(self) -> Notation:
        """The letters of the cell."""
        found = self.notation.among(self.cell.quantities)
        return replace(found, letters=(*self.renamed, *found.letters))

    @cached_property
    def head_letters(self) -> Notation:
        """The letters of the head: what it reads is the cell's output."""
        if self.head is None:
            return self.letters
        given = self.head.inputs[0].name
        output = str(self.letters.letter(self.cell.output.name))
        own = self.notation.among(self.head.quantities)
        if self.notation.name == AS_WRITTEN.name:
            own = replace(self.head.notation, time=self.notation.time)
        return replace(own, letters=((given, output), *self.renamed, *own.letters))

    @cached_property
    def names(self) -> Mapping[str, tuple[str, bool]]:
        """The identifiers of all letters, with the quantity each is and whether it belongs to the head."""
        found = {letter_name(str(self.letters.letter(name))): (name, False) for name in self.cell.quantities}
        if self.head is not None:
            for name in self.head.quantities:
                if name != self.head.inputs[0].name:
                    found.setdefault(letter_name(str(self.head_letters.letter(name))), (name, True))
        return found

    @cached_property
    def states(self) -> frozenset[str]:
        """The identifiers of the states."""
        return frozenset(letter_name(str(self.letters.letter(state.name))) for state in self.cell.states)

    def score(self, wanted: Mapping[str, float]) -> tuple[float, float]:
        """The weight of the letters that it explains, less a little for quantities it has besides; and the share."""
        known = self.names
        explained = sum(weight for name, weight in wanted.items() if name in known or stripped(name) in known)
        spoken = {*wanted, *map(stripped, wanted)}
        computed = {e.symbol.name for e in (*self.cell.equations, *(self.head.equations if self.head else ()))}
        besides = sum(name not in spoken for name, (quantity, _) in known.items() if quantity in computed)
        return explained - 0.1 * besides, explained / max(sum(wanted.values()), 1e-9)

    def read(self) -> Cell:
        """The cell in these letters, read like a note."""
        lines = [_line(self.cell, index, self.letters) for index in range(len(self.cell.equations))]
        time = TIMES[self.letters.time]
        if self.head is None:
            output = str(self.letters.letter(self.cell.output.name))
            return read_equations(lines, [f"output: {_timed(output, time)}"], self.kind)
        letters = replace(self.head_letters, time=self.letters.time)
        lines += [_line(self.head, index, letters) for index in range(len(self.head.equations))]
        target = _timed(str(letters.letter(self.head.targets[0].name)), time)
        where = [f"output: {_timed(str(letters.letter(self.head.output.name)), time)}", f"target: {target}"]
        if any(assumption.kind == "sums to one" for assumption in self.head.assumptions):
            where.append(rf"assume: \mathbf{{1}}^\top {{{target}}} = 1")
        return read_equations(lines, where, self.kind)


def _line(cell: Cell, index: int, letters: Notation) -> str:
    equation = cell.equations[index]
    return f"{latex(equation.symbol, letters)} = {latex(equation.expression, letters)}"


def _timed(letter: str, time: str) -> str:
    return f"{{{letter}}}{time}" if "^" in letter else f"{letter}{time}"


@cache
def _stacked() -> tuple[tuple[str, str, Cell], ...]:
    """The notes of `letters/`: the kind of cell, the notation it belongs to, the cell."""
    found = []
    folder = files("verify.notes.models").joinpath("letters")
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".md"):
            notation, kind = entry.name.removesuffix(".md").split(".")
            found.append((kind, notation, read_note(entry.read_text(encoding="utf-8"), entry.name)))
    return tuple(found)


PLAIN = "rnn"
KINDS = (PLAIN, "lstm", "gru", "gru_reset_after")
"""The cells that letters alone can tell: every other one shares its letters with one of these, and is written out in
a note or named."""


def candidates(cell: str | None = None, notation: str | None = None) -> Iterator[Candidate]:
    """The cells that letters can tell in every notation, or what is asked for."""
    for kind in KINDS if cell is None else (cell,):
        if (known := catalogue.named(kind)) is None:
            continue
        if notation is None:
            yield Candidate(kind, known, known.notation)
        for name, table in notations().items():
            if notation in (None, name):
                yield Candidate(kind, known, table)
    for kind, name, read in _stacked():
        if cell in (None, kind) and notation in (None, name):
            yield Candidate(kind, read, replace(read.notation, name=name))


def recognised(
    wanted: Mapping[str, float], text: str, cell: str | None = None, notation: str | None = None
) -> Model | None:
    """The cell whose letters explain those of a section best; `text` are its formulas, `wanted` its letters' weights.

    None if nothing explains enough of them, unless the cell is named.
    """
    wanted = {name: weight for name, weight in wanted.items() if name}
    head = catalogue.find(_head(text))
    every: list[Candidate] = []
    for candidate in candidates(cell, notation):
        every.append(candidate)
        every.append(_with_head(candidate, head, wanted))
    if not every:
        return None
    ranked = sorted(every, key=lambda candidate: -candidate.score(wanted)[0])
    best = ranked[0]
    spoken = {*wanted, *map(stripped, wanted)}
    seen = sorted(name for name in best.names if name in spoken)
    if cell is None and (best.score(wanted)[1] < ENOUGH or not best.states & spoken or len(seen) < FEWEST):
        return None
    if cell is None and best.kind != PLAIN and len(best.states & spoken) == 1 and not {*seen} - best.states - LOSSES:
        return None  # one state alone is not told from that of a plain cell
    best, assumed = _in_their_letters(best, wanted)
    try:
        read = best.read()
    except InputError:
        return None
    how = "as named" if cell else f"recognised from {', '.join(seen[:8])}"
    title = f"{best.title}, {how}"
    doubts = () if cell else (f"the model is {best.title}, which the note does not write out",)
    return Model(read, title, tuple(assumed), doubts=doubts, recognised=cell is None)


def _head(text: str) -> str:
    """Which loss the formulas speak of."""
    flat = text.replace(" ", "")
    if "log(1-" in flat or "ln(1-" in flat:
        return "sigmoid_binary_cross_entropy"
    if "\\frac{1}{2}" in flat and "log" not in flat and "softmax" not in flat:
        return "linear_squared_error"
    return "softmax_cross_entropy"


def _with_head(candidate: Candidate, head: Cell, wanted: Collection[str]) -> Candidate:
    """The cell with a head, whose weights take letters that the section has and the cell has not."""
    taken = set(candidate.names)
    spoken = {*wanted, *map(stripped, wanted)}
    letters = candidate.notation.among(head.quantities)
    table = notations().get(candidate.notation.name)
    if table is not None:  # the notes of letters/ leave the head to the notation they belong to
        letters = table.among(head.quantities)
    chosen: list[tuple[str, str]] = []
    for name in head.quantities:
        if name == head.inputs[0].name:
            continue
        own = str(letters.letter(name))
        options = [own, *(option.replace("\\\\", "\\") for option in WEIGHTS.get(name, ()))]
        free = [option for option in options if letter_name(option) not in taken]
        letter = next((option for option in free if letter_name(option) in spoken), (free or [own])[0])
        taken.add(letter_name(letter))
        chosen.append((name, letter))
    cell_letters = candidate.letters
    kept = [(name, str(cell_letters.letter(name))) for name in candidate.cell.quantities if name in dict(chosen)]
    return _Headed(candidate.kind, candidate.cell, candidate.notation, head, tuple(kept), tuple(chosen))


@dataclass(frozen=True)
class _Headed(Candidate):
    """A candidate whose head has letters of its own, even where the cell has quantities of the same name."""

    chosen: tuple[tuple[str, str], ...] = field(default=())

    @cached_property
    def head_letters(self) -> Notation:
        assert self.head is not None
        output = str(self.letters.letter(self.cell.output.name))
        letters = ((self.head.inputs[0].name, output), *self.chosen)
        return Notation(self.notation.name, letters, self.letters.time)


def _in_their_letters(best: Candidate, wanted: Collection[str]) -> tuple[Candidate, list[str]]:
    """Parameters that the section writes with another subscript, where only one can be meant: b for b_a, b_h for b.

    W_{hx} for W_{xh} or W_{ih} too.
    """
    spoken = {*wanted, *map(stripped, wanted)}
    unknown = sorted(name for name in wanted if name not in best.names and stripped(name) not in best.names)
    renamed: list[tuple[str, str]] = []
    assumed = []
    for name in unknown:
        base, _, label = name.partition("_")
        meant = [
            (known, quantity)
            for known, (quantity, of_head) in best.names.items()
            if known not in spoken and not of_head and known.split("_")[0] == base
            and quantity in {parameter.name for parameter in best.cell.parameters}
        ]  # fmt: skip
        of_a_state = base == "b" and label in best.states
        inputs = {letter_name(str(best.letters.letter(one.name))) for one in best.cell.inputs}
        of_an_input = len(label) == 2 and any({*label} == {state, x} for state in best.states for x in inputs)
        if len(meant) == 1 and (len(name) == 1 or of_a_state or of_an_input):
            known, quantity = meant[0]
            renamed.append((quantity, str(spelled(name))))
            assumed.append(f"{name} is taken to be {known}")
    return replace(best, renamed=(*renamed, *best.renamed)), assumed
