"""Networks with a head in torch: parameters, outputs, losses and gradients are those of the NumPy module."""

from __future__ import annotations

import os
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from derive import catalogue
from derive.errors import InputError
from derive.networks.network import Direction, Network, Reads
from derive.reader import read_note
from derive.targets import generate
from verify.numbers.load import load
from verify.numbers.network import NetworkCase

torch = pytest.importorskip("torch", reason="the files are torch's")

LIMIT = 1e-12
LENGTHS = np.array([3, 0, 4])
EVERY = [(head, direction, reads) for head in catalogue.names("heads") for direction in Direction for reads in Reads]
FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
CELLS = catalogue.names() if FULL else ["gru", "mlstm"]
COMBINATIONS = EVERY if FULL else EVERY[::5]


@cache
def _files(network: Network) -> tuple[ModuleType, ModuleType]:
    return load(generate(network, "torch"), "theirs"), load(generate(network), "ours")


def _network(cell: str, head: str, direction: Direction = Direction.FORWARD, reads: Reads = Reads.EVERY_STEP) -> Network:
    return Network.of(catalogue.find(cell), layers=2, direction=direction, head=catalogue.find(head), reads=reads)


def _made(network: Network, case: NetworkCase, **options: Any) -> Any:
    """The torch network with the parameters of a case."""
    theirs, ours = _files(network)
    (kind,) = (value for name, value in vars(theirs).items() if name.endswith("Network"))
    opened = {f.base: "tanh" for f in (*network.cell.open_functions, *network.loss.open_functions)}  # type: ignore[union-attr]
    made = kind(**case.sizes, **opened, dtype=torch.float64, **options)
    assert {name: tuple(p.shape) for name, p in made.named_parameters()} == {
        name: case.given[name].shape for name in ours.PARAMETERS
    }
    made.load_state_dict({name: torch.tensor(case.given[name]) for name in ours.PARAMETERS})
    return made


def _away(found: Any, wanted: Any) -> float:
    return float(np.abs(np.asarray(found) - wanted).max() / max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(("loss_of", "direction", "reads"), COMBINATIONS)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
def test_everything_is_as_in_the_numpy_module(
    name: str, loss_of: str, direction: Direction, reads: Reads, lengths: Any
) -> None:
    network = _network(name, loss_of, direction, reads)
    case = NetworkCase.drawn(network, 4, 3, np.random.default_rng(0), lengths)
    made, (_, ours) = _made(network, case), _files(network)
    params = {name: case.given[name] for name in ours.PARAMETERS}
    states = {q.name: case.given[q.name] for q in network.states}
    targets = list((case.targets or {}).values())
    ys, _, kept = ours.forward(params, case.given["x"], **states, lengths=lengths, **case.functions)
    x = torch.tensor(case.given["x"], requires_grad=True)
    within = None if lengths is None else torch.tensor(lengths)
    outputs, _ = made(x, **{name: torch.tensor(value) for name, value in states.items()}, lengths=within)
    assert _away(outputs.detach(), ys) <= LIMIT
    assert _away(made.predict(outputs).detach(), ours.predict(ys)) <= LIMIT
    weights = np.random.default_rng(1).uniform(0, 1, ys.shape[:-1])
    steps = case.one_step
    for reduction in ("sum", "mean"):
        own = {"weights": weights, "reduction": reduction, **({} if steps else {"lengths": lengths})}
        J, d_ys, _ = ours.loss(ys, *targets, **own)
        gradients = ours.backward(kept, d_ys)
        own = {**own, "weights": torch.tensor(weights), **({} if steps else {"lengths": within})}
        made.zero_grad()
        x.grad = None
        loss = made.loss(outputs, *map(torch.tensor, targets), **own)
        loss.backward(retain_graph=True)
        assert _away(loss.detach(), J) <= LIMIT
        for name, found in {"x": x, **dict(made.named_parameters())}.items():
            assert _away(found.grad, gradients[name]) <= LIMIT, name


@pytest.mark.parametrize("name", catalogue.names("heads") if FULL else ["softmax_cross_entropy", "squared_error"])
def test_gradients_and_their_gradients_are_derivatives(name: str) -> None:
    network = _network("rnn", name, reads=Reads.LAST_STEP if name == "squared_error" else Reads.EVERY_STEP)
    case = NetworkCase.drawn(network, 2, 2, np.random.default_rng(0))
    made = _made(network, case)
    (target,) = map(torch.tensor, (case.targets or {}).values())
    x = torch.tensor(case.given["x"], requires_grad=True)

    def J(x: Any, *params: Any) -> Any:
        given = dict(zip(dict(made.named_parameters()), params, strict=True))
        names = {"x": x}
        return torch.func.functional_call(_Loss(made), {f"own.{k}": v for k, v in given.items()}, (names["x"], target))

    params = [p.detach().clone().requires_grad_() for p in made.parameters()]
    assert torch.autograd.gradcheck(J, (x, *params))
    assert torch.autograd.gradgradcheck(J, (x, *params))


class _Loss(torch.nn.Module):
    """The loss of the outputs as one call."""

    def __init__(self, own: Any) -> None:
        super().__init__()
        self.own = own

    def forward(self, x: Any, target: Any) -> Any:
        return self.own.loss(self.own(x)[0], target, reduction="mean")


def test_the_derived_backward_pass_is_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    network = _network("rnn", "softmax_cross_entropy")
    theirs, _ = _files(network)
    case = NetworkCase.drawn(network, 2, 2, np.random.default_rng(0))
    made, seen = _made(network, case), []
    for name in ("_readout_backward", "_loss_backward"):
        own = getattr(theirs, name)
        monkeypatch.setattr(theirs, name, lambda *given, own=own, name=name: (seen.append(name), own(*given))[1])
    (target,) = map(torch.tensor, (case.targets or {}).values())
    made.loss(made(torch.tensor(case.given["x"]))[0], target).backward()
    assert seen == ["_loss_backward", "_readout_backward"]


def test_classes_batches_first_and_what_does_not_fit() -> None:
    network = _network("lstm", "softmax_cross_entropy")
    case = NetworkCase.drawn(network, 4, 3, np.random.default_rng(0), LENGTHS)
    made, first = _made(network, case), _made(network, case, batch_first=True)
    x, K = torch.tensor(case.given["x"]), case.sizes["K"]
    classes = torch.arange(12).reshape(4, 3) % K
    one_hot = torch.nn.functional.one_hot(classes, K).double()
    lengths = torch.tensor(LENGTHS)
    ys, _ = made(x, lengths=lengths)
    J = made.loss(ys, one_hot, lengths=lengths)
    assert torch.equal(made.loss(ys, classes, lengths=lengths), J)
    past = torch.where(torch.arange(4)[:, None] < lengths, classes, -100)  # any index may stand past the end
    assert torch.equal(made.loss(ys, past, lengths=lengths), J)
    turned, _ = first(x.transpose(0, 1), lengths=lengths)
    assert torch.allclose(turned.transpose(0, 1), ys)
    assert torch.allclose(first.loss(turned, classes.T, lengths=lengths), J)
    with pytest.raises(ValueError, match="class"):
        made.loss(ys, past)
    with pytest.raises(ValueError, match="y has shape"):
        made.loss(ys, one_hot[..., :-1])
    with pytest.raises(ValueError, match="weights has shape"):
        made.loss(ys, classes, weights=torch.ones(4, 2))
    with pytest.raises(ValueError, match="reduction"):
        made.loss(ys, classes, reduction="none")


def test_half_precision_keeps_the_loss_in_single() -> None:
    network = _network("rnn", "softmax_cross_entropy")
    theirs, _ = _files(network)
    made = theirs.RNNNetwork(D=2, H=3, K=4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ys, _ = made(torch.randn(3, 2, 2))
        loss = made.loss(ys, torch.zeros(3, 2, dtype=torch.long))
    assert ys.dtype == torch.bfloat16
    assert loss.dtype == torch.float32
    loss.backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in made.parameters())


def test_a_function_of_one_name_with_two_meanings_is_refused() -> None:
    cell = read_note("# Own\n\n$$ h_t = q(W x_t + U h_{t-1}) $$\n\nwhere $q(a) = a \\tanh(a)$", "own.md")
    note = "# Head\n\n$$ z_t = q(V h_t) $$\n$$ L_t = \\frac{1}{2} \\lVert y_t - z_t \\rVert^2 $$\n\n"
    note += "where $q(a) = a + \\tanh(a)$\n\ninput: $h_t$\ntarget: $y_t$\noutput: $L_t$\n"
    with pytest.raises(InputError, match="in two ways"):
        generate(Network.of(cell, head=read_note(note, "head.md")), "torch")
