"""One point of a table, and what a peer says that cannot run it."""

from __future__ import annotations

import importlib
import os
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Job:
    """One point of a table: a cell, its sizes, the number type, the threads of each peer, and where they run."""

    cell: str
    T: int
    B: int
    D: int
    H: int
    dtype: str
    threads: int
    device: str = "cpu"

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


class AbsentError(Exception):
    """A peer that has no form of this cell, or whose library is not installed."""


def limited(job: Job) -> dict[str, str]:
    """The environment of a process in which every library uses as many threads as the job says."""
    count = str(job.threads)
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    found = {**os.environ, **dict.fromkeys(names, count)}
    if job.device == "gpu":
        found.pop("TRITON_INTERPRET", None)
        return found
    flags = f"--xla_cpu_multi_thread_eigen={str(job.threads > 1).lower()} intra_op_parallelism_threads={count}"
    return {**found, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}


def imported(name: str) -> Any:
    """A library; raises AbsentError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise AbsentError(f"{name} is not installed") from None
