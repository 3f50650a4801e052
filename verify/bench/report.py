"""Rows as a table, and as the page `docs/speed.md`."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from verify.bench.job import Job
from verify.bench.measure import Row
from verify.bench.peers import peers_of
from verify.bench.plot import svg

OURS = {"ratio": "backproof", "ratio native": "native", "ratio torch target": "torch target", "ratio triton": "triton"}
"""The columns of ratios."""


def header(rows: Sequence[Row] = ()) -> list[str]:
    """The columns of the table; without rows those of a table on the CPU."""
    return ["cell", "dtype", "T, B, D, H", *_peers(rows), *_ratios(rows)]


def table(rows: Sequence[Row]) -> list[list[str]]:
    """Milliseconds by peer; a dash where a peer is absent."""
    return [
        [
            Path(row.job.cell).stem,
            row.job.dtype + ("" if row.job.threads == 1 else f", {row.job.threads} threads"),
            f"{row.job.T}, {row.job.B}, {row.job.D}, {row.job.H}",
            *(f"{row.times[name]:.3g}" if name in row.times else "–" for name in _peers(rows)),
            *("–" if (ratio := row.ratio_of(OURS[column])) is None else f"{ratio:.2f}" for column in _ratios(rows)),
        ]
        for row in rows
    ]


def _peers(rows: Sequence[Row]) -> list[str]:
    """The peers that were asked for, in the order of their table."""
    asked = {name for row in rows for name in (*row.times, *row.absent)}
    every = peers_of(rows[0].job.device if rows else "cpu")
    return [name for name in every if name in asked or not rows]


def _ratios(rows: Sequence[Row]) -> list[str]:
    return [column for column, ours in OURS.items() if ours in _peers(rows)]


def mean(ratios: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def summary(rows: Sequence[Row]) -> str:
    """The geometric means for large and for small batches."""
    found = []
    for column, ours in OURS.items():
        name = column.removeprefix("ratio").strip()
        name += ", " if name else ""
        for words, least, most in (("B ≥ 20", 20, math.inf), ("B ≤ 4", 0, 4), ("all", 0, math.inf)):
            every = [row.ratio_of(ours) for row in rows if least <= row.job.B <= most]
            ratios = [ratio for ratio in every if ratio is not None]
            if ratios:
                found.append(f"{name}{words}: {mean(ratios):.2f} (worst {max(ratios):.2f}, {len(ratios)} points)")
    loops = [
        row.times["torch target"] / row.times["torch loop"]
        for row in rows
        if {"torch target", "torch loop"} <= set(row.times)
    ]
    if loops:
        found.append(f"torch target over torch loop: {mean(loops):.2f} (worst {max(loops):.2f}, {len(loops)} points)")
    return "; ".join(found)


def machine() -> str:
    """The processor and the libraries, without the name of the computer."""
    libraries = []
    for name in ("numpy", "torch", "jax", "numba", "triton"):
        try:
            libraries.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            libraries.append(f"no {name}")
    torch = sys.modules.get("torch")
    gpu = f"{torch.cuda.get_device_name()}, " if torch is not None and torch.cuda.is_available() else ""
    return f"{gpu}{_processor()}; Python {platform.python_version()}, {', '.join(libraries)}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
            return f"{name}, {len(os.sched_getaffinity(0))} cores"
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def page(rows: Sequence[Row], rounds: int, command: str = "", figure: str = "", left: Sequence[Job] = ()) -> str:
    """The page with the table; `left` are the points for which no time was left."""
    on_gpu = bool(rows) and rows[0].job.device == "gpu"
    time = "time on a GPU" if on_gpu else "processor time, with several threads of the clock's"
    again = sum(row.measured > 1 for row in rows)
    about = [
        "# Speed",
        "",
        f"Forward and all gradients, milliseconds of {time}, medians of {rounds} rounds in which",
        "every peer runs once, each in a process of its own"
        + (f"; {again} of the points at two times, the better median of each peer" if again else "")
        + ". A *ratio* is the time of one of ours over that of the",
        "fastest of torch and JAX: of the generated NumPy module (*backproof*), of the same with its loops compiled",
        "by numba (*native*), of the generated torch module (*torch target*) and of that with kernels (*triton*).",
        "*torch* is torch's own module of the cell, *torch loop* a loop with its own gradients, *products* the bare",
        "matrix products.",
        "",
        f"Machine: {machine()}.",
        "",
        "Geometric means of the ratio:",
        "",
        *(f"- {one}" for one in summary(rows).split("; ")),
        "",
        *(["Written by", "", f"    {command}", ""] if command else []),
        *([f"![Times over those of the fastest other engine]({figure})", ""] if figure else []),
        *_as_markdown(header(rows), table(rows)),
        "",
        "Growth of peak memory in MiB:",
        "",
        *_memory(rows),
    ]
    absent = {f"{Path(row.job.cell).stem}: no {name} ({why})" for row in rows for name, why in row.absent.items()}
    if absent:
        about += ["", "Absent: " + "; ".join(sorted(absent)) + "."]
    if left:
        points = "; ".join(f"{Path(job.cell).stem} {job.dtype} {job.T}, {job.B}, {job.D}, {job.H}" for job in left)
        about += ["", f"Not measured, as no time was left: {points}."]
    return "\n".join(about) + "\n"


def _memory(rows: Sequence[Row]) -> list[str]:
    peers = _peers(rows)
    found = []
    for row in rows:
        shown = [f"{row.memory[name]:.0f}" if name in row.memory else "–" for name in peers]
        sizes = f"{row.job.T}, {row.job.B}, {row.job.D}, {row.job.H}"
        found.append([Path(row.job.cell).stem, row.job.dtype, sizes, *shown])
    return _as_markdown(["cell", "dtype", "T, B, D, H", *peers], found)


def _as_markdown(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return lines + ["| " + " | ".join(row) + " |" for row in cells]


KEPT = "<!-- What stands above is measured by `backproof bench`, what stands below is kept. -->"
"""The line of a page below which nothing is written anew."""


def written(rows: Sequence[Row], rounds: int, output: Path, command: str = "", left: Sequence[Job] = ()) -> list[Path]:
    """Write the page, and beside it the figure and the numbers as JSON; the files."""
    figure, numbers = output.with_suffix(".svg"), output.with_suffix(".json")
    points = [row.to_json() for row in rows]
    before = output.read_text(encoding="utf-8") if output.is_file() else ""
    kept = "\n" + KEPT + before.split(KEPT, 1)[1] if KEPT in before else ""
    output.write_text(page(rows, rounds, command, figure.name, left) + kept, encoding="utf-8")
    figure.write_text(svg(rows), encoding="utf-8")
    numbers.write_text(json.dumps({"machine": machine(), "rounds": rounds, "points": points}, indent=1) + "\n", "utf-8")
    return [output, figure, numbers]
