"""Ways in which public notes set and say their formulas: marks, words beside them, functions and letters left open."""

from __future__ import annotations

from pathlib import Path

from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import audit

RIGHT = (Word.PROVED, Word.HOLDS_IF)
RNN = (r"h_t = \tanh(W_x x_t + W_h h_{t-1} + b)", r"p_t = V h_t")
SQUARED = r"E = \sum_t E_t, \quad \text{where } E_t = \frac{1}{2} |p_t - r_t|^2"


def _judged(tmp_path: Path, text: str) -> dict[str, Judgement]:
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    return {judgement.formula: judgement for judgement in audit(path).judgements}


def _shown(*formulas: str) -> str:
    return "\n\n".join(f"$${each}$$" for each in formulas) + "\n"


def test_marks_and_letters_of_public_notes(tmp_path: Path) -> None:
    """A display that ends where the next begins, lines in one brace, numbers behind them, t' as an index, any θ."""
    by_v = r"\frac{\partial E_t}{\partial V} = \frac{\partial E_t}{\partial p_t} \frac{\partial p_t}{\partial V}"
    primed = (
        rf"\frac{{\partial h_t}}{{\partial b}} = \sum_{{t'={first}}}^{{t}} \frac{{\partial h_t}}{{\partial h_{{t'}}}}"
        r" \frac{\partial h_{t'}}{\partial b}"
        for first in ("1", "2")
    )
    any_ = (
        rf"\frac{{\partial E}}{{\partial \theta}} = {two}\sum_{{t=1}}^T \frac{{\partial E_t}}{{\partial \theta}}"
        for two in ("", "2 ")
    )
    good, bad = zip(
        (r"\frac{\partial E_t}{\partial V} = (p_t - r_t) h_t^T", r"\frac{\partial E_t}{\partial V} = r_t h_t^T"),
        primed,
        any_,
        strict=True,
    )
    one, other = (
        r"\frac{\partial E}{\partial V} = \sum_t (p_t - r_t) h_t^T",
        r"\frac{\partial E}{\partial V} = \sum_t r_t h_t^T",
    )
    broken = f"\n   $$\n   {one}\n   $$   $$\n   {other}\n   $$\n"
    lines = "```math\n\\displaylines{" + " \\\\\n".join([*RNN, by_v + r"\ (2)"]) + "}\n```\n"
    found = _judged(tmp_path, f"{lines}\n{_shown(SQUARED)}{broken}\n{_shown(*good, *bad)}")
    assert next(each for key, each in found.items() if key.startswith(by_v)).word is Word.HOLDS_IF
    assert all(found[each].word in RIGHT for each in (one, *good))
    assert all(found[each].word is Word.WRONG for each in (other, *bad))


def test_a_square_of_a_vector_in_a_loss_is_a_norm(tmp_path: Path) -> None:
    good, bad = (rf"\frac{{\partial E_t}}{{\partial V}} = {two}(p_t - r_t) h_t^T" for two in ("", "2"))
    found = _judged(tmp_path, _shown(*RNN, r"E_t = \frac12 \left(p_t - r_t\right)^{2}", good, bad))
    assert found[good].word is Word.PROVED
    assert found[bad].word is Word.WRONG


def test_a_function_left_open_with_the_slope_of_a_usual_one(tmp_path: Path) -> None:
    cell = r"h_t = \phi(W_x x_t + W_h h_{t-1} + b)"
    good = r"\frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1 - h_t^2) W_h"
    bad = r"\frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1 - h_{t-1}^2) W_h"
    found = _judged(tmp_path, _shown(cell, good, bad))
    assert found[good].word is Word.HOLDS_IF
    assert "phi is tanh, which the equations leave open" in found[good].assumptions
    assert found[bad].word is Word.WRONG


def test_the_gradient_carried_along_beside_what_a_step_adds(tmp_path: Path) -> None:
    named = (r"a_t = U x_t + W s_{t-1}", r"s_t = \tanh(a_t)")
    good, bad = (
        r"\frac{\partial s_t}{\partial W} = \frac{\partial s_t}{\partial a_t} \left\(\frac{\partial a_t}{\partial W}"
        rf" + {factor} \frac{{\partial s_{{t-1}}}}{{\partial W}}\right\)\quad (\text{{need }}s_t; t = 2,3,\ldots,T)"
        for factor in ("W", "U")
    )
    found = {key.partition(r"\quad")[0]: each for key, each in _judged(tmp_path, _shown(*named, good, bad)).items()}
    assert found[good.partition(r"\quad")[0]].word is Word.HOLDS_IF
    assert found[bad.partition(r"\quad")[0]].word not in RIGHT


def test_what_is_said_for_one_value_of_a_gate_is_no_equation_of_the_model(tmp_path: Path) -> None:
    gate = r"z_t = \sigma(W_z x_t + U_z h_{t-1})"
    cell = r"g_t = \tanh(W x_t)$$ $$h_t = (1 - z_t) \odot h_{t-1} + z_t \odot g_t"
    case = r"z_t = 1 \Rightarrow h_t = g_t"
    claim = r"\frac{\partial h_t}{\partial z_t} = g_t - h_{t-1}"
    plain = r"\frac{\partial h_t}{\partial h_{t-1}} = \mathrm{diag}(1 - h_t^2) U_z"
    text = f"{_shown(gate, cell)}\n## Cases\n{_shown(case, claim)}\n**Vanilla RNN**:\n\n{_shown(plain)}"
    found = _judged(tmp_path, text)
    assert found[claim].word in RIGHT
    assert found[plain].word in (Word.UNDECIDED, Word.HOLDS_IF)  # of another cell, which the words before it name


def test_a_letter_in_the_other_case_and_a_function_spoken_of(tmp_path: Path) -> None:
    named = r"a_t = w_x x_t + W_h h_{t-1} + b"
    claim = r"\frac{\partial h_t}{\partial a_t} = \mathrm{diag}(1 - h_t^2)"
    found = _judged(tmp_path, f"{_shown(*RNN, named, claim)}\nThe derivative of $y = tanh(x)$ is $1 - y^2$.\n")
    assert found[claim].word in RIGHT
    assert found["y = tanh(x)"].word is not Word.WRONG


def test_what_a_loss_compares_with_may_have_no_time(tmp_path: Path) -> None:
    good, bad = (rf"\frac{{\partial E_t}}{{\partial V}} = {two}(p_t - d) h_t^T" for two in ("2 ", ""))
    found = _judged(tmp_path, _shown(*RNN, r"E_t = (p_t - d)^2", good, bad))
    assert found[good].word in RIGHT
    assert found[bad].word is Word.WRONG
    same = r"\frac{\partial E_t}{\partial V} = (p_t - p) h_t^T"
    found = _judged(tmp_path, _shown(*RNN, r"E_t = \frac12 (p_t - p)^2", same))
    assert found[same].word is Word.UNDECIDED


LSTM = (
    *(rf"{gate}_t = \sigma(W_{gate} x_t + U_{gate} h_{{t-1}} + b_{gate})" for gate in "fio"),
    r"g_t = \tanh(W_g x_t + U_g h_{t-1} + b_g)",
    r"c_t = f_t \odot c_{t-1} + i_t \odot g_t",
    r"h_t = o_t \odot \tanh(c_t)",
)


def test_total_differentials_with_letters_for_their_matrices(tmp_path: Path) -> None:
    cell = (
        r"i_t = \sigma(W_i x_t + U_i h_{t-1})",
        r"g_t = \tanh(W_g x_t + U_g h_{t-1})",
        r"h_t = i_t \odot h_{t-1} + g_t",
        r"D_i = \mathrm{diag}(i_t \odot (1 - i_t))",
        r"D_g = \mathrm{diag}(1 - g_t \odot g_t), \qquad D_q = \mathrm{diag}(g_t)",
    )
    good, bad = (
        r"\mathrm dh_t = (\mathrm{diag}(i_t) + \mathrm{diag}(h_{t-1}) D_i U_i + "
        rf"D_g U_{last})\,\mathrm dh_{{t-1}}"
        for last in "gi"
    )
    found = _judged(tmp_path, _shown(*cell, good, bad))
    assert found[good].word is Word.HOLDS_IF
    assert found[bad].word is Word.UNDECIDED
    assert all(judgement.word is not Word.WRONG for judgement in found.values())


def test_targets_by_their_index_and_letters_of_other_models(tmp_path: Path) -> None:
    """-log p_t[k_t] with e_t for what is subtracted from p_t; c beside V h_t is no c_t of a later section."""
    head = (r"y_t = V h_t + c", r"p_t = \mathrm{softmax}(y_t)", r"E_t = -\log p_t[\text{target}_t]")
    good = r"\frac{\partial E_t}{\partial c} = p_t - e_t \quad \in \mathbb{R}^{K \times 1}"
    bad = r"\frac{\partial E_t}{\partial c} = e_t - p_t"
    start = r"h_0 = \epsilon \mathbb{1}"
    text = (
        f"# Note\n## One\n{_shown(RNN[0], *head)}\n$${start}$$\n## Two\n{_shown(good, bad)}\n## Three\n{_shown(*LSTM)}"
    )
    found = _judged(tmp_path, text)
    assert found[r"\frac{\partial E_t}{\partial c} = p_t - e_t"].word in RIGHT
    assert found[bad].word is Word.WRONG
    assert found[start].word is Word.NOT_A_CLAIM


def test_examples_and_later_models_are_not_the_model(tmp_path: Path) -> None:
    """An example with plain letters beside bold ones, gates of a later section, \\diag as a page's own command."""
    bold = (
        r"\mathbf{h}_t = \tanh(\mathbf{z}_t)",
        r"\mathbf{z}_t = \mathbf{W} \mathbf{h}_{t-1} + \mathbf{U} \mathbf{x}_t",
    )
    claim = r"\frac{\partial \mathbf{h}_t}{\partial \mathbf{h}_{t-1}} = \diag(1 - \mathbf{h}_t^2) \mathbf{W}"
    found = _judged(tmp_path, f"{_shown(*bold, claim)}\nA number: $h_t = \\tanh(w\\,h_{{t-1}} + x_t)$.\n")
    assert found[claim].word in RIGHT
    gates = (r"z_t = \sigma(W_z x_t + U_z h_{t-1})", r"h_t = (1 - z_t) \odot h_{t-1} + z_t \odot \tanh(W x_t)")
    claim = r"\frac{\partial h_k}{\partial h_{k-1}} = \mathrm{diag}(\tanh'(z_k)) W_h"
    found = _judged(
        tmp_path, f"# Note\n## RNN\n{_shown(RNN[0])}\n### Slopes\n{_shown(claim)}\n## GRU\n{_shown(*gates)}"
    )
    assert found[claim].word is not Word.WRONG


def test_a_state_that_reads_itself_is_that_of_the_step_before(tmp_path: Path) -> None:
    slip = r"c_t = f_t \odot c_t + i_t \odot g_t"
    good = r"\frac{\partial c_t}{\partial c_{t-1}} = f_t"
    found = _judged(tmp_path, _shown(*(slip if each.startswith("c_t") else each for each in LSTM), good))
    assert found[good].word is Word.HOLDS_IF


def test_code_with_steps_in_angles_is_told(tmp_path: Path) -> None:
    fence = "```\na⟨t⟩ = tanh(Waa · a⟨t-1⟩ + Wax · x⟨t⟩)\n```\n\n```\ny⟨t⟩ = Wya · a⟨t⟩\n```\n"
    step = r"^{\langle t \rangle}"
    claim = rf"\frac{{\partial L}}{{\partial W_{{ya}}}} = \frac{{\partial L}}{{\partial y{step}}} (a{step})^T"
    assert _judged(tmp_path, f"{fence}\n{_shown(claim)}")[claim].word is Word.UNDECIDED
