"""Networks of every registered cell: the generated module against the equations, differentiated by other means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.errors import InputError
from derive.networks.layers import two_layers
from derive.networks.network import Direction, Network, Reads
from derive.targets.numpy import network_module
from verify.numbers.evidence import THRESHOLDS, errors_against
from verify.numbers.load import load
from verify.numbers.network import NetworkCase, forward_error, network_evidence, objective
from verify.numbers.numeric import difference_errors
from verify.numbers.oracles import gradients_by_torch
from verify.truth.proof import prove

LENGTHS = np.array([3, 0, 4])


def network_of(cell: Cell, **options) -> Network:
    head = catalogue.find_head("softmax", "cross-entropy")
    return Network.of(cell, **{"layers": 2, "direction": Direction.BIDIRECTIONAL, "head": head, **options})


def stacked(cell: Cell, **options) -> Network:
    """Two layers in both directions; in one where the output must be as long as the input, so that two do not fit."""
    try:
        return network_of(cell, **options)
    except InputError:
        assert cell.inputs[0].shape == cell.output.shape
        return network_of(cell, direction=Direction.FORWARD, **options)


def drawn(network: Network, lengths=None) -> NetworkCase:
    return NetworkCase.drawn(network, 4, 3, np.random.default_rng(1), lengths)


def test_the_gradients_of_every_cells_network_are_those_of_torch(cell: Cell) -> None:
    pytest.importorskip("torch", reason="torch is the judge here")
    for reads in Reads:
        network = stacked(cell, reads=reads, dropout=True)
        module = load(network_module(network))
        case = drawn(network, LENGTHS)
        found = case.backward(module)
        errors = errors_against(found, gradients_by_torch(case, objective), case)
        assert errors is not None
        assert set(errors) == {q.name for q in (*network.parameters, *cell.inputs, *network.states)}
        assert max(errors.values()) <= THRESHOLDS["torch"], errors
        assert forward_error(module, case) <= 1e-12


def test_layers_above_each_other_are_proved(cell: Cell) -> None:
    verdicts = prove(differentiate(two_layers(cell)))
    assert all(verdict.proved for verdict in verdicts.values())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rnn", {"layers": 1, "direction": Direction.REVERSE, "head": None}),
        ("gru", {"layers": 3, "direction": Direction.FORWARD, "dropout": True}),
        ("lstm", {"reads": Reads.LAST_STEP}),
    ],
)
def test_all_evidence_of_a_network(name: str, options) -> None:
    found = network_evidence(network_of(catalogue.find(name), **options))
    assert found.passed, {key: gradient.errors for key, gradient in found.gradients.items() if not gradient.passed}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('d_x_l1 = found_l1["x"] + turned(found_l1_reverse["x"], lengths)', 'd_x_l1 = found_l1["x"]'),
        ('d_y_l0_reverse = turned(met["b"], lengths)', 'd_y_l0_reverse = met["b"]'),
        ("d_ys = cut(d_ys, lengths)", "d_ys = d_ys"),
        ('own(params, "_l1_reverse")', 'own(params, "_l1")'),
        ("lengths - 1 - steps", "len(a) - 1 - steps"),
    ],
)
def test_a_mistake_in_what_joins_the_parts_shows(right: str, wrong: str) -> None:
    network = network_of(catalogue.find("rnn"))
    text = network_module(network)
    assert right in text
    case = drawn(network, LENGTHS)
    whole, broken = load(text), load(text.replace(right, wrong))
    assert max(difference_errors(whole, case, case.backward(whole)).values()) <= 1e-6
    assert forward_error(whole, case) <= 1e-12
    errors = difference_errors(broken, case, case.backward(broken))
    assert max(errors.values()) > 1e-3 or forward_error(broken, case) > 1e-3


def test_a_mask_that_is_not_given_changes_nothing() -> None:
    network = network_of(catalogue.find("gru"), dropout=True)
    module = load(network_module(network))
    case = drawn(network)
    ones = replace(case, masks={name: np.ones_like(mask) for name, mask in case.masks.items()})
    without = replace(case, masks={})
    for a, b in zip(ones.backward(module).values(), without.backward(module).values(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_padded_counts_for_nothing() -> None:
    network = network_of(catalogue.find("lstm"))
    module = load(network_module(network))
    case = drawn(network, LENGTHS)
    past = np.arange(case.T)[:, None] >= LENGTHS
    x, y = case.given["x"].copy(), case.targets["y"].copy()
    x[past] = np.nan
    y[past] = np.nan
    padded = replace(case, given={**case.given, "x": x}, targets={"y": y})
    whole, found = case.backward(module), padded.backward(module)
    for name, gradient in whole.items():
        np.testing.assert_array_equal(found[name], gradient, err_msg=name)
    assert np.all(found["x"][past] == 0)
    outputs = padded.forward(module)[0]
    assert np.all(outputs[past] == 0)
    mean, d_mean, _ = module.loss(outputs, y, lengths=LENGTHS, reduction="mean")
    total, d_total, _ = module.loss(outputs, y, lengths=LENGTHS)
    np.testing.assert_allclose(mean, total / LENGTHS.sum(), rtol=1e-14)
    np.testing.assert_allclose(d_mean, d_total / LENGTHS.sum(), rtol=1e-14)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda call: call["params"].pop("U_r_l1"), "params has no 'U_r_l1'"),
        (lambda call: call.update(x=call["x"][0]), r"x has shape \(3, \d+\), expected \(T, B, D\)"),
        (lambda call: call.update(h_l1=np.ones((2, 2))), r"h_l1 has shape \(2, 2\), expected \(B, H\)"),
        (lambda call: call.update(lengths=[1, 2, 9]), r"lengths\[2\] is 9, expected an integer from 0 to T = 4"),
        (lambda call: call.update(mask_l1=np.ones((4, 3, 1))), r"mask_l1 has shape \(4, 3, 1\), expected"),
    ],
)
def test_arrays_are_checked_at_the_door(change, message: str) -> None:
    network = network_of(catalogue.find("gru"), dropout=True)
    module = load(network_module(network))
    case = drawn(network)
    call = {"params": case.named(case.cell.parameters), "x": case.given["x"]}
    change(call)
    with pytest.raises(ValueError, match=message):
        module.forward(call.pop("params"), call.pop("x"), **call)


@pytest.mark.parametrize("reads", Reads)
def test_every_head_stands_on_a_network(head: Cell, reads: Reads) -> None:
    pytest.importorskip("torch", reason="torch is the judge here")
    network = network_of(catalogue.find("rnn"), head=head, reads=reads, layers=1)
    module = load(network_module(network))
    case = drawn(network, LENGTHS)
    errors = errors_against(case.backward(module), gradients_by_torch(case, objective), case)
    assert errors is not None
    assert max(errors.values()) <= THRESHOLDS["torch"], errors
    assert forward_error(module, case) <= 1e-12


def test_classes_stand_for_distributions() -> None:
    module = load(network_module(network_of(catalogue.find("gru"), reads=Reads.LAST_STEP)))
    rng = np.random.default_rng(5)
    ys, classes = rng.normal(size=(4, 3)), np.array([2, 0, 1, 2])
    weights = np.array([1.0, 0.5, 0.0, 2.0])
    by_class = module.loss(ys, classes, weights=weights, reduction="mean")
    by_row = module.loss(ys, np.eye(3)[classes], weights=weights, reduction="mean")
    assert by_class[0] == by_row[0]
    np.testing.assert_array_equal(by_class[1], by_row[1])


def test_a_wrong_reduction_is_told() -> None:
    network = network_of(catalogue.find("rnn"))
    module = load(network_module(network))
    with pytest.raises(ValueError, match="reduction is 'average', expected 'sum' or 'mean'"):
        module.loss(np.ones((2, 1, 3)), np.ones((2, 1, 3)), reduction="average")
