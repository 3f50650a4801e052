from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import by_hand
import numpy as np
import pytest

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.targets import numpy as numpy_target
from verify.numbers.case import Case
from verify.numbers.evidence import THRESHOLDS, standard_case
from verify.numbers.load import load
from verify.numbers.numeric import (
    DIFFERENCE,
    FAILED,
    ROUNDING,
    complex_step_errors,
    difference_errors,
    largest_entry,
    relative_error,
)

SIZES = {"D": 2, "H": 3}


def forward(params, x, h=None):
    """The RNN written by hand."""
    state, outputs = h, []
    for x_t in x:
        state = np.tanh(x_t @ params["W"].T + state @ params["U"].T + params["b"])
        outputs.append(state)
    ys = np.array(outputs) if outputs else np.zeros((0, *h.shape))
    return ys, {"h": state}, (params, x, h, ys)


def backward(cache, d_ys, h=None):
    params, x, first, ys = cache
    grads = {name: np.zeros_like(value) for name, value in params.items()} | {"x": np.zeros_like(x)}
    carry = h
    for k in reversed(range(len(x))):
        before = ys[k - 1] if k else first
        d_net = (d_ys[k] + carry) * (1 - ys[k] ** 2)
        grads["W"] += d_net.T @ x[k]
        grads["U"] += d_net.T @ before
        grads["b"] += d_net.sum(axis=0)
        grads["x"][k] = d_net @ params["W"]
        carry = d_net @ params["U"]
    return grads | {"h": carry}


RNN = SimpleNamespace(forward=forward, backward=backward)


def case(T=4, B=2, sizes=SIZES):
    return Case.draw(by_hand.rnn(), sizes, T, B, np.random.default_rng(0))


def errors(gradients, drawn):
    return complex_step_errors(RNN, drawn, gradients), difference_errors(RNN, drawn, gradients)


@pytest.mark.parametrize(("T", "B"), [(4, 2), (0, 1), (1, 1), (6, 3)])
def test_a_right_backward_pass_is_below_every_threshold(T, B):
    drawn = case(T, B)
    exact, differences = errors(drawn.backward(RNN), drawn)
    assert set(exact) == set(differences) == {"W", "U", "b", "x", "h"}
    assert max(exact.values()) <= THRESHOLDS["complex_step"]
    assert max(differences.values()) <= THRESHOLDS["differences"]


@pytest.mark.parametrize("name", ["W", "U", "b", "x", "h"])
def test_one_wrong_entry_fails(name):
    drawn = case()
    gradients = drawn.backward(RNN)
    gradients[name] = gradients[name].copy()
    gradients[name].flat[-1] *= 1.0 + 1e-4
    for method, found in zip(("complex_step", "differences"), errors(gradients, drawn), strict=True):
        wrong = {key for key, error in found.items() if error > THRESHOLDS[method]}
        assert wrong == {name}


@pytest.mark.parametrize("spoil", [np.nan, np.inf])
def test_what_is_not_finite_fails(spoil):
    drawn = case()
    gradients = drawn.backward(RNN)
    gradients["b"] = gradients["b"] * spoil
    for found in errors(gradients, drawn):
        assert found["b"] == FAILED


def test_a_forward_pass_without_a_number_fails():
    drawn = case()
    gradients = drawn.backward(RNN)

    def broken(*arguments, **keywords):
        ys, final, cache = forward(*arguments, **keywords)
        return ys * np.nan, final, cache

    module = SimpleNamespace(forward=broken, backward=backward)
    assert set(complex_step_errors(module, drawn, gradients).values()) == {FAILED}
    assert set(difference_errors(module, drawn, gradients).values()) == {FAILED}


def test_a_missing_or_misshapen_gradient_fails():
    drawn = case()
    gradients = drawn.backward(RNN)
    del gradients["U"]
    gradients["W"] = gradients["W"].T
    for found in errors(gradients, drawn):
        assert {name for name, error in found.items() if error == FAILED} == {"U", "W"}


@pytest.mark.parametrize("drop", ["carry", "initial", "last"])
def test_a_wrong_backward_pass_fails(drop):
    def wrong(cache, d_ys, h=None):
        params, x, first, ys = cache
        if drop == "carry":
            return backward(cache, d_ys, np.zeros_like(h))
        if drop == "initial":
            return backward((params, x, np.zeros_like(first), ys), d_ys, h)
        return backward(cache, np.concatenate([d_ys[:-1], 0 * d_ys[-1:]]), h)

    drawn = case()
    gradients = drawn.backward(SimpleNamespace(forward=forward, backward=wrong))
    exact, differences = errors(gradients, drawn)
    assert max(exact.values()) > THRESHOLDS["complex_step"]
    assert max(differences.values()) > THRESHOLDS["differences"]


def test_large_arrays_are_sampled_and_one_wrong_row_is_found():
    drawn = case(T=2, B=1, sizes={"D": 21, "H": 23})
    gradients = drawn.backward(RNN)
    assert max(complex_step_errors(RNN, drawn, gradients).values()) <= THRESHOLDS["complex_step"]
    gradients["U"][5] *= 1.01
    assert complex_step_errors(RNN, drawn, gradients)["U"] > THRESHOLDS["complex_step"]


def test_relative_errors():
    one, two = np.array([1.0, 2.0]), np.array([1.0, 1.0])
    assert relative_error(one, one, 1.0) == 0.0
    assert relative_error(one, two, 1.0) == 0.5
    assert relative_error(np.zeros(2), np.zeros(2), 0.0) == 0.0
    assert relative_error(np.zeros(0), np.zeros(0), 0.0) == 0.0
    assert relative_error(one, np.ones(3), 1.0) == FAILED
    assert relative_error(one, np.array([1.0, np.nan]), 1.0) == FAILED
    assert relative_error(one, one, np.nan) == FAILED
    # Noise beside a gradient of 1 that vanishes by cancellation
    assert relative_error(np.array([1e-17]), np.array([-1e-17]), 1.0) == pytest.approx(2e-17 / ROUNDING)


def test_the_largest_entry_does_not_hide_what_is_not_a_number():
    assert largest_entry({"a": np.array([1.0, -3.0]), "b": np.zeros(0)}) == 3.0
    assert np.isnan(largest_entry({"a": np.array([np.nan]), "b": np.array([5.0])}))
    assert np.isnan(largest_entry({"a": np.array([5.0]), "b": np.array([np.nan])}))


def test_a_kink_within_the_step_is_no_error_and_a_wrong_gradient_is() -> None:
    cell = catalogue.find("irnn")
    case, module = standard_case(cell), load(numpy_target.module(differentiate(cell)), "irnn")
    still = {"W": 0 * case.given["W"], "U": 0 * case.given["U"], "b": np.full_like(case.given["b"], DIFFERENCE / 3)}
    case = replace(case, given={**case.given, **still})
    gradients = case.backward(module)
    assert max(difference_errors(module, case, gradients).values()) <= 1e-6
    wrong = {**gradients, "b": 1.01 * gradients["b"]}
    assert difference_errors(module, case, wrong)["b"] > 1e-3
