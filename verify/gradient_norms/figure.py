"""The figure: one panel per cell, norms over the number of steps on a logarithmic scale, as SVG.

Only rounded numbers are drawn, with one decimal per coordinate: the same bytes on any machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jinja2 import Template

from derive.targets.pictures.labels import width
from derive.targets.templates import environment
from verify.gradient_norms.measure import Measured

ACROSS = 3
PANEL_WIDTH, PANEL_HEIGHT = 250, 230
LEFT, TOP, GAP, BELOW = 62, 84, 26, 58
LOWEST, HIGHEST = -12, 6
"""Decades that the figure shows at most: curves that go beyond leave it."""
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
"""Told apart by everyone (Okabe and Ito 2008)."""
DARK = "#333333"


@dataclass(frozen=True)
class Line:
    """One curve as the points of a polyline."""

    kind: str
    color: str
    points: str


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where it stands, in pixels, and what it says."""

    at: float
    label: str


@dataclass(frozen=True)
class Panel:
    """One cell: its place, its axes, its curves."""

    number: int
    title: str
    x: int
    y: int
    columns: tuple[Tick, ...]
    rows: tuple[Tick, ...]
    lines: tuple[Line, ...]
    names_rows: bool


def svg(cells: Sequence[Measured], say: Callable[[str], str] = str) -> str:
    """The figure of one or more cells, all over the same radii and the same number of steps; `say`: its words."""
    steps = len(cells[0].curves[0].norms) - 1
    low, high = _decades(cells)

    def across(step: float) -> float:
        return round(step * PANEL_WIDTH / max(steps, 1), 1)

    def down(value: float) -> float:
        return round((high - _log(value)) * PANEL_HEIGHT / (high - low), 1)

    every = max(1, 5 * round(steps / 20)) if steps >= 8 else 1
    columns = tuple(Tick(across(step), str(step)) for step in range(0, steps + 1, every))
    apart = next(apart for apart in (1, 2, 3, 5) if (high - low) / apart <= 7)
    decades = [power for power in range(low, high + 1) if power % apart == 0]
    rows = tuple(Tick(down(10.0**power), str(power)) for power in decades)
    panels = tuple(
        Panel(
            number,
            one.cell.title,
            LEFT + number % ACROSS * (PANEL_WIDTH + GAP),
            TOP + number // ACROSS * (PANEL_HEIGHT + BELOW + 20),
            columns,
            rows,
            _lines(one, across, down),
            number % ACROSS == 0,
        )
        for number, one in enumerate(cells)
    )
    kinds = {line.kind for panel in panels for line in panel.lines}
    used = min(ACROSS, len(panels))
    return template("norms.svg.jinja").render(
        panels=panels,
        width=max(LEFT + used * (PANEL_WIDTH + GAP), 500),
        height=panels[-1].y + PANEL_HEIGHT + BELOW,
        panel_width=PANEL_WIDTH,
        panel_height=PANEL_HEIGHT,
        left=LEFT,
        radii=tuple(zip([f"{curve.radius:g}" for curve in cells[0].curves], _colors(cells[0]), strict=True)),
        kinds=[(kind, say(words)) for kind, words in _KINDS.items() if kind in kinds],
        say=say,
        wide=width,
    )


_KINDS = {"bound": "derived bound", "measured": "measured", "direct": "direct path alone"}
"""What lines show, the lowest first."""


def _lines(one: Measured, across: Callable[[float], float], down: Callable[[float], float]) -> tuple[Line, ...]:
    found = []
    for curve, color in zip(one.curves, _colors(one), strict=True):
        for kind, values in (("bound", curve.bounds), ("measured", curve.norms), ("direct", curve.direct)):
            if values is not None:
                points = " ".join(f"{across(step):g},{down(value):g}" for step, value in enumerate(values))
                found.append(Line(kind, DARK if kind == "direct" else color, points))
    return tuple(sorted(found, key=lambda line: list(_KINDS).index(line.kind)))


def _colors(one: Measured) -> list[str]:
    return [COLORS[number % len(COLORS)] for number in range(len(one.curves))]


def _decades(cells: Sequence[Measured]) -> tuple[int, int]:
    """The lowest and the highest power of ten shown: what was measured, and room above for the bounds to leave by."""
    logs = [_log(value) for one in cells for curve in one.curves for value in curve.norms]
    low, high = math.floor(min(logs)), math.ceil(max(logs)) + 2
    return max(min(low, -1), LOWEST), max(min(high, HIGHEST), 1)


def _log(value: float) -> float:
    """The logarithm, far outside the figure for zero and what is not finite."""
    return math.log10(min(max(value, 1e-60), 1e60)) if value == value else 60.0


def template(name: str) -> Template:
    """A template of this package."""
    return environment("verify.gradient_norms").get_template(name)
