"""The page: the figure, the numbers in a table, and the derived statement of every cell."""

from __future__ import annotations

from collections.abc import Sequence

from derive.calculus.vanishing import TITLE
from derive.targets.pages import markdown_section
from verify.gradient_norms.figure import template
from verify.gradient_norms.measure import Measured


def markdown(cells: Sequence[Measured], figure: str) -> str:
    """The page as Markdown; `figure` is the path of the figure as the page sees it."""
    steps = len(cells[0].curves[0].norms) - 1
    return template("norms.md.jinja").render(
        cells=cells,
        figure=figure,
        steps=steps,
        told=told(steps),
        sections=[(one.cell.title, markdown_section(one.derivation, TITLE)) for one in cells],
    )


def told(steps: int) -> list[int]:
    """The numbers of steps that a table shows."""
    return sorted({1, *(round(steps * part / 4) for part in range(1, 5))} - {0})
