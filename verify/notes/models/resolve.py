"""A formula -> its model: named, the note's own, or recognised."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from derive import catalogue
from derive.errors import Place
from derive.notation import find as find_notation
from derive.reader.text.note import Declaration
from verify.formulas.judgement import Word
from verify.notes.files import Aside, Formula
from verify.notes.models.equations import (
    Equation,
    equations,
    stands_alone,
    unread,
    with_named_arguments,
    without_abbreviated,
    without_entries,
    without_slips,
)
from verify.notes.models.gradients import BAR, barred, gradient_families, gradient_letters, total_gradients
from verify.notes.models.losses import at_the_end, in_words, of_the_step, whole
from verify.notes.models.meaning import completed
from verify.notes.models.model import Model
from verify.notes.models.names import names, of_errors, stripped
from verify.notes.models.own import Written, own
from verify.notes.models.recognise import ENOUGH, recognised

IN_CLAIMS, IN_WORDS = 1.0, 0.25
"""What a letter counts for in a formula that claims something, and where it is only mentioned."""


_TRANSPOSED = re.compile(r"\\top|\\intercal|\^\s*\{?\s*(?:\\(?:mathrm|text|mathsf|rm)\s*\{?\s*)?T\b|⊤|ᵀ|\.T\b")
_LIMITS = re.compile(r"\\(?:sum|prod)(?:\\limits)?(?:\s*[_^]\s*(?:\{[^{}]*\}|\w)){1,2}")
_SLOPES = re.compile(r"(?:sigma|tanh)\s*(?:'|\^\s*\{?\s*\\prime\s*\}?)\s*\(\s*(?!.{0,20}[-+])([^()=]{1,20}?)\s*\)")


class Models:
    """The models of one note: one for every section, and for what its comments name."""

    def __init__(
        self,
        formulas: Sequence[Formula],
        file: str,
        cell: str | None = None,
        notation: str | None = None,
        *,
        declarations: Sequence[Declaration] = (),
        aside: Sequence[Aside] = (),
        bars: bool = False,
        entropy: bool = False,
        blocks: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`bars`: whether the note says in words that a bar over a letter is the gradient by it; `entropy`: whether it
        speaks of the cross-entropy; `blocks`: weights of which it names the columns that act on something.
        """
        self.blocks = tuple(dict.fromkeys(blocks))
        self.formulas = formulas
        self.file = file
        self.named = {key: value for key, value in (("cell", cell), ("notation", notation)) if value}
        self._ended: dict[Place, list[Equation]] = {}
        claiming = [(index, formula) for index, formula in enumerate(formulas) if formula.claims]
        self.families = gradient_families(formula for _, formula in claiming)
        gradients = gradient_letters(formula for _, formula in claiming)
        every = [e for index, formula in claiming for e in self._defined(formula, index)]
        every = without_slips(without_entries(without_abbreviated(every)))
        every = with_named_arguments(every)
        states = {m.name for e in every for m in e.used if m.offset == -1}
        # h_t = ∂L/∂h_t where h_{t-1} is read is a slip, not a name for the gradient
        timed = [e for e in every if e.target not in gradients - states]
        texts = [formula.text for _, formula in claiming]
        self.totals = total_gradients(texts, self.families)
        self.untransposed = not any(_TRANSPOSED.search(_LIMITS.sub("", text)) for text in texts)
        self.slopes = len({match for text in texts for match in _SLOPES.findall(text)}) > 1
        self.said = bars
        self.bars = barred(timed, said=bars)
        if self.bars:
            bare = {e.target for e in timed}
            timed = [e for e in timed if not (e.target.endswith(BAR) and e.target.removesuffix(BAR) in bare)]
        ended = list(at_the_end(claiming, timed))
        here = list(of_the_step(claiming, [*timed, *(equation for _, equation in ended)]))
        timed = [e.with_steps({equation.target for _, equation in here}) for e in timed]
        ended += here
        for formula, equation in ended:
            self._ended.setdefault(formula.place, []).append(equation)
        summed = {(e.place[0], e.place[1], e.target) for e in timed if e.whole is not None}
        self.written = Written(
            [*timed, *(equation for _, equation in ended)],
            [
                each
                for _, formula in claiming
                for each in unread(formula)
                if each.name.split("_")[0] not in self.families | {"d"}
                and (each.place.file, each.place.line, each.name.split("_")[0]) not in summed
            ],
            declarations,
        )
        self.aside = aside
        if (loss := in_words(self.written.equations, claiming, called=entropy)) is not None:
            self.written = replace(self.written, equations=[*self.written.equations, loss])
        self._found: dict[tuple[object, ...], Model | None] = {}

    def defined(self, formula: Formula) -> list[Equation]:
        """The forward equations in a formula."""
        found = [*self._defined(formula, 0), *self._ended.get(formula.place, ())]
        return [e for e in found if not (self.bars and e.target.endswith(BAR))]

    def _defined(self, formula: Formula, index: int) -> Iterator[Equation]:
        for found in (*equations(formula, index), *whole(formula, index)):
            letter, _, behind = found.target.partition("_")
            if letter in self.families and behind:
                continue  # g_{c_t}^{total} beside g_y = ∂L/∂y
            if stands_alone(found.fragment):  # a row of cases that give several letters a value does not
                yield found

    def of(self, formula: Formula) -> Model | None:
        """The model that a formula is about; None if none fits. Raises InputError for a name that nothing has."""
        key = formula.section, formula.settings
        if key not in self._found:
            found = self._resolve(formula)
            if found is not None:
                meant = replace(found.meant, bars=self.bars and self.said, blocks=self.blocks)
                found = replace(
                    found,
                    meant=replace(
                        meant,
                        families=self.families,
                        totals=self.totals,
                        untransposed=self.untransposed,
                        slopes=self.slopes,
                    ),
                )
                found = completed(found, self.formulas, formula.section)
            self._found[key] = found
        return self._found[key]

    def why_none(self, formula: Formula) -> str:
        """Why a formula has no model, where that is known."""
        return "" if self.of(formula) else self._own_word(names(formula.fragment), formula)

    def _resolve(self, formula: Formula) -> Model | None:
        settings = {**self.named, **dict(formula.settings)}
        cell, notation = settings.get("cell"), settings.get("notation")
        if notation:
            find_notation(notation)
        around = [f for f in self.formulas if (f.section, f.settings) == (formula.section, formula.settings)]
        claimed = set().union(*(names(f.fragment) | of_errors(f.text) for f in around if f.claims))
        text = " ".join(f.text for f in around)
        wanted = dict.fromkeys(sorted(claimed), IN_CLAIMS)
        for each in around:
            for name in sorted(names(each.fragment)):
                wanted.setdefault(name, IN_WORDS)
        if cell is not None:
            if cell in catalogue.cells() and (found := recognised(wanted, text, cell, notation)) is not None:
                return found
            known = catalogue.find(self._path(cell))
            return Model(known, f"{known.name}, as named")
        model = own(self.written, formula.section, claimed, self.formulas.index(around[0]))
        share = 0.0 if model is None else _share(model, claimed)
        if model is not None and (share >= ENOUGH if model.cell.states else share >= 1 and model.cell.is_loss):
            return model
        other = recognised(wanted, text, None, notation)
        if other is None or (model is not None and model.cell.states and _share(other, claimed) <= share):
            return model
        # A definition is never wrong: what the note writes itself, the catalogue does not replace.
        computed = {e.symbol.name for e in other.cell.equations}
        claimed |= set(map(stripped, claimed))
        if self._own_word(computed & claimed, formula, model, other):
            return model
        elsewhere = self._written_elsewhere(computed, other)
        if not elsewhere:
            return other
        # h_t of another model says nothing of this one, if gates that the note writes nowhere are claimed here
        common = {state.name for state in other.cell.states} | {other.cell.output.name}
        every = {stripped(e.target) for e in self.written.equations}
        if elsewhere & claimed <= common and computed & claimed - common - every:
            return replace(other, recognised=False)
        return model

    def _own_word(
        self,
        claimed: Collection[str],
        formula: Formula,
        model: Model | None = None,
        other: Model | None = None,
    ) -> str:
        """What the note says itself about quantities that are claimed, in this section or where it has no other.

        An equation that says the same as the `other` model does not count.
        """
        apart = model is not None and not model.holes
        for name, line, section, reason in [
            *((e.target, e.place[1], e.section, "") for e in self.written.equations if not _agrees(e, other)),
            *((e.name, e.place.line, e.section, e.reason) for e in self.written.unread),
            *((each.name, each.line, None, each.reason) for each in self.aside),
        ]:
            if name not in claimed and stripped(name) not in claimed:
                continue
            if section is not None and apart and not _related(section, formula.section):
                continue
            why = f", which cannot be used ({reason})" if reason else ""
            return f"line {line} has an equation of the note's own for {name}{why}"
        return ""

    def _written_elsewhere(self, computed: Collection[str], other: Model) -> set[str]:
        """Which quantities the note has an equation for, in any section, that the `other` model does not have."""
        found = {}
        for equation in self.written.equations:
            name = equation.target if equation.target in computed else stripped(equation.target)
            if name in computed and name not in found and not _agrees(equation, other):
                found[name] = equation
        return set(found)

    def _path(self, name: str) -> str:
        """A note that is named beside the file is found there too."""
        beside = Path(self.file.split("#")[0]).parent / name
        if not Path(name).is_file() and beside.is_file():
            return str(beside)
        return name


def _agrees(equation: Equation, model: Model | None) -> bool:
    """Whether a model has the same equation."""
    from verify.formulas.claims import check  # reads much, and is needed for few notes

    if model is None or stripped(equation.target) not in {e.symbol.name for e in model.cell.equations}:
        return False
    found = check(equation.fragment.text, model.cell, fragment=equation.fragment, explain=False)
    return bool(found) and all(judgement.word in (Word.PROVED, Word.HOLDS_IF) for judgement in found)


def _related(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether a section contains the other, or is the same."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _share(model: Model, claimed: set[str]) -> float:
    """The share of the letters of the claims that a model knows."""
    has = model.cell.quantities
    return sum(name in has or stripped(name) in has for name in claimed) / max(len(claimed), 1)
