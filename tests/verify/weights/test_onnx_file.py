"""Recurrent nodes read out of an `.onnx` file, run by onnxruntime beside the modules of the cells that they are."""

from __future__ import annotations

import numpy as np
import pytest
from framework_cells import module, parameters

from derive.errors import InputError
from verify.weights import onnx_nodes, part, suffixed, to_onnx

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


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"clip": 3.0}, "node layer: LSTM with clip is not supported"),
        ({"activations": ["HardSigmoid", "Tanh", "Tanh"]}, "node layer: no cell of the catalogue"),
        ({"activation_alpha": [0.5]}, "node layer: LSTM with activation_alpha"),
    ],
)
def test_what_no_cell_computes_is_refused_by_name(attributes, told, tmp_path):
    onnx.save(_model("LSTM", _tensors("lstm"), **attributes), tmp_path / "m.onnx")
    with pytest.raises(InputError, match=told):
        onnx_nodes(tmp_path / "m.onnx")


def test_weights_that_the_graph_computes_and_files_that_are_none(tmp_path):
    onnx.save(_model("GRU", _tensors("gru"), computed=("W",)), tmp_path / "m.onnx")
    with pytest.raises(InputError, match="node layer: W is computed by the graph"):
        onnx_nodes(tmp_path / "m.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    for name in ("text.onnx", "missing.onnx"):
        with pytest.raises(InputError, match="cannot read"):
            onnx_nodes(tmp_path / name)
