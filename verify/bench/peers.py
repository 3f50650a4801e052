"""What is run beside each other: forward and all gradients of one cell, on the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.cell import Cell
from derive.targets import TARGETS
from derive.targets.lowering.lowered import lowered
from derive.targets.lowering.plan import Plan
from derive.targets.lowering.stacking import Bias
from derive.targets.numpy.module import module
from verify.bench import gpu
from verify.bench.job import AbsentError, Job, imported
from verify.numbers.case import Case
from verify.numbers.load import load

Call = Callable[[], Any]


def case_of(job: Job) -> tuple[Cell, Case]:
    """The cell, and random numbers of the sizes of the job; a size that is neither D nor H is H."""
    cell = catalogue.find(job.cell)
    sizes = {str(letter): {"D": job.D, "H": job.H}.get(str(letter), job.H) for letter in cell.sizes}
    return cell, Case.draw(cell, sizes, job.T, job.B, np.random.default_rng(0)).cast(np.dtype(job.dtype))


def _ours(cell: Cell, case: Case, *, passes: bool) -> Call:
    return _both(load(module(differentiate(cell), passes=passes), "ours"), case)


def _both(made: ModuleType, case: Case) -> Call:
    """Forward and all gradients of a module, its arguments arranged once."""
    forward = case.prepared(made)

    def run() -> Any:
        _, _, cache = forward()
        return made.backward(cache, case.d_output, **case.d_final)

    return run


def ours(job: Job, cell: Cell, case: Case) -> Call:
    """The generated NumPy module."""
    return _ours(cell, case, passes=True)


def without_passes(job: Job, cell: Cell, case: Case) -> Call:
    """The same program without the passes."""
    return _ours(cell, case, passes=False)


def native(job: Job, cell: Cell, case: Case) -> Call:
    """The generated module whose loops numba compiles."""
    imported("numba")
    folder = TemporaryDirectory(ignore_cleanup_errors=True)  # what is compiled is written beside the file
    made = load(TARGETS["native"].render(differentiate(cell), None, ""), "native", Path(folder.name))
    run = _both(made, case)
    return lambda: run() if folder else None


def textbook(job: Job, cell: Cell, case: Case) -> Call:
    """One step after the other, gradients of the parameters added up: what a textbook writes."""
    made = load(module(differentiate(cell)), "ours")
    params = case.named(cell.parameters)

    def run() -> dict[str, Any]:
        states = {s.name: case.given[s.name] for s in cell.states}
        caches = []
        for t in range(job.T):
            _, states, cache = _stepped(made, cell, case, case.given, params, states, t)
            caches.append(cache)
        sums: dict[str, Any] = {}
        back = {s.name: case.d_final[s.name] for s in cell.states}
        for t in reversed(range(job.T)):
            found = made.step_backward(caches[t], case.d_output[t], **back)
            back = {name: found[name] for name in back}
            for name in params:
                sums[name] = sums.get(name, 0) + found[name]
        return sums

    return run


def _stepped(
    made: Any, cell: Cell, case: Case, given: Mapping[str, Any], params: Mapping[str, Any], states: Any, t: int
) -> tuple[Any, Any, Any]:
    """The step of a module at t."""
    now = {q.name: given[q.name][t] if q.time is not None else given[q.name] for q in cell.inputs}
    first = now.pop(cell.inputs[0].name)
    found: tuple[Any, Any, Any] = made.step(params, first, **now, **states, **case.functions)
    return found


def hips_autograd(job: Job, cell: Cell, case: Case) -> Call:
    """The equations of a step in HIPS autograd's NumPy, and its gradients."""
    autograd, numpy = imported("autograd"), imported("autograd.numpy")
    text = module(differentiate(cell)).replace(".real.max(", ".max(")  # it knows no part of an array
    made = load(text.replace("import numpy as np", "import autograd.numpy as np", 1), "ours")
    states = {s.name: case.given[s.name] for s in cell.states}
    sizes, dtype, _ = _stepped(made, cell, case, case.given, case.named(cell.parameters), states, 0)[2]
    vars(made)["_checked"] = lambda arrays, *_: (sizes, dtype)  # which knows no arrays but NumPy's
    names = [q.name for q in (*cell.inputs, *cell.states, *cell.parameters)]
    moving = [name for name in names if name in case.differentiable]

    def outputs(arrays: list[Any]) -> Any:
        given = {**case.given, **dict(zip(moving, arrays, strict=True))}
        params = {q.name: given[q.name] for q in cell.parameters}
        states, found = {s.name: given[s.name] for s in cell.states}, []
        for t in range(job.T):
            y, states, _ = _stepped(made, cell, case, given, params, states, t)
            found.append(y)
        return numpy.stack(found)

    def run() -> dict[str, Any]:
        gradients = autograd.make_vjp(outputs)([case.given[name] for name in moving])[0](case.d_output)
        return dict(zip(moving, gradients, strict=True))

    return run


def torch_module(job: Job, cell: Cell, case: Case) -> Call:
    """torch's own nn module, where it has one for the cell."""
    torch = imported("torch")
    known: Mapping[str, str] = {"lstm": "LSTM", "gru_reset_after": "GRU", "rnn": "RNN"}
    if job.cell not in known:
        raise AbsentError("torch has no module of this cell")
    torch.set_num_threads(job.threads)
    network = getattr(torch.nn, known[job.cell])(job.D, job.H).to(getattr(torch, job.dtype))
    x = torch.tensor(case.given[cell.inputs[0].name], requires_grad=True)
    states = [torch.tensor(case.given[s.name])[None].requires_grad_() for s in cell.states]
    asked = torch.tensor(case.d_output)

    def run() -> None:
        for tensor in (*network.parameters(), x, *states):
            tensor.grad = None
        ys, _ = network(x, tuple(states) if len(states) > 1 else states[0])
        ys.backward(asked)

    return run


def torch_target(job: Job, cell: Cell, case: Case) -> Call:
    """The generated torch module."""
    torch = imported("torch")
    torch.set_num_threads(job.threads)
    made = load(TARGETS["torch"].render(differentiate(cell), None, ""), "ours")
    return _through(torch, cell, case, lambda given, chosen: made.sequence(given, None, chosen)[0])


def torch_loop(job: Job, cell: Cell, case: Case) -> Call:
    """A loop of steps with torch's own gradients."""
    torch = imported("torch")
    torch.set_num_threads(job.threads)
    made = load(TARGETS["torch"].render(differentiate(cell), None, ""), "theirs")
    return _through(torch, cell, case, lambda given, chosen: made._step_by_step(given, None, chosen.split(","))[0])


def _through(torch: Any, cell: Cell, case: Case, outputs: Callable[[list[Any], str], Any]) -> Call:
    """Forward and all gradients of a function of tensors, by torch."""
    given = [torch.tensor(case.given[q.name]) for q in (*cell.inputs, *cell.states, *cell.parameters)]
    moving = [q.name in case.differentiable for q in (*cell.inputs, *cell.states, *cell.parameters)]
    for tensor, moves in zip(given, moving, strict=True):
        tensor.requires_grad_(moves)
    asked = torch.tensor(case.d_output)
    chosen = ",".join(case.functions[f.name] for f in cell.open_functions)

    def run() -> None:
        for tensor in given:
            tensor.grad = None
        outputs(given, chosen).backward(asked)

    return run


def jax_scan(job: Job, cell: Cell, case: Case) -> Call:
    """JAX: its own compiled gradient of the scan that the JAX file has for the forward pass."""
    jax = imported("jax")
    jax.config.update("jax_enable_x64", True)
    made = load(TARGETS["jax"].render(differentiate(cell), None, ""), "scan")
    quantities = (*cell.inputs, *cell.states, *cell.parameters)
    given = tuple(jax.numpy.asarray(case.given[q.name]) for q in quantities)
    asked = jax.numpy.asarray(case.d_output)
    chosen = tuple(case.functions[f.name] for f in cell.open_functions)

    @jax.jit  # type: ignore[untyped-decorator, unused-ignore]
    def gradients(given: Any, d_ys: Any) -> Any:
        _, back = jax.vjp(lambda arrays: made._forward(chosen, None, arrays)[0][0], given)
        return back(d_ys)

    return lambda: jax.block_until_ready(gradients(given, asked))


def products(job: Job, cell: Cell, case: Case) -> Call:
    """The bare matrix products of the nets: what no way of computing the rest can do without."""
    low = lowered(differentiate(cell))
    plan = Plan(low.sweep, low.names)
    numbers = {letter: case.sizes[str(letter)] for letter in cell.sizes}
    rng = np.random.default_rng(0)
    dtype = np.dtype(job.dtype)

    def drawn(*shape: int) -> Any:
        return rng.standard_normal(shape).astype(dtype)

    work = []
    for run in plan.layout.runs:
        if isinstance(run.operand, Bias):
            continue
        n, m = (int(size.xreplace(numbers)) for size in (run.stop - run.start, run.operand.shape[0]))
        over = drawn(job.T * job.B, n), drawn(job.T * job.B, m), drawn(n, m)
        step = drawn(job.B, n), drawn(job.B, m)
        work.append((plan.hoisted(run), over, step))
    if not work:
        raise AbsentError("no matrix product in its loop")

    def one() -> None:
        for before, (gradients, operands, matrix), (d_net, operand) in work:
            transposed = matrix.T
            if before:
                operands @ transposed
                gradients @ matrix
            else:
                for _ in range(job.T):
                    operand @ transposed
                for _ in range(job.T):
                    d_net @ matrix
            gradients.T @ operands

    return one


PEERS: Mapping[str, Callable[[Job, Cell, Case], Call]] = {
    "backproof": ours,
    "native": native,
    "without passes": without_passes,
    "torch target": torch_target,
    "textbook": textbook,
    "autograd": hips_autograd,
    "torch": torch_module,
    "torch loop": torch_loop,
    "jax": jax_scan,
    "products": products,
}
"""The peers by the name that a table gives them."""


def peers_of(device: str) -> Mapping[str, Callable[[Job, Cell, Case], Call]]:
    """The peers on a device, cpu or gpu."""
    return gpu.PEERS if device == "gpu" else PEERS
