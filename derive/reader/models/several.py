"""A document that cannot be read as one cell -> the first of its models that is a whole recurrent cell.

A text book shows an abstract form first, a cell without memory, a variant; each gives the same letters a value again,
and gradients stand between them. Its models are those that an audit holds claims against: the equations of a section
up to a letter's next value, and for what they use the nearest others. The choice is a guess that is told. Two values of
a letter with neither words nor a claim nor a loss between them are no two models: they contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from derive.cell import Cell
from derive.errors import InputError
from derive.patterns import regex
from derive.reader.document.legends import remark, without_legends
from derive.reader.document.reading import Reading
from derive.reader.meaning.lefts import left_side
from derive.reader.meaning.symbols import Symbol
from derive.reader.models.declaring import declared_name, home, within
from derive.reader.models.equations.equation import Equation
from derive.reader.models.equations.finding import stands_alone
from derive.reader.models.equations.remarks import without_remarks
from derive.reader.models.model import Model
from derive.reader.models.own import own
from derive.reader.models.written import Written, written
from derive.reader.questions.guesses import Guess
from derive.reader.resolving.document import is_claim
from derive.reader.resolving.rewriting import letters, symbol_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.note import Declaration, Found, Note
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain

_SET_APART = regex(r"\\(?:begin|end)\s*\{[^{}]*\}|^\s*(?:`{3,}|:::?|~{3,}|\.\.)[^\n]*$", re.MULTILINE)
_IN_WORDS = regex(r"[=+\-−]\s*\\(?:text(?:rm|it|bf)?|mbox)\s*\{\s*[^\W\d_]{3,}\s+[^\W\d_]{2,}[^{}]*\}")
"""Words in the place of a term."""
_WORD = regex(r"[^\W\d_]{2,}")
_CLAIMS = regex(r"\\(?:partial|nabla|delta)(?![A-Za-z])|∂|∇|δ")
_DECLARES_NOTHING = regex(rf"{_CLAIMS.pattern}|\\approx(?![A-Za-z])|≈|'\s*\([^()]*_|_\s*\{{[^{{}}]*:[^{{}}]*\}}")
"""About gradients, near a number, a slope, and a letter for several steps: L_{t+1:T}."""

_ERROR = regex(r"\s*(?:\\delta(?![A-Za-z])|δ)")

Read = Callable[[Sequence[Fragment], Sequence[Declaration]], Reading]


def one_of_several(document: Note, every: Sequence[Found], text: str, whole: InputError, read: Read) -> Reading:
    """The document without claims that cannot be read, else its first model that is a whole recurrent cell.

    `every` are all its formulas, with those in running text; raises `whole` where it has one model, or none is whole.
    """
    read = _passing_over(read)
    shown, _, words = without_legends(document.formulas, ())
    if sketched := list(_sketched(shown)):
        shown = [one for one in shown if one not in sketched]
        words += map(remark, sketched)
        try:
            plain = read(shown, document.declarations)
            return replace(plain, remarks=(*plain.remarks, *words))
        except InputError as error:
            whole = error
    sections = {(one.fragment.file, one.fragment.lines[0].number): one.section for one in every}
    groups = _groups(shown, _passages(text, shown), sections)
    unread = [one for one in shown if not _parsed(one)]
    left: InputError = whole
    if any(whole.place and within(whole.place, one) for said in document.declarations for one in said.formulas):
        try:
            return read(document.formulas, document.declarations)
        except InputError as error:
            left = error
    found = _without_claims(shown, document.declarations, read, left)
    if isinstance(found, InputError):
        last = left if left is whole else found  # where a declaration was passed over, its error says nothing more
        if len(groups) < 2 and not unread:
            raise last
        parts = _parted(every, groups)
        more = _whole(groups if len(groups) > 1 else (), shown, unread, parts, document.declarations, read)
        if (chosen := next(more, None)) is None:
            raise last
        found = chosen
    return replace(found, remarks=(*found.remarks, *words))


def _whole(
    groups: Sequence[Sequence[Fragment]],
    shown: Sequence[Fragment],
    unread: Sequence[Fragment],
    parts: Sequence[Found],
    declarations: Sequence[Declaration],
    read: Read,
) -> Iterator[Reading]:
    """Whole recurrent cells: groups that take nothing as given, models of sections, other groups."""
    short: list[Reading] = []
    said = written(parts, declarations)
    for number, group in enumerate(groups):
        about, names = _about(declarations, said.equations, f"#{number}")
        try:
            found = read(group, about)
        except InputError:
            continue
        if found.cell.states:
            told = _told(found, group, shown)
            if _takes_as_given(found.cell, shown, names):
                short.append(told)
            else:
                yield told
    for model in _models(said):
        used = _used(model, shown)
        sections = {part.section for part in parts if part.fragment in used}
        missed = any(part.section in sections for part in parts if part.fragment in unread)
        if model.cell.states and not (model.holes or model.doubts or missed or _takes_as_given(model.cell, shown)):
            yield _of_model(model, used, shown, several=bool(groups))
    yield from short


def _about(
    declarations: Sequence[Declaration], equations: Sequence[Equation], group: str
) -> tuple[list[Declaration], set[str]]:
    """The declarations without what they say of other groups, and the names that they say something of here."""
    kept: list[Declaration] = []
    names: set[str] = set()
    for declaration in declarations:
        formulas: list[Fragment] = []
        for fragment in declaration.formulas:
            name = declared_name(fragment)
            found = home(fragment, name, equations)
            here = any(equation.section[-1] == group for equation in found)
            if here or not found:
                formulas.append(fragment)
            if here:
                names.add(name)
        if formulas or not declaration.formulas:
            kept.append(replace(declaration, formulas=tuple(formulas)))
    return kept, names


def _sketched(shown: Sequence[Fragment]) -> Iterator[Fragment]:
    """What says in words what a letter becomes that has its equation elsewhere: c_t = c_{t-1} + \\text{new content}."""
    for one in shown:
        names = _given(one) if _IN_WORDS.search(one.text) else set()
        if names and names <= {name for other in shown if not _IN_WORDS.search(other.text) for name in _given(other)}:
            yield one


def _passing_over(read: Read) -> Read:
    """Reading that leaves out what stands beside declarations and cannot be one, where it cannot be read."""

    def passing(formulas: Sequence[Fragment], declarations: Sequence[Declaration]) -> Reading:
        said, aside = list(declarations), list[Fragment]()
        while True:
            try:
                found = read(formulas, said)
            except InputError as error:
                place = error.place
                number, beside = next(
                    (
                        (n, one)
                        for n, declaration in enumerate(said)
                        for one in declaration.formulas
                        if place and within(place, one) and _DECLARES_NOTHING.search(one.text)
                    ),
                    (0, None),
                )
                if beside is None:
                    raise
                others = tuple(one for one in said[number].formulas if one is not beside)
                said[number : number + 1] = [replace(said[number], formulas=others)] if others else []
                aside.append(beside)
                continue
            return replace(found, remarks=(*found.remarks, *map(remark, aside)))

    return passing


def _without_claims(
    shown: Sequence[Fragment], declarations: Sequence[Declaration], read: Read, error: InputError
) -> Reading | InputError:
    """The reading without formulas about derivatives that cannot be read, which hold no equation; else the error."""
    kept = list(shown)
    while True:
        place = error.place
        claim = next((one for one in kept if place and within(place, one) and _CLAIMS.search(one.text)), None)
        if claim is None or (_given(claim) and not _ERROR.match(claim.text)):
            return error
        errors = _ERROR.match(claim.text) is not None  # one δ is no quantity of a cell: then none is
        kept = [one for one in kept if one is not claim and not (errors and _ERROR.match(one.text))]
        try:
            found = read(kept, declarations)
        except InputError as other:
            error = other
            continue
        return replace(found, remarks=(*found.remarks, *(remark(one) for one in shown if one not in kept)))


def _parted(every: Sequence[Found], groups: Sequence[Sequence[Fragment]]) -> list[Found]:
    """The formulas, each in a section of its own group; one in running text belongs to the last one shown before it."""
    number = {(one.file, one.lines[0].number): n for n, group in enumerate(groups) for one in group}
    found: list[Found] = []
    current = 0
    for one in every:
        current = number.get((one.fragment.file, one.fragment.lines[0].number), current)
        found.append(replace(one, section=(*one.section, f"#{current}")))
    return found


def _models(said: Written) -> Iterator[Model]:
    """The models of the sections that have equations, in their order."""
    for section in dict.fromkeys(equation.section for equation in said.equations):
        first = min(equation.index for equation in said.equations if equation.section == section)
        if isinstance(found := own(said, section, (), first), Model):
            yield found


def _parsed(fragment: Fragment) -> bool:
    """Whether a formula can be parsed, perhaps without the words behind its equations."""
    return stands_alone(fragment) or stands_alone(without_remarks(fragment))


def _takes_as_given(cell: Cell, shown: Sequence[Fragment], declared: Collection[str] = ()) -> bool:
    """Whether the cell takes as given what the document has an equation for, and does not declare."""
    given = {name for one in shown for name in _given(one)} - {*declared}
    return any(quantity.name in given for quantity in (*cell.inputs, *cell.parameters))


def _used(model: Model, shown: Sequence[Fragment]) -> list[Fragment]:
    """The formulas in which the equations of a model stand."""
    return [
        one
        for one in shown
        if any(
            within(replace(one.place(0), file=file, line=line, column=column), one)
            for file, line, column in model.definitions
        )
    ]


def _of_model(model: Model, used: Sequence[Fragment], shown: Sequence[Fragment], *, several: bool) -> Reading:
    guesses = {str(guess) for guess in model.cell.guesses}
    assumed = [
        Guess(said, "another thing is meant", "the document does not say it")
        for said in model.assumed
        if said not in guesses
    ]
    found = Reading(replace(model.cell, guesses=(*model.cell.guesses, *assumed)))
    if several:
        return _told(found, used, shown)
    return replace(found, remarks=tuple(remark(one) for one in shown if one not in used))


def _passages(text: str, formulas: Sequence[Fragment]) -> dict[Fragment, int]:
    """How many passages of words stand in the document before each formula."""
    lines = text.split("\n")
    found: dict[Fragment, int] = {}
    count, before = 0, ("", 0)
    for fragment in formulas:
        here, first = fragment.file, fragment.lines[0].number
        between = "\n".join(lines[before[1] : max(before[1], first - 1)])
        count += here != before[0] or _WORD.search(_SET_APART.sub("", between)) is not None
        found[fragment] = count
        before = here, fragment.lines[-1].number
    return found


def _told(found: Reading, group: Sequence[Fragment], shown: Sequence[Fragment]) -> Reading:
    others = [one for one in shown if one not in group]
    place = group[0].place(0) if group else next(e.place for e in found.cell.equations if e.place is not None)
    guess = Guess(
        f"the cell is the one from line {place.line} on",
        f"it is another of those that the document writes: line {', '.join(str(o.place(0).line) for o in others)}",
        "letters are given a value more than once, and this is the first that is a whole recurrent cell",
        place,
    )  # fmt: skip
    cell = replace(found.cell, guesses=(guess, *found.cell.guesses))
    return Reading(cell, (*found.remarks, *map(remark, others)))


def _groups(
    formulas: Sequence[Fragment],
    before: Mapping[Fragment, int],
    sections: Mapping[tuple[str, int], tuple[str, ...]],
) -> list[list[Fragment]]:
    """The formulas in groups that give each letter one value; what cannot be parsed gives none.

    A group that a letter's next value ends leaves what stands under the same heading to the next one. One group where a
    letter has two values with nothing between them but values of others.
    """
    groups: list[list[Fragment]] = [[]]
    given: dict[str, int] = {}
    others = 0

    def section(fragment: Fragment) -> tuple[str, ...]:
        return sections.get((fragment.file, fragment.lines[0].number), ())

    for fragment in formulas:
        names = _given(fragment)
        others += not names
        passage = before.get(fragment, 0) + others
        if again := names & {*given}:
            if any(given[name] == passage for name in again):
                return [list(formulas)]
            last = groups[-1]
            apart = next((n for n, one in enumerate(last) if section(one) == section(fragment)), len(last))
            groups[-1:] = [last[:apart], last[apart:]] if apart else [last, []]
            given = {name: given[name] for one in groups[-1] for name in _given(one)}
            if names & {*given}:
                groups.append([])
                given = {}
        given |= dict.fromkeys(names, passage)
        groups[-1].append(fragment)
    return groups


def _read(part: Chain, fragment: Fragment) -> Iterator[Symbol]:
    """The letters on the right of an equation."""
    for side in part.sides[1:]:
        yield from (one for node in letters(side) if (one := symbol_of(node, fragment)) is not None)


def _given(fragment: Fragment) -> set[str]:
    """The letters that a formula gives a value at a step."""
    found: set[str] = set()
    try:
        rows = parse(fragment)
    except InputError:
        return found
    for part in (part for row in rows for part in row):
        if not isinstance(part, Chain) or part.relations[0].type != "EQ":
            continue
        try:
            if not is_claim(part):
                read = {(one.name, one.offset) for one in _read(part, fragment)}
                left = left_side(part.sides[0], fragment).symbols
                found |= {one.name for one in left if (one.name, one.offset) not in read}  # not i_t = σ(i_t)
        except (InputError, RecursionError):  # what is nested too deeply is refused where it is read
            continue
    return found
