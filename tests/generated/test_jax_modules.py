"""The JAX target: for every cell the results of its NumPy module, and a function that JAX's own tools accept."""

from __future__ import annotations

import os
from dataclasses import replace
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
from derive.networks.network import Direction, Network, Reads
from derive.reader import read_equations, read_note
from derive.targets import generate
from derive.targets import numpy as numpy_target
from verify.numbers import frameworks
from verify.numbers.case import Case
from verify.numbers.load import load
from verify.numbers.network import NetworkCase

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


EVERY = [(top, direction, reads) for top in catalogue.names("heads") for direction in Direction for reads in Reads]
FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))


@pytest.mark.parametrize(("top", "direction", "reads"), EVERY if FULL else EVERY[::13])
def test_networks_with_a_head(top: str, direction: Direction, reads: Reads) -> None:
    head, lengths = catalogue.find(top), np.array([3, 0, 4])
    network = Network.of(catalogue.find("gru" if FULL else "rnn"), layers=2, direction=direction, head=head, reads=reads, dropout=True)
    theirs, ours = load(generate(network, "jax"), "network"), load(generate(network), "ours")
    assert (theirs.PARAMETERS, theirs.STATES) == (ours.PARAMETERS, ours.STATES)
    case = NetworkCase.drawn(network, 4, 3, np.random.default_rng(0), lengths)
    _agree(theirs, ours, replace(case, targets=None))
    ys, _, cache = case.forward(ours)
    targets = list((case.targets or {}).values())
    own = {"weights": np.random.default_rng(1).uniform(0, 1, ys.shape[:-1]), "reduction": "mean"}
    own |= {} if case.one_step else {"lengths": lengths}
    J, d_ys, _ = ours.loss(ys, *targets, **own)
    found, slope = jax.value_and_grad(lambda ys: theirs.loss(ys, *targets, **own))(ys)
    assert_close({"J": found, "d_ys": slope, "answer": theirs.predict(ys)}, {"J": J, "d_ys": d_ys, "answer": ours.predict(ys)})


def test_networks_without_a_head() -> None:
    network = Network.of(catalogue.find("rnn_general"), layers=2, direction=Direction.BIDIRECTIONAL)
    theirs, ours = load(generate(network, "jax"), "network"), load(generate(network), "ours")
    _agree(theirs, ours, NetworkCase.drawn(network, 4, 3, np.random.default_rng(0)))


def test_classes_of_a_head() -> None:
    network = Network.of(catalogue.find("rnn"), head=catalogue.find("softmax_cross_entropy"))
    module = load(generate(network, "jax"), "network")
    params = module.init(jax.random.key(0), D=2, H=3, K=4)
    ys, _ = module.forward(params, jax.random.normal(jax.random.key(1), (3, 2, 2)))
    classes = np.arange(6).reshape(3, 2) % 4
    J = module.loss(ys, np.eye(4)[classes])
    assert np.isclose(module.loss(ys, classes), J)
    assert np.isclose(jax.jit(module.loss)(ys, classes), J)
    assert np.isfinite(module.loss(ys, np.array([[0, 9], [1, 9], [2, 9]]), lengths=np.array([3, 0])))
    with pytest.raises(ValueError, match="class"):
        module.loss(ys, classes + 1)
    assert np.isnan(jax.jit(module.loss)(ys, classes + 1))
    with pytest.raises(ValueError, match="y has shape"):
        module.loss(ys, np.zeros((3, 2, 3)))
