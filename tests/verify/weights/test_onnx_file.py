"""Recurrent nodes read out of an `.onnx` file, run by onnxruntime beside the modules of the cells that they are."""

from __future__ import annotations

import numpy as np
import pytest
from framework_cells import module, parameters

from derive.calculus.adjoint import differentiate
from derive.errors import InputError
from derive.reader import read_note
from derive.targets.numpy.module import module as numpy_module
from verify.numbers.load import load
from verify.weights import onnx_arguments, onnx_nodes, onnx_note, onnx_results, part, suffixed, to_onnx

onnx = pytest.importorskip("onnx", reason="the files are ONNX's")
runtime = pytest.importorskip("onnxruntime", reason="it runs them")

T, B, D, H = 4, 2, 3, 5


def _model(operator, tensors, *, computed=(), **attributes):
    """A file's model of one node; the tensors named in `computed` are inputs of the graph."""
    float_ = onnx.TensorProto.FLOAT
    given = [onnx.helper.make_tensor_value_info("X", float_, (T, B, D))]
    given += [onnx.helper.make_tensor_value_info(name, float_, tensors[name].shape) for name in computed]
    nodes, known = [], []
    for name, value in tensors.items():
        if name == "B":
            nodes.append(onnx.helper.make_node("Constant", [], ["B"], value=onnx.numpy_helper.from_array(value)))
        elif name not in computed:
            known.append(onnx.numpy_helper.from_array(value, name))
    inputs = ["X", "W", "R", "B" if "B" in tensors else ""]
    inputs += ["", "", "", "P"] if "P" in tensors else []
    nodes.append(onnx.helper.make_node(operator, inputs, ["Y"], name="layer", hidden_size=H, **attributes))
    out = onnx.helper.make_tensor_value_info("Y", float_, None)
    graph = onnx.helper.make_graph(nodes, "g", given, [out], known)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)


CASES = {
    "rnn": ("RNN", {}),
    "irnn": ("RNN", {"activations": ["Relu"]}),
    "lstm": ("LSTM", {}),
    "lstm_peephole": ("LSTM", {}),
    "gru": ("GRU", {}),
    "gru_reset_after": ("GRU", {"linear_before_reset": 1}),
}


def _tensors(name, direction="forward"):
    rng, params = np.random.default_rng(3), {}
    for reverse in {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}[direction]:
        params |= suffixed(parameters(name, rng), 0, reverse=reverse)
    return {key: value.astype(np.float32) for key, value in to_onnx(params, name, direction=direction).items()}


@pytest.mark.parametrize("name", CASES)
def test_a_node_is_the_cell_it_computes(name, tmp_path):
    operator, attributes = CASES[name]
    model = _model(operator, _tensors(name), **attributes)
    onnx.save(model, tmp_path / "model.onnx")
    (node,) = onnx_nodes(tmp_path / "model.onnx")
    assert (node.name, node.cell, node.direction, node.also_given) == ("layer", name, "forward", ())
    x = np.random.default_rng(1).normal(size=(T, B, D)).astype(np.float32)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {"X": x})
    ys, _, _ = module(name).forward(part(node.params, 0), x)
    np.testing.assert_allclose(ys, wanted[:, 0], rtol=2e-5, atol=2e-6)


def test_both_directions(tmp_path):
    onnx.save(_model("LSTM", _tensors("lstm", "bidirectional"), direction="bidirectional"), tmp_path / "m.onnx")
    (node,) = onnx_nodes(tmp_path / "m.onnx")
    assert set(node.params) == set(suffixed(parameters("lstm", np.random.default_rng(0)), 0)) | set(
        suffixed(parameters("lstm", np.random.default_rng(0)), 0, reverse=True)
    )


NOTES = {
    "Affine": ("RNN", ["Affine"], [0.3], [0.1]),
    "Relu": ("GRU", ["Sigmoid", "Relu"], [], []),
    "LeakyRelu": ("RNN", ["LeakyRelu"], [0.2], []),
    "ThresholdedRelu": ("RNN", ["ThresholdedRelu"], [0.4], []),
    "ScaledTanh, HardSigmoid": ("GRU", ["HardSigmoid", "ScaledTanh"], [0.3, 0.7], [0.4, 1.3]),
    "Elu, Softsign, Softplus": ("LSTM", ["Softsign", "Softplus", "Elu"], [0.7], []),
    "Elu and HardSigmoid without alphas": ("GRU", ["HardSigmoid", "Elu"], [], []),
}


def _run_as_a_note(tmp_path, model):
    """Y of onnxruntime, and of the module of the note that is read, in double precision."""
    onnx.save(model, tmp_path / "m.onnx")
    (node,) = onnx_nodes(tmp_path / "m.onnx")
    assert not node.cell
    x = np.random.default_rng(1).normal(size=(T, B, D)).astype(np.float32)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {"X": x})
    code = load(numpy_module(differentiate(read_note(node.note))), "note")
    params = {name: value.astype(np.float64) for name, value in node.params.items()}
    runs = []
    for k, arguments in enumerate(onnx_arguments(x, direction=node.direction)):
        runs.append(code.forward(part(params, 0, reverse=k == 1), arguments["x"].astype(np.float64))[:2])
    return onnx_results(runs, direction=node.direction)[0], wanted


def _drawn(operator, directions=1, peepholes=False):
    rng, n = np.random.default_rng(3), {"RNN": 1, "GRU": 3, "LSTM": 4}[operator]
    shapes = {"W": (n * H, D), "R": (n * H, H), "B": (2 * n * H,), **({"P": (3 * H,)} if peepholes else {})}
    return {name: rng.normal(size=(directions, *shape)).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("functions", NOTES)
def test_functions_of_no_cell_are_a_note(functions, tmp_path):
    operator, activations, *numbers = NOTES[functions]
    attributes = {
        f"activation_{key}": value for key, value in zip(("alpha", "beta"), numbers, strict=True) if value
    } | ({"clip": 0.9} if operator == "RNN" else {})
    got, wanted = _run_as_a_note(tmp_path, _model(operator, _drawn(operator), activations=activations, **attributes))
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("operator", "attributes", "peepholes"),
    [
        ("LSTM", {"clip": 0.6, "direction": "bidirectional"}, True),
        ("LSTM", {"clip": 0.6, "input_forget": 1}, False),
        ("GRU", {"clip": 0.6}, False),
        ("GRU", {"clip": 0.6, "linear_before_reset": 1}, False),
    ],
)
def test_clip_bounds_what_gates_are_functions_of(operator, attributes, peepholes, tmp_path):
    tensors = _drawn(operator, 2 if "direction" in attributes else 1, peepholes)
    got, wanted = _run_as_a_note(tmp_path, _model(operator, tensors, **attributes))
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"activations": ["Affine"]}, "Affine needs activation_"),
        ({"activations": ["Gelu"]}, "Gelu is no activation"),
        ({"activations": ["Relu"], "activation_alpha": [0.5]}, "more values of activation_alpha"),
        ({"activations": ["Relu", "Elu"], "direction": "bidirectional"}, "different functions"),
        ({"activations": ["Relu", "Relu"]}, "2 activations, expected 1"),
        ({"clip": float("inf")}, "no finite number"),
        ({"clip": 0.0}, "clip is 0.0"),
        ({"output_sequence": 1}, "output_sequence is not supported"),
        ({"input_forget": 1}, "no equations are known for RNN"),
    ],
)
def test_what_no_note_says_is_refused(attributes, told):
    with pytest.raises(InputError, match=told):
        onnx_note("RNN", attributes)


def test_a_refusal_names_the_node(tmp_path):
    onnx.save(_model("LSTM", _tensors("lstm"), activation_alpha=[0.5]), tmp_path / "m.onnx")
    with pytest.raises(InputError, match="node layer: more values of activation_alpha"):
        onnx_nodes(tmp_path / "m.onnx")


def test_weights_that_the_graph_computes_and_files_that_are_none(tmp_path):
    onnx.save(_model("GRU", _tensors("gru"), computed=("W",)), tmp_path / "m.onnx")
    with pytest.raises(InputError, match="node layer: W is computed by the graph"):
        onnx_nodes(tmp_path / "m.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    for name in ("text.onnx", "missing.onnx"):
        with pytest.raises(InputError, match="cannot read"):
            onnx_nodes(tmp_path / name)
