r"""Losses as notes state them: as a whole, with a factor, of the last step alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import audit

SURE = {Word.PROVED, Word.HOLDS_IF}
STATE = "$$ h_t = \\tanh(W x_t + U h_{t-1} + b) $$\n"
SOFTMAX = STATE + "$$ q_t = V h_t + c $$\n$$ p_t = \\operatorname{softmax}(q_t) $$\n"
Q = r"\frac{\partial L}{\partial q_t}"


def judged(tmp_path: Path, *lines: str) -> list[Judgement]:
    path = tmp_path / "note.md"
    path.write_text("# A note\n\n" + "\n".join(lines), encoding="utf-8")
    return [each for each in audit(path).judgements if each.word is not Word.NOT_A_CLAIM]


def test_a_target_with_an_accent_is_not_the_prediction(tmp_path: Path) -> None:
    head = SOFTMAX.replace("p_t", r"\hat{p}_t")
    loss = r"$$ L = \sum_t L_t, \quad L_t = -\hat{y}_t^\top \log \hat{p}_t $$"
    claims = [rf"$$ {Q} = {right} $$" for right in (r"\hat{p}_t - \hat{y}_t", r"\hat{y}_t - \hat{p}_t")]
    right, wrong = judged(tmp_path, head, loss, *claims)[-2:]
    assert right.word in SURE
    assert wrong.word is Word.WRONG


def test_the_loss_of_a_step_and_what_it_reads_may_lack_their_time(tmp_path: Path) -> None:
    lines = [r"$$ \hat{y} = V h_t + c $$", r"$$ L = \frac12 \|y_t - \hat{y}_t\|^2 $$"]
    claims = [
        r"$$ \frac{\partial L}{\partial \hat{y}_t} = \hat{y}_t - y_t $$",
        r"$$ \frac{\partial L}{\partial \hat{y}_t} = y_t - \hat{y}_t $$",
    ]
    right, wrong = judged(tmp_path, STATE, *lines, *claims)[-2:]
    assert right.word in SURE
    assert wrong.word is Word.WRONG


@pytest.mark.parametrize(
    ("loss", "right", "wrong"),
    [
        (r"-\sum_t y_t^\top \log p_t", "p_t - y_t", r"\frac{1}{T} (p_t - y_t)"),
        (r"-\sum_{t=1}^{T} y_t^\top \log p_t", "p_t - y_t", "y_t - p_t"),
        (r"-\frac{1}{T} \sum_{t=1}^{T} y_t^\top \log p_t", r"\frac{1}{T} (p_t - y_t)", "p_t - y_t"),
        (r"\frac12 \sum_t \|q_t - y_t\|^2", "q_t - y_t", "2 (q_t - y_t)"),
        (r"\sum_t \|q_t - y_t\|^2", "2 (q_t - y_t)", "q_t - y_t"),
        (r"\frac{1}{2T} \sum_{t=1}^{T} \|q_t - y_t\|^2", r"\frac{1}{T} (q_t - y_t)", "q_t - y_t"),
    ],
)
def test_a_loss_may_be_stated_as_a_whole(tmp_path: Path, loss: str, right: str, wrong: str) -> None:
    said = judged(
        tmp_path, SOFTMAX, f"$$ L = {loss} $$", "where $y_t$ is one-hot", f"$$ {Q} = {right} $$", f"$$ {Q} = {wrong} $$"
    )
    assert said[0].word in SURE, said[0]
    assert said[1].word is Word.WRONG, said[1]


def test_a_factor_that_nobody_knows_decides_nothing(tmp_path: Path) -> None:
    loss = r"$$ L = \frac{1}{M} \sum_t \|q_t - y_t\|^2 $$"
    said = judged(tmp_path, SOFTMAX, loss, f"$$ {Q} = 2 (q_t - y_t) $$", f"$$ {Q} = q_t $$")
    assert all(each.word is Word.UNDECIDED for each in said), said


END = {
    "squared": (r"$$ q = V h_T $$", r"$$ E = \frac12 \|q - y\|^2 $$", "(q - y)"),
    "accent": (r"$$ \hat{y} = V h_T $$", r"$$ E = \frac12 \|\hat{y} - y\|^2 $$", r"(\hat{y} - y)"),
    "softmax": (r"$$ p = \operatorname{softmax}(V h_T) $$", r"$$ E = -y^\top \log p $$", "(p - y)"),
    "chain": (
        r"$$ q = V h_T $$" + "\n" + r"$$ p = \operatorname{softmax}(q) $$",
        r"$$ E = -y^\top \log p $$",
        "(p - y)",
    ),
}


@pytest.mark.parametrize("kind", END)
def test_a_loss_may_read_the_last_step_alone(tmp_path: Path, kind: str) -> None:
    out, loss, error = END[kind]
    facts = "where $y$ is one-hot" if "log" in loss else ""
    right = [
        rf"$$ \frac{{\partial E}}{{\partial h_T}} = V^\top {error} $$",
        rf"$$ \frac{{\partial E}}{{\partial V}} = {error} h_T^\top $$",
        r"$$ \frac{\partial E}{\partial h_t} = U^\top ((1 - h_{t+1}^2) \odot \frac{\partial E}{\partial h_{t+1}}) $$",
        r"$$ \frac{\partial E}{\partial b} = \sum_{t=1}^{T} (1 - h_t^2) \odot \frac{\partial E}{\partial h_t} $$",
    ]
    wrong = [
        rf"$$ \frac{{\partial E}}{{\partial h_t}} = V^\top {error} $$",
        rf"$$ \frac{{\partial E}}{{\partial V}} = \sum_t {error} h_t^\top $$",
        rf"$$ \frac{{\partial E}}{{\partial V}} = {error} h_{{T-1}}^\top $$",
    ]
    said = judged(tmp_path, STATE, out, loss, facts, *right, *wrong)
    assert all(each.word in SURE for each in said[: len(right)]), [(e.formula, e.word, e.reason) for e in said]
    assert not SURE & {each.word for each in said[len(right) :]}
    assert any(each.word is Word.WRONG for each in said[len(right) :])
