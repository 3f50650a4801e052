"""Habits of writing that a note shows as a whole: names for arguments, its own length, what δ is the gradient of."""

from __future__ import annotations

from pathlib import Path

from derive.reader import read_file
from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import audit

RIGHT = (Word.PROVED, Word.HOLDS_IF)
GRU = r"""
$$z_t = \sigma(W_z O_{\text{Cc}(t)} + U_z h_{t-1} + b_z)$$
$$r_t = \sigma(W_r O_{\text{Cc}(t)} + U_r h_{t-1} + b_r)$$
$$\tilde{h}_t = \tanh(W_h O_{\text{Cc}(t)} + U_h (r_t \odot h_{t-1}) + b_h)$$
$$h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tilde{h}_t$$
"""
NAMED = r"""
$$\tilde{h}_t = \tanh(z_{\tilde{h}(t)}) \\ z_t = \sigma(z_{z(t)}) \\ r_t = \sigma(z_{r(t)})$$
"""
LAST = r"""
The sequence is $(x_1, x_2, ..., x_n)$.

$$z_t = W_{hh} h_{t-1} + W_{xh} x_t + b$$
$$h_t = \tanh(z_t)$$
$$y = W_{hy} h_n + b_y$$
"""


def _judged(tmp_path: Path, text: str) -> dict[str, Judgement]:
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    return {judgement.formula: judgement for judgement in audit(path).judgements}


def _shown(*formulas: str) -> str:
    return "\n\n".join(f"$${each}$$" for each in formulas) + "\n"


def test_an_equation_with_a_name_for_the_argument_says_what_that_is(tmp_path: Path) -> None:
    true = (
        r"\frac{\partial L}{\partial z_{z(t)}} = \frac{\partial L}{\partial z_t} \odot (z_t \odot (1 - z_t))",
        r"\frac{\partial L}{\partial W_h} = \sum_t \frac{\partial L}{\partial z_{\tilde{h}(t)}} O_{\text{Cc}(t)}^T",
    )
    false = r"\frac{\partial L}{\partial U_h} = \sum_t \frac{\partial L}{\partial z_{\tilde{h}(t)}} h_{t-1}^T"
    found = _judged(tmp_path, "# Note\n\n## Cell\n" + GRU + "\n## Backward\n" + NAMED + _shown(*true, false))
    assert all(found[each].word in RIGHT for each in true)
    assert found[false].word is Word.WRONG


def test_a_list_of_all_steps_says_how_many_there_are(tmp_path: Path) -> None:
    whole = r"\frac{\partial L}{\partial b_z} = \sum_{t=1}^6 \frac{\partial L}{\partial z_t} \odot z_t \odot (1 - z_t)"
    part = whole.replace("6", "4")
    found = _judged(tmp_path, "# Note\n" + GRU + "\nwith $t \\in \\set{1,2,3,4,5,6}$\n\n" + _shown(whole, part))
    assert found[whole].word is Word.HOLDS_IF
    assert found[part].word is not Word.HOLDS_IF


def test_the_gradient_that_delta_is_makes_most_of_a_note_right(tmp_path: Path) -> None:
    back = r"\delta_t = W_{hh}^T [\delta_{t+1} \odot (1 - h_{t+1}^2)]"
    weight = r"\frac{\partial L}{\partial W_{hh}} = \sum_{t=1}^{n} [\delta_t \odot (1 - h_t^2)] h_{t-1}^T"
    false = r"\frac{\partial L}{\partial W_{xh}} = \sum_{t=1}^{n} [\delta_t \odot (1 - h_{t-1}^2)] x_t^T"
    found = _judged(tmp_path, "# Note\n" + LAST + "\n## Backward\n\n" + _shown(back, weight, false))
    for each in (back, weight):
        assert found[each].word is Word.HOLDS_IF
        assert any("the gradient of h itself" in words for words in found[each].assumptions)
    assert found[false].word is Word.UNDECIDED  # wrong for certain in no case, as it rests on a guess


def test_of_a_read_out_of_the_last_step_J_reads_that_step_alone(tmp_path: Path) -> None:
    later = r"\frac{\partial L}{\partial h_{t+1}} \odot (1 - h_{t+1}^2)"
    last = rf"\frac{{\partial L}}{{\partial h_t}} = W_{{hh}}^T \left({later}\right)"
    found = _judged(tmp_path, "# Note\n" + LAST + "\n## Backward\n\n" + _shown(last))
    assert found[last].word is Word.PROVED


def test_what_an_error_letter_is_said_to_be_is_never_wrong(tmp_path: Path) -> None:
    said = r"\delta_a^t = \frac{\partial L_t}{\partial h_t} \odot \phi'(a_t)"
    text = "# Note\n" + _shown(r"h_t = \phi(a_t) = \phi(W x_t + U h_{t-1} + b)", "y_t = V h_t + c")
    claimed = _judged(tmp_path, text + f"\nso that $${said}$$\n")
    assert claimed[said].word is Word.WRONG
    assert _judged(tmp_path, text + f"\nLet ${said}$.\n")[said].word is Word.NOT_A_CLAIM


def test_a_loss_with_a_label_is_the_loss(tmp_path: Path) -> None:
    loss = r"\mathcal{L}_{\text{seq}} = -\sum_{t=1}^{T} \sum_{i=1}^{d} y_{t,i} \log(\hat{y}_{t,i})"
    model = (r"h_t = \tanh(W h_{t-1} + U x_t + b)", r"\hat{y}_t = \text{softmax}(V h_t + c)", loss)
    of = r"\frac{\partial \mathcal{L}_{\text{seq}}}{\partial "
    true = of + r"W} = \sum_{t=1}^{T} \left(" + of + r"h_t} \odot (1 - h_t^2)\right) h_{t-1}^T"
    false = of + r"c} = \sum_{t=1}^{T} (y_t - \hat{y}_t)"
    found = _judged(tmp_path, "# Note\n" + _shown(*model, true, false))
    assert found[true].word is Word.PROVED
    assert found[false].word is Word.WRONG


def test_a_condition_on_entries_stands_in_the_line_before(tmp_path: Path) -> None:
    text = "# Note\n" + _shown(r"h_t = \tanh(W h_{t-1} + U x_t)", "z_t = V h_t", r"p_t = \text{softmax}(z_t)")
    apart = r"\frac{\partial p_{t,i}}{\partial z_{t,k}} = -p_{t,i} p_{t,k}"
    assert _judged(tmp_path, text + "\n" + _shown(apart))[apart].word is Word.WRONG
    for before in ("**情况 B：$i \\neq k$**", "Case 2, $i \\ne k$:"):
        assert _judged(tmp_path, f"{text}\n{before}\n\n" + _shown(apart))[apart].word is Word.PROVED


def test_over_several_steps_a_derivative_may_follow_one_state(tmp_path: Path) -> None:
    gates = (rf"{gate}_t = \sigma(W_{gate} x_t + U_{gate} h_{{t-1}} + b_{gate})" for gate in "fio")
    cell = (r"c_t = f_t \odot c_{t-1} + i_t \odot \tanh(W_c x_t + U_c h_{t-1})", r"h_t = o_t \odot \tanh(c_t)")
    true = r"\frac{\partial c_t}{\partial c_k} = \prod_{i=k+1}^{t} f_i"
    false = r"\frac{\partial c_t}{\partial c_k} = \prod_{i=k}^{t} f_i"
    found = _judged(tmp_path, "# Note\n" + _shown(*gates, *cell, true, false))
    assert found[true].word is Word.HOLDS_IF
    assert any("along that state alone" in words for words in found[true].assumptions)
    assert found[false].word is Word.WRONG


def test_updates_of_several_parameters_claim_nothing(tmp_path: Path) -> None:
    steps = r"U := U - \alpha \frac{\partial L}{\partial U} \\ W := W - \alpha \frac{\partial L}{\partial W}"
    found = _judged(tmp_path, "# Note\n" + _shown(r"h_t = \tanh(W h_{t-1} + U x_t)", steps))
    assert all(judgement.word is Word.NOT_A_CLAIM for judgement in found.values())


def test_remarks_and_conditions_in_chinese(tmp_path: Path) -> None:
    gates = (rf"{gate}_t = \sigma(W_{gate} x_t + U_{gate} h_{{t-1}} + b_{gate})" for gate in "fio")
    cell = (r"c_t = f_t \odot c_{t-1} + i_t \odot \tanh(W_c x_t + U_c h_{t-1})", r"h_t = o_t \odot \tanh(c_t)")
    plain = r"\frac{\partial c_t}{\partial c_{t-1}} = "
    said = plain + r"f_t \quad \text{(逐元素乘法)}"
    under = plain + r"i_t \text{（如果遗忘门接近1）}"
    found = _judged(tmp_path, "# Note\n" + _shown(*gates, *cell, said, under))
    words = {one.word for one in found.values() if one.formula.startswith(plain + "f")}
    assert words == {Word.HOLDS_IF}
    assert {one.word for one in found.values() if one.formula.startswith(plain + "i")} == {Word.UNDECIDED}


def test_the_loss_of_one_step_whatever_the_step_of_the_error_is(tmp_path: Path) -> None:
    cell = (r"s_t = W x_t + U h_{t-1}", r"h_t = \tanh(s_t)", r"\hat{y}_t = \text{softmax}(V h_t)")
    text = "# Note\n" + _shown(*cell, r"E_t = -y_t^T \log(\hat{y}_t)", r"\delta_k = \frac{\partial E_t}{\partial s_k}")
    true = r"\delta_k = \operatorname{diag}(1 - h_k \odot h_k) U^T \delta_{k+1}"
    false = r"\delta_k = \operatorname{diag}(1 - h_k \odot h_k) U \delta_{k+1}"
    found = _judged(tmp_path, text + _shown(true, false))
    assert found[true].word is Word.HOLDS_IF
    assert any("that step or an earlier one" in words for words in found[true].assumptions)
    assert found[false].word is Word.WRONG


def test_a_loss_of_one_step_that_nobody_writes_out(tmp_path: Path) -> None:
    model = (r"a_t = W h_{t-1} + U x_t + b", r"h_t = \phi(a_t)", r"L = \sum_{t=1}^{T} \ell(h_t)")
    said = r"\frac{\partial L}{\partial h_t} = \frac{\partial \ell(h_t)}{\partial h_t} + "
    true = said + r"W^T \mathrm{diag}(\phi'(a_{t+1})) \frac{\partial L}{\partial h_{t+1}}"
    false = true.replace("W^T", "W")
    found = _judged(tmp_path, "# Note\n" + _shown(*model, true, false))
    assert found[true].word is Word.PROVED
    assert found[false].word is Word.WRONG


def test_letters_for_parts_of_derivatives_are_definitions(tmp_path: Path) -> None:
    model = (r"z_t = W h_{t-1} + U x_t + b", r"h_t = \phi(z_t)", r"L = \sum_{t=1}^{T} L_t(h_t, y_t)")
    parts = (r"D_j = \text{diag}(\phi'(z_{j+1}))", r"J_t = D_t W")
    true = r"\frac{\partial h_{t+1}}{\partial h_t} = J_t"
    long = r"\frac{\partial L_T}{\partial h_k} = \frac{\partial L_T}{\partial h_T} \prod_{j=k}^{T-1} D_j W"
    false = r"\frac{\partial h_{t+1}}{\partial h_t} = W D_t"
    found = _judged(tmp_path, "# Note\n" + _shown(*model, *parts, true, long, false))
    assert all(found[each].word is Word.NOT_A_CLAIM for each in parts)
    assert found[true].word is Word.PROVED
    assert found[long].word is Word.HOLDS_IF
    assert found[false].word is Word.WRONG


def test_what_a_function_is_and_where_something_is_said_claims_nothing(tmp_path: Path) -> None:
    chain = r"\sigma(z) = \tanh(z) = \frac{e^z - e^{-z}}{e^z + e^{-z}}"
    text = _shown("z_t = W h_{t-1} + U x_t", r"h_t = \sigma(z_t)", chain) + "\nThe slope is largest at $z_t = 0$.\n"
    found = _judged(tmp_path, "# Note\n" + text)
    assert {found[each].word for each in (r"\sigma(z) = \tanh(z)", "z_t = 0")} == {Word.NOT_A_CLAIM}
    assert found[chain.partition(" = ")[2]].word is Word.PROVED


LSTM = (
    *(rf"{gate}_t = \sigma(W_{gate} x_t + U_{gate} h_{{t-1}} + b_{gate})" for gate in "fio"),
    r"g_t = \tanh(W_c x_t + U_c h_{t-1} + b_c)",
    r"c_t = f_t \odot c_{t-1} + i_t \odot g_t",
    r"h_t = o_t \odot \tanh(c_t)",
)


def test_of_a_heading_that_speaks_of_the_last_step(tmp_path: Path) -> None:
    last = r"\frac{\partial L}{\partial c_t} = \frac{\partial L}{\partial h_t} \odot o_t \odot (1 - \tanh^2(c_t))"
    found = _judged(tmp_path, "# Note\n" + _shown(*LSTM) + "\n## 最后一个LSTM单元\n\n" + _shown(last))
    assert found[last].word is Word.HOLDS_IF
    assert any("as the heading says" in words for words in found[last].assumptions)
    assert _judged(tmp_path, "# Note\n" + _shown(*LSTM, last))[last].word is Word.WRONG


def test_the_gradient_of_an_output_is_what_a_step_hands_back_where_there_is_no_loss(tmp_path: Path) -> None:
    gates = [
        rf"\frac{{\partial L}}{{\partial {gate}_t}} \frac{{\partial {gate}_t}}{{\partial h_{{t-1}}}}" for gate in "figo"
    ]
    left = r"\frac{\partial L}{\partial h_{t-1}} = "
    true, false = left + " + ".join(gates), left + " + ".join(gates[:3])
    found = _judged(tmp_path, "# Note\n" + _shown(*LSTM, true, false))
    assert found[true].word is Word.HOLDS_IF
    assert found[false].word is Word.WRONG


def test_an_error_that_is_defined_as_a_row_of_the_step_before(tmp_path: Path) -> None:
    said = r"\delta_{t-1}^T = \frac{\partial E}{\partial h_{t-1}}"
    true = r"\frac{\partial E}{\partial o_t} = \delta_t \odot \tanh(c_t)"
    false = r"\frac{\partial E}{\partial o_t} = \delta_{t-1} \odot \tanh(c_t)"
    found = _judged(tmp_path, "# Note\n" + _shown(*LSTM, said, true, false))
    assert found[said].word is Word.NOT_A_CLAIM
    assert found[true].word in RIGHT
    assert found[false].word is Word.WRONG


def test_boxes_starred_targets_and_named_jacobians_do_not_hide_the_model(tmp_path: Path) -> None:
    true = (
        r"J_t := \frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(\tanh'(z_t)) \, W \in \mathbb R^{H \times H}",
        r"\boxed{\delta_t = \frac{\partial L_t}{\partial h_t} + J_{t+1}^\top \, \delta_{t+1}}",
        r"\boxed{\frac{\partial L}{\partial W} = \sum_{t=1}^{T} (\delta_t \odot \tanh'(z_t)) \, h_{t-1}^\top}",
    )
    false = r"\boxed{\frac{\partial L}{\partial V} = \sum_{t=1}^{T} (\delta_t \odot \tanh'(z_t)) \, x_{t-1}^\top}"
    model = _shown(
        r"z_t = W h_{t-1} + V x_t + b, \qquad \boxed{h_t = \tanh(z_t)}, \qquad y_t = U h_t + c",
        r"L_t = \|y_t - y_t^\ast\|^2 / 2",
        r"\delta_t := \frac{\partial L}{\partial h_t}",
    )
    found = _judged(tmp_path, "# Note\n\n" + model + _shown(*true, false))
    words = {place: each.word for place, each in found.items()}
    assert sum(word in RIGHT for word in words.values()) == len(true) + 1, words
    assert sum(word is Word.WRONG for word in words.values()) == 1, words


def test_gates_in_one_column_are_the_notes_own(tmp_path: Path) -> None:
    model = _shown(
        r"\begin{pmatrix} i \\ f \\ o \\ g \end{pmatrix} = \begin{pmatrix} \sigma \\ \sigma \\ \sigma \\ \tanh "
        r"\end{pmatrix} W \begin{pmatrix} h_{t-1} \\ x_t \end{pmatrix}",
        r"c_t = f \odot c_{t-1} + i \odot g",
        r"h_t = o \odot \tanh(c_t)",
    )
    true = (r"\frac{\partial h_t}{\partial c_t} = o \odot (1 - \tanh^2(c_t))", r"\frac{\partial c_t}{\partial g} = i")
    false = r"\frac{\partial h_t}{\partial c_t} = f \odot (1 - \tanh^2(c_t))"
    found = _judged(tmp_path, "# Note\n" + model + _shown(*true, false))
    assert all(found[each].word in RIGHT for each in true)
    assert found[false].word is Word.WRONG


def test_an_error_with_a_label_of_its_own_is_what_its_equation_says(tmp_path: Path) -> None:
    model = _shown(r"h_t = \tanh(W x_t + U h_{t-1} + b)")
    said = r"\delta_{\text{act}} = \frac{\partial L}{\partial h_t} \odot (1 - h_t^2)"
    true = r"\nabla W \mathrel{+}= \delta_{\text{act}} x_t^T"
    false = r"\nabla U \mathrel{+}= \delta_{\text{act}} h_t^T"
    found = _judged(tmp_path, "# Note\n" + model + _shown(said, true, false))
    assert found[said].word is Word.NOT_A_CLAIM
    assert found[true].word in RIGHT
    assert found[false].word is Word.WRONG


def test_what_a_quantity_depends_on_is_no_equation_of_it(tmp_path: Path) -> None:
    true, false = (
        r"\frac{\partial L}{\partial b} = \sum_t \delta_t",
        r"\frac{\partial L}{\partial b} = \sum_t \delta_{t-1}",
    )
    for general in (
        r"h_t = f(x_t, h_{t-1})",
        r"h_t = \text{RNN}(h_{t-1}, x_t; \theta)",
        r"h_t = f_W(x_t, h_{t-1}) = \tanh(W x_t + U h_{t-1} + b)",
    ):
        for formulas in (
            (general, r"h_t = \tanh(W x_t + U h_{t-1} + b)"),
            (r"h_t = \tanh(W x_t + U h_{t-1} + b)", general),
        ):
            judged = _judged(tmp_path, "# Note\n" + _shown(*formulas, true, false))
            assert judged.pop(true).word in RIGHT
            assert judged.pop(false).word is Word.WRONG
            assert {each.word for each in judged.values()} <= {Word.NOT_A_CLAIM, Word.PROVED}, judged
            path = tmp_path / "note.md"
            assert [e.symbol.name for e in read_file(path).equations] == ["h"]


def test_a_loss_that_is_said_to_read_the_last_state_alone(tmp_path: Path) -> None:
    model = r"h_t = \tanh(W x_t + U h_{t-1} + b)"
    true = (
        r"\frac{\partial L}{\partial h_{t-1}} = U^\top \operatorname{diag}(1 - h_t^2) \frac{\partial L}{\partial h_t}"
    )
    false = true.replace(r"U^\top", "U")
    said = (r"L = L(h_T)", r"\mathcal{L} = \ell(h_T, y)")
    for loss in said:
        found = _judged(tmp_path, "# Note\n" + _shown(model, loss, true, false))
        assert found[true].word is Word.HOLDS_IF
        assert found[false].word is Word.WRONG
    for words in ("Suppose that the loss depends only on the last hidden state.", "假设损失只产生于最后一个时间步。"):
        back = r"\delta_t = \left(\frac{\partial h_{t+1}}{\partial h_t}\right)^\top \delta_{t+1}"
        note = "# Note\n" + _shown(model, r"\delta_t = \frac{\partial L}{\partial h_t}") + f"## One\n{words}\n\n"
        assert _judged(tmp_path, note + _shown(back))[back].word is Word.HOLDS_IF
        assert _judged(tmp_path, note + "## Two\n" + _shown(back))[back].word is Word.UNDECIDED  # no loss is said there
    assert _judged(tmp_path, "# Note\n" + _shown(model, true))[true].word is Word.HOLDS_IF  # handed back by a step
    assert _judged(tmp_path, "# Note\n" + _shown(model, r"L = \sum_t L(h_t)", true))[true].word is not Word.PROVED


def test_the_gradient_by_a_state_may_be_what_the_next_step_hands_back(tmp_path: Path) -> None:
    chained = r"\frac{\partial L}{\partial c_t} + \frac{\partial L}{\partial h_t} \odot o_t \odot (1 - \tanh^2(c_t))"
    given = (
        rf"\frac{{\partial L}}{{\partial c_{{t-1}}}} = f_t \odot ({chained})",
        rf"\frac{{\partial L}}{{\partial f_t}} = c_{{t-1}} \odot ({chained})",
    )
    false = rf"\frac{{\partial L}}{{\partial f_t}} = c_t \odot ({chained})"
    found = _judged(tmp_path, "# Note\n" + _shown(*LSTM, *given, false))
    assert all(found[each].word is Word.HOLDS_IF for each in given)
    assert found[false].word is Word.WRONG
    total = r"\frac{\partial L}{\partial i_t} = g_t \odot \frac{\partial L}{\partial c_t}"  # which means the whole one
    found = _judged(tmp_path, "# Note\n" + _shown(*LSTM, total, *given))
    assert found[total].word in RIGHT
    assert all(found[each].word is Word.WRONG for each in given)


def test_what_a_note_calls_y_before_it_has_targets_is_no_target(tmp_path: Path) -> None:
    model = (
        r"h_t = \tanh(W x_t + U h_{t-1} + b)",
        r"y_t = V h_t + c",
        r"o_t = V h_t + c",
        r"\hat{y}_t = \operatorname{softmax}(o_t)",
    )
    true, false = (
        rf"\frac{{\partial L}}{{\partial o_t}} = {right}" for right in (r"\hat{y}_t - y_t", r"y_t - \hat{y}_t")
    )
    found = _judged(
        tmp_path, "# Note\nThe loss is the cross-entropy with the answer $y_t$.\n" + _shown(*model, true, false)
    )
    assert found[true].word is Word.HOLDS_IF
    assert found[false].word is Word.WRONG
