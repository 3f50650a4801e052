"""The note's own forward equations as a cell, and what they leave open."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from derive import nodes
from derive.cell import Cell
from derive.errors import InputError, Place
from derive.notation import MARKS, spelled
from derive.reader.claims.meant import Loss, Meant
from derive.reader.document.elaborate import cell as elaborated
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import WHERE, Declaration
from verify.notes.models.aliases import aliases, shorthands, with_aliases
from verify.notes.models.equations import LOGARITHM, TIMES, Equation, Unread, is_copy
from verify.notes.models.holes import Hole, reaching
from verify.notes.models.model import Model
from verify.notes.models.names import letter_name, spelled_names, stripped
from verify.notes.models.shadows import without_shadowed

ACCENTED = ("_tilde", "_hat", "_prime")
"""Endings of names that usually have an equation."""
INPUTS = frozenset(["x", "u"])
"""Letters that stand for an input, never for a state that lacks its equation."""
MOST = 60
"""Equations that a model may have."""
NUMBER = "{letter} is a number, which the note does not say"

_UNDECLARED = re.compile(r"(?<![A-Za-z\\_^{])(?P<word>[A-Z]{2,})\s*(?=\(|\\left\s*\(|\\[bB]ig+l?\s*\()")
_DECLARES = re.compile(r"\\in(?![A-Za-z])|∈|(?:=|≔|\\equiv|\\coloneqq|\\gets)(?!\s*\([^()]*,)|\\sum|1\s*\^")
_BRACKET = re.compile(r"\s*(?:\\left|\\[bB]ig+l?)?\s*[(\[]")


@dataclass(frozen=True)
class Written:
    """What one note writes: equations, those that cannot be used, and declarations."""

    equations: Sequence[Equation] = ()
    unread: Sequence[Unread] = ()
    declarations: Sequence[Declaration] = ()


def own(given: Written, section: tuple[str, ...], names: Collection[str], at: int) -> Model | None:
    """The cell that defines the quantities called `names`, by the equations of the section or the nearest others.

    `at` is the number of the section's first formula.

    An equation that cannot be used is a hole of the model. None where there is no equation at all.
    """
    usable = without_shadowed(given.equations, section)
    chosen = _Choice(given, _nearest(usable, section, at), names, section)
    wanted = {e.target for e in usable if e.section == section} | _its_loss(usable)
    chosen.take([*sorted(wanted), *sorted({*names, *map(stripped, names)} - wanted)])
    chosen.take_loss()
    chosen.fill_gaps()
    chosen.find_holes()
    if not chosen.by_name:
        return None
    while True:
        chosen.set_aside()
        if set(chosen.by_name) <= set(chosen.open):
            return None
        try:
            cell = elaborated(*chosen.fragments(), name="note", title="the note's own equations")
        except InputError as error:
            if not chosen.settle(error):
                return None
            continue
        short = [name for name in shorthands(cell) if name not in chosen.kept and cell.states]
        chosen.shorthands |= set(short)
        more = [name for name in (*aliases(cell, chosen.kept), *short) if name not in chosen.aliases]
        if more:  # they are no output, which is chosen again
            chosen.aliases += more
            continue
        if not chosen.settled(cell):
            said = (*chosen.said(), *map(str, cell.guesses))
            return Model(
                with_aliases(cell, chosen.aliases), chosen.origin(), said, chosen.places(),
                tuple(chosen.holes()), tuple(NUMBER.format(letter=letter) for letter in chosen.numbers),
                chosen.meant(cell), unusable=tuple(chosen.contradicted),
            )  # fmt: skip


def _its_loss(given: Sequence[Equation]) -> set[str]:
    """The loss of a note that has one model, or what it reads out of the last step: its gradients are of that."""
    written: dict[str, set[str]] = {}
    for equation in given:
        written.setdefault(equation.target, set()).add("".join(equation.right.split()))
    several = any(len(ways) > 1 for ways in written.values())
    losses = {e.target for e in given if e.loss}
    return set() if several else losses or {e.target for e in given if e.at_end}


def _nearest(given: Sequence[Equation], section: tuple[str, ...], here: int) -> list[Equation]:
    """The section's own first, then those before it from the nearest on, then those after it."""

    def distance(equation: Equation) -> tuple[int, int]:
        if equation.section == section:
            return 0, -equation.index
        return (1, -equation.index) if equation.index < here else (2, equation.index)

    return sorted(given, key=distance)


@dataclass
class _Choice:
    """The equations chosen so far, one for each name; `nearest` are all, the nearest first.

    `open` are the names whose equation is not known, with the reason; `numbers` letters that are taken to be numbers.
    """

    given: Written
    nearest: Sequence[Equation]
    wanted: Collection[str]
    section: tuple[str, ...] = ()
    led: int | None = None
    """Where the model stands that is claimed, if another stands nearer."""
    by_name: dict[str, Equation] = field(default_factory=dict)
    assumed: list[str] = field(default_factory=list)
    open: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    numbers: list[str] = field(default_factory=list)
    single: list[str] = field(default_factory=list)
    """What a loss compares with a number."""
    rewritten: dict[str, bool] = field(default_factory=dict)
    """Losses that are written as a product, and whether of rows."""
    unused: set[int] = field(default_factory=set)
    ends: dict[str, set[str]] = field(default_factory=dict)
    """Holes that the model does without, with what else they read."""
    contradicted: list[tuple[str, Place]] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    """Names of parts of other equations."""
    shorthands: set[str] = field(default_factory=set)
    """Those of them that only the formulas to be judged use."""

    def take(self, names: Sequence[str]) -> None:
        """Take the equations for these names and for everything that they use."""
        waiting = list(names)
        while waiting and len(self.by_name) < MOST:
            name = waiting.pop(0)
            if name in self.by_name:
                continue
            ways = self.ways(name)
            beside = [e for e in ways if e.section == ways[0].section]
            # h_t = f(uv) beside an equation that reads something at a step only names parts of that
            steps = (e for e in beside if any(mention.offset is not None for mention in e.used))
            equation = next(steps, ways[0] if ways else None)
            if equation is not None:
                self.by_name[name] = equation
                waiting += [mention.name for mention in equation.used]

    def ways(self, name: str) -> list[Equation]:
        """The equations for a name, the nearest first; in a note of two models, those of the one that is claimed.

        h_t = o_t ⊙ tanh(c_t) is meant where o_t or U_o is claimed, whatever stands nearer.
        """
        ways = [e for e in self.nearest if e.target == name]
        if any(e.loss for e in ways):  # -log ŷ_k, of a target that is one-hot, says less
            ways.sort(key=lambda e: e.loss == "cross-entropy" and len({m.name for m in e.used}) < 2)
        if not ways or ways[0].section == self.section or len({"".join(e.right.split()) for e in ways}) < 2:
            return ways
        shared = [len(self.claimed & self.behind(e)) for e in ways]
        meant = [e for e, share in zip(ways, shared, strict=True) if share == max(shared)]
        if meant[0] is not ways[0]:
            self.led = meant[0].index
        return meant if self.led is None else sorted(meant, key=lambda e: abs(e.index - (self.led or 0)))

    @property
    def claimed(self) -> set[str]:
        return {*self.wanted, *map(stripped, self.wanted)}

    def take_loss(self) -> None:
        """Take the loss where a letter that is claimed stands on the way to it alone: W_y, or the target."""
        if any(e.loss for e in self.by_name.values()):
            return
        apart = self.claimed - set(self.by_name) - set(self.used)
        loss = next((e for e in self.nearest if e.loss and self.behind(e) & apart), None)
        if loss is not None:
            self.take([loss.target])

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

    def fill_gaps(self) -> None:
        """Quantities that are used and never defined, where another letter plainly stands for them."""
        for name, offsets in self.used.items():
            if name in self.by_name or offsets == {None}:
                continue
            marked = next((e for e in self.nearest for m in MARKS if e.target == f"{name}_{m}"), None)
            if marked is not None:
                self.by_name.pop(marked.target, None)
                self.adopt(marked, name, f"{marked.target} is taken to be {name}")
        for equation in [e for e in self.by_name.values() if e.loss]:
            for mention in equation.used:
                source = next((e for e in self.nearest if "softmax" in e.right and not e.loss), None)
                compared = {m.name for m in equation.used}
                if mention.name.endswith("_hat") and mention.name in self.by_name:
                    self.part_logits(mention.name, compared)
                if source is not None and source.target in compared and mention.name != f"{source.target}_hat":
                    continue  # what is predicted stands there already
                if mention.name.endswith("_hat") and mention.name not in self.by_name and source is not None:
                    said = f"{mention.name} is taken to be {source.target}"
                    if mention.name == f"{source.target}_hat" and source.target in compared:
                        self.by_name.pop(source.target, None)  # the loss compares y with it, so y is the target
                        said = f"the equation for {source.target} is taken to be one for {mention.name}"
                    self.adopt(source, mention.name, said)

    def part_logits(self, predicted: str, compared: Collection[str]) -> None:
        """Where a note calls both the target and the logits y, the loss that compares ŷ with y has the target."""
        name = predicted.removesuffix("_hat")
        equation = self.by_name.get(name)
        if name not in compared or equation is None or "softmax" in equation.right:
            return
        if "".join(equation.right.split()) in "".join(self.by_name[predicted].right.split()):
            del self.by_name[name]
            line = equation.place[1]
            self.assumed.append(f"{name}, with which the loss compares {predicted}, is not what line {line} calls so")

    def adopt(self, equation: Equation, name: str, said: str) -> None:
        """Take an equation for another name, in the letters that are in use here."""
        known = set(self.by_name) | set(self.used) | set(self.wanted)
        letters = {
            m.name: m.name.swapcase()
            for m in equation.used
            if len(m.name) == 1 and m.offset is not None and m.name not in known and m.name.swapcase() in known
        }
        self.by_name[name] = equation.with_target(name).renamed(letters)
        self.assumed.append(said)
        self.assumed += [f"{old} is taken to be {new}" for old, new in letters.items()]
        self.take([m.name for m in self.by_name[name].used])

    # Holes

    def find_holes(self) -> None:
        """Quantities whose equation cannot be parsed, or that are carried from step to step without an equation."""
        letters = {m.name for e in self.by_name.values() for m in e.used}
        for equation in list(self.by_name.values()):
            for called in _UNDECLARED.finditer(equation.right):
                if not set(called.group("word")) & self.apart(equation):
                    self.leave_open(equation.target, f"{called.group('word')} is not declared", equation.place[1])
        for each in self.given.unread:
            known = {each.name, stripped(each.name)} & set(self.by_name)
            spoken = each.name in letters | set(self.wanted) and not known
            if spoken and self.used.get(each.name, {0}) - {None}:
                self.open[each.name] = f"its equation in line {each.place.line} cannot be used ({each.reason})"
        for name, offsets in self.used.items():
            defined = name in self.by_name or name in self.open or name in self.before
            if -1 in offsets and 0 not in offsets and not defined:
                self.open[name] = "the note has no equation for it"
                self.missing.add(name)

    @property
    def before(self) -> set[str]:
        """The inputs of each step, where they are written with the step before it: x_t of h_{t+1} = f(x_t, h_t)."""
        written: dict[str, set[tuple[int | None, int]]] = {}
        for equation in self.by_name.values():
            for mention in equation.used:
                written.setdefault(mention.name, set()).add((mention.offset, equation.offset))
        given = {name for name, pairs in written.items() if pairs == {(0, 1)} and name not in self.by_name}
        return {name for name in given if name.partition("_")[0].lower() in INPUTS}

    def apart(self, equation: Equation) -> set[str]:
        """The capitals that stand alone somewhere else in the note."""
        return {
            name
            for other in self.given.equations
            for name in (m.name for m in other.used)
            if other is not equation and len(name) == 1 and not _UNDECLARED.search(other.right)
        }

    def leave_open(self, name: str, reason: str, line: int) -> None:
        self.open[name] = f"its equation in line {line} cannot be used ({reason})"

    def holes(self) -> Iterator[Hole]:
        """The holes with the names that may act on them."""
        used: dict[str, Collection[str]] = {
            name: [mention.name for mention in e.used] for name, e in self.by_name.items()
        }
        for each in self.given.unread:
            if each.name in self.open:
                used.setdefault(each.name, sorted(each.used))
        for name, reason in self.open.items():
            if name in self.ends:
                yield Hole(name, reason, frozenset(self.ends[name]))
            else:
                yield Hole(name, reason, None if name in self.missing else reaching(name, used))

    def set_aside(self) -> None:
        """Leave out a hole that no equation reads and reads nothing but the output: J may read that as it likes."""
        for name in self.open:
            unread = next((each for each in self.given.unread if each.name == name), None)
            equation = self.by_name.get(name)
            if name in self.used or name in self.ends or (equation is None and unread is None):
                continue
            used = {m.name for m in equation.used} if equation else set(unread.used if unread else ())
            if equation is not None and equation.at_end:
                continue  # of the output it reads one step alone
            rest = {other: e for other, e in self.by_name.items() if other != name}
            if not rest:
                continue
            self.by_name, before = rest, self.by_name
            if used & set(rest) <= {self.output().target}:
                self.ends[name] = used - {self.output().target}
            else:
                self.by_name = before

    def settle(self, error: InputError) -> bool:
        """Deal with what stands in the way: take a letter to be a number, drop a declaration, leave a quantity open."""
        place = error.place
        for number, declaration in enumerate(self.declarations()):
            of_an_equation = any(e.space is declaration.formulas[0] for e in self.by_name.values())
            if of_an_equation or place is None or not _within(place, declaration.formulas[0]):
                continue  # of the two, it is the equation that cannot be used
            if number not in self.unused:
                self.unused.add(number)
                self.contradicted.append((error.message, place))
                self.assumed.append(f"the declaration in line {place.line} could not be used ({error.message})")
                return True
        guilty = next((n for n, e in self.by_name.items() if place and _within(place, e.fragment)), None)
        if guilty is None or place is None or guilty in self.open:
            last = next((name for name in reversed(self.by_name) if name not in self.open), None)
            if last is not None:
                self.leave_open(last, error.message, self.by_name[last].place[1])
            return last is not None
        letter = place.text[place.column - 1 : place.column - 1 + place.length].strip()
        name = letter_name(letter)
        timeless = self.used.get(name) == {None}
        called = _BRACKET.match(place.text, place.column - 1 + place.length)
        if name and timeless and name not in self.numbers and not called and _is_small(letter):
            self.numbers.append(name)
            return True
        equation = self.by_name[guilty]
        compared = {m.name for m in equation.used if m.offset == equation.offset and self.is_data(m.name)}
        if equation.loss == "other" and compared and not compared & set(self.single):
            self.single += sorted(compared)
            return True
        if equation.loss == "cross-entropy" and guilty not in self.rewritten:
            self.rewritten[guilty] = False
            return True
        self.leave_open(guilty, error.message, equation.place[1])
        return True

    def settled(self, cell: Cell) -> bool:
        """Whether something had to be changed after all: a loss must be a number."""
        loss = self.output()
        if not loss.loss or loss.target in self.open or cell.output.shape == (1, 1):
            return False
        plain = [q.name for q in (*cell.inputs, *cell.states, *cell.parameters) if q.name not in self.numbers]
        if self.numbers and not any(name[0].isupper() for name in plain):  # no letter of the note is a matrix
            self.numbers += plain
            return True
        if loss.loss == "cross-entropy" and not self.rewritten.get(loss.target):
            self.rewritten[loss.target] = loss.target in self.rewritten or r"^\top \log" in loss.right
        else:
            self.leave_open(loss.target, "the loss is no number", loss.place[1])
        return True

    # The text of the model

    def declarations(self) -> list[Declaration]:
        """Declarations of the note, each with one formula, that speak of letters of the model and nothing else."""
        letters = {*self.by_name, *self.used}
        functions = {name for e in self.by_name.values() for name in spelled_names(e.fragment.text)}
        known = letters | functions | {stripped(name) for name in letters}
        found = [Declaration("where", (e.space,), "") for e in self.by_name.values() if e.space is not None]
        written = [Place(*e.place, e.place[1]) for e in self.given.equations]
        for declaration in self.given.declarations:
            if declaration.key in ("where", "for") and not WHERE.match(declaration.words):
                continue  # formulas alone in a line declare nothing
            for fragment in declaration.formulas:
                if any(_within(place, fragment) for place in written) or is_copy(fragment):
                    continue
                spoken = spelled_names(fragment.text)
                if spoken and spoken[0] in known and _DECLARES.search(fragment.text) and self.is_here(fragment, spoken):
                    found.append(Declaration(declaration.key, (fragment,), declaration.words))
        return found

    def is_here(self, declared: Fragment, spoken: Sequence[str]) -> bool:
        """Whether a declaration speaks of the letters of this model: the nearest equation with them is one of its own.

        Two models of one note may give a letter two shapes: W_y h_t of the one, h_t W_y of the other.
        """
        place = declared.place(0)
        own = {(e.target, "".join(e.right.split())) for e in self.by_name.values()}
        reading = [
            (abs(e.place[1] - place.line), (e.target, "".join(e.right.split())) not in own)
            for e in self.given.equations
            if e.place[0] == place.file and spoken[0] in {m.name for m in e.used}
        ]
        return not reading or not min(reading)[1]

    def fragments(self) -> tuple[list[Fragment], list[Declaration]]:
        """The equations and what has to be declared: targets, inputs, numbers and the output."""
        formulas: list[Fragment] = []
        kept = [d for n, d in enumerate(self.declarations()) if n not in self.unused]
        declarations = [d for d in kept if d.key in ("where", "for", "assume")]
        output = self.output()
        time = TIMES[output.style]
        targets: dict[str, None] = {}
        for equation in sorted(self.by_name.values(), key=lambda e: e.index):
            if equation.target in self.open:
                continue
            if equation.target in self.rewritten:
                written, target = _cross_entropy(equation, self.rewritten[equation.target])
                formulas.append(written)
                if target not in self.by_name:
                    targets[target] = None
                    declarations.append(_sums_to_one(f"{spelled(target)}{time}"))
                continue
            formulas.append(equation.fragment)
            if equation.loss:
                compared = [m.name for m in equation.used if m.offset == equation.offset and self.is_data(m.name)]
                targets |= dict.fromkeys(compared)
                if equation.loss == "cross-entropy":
                    declarations += [_sums_to_one(f"{spelled(name)}{time}") for name in compared]
        for count, name in enumerate([name for name in self.open if name not in self.ends], 1):
            value = rf"\mathrm{{given}}_{{{count},t}}"
            formulas.append(Fragment.of(f"{spelled(name)}{time} = {value}", "<model>"))
            declarations.append(_declared("input", value))
        for name in targets:
            declarations.append(_declared("target", f"{spelled(name)}{time}"))
        declarations.append(_declared("output", f"{spelled(output.target)}{time}"))
        for name, offsets in self.used_by(name for name in self.by_name if name not in self.open).items():
            free = name not in self.by_name and name not in targets and name not in self.open
            if free and (0 in offsets or name in self.before):
                declarations.append(_declared("input", f"{spelled(name)}{time}"))
        declarations += [
            _declared("where", rf"{spelled(name)} \in \mathbb{{R}}") for name in (*self.numbers, *self.single)
        ]
        return formulas, declarations

    def is_data(self, name: str) -> bool:
        """Whether a name is given at every step and no part of the model but its loss reads it."""
        readers = [e for e in self.by_name.values() if any(m.name == name for m in e.used)]
        return name not in self.by_name and name not in self.open and all(e.loss for e in readers)

    def output(self) -> Equation:
        """The loss; else what is computed from the state and used by nothing; else a state that nothing else uses."""
        ordered = sorted((e for e in self.by_name.values() if e.target not in self.aliases), key=lambda e: e.index)
        losses = [e for e in ordered if e.loss]
        if losses:
            return losses[-1]
        states = {name for name, offsets in self.used.items() if -1 in offsets}
        now = {name for name, offsets in self.used.items() if 0 in offsets}
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

    def said(self) -> list[str]:
        """What was assumed to complete the cell."""
        every = [e.numbered for e in self.by_name.values() if e.numbered]
        open_ = [name for name in self.used if name not in self.by_name and name.endswith(ACCENTED)]
        granted = [e.said for e in self.by_name.values() if e.said]
        said = [f"the equation for {step} is taken for every step" for step in every]
        holes = [f"{name} is open: {reason}" for name, reason in self.open.items()]
        numbers = [NUMBER.format(letter=letter) for letter in self.numbers]
        given = [f"{name} has no equation and is taken as given" for name in open_ if name not in self.open]
        said += [
            f"{name} is a name for what stands right of it, which J does not read"
            if name in self.shorthands
            else f"{name} names a part of another equation"
            for name in self.aliases
        ]
        return self.assumed + granted + said + given + numbers + holes

    def meant(self, cell: Cell) -> Meant:
        """The losses that count with a factor or at the last step, and the letters that stand for that step."""
        ends = {name for name, e in self.by_name.items() if e.at_end}
        read = {m.name for name in ends for m in self.by_name[name].used if m.offset == 0}
        data = {name for name in read if self.is_data(name)}
        uses: dict[str, set[int | None]] = {}
        for mention in (m for e in self.by_name.values() for m in e.used):
            uses.setdefault(mention.name, set()).add(mention.offset)
        behind = {
            name
            for name, e in self.by_name.items()
            if e.offset == -1 and uses.get(name) == {-1} and any(m.offset == 0 for m in e.used)
        }
        losses = {name: Loss(None, e.whole) for name, e in self.by_name.items() if e.whole not in (None, 1)}
        losses |= {name: Loss(nodes.T) for name in ends if name == cell.output.name}
        return Meant(
            tuple(losses.items()),
            moments=tuple((name, nodes.T) for name in sorted(ends | data)),
            ahead=bool(self.before),
            behind=frozenset(behind | self.before),
        )

    def places(self) -> frozenset[tuple[str, int, int]]:
        """Where the equations stand; one for step 3 is a claim about step 3."""
        return frozenset(e.place for e in self.by_name.values() if not e.numbered)

    def origin(self) -> str:
        """Which equations these are, by their lines."""
        lines = sorted({e.place[1] for e in self.by_name.values()})
        return f"the note's own equations in line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}"


def _is_small(letter: str) -> bool:
    """Whether a letter looks like a number: Greek or Latin and small."""
    return letter.removeprefix("\\")[:1].islower()


def _within(place: Place, fragment: Fragment) -> bool:
    """Whether a place lies in a fragment."""
    first, last = fragment.place(0), fragment.place(max(len(fragment.text.rstrip()) - 1, 0))
    return place.file == first.file and (first.line, first.column) <= (place.line, place.column) <= (
        last.line, last.column,
    )  # fmt: skip


def _declared(key: str, latex: str) -> Declaration:
    return Declaration(key, (Fragment.of(latex, "<model>"),), "")


def _sums_to_one(letter: str) -> Declaration:
    return _declared("assume", rf"\mathbf{{1}}^\top {{{letter}}} = 1")


def _cross_entropy(equation: Equation, rows: bool) -> tuple[Fragment, str]:
    """-yᵀ log ŷ with the letters of the equation, and the name of y; of rows log ŷ yᵀ."""
    used = list(dict.fromkeys(mention.name for mention in equation.used))
    logarithm = LOGARITHM.search(equation.fragment.text, equation.right_start)
    inside = [m.name for m in equation.used if logarithm is not None and m.start >= logarithm.end()]
    predicted = next((name for name in (*inside[:1], *used) if name.endswith(ACCENTED)), used[-1])
    target = next((name for name in used if name != predicted), predicted)
    time = TIMES[equation.style]
    left, y, y_hat = (f"{spelled(name)}{time}" for name in (equation.target, target, predicted))
    product = rf"\log({y_hat}) {{{y}}}^\top" if rows else rf"{{{y}}}^\top \log {y_hat}"
    return equation.rewritten(rf"{left} = -{product}").fragment, target
