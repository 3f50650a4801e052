"""The catalogue's nearest cells to a given one, and what was proved of the nearest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import permutations

from sympy import Basic, Expr, S, Symbol, ZeroMatrix

from derive import catalogue
from derive.cell import Cell
from derive.errors import InputError
from derive.nodes import Node, Quantity, add, block, concat, scale, substitute, t
from verify.truth.proof import identical
from verify.truth.verdict import Outcome
from verify.which.align import Aligner, Alignment, Difference
from verify.which.normal import Applied, Factor, Form, Letter, Linear, StepForm, factors_in, step_form, turned_form

SAME_MODEL = {"gate the other way round", "number of biases"}
"""Kinds of differences between two ways to write one model."""

KIN = 3.0
"""How many times larger or smaller a cell may be to be compared at all."""

FAR = 0.5
"""A cell of which more than this share differs is no kin."""


@dataclass(frozen=True)
class Match:
    """A cell of the catalogue beside the given one.

    `letters` tells for every state, input and parameter there what it is called here. `proved`: the two are one
    model but for the names, the number of biases and the direction of gates; decided by exact comparison.
    """

    cell: Cell
    cost: float
    differences: tuple[Difference, ...]
    letters: Mapping[str, str]
    laid: _Laid
    proved: bool = False


@dataclass(frozen=True)
class _Laid:
    """How the two were laid beside each other."""

    theirs: StepForm
    found: Alignment
    states: Mapping[str, str]


def which(cell: Cell, most: int = 3) -> list[Match]:
    """The nearest cells of the catalogue, the nearest first; none where no cell is kin.

    A model that is equal up to names, the number of biases and the direction of gates is proved to be so. Raises
    InputError for a head.
    """
    if cell.is_loss:
        raise InputError("a head is no recurrent cell", hint="name a cell or a note with a state")
    mine = step_form(cell)
    whole = _size(mine)
    forms = [_of_catalogue(name) for name in catalogue.cells()]
    near = [some for some in forms if 1 / KIN <= _size(some[0]) / whole <= KIN]
    found = [match for match in (_nearest(mine, some) for some in near) if match is not None]
    found.sort(key=lambda match: (match.cost, match.cell.name != cell.name))
    kin = [match for match in found if match.cost <= FAR * whole][:most]
    return [_decided(mine, match) for match in kin]


@cache
def _of_catalogue(name: str) -> tuple[StepForm, ...]:
    """The forms of a catalogue cell: as it is, and with each gate that may open the other way."""
    form = step_form(catalogue.find(name))
    return (form, *(replace(form, forms=forms, turned=gate) for gate, forms in _turned(form)))


def _turned(form: StepForm) -> Iterator[tuple[Factor, Mapping[str, Form]]]:
    """The forms with one gate as one minus the gate, for each gate that stands beside its complement."""
    gates = {
        f for one in form.forms.values() for f in factors_in(one) if isinstance(f, Applied) and f.function == "sigmoid"
    }
    for gate in sorted(gates, key=str):
        signs = {bool(n.could_extract_minus_sign()) for one in form.forms.values() for n, p in one if gate in p}
        if len(signs) == 2:
            yield gate, {name: turned_form(one, gate) for name, one in form.forms.items()}


def _nearest(mine: StepForm, forms: tuple[StepForm, ...]) -> Match | None:
    """The closest way to lay a catalogue cell beside the given one; None where numbers of states or inputs differ."""
    best: Match | None = None
    for theirs in forms:
        for states in _states(mine.cell, theirs.cell):
            found = _aligned(mine, theirs, states)
            if best is None or found.cost < best.cost:
                best = found
            if found.cost == 0:
                return found
    return best


def _states(here: Cell, there: Cell) -> Iterator[Mapping[str, str]]:
    """The ways to give the states of one cell to those of the other, columns to columns and matrices to matrices."""
    if len(here.states) != len(there.states) or len(here.inputs) != len(there.inputs):
        return
    for order in permutations(there.states):
        pairs = list(zip(here.states, order, strict=True))
        if all(_sort(a) == _sort(b) for a, b in pairs):
            yield {a.name: b.name for a, b in pairs}


def _sort(quantity: Quantity) -> tuple[bool, bool]:
    rows, cols = quantity.shape
    return rows == 1, cols == 1


def _aligned(mine: StepForm, theirs: StepForm, states: Mapping[str, str]) -> Match:
    aligner = Aligner(states, mine.gates, theirs.gates)
    found = Alignment()
    for name, form in mine.forms.items():
        there = states.get(name, theirs.cell.output.name)
        if there in theirs.forms:
            found += aligner.forms(form, theirs.forms[there], name)
    if states.get(mine.cell.output.name, "") != theirs.cell.output.name and mine.cell.output.name in states:
        difference = Difference("output", mine.cell.output.name, mine.cell.output.name, theirs.cell.output.name)
        found += Alignment(1.0, (difference,))
    if theirs.turned is not None:
        name = theirs.gates.get(theirs.turned, str(theirs.turned))
        found += Alignment(
            0.5, (Difference("gate the other way round", "", _gate_here(found, mine, theirs.turned), name),)
        )
    letters, found = _consistent(found, {b: a for a, b in states.items()})
    return Match(theirs.cell, found.cost, _once(found.differences), letters, _Laid(theirs, found, states))


def _gate_here(found: Alignment, mine: StepForm, turned: Factor) -> str:
    """The name here of the gate whose letters answer to those of a turned one."""
    wanted = {there for there in factors_in(((S.One, (turned,)),)) if isinstance(there, Letter)}
    letters = {a for here, there in found.pairs if there in wanted for a in here}
    for gate, name in mine.gates.items():
        if isinstance(gate, Applied) and letters and letters <= set(factors_in(((S.One, (gate,)),))):
            return name
    return ""


def _consistent(found: Alignment, states: Mapping[str, str]) -> tuple[dict[str, str], Alignment]:
    """Names here by names there; a weight that stands for two, or two for one, is a difference."""
    letters = dict(states)
    back: dict[str, str] = {}
    for here, there in found.pairs:
        a, b = " + ".join(map(str, here)) or "0", str(there)
        if letters.setdefault(b, a) != a:
            found += Alignment(1.0, (Difference("one for two", "", f"{letters[b]} and {a}", b),))
        elif back.setdefault(a, b) != b:
            found += Alignment(1.0, (Difference("two for one", "", a, f"{back[a]} and {b}"),))
    return letters, found


def _once(differences: tuple[Difference, ...]) -> tuple[Difference, ...]:
    return tuple(dict.fromkeys(differences))


def _size(form: StepForm) -> float:
    return sum(1.0 + len(list(factors_in(one))) for one in form.forms.values())


def _decided(mine: StepForm, match: Match) -> Match:
    """The match with `proved`, by exact comparison of every state's step (and the output's) under the renaming."""
    if any(difference.kind not in SAME_MODEL for difference in match.differences):
        return match
    there = _Renamed(mine.cell, match.laid)
    here = {e.symbol.name: e.symbol for e in mine.cell.equations}
    proved = all(
        identical(here[a], there.step(b), mine.cell).outcome is Outcome.PROVED
        for a, b in {**match.laid.states, mine.cell.output.name: match.cell.output.name}.items()
    )
    return replace(match, proved=proved)


class _Renamed:
    """The equations of a catalogue cell in the letters of the given one."""

    def __init__(self, here: Cell, laid: _Laid) -> None:
        there = laid.theirs.cell
        self._states = {b: a for a, b in laid.states.items()}
        self._quantities = here.quantities
        self._definitions = {e.symbol.name: e.expression for e in there.equations}
        self._leaves = self._parameters(laid)
        self._sizes: dict[Basic, Basic] = {}
        for name, quantity in there.quantities.items():
            mine = self._quantities[self._states[name]] if name in self._states else self._leaves.get(name)
            if mine is not None:
                self._sizes |= {b: a for a, b in zip(mine.shape, quantity.shape, strict=True) if isinstance(b, Symbol)}

    def _parameters(self, laid: _Laid) -> dict[str, Node]:
        """What stands for every input and parameter; a turned gate has its argument with the other sign."""
        blocks: dict[str, list[tuple[Expr, Node]]] = {}
        negative = _signed(laid.theirs.turned)
        for letters, there in dict.fromkeys(laid.found.pairs):
            if letters:
                node = add(*map(self._node, letters))
                blocks.setdefault(there.name, []).append((there.start, scale(-1, node) if there in negative else node))
        return {
            name: parts[0][1] if len(parts) == 1 else concat(1, *(node for _, node in sorted(parts, key=_by_start)))
            for name, parts in blocks.items()
        }

    def _node(self, letter: Letter) -> Node:
        quantity = self._quantities[letter.name]
        quantity = quantity.at(t) if letter.role == "input" and quantity.time is not None else quantity
        return quantity if letter.length is None else block(1, quantity, letter.start, letter.length)

    def step(self, name: str) -> Node:
        """The equation of a state or the output at t, without names for parts."""
        return self._written(self._definitions[name].xreplace(self._sizes))

    def _written(self, node: Node) -> Node:
        def replaced(part: Node) -> Node | None:
            if not isinstance(part, Quantity):
                return None
            if part.name in self._states:
                return self._quantities[self._states[part.name]].at(part.time)
            if part.name in self._definitions:
                return self.step(part.name)
            return self._leaves.get(part.name, ZeroMatrix(*part.shape))

        return substitute(node, replaced)


def _by_start(part: tuple[Expr, Node]) -> tuple[bool, str]:
    return part[0] != 0, str(part[0])


def _signed(gate: Factor | None) -> set[Letter]:
    """The letters whose signs turn the argument of a gate."""
    if not isinstance(gate, Applied):
        return set()
    found = set()
    for _, product in gate.of:
        for factor in product:
            letter = factor.matrix if isinstance(factor, Linear) else factor
            if isinstance(letter, Letter) and letter.role == "parameter":
                found.add(letter)
                break
    return found
