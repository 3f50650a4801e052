"""The dictionary of named mistakes: what a program does differently, as data that runs and composes.

A `Variation` changes the derivation, the loop, or what the program is given; `run` then computes the gradients that
a program with that mistake would give. Each kind of mistake is one function in one registry, and works for any cell:

- `local`: terms of the derivation left out or spoilt, time indices, transposes;  `slopes`: slopes of functions
- `through_time`: the carry from step to step, truncation, the seeds of J
- `other_cells`: a forward pass other than that of the cell; gates read in another order

Mistakes that spoil a finished gradient (scaled, clipped, transposed …) are found in it directly: see `results`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from derive.calculus.derivation import Derivation
from verify.code.programs.run import Forward, Loop, Prediction, Sweep
from verify.formulas.judgement import Mistake
from verify.numbers.case import Array, Arrays, Case

Change = Callable[[Derivation], Derivation]


@dataclass(frozen=True)
class Variation:
    """One mistake: what it changes, and what to call it.

    `rank` orders the changes where several come together: the cell, then whole terms, then parts of terms. `given`
    changes what the program works on, `returned` puts its gradients back in the order of the true parameters. One that
    `renames` lets the other mistakes show in other gradients than without it; one that is `over_steps` cannot be
    made in the code of a single step.
    """

    mistake: Mistake
    change: Change | None = None
    rank: int = 0
    loop: Callable[[Loop], Loop] | None = None
    given: Callable[[Case], Case] | None = None
    returned: Callable[[Arrays], Arrays] | None = None
    renames: bool = False
    over_steps: bool = False


Kind = Callable[[Derivation], Iterator[Variation]]
Made = TypeVar("Made", bound=Callable[..., Iterator[Variation]])

KINDS: dict[str, Kind] = {}
"""Every registered kind of mistake by name. Where two mistakes give the same gradients, the first one is named."""


def kind(name: str) -> Callable[[Made], Made]:
    """Register a kind of mistake under its name."""

    def register(made: Made) -> Made:
        KINDS[name] = made
        return made

    return register


def variations(derivation: Derivation) -> list[Variation]:
    """Every registered mistake that a program for this derivation can have."""
    from verify.code.mistakes import local, other_cells, slopes, through_time  # they register their kinds

    places = [module.__name__ for module in (through_time, local, slopes, other_cells)]
    kinds = sorted(KINDS.values(), key=lambda made: places.index(made.__module__) if made.__module__ in places else 0)
    return [variation for made in kinds for variation in made(derivation)]


class Laboratory:
    """One cell and one case on which mistaken programs are run; forward passes are shared where they are the same."""

    def __init__(self, derivation: Derivation, case: Case) -> None:
        self.derivation = derivation
        self.case = case
        self._forward: dict[object, Forward] = {}
        self._known: dict[tuple[Variation, ...], Prediction | None] = {}

    def predict(self, *together: Variation) -> Prediction | None:
        """The gradients of a program with these mistakes, None where they cannot come together."""
        if together not in self._known:
            with np.errstate(all="ignore"):
                self._known[together] = self._run(together)
        return self._known[together]

    def _run(self, together: tuple[Variation, ...]) -> Prediction | None:
        case, loop = self.case, Loop()
        ordered = sorted(together, key=lambda v: v.rank)
        try:
            for variation in ordered:
                if variation.loop is not None:
                    loop = variation.loop(loop)
                if variation.given is not None:
                    case = variation.given(case)
            changes = tuple(v.change for v in ordered if v.change is not None)
            derivation, sweep = _changed(self.derivation, changes)
            found = sweep.run(self._shared_forward(derivation, case), case, loop)
        except (KeyError, ValueError):
            return None  # two mistakes that exclude each other: a term that the other one took away
        for variation in together:
            if variation.returned is not None:
                found = Prediction(variation.returned(found.gradients), variation.returned(found.shares))
        return found

    def _shared_forward(self, derivation: Derivation, case: Case) -> Forward:
        if case is not self.case:
            return Forward(derivation, case)
        key = derivation.program.equations
        if key not in self._forward:
            self._forward[key] = Forward(derivation, case)
        return self._forward[key]


_CHANGED: dict[int, tuple[Derivation, dict[tuple[Change, ...], tuple[Derivation, Sweep]]]] = {}
"""What changes make of a derivation, by the derivation itself, which is kept beside: every case needs the same."""


def _changed(derivation: Derivation, changes: tuple[Change, ...], again: bool = False) -> tuple[Derivation, Sweep]:
    """A derivation after some changes, and its sweep; kept where it will be asked for `again`."""
    known = _CHANGED.setdefault(id(derivation), (derivation, {}))[1]
    if changes in known:
        return known[changes]
    before = _changed(derivation, changes[:-1], True)[0] if changes else derivation
    after = changes[-1](before) if changes else derivation
    found = after, Sweep(after)
    if again or len(changes) < 2:
        known[changes] = found
    return found


def permuted(order: Mapping[str, str]) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    """Arrays by name in another order: `order[name]` is where the array of that name is taken from."""
    return lambda arrays: {name: arrays[order.get(name, name)] for name in arrays}
