"""Norms, ones whose number the context gives, and blocks that are cut out: as formulas and pages write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from derive import catalogue
from verify import check

JUDGED = [
    line.split(" | ", 2)
    for line in (Path(__file__).parents[2] / "data" / "claims_with_entries.txt")
    .read_text(encoding="utf-8")
    .splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("word", "name", "formula"), JUDGED)
def test_formulas_with_norms_ones_and_blocks(word: str, name: str, formula: str) -> None:
    (judgement,) = check(formula, catalogue.find(name), explain=False)
    assert judgement.word.value == word, judgement
