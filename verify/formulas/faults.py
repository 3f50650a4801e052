"""Faults of the program met while claims were judged: each has a name and touches no other claim."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from derive.errors import Place, ProgramFault
from verify.formulas.judgement import Judgement


class ClaimsFault(ProgramFault):
    """Faults in some claims of a formula; `judgements` are those on the others."""

    def __init__(self, faults: Sequence[ProgramFault], judgements: Sequence[Judgement]) -> None:
        first = faults[0]
        super().__init__(first.name, first.details, first.subject)
        self.faults = tuple(faults)
        self.judgements = tuple(judgements)


def fault_in(error: Exception, formula: str, place: Place) -> ProgramFault:
    """What no part of the program raises on purpose, with the formula and the calls that led to it."""
    if isinstance(error, ProgramFault):
        return ProgramFault(error.name, error.details, error.subject or f"{place}: {formula}")
    *_, last = traceback.extract_tb(error.__traceback__)
    details = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}: {error}"
    return ProgramFault("unforeseen", details, f"{place}: {formula}")


def as_json(fault: ProgramFault) -> Mapping[str, Any]:
    """One entry of `faults` in the output of `backproof check` and `backproof audit`."""
    return {"name": fault.name, "details": fault.details, "subject": fault.subject}
