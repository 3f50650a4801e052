"""The note's own forward equations as a cell, as far as they make one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from derive.cell import Cell
from derive.errors import InputError
from derive.notation import MARKS, spelled
from derive.reader.elaborate import cell as elaborated
from derive.reader.fragment import Fragment
from derive.reader.note import Declaration
from verify.models.equations import TIMES, Equation
from verify.models.model import Model
from verify.models.names import stripped

ACCENTED = ("_tilde", "_hat", "_prime")
"""Endings of names that usually have an equation."""
MOST = 60
"""Equations that a model may have."""


def own(given: Sequence[Equation], section: tuple[str, ...], names: Collection[str]) -> Model | None:
    """The cell that defines the quantities called `names`, by the equations of the section or the nearest others.

    None where the equations make no recurrent cell.
    """
    chosen = _Choice(sorted(given, key=lambda e: _distance(e, section, given)), names)
    chosen.take({e.target for e in given if e.section == section} | set(names) | {stripped(n) for n in names})
    chosen.fill_gaps()
    while chosen.by_name:
        model = chosen.model()
        if isinstance(model, Cell):
            if not model.states:
                return None
            return Model(model, chosen.origin(), tuple(chosen.said()), chosen.places())
        if not chosen.drop(model):
            return None
    return None


def _distance(equation: Equation, section: tuple[str, ...], given: Sequence[Equation]) -> tuple[int, int]:
    """The section's own first, then those before it from the nearest on, then those after it."""
    if equation.section == section:
        return 0, -equation.index
    inside = [e.index for e in given if e.section == section]
    here = min(inside, default=MOST * MOST)
    return (1, -equation.index) if equation.index < here else (2, equation.index)


@dataclass
class _Choice:
    """The equations chosen so far, one for each name; `nearest` are all, the nearest first."""

    nearest: Sequence[Equation]
    wanted: Collection[str]
    by_name: dict[str, Equation] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)

    def take(self, names: Collection[str]) -> None:
        """Take the equations for these names and for everything that they use."""
        waiting = list(names)
        while waiting and len(self.by_name) < MOST:
            name = waiting.pop()
            if name in self.by_name:
                continue
            equation = next((e for e in self.nearest if e.target == name and id(e) not in self.refused), None)
            if equation is not None:
                self.by_name[name] = equation
                waiting += [mention.name for mention in equation.used]

    @property
    def used(self) -> dict[str, set[int | None]]:
        """The names on the right sides, with their times relative to t."""
        found: dict[str, set[int | None]] = {}
        for equation in self.by_name.values():
            for mention in equation.used:
                time = None if mention.offset is None else mention.offset - equation.offset
                found.setdefault(mention.name, set()).add(time)
        return found

    def fill_gaps(self) -> None:
        """Quantities that are used and never defined, where another letter plainly stands for them."""
        for name, offsets in self.used.items():
            if name in self.by_name or offsets == {None}:
                continue
            marked = next((e for e in self.nearest for m in MARKS if e.target == f"{name}_{m}"), None)
            if marked is not None:
                self.by_name.pop(marked.target, None)
                self.adopt(marked, name, f"{marked.target} is taken to be {name}")
        for equation in [e for e in self.by_name.values() if e.loss]:
            for mention in equation.used:
                source = next((e for e in self.nearest if "softmax" in e.right and not e.loss), None)
                if mention.name.endswith("_hat") and mention.name not in self.by_name and source is not None:
                    self.adopt(source, mention.name, f"{mention.name} is taken to be {source.target}")

    def adopt(self, equation: Equation, name: str, said: str) -> None:
        """Take an equation for another name, in the letters that are in use here."""
        known = set(self.by_name) | set(self.used) | set(self.wanted)
        letters = {
            m.name: m.name.swapcase()
            for m in equation.used
            if len(m.name) == 1 and m.offset is not None and m.name not in known and m.name.swapcase() in known
        }
        self.by_name[name] = equation.with_target(name).renamed(letters)
        self.assumed.append(said)
        self.assumed += [f"{old} is taken to be {new}" for old, new in letters.items()]
        self.take([m.name for m in self.by_name[name].used])

    def model(self) -> Cell | InputError:
        """The cell, or what stands in its way."""
        try:
            formulas, declarations = self.fragments()
            return elaborated(formulas, declarations, name="note", title="the note's own equations")
        except InputError as error:
            return error

    def fragments(self) -> tuple[list[Fragment], list[Declaration]]:
        """The equations and what has to be declared: targets, inputs and the output."""
        formulas: list[Fragment] = []
        declarations: list[Declaration] = []
        output = self.output()
        time = TIMES[output.style]
        targets: set[str] = set()
        for equation in sorted(self.by_name.values(), key=lambda e: e.index):
            if equation.loss == "cross-entropy":
                written, target = _cross_entropy(equation)
                formulas.append(written)
                if target not in self.by_name:
                    targets.add(target)
                    letter = f"{spelled(target)}{time}"
                    declarations.append(_declared("target", letter))
                    declarations.append(_declared("assume", rf"\mathbf{{1}}^\top {_bracketed(letter)} = 1"))
            else:
                formulas.append(equation.fragment)
        declarations.append(_declared("output", f"{spelled(output.target)}{time}"))
        for name, offsets in self.used.items():
            if name not in self.by_name and name not in targets and 0 in offsets:
                declarations.append(_declared("input", f"{spelled(name)}{time}"))
        return formulas, declarations

    def output(self) -> Equation:
        """The loss; else what is computed from the state and used by nothing; else a state that nothing else uses."""
        ordered = sorted(self.by_name.values(), key=lambda e: e.index)
        losses = [e for e in ordered if e.loss]
        if losses:
            return losses[-1]
        states = {name for name, offsets in self.used.items() if -1 in offsets}
        now = {name for name, offsets in self.used.items() if 0 in offsets}
        last = [e for e in ordered if e.target not in now]
        read_out = [e for e in last if e.target not in states and self.reaches(e, states)]
        return (read_out or [e for e in last if e.target in states] or last or ordered)[-1]

    def reaches(self, equation: Equation, states: Collection[str]) -> bool:
        """Whether an equation depends, within the step, on a state."""
        waiting, seen = [equation], {equation.target}
        while waiting:
            current = waiting.pop()
            for mention in current.used:
                if mention.offset is None or mention.offset != current.offset or mention.name in seen:
                    continue
                if mention.name in states:
                    return True
                seen.add(mention.name)
                if mention.name in self.by_name:
                    waiting.append(self.by_name[mention.name])
        return False

    def drop(self, error: InputError) -> bool:
        """Leave out the equation at fault."""
        place = error.place
        guilty = [
            name for name, e in self.by_name.items() if place and e.place[:2] == (place.file, place.line)
        ] or list(self.by_name)[-1:]
        states = {name for name, offsets in self.used.items() if -1 in offsets}
        guilty.sort(key=lambda name: name in states)
        equation = self.by_name.pop(guilty[0])
        self.refused.add(id(equation))
        self.assumed.append(f"the equation for {equation.target} in line {equation.place[1]} could not be used")
        return bool(self.by_name)

    def said(self) -> list[str]:
        """What was assumed to complete the cell."""
        every = [e.numbered for e in self.by_name.values() if e.numbered]
        open_ = [name for name in self.used if name not in self.by_name and name.endswith(ACCENTED)]
        said = [f"the equation for {step} is taken for every step" for step in every]
        return self.assumed + said + [f"{name} has no equation and is taken as given" for name in open_]

    def places(self) -> frozenset[tuple[str, int, int]]:
        """Where the equations stand; one for step 3 is a claim about step 3."""
        return frozenset(e.place for e in self.by_name.values() if not e.numbered)

    def origin(self) -> str:
        """Which equations these are, by their lines."""
        lines = sorted({e.place[1] for e in self.by_name.values()})
        return f"the note's own equations in line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"


def _declared(key: str, latex: str) -> Declaration:
    return Declaration(key, (Fragment.of(latex, "<model>"),), "")


def _bracketed(letter: str) -> str:
    return f"{{{letter}}}"


def _cross_entropy(equation: Equation) -> tuple[Fragment, str]:
    """-yᵀ log ŷ with the letters of the equation, and the name of y."""
    used = list(dict.fromkeys(mention.name for mention in equation.used))
    predicted = next((name for name in used if name.endswith(ACCENTED)), used[-1])
    target = next((name for name in used if name != predicted), predicted)
    time = TIMES[equation.style]
    left, y, y_hat = (f"{spelled(name)}{time}" for name in (equation.target, target, predicted))
    return equation.rewritten(rf"{left} = -{{{y}}}^\top \log {y_hat}").fragment, target
