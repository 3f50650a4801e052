"""Habits of reading: gates in one list, words behind bars, norms, entries; what a note writes with few words."""

from __future__ import annotations

from pathlib import Path

from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import audit

RIGHT = (Word.PROVED, Word.HOLDS_IF)
LSTM = (
    *(rf"{gate}_t = \sigma(W_{gate} x_t + U_{gate} h_{{t-1}} + b_{gate})" for gate in "fio"),
    r"g_t = \tanh(W_c x_t + U_c h_{t-1} + b_c)",
    r"c_t = f_t \odot c_{t-1} + i_t \odot g_t",
    r"h_t = o_t \odot \tanh(c_t)",
)


def _judged(tmp_path: Path, text: str) -> dict[str, Judgement]:
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    return {judgement.formula: judgement for judgement in audit(path).judgements}


def _shown(*formulas: str) -> str:
    return "\n\n".join(f"$${each}$$" for each in formulas) + "\n"


def test_gates_that_one_product_gives_together(tmp_path: Path) -> None:
    split = r"a_t = x_t W_x + h_{t-1} W_h + b = [\,a^i_t,\; a^f_t,\; a^o_t,\; a^g_t\,]"
    gates = (r"i_t = \sigma(a^i_t)", r"f_t = \sigma(a^f_t)", r"o_t = \sigma(a^o_t)", r"g_t = \tanh(a^g_t)")
    whole = r"\delta_t = [\delta^i_t, \delta^f_t, \delta^o_t, \delta^g_t]"
    added = (
        r"\frac{\partial L}{\partial c_t} \mathrel{+}= \frac{\partial L}{\partial h_t} \odot o_t \odot"
        r" (1 - \tanh^2(c_t))"
        r"\qquad \text{(the path through } h_t\text{, added to the one from } c_{t+1}\text{)}"
    )
    back = r"\frac{\partial L}{\partial c_{t-1}} = \frac{\partial L}{\partial c_t} \odot f_t"
    true = (
        r"\frac{\partial L}{\partial W_x} \mathrel{+}= x_t^\top \delta_t",
        r"\frac{\partial L}{\partial h_{t-1}} = \delta_t W_h^\top",
        back,
    )
    false = r"\frac{\partial L}{\partial W_h} \mathrel{+}= h_t^\top \delta_t"
    text = _shown(split, *gates, *LSTM[-2:], r"\text{logits} = h_T W_{hy} + b_y")
    found = _judged(tmp_path, f"# Note\n{text}\nStacked: ${whole}$.\n\n" + _shown(added, *true, false))
    assert found[whole].word is Word.NOT_A_CLAIM
    assert all(found[each].word is Word.HOLDS_IF for each in true)
    assert found[added.partition(r"\qquad")[0]].word is Word.HOLDS_IF
    assert found[false].word is Word.WRONG


def test_equations_aligned_in_cases_and_errors_of_two_steps(tmp_path: Path) -> None:
    model = (
        r"\begin{cases} s_t &= W h_{t-1} + U x_t \\ h_t &= tanh(s_t) \\ \hat{y}_t &= softmax(V h_t) \\"
        r"E_t &= - y_t^T log(\hat{y}_t) \\ E &= \sum_t^T E_t \end{cases}"
    )
    said, rest = r"\delta^{(t)}_k = \frac{\partial E_t}{\partial s_k}", r"r_t = \hat{y}_t - y_t"
    true = (
        r"\delta^{(t)}_k = (W^T \delta^{(t)}_{k+1}) \odot (1 - h_k \odot h_k)",
        r"\frac{\partial E_t}{\partial V} = r_t \otimes h_t",
        r"\frac{\partial E}{\partial U} = \sum_t \frac{\partial E_t}{\partial U}",
        r"\frac{\partial E_t}{\partial W} = \sum_{k=0}^t \delta^{(t)}_k \otimes h_{k-1}",
    )
    false = r"\frac{\partial E_t}{\partial W} = \sum_{k=0}^t \delta^{(t)}_k \otimes h_k"
    steps = (
        r"\begin{cases} U &= U - \lambda \sum_{t=0}^T \delta_t \otimes x_t \\"
        r" V &= V - \lambda r_t \otimes h_t \end{cases}"
    )
    found = _judged(tmp_path, "# Note\n" + _shown(model, said, rest, *true, false, steps))
    assert all(found[each].word in RIGHT for each in true), [found[each] for each in true]
    assert found[false].word is Word.WRONG
    assert Word.UNDECIDED not in {each.word for each in found.values()}


def test_an_arrow_over_a_letter_is_a_typeface(tmp_path: Path) -> None:
    arrows = tuple(each.replace("c_{", r"\vec{c}_{").replace("c_t", r"\vec{c}_t") for each in LSTM)
    true = r"\frac{\partial c_t}{\partial c_{t-1}} = \text{diag}(f_t)"
    found = _judged(tmp_path, "# Note\n" + _shown(*arrows, true, true.replace("f_t", "i_t")))
    assert found[true].word is Word.HOLDS_IF
    assert found[true.replace("f_t", "i_t")].word is Word.WRONG


def test_a_letter_for_a_function_that_the_same_line_names(tmp_path: Path) -> None:
    model = (r"s_t = f_1(U x_t + W s_{t-1}) = \tanh(U x_t + W s_{t-1})", r"\hat{y}_t = f_2(V s_t) = softmax(V s_t)")
    true = r"\frac{\partial s_t}{\partial s_{t-1}} = \text{diag}(1 - s_t^2) W"
    found = _judged(tmp_path, "# Note\n" + _shown(*model, true, true.replace("s_t^2", "s_t")))
    assert found[true].word is Word.PROVED
    assert found[true.replace("s_t^2", "s_t")].word is Word.WRONG
    assert sum(each.word is Word.WRONG for each in found.values()) == 1


def test_the_loss_of_a_step_along_the_cell_state(tmp_path: Path) -> None:
    start = (
        r"\frac{\partial L_t}{\partial c_{t-k}} = \frac{\partial L_t}{\partial h_t} \frac{\partial h_t}{\partial c_t} "
    )
    true, false = (start + rf"\prod_{{i={first}}}^{{t}} f_i" for first in ("t-k+1", "t-k"))
    found = _judged(tmp_path, "# Note\n" + _shown(*LSTM, true, false))
    assert found[true].word is Word.HOLDS_IF
    assert found[false].word is Word.WRONG


def test_equations_of_a_batch_beside_those_of_one_example(tmp_path: Path) -> None:
    one = (r"h_t = \tanh(W h_{t-1} + U x_t + b)", r"\hat{y} = V h_T + c")
    batch = (
        r"\mathbf{Z}_t = \mathbf{U} \mathbf{X}_t + \mathbf{W} \mathbf{H}_{t-1} + \mathbf{b}",
        r"\mathbf{H}_t = \tanh(\mathbf{Z}_t)",
    )
    error = r"\delta_{z, t} = \delta_{h, t} \odot (1 - \mathbf{H}_t^2)"
    true = r"\frac{\partial J}{\partial W} \mathrel{+}= \delta_{z, t} \mathbf{H}_{t-1}^T"
    false = r"\frac{\partial J}{\partial W} \mathrel{+}= \delta_{z, t} \mathbf{H}_t^T"
    found = _judged(tmp_path, "# Note\n" + _shown(*one, *batch, error, true, false))
    assert found[error].word is found[true].word is Word.HOLDS_IF
    assert found[false].word is Word.WRONG
