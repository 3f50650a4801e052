"""A document whose equations stand in running text -> the same document with them displayed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.cell import Guess
from derive.reader.models.declaring import within
from derive.reader.models.equations.equation import LOSSES
from derive.reader.models.equations.finding import equations, letter_named
from derive.reader.models.equations.losses import whole
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Found, Note


def with_spoken(document: Note, every: Sequence[Found]) -> Note | None:
    """The document with the equations of running text among the displayed ones; None where there are none.

    `every` are all its formulas. That L is the sum of L_t declares nothing that a cell needs.
    """
    inline = [(number, one) for number, one in enumerate(every) if not one.displayed]
    spoken = [one.fragment for number, one in inline if any(equations(one, number))]
    if not spoken:
        return None
    sums = [one.fragment for number, one in inline if any(whole(one, number)) or _sums_losses(one)]
    aside = [*spoken, *sums]
    shown = [*document.formulas, *(one for one in spoken if not _among(one, document.formulas))]
    declared = [
        replace(each, formulas=tuple(one for one in each.formulas if not _among(one, aside)))
        for each in document.declarations
    ]
    guess = Guess(
        "the equations in running text are those of the cell", "they are examples",
        "no displayed equations make one", spoken[0].place(0),
    )  # fmt: skip
    return replace(
        document, formulas=sorted(shown, key=_at), declarations=[each for each in declared if each.formulas],
        guesses=[*document.guesses, guess],
    )  # fmt: skip


def _at(fragment: Fragment) -> tuple[str, int, int]:
    place = fragment.place(0)
    return place.file, place.line, place.column


def _among(fragment: Fragment, others: Sequence[Fragment]) -> bool:
    return any(within(fragment.place(0), other) for other in others)


def _sums_losses(formula: Found) -> bool:
    """Whether a formula says that a loss is a sum over the steps: E = Σ_t E_t."""
    left, equals, right = formula.text.partition("=")
    return bool(equals) and letter_named(left.strip()) in LOSSES and right.lstrip().startswith((r"\sum", "∑"))
