"""All peers of one point in turn, each in its own process, so that none shares threads or memory with another."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from derive import catalogue
from derive.errors import InputError
from verify.bench import gpu
from verify.bench.job import Job, limited
from verify.bench.peers import PEERS, peers_of
from verify.bench.plans import SIZES

OTHERS = ("torch", "torch loop", "jax", "cudnn", "torch.compile")
"""The peers that backproof is compared with. FlashRNN is told beside them: it runs in shorter numbers."""


SETTLING = 0.2
"""Seconds after a run with several threads, which may still spin on the core of the next peer: OpenBLAS's for 0.1 s."""


@dataclass(frozen=True)
class Row:
    """The medians of one point in milliseconds and the growth of peak memory in MiB, by peer; why a peer is absent."""

    job: Job
    wall: dict[str, float]
    busy: dict[str, float]
    memory: dict[str, float]
    absent: dict[str, str]
    spread: float = 0.0
    """How far the rounds of one peer lie apart, the most of all peers: their middle half over their median."""
    measured: int = 1
    """At how many times the point was measured."""

    def with_better(self, again: Row) -> Row:
        """The point measured once more: of each peer the better median, so that what disturbed one time counts less."""
        wall, busy = (
            {name: min(own[name], other.get(name, math.inf)) for name in own}
            for own, other in ((self.wall, again.wall), (self.busy, again.busy))
        )
        return replace(self, wall=wall, busy=busy, measured=self.measured + again.measured)

    @property
    def ratio(self) -> float | None:
        """The time of the NumPy module over that of the fastest other engine."""
        return self.ratio_of("backproof")

    def ratio_of(self, ours: str) -> float | None:
        """The time of one of our modules over that of the fastest other engine."""
        others = [self.times[name] for name in OTHERS if name in self.times]
        return self.times[ours] / min(others) if others and ours in self.times else None

    @property
    def times(self) -> dict[str, float]:
        """The processor's time of one thread; the clock's of several threads, which may wait, and of a GPU."""
        return self.busy if self.job.threads == 1 and self.job.device == "cpu" else self.wall

    @property
    def label(self) -> str:
        """The point in words."""
        job, name = self.job, Path(self.job.cell).stem
        threads = "" if job.threads == 1 else f", {job.threads} threads"
        return f"{name} {job.dtype.replace('float', 'f')} ({job.T},{job.B},{job.D},{job.H}){threads}"

    def to_json(self) -> dict[str, Any]:
        """The row with its job."""
        values = {"wall_ms": self.wall, "busy_ms": self.busy, "memory_mib": self.memory, "absent": self.absent}
        ratios = {"ratio": self.ratio, "ratio_native": self.ratio_of("native")}
        ratios |= {f"ratio_{name.replace(' ', '_')}": self.ratio_of(name) for name in ("torch target", "triton")}
        return {
            **self.job.to_json(),
            "cell": Path(self.job.cell).stem,
            **values,
            "measured": self.measured,
            **ratios,
        }


def jobs(
    cells: Sequence[str], sizes: Sequence[str], dtypes: Sequence[str], threads: int, device: str = "cpu"
) -> list[Job]:
    """The points of a table; sizes are written T,B,D,H. Raises InputError for what is none and for unknown cells."""
    found = []
    for text in sizes:
        parts = text.replace(" ", "").split(",")
        if len(parts) != 4 or not all(part.isdigit() and int(part) for part in parts):
            raise InputError(f"{text!r} is no size", hint="give T,B,D,H as in 50,32,64,128")
        found.append(tuple(map(int, parts)))
    for cell in cells:
        catalogue.find(cell)
    points = found or (gpu.SIZES if device == "gpu" else SIZES)
    return [
        Job(cell, T, B, D, H, dtype, threads, device)
        for cell in cells
        for dtype in (dtypes or (("float32",) if device == "gpu" else ("float32", "float64")))
        for T, B, D, H in points
    ]


def known(peers: Sequence[str], device: str = "cpu") -> tuple[str, ...]:
    """The peers of these names on a device, all where none is named. Raises InputError for an unknown one."""
    every = peers_of(device)
    for name in peers:
        if name not in every:
            raise InputError(f"there is no peer {name!r}", hint="known peers: " + ", ".join(every))
    return tuple(peers) or tuple(every)


def planned(
    plan: Sequence[tuple[Job, tuple[str, ...]]], rounds: int, minutes: float, told: Callable[[Sequence[Row]], None]
) -> tuple[list[Row], list[Job]]:
    """The points of a plan, and those for which no time was left; `told` is called after each with all so far.

    In the time that is left after the last, points are measured once more, those first whose rounds lay furthest apart.
    """
    end, rows = time.monotonic() + 60 * minutes, list[Row]()
    took: list[float] = []
    for k, (job, peers) in enumerate(plan):
        start = time.monotonic()
        if start + max(took, default=0.0) > end:
            return rows, [job for job, _ in plan[k:]]
        rows.append(measured(job, rounds, peers))
        took.append(time.monotonic() - start)
        told(rows)
    if minutes < math.inf:
        for k in sorted(range(len(rows)), key=lambda k: -rows[k].spread):
            if time.monotonic() + 1.2 * took[k] <= end:
                rows[k] = rows[k].with_better(measured(plan[k][0], rounds, plan[k][1]))
                told(rows)
    return rows, []


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
                if job.threads > 1:
                    time.sleep(SETTLING)
    finally:
        for worker in workers.values():
            worker.communicate()
    wall, busy = (
        {name: 1000 * median(one[kind] for one in found) for name, found in times.items() if found}
        for kind in ("wall", "busy")
    )
    found = Row(job, wall, busy, memory, absent)
    kind = "busy" if found.times is busy else "wall"
    spreads = [_spread([one[kind] for one in every]) for every in times.values()]
    return replace(found, spread=max(spreads, default=0.0))


def _spread(values: Sequence[float]) -> float:
    """The middle half of the values over their median."""
    if len(values) < 2:
        return 0.0
    low, middle, high = quantiles(values, n=4)
    return (high - low) / middle


def _started(name: str, job: Job) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "verify.bench.worker", name, json.dumps(job.to_json())]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, text=True, env=limited(job), **pipes)  # type: ignore[call-overload, no-any-return]


def _answer(worker: subprocess.Popen[str]) -> dict[str, Any]:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    found: dict[str, Any] = json.loads(line) if line else {"absent": "it failed"}
    return found
