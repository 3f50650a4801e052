"""Right functions in the layouts that people use, and what is said of them when they are spoilt."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from verify import Layout, Standing, check_backward
from verify.numbers.load import load

EXAMPLES = Path(__file__).parent / "examples"

COLUMNS = {
    "layout": Layout("nBT", vectors="n1"),
    "names": {
        **{f"W{theirs}": f"U_{ours} | W_{ours}" for theirs, ours in zip("fico", "figo", strict=True)},
        **{f"b{theirs}": f"b_{ours}" for theirs, ours in zip("fico", "figo", strict=True)},
        "a": "h",
    },
}
STACKED = {
    "layout": Layout("BTn", gates="ifgo"),
    "names": {"W_ih": "W_*", "W_hh": "U_*", "b_ih": "b_*", "b_hh": "b_*"},
}
CHARACTERS = {"layout": Layout("Tn1", vectors="n1"), "names": {"Wxh": "W", "Whh": "U", "bh": "b"}}


def example(name: str, *edits: tuple[str, str]) -> ModuleType:
    """A hand-written module, with parts of its text replaced."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    return load(text, name)


USES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "columns_lstm": ("lstm", "backward", COLUMNS),
    "stacked_class": ("lstm", "backward", STACKED),
    "loss_function": ("rnn", "rnn_backward", CHARACTERS),
}


@pytest.mark.parametrize("name", USES)
def test_right_functions_pass(name: str) -> None:
    cell, function, options = USES[name]
    report = check_backward(getattr(example(name), function), cell, **options)
    assert report.standing is Standing.RIGHT, str(report)
    assert not report.notes


SPOILT = [
    ("columns_lstm", 'da_prevt = step["da_prev"]', "pass", "carry not updated"),
    ("columns_lstm", 'dc_prevt = step["dc_prev"]', "pass", "carry not updated"),
    ("columns_lstm", "da[:, :, t] + da_prevt", "da[:, :, t]", "carry left out"),
    ("columns_lstm", "gradients[key] += step[key]", "gradients[key] = step[key]", "overwritten"),
    ("columns_lstm", "(1 - np.tanh(c_next) ** 2)", "(1 - c_next**2)", "slope at the argument"),
    ("columns_lstm", "(1 - cct**2)", "(1 - np.tanh(cct) ** 2)", "slope at the activated value"),
    ("columns_lstm", "dc * c_prev * ft * (1 - ft)", "dc * c_next * ft * (1 - ft)", "wrong time index"),
    ("columns_lstm", "a_next = ot * np.tanh(c_next)", "a_next = ot * c_next", "another forward pass"),
    ("columns_lstm", "d @ concat.T for", "d @ concat.T / d.shape[1] for", "constant factor"),
    ("columns_lstm", "dit = dc *", "dit = -dc *", "sign"),
    ("columns_lstm", "dc = dc_next + da_next", "dc = da_next", "carry left out"),
    ("stacked_class", "i, f, g, o = np.split(z, 4, axis=1)", "i, f, o, g = np.split(z, 4, axis=1)", None),
    ("stacked_class", "db_hh += dz.sum(axis=0)", "db_hh += dz.mean(axis=0)", "constant factor"),
    ("stacked_class", "dc = dc * f", "dc = dc", "forgotten factor"),
    ("stacked_class", "dh = dz @ W_hh", "dh = dz @ W_hh * 0", "carry left out"),
    ("stacked_class", "dxs[:, t] = dz @ W_ih", "dxs[:, -1 - t] = dz @ W_ih", "steps in the wrong order"),
    ("stacked_class", "db_ih += dz.sum(axis=0)", "db_ih += dz[-1]", "missing sum over the batch"),
    ("loss_function", "(1 - hs[t] * hs[t]) * dh", "dh", "slope forgotten"),
    ("loss_function", "dWhh += dhraw @ hs[t - 1].T", "dWhh += dhraw @ hs[t].T", "wrong time index"),
    ("loss_function", "dhnext = Whh.T @ dhraw", "dhnext = Whh @ dhraw", "missing transpose"),
    ("loss_function", "dh = d_ys[t] + dhnext", "dh = d_ys[t] + (dhnext if t % 2 == 0 else 0)", "truncated"),
    (
        "loss_function",
        '{"Wxh": dWxh, "Whh": dWhh, "bh": dbh}',
        '{"Wxh": dWxh, "Whh": dWhh.T, "bh": dbh}',
        "transposed gradient",
    ),
]


@pytest.mark.parametrize(("name", "before", "after", "mistake"), SPOILT)
def test_mistake_in_a_hand_written_function_is_named(name: str, before: str, after: str, mistake: str | None) -> None:
    cell, function, options = USES[name]
    report = check_backward(getattr(example(name, (before, after)), function), cell, **options)
    assert report.standing is Standing.WRONG
    explanations = [report.mistakes, *report.alternatives]
    assert report.mistakes, str(report)
    if mistake is not None:
        assert any([m.name for m in found] == [mistake] for found in explanations), str(report)


def test_gates_in_another_order_are_named() -> None:
    options = {**STACKED, "layout": Layout("BTn", gates="ifog")}
    report = check_backward(example("stacked_class").backward, "lstm", **options)
    assert [m.name for m in report.mistakes] == ["gates in another order"]
    assert "i, f, o, g are taken for i, f, g, o" in report.mistakes[0].detail


LAYOUTS = [
    Layout(sequence, vectors=vectors, transposed=vectors != "n1")
    for sequence in ("TBn", "BTn", "nBT", "TnB", "BnT", "Tn", "nT", "Tn1", "T1n")
    for vectors in ("n", "n1", "1n")
]


@pytest.mark.parametrize(
    "layout", LAYOUTS, ids=lambda layout: f"{layout.sequence}-{layout.vectors}-{layout.transposed}"
)
def test_every_layout_goes_there_and_back(layout: Layout) -> None:
    from derive import catalogue
    from generated import gru
    from verify.code.layouts.layout import Binding

    binding = Binding(catalogue.find("gru"), layout)

    def function(params: Any, x: Any, d_ys: Any, h: Any, d_h: Any) -> Any:
        def plain(value: Any, name: str) -> Any:
            return layout.parameter_from(value, len(gru.PARAMETERS[name]))

        ours = {name: np.ascontiguousarray(plain(value, name)) for name, value in params.items()}
        _, _, cache = gru.forward(ours, layout.sequence_from(x), layout.state_from(h))
        grads = gru.backward(cache, layout.sequence_from(d_ys), layout.state_from(d_h))
        found = {name: layout.parameter_to(grads[name]) for name in params}
        return found | {"dx": layout.sequence_to(grads["x"]), "dh0": layout.state_to(grads["h"])}

    assert binding.arrays.keys() == gru.PARAMETERS.keys()
    report = check_backward(function, "gru", layout=layout)
    assert report.standing is Standing.RIGHT, str(report)


def test_a_joint_bias_in_two_parts_is_told_from_one() -> None:
    report = check_backward(example("stacked_class", ("db_hh += dz.sum(axis=0)", "pass")).backward, "lstm", **STACKED)
    assert report.standing is Standing.WRONG
    assert report.wrong == ("b_hh[b_i]", "b_hh[b_f]", "b_hh[b_g]", "b_hh[b_o]")
    assert [m.name for m in report.mistakes] == ["left at zero"], str(report)


def test_a_column_in_place_of_a_row_is_no_vector() -> None:
    def function(params: Any, x: Any, d_ys: Any, h0: Any) -> Any:
        found = example("loss_function").rnn_backward(params, x, d_ys, h0)
        return found | {"bh": found["bh"].T}

    report = check_backward(function, "rnn", **CHARACTERS)
    assert report.wrong == ("bh (b)",)
    assert "shape (1, 3), expected (3,)" in str(report)


def test_one_entry_a_little_off_never_passes() -> None:
    rng = np.random.default_rng(0)
    backward = example("stacked_class").backward
    for _ in range(60):
        name = str(rng.choice(["W_ih", "W_hh", "b_ih", "b_hh", "x", "h0", "c0"]))
        size = 10.0 ** rng.uniform(-8, 0)

        def spoilt(params: Any, x: Any, d_ys: Any, h0: Any, c0: Any, name: str = name, size: float = size) -> Any:
            found = backward(params, x, d_ys, h0, c0)
            found[name].flat[-1] += size * np.abs(found[name]).max()
            return found

        report = check_backward(spoilt, "lstm", **STACKED, diagnosis=False)
        assert report.standing is not Standing.RIGHT
        assert size < 1e-5 or report.standing is Standing.WRONG
