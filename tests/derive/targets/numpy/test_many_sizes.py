"""Cells of many quantities, each with a size letter of its own: the code grows with their number, no faster."""

from __future__ import annotations

import numpy as np
import pytest

from derive.calculus.adjoint import differentiate
from derive.reader import read_note
from derive.targets.numpy.module import module
from verify.numbers.case import Case
from verify.numbers.load import load
from verify.numbers.numeric import directional_errors


def chain(layers: int) -> str:
    lines = [r"$$ a^{(1)}_t = \tanh(W_1 x_t + U h_{t-1} + b_1) $$"]
    for k in range(2, layers + 1):
        lines.append(rf"$$ a^{{({k})}}_t = \tanh(W_{{{k}}} a^{{({k - 1})}}_t + b_{{{k}}}) $$")
    sizes = ", ".join(rf"$a^{{({k})}}_t \in \mathbb{{R}}^{{N_{{{k}}}}}$" for k in range(1, layers + 1))
    return "\n".join(["# Chain", "", *lines, rf"$$ h_t = \tanh(V a^{{({layers})}}_t) $$", "", f"where {sizes}"])


def test_code_grows_with_the_number_of_sizes_and_no_faster() -> None:
    eight, sixteen, thirty_two = (len(module(differentiate(read_note(chain(n))))) for n in (8, 16, 32))
    assert thirty_two - sixteen < 2.2 * (sixteen - eight)


def test_gradients_of_gates_beside_others_of_other_sizes() -> None:
    note = r"""# Gates, then two layers

$$ i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i) $$
$$ g_t = \tanh(W_g x_t + U_g h_{t-1} + b_g) $$
$$ p_t = \sigma(A_p (i_t \odot g_t) + a_p) $$
$$ q_t = \tanh(A_q (i_t \odot g_t) + a_q) $$
$$ h_t = \tanh(V (p_t \odot q_t) + b) $$

where $x_t \in \mathbb{R}^D$, $h_t \in \mathbb{R}^H$, $i_t \in \mathbb{R}^M$, $p_t \in \mathbb{R}^N$
"""
    cell = read_note(note)
    code = module(differentiate(cell))
    assert "d_net_i_g = " in code
    assert "d_net_p_q = " in code
    rng, gates = np.random.default_rng(0), load(code, "gates")
    case = Case.draw(cell, {"D": 2, "H": 3, "M": 4, "N": 5}, 4, 2, rng)
    assert max(directional_errors(gates, case, case.backward(gates), rng).values()) < 1e-12


@pytest.mark.parametrize("second", ["g_t = \\tanh(F x_t + G h_{t-1} + f)", "g_t = \\sigma(F x_t + G h_{t-1} + f)"])
@pytest.mark.parametrize("space", ["", "^{H}"])
def test_gates_that_are_numbers_stand_in_no_array_with_others(second: str, space: str) -> None:
    lines = ["a_t = \\sigma(A x_t + B h_{t-1} + b)", second, "h_t = a_t h_{t-1} + g_t \\tanh(V x_t)"]
    note = "# Numbers\n\n" + "".join(f"$$ {line} $$\n\n" for line in lines) + "where $a_t \\in \\mathbb{R}$"
    cell = read_note(f"{note}, $g_t \\in \\mathbb{{R}}{space}$\n")
    rng, found = np.random.default_rng(0), load(module(differentiate(cell)), "numbers")
    case = Case.draw(cell, {"D": 2, "H": 3}, 4, 2, rng)
    assert max(directional_errors(found, case, case.backward(found), rng).values()) < 1e-12
