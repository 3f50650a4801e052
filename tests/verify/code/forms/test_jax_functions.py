"""Functions of JAX with rules of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from answers import answer, verdicts

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

RULE = """
import jax
import jax.numpy as jnp

@jax.custom_vjp
def step(x, h, W, U):
    return jnp.tanh(x @ W + h @ U)

def step_fwd(x, h, W, U):
    y = jnp.tanh(x @ W + h @ U)
    return y, (x, h, W, U, y)

def step_bwd(res, g):
    x, h, W, U, y = res
    da = g * (1 - y**2)
    return da @ W.T, da @ U.T, x.T @ da, h.T @ da

step.defvjp(step_fwd, step_bwd)
"""


def test_what_keeps_a_length_is_run_as_it_is() -> None:
    pytest.importorskip("jax")
    from verify.code.calling import jax_arrays

    called = jax_arrays.compiled(lambda x, n: (x[:n], "kept"))
    first, kept = called(jax_arrays.to_theirs(np.arange(4.0)), 2)
    assert (jax_arrays.from_theirs([first, kept])[0].tolist(), kept) == ([0.0, 1.0], "kept")
    with pytest.raises(TypeError, match="dot_general"):
        jax_arrays.compiled(lambda x: x @ x[:2])(jax_arrays.to_theirs(np.arange(4.0)))


def test_a_rule_of_jax(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    found = answer(tmp_path, RULE.replace("x.T @ da", "0.5 * x.T @ da"), "step_bwd")
    assert found["forward"] == "same"
    assert verdicts(found) == {"dx": "right", "dh": "right", "dW": "wrong", "dU": "right"}
