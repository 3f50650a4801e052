"""The passes preserve what a program computes: exactly over a finite field, and in floats with different lengths."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from exact_arrays import computing_exactly, drawn
from random_cells import random_cell
from random_checks import VanishedError, read

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.reader import read_note
from derive.targets import TARGETS
from derive.targets.numpy.module import module
from verify.numbers.case import Case
from verify.numbers.load import load

EVERY = {**catalogue.cells(), **catalogue.heads()}

JOINED = r"""# Joined

$$ f_t = \sigma(W_f [h_{t-1}; x_t] + b_f) $$
$$ \tilde{h}_t = \tanh(W_h [f_t \odot h_{t-1}; x_t] + b_h) $$
$$ h_t = (1 - f_t) \odot h_{t-1} + f_t \odot \tilde{h}_t $$

where $x_t \in \mathbb{R}^D$, $h_t \in \mathbb{R}^H$
"""

PEEPHOLES = r"""# Peepholes and layers of equal variance

$$ \mu_t = \frac{1}{H} \mathbf{1}^\top a_t $$
$$ a_t = W_i x_t + U_i h_{t-1} $$
$$ v_t = \sqrt{\frac{1}{H} \mathbf{1}^\top ((a_t - \mathbf{1} \mu_t) \odot (a_t - \mathbf{1} \mu_t)) + 0.001} $$
$$ i_t = \sigma((g \odot (a_t - \mathbf{1} \mu_t)) \frac{1}{v_t} + p \odot c_{t-1}) $$
$$ c_t = (1 - i_t) \odot c_{t-1} + i_t \odot \tanh(W_c x_t + U_c h_{t-1} + b_c) $$
$$ h_t = \sigma(W_o x_t + U_o h_{t-1} + q \odot c_t) \odot \tanh(c_t) $$

where $x_t \in \mathbb{R}^D$, $h_t \in \mathbb{R}^H$
"""


def before_and_after(cell: Cell) -> tuple[ModuleType, ModuleType, ModuleType]:
    """The module without the passes, with them, and with few steps at a time and products in the least pieces."""
    derivation = differentiate(cell)
    text = re.sub(r"block = 1 \+ \d+ //", "block = 1 + 12 //", module(derivation)).replace("T <= 8", "T <= 1")
    after = load(text.replace("B >= 8 and is_even", "B").replace("if columns % 16 and", "if False and"), "after")
    vars(after)["SMALL_PRODUCTS"] = True
    vars(after)["is_cheap_row"] = lambda a, matrix, term: np.ndim(term) == 1
    vars(after)["piece"] = lambda B, K, N, *_, gates=1: (1, least(N // gates))
    vars(after)["steps_together"] = lambda block, T, B, n: 2 * block
    return load(module(derivation, passes=False), "before"), load(module(derivation), "whole"), after


def least(number: int) -> int:
    """The least divisor beside one."""
    return next((n for n in range(2, number) if number % n == 0), number)


def sizes_of(cell: Cell) -> dict[str, int]:
    return {str(letter): 2 + k for k, letter in enumerate(cell.sizes)}


def exactly_the_same(cell: Cell, steps: int, lengths: list[int] | None = None) -> None:
    """Raises AssertionError where a pass changed any result; numbers are elements of a finite field."""
    case = Case.draw(cell, sizes_of(cell), steps, len(lengths) if lengths else 2, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    case = replace(
        case,
        given={key: drawn(np.shape(value), rng) for key, value in case.given.items()},
        d_output=drawn(case.d_output.shape, rng),
        d_final={key: drawn(value.shape, rng) for key, value in case.d_final.items()},
        lengths=np.array(lengths) if lengths else None,
    )
    first, *others = map(computing_exactly, before_and_after(cell))
    ys, ends, _ = case.forward(first)
    gradients = case.backward(first)
    for other in others:
        ys_after, ends_after, _ = case.forward(other)
        assert np.array_equal(ys, ys_after)
        assert all(np.array_equal(ends[key], ends_after[key]) for key in ends)
        after = case.backward(other)
        assert set(gradients) == set(after)
        wrong = [key for key in gradients if not np.array_equal(gradients[key], after[key])]
        assert not wrong


@pytest.mark.parametrize("name", EVERY)
def test_exactly_the_same_for_every_cell_of_the_catalogue(name: str) -> None:
    exactly_the_same(EVERY[name], 3)


@pytest.mark.parametrize("seed", range(16))
def test_exactly_the_same_for_random_cells(seed: int) -> None:
    try:
        cell = read(random_cell(random.Random(1000 + seed).randrange))
    except VanishedError:
        return
    exactly_the_same(cell, 3, [1, 3])


def same_in_floats(cell: Cell, seed: int) -> None:
    first, whole, pieces = before_and_after(cell)
    rng = np.random.default_rng(seed)
    for steps, lengths in ((5, [5, 2, 0]), (1, None), (3, None)):
        batch = len(lengths) if lengths else 1 + seed % 2
        case = Case.draw(cell, sizes_of(cell), steps, batch, rng)
        case = replace(case, lengths=np.array(lengths) if lengths else None)
        before = {"ys": case.forward(first)[0], **case.backward(first)}
        for other in (whole, pieces):
            after = {"ys": case.forward(other)[0], **case.backward(other)}
            for key, was in before.items():
                assert after[key].shape == was.shape
                off = np.abs(after[key] - was).max(initial=0)
                assert off < 1e-12 * (1 + np.abs(was).max(initial=0)), f"{key} of {cell.title}"


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_layer_norm", "mlstm", "deltanet", "rnn_general"])
def test_the_same_in_floats_for_different_lengths(name: str) -> None:
    same_in_floats(EVERY[name], 0)


@pytest.mark.parametrize("note", [JOINED, PEEPHOLES])
def test_the_same_in_floats(note: str) -> None:
    same_in_floats(read_note(note), 1)


def test_the_program_is_shown_before_and_after_the_passes() -> None:
    text = TARGETS["program"].render(differentiate(EVERY["gru"]), None, "gru.md")
    plain, _, fast = text.partition("A sequence, after the passes")
    assert "h[t + 1] = (1 - z_t) * h_prev + z_t * h_tilde_t" in plain
    assert "np.multiply(z_t, h_tilde_t, out=" in fast
    assert text == TARGETS["program"].render(differentiate(EVERY["gru"]), None, "gru.md")
