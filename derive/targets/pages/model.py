"""What a template prints: plain data, every formula written and numbered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A line of the table of symbols."""

    symbol: str
    role: str
    shape: str
    code: str


@dataclass(frozen=True)
class Display:
    """A numbered formula in one or more aligned lines, each cut in two before its `=`."""

    number: int
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Item:
    """A paragraph, a list, formulas, or several of them in this order."""

    words: str = ""
    points: tuple[Point, ...] = ()
    numbered: bool = False
    displays: tuple[Display, ...] = ()
    after: str = ""


@dataclass(frozen=True)
class Point:
    """An entry of a list, with the steps below it."""

    words: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """A heading (or none) with what stands below it; `of` names the quantity whose gradient it is about."""

    heading: str
    items: tuple[Item, ...]
    of: str = ""


@dataclass(frozen=True)
class Part:
    """A section of the page; one that `opens` it stands before the table of symbols."""

    title: str
    words: str = ""
    blocks: tuple[Block, ...] = ()
    opens: bool = False


@dataclass(frozen=True)
class Page:
    """Everything a template prints."""

    title: str
    source: str
    notation: tuple[str, ...]
    symbols: tuple[Row, ...]
    conventions: tuple[str, ...]
    parts: tuple[Part, ...]

    @property
    def opening(self) -> tuple[Part, ...]:
        """The equations as written, which stand before the table of symbols."""
        return tuple(part for part in self.parts[:1] if part.opens)

    @property
    def others(self) -> tuple[Part, ...]:
        """What stands behind the table."""
        return self.parts[len(self.opening) :]
