"""Rows as a table, and as the page `docs/speed.md`."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from verify.bench.measure import Row
from verify.bench.peers import PEERS


def header() -> list[str]:
    """The columns of the table."""
    return ["cell", "dtype", "T, B, D, H", *PEERS, "ratio", "ratio native"]


def table(rows: Sequence[Row]) -> list[list[str]]:
    """Milliseconds of processor time by peer; a dash where a peer is absent."""
    return [
        [
            row.job.cell,
            row.job.dtype,
            f"{row.job.T}, {row.job.B}, {row.job.D}, {row.job.H}",
            *(f"{row.busy[name]:.3g}" if name in row.busy else "–" for name in PEERS),
            *("–" if ratio is None else f"{ratio:.2f}" for ratio in (row.ratio, row.ratio_of("native"))),
        ]
        for row in rows
    ]


def mean(ratios: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def summary(rows: Sequence[Row]) -> str:
    """The geometric means for large and for small batches."""
    found = []
    for name, ours in (("", "backproof"), ("native, ", "native")):
        for words, least, most in (("B ≥ 20", 20, math.inf), ("B ≤ 4", 0, 4), ("all", 0, math.inf)):
            every = [row.ratio_of(ours) for row in rows if least <= row.job.B <= most]
            ratios = [ratio for ratio in every if ratio is not None]
            if ratios:
                found.append(f"{name}{words}: {mean(ratios):.2f} (worst {max(ratios):.2f}, {len(ratios)} points)")
    return "; ".join(found)


def machine() -> str:
    """The processor and the libraries, without the name of the computer."""
    libraries = []
    for name in ("numpy", "torch", "jax", "numba"):
        try:
            libraries.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            libraries.append(f"no {name}")
    return f"{_processor()}; Python {platform.python_version()}, {', '.join(libraries)}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def page(rows: Sequence[Row], rounds: int) -> str:
    """The page with the table."""
    lines = ["| " + " | ".join(header()) + " |", "|" + "---|" * len(header())]
    lines += ["| " + " | ".join(cells) + " |" for cells in table(rows)]
    absent = {f"{row.job.cell}: no {name} ({why})" for row in rows for name, why in row.absent.items()}
    threads = ", ".join(sorted({str(row.job.threads) for row in rows}))
    memory = [row for row in rows if "backproof" in row.memory]
    about = [
        "# Speed",
        "",
        "Forward and all gradients, milliseconds of processor time, medians of "
        f"{rounds} rounds in which every peer runs once, each in a process of its own with {threads} thread(s).",
        "*Ratio* is the time of the generated NumPy module over that of the fastest of torch and JAX, *ratio native*",
        "that of the module whose loops numba compiles. *Products* are the bare products of the nets, *textbook*",
        "is `step` and `step_backward` one after the other, *without passes* the program before the passes of",
        "`derive/targets/passes`.",
        "",
        f"Machine: {machine()}.",
        "",
        f"Geometric means of the ratio: {summary(rows)}.",
        "",
        *lines,
        "",
        "Growth of peak memory in MiB:",
        "",
        "| cell | dtype | T, B, D, H | " + " | ".join(PEERS) + " |",
        "|" + "---|" * (3 + len(PEERS)),
    ]
    for row in memory:
        shown = (f"{row.memory[name]:.0f}" if name in row.memory else "–" for name in PEERS)
        sizes = f"{row.job.T}, {row.job.B}, {row.job.D}, {row.job.H}"
        about.append(f"| {row.job.cell} | {row.job.dtype} | {sizes} | " + " | ".join(shown) + " |")
    if absent:
        about += ["", "Absent: " + "; ".join(sorted(absent)) + "."]
    return "\n".join(about) + "\n"
