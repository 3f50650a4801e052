"""Long formulas of an article in several lines: cut before an operation, within as few brackets as can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from derive.patterns import regex
from derive.targets.pages.model import Display

_TOKEN = regex(r"\\(?:left|right)(?:\\[A-Za-z]+|.)|\\[A-Za-z]+|\\.|[{}()\[\]]|\s+|.")
_OPENING = regex(r"\\left.*|[(\[]|\\l(?:Vert|vert)")
_CLOSING = regex(r"\\right.*|[)\]]|\\r(?:Vert|vert)")
_BETWEEN = {"=": 0, r"\leq": 0, "+": 0, "-": 0, r"\odot": 1}
"""What a line may begin with; terms are parted rather than factors."""
_BESIDE = 2
"""Two factors that stand beside each other are parted last, and get a dot."""
_FULL, _SPARE = 0.35, 1.1
"""A line is at least and at most so full where it is cut."""


@dataclass(frozen=True)
class _Cut:
    """A place where a line may end, with the `\\left` that are open there."""

    at: int
    open: tuple[str, ...]
    depth: int
    kind: int


def folded(display: Display, measure: Callable[[str], int], width: int) -> Display:
    """The same formula with every line, where it can be cut, hardly wider than that."""
    lines: list[tuple[str, str]] = []
    for left, right in display.lines:
        if left and measure(left) > width // 2 and measure(left + right) > width:  # what is equal stands below
            lines += [("", part) for part in _folded(left, measure, width)]
            lines += [("", rf"\quad {{}}{part}") for part in _folded(right, measure, width)]
        else:
            first, *others = _folded(right, measure, width, measure(left))
            lines += [(left, first), *(("", part) for part in others)]
    return replace(display, lines=tuple(lines))


def _folded(formula: str, measure: Callable[[str], int], width: int, before: int = 0) -> list[str]:
    """One line as several; `before` is how much room the first one leaves."""
    cuts, lines, begun = list(_cuts(formula)), [], _Cut(0, (), 0, 0)
    room = max(width - before, width // 2)
    while measure(formula[begun.at :]) > room:
        full = [(cut, measure(formula[begun.at : cut.at])) for cut in cuts if cut.at > begun.at]
        near = [cut for cut, wide in full if _FULL * room <= wide <= _SPARE * room]
        beyond = [cut for cut, wide in full if wide > room]
        if not (near or beyond):
            break
        best = min(near, key=lambda cut: (cut.depth, cut.kind, -cut.at)) if near else beyond[0]
        lines.append(_line(formula, begun, best))
        begun, room = best, width
    return [*lines, _line(formula, begun, None)]


def _line(formula: str, begun: _Cut, ends: _Cut | None) -> str:
    """From one cut to the next, every `\\left` in it with a `\\right`."""
    written = formula[begun.at : ends.at if ends else len(formula)].rstrip()
    dot = r"\cdot " if begun.kind == _BESIDE else ""
    head = r"\quad {}" + r"\left. " * len(begun.open) + dot if begun.at else ""
    return head + written + r" \right." * (len(ends.open) if ends else 0)


def _cuts(formula: str) -> Iterator[_Cut]:
    """Every place before an operation that stands in no braces and in no matrix."""
    braces = matrices = 0
    open_: list[str] = []
    before, spaced = "", False
    for token in _TOKEN.finditer(formula):
        written = token[0]
        if not written.strip():
            spaced = True
            continue
        outside = not (braces or matrices)
        kind = _BETWEEN.get(written)
        if kind is None and spaced and _CLOSING.fullmatch(before) and not _CLOSING.fullmatch(written):
            kind = None if written == r"\quad" else _BESIDE
        if outside and kind is not None and before and before not in _BETWEEN and not _OPENING.fullmatch(before):
            lefts = tuple(one for one in open_ if one.startswith(r"\left"))
            yield _Cut(token.start(), lefts, len(open_), kind)
        if written == "{":
            braces += 1
        elif written == "}":
            braces -= 1
        elif written in (r"\begin", r"\end"):
            matrices += 1 if written == r"\begin" else -1
        elif outside and _CLOSING.fullmatch(written) and open_:
            open_.pop()
        elif outside and _OPENING.fullmatch(written):
            open_.append(written)
        before, spaced = written, False
