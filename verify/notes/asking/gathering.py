"""One question of all that the formulas of a note wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from derive.errors import Place
from derive.notation import TimeStyle, spelled
from derive.patterns import regex
from derive.reader.models.choice import Refused
from derive.reader.models.equations.equation import INPUTS, LOSSES
from derive.reader.models.equations.finding import DERIVATIVE, NO_TIME, RELATION, letter_named
from derive.reader.models.equations.names import ABOUT, letter_name
from derive.reader.models.model import Model
from derive.reader.text.fragment import Fragment
from verify.formulas.judgement import Judgement, Word
from verify.notes.asking.answers import READ_OUT, STATE, Context, equation
from verify.notes.asking.question import WAITS, Question, Unused
from verify.notes.asking.waiting import MOST, SHARE, WEIGHTS, Wait, acted_on, lacking, spoken, wait_of
from verify.notes.audited import Audited
from verify.notes.files import Document
from verify.notes.models import Models

MOST_NAMED = 2
"""Letters that are named where no formula has a model."""
MOST_UNUSED = 8
"""Equations that are shown."""
MANY_UNUSED = 3
"""So many equations that cannot be used are what is asked for, and no letters: one may be open for another alone."""
_BY = regex(
    r"\}\s*\{\s*\\partial\s*(?:\{\s*)?(?P<letter>(?:\\(?:math(?:bf|rm)|vec|boldsymbol|bm|tilde|hat)\s*\{?\s*)?\\?[a-zA-Z]+)"
)
"""What something is differentiated by."""
_NO_VALUES = frozenset("WUVwuvb")


@dataclass
class _Gathered:
    """What is known of all that waits, in the order of the note."""

    names: dict[str, Model | None] = field(default_factory=dict)
    letters: dict[str, None] = field(default_factory=dict)
    """Letters that are asked for as they stand, in LaTeX."""
    answers: dict[str, None] = field(default_factory=dict)
    unused: dict[tuple[str, int, int], Unused] = field(default_factory=dict)
    parameters: dict[str, list[str]] = field(default_factory=dict)
    """For each name the letters that are known to belong to its equation."""
    reading: dict[str, tuple[Model, list[str]]] = field(default_factory=dict)
    """Names for what reads out of a state with weights that no equation has."""

    def open(self, name: str, model: Model | None, parameters: Iterable[str] = ()) -> None:
        self.names.setdefault(name, model)
        known = self.parameters.setdefault(name, [])
        known += [one for one in parameters if one not in known]

    def refuse(self, refused: Refused) -> None:
        place = refused.place
        self.unused.setdefault((place.file, place.line, place.column), Unused(place, refused.reason, refused.hint))
        self.letters |= dict.fromkeys(refused.letters if refused.answers else ())
        self.answers |= dict.fromkeys(refused.answers)


def asked(
    judged: Sequence[Audited], models: Models, document: Document
) -> tuple[tuple[Audited, ...], tuple[Question, ...]]:
    """The formulas, those that wait with the question in place of their reasons, and the question, if there is one."""
    spoken_of: dict[Model, list[Fragment]] = {}
    for each in judged:
        if each.model is not None:
            spoken_of.setdefault(each.model, []).append(each.formula.fragment)
    without = {model: lacking(model, fragments) for model, fragments in spoken_of.items()}
    waits = {
        (number, at): wait
        for number, each in enumerate(judged)
        for at, one in enumerate(each.judgements)
        if (wait := wait_of(each, one, without[each.model] if each.model is not None else ())) is not None
    }
    waits = _without_few(judged, waits)
    if not waits:
        return tuple(judged), ()
    question = _question(judged, waits, models, document)
    reason = WAITS.format(question=question.asked)

    def told(number: int, each: Audited) -> Audited:
        kept = (
            Judgement(one.formula, Word.UNDECIDED, reason=reason, place=one.place) if (number, at) in waits else one
            for at, one in enumerate(each.judgements)
        )
        return replace(each, judgements=tuple(kept))

    return tuple(told(number, each) for number, each in enumerate(judged)), (question,)


_Waits = dict[tuple[int, int], Wait]


def _without_few(judged: Sequence[Audited], waits: _Waits) -> _Waits:
    """What waits, without single formulas that have letters of their own where others of the note are decided.

    An unknown letter with a step may read what nothing reads; a weight may not, and bounds and factors are no question.
    """
    alone = {key: judged[key[0]].formula.fragment for key, wait in waits.items() if not wait.model and not wait.names}
    values = {
        key
        for key, each in alone.items()
        if any(dict(spoken(each)).get(name) is not None for name in waits[key].letters)
    }
    weights = {key for key in alone if any(name[0] in WEIGHTS for name in waits[key].letters)}
    loose = {key for key in alone if not waits[key].letters and values}
    claims = sum(one.word is not Word.NOT_A_CLAIM for each in judged for one in each.judgements)
    found = values | weights | loose
    many = len(found) * (SHARE if values else MOST) > claims and (len(found) > 1 or claims == 1)
    return {key: wait for key, wait in waits.items() if key not in alone or (many and key in found)}


def _question(judged: Sequence[Audited], waits: _Waits, models: Models, document: Document) -> Question:
    waiting = [(judged[number], wait) for (number, _), wait in waits.items()]
    found = _Gathered()
    for each, wait in waiting:
        _of_names(each, wait, found)
    _of_unknown(waiting, found)
    without = list(dict.fromkeys(number for (number, _), wait in waits.items() if wait.model))
    if without:
        _of_no_model([judged[number] for number in without], models, document, found)
    context = _context(judged, models, alone=len(found.names) == 1)
    lines = [*found.answers, *_lines(found, context)] or [equation(STATE, None, (), context)]
    letters = dict.fromkeys((*found.letters, *(context.at(name) for name in found.names)))
    unused = sorted(found.unused.values(), key=lambda one: (one.place.line, one.place.column))[:MOST_UNUSED]
    if without and len(unused) >= MANY_UNUSED:
        letters, lines = {}, []
    number, at = next(iter(waits))
    place = judged[number].judgements[at].place or judged[number].formula.place
    return Question(tuple(letters), tuple(unused), tuple(lines), len(waits), place, named=bool(without))


def _of_names(audited: Audited, wait: Wait, found: _Gathered) -> None:
    """What has no equation in a model, or one that cannot be used."""
    refused = {one.name: one.refused for one in audited.model.holes} if audited.model is not None else {}
    for name in wait.names:
        if (why := refused.get(name)) is not None:
            found.refuse(why)
        for quantity in _named(name, why):
            found.open(quantity, audited.model, wait.letters)


def _without_step(name: str) -> str:
    """A name without the number of a step: h of h_3."""
    return name.rpartition("_")[0] if name.rpartition("_")[2].isdigit() else name


def _named(name: str, refused: Refused | None) -> list[str]:
    """What an equation is asked for: the quantity itself, or those that its own lacks; nothing where lines answer."""
    if refused is None or not refused.letters:
        return [name]
    return [] if refused.answers else [letter_name(one) for one in refused.letters]


def _lines(found: _Gathered, context: Context) -> Iterator[str]:
    """An equation for each name that is open."""
    for name, model in found.names.items():
        if name in INPUTS or (name[0] in _NO_VALUES and name[0].isupper()):
            continue  # of a weight or an input at a step, no form is usual
        yield equation(name, model, found.parameters[name], context)
    for name, (model, weights) in found.reading.items():
        yield equation(name, model, weights, context)


def _context(judged: Sequence[Audited], models: Models, *, alone: bool) -> Context:
    """What the formulas show of the note's letters."""
    style = next((e.style for e in models.written.equations), TimeStyle.SUBSCRIPT)
    fragments = [each.formula.fragment for each in judged]
    names = {name for each in fragments for name, _ in spoken(each)}
    acts = {by: read for each in fragments for by, read in acted_on(each)}
    return Context(style, frozenset(names), " ".join(each.text for each in fragments), acts, alone)


def _of_unknown(waiting: Sequence[tuple[Audited, Wait]], found: _Gathered) -> None:
    """The letters that a model does not know: values, or weights of a value that has no equation."""
    alone = [(each, wait) for each, wait in waiting if not wait.names and not wait.model]
    steps = {name for each, _ in alone for name, offset in spoken(each.formula.fragment) if offset is not None}
    letters = dict.fromkeys(name for _, wait in alone for name in wait.letters)
    if not letters:
        return
    model = alone[0][0].model
    assert model is not None
    values = [name for name in letters if name in steps and name not in INPUTS]
    weights = [name for name in letters if name not in steps and name[0] in WEIGHTS]
    for name in values:
        found.open(name, model, weights)
    if not values:
        found.letters |= dict.fromkeys(str(spelled(name)) for name in weights)
        known = model.cell.quantities
        found.reading |= {next(one for one in READ_OUT if one not in known): (model, weights)}


def _of_no_model(without: Sequence[Audited], models: Models, document: Document, found: _Gathered) -> None:
    """What formulas without a model lack: equations that cannot be used, else one for what they differentiate by."""
    formulas = [each.formula for each in without if each.formula in document.formulas]  # others are lines of programs
    for lost in dict.fromkeys(map(models.lost, formulas)):
        for refused in (*lost.refused, *(hole.refused for hole in lost.holes)):
            if refused is not None:
                found.refuse(refused)
        for name in (name for hole in lost.holes for name in _named(hole.name, hole.refused)):
            found.open(name, None)
    letters = [match["letter"] for each in without for match in _BY.finditer(each.formula.text)]
    named = Counter(_without_step(letter_name(letter)) for letter in letters)
    for refused in _looking_like(without, models, document, named):
        found.refuse(refused)
    values = list(found.names) if found.names or found.letters else _derived(without, models, named)
    weights = _weights(without, models, values)
    for name in values:
        found.open(name, None, weights if len(values) == 1 else ())


def _looking_like(
    without: Sequence[Audited], models: Models, document: Document, named: Collection[str]
) -> Iterator[Refused]:
    """What looks like equations of the model, in formulas, and of what is `named` in code and text."""
    yield from (Refused(one.place, one.reason) for one in models.written.unread)
    lines = {(one.place.file, one.place.line) for one in models.written.unread}
    for each in without:
        text, place = each.formula.text, each.formula.place
        left, *values = RELATION.split(text, maxsplit=1)
        plain = each.formula.displayed and values and not DERIVATIVE.search(text)
        if plain and (place.file, place.line) not in lines and letter_named(left.strip(" &")):
            yield Refused(place, NO_TIME)
    texts = next((part.text.splitlines() for part in document.parts if part.file == document.path), [])
    for aside in document.aside:
        if aside.name in named and aside.line <= len(texts):
            text = texts[aside.line - 1]
            column = len(text) - len(text.lstrip()) + 1
            yield Refused(Place(document.path, aside.line, column, aside.line, text), aside.reason)


def _derived(without: Sequence[Audited], models: Models, named: Counter[str]) -> list[str]:
    """The letters that formulas differentiate by most often and no equation gives, those that have a step first."""
    given = {*ABOUT, *LOSSES, *INPUTS, *(e.target for e in models.written.equations)}
    letters = [name for name, _ in named.most_common() if name and name.partition("_")[0] not in given]
    said = (one for each in without for one in spoken(each.formula.fragment))
    steps = {name.partition("_")[0] for name, offset in said if offset is not None}
    values = [name for name in letters if name.partition("_")[0] in steps]
    return (values or [name for name in letters if name[0] not in _NO_VALUES])[:MOST_NAMED]


def _weights(without: Sequence[Audited], models: Models, values: Collection[str]) -> list[str]:
    """The weights and biases in formulas that no equation has but those of these values."""
    known = {name for e in models.written.equations if e.target not in values for name in e.names}
    said = (one for each in without for one in spoken(each.formula.fragment))
    found = dict.fromkeys(name for name, offset in said if offset is None and name[0] in WEIGHTS)
    return [name for name in found if name not in known]
