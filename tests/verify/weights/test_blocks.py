"""The tables and what they make of arrays, without any framework."""

from __future__ import annotations

import numpy as np
import pytest
from framework_cells import cell, parameters

from derive.errors import InputError
from verify.weights import (
    from_coreml,
    from_keras,
    from_onnx,
    from_tf1,
    from_torch,
    onnx_cell,
    part,
    suffixed,
    to_coreml,
    to_keras,
    to_onnx,
    to_tf1,
    to_torch,
)
from verify.weights.blocks import FRAMEWORKS, contents, table

ROWS = [(framework, name) for framework in FRAMEWORKS for name in contents(framework)["cells"]]


def network(name, layers=1, directions=(False,)):
    rng, found = np.random.default_rng(3), {}
    for layer in range(layers):
        for reverse in directions:
            found |= suffixed(parameters(name, rng, D=3 + layer), layer, reverse=reverse)
    return found


def assert_same(got, wanted):
    assert set(got) == set(wanted)
    for name in wanted:
        np.testing.assert_array_equal(got[name], wanted[name])


@pytest.mark.parametrize(("framework", "name"), ROWS)
def test_a_table_names_every_parameter_of_its_cell(framework, name):
    assert set(table(framework, name).parameters) == {p.name for p in cell(name).parameters}


@pytest.mark.parametrize(("framework", "name"), ROWS)
def test_there_and_back(framework, name):
    both = (False, True)
    if framework == "torch":
        params = network(name, 3, both)
        assert_same(from_torch(to_torch(params, name), name), params)
    elif framework == "keras":
        params = network(name, 1, both)
        assert_same(from_keras(to_keras(params, name, bidirectional=True), name, bidirectional=True), params)
    elif framework in ("tf1", "coreml"):
        params = network(name)
        there, back = (to_tf1, from_tf1) if framework == "tf1" else (to_coreml, from_coreml)
        options = {"forget_bias": 0} if framework == "tf1" else {}
        assert_same(back(there(params, name, **options), name, **options), params)
    else:
        params = network(name, 1, both)
        tensors = to_onnx(params, name, direction="bidirectional")
        assert_same(from_onnx(tensors, name, direction="bidirectional"), params)


def test_two_biases_are_added_and_their_gradient_is_shared():
    params = network("rnn")
    state = to_torch(params, "rnn")
    assert not state["bias_hh_l0"].any()
    state["bias_hh_l0"] = np.full(5, 0.25)
    np.testing.assert_array_equal(from_torch(state, "rnn")["b_l0"], params["b_l0"] + 0.25)
    shared = to_torch(params, "rnn", gradients=True)
    np.testing.assert_array_equal(shared["bias_hh_l0"], shared["bias_ih_l0"])


def test_what_is_read_is_the_callers_own():
    state = to_torch(network("lstm"), "lstm")
    found = from_torch(state, "lstm")
    for value in found.values():
        value[...] = 0
    assert all(value.any() for name, value in state.items() if name != "bias_hh_l0")


def test_without_biases_they_are_zero():
    state = {name: value for name, value in to_torch(network("lstm"), "lstm").items() if "bias" not in name}
    assert not from_torch(state, "lstm")["b_f_l0"].any()
    weights = to_keras(network("gru"), "gru")[:2]
    assert from_keras(weights, "gru")["b_z_l0"].shape == (5,)


def test_a_part_of_a_larger_model_and_a_table_of_ones_own():
    state = to_torch(network("rnn"), "rnn")
    inside = {f"encoder.{name}": value for name, value in state.items()} | {"decoder.weight": np.ones(2)}
    rows = {"weight_ih": ["A"], "weight_hh": ["B"], "bias_ih": ["d"], "bias_hh": ["d"]}
    found = from_torch(inside, rows, prefix="encoder.")
    np.testing.assert_array_equal(found["A_l0"], state["weight_ih_l0"])
    assert set(part(found, 0)) == {"A", "B", "d"}
    assert part(found, 1) == {}


@pytest.mark.parametrize(
    ("operator", "attributes", "peepholes", "name"),
    [
        ("RNN", {}, False, "rnn"),
        ("RNN", {"activations": [b"Relu"]}, False, "irnn"),
        ("LSTM", {"hidden_size": 4}, False, "lstm"),
        ("LSTM", {}, True, "lstm_peephole"),
        ("LSTM", {"input_forget": 1}, False, "lstm_coupled"),
        ("LSTM", {"input_forget": 1}, True, "lstm_cifg"),
        ("GRU", {"direction": b"bidirectional", "activations": ["Sigmoid", "Tanh"] * 2}, False, "gru"),
        ("GRU", {"linear_before_reset": 1, "layout": 1}, False, "gru_reset_after"),
    ],
)
def test_the_cell_of_an_onnx_node(operator, attributes, peepholes, name):
    assert onnx_cell(operator, attributes, peepholes=peepholes) == name


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: from_torch(s, "elman"), ["no weights of torch are known for elman", "lstm"]),
        (lambda s: from_torch({**s, "weight_hr_l0": np.ones((2, 5))}, "lstm"), ["no place for weight_hr", "bias_ih"]),
        (lambda s: from_torch({**s, "embedding": np.ones(2)}, "lstm"), ["embedding belongs to no layer"]),
        (lambda s: from_torch({**s, "weight_hh_l0": np.ones((21, 5))}, "lstm"), ["weight_hh", "(21, 5)", "4 blocks"]),
        (lambda s: from_torch({**s, "bias_ih_l0": np.ones(24)}, "lstm"), ["bias_ih", "(24,)", "4 blocks of 5 rows"]),
        (lambda s: from_torch({"weight_ih_l0": s["weight_ih_l0"]}, "lstm"), ["weight_hh is missing"]),
        (lambda s: from_torch({}, "lstm"), ["empty"]),
        (lambda s: from_keras([np.ones((3, 20))], "lstm"), ["got 1 arrays", "3 or 2", "recurrent_kernel"]),
        (
            lambda s: from_keras([np.ones((3, 15)), np.ones((5, 15)), np.ones((2, 15))], "gru"),
            ["bias has shape (2, 15)", "3 blocks"],
        ),
        (
            lambda s: from_keras([np.ones((3, 15)), np.ones((5, 15)), np.ones(15)], "gru_reset_after"),
            ["bias has shape (15,)", "2 rows"],
        ),
        (lambda s: from_onnx({"W": np.ones((1, 20, 3))}, "lstm", direction="bidirectional"), ["W", "2 along"]),
        (lambda s: from_onnx({"W": np.ones((1, 20, 3))}, "lstm", direction="back"), ["'back'", "forward, reverse"]),
        (lambda s: onnx_cell("LSTM", {"clip": 3.0}), ["clip", "not supported"]),
        (lambda s: onnx_cell("RNN", {"activations": ["Affine"]}), ["no cell of the catalogue", "Affine"]),
        (lambda s: to_torch({"W_i_l0": np.ones((5, 3))}, "lstm"), ["params has no 'W_f'"]),
    ],
    ids=lambda value: None if callable(value) else value[0],
)
def test_what_does_not_fit_is_named(call, words):
    with pytest.raises(InputError) as caught:
        call(to_torch(network("lstm"), "lstm"))
    assert all(word in str(caught.value) for word in words), str(caught.value)
