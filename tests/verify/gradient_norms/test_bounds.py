"""Real Jacobians never exceed the derived bounds; bounds with a mistake in them are exceeded."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from registry import RATED
from sympy import MatAdd, Rational

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.calculus.vanishing import Reach, reach
from derive.cell import Cell
from derive.nodes import Jacobian, Node, Quantity, add, coefficient, ones, scale, t
from derive.reader import read_equations
from derive.targets import TARGETS
from verify.gradient_norms.numbers import Steps, bounds, direct_norms, jacobians, value
from verify.numbers.case import Case
from verify.numbers.load import load
from verify.numbers.oracles import interpret, torch_gradients
from verify.truth.world import distinct_sizes

OTHERS = {
    "sigmoid": ([r"h_t = \sigma(W x_t + U h_{t-1} + b)"], []),
    "diagonal": ([r"h_t = \operatorname{ReLU}(W x_t + u \odot h_{t-1} + b)"], []),
    "leaky": ([r"h_t = 0.9 h_{t-1} + 0.1 \tanh(W x_t + U h_{t-1})"], []),
    "antisymmetric": (
        [r"h_t = h_{t-1} + \alpha \tanh(W x_t + (A - A^\top) h_{t-1} + b)"],
        [r"$\alpha \in \mathbb{R}$"],
    ),
    "softmax": ([r"h_t = \operatorname{softmax}(W x_t + U h_{t-1} + b)"], []),
    "peephole": (
        [
            r"i_t = \sigma(W_i x_t + U_i h_{t-1} + p \odot c_{t-1})",
            r"c_t = (1 - i_t) \odot c_{t-1} + i_t \odot \tanh(W x_t + U h_{t-1})",
            r"h_t = \tanh(c_t)",
        ],
        [],
    ),
}
CELLS = {**catalogue.cells(), **{name: read_equations(*given) for name, given in OTHERS.items()}}
STEPS = 6


def found_for(derivation: Derivation) -> Reach:
    found = reach(derivation)
    assert isinstance(found, Reach)
    return found


def drawn(cell: Cell, seed: int, spread: float) -> Case:
    """Random data, the parameters that a state is multiplied by times `spread`."""
    sizes = {str(letter): number for letter, number in distinct_sizes(cell).items()}
    case = Case.draw(cell, sizes, STEPS, 1, np.random.default_rng(seed))
    carried = {state.shape[0] for state in cell.states}
    scaled = {q.name: spread * case.given[q.name] for q in cell.parameters if set(q.shape) == carried}
    return replace(case, given={**case.given, **scaled})


SPREADS = (0.03, 0.3, 1.0, 3.0, 3.0, 1.0) if os.environ.get("BACKPROOF_FULL_FIGURES") else (0.03, 1.0, 3.0)
"""How far the drawn weights are from zero."""


@pytest.mark.parametrize("name", CELLS)
def test_no_jacobian_exceeds_its_bound(name: str) -> None:
    derivation = differentiate(CELLS[name])
    if isinstance(reach(derivation), str):
        assert name not in RATED
        assert any(state.shape[1] != 1 for state in derivation.cell.states)  # the one reason to have no bound here
        return
    found, module = found_for(derivation), load(TARGETS["numpy"].render(derivation, None, name))
    for seed, spread in enumerate(SPREADS):
        case = drawn(derivation.cell, seed, spread)
        run, real = Steps(derivation.program, case), jacobians(module, case)
        limits = bounds(found, run)
        norms = [np.linalg.norm(jacobian, 2) for jacobian in real]
        assert len(norms) == len(limits) == STEPS + 1
        assert all(norm <= limit * (1 + 1e-9) for norm, limit in zip(norms, limits, strict=True))
        assert_blocks_hold(found, derivation, case, real[1])


def assert_blocks_hold(found: Reach, derivation: Derivation, case: Case, first: np.ndarray) -> None:
    """Of the first step, every block's norm, the norms of its parts, and the bound on them, in this order."""
    run = Steps(derivation.program, replace(case, T=1))
    widths = np.cumsum([0, *(case.given[state.name].size for state in found.states)])
    at = {state.name: slice(*widths[k : k + 2]) for k, state in enumerate(found.states)}
    for block in found.blocks:
        real = np.linalg.norm(first[at[block.of.name], at[block.by.name]], 2)
        run.scope.now = dict(run.values[0])
        parts, limit = value(block.norms, run), value(block.bound, run)
        assert real <= parts * (1 + 1e-9) <= limit * (1 + 1e-8), (block.of, block.by)


@pytest.mark.parametrize("name", ["lstm", "gru", "gru_reset_after", "peephole"])
def test_a_direct_path_is_at_most_its_largest_gate(name: str) -> None:
    derivation = differentiate(CELLS[name])
    found, run = found_for(derivation), Steps(derivation.program, drawn(derivation.cell, 7, 1.0))
    assert found.direct
    carried = direct_norms(found, run)
    limit = max(value(path.bound, run) for path in found.direct)
    assert carried is not None
    assert all(norm <= limit**step * (1 + 1e-9) for step, norm in enumerate(carried))


def exceeded(derivation: Derivation, found: Reach) -> bool:
    module = load(TARGETS["numpy"].render(derivation, None, "broken"))
    for seed in range(3):
        case = drawn(derivation.cell, seed, 0.03)
        limits = bounds(found, Steps(derivation.program, case))
        norms = [np.linalg.norm(jacobian, 2) for jacobian in jacobians(module, case)]
        if any(norm > limit * (1 + 1e-9) for norm, limit in zip(norms, limits, strict=True)):
            return True
    return False


@pytest.mark.parametrize("name", ["lstm", "gru", "gru_reset_after", "leaky", "antisymmetric"])
def test_a_bound_without_the_direct_path_is_exceeded(name: str) -> None:
    derivation = differentiate(CELLS[name])
    found = found_for(derivation)

    def without(rate: Node) -> Node:
        terms = rate.args if isinstance(rate, MatAdd) else (rate,)
        kept = [term for term in terms if coefficient(term)[1] != ones(1, 1)]
        return add(*kept) if kept else scale(0, ones(1, 1))

    assert not exceeded(derivation, found)
    assert exceeded(derivation, replace(found, rates=tuple(map(without, found.rates))))


@pytest.mark.parametrize("name", ["rnn", "sigmoid", "diagonal"])
def test_a_bound_with_too_small_a_slope_is_exceeded(name: str) -> None:
    derivation = differentiate(CELLS[name])
    found = found_for(derivation)
    assert not exceeded(derivation, found)
    assert exceeded(derivation, replace(found, rates=(scale(Rational(1, 4), found.rate),)))


def test_jacobians_by_the_complex_step_are_those_of_torch() -> None:
    pytest.importorskip("torch", reason="torch is the judge here")
    derivation = differentiate(catalogue.find("lstm"))
    case = drawn(derivation.cell, 5, 1.0)
    module = load(TARGETS["numpy"].render(derivation, None, "lstm"))
    last = jacobians(module, case)[-1]
    seeds = {state.name: case.d_final[state.name] for state in derivation.cell.states}
    alone = replace(case, d_output=np.zeros_like(case.d_output))
    gradients = torch_gradients(alone)
    assert gradients is not None
    pulled = np.concatenate([seeds[state.name][0] for state in derivation.cell.states]) @ last
    wanted = np.concatenate([gradients[state.name][0] for state in derivation.cell.states])
    assert np.allclose(pulled, wanted, rtol=1e-11, atol=1e-14)


def test_the_derived_jacobian_is_the_real_one() -> None:
    derivation = differentiate(catalogue.find("gru"))
    case = replace(drawn(derivation.cell, 3, 1.0), T=1)
    module = load(TARGETS["numpy"].render(derivation, None, "gru"))
    run = Steps(derivation.program, case)
    (block,) = found_for(derivation).blocks
    run.scope.now = dict(run.values[0])
    assert Jacobian(block.of, block.by) == Jacobian(Quantity("h", *block.of.shape, t), block.of.at(t - 1))
    assert np.allclose(interpret(block.value, run.scope), jacobians(module, case)[1], rtol=1e-12)
