"""What was measured as a table for people, or as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from derive.build import replace
from verify.gradient_norms.figure import svg
from verify.gradient_norms.measure import Measured
from verify.gradient_norms.page import markdown, told


def write(found: Sequence[Measured], output: Path) -> list[str]:
    """Write the figure, or the page with its figure beside it; the files written. Raises InputError if that fails."""
    figure = output.with_suffix(".svg")
    replace(figure, svg(found))
    if output == figure:
        return [str(figure)]
    replace(output, markdown(found, figure.name))
    return [str(output), str(figure)]


def table(found: Sequence[Measured], steps: int) -> tuple[list[str], list[list[str]], str]:
    """Header, a row for each curve, and what the columns mean."""
    rows = []
    for one in found:
        for curve in one.curves:
            bound = f"{curve.bounds[-1]:.1e}" if curve.bounds else "-"
            values = [f"{curve.norms[step]:.1e}" for step in told(steps)]
            rows.append([one.cell.title, f"{curve.radius:g}", *values, bound])
    header = ["cell", "radius", *(f"t-k = {step}" for step in told(steps)), f"bound at {steps}"]
    return header, rows, "radius: the norm of the recurrent parameters. -: no bound is derived for this cell."
