"""What is run beside each other on a GPU: our torch modules, cuDNN, torch's loop and compiler, JAX, FlashRNN."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.targets import TARGETS
from verify.bench.job import AbsentError, Job, imported
from verify.numbers.case import Case
from verify.numbers.load import load

Call = Callable[[], Any]

SIZES = ((256, 32, 256, 256), (512, 16, 512, 512), (1024, 8, 128, 128), (128, 128, 1024, 1024))
"""(T, B, D, H) of a table on a GPU."""


def on_gpu() -> Any:
    """torch, where it sees a GPU; matrix products in TF32, as cuDNN and JAX have them."""
    torch = imported("torch")
    if not torch.cuda.is_available():
        raise AbsentError("torch sees no GPU")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    return torch


def _tensors(torch: Any, cell: Cell, case: Case) -> list[Any]:
    quantities = (*cell.inputs, *cell.states, *cell.parameters)
    given = [torch.tensor(case.given[q.name], device="cuda") for q in quantities]
    for quantity, tensor in zip(quantities, given, strict=True):
        tensor.requires_grad_(quantity.name in case.differentiable)
    return given


def _chosen(cell: Cell, case: Case) -> str:
    return ",".join(case.functions[f.name] for f in cell.open_functions)


def _run(torch: Any, given: list[Any], outputs: Callable[[], Any], asked: Any) -> Call:
    """Forward and all gradients, until the GPU has done them."""

    def run() -> None:
        for tensor in given:
            tensor.grad = None
        outputs().backward(asked)
        torch.cuda.synchronize()

    return run


def ours(job: Job, cell: Cell, case: Case, *, target: str = "torch", graphs: bool = True) -> Call:
    """The generated torch module, with or without CUDA graphs and kernels."""
    torch = on_gpu()
    if target == "triton":
        imported("triton")
    folder = TemporaryDirectory(ignore_cleanup_errors=True)  # Triton reads the file again
    made = load(TARGETS[target].render(differentiate(cell), None, ""), "ours", Path(folder.name))
    if not graphs:
        made.GRAPHS.most = 0
    given = _tensors(torch, cell, case)
    if target == "triton" and not (hasattr(made, "has_kernels") and made.has_kernels(given)):
        raise AbsentError("no kernels for these sizes")
    operator = made.sequence
    asked = torch.tensor(case.d_output, device="cuda")
    chosen = _chosen(cell, case)
    return _run(torch, given, lambda: operator(given, None, chosen)[0] if folder else None, asked)


def eager(job: Job, cell: Cell, case: Case, *, compiled: bool = False) -> Call:
    """A loop of steps with torch's own gradients; `compiled`: each step by torch's compiler."""
    torch = on_gpu()
    made = load(TARGETS["torch"].render(differentiate(cell), None, ""), "theirs")
    given = _tensors(torch, cell, case)
    asked = torch.tensor(case.d_output, device="cuda")
    chosen = _chosen(cell, case)
    if compiled:
        faster = torch.compile  # of tensors, not of text
        vars(made)["_step"] = faster(vars(made)["_step"], dynamic=False)
    return _run(torch, given, lambda: made._step_by_step(given, None, chosen)[0], asked)


def cudnn(job: Job, cell: Cell, case: Case) -> Call:
    """torch's own nn module."""
    torch = on_gpu()
    known: Mapping[str, str] = {"lstm": "LSTM", "gru_reset_after": "GRU", "rnn": "RNN"}
    if job.cell not in known:
        raise AbsentError("cuDNN has no such cell")
    network = getattr(torch.nn, known[job.cell])(job.D, job.H).to("cuda", getattr(torch, job.dtype))
    x = torch.tensor(case.given[cell.inputs[0].name], device="cuda", requires_grad=True)
    states = [torch.tensor(case.given[s.name], device="cuda")[None].requires_grad_() for s in cell.states]
    asked = torch.tensor(case.d_output, device="cuda")
    state = tuple(states) if len(states) > 1 else states[0]
    return _run(torch, [*network.parameters(), x, *states], lambda: network(x, state)[0], asked)


def jax_scan(job: Job, cell: Cell, case: Case) -> Call:
    """JAX: its own compiled gradient of a scan."""
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    jax = imported("jax")
    if jax.default_backend() != "gpu":
        raise AbsentError("JAX sees no GPU")
    from verify.bench.peers import jax_scan as on_this_device

    return on_this_device(job, cell, case)


def flash_rnn(job: Job, cell: Cell, case: Case) -> Call:
    """FlashRNN's fused LSTM in bfloat16, its only fused type, with the product of the inputs before it."""
    torch = on_gpu()
    if job.cell != "lstm":
        raise AbsentError("one of FlashRNN's four cells is measured")
    flashrnn = imported("flashrnn").flashrnn
    T, B, D, H = job.T, job.B, job.D, job.H

    def drawn(*shape: int) -> Any:
        return (0.05 * torch.randn(*shape, device="cuda", dtype=torch.bfloat16)).requires_grad_()

    x, W, R, b = drawn(B, T, D), drawn(4 * H, D), drawn(4, 1, H, H), drawn(4, 1, H)
    asked = torch.randn(B, T, 1, H, device="cuda", dtype=torch.bfloat16)

    def outputs() -> Any:
        states = flashrnn((x @ W.T).reshape(B, T, 4, 1, H), R, b, function="lstm", backend="cuda_fused")[0]
        return states[0]

    try:
        first = outputs()
    except (RuntimeError, ValueError, TypeError, OSError, AttributeError, ImportError) as error:
        raise AbsentError(f"FlashRNN does not build or run here: {type(error).__name__}") from error
    with contextlib.suppress(RuntimeError):
        asked = asked.reshape(first.shape)
    return _run(torch, [x, W, R, b], outputs, asked)


PEERS: Mapping[str, Callable[[Job, Cell, Case], Call]] = {
    "triton": partial(ours, target="triton"),
    "torch target": ours,
    "torch target, no graphs": partial(ours, graphs=False),
    "cudnn": cudnn,
    "torch loop": eager,
    "torch.compile": partial(eager, compiled=True),
    "jax": jax_scan,
    "flashrnn": flash_rnn,
}
"""The peers on a GPU by the name that a table gives them."""
