"""What was found about one formula of a note."""

from __future__ import annotations

from dataclasses import dataclass

from derive.errors import ProgramFault
from derive.reader.models.model import Model
from verify.formulas.judgement import Judgement
from verify.notes.files import Formula

ANOTHER = "a definition that differs from the model's"


@dataclass(frozen=True)
class Audited:
    """A formula with its model, the judgements on it, and the faults of the program that it met."""

    formula: Formula
    model: Model | None
    judgements: tuple[Judgement, ...]
    faults: tuple[ProgramFault, ...] = ()
