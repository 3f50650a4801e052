"""A state that starts from a parameter: the parameter's gradient is that of the initial state, where none is given."""

from __future__ import annotations

import numpy as np
import pytest

from derive.calculus.adjoint import differentiate
from derive.errors import InputError
from derive.reader import read_equations
from derive.targets import generate
from verify import evidence
from verify.numbers.load import load

EQUATIONS = [r"s_0 = \theta", r"s_t = \tanh(W u_t + R s_{t-1})"]


@pytest.fixture(scope="module")
def module():
    return load(generate(read_equations(EQUATIONS), "numpy", origin="test"))


def test_the_start_is_a_parameter_with_a_gradient(module):
    rng = np.random.default_rng(0)
    params = module.init(D=2, H=3, rng=rng)
    u, d_ys = rng.normal(size=(4, 5, 2)), rng.normal(size=(4, 5, 3))
    assert params["theta"].shape == (3,)
    ys, _, cache = module.forward(params, u)
    gradients = module.backward(cache, d_ys)
    given = np.broadcast_to(params["theta"], (5, 3)).copy()
    assert np.array_equal(ys, module.forward(params, u, given)[0])
    step = 1e-6
    for k in range(3):
        moved = [{**params, "theta": params["theta"] + sign * step * np.eye(3)[k]} for sign in (1, -1)]
        above, below = (np.sum(d_ys * module.forward(p, u)[0]) for p in moved)
        assert np.isclose(gradients["theta"][k], (above - below) / (2 * step), rtol=1e-7)
    assert np.allclose(gradients["theta"], gradients["s"].sum(axis=0), rtol=1e-12)


def test_where_a_state_is_given_the_start_receives_nothing(module):
    rng = np.random.default_rng(1)
    params = module.init(D=2, H=3, rng=rng)
    _, _, cache = module.forward(params, rng.normal(size=(4, 5, 2)), rng.normal(size=(5, 3)))
    assert not module.backward(cache, np.ones((4, 5, 3)))["theta"].any()


def test_what_cannot_be_a_start_is_refused():
    with pytest.raises(InputError, match="which the equations have too"):
        read_equations([r"s_0 = W", EQUATIONS[1]])
    with pytest.raises(InputError, match="another shape"):
        read_equations(EQUATIONS, [r"\theta \in \mathbb{R}^K", r"s_t \in \mathbb{R}^H"])


def test_a_torch_module_learns_the_start(module):
    torch = pytest.importorskip("torch", reason="the file is torch's")
    theirs = load(generate(read_equations(EQUATIONS), "torch", origin="test"))
    (made,) = (v for v in vars(theirs).values() if isinstance(v, type) and issubclass(v, torch.nn.Module))
    cell = made(D=2, H=3, dtype=torch.float64)
    params = {name: value.detach().numpy() for name, value in cell.named_parameters()}
    rng = np.random.default_rng(2)
    u, d_ys = rng.normal(size=(4, 5, 2)), rng.normal(size=(4, 5, 3))
    ys, _, cache = module.forward(params, u)
    wanted = module.backward(cache, d_ys)
    found, _ = cell(torch.from_numpy(u))
    found.backward(torch.from_numpy(d_ys))
    assert np.allclose(found.detach().numpy(), ys, rtol=1e-12)
    for name, value in cell.named_parameters():
        assert np.allclose(value.grad.numpy(), wanted[name], rtol=1e-12), name
    cell.zero_grad()
    cell(torch.from_numpy(u), torch.zeros(5, 3, dtype=torch.float64))[0].sum().backward()
    assert cell.theta.grad is None


def test_the_evidence_holds():
    assert evidence(read_equations(EQUATIONS)).passed


def test_no_equation_has_the_start():
    derivation = differentiate(read_equations(EQUATIONS))
    assert [g.of.name for g in derivation.gradients if g.of.name == "theta"] == []
