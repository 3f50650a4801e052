"""What a note says aside or counts its own way: a small example, a loss of the last step alone, steps from 0."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import audit

RNN = (r"z_t = W x_t + U h_{t-1} + b", r"h_t = \tanh(z_t)")
READ = (*RNN, r"\hat{y} = V h_T + c")


def _shown(*formulas: str) -> str:
    return "\n\n".join(f"$${each}$$" for each in formulas) + "\n\n"


def _judged(tmp_path: Path, *parts: str) -> dict[str, Judgement]:
    path = tmp_path / "note.md"
    path.write_text("# Note\n" + "".join(parts), encoding="utf-8")
    return {judgement.formula: judgement for judgement in audit(path).judgements}


def test_a_loss_that_an_example_sets_anew_is_not_the_models(tmp_path: Path) -> None:
    claim = r"\frac{\partial J}{\partial x} = 2x + 3"
    parts = _shown(*RNN), "## Paths\n", _shown(r"y = x^2, \qquad J = y + 3x", claim)
    found = _judged(tmp_path, *parts)[claim]
    assert found.word is Word.UNDECIDED
    assert found.reason.startswith("line 7 says")
    false = r"\frac{\partial J}{\partial U} = \sum_t \frac{\partial J}{\partial z_t} h_t^T"
    assert _judged(tmp_path, *parts, "## Weights\n", _shown(false))[false].word is Word.WRONG


def test_only_the_last_step_has_a_loss(tmp_path: Path) -> None:
    none, back = r"\frac{\partial \ell_t}{\partial h_t} = 0", r"\frac{\partial J}{\partial z_t} = 0"
    said = _judged(tmp_path, _shown(*RNN), "If only the last step has a loss, then\n\n", _shown(none, back))
    assert said[none].word is Word.HOLDS_IF
    assert said[back].word is Word.WRONG
    assert _judged(tmp_path, _shown(*RNN, none))[none].word is Word.WRONG


def test_steps_from_0_end_with_T_minus_1(tmp_path: Path) -> None:
    weight = r"\frac{\partial J}{\partial V} = \delta_y h_{T-1}^T"
    state = r"\frac{\partial J}{\partial h_{T-1}} = V^T \delta_y"
    named = r"\delta_y = \frac{\partial J}{\partial \hat{y}}"
    both = _judged(tmp_path, _shown(*READ, named, weight, state))
    assert all(both[each].word is Word.HOLDS_IF for each in (weight, state))
    assert all("counted from 0" in both[each].assumptions[0] for each in (weight, state))
    assert _judged(tmp_path, _shown(*READ, named, weight))[weight].word is Word.WRONG
    last = r"\frac{\partial J}{\partial h_T} = V^T \delta_y"
    assert _judged(tmp_path, _shown(*READ, named, last, weight, state))[weight].word is Word.WRONG


@pytest.mark.parametrize(("read", "word"), [("h_t^T", Word.HOLDS_IF), ("h_{t-1}^T", Word.WRONG)])
def test_a_sum_from_0_is_that_of_the_steps_there_are(tmp_path: Path, read: str, word: Word) -> None:
    head = (r"o_t = V h_t", r"p_t = \text{softmax}(o_t)", r"E_t = -y_t^T \log p_t", r"E = \sum_t E_t")
    claim = rf"\frac{{\partial E}}{{\partial V}} = \sum_{{t=0}}^T (p_t - y_t) {read}"
    assert _judged(tmp_path, _shown(*RNN, *head, claim))[claim].word is word


def test_letters_of_a_function_are_not_the_cells(tmp_path: Path) -> None:
    texts = _shown(*RNN, "y_t = V h_t"), _shown(r"f(x) = \tanh(x), \quad f'(x) = 1 - \tanh(x)^2 = 1 - y^2")
    found = _judged(tmp_path, *texts)
    assert all(each.word is not Word.WRONG for each in found.values())
    false = r"\tanh'(x) = 1 + \tanh(x)^2"
    assert _judged(tmp_path, _shown(*RNN, false))[false].word is Word.WRONG


def test_a_single_output_has_a_bias_of_one_entry(tmp_path: Path) -> None:
    sizes = (r"b \in \mathbb{R}^{H \times 1}", r"c \in \mathbb{R}^{1 \times 1}")
    found = _judged(tmp_path, _shown(*READ, r"U \in \mathbb{R}^{H \times H}", *sizes))
    assert all(found[each].word in (Word.PROVED, Word.NOT_A_CLAIM) for each in sizes)


@pytest.mark.parametrize(("weight", "word"), [("U^T", Word.HOLDS_IF), ("U", Word.WRONG)])
def test_what_a_step_gives_the_one_before_is_called_next_too(tmp_path: Path, weight: str, word: Word) -> None:
    head = r"\hat{y}_t = \text{softmax}(V h_t + c)"
    claim = rf"dh_{{next}} = {weight} dz_t"
    start = "Initialize the hidden gradient that comes back: $dh_{next} = 0$\n\n"
    found = _judged(tmp_path, _shown(*RNN, head), start, _shown(claim))
    assert found[claim].word is word
    assert found["dh_{next} = 0"].word is Word.NOT_A_CLAIM
