"""What judging found: one setting, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass, field

from verify.code.calling.axes import Setting
from verify.code.calling.engine import CallPlan, CallTrial
from verify.code.judging.differences import Along
from verify.code.report import Standing
from verify.numbers.case import Array

NEVER_WRITTEN = "has entries that are never written"
"""Why a gradient is wrong that is right with zeros in the place of what was there before."""


@dataclass
class Seen:
    """One setting: what the code gave, and for every gradient whether it is right."""

    setting: Setting
    trial: CallTrial
    got: dict[str, Array]
    of: dict[str, str]
    standings: dict[str, Standing] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    along: dict[str, Along] = field(default_factory=dict)
    single: bool = False
    notes: list[str] = field(default_factory=list)


@dataclass
class Judged:
    """All settings together."""

    plan: CallPlan
    seen: list[Seen]
    notes: list[str] = field(default_factory=list)
    mistakes: list[tuple[str, str]] = field(default_factory=list)
    not_given: list[str] = field(default_factory=list)
    not_understood: list[str] = field(default_factory=list)
    undecided: str = ""
    kept: bool = False
    unjudged: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)

    @property
    def method(self) -> str:
        """By what the gradients were judged."""
        ways = {a.exact for one in self.seen for a in one.along.values()}
        named = [
            words for words, exact in (("the complex step", True), ("central differences", False)) if exact in ways
        ]
        return " and ".join(named)

    def unexplained(self) -> list[str]:
        """The labels of wrong gradients that are wrong by more than entries that are never written."""
        reasons = {
            label: [one.reasons.get(label) for one in self.seen if self._wrong(one, label)] for label in self.wrong()
        }
        return [label for label, some in reasons.items() if set(some) != {NEVER_WRITTEN}]

    @staticmethod
    def _wrong(one: Seen, label: str) -> bool:
        return one.standings.get(label) is Standing.WRONG

    def wrong(self) -> list[str]:
        """The labels of gradients that are wrong in any setting, in the order of the code."""
        labels = [label for one in self.seen for label in one.got]
        bad = {label for one in self.seen for label, s in one.standings.items() if s is Standing.WRONG}
        return [label for label in dict.fromkeys(labels) if label in bad]
