"""One forward equation of a document, and the quantities that it speaks of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Expr

from derive.errors import Place
from derive.notation import TimeStyle, spelled
from derive.patterns import regex
from derive.reader.meaning.letters import time_of
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.meaning.vocabulary import Vocabulary
from derive.reader.models.equations.names import counted_in, spelled_names, stripped, without_index
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Group, Name, Scripted, Syntax

TIMES: Mapping[TimeStyle, str] = {
    TimeStyle.SUBSCRIPT: "_t",
    TimeStyle.PARENTHESES: "^{(t)}",
    TimeStyle.ANGLES: r"^{\langle t \rangle}",
    TimeStyle.SUPERSCRIPT: "^t",
}
"""The index of step t in each style."""
LOSSES = frozenset(["L", "E", "J", "C", "loss", "Loss", "ell", "l"])
"""Names of what is minimised."""
INPUTS = frozenset(["x", "u"])
"""Letters that stand for an input, never for a state that lacks its equation."""
EVERY_STEP = "{name}, which is written without a time, is taken to be a value of every step"
_INDEXED = regex(r"[A-Za-z]{2,}[^{}]*,\s*([a-z])\s*\}\s*\Z")
_BINARY = regex(r"1\s*-")
TRANSPOSES = regex(r"\\top|\\intercal|⊤|ᵀ|\^\s*\{?\s*T(?![A-Za-z])")
"""What shows that a text transposes something."""
LOGARITHM = regex(r"\\?(?:log|ln)(?![a-z])")
_TURNED = r"(?:\^\{?(?:\\[a-z]+\{?)?(?:T|\\top|\\intercal|⊤)\}*|'|ᵀ|⊤)"
_BLANKS = regex(r"\s|\\(?:[,;:! ]|left(?![a-z])|right(?![a-z])|cdot(?![a-z]))|[*@](?=\()")
_SQUARE = regex(
    rf"\^\{{?2|²|(?P<one>\((?:[^()]|\([^()]*\))*\)|(?<![A-Za-z])\\?[A-Za-z]+(?:_(?:\w|\{{[^{{}}]*\}}))?)"
    rf"(?:{_TURNED}(?P=one)(?!_)|(?P=one){_TURNED})|(?:\|\||\\\||\\[lr]?Vert|‖)[^=]*-"
)
"""A square, of a letter or bracket with its own transpose too, or the norm of a difference."""


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
    valued: bool = False
    """Whether numbers stand behind it, `s_3 = U x_3 + W s_2 = (0.1, 0.2)`: then it is worked out for an example."""
    whole: Expr | None = None
    """For a loss that is stated as a whole: the factor before the sum over the steps."""
    at_end: bool = False
    """Whether it is written for the last step."""
    said: str = ""
    """What was taken for granted, where the note has no such equation."""
    general: bool = False
    """Whether it only says what the quantity depends on: h_t = f(x_t, h_{t-1})."""
    or_else: bool = False
    """Whether another value stands behind it: h_t = tanh(z_t) or ReLU(z_t)."""
    guarded: bool = False
    """Whether its logarithms are read without a small number: ε of log(ŷ + ε)."""
    displayed: bool = True
    """Whether it stands by itself, not in running text, where people write special cases and variants."""
    entry: str = ""
    """The index of the one entry that it is written for, a_j of a_j^t = Σ_i w_{ji} x_i^t, in which it says all."""
    space: Fragment | None = None
    """The declaration that its end is: h_t ∈ ℝ^{1 × H} of h_t = tanh(z_t) ∈ ℝ^{1 × H}."""
    depends: tuple[str, tuple[tuple[str, int | None], ...]] | None = None
    """The function of which nothing is said but what it reads, with the names and times of that."""

    @property
    def at(self) -> Place:
        """Its place with the line that stands there."""
        file, line, column = self.place
        source = self.fragment.place(0)
        return Place(file, line, column, line, source.text if source.line == line else "")

    @cached_property
    def used(self) -> tuple[Mention, ...]:
        """The quantities on the right side."""
        found = (m for m in mentions(self.fragment) if m.start >= self.right_start)
        loss = self.target in LOSSES and (self.target != "C" or self._measures)  # C_t may be a state
        if loss or self.entry:  # y_i is an entry of y here; elsewhere b_i may be the bias of a gate
            counted = counted_in(self.fragment.text) | {self.entry}
            return tuple(replace(m, name=without_index(stripped(self._whole(m)), counted)) for m in found)
        return tuple(found)

    @property
    def _measures(self) -> bool:
        """Whether the right side has what losses have: a logarithm, a square or norm, a sum."""
        right = _BLANKS.sub("", self.right)
        return bool(LOGARITHM.search(right) or _SQUARE.search(right)) or "sum" in right or "Σ" in right

    @cached_property
    def names(self) -> frozenset[str]:
        """Its target and the quantities on its right side."""
        return frozenset({self.target, *(mention.name for mention in self.used)})

    @cached_property
    def spelled(self) -> frozenset[str]:
        """The letters in it, those of functions too."""
        return frozenset(spelled_names(self.fragment.text))

    def _whole(self, mention: Mention) -> str:
        """The name of what a letter with a label, a step and an index is an entry of: y_true of y_{true, t, i}."""
        index = _INDEXED.search(self.fragment.text[mention.start : mention.end])
        return mention.name.removesuffix(index.group(1)) if index is not None else mention.name

    @property
    def right(self) -> str:
        return self.fragment.text[self.right_start :]

    @property
    def loss(self) -> str:
        """`cross-entropy`, `squared`, or nothing where this is no loss."""
        if self.target not in LOSSES or any(m.name == self.target for m in self.used):
            return ""
        if LOGARITHM.search(self.right):
            return "other" if _BINARY.search(self.right) else "cross-entropy"
        return "squared" if _SQUARE.search(_BLANKS.sub("", self.right)) else ""

    @property
    def in_logarithm(self) -> list[str]:
        """The quantities from its logarithm on, what that is of first."""
        logarithm = LOGARITHM.search(self.fragment.text, self.right_start)
        return [m.name for m in self.used if logarithm is not None and m.start >= logarithm.end()]

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

    def in_latex(self, text: str, target: str | None = None) -> Equation:
        """The same equation in other words, which are LaTeX whatever it is written in."""
        found = self.rewritten(text, target)
        return replace(found, fragment=replace(found.fragment, plain=False))

    def with_steps(self, names: Collection[str]) -> Equation:
        """The same equation, in which the letters with these names, written without a time, are of its step."""
        text = self.fragment.text
        places = [m for m in self.used if m.name in names and m.offset is None]
        if not places or self.offset != 0:
            return self
        for mention in sorted(places, key=lambda m: -m.start):
            written = text[mention.start : mention.end].rstrip()
            text = f"{text[: mention.start]}{{{written}}}_t{text[mention.start + len(written) :]}"
        return replace(self, fragment=replace(self.fragment, text=text, lines=self.fragment.lines[:1]))

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


class _Mentions(Vocabulary):
    """A survey that keeps every quantity with its place."""

    def __init__(self, counted: frozenset[str]) -> None:
        super().__init__()
        self.counted = counted
        """The letters that sums of the formula count by."""
        self.found: list[Symbol] = []
        self.wholes: list[Symbol] = []
        """Each of the found without the letters counted by."""

    def _note(self, node: Syntax, following: Syntax | None, fragment: Fragment) -> None:
        before = set(self.quantities)
        self.quantities.clear()
        super()._note(node, following, fragment)
        if self.quantities:
            found = symbol(node, fragment)
            whole = symbol(node, fragment, self.counted) if self.counted else found
            if found is not None and whole is not None:
                if stripped(found.name) != stripped(whole.name):
                    found = whole  # y_{true,k}, whose entries are counted by k
                behind = following.base if isinstance(following, Scripted) else following  # (t)^2
                if found.offset is None and isinstance(behind, Group):
                    found.offset = time_of(behind)
                self.found.append(found)
                self.wholes.append(whole)
        self.quantities |= before


def mentions(fragment: Fragment) -> list[Mention]:
    """Every quantity of a formula that can be read."""
    survey = _Mentions(counted_in(fragment.text))
    for row in parse(fragment):
        for part in row:
            survey.survey(part, fragment)
    names = {s.name for s in survey.found[1:]}
    pairs = zip(survey.found, survey.wholes, strict=True)  # y_{t,j} beside y_t: Σ_j is over its entries
    found = (Mention(w.name if w.name in names else s.name, s.offset, s.start, s.end) for s, w in pairs)
    return [m for m in found if m.name != "t" and (m.name, m.offset) != ("I", None)]


def _letters(fragment: Fragment) -> list[tuple[int, int, str]]:
    """The base letters of a formula with their places."""
    nodes = (node for row in parse(fragment) for part in row for node in walk(part))
    return sorted((node.start, node.end, node.word) for node in nodes if isinstance(node, Name))
