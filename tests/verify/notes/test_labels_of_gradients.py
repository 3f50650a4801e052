"""Labels of a gradient written δ q: a bar for the argument of a gate, (h) for a path, next for what comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.formulas.judgement import Judgement, Word
from verify.notes.audit import audit

GATES = tuple(rf"{gate}_t = \sigma(W_{gate} x_t + U_{gate} h_{{t-1}} + b_{gate})" for gate in "fio")
LSTM = (
    *GATES,
    r"\tilde{c}_t = \tanh(W_c x_t + U_c h_{t-1} + b_c)",
    r"c_t = f_t \odot c_{t-1} + i_t \odot \tilde{c}_t",
    r"h_t = o_t \odot \tanh(c_t)",
)
THROUGH = r"\delta h_t \odot o_t \odot (1 - \tanh^2(c_t))"


def _judged(tmp_path: Path, claim: str) -> Judgement:
    path = tmp_path / "note.md"
    text = "\n\n".join(f"$${each}$$" for each in (*LSTM, claim))
    path.write_text(f"# Note\n{text}\n", encoding="utf-8")
    return {judgement.formula: judgement for judgement in audit(path).judgements}[claim]


@pytest.mark.parametrize(
    "claim",
    [
        r"\delta \bar{i}_t = \delta i_t \odot i_t \odot (1 - i_t)",
        r"\delta \bar{c}_t = \delta c_t \odot i_t \odot (1 - \tilde{c}_t^2)",
        rf"\delta c_t^{{(h)}} = {THROUGH}",
        r"\delta c_t = \delta c_t^{(h)} + \delta c_t^{\text{next}}",
        r"\delta c_{t-1}^{\text{next}} = \delta c_t \odot f_t",
    ],
)
def test_labels_of_a_small_gradient(tmp_path: Path, claim: str) -> None:
    assert _judged(tmp_path, claim).word in (Word.PROVED, Word.HOLDS_IF)


@pytest.mark.parametrize(
    "claim",
    [
        r"\delta \bar{i}_t = \delta i_t \odot i_t \odot (1 + i_t)",
        r"\delta c_t^{(h)} = \delta h_t \odot (1 - \tanh^2(c_t))",
        r"\delta c_t = \delta c_t^{(h)} - \delta c_t^{\text{next}}",
        r"\delta c_{t-1}^{\text{next}} = \delta c_t \odot i_t",
    ],
)
def test_false_claims_with_labels_are_not_right(tmp_path: Path, claim: str) -> None:
    assert _judged(tmp_path, claim).word in (Word.WRONG, Word.UNDECIDED)
