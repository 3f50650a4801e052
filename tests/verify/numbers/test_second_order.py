"""Hessian-vector products: symmetric to rounding, and the differences of gradients, for every cell and head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from derive import catalogue
from derive.cell import Cell
from derive.targets import generate
from verify import hessian_vector_product
from verify.numbers.case import Case
from verify.numbers.load import load


def _parts(case: Case):
    """Parameters, further arguments of forward, and what is asked."""
    cell = case.cell
    params = {name: case.given[name] for name in [*(q.name for q in cell.parameters), *(s for _, s in cell.starts)]}
    given = {q.name: case.given[q.name] for q in (*cell.inputs, *cell.states)} | dict(case.functions)
    if not any(q.time is not None for q in cell.inputs):
        given["T"] = case.T
    return params, given, case.d_output, case.d_final


def _drawn(cell: Cell, seed: int = 0) -> Case:
    return Case.draw(cell, {str(s): 2 + k % 3 for k, s in enumerate(cell.sizes)}, 3, 2, np.random.default_rng(seed))


def _direction(case: Case, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(case.given[name].shape) for name in case.differentiable}


def _inner(a, b) -> float:
    return sum(float(np.sum(a[name] * b[name])) for name in a)


def test_products_are_symmetric_and_differences_of_gradients(registered: Cell) -> None:
    case, module = _drawn(registered), load(generate(registered))
    u, v = _direction(case, 1), _direction(case, 2)
    params, given, d_ys, final = _parts(case)
    final = final if registered.states else {}
    hu, hv = (hessian_vector_product(module, params, given, along, d_ys, final) for along in (u, v))
    assert all(np.isrealobj(value) and value.shape == case.given[name].shape for name, value in hv.items() if name in v)
    scale = max(1.0, *(float(np.abs(value).max()) for value in (*hu.values(), *hv.values())))
    assert abs(_inner(u, hv) - _inner(v, hu)) <= 1e-11 * scale * len(u)
    step = 3e-6
    ahead, behind = (
        replace(case, given={**case.given, **{name: case.given[name] + sign * step * v[name] for name in v}}).backward(
            module
        )
        for sign in (1, -1)
    )
    for name in v:
        np.testing.assert_allclose(hv[name], (ahead[name] - behind[name]) / (2 * step), atol=1e-5 * scale, rtol=1e-5)


def test_what_is_asked_may_depend_on_the_outputs() -> None:
    torch = pytest.importorskip("torch", reason="torch differentiates twice")
    case, module = _drawn(catalogue.find("rnn")), load(generate(catalogue.find("rnn")))
    v = _direction(case, 3)
    params, given, _, _ = _parts(case)
    found = hessian_vector_product(module, params, given, v, lambda ys: ys**3)
    tensors = {name: torch.tensor(case.given[name], requires_grad=True) for name in v}
    h, total = tensors["h"], 0
    weights = {q.name: tensors[q.name] for q in case.cell.parameters}
    matrices = sorted((name for name in weights if weights[name].ndim == 2), key=lambda name: name[0] != "W")
    inputs, states = (weights[name] for name in matrices)
    (bias,) = (weights[name] for name in weights if weights[name].ndim == 1)
    for x in tensors["x"]:
        h = torch.tanh(x @ inputs.T + h @ states.T + bias)
        total = total + (h**4).sum() / 4
    gradients = torch.autograd.grad(total, list(tensors.values()), create_graph=True)
    inner = sum((g * torch.tensor(v[name])).sum() for g, name in zip(gradients, tensors, strict=True))
    wanted = torch.autograd.grad(inner, list(tensors.values()))
    for name, value in zip(tensors, wanted, strict=True):
        np.testing.assert_allclose(found[name], value.numpy(), rtol=1e-11, atol=1e-13)


def test_a_name_that_is_none_is_refused() -> None:
    case, module = _drawn(catalogue.find("rnn")), load(generate(catalogue.find("rnn")))
    params, given, d_ys, final = _parts(case)
    with pytest.raises(ValueError, match="along has Q, expected names"):
        hessian_vector_product(module, params, given, {"Q": np.zeros(2)}, d_ys, final)
