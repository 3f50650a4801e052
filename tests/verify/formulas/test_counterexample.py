"""A counterexample is for a person: small, in decimals, reproducible, and no contradiction of what else is said."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mutated_texts
import numpy as np
import pytest
from registry import EVERY

from derive import catalogue, generate
from derive.cell import Cell
from derive.errors import InputError
from derive.reader import read_note
from derive.targets.formula import latex
from verify import check, load, rerun
from verify.formulas.judgement import Word
from verify.formulas.telling import told

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
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


def test_a_function_with_a_script_is_shown_in_its_letters() -> None:
    cell = Cell.from_latex([r"p_t = f_{l-1}(W x_t)", r"s_t = f(U s_{t-1} + p_t)"])
    (found,) = check(r"\frac{\partial J}{\partial p_t} = \frac{\partial J}{\partial s_t}", cell)
    assert [each.partition("(")[0] for each in found.counterexample["functions"]] == ["f_{l-1}", "f"]


@pytest.mark.parametrize(
    ("formula", "width"),
    [
        (r"\frac{\partial J}{\partial b} = \sum_{t=T-2}^{T} (1 - h_t^2) \odot \frac{\partial J}{\partial h_t}", 3),
        (
            r"\frac{\partial L_t}{\partial b} = \sum_{k=t-2}^{t} (1 - h_k^2) \odot "
            r"\left(\left(\frac{\partial h_t}{\partial h_k}\right)^\top \frac{\partial L_t}{\partial h_t}\right)",
            3,
        ),
    ],
)
def test_a_window_stands_within_the_sequence(formula: str, width: int) -> None:
    """Not at steps before the first, whose values nobody has."""
    found = judged("rnn", formula)
    assert [mistake.name for mistake in found.mistakes] == ["truncated"]
    assert found.counterexample["T"] > width
    assert found.counterexample["at"].get("t", width) >= width
    assert not [name for name in found.counterexample["data"] if "-" in name]


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


SWISH = r"""# Swish units

$$ n_t = W x_t + U h_{t-1} + b $$
$$ h_t = \phi(n_t) $$

where $x_t \in \mathbb{R}^{D}$, $h_t \in \mathbb{R}^{H}$, $\phi(a) = a \sigma(a)$
"""
STACKED = r"""# One gate, stacked weight

$$ k_t = \sigma(W_k [h_{t-1}; x_t] + b_k) $$
$$ n_t = \tanh(W_n [h_{t-1}; x_t] + b_n) $$
$$ h_t = k_t \odot h_{t-1} + (1 - k_t) \odot n_t $$

where $x_t \in \mathbb{R}^{D}$, $h_t \in \mathbb{R}^{H}$
"""
OF_EVERY_KIND = [
    *WRONG,
    ("lstm", r"\frac{\partial J}{\partial x_t} = W_i^\top \frac{\partial J}{\partial i_t}"),
    ("lstm", r"\frac{\partial J}{\partial h_0} = U_i^\top \frac{\partial J}{\partial i_1}"),
    ("lstm", r"\frac{\partial c_t}{\partial c_{t-1}} = \operatorname{diag}(f_t)"),
    ("rnn", r"\frac{\partial h_t}{\partial h_{t-1}} = U \operatorname{diag}(1 - h_t^2)"),
    ("rnn", r"\frac{\partial h_T}{\partial h_t} = \prod_{k=t}^{T} \operatorname{diag}(1 - h_k^2) U"),
    ("rnn", r"h_t = \tanh(W x_t + U h_t + b)"),
    ("gru", r"\frac{\partial h_t}{\partial U} = \frac{\partial h_t}{\partial z_t} \frac{\partial z_t}{\partial U_z}"),
    ("rnn", r"\frac{\partial J_\tau}{\partial h_k} = \frac{\partial J_\tau}{\partial h_{k+1}}"),
    ("softmax_cross_entropy", r"\frac{\partial L_t}{\partial z_t} = y_t - \hat{y}_t"),
    (SWISH, r"\frac{\partial J}{\partial n_t} = \frac{\partial J}{\partial h_t} \odot (1 - h_t^2)"),
    (STACKED, r"\frac{\partial J}{\partial n_t} = \frac{\partial J}{\partial h_t} \odot k_t \odot (1 - n_t^2)"),
]


def found(model: str) -> Cell:
    return read_note(model) if "\n" in model else catalogue.find(model)


def run(cases: list[Mapping[str, Any]]) -> list[list[float]]:
    """What the lines of every case print, each in a fresh namespace of one process."""
    program = "\n".join(f"exec({chr(10).join(case['python'])!r}, {{}})" for case in cases)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def assert_reproduced(cases: list[Mapping[str, Any]]) -> None:
    for case, printed in zip(cases, run(cases), strict=True):
        assert len(case["python"]) == 2
        assert printed == pytest.approx([case["left"], case["right"]], rel=2e-3, abs=1e-9), case["python"]


def test_its_two_lines_of_python_print_both_sides():
    cases = []
    for model, formula in OF_EVERY_KIND:
        for judgement in check(formula, found(model), explain=False):
            if judgement.word is Word.WRONG:
                cases.append(judgement.counterexample)
    assert len(cases) >= len(WRONG) + 8
    assert_reproduced(cases)


@pytest.mark.parametrize("name", EVERY if FULL else ["lstm", "gru"])
def test_the_lines_reproduce_what_random_mistakes_do(name, capsys):
    """Mistakes planted in every gradient; BACKPROOF_FULL_FIGURES=1 takes every cell and more of them."""
    derived = mutated_texts.derivation(name)
    planted = list(mutated_texts.named(name))
    cases = []
    for _, left, right in random.Random(f"lines {name}").sample(planted, min(12 if FULL else 4, len(planted))):
        sides = (latex(side, derived.cell.notation) for side in (left, right))
        judgement = check(" = ".join(sides), derived.cell, explain=False)[-1]
        if judgement.word is Word.WRONG and "shapes" not in judgement.counterexample:
            cases.append(judgement.counterexample)
    assert_reproduced(cases)
    with capsys.disabled():
        print(f"\n{name}: {len(cases)} counterexamples reproduced")


def test_the_left_side_is_what_the_generated_module_computes():
    for model, formula in WRONG:
        case = judged(model, formula).counterexample
        cell = catalogue.find(model)
        name = formula.split(r"\partial ")[2].split("}")[0]
        if name not in {parameter.name for parameter in cell.parameters}:
            continue
        module = load(generate(cell))
        data = {label: np.array(grid) for label, grid in case["data"].items()}
        params = {
            key: data[key].reshape([case["sizes"][axis] for axis in axes]) for key, axes in module.PARAMETERS.items()
        }
        steps = range(1, case["T"] + 1)
        x = np.array([data[f"x_{t}"].T for t in steps])
        starts = {state.name: data[f"{state.name}_0"].T for state in cell.states}
        ends = {}
        asked = {label: np.array(grid).T for label, grid in case["asked"].items()}
        d_ys = np.array([asked[f"{cell.output.name}_{t}"] for t in steps])  # of the last with what its state is asked
        for state in cell.states[1:]:
            ends[state.name] = asked[f"{state.name}_{case['T']}"]
        gradients = module.backward(module.forward(params, x, **starts)[2], d_ys, **ends)
        row, column = case["entry"]
        shown = np.reshape(gradients[name], np.shape(data[name]))[row - 1, column - 1]
        assert shown == pytest.approx(case["left"], rel=2e-3)


def test_a_softmax_of_one_class_is_no_counterexample():
    """It is 1 whatever it is given, so all its gradients are 0."""
    (judgement,) = check(
        r"\frac{\partial L_t}{\partial z_t} = y_t - \hat{y}_t", catalogue.find("softmax_cross_entropy")
    )
    case = judgement.counterexample
    assert case["sizes"]["K"] == 2
    assert case["left"]
    assert case["right"]


def test_numbers_that_do_not_belong_to_the_cell_are_refused():
    with pytest.raises(InputError, match="nothing called V"):
        rerun("rnn", 1, {"V": [[1.0]]}, {"h_1": [[1.0]]})
    with pytest.raises(InputError, match="also reads h_0"):
        rerun("rnn", 1, {"W": [[1.0]], "U": [[1.0]], "b": [[1.0]], "x_1": [[1.0]]}, {"h_1": [[1.0]]})


@pytest.mark.parametrize(("model", "formula"), WRONG)
def test_it_is_none_of_the_cases_in_which_the_formula_is_said_to_be_true(model, formula):
    judgement = judged(model, formula)
    case = judgement.counterexample
    assert case["T"] > 1, "the shortest special case is T = 1"
    if "t = T" in judgement.true_when:
        assert case["at"]["t"] < case["T"]
