"""Plots on the page of a cell, made from data: how far its gradients reach, and how near its code is to the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from derive.cell import Cell
from derive.errors import InputError
from derive.targets.pictures.labels import width
from derive.targets.templates import environment
from verify.gradient_norms.figure import COLORS, svg
from verify.gradient_norms.measure import measured
from verify.numbers.evidence import THRESHOLDS

RADII, STEPS = (0.5, 1.0, 1.5), 40
"""Norms of the recurrent parameters, and how far back it is measured."""
METHODS = {"complex_step": "complex step", "differences": "central differences", "torch": "torch", "jax": "JAX"}
LOWEST, HIGHEST = -18, -4
"""Decades of relative errors; what is below is drawn at the left edge."""
WIDTH, LEFT, TOP, ROW = 680, 110, 34, 20


def norms(cell: Cell, say: Callable[[str], str]) -> str:
    """The norms of a cell's Jacobians over the steps as SVG; "" for a cell that has none."""
    try:
        return svg([measured(cell, RADII, STEPS)], say)
    except InputError:  # a state is a matrix, or a function is left open
        return ""


def errors(evidence: Mapping[str, Any], say: Callable[[str], str]) -> str:
    """The relative error of every gradient by every method as SVG; a dashed line is what counts as right."""
    colors = dict(zip(THRESHOLDS, COLORS, strict=False))
    legend, x = [], LEFT
    for method, bound in THRESHOLDS.items():
        words = say(METHODS[method])
        legend.append({"x": x, "words": words, "color": colors[method], "bound": _across(bound)})
        x += 30 + round(0.75 * width(words))
    rows = [
        {
            "name": name,
            "y": TOP + ROW * number + ROW // 2,
            "dots": [
                {"x": _across(found[method]), "color": colors[method]}
                for method in THRESHOLDS
                if found[method] is not None
            ],
        }
        for number, (name, found) in enumerate(evidence["gradients"].items())
    ]
    bottom = TOP + ROW * len(rows)
    return (
        environment("verify.site")
        .get_template("evidence.svg.jinja")
        .render(
            title=say("Evidence"), width=WIDTH, height=bottom + 28, left=LEFT, top=TOP, bottom=bottom,
            ticks=[{"at": _across(10.0**power), "label": str(power)} for power in range(LOWEST, HIGHEST + 1, 2)],
            methods=legend, rows=rows,
        )
    )  # fmt: skip


def _across(error: float) -> float:
    power = min(max(math.log10(max(error, 1e-60)), LOWEST), HIGHEST)
    return round(LEFT + (power - LOWEST) / (HIGHEST - LOWEST) * (WIDTH - LEFT - 20), 1)
