"""The triton target: for every cell the results of its NumPy module, by Triton's interpreter on the CPU.

Kernels are run both ways: all steps in one, and in some for each step. The interpreter takes about a second for each,
so most cells are run where BACKPROOF_FULL_FIGURES is set.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from random_cells import random_cell
from random_checks import read
from test_lengths import ragged
from test_properties import assert_close, standard

from derive import catalogue
from derive.cell import Cell
from derive.networks.network import Direction, Network
from derive.targets import generate
from verify.numbers.case import Case
from verify.numbers.frameworks import run
from verify.numbers.load import load

torch = pytest.importorskip("torch", reason="the files are torch's")
pytest.importorskip("triton", reason="the kernels are Triton's: the extra 'triton' has it")

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
EXACT = 1e-12
KERNELS = "def has_kernels"
SAMPLE = ["lstm", "gru", "mlstm", "rnn_general"]
RANDOM = [*range(0, 60, 4), 13, 55] if FULL else [12, 20]
WITHOUT_KERNELS: list[int] = []
"""The random cells that have a construct no kernel has: there torch's operators run."""


def _loaded(cell: Cell, folder: Path, *, at_once: bool) -> ModuleType:
    """The file, whose source Triton reads; `at_once`: all steps in one kernel, whatever the sizes are."""
    made = load(generate(cell, "triton"), "triton", folder)
    made.ON_CHIP = 2**40 if at_once else -1
    made.KEPT = 2**40 if at_once else 0
    return made


def _agree(made: ModuleType, cell: Cell, case: Case, limit: float = EXACT) -> None:
    ours = load(generate(cell))
    with np.errstate(all="ignore"):  # past the end of an axis a kernel computes with whatever is there
        ys, final, _ = case.forward(ours)
        wanted = case.backward(ours)
        outputs, ends, gradients = run("torch", made, case)
    assert_close({"ys": outputs, **ends}, {"ys": ys, **final}, limit)
    assert_close(gradients, {name: wanted[name] for name in gradients}, limit)


@pytest.mark.parametrize("name", catalogue.cells() if FULL else SAMPLE)
def test_results_are_those_of_the_numpy_module(name: str, tmp_path: Path) -> None:
    cell = catalogue.find(name)
    assert KERNELS in generate(cell, "triton")
    for at_once, case in ((True, ragged(cell)), (False, standard(cell, T=2, B=2))):
        _agree(_loaded(cell, tmp_path, at_once=at_once), cell, case)
    if FULL:
        for at_once, case in ((False, ragged(cell)), (True, standard(cell, T=2, B=2))):
            _agree(_loaded(cell, tmp_path, at_once=at_once), cell, case)


def test_every_cell_has_kernels() -> None:
    assert [name for name, cell in catalogue.cells().items() if KERNELS not in generate(cell, "triton")] == []


@pytest.mark.parametrize("seed", RANDOM)
def test_random_cells(seed: int, tmp_path: Path) -> None:
    cell = read(random_cell(random.Random(seed).randrange))
    assert (KERNELS in generate(cell, "triton")) == (seed not in WITHOUT_KERNELS)
    case = standard(cell, T=3, B=2)
    with np.errstate(all="ignore"):
        ys, _, _ = case.forward(load(generate(cell)))
    if np.isfinite(ys).all() and np.abs(ys).max() < 1e6:
        for at_once in (True, False):
            _agree(_loaded(cell, tmp_path, at_once=at_once), cell, case, 1e-9)


def test_a_network_runs_its_cell_in_kernels(tmp_path: Path) -> None:
    network = Network.of(catalogue.find("rnn"), layers=2, direction=Direction.BIDIRECTIONAL)
    fast = load(generate(network, "triton"), "triton", tmp_path)
    plain = load(generate(network, "torch"), "torch", tmp_path)
    torch.manual_seed(0)
    made = [next(v for k, v in vars(m).items() if isinstance(v, type) and k.endswith("Network")) for m in (plain, fast)]
    first, second = (one(D=3, H=4, dtype=torch.float64) for one in made)
    second.load_state_dict(first.state_dict())
    x = torch.rand(3, 2, 3, dtype=torch.float64)
    for network_made in (first, second):
        network_made(x)[0].square().sum().backward()
    for name, parameter in first.named_parameters():
        torch.testing.assert_close(dict(second.named_parameters())[name].grad, parameter.grad, rtol=EXACT, atol=EXACT)


def test_float32_and_shapes_without_running(tmp_path: Path) -> None:
    made = _loaded(catalogue.find("rnn"), tmp_path, at_once=True)
    module = _class(made)(D=3, H=4)
    x = torch.rand(3, 2, 3)
    assert module(x)[0].dtype == torch.float32
    exported = torch.export.export(module, (x,)).module()  # the shapes are found without launching a kernel
    torch.testing.assert_close(exported(x)[0], module(x)[0])
    assert module(x[:0])[0].shape == (0, 2, 4)


def _class(module: ModuleType) -> type:
    return next(v for v in vars(module).values() if isinstance(v, type) and issubclass(v, torch.nn.Module))


def test_without_triton_or_a_gpu_torch_does_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cell = catalogue.find("gru")
    case = standard(cell)
    monkeypatch.setitem(sys.modules, "triton", None)
    without = load(generate(cell, "triton"), "triton", tmp_path)
    assert without.triton is None
    _agree(without, cell, case)
    monkeypatch.undo()
    on_cpu = load(generate(cell, "triton"), "triton", tmp_path)
    on_cpu.INTERPRETED = False
    assert not on_cpu.has_kernels([torch.from_numpy(case.given[q.name]) for q in (*cell.inputs, *cell.states, *cell.parameters)])
    _agree(on_cpu, cell, case)


def test_rows_that_do_not_fit_are_left_to_torch(tmp_path: Path) -> None:
    made = load(generate(catalogue.find("deltanet"), "triton"), "triton", tmp_path)
    small, large = (
        [torch.empty([made._length(axis, {"T": 1, "B": 1, **dict.fromkeys("DHNVKdhnvk", n)}) for axis in axes]) for axes in _axes(made)]
        for n in (4, 512)
    )
    assert made.has_kernels(small)
    assert not made.has_kernels(large)


def _axes(made: ModuleType) -> list[tuple[str, ...]]:
    return [*made.INPUTS.values(), *(("B", *axes) for axes in made.STATES.values()), *made.PARAMETERS.values()]


COMPILED = """
import sys
from pathlib import Path

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from verify.numbers.load import load

made = load(Path(sys.argv[1]).read_text(), "kernels", Path(sys.argv[1]).parent)
for name in ("forward_kernel", "forward_step", "forward_step_1", "backward_kernel", "backward_step", "backward_step_1"):
    kernel = getattr(made, name, None)
    if kernel is None:
        continue
    fixed = {"KIND": tl.float32, "LENGTHS": True, "PRECISION": "tf32", "KEPT": False, "ROWS": 16 if "kernel" in name else 1}
    signature, constants = {}, {}
    for argument in kernel.params:
        if argument.is_constexpr:
            constants[argument.name] = fixed.get(argument.name, int(sys.argv[2]))
            signature[argument.name] = "constexpr"
        else:
            signature[argument.name] = {"T": "i32", "B": "i32", "t": "i32", "lengths": "*i64"}.get(argument.name, "*fp32")
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    found = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 8})
    assert found.asm["cubin"] and found.metadata.shared <= 227 * 1024, (name, found.metadata.shared)
    print(name)
"""


@pytest.mark.parametrize("name", ["lstm", "gru"] if FULL else ["rnn"])
def test_kernels_become_machine_code_for_a_gpu_that_is_not_there(name: str, tmp_path: Path) -> None:
    path = tmp_path / "kernels.py"
    path.write_text(generate(catalogue.find(name), "triton"), encoding="utf-8")
    apart = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    command = [sys.executable, "-c", COMPILED, str(path), "128" if FULL else "32"]
    done = subprocess.run(command, env=apart, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0, done.stderr
    assert {"forward_kernel", "backward_kernel"} <= set(done.stdout.split())
