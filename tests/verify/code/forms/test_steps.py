"""One step as a function."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from answers import answer, said, verdicts

from verify.code.calling.base import MisfitError
from verify.code.running import bystanders

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

STEP = """
def rnn_step_forward(x, h_prev, W, U, b):
    h = np.tanh(x @ W + h_prev @ U + b)
    return h, (x, h_prev, h, W, U)

def rnn_step_backward(dh, cache):
    x, h_prev, h, W, U = cache
    da = dh * (1 - h**2)
    return da @ W.T, da @ U.T, x.T @ da, h.T @ da, da.sum(0)
"""


def test_a_step_has_no_loop_in_which_a_mistake_could_be(tmp_path: Path) -> None:
    found = answer(tmp_path, STEP, "rnn_step_backward")
    assert said(found).startswith("wrong time index: h_t in place of h_{t-1}")
    assert "last state" not in said(found)


def test_modules_that_only_show_need_not_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bystanders, "BYSTANDERS", frozenset({"nowhere_plots"}))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    found = answer(
        tmp_path, f"import nowhere_plots.figures as figures\nfrom nowhere_plots import bar\n{STEP}", "rnn_step_backward"
    )
    assert found["verdict"] == "wrong"
    assert "not installed, and not needed where it is not called: nowhere_plots" in found["notes"]
    with bystanders.stood_in() as used:
        import nowhere_plots  # type: ignore[import-not-found]

        assert "nowhere_plots" in used or nowhere_plots
        with pytest.raises(ModuleNotFoundError, match="nowhere_plots"):
            nowhere_plots.figures.line(1)
        with pytest.raises(ModuleNotFoundError):

            class Bar(nowhere_plots.Bar):  # type: ignore[misc]
                pass


def test_examples_that_are_not_summed_over_are_wrong_where_several_are_meant(tmp_path: Path) -> None:
    text = STEP.replace("da.sum(0)", "da").replace("h.T @ da", "h_prev.T @ da")
    with pytest.raises(MisfitError, match="the sum over the examples is missing, unless"):
        answer(tmp_path, text, "rnn_step_backward")
    found = answer(tmp_path, text.replace("    return da", "    N = len(x)\n    return da"), "rnn_step_backward")
    assert verdicts(found)["db"] == "wrong"
    assert "missing sum over the batch" in said(found)
