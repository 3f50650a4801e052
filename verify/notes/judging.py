"""One formula of a note, held against its model, and what is left of that where the model has holes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Protocol

from derive.cell import Cell
from derive.errors import InputError, Place, ProgramFault
from derive.patterns import regex
from derive.reader.claims.functions import cell_of_functions
from derive.reader.claims.meant import NOTHING, Meant
from derive.reader.claims.statements.chains import statements
from derive.reader.models.equations.equation import Equation
from derive.reader.models.own import HARMLESS, SMALL, TURNED
from derive.reader.text.fragment import Fragment
from verify.formulas.bounds import differences
from verify.formulas.faults import ClaimsFault, fault_in
from verify.formulas.judgement import Judgement, Word
from verify.formulas.wrong import special
from verify.notes.audited import ANOTHER, WRONG_IF, Audited, is_guess
from verify.notes.claiming import as_nothing, names_an_error, never_wrong, nothing
from verify.notes.door.counting.from_zero import FROM_ZERO
from verify.notes.door.counting.inputs import counted_back
from verify.notes.door.gates import judged_for_each
from verify.notes.door.times import in_letters_of
from verify.notes.files import NO_GATES, Formula, conditioned, continued
from verify.notes.models import Model, Models, holes
from verify.notes.models.holes import spoken

A_MENTION = "a mention"
A_DEFINITION = "an equation of the model"
AN_OPEN_END = "unfinished: nothing stands behind the ="
COUNTED = "the first step, which the note calls 0, is called 1 here"
UNUSED = "a definition that the model does not use"
_UNFINISHED = regex(r"\A[^=]*(=)[\s.,;&]*(?:\\end\{[a-z]+\*?\}\s*)*\Z")
_MATH = regex(r"\$([^$]+)\$")
RIGHT = (Word.PROVED, Word.HOLDS_IF)
UNEXPLAINED = (Word.PROVED, Word.HOLDS_IF, Word.NOT_A_CLAIM)
"""Of these nothing more is told where a judgement is to be explained."""


class Check(Protocol):
    """Judges one formula against a cell: a judgement for every `=`."""

    def __call__(
        self, formula: str, cell: Cell, *, assume: Sequence[str] = (), place: Place | None = None,
        fragment: Fragment | None = None, explain: bool = True, meant: Meant = NOTHING,
    ) -> tuple[Judgement, ...]: ...  # fmt: skip


def remembered(check: Check) -> Check:
    """A judge that judges nothing twice: under several conventions a formula often means the same."""
    known: dict[tuple[object, ...], tuple[Judgement, ...]] = {}

    def judge(
        formula: str, cell: Cell, *, assume: Sequence[str] = (), place: Place | None = None,
        fragment: Fragment | None = None, explain: bool = True, meant: Meant = NOTHING,
    ) -> tuple[Judgement, ...]:  # fmt: skip
        asked = formula, cell, tuple(assume), place, fragment, meant
        quick = known.get((*asked, False))
        if quick is not None and explain and all(each.word in UNEXPLAINED for each in quick):
            return quick
        key = (*asked, explain)
        if key not in known:
            known[key] = check(
                formula, cell, assume=assume, place=place, fragment=fragment, explain=explain, meant=meant
            )
        return known[key]

    return judge


def judged_apart(
    formula: Formula,
    before: Formula | None,
    models: Models,
    check: Check,
    instead: Model | None = None,
    *,
    explain: bool = True,
) -> Audited:
    """The judgements on one formula, which touch no other, whatever happens; `instead` of its model under another.

    What is wrong under a guess is told as wrong here: `softened` comes once the conventions of the note are tried.
    Without `explain` only what may be another judgement for it is explained.
    """
    if formula.stands[1]:

        def of_one(each: Formula, put: Callable[[Fragment], Fragment]) -> Audited:
            earlier = None if before is None else replace(before, fragment=put(before.fragment))
            return judged_apart(replace(each, stands=NO_GATES), earlier, models, check, instead, explain=explain)

        return judged_for_each(formula, of_one)
    try:
        return _guessed(_judged(formula, before, models, check, instead, explain))
    except InputError as error:
        if error.place is None:
            raise  # not about the formula: a cell or notation that nothing has
        found = Judgement(formula.fragment.written.strip(), Word.UNREADABLE, reason=error.message, place=error.place)
        return Audited(formula, None, (found,))
    except Exception as error:  # a fault of the program is told as one, and is no verdict
        return Audited(formula, None, (), (fault_in(error, _line(formula.text), formula.place),))


def _guessed(audited: Audited) -> Audited:
    """The judgements, those that are right with the guesses that their formula was read by."""
    guessed = audited.guessed
    kept = (
        replace(one, word=Word.HOLDS_IF, assumptions=(*guessed, *one.assumptions)) if one.word in RIGHT else one
        for one in audited.judgements
    )
    return replace(audited, judgements=tuple(kept)) if guessed else audited


def _judged(
    formula: Formula, before: Formula | None, models: Models, check: Check, instead: Model | None, explain: bool
) -> Audited:
    place = formula.place
    written = formula.fragment.written.strip()
    if not formula.claims:
        return Audited(formula, None, (Judgement(written, Word.NOT_A_CLAIM, reason=A_MENTION, place=place),))
    model = instead or models.of(formula)
    defined = models.written.defined(formula)
    if model is None and not defined and (numbers := cell_of_functions(formula.fragment)) is not None:
        return Audited(formula, None, check(formula.text, numbers, place=place, fragment=formula.fragment))
    if reason := nothing(formula):
        return Audited(formula, model, (Judgement(_line(written), Word.NOT_A_CLAIM, reason=reason, place=place),))
    if model is None and (quotient := differences.alone(formula.fragment)) is not None:
        return Audited(formula, None, (quotient,))
    if model is None:
        unused = bool(defined) and _only(defined, formula)
        word, reason = (Word.NOT_A_CLAIM, UNUSED) if unused else (Word.UNDECIDED, models.why_none(formula))
        return Audited(formula, None, (Judgement(written, word, reason=reason, place=place),))
    if defined and _only(defined, formula) and all(model.defines(_at(e.place, place)) for e in defined):
        return Audited(
            formula, model, tuple(
                Judgement(_line(e.fragment.written), Word.NOT_A_CLAIM, reason=A_DEFINITION, place=e.fragment.place(0))
                for e in defined
            ),
        )  # fmt: skip
    fragment = conditioned(continued(formula, before), formula, before)
    unfinished = _UNFINISHED.search(fragment.text)
    if unfinished is not None:
        return Audited(formula, model, (_completed(formula, unfinished.end(1), model, check),))
    definitions = _definitions(formula, model)
    gradients = {name for name, _ in model.meant.errors}
    stated = {e.place[1:] for e in defined if not e.numbered and e.target not in gradients}
    stated |= {
        (e.place.line, e.place.column)
        for e in models.written.unread
        if e.name not in gradients and not e.name.rpartition("_")[2].isdigit()  # s_3 is of its step
    }

    def claimed(one: Judgement) -> Judgement:
        """The judgement, as nothing where no claim was meant."""
        one = never_wrong(_defining(replace(one, place=one.place or place), definitions), fragment, stated)
        return as_nothing(one, ANOTHER) if one.word is Word.WRONG and names_an_error(formula) else one

    def held_against(cell: Cell, judge: Check = check) -> Sequence[Judgement]:
        return judge(fragment.text, cell, assume=model.facts, place=place, fragment=fragment, meant=model.meant)

    def unexplained(cell: Cell) -> Sequence[Judgement]:
        """What is wrong without its mistakes, where nothing is told of them and no other judgement comes of them."""
        found = held_against(cell, partial(check, explain=False))
        return found if all(_stands(one) and claimed(one).word is one.word for one in found) else held_against(cell)

    met: tuple[ProgramFault, ...] = ()
    try:
        found = (held_against if explain else unexplained)(model.cell)
    except InputError as error:
        found = (Judgement(written, Word.UNREADABLE, reason=error.message, place=error.place or place),)
    except ClaimsFault as fault:
        found, met = fault.judgements, fault.faults
    if all(each.word is Word.UNDECIDED for each in found) and instead is None and formula.displayed:
        other = models.elsewhere(formula)
        again = None if other is None else _judged(formula, before, models, check, other, explain)
        if again is not None and any(each.word in (Word.PROVED, Word.HOLDS_IF) for each in again.judgements):
            return again
    found = tuple(claimed(_granted(_lettered(judgement, fragment), fragment)) for judgement in found)

    @cache
    def computed() -> Sequence[Judgement]:
        """The formula where the gates that the note has no equation for are computed."""
        try:
            return () if model.computed is None else unexplained(model.computed)
        except (InputError, ClaimsFault):
            return ()

    return Audited(formula, model, tuple(_under(model, found, fragment, computed)), met)


def _lettered(judgement: Judgement, fragment: Fragment) -> Judgement:
    """A judgement whose true formula and mistakes have the note's letters for t and T, and its steps."""
    if not (fragment.times or fragment.behind) or judgement.word is not Word.WRONG:
        return judgement

    def written(formula: re.Match[str]) -> str:
        return f"${in_letters_of(fragment, counted_back(fragment, formula.group(1)))}$"

    mistakes = tuple(replace(one, detail=_MATH.sub(written, one.detail)) for one in judgement.mistakes)
    correct = judgement.correct and in_letters_of(fragment, counted_back(fragment, judgement.correct))
    counted = (COUNTED,) if FROM_ZERO in fragment.times else ()
    return replace(judgement, correct=correct, mistakes=mistakes, assumptions=(*judgement.assumptions, *counted))


def _granted(judgement: Judgement, fragment: Fragment) -> Judgement:
    """A judgement on what was made of the formula at the door."""
    if not fragment.given or judgement.word not in (Word.PROVED, Word.HOLDS_IF, Word.WRONG):
        return judgement
    word = judgement.word if judgement.word is Word.WRONG else Word.HOLDS_IF
    return replace(judgement, word=word, assumptions=(fragment.given, *judgement.assumptions))


def _under(
    model: Model, found: Sequence[Judgement], fragment: Fragment, again: Callable[[], Sequence[Judgement]]
) -> Iterator[Judgement]:
    """What stands of the judgements where the model has holes, or rests on a guess."""
    loose, apart = holes.unread(model.cell), holes.unreached(model.cell)
    about = spoken(fragment, model.cell, model.meant) if model.holes or loose or apart or model.given else {}
    for judgement in found:
        place = judgement.place
        says = about.get((place.line, place.column)) if place else None
        kept = holes.loosely(holes.judged(judgement, model, says), model.cell, loose, says, apart)
        if by := holes.on_gates(model, says):
            same = [one for one in again() if one.place == place and one.formula == judgement.formula]
            kept = holes.as_given(kept, same[0] if same else None, model, by)
        yield resting_on(kept, model)


def resting_on(judgement: Judgement, model: Model) -> Judgement:
    """A judgement that rests on a guess about the model: right only under it, and wrong with it told."""
    told = replace(judgement, assumptions=(*model.doubts, *judgement.assumptions))
    if model.doubts and judgement.word in RIGHT:
        return replace(told, word=Word.HOLDS_IF)
    sized = any(mistake.name == "wrong shape" for mistake in judgement.mistakes)
    guessed = next((guess for guess in (SMALL, TURNED) if guess in model.doubts), "")
    if judgement.word is Word.WRONG and sized and guessed:  # a shape says nothing against a guess of shapes
        reason = f"{WRONG_IF} {guessed}"
        return Judgement(judgement.formula, Word.UNDECIDED, reason=reason, place=judgement.place)
    certain = not HARMLESS.isdisjoint(model.doubts) and not is_guess(model)
    return told if certain and judgement.word is Word.WRONG else judgement


def _stands(judgement: Judgement) -> bool:
    """Whether no explanation makes another judgement of this, as of factors in another order it may."""
    plain = not (special.DIAGONAL in judgement.assumptions or judgement.reason)
    return judgement.word in UNEXPLAINED or (judgement.word is Word.WRONG and plain)


def _completed(formula: Formula, end: int, model: Model, check: Check) -> Judgement:
    """A formula that ends in `=` claims nothing; the true right side is found by holding it against zero."""
    fragment = replace(formula.fragment, text=f"{formula.text[:end]} 0{formula.text[end:]}")
    try:
        found = check(fragment.text, model.cell, place=formula.place, fragment=fragment)
    except InputError:
        found = ()
    correct = found[-1].correct if len(found) == 1 and found[0].word is Word.WRONG else None
    return Judgement(
        _line(formula.fragment.written), Word.NOT_A_CLAIM, correct=correct, reason=AN_OPEN_END, place=formula.place
    )


def _only(defined: Sequence[Equation], formula: Formula) -> bool:
    """Whether a formula is nothing but these equations."""
    return formula.text.count("=") - formula.text.count("\\neq") <= sum(
        equation.fragment.text.count("=") for equation in defined
    )


def _definitions(formula: Formula, model: Model) -> frozenset[tuple[int, int]]:
    """The places of the `=` in a formula that belong to equations of the model."""
    try:
        chains = statements(formula.fragment)
    except InputError:
        return frozenset()
    return frozenset(
        (chain.place(0).line, chain.place(0).column)
        for chain in chains
        if chain.relations and model.defines(formula.fragment.place(chain.sides[0].start))
    )


def _defining(judgement: Judgement, definitions: frozenset[tuple[int, int]]) -> Judgement:
    """An equation that the model consists of claims nothing."""
    place = judgement.place
    if place is not None and (place.line, place.column) in definitions:
        return replace(judgement, word=Word.NOT_A_CLAIM, reason=A_DEFINITION)
    return judgement


def _at(found: tuple[str, int, int], place: Place) -> Place:
    return replace(place, file=found[0], line=found[1], column=found[2])


def _line(text: str) -> str:
    return " ".join(text.replace("&", " ").split())
