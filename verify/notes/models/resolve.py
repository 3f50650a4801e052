"""A formula -> its model: named, the note's own, or recognised."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from itertools import filterfalse
from pathlib import Path

from derive import catalogue
from derive.cell import Cell
from derive.errors import Place
from derive.nodes import Elementwise
from derive.notation import find as find_notation
from derive.patterns import regex
from derive.reader.document.words import SAYS_NOTHING, Words
from derive.reader.models.equations.equation import LOSSES, Equation
from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.models.equations.names import ABOUT, names, of_errors, stripped
from derive.reader.models.equations.supposing import ROUGHLY
from derive.reader.models.model import Lost, Model
from derive.reader.models.own import own
from derive.reader.models.written import Written, written
from derive.reader.text.note import Declaration
from derive.reader.text.words import BESIDE
from verify.formulas.generic import WEIGHT, WEIGHTS, arrays
from verify.formulas.judgement import Word
from verify.notes.claiming import nothing
from verify.notes.files import Aside, Formula
from verify.notes.mentioned import Mention, family
from verify.notes.models.meaning import completed
from verify.notes.models.recognise import ENOUGH, recognised

IN_CLAIMS, IN_WORDS = 1.0, 0.25
"""What a letter counts for in a formula that claims something, and where it is only mentioned."""

OF_ANOTHER_SECTION = "the letters are those of the model that begins in line {line}"
KNOWN = "the usual one, {title}, which the note does not write out"
NO_MODEL = "{reason}, and no other model fits: name one with --cell, or in the note: <!-- backproof: cell=... -->"
ANY_MODEL = "any recurrence, told by its derivatives"
OWN_WORD = "line {line} has an equation of the note's own for {name}"
CALLED = "the {kind} that line {line} speaks of is {title}"

_AT_A_STEP = regex(r"_(?:T|\d)\Z")
_ERROR = regex(r"\\delta(?![A-Za-z])|δ")
_AT_T = r"(?<![A-Za-z\\]){letter}\s*[_^]\s*[{{(<\[]*\s*t(?![A-Za-z])"
NEAR = 4
"""Lines within which a formula stands under what is supposed before it."""


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
        words: Words = SAYS_NOTHING,
    ) -> None:
        """`words`: what the note says of its letters beside its formulas."""
        self.formulas = formulas
        self.file = file
        self.named = {key: value for key, value in (("cell", cell), ("notation", notation)) if value}
        self.written = written(formulas, declarations, words)
        self.aside = aside
        self._found: dict[tuple[object, ...], Model | Lost] = {}
        self._whole: dict[tuple[object, ...], Model] = {}
        self._completed: dict[tuple[Model, tuple[str, ...]], Model] = {}
        """What is completed under other equations too is often the same."""
        self._others: dict[object, Models] = {}

    def of(self, formula: Formula) -> Model | None:
        """The model that a formula is about; None if none fits. Raises InputError for a name that nothing has."""
        found = self._bare(formula)
        key: tuple[object, ...] = (formula.section, formula.settings)
        if self._of_any(formula, found):
            found, key = self._any(formula), (*key, ANY_MODEL)
        if not isinstance(found, Model):
            return None
        if key not in self._whole:
            found = replace(found, meant=self.written.meaning(found.meant))
            same = found, formula.section
            if same not in self._completed:
                self._completed[same] = completed(found, self.formulas, formula.section)
            self._whole[key] = self._completed[same]
        return self._whole[key]

    def _bare(self, formula: Formula) -> Model | Lost:
        """The model without what the note defines beside its equations, which takes long to find."""
        key = formula.section, formula.settings
        if key not in self._found:
            self._found[key] = self._resolve(formula)
        return self._found[key]

    def _under(self, written: Written) -> Models:
        """The models of the note where it writes other equations."""
        other = copy(self)
        other.written, other._found, other._whole = written, {}, {}
        return other

    def elsewhere(self, formula: Formula) -> Model | None:
        """The model of another section whose letters a formula has, else the known cell: ∂c_t/∂c_k = diag(f_t)."""
        model, spoken = self.of(formula), set(names(formula.fragment))
        if model is not None and (other := self._of_another_section(formula, model, spoken)) is not None:
            return other
        if model is None or _share(model, spoken) or any(stripped(e.target) in spoken for e in self.written.equations):
            return None
        found = recognised(dict.fromkeys(sorted(spoken), IN_CLAIMS), formula.text)
        return None if found is None else replace(found, recognised=False)

    def _of_another_section(self, formula: Formula, model: Model, spoken: set[str]) -> Model | None:
        """A model of another section, as a guess, with all letters of a formula, of them a weight that its own lacks.

        None where two such models compute what it speaks of differently.
        """
        lacking = {name for name in spoken if not {name, stripped(name)} & _has(model)}
        bare = [(each, self._bare(each)) for each in self.formulas if lacking and each.section != formula.section]
        fitting = [each for each, one in bare if isinstance(one, Model) and _share(one, spoken) == 1]
        models = [one for one in map(self.of, fitting) if one is not None and one.definitions]
        found = [one for one in models if lacking & {parameter.name for parameter in one.cell.parameters}]
        computed = {  # in sizes of its own each
            frozenset((e.symbol.name, str(e.expression)) for e in one.cell.equations if e.symbol.name in spoken)
            for one in found
        }
        if len(computed) != 1:
            return None
        plainest = min(found, key=lambda one: (len(one.doubts), len(one.cell.equations)))
        line = min(place[1] for place in plainest.definitions)
        return replace(plainest, doubts=(*plainest.doubts, OF_ANOTHER_SECTION.format(line=line)))

    def called(self, formula: Formula, mention: Mention) -> Iterator[Model]:
        """The models of the note, and the known cell, that words call by the name of a kind of cell."""
        spoken, here = set(names(formula.fragment)), self.of(formula)
        apart = {(f.section, f.settings): f for f in self.formulas}
        bare = ((each, self._bare(each)) for each in apart.values())
        near = [each for each, one in bare if isinstance(one, Model) and family(one.cell) == mention.kind]
        own_ = dict.fromkeys(filter(None, map(self.of, near)))
        known = recognised(dict.fromkeys(sorted(spoken), IN_CLAIMS), formula.text, mention.kind)
        if known is not None:
            known = replace(known, meant=self.written.meaning(known.meant))
        for model in (*own_, known):
            if model is not None and model is not here and _share(model, spoken) == 1:
                title = KNOWN.format(title=model.origin.partition(",")[0]) if model is known else model.origin
                said = CALLED.format(line=mention.line, kind=mention.kind.upper(), title=title)
                doubts = (said,) if model is known else (*model.doubts, said)
                yield replace(model, recognised=False, doubts=doubts)

    def lacking(self, formula: Formula) -> frozenset[str]:
        """The letters of a formula that its model does not have."""
        model = self.of(formula)
        spoken = names(formula.fragment)
        return frozenset() if model is None else frozenset(n for n in spoken if not {n, stripped(n)} & _has(model))

    def others(self, formula: Formula, *, slips: bool = False) -> Iterator[Model]:
        """The formula's model under other equations that the note may mean, as a guess, where it speaks of these.

        `slips`: only under those without which the note contradicts itself.
        """
        for number, other in enumerate(self.written.instead):
            if slips and not other.slip:
                continue
            spoken = names(formula.fragment) | ({"delta"} if _ERROR.search(formula.text) else set())
            spoken |= {_AT_A_STEP.sub("", name) for name in spoken}
            if not spoken & other.letters:
                continue
            if number not in self._others:
                self._others[number] = self._under(replace(self.written, equations=other.equations, instead=()))
            found = self._others[number].of(formula)
            if found is not None and not found.recognised:
                yield replace(found, doubts=(*found.doubts, other.said))

    def in_other_letters(self, formula: Formula) -> Iterator[Model]:
        """The formula's model as another section writes it, where a letter is an argument in one and a value in one."""
        model = self.of(formula)
        if model is None or model.recognised:
            return
        here = {e.target: e for e in self.written.equations if e.place in model.definitions}
        for name in sorted(names(formula.fragment) & here.keys()):
            section = here[name].section
            ways = [
                e for e in self.written.equations if e.target == name and e.section not in (section, formula.section)
            ]
            if section == formula.section or not ways:
                continue
            if (key := ("letters", section)) not in self._others:
                rest = [e for e in self.written.equations if e.section != section]
                self._others[key] = self._under(replace(self.written, equations=rest))
            other = self._others[key].of(formula)
            if other is None or other.recognised or not _names_argument_and_value(name, model.cell, other.cell):
                continue
            line = min(place[1] for place in other.definitions)
            yield replace(other, doubts=(*other.doubts, OF_ANOTHER_SECTION.format(line=line)))

    def supposing(self, formula: Formula) -> tuple[tuple[tuple[str, int], ...], Model | None]:
        """What running text supposes right before a formula, with its lines, and the formula's model under that."""
        place, roughly = formula.place, ROUGHLY.search(formula.text) is not None
        supposed = (*(self.written.supposed_roughly if roughly else ()), *self.written.supposed)
        near = {
            e.target: e for e in supposed if e.section == formula.section and _is_near(e.place, place)
        }  # the last counts
        near |= {e.target: e for e in self._variants(formula) if e.target not in near}
        flat = {
            function: (" ".join(one.text.split()), one.place.line)
            for function, one in (self.written.flat if roughly else ())
            if one.section == formula.section and _is_near((one.place.file, one.place.line, one.place.column), place)
        }
        if not near and not flat:
            return (), None
        key = ("supposing", *(e.place for e in near.values()), *flat.items())
        if key not in self._others:
            others = [_without(flat, e) for e in self.written.equations if e.target not in near]
            self._others[key] = self._under(replace(self.written, equations=[*others, *near.values()]))
        said = ((" ".join(e.fragment.text.replace("&", " ").split()), e.place[1]) for e in near.values())
        return (*said, *flat.values()), self._others[key].of(formula)

    def _variants(self, formula: Formula) -> Iterator[Equation]:
        """Recurrences of running text right before a formula, for states that the section has another equation for."""
        place, here = formula.place, [e for e in self.written.equations if e.section == formula.section]
        for e in here:
            if (
                _is_near(e.place, place)
                and not e.displayed
                and len(e.used) > 1
                and any((m.name, m.offset) == (e.target, -1) for m in e.used)
            ):
                right = "".join(e.right.split())
                if any(o.target == e.target and "".join(o.right.split()) != right for o in here):
                    yield e

    def why_none(self, formula: Formula) -> str:
        """Why a formula has no model."""
        if self.of(formula) is not None:
            return ""
        found = self._found[formula.section, formula.settings]
        assert isinstance(found, Lost)
        return self._own_word(names(formula.fragment), formula) or NO_MODEL.format(reason=found.reason)

    def lost(self, formula: Formula) -> Lost:
        """What is known of the equations where a formula has no model."""
        found = self._bare(formula)
        return found if isinstance(found, Lost) else Lost("")

    def _resolve(self, formula: Formula) -> Model | Lost:
        settings = {**self.named, **dict(formula.settings)}
        cell, notation = settings.get("cell"), settings.get("notation")
        if notation:
            find_notation(notation)
        around = [f for f in self.formulas if (f.section, f.settings) == (formula.section, formula.settings)]
        claimed = set().union(*(names(f.fragment) | of_errors(f.text) for f in around if f.claims))
        text = " ".join(f.text for f in around)
        wanted = dict.fromkeys(sorted(filterfalse(self._is_error, claimed)), IN_CLAIMS)
        for each in around:
            for name in sorted(filterfalse(self._is_error, names(each.fragment))):
                wanted.setdefault(name, IN_WORDS)
        if cell is not None:
            if cell in catalogue.cells() and (named := recognised(wanted, text, cell, notation)) is not None:
                return named
            known = catalogue.find(self._path(cell))
            return Model(known, f"{known.name}, as named")
        parent = formula.section[:-1]
        siblings = [f for f in self.formulas if f.section[: len(parent)] == parent]
        if len(siblings) == len(self.formulas):  # the title says nothing of what belongs together
            siblings = []
        beside = set().union(*(names(f.fragment) for f in siblings if DERIVATIVE.search(f.text)))
        said = {(each.place.file, each.place.line, each.place.column) for each in self.written.unread}
        claiming = [f for f in around if f.claims and not nothing(f) and not self.written.defined(f)]
        claiming = [f for f in claiming if (f.place.file, f.place.line, f.place.column) not in said]
        about = set().union(*(names(f.fragment) | of_errors(f.text) for f in claiming))
        found = own(self.written, formula.section, claimed, self.formulas.index(around[0]), beside, about)
        model = found if isinstance(found, Model) else None
        spoken = set(filterfalse(self._is_error, claimed))
        share = 0.0 if model is None else _share(model, spoken)
        if model is not None and (share >= ENOUGH if model.cell.states else share >= 1 and model.cell.is_loss):
            return model
        other = recognised(wanted, text, None, notation)
        if other is None or (model is not None and model.cell.states and _share(other, spoken) <= share):
            return found
        # A definition is never wrong: what the note writes itself, the catalogue does not replace.
        computed = {e.symbol.name for e in other.cell.equations}
        claimed |= set(map(stripped, claimed))
        if self._own_word(computed & claimed, formula, model, other):
            return found
        computes = {parameter.name for parameter in other.cell.parameters} & {e.target for e in self.written.equations}
        if any(re.search(_AT_T.format(letter=re.escape(name)), text) for name in claimed & computes):
            return found  # what the note computes for step t is no parameter: c of c_t, which elsewhere may be a bias
        elsewhere = self._written_elsewhere(computed, other)
        if not elsewhere:
            return other
        # h_t of another model says nothing of this one, if gates that the note writes nowhere are claimed here
        common = {state.name for state in other.cell.states} | {other.cell.output.name}
        every = {stripped(e.target) for e in self.written.equations}
        if elsewhere & claimed <= common and computed & claimed - common - every:
            return replace(other, recognised=False)
        return found

    def _of_any(self, formula: Formula, found: Model | Lost) -> bool:
        """Whether a formula is about any recurrence: it has its letters alone, or the known cell lacks letters."""
        chained, spoken = self.written.chained, set(map(stripped, names(formula.fragment)))
        if chained is None or not spoken & chained.letters:
            return False
        if isinstance(found, Model) and not (found.recognised and self._lacks(found, formula)):
            return False
        alone = spoken <= chained.letters | ABOUT | LOSSES
        return (alone or isinstance(found, Model)) and isinstance(self._any(formula), Model)

    def _any(self, formula: Formula) -> Model | Lost:
        """Any recurrence, of which a document has the chain rule alone."""
        key = formula.section, formula.settings, ANY_MODEL
        if key not in self._found:
            chained = self.written.chained
            assert chained is not None
            alone = replace(self.written, equations=chained.equations, instead=(), chained=None)
            at = next(n for n, f in enumerate(self.formulas) if (f.section, f.settings) == key[:2])
            found = own(alone, formula.section, chained.letters, at, (), chained.letters)
            if isinstance(found, Model):
                found = replace(found, origin=ANY_MODEL, doubts=(*found.doubts, chained.said), recognised=True)
            self._found[key] = found
        return self._found[key]

    def _lacks(self, model: Model, formula: Formula) -> bool:
        """Whether a model does not have all letters that the formulas of a section claim something about."""
        around = (f for f in self.formulas if (f.section, f.settings) == (formula.section, formula.settings))
        claimed = set().union(*(names(f.fragment) for f in around if f.claims))
        return _share(model, set(filterfalse(self._is_error, claimed))) < 1

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
            known = OWN_WORD.format(line=line, name=name)
            return f"{known}, which cannot be used ({reason})" if reason else known
        return ""

    def _written_elsewhere(self, computed: Collection[str], other: Model) -> set[str]:
        """Which quantities the note has an equation for, in any section, that the `other` model does not have."""
        found = {}
        for equation in self.written.equations:
            name = equation.target if equation.target in computed else stripped(equation.target)
            if name in computed and name not in found and not _agrees(equation, other):
                found[name] = equation
        return set(found)

    def _is_error(self, name: str) -> bool:
        """Whether this is δ with a label, or a letter for a gradient, which tells of no model."""
        return name.startswith("delta_") or name in self.written.gradients

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
    guessed = any(ARGUMENT_OF in words for judgement in found for words in judgement.assumptions)
    return bool(found) and not guessed and all(one.word in (Word.PROVED, Word.HOLDS_IF) for one in found)


ARGUMENT_OF = "is the argument of"
"""Within the words of a guess about a letter that the model does not have."""


def _names_argument_and_value(name: str, one: Cell, other: Cell) -> bool:
    """Whether of two cells with the same states one calls the value of a function so, and one what it is taken of."""
    values = [
        isinstance(e.expression, Elementwise) for cell in (one, other) for e in cell.equations if e.symbol.name == name
    ]
    return {*one.states} == {*other.states} and sorted(values) == [False, True]


def _related(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether a section contains the other, or is the same."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _has(model: Model) -> set[str]:
    has = set(model.cell.quantities)
    if len(arrays(model.cell, WEIGHT)) > 1:
        has |= WEIGHTS  # any of several
    return has


def _share(model: Model, claimed: set[str]) -> float:
    """The share of the letters of the claims that a model knows."""
    has = _has(model)
    return sum(bool({name, stripped(name), _without_word(name)} & has) for name in claimed) / max(len(claimed), 1)


def _without_word(name: str) -> str:
    """The letter of a value that a word places in time: a of a_{next} and a_{prev}."""
    letter, _, word = name.rpartition("_")
    return letter if word in BESIDE else name


def _is_near(at: tuple[str, int, int], place: Place) -> bool:
    """Whether something stands in the lines right before a place."""
    return at[0] == place.file and at[1:] < (place.line, place.column) and place.line - at[1] <= NEAR


def _without(functions: Iterable[str], equation: Equation) -> Equation:
    """An equation in which some functions are the identity, in as many characters."""
    text = equation.fragment.text
    for function in functions:
        named = re.compile(rf"(?<![A-Za-z\\]){re.escape(function)}(?![A-Za-z_^'])")
        text = named.sub(lambda found: " " * len(found.group()), text)
    changed = text[equation.right_start :].strip() and text != equation.fragment.text
    return replace(equation, fragment=replace(equation.fragment, text=text)) if changed else equation
