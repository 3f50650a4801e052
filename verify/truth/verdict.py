"""What a comparison ends in. No verdict is a bool: `undecided` must look neither like right nor like wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from derive.cell import Assumption


class Outcome(Enum):
    """The outcome of exact identity testing."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Counterexample:
    """Where two sides differ: an entry of a quantity at a time, at a random point that the seed draws again."""

    name: str
    sizes: Mapping[str, int]
    T: int
    seed: int
    time: int | None
    index: tuple[int, int] | None
    reason: str

    def __str__(self) -> str:
        sizes = ", ".join(f"{letter}={number}" for letter, number in self.sizes.items())
        where = f"{self.name}" + (f" at t={self.time}" if self.time is not None else "")
        entry = f", entry {self.index}" if self.index is not None else ""
        return f"{where}{entry} with {sizes}, T={self.T}, seed {self.seed}: {self.reason}"


@dataclass(frozen=True)
class Verdict:
    """The outcome, the declared facts it rests on, and for a refutation a counterexample."""

    outcome: Outcome
    assumptions: tuple[Assumption, ...] = ()
    counterexample: Counterexample | None = None
    reason: str = ""

    @property
    def proved(self) -> bool:
        return self.outcome is Outcome.PROVED

    @property
    def refuted(self) -> bool:
        return self.outcome is Outcome.REFUTED

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is not a truth value: ask .proved or .refuted")

    def __str__(self) -> str:
        parts = (self.outcome.value, str(self.counterexample or ""), self.reason)
        return " ".join(part for part in parts if part)
