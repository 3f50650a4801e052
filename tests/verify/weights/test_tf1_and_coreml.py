"""Weights of TensorFlow 1 and Core ML against the equations that their sources print."""

from __future__ import annotations

import numpy as np
import pytest
from framework_cells import module, parameters

from derive.errors import InputError
from verify.weights import from_coreml, from_tf1, part, suffixed, to_coreml, to_tf1

T, B, D, H = 4, 2, 3, 5


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _drawn(shapes):
    rng = np.random.default_rng(1)
    return {name: 0.5 * rng.normal(size=shape) for name, shape in shapes.items()}


def _run(name, params, states=("h",)):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(T, B, D))
    starts = {state: rng.normal(size=(B, H)) for state in states}
    return x, starts, module(name).forward(part(params, 0), x, **starts)[0]


def _same(name, params, step, states=("h",)):
    """The module's outputs are those of `step`, which takes a row of inputs and the states, the output first."""
    x, starts, ys = _run(name, params, states)
    now = tuple(starts.values())
    for k in range(T):
        now = step(x[k], *now)
        np.testing.assert_allclose(ys[k], now[0], rtol=1e-12, atol=1e-13)


def test_basic_rnn_cell():
    own = _drawn({"kernel": (D + H, H), "bias": (H,)})
    named = {f"rnn/basic_rnn_cell/{key}:0": value for key, value in own.items()}

    def step(x, h):
        return (np.tanh(np.concatenate([x, h], 1) @ own["kernel"] + own["bias"]),)

    _same("rnn", from_tf1(named, "rnn", prefix="rnn/basic_rnn_cell/"), step)


@pytest.mark.parametrize(("name", "forget_bias"), [("lstm", 1.0), ("lstm", 0.0), ("lstm_peephole", 1.0)])
def test_lstm_cells(name, forget_bias):
    own = _drawn({"kernel": (D + H, 4 * H), "bias": (4 * H,)})
    peepholes = _drawn({"w_i_diag": (H,), "w_f_diag": (H,), "w_o_diag": (H,)}) if name == "lstm_peephole" else {}
    p = {key: peepholes.get(key, np.zeros(H)) for key in ("w_i_diag", "w_f_diag", "w_o_diag")}

    def step(x, h, c):
        i, j, f, o = np.split(np.concatenate([x, h], 1) @ own["kernel"] + own["bias"], 4, axis=1)
        c = sigmoid(f + forget_bias + p["w_f_diag"] * c) * c + sigmoid(i + p["w_i_diag"] * c) * np.tanh(j)
        return sigmoid(o + p["w_o_diag"] * c) * np.tanh(c), c

    _same(name, from_tf1({**own, **peepholes}, name, forget_bias=forget_bias), step, ("h", "c"))


def test_gru_cell():
    own = _drawn(
        {
            "gates/kernel": (D + H, 2 * H),
            "gates/bias": (2 * H,),
            "candidate/kernel": (D + H, H),
            "candidate/bias": (H,),
        }
    )

    def step(x, h):
        r, u = np.split(sigmoid(np.concatenate([x, h], 1) @ own["gates/kernel"] + own["gates/bias"]), 2, axis=1)
        c = np.tanh(np.concatenate([x, r * h], 1) @ own["candidate/kernel"] + own["candidate/bias"])
        return (u * h + (1 - u) * c,)

    _same("gru", from_tf1(own, "gru"), step)


GATES = {"i": "inputGate", "f": "forgetGate", "o": "outputGate", "z": "blockInput"}


@pytest.mark.parametrize("forget_bias", [False, True])
def test_core_ml_lstm(forget_bias):
    shapes = {"WeightMatrix": (H, D), "RecursionMatrix": (H, H), "BiasVector": (H,)}
    own = _drawn({f"{gate}{kind}": shape for gate in GATES.values() for kind, shape in shapes.items()})

    def net(gate, x, h):
        name = GATES[gate]
        return x @ own[f"{name}WeightMatrix"].T + h @ own[f"{name}RecursionMatrix"].T + own[f"{name}BiasVector"]

    def step(x, h, c):
        i, f, z = sigmoid(net("i", x, h)), sigmoid(net("f", x, h) + forget_bias), np.tanh(net("z", x, h))
        c = z * i + c * f
        return sigmoid(net("o", x, h)) * np.tanh(c), c

    _same("lstm", from_coreml(own, "lstm", forget_bias=forget_bias), step, ("h", "c"))


def test_core_ml_gru():
    shapes = {"WeightMatrix": (H, D), "RecursionMatrix": (H, H), "BiasVector": (H,)}
    own = _drawn({f"{g}Gate{k}": shape for g in ("update", "reset", "output") for k, shape in shapes.items()})

    def net(gate, x, h):
        name = f"{gate}Gate"
        return x @ own[f"{name}WeightMatrix"].T + h @ own[f"{name}RecursionMatrix"].T + own[f"{name}BiasVector"]

    def step(x, h):
        z, r = sigmoid(net("update", x, h)), sigmoid(net("reset", x, h))
        return ((1 - z) * np.tanh(net("output", x, h * r)) + z * h,)

    _same("gru", from_coreml(own, "gru"), step)


@pytest.mark.parametrize("name", ["rnn", "lstm", "lstm_peephole", "gru"])
def test_there_and_back_with_the_bias_of_the_forget_gate(name):
    params = suffixed(parameters(name, np.random.default_rng(3)), 1)
    for found in (
        from_tf1(to_tf1(params, name, layer=1, forget_bias=0.5), name, layer=1, forget_bias=0.5),
        from_coreml(to_coreml(params, name, layer=1, forget_bias=True), name, layer=1, forget_bias=True),
    ):
        assert set(found) == set(params)
        for key, value in params.items():
            np.testing.assert_allclose(found[key], value, rtol=1e-14, atol=1e-15)
    for gradients in (to_tf1(params, name, layer=1, gradients=True), to_coreml(params, name, layer=1, gradients=True)):
        assert all(np.isfinite(value).all() for value in gradients.values())


def test_shapes_and_names_that_do_not_fit():
    with pytest.raises(InputError, match=r"kernel has shape \(3, 20\), expected \(D \+ H, 4 H\)"):
        from_tf1({"kernel": np.ones((3, 20)), "bias": np.ones(20)}, "lstm")
    with pytest.raises(InputError, match="no variable begins with 'a/'"):
        from_tf1({"kernel": np.ones((8, 20))}, "lstm", prefix="a/")
    with pytest.raises(InputError, match="no place for kernels"):
        from_tf1({"kernels": np.ones((8, 20))}, "lstm")
    with pytest.raises(InputError, match="no weights of coreml are known for mamba"):
        from_coreml({}, "mamba")
