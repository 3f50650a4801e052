"""Many mistakes about one cell are judged and shown at the same points: each is drawn once for all claims."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from verify.formulas.judgement import Word
from verify.formulas.wrong import counterexample
from verify.notes.audit import audit
from verify.truth.decimals.trial import Trial
from verify.truth.world import World

CELL = r"""# Two roots

$$
\begin{aligned}
a_t &= W x_t + U h_{t-1} + b \\
p_t &= \sigma(a_t) \\
q_t &= p_t^{1.5} \\
h_t &= q_t \odot (1 - p_t)^{1.5}
\end{aligned}
$$
"""
WRONG = (
    r"\frac{\partial J}{\partial q_t} = \frac{\partial J}{\partial h_t} \odot (1 - p_t)",
    r"\frac{\partial J}{\partial q_t} = 2 \frac{\partial J}{\partial h_t} \odot (1 - p_t)^{1.5}",
    r"\frac{\partial J}{\partial b} = \sum_t \frac{\partial J}{\partial p_t} \odot p_t",
    r"\frac{\partial J}{\partial W} = \sum_t \frac{\partial J}{\partial a_t} x_{t-1}^\top",
    r"\frac{\partial J}{\partial U} = \sum_{t=2}^{T} \frac{\partial J}{\partial a_t} h_{t-1}^\top",
)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often every point is drawn."""
    found: Counter[str] = Counter()

    def counting(kind: type[World] | type[Trial]) -> None:
        plain = kind.draw.__func__  # type: ignore[attr-defined]

        def draw(cls: type, *args: Any, **keywords: Any) -> Any:
            found[f"{kind.__name__} {hash(args[0])} {args[1:]} {keywords}"] += 1  # also of the gate the other way round
            return plain(cls, *args, **keywords)

        monkeypatch.setattr(kind, "draw", classmethod(draw))

    counting(World)
    counting(Trial)
    counterexample._drawn.cache_clear()
    return found


def test_every_point_is_drawn_once_for_a_note(drawn: Counter[str], tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.write_text("\n\n".join([CELL, *(f"$$ {formula} $$" for formula in WRONG)]), encoding="utf-8")
    words = [judgement.word for each in audit(note).formulas for judgement in each.judgements]
    assert words.count(Word.WRONG) == len(WRONG)
    assert drawn
    assert max(drawn.values()) == 1, drawn.most_common(3)


def test_a_point_without_value_is_not_tried_again(drawn: Counter[str], tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    cell = CELL.replace("p_t^{1.5}", r"\sqrt{p_t - 2}")
    note.write_text("\n\n".join([cell, *(f"$$ {formula} $$" for formula in WRONG[:3])]), encoding="utf-8")
    audit(note)
    small = {point: times for point, times in drawn.items() if point.startswith("Trial") and "two_decimals" in point}
    assert small
    assert max(small.values()) == 1, small
