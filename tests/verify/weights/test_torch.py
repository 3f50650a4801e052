"""torch's state_dict read and written; that results are equal is tested in tests/generated/test_torch_networks.py."""

from __future__ import annotations

import numpy as np
import pytest
from framework_cells import module

from derive.errors import InputError
from verify.weights import from_torch, part, to_torch

torch = pytest.importorskip("torch", reason="torch is not installed: the extra 'oracles' has it")


def test_torch_reads_what_is_written():
    theirs = torch.nn.LSTM(3, 5, 2, bidirectional=True)
    state = theirs.state_dict()
    written = to_torch(from_torch(state, "lstm"), "lstm")
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in written.items()})
    assert written["weight_ih_l0"].dtype == np.float32


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "RNNCell"])
def test_single_cells_of_torch(name):
    ours = {"LSTMCell": "lstm", "GRUCell": "gru_reset_after", "RNNCell": "rnn"}[name]
    theirs = getattr(torch.nn, name)(3, 5, dtype=torch.float64)
    params = from_torch(
        {f"encoder.{key}": value for key, value in theirs.state_dict().items()}, ours, prefix="encoder."
    )
    rng = np.random.default_rng(1)
    x, h, c = rng.normal(size=(1, 2, 3)), rng.normal(size=(2, 5)), rng.normal(size=(2, 5))
    states = {"h": h, "c": c} if ours == "lstm" else {"h": h}
    state = (torch.tensor(h), torch.tensor(c)) if ours == "lstm" else torch.tensor(h)
    wanted = theirs(torch.tensor(x[0]), state)
    wanted = wanted[0] if ours == "lstm" else wanted
    np.testing.assert_allclose(module(ours).forward(params, x, **states)[0][0], wanted.detach().numpy(), rtol=1e-12)
    theirs.load_state_dict({key: torch.from_numpy(value) for key, value in to_torch(params, ours).items()})


@pytest.mark.parametrize("both", [False, True])
def test_projected_outputs(both):
    theirs = torch.nn.LSTM(3, 5, 1, proj_size=2, bidirectional=both, dtype=torch.float64)
    params = from_torch(theirs.state_dict(), "lstm_projection")
    assert params["W_h_l0"].shape == (2, 5)
    x = np.random.default_rng(1).normal(size=(4, 2, 3))
    wanted = theirs(torch.tensor(x))[0].detach().numpy()
    for k, reverse in enumerate((False, True)[: 1 + both]):
        ys, _, _ = module("lstm_projection").forward(part(params, 0, reverse=reverse), x[::-1] if reverse else x)
        ys = ys[::-1] if reverse else ys
        np.testing.assert_allclose(ys, wanted[..., 2 * k : 2 * k + 2], rtol=1e-12, atol=1e-13)
    theirs.load_state_dict({key: torch.from_numpy(v) for key, v in to_torch(params, "lstm_projection").items()})
    with pytest.raises(InputError, match="no place for weight_hr"):
        from_torch(theirs.state_dict(), "lstm")
