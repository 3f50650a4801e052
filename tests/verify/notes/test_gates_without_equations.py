"""Gates that a note has no equation for; what a step hands back where the whole gradient comes from outside."""

from __future__ import annotations

from pathlib import Path

from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import audit

HALF = r"""
$$o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o)$$
$$c_t = f_t \odot c_{t-1} + i_t \odot \tilde{c}_t$$
$$h_t = o_t \odot \tanh(c_t)$$
"""
WHOLE = r"""
$$f_t = \sigma(W_f x_t + U_f h_{t-1})$$
$$o_t = \sigma(W_o x_t + U_o h_{t-1})$$
$$c_t = f_t \odot c_{t-1} + (1 - f_t) \odot x_t$$
$$h_t = o_t \odot \tanh(c_t)$$
$$\hat{y}_t = W_y h_t$$
$$L_t = \frac{1}{2} \|\hat{y}_t - y_t\|^2$$
"""
BACK = (
    r"\frac{\partial L}{\partial o_t} = \frac{\partial L}{\partial h_t} \odot \tanh(c_t)",
    r"\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot (c_{t-1} - x_t)",
    r"\frac{\partial L}{\partial c_{t-1}} = \frac{\partial L}{\partial c_t} \odot f_t",
)


def _judged(tmp_path: Path, cell: str, *formulas: str) -> list[Judgement]:
    path = tmp_path / "note.md"
    path.write_text(
        "# Net\n\n" + cell + "\n" + "\n\n".join(f"$${each}$$" for each in formulas) + "\n", encoding="utf-8"
    )
    return [one for one in audit(path).judgements if one.word is not Word.NOT_A_CLAIM]


def test_a_gradient_by_what_unknown_gates_may_read_holds_only_if_they_do_not(tmp_path: Path) -> None:
    error = r"(\frac{\partial L}{\partial o_t} \odot o_t \odot (1 - o_t))"
    by_x, by_f, by_w, by_h = _judged(
        tmp_path, HALF,
        rf"\frac{{\partial L}}{{\partial x_t}} = W_o^T {error}",
        r"\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot c_{t-1}",
        rf"\frac{{\partial L}}{{\partial W_o}} = \sum_t {error} x_t^T",
        r"\frac{\partial L}{\partial x_t} = W_o \frac{\partial L}{\partial o_t}",
    )  # fmt: skip
    assert by_x.word is Word.HOLDS_IF
    assert by_x.assumptions[0] == "f, i, c_tilde, for which the note has no equation, do not depend on x"
    assert (by_f.word, by_w.word) == (Word.PROVED, Word.PROVED)
    assert by_h.word in (Word.WRONG, Word.UNDECIDED)


def test_a_gradient_that_comes_from_outside_is_handed_back_by_each_step(tmp_path: Path) -> None:
    *_, back = _judged(tmp_path, WHOLE, *BACK)
    assert back.word is Word.HOLDS_IF
    assert any("is what step t hands back" in words for words in back.assumptions)


def test_beside_the_whole_gradient_that_is_wrong_a_missing_path_is_wrong(tmp_path: Path) -> None:
    whole = r"\frac{\partial L}{\partial c_t} = \frac{\partial L}{\partial h_t} \odot o_t"
    *_, back = _judged(tmp_path, WHOLE, *BACK[:2], whole, BACK[2])
    assert back.word is Word.WRONG


def test_a_bare_error_beside_those_of_two_steps_is_never_taken_for_that_of_another_loss(tmp_path: Path) -> None:
    cell = r"$$s_t = W h_{t-1} + U x_t$$ $$h_t = \tanh(s_t)$$ $$q_t = V h_t$$ $$E_t = \frac{1}{2} \|q_t - y_t\|^2$$"
    both = (r"\delta^{(t)}_k = \frac{\partial E_t}{\partial s_k}", r"\delta_t = \frac{\partial E_t}{\partial s_t}")
    claim = r"\frac{\partial E_t}{\partial U} = \sum_{k=1}^t \delta_k \otimes x_k"
    found = {one.formula: one.word for one in _judged(tmp_path, cell, both[0], claim, both[1])}
    assert found[claim] in (Word.HOLDS_IF, Word.UNDECIDED)
