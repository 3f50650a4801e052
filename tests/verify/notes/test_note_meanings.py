"""What a note says itself: its own equations, holes in them, and the letters, losses and facts that it defines."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from verify.formulas.judgement import Word
from verify.notes.audit import Audit, audit

RNN = "$$ h_t = \\tanh(W x_t + U h_{t-1} + b) $$\n$$ q_t = V h_t $$\n\n"
PLAIN = r"$$ \frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial h_t} \odot (1 - h_t^2) $$"
SURE = {Word.PROVED, Word.HOLDS_IF}


def audited(tmp_path: Path, text: str) -> Audit:
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    return audit(path)


def last(tmp_path: Path, text: str) -> Word:
    return audited(tmp_path, text).judgements[-1].word


@pytest.mark.parametrize(
    "own",
    [
        r"$$ h_t = (1-\lambda) h_{t-1} + \lambda \tanh(W x_t + U h_{t-1} + b) $$",
        r"$$ h_t = \operatorname{bend}(W x_t + U h_{t-1} + b) $$",
        r"$$ h_t = \tanh(LN(W x_t) + U h_{t-1} + b) $$",
        r"$$ h_t = \tanh(\beta (W x_t + U h_{t-1} + b)) $$",
        r"$$ h_t \approx \tanh(W x_t + U h_{t-1}) + b $$",
        r"$$ h_t = \unknown{W} x_t + U h_{t-1} + b $$",
        r"$$ h = \sin(W x + U h' + b) $$",
        "```python\nh = (1 - a) * h + a * np.tanh(W @ x + U @ h + b)\n```",
        "h_t = (1 - a) h_{t-1} + a tanh(W x_t + U h_{t-1} + b)",
    ],
)
def test_no_catalogue_cell_stands_for_the_note(tmp_path: Path, own: str) -> None:
    assert last(tmp_path, f"# A cell\n\n{own}\n\n{PLAIN}\n") not in SURE


def test_what_a_hole_does_not_reach_is_judged(tmp_path: Path) -> None:
    text = "$$ h_t = \\operatorname{bend}(W x_t + U h_{t-1}) $$\n$$ q_t = V h_t $$\n\n"
    found = audited(
        tmp_path,
        text
        + "$\\frac{\\partial J}{\\partial V} = \\sum_t \\frac{\\partial J}{\\partial q_t} h_t^\\top$\n\n"
        + "$\\frac{\\partial J}{\\partial q_t} = q_t$\n\n"
        + "$\\frac{\\partial J}{\\partial h_t} = V^\\top \\frac{\\partial J}{\\partial q_t}$\n",
    )
    right, wrong, through = found.judgements[-3:]
    assert right.word is Word.PROVED
    assert wrong.word is Word.WRONG
    assert through.word is Word.UNDECIDED
    assert through.reason == "waits for the question above: what is $h_t$?"
    assert "bend" in found.questions[0].unused[0].reason


def test_a_letter_without_a_shape_is_asked_for(tmp_path: Path) -> None:
    text = "$$ h_t = h_{t-1} + \\eta \\tanh(W x_t + U h_{t-1} + b) $$\n"
    claim = "$$ \\frac{\\partial J}{\\partial h_{t-1}} = \\frac{\\partial J}{\\partial h_t} $$\n"
    assert last(tmp_path, f"{text}\n{claim}") is Word.UNDECIDED
    assert last(tmp_path, f"{text}\nwhere $\\eta \\in \\mathbb{{R}}$\n\n{claim}") is Word.WRONG


def test_a_definition_is_never_wrong(tmp_path: Path) -> None:
    found = audited(tmp_path, RNN + "$$ h_t = \\sigma(W x_t + U h_{t-1} + b) $$\n").judgements
    assert {j.word for j in found} == {Word.NOT_A_CLAIM}


def test_an_error_letter_is_what_the_note_says(tmp_path: Path) -> None:
    text = RNN + "Let $\\delta_t := \\frac{\\partial J}{\\partial h_t}$.\n\n"
    assert last(tmp_path, text + r"$$ \frac{\partial J}{\partial b} = \sum_t \delta_t $$") is Word.WRONG
    assert last(tmp_path, text + r"$$ \frac{\partial J}{\partial b} = \sum_t \delta_t \odot (1 - h_t^2) $$") in SURE
    text = RNN + "Let $r_t = \\frac{\\partial J}{\\partial h_t}$.\n\n"
    assert last(tmp_path, text + r"$$ r_t = U^\top r_{t+1} $$") is Word.WRONG


def test_a_mean_over_the_steps(tmp_path: Path) -> None:
    text = RNN + "$$ E_t = \\frac12 \\|q_t - y_t\\|^2 $$\n$$ E = \\frac1T \\sum_{t=1}^T E_t $$\n\n"
    assert last(tmp_path, text + r"$$ \frac{\partial E}{\partial q_t} = \frac1T (q_t - y_t) $$") in SURE
    assert last(tmp_path, text + r"$$ \frac{\partial E}{\partial q_t} = q_t - y_t $$") is Word.WRONG
    assert last(tmp_path, text + r"$$ \frac{\partial E_t}{\partial q_t} = q_t - y_t $$") in SURE


def test_losses_by_entries(tmp_path: Path) -> None:
    text = RNN + "$$ C_t = \\frac12 \\sum_k (q_{t,k} - y_{t,k})^2 $$\n\n"
    assert last(tmp_path, text + r"$$ \frac{\partial C_t}{\partial q_t} = q_t - y_t $$") in SURE
    assert last(tmp_path, text + r"$$ \frac{\partial C_t}{\partial q_t} = y_t - q_t $$") is Word.WRONG


def test_a_start_at_zero_in_prose(tmp_path: Path) -> None:
    claim = r"$$ \frac{\partial J}{\partial U} = \sum_{t=2}^T (\frac{\partial J}{\partial h_t} \odot (1 - h_t^2)) "
    claim += "h_{t-1}^\\top $$\n"
    assert last(tmp_path, RNN + claim) is Word.WRONG
    assert last(tmp_path, f"{RNN}We start from $h_0 = 0$.\n\n{claim}") is Word.HOLDS_IF


@pytest.mark.parametrize(
    ("display", "inline"),
    [
        ("$$\n{}\n$$", "$`{}`$"),
        ("```{{math}}\n{}\n```", "{{math}}`{}`"),
        ("\\\\[ {} \\\\]", "\\\\( {} \\\\)"),
    ],
)
def test_other_ways_to_mark_formulas(tmp_path: Path, display: str, inline: str) -> None:
    model = display.format(r"h_t = \tanh(W x_t + U h_{t-1} + b)")
    wrong = inline.format(r"\frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial h_t}")
    right = display.format(PLAIN.strip("$ "))
    found = audited(tmp_path, f"# A note\n\n{model}\n\n{right}\n\nand {wrong} there.\n").judgements
    assert [j.word for j in found] == [Word.NOT_A_CLAIM, Word.PROVED, Word.WRONG]


def test_macros_that_multiply_are_unreadable(tmp_path: Path) -> None:
    letters = "abcdefghijklm"
    macros = "\\newcommand{\\a}{x+x}" + "".join(
        f"\\newcommand{{\\{new}}}{{{f'{chr(92)}{old}' * 4}}}" for old, new in itertools.pairwise(letters)
    )
    path = tmp_path / "note.tex"
    path.write_text(macros + "\n\\[h_t = \\tanh(W x_t + U h_{t-1})\\]\n\\[\\frac{\\partial J}{\\partial W} = \\m\\]\n")
    assert audit(path).judgements[-1].word is Word.UNREADABLE


LSTM = r"""# A

$f_t = \sigma(W_f h_{t-1} + U_f x_t + b_f)$ $i_t = \sigma(W_i h_{t-1} + U_i x_t + b_i)$

$o_t = \sigma(W_o h_{t-1} + U_o x_t + b_o)$ $g_t = \tanh(W_g h_{t-1} + U_g x_t + b_g)$

$C_t = f_t \odot C_{t-1} + i_t \odot g_t$ $h_t = o_t \odot \tanh(C_t)$

"""


def test_a_letter_that_is_defined_nowhere_brings_no_other_cell(tmp_path: Path) -> None:
    text = (
        LSTM + "# B\n\n$\\frac{\\partial E_t}{\\partial W_f} = (\\delta f_t \\odot f_t \\odot (1 - f_t)) s_t^\\top$\n"
    )
    found = audited(tmp_path, text)
    assert "recognised" not in str(found.formulas[-1].model)
    assert found.judgements[-1].word is Word.UNDECIDED
    assert "s_t" in found.judgements[-1].reason


def test_a_recognised_cell_that_shares_a_letter_with_the_note_refutes_nothing(tmp_path: Path) -> None:
    text = "# A\n\n$$ h_t = \\tanh(W x_t + U h_{t-1}) $$\n\n# B\n\n"
    gates = r"$\frac{\partial J}{\partial f_t} = \frac{\partial J}{\partial c_t} \odot SIGN c_{t-1} \odot i_t / i_t$"
    right, wrong = (audited(tmp_path, text + gates.replace("SIGN", sign)).judgements[-1] for sign in ("", "2"))
    assert right.word is Word.HOLDS_IF
    assert "lstm" in str(right.assumptions)
    assert wrong.word is Word.UNDECIDED
    assert "lstm" in wrong.reason


def test_each_error_letter_is_of_the_loss_that_the_note_says(tmp_path: Path) -> None:
    text = (
        LSTM
        + r"""# B

$\delta h_t = \frac{\partial E_t}{\partial h_t}$

$\delta C_t = \frac{\partial E_t}{\partial C_t} = \delta h_t \odot o_t \odot (1 - \tanh^2(C_t))$

$\delta C_{t-1} = \frac{\partial E_t}{\partial C_{t-1}} = \delta C_t \odot f_t$

$\delta C_{t-1} = \frac{\partial E_t}{\partial C_{t-1}} = \delta C_t \odot i_t$
"""
    )
    here, before, wrong = (each for each in audited(tmp_path, text).judgements if each.word is not Word.NOT_A_CLAIM)
    assert here.word is Word.PROVED
    assert before.word is Word.HOLDS_IF
    assert "held fixed" in str(before.assumptions)
    assert wrong.word is Word.WRONG


def test_a_label_in_the_script_of_an_error_letter_counts(tmp_path: Path) -> None:
    text = r"""$$ z_t = \sigma(W x_t + U h_{t-1}) $$

$$ z_{h,t} = V x_t + Q h_{t-1} $$

$$ h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tanh(z_{h,t}) $$

$$ \delta_{z_{h,t}} = \frac{\partial L}{\partial z_{h,t}} $$

$$ \delta_{z_{h,t}} = \frac{\partial L}{\partial z_t} $$
"""
    right, wrong = audited(tmp_path, text).judgements[-2:]
    assert right.word in SURE
    assert wrong.word is Word.WRONG


def test_a_value_of_the_step_that_is_written_one_step_before(tmp_path: Path) -> None:
    text = r"""$$ r_t = \sigma(W x_t + U h_{t-1}) $$

$$ q_{t-1} = r_t \odot h_{t-1} $$

$$ h_t = \tanh(V x_t + Q q_{t-1}) $$

$$ \frac{\partial L}{\partial r_t} = \delta_{q_{t-1}} \odot h_{t-1} = h_{t-1} \odot \delta_{q_{t-1}} $$

$$ \frac{\partial L}{\partial r_t} = \frac{\partial L}{\partial q_t} \odot h_{t-1} $$
"""
    first, second, wrong = audited(tmp_path, text).judgements[-3:]
    assert {first.word, second.word} <= SURE
    assert wrong.word is Word.WRONG


def test_functions_alone_need_no_model(tmp_path: Path) -> None:
    claims = [
        r"\sigma'(x) = \sigma(x) \cdot [1 - \sigma(x)]",
        r"\tanh^{'}(x) = 1 - \tanh^2(x)",
        r"\tanh'(x) = 1 + \tanh^2(x)",
    ]
    found = audited(tmp_path, "# F\n\n" + "\n\n".join(f"$$ {claim} $$" for claim in claims)).judgements
    assert [each.word for each in found] == [Word.PROVED, Word.PROVED, Word.WRONG]


def test_steps_in_brackets_behind_an_equation_are_no_factor(tmp_path: Path) -> None:
    text = r"""$$ h_t = \tanh(W x_t + U h_{t-1}) \quad (t = 1, 2, \ldots, T) $$

$$ \frac{\partial J}{\partial x_t} = W^\top \left( \frac{\partial J}{\partial h_t} \odot (1 - h_t^2) \right) $$
"""
    assert audited(tmp_path, text).judgements[-1].word is Word.PROVED


def test_what_comes_next_may_be_the_gradient_of_the_next_step(tmp_path: Path) -> None:
    both = [
        rf"$\delta C_t = \delta h_t \odot o_t \odot (1 - \tanh^2(C_t)) + \delta C_{{next}}{factor}$"
        for factor in (r" \odot f_{t+1}", "", r" \odot f_t")
    ]
    *_, after, handed, wrong = audited(tmp_path, LSTM + "\n\n".join(both)).judgements
    assert after.word is Word.HOLDS_IF
    assert "at step t + 1" in str(after.assumptions)
    assert handed.word is Word.HOLDS_IF
    assert wrong.word is Word.WRONG


def test_gates_without_an_equation_may_read_what_the_others_do(tmp_path: Path) -> None:
    model = (
        r"h_t = o_t \cdot \tanh(C_t)",
        r"o_t = \sigma(x_t W_o + h_{t-1} U_o)",
        r"C_t = f_t \cdot C_{t-1} + i_t \cdot g_t",
    )
    slope = r"\frac{\partial L}{\partial h_t} \odot \tanh(C_t) \odot o_t \odot (1 - o_t)"
    path = rf"\frac{{\partial L}}{{\partial x_t}} = \left({slope}\right) W_o^T"
    weight = rf"\frac{{\partial L}}{{\partial W_o}} = \sum_t x_t^T \left({slope}\right)"
    text = "# Note\n" + "".join(f"$${each}$$\n\n" for each in (*model, path, weight))
    found = {judgement.formula: judgement.word for judgement in audited(tmp_path, text).judgements}
    assert found[path] is Word.UNDECIDED
    assert found[weight] in SURE
