"""A letter of a claim with its scripts -> the cell's quantity, its time, an entry of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise, product
from typing import NamedTuple

from sympy import Expr, Integer, MatMul

from derive import nodes
from derive.cell import Cell
from derive.errors import InputError
from derive.lettering import lettered
from derive.nodes import Concat, Node, Quantity
from derive.notation import AS_WRITTEN, Notation
from derive.reader.claims.guesses import Guess, Guesses
from derive.reader.claims.meant import NOTHING, Meant
from derive.reader.meaning.letters import (
    ENTRY_LETTERS,
    TIME_LETTERS,
    Written,
    identifier,
    index,
    label,
    only,
    taken,
    time_expression,
    valued,
    with_own_time,
)
from derive.reader.meaning.tree import Ref
from derive.reader.text.faces import apart
from derive.reader.text.fragment import Fragment
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Group, Name, Number, Run, Syntax
from derive.reader.text.variants import spelled, variants
from derive.reader.text.words import BESIDE, GREEK


@dataclass(frozen=True)
class Found:
    """A resolved letter."""

    name: str
    time: Expr | None
    at: tuple[Expr, ...] = ()


def beside(written: Written, fragment: Fragment) -> str:
    """The label of a letter that names a step, such as next; or nothing."""
    for kind, part in written.parts:
        try:
            text = label(part, fragment) if kind == "sub" else ""
        except InputError:
            continue
        if text in BESIDE:
            return text
    return ""


class Choice(NamedTuple):
    """One way to read a part of a script."""

    label: str = ""
    time: Expr | None = None
    at: tuple[Expr, ...] = ()
    layer: str = ""
    """The label of a layer, which is dropped."""


class Way(NamedTuple):
    """One way to read all scripts of a letter."""

    labels: list[str]
    time: Expr | None
    at: tuple[Expr, ...]
    layer: str


class Letters:
    """The quantities of a cell under the names that a claim may give them."""

    def __init__(self, cell: Cell, program: Cell, notation: Notation | None = None, meant: Meant = NOTHING) -> None:
        self.cell, self.program = cell, program
        self.meant = meant
        self.quantities = dict(program.quantities)
        self.known: dict[str, str] = {}
        self.sizes = {str(letter) for letter in cell.sizes}
        self.numbers: dict[str, Expr] = {str(letter): letter for letter in cell.sizes} | dict(cell.numbers)
        """The letters that are numbers wherever they stand: sizes, and those that the note declares."""
        self.timed_letters: set[str] = set()
        self.entry_letters: set[str] = set(meant.indices)
        self.indices: list[set[str]] = []
        """The letters in the scripts of each letter of the formula, but for δ."""
        self.free: set[str] = set()
        """The letters that no sum of a side binds."""
        self.apart: set[frozenset[str]] = set()
        """The pairs of letters of which a sum leaves out that they are equal."""
        self.bounds: set[str] = set()  # letters between which a side sums or multiplies over steps
        self.aliases: dict[str, Found] = {}
        """Letters that stand for a quantity at a time, for as long as they are tried."""
        self.with_times = False
        """Whether the formula writes a time anywhere."""
        self.guesses = Guesses()
        self.wanted: dict[str, Node] = {}
        """Functions of quantities that the formula takes a derivative by and the cell has no name for."""
        self.between: dict[str, str] = {}
        """Letters that the cell does not have and that stand between derivatives, each with the quantity above it."""
        self.spans: set[tuple[Expr, Expr]] = set()
        """The earlier and the later step of derivatives of a quantity by itself."""
        self.leading = False
        """Whether the left side of the first = is being read."""
        names = list(self.quantities)
        if notation is not None and notation is not AS_WRITTEN:
            table = lettered(notation, program)
            for name in names:
                self.known.setdefault(_identifier(str(table.letter(name))), name)
        for name in names:
            self.known.setdefault(name, name)
        for name in names:
            self.known.setdefault(_identifier(str(cell.notation.letter(name))), name)
        if len(arguments := [name for name in names if name.startswith("net_")]) == 1:
            self.known.setdefault("net", arguments[0])

    def is_timed(self, name: str) -> bool:
        """Whether a quantity has a time."""
        return self.quantities[name].time is not None

    def number(self, written: Written, fragment: Fragment) -> Expr | None:
        """The size or the declared number that is meant, or None. A capital may also be a batch of states."""
        if written.primes or written.transposed:
            return None
        try:
            word = identifier("_".join([written.base, *(label(part, fragment) for _, part in written.parts)]))
        except InputError:
            return None
        if word not in self.numbers or word in self.known:
            return None
        other = Guess(f"{word} is no size", holds=False)
        if word in self._folded and self.guesses.other(f"number {word}", other):
            return None
        return self.numbers[word]

    def exponent(self, node: Syntax | None, fragment: Fragment) -> Expr | None:
        """The value of an exponent made of numbers and of those that the note declares: γ - 1."""

        def known(part: Syntax) -> Expr | None:
            written = taken(part)
            value = None if written is None or written.power is not None else self.number(written, fragment)
            return value if value is not None and value.is_number else None

        return valued(node, known)

    def extent(self, last: Syntax | None) -> Expr | None:
        """The size of the cell that a sum over entries runs up to, if it says one."""
        if not isinstance(last, Name) or last.word in self.meant.unsaid:
            return None
        return next((size for size in self.cell.sizes if str(size) == last.word), None)

    def taken(self, node: Syntax, fragment: Fragment) -> Written | None:
        """A letter with its scripts; a raised number is a label where the letter is no quantity without it: W^2."""
        found = taken(node)
        if found is not None and found.power is None and found.parts and found.parts[-1][0] == "sup":
            value = self.exponent(found.parts[-1][1], fragment)
            below = replace(found, parts=found.parts[:-1])
            unlabelled = value is not None and self.resolve(found, fragment, noted=False) is None
            raised = unlabelled and self.resolve(below, fragment, noted=False) is not None
            return replace(below, power=value) if raised else found
        if found is None or found.power is None or not found.power.is_Integer or found.power < 0:
            return found
        part = Group(node.end, node.end, "LPAR", ((Number(node.end, node.end, str(found.power)),),))
        labelled = replace(found, power=None, parts=[*found.parts, ("label", part)])
        if len(found.parts) == 1 and any(base == found.base for base, *_ in self.meant.pairs):  # δ_2^3
            return labelled
        plain = self.resolve(replace(found, power=None), fragment, noted=False)
        return labelled if plain is None and self.resolve(labelled, fragment, noted=False) is not None else found

    def resolve(
        self, written: Written, fragment: Fragment, default: Expr | None = nodes.t, *, noted: bool = True
    ) -> Found | None:
        """The quantity that is meant, or None. `default` is the time of a letter that should have one.

        With `noted` a letter of the other case is noted as an assumption.
        """
        if written.base in self.aliases and not written.parts:
            return self.aliases[written.base]
        own = apart(written.base, written.face)
        if any(name == own or name.startswith(f"{own}_") for name in self.known):  # beside another typeface of it
            found = self._resolve(replace(written, base=own), fragment, self.known, default)
            if found is not None:
                return found
        found = self._resolve(written, fragment, self.known, default)
        loss = self.cell.output.name if self.cell.is_loss else ""
        if found and found.name != loss and not written.parts and self.is_timed(found.name):
            words = _another_step(written.base, fragment)
            if words and self.guesses.other(f"bare {written.base}", Guess(words, holds=False, doubtful=True)):
                return None
        if found is not None:
            word = beside(written, fragment)
            if BESIDE.get(word) == 0 and identifier(f"{written.base}_{word}") not in self.known:
                # A step leaves its states to the next one, but no gates: theirs is that of the step after.
                carried = {self.cell.output.name, *(state.name for state in self.cell.states)}
                later = word == "next" and found.name not in carried and found.time == nodes.t
                found = replace(found, time=nodes.t + 1) if later else found
                if noted:
                    step = "{t+1}" if later else "t"
                    self.guesses.assumed[found.name] = f"{written.base}_{word} stands for {found.name}_{step}"
            return found
        found = self._resolve(written, fragment, self._folded, default)
        # H alone is a size, unless that reading was given up.
        sized = written.base in self.numbers and not written.parts
        noted = noted and not (sized and f"number {written.base}" not in self.guesses.turned)
        stepped = found is not None and found.time is not None and not (written.base == "I" and _is_size(found.time))
        if found is None or (stepped and self._resolve(written, fragment, self._folded, None) == found):
            # H_t for h_t: a capital with a time is a batch of states
            if found is not None and noted and len(found.at) < 2:
                self.guesses.assumed[found.name] = f"{spelled(written.base, found.name)} stands for {found.name}"
            return found
        if noted and len(found.at) < 2:  # the entries of W are called w_{ij}
            self.guesses.assumed[found.name] = f"{spelled(written.base, found.name)} stands for {found.name}"
        entry = len(found.at) == 2 and len(written.base) == 1 and written.base.islower()  # w_{ij} of W
        if entry or f"number {written.base}" in self.guesses.turned:
            return found
        words = f"{spelled(written.base, found.name)} is not {found.name}"
        slip = len(found.name.partition("_")[2]) > 1 and written.base.islower() and not found.at  # w_{hh} beside W_{hh}
        other = Guess(words, holds=written.base == "I", doubtful=not slip)
        return None if self.guesses.other(f"fold {written.base}", other) else found

    @property
    def _folded(self) -> Mapping[str, str]:
        return _folded(tuple(self.known.items()))

    def _resolve(
        self, written: Written, fragment: Fragment, known: Mapping[str, str], default: Expr | None
    ) -> Found | None:
        for labels, time, at, layer in self.ways(written, fragment):
            for name in self._names([written.base, *labels], known):
                if name in known and (time is None or self.is_timed(known[name])):
                    found = known[name]
                    when = self._moment(found, default) if time is None and self.is_timed(found) else time
                    when = self.placed(found, when) if time is not None else when
                    step = time is None and self.is_timed(found)  # of a matrix D_i is the one of step i, and no entry
                    if len(at) in ((0, 1) if self.quantities[found].shape[1] == 1 else (0, 2) if step else (0, 1, 2)):
                        if layer:
                            self.guesses.layers[found] = layered(written, layer)
                        return Found(found, when, at)
        return None

    def spellings(self, written: Written, fragment: Fragment) -> list[str]:
        """The names that a letter without its time may have."""
        return [
            identifier("_".join([written.base, *labels]))
            for labels, _, _, layer in self.ways(written, fragment)
            if not layer
        ]

    def _names(self, spelled: list[str], known: Mapping[str, str]) -> list[str]:
        """The names that a letter with its labels may have: W_f also written Wf, if it is a parameter."""
        base, labels = spelled[0], spelled[1:]
        names = [identifier("_".join(spelled)), identifier(base + "_" + "".join(labels))]
        if len(base) > 1 and "_" not in base and base not in GREEK.values():  # β is no b_η
            glued = identifier("_".join([base[0], base[1:], *labels]))
            if known.get(glued) in {parameter.name for parameter in self.cell.parameters}:
                names.append(glued)
        return list(dict.fromkeys(names))

    def _moment(self, name: str, default: Expr | None) -> Expr | None:
        """The time of a letter that is written without one."""
        return default if default is None else dict(self.meant.moments).get(name, default)

    def placed(self, name: str, written: Expr | None) -> Expr | None:
        """The step that a letter belongs to where it is written with this one."""
        if written is None:
            return None
        return written + int(name in self.meant.behind) - int(name in self.meant.late)

    def moment(self, name: str, value: str = "") -> Expr:
        """The step of a letter without a time, perhaps the argument of a value: t, or the last for a read-out."""
        moments = dict(self.meant.moments)
        return moments.get(name, moments.get(value, nodes.t))

    @property
    def whole(self) -> Expr | None:
        """The step whose loss alone is J, where the document has the loss of one step; None for the sum over all."""
        defined = dict(self.meant.losses).get(self.cell.output.name)
        return None if defined is None else defined.step

    def asked(self, by: Ref) -> Expr | None:
        """The step whose loss δ or d before a quantity is the gradient of; None for the sum over all."""
        said, step = (False, None) if by.time is None else self.meant.loss_of(by.name, by.time)
        return step if said else self.whole

    def block(self, written: Written, fragment: Fragment) -> tuple[str, tuple[Expr, Expr]] | None:
        """The matrix and its columns that W_{kx} means: those of W_k that act on x in [h; x]."""
        if {kind for kind, _ in written.parts} != {"sub"} or written.primes or written.stars:
            return None
        try:
            text = "".join(label(part, fragment) for _, part in written.parts)
        except InputError:
            return None
        for cut in range(len(text)):
            name = self.known.get(f"{written.base}_{text[:cut].rstrip('_')}" if cut else written.base)
            part = self.known.get(text[cut:])
            between = None if name is None or part is None else self.columns(name, part)
            if name is not None and between is not None:
                word = f"{written.base}_{{{text}}} stands for the columns of {name} that act on {part}"
                self.guesses.assumed[name] = word
                return name, between
        return None

    def columns(self, name: str, part: str) -> tuple[Expr, Expr] | None:
        """The columns of a matrix that act on a part of what it is multiplied by, on what stands below it for `a:`."""
        for factor, right in (pair for e in self.cell.equations for pair in _products(e.expression)):
            if isinstance(factor, Quantity) and factor.name == name and isinstance(right, Concat) and right.axis == 0:
                start: Expr = Integer(0)
                for each in right.parts:
                    end = start + each.shape[0]
                    if isinstance(each, Quantity) and each.name == part.removesuffix(":"):
                        return (end, right.shape[0]) if part.endswith(":") else (start, end)
                    start = end
        return None

    def ways(self, written: Written, fragment: Fragment) -> Iterator[Way]:
        """All ways to read the scripts as labels, one time and indices; those with most labels first."""
        choices: list[list[Choice]] = []
        for kind, part in written.parts:
            beside = any(time_expression(other) is not None for _, other in written.parts if other is not part)
            choices.append(list(self._choices(kind, part, fragment, kind == "sup" or beside)))
            if kind == "sub" and beside and isinstance(part, Name) and self._counts(part.word):
                choices[-1].append(Choice(at=(index(part.word),)))  # p_{t,c}
        if written.primes:
            choices.append([Choice("prime" * written.primes)])
        for picked in product(*choices[:6]):
            labels: list[str] = []
            moments: list[Expr] = []
            at: tuple[Expr, ...] = ()
            for choice in picked:
                labels += [choice.label] if choice.label else []
                moments += [choice.time] if choice.time is not None else []
                at += choice.at
            layer = "".join(choice.layer for choice in picked)
            if len(moments) <= 1 and not (layer and self._kept_layer(written)):
                yield Way(labels, moments[0] if moments else None, at, layer)

    def _kept_layer(self, written: Written) -> bool:
        """Whether the label of a layer may not be ignored."""
        other = Guess(f"{written.base} belongs to a layer of its own", holds=False, doubtful=True)
        return self.guesses.other("layer", other)

    def _choices(self, kind: str, part: Syntax, fragment: Fragment, timed: bool) -> Iterator[Choice]:
        try:
            text = label(part, fragment)
            yield Choice(text)
        except InputError:
            text = ""
        bracketed = isinstance(part, Group) and part.bracket in ("LPAR", "LANGLE")
        time = time_expression(part)
        if time is not None and not bracketed and any(self._is_letter(str(s)) for s in time.free_symbols):
            time = None
        entry = self.entry(part, timed)
        if time is not None and (bracketed or entry is None or kind == "sup"):
            yield Choice(time=time)
        if isinstance(part, Name) and part.word in self.sizes and kind == "sub":
            yield Choice(at=(nodes.size(part.word) - 1,))  # the last entry
        if entry is not None:
            yield Choice(at=(entry,))
            if time is not None and not bracketed:
                yield Choice(time=time)
        if isinstance(part, Run) and 2 <= len(factors := _opened(part.factors)) <= 3:
            timed |= any(time_expression(factor, TIME_LETTERS) is not None for factor in factors)
            entries = [self.entry(factor, timed) or _digits(factor) for factor in factors]
            if all(each is not None for each in entries):
                yield Choice(at=tuple(each for each in entries if each is not None))
            moments = [time_expression(factor, TIME_LETTERS) for factor in factors]
            if moments[-1] is not None and len(factors) == 2:
                if entries[0] is not None:
                    yield Choice("", moments[-1], (entries[0],))
                yield Choice(label(factors[0], fragment), moments[-1])
            if moments[0] is not None and len(factors) == 2 and entries[-1] is not None:
                yield Choice("", moments[0], (entries[-1],))
            if entries[-1] is not None and entries[0] is None and all(each is not None for each in entries[1:]):
                # z_{yk}: entry k of z_y
                counted = tuple(each for each in entries[1:] if each is not None)
                yield Choice(label(factors[0], fragment), at=counted)
        if (labelled := with_own_time(part)) is not None and kind == "sub":
            yield Choice(label(labelled[0], fragment), labelled[1])
        if isinstance(part, Number) and part.text.isdigit() and len(part.text) == 2:
            yield Choice(at=tuple(Integer(int(digit) - 1) for digit in part.text))
        if isinstance(part, Number) and part.text.isdigit() and kind == "sub":
            yield Choice(at=(Integer(int(part.text) - 1),))
        if kind == "sub" and text in BESIDE:
            yield Choice(time=nodes.t + BESIDE[text])
        if text in _DECORATION and text not in self.entry_letters:
            layer = text if text in _LAYERS else ""
            # An index that is a step is no layer.
            if not layer or "entries" not in self.guesses.turned or "layers" in self.guesses.turned:
                yield Choice(layer=layer)

    def _is_letter(self, word: str) -> bool:
        """Whether a single letter has a meaning of its own, which keeps it from being a step."""
        own = word in self.known or word in self.sizes or (word.isupper() and word not in ("N", "S"))
        return own and word not in TIME_LETTERS | self.timed_letters

    def entry(self, part: Syntax, timed: bool = False) -> Expr | None:
        """An index that counts entries; raised or beside a time it is read as no step (`timed`)."""
        if isinstance(part, Group) and (inner := only(part.rows)) is not None:
            return self.entry(inner, timed)
        if not isinstance(part, Name) or len(part.word) != 1:
            return None
        word = part.word
        if word in self.entry_letters:
            return index(word)
        if word not in ENTRY_LETTERS or word in self.timed_letters or self._is_gate(word):
            return None
        if word in _LAYERS:
            other = Guess(f"{word} counts layers, not entries", holds=False, doubtful=True)
            if self.guesses.other("layers", other):
                return None
            if timed:
                return index(word)
        return None if self.guesses.other("entries", Guess(f"{word} is a step, not an entry")) else index(word)

    def _counts(self, word: str) -> bool:
        """Whether a letter beside a time can only count entries, as c does in p_{t,c}."""
        free = len(word) == 1 and word.islower() and word not in ENTRY_LETTERS | TIME_LETTERS | self.timed_letters
        return free and not self._is_gate(word)

    def _is_gate(self, word: str) -> bool:
        """Whether a letter is a vector of the cell, r of z_{r,t} beside r_t; i, j and k count entries all the same."""
        known = None if word in "ijk" else self.known.get(word)
        return known is not None and self.is_timed(known) and self.quantities[known].shape != (1, 1)


def _is_size(time: Expr) -> bool:
    """Whether what is read as a step may be a size: d of the identity matrix I_d."""
    return time.is_Symbol and str(time) not in TIME_LETTERS


def _another_step(base: str, fragment: Fragment) -> str:
    """Why a letter without a step may not be that of step t: it stands with t too, or others stand at t + N."""
    at_t = rf"(?<![A-Za-z\\]){base}\s*_\s*\{{?\s*t(?![A-Za-z])"
    if len(base) == 1 and re.search(at_t, fragment.text) is not None:
        return f"{base} is not {base}_t, which stands beside it"
    later = set(re.findall(r"_\s*\{\s*t\s*\+\s*([A-Z])\s*\}", fragment.text))
    return f"{base} is that of step t+{later.pop()}, which stands beside it" if len(later) == 1 else ""


_LAYERS = frozenset(["l", "layer"])
_DECORATION = _LAYERS | {"total", "tot"}
"""Labels that add nothing where they name no quantity of their own."""


def layered(written: Written, layer: str) -> str:
    """What it means to drop the label of a layer."""
    return f"{written.base} of the layer {layer} stands for {written.base}, as if there were one layer"


def _products(node: Node) -> Iterator[tuple[Node, Node]]:
    """Neighbouring factors of all matrix products."""
    for each in node.atoms(MatMul):
        yield from pairwise(each.args)


def _digits(node: Syntax) -> Expr | None:
    if isinstance(node, Number) and node.text.isdigit():
        return Integer(int(node.text) - 1)
    return None


@lru_cache(maxsize=64)
def _folded(known: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """The names that letters have which differ from known ones as typed letters do, where that is one name."""
    folded: dict[str, list[str]] = {}
    for letter, name in known:
        for other in variants(letter):
            folded.setdefault(other, []).append(name)
    return {letter: names[0] for letter, names in folded.items() if len(set(names)) == 1}


@lru_cache(maxsize=1024)
def _identifier(latex: str) -> str:
    """The identifier that this letter would have in a formula."""
    fragment = Fragment.of(latex)
    try:
        (row,) = parse(fragment)
        found = taken(row[0])
        if found is None:
            return latex
        labels = [label(part, fragment) for _, part in found.parts] + ["prime"] * bool(found.primes)
        labels += [] if found.power is None else [str(found.power)]  # as a name has no power
        return identifier("_".join([found.base, *labels]))
    except (InputError, ValueError):
        return latex


def _opened(factors: Sequence[Syntax]) -> list[Syntax]:
    """The factors of a script, indices in square brackets as if they stood without: f [i, j]."""
    found: list[Syntax] = []
    for factor in factors:
        listed = isinstance(factor, Group) and factor.bracket == "LBRACK" and len(factor.rows) == 1
        found += factor.rows[0] if listed and isinstance(factor, Group) else [factor]
    return found
