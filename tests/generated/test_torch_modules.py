"""The torch target: for every cell the results of its NumPy module, and a module that torch's own tools accept."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from derive import catalogue
from derive.cell import Cell
from derive.errors import InputError
from derive.networks.network import Direction, Network
from derive.targets import generate
from verify.numbers.load import load


torch = pytest.importorskip("torch", reason="the files are torch's")

ROOT = Path(__file__).parents[2]
T, B = 5, 4
LENGTHS = [None, np.array([5, 0, 3, 1]), np.arange(T)[:, None] < np.array([2, 5, 0, 4])]
TOLERANCE = 1e-12


@cache
def _files(name: str) -> tuple[ModuleType, ModuleType]:
    cell = catalogue.find(name)
    return load(generate(cell, "torch")), load(generate(cell))


def _class(module: ModuleType) -> Any:
    return next(v for v in vars(module).values() if isinstance(v, type) and issubclass(v, torch.nn.Module))


def _lengths_of(module: ModuleType, axes: tuple[str, ...], sizes: dict[str, int]) -> list[int]:
    return [module._length(axis, {**sizes, "T": T, "B": B}) for axis in axes]


def relative_error(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(found - wanted).max(initial=0) / max(1.0, np.abs(wanted).max(initial=0)))


def _sizes(cell: Cell) -> dict[str, int]:
    return {str(letter): 3 + k for k, letter in enumerate(cell.sizes)}


def _data(module: ModuleType, sizes: dict[str, int], rng: np.random.Generator) -> tuple[dict, dict]:
    inputs = {k: rng.uniform(0.1, 0.9, _lengths_of(module, axes, sizes)) for k, axes in module.INPUTS.items()}
    states = {k: rng.uniform(0.1, 0.9, _lengths_of(module, ("B", *axes), sizes)) for k, axes in module.STATES.items()}
    return inputs, states


def _tensors(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: torch.from_numpy(array).requires_grad_() for name, array in arrays.items()}


def _called(module: Any, inputs: dict, states: dict, **more: Any) -> Any:
    first, *others = inputs
    return module(inputs[first], **states, **{name: inputs[name] for name in others}, **more)


@pytest.mark.parametrize("lengths", LENGTHS, ids=["full", "lengths", "mask"])
def test_results_are_those_of_the_numpy_module(cell: Cell, lengths: np.ndarray | None) -> None:
    theirs, ours = _files(cell.name)
    sizes, rng = _sizes(cell), np.random.default_rng(5)
    params = ours.init(**sizes, rng=rng)
    module = _class(theirs)(**sizes, dtype=torch.float64)
    assert dict(theirs.PARAMETERS) == dict(ours.PARAMETERS)
    assert dict(theirs.STATES) == dict(ours.STATES)
    module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in params.items()})
    inputs, states = _data(theirs, sizes, rng)
    ys, final, cache = _called(lambda x, **more: ours.forward(params, x, **more), inputs, states, lengths=lengths)
    d_ys = rng.normal(size=ys.shape)
    d_final = {name: rng.normal(size=value.shape) for name, value in final.items()}
    wanted = ours.backward(cache, d_ys, **d_final)

    given, starts = _tensors(inputs), _tensors(states)
    outputs, ends = _called(module, given, starts, lengths=lengths)
    asked = [torch.from_numpy(d) for d in (d_ys, *d_final.values())]
    torch.autograd.backward([outputs, *ends.values()], asked)
    found = {name: a.grad.numpy() for name, a in {**dict(module.named_parameters()), **given, **starts}.items()}
    assert relative_error(outputs.detach().numpy(), ys) < TOLERANCE
    for name, end in ends.items():
        assert relative_error(end.detach().numpy(), final[name]) < TOLERANCE, name
    assert set(found) == set(wanted)
    for name, gradient in wanted.items():
        assert relative_error(found[name], gradient) < TOLERANCE, name


@pytest.mark.parametrize("name", ["lstm", "rnn_general"])
def test_torch_finds_the_gradients_right_to_second_order(name: str) -> None:
    theirs, _ = _files(name)
    sizes = {letter: 2 + k for k, letter in enumerate(_sizes(catalogue.find(name)))}
    module = _class(theirs)(**sizes, dtype=torch.float64)
    axes = [*theirs.INPUTS.values(), *(("B", *axes) for axes in theirs.STATES.values())]
    rng = np.random.default_rng(1)
    lengths = torch.tensor([3, 1])
    given = [rng.uniform(0.1, 0.9, [theirs._length(a, {**sizes, "T": 3, "B": 2}) for a in one]) for one in axes]
    tensors = [*(torch.from_numpy(a).requires_grad_() for a in given), *module.parameters()]

    def outputs(*tensors: Any) -> tuple[Any, ...]:
        parameters = dict(zip(theirs.PARAMETERS, tensors[len(given) :], strict=True))
        ys, final = torch.func.functional_call(module, parameters, tensors[: len(given)], {"lengths": lengths})
        return (ys, *final.values())

    assert torch.autograd.gradcheck(outputs, tensors, check_undefined_grad=False)
    assert torch.autograd.gradgradcheck(outputs, tensors, check_undefined_grad=False)


@pytest.mark.parametrize("name", ["lstm", "mlstm"])
def test_compile_and_export_keep_the_results(name: str) -> None:
    theirs, _ = _files(name)
    sizes = _sizes(catalogue.find(name))
    module = _class(theirs)(**sizes, dtype=torch.float64)
    inputs, _ = _data(theirs, sizes, np.random.default_rng(2))
    (x,) = _tensors(inputs).values()
    plain, _ = module(x)
    (plain**2).sum().backward()
    wanted = [a.grad.clone() for a in (x, *module.parameters())]
    module.zero_grad()
    x.grad = None
    compiled, _ = torch.compile(module, backend="aot_eager", fullgraph=True)(x)
    (compiled**2).sum().backward()
    for found, gradient in zip((x, *module.parameters()), wanted, strict=True):
        torch.testing.assert_close(found.grad, gradient)
    steps = torch.export.Dim("steps", min=2)
    exported = torch.export.export(module, (x.detach(),), dynamic_shapes={"x": {0: steps}}).module()
    longer = torch.cat([x, x]).detach()
    torch.testing.assert_close(exported(longer)[0], module(longer)[0])


@pytest.mark.filterwarnings("ignore:.*jit.script.*:DeprecationWarning")  # torch's own, of forward mode
def test_transforms_of_torch_func_see_the_equations() -> None:
    theirs, _ = _files("gru")
    module = _class(theirs)(D=2, H=3, dtype=torch.float64)
    x = torch.rand(4, 2, 2, dtype=torch.float64)

    def loss(x: Any) -> Any:
        return module(x)[0].square().sum()

    wanted = torch.autograd.functional.hessian(loss, x)
    assert torch.allclose(torch.func.hessian(loss)(x), wanted, atol=1e-13)
    many = torch.stack([x, 2 * x])
    each = torch.func.vmap(torch.func.grad(loss))(many)
    for one, found in zip(many, each, strict=True):
        one = one.clone().requires_grad_()
        loss(one).backward()
        assert torch.allclose(found, one.grad, atol=1e-13)


def test_a_run_imports_nothing() -> None:
    code = "import sys, torch\nfrom made import *\nn = len(sys.modules)\n{}\nassert len(sys.modules) == n"
    run = "net = GRU(D=2, H=3)\nys, _ = net(torch.rand(3, 2, 2))\nys.sum().backward()"
    with TemporaryDirectory() as folder:
        Path(folder, "made.py").write_text(generate(catalogue.find("gru"), "torch"), encoding="utf-8")
        subprocess.run([sys.executable, "-c", code.format(run)], cwd=folder, check=True)


def test_batch_first_no_steps_one_example_and_other_dtypes() -> None:
    theirs, _ = _files("lstm")
    make = _class(theirs)
    module = make(D=3, H=5, batch_first=True, dtype=torch.float64)
    assert str(module) == "LSTM(D=3, H=5)"
    timed = make(D=3, H=5, dtype=torch.float64)
    timed.load_state_dict(module.state_dict())
    x = torch.rand(2, 7, 3, dtype=torch.float64)
    torch.testing.assert_close(module(x)[0], timed(x.transpose(0, 1))[0].transpose(0, 1))
    ys, final = timed(x[:, :0].transpose(0, 1).requires_grad_())
    assert ys.shape == (0, 2, 5)
    assert not final["c"].any()
    (final["h"].sum() + ys.sum()).backward()
    assert make(D=3, H=5)(torch.rand(4, 1, 3))[0].dtype == torch.float32
    single = make(D=3, H=5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ys, _ = single(torch.rand(4, 2, 3))
    assert ys.dtype == torch.bfloat16
    ys.float().sum().backward()
    assert single.W_i.grad.dtype == torch.float32


@pytest.mark.parametrize(
    ("x", "more", "words"),
    [
        (torch.rand(4, 2, 6), {}, r"x has shape \(4, 2, 6\), expected \(T, B, D\) = \(4, 2, 3\)"),
        (torch.rand(4), {}, "expected time, batch and features"),
        (torch.rand(4, 2, 3, dtype=torch.float64), {}, "x is torch.float64 on cpu, expected torch.float32"),
        (torch.rand(4, 2, 3), {"h": torch.rand(1, 5)}, "h has shape"),
        (torch.rand(4, 2, 3), {"lengths": torch.tensor([5, 1])}, "expected integers from 0 to T = 4"),
        (torch.rand(4, 2, 3), {"lengths": torch.tensor([1.0, 2.0])}, "expected integers of shape"),
    ],
)
def test_what_does_not_fit_is_refused_at_the_door(x: Any, more: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        _class(_files("lstm")[0])(D=3, H=5)(x, **more)


@pytest.mark.parametrize("name", ["lstm", "gru", "mlstm"])
def test_nothing_that_is_passed_in_is_written_to(name: str) -> None:
    theirs, _ = _files(name)
    sizes = _sizes(catalogue.find(name))
    module = _class(theirs)(**sizes, dtype=torch.float64)
    inputs, states = map(_tensors, _data(theirs, sizes, np.random.default_rng(4)))
    ys, final = _called(module, inputs, states)
    given = [*inputs.values(), *states.values(), *module.parameters()]
    asked = [torch.rand_like(a) for a in (ys, *final.values())]
    before = [a.detach().clone() for a in (*given, *asked)]
    once = torch.autograd.grad([ys, *final.values()], given, asked, retain_graph=True)
    again = torch.autograd.grad([ys, *final.values()], given, asked)
    for a, unchanged in zip((*given, *asked), before, strict=True):
        assert torch.equal(a.detach(), unchanged)
    assert all(map(torch.equal, once, again))


def test_an_open_function_is_chosen_by_its_name() -> None:
    theirs, ours = _files("rnn_general")
    opened = [function.name for function in catalogue.find("rnn_general").open_functions]
    choice = dict.fromkeys(opened, "relu")
    sizes = _sizes(catalogue.find("rnn_general"))
    module = _class(theirs)(**sizes, **choice, dtype=torch.float64)
    inputs, states = _data(theirs, sizes, np.random.default_rng(3))
    params = {name: a.detach().numpy() for name, a in module.named_parameters()}
    ys, _, _ = _called(lambda x, **more: ours.forward(params, x, **more, **choice), inputs, states)
    assert relative_error(_called(module, _tensors(inputs), _tensors(states))[0].detach().numpy(), ys) < TOLERANCE
    with pytest.raises(ValueError, match="'cosh' is no function known here"):
        _class(theirs)(**sizes, **dict.fromkeys(opened, "cosh"))


def test_a_head_says_what_to_do_instead() -> None:
    head = catalogue.find("softmax_cross_entropy")
    with pytest.raises(InputError, match="no torch module of its own"):
        generate(head, "torch")


@pytest.mark.parametrize("lengths", LENGTHS, ids=["full", "lengths", "mask"])
@pytest.mark.parametrize(
    ("name", "layers", "direction"),
    [("lstm", 2, Direction.BIDIRECTIONAL), ("gru", 3, Direction.FORWARD), ("rnn_general", 2, Direction.REVERSE)],
)
def test_a_network_is_that_of_numpy(name: str, layers: int, direction: Direction, lengths: Any) -> None:
    network = Network.of(catalogue.find(name), layers=layers, direction=direction)
    theirs, ours = load(generate(network, "torch")), load(generate(network))
    module = vars(theirs)[f"{_class(theirs).__name__}Network"](**_sizes(network.cell), dtype=torch.float64)
    assert {n: tuple(p.shape) for n, p in module.named_parameters()} == {
        n: tuple(_lengths_of(theirs, axes, _sizes(network.cell))) for n, axes in ours.PARAMETERS.items()
    }
    rng = np.random.default_rng(5)
    inputs, _ = _data(theirs, _sizes(network.cell), rng)
    states = {n: rng.normal(size=_lengths_of(theirs, ("B", *a), _sizes(network.cell))) for n, a in ours.STATES.items()}
    params = {n: p.detach().numpy() for n, p in module.named_parameters()}
    given = {**_tensors(inputs), **_tensors(states)}
    first, *others = inputs
    more = {n: inputs[n] for n in others}
    ys, final, cache = ours.forward(params, inputs[first], **states, **more, lengths=lengths)
    told = None if lengths is None else torch.from_numpy(lengths)
    found, ends = module(given[first], **{n: t for n, t in given.items() if n != first}, lengths=told)
    assert relative_error(found.detach().numpy(), ys) < TOLERANCE
    d_ys, d_final = rng.normal(size=ys.shape), {n: rng.normal(size=a.shape) for n, a in final.items()}
    torch.autograd.backward([found, *ends.values()], [*map(torch.from_numpy, [d_ys, *(d_final[n] for n in ends)])])
    tensors = {**dict(module.named_parameters()), **given}
    for n, gradient in ours.backward(cache, d_ys, **d_final).items():
        assert relative_error(tensors[n].grad.numpy(), gradient) < TOLERANCE, n


def test_dropout_stands_between_layers_while_training() -> None:
    theirs = load(generate(Network.of(catalogue.find("gru"), layers=2), "torch"))
    torch.manual_seed(0)
    dropping, plain = theirs.GRUNetwork(D=3, H=5, dropout=0.5), theirs.GRUNetwork(D=3, H=5, batch_first=True)
    plain.load_state_dict(dropping.state_dict())
    x = torch.rand(4, 2, 3)
    assert not torch.equal(dropping(x)[0], dropping(x)[0])
    dropping.eval()
    torch.testing.assert_close(dropping(x)[0], plain(x.transpose(0, 1))[0].transpose(0, 1))
    assert not torch.equal(theirs.GRUNetwork(D=3, H=5, dropout=1.0)(x)[1]["h_l0"], torch.zeros(2, 5))


DISTRIBUTED = """
import sys
import torch
from torch.nn.parallel import DistributedDataParallel
from verify.numbers.load import load

file, store, rank = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
torch.manual_seed(0)
made = load(open(file).read())
x = torch.rand(5, 4, 3, dtype=torch.float64)
alone = made.GRU(D=3, H=6, dtype=torch.float64)
(alone(x)[0] ** 2).sum().backward()
shared = DistributedDataParallel(alone)
wanted = [p.grad.clone() for p in alone.parameters()]
alone.zero_grad()
(shared(x[:, 2 * rank:2 * rank + 2])[0] ** 2).sum().backward()
for p, whole in zip(alone.parameters(), wanted, strict=True):
    torch.testing.assert_close(2 * p.grad, whole)
print("the mean over both processes")
"""


def test_two_processes_train_one_module(tmp_path: Path) -> None:
    file = tmp_path / "gru_torch.py"
    file.write_text(generate(catalogue.find("gru"), "torch"))
    commands = [[sys.executable, "-c", DISTRIBUTED, str(file), str(tmp_path / "store"), str(k)] for k in range(2)]
    both = [subprocess.Popen(c, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) for c in commands]
    for process in both:
        said, errors = process.communicate(timeout=300)
        assert said.strip() == "the mean over both processes", errors


def test_runs_are_recorded_by_shape_and_replayed() -> None:
    theirs, _ = _files("rnn")
    recorded = []

    def record(function, tensors, lengths):
        recorded.append(tuple(tensors[0].shape))
        return function

    graphs = theirs.Graphs(2, record, lambda tensors: True)
    run = lambda n, name="forward": graphs.run((name, ""), lambda tensors, lengths: [2 * tensors[0]], [torch.ones(n)], None)  # noqa: E731
    for n in (3, 3, 3, 4, 4, 5, 3):
        assert torch.equal(run(n)[0], torch.full((n,), 2.0))
    assert recorded == [(3,), (4,)]  # each when it came for the second time
    run(5)
    run(3)
    assert recorded == [(3,), (4,), (5,)]
    run(4)  # of two kept graphs the one not used for longest made room
    assert recorded == [(3,), (4,), (5,), (4,)]
    run(4, "backward")
    assert recorded == [(3,), (4,), (5,), (4,)]


def test_what_cannot_be_recorded_runs_as_it_is() -> None:
    theirs, _ = _files("rnn")

    def record(function, tensors, lengths):
        raise RuntimeError("no graph here")

    graphs = theirs.Graphs(2, record, lambda tensors: True)
    add = lambda tensors, lengths: [tensors[0] + lengths]  # noqa: E731
    given = [torch.ones(3)], torch.tensor([1, 2, 3])
    graphs.run(("forward", ""), add, *given)
    with pytest.warns(UserWarning, match="forward runs step by step, as it cannot be recorded: no graph here"):
        assert graphs.run(("forward", ""), add, *given)[0].tolist() == [2, 3, 4]
    assert graphs.run(("forward", ""), add, *given)[0].tolist() == [2, 3, 4]  # and is not tried again
    assert not theirs._can_be_recorded([torch.ones(3)])
    theirs.Graphs(0, record, lambda tensors: True).run(("forward", ""), add, *given)
