"""All equations of the catalogue, put back as claims about their own cell, are proved."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from registry import EVERY

from derive import catalogue
from verify import check
from verify.formulas.judgement import Word


def blocks(name: str) -> list[str]:
    """The displayed formulas of a note of the catalogue."""
    folder = "heads" if name in catalogue.heads() else "cells"
    note = (files("derive") / folder / f"{name}.md").read_text(encoding="utf-8")
    return re.findall(r"\$\$(.*?)\$\$", note, re.DOTALL)


@pytest.mark.parametrize("name", EVERY)
def test_the_equations_of_a_note_are_proved_on_its_cell(name: str) -> None:
    cell = catalogue.find(name)
    judgements = [each for block in blocks(name) for each in check(block, cell, explain=False)]
    assert len(judgements) >= len(cell.equations)
    for judgement in judgements:
        assert judgement.word is Word.PROVED, judgement
