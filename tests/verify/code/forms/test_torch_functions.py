"""Functions of torch with a backward pass of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from answers import answer, said

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

EXTENSION = """
import torch

class Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weights, bias, old_h, old_cell):
        both = torch.cat([old_h, input], dim=1)
        i, o, g = torch.addmm(bias, both, weights.t()).chunk(3, dim=1)
        i, o, g = i.sigmoid(), o.sigmoid(), g.tanh()
        cell = old_cell + i * g
        ctx.save_for_backward(both, weights, i, o, g, cell)
        return o * cell.tanh(), cell

    @staticmethod
    def backward(ctx, grad_h, grad_cell):
        both, weights, i, o, g, cell = ctx.saved_tensors
        d_cell = grad_cell + grad_h * o * (1 - cell.tanh() ** 2)
        gates = [d_cell * g * i * (1 - i), grad_h * cell.tanh() * o * (1 - o), d_cell * i * (1 - g * g)]
        d_gates = torch.cat(gates, dim=1)
        d_both, size = d_gates.mm(weights), cell.shape[1]
        return d_both[:, size:], d_gates.t().mm(both), d_gates.sum(0), d_both[:, :size], d_cell
"""


NO_FORGETTING = r"""# No forgetting

$$ i_t = \sigma(W_i h_{t-1} + V_i x_t + b_i) $$
$$ o_t = \sigma(W_o h_{t-1} + V_o x_t + b_o) $$
$$ g_t = \tanh(W_g h_{t-1} + V_g x_t + b_g) $$
$$ c_t = c_{t-1} + i_t \odot g_t $$
$$ h_t = o_t \odot \tanh(c_t) $$
"""


def test_a_step_as_extensions_of_torch_write_it(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    cell = tmp_path / "cell.md"
    cell.write_text(NO_FORGETTING, encoding="utf-8")
    found = answer(tmp_path, EXTENSION, "Step", str(cell))
    assert (found["verdict"], found["forward"]) == ("right", "same"), found
    assert not any("not installed" in note for note in found["notes"])
    found = answer(tmp_path, EXTENSION.replace("grad_cell + grad_h * o", "grad_h * o"), "Step", str(cell))
    assert "final state ignored" in said(found), found
