"""Gradients against the numerical derivatives of a person's own loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from derive.errors import InputError
from verify import Standing, assert_gradients, check_gradients
from verify.numbers.load import load

EXAMPLES = Path(__file__).parent / "examples"


def quadratic(params: dict[str, Any]) -> Any:
    return np.sum(np.tanh(params["W"] @ params["x"]) ** 2)


def arrays() -> tuple[dict[str, Any], dict[str, Any]]:
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(3, 4)), "x": rng.normal(size=4)}
    y = np.tanh(params["W"] @ params["x"])
    d = 2 * y * (1 - y * y)
    return params, {"W": np.outer(d, params["x"]), "x": params["W"].T @ d}


def test_right_gradients_pass_and_nothing_is_changed() -> None:
    params, grads = arrays()
    before = {name: value.copy() for name, value in params.items()}

    def loss(p: dict[str, Any]) -> Any:
        found = quadratic(p)
        p["W"] *= 0  # what a person's code writes to must not be what was passed in
        return found

    report = check_gradients(loss, params, grads)
    assert report.standing is Standing.RIGHT, str(report)
    assert report.method == "complex step"
    for name, value in before.items():
        np.testing.assert_array_equal(params[name], value)


@pytest.mark.parametrize("error", [1e-7, 1e-3, 1.0])
def test_wrong_entry_is_shown(error: float) -> None:
    params, grads = arrays()
    grads["W"][1, 2] += error
    report = check_gradients(quadratic, params, grads)
    assert report.wrong == ("W",)
    assert report.rows[0].index == (1, 2)
    assert report.rows[1].standing is Standing.RIGHT
    assert "[1, 2]" in str(report)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_wrong(value: float) -> None:
    params, grads = arrays()
    grads["x"][1] = value
    report = check_gradients(quadratic, params, grads)
    assert report.wrong == ("x",)
    assert report.rows[1].index == (1,)
    assert report.to_json()["gradients"][1]["got"] == str(value)


def through_buffer(params: dict[str, Any]) -> Any:
    out = np.zeros(3)
    out[:] = params["W"] @ params["x"]  # drops the imaginary part
    return np.sum(np.tanh(out) ** 2)


def through_abs(params: dict[str, Any]) -> Any:
    return np.sum(np.abs(np.tanh(params["W"] @ params["x"])) ** 2)


def in_single_precision(params: dict[str, Any]) -> Any:
    low = {name: value.astype(np.float32) for name, value in params.items()}
    return quadratic(low)


@pytest.mark.parametrize("loss", [through_buffer, through_abs])
def test_code_that_is_not_complex_safe_takes_central_differences(loss: Any) -> None:
    params, grads = arrays()
    report = check_gradients(loss, params, grads)
    assert report.method == "central differences"
    assert report.standing is Standing.RIGHT, str(report)
    grads["W"][0, 0] *= 1.001
    assert check_gradients(loss, params, grads).wrong == ("W",)


def test_single_precision_never_condemns_and_finds_real_mistakes() -> None:
    params, grads = arrays()
    assert check_gradients(in_single_precision, params, grads).standing is not Standing.WRONG
    low = {name: value.astype(np.float32) for name, value in params.items()}
    low_grads = {name: value.astype(np.float32) for name, value in grads.items()}
    assert check_gradients(quadratic, low, low_grads).standing is Standing.RIGHT
    grads["W"] = -grads["W"]
    assert check_gradients(in_single_precision, params, grads).wrong == ("W",)


def test_noise_cannot_be_told() -> None:
    rng = np.random.default_rng(0)
    params, grads = arrays()
    report = check_gradients(lambda p: quadratic(p) + rng.normal(), params, grads)
    assert report.standing is Standing.CANNOT_TELL
    report = check_gradients(lambda p: float("nan"), params, grads)
    assert report.standing is Standing.CANNOT_TELL


def test_kink_under_an_entry_is_not_condemned() -> None:
    params = {"x": np.array([0.5, 0.0, -0.5])}
    report = check_gradients(lambda p: float(np.maximum(p["x"], 0).sum()), params, {"x": np.array([1.0, 0.0, 0.0])})
    assert report.standing is not Standing.RIGHT


def test_structures_of_all_kinds() -> None:
    params, grads = arrays()
    listed = [params["W"], (params["x"],)]
    report = check_gradients(lambda p: quadratic({"W": p[0], "x": p[1][0]}), listed, [grads["W"], (grads["x"],)])
    assert [row.label for row in report.rows] == ["[0]", "[1][0]"]
    assert report.standing is Standing.RIGHT
    boxed = np.empty(2, object)
    boxed[:] = [params["W"], params["x"]]
    report = check_gradients(lambda p: quadratic({"W": p[0], "x": p[1]}), boxed, [grads["W"], grads["x"]])
    assert report.standing is Standing.RIGHT
    report = check_gradients(lambda w: float(w @ w), params["x"], 2 * params["x"])
    assert report.standing is Standing.RIGHT


def test_large_arrays_are_sampled_and_a_mistake_anywhere_is_seen() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=5000)
    assert check_gradients(lambda p: (p["x"] ** 3).sum(), {"x": x}, {"x": 3 * x**2}).standing is Standing.RIGHT
    wrong = 3 * x**2
    wrong[4321] += 1
    assert check_gradients(lambda p: (p["x"] ** 3).sum(), {"x": x}, {"x": wrong}).wrong == ("x",)


def test_shapes_missing_and_unknown_names() -> None:
    params, grads = arrays()
    report = check_gradients(quadratic, params, {"W": grads["W"].T, "y": grads["x"]})
    assert [row.standing for row in report.rows] == [Standing.WRONG, Standing.NOT_GIVEN]
    assert "shape (4, 3), expected (3, 4)" in str(report)
    assert report.notes == ("there is no parameter y",)
    with pytest.raises(InputError, match="expected a number"):
        check_gradients(lambda p: p["x"], params, grads)
    with pytest.raises(InputError, match="expected a float dtype"):
        check_gradients(quadratic, {"W": np.arange(3)}, {})


def test_no_report_is_a_bool() -> None:
    params, grads = arrays()
    report = check_gradients(quadratic, params, grads)
    with pytest.raises(TypeError, match="no bool"):
        bool(report)
    with pytest.raises(TypeError, match="no bool"):
        bool(report.standing)


def test_loss_and_gradients_in_one_function() -> None:
    """A character RNN: the loss of the same function is differentiated, its gradients are compared."""
    example = load((EXAMPLES / "loss_function.py").read_text(encoding="utf-8"), "loss_function")
    params = example.make(5, 4, np.random.default_rng(0))
    inputs, targets, hprev = [0, 3, 1, 4, 2], [3, 1, 4, 2, 0], np.full((4, 1), 0.1)

    def loss(p: dict[str, Any]) -> Any:
        return example.lossFun(inputs, targets, hprev, **p)[0]

    def gradients(**options: Any) -> dict[str, Any]:
        return dict(zip(params, example.lossFun(inputs, targets, hprev, **params, **options)[1:6], strict=True))

    assert_gradients(loss, params, gradients())
    with pytest.raises(AssertionError, match=r"Why\s+wrong"):
        assert_gradients(loss, params, gradients(clip=0.5))
