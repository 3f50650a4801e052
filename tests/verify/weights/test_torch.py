"""torch's state_dict read and written; that results are equal is tested in tests/generated/test_torch_networks.py."""

from __future__ import annotations

import numpy as np
import pytest

from verify.weights import from_torch, to_torch

torch = pytest.importorskip("torch", reason="torch is not installed: the extra 'oracles' has it")


def test_torch_reads_what_is_written():
    theirs = torch.nn.LSTM(3, 5, 2, bidirectional=True)
    state = theirs.state_dict()
    written = to_torch(from_torch(state, "lstm"), "lstm")
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in written.items()})
    assert written["weight_ih_l0"].dtype == np.float32
