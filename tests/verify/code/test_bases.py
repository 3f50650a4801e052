"""Files in every way of calling are right as they are; with mistakes planted in them they are wrong, and named."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verify.code import answering
from verify.code.calling.axes import FIRST
from verify.code.calling.base import MisfitError, returned_names
from verify.code.running.loading import imported

from planting import BASES, FILES, Judge, rates  # isort: skip

FULL = os.environ.get("BACKPROOF_FULL_FIGURES") == "1"
SOME = ("updates_rnn", "static_lstm", "bptt_rnn", "method_lstm", "single_rnn")


def answer(name: str) -> dict[str, Any]:
    target, cell = FILES[name]
    path = BASES / f"{name}.py"
    return answering.answered({"spec": f"{path}:{target}", "cell": cell}, imported(path), lambda stage: None)["json"]


def test_a_returned_list_has_the_names_of_what_is_in_it() -> None:
    space: dict[str, Any] = {}
    text = "def loss(x):\n    grads = [dWc, dWu]\n    cache = (x, 1)\n    return J, grads, cache, hs[-1]\n"
    exec(compile(text, "mine.py", "exec"), space)  # noqa: S102  # the text above
    assert returned_names(space["loss"], ast.parse(text)) == [["J"], ["dWc", "dWu"], ["cache"], ["hs"]]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES if FULL else SOME)
def test_right_files_are_right(name: str) -> None:
    if name.startswith("torch"):
        pytest.importorskip("torch")
    found = answer(name)
    assert found["verdict"] == "right", found
    assert found["forward"] == "same"


@pytest.mark.parametrize("name", FILES if FULL else SOME[:2])
def test_the_files_agree_with_differences(name: str, tmp_path: Path) -> None:
    """Entry by entry, by central differences of their own forward pass."""
    if name.startswith("torch"):
        pytest.importorskip("torch")
    judge = Judge(name, tmp_path)
    trial = judge.plan.trial(FIRST)
    for label, gradient in trial.gradients().items():
        variable = judge.plan.variable_of(label, gradient.shape, trial.setting)
        value = trial.values[variable]
        rng = np.random.default_rng(0)
        for k in rng.choice(value.size, min(4, value.size), replace=False):
            unit = np.zeros(value.size)
            unit[k] = 1e-5
            unit = unit.reshape(value.shape)
            ahead = trial.objective({**trial.values, variable: value + unit})
            behind = trial.objective({**trial.values, variable: value - unit})
            expected = (ahead - behind) / 2e-5
            assert gradient.flat[k] == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES if FULL else ["single_rnn"])
def test_planted_mistakes_are_wrong_and_named(name: str) -> None:
    if name.startswith("torch"):
        pytest.importorskip("torch")
    found = rates(name, {1: 14, 2: 8, 3: 6} if FULL else {1: 3, 2: 1}, say=print)
    assert found["false rights"] == found["false alarms"] == 0
    if FULL:
        assert found["1 named"] >= 0.8 * found["1 tried"]


DECLARED = """
SHAPES = {"x": "D B T", "a0": "H B", "Wy": "K H", "by": "K 1"}
SHAPES |= {f"W{gate}": "H J" for gate in "ruc"} | {f"b{gate}": "H 1" for gate in "ruc"}
"""
LOSS_OF_THE_FILE = "    for t in reversed(range(T_x)):"


def test_where_no_gradient_is_right_for_the_loss_of_the_file_a_named_mistake_must_explain_all(tmp_path: Path) -> None:
    """Else the loss may be another one, and nothing is judged."""
    target, cell = FILES["predictions_gru"]
    text = (BASES / "predictions_gru.py").read_text(encoding="utf-8") + DECLARED
    late = text.replace(LOSS_OF_THE_FILE, "    for t in reversed(range(1, T_x)):")
    path = tmp_path / "mine.py"

    def found() -> dict[str, Any]:
        return answering.answered({"spec": f"{path}:{target}", "cell": cell}, imported(path), lambda stage: None)[
            "json"
        ]

    path.write_text(late, encoding="utf-8")
    result = found()
    assert result["verdict"] == "wrong"
    assert [m["name"] for m in result["mistakes"]] == ["wrong bounds of the sum"]
    weighted = late.replace("(y_hat - y[:, :, t]) / m", "(y_hat - y[:, :, t]) * (t + 1) ** 2 / m")
    path.write_text(weighted, encoding="utf-8")
    with pytest.raises(MisfitError, match="no loss was found whose gradients these are"):
        found()
