"""The forward equations that a note writes down: an assignment to a quantity at t, without any derivative."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from derive.errors import InputError
from derive.notation import TimeStyle, spelled
from derive.reader.fragment import Fragment
from derive.reader.parser import parse
from derive.reader.symbols import Symbol, letter, symbol, time_of
from derive.reader.syntax import Chain, Group, Name, Run, Syntax
from derive.reader.vocabulary import Vocabulary
from verify.models.names import stripped
from verify.notes import Formula, piece

TIMES: Mapping[TimeStyle, str] = {
    TimeStyle.SUBSCRIPT: "_t",
    TimeStyle.PARENTHESES: "^{(t)}",
    TimeStyle.ANGLES: r"^{\langle t \rangle}",
    TimeStyle.SUPERSCRIPT: "^t",
}
"""The index of step t in each style."""
LOSSES = frozenset(["L", "E", "J", "loss", "Loss", "ell"])
"""Names of what is minimised."""
_DERIVATIVE = re.compile(r"\\(?:partial|nabla|delta|mathrm\{d\})|∂|δ|∇")
_NUMBERED = re.compile(r"(?P<letter>\s*\\?[A-Za-z]+)_\{?(?P<step>[1-9])\}?\s*")
_LOG = re.compile(r"\\?(?:log|ln)(?![a-z])")
_SQUARE = re.compile(r"\^\s*\{?\s*2")


@dataclass(frozen=True)
class Mention:
    """A quantity as it stands in an equation: with its name, its time, and where its letter stands."""

    name: str
    offset: int | None
    start: int
    end: int


@dataclass(frozen=True)
class Equation:
    """One forward equation of a note.

    `fragment` is the equation alone; `left_end` is where its left side ends in it; `place` is where it stands.
    """

    target: str
    offset: int
    style: TimeStyle
    fragment: Fragment
    left_end: int
    right_start: int
    section: tuple[str, ...]
    index: int
    place: tuple[str, int, int]
    numbered: str = ""
    """The step that it is written for, where that is a number: `s_3`."""

    @cached_property
    def used(self) -> tuple[Mention, ...]:
        """The quantities on the right side."""
        found = (m for m in mentions(self.fragment) if m.start >= self.right_start)
        if self.target in LOSSES:  # y_i is an entry of y here; elsewhere b_i may be the bias of a gate
            return tuple(replace(m, name=stripped(m.name)) for m in found)
        return tuple(found)

    @property
    def right(self) -> str:
        return self.fragment.text[self.right_start :]

    @property
    def loss(self) -> str:
        """`cross-entropy`, `squared`, or nothing where this is no loss."""
        if self.target not in LOSSES:
            return ""
        if _LOG.search(self.right):
            return "cross-entropy" if "1" not in self.right.split("^")[0] else "other"
        return "squared" if _SQUARE.search(self.right) else ""

    def with_target(self, name: str) -> Equation:
        """The same right side for another quantity."""
        return self.rewritten(f"{spelled(name)}{TIMES[self.style]} = {self.right.strip()}", name)

    def rewritten(self, text: str, target: str | None = None) -> Equation:
        """The same equation in other words, at the same place."""
        fragment = replace(self.fragment, text=text, lines=self.fragment.lines[:1])
        start = text.index("=") + 1
        return replace(
            self, target=target or self.target, offset=0 if target else self.offset, fragment=fragment,
            left_end=start - 1, right_start=start,
        )  # fmt: skip

    def renamed(self, letters: Mapping[str, str]) -> Equation:
        """The same equation with other base letters."""
        text, shift, right = self.fragment.text, 0, self.right_start
        for start, end, word in _letters(self.fragment):
            if word in letters:
                text = text[: start + shift] + letters[word] + text[end + shift :]
                change = len(letters[word]) - (end - start)
                right += change if end <= self.right_start else 0
                shift += change
        fragment = replace(self.fragment, text=text, lines=self.fragment.lines[:1])
        return replace(self, target=letters.get(self.target, self.target), fragment=fragment, right_start=right)


def equations(formula: Formula, index: int) -> Iterator[Equation]:
    """The forward equations in a formula."""
    fragment = formula.fragment
    try:
        rows = parse(fragment)
    except (InputError, RecursionError):
        return
    for part in (part for row in rows for part in row):
        if not isinstance(part, Chain) or {relation.type for relation in part.relations} != {"EQ"}:
            continue
        left, right = part.sides[:2]
        text = fragment.text[left.start : right.end]
        if _DERIVATIVE.search(text):
            continue
        cut = piece(fragment, left.start, right.end)
        place = cut.place(0)
        at = (place.file, place.line, place.column)
        edges = (left.end - left.start, right.start - left.start, formula.section, index, at)
        if found := _target(left, fragment):
            yield Equation(found.name, found.offset or 0, found.style or TimeStyle.SUBSCRIPT, cut, *edges)
        elif numbered := _numbered(text, edges[1]):
            style = TimeStyle.SUBSCRIPT
            written = Equation("", 0, style, cut, *edges, numbered=" ".join(text[: edges[0]].split()))
            yield written.rewritten(numbered, _letter_of(numbered))


def _target(left: Syntax, fragment: Fragment) -> Symbol | None:
    """The quantity at some t that this assigns; a list of arguments behind it says nothing."""
    factors = left.factors if isinstance(left, Run) else (left,)
    if letter(factors[0]) is None or len(factors) > 2:
        return None
    try:
        found = symbol(factors[0], fragment)
    except InputError:
        return None
    if found is None or found.transposed or found.power is not None:
        return None
    if len(factors) == 2:
        group = factors[1]
        if not isinstance(group, Group):
            return None
        if found.offset is None and (offset := time_of(group)) is not None:
            found.offset, found.style = offset, TimeStyle.PARENTHESES
    return found if found.offset is not None else None


def _numbered(text: str, right_start: int) -> str | None:
    """s_3 = f(U x_t + W s_2) as an equation for step t."""
    left = _NUMBERED.fullmatch(text[:right_start].rstrip().removesuffix("=").removesuffix("&"))
    if left is None:
        return None
    step = int(left.group("step"))
    right = re.sub(rf"_\{{?{step - 1}\}}?(?!\d)", "_{t-1}", text[right_start:])
    if right == text[right_start:]:
        return None
    right = re.sub(rf"_\{{?{step}\}}?(?!\d)", "_t", right)
    return f"{left.group('letter').strip()}_t = {right}"


def _letter_of(text: str) -> str:
    return text.split("_")[0].strip().removeprefix("\\")


class _Mentions(Vocabulary):
    """A survey that keeps every quantity with its place."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Symbol] = []

    def _note(self, node: Syntax, following: Syntax | None, fragment: Fragment) -> None:
        before = set(self.quantities)
        self.quantities.clear()
        super()._note(node, following, fragment)
        if self.quantities:
            found = symbol(node, fragment)
            if found is not None:
                if found.offset is None and isinstance(following, Group):
                    found.offset = time_of(following)
                self.found.append(found)
        self.quantities |= before


def mentions(fragment: Fragment) -> list[Mention]:
    """Every quantity of a formula that can be read."""
    survey = _Mentions()
    for row in parse(fragment):
        for part in row:
            survey.survey(part, fragment)
    found = (Mention(s.name, s.offset, s.start, s.end) for s in survey.found)
    return [m for m in found if m.name not in ("t", "I")]


def _letters(fragment: Fragment) -> list[tuple[int, int, str]]:
    """The base letters of a formula with their places."""
    found: list[tuple[int, int, str]] = []

    def visit(node: object) -> None:
        if isinstance(node, Name):
            found.append((node.start, node.end, node.word))
        elif isinstance(node, tuple):
            for part in node:
                visit(part)
        elif hasattr(node, "__dict__"):
            for part in vars(node).values():
                visit(part)

    visit(tuple(parse(fragment)))
    return sorted(found)
