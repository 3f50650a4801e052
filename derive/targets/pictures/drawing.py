"""What a picture consists of: boxes with labels, connected; first without places, then with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

from derive.targets.pictures.labels import LINE, width


class Role(StrEnum):
    """What a box stands for; the class of its element."""

    INPUT = "input"
    STATE = "state"
    VALUE = "value"
    OPERATION = "operation"
    OUTPUT = "output"
    PARAMETER = "parameter"
    MEETING = "meeting"
    LATER = "later"
    LOSS = "loss"
    TERM = "term"


@dataclass(frozen=True)
class Box:
    """A labelled box. `tag` stands in a compartment before the label: the operation that gives the quantity.

    `name` is what the label is about, for those who style or look up a picture. A term has no border.
    """

    key: str
    lines: tuple[str, ...]
    role: Role
    tag: str = ""
    name: str = ""
    least: float = 34.0
    """The least width."""

    @cached_property
    def tag_width(self) -> float:
        """The width of the first compartment."""
        return width(self.tag) + 16 if self.tag else 0.0

    @cached_property
    def width(self) -> float:
        """Pixels."""
        inner = max(map(width, self.lines)) + (8 if self.role is Role.TERM else 20)
        return max(inner + self.tag_width, self.least)

    @property
    def height(self) -> float:
        """Pixels."""
        return LINE * len(self.lines) + (4 if self.role is Role.TERM else 11)


@dataclass(frozen=True)
class Graph:
    """Boxes and which leads to which; `first` and `last` name those at the two ends."""

    title: str
    about: str
    boxes: tuple[Box, ...]
    edges: tuple[tuple[str, str], ...]
    first: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Placed:
    """A box and the point at its centre."""

    box: Box
    x: float
    y: float

    @property
    def left(self) -> float:
        return self.x - self.box.width / 2

    @property
    def right(self) -> float:
        return self.x + self.box.width / 2

    @property
    def top(self) -> float:
        return self.y - self.box.height / 2

    @property
    def bottom(self) -> float:
        return self.y + self.box.height / 2


Point = tuple[float, float]
ARROW = 7.0
"""How long the head of an arrow is."""


@dataclass(frozen=True)
class Wire:
    """A line through some points: straight, or a curve that leaves and arrives along x or y. It may end in an arrow.

    `ends` are the boxes that it touches.
    """

    points: tuple[Point, ...]
    ends: tuple[str, ...]
    bent: str = ""
    arrow: bool = False
    role: str = ""

    def pieces(self) -> Iterator[tuple[Point, ...]]:
        """What to draw, one piece after the other: two ends of a line, or of a curve with its control points between.

        The last piece ends before the head of the arrow.
        """
        (dx, dy), last = self._direction(), self.points[-1]
        points = [*self.points[:-1], (last[0] - dx * (ARROW - 1), last[1] - dy * (ARROW - 1)) if self.arrow else last]
        for (x, y), (x2, y2) in pairwise(points):
            if self.bent and x != x2 and y != y2:
                middle = ((x + x2) / 2, (y + y2) / 2)
                first, second = (
                    ((middle[0], y), (middle[0], y2)) if self.bent == "x" else ((x, middle[1]), (x2, middle[1]))
                )
                yield (x, y), first, second, (x2, y2)
            else:
                yield (x, y), (x2, y2)

    def head(self) -> tuple[Point, Point, Point]:
        """The corners of the arrow's head."""
        (x, y), (dx, dy) = self.points[-1], self._direction()
        back, side = (x - dx * ARROW, y - dy * ARROW), (dy * ARROW / 2, dx * ARROW / 2)
        return (x, y), (back[0] - side[0], back[1] - side[1]), (back[0] + side[0], back[1] + side[1])

    def _direction(self) -> Point:
        (x1, y1), (x2, y2) = self.points[-2:]
        if self.bent == "x" or (not self.bent and abs(x2 - x1) >= abs(y2 - y1)):
            return (1.0 if x2 > x1 else -1.0), 0.0
        return 0.0, (1.0 if y2 > y1 else -1.0)

    def sampled(self) -> Iterator[Point]:
        """Points along the line, a few pixels apart."""
        for (x1, y1), (x2, y2) in zip(self.points, self.points[1:], strict=False):
            for step in range(33):
                s = step / 32
                begin, middle, end = (1 - s) ** 3, 3 * s * (1 - s), s**3
                early, late = begin + middle * (1 - s), middle * s + end
                halves = begin * x1 + middle * (x1 + x2) / 2 + end * x2, begin * y1 + middle * (y1 + y2) / 2 + end * y2
                if self.bent == "x":
                    yield halves[0], early * y1 + late * y2
                elif self.bent == "y":
                    yield early * x1 + late * x2, halves[1]
                else:
                    yield x1 + s * (x2 - x1), y1 + s * (y2 - y1)


@dataclass(frozen=True)
class Drawing:
    """A picture in pixels."""

    title: str
    about: str
    width: float
    height: float
    boxes: tuple[Placed, ...]
    wires: tuple[Wire, ...]
    roles: tuple[tuple[Role, str], ...] = ()
    """What the legend explains."""

    def said(self, say: Callable[[str], str]) -> Drawing:
        """The same picture with its words in another language; formulas are in none."""
        return replace(self, title=say(self.title), roles=tuple((role, say(words)) for role, words in self.roles))
