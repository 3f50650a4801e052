"""A section of a page that is not a gradient: sentences, chains of equal expressions, and formulas of entries."""

from __future__ import annotations

from dataclasses import dataclass

from derive.nodes import Node


@dataclass(frozen=True)
class Equality:
    """A chain of equal expressions with its reason; `at_most` counts the last members, each joined by ≤ instead."""

    members: tuple[Node, ...]
    why: str = ""
    at_most: int = 0


@dataclass(frozen=True)
class Entries:
    """A formula about single entries, which are no nodes: written out in LaTeX and in text."""

    latex: str
    text: str


@dataclass(frozen=True)
class Section:
    """A titled sequence of sentences (text) and formulas."""

    title: str
    items: tuple[str | Equality | Entries, ...]
