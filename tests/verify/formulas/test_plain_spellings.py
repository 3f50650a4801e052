"""Formulas typed in plain text get the words that they get in LaTeX."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from plain_text import plain

from derive import catalogue
from derive.reader.text.fragment import Fragment
from verify import check
from verify.formulas.judgement import Word

DATA = Path(__file__).parents[2] / "data" / "formulas"
RIGHT = (Word.PROVED, Word.HOLDS_IF)
OTHERWISE = frozenset(
    {
        r"\frac{\partial J}{\partial b} = \frac{D}{D} \sum_{t=1}^{T} \frac{\partial J}{\partial net_{h,t}}",
        r"\frac{\delta h_t}{\delta h_{t-1}} = \operatorname{diag}(1-h_t^2) U",
        r"\frac{d z_t}{d h_{t-1}} = \operatorname{diag}(z_t \odot (1 - z_t)) U_z",
    }
)
"""What a slash and brackets make another formula of: D/(D Σ ...), (δ h)/(δ h)."""
MIXED = re.compile(r"\*.*\) [a-z]_\S+\.T")
"""No code: * beside a product without a sign, a * (1 - a) x_t.T."""


@cache
def _cases() -> tuple[tuple[str, str], ...]:
    rows = [json.loads(line) for path in sorted(DATA.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    both = ((row["cell"], row["formula"]) for row in rows if row.get("cell") in catalogue.cells())
    return tuple(dict.fromkeys((cell, formula) for cell, formula in both if "\\" in formula))


@pytest.mark.parametrize("code", [False, True], ids=["text", "code"])
def test_plain_text_is_judged_like_latex(code: bool) -> None:
    counts: Counter[bool] = Counter()
    for cell, formula in _cases()[:: 1 if os.environ.get("BACKPROOF_FULL_FIGURES") else 9]:
        typed = plain(formula, code=code)
        if typed is None or formula in OTHERWISE or MIXED.search(typed):
            continue
        known = catalogue.find(cell)
        latex = [each.word in RIGHT for each in check(formula, known, explain=False) if _decided(each.word)]
        words = check(typed, known, fragment=Fragment.of(typed, plain=True), explain=False)
        found = [each.word in RIGHT for each in words if _decided(each.word)]
        assert found in (latex, []), typed
        counts[found == latex] += 1
    assert counts[True] > 8
    assert counts[False] <= 0.1 * counts.total(), counts


def _decided(word: Word) -> bool:
    return word in (*RIGHT, Word.WRONG)
