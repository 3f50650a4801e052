"""All peers of one point in turn, each in its own process, so that none shares threads or memory with another."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from derive import catalogue
from derive.errors import InputError
from verify.bench.peers import PEERS, Job, limited

SIZES = ((50, 32, 64, 128), (100, 64, 128, 256), (35, 20, 650, 650), (200, 1, 32, 64), (28, 128, 28, 128), (10, 4, 8, 16), (1000, 1, 16, 16))  # fmt: skip # noqa: E501
"""(T, B, D, H) of a table: the sizes of papers and of examples, and two where calls cost more than numbers."""

OTHERS = ("torch", "torch loop", "jax")
"""The peers that backproof is compared with."""


@dataclass(frozen=True)
class Row:
    """The medians of one point in milliseconds and the growth of peak memory in MiB, by peer; why a peer is absent."""

    job: Job
    wall: dict[str, float]
    busy: dict[str, float]
    memory: dict[str, float]
    absent: dict[str, str]

    @property
    def ratio(self) -> float | None:
        """The time of the NumPy module over that of the fastest other engine, in the processor's time."""
        return self.ratio_of("backproof")

    def ratio_of(self, ours: str) -> float | None:
        """The time of one of our modules over that of the fastest other engine, in the processor's time."""
        others = [self.busy[name] for name in OTHERS if name in self.busy]
        return self.busy[ours] / min(others) if others and ours in self.busy else None

    def to_json(self) -> dict[str, Any]:
        """The row with its job."""
        values = {"wall_ms": self.wall, "busy_ms": self.busy, "memory_mib": self.memory, "absent": self.absent}
        ratios = {"ratio": self.ratio, "ratio_native": self.ratio_of("native")}
        return {**self.job.to_json(), **values, **ratios}


def jobs(cells: Sequence[str], sizes: Sequence[str], dtypes: Sequence[str], threads: int) -> list[Job]:
    """The points of a table; sizes are written T,B,D,H. Raises InputError for what is none and for unknown cells."""
    found = []
    for text in sizes:
        parts = text.replace(" ", "").split(",")
        if len(parts) != 4 or not all(part.isdigit() and int(part) for part in parts):
            raise InputError(f"{text!r} is no size", hint="give T,B,D,H as in 50,32,64,128")
        found.append(tuple(map(int, parts)))
    for cell in cells:
        catalogue.find(cell)
    points = found or SIZES
    return [
        Job(cell, T, B, D, H, dtype, threads)
        for cell in cells
        for dtype in (dtypes or ("float32", "float64"))
        for T, B, D, H in points
    ]


def known(peers: Sequence[str]) -> tuple[str, ...]:
    """The peers of these names, all where none is named. Raises InputError for an unknown one."""
    for name in peers:
        if name not in PEERS:
            raise InputError(f"there is no peer {name!r}", hint="known peers: " + ", ".join(PEERS))
    return tuple(peers) or tuple(PEERS)


def measured(job: Job, rounds: int, peers: Sequence[str] = tuple(PEERS)) -> Row:
    """One point: every peer runs once in every round."""
    workers: dict[str, subprocess.Popen[str]] = {}
    memory: dict[str, float] = {}
    absent: dict[str, str] = {}
    try:
        workers |= {name: _started(name, job) for name in peers}  # they get ready beside each other
        for name, worker in list(workers.items()):
            answer = _answer(worker)
            if "ready" in answer:
                memory[name] = answer["memory"] / 1024
            else:
                absent[name] = str(answer.get("absent", "it failed"))
                workers.pop(name).communicate()
        times: dict[str, list[dict[str, float]]] = {name: [] for name in workers}
        for _ in range(rounds):
            for name, worker in workers.items():
                assert worker.stdin is not None
                worker.stdin.write("run\n")
                worker.stdin.flush()
                times[name].append(_answer(worker))
    finally:
        for worker in workers.values():
            worker.communicate()
    wall, busy = (
        {name: 1000 * median(one[kind] for one in found) for name, found in times.items() if found}
        for kind in ("wall", "busy")
    )
    return Row(job, wall, busy, memory, absent)


def _started(name: str, job: Job) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "verify.bench.worker", name, json.dumps(job.to_json())]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, text=True, env=limited(job.threads), **pipes)  # type: ignore[call-overload, no-any-return]


def _answer(worker: subprocess.Popen[str]) -> dict[str, Any]:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    found: dict[str, Any] = json.loads(line) if line else {"absent": "it failed"}
    return found
