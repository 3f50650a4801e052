"""A counterexample is for a person: small, in decimals, reproducible, and no contradiction of what else is said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from derive import catalogue
from verify import check
from verify.formulas.judgement import Word
from verify.formulas.telling import told

ROOT = Path(__file__).parents[3]
WRONG = [
    ("rnn", r"\frac{\partial J}{\partial U} = 2 \sum_t \delta_t h_{t-1}^\top"),
    ("rnn", r"\frac{\partial J}{\partial U} = \delta_t h_{t-1}"),
    ("rnn", r"\frac{\partial J}{\partial U} = \sum_t \delta_t h_t^\top"),
    ("rnn", r"\frac{\partial J}{\partial h_t} = \frac{\partial^+ J}{\partial h_t}"),
    ("lstm", r"\frac{\partial J}{\partial b_f} = \sum_t \frac{\partial J}{\partial f_t}"),
    ("gru", r"\frac{\partial J}{\partial z_t} = \frac{\partial J}{\partial h_t} \odot (\tilde{h}_t + h_{t-1})"),
]


def judged(model: str, formula: str):
    (judgement,) = check(formula, catalogue.find(model))
    assert judgement.word is Word.WRONG
    return judgement


@pytest.mark.parametrize(("model", "formula"), WRONG)
def test_it_is_small_and_in_decimals(model, formula):
    judgement = judged(model, formula)
    case = judgement.counterexample
    assert max(case["sizes"].values()) <= 2
    assert 2 <= case["T"] <= 4
    assert abs(case["left"] - case["right"]) > 0.004
    assert all(round(x, 2) == x for grid in case["data"].values() for row in grid for x in row)
    assert "2305843009213693951" not in str({k: v for k, v in case.items() if k != "residues"})
    assert f"{case['left']} on the left" in told(judgement)


@pytest.mark.parametrize(("model", "formula"), [case for case in WRONG if "_t}" not in case[1].split("=")[0]])
def test_its_two_lines_of_python_print_the_left_side(model, formula):
    case = judged(model, formula).counterexample
    assert len(case["python"]) == 2
    found = subprocess.run(
        [sys.executable, "-c", "\n".join(case["python"])], cwd=ROOT, capture_output=True, text=True, check=True
    )
    numbers = np.array([float(word) for word in found.stdout.replace("[", " ").replace("]", " ").split()])
    assert np.any(np.abs(numbers - case["left"]) <= 1e-3 * abs(case["left"]) + 1e-6), (found.stdout, case["left"])


@pytest.mark.parametrize(("model", "formula"), WRONG)
def test_it_is_none_of_the_cases_in_which_the_formula_is_said_to_be_true(model, formula):
    judgement = judged(model, formula)
    case = judgement.counterexample
    assert case["T"] > 1, "the shortest special case is T = 1"
    if "t = T" in judgement.true_when:
        assert case["at"]["t"] < case["T"]
