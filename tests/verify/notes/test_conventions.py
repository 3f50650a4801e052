"""Conventions of a note as a whole: tried where formulas are wrong without them, told where formulas need them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from derive.cell import Cell
from verify.formulas.claims import check
from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import audit
from verify.notes.claiming import AN_UPDATE
from verify.notes.conventions.steps import LAST_ALONE

RNN = r"""
$$z_t = W h_{t-1} + U x_t + b$$
$$h_t = \tanh(z_t)$$
$$o_t = V h_t + c$$
$$\hat{y}_t = \text{softmax}(o_t)$$
$$L_t = -\sum_k y_{t,k} \log \hat{y}_{t,k}$$
$$L = \sum_t L_t$$
"""
LSTM = r"""
$$f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f)$$
$$i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i)$$
$$o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o)$$
$$g_t = \tanh(W_g x_t + U_g h_{t-1} + b_g)$$
$$c_t = f_t \odot c_{t-1} + i_t \odot g_t$$
$$h_t = o_t \odot \tanh(c_t)$$
"""
CASES = Path(__file__).parents[2] / "data" / "note_cases"
RIGHT = (Word.PROVED, Word.HOLDS_IF)


def _judged(tmp_path: Path, *formulas: str, model: str = RNN) -> dict[str, Judgement]:
    path = tmp_path / "note.md"
    text = "# Note\n" + model + "\n## Backward\n\n" + "\n\n".join(f"$${each}$$" for each in formulas) + "\n"
    path.write_text(text, encoding="utf-8")
    return {judgement.formula: judgement for judgement in audit(path).judgements}


DEFINED = r"\delta_t = \frac{\partial L}{\partial h_t}"
OF_NET = r"\delta_t = (V^T (\hat{y}_t - y_t) + W^T \delta_{t+1}) \odot (1 - h_t^2)"
OF_WEIGHT = r"\frac{\partial L}{\partial W} = \sum_t \delta_t h_{t-1}^T"


def test_delta_that_is_the_gradient_of_the_argument_from_a_line_on(tmp_path: Path) -> None:
    whole = r"\delta_t = V^T (\hat{y}_t - y_t) + W^T (\delta_{t+1} \odot (1 - h_{t+1}^2))"
    false = r"\frac{\partial L}{\partial U} = \sum_t \delta_t x_{t-1}^T"
    found = _judged(tmp_path, DEFINED, whole, OF_NET, OF_WEIGHT, false)
    assert [found[each].word for each in (whole, OF_NET, OF_WEIGHT)] == [Word.HOLDS_IF] * 3
    assert not any("from line" in words for words in found[whole].assumptions)
    assert all(any("from line" in words for words in found[each].assumptions) for each in (OF_NET, OF_WEIGHT))
    assert found[false].word is Word.WRONG


@pytest.mark.parametrize("alone", [OF_NET, OF_WEIGHT])
def test_one_formula_alone_gives_delta_no_other_meaning(tmp_path: Path, alone: str) -> None:
    assert _judged(tmp_path, DEFINED, alone)[alone].word is Word.WRONG


LATER = (
    r"\frac{\partial L_t}{\partial h_t} = V^T \frac{\partial L_t}{\partial o_t}"
    r" + W^T \frac{\partial L_t}{\partial z_{t+1}}"
)
NET = r"\frac{\partial L_t}{\partial z_t} = \frac{\partial L_t}{\partial h_t} \odot (1 - h_t^2)"
SUMMED = r"\frac{\partial L}{\partial W} = \sum_t \frac{\partial L_t}{\partial z_t} h_{t-1}^T"


def test_the_loss_of_a_step_may_be_that_from_it_on(tmp_path: Path) -> None:
    found = _judged(tmp_path, LATER, NET, SUMMED)
    assert all(found[each].word in RIGHT for each in (LATER, NET, SUMMED))
    assert "all losses from it on" in found[SUMMED].assumptions[0]


def test_the_loss_of_a_step_is_its_own_where_nothing_says_more(tmp_path: Path) -> None:
    assert _judged(tmp_path, NET, SUMMED)[SUMMED].word is Word.WRONG
    direct = r"\frac{\partial L_t}{\partial h_t} = V^T (\hat{y}_t - y_t)"
    assert _judged(tmp_path, direct, LATER, SUMMED)[SUMMED].word is Word.WRONG


TERM = r"\frac{\partial L_t}{\partial W} = dz_t h_{t-1}^T"


def test_the_loss_of_a_step_beside_a_whole_gradient_means_the_term_of_the_step(tmp_path: Path) -> None:
    whole = r"dz_t = dh_t \odot (1 - h_t^2)"
    found = _judged(tmp_path, whole, TERM, TERM.replace("t-1", "t"))
    assert found[TERM].word is Word.HOLDS_IF
    assert "the term of that step" in found[TERM].assumptions[0]
    assert found[TERM.replace("t-1", "t")].word is Word.WRONG
    own = r"\frac{\partial L_t}{\partial W} = \frac{\partial L_t}{\partial z_t} h_{t-1}^T"
    assert _judged(tmp_path, own)[own].word is Word.WRONG


def test_delta_y_where_nothing_else_is_called_y(tmp_path: Path) -> None:
    model = RNN.replace("o_t", r"y_{logits, t}").replace(r"y_{t,k}", r"y_{true, t, k}")
    right = (
        r"\delta_{y,t} = \hat{y}_t - y_{true, t}",
        r"\frac{\partial L_t}{\partial V} = \delta_{y,t} h_t^T",
    )
    false = r"\frac{\partial L_t}{\partial V} = \delta_{y,t} h_{t-1}^T"
    found = _judged(tmp_path, *right, false, model=model)
    assert [found[each].word in RIGHT for each in right] == [True] * 2
    assert found[false].word is Word.WRONG


PART = r"\frac{\partial L}{\partial c_t} = \frac{\partial L}{\partial h_t} \odot o_t \odot (1 - \tanh^2(c_t))"


@pytest.mark.parametrize(
    ("rest", "word"),
    [
        (r"\frac{\partial L}{\partial c_t} += f_{t+1} \odot \frac{\partial L}{\partial c_{t+1}}", Word.HOLDS_IF),
        (
            r"\frac{\partial L}{\partial c_t} \mathrel{+}= \frac{\partial L}{\partial c_{t+1}} \odot f_{t+1}"
            r" \quad \text{(gradient from the next time step)}",
            Word.HOLDS_IF,
        ),
        (r"\frac{\partial L}{\partial c_t} += f_t \odot \frac{\partial L}{\partial c_{t+1}}", Word.WRONG),
        (r"\frac{\partial L}{\partial h_t} += f_{t+1} \odot \frac{\partial L}{\partial c_{t+1}}", Word.WRONG),
    ],
)
def test_a_later_line_may_add_the_rest(tmp_path: Path, rest: str, word: Word) -> None:
    found = _judged(tmp_path, PART, rest, model=LSTM)[PART]
    assert found.word is word
    assert (word is Word.WRONG) or "adds the rest" in found.assumptions[0]


@pytest.mark.parametrize(
    ("now", "before", "after"),
    [
        (r"\delta^c_t", r"\delta^c_{t-1}", r"\delta^c_{t+1}"),
        (r"\delta_{c,t}", r"\delta_{c,t-1}", r"\delta_{c,t+1}"),
    ],
)
def test_what_a_step_hands_back_under_a_letter_for_the_gradient(
    tmp_path: Path, now: str, before: str, after: str
) -> None:
    defined = rf"{now} = \frac{{\partial L}}{{\partial c_t}}"
    whole = f"{now} = {PART.partition('=')[2]} + {after} \\odot f_{{t+1}}"
    back = f"{before} = {now} \\odot f_t"
    assert _judged(tmp_path, defined, whole, back, model=LSTM)[back].word is Word.HOLDS_IF
    assert _judged(tmp_path, defined, back, model=LSTM)[back].word is Word.WRONG


def test_a_right_line_beside_a_wrong_whole_gradient_is_no_whole_gradient(tmp_path: Path) -> None:
    right = r"\frac{\partial L}{\partial o_t} &= \frac{\partial L}{\partial h_t} \odot \tanh(c_t)"
    lines = rf"\begin{{aligned}} {right} \\ {PART.replace('=', '&=')} \end{{aligned}}"
    back = r"\frac{\partial L}{\partial c_{t-1}} = \frac{\partial L}{\partial c_t} \odot f_t"
    found = _judged(tmp_path, lines, back, model=LSTM)[back]
    assert found.word is Word.UNDECIDED
    assert "another part" in found.reason  # each has one part, and neither the whole


@pytest.mark.parametrize("label", ["future", "next", "later"])
def test_what_comes_back_from_the_step_after_has_a_letter(tmp_path: Path, label: str) -> None:
    back = rf"\delta^{{h, \text{{{label}}}}}"
    right = (
        rf"\delta^h_t = V^T (\hat{{y}}_t - y_t) + {back}_t",
        rf"{back}_t = W^T \frac{{\partial L}}{{\partial z_{{t+1}}}}",
        rf"{back}_T = \mathbf{{0}}",
    )
    false = rf"{back}_t = W^T \frac{{\partial L}}{{\partial z_t}}"
    found = _judged(tmp_path, *right, false)
    assert [found[each].word in RIGHT for each in right] == [True] * 3
    assert found[false].word is Word.WRONG


@pytest.mark.parametrize(
    "update",
    [
        r"W = W - \eta \frac{\partial L}{\partial W}",
        r"U \leftarrow U - \alpha \frac{\partial L}{\partial U}",
        r"V := V - \lambda \nabla_V L",
    ],
)
def test_a_step_of_training_claims_nothing(tmp_path: Path, update: str) -> None:
    (found,) = (j for j in _judged(tmp_path, update).values() if j.reason == AN_UPDATE)
    assert found.word is Word.NOT_A_CLAIM


@pytest.mark.parametrize(
    ("words", "alone"),
    [
        ("the loss reads only the last output", True),
        ("the loss depends not only on the last step", False),
        ("损失只产生于最后一个时间步", True),
        ("损失不仅来自最后一步", False),
        ("Der Verlust hängt nur vom letzten Schritt ab", True),
        ("Der Verlust hängt nicht nur vom letzten Schritt ab", False),
        ("la pérdida depende solo del último paso", True),
        ("la pérdida no solo depende del último paso", False),
        ("функция потерь зависит только от последнего шага", True),
        ("損失は最後の時刻のみで計算する", True),
    ],
)
def test_words_for_a_loss_of_the_last_step_alone(words: str, alone: bool) -> None:
    assert bool(LAST_ALONE.search(words)) is alone


def test_conventions_are_tried_without_explaining() -> None:
    explained: list[str] = []
    asked: list[tuple[object, ...]] = []

    def counting(formula: str, cell: Cell, *, explain: bool = True, **options: Any) -> tuple[Judgement, ...]:
        explained.extend([formula] if explain else [])
        asked.append((formula, cell, explain, options["meant"], options["fragment"]))
        return check(formula, cell, explain=explain, **options)

    found = audit(CASES / "gradients_of_each_step.md", check=counting)
    assert found.counts[Word.WRONG]
    assert len(asked) > len(explained)
    assert len(set(explained)) == len(explained)
    assert len(set(asked)) == len(asked)
