"""torch's own modules with the same weights: outputs, final states and all gradients, layers, directions, lengths."""

from __future__ import annotations

import numpy as np
import pytest
from framework_cells import Stack

from verify.numeric import largest_entry, relative_error
from verify.weights import from_torch, to_torch

torch = pytest.importorskip("torch", reason="torch is not installed: the extra 'oracles' has it")
MODULES = [("rnn", "RNN", {}), ("irnn", "RNN", {"nonlinearity": "relu"}), ("lstm", "LSTM", {})]
MODULES += [("gru_reset_after", "GRU", {})]
LENGTHS = [3, 6, 1, 4]
LIMIT = 1e-12


def assert_close(got, wanted):
    assert set(got) == set(wanted)
    wanted = {name: value.detach().numpy() for name, value in wanted.items()}
    largest = largest_entry(wanted)
    errors = {name: relative_error(got[name], wanted[name], largest) for name in wanted}
    assert max(errors.values()) <= LIMIT, errors


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "packed"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["one way", "both ways"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize(("name", "module", "options"), MODULES, ids=[name for name, _, _ in MODULES])
def test_the_same_as_torch(name, module, options, layers, bidirectional, lengths):
    torch.manual_seed(layers)
    D, H, T, B = 3, 5, 6, 4
    theirs = getattr(torch.nn, module)(D, H, layers, bidirectional=bidirectional, dtype=torch.float64, **options)
    directions = (False, True) if bidirectional else (False,)
    ours = Stack(name, from_torch(theirs.state_dict(), name), layers, directions)

    states = ("h", "c") if module == "LSTM" else ("h",)
    shape = (layers * len(directions), B, H)
    x = torch.randn(T, B, D, dtype=torch.float64, requires_grad=True)
    first = {s: torch.randn(shape, dtype=torch.float64, requires_grad=True) for s in states}
    d_ys = torch.randn(T, B, H * len(directions), dtype=torch.float64)
    d_final = {s: torch.randn(shape, dtype=torch.float64) for s in states}

    given = tuple(first.values()) if module == "LSTM" else first["h"]
    packing = torch.nn.utils.rnn
    sequences = x if lengths is None else packing.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    ys, last = theirs(sequences, given)
    if lengths is not None:
        ys, _ = packing.pad_packed_sequence(ys, total_length=T)
    final = dict(zip(states, last if module == "LSTM" else (last,), strict=True))
    ((ys * d_ys).sum() + sum((final[s] * d_final[s]).sum() for s in states)).backward()

    ends = None if lengths is None else np.array(lengths)
    initial = {s: value.detach().numpy() for s, value in first.items()}
    our_ys, our_final = ours.forward(x.detach().numpy(), initial, ends)
    found, d_x, d_first = ours.backward(d_ys.numpy(), {s: value.numpy() for s, value in d_final.items()})
    assert_close({"ys": our_ys, **our_final}, {"ys": ys, **final})
    gradients = {**to_torch(found, name, gradients=True), "x": d_x, **d_first}
    wanted = {key: value.grad for key, value in theirs.named_parameters()}
    assert_close(gradients, {**wanted, "x": x.grad, **{s: first[s].grad for s in states}})


def test_torch_reads_what_is_written():
    theirs = torch.nn.LSTM(3, 5, 2, bidirectional=True)
    state = theirs.state_dict()
    written = to_torch(from_torch(state, "lstm"), "lstm")
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in written.items()})
    assert written["weight_ih_l0"].dtype == np.float32
