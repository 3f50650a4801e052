"""float32 at both ends: values and gradients are finite wherever the true ones are."""

from __future__ import annotations

import numpy as np
import pytest

from derive import functions
from derive.calculus.adjoint import differentiate
from derive.reader import read_note
from derive.targets import numpy as numpy_target
from verify.numbers.load import load

DECLARED = {
    "silu": r"\phi(a) = a \sigma(a)",
    "silu, written out": r"\phi(a) = \frac{a}{1 + e^{-a}}",
    "elu": r"\phi(a) = \max(0, a) + \min(0, \exp(a) - 1)",
    "mish": r"\phi(a) = a \tanh(\log(1 + \exp(a)))",
    "hard sigmoid": r"\phi(a) = \min(1, \max(0, 0.2 a + 0.5))",
    "clip": r"\phi(a) = \max(-1, \min(1, a))",
    "gelu": r"\phi(a) = \frac{1}{2} a (1 + \tanh(0.8 (a + 0.04 a^3)))",
    "step": r"\phi(a) = a^2 \operatorname{Heaviside}(a)",
}
WRITTEN = {
    "sigmoid": r"\frac{1}{1 + e^{-a_t}}",
    "sigmoid below": r"\frac{e^{a_t}}{1 + e^{a_t}}",
    "its product": r"\frac{1}{1 + e^{-a_t}} \odot h_{t-1}",
    "softplus": r"\log(1 + \exp(a_t))",
    "softplus of the opposite": r"\log(\exp(-a_t) + 1)",
    "tanh": r"\frac{e^{a_t} - e^{-a_t}}{e^{a_t} + e^{-a_t}}",
    "elu": r"\max(0, a_t) + \min(0, \exp(a_t) - 1)",
}
KNOWN = sorted(
    name
    for name, entry in functions.ENTRIES.items()
    if len(entry.function.body.variables) == 1
    and name not in {"exp", "log", "sqrt", "heaviside", "sign", "floor", "ceil", "round"}
)
CASES = {
    **{f"{name} (known)": (rf"\operatorname{{{name}}}(a_t)", "") for name in KNOWN},
    **{f"{name} (declared)": (r"\phi(a_t)", body) for name, body in DECLARED.items()},
    **{f"{name} (in an equation)": (term, "") for name, term in WRITTEN.items()},
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_finite_at_both_ends(name: str) -> None:
    term, declared = CASES[name]
    lines = ["# Mine", r"$$ a_t = A x_t $$", rf"$$ h_t = {term} + B h_{{t-1}} $$"]
    lines += [r"where $x_t \in \mathbb{R}^D$, $h_t \in \mathbb{R}^H$", "", "output: $h_t$", ""]
    lines += [f"where ${declared}$"] if declared else []
    module = load(numpy_target.module(differentiate(read_note("\n\n".join(lines)))))
    params = {"A": np.eye(6, dtype=np.float32), "B": np.zeros((6, 6), np.float32)}
    x = np.array([-300, -100, -20, 20, 100, 300], np.float32).reshape(1, 1, 6)
    h = np.full((1, 6), 0.5, np.float32)
    with np.errstate(all="ignore"):
        ys, _, cache = module.forward(params, x, h)
        grads = module.backward(cache, np.ones_like(ys))
        _, _, kept = module.step(params, x[0], h)
        one = module.step_backward(kept, np.ones_like(ys[0]))
    assert np.isfinite(ys).all(), ys
    for found in (grads, one):
        assert all(np.isfinite(value).all() for value in found.values()), found["x"]
    wide = [{key: value.astype(float) for key, value in params.items()}, x.astype(float), h.astype(float)]
    ys, _, cache = module.forward(*wide)
    assert np.allclose(module.backward(cache, np.ones_like(ys))["x"], grads["x"], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "loss",
    [
        r"-f_t^\top \log \sigma(l_t) - (1 - f_t)^\top \log(1 - \sigma(l_t))",
        r"-\mathbf{1}^\top (f_t \odot \log \sigma(l_t) + (1 - f_t) \odot \log(1 - \sigma(l_t)))",
        r"-f_t^\top \log \operatorname{softmax}(l_t)",
    ],
)
def test_the_gradient_of_a_loss_is_finite_at_both_ends(loss: str) -> None:
    lines = ["# Mine", r"$$ h_t = A x_t + B h_{t-1} $$", r"$$ l_t = F h_t $$", rf"$$ L_t = {loss} $$"]
    lines += [r"where $x_t \in \mathbb{R}^D$, $h_t \in \mathbb{R}^H$", "target: $f_t$"]
    module = load(numpy_target.module(differentiate(read_note("\n\n".join(lines)))))
    params = {"A": np.eye(6), "B": np.zeros((6, 6)), "F": np.eye(6)}
    x = np.array([-900.0, -100, -20, 20, 100, 900]).reshape(1, 1, 6)
    with np.errstate(all="ignore"):
        _, _, cache = module.forward(params, x, f=np.full((1, 1, 6), 0.25))
        grads = module.backward(cache, np.ones((1, 1)))
    assert all(np.isfinite(grad).all() for grad in grads.values()), grads
