"""What the modules of heads have besides the losses: classes, weights, lengths, one loss for all steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_properties import assert_close, assert_refused, module, standard

from derive import catalogue
from verify.numbers.case import Case

SOFTMAX = "softmax_cross_entropy"
T, B = 4, 3
LENGTHS = np.array([2, 4, 0])
WEIGHTS = np.array([[0.5, 2.0, 1.0], [0.0, 1.5, 0.0], [3.0, 0.0, 1.0], [1.0, 0.25, 2.0]])
COUNTED = np.where(np.arange(T)[:, None] < LENGTHS, WEIGHTS, 0.0)


def run(case, d_losses=None, **keywords):
    """Losses, outputs and gradients of a head."""
    code, cell = module(case.cell.name), case.cell
    first, *rest = case.named(cell.inputs).items()
    losses, outputs, cache = code.forward(
        case.named(cell.parameters), first[1], **dict(rest), **case.functions, **keywords
    )
    return losses, outputs, code.backward(cache, d_losses)


def with_target(case: Case, target) -> Case:
    name = next(q.name for q in case.cell.targets)
    return replace(case, given={**case.given, name: target})


def weighted(case, weights):
    """Losses and gradients with what J asks of each loss given by hand."""
    losses, _, gradients = run(case, weights)
    return losses * weights, gradients


@pytest.mark.parametrize(
    ("keywords", "counted"),
    [
        ({"weights": WEIGHTS}, WEIGHTS),
        ({"weights": WEIGHTS > 1}, (WEIGHTS > 1).astype(float)),
        ({"weights": np.ones((T, B), int)}, np.ones((T, B))),
        ({"weights": WEIGHTS, "lengths": LENGTHS}, COUNTED),
        ({"lengths": LENGTHS}, (COUNTED > -1) * (np.arange(T)[:, None] < LENGTHS)),
    ],
    ids=["weights", "mask", "ones", "weights and lengths", "lengths"],
)
def test_each_loss_counts_by_its_weight(head, keywords, counted):
    case = standard(head)
    counted = counted.astype(float)
    by_hand, wanted = weighted(case, counted)
    losses, _, gradients = run(case, **keywords)
    assert_close({"losses": losses}, {"losses": by_hand})
    assert_close(gradients, wanted)
    asked = np.where(counted == 0, np.nan, 1.0)
    assert_close(run(case, asked, **keywords)[2], gradients, 0.0)
    assert not losses[counted == 0].any()
    first = next(q.name for q in head.inputs)
    assert not gradients[first][counted == 0].any(), "exactly zero"

    total, _, of_sum = run(case, reduction="sum", **keywords)
    assert total == pytest.approx(by_hand.sum(), rel=1e-13)
    assert_close(of_sum, wanted)
    mean, _, of_mean = run(case, reduction="mean", **keywords)
    assert mean == pytest.approx(by_hand.sum() / counted.sum(), rel=1e-13)
    assert_close(of_mean, weighted(case, counted / counted.sum())[1])
    scaled = run(case, np.array(-2.5), reduction="mean", **keywords)[2]
    assert_close(scaled, weighted(case, -2.5 * counted / counted.sum())[1])


def test_the_plain_mean_is_that_of_all_steps(head):
    case = standard(head)
    losses, _, _ = run(case)
    mean, _, gradients = run(case, reduction="mean")
    assert mean == pytest.approx(losses.mean(), rel=1e-13)
    assert_close(gradients, weighted(case, np.full((T, B), 1 / (T * B)))[1])


@pytest.mark.parametrize("lengths", [np.zeros(B, int), None])
def test_a_mean_over_no_step_is_zero(head, lengths):
    case = standard(head, T=4 if lengths is not None else 0)
    mean, _, gradients = run(case, reduction="mean", lengths=lengths)
    assert mean == 0.0
    assert not any(np.any(value) for value in gradients.values())


def test_what_does_not_count_may_be_anything(head):
    case = standard(head)
    past = np.arange(T)[:, None] >= LENGTHS
    spoilt = {q.name: case.given[q.name].copy() for q in head.inputs}
    weights = WEIGHTS.copy()
    for array in (*spoilt.values(), weights):
        array[past] = np.nan
    other = replace(case, given={**case.given, **spoilt})
    for reduction in (None, "mean"):
        wanted = run(case, lengths=LENGTHS, weights=WEIGHTS, reduction=reduction)
        got = run(other, lengths=LENGTHS, weights=weights, reduction=reduction)
        assert np.array_equal(got[0], wanted[0])
        assert_close(got[1], wanted[1], 0.0)
        assert_close(got[2], wanted[2], 0.0)


def test_float32_stays_float32(head):
    case = standard(head).cast(np.float32)
    for reduction in (None, "mean"):
        losses, _, gradients = run(case, weights=WEIGHTS, lengths=LENGTHS, reduction=reduction)
        assert {np.asarray(a).dtype for a in (losses, *gradients.values())} == {np.dtype(np.float32)}


@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_an_index_is_its_one_hot_target(dtype):
    case = standard(catalogue.find(SOFTMAX))
    K = case.sizes["K"]
    classes = np.random.default_rng(0).integers(K, size=(T, B)).astype(dtype)
    hot, indexed = with_target(case, np.eye(K)[classes]), with_target(case, classes)
    assert_close({"L": run(indexed)[0]}, {"L": run(hot)[0]}, 0.0)
    assert_close(run(indexed)[2], run(hot)[2], 0.0)
    code, params = module(SOFTMAX), case.named(case.cell.parameters)
    losses, _, cache = code.step(params, case.given["h"][1], classes[1])
    assert_close({"L": losses}, {"L": run(hot)[0][1]})
    assert_close({"h": code.step_backward(cache)["h"]}, {"h": run(hot)[2]["h"][1]})


def test_past_the_end_any_index_may_stand():
    case = standard(catalogue.find(SOFTMAX))
    classes = np.where(np.arange(T)[:, None] < LENGTHS, 1, -100)
    ones = with_target(case, np.ones((T, B), int))
    assert_close(
        run(with_target(case, classes), lengths=LENGTHS)[2], run(ones, lengths=LENGTHS)[2], 0.0
    )
    assert_refused(lambda: run(with_target(case, classes)), "y[0, 2] is -100", "from 0 to")


def test_bad_targets_weights_and_reductions_are_refused(head):
    case = standard(head)
    assert_refused(lambda: run(case, weights=np.ones(B)), "weights", (B,), (T, B))
    assert_refused(lambda: run(case, weights=np.full((T, B), "1")), "weights", "<U1")
    assert_refused(lambda: run(case, reduction="average"), "reduction", "'average'", "'mean'")
    assert_refused(lambda: run(case, np.ones((T, B)), reduction="sum"), "d_losses", (T, B), "expected ()")
    if head.name == SOFTMAX:
        K = case.sizes["K"]
        assert_refused(lambda: run(with_target(case, np.full((T, B), K))), f"y[0, 0] is {K}", f"from 0 to {K - 1}")
        assert_refused(lambda: run(with_target(case, np.zeros((B, T), int))), "y", (B, T), "(T, B)")
    else:
        assert_refused(lambda: run(with_target(case, np.zeros((T, B), int))), "y", "int64")


def test_as_torch_counts():
    torch = pytest.importorskip("torch", reason="torch is not installed: the extra 'oracles' has it")
    case = standard(catalogue.find(SOFTMAX))
    classes = np.random.default_rng(1).integers(case.sizes["K"], size=(T, B))
    tensors = {name: torch.tensor(case.given[name], requires_grad=True) for name in ("V", "c", "h")}
    logits = tensors["h"] @ tensors["V"].T + tensors["c"]
    padded = torch.tensor(np.where(np.arange(T)[:, None] < LENGTHS, classes, -100))
    mean = torch.nn.functional.cross_entropy(logits.flatten(0, 1), padded.flatten())
    mean.backward()
    got, _, gradients = run(with_target(case, classes), lengths=LENGTHS, reduction="mean")
    assert got == pytest.approx(mean.item(), rel=1e-13)
    assert_close(gradients, {name: tensor.grad.numpy() for name, tensor in tensors.items()})
