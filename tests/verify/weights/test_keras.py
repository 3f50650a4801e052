"""Keras' equations, written down here from its documentation and sources (keras/src/layers/rnn), with its weights.

Keras itself is not among the oracles; this shows that the weights mean what its equations say.
"""

from __future__ import annotations

import numpy as np
import pytest
from framework_cells import module

from verify.weights import from_keras, part

T, B, D, H = 4, 2, 3, 5


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def simple(x, h, kernel, recurrent, bias):
    return np.tanh(x @ kernel + bias + h @ recurrent)


def relu(x, h, kernel, recurrent, bias):
    return np.maximum(x @ kernel + bias + h @ recurrent, 0)


def gated_before(x, h, kernel, recurrent, bias):
    x_z, x_r, x_h = np.split(x @ kernel + bias, 3, axis=-1)
    to_z, to_r, to_h = np.split(recurrent, 3, axis=1)
    z, r = sigmoid(x_z + h @ to_z), sigmoid(x_r + h @ to_r)
    return z * h + (1 - z) * np.tanh(x_h + (r * h) @ to_h)


def gated_after(x, h, kernel, recurrent, bias):
    x_z, x_r, x_h = np.split(x @ kernel + bias[0], 3, axis=-1)
    h_z, h_r, h_h = np.split(h @ recurrent + bias[1], 3, axis=-1)
    z, r = sigmoid(x_z + h_z), sigmoid(x_r + h_r)
    return z * h + (1 - z) * np.tanh(x_h + r * h_h)


CELLS = {"rnn": (simple, 1), "irnn": (relu, 1), "gru": (gated_before, 3), "gru_reset_after": (gated_after, 3)}


def drawn(gates, rng, rows=0):
    bias = (rows, gates * H) if rows else (gates * H,)
    return [rng.normal(size=shape) * 0.5 for shape in ((D, gates * H), (H, gates * H), bias)]


@pytest.mark.parametrize("name", CELLS)
def test_one_state(name):
    rng = np.random.default_rng(1)
    equation, gates = CELLS[name]
    weights = drawn(gates, rng, rows=2 if name == "gru_reset_after" else 0)
    x, h = rng.normal(size=(T, B, D)), rng.normal(size=(B, H))
    ys, final, _ = module(name).forward(part(from_keras(weights, name), 0), x, h=h)
    for k in range(T):
        h = equation(x[k], h, *weights)
        np.testing.assert_allclose(ys[k], h, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(final["h"], h, rtol=1e-12, atol=1e-13)


def test_two_states_and_both_directions():
    rng = np.random.default_rng(2)
    forward, backward = drawn(4, rng), drawn(4, rng)
    params = from_keras([*forward, *backward], "lstm", layer=1, bidirectional=True)
    x = rng.normal(size=(T, B, D))
    for weights, reverse in ((forward, False), (backward, True)):
        rows = x[::-1] if reverse else x
        h, c = rng.normal(size=(B, H)), rng.normal(size=(B, H))
        ys, _, _ = module("lstm").forward(part(params, 1, reverse=reverse), rows, h=h, c=c)
        kernel, recurrent, bias = weights
        for k in range(T):
            i, f, g, o = np.split(rows[k] @ kernel + h @ recurrent + bias, 4, axis=-1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            np.testing.assert_allclose(ys[k], h, rtol=1e-12, atol=1e-13)
