"""Which of a document's equations make one model: those of the section first, then the nearest others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from derive.errors import InputError, Place
from derive.patterns import regex
from derive.reader.models.equations.equation import INPUTS, Equation, Mention
from derive.reader.models.equations.names import letter_name, stripped
from derive.reader.models.written import Written

_RESIDUAL = regex(r"[\s&]*[^-+]*-[^-+]*")
_PRODUCT = regex(r"\\(?:[co]dot|times|circ|ast|star|otimes|bullet)(?![A-Za-z])")
_CALLED = regex(r"\\?[A-Za-z]{3,}|\\(?:phi|psi)(?![A-Za-z])|ReLU")
REMINDER = "the equation in line {line} is taken as a reminder of that in line {whole}"
MOST = 60
"""Equations that a model may have."""


def nearest(given: Sequence[Equation], section: tuple[str, ...], here: int) -> list[Equation]:
    """The section's own first, then those before it from the nearest on, then those after it of what has no others.

    What stands under a heading of this section, and later, counts as much as what stands before under no such heading.
    Of one section what is written for every step counts before what is written for one, and what stands by itself
    before what running text says of it.
    """
    last: dict[tuple[str, ...], int] = {}
    for equation in given:
        last[equation.section] = max(last.get(equation.section, 0), equation.index)

    def distance(equation: Equation) -> tuple[int, int, bool, bool, int]:
        rank = bool(equation.numbered), not equation.displayed
        if equation.section == section:
            return 0, 0, *rank, -equation.index
        before = equation.index < here
        return (1, -last[equation.section], *rank, -equation.index) if before else (2, equation.index, *rank, 0)

    before: dict[str, int] = {}
    for equation in given:
        if distance(equation)[0] < 2:
            shared = _shared(equation.section, section)
            before[equation.target] = max(before.get(equation.target, 0), shared)
    written = {(e.target, "".join(e.right.split())) for e in given if distance(e)[0] < 2}
    states = {m.name for e in given if distance(e)[0] < 2 for m in e.used if m.offset == -1}
    others = {  # sections behind this one with another equation for its states: those of another model
        e.section
        for e in given
        if distance(e)[0] == 2
        and e.target in states
        and e.target in before
        and (e.target, "".join(e.right.split())) not in written
    }
    others = {other for other in others if other[: len(section)] != section}
    kept = [
        e
        for e in given
        if distance(e)[0] < 2 or (e.section not in others and before.get(e.target, -1) < _shared(e.section, section))
    ]
    return sorted(kept, key=distance)


def without_later_losses(
    given: Sequence[Equation], general: Sequence[Equation], section: tuple[str, ...], here: int
) -> list[Equation]:
    """The equations without a loss that another section behind this one chooses, where this one leaves it open."""

    def chosen_later(equation: Equation) -> bool:
        if not equation.loss or equation.index < here or equation.section[: len(section)] == section:
            return False
        shared = _shared(equation.section, section)
        return any(
            e.target == equation.target and e.index < equation.index and _shared(e.section, section) > shared
            for e in general
        )

    return [e for e in given if not chosen_later(e)]


def _is_bias(reader: Equation, mention: Mention) -> bool:
    """Whether a letter stands alone at the end of a sum: c of V h_t + c."""
    text = reader.fragment.text
    before, behind = text[: mention.start].rstrip(" &"), text[mention.end :].lstrip()
    ends = behind[:1] in ("", ")", ",", ".", "\\") and _PRODUCT.match(behind) is None
    return before.endswith("+") and ends


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many headings two sections have in common, from the outermost on."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (ours, theirs) in pairs if ours != theirs), min(len(one), len(other)))


@dataclass(frozen=True)
class Refused:
    """An equation that cannot be used: where it stands, why, and for which letters it asks, with lines that answer.

    `hint` says in words what to do about it.
    """

    place: Place
    reason: str
    hint: str = ""
    letters: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: InputError, place: Place) -> Refused:
        """From what was met when it was read; `place` is the equation's own."""
        return cls(place, error.message, "" if error.answers else error.hint, error.letters, error.answers)


@dataclass
class Choice:
    """The equations chosen so far, one for each name; `nearest` are all, the nearest first.

    `open` are the names whose equation is not known, with the reason; `numbers` letters that are taken to be numbers.
    """

    given: Written
    nearest: Sequence[Equation]
    wanted: Collection[str]
    section: tuple[str, ...] = ()
    beside: Collection[str] = frozenset()
    """What is claimed in the sections beside this one, where what is claimed here does not decide."""
    led: int | None = None
    """Where the model stands that is claimed, if another stands nearer."""
    by_name: dict[str, Equation] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    open: dict[str, str] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)
    """The equations that those of them have which cannot be used."""
    missing: set[str] = field(default_factory=set)
    late_inputs: set[str] = field(default_factory=set)
    """What is given at every step and read one step late, or later, alone."""
    of_data: set[tuple[str, int, int]] = field(default_factory=set)
    """Where equations stand that put inputs together."""
    apart: list[Equation] = field(default_factory=list)
    """Equations of the section that share nothing with what is claimed."""
    numbers: list[str] = field(default_factory=list)
    single: list[str] = field(default_factory=list)
    """What a loss compares with a number."""
    matrices: list[str] = field(default_factory=list)
    rewritten: dict[str, bool] = field(default_factory=dict)
    """Losses that are written as a product, and whether of rows."""
    unused: set[int] = field(default_factory=set)
    ends: dict[str, set[str]] = field(default_factory=dict)
    """Holes that the model does without, with what else they read."""
    contradicted: list[tuple[str, Place]] = field(default_factory=list)
    instead: dict[tuple[str, int, int], str] = field(default_factory=dict)
    """What is said of equations that cannot be used, by their places, where another one is taken."""
    doubts: list[str] = field(default_factory=list)
    """What was taken of the whole model, on which every verdict rests."""
    aliases: list[str] = field(default_factory=list)
    """Names of parts of other equations."""
    shorthands: set[str] = field(default_factory=set)
    """Those of them that only the formulas to be judged use."""

    def take(self, names: Sequence[str]) -> None:
        """Take the equations for these names and for everything that they use."""
        waiting = list(names)
        while waiting and len(self.by_name) < MOST:
            name = waiting.pop(0)
            if name in self.by_name or self._is_parameter(name) or self._is_target(name):
                continue
            ways = self._beside_readers(self.ways(name))
            beside = [e for e in ways if e.section == ways[0].section]
            # h_t = f(uv) beside an equation that reads something at a step only names parts of that
            steps = (e for e in beside if any(mention.offset is not None for mention in e.used))
            equation = next(steps, ways[0] if ways else None)
            if equation is not None:
                self.by_name[name] = equation
                self._tell_reminders(equation)
                waiting += [mention.name for mention in equation.used]

    def _is_parameter(self, name: str) -> bool:
        """Whether a letter is a parameter here, c of o_t = V h_t + c, and c_t a quantity of another model behind it."""
        ways = [e for e in self.nearest if e.target == name]
        if len(name) != 1 or not ways or any(e.said for e in ways):
            return False
        reader = next(((e, m) for e in self.nearest for m in e.used if m.name == name and e.target != name), None)
        if reader is None or reader[1].offset is not None:
            return False
        apart = all(e.section not in (self.section, reader[0].section) for e in ways)
        if any(e.index <= reader[0].index for e in ways):
            return apart and _is_bias(*reader)
        return apart or _is_bias(*reader)

    def _is_target(self, name: str) -> bool:
        """Whether a loss compares what its own section, or those beside it, compute with a letter of another model."""
        readers = [e for e in self.by_name.values() if any(m.name == name for m in e.used)]
        here = {self.section, *(e.section for e in readers)}

        def near(equation: Equation) -> int:
            return max(_shared(equation.section, section) for section in here)

        apart = max((near(e) for e in self.nearest if e.target == name), default=0)
        own = {e.target for e in self.nearest if e.section in here or near(e) > apart}
        compared = all(e.loss and own & {m.name for m in e.used} for e in readers)
        return bool(readers) and compared and name not in own

    def ways(self, name: str) -> list[Equation]:
        """The equations for a name, the nearest first; in a note of two models, those of the one that is claimed.

        h_t = o_t ⊙ tanh(c_t) is meant where o_t or U_o is claimed, whatever stands nearer.
        """
        ways = [e for e in self.nearest if e.target == name]
        if any(e.loss for e in ways):  # -log ŷ_k, of a target that is one-hot, says less
            ways.sort(key=lambda e: e.loss == "cross-entropy" and len({m.name for m in e.used}) < 2)
        if not ways or len({"".join(e.right.split()) for e in ways}) < 2:
            return ways
        if ways[0].section == self.section:
            return sorted(ways, key=lambda e: not self._names_parts_of(ways[0], e))
        shared = [(len(self.claimed & (behind := self.behind(e))), len(behind.intersection(self.beside))) for e in ways]
        meant = [e for e, share in zip(ways, shared, strict=True) if share == max(shared)]
        if meant[0] is not ways[0]:
            self.led = meant[0].index
        return meant if self.led is None else sorted(meant, key=lambda e: abs(e.index - (self.led or 0)))

    def _beside_readers(self, ways: list[Equation]) -> list[Equation]:
        """The equations for a name, first those beside what reads it, if the nearest section computes that otherwise.

        A restated c_t = f_t ⊙ c_{t-1} + i_t ⊙ c̃_t means c̃ of the section that has it so, not of one with g for it.
        """
        for reader in self.by_name.values() if ways else ():
            if not any(m.name == ways[0].target for m in reader.used) or reader.loss:
                continue
            right = {e.section: "".join(e.right.split()) for e in self.nearest if e.target == reader.target}
            home = "".join(reader.right.split())
            if right.get(ways[0].section, home) != home and any(right.get(e.section) == home for e in ways):
                return sorted(ways, key=lambda e: right.get(e.section) != home)
        return ways

    def _tell_reminders(self, taken: Equation) -> None:
        here = (e for e in self.nearest if e.target == taken.target and e.section == self.section != taken.section)
        for short in here:
            if self._names_parts_of(short, taken):
                self.assumed.append(REMINDER.format(line=short.place[1], whole=taken.place[1]))

    def _names_parts_of(self, short: Equation, whole: Equation) -> bool:
        """Whether another equation says the same with a name for a part that is claimed about: the first is a reminder.

        h_t = tanh(z_t) and z_t = U h_{t-1} + W x_t + b beside h_t = tanh(U h_{t-1} + W x_t) and ∂L/∂z_t.
        """
        read, behind = {m.name for m in short.used}, self.behind(whole)
        named = {m.name for m in whole.used if m.offset == 0} - read - {short.target}
        parts = [e for e in self.nearest if e.target in named & self.claimed]
        written = " ".join((whole.right, *(e.right for e in parts)))
        return (
            bool(parts) and read < behind and Counter(_CALLED.findall(short.right)) == Counter(_CALLED.findall(written))
        )

    @property
    def claimed(self) -> set[str]:
        return {*self.wanted, *map(stripped, self.wanted)}

    def leave_apart(self, claimed: Collection[str]) -> None:
        """Leave out what shares nothing with what is claimed about: another example, a step of training.

        The loss stays, whose letters may be others than are meant.
        """
        groups: list[set[str]] = []
        for name, equation in self.by_name.items():
            inner = {m.name for m in equation.used if m.offset is None or m.name in self.by_name or m.name in self.open}
            touched = [group for group in groups if not group.isdisjoint({name, *inner})]
            groups = [group for group in groups if group not in touched] + [{name}.union(inner, *touched)]
        spoken = {*claimed, *map(stripped, claimed)}
        meant = [group for group in groups if group & spoken]
        lost = set[str]().union(*(group for group in groups if group not in meant)) if meant else set()
        self.apart = [e for name, e in self.by_name.items() if name in lost and not e.loss]
        for equation in self.apart:
            del self.by_name[equation.target]
        for name in lost & set(self.open):
            del self.open[name]
            self.refused.pop(name, None)

    def take_another(self, equation: Equation, reason: str) -> bool:
        """Take the next equation of the document for a quantity whose own cannot be used, if it has another."""
        refused = {*self.instead, equation.place}
        every = self.given.equations if equation.loss else self.nearest
        ways = [e for e in every if (e.target, e.loss) == (equation.target, equation.loss) and e.place not in refused]
        other = min(ways, key=lambda e: abs(e.index - equation.index), default=None)
        if other is None or other.right == equation.right or equation.numbered or other.numbered:
            return False
        here, there = equation.place[1], other.place[1]
        self.instead[equation.place] = (
            f"{equation.target} is as line {there} has it, for that in line {here} cannot be used ({reason})"
        )
        self.by_name[equation.target] = other
        self.rewritten.pop(equation.target, None)
        self.take([mention.name for mention in other.used])
        return True

    def take_loss(self) -> None:
        """Take the loss where a letter that is claimed stands on the way to it alone: W_y, or the target."""
        if any(e.loss for e in self.by_name.values()):
            return
        apart = self.claimed - set(self.by_name) - set(self.used)
        loss = next((e for e in self.nearest if e.loss and self.behind(e) & apart), None)
        if loss is not None:
            self.take([loss.target])

    def take_readers(self) -> None:
        """Take what alone reads a parameter that is claimed, out of what is taken: q_t = V h_t where V is."""
        for name in sorted(self.claimed - set(self.by_name) - set(self.used)):
            ways = (e for e in self.nearest if any(m.name == name and m.offset is None for m in e.used))
            reader = next((e for e in ways if any(m.name in self.by_name for m in e.used)), None)
            if reader is not None:
                self.take([reader.target])
        for name, equation in [*self.by_name.items()]:
            if equation.used and all(m.offset is None for m in equation.used):
                self.take([e.target for e in self.nearest if any(m.name == name for m in e.used)][:1])

    def behind(self, equation: Equation) -> set[str]:
        """All names that an equation reads, directly or by those for what it reads."""
        found = {equation.target}
        waiting = [m.name for m in equation.used]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [m.name for e in self.nearest if e.target == name for m in e.used]
        return found

    @property
    def used(self) -> dict[str, set[int | None]]:
        """The names on the right sides, with their times relative to t."""
        return self.used_by(self.by_name)

    def used_by(self, names: Iterable[str]) -> dict[str, set[int | None]]:
        """The names on the right sides of some equations."""
        found: dict[str, set[int | None]] = {}
        for equation in map(self.by_name.__getitem__, names):
            for mention in equation.used:
                time = None if mention.offset is None else mention.offset - equation.offset
                found.setdefault(mention.name, set()).add(time)
        return found

    @property
    def before(self) -> set[str]:
        """The inputs of each step, where they are written with the step before it: x_t of h_{t+1} = f(x_t, h_t)."""
        written: dict[str, set[tuple[int | None, int]]] = {}
        for equation in self.by_name.values():
            for mention in equation.used:
                written.setdefault(mention.name, set()).add((mention.offset, equation.offset))
        given = {name for name, pairs in written.items() if pairs == {(0, 1)} and name not in self.by_name}
        return {name for name in given if name.partition("_")[0].lower() in INPUTS}

    @property
    def late(self) -> frozenset[str]:
        """The states that are written at t + 1 beside values of step t: y of s_t = U y_t + W x_t, y_{t+1} = f(s_t)."""
        later = {name for name, e in self.by_name.items() if e.offset == 1}
        read = {m.offset for name in later for m in self.by_name[name].used if m.name not in later}
        others = any(e.offset == 0 for e in self.by_name.values())
        return frozenset(later) if others and 0 in read and 1 not in read else frozenset()

    def is_data(self, name: str) -> bool:
        """Whether a name is given at every step and nothing but a loss, or r = ŷ - y, reads it at its step."""
        readers = [e for e in self._readers(name) if any(m.name == name and m.offset == e.offset for m in e.used)]
        residual = [e for e in readers if not e.loss and _RESIDUAL.fullmatch(e.right)]
        behind = [one for e in residual for one in self._readers(e.target)]
        losses = [e for e in (*readers, *behind) if e.loss]
        data = len(losses) + len(residual) == len(readers) + len(behind) and (not readers or bool(losses))
        return name not in self.by_name and name not in self.open and data

    def _readers(self, name: str) -> list[Equation]:
        """The equations that read a name."""
        return [e for e in self.by_name.values() if any(m.name == name for m in e.used)]

    def compared(self, loss: Equation) -> list[str]:
        """The data that a loss reads, perhaps as part of r = ŷ - y."""
        names = {m.name: None for m in loss.used if m.offset == loss.offset}
        inner = (self.by_name[name] for name in names if name in self.by_name)
        behind = {m.name: None for e in inner if _RESIDUAL.fullmatch(e.right) for m in e.used if m.offset == e.offset}
        return [name for name in {**names, **behind} if self.is_data(name)]

    def output(self) -> Equation:
        """The loss; else what is computed from the state and used by nothing; else a state that nothing else uses."""
        ordered = sorted((e for e in self.by_name.values() if e.target not in self.aliases), key=lambda e: e.index)
        declared = [f.text.partition("=")[0] for d in self.given.declarations if d.key == "output" for f in d.formulas]
        said = set(map(letter_name, declared))
        first = [e for e in ordered if e.loss] or [e for e in ordered if e.target in said]
        if first:
            return first[-1]
        used = self.used_by(name for name in self.by_name if name not in self.aliases)
        states = {name for name, offsets in used.items() if -1 in offsets}
        now = {name for name, offsets in used.items() if 0 in offsets}
        last = [e for e in ordered if e.target not in now]
        read_out = [e for e in last if e.target not in states and self.reaches(e, states)]
        return (read_out or [e for e in last if e.target in states] or last or ordered)[-1]

    def reaches(self, equation: Equation, states: Collection[str]) -> bool:
        """Whether an equation depends, within the step, on a state."""
        waiting, seen = [equation], {equation.target}
        while waiting:
            current = waiting.pop()
            for mention in current.used:
                if mention.offset is None or mention.offset != current.offset or mention.name in seen:
                    continue
                if mention.name in states:
                    return True
                seen.add(mention.name)
                if mention.name in self.by_name:
                    waiting.append(self.by_name[mention.name])
        return False

    @property
    def kept(self) -> set[str]:
        """What is no alias, whatever it looks like: losses, and what is open."""
        return {e.target for e in self.by_name.values() if e.loss} | set(self.open)
