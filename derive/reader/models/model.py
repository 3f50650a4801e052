"""A model with its origin."""

from __future__ import annotations

from dataclasses import dataclass

from derive.cell import Cell
from derive.errors import Place
from derive.reader.claims.meant import NOTHING, Meant
from derive.reader.models.choice import Refused
from derive.reader.models.holes import Hole


@dataclass(frozen=True)
class Lost:
    """Why equations make no model: what of it stays open, or the equations that cannot be used together."""

    reason: str
    holes: tuple[Hole, ...] = ()
    refused: tuple[Refused, ...] = ()


@dataclass(frozen=True)
class Model:
    """A cell, where it comes from (`origin`), and what had to be assumed to complete it.

    `definitions` are the places of the note's equations that it consists of: they define, they claim nothing. `holes`
    are quantities whose equation is not known; `doubts` are guesses on which every verdict rests; `meant` are letters
    that the note defines beside the cell, `facts` what it declares about the data.
    """

    cell: Cell
    origin: str
    assumed: tuple[str, ...] = ()
    definitions: frozenset[tuple[str, int, int]] = frozenset()
    holes: tuple[Hole, ...] = ()
    doubts: tuple[str, ...] = ()
    meant: Meant = NOTHING
    facts: tuple[str, ...] = ()
    recognised: bool = False
    given: tuple[str, ...] = ()
    """Letters of gates and candidates without an equation, which the cell has as inputs."""
    computed: Cell | None = None
    """The cell in which these are computed from all inputs and states, if there are any."""
    moved: bool = False
    """Whether the cell computes these itself, as the note takes their derivatives; then `computed` has them given."""
    unusable: tuple[tuple[str, Place], ...] = ()
    """Declarations that the equations contradict: what is wrong, and where."""

    def __str__(self) -> str:
        return "model: " + "; ".join((self.origin, *self.assumed))

    def defines(self, place: Place) -> bool:
        """Whether the formula at this place is one of the model's equations."""
        return (place.file, place.line, place.column) in self.definitions
