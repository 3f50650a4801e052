"""A note that writes several models, abbreviates equations, or calls two things by one letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.formulas.judgement import Word
from verify.notes.audit import audit

LSTM = r"""
## Forward: long memory

$$f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f)$$
$$i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i)$$
$$o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o)$$
$$g_t = \tanh(W_g x_t + U_g h_{t-1} + b_g)$$
$$c_t = f_t \odot c_{t-1} + i_t \odot g_t$$
$$h_t = o_t \odot \tanh(c_t)$$
$$s_t = W_y h_t + b_y$$
$$\hat{y}_t = \text{softmax}(s_t)$$
$$L_t = -\sum_k y_{t,k} \log \hat{y}_{t,k}$$
"""
GATED = r"""
## Forward: two gates

$$z_t = \sigma(x_t W_{xz} + h_{t-1} W_{hz} + b_z)$$
$$r_t = \sigma(x_t W_{xr} + h_{t-1} W_{hr} + b_r)$$
$$n_t = \tanh(x_t W_{xn} + (r_t \odot h_{t-1}) W_{hn} + b_n)$$
$$h_t = (1 - z_t) \odot n_t + z_t \odot h_{t-1}$$
$$s_t = h_t W_y + b_y$$
$$\hat{y}_t = \text{softmax}(s_t)$$

where $W_y \in \mathbb{R}^{H \times V}$ and $b_y \in \mathbb{R}^V$

$$L_t = -\sum_k y_{t,k} \log \hat{y}_{t,k}$$
"""
OF_LSTM = (
    r"\frac{\partial L_t}{\partial s_t} = \hat{y}_t - y_t",
    r"\frac{\partial L}{\partial o_t} = \frac{\partial L}{\partial h_t} \odot \tanh(c_t)",
    r"\frac{\partial L}{\partial W_y} = \sum_t (\hat{y}_t - y_t) h_t^\top",
    r"\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot c_{t-1}",
)
OF_GATED = (
    r"\frac{\partial L}{\partial n_t} = \frac{\partial L}{\partial h_t} \odot (1 - z_t)",
    r"\frac{\partial L}{\partial z_t} = \frac{\partial L}{\partial h_t} \odot (h_{t-1} - n_t)",
    r"\frac{\partial L}{\partial W_y} = \sum_t h_t^\top (\hat{y}_t - y_t)",
)
RIGHT = (Word.PROVED, Word.HOLDS_IF)


def _section(title: str, claims: tuple[str, ...]) -> str:
    return f"\n## {title}\n\n" + "\n\n".join(f"$${claim}$$" for claim in claims) + "\n"


def _words(tmp_path: Path, text: str) -> dict[str, Word]:
    path = tmp_path / "note.md"
    path.write_text(f"# Note\n{text}", encoding="utf-8")
    return {judgement.formula: judgement.word for judgement in audit(path).judgements}


@pytest.mark.parametrize("last", ["long", "gated", "both"])
def test_claims_are_held_against_the_model_whose_letters_they_have_wherever_they_stand(
    tmp_path: Path, last: str
) -> None:
    parts = {
        "long": GATED + LSTM + _section("Backward", OF_LSTM[1:]) + _section("Backward: two gates", OF_GATED[:2]),
        "gated": LSTM + _section("Backward", OF_LSTM) + GATED + _section("Backward again", OF_GATED),
        "both": LSTM + GATED + _section("Summary: memory", OF_LSTM[:2]) + _section("Summary: gates", OF_GATED[:2]),
    }
    words = _words(tmp_path, parts[last])
    claimed = {formula: words[formula] for formula in (*OF_LSTM, *OF_GATED) if formula in words}
    assert len(claimed) >= 4
    assert all(word in RIGHT for word in claimed.values()), claimed


def test_a_wrong_claim_about_either_model_is_wrong(tmp_path: Path) -> None:
    false = (
        r"\frac{\partial L}{\partial o_t} = \frac{\partial L}{\partial h_t} \odot c_t",
        r"\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot c_t",
    )
    other = (r"\frac{\partial L}{\partial n_t} = \frac{\partial L}{\partial h_t} \odot z_t",)
    text = LSTM + GATED + _section("Summary: memory", false) + _section("Summary: gates", other)
    words = _words(tmp_path, text)
    assert [words[claim] for claim in (*false, *other)] == [Word.WRONG] * 3


def test_an_equation_that_ends_in_dots_stands_for_the_one_in_full(tmp_path: Path) -> None:
    claim = r"\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot c_{t-1}"
    for dots in (r"\cdots", r"\ldots", "..."):
        text = f"{LSTM}\n## Backward\n\nFrom $c_{{t+1}} = f_{{t+1}} \\odot c_t + {dots}$ follows\n\n$${claim}$$\n"
        assert _words(tmp_path, text)[claim] in RIGHT


PLAIN = r"""
$$h_t = \tanh(W_{hh} h_{t-1} + W_{xh} x_t + b_h)$$
"""


@pytest.mark.parametrize(
    "read_out",
    [
        r"y_t = W_{hy} h_t + b_y \quad \text{(or)} \quad \hat{y}_t = \text{softmax}(W_{hy} h_t + b_y)",
        "y_t = W_{hy} h_t + b_y$$\n\n$$ \\hat{y}_t = \\text{softmax}(W_{hy} h_t + b_y)",
    ],
)
def test_logits_and_target_may_have_one_letter(tmp_path: Path, read_out: str) -> None:
    claims = (
        r"\frac{\partial L_t}{\partial W_{hy}} = (\hat{y}_t - y_t) h_t^T",
        r"\frac{\partial L_t}{\partial h_t} = W_{hy}^T (\hat{y}_t - y_t)",
    )
    false = r"\frac{\partial L_t}{\partial b_y} = y_t - \hat{y}_t"
    loss = r"$$L_t = -\sum_{i=1}^{V} y_{t,i} \log(\hat{y}_{t,i})$$" + "\n\n" + r"$$L_t = -\log(\hat{y}_{t,k})$$"
    words = _words(tmp_path, f"{PLAIN}\n$${read_out}$$\n\n{loss}\n{_section('Backward', (*claims, false))}")
    assert all(words[claim] in RIGHT for claim in claims)
    assert words[false] is Word.WRONG


def test_a_name_given_late_to_the_logits_and_an_entry_of_softmax(tmp_path: Path) -> None:
    text = (
        PLAIN
        + r"""
$$\hat{y}_t = \text{softmax}(W_{hy} h_t + b_y)$$

$$\hat{y}_{t,i} = \frac{e^{z_{t,i}}}{\sum_j e^{z_{t,j}}}$$

$$L_t = -\sum_i y_{t,i} \log \hat{y}_{t,i}$$

where $z_t = W_{hy} h_t + b_y$

$$\frac{\partial L_t}{\partial z_t} = \hat{y}_t - y_t$$
"""
    )
    assert _words(tmp_path, text)[r"\frac{\partial L_t}{\partial z_t} = \hat{y}_t - y_t"] in RIGHT


def test_a_name_that_is_introduced_at_the_next_step_is_moved_as_a_whole(tmp_path: Path) -> None:
    claim = r"\frac{\partial h_{t+1}}{\partial h_t} = \text{diag}(1 - \tanh^2(a_{t+1})) W_{hh}"
    for after in ("", " and $h_{t+1} = \\tanh(a_{t+1})$"):
        text = f"{PLAIN}\nLet $a_{{t+1}} = W_{{hh}} h_t + W_{{xh}} x_{{t+1}} + b_h${after}\n\n$${claim}$$\n"
        assert _words(tmp_path, text)[claim] in RIGHT


def test_the_same_equation_with_one_step_written_wrong_is_a_slip(tmp_path: Path) -> None:
    part = r"\partial h_{t+1}"
    loss = r"\partial L_{t+1}"
    claim = rf"\frac{{{loss}}}{{\partial W}} = \frac{{{loss}}}{{{part}}} \frac{{{part}}}{{\partial W}}"
    text = r"""
$$h_{t} = \tanh(X_{t} U + h_{t-1} W + b)$$

$$\hat{y}_{t} = \text{softmax}(h_t V + c)$$

$$L(\hat{y}, y) = -\sum^{T}_{t=1} y_t \log \hat{y}_{t}$$

## Backward

Since $h_{t+1} = \tanh(X_{t} U + h_{t} W + {b})$
"""
    words = _words(tmp_path, f"{text}\n$${claim}$$\n")
    assert words[claim] in RIGHT


def test_a_sum_of_losses_from_a_step_on_is_not_asked_of_a_step_without_one(tmp_path: Path) -> None:
    text = r"""
$$a_t = W h_{t-1} + U x_t + b$$
$$h_t = \tanh(a_t)$$
$$\hat{y}_t = \text{softmax}(V h_t + c)$$
$$L_t = -\sum_i y_{t,i} \log \hat{y}_{t,i}$$
"""
    right = (
        r"\frac{\partial L}{\partial h_t} = \sum_{k=t}^{T} \left( \prod_{j=t+1}^{k} W^T \text{diag}(1 - h_j^2) \right)"
        r" V^T (\hat{y}_k - y_k)"
    )
    false = right.replace("j=t+1", "j=t+2")
    words = _words(tmp_path, text + _section("Backward", (right, false)))
    assert words[right] in RIGHT
    assert words[false] is Word.WRONG


def test_sizes_with_words_below_them_are_letters_of_their_own(tmp_path: Path) -> None:
    shape = r"(\hat{y}_t - y_t) h_t^T \in \mathbb{R}^{d_{out} \times d_{hidden}}"
    text = r"""
$$h_t = \tanh(W h_{t-1} + U x_t + b)$$
$$\hat{y}_t = \text{softmax}(V h_t + c)$$
$$L_t = -\sum_{i=1}^{d_{out}} y_{t,i} \log \hat{y}_{t,i}$$
"""
    claim = rf"\frac{{\partial L_t}}{{\partial V}} = {shape}"
    assert Word.WRONG not in _words(tmp_path, text + _section("Backward", (claim,))).values()


def test_a_derivative_by_what_no_equation_reads_is_not_decided_against(tmp_path: Path) -> None:
    text = r"""
$$z_t = U x_t + W h_{t-1} + b$$
$$h_t = \tanh(a_t)$$
"""
    slope = r"\frac{\partial h_t}{\partial z_t} = 1 - h_t^2"
    own = r"\frac{\partial h_t}{\partial a_t} = 1 + h_t^2"
    words = _words(tmp_path, text + _section("Backward", (slope, own)))
    assert words[slope] is Word.UNDECIDED
    assert words[own] is Word.WRONG
