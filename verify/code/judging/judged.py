"""What judging found: one setting, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass, field

from verify.code.calling.axes import Setting
from verify.code.calling.engine import CallPlan, CallTrial
from verify.code.judging.differences import Along
from verify.code.report import Standing
from verify.numbers.case import Array


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

    @property
    def method(self) -> str:
        """By what the gradients were judged."""
        ways = {a.exact for one in self.seen for a in one.along.values()}
        named = [
            words for words, exact in (("the complex step", True), ("central differences", False)) if exact in ways
        ]
        return " and ".join(named)

    def wrong(self) -> list[str]:
        """The labels of gradients that are wrong in any setting, in the order of the code."""
        labels = [label for one in self.seen for label in one.got]
        bad = {label for one in self.seen for label, s in one.standings.items() if s is Standing.WRONG}
        return [label for label in dict.fromkeys(labels) if label in bad]
