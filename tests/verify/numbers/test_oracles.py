from __future__ import annotations

import by_hand
import numpy as np
import pytest
from sympy.matrices.expressions.inverse import Inverse

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.nodes import CLOSED_SET
from derive.reader import read_equations
from derive.targets import numpy as numpy_target
from verify.numbers import oracles
from verify.numbers.case import Case
from verify.numbers.evidence import THRESHOLDS, errors_against, standard_case
from verify.numbers.load import load
from verify.numbers.numeric import relative_error
from verify.truth.field import UnsupportedError

TORCH, JAX = "torch is not installed", "JAX is not installed"
T, B, D, H = 5, 3, 2, 4


def module(name):
    return load(numpy_target.module(differentiate(catalogue.find(name))), name)


def test_torch_and_jax_agree_on_every_hand_made_cell():
    pytest.importorskip("torch", reason=TORCH)
    pytest.importorskip("jax", reason=JAX)
    for cell in by_hand.CELLS:
        case = standard_case(cell)
        torch = oracles.torch_gradients(case)
        found = errors_against(torch, oracles.jax_gradients(case), case)
        assert max(found.values()) <= THRESHOLDS["torch"], cell.name


def test_the_interpreter_computes_the_equations():
    case = standard_case(by_hand.rnn())
    state, outputs = case.given["h"], []
    for x_t in case.given["x"]:
        state = np.tanh(x_t @ case.given["W"].T + state @ case.given["U"].T + case.given["b"])
        outputs.append(state)
    ys, final = oracles.values(case)
    np.testing.assert_allclose(ys, outputs, rtol=1e-14)
    np.testing.assert_allclose(final["h"], state, rtol=1e-14)


@pytest.mark.parametrize("steps", [0, 1])
def test_without_a_step_the_gradient_of_the_initial_state_is_that_of_the_final_one(steps):
    pytest.importorskip("torch", reason=TORCH)
    case = Case.draw(by_hand.rnn(), {"D": 2, "H": 3}, steps, 2, np.random.default_rng(0))
    found = oracles.torch_gradients(case)
    assert found["W"].shape == (3, 2)
    assert np.array_equal(found["h"], case.d_final["h"]) == (steps == 0)


@pytest.mark.parametrize("engine", [oracles.torch_gradients, oracles.jax_gradients])
@pytest.mark.parametrize("net", [-800.0, 800.0])
def test_a_gate_that_is_shut_or_open_has_gradients(engine, net):
    pytest.importorskip("torch", reason=TORCH)
    pytest.importorskip("jax", reason=JAX)
    case = standard_case(catalogue.find("gru"))
    case.given["b_z"] += net
    assert all(np.isfinite(found).all() for found in engine(case).values())


@pytest.mark.parametrize("net", [-800.0, 800.0])
def test_the_engines_softplus_of_large_numbers_is_finite(net):
    pytest.importorskip("torch", reason=TORCH)
    pytest.importorskip("jax", reason=JAX)
    case = standard_case(
        read_equations([r"h_t = \tanh(W x_t + U h_{t-1})", r"y_t = \operatorname{softplus}(V h_t + b)"])
    )
    case.given["b"] += net
    ys, _ = oracles.values(case)
    assert np.allclose(ys, max(net, 0), atol=40)
    for engine in (oracles.torch_gradients, oracles.jax_gradients):
        assert all(np.isfinite(found).all() for found in engine(case).values())


def test_an_open_function_is_the_one_chosen():
    pytest.importorskip("torch", reason=TORCH)
    cell, rng = by_hand.open_functions(), np.random.default_rng
    sizes = {"D": 2, "H": 3, "K": 5}
    plain = Case.draw(cell, sizes, 3, 2, rng(0))
    other = Case.draw(cell, sizes, 3, 2, rng(0), {"f": "sigmoid", "g": "identity"})
    assert plain.functions == {"f": "tanh", "g": "tanh"}
    assert not np.allclose(oracles.torch_gradients(plain)["U"], oracles.torch_gradients(other)["U"])


def test_an_engine_that_is_not_installed_gives_nothing(monkeypatch):
    monkeypatch.setattr(oracles, "imported", lambda name: None)
    case = standard_case(by_hand.rnn())
    assert oracles.torch_gradients(case) is None
    assert oracles.jax_gradients(case) is None
    assert errors_against({}, None, case) is None


@pytest.mark.parametrize(
    "node",
    [n for n in CLOSED_SET if n.__name__ not in {"Adjoint", "Jacobian", "TimeSum", "TimeProduct"}],
    ids=lambda n: n.__name__,
)
def test_every_node_of_an_equation_has_a_rule(node):
    assert oracles.interpret.dispatch(node) is not oracles.interpret.dispatch(object)


def test_an_unknown_node_is_named():
    with pytest.raises(UnsupportedError, match="Inverse"):
        oracles.interpret(Inverse(by_hand.U), oracles.Scope(oracles.NumPy(), standard_case(by_hand.rnn())))


# torch's own layers


def torch_layer(kind, x, states, blocks, d_ys, d_final):
    """Outputs and gradients of a torch layer whose weights are stacked from `blocks` = (W, b, U, c) of every gate."""
    torch = pytest.importorskip("torch", reason=TORCH)
    layer = getattr(torch.nn, kind)(D, H).double()
    stacks = [np.concatenate([gate[k] for gate in blocks]) for k in range(4)]
    names = ("weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0")
    with torch.no_grad():
        for name, value in zip(names, stacks, strict=True):
            getattr(layer, name).copy_(torch.tensor(value))
    inputs = torch.tensor(x, requires_grad=True)
    first = [torch.tensor(state[None], requires_grad=True) for state in states]
    ys, final = layer(inputs, tuple(first) if len(first) > 1 else first[0])
    finals = final if isinstance(final, tuple) else (final,)
    total = (ys * torch.tensor(d_ys)).sum()
    for value, seed in zip(finals, d_final, strict=True):
        total = total + (value[0] * torch.tensor(seed)).sum()
    total.backward()
    gradients = [np.split(getattr(layer, name).grad.numpy(), len(blocks)) for name in names]
    return (
        ys.detach().numpy(),
        [value[0].detach().numpy() for value in finals],
        inputs.grad.numpy(),
        [state.grad.numpy()[0] for state in first],
        gradients,
    )


GATES = {
    # Our names of (W, b, U, c) for each of torch's gates, in torch's order; None: torch has a second bias, we have not
    ("rnn", "RNN"): [("W", "b", "U", None)],
    ("lstm", "LSTM"): [(f"W_{k}", f"b_{k}", f"U_{k}", None) for k in "ifgo"],
    ("gru_reset_after", "GRU"): [(f"W_{k}", f"b_{k}", f"U_{k}", "c_n" if k == "n" else None) for k in "rzn"],
}


@pytest.mark.parametrize(("ours", "theirs"), GATES, ids=[name for name, _ in GATES])
def test_generated_modules_compute_what_torch_layers_compute(ours, theirs):
    gates = GATES[ours, theirs]
    generated, cell = module(ours), catalogue.find(ours)
    case = Case.draw(cell, {"D": D, "H": H}, T, B, np.random.default_rng(1))
    given = case.given
    blocks = [[given[name] if name else np.zeros(H) for name in gate] for gate in gates]
    states = [given[state] for state in generated.STATES]
    d_final = [case.d_final[state] for state in generated.STATES]
    ys, finals, d_x, d_first, weights = torch_layer(theirs, given["x"], states, blocks, case.d_output, d_final)
    outputs, final, _ = case.forward(generated)
    gradients = case.backward(generated)
    expected = {"x": d_x, **dict(zip(generated.STATES, d_first, strict=True))}
    for k, gate in enumerate(gates):
        expected |= {name: weights[place][k] for place, name in enumerate(gate) if name}
    assert set(expected) == set(gradients)
    for got, wanted in [
        (outputs, ys),
        *((final[state], value) for state, value in zip(generated.STATES, finals, strict=True)),
        *((gradients[name], value) for name, value in expected.items()),
    ]:
        assert relative_error(got, wanted, 0.0) <= THRESHOLDS["torch"]
