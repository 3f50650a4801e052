"""Generated files for other frameworks, run on the arrays of a case: outputs, final states and gradients as NumPy's."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from verify.numbers.case import Array, Arrays, Case, called
from verify.numbers.network import NetworkCase
from verify.numbers.oracles import imported

Run = tuple[Array, Arrays, Arrays]


def run(target: str, module: ModuleType, case: Case) -> Run:
    """What the file of a target ("torch", "triton", "jax" or "native") computes for a case in its dtype."""
    with np.errstate(all="ignore"):  # of kernels what lies past the end of an axis is computed too
        return {"torch": _torch, "triton": _torch, "jax": _jax, "native": _native}[target](module, case)


def installed(target: str) -> bool:
    """Whether the framework that a target's file needs is there."""
    return imported(library(target)) is not None


def library(target: str) -> str:
    """The library without which a target's file does not run."""
    return {"native": "numba", "triton": "torch"}.get(target, target)


def are_kernels_run(source: str) -> bool:
    """Whether the kernels in a file of the triton target are run here, if it has any."""
    return "TRITON_INTERPRET" not in source or imported("triton") is not None


@contextmanager
def on_this_machine(target: str) -> Iterator[None]:
    """Files that are loaded here run as Python, without a compiler or a GPU."""
    if target == "triton":
        os.environ.setdefault("TRITON_INTERPRET", "1")  # counts until triton is imported, and from then on
        yield
    elif target == "native":
        with uncompiled():
            yield
    else:
        yield


@contextmanager
def uncompiled() -> Iterator[None]:
    """Files of the native target that are loaded here run their loops as Python: no compiler is waited for."""
    config = importlib.import_module("numba").config
    before, config.DISABLE_JIT = config.DISABLE_JIT, True
    try:
        yield
    finally:
        config.DISABLE_JIT = before


def _native(module: ModuleType, case: Case) -> Run:
    ys, final, _ = case.forward(module)
    return ys, final, case.backward(module)


def _torch(module: ModuleType, case: Case) -> Run:
    torch: Any = imported("torch")
    cell = case.cell
    made = next(v for v in vars(module).values() if isinstance(v, type) and issubclass(v, torch.nn.Module))
    network = made(**case.sizes, **case.functions, dtype=torch.float64)
    network.load_state_dict({name: torch.tensor(case.given[name]) for name, _ in network.named_parameters()})
    given = {q.name: torch.tensor(case.given[q.name], requires_grad=True) for q in (*cell.inputs, *cell.states)}
    first, *others = given
    lengths = None if case.lengths is None else torch.tensor(case.lengths)
    ys, final = network(given[first], **called(network.forward, {n: given[n] for n in others}), lengths=lengths)
    asked = [torch.tensor(case.d_output), *(torch.tensor(case.d_final[name]) for name in final)]
    torch.autograd.backward([ys, *final.values()], asked)
    tensors = {**dict(network.named_parameters()), **given}
    found = {name: tensors[name].grad.numpy() for name in case.differentiable}
    return ys.detach().numpy(), {name: end.detach().numpy() for name, end in final.items()}, found


def _jax(module: ModuleType, case: Case) -> Run:
    jax: Any = imported("jax")
    jax.config.update("jax_enable_x64", True)
    cell = case.cell
    first, *others = cell.inputs
    params, masks = list(module.PARAMETERS), dict(case.masks or {}) if isinstance(case, NetworkCase) else {}
    named = [*params, *(q.name for q in (*cell.inputs, *cell.states))]

    def forward(given: dict[str, Any]) -> Any:
        more = {q.name: given[q.name] for q in (*others, *cell.states)} | masks
        table = {name: given[name] for name in params}
        more = called(module.forward, more)
        return module.forward(table, given[first.name], **more, lengths=case.lengths, **case.functions)

    (ys, final), back = jax.vjp(forward, {name: jax.numpy.asarray(case.given[name]) for name in named})
    (found,) = back((jax.numpy.asarray(case.d_output), {k: jax.numpy.asarray(v) for k, v in case.d_final.items()}))
    gradients = {name: np.asarray(found[name]) for name in case.differentiable}
    return np.asarray(ys), {name: np.asarray(end) for name, end in final.items()}, gradients
