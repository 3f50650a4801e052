"""A derivation with a mistake in it is refuted: a sample of what `docs/mutation.md` counts."""

from __future__ import annotations

import pytest
from mutation import counted

from derive import catalogue


@pytest.mark.parametrize("name", ["rnn", "gru"])
def test_no_mutant_survives(name: str) -> None:
    counts, code, survivors, _ = counted(catalogue.find(name), 6)
    assert not survivors
    assert counts["killed"] >= 0.8 * sum(counts.values())
    assert not counts["open"]
    assert code["told apart"]
