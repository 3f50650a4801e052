"""A small number within the logarithm of a loss is no mistake, and hides none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from backproof.command_line import main

RIGHT = Path(__file__).with_name("cases") / "char_rnn_right.py"
PROBABILITY = "np.log(guess[t][wanted, 0])"
DEFAULT = ("hprev):", "hprev, eps=1e-8):")
GLOBAL = ("import numpy as np\n", "import numpy as np\n\nEPS = 1e-8\n")
LARGE_ONLY = ("    return loss,", "    dWhy *= 1 + 1e-4 * (np.abs(Why).max() > 3)\n    return loss,")


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ([(PROBABILITY, "np.log(guess[t][wanted, 0] + 1e-8)")], "right", "without 1e-08 in the logarithm"),
        ([(PROBABILITY, "np.log(guess[t][wanted, 0] + 1e-8)"), LARGE_ONLY], "wrong", ""),
        ([(PROBABILITY, "np.log(guess[t][wanted, 0] + eps)"), DEFAULT], "right", "without 1e-08 in the logarithm"),
        ([(PROBABILITY, "np.log(guess[t][wanted, 0] + EPS)"), GLOBAL], "right", "without 1e-08 in the logarithm"),
        ([LARGE_ONLY], "cannot_tell", "with large weights alone"),
    ],
)
def test_small_numbers_in_logarithms(tmp_path: Path, changes: list[tuple[str, str]], verdict: str, words: str) -> None:
    text = RIGHT.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = tmp_path / "model.py"
    path.write_text(text)
    found = CliRunner().invoke(main, ["check-code", f"{path}:lossFun", "--cell", "rnn", "--json"])
    report = json.loads(found.stdout)
    assert report["verdict"] == verdict, found.stdout
    assert words in found.stdout


def test_a_loss_of_another_forward_pass_is_compared_with_every_cell(tmp_path: Path) -> None:
    """Cells of the catalogue with a readout of their own take no other: none of them ends the check."""
    path = tmp_path / "model.py"
    path.write_text(RIGHT.read_text().replace(PROBABILITY, "1.7 * np.log(guess[t][wanted, 0])"))
    found = CliRunner().invoke(main, ["check-code", f"{path}:lossFun", "--cell", "rnn", "--json"])
    assert json.loads(found.stdout)["verdict"] == "wrong", found.stdout
