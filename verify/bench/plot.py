"""The figure of a table: for every point the time of each of ours over that of the fastest other, on a log scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from verify.bench.measure import Row

COLORS = {"backproof": "#0072b2", "native": "#d55e00", "torch target": "#009e73", "triton": "#cc79a7"}
"""Told apart by everyone (Okabe and Ito 2008)."""

LEFT, WIDTH, ROW, TOP = 300, 420, 18, 46
LEAST, MOST = 1 / 16, 8.0


def svg(rows: Sequence[Row]) -> str:
    """The figure; what lies beyond its ends is drawn at them."""
    shown = [row for row in rows if any(row.ratio_of(name) is not None for name in COLORS)]
    whole, height = LEFT + WIDTH + 30, TOP + ROW * len(shown) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{whole}" height="{height}" fill="#ffffff"/>',
    ]
    for k, (name, color) in enumerate(COLORS.items()):
        if any(row.ratio_of(name) is not None for row in shown):
            x: float = LEFT + 110 * k
            parts += [
                f'<circle cx="{x}" cy="14" r="4" fill="{color}"/>',
                f'<text x="{x + 8}" y="18">{escape(name)}</text>',
            ]
    for tick in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8):
        x = _place(tick)
        weight, label = (2 if tick == 1 else 1), f"{tick:g}" if tick >= 1 else f"1/{round(1 / tick)}"
        parts += [
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" y2="{height - 24}" '
            f'stroke="#cccccc" stroke-width="{weight}"/>',
            f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle">{label}</text>',
        ]
    for k, row in enumerate(shown):
        y = TOP + ROW * k
        parts.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(row.label)}</text>')
        for name, color in COLORS.items():
            ratio = row.ratio_of(name)
            if ratio is not None:
                parts.append(f'<circle cx="{_place(ratio):.1f}" cy="{y}" r="4" fill="{color}" fill-opacity="0.85"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _place(ratio: float) -> float:
    inside = min(max(ratio, LEAST), MOST)
    return LEFT + WIDTH * math.log(inside / LEAST) / math.log(MOST / LEAST)
