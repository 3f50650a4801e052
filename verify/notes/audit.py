"""A note -> a judgement on every formula in it, with the model that each was held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any

from derive.errors import InputError, Place, ProgramFault
from derive.patterns import regex
from verify.formulas import faults
from verify.formulas.judgement import Judgement, Word, exit_code, report
from verify.mistakes.dictionary import entry
from verify.notes import lint
from verify.notes.asking import Question, asked
from verify.notes.audited import WRONG_IF, Audited, is_guess, softened
from verify.notes.backward.judging import of_programs
from verify.notes.backward.updates import with_gradients_of_updates
from verify.notes.claiming import of_named_gradients
from verify.notes.contradictions import (
    against_the_carried,
    against_the_program,
    against_the_recursion,
    against_the_sum,
    against_the_whole,
    of_any_step,
    of_cases,
    of_two_minds,
    of_unread_errors,
    of_unused_losses,
    of_updates,
    of_wrong_errors,
    of_zeros,
)
from verify.notes.conventions import settled
from verify.notes.conventions.defining import as_defined
from verify.notes.conventions.doubts.mixed import of_mixed_layouts
from verify.notes.conventions.doubts.perhaps import WHOLE, perhaps
from verify.notes.conventions.doubts.shares import of_own_shares
from verify.notes.conventions.errors import MINUS_OF_A_LOSS, OF_EITHER_SIGN, perhaps_handed_back
from verify.notes.conventions.guessed import under_guesses
from verify.notes.conventions.habits import NEAR, THROUGH_A_STATE
from verify.notes.conventions.outputs import ANOTHER
from verify.notes.conventions.steps import (
    EVERY_OUTPUT,
    LAST_ALONE,
    NEXT_TO,
    OUTPUT_ALONE,
    as_long_as_named,
    lengths_in_equations,
    lengths_in_sums,
    lengths_in_words,
)
from verify.notes.conventions.trying import Judge, mending, wrong_in
from verify.notes.denied import denied
from verify.notes.door.arguments import with_arguments_read
from verify.notes.door.batches import of_one_example
from verify.notes.door.blocks import with_blocks_as_vectors
from verify.notes.door.counting.from_zero import counted_from_first, counted_from_one, with_step_before_zero
from verify.notes.door.counting.inputs import with_inputs_of_their_step
from verify.notes.door.counting.rates import counted_in_intervals, with_numbers_before_brackets
from verify.notes.door.diagonals import of_real_numbers, with_diagonals
from verify.notes.door.gates import asking, for_each_gate, of_each_gate
from verify.notes.door.named_gradients import with_named_gradients
from verify.notes.door.own_letters import with_own_letters
from verify.notes.door.raised import with_raised_entries
from verify.notes.door.spoken import words_of
from verify.notes.door.stacked import of_single_steps
from verify.notes.door.times import counted
from verify.notes.door.units import with_units_joined
from verify.notes.door.worded import with_words_read
from verify.notes.examples import of_examples
from verify.notes.examples.plain import of_plain_cells
from verify.notes.examples.softmaxes import of_softmax_alone
from verify.notes.examples.supposing import behind_arrows, under_suppositions
from verify.notes.files import Document, Formula, behind_words, beside_words, goes_on_from, read
from verify.notes.judging import Check, judged_apart, remembered, resting_on
from verify.notes.lint import Note
from verify.notes.mentioned import before, before_a_letter
from verify.notes.models import Model, Models
from verify.notes.recognition import stepping_back
from verify.notes.unexplained import unexplained

_LATEX = regex(r"=.*\\(?:[dt]?frac|partial|nabla|odot|sum|sigma|tanh|top)(?![A-Za-z])|\\frac\{\\partial.*=")
_OF_THE_NOTE = tuple(reason.rpartition("}")[2] for reason in (OF_EITHER_SIGN, MINUS_OF_A_LOSS, ANOTHER))
"""How a reason ends that is of the note's own words: no other model decides what it leaves open."""
OF_NUMBERS = "all sizes"
"""How it is told that a formula holds of numbers alone."""


@dataclass(frozen=True)
class Audit:
    """What was found in one file."""

    document: Document
    formulas: tuple[Audited, ...]
    questions: tuple[Question, ...] = ()
    """What the formulas of the note wait for: one question at most."""

    def _repr_html_(self) -> str:
        from verify.reports import notebook

        return notebook.audit_html(self)

    @property
    def file(self) -> str:
        return self.document.path

    @property
    def judgements(self) -> tuple[Judgement, ...]:
        return tuple(judgement for each in self.formulas for judgement in each.judgements)

    @property
    def faults(self) -> tuple[tuple[Place, ProgramFault], ...]:
        """The faults of the program, each with the place of its formula."""
        return tuple((each.formula.place, fault) for each in self.formulas for fault in each.faults)

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """The models that a claim was held against, in the order of the note; those that say the same are one."""
        used: dict[str, Model] = {}
        for each in self.formulas:
            if each.model is not None and _claims(each):
                used.setdefault(str(each.model), each.model)
        return tuple(used.values())

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What looks like a slip in the models that the note writes itself, and what it ignores in vain."""
        files = {part.file for part in self.document.parts}
        found = [note for model in self.models for note in lint.notes(model)]
        found += [note for each in self.formulas for note in lint.unused(each)]
        return tuple(dict.fromkeys(note for note in found if note.place.file in files))

    @property
    def counts(self) -> Counter[Word]:
        return Counter(judgement.word for judgement in self.judgements)

    def model_number(self, audited: Audited) -> int | None:
        """Which of `models` a formula was held against, counted from 1."""
        said = [str(model) for model in self.models]
        return said.index(str(audited.model)) + 1 if str(audited.model) in said and _claims(audited) else None


def _claims(audited: Audited) -> bool:
    return any(judgement.word is not Word.NOT_A_CLAIM for judgement in audited.judgements)


_DOOR: tuple[Callable[[Document], Document], ...] = (
    with_gradients_of_updates, of_single_steps, with_blocks_as_vectors, with_units_joined, with_words_read,
    with_arguments_read, with_numbers_before_brackets, with_diagonals, with_raised_entries, counted_from_first,
    of_real_numbers, of_one_example, counted_in_intervals, counted, with_own_letters, with_step_before_zero,
    counted_from_one, with_inputs_of_their_step, for_each_gate,
)  # fmt: skip
"""What puts ways of writing in one form before anything is decided, one behind the other."""


def audit(
    path: str | Path, *, cell: str | None = None, notation: str | None = None, check: Check | None = None
) -> Audit:
    """Judge every formula of a note, notebook or LaTeX file; raises InputError if it cannot be read.

    `cell` and `notation` name the model where the note does not; otherwise it is the note's own, or recognised.
    """
    if check is None:
        from verify.formulas.claims import check as judge  # reads much; a file that cannot be opened needs none of it

        check = judge
    check = remembered(check)
    document = read(path)
    for opened in _DOOR:
        document = opened(document)
    _refuse_unread(document)
    models = Models(
        with_named_gradients(document, of_each_gate(document.formulas)),
        str(path),
        cell,
        notation,
        declarations=document.declarations,
        aside=document.aside,
        words=words_of([part.text for part in document.parts]),
    )
    previous = dict(goes_on_from(document.formulas))

    def explaining(formula: Formula, instead: Model | None = None) -> Audited:
        return judged_apart(formula, previous.get(formula), models, check, instead)

    def quickly_refuting(formula: Formula, instead: Model | None = None) -> Audited:
        return judged_apart(formula, previous.get(formula), models, partial(check, explain=False), instead)

    def sparingly(formula: Formula, instead: Model | None = None) -> Audited:
        return judged_apart(formula, previous.get(formula), models, check, instead, explain=False)

    def refuting(formula: Formula, instead: Model | None = None) -> Audited:
        guess = instead is not None and is_guess(instead)  # what is wrong of a guess is told without its mistakes
        return (sparingly if guess else explaining)(formula, instead)

    def apart(formula: Formula, instead: Model | None = None) -> Audited:
        return softened(refuting(formula, instead))

    def quickly(formula: Formula, instead: Model | None = None) -> Audited:
        return softened(quickly_refuting(formula, instead))

    last_alone = behind_words(document, LAST_ALONE)
    along = behind_words(document, THROUGH_A_STATE, NEAR) | beside_words(document, THROUGH_A_STATE)
    lengths = {steps for part in document.parts for steps in lengths_in_words(part.text)}
    lengths |= {*lengths_in_equations(models.written.equations)}
    lengths |= {*lengths_in_sums(line for part in document.parts for line in part.text.splitlines())}
    of_last = last_alone | behind_words(document, OUTPUT_ALONE, NEXT_TO, EVERY_OUTPUT)
    texts = [part.text for part in document.parts]
    settling = partial(
        settled, judge=refuting, quickly=quickly_refuting, last_alone=of_last, along=along, lengths=lengths, texts=texts
    )
    judged = settling(tuple(map(sparingly, document.formulas)), explaining)
    judged = tuple(_in_other_letters(each, models, apart) for each in judged)
    as_long = as_long_as_named(judged, lengths, lambda each: apart(each.formula, each.model) if each.model else each)

    def supposing(formula: Formula, model: Model) -> Audited:
        """The formula under another model, of as many steps as it names, with what it rests on."""
        judge = sparingly if is_guess(model) else apart
        found = as_long(judge(formula, replace(model, doubts=())))
        resting = tuple(resting_on(one, model) for one in found.judgements)
        return softened(replace(found, model=model, judgements=resting))

    otherwise = tuple(_otherwise(each, models, supposing, document) for each in stepping_back(judged))
    judged = tuple(under_guesses(otherwise, judged, quickly_refuting, explaining, settling))
    judged = tuple(under_suppositions(each, models, apart) for each in judged)
    judged = tuple(as_defined(judged, apart))
    lines = {part.file: part.text.splitlines() for part in document.parts}
    judged = tuple(of_plain_cells(each, lines.get(each.formula.place.file, []), apart) for each in judged)
    judged = tuple(against_the_sum(tuple(of_two_minds(tuple(of_examples(judged, document)))), bool(last_alone), texts))
    judged = tuple(against_the_whole(tuple(of_unread_errors(perhaps_handed_back(judged, quickly)))))
    judged = tuple(against_the_carried(tuple(against_the_program(tuple(against_the_recursion(judged)), texts))))
    whole = behind_words(document, WHOLE, NEAR) | beside_words(document, WHOLE)
    judged = tuple(of_mixed_layouts(tuple(of_own_shares(perhaps(judged, quickly, whole), quickly))))
    judged = tuple(of_updates(tuple(of_cases(tuple(of_unused_losses(judged, models.written.losses))))))
    judged = tuple(map(behind_arrows, unexplained(judged)))
    judged = tuple(of_named_gradients(judged, models.written.gradients))
    judged = tuple(of_any_step(tuple(of_zeros(tuple(of_wrong_errors(judged))))))
    judged = tuple(of_softmax_alone(judged, check, lines))
    judged = tuple(denied(each, lines.get(each.formula.place.file, [])) for each in judged)
    judged = _in_order(document, (*judged, *of_programs(document, models, check)))
    judged, questions = asked(tuple(map(_ignoring, map(asking, judged))), models, document)
    return Audit(document, judged, questions)


def _in_order(document: Document, judged: tuple[Audited, ...]) -> tuple[Audited, ...]:
    """What was judged in the order of the document: a program's lines where they stand."""
    files = list(dict.fromkeys([part.file for part in document.parts] + [one.file for one in document.sources]))
    if not any(one.formula not in document.formulas for one in judged):
        return judged
    return tuple(sorted(judged, key=lambda one: (files.index(one.formula.place.file), one.formula.place.line)))


def _otherwise(audited: Audited, models: Models, judge: Judge, document: Document) -> Audited:
    """A formula that stays open in its model: under other equations that the note may mean, or of a cell it names."""
    formula = audited.formula
    if any(one.reason.endswith(_OF_THE_NOTE) for one in audited.judgements):
        return audited
    own = [(model, _says_more) for model in models.others(formula)] if _is_open(audited) else []
    mentions = chain(before(formula, document), before_a_letter(models.lacking(formula), formula, document))
    named = ((model, _decides) for mention in mentions for model in models.called(formula, mention))
    for model, counts in chain(own, named) if _is_open(audited) else ():
        if own and counts is _decides and any(one.reason.startswith(WRONG_IF) for one in audited.judgements):
            break  # what the note's own equations refute, the usual cell does not save
        again = judge(formula, model)
        if audited.model is None and all(map(counts, again.judgements)):
            return again
        if [one.place for one in again.judgements] != [one.place for one in audited.judgements]:
            continue
        pairs = zip(audited.judgements, again.judgements, strict=True)
        kept = tuple(new if old.word is Word.UNDECIDED and counts(new) else old for old, new in pairs)
        audited = replace(again if kept != audited.judgements else audited, judgements=kept)
        if not _is_open(audited):
            break
    return audited


def _in_other_letters(audited: Audited, models: Models, judge: Judge) -> Audited:
    """A formula that is wrong in its model, in the letters of another section of the note, or without its slips."""
    if not wrong_in(audited):
        return audited
    for model in chain(models.in_other_letters(audited.formula), models.others(audited.formula, slips=True)):
        (audited,) = mending([audited], {0: judge(audited.formula, model)})
    return audited


def _is_open(audited: Audited) -> bool:
    return any(judgement.word is Word.UNDECIDED for judgement in audited.judgements)


def _decides(judgement: Judgement) -> bool:
    """Whether a guess decides something, or says what is wrong under it; with one that all sizes are 1 it does not."""
    if any(words.startswith(OF_NUMBERS) for words in judgement.assumptions):
        return False
    return judgement.word in (Word.PROVED, Word.HOLDS_IF) or judgement.reason.startswith(WRONG_IF)


def _says_more(judgement: Judgement) -> bool:
    """Whether a guess about the note's own equations decides something, or finds that nothing is claimed."""
    return _decides(judgement) or judgement.word is Word.NOT_A_CLAIM


def _ignoring(audited: Audited) -> Audited:
    """The judgements with those marked that the note says to ignore: a word, or every mistake that was found."""
    asked = set(audited.formula.ignored)
    if not asked:
        return audited

    def ignored(judgement: Judgement) -> bool:
        mistakes = {entry(mistake.name).slug for mistake in judgement.mistakes}
        return judgement.word.value in asked or (bool(mistakes) and mistakes <= asked)

    marked = tuple(replace(one, ignored=True) if ignored(one) else one for one in audited.judgements)
    return replace(audited, judgements=marked)


def _refuse_unread(document: Document) -> None:
    """Raise InputError for a note without formulas in which LaTeX stands in marks that are not known."""
    if any(formula.claims for formula in document.formulas):
        return
    found = [
        Place(part.file, number, 1, number, line)
        for part in document.parts
        for number, line in enumerate(part.text.splitlines(), 1)
        if _LATEX.search(line)
    ]
    if found:
        lines = ", ".join(str(place.line) for place in found[:8]) + (", ..." if len(found) > 8 else "")
        raise InputError(
            f"formulas that cannot be told from the text in line{'s' if len(found) > 1 else ''} {lines}", found[0],
            "put them between $$ and $$, or between $ and $",
        )  # fmt: skip


def as_json(audits: Iterable[Audit]) -> dict[str, Any]:
    """All judgements, and for each file its models."""
    audits = list(audits)
    found = report(judgement for each in audits for judgement in each.judgements)
    entries = iter(found["claims"])
    for each in audits:
        for audited in each.formulas:
            for _ in audited.judgements:
                entry = next(entries)
                entry["section"] = list(audited.formula.section)
                entry["displayed"] = audited.formula.displayed
                number = each.model_number(audited)
                entry["model"] = None if number is None else number - 1
    found["faults"] = [
        {**faults.as_json(fault), "place": {"file": at.file, "line": at.line, "column": at.column}}
        for each in audits
        for at, fault in each.faults
    ]
    assumed = (words for each in audits for model in each.models for words in model.assumed)
    found["conventions"] = list(dict.fromkeys((*assumed, *found["conventions"])))
    found["notes"] = [note.to_json() for each in audits for note in each.notes]
    found["questions"] = [question.to_json() for each in audits for question in each.questions]
    found["files"] = [
        {
            "file": each.file,
            "models": [
                {"cell": model.cell.name, "origin": model.origin, "assumed": list(model.assumed)}
                for model in each.models
            ],
        }
        for each in audits
    ]
    return found


def code(audits: Iterable[Audit], unread: int = 0, lenient: bool = False) -> int:
    """The exit code: 3 for a fault of the program, else 1 if anything is wrong, else 2 if something is open, else 0.

    `lenient`: 2 only for files that could not be read.
    """
    audits = list(audits)
    if any(each.faults for each in audits):
        return 3
    found = exit_code(judgement for each in audits for judgement in each.judgements)
    if found == 1:
        return 1
    return 2 if unread or (found and not lenient) else 0
