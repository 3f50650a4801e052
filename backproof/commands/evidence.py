"""verify, norms, bench: what was found in numbers."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from backproof.commands.answering import guarded, print_json, print_table, progress_bar
from backproof.commands.options import LANG, cell_names, json_option, network_options
from backproof.commands.reading import read_as, reading_of
from derive.errors import InputError


@click.command(epilog="Example:  backproof verify lstm my_cell.md;  backproof verify gru --layers 2 --bidirectional")
@click.argument("cells", metavar="[CELL|NOTE]...", nargs=-1, shell_complete=cell_names)
@network_options
@LANG
@json_option
@guarded
def verify(cells: tuple[str, ...], lang: str, as_json: bool, **options: Any) -> int:
    """Show the evidence that derivation and code are right (default: the whole catalogue)."""
    from derive import catalogue
    from verify.numbers.apart import apart, here
    from verify.numbers.evidence import report
    from verify.numbers.network import evidence_of
    from verify.reports.evidence import table

    everything = [*catalogue.cells(), *([] if any(options.values()) else [*catalogue.heads(), *catalogue.networks()])]
    found = [catalogue.made(name, **options) for name in cells or everything]
    with progress_bar(len(found)) as progress:
        gathered = []
        for made in found:
            progress(made.name)
            gathered.append(evidence_of(made, apart if len(found) == 1 else here))
    if as_json:
        read = {made.name: reading_of(name, made) for name, made in zip(cells, found, strict=False)}
        told = {name: one["reading"] for name, one in read.items() if one}
        print_json({**report(gathered), **({"readings": told} if told else {})})
    else:
        for name, made in zip(cells, found, strict=False):
            read_as(name, made)
        print_table("Evidence", *table(gathered))
    return 0 if all(one.passed for one in gathered) else 1


@click.command(epilog="Example:  backproof norms rnn lstm gru -o norms.svg")
@click.argument("cells", metavar="CELL|NOTE...", nargs=-1, required=True, shell_complete=cell_names)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A figure (FILE.svg), or a page (FILE.md) with its figure beside it.",
)
@click.option("--steps", type=click.IntRange(1, 1000), default=40, show_default=True, help="How far back to look.")
@click.option(
    "--radius",
    "radii",
    type=click.FloatRange(0, 100, min_open=True),
    multiple=True,
    default=(0.5, 1.0, 1.5),
    show_default=True,
    help="The norm, and spectral radius, of recurrent parameters.",
)
@json_option
@guarded
def norms(cells: tuple[str, ...], output: Path | None, steps: int, radii: tuple[float, ...], as_json: bool) -> None:
    """Show how far gradients reach: the norm of one state's response to an earlier one, measured and bounded."""
    from derive import catalogue
    from verify.gradient_norms.measure import measured
    from verify.gradient_norms.output import table, write

    if output and output.suffix not in (".svg", ".md"):
        raise InputError(f"{output} is neither a figure nor a page", hint="name a file ending in .svg or .md")
    found = [measured(catalogue.find(name), radii, steps) for name in cells]
    written = write(found, output) if output else []
    if as_json:
        print_json({"steps": steps, "files": written, "cells": {one.cell.name: one.to_json() for one in found}})
    elif written:
        click.echo("\n".join(f"{path}: norms of {', '.join(one.cell.title for one in found)}" for path in written))
    else:
        print_table("Norms of gradients", *table(found, steps))


@click.command(epilog="Example:  backproof bench lstm gru --size 50,32,64,128 --dtype float32 -o docs/speed.md")
@click.argument("cells", nargs=-1)
@click.option("--size", "sizes", multiple=True, metavar="T,B,D,H", help="Sizes of a point; without it a whole table.")
@click.option("--dtype", "dtypes", multiple=True, type=click.Choice(["float32", "float64"]), help="Number types.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Threads of every peer.")
@click.option("--peer", "peers", multiple=True, metavar="NAME", help="What to measure (default: all columns).")
@click.option("--rounds", default=7, show_default=True, type=click.IntRange(1), help="Runs of every peer.")
@click.option("--gpu", is_flag=True, help="On a GPU, beside cuDNN, JAX and torch.compile.")
@click.option(
    "--minutes", default=10.0, show_default=True, help="Without CELL: no point is begun that would end later."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the table as a page, beside it a figure and JSON.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@guarded
def bench(
    cells: tuple[str, ...],
    sizes: tuple[str, ...],
    dtypes: tuple[str, ...],
    threads: int,
    peers: tuple[str, ...],
    rounds: int,
    gpu: bool,
    minutes: float,
    output: Path | None,
    as_json: bool,
) -> None:
    """Measure forward and all gradients of cells beside torch, JAX and the bare matrix products.

    Without CELL the points of docs/speed.md, or with --gpu those of a GPU, the most telling ones first.
    """
    from verify.bench import plans
    from verify.bench.measure import jobs, known, planned
    from verify.bench.report import header, machine, summary, table, written

    device = "gpu" if gpu else "cpu"
    named = jobs(cells, sizes, dtypes, threads, device)
    plan = [(job, known(peers, device)) for job in named] or (plans.on_gpu() if gpu else plans.on_cpu())
    command = " ".join(["backproof", *sys.argv[1:]])
    with progress_bar(len(plan)) as progress:

        def told(rows: Sequence[Any]) -> None:
            if all(row.measured == 1 for row in rows):
                progress(rows[-1].label)
            if output:  # what was measured so far is kept
                written(rows, rounds, output, command)

        rows, left = planned(plan, rounds, math.inf if named else minutes, told)
    if output and left:
        written(rows, rounds, output, command, left)
    if as_json:
        print_json({"machine": machine(), "rounds": rounds, "points": [row.to_json() for row in rows]})
    else:
        print_table("Milliseconds", header(rows), table(rows), f"{machine()}. {summary(rows)}")
