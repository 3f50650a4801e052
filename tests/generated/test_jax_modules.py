"""The JAX target: for every cell the results of its NumPy module, and a function that JAX's own tools accept."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from test_lengths import ODD, ragged
from test_properties import assert_close, standard

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.errors import InputError
from derive.networks.network import Network
from derive.reader import read_equations, read_note
from derive.targets import generate
from derive.targets import numpy as numpy_target
from verify.numbers import frameworks
from verify.numbers.case import Case
from verify.numbers.load import load

jax = pytest.importorskip("jax", reason="the files are JAX's")
jax.config.update("jax_enable_x64", True)


@cache
def _files(name: str) -> tuple[ModuleType, ModuleType]:
    cell = catalogue.find(name)
    return load(generate(cell, "jax"), f"{name}_jax"), load(generate(cell), name)


def _agree(theirs: ModuleType, ours: ModuleType, case: Case) -> None:
    """Outputs, final states and gradients of both modules."""
    ys, final, found = frameworks.run("jax", theirs, case)
    outputs, ends, _ = case.forward(ours)
    assert_close({"ys": ys, **final}, {"ys": outputs, **ends})
    assert_close(found, case.backward(ours))


def test_results_are_those_of_the_numpy_module(rated: Cell) -> None:
    if not any(q.time is not None for q in rated.inputs):
        with pytest.raises(InputError, match="no input at a step|no jax module"):
            generate(rated, "jax")
        return
    if not rated.is_loss:
        _agree(*_files(rated.name), standard(rated, T=4, B=3))


@pytest.mark.parametrize("name", ["gru", "mlstm"])
def test_different_lengths(name: str) -> None:
    _agree(*_files(name), ragged(catalogue.find(name)))


@pytest.mark.parametrize("text", [text for text in ODD.values() if "target" not in text])
def test_odd_cells(text: str) -> None:
    cell = read_note(f"# Odd\n\n{text}", "odd.md")
    ours = load(numpy_target.module(differentiate(cell)), "odd")
    _agree(load(generate(cell, "jax"), "odd_jax"), ours, ragged(cell))


def test_gradients_of_gradients_and_compilation() -> None:
    theirs, _ = _files("gru")
    params = theirs.init(jax.random.key(0), D=3, H=4)
    x = jax.random.normal(jax.random.key(1), (5, 2, 3))

    def objective(params: Any) -> Any:
        return (theirs.forward(params, x)[0] ** 2).sum()

    def slope(params: Any, along: Any) -> Any:
        gradient = jax.grad(objective)(params)
        return sum((gradient[name] * along[name]).sum() for name in gradient)

    along = theirs.init(jax.random.key(2), D=3, H=4)
    found = jax.jit(jax.grad(slope))(params, along)
    step = 1e-5
    moved = [{name: params[name] + sign * step * along[name] for name in params} for sign in (1, -1)]
    above, below = map(jax.grad(objective), moved)
    for name, product in found.items():
        assert np.allclose(product, (above[name] - below[name]) / (2 * step), rtol=1e-6, atol=1e-8), name
    assert theirs.forward({k: v.astype("float32") for k, v in params.items()}, x.astype("float32"))[0].dtype == "float32"


def test_a_learned_start_has_a_gradient() -> None:
    theirs = load(generate(read_equations([r"s_0 = \theta", r"s_t = \tanh(W u_t + R s_{t-1})"]), "jax"), "start_jax")
    params = theirs.init(jax.random.key(0), D=2, H=3)
    u = jax.random.normal(jax.random.key(1), (4, 5, 2))
    found = jax.grad(lambda params: theirs.forward(params, u)[0].sum())(params)["theta"]
    before = jax.grad(lambda s: theirs.forward(params, u, s)[0].sum())(np.broadcast_to(params["theta"], (5, 3)))
    assert np.allclose(found, before.sum(axis=0), rtol=1e-12)


def test_what_does_not_fit_is_refused() -> None:
    theirs, _ = _files("lstm")
    params = theirs.init(jax.random.key(0), D=3, H=4)
    with pytest.raises(ValueError, match=r"W_i has shape \(4, 3\), expected \(H, D\) = \(4, 6\)"):
        theirs.forward(params, np.zeros((5, 2, 6)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="expected time, batch and features"):
        theirs.forward(params, np.zeros(3))
    with pytest.raises(ValueError, match=r"lengths has shape \(3,\)"):
        theirs.forward(params, np.zeros((5, 2, 3)), lengths=np.ones(3, int))
    with pytest.raises(InputError, match="no jax module of its own"):
        generate(catalogue.find("softmax_cross_entropy"), "jax")
    with pytest.raises(InputError, match="no JAX module yet"):
        generate(Network.of(catalogue.find("rnn"), layers=2), "jax")
