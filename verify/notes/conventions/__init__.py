"""Conventions of a note as a whole: each is tried where formulas are wrong without it, and told where they need it.

Which way round the gates are that a note only speaks of; what a step hands back; from where on δ is the gradient of the
argument, or of a state where the note never says of what; whether ∂L_t is of the losses from step t on; what `+=` adds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import cache, partial

from derive.reader.claims.meant import Habit
from derive.reader.models.model import Model
from verify.formulas.judgement import Word
from verify.notes.audited import Audited, as_read, softened
from verify.notes.conventions.biases import without_biases
from verify.notes.conventions.contributions import of_a_said_step
from verify.notes.conventions.errors import (
    adding,
    handing_back,
    itself,
    of_a_negative_sum,
    of_all_arguments,
    of_arguments,
    of_either_sign,
    of_the_candidate,
    redefined,
    upstream,
)
from verify.notes.conventions.functions import called_an_activation, chosen, differentials, exchanged, identity
from verify.notes.conventions.habits import keeping, of_numbered, of_one, of_this_step, onward, through_a_state
from verify.notes.conventions.outputs import of_another_letter
from verify.notes.conventions.reused_names import reused
from verify.notes.conventions.row_gradients import transposed
from verify.notes.conventions.said_numbers import said_numbers
from verify.notes.conventions.steps import (
    at_the_start,
    from_zero,
    last,
    of_last_output,
    of_length,
    of_named_step,
    of_next_step,
    of_no_said_loss,
    of_no_said_step,
    with_step_zero,
)
from verify.notes.conventions.trying import Convention, Judge, wrong_in
from verify.notes.files import Formula


def settled(
    found: Sequence[Audited],
    explain: Callable[[Formula], Audited],
    *,
    judge: Judge,
    quickly: Judge,
    last_alone: Collection[Formula] = (),
    along: Collection[Formula] = (),
    lengths: Collection[int] = (),
    texts: Sequence[str] = (),
) -> tuple[Audited, ...]:
    """The same formulas under the conventions of the note that leave fewest of them wrong.

    `found` is judged without explaining; `explain` is asked where it counts when a formula is true, and of what stays
    wrong. `quickly` judges without explaining; `last_alone` stand behind words that say that the loss reads the last
    output alone, `along` behind words for what comes through one state; of `lengths` steps the note speaks, whose
    words are `texts`. What they find wrong under a guess is told as wrong; what stays so is left open at the end.
    """

    explained = cache(explain)
    found = tuple(as_read(each, wrong=True) for each in found)
    first = {_place(each.formula): each for each in found}

    def told(each: Audited) -> Audited:
        """The formula with what was found wrong of it at first explained."""
        before = first[_place(each.formula)]
        if not any(one.word is Word.WRONG and one in before.judgements for one in each.judgements):
            return each
        after = explained(before.formula)
        pairs = list(zip(before.judgements, after.judgements, strict=False))
        judgements = tuple(next((new for old, new in pairs if old == one), one) for one in each.judgements)
        return replace(each, judgements=judgements, faults=each.faults or after.faults)

    def trying(judge: Judge) -> Judge:
        """The judge of a trial: what is wrong under a convention that is one more doubt is left open."""

        def tried(formula: Formula, model: Model) -> Audited:
            again, before = as_read(judge(formula, model), wrong=True), first[_place(formula)].model
            return softened(again) if before is None or len(model.doubts) > len(before.doubts) else again

        return tried

    def under(convention: Convention, before: Sequence[Audited]) -> Sequence[Audited]:
        """The formulas under a convention, which is tried without explaining; only what it changes is explained."""
        after = convention(before, trying(quickly))
        changed = {
            _place(new.formula) for old, new in zip(before, after, strict=True) if old.judgements != new.judgements
        }

        def explaining(formula: Formula, model: Model) -> Audited:
            return trying(judge if _place(formula) in changed else quickly)(formula, model)

        return convention(before, explaining) if changed else before

    result = under(itself, under(exchanged, found))
    for convention in (
        of_either_sign,
        of_a_negative_sum,
        partial(last, told=told),
        partial(called_an_activation, texts=texts),
        identity,
        without_biases,
        partial(of_length, said=lengths, told=told),
        partial(of_last_output, said=last_alone, told=told),
        onward,
        partial(through_a_state, said=along),
        keeping(Habit.TERMS),
        redefined,
        of_another_letter,
        of_arguments,
        of_all_arguments,
        of_the_candidate,
        handing_back,
        upstream,
        from_zero,
        partial(at_the_start, told=told),
        with_step_zero,
        of_next_step,
        of_named_step,
        of_a_said_step,
        said_numbers,
        adding,
        keeping(Habit.ALONG),
        keeping(Habit.OWN_USE),
        keeping(Habit.NO_LATER),
        of_this_step,
        of_one,
        of_numbered,
        chosen,
        differentials,
        partial(of_no_said_loss, told=told),
        of_no_said_step,
        reused,
        transposed,
    ):
        if any(map(wrong_in, result)):
            result = under(convention, result)
    return tuple(told(softened(as_read(each, wrong=False))) for each in result)


def _place(formula: Formula) -> tuple[str, int, int]:
    """Where a formula stands, in whatever words it is tried."""
    return formula.place.file, formula.place.line, formula.place.column
