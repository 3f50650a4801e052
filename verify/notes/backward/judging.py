"""The judgements on the backward programs of a note, each beside the model that knows most of its names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.errors import InputError, Place
from derive.reader.claims.meant import Habit, Meant
from derive.reader.meaning.tree import Gradient, Handed, Term
from derive.reader.text import fragment as text
from derive.reader.text.fragment import Fragment
from verify.formulas.faults import ClaimsFault
from verify.formulas.judgement import Judgement, Word
from verify.formulas.readings.conventions import LAYOUTS, ORDERS, POWERS, PRECEDENCES, PRODUCTS
from verify.notes.audited import Audited, softened
from verify.notes.backward.meanings import Decide, Line, Program, Way
from verify.notes.backward.naming import Names
from verify.notes.backward.running import layouts_of, ways
from verify.notes.backward.statements import Body, Statement, bodies, name_of
from verify.notes.backward.unheld import OF_ANOTHER, OF_NO_MODEL, unheld
from verify.notes.backward.writing import Layout
from verify.notes.files import Document, Formula, Source
from verify.notes.judging import Check, judged_apart
from verify.notes.models import Model, Models

WHOLE = "{name} is the whole gradient by {letter}"
HANDED = "{name} is what the next step hands back to {letter}"
OWN = "{name} is the gradient of the loss of its own step by {letter}"
AHEAD = "{0}[t + 1] is the value of step t"
LAYOUT = {
    Layout.ALIKE: (),
    Layout.ROWS: ("vectors of the program are rows",),
    Layout.TRANSPOSED: ("vectors of the program are rows, and its weights the transposes of the model's",),
}
TOO_FEW = "too few lines of the program are right to know what its names stand for"
RIGHT_IF = "right if {words}"
_CONVENTIONS = frozenset(
    words for table in (LAYOUTS, PRODUCTS, ORDERS, PRECEDENCES, POWERS) for words in table.values()
)
"""Ways of writing formulas that no program can be meant in."""
ANOTHER_WAY = "right in one way of reading the program, wrong in another, and nothing tells which is meant"


def of_programs(document: Document, models: Models, check: Check) -> list[Audited]:
    """What the lines of backward programs claim."""
    told = {(line.number, each.fragment.file) for each in document.formulas for line in each.fragment.lines}
    known = _models(document, models) if document.sources else []
    programs: dict[Model, list[tuple[Source, Program]]] = {}
    found: list[Audited] = []
    reason = OF_ANOTHER if any(model.cell.states for model in known) else OF_NO_MODEL
    for source in document.sources:
        for body in bodies(source.text):
            if (model := _nearest(body, known)) is None:
                lines = source.text.split("\n")
                found += (_open(_formula(each, source, lines), None, reason) for each in unheld(body))
                continue
            program = Program(body, model.cell, _decided(model, check))
            programs.setdefault(model, []).append((source, program))
    for model, several in programs.items():
        layouts = layouts_of([program for _, program in several])
        for source, program in several:
            if read := ways(program, layouts):
                best = read[0]
                rivals = [way for way in read[1:] if (way.right, way.carried) == (best.right, best.carried)]
                found += _judged(program, best, rivals, source, model, models, check)
    return [one for one in found if (one.formula.place.line, one.formula.place.file) not in told]


def _models(document: Document, models: Models) -> list[Model]:
    try:
        return list(dict.fromkeys(filter(None, map(models.of, document.formulas))))
    except InputError:
        return []


def _nearest(body: Body, known: Sequence[Model]) -> Model | None:
    """The model that knows the most names of a program."""
    spoken = {name for each in body.statements for node in (each.target, each.value) for name in _names(node)}

    def share(model: Model) -> int:
        names = Names(model.cell)
        return len({found.name for name in spoken if (found := names.of(name)) is not None})

    best = max(known, key=share, default=None)
    return best if best is not None and best.cell.states and share(best) > 1 else None


def _names(node: ast.expr) -> Iterator[str]:
    for each in ast.walk(node):
        name = name_of(each) if isinstance(each, ast.expr) else None
        if name is not None:
            yield name


def _decided(model: Model, check: Check) -> Decide:
    def decide(formula: str, errors: tuple[tuple[str, Term], ...], facts: tuple[str, ...]) -> Word:
        try:
            found = check(formula, model.cell, assume=(*model.facts, *facts), explain=False, meant=_exactly(errors))
        except (InputError, ClaimsFault):
            return Word.UNDECIDED
        if len(found) != 1 or found[0].word is not Word.HOLDS_IF:
            return found[0].word if len(found) == 1 else Word.UNDECIDED
        return Word.WRONG if _CONVENTIONS & {*found[0].assumptions} else Word.HOLDS_IF

    return decide


def _judged(
    program: Program, best: Way, rivals: Sequence[Way], source: Source, model: Model, models: Models, check: Check
) -> Iterator[Audited]:
    """The judgements on the lines of a program as `best` reads them, where no rival finds them right."""
    lines = source.text.split("\n")
    for number, line in enumerate(best.lines):
        formula = _formula(line.statement, source, lines)
        written = formula.fragment.text
        other = [way.lines[number].word for way in rivals if len(way.lines) == len(best.lines)]
        if line.word in (Word.UNDECIDED, Word.UNREADABLE) and line.reason:
            yield _open(formula, model, line.reason)
        elif line.word is Word.WRONG and best.right < sum(one.word is Word.WRONG for one in best.lines):
            yield _open(formula, model, TOO_FEW)
        elif any((word is Word.WRONG) != (line.word is Word.WRONG) for word in other):
            yield _open(formula, model, ANOTHER_WAY)
        else:
            said = replace(formula, fragment=replace(formula.fragment, text=line.text, as_written="", plain=False))
            exact = replace(model, facts=(*model.facts, *program.facts), meant=_exactly(program.errors(line.at)))
            one = softened(judged_apart(said, None, models, check, exact))
            yield replace(
                one, formula=formula, model=model,
                judgements=tuple(_told(each, written, formula.place, best, line) for each in one.judgements),
            )  # fmt: skip


def _exactly(errors: tuple[tuple[str, Term], ...]) -> Meant:
    """What letters stand for where nothing is written in any way but one: programs have shapes."""
    return Meant(errors=errors, habits=frozenset({Habit.UPRIGHT}))


def _told(judgement: Judgement, written: str, place: Place, way: Way, line: Line) -> Judgement:
    """A judgement on a line as it stands in the program, with what its names were taken for."""
    given = ((name, said) for name, said in way.given.items() if name in line.rests)
    words = (*(_said(name, said) for name, said in given), *map(AHEAD.format, sorted(way.ahead)), *LAYOUT[way.layout])
    if judgement.word is Word.HOLDS_IF and _CONVENTIONS & {*judgement.assumptions}:
        reason = RIGHT_IF.format(words="; ".join(judgement.assumptions))
        return Judgement(written, Word.UNDECIDED, reason=reason, place=place)
    word = Word.HOLDS_IF if judgement.word is Word.PROVED and words else judgement.word
    assumptions = (*words, *judgement.assumptions) if word in (Word.HOLDS_IF, Word.WRONG) else judgement.assumptions
    return replace(judgement, formula=written, word=word, place=place, assumptions=assumptions)


def _said(name: str, said: Term) -> str:
    """What a name that the program is given was taken for."""
    match said:
        case Handed(by=by):
            return HANDED.format(name=name, letter=by.name)
        case Gradient(by=by, only=only):
            return (WHOLE if only is None else OWN).format(name=name, letter=by.name)
    raise AssertionError(said)


def _open(formula: Formula, model: Model | None, reason: str) -> Audited:
    found = Judgement(formula.fragment.text, Word.UNDECIDED, reason=reason, place=formula.place)
    return Audited(formula, model, (found,))


def _formula(each: Statement, source: Source, lines: Sequence[str]) -> Formula:
    """The lines of a statement as a formula of the note."""
    first = lines[each.line - 1]
    shown = [first.lstrip(), *(one.strip() for one in lines[each.line : each.end])]
    written = " ".join(one.split(" #")[0].rstrip() for one in shown)
    column = len(first) - len(first.lstrip()) + 1
    mark = text.Line(0, source.first + each.line - 1, column, first)
    return Formula(Fragment(written, source.file, (mark,), plain=True), True, source.section)
