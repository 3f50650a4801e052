"""ONNX: all official node cases of the recurrent operators, and the operators' reference code on random tensors."""

from __future__ import annotations

import importlib
import warnings

import numpy as np
import pytest
from framework_cells import cell, module, parameters

from verify.weights import from_onnx, onnx_arguments, onnx_cell, onnx_results, part, suffixed, to_onnx

OPERATORS = ("RNN", "LSTM", "GRU")
INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


def official():
    """The node cases that ship with onnx, by name; none where it is not installed."""
    try:
        nodes = importlib.import_module("onnx.backend.test.case.node")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Importing a file of cases collects them; the public collector would import those of all operators.
            for operator in OPERATORS:
                importlib.import_module(f"onnx.backend.test.case.node.{operator.lower()}")
    except ImportError:
        return {}
    return {case.name: case for case in nodes._NodeTestCases if case.model.graph.node[0].op_type in OPERATORS}


CASES = official()
needs_onnx = pytest.mark.skipif(not CASES, reason="onnx is not installed: the extra 'oracles' has it")
COUNT = 18
"""The node cases of onnx 1.23; a later version may have more."""


def run(operator, attributes, inputs):
    """Y and the final states of a node by the generated module of the cell that it is."""
    name = onnx_cell(operator, attributes, peepholes=inputs.get("P") is not None)
    plain = {key: value.decode() if isinstance(value, bytes) else value for key, value in attributes.items()}
    direction, layout = plain.get("direction", "forward"), plain.get("layout", 0)
    tensors = {key: inputs.get(key) for key in ("W", "R", "B", "P")}
    params = from_onnx(tensors, name, direction=direction)
    states = {
        state.name: inputs.get(f"initial_{key}") for state, key in zip(cell(name).states, ("h", "c"), strict=False)
    }
    lengths = inputs.get("sequence_lens")
    calls = onnx_arguments(inputs["X"], states=states, sequence_lens=lengths, direction=direction, layout=layout)
    runs = []
    for arguments, reverse in zip(calls, {"reverse": (True,)}.get(direction, (False, True)), strict=False):
        own = part(params, 0, reverse=reverse)
        runs.append(module(name).forward(own, arguments.pop("x"), **arguments)[:2])
    return onnx_results(runs, sequence_lens=lengths, direction=direction, layout=layout)


@needs_onnx
def test_all_official_cases_are_there():
    print(f"{len(CASES)} official node cases of {', '.join(OPERATORS)}")
    assert len(CASES) >= COUNT
    assert {case.model.graph.node[0].op_type for case in CASES.values()} == set(OPERATORS)


@needs_onnx
@pytest.mark.parametrize("name", CASES)
def test_official_node_case(name):
    helper = importlib.import_module("onnx.helper")
    case = CASES[name]
    (node,) = case.model.graph.node
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    for given, wanted in case.data_sets:
        arrays = iter(given)
        inputs = {slot: next(arrays) for slot, used in zip(INPUTS, node.input, strict=False) if used}
        assert next(arrays, None) is None
        results = [
            value for value, used in zip(run(node.op_type, attributes, inputs), node.output, strict=False) if used
        ]
        assert len(results) == len(wanted)
        for got, expected in zip(results, wanted, strict=True):
            assert got.dtype == expected.dtype
            np.testing.assert_allclose(got, expected, rtol=case.rtol, atol=case.atol)


@needs_onnx
@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(
    ("operator", "gates", "attributes", "peepholes"),
    [
        ("RNN", 1, {}, 0),
        ("LSTM", 4, {}, 0),
        ("LSTM", 4, {}, 3),
        ("GRU", 3, {}, 0),
        ("GRU", 3, {"linear_before_reset": 1}, 0),
    ],
)
def test_random_tensors_against_the_reference_code(operator, gates, attributes, peepholes, direction, layout):
    """The official cases have the same number in all weights: the order of gates does not show in them."""
    rng = np.random.default_rng(5)
    T, B, D, H, dirs = 4, 2, 3, 5, 2 if direction == "bidirectional" else 1
    shapes = {"X": (T, B, D), "W": (dirs, gates * H, D), "R": (dirs, gates * H, H), "B": (dirs, 2 * gates * H)}
    shapes |= {"initial_h": (dirs, B, H)} | ({"initial_c": (dirs, B, H)} if operator == "LSTM" else {})
    shapes |= {"P": (dirs, 3 * H)} if peepholes else {}
    inputs = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    if layout:
        inputs |= {
            name: np.swapaxes(inputs[name], 0, 1) for name in inputs if name == "X" or name.startswith("initial")
        }
    attributes = {**attributes, "direction": direction, "layout": layout}
    file = importlib.import_module(f"onnx.backend.test.case.node.{operator.lower()}")
    wanted = getattr(file, f"{operator}Helper")(**inputs, **attributes).step()
    results = run(operator, attributes, inputs)
    assert len(results) == len(wanted)
    for got, expected in zip(results, wanted, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["lstm_coupled", "lstm_cifg"])
def test_input_forget_couples_the_gates(name):
    rng = np.random.default_rng(6)
    tensors = to_onnx(suffixed(parameters(name, rng), 0), name)
    sigmoid = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    peepholes = tensors.get("P")
    p_i, p_o = (np.split(peepholes[0], 3)[:2]) if peepholes is not None else (0.0, 0.0)
    tensors["W"][0, 10:15] = np.nan  # the block of the forget gate is not read
    x, h, c = rng.normal(size=(4, 2, 3)), rng.normal(size=(2, 5)), rng.normal(size=(2, 5))
    inputs = {"X": x, **tensors, "initial_h": h[None], "initial_c": c[None]}
    Y, Y_h, Y_c = run("LSTM", {"input_forget": 1}, inputs)
    for k in range(4):
        a_i, a_o, _, a_g = np.split(
            x[k] @ tensors["W"][0].T + h @ tensors["R"][0].T + tensors["B"].reshape(2, -1).sum(0), 4, -1
        )
        i = sigmoid(a_i + p_i * c)
        c = (1 - i) * c + i * np.tanh(a_g)
        h = sigmoid(a_o + p_o * c) * np.tanh(c)
        np.testing.assert_allclose(Y[k, 0], h, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(Y_h[0], h, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(Y_c[0], c, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("layout", [0, 1])
def test_sequence_lens(direction, layout):
    """As every sequence alone, also backwards from its own end."""
    rng = np.random.default_rng(8)
    T, D, H, lengths = 5, 3, 4, np.array([2, 5, 0], np.int32)
    dirs = 2 if direction == "bidirectional" else 1
    shapes = {"X": (T, 3, D), "W": (dirs, 4 * H, D), "R": (dirs, 4 * H, H), "B": (dirs, 8 * H)}
    inputs = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    inputs |= {name: rng.normal(size=(dirs, 3, H)) for name in ("initial_h", "initial_c")}
    given = dict(inputs)
    if layout:
        given |= {name: np.swapaxes(inputs[name], 0, 1) for name in ("X", "initial_h", "initial_c")}
    attributes = {"direction": direction, "layout": layout}
    Y, Y_h, Y_c = run("LSTM", attributes, {**given, "sequence_lens": lengths})
    if layout:
        Y, Y_h, Y_c = np.moveaxis(Y, 0, 2), np.swapaxes(Y_h, 0, 1), np.swapaxes(Y_c, 0, 1)
    for k, n in enumerate(lengths):
        assert not Y[n:, :, k].any()
        alone = {**inputs, "X": inputs["X"][:n, k : k + 1]}
        alone |= {name: inputs[name][:, k : k + 1] for name in ("initial_h", "initial_c")}
        one, one_h, one_c = run("LSTM", {"direction": direction}, alone)
        np.testing.assert_allclose(Y[:n, :, k], one[:, :, 0], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(Y_h[:, k], one_h[:, 0], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(Y_c[:, k], one_c[:, 0], rtol=1e-12, atol=1e-14)
