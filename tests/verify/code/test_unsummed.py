"""Whether a file is for several examples, as its words say."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType

import pytest

from verify.code.calling.axes import FIRST
from verify.code.calling.base import Target
from verify.code.calling.unsummed import for_several, kept
from verify.code.running.loading import Source


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("N, T, D = x.shape", True),
        ("def f(x, batch_size): pass", True),
        ("def f(x):\n    pass  # x: (N, D)", True),
        ("m = self.model", False),
        ("H, D = W.shape", False),
    ],
)
def test_a_file_says_that_it_is_for_several_examples(text: str, several: bool, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    assert for_several(Target(Source(path, ModuleType("mine"), ast.parse(text)), "f", None)) is several


def test_a_sum_of_lengths_has_a_length() -> None:
    assert FIRST.size("D + H") == FIRST.size("J")


def test_what_keeps_an_axis_has_one_of_examples_or_steps_more() -> None:
    B, T, H = FIRST.B, FIRST.T, FIRST.H
    assert kept((B, H), ("H",), FIRST)
    assert kept((B, H), ("1", "H"), FIRST)
    assert kept((T, H), ("H",), FIRST)
    assert not kept((H,), ("H",), FIRST)
    assert not kept((H, H), ("H",), FIRST)
