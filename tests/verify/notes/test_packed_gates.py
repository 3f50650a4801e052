"""Notes that write each gate with its own weights and stack the arguments of all beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import audit

STATES = r"$$c_t = f_t \odot c_{t-1} + i_t \odot g_t$$" + "\n" + r"$$h_t = o_t \odot \tanh(c_t)$$" + "\n"
NAMED = STATES + "".join(
    rf"$${gate}_t = \{function}(W_{gate} x_t + U_{gate} h_{{t-1}}) = \{function}(\hat{{{gate}}}_t)$$" + "\n"
    for gate, function in (("f", "sigma"), ("i", "sigma"), ("o", "sigma"), ("g", "tanh"))
)
BARRED = STATES + "".join(
    rf"$${gate}_t = \{function}(W_{gate} [h_{{t-1}}, x_t] + b_{gate})$$" + "\n"
    for gate, function in (("f", "sigma"), ("i", "sigma"), ("o", "sigma"), ("g", "tanh"))
)
CHAIN = (
    r"$$z_t = \begin{bmatrix} \hat{f}_t \\ \hat{i}_t \\ \hat{o}_t \\ \hat{g}_t \end{bmatrix} = "
    r"\begin{bmatrix} W_f & U_f \\ W_i & U_i \\ W_o & U_o \\ W_g & U_g \end{bmatrix} "
    r"\begin{bmatrix} x_t \\ h_{t-1} \end{bmatrix} = W I_t$$" + "\n"
)
BLOCKS = STATES + "".join(
    rf"$${gate}_t = \{function}\big((x_t W + b)_{gate} + (h_{{t-1}} U)_{gate}\big)$$" + "\n"
    for gate, function in (("i", "sigma"), ("f", "sigma"), ("g", "tanh"), ("o", "sigma"))
)
STACK = (
    r"$$q_t = [h_{t-1}, x_t]$$" + "\n"
    r"$$\begin{pmatrix} \bar{f}_t \\ \bar{i}_t \\ \bar{o}_t \\ \bar{g}_t \end{pmatrix} = W q_t + b$$" + "\n"
)  # fmt: skip
SURE = (Word.PROVED, Word.HOLDS_IF)


def _judged(tmp_path: Path, text: str, *formulas: str) -> dict[str, Judgement]:
    path = tmp_path / "note.md"
    path.write_text("# Note\n\n" + text + "".join(f"\n$${each}$$\n" for each in formulas), encoding="utf-8")
    return {one.formula: one for one in audit(path).judgements}


CASES = {
    "blocks": (
        BLOCKS,
        (
            r"di_t = \delta^c_t \odot g_t \odot i_t (1 - i_t)",
            r"\delta^{gates}_t = [\, di_t \;\; df_t \;\; dg_t \;\; do_t \,]",
            r"\frac{\partial L}{\partial W} = \sum_t x_t^\top \delta^{gates}_t",
            r"\frac{\partial L}{\partial b} = \sum_t \sum_{batch} \delta^{gates}_t",
        ),
        (r"\frac{\partial L}{\partial U} = \sum_t h_t^\top \delta^{gates}_t",),
    ),
    "a chain": (
        NAMED + CHAIN,
        (
            r"\delta \hat{f}_t = \delta f_t \odot f_t \odot (1 - f_t)",
            r"\delta z_t = [\delta \hat{f}_t, \delta \hat{i}_t, \delta \hat{o}_t, \delta \hat{g}_t]^T",
            r"\delta I_t = W^T \delta z_t",
            r"\delta W_t = \delta z_t (I_t)^T",
            r"\delta W = \sum_{t=1}^T \delta W_t",
        ),
        (r"\delta I_t = W \delta z_t", r"\delta W_t = \delta z_{t-1} (I_t)^T"),
    ),
    "a stack": (
        BARRED + STACK,
        (
            r"\delta \bar{z}_t = [\delta \bar{f}_t; \delta \bar{i}_t; \delta \bar{o}_t; \delta \bar{g}_t]",
            r"\delta W = \delta \bar{z}_t \cdot q_t^T",
            r"\delta b = \delta \bar{z}_t",
            r"\delta q_t = W^T \delta \bar{z}_t",
        ),
        (r"\delta W = q_t \cdot \delta \bar{z}_t", r"\delta q_t = W \delta \bar{z}_t"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_gradients_of_the_stack_hold_as_the_note_stacks_it(tmp_path: Path, name: str) -> None:
    text, right, wrong = CASES[name]
    found = _judged(tmp_path, text, *right, *wrong)
    assert all(found[each].word in (*SURE, Word.NOT_A_CLAIM) for each in right)
    assert all(found[each].word not in SURE for each in wrong)
    if name != "blocks":  # which are the note's only equations
        assert any("as line" in words for each in right for words in found[each].assumptions)


def test_a_letter_with_time_that_looks_like_a_gate_is_not_wrong_by_its_shape(tmp_path: Path) -> None:
    formula = r"\delta I_t = \begin{bmatrix} \delta x_t \\ \delta h_{t-1} \end{bmatrix}"
    assert _judged(tmp_path, NAMED, formula)[formula].word is Word.UNDECIDED
