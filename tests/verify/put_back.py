"""What the product prints, put back: every formula of a page as a claim, with the letters that the page defines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from derive.cell import Cell
from derive.reader import formula as fragment_of
from derive.reader.claims.statements.chains import statements
from derive.reader.models.model import Model
from verify import check
from verify.formulas.judgement import Judgement
from verify.notes.files import Formula
from verify.notes.models.meaning import completed

LONGEST = 1000
"""Lines that a formula has at most, so that no two share a place."""


def in_markdown(page: str) -> list[str]:
    """The displayed formulas of a page, then those in its sentences that state something."""
    shown = re.findall(r"```math\n(.*?)```", page, re.DOTALL)
    words = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    return [*shown, *(text for text in re.findall(r"\$`(.*?)`\$", words) if re.search(r"=|\\leq", text))]


def in_terminal(page: str) -> list[str]:
    """The numbered formulas of a page for the terminal."""
    return [" ".join(block.split()) for block in re.findall(r"^\(\d+\) {2,}(.*(?:\n {6,}\S.*)*)", page, re.MULTILINE)]


def judged(written: Iterable[str], cell: Cell) -> list[Judgement]:
    """The judgements on all formulas of one page about a cell."""
    fragments = [fragment_of(text, "<page>", number * LONGEST) for number, text in enumerate(written, 1)]
    model = completed(Model(cell, ""), [Formula(fragment, displayed=True) for fragment in fragments], ())
    return [
        judgement
        for fragment in fragments
        if not any(model.defines(fragment.place(each.sides[0].start)) for each in statements(fragment))
        for judgement in check(fragment.text, cell, fragment=fragment, meant=model.meant, explain=False)
    ]
