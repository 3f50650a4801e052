"""Read-outs that a note only has gradients of: a guess that is printed, under which nothing is proved or wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import audit

CELL = r"$$a_t = W_{xh} x_t + W_{hh} h_{t-1} + b_h$$ $$h_t = \tanh(a_t)$$" + "\n\n"
LATER = r" + W_{hh}^T \frac{\partial L}{\partial a_{t+1}}"
ROWS = r"$$h_t = \tanh(x_t W_{xh} + h_{t-1} W_{hh} + b_h)$$" + "\n\n"
WRITTEN = CELL + r"$$\hat{y}_t = \text{softmax}(W_{hy} h_t + b_y)$$" + "\n\nthe cross-entropy\n\n"


def _judged(tmp_path: Path, cell: str, *formulas: str) -> list[Judgement]:
    path = tmp_path / "note.md"
    path.write_text("# Net\n\n" + cell + "\n\n".join(f"$${each}$$" for each in formulas) + "\n", encoding="utf-8")
    return [one for one in audit(path).judgements if one.word is not Word.NOT_A_CLAIM]


@pytest.mark.parametrize("words", ["", "a softmax with the cross-entropy\n\n"])
def test_a_read_out_that_only_the_gradients_have_is_assumed(tmp_path: Path, words: str) -> None:
    found = _judged(
        tmp_path, CELL + words,
        r"\frac{\partial L}{\partial W_{hy}} = \sum_t (\hat{y}_t - y_t) h_t^T",
        r"\frac{\partial L}{\partial b_y} = \sum_t (\hat{y}_t - y_t)",
        r"\frac{\partial L}{\partial h_t} = W_{hy}^T (\hat{y}_t - y_t) + W_{hh}^T \frac{\partial L}{\partial a_{t+1}}",
        r"\frac{\partial L}{\partial a_t} = \frac{\partial L}{\partial h_t} \odot (1 - h_t^2)",
    )  # fmt: skip
    assert [one.word for one in found] == [Word.HOLDS_IF] * 3 + [Word.PROVED]
    assert all(any("which the note does not write" in said for said in one.assumptions) for one in found[:3])


def test_a_linear_read_out_may_have_any_loss(tmp_path: Path) -> None:
    found = _judged(
        tmp_path, CELL,
        r"\frac{\partial L}{\partial V} = \sum_t \frac{\partial L}{\partial o_t} h_t^T",
        r"\frac{\partial L}{\partial h_t} = V^T \frac{\partial L}{\partial o_t}" + LATER,
        r"\frac{\partial L}{\partial V} = \sum_t \frac{\partial L}{\partial o_t} h_{t-1}^T",
        r"\frac{\partial L}{\partial h_t} = V \frac{\partial L}{\partial o_t}" + LATER,
    )  # fmt: skip
    assert [one.word for one in found] == [Word.HOLDS_IF] * 2 + [Word.UNDECIDED] * 2
    assert "which the note does not write" in found[0].assumptions[0]


@pytest.mark.parametrize("value", ["W_{hy} h_t", r"\sigma(W_{hy} h_t + b_y)", r"\tanh(W_{hy} h_t)"])
def test_the_loss_of_a_read_out_is_the_one_that_has_this_gradient(tmp_path: Path, value: str) -> None:
    found = _judged(
        tmp_path, CELL + rf"$$\hat{{y}}_t = {value}$$" + "\n\n",
        r"dy_t = \hat{y}_t - y_t",
        r"dW_{hy} = \sum_t dy_t h_t^T",
        r"dW_{hy} = \sum_t h_t dy_t^T",
    )  # fmt: skip
    first = Word.UNDECIDED if "tanh" in value else Word.HOLDS_IF
    assert [one.word for one in found] == [first, first, Word.UNDECIDED]


def test_what_is_predicted_may_be_called_otherwise_in_its_equation(tmp_path: Path) -> None:
    found = _judged(
        tmp_path, CELL + r"$$y_t = W_{hy} h_t + b_y$$" + "\n\n",
        r"\frac{\partial L_t}{\partial W_{hy}} = \frac{\partial L_t}{\partial \hat{y}_t} h_t^T",
        r"\frac{\partial L}{\partial b_h} = \sum_t \frac{\partial L_t}{\partial \hat{y}_t}",
    )  # fmt: skip
    assert [one.word for one in found] == [Word.HOLDS_IF, Word.UNDECIDED]


def test_what_is_wrong_under_a_guess_alone_stays_open(tmp_path: Path) -> None:
    found = _judged(
        tmp_path, CELL,
        r"\frac{\partial L}{\partial W_{hy}} = \sum_t (\hat{y}_t - y_t) h_t^T",
        r"\frac{\partial L}{\partial h_t} = W_{hy} (\hat{y}_t - y_t) + W_{hh}^T \frac{\partial L}{\partial a_{t+1}}",
        r"\frac{\partial L}{\partial h_t} = W_{hy}^T (\hat{y}_t - y_t)",
    )  # fmt: skip
    assert [one.word for one in found] == [Word.HOLDS_IF, Word.UNDECIDED, Word.UNDECIDED]


def test_the_difference_may_have_a_letter_of_its_own(tmp_path: Path) -> None:
    found = _judged(
        tmp_path, ROWS,
        r"\delta_{\mathrm{logit}, t} = \hat{y}_t - y_t",
        r"\frac{\partial L}{\partial W_{hy}} = \sum_{t=1}^T h_t^T \delta_{\mathrm{logit}, t}",
        r"\frac{\partial L}{\partial W_{hy}} = \sum_{t=1}^T h_{t-1}^T \delta_{\mathrm{logit}, t}",
    )  # fmt: skip
    assert [one.word for one in found][-2:] == [Word.HOLDS_IF, Word.WRONG]


def test_the_gradient_of_a_target_is_that_of_what_is_predicted(tmp_path: Path) -> None:
    true = (
        r"dy_t = \hat{y}_t - y_t",
        r"dW_{hy} \mathrel{+}= dy_t \cdot h_t^{\top}",
        r"db_y \mathrel{+}= dy_t",
        r"dh_t = W_{hy}^{\top} dy_t + dh_{next}",
        r"da_t = dh_t \odot (1 - h_t^2)",
        r"dh_{next} = W_{hh}^{\top} da_t",
    )
    assert {one.word for one in _judged(tmp_path, WRITTEN, *true)} <= {Word.HOLDS_IF, Word.PROVED}
    for false in (
        r"dy_t = y_t - \hat{y}_t",
        r"dW_{hy} \mathrel{+}= dy_t \cdot h_{t-1}^{\top}",
        r"dh_t = W_{hy} dy_t + dh_{next}",
        r"dh_t = W_{hy}^{\top} dy_t",
    ):
        (one,) = _judged(tmp_path, WRITTEN, false)
        assert one.word in (Word.WRONG, Word.UNDECIDED), false
