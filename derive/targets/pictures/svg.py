"""Drawing -> SVG: text as text, colours that follow the reader's theme, no identifiers and nothing that runs.

A page that has a theme of its own sets `data-theme` on an element around the picture, or the variables that start with
`--bp-`. What stands in a label is data: it is escaped by the template.
"""

from __future__ import annotations

from derive.targets.pictures.drawing import Drawing, Placed, Wire
from derive.targets.pictures.labels import LINE, SHIFT, SIZE, SMALL, plain, runs, width
from derive.targets.pictures.layered import legend_width
from derive.targets.templates import environment


def svg(drawing: Drawing) -> str:
    """The picture as an SVG document; the same bytes for the same drawing."""
    return (
        environment("derive.targets.pictures")
        .get_template("picture.svg.jinja")
        .render(
            drawing=drawing,
            runs=runs,
            plain=plain,
            path=_path,
            arrow=_arrow,
            n=_number,
            lines=_lines,
            legend=_legend(drawing),
            size=SIZE,
            small=SMALL,
            shift=SHIFT,
        )
    )


def _lines(placed: Placed) -> list[tuple[float, float, str]]:
    """The lines of a label: their middle, their baseline, what they say."""
    box = placed.box
    x = placed.x + box.tag_width / 2
    first = placed.y - LINE * (len(box.lines) - 1) / 2 + 5
    return [(x, first + LINE * number, line) for number, line in enumerate(box.lines)]


def _legend(drawing: Drawing) -> list[tuple[float, str, str]]:
    """For each role of the legend the left end of its mark."""
    left, found = (drawing.width - legend_width(drawing.roles)) / 2, []
    for role, words in drawing.roles:
        found.append((left, str(role), words))
        left += width(words) + 42
    return found


def _path(wire: Wire) -> str:
    pieces = list(wire.pieces())
    parts = [f"M{_number(pieces[0][0][0])} {_number(pieces[0][0][1])}"]
    for _, *points in pieces:
        letter = "C" if len(points) == 3 else "L"
        parts.append(letter + " ".join(f"{_number(x)} {_number(y)}" for x, y in points))
    return "".join(parts)


def _arrow(wire: Wire) -> str:
    """The head of the arrow, as a triangle."""
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in wire.head())


def _number(value: float) -> str:
    """A length with one decimal at most."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
