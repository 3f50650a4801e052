"""The forward equations that a note writes down: an assignment to a quantity at t, without any derivative."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from sympy import Expr

from derive.errors import InputError, Place
from derive.notation import TimeStyle, spelled
from derive.reader.claims.statements.chains import blanked, lines
from derive.reader.meaning.letters import ENTRY_LETTERS, letter, time_of
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.meaning.vocabulary import Vocabulary
from derive.reader.text.fragment import Fragment
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain, Group, Name, Run, Syntax
from verify.notes.files import Formula, piece
from verify.notes.models.names import spelled_names, stripped

TIMES: Mapping[TimeStyle, str] = {
    TimeStyle.SUBSCRIPT: "_t",
    TimeStyle.PARENTHESES: "^{(t)}",
    TimeStyle.ANGLES: r"^{\langle t \rangle}",
    TimeStyle.SUPERSCRIPT: "^t",
}
"""The index of step t in each style."""
LOSSES = frozenset(["L", "E", "J", "C", "loss", "Loss", "ell", "l"])
"""Names of what is minimised."""
LONGEST_LEFT = 60
"""Characters of a left side that is one letter."""
DERIVATIVE = re.compile(r"\\(?:partial|nabla|delta|mathrm\{d\})|∂|δ|∇")
_NUMBERED = re.compile(
    r"(?P<letter>\s*(?:\\?[A-Za-z]+|\\(?:wide)?(?:hat|tilde)\s*(?:\{\s*\\?[A-Za-z]+\s*\}|[A-Za-z])))_\{?(?P<step>[1-9])\}?\s*"
)
APPROXIMATE = frozenset([r"\approx", "≈", r"\simeq", r"\cong", r"\sim", r"\propto"])
"""Relations with which a quantity is given a value that is not said exactly."""
_RELATION = re.compile(r":=|=|≔|≈|←|\\(?:approx|simeq|leftarrow|gets|coloneqq|triangleq|equiv|sim|propto)(?![A-Za-z])")
_WRAPPING = re.compile(r"\\(?:begin|end)\{[a-z]+\*?\}|&")
_REMARK = re.compile(
    r"\\(?:text(?:rm|it|bf|sf|normal)?|mbox|mathrm)\s*\{(?P<words>[^{}]*)\}[\s.,;]*(?=\\\\|\\end\b|&|\Z)"
)
_SEPARATORS = ("&", r"\quad", r"\qquad", r"\,", r"\;", r"\:", r"\ ", r"\!")
_RESTRICTING = re.compile(r"\b(?:if|when|only|unless|except|approx\w*|not|half|minus|without)\b", re.IGNORECASE)
_SIZES = re.compile(r"\^\s*\{(?P<sizes>.*)\}\s*\Z", re.DOTALL)
_INDEXED = re.compile(r"[A-Za-z]{2,}[^{}]*,\s*([a-z])\s*\}\s*\Z")
_DOTS = re.compile(r"\\[cl]?dots(?![A-Za-z])|\.\.\.|…|⋯")
_BINARY = re.compile(r"1\s*-")
LOGARITHM = re.compile(r"\\?(?:log|ln)(?![a-z])")
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
    whole: Expr | None = None
    """For a loss that is stated as a whole: the factor before the sum over the steps."""
    at_end: bool = False
    """Whether it is written for the last step."""
    said: str = ""
    """What was taken for granted, where the note has no such equation."""
    space: Fragment | None = None
    """The declaration that its end is: h_t ∈ ℝ^{1 × H} of h_t = tanh(z_t) ∈ ℝ^{1 × H}."""

    @cached_property
    def used(self) -> tuple[Mention, ...]:
        """The quantities on the right side."""
        found = (m for m in mentions(self.fragment) if m.start >= self.right_start)
        if self.target in LOSSES:  # y_i is an entry of y here; elsewhere b_i may be the bias of a gate
            return tuple(replace(m, name=stripped(self._whole(m))) for m in found)
        return tuple(found)

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


def equations(formula: Formula, index: int) -> Iterator[Equation]:
    """The forward equations in a formula."""
    fragment = without_remarks(formula.fragment)
    try:
        rows = parse(fragment)
    except (InputError, RecursionError):
        rows = _rows(fragment)
    for part in (part for row in rows for part in row):
        whole, part = part, without_membership(part)
        if not isinstance(part, Chain) or {relation.type for relation in part.relations} != {"EQ"}:
            continue
        left, right = part.sides[:2]
        text = fragment.text[left.start : right.end]
        if DERIVATIVE.search(text):
            continue
        cut = piece(fragment, left.start, right.end)
        place = cut.place(0)
        at = (place.file, place.line, place.column)
        edges = (left.end - left.start, right.start - left.start, formula.section, index, at)
        if found := _target(left, fragment):
            if _is_copy(found.name, right, fragment):
                continue
            space = declared_space(fragment, left, whole)
            style = found.style or TimeStyle.SUBSCRIPT
            yield Equation(found.name, found.offset or 0, style, cut, *edges, space=space)
            yield from _named_on_the_way(part, fragment, formula, index)
        elif numbered := _numbered(text, edges[1]):
            style = TimeStyle.SUBSCRIPT
            written = Equation("", 0, style, cut, *edges, numbered=" ".join(text[: edges[0]].split()))
            yield written.rewritten(numbered, _letter_of(numbered))


def without_abbreviated(given: Sequence[Equation]) -> list[Equation]:
    """The equations without those with dots, or with a number alone, of what the note writes in full elsewhere."""

    def in_full(equation: Equation) -> bool:
        return bool(equation.used) and not _DOTS.search(equation.right)

    full = {e.target for e in given if in_full(e)}
    return [e for e in given if e.target not in full or in_full(e)]


def without_entries(given: Sequence[Equation]) -> list[Equation]:
    """The equations without those for an entry, ŷ_i = e^{z_i} / Σ_j e^{z_j}, of what the note writes as a whole."""
    targets = {e.target for e in given}

    def entry(equation: Equation) -> bool:
        whole, _, index = equation.target.rpartition("_")
        indexed = whole in targets and index in ENTRY_LETTERS - {"l"}  # which counts layers
        return indexed and re.search(rf"(?<![A-Za-z\\]){index}(?![A-Za-z])", equation.right) is not None

    return [e for e in given if not entry(e)]


def without_slips(given: Sequence[Equation]) -> list[Equation]:
    """The equations without h_{t+1} = f(x_t, h_t) beside h_t = f(x_t, h_{t-1}): one step is wrong."""

    def spelled_out(equation: Equation) -> tuple[str, str]:
        text = equation.right
        for mention in reversed(equation.used):
            if mention.offset is not None:
                start, end = mention.start - equation.right_start, mention.end - equation.right_start
                text = f"{text[:start]}<{mention.name}>{text[end:]}"
        return equation.target, re.sub(r"[\s{}]", "", text).strip(".,;")

    def steps(equation: Equation) -> list[tuple[str, int | None]]:
        return [(m.name, None if m.offset is None else m.offset - equation.offset) for m in equation.used]

    usual = {spelled_out(e): steps(e) for e in reversed(given) if e.offset == 0}
    return [e for e in given if e.offset == 0 or usual.get(spelled_out(e), steps(e)) == steps(e)]


def stands_alone(fragment: Fragment) -> bool:
    """Whether what was cut out of a formula can be read by itself."""
    try:
        parse(fragment)
    except (InputError, RecursionError):
        return False
    return True


def without_membership(part: Syntax) -> Syntax:
    """A chain without the set that its last side is said to lie in: a = b in a = b ∈ ℝⁿ."""
    if not isinstance(part, Chain) or len(part.sides) < 3 or part.relations[-1].type != "IN":
        return part
    return replace(part, sides=part.sides[:-1], relations=part.relations[:-1], end=part.sides[-2].end)


def declared_space(fragment: Fragment, left: Syntax, whole: Syntax) -> Fragment | None:
    """What a chain that ends in a set says of its first side."""
    if not isinstance(whole, Chain) or whole.relations[-1].type != "IN":
        return None
    space = fragment.text[whole.sides[-1].start : whole.sides[-1].end]
    sizes = _SIZES.search(space)
    each = re.split(r"\\times|×", sizes.group("sizes")) if sizes else []
    if "+" in space or (len(each) == 2 and "1" not in map(str.strip, each)):
        return None  # what is computed at a step is a vector: the first may count the examples of a batch
    cut = piece(fragment, left.start, left.end)
    return replace(cut, text=f"{cut.text.strip()} \\in {space}")


def without_remarks(fragment: Fragment) -> Fragment:
    """A formula without prose, and without the words that stand behind an equation: `&& \\text{(forget gate)}`."""

    text = fragment.text
    for match in list(_REMARK.finditer(text)):
        start = match.start()
        while text[:start].endswith((*_SEPARATORS, " ", "\n")):
            start -= next((len(s) for s in _SEPARATORS if text[:start].endswith(s)), 1)
        apart = text[start : match.start()].strip() or match.group("words").strip().startswith("(")
        if apart and not _RESTRICTING.search(match.group("words")):
            text = text[:start] + re.sub(r"[^\n]", " ", text[start : match.end()]) + text[match.end() :]
    return replace(fragment, text=blanked(text)[0])


def _rows(fragment: Fragment) -> list[tuple[Syntax, ...]]:
    """The lines of a formula that can be parsed, where the whole cannot."""
    found: list[tuple[Syntax, ...]] = []
    for line in lines(fragment):
        try:
            found += parse(line) if line.text.strip() else []
        except (InputError, RecursionError):
            continue
    return found


def is_copy(fragment: Fragment) -> bool:
    """Whether a formula says W_t = W and nothing else."""
    try:
        rows = parse(fragment)
    except (InputError, RecursionError):
        return False
    chains = [part for row in rows for part in row]
    if len(chains) != 1 or not isinstance(chains[0], Chain) or len(chains[0].sides) != 2:
        return False
    left, right = chains[0].sides
    found = _target(left, fragment)
    return found is not None and _is_copy(found.name, right, fragment)


def _is_copy(name: str, right: Syntax, fragment: Fragment) -> bool:
    """W_t = W: a copy for every step, of which the model has one."""
    try:
        copied = symbol(right, fragment) if letter(right) is not None else None
    except InputError:
        return False
    return copied is not None and copied.name == name and copied.offset is None


def _named_on_the_way(chain: Chain, fragment: Fragment, formula: Formula, index: int) -> Iterator[Equation]:
    """z_t = W x_t in h_t = f(z_t) = f(W x_t): two right sides that differ in one letter say what that letter is."""
    for one, other in pairwise(chain.sides[1:]):
        found = _difference(fragment, one.start, one.end, fragment.text[other.start : other.end])
        if found is not None:
            named, start, end = found
            whole = piece(fragment, other.start, other.end)
            yield _called(
                fragment, named, whole, fragment.text[other.start + start : other.start + end], formula, index
            )


def with_named_arguments(given: Sequence[Equation]) -> list[Equation]:
    """The equations, with a_t = W x_t for z_t = σ(W x_t) where the note has z_t = σ(a_t) and no equation for a_t."""
    defined = {e.target for e in given}
    found: dict[str, Equation] = {}
    longer = []
    for short in given:
        names = {m.name for m in short.used} - defined
        for full in given if len(short.used) == 1 and names else ():
            same = full is not short and (full.target, full.offset) == (short.target, short.offset)
            right = short.fragment.text.rstrip(" \n.,;")
            between = _difference(short.fragment, short.right_start, len(right), full.right) if same else None
            if between is not None and between[0].name in names - set(found):
                named, start, end = between
                made = _called(short.fragment, named, full.fragment, full.right[start:end], full, full.index)
                found[named.name] = made
                longer.append(full)
    return [*(e for e in given if e not in longer), *found.values()]


def _called(
    fragment: Fragment, named: Symbol, whole: Fragment, right: str, source: Formula | Equation, index: int
) -> Equation:
    """The equation that gives a letter of one text a part of another."""
    text = f"{fragment.text[named.start : named.end]} = {right}"
    cut = replace(whole, text=text, lines=whole.lines[:1])
    place = cut.place(0)
    edge = named.end - named.start
    at = (place.file, place.line, place.column)
    style = named.style or TimeStyle.SUBSCRIPT
    return Equation(named.name, named.offset or 0, style, cut, edge, edge + 2, source.section, index, at)


def _difference(fragment: Fragment, first: int, last: int, other: str) -> tuple[Symbol, int, int] | None:
    """The letter of text[first:last] in whose place the other text has other[start:end]; blanks do not count."""
    text = fragment.text[first:last]
    for mention in mentions(replace(fragment, text=" " * first + text)):
        if mention.offset != 0:
            continue
        before = _bare(fragment.text[first : mention.start])
        after = _bare(fragment.text[mention.end : last])
        places = [i for i, character in enumerate(other) if not character.isspace()]
        bare = "".join(other.split())
        end_ = len(bare.rstrip(".,;")) if not after.endswith((".", ",", ";")) else len(bare)
        bare, places = bare[:end_], places[:end_]
        if not bare.startswith(before) or not bare.endswith(after) or len(before) + len(after) >= len(bare):
            continue
        start, end = places[len(before)], places[len(bare) - len(after) - 1] + 1
        if other[start:end].count("(") != other[start:end].count(")"):
            continue
        named = Symbol(mention.name, "", mention.start, mention.end, mention.offset)
        return named, start, end
    return None


def _bare(text: str) -> str:
    return "".join(text.split())


@dataclass(frozen=True)
class Unread:
    """An equation that a note writes for a quantity, and that makes no equation of a model: `used` are names in it."""

    name: str
    used: frozenset[str]
    reason: str
    section: tuple[str, ...]
    place: Place


def unread(formula: Formula) -> Iterator[Unread]:
    """Equations of a formula whose left side is a letter, and that cannot be parsed or have no time."""
    fragment = without_remarks(formula.fragment)
    for line in [*lines(fragment)] or [fragment]:
        relation = _RELATION.search(line.text)
        if relation is None or DERIVATIVE.search(line.text):
            continue
        left = _WRAPPING.sub(_blanks, line.text[: relation.start()])
        name = letter_named(left)
        reason = _not_usable(replace(line, text=_WRAPPING.sub(_blanks, line.text))) if name else ""
        if reason:
            used = frozenset(spelled_names(line.text[relation.end() :]))
            yield Unread(name, used, reason, formula.section, line.place(len(left) - len(left.lstrip())))


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match.group())


def letter_named(text: str) -> str:
    """The name of the one letter that a text is, perhaps with arguments behind it; empty if it is anything else."""
    if not text.strip() or len(text.strip()) > LONGEST_LEFT:
        return ""
    fragment = Fragment.of(text)
    try:
        rows = parse(fragment)
        (part,) = [part for row in rows for part in row]
        first = part.factors[0] if isinstance(part, Run) and len(part.factors) == 2 else part
        found = symbol(first, fragment) if letter(first) is not None else None
    except (InputError, ValueError):
        return ""
    if isinstance(part, Run) and not (len(part.factors) == 2 and isinstance(part.factors[1], Group)):
        return ""
    return found.name if found is not None else ""


def _not_usable(fragment: Fragment) -> str:
    """Why a text that looks like an equation is none; nothing where it is one, or says only what a letter is."""
    try:
        rows = parse(fragment)
    except InputError as error:
        return error.message
    except RecursionError:
        return "nested too deep"
    for chain in (part for row in rows for part in row if isinstance(part, Chain)):
        kinds = {relation.type for relation in chain.relations}
        if kinds == {"EQ"} and _target(chain.sides[0], fragment) is None and _computes(chain.sides[1], fragment):
            return "the left side has no time that can be read"
        if kinds == {"RELATION"} and chain.relations[0].word.strip() in APPROXIMATE:
            return "it is no equality"
    return ""


def _computes(right: Syntax, fragment: Fragment) -> bool:
    """Whether a right side computes something from more than one letter."""
    if isinstance(right, Group) and sum(map(len, right.rows)) > 1:
        return False  # a list
    text = " " * right.start + fragment.text[right.start : right.end]
    return len({mention.name for mention in mentions(replace(fragment, text=text))}) > 1


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
    right = re.sub(rf"_\{{?{step}\}}?(?!\d)", "_t", right)
    if right == text[right_start:]:
        return None
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
