"""A Jacobian over several steps in denominator layout, as the note has it, put into a chain of rows: left open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.reader.meaning import tree
from verify.formulas.judgement import Judgement, Word
from verify.formulas.readings.conventions import LAYOUTS
from verify.notes.audited import Audited
from verify.notes.conventions.trying import RIGHT, lefts_of

MIXED = (
    "wrong unless the product is the Jacobian in denominator layout, as in line {line}, among factors in the other one"
)
_TRANSPOSED = frozenset(["extra transpose"])


def of_mixed_layouts(found: Sequence[Audited]) -> Iterator[Audited]:
    """The formulas, those left open in which nothing is wrong but that a product is transposed as the note writes it:
    ∂L/∂h_T ∏ W^⊤ diag(f') beside ∂h_T/∂h_1 = ∏ W^⊤ diag(f').
    """
    line = next((each.formula.place.line for each in found if _is_product_of_columns(each)), 0)
    for each in found:
        yield replace(each, judgements=tuple(_opened(one, line) for one in each.judgements)) if line else each


def _is_product_of_columns(audited: Audited) -> bool:
    """Whether a formula is right as a Jacobian over several steps in denominator layout."""
    columns = any(one.word in RIGHT and LAYOUTS["denominator"] in one.assumptions for one in audited.judgements)
    if audited.model is None or not columns or r"\prod" not in audited.formula.text:
        return False
    return any(
        isinstance(left, tree.Derivative) and left.of.name == left.by.name for left in lefts_of(audited, audited.model)
    )


def _opened(judgement: Judgement, line: int) -> Judgement:
    mistakes = judgement.mistakes
    transposed = {one.name for one in mistakes} == _TRANSPOSED and all(r"\prod" in one.detail for one in mistakes)
    if judgement.word is not Word.WRONG or not transposed:
        return judgement
    return Judgement(judgement.formula, Word.UNDECIDED, reason=MIXED.format(line=line), place=judgement.place)
