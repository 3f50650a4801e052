"""The ONNX target: for every cell and head a model that the checker accepts and whose results are the NumPy module's."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from test_lengths import ODD, ragged
from test_properties import assert_close, standard

from backproof.command_line import main
from derive import catalogue, functions
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.errors import InputError
from derive.networks.network import Network
from derive.reader import read_note
from derive.targets import generate
from derive.targets import numpy as numpy_target
from derive.targets import onnx as target
from derive.targets.onnx.helpers import FUNCTIONS as FUNCTIONS_OF_ONNX
from verify.numbers.case import Array, Case
from verify.numbers.graphs import Model, expected
from verify.numbers.load import load

onnx = pytest.importorskip("onnx", reason="the files are ONNX's")
pytest.importorskip("onnxruntime", reason="it runs them")

LIMIT = 1e-12
FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
_derived = cache(differentiate)


def _wanted(case: Case) -> dict[str, Array]:
    ours = load(numpy_target.module(_derived(case.cell)), "ours")
    outputs, final, _ = case.forward(ours)
    return expected(case, outputs, final, case.backward(ours))


def _agrees(case: Case) -> None:
    """All outputs of a model with the backward pass."""
    model = Model(target.module(_derived(case.cell), dtype="float64", backward=True))
    assert_close(model.on(case), _wanted(case), LIMIT)


def test_results_are_those_of_the_numpy_module(registered: Cell) -> None:
    if not any(q.time is not None for q in registered.inputs):
        with pytest.raises(InputError, match="no input at a step"):
            generate(registered, "onnx")
        return
    _agrees(standard(registered, T=4, B=3))


@pytest.mark.parametrize("steps", [[3, 0, 5, 2], [0, 0], [4, 1]], ids=str)
@pytest.mark.parametrize("name", catalogue.cells() if FULL else ["lstm", "gru", "mlstm", "qrnn", "rnn_caption_first"])
def test_different_lengths(name: str, steps: list[int]) -> None:
    case = ragged(catalogue.find(name), np.array(steps))
    model = Model(target.module(_derived(case.cell), dtype="float64", backward=True, lengths=True))
    assert "lengths" in model.inputs
    assert_close(model.on(case), _wanted(case), LIMIT)


def test_lengths_are_asked_for_and_are_no_heads() -> None:
    assert "lengths" not in Model(generate(catalogue.find("lstm"), "onnx")).inputs
    with pytest.raises(InputError, match="the model of a head has no lengths"):
        generate(catalogue.find("squared_error"), "onnx", lengths=True)


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_cells(text: str) -> None:
    _agrees(standard(read_note(f"# Odd\n\n{text}", "odd.md")))


FUNCTIONS = ["elu", "hard_tanh", "softplus", "sin", "exp"]
if os.environ.get("BACKPROOF_FULL_FIGURES"):
    FUNCTIONS += ["silu", "leaky_relu", "hard_sigmoid", "softsign", "mish", "sinh", "logsigmoid", "cos", "abs", "relu6"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_by_name(name: str) -> None:
    note = rf"$$ h_t = \operatorname{{{name}}}(W x_t + U h_{{t-1}} + b) $$"
    _agrees(standard(read_note(f"# Named\n\n{note}", "named.md")).scaled(0.3))


def test_a_declared_slope_is_taken() -> None:
    note = r"""$$ m_t = 0.5 m_{t-1} + W x_t $$ $$ s_t = \Theta(m_t) $$

where $\Theta(u) = \operatorname{step}(u)$, $\Theta'(u) = \frac{1}{(1 + |u|)^2}$
output: $s_t$"""
    cell = read_note(f"# Spike\n\n{note}", "spike.md")
    assert np.abs(_wanted(standard(cell))["d_W"]).max() > 0
    _agrees(standard(cell))


def test_every_function_of_the_table_has_an_operator() -> None:
    assert set(functions.ENTRIES) <= set(FUNCTIONS_OF_ONNX)


def test_the_error_function_has_no_kernel_in_double_precision_and_is_right_in_single() -> None:
    cell = read_note("# Named\n\n$$ h_t = \\operatorname{gelu}(W x_t + U h_{t-1} + b) $$", "named.md")
    derivation = differentiate(cell)
    with pytest.raises(NotImplementedError, match="Erf"):
        Model(target.module(derivation, dtype="float64"))
    case = standard(cell)
    assert_close(Model(target.module(derivation, backward=True)).on(case), _wanted(case), 1e-5)


def test_softplus_keeps_small_values() -> None:
    cell = read_note("# Soft\n\n$$ h_t = \\operatorname{softplus}(x_t) $$\n\noutput: $h_t$", "soft.md")
    x = np.array([-1000.0, -50.0, -36.0, -1e-9, 0.0, 3.0, 800.0])[None, None]
    (found,) = Model(target.module(differentiate(cell), dtype="float64"))(x=x).values()
    np.testing.assert_allclose(found, np.logaddexp(0.0, x), rtol=1e-15, atol=0)


def test_open_functions_are_tanh_and_said() -> None:
    text = generate(catalogue.find("rnn_general"), "onnx")
    assert ": tanh." in text
    assert ": tanh." not in generate(catalogue.find("rnn"), "onnx")


def test_a_state_that_starts_from_a_parameter() -> None:
    note = "$$ h_t = \\tanh(W x_t + U h_{t-1}) $$\n\n$$ h_0 = s $$\n\nwhere $s$ is learned"
    cell = read_note(f"# Learned\n\n{note}", "learned.md")
    assert dict(cell.starts) == {"h": "s"}
    case = standard(cell)
    model = Model(target.module(differentiate(cell), dtype="float64", backward=True))
    assert "h" not in model.inputs
    ours = load(numpy_target.module(differentiate(cell)), "ours")
    params = {name: case.given[name] for name in ("W", "U", "s")}
    ys, final, cache = ours.forward(params, case.given["x"])
    wanted = expected(case, ys, final, ours.backward(cache, case.d_output, **case.d_final))
    wanted.pop("d_h", None)
    assert_close(model.on(case), wanted, LIMIT)


@pytest.mark.parametrize(("T", "B"), [(1, 1), (7, 1), (2, 5)])
def test_one_model_runs_at_any_length_and_batch(T: int, B: int) -> None:
    model = Model(generate(catalogue.find("lstm"), "onnx", dtype="float64", backward=True))
    case = standard(catalogue.find("lstm"), T=T, B=B)
    assert_close(model.on(case), _wanted(case), LIMIT)


def test_letters_that_are_operators_or_outputs_keep_their_own_names() -> None:
    note = r"""$$ h_t = \tanh(T x_t + B h_{t-1} + \sigma) $$

where $\sigma \in \mathbb{R}^{H}$"""
    cell = read_note(f"# Letters\n\n{note}", "letters.md")
    case = standard(cell)
    _agrees(case)


def test_parameters_stand_in_the_file(tmp_path: Path) -> None:
    case = standard(catalogue.find("gru"))
    params = {q.name: case.given[q.name] for q in case.cell.parameters}
    np.savez(tmp_path / "params.npz", **params)
    file = tmp_path / "gru.onnx"
    arguments = ["generate", "gru", "--dtype", "float64", "--params", str(tmp_path / "params.npz"), "-o", str(file)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    model = Model(file.read_bytes())
    assert model.inputs == ["x", "h"]
    found = model(x=case.given["x"], h=case.given["h"])
    assert_close(found, {name: _wanted(case)[name] for name in ("ys", "h_final")}, LIMIT)
    axes = [axis.dim_value or axis.dim_param for axis in onnx.load(file).graph.output[0].type.tensor_type.shape.dim]
    assert axes == ["T", "B", case.sizes["H"]]


def test_arrays_that_do_not_fit_are_refused() -> None:
    text = generate(catalogue.find("rnn"), "onnx")
    with pytest.raises(InputError, match="no input called V"):
        target.encoded(text, {"V": np.zeros(3)})
    with pytest.raises(InputError, match=r"U has shape \(2, 3\), expected \(H, H\) where H = 2"):
        target.encoded(text, {"U": np.zeros((2, 3))})


def test_text_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    text = CliRunner().invoke(main, ["generate", "rnn", "--target", "onnx", "-o", str(tmp_path / "rnn.onnxtxt")])
    assert text.exit_code == 0, text.output
    assert (tmp_path / "rnn.onnxtxt").read_text(encoding="utf-8") == generate(catalogue.find("rnn"), "onnx", origin="rnn")
    file = CliRunner().invoke(main, ["generate", "rnn", "-o", str(tmp_path / "rnn.onnx")])
    assert file.exit_code == 2
    assert "backproof[onnx]" in file.output


def test_options_of_another_target_are_refused() -> None:
    with pytest.raises(InputError, match="numpy has no option backward"):
        generate(catalogue.find("rnn"), "numpy", backward=True)
    with pytest.raises(InputError, match="network"):
        generate(Network.of(catalogue.find("rnn"), layers=2), "onnx")
    result = CliRunner().invoke(main, ["generate", "rnn", "--params", __file__, "-o", "rnn.py"])
    assert result.exit_code == 2


def test_bytes_are_the_same_each_time() -> None:
    cell = catalogue.find("lstm_fgr")
    assert target.encoded(generate(cell, "onnx")) == target.encoded(generate(cell, "onnx"))
