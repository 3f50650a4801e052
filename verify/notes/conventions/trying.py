"""What trying a convention takes: a judging under another meaning, what is kept of it, what formulas speak of."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate

from derive.calculus.program import named_preactivations
from derive.cell import Cell
from derive.errors import InputError
from derive.patterns import regex
from derive.reader.claims.letters import Letters
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.meant import Habit, Meant
from derive.reader.claims.statements.chains import Statement, statements
from derive.reader.claims.survey import survey
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Term
from derive.reader.models.model import Model
from derive.reader.text.fragment import Fragment
from derive.reader.text.words import SUBSCRIPTS
from verify.formulas.judgement import NO_READING, Judgement, Word
from verify.formulas.wrong import special
from verify.notes.audited import Audited
from verify.notes.files import Formula

Judge = Callable[[Formula, Model], Audited]
Told = Callable[[Audited], Audited]
"""A formula, with what is wrong of it explained."""
Convention = Callable[[Sequence[Audited], Judge], list[Audited]]
RIGHT = (Word.PROVED, Word.HOLDS_IF)
_CARRIED = regex(r"(?<![A-Za-z])C\s*[_^]\s*[{(]{0,2}\s*t\s*[-−]\s*1")
_NUMBERED = regex(r"(?:[_^]\s*\{?\s*\(?\s*(?=\d)|(?<![₀-₉])(?=[₀-₉]))([\d₀-₉])(?![\d₀-₉])")
"""A step by its number: h_3, h^{(3)}, h₃."""
_OF_C = regex(r"(?<![A-Za-z])C\s*[_^]")


def doubted(model: Model, words: str, habits: Collection[Habit] = (), **meant: object) -> Model:
    """The model with other meanings, on which every verdict rests."""
    kept = model.meant.habits.union(habits)
    return replace(model, doubts=(*model.doubts, words), meant=replace(model.meant, habits=kept, **meant))  # type: ignore[arg-type]


def mending(found: Sequence[Audited], tried: dict[int, Audited]) -> list[Audited]:
    """The formulas, those under the other convention that are right there and were not.

    Of several statements in one formula each is taken by itself, as if it stood alone.
    """
    result = list(found)
    for number, each in tried.items():
        before = result[number]
        old, new = _apart(before), _apart(each)
        if len(old) != len(new):
            old, new = [before], [each]
        kept = [after if _mends(after, one) else one for one, after in zip(old, new, strict=True)]
        if kept != old:
            judgements = tuple(one for part in kept for one in part.judgements)
            result[number] = replace(each, model=before.model, judgements=judgements)
    return result


def as_it_was(again: Audited, each: Audited) -> Audited:
    """The judgements on a formula in other words, shown as it was written."""
    pairs = zip(again.judgements, each.judgements, strict=False)
    shown = tuple(replace(new, formula=old.formula, place=old.place) for new, old in pairs)
    return replace(again, formula=each.formula, judgements=shown)


def _mends(each: Audited, before: Audited) -> bool:
    return wrong_in(each) < wrong_in(before) and right_in(each) > right_in(before)


def _apart(audited: Audited) -> list[Audited]:
    """The judgements on each statement of a formula; on the whole where they cannot be told apart."""
    try:
        sizes = [max(len(one.relations), 1) for one in statements(audited.formula.fragment)]
    except InputError:
        sizes = []
    given = audited.judgements
    if len(given) != sum(sizes):
        return [audited]
    ends = list(accumulate(sizes))
    return [replace(audited, judgements=given[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def opened(before: Audited, after: Audited, reason: str) -> Audited:
    """The formula before, those of its judgements left open that are wrong there and not after."""
    pairs = zip(before.judgements, after.judgements, strict=False)
    kept = tuple(
        Judgement(old.formula, Word.UNDECIDED, reason=reason, place=old.place)
        if old.word is Word.WRONG and new.word is not Word.WRONG
        else old
        for old, new in pairs
    )
    return replace(before, judgements=kept) if len(kept) == len(before.judgements) else before


def better(before: Judgement, after: Judgement) -> Judgement:
    """A wrong judgement as it is under another convention, where that mends it."""
    return after if before.word is Word.WRONG and after.word in RIGHT else before


def wrong_in(audited: Audited) -> int:
    """How many judgements on a formula are wrong."""
    return sum(judgement.word is Word.WRONG for judgement in audited.judgements)


def open_in(audited: Audited) -> int:
    """How many judgements on a formula are undecided."""
    return sum(judgement.word is Word.UNDECIDED for judgement in audited.judgements)


def right_in(audited: Audited) -> int:
    """How many judgements on a formula are right."""
    return sum(judgement.word in RIGHT for judgement in audited.judgements)


def in_case(audited: Audited, case: str, words: str) -> Audited:
    """Wrong judgements that are right in a special case, as right where the note says that it is the case."""
    doubts = (*(audited.model.doubts if audited.model is not None else ()), *audited.guessed)

    def told(judgement: Judgement) -> Judgement:
        cases = judgement.true_when.split(special.OR)
        if judgement.word is not Word.WRONG or not any(each.startswith(case) for each in cases):
            return judgement
        if NO_READING in judgement.reason:  # what fits no shapes is true in no case: with a mistake mended it is
            return judgement
        kept = Judgement(judgement.formula, Word.HOLDS_IF, (words,), words, place=judgement.place)
        return replace(kept, assumptions=tuple(dict.fromkeys((*doubts, *judgement.assumptions, words))))

    return replace(audited, judgements=tuple(map(told, audited.judgements)))


def reworded(audited: Audited, what: re.Pattern[str], usual: str, words: str, judge: Judge) -> Audited:
    """The formula judged with other words for something that is as long, on which every verdict rests."""
    assert audited.model is not None
    fragment = audited.formula.fragment
    text = what.sub(lambda match: usual.ljust(len(match.group())), fragment.text)
    there = replace(audited.formula, fragment=replace(fragment, text=text, as_written=fragment.text))
    return replace(judge(there, doubted(audited.model, words)), formula=audited.formula)


def steps_named(text: str) -> list[str]:
    """The numbers of the steps in a text."""
    return [SUBSCRIPTS.get(step, step) for step in _NUMBERED.findall(text)]


def without_cell_states(texts: Iterable[str]) -> list[str]:
    """The texts of a note without C_t, where C_{t-1} says that C is a state: it is no loss then."""
    given = list(texts)
    return [_OF_C.sub(" ", text) for text in given] if any(map(_CARRIED.search, given)) else given


def states_of(model: Model) -> tuple[str, ...]:
    """The names of the states of a model."""
    return tuple(sorted(state.name for state in model.cell.states))


def lefts_of(audited: Audited, model: Model) -> Iterator[Term]:
    """What the left sides of a formula mean."""
    return (sides[0] for _, sides in sides_of(audited, model))


def parts_of(audited: Audited, model: Model) -> Iterator[Term]:
    """Everything that a formula speaks of."""
    return (part for _, sides in sides_of(audited, model) for side in sides for part in tree.walk(side))


def sides_of(audited: Audited, model: Model) -> tuple[tuple[Statement, tuple[Term, ...]], ...]:
    """The statements in a formula with what their sides mean, up to the first that is not read."""
    return _sides(audited.formula.fragment, model.cell, model.meant)


@lru_cache(512)
def _sides(fragment: Fragment, cell: Cell, meant: Meant) -> tuple[tuple[Statement, tuple[Term, ...]], ...]:
    """Most conventions look at every formula of the note, under few meanings."""
    try:
        said = statements(fragment)
    except InputError:
        return ()
    program = named_preactivations(cell)
    return tuple((one, sides) for one in said if (sides := _terms(one, Letters(cell, program, meant=meant))))


def _terms(statement: Statement, letters: Letters) -> tuple[Term, ...]:
    said: list[Term] = []
    try:
        for side in statement.sides:
            survey(side, letters)
        for side in statement.sides:
            said.append(Claiming(statement.fragment, letters).term(side))
    except InputError:
        pass  # what stands before it is read
    return tuple(said)
