"""Arrays of np.empty, written or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import answer, said, verdicts
from texts import LAST

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

EMPTY = (
    LAST.replace("dx, dW, dU, db = np.zeros_like(x)", "dx, dW, dU, db = np.empty_like(x)")
    .replace("carry = dh[:, -1]", "carry = 0")
    .replace("da = carry *", "da = (dh[:, t] + carry) *")
)


def test_an_array_made_empty_and_written_is_right(tmp_path: Path) -> None:
    assert answer(tmp_path, EMPTY, "rnn_backward")["verdict"] == "right"


def test_entries_that_are_never_written_are_told_beside_why(tmp_path: Path) -> None:
    found = answer(tmp_path, EMPTY.replace("range(x.shape[1]))", "range(x.shape[1] - 1))"), "rnn_backward")
    assert found["verdict"] == "wrong"
    assert "never written: dx has entries" in said(found)
    assert "wrong bounds of the sum: the loop backwards starts before the last step" in said(found)
    assert not found["nearest"]


def test_entries_that_are_never_written_are_wrong_where_zeros_are_right(tmp_path: Path) -> None:
    text = EMPTY.replace("return dx,", "dW = np.empty_like(W)\n    return dx,").replace(
        "x[:, t] @ W", "x[:, t] @ (0 * W)"
    )
    found = answer(tmp_path, text.replace("da @ W.T", "0 * (da @ W.T)"), "rnn_backward")
    assert verdicts(found) == {"dx": "right", "dh0": "right", "dW": "wrong", "dU": "right", "db": "right"}
    assert [m["name"] for m in found["mistakes"]] == ["never written"]
