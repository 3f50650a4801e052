"""A formula written by hand -> a judgement for every `=` in it.

A claim has several readings; the literal one is tried first, and a verdict names what it had to assume beyond it.
Truth comes from `verify.truth.world`; the derivation only explains what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

from derive.calculus.program import named_preactivations
from derive.cell import Cell
from derive.errors import InputError, Place
from derive.notation import Notation, spelled
from derive.reader import formula as fragment_of
from derive.reader.claims.arguments import between, spans
from derive.reader.claims.functions import Alone, Functions, alone
from derive.reader.claims.letters import Letters
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.meant import NOTHING, Meant
from derive.reader.claims.statements.chains import Statement, apart_in_line, lines, says_nothing, statements
from derive.reader.claims.statements.limits import limits
from derive.reader.claims.survey import survey
from derive.reader.meaning import tree
from derive.reader.meaning.letters import letter
from derive.reader.models.aliases import with_values
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import walk
from derive.reader.text.named import with_words
from derive.reader.text.syntax import Bars, Big, Fraction, Mark, Name, Number, Run, Scripted, Syntax, is_drawn
from derive.reader.text.usual import length_of
from verify.formulas import assuming, left_open, sizes, upside
from verify.formulas.bounds.related import derivation, related
from verify.formulas.deciding import Case, Question
from verify.formulas.equation import Context, read
from verify.formulas.faults import ClaimsFault, fault_in
from verify.formulas.generic import arrays, entry_of, for_every, generic_letter
from verify.formulas.judgement import (
    A_NAME,
    BEHIND_A_WRONG_STEP,
    FOR_ANY_NUMBER,
    LEFT_IS_WRONG,
    TRUE_IF,
    UNDECIDED_IF,
    Judgement,
    Judgements,
    Mistake,
    Word,
)
from verify.formulas.other_way import other_way
from verify.formulas.readings.conventions import HELD, LATEST
from verify.formulas.readings.sides import SUMMED
from verify.formulas.telling import slopes_said
from verify.formulas.wrong import explaining, meant, special
from verify.formulas.wrong.closing import Loop
from verify.formulas.wrong.restating import with_letters
from verify.truth.comparison import TOO_MANY, Bench

NO_RELATION = "nothing is claimed: there is no ="
SUMMED_BEFORE = "what stands before it in the chain is summed over ${step}$, and this is not"
LARGEST = 8_000
"""Characters of a formula that are read as claims."""

_PARTS = TOO_MANY.rpartition("}")[2]
"""How the reason ends why what is too long to write out is open."""


BENCHES = 8
_benches: dict[Cell, Bench] = {}


def bench(cell: Cell) -> Bench:
    """Random data of a cell, kept between claims; of the cells used last."""
    found = _benches.pop(cell, None) or Bench(cell, named_preactivations(cell))
    _benches[cell] = found
    if len(_benches) > BENCHES:
        _benches.pop(next(iter(_benches))).known.clear()  # what is known refers to its bench
    return found


def check(
    formula: str,
    cell: Cell,
    *,
    assume: Sequence[str] = (),
    notation: Notation | None = None,
    place: Place | None = None,
    fragment: Fragment | None = None,
    explain: bool = True,
    meant: Meant = NOTHING,
) -> Judgements:
    """One judgement for every `=` of every line of a formula (LaTeX or plain text), in the letters of `cell`.

    `assume` declares facts about the data, such as `\\sum y_t = 1`, `y_t one-hot` or `h_0 = 0`; with `notation` the
    formula is written in that notation's letters. `fragment` is the formula with its place in a file. Without `explain`
    a wrong formula gets its counterexample, but no mistakes and no true formula. `meant` are letters that a document
    defines beside the cell. Every formula ends in judgements; what cannot be read is `unreadable`, with the place.
    Raises InputError for a fact that is not known, with the list of those that are, and ClaimsFault for faults of
    the program, with the judgements on the claims that they do not touch.
    """
    fragment = fragment or fragment_of(formula, place.file if place else "<formula>", place.line if place else 1)
    worded = with_words(fragment, cell.notation.letters)
    return Judgements(_checked(worded, cell, assume, notation, place, explain, meant))


def _checked(
    fragment: Fragment,
    cell: Cell,
    assume: Sequence[str],
    notation: Notation | None,
    place: Place | None,
    explain: bool,
    meant: Meant,
) -> tuple[Judgement, ...]:
    facts = assuming.facts(assume, cell, notation)
    try:
        if len(fragment.text) > LARGEST:
            raise fragment.error(f"a formula of {len(fragment.text)} characters; at most {LARGEST} are read", 0)
        if not fragment.text.strip():
            raise fragment.error("an empty formula", 0)
        context = Context(cell, facts, notation, bench(cell), explain, meant, steps=length_of(fragment.times))
        judgements = _judged(fragment, context)
    except InputError as error:
        return (_unreadable(fragment, error, place),)
    except RecursionError:
        return (Judgement(fragment.text, Word.UNREADABLE, reason="nested too deep", place=place or fragment.place(0)),)
    judgements = slopes_said(judgements, cell)
    if context.faults:
        raise ClaimsFault(context.faults, judgements)
    if not explain or all(each.word is not Word.WRONG for each in judgements):
        return judgements
    return other_way(judgements, cell, lambda other: check("", other, fragment=fragment, explain=False, meant=meant))


def _unreadable(fragment: Fragment, error: InputError, place: Place | None) -> Judgement:
    reason, text = error.message + (f"; {error.hint}" if error.hint else ""), " ".join(fragment.text.split())
    return Judgement(text, Word.UNREADABLE, reason=reason, place=error.place or place or fragment.place(0))


def _judged(fragment: Fragment, context: Context) -> tuple[Judgement, ...]:
    try:
        found = statements(fragment)
    except InputError:
        if (unfinished := _unfinished(fragment)) is not None:
            return (unfinished,)
        rows = list(lines(fragment))
        parts = [] if rows else apart_in_line(fragment)
        if not rows + parts or len(rows) > 60:
            raise
        # One line that cannot be read does not take the others with it, nor does a part that claims nothing.
        judgements: list[Judgement] = []
        for row in rows or parts:
            try:
                judgements += _judged(row, context) if row.text.strip() else ()
            except InputError as error:
                unread = _unreadable(row, error, None)
                if parts and not says_nothing(row.text):
                    raise
                judgements.append(replace(unread, word=Word.NOT_A_CLAIM, reason=NO_RELATION) if parts else unread)
        if all(judgement.word is (Word.NOT_A_CLAIM if parts else Word.UNREADABLE) for judgement in judgements):
            raise
        return tuple(judgements)
    judgements, context = [], replace(context, limits=limits(found))
    for statement in found:
        try:
            judgements += _statement(statement, context)
        except (InputError, RecursionError):
            raise
        except Exception as error:  # a fault of the program is told as one, and is no verdict
            whole = statement.text(statement.sides[0].start, statement.sides[-1].end)
            context.faults.append(fault_in(error, whole, statement.fragment.place(statement.sides[0].start)))
    return tuple(judgements)


def _unfinished(fragment: Fragment) -> Judgement | None:
    """An equation whose right side is not written."""
    match = re.search(r"(?<![:<>!=])=(?:\s|\\[,;:! ]|\\q?quad|[.,?]|\\[cl]?dots|\.\.\.)*\Z", fragment.text)
    if match is None or not fragment.text[: match.start()].strip() or "=" in fragment.text[: match.start()]:
        return None
    place, text = fragment.place(match.start(), match.end()), " ".join(fragment.text.split())
    return Judgement(text, Word.NOT_A_CLAIM, reason="nothing stands right of the =", place=place)


def _statement(statement: Statement, context: Context) -> list[Judgement]:
    whole = statement.text(statement.sides[0].start, statement.sides[-1].end)
    if not statement.relations:
        place = statement.fragment.place(statement.sides[0].start, statement.sides[0].end)
        return [Judgement(whole, Word.NOT_A_CLAIM, reason=NO_RELATION, place=place)]
    if statement.given:
        reason = "a condition of the formula beside it"
        return [Judgement(whole, Word.NOT_A_CLAIM, reason=reason, place=statement.place(0))]
    word = "" if context.stands else generic_letter(statement, _claiming(statement, context).letters)
    if word and (names := arrays(context.cell, word)):
        return for_every(word, names, lambda name: _statement(statement, replace(context, stands=((word, name),))))
    functions = alone(statement.sides, context.cell.functions)
    if functions is None or isinstance(statement.sides[0], Name):
        claiming = _claiming(statement, context)
        found = _relations(statement, context, claiming)
        cell = with_values(context.cell, claiming.letters.wanted)
        if cell is context.cell:
            return found
        named = replace(context, cell=cell, bench=bench(cell), instance=False)  # a rerun has no such name
        return _relations(statement, named, _claiming(statement, named))
    return _about_functions(statement, context, functions)


def _claiming(statement: Statement, context: Context, reader: type[Claiming] = Claiming) -> Claiming:
    letters = Letters(context.cell, context.bench.program, context.notation, context.meant)
    letters.known.update(context.stands)
    letters.guesses.limits = context.limits
    for part in (*statement.sides, *statement.conditions, *context.limits.values()):
        survey(part, letters)
    if letters.entry_letters:
        entries = {word: entry_of(letters.quantities[name], letters.entry_letters) for word, name in context.stands}
        letters.aliases.update(entries)
    letters.between = between(statement.sides, letters, statement.fragment)
    letters.spans = spans(statement.sides, letters, statement.fragment)
    return reader(statement.fragment, letters)


def _about_functions(statement: Statement, context: Context, functions: Alone) -> list[Judgement]:
    """A statement about functions of a free variable; what is not true of every number may be true of the cell."""
    cell = functions.cell(context.cell.functions)
    free = replace(context, cell=cell, facts=(), notation=None, bench=bench(cell), explain=False, stands=())
    reader = _claiming(statement, free, Functions)
    assert isinstance(reader, Functions)
    reader.alone = functions
    letters = ", ".join(str(spelled(name)) for name in functions.variables)
    words = f"{letters} stand{'s' if len(functions.variables) == 1 else ''} {FOR_ANY_NUMBER}"
    free_ones = [replace(judgement, reading=words) for judgement in _relations(statement, free, reader)]
    if all(judgement.word in (Word.PROVED, Word.HOLDS_IF) for judgement in free_ones):
        return free_ones
    own = _relations(statement, context, _claiming(statement, context))
    if functions.naming and own[0].word is not Word.PROVED:
        start = statement.text(statement.sides[0].start, statement.sides[0].end)
        blank = replace(own[0], mistakes=(), correct=None, counterexample=None, reason=f"says what {start} is")
        named = [replace(blank, word=Word.NOT_A_CLAIM, formula=each.formula, place=each.place) for each in own]
        right = (Word.PROVED, Word.HOLDS_IF)
        return named[:1] + [f if f.word in right else n for f, n in zip(free_ones[1:], named[1:], strict=True)]
    slopes = functions.slope and not context.cell.declared_slopes
    if functions.slope and free_ones[0].word is Word.WRONG and (other := _sloped_so(statement, free, reader)):
        blank = Judgement(free_ones[0].formula, Word.NOT_A_CLAIM, reason=other, place=free_ones[0].place)
        return [blank, *own[1:]]
    return [
        one if _prevails(one, other, functions, slopes) else other for one, other in zip(free_ones, own, strict=True)
    ]


_SLOPED = ("tanh", "relu", "sigmoid")
"""Functions that a letter may stand for, told by its slope; no name of one is a letter."""


def _sloped_so(statement: Statement, free: Context, reader: Functions) -> str:
    """Which other function a letter must stand for, as σ in σ'(z) = 1 - tanh² z, where its slope is this."""
    left, right, *_ = statement.sides
    match left:
        case Run(factors=(Scripted(base=Name(word=word, latex=latex) as name) as called, *behind)) if latex != word:
            pass
        case _:
            return ""
    declared = {function.base for function in free.cell.functions if function.specified or function.declared}
    if word in {*declared, *_SLOPED} or any(isinstance(node, Name) and node.word == word for node in walk(right)):
        return ""
    for other in _SLOPED:
        meant = replace(called, base=replace(name, word=other, latex=other))
        said = replace(left, factors=(meant, *behind))
        found = _relations(replace(statement, sides=(said, right), relations=statement.relations[:1]), free, reader)
        if other != word and found[0].word in (Word.PROVED, Word.HOLDS_IF):
            return f"says what the slope of {latex} is, which stands for {other} here"
    return ""


def _prevails(free: Judgement, own: Judgement, functions: Alone, slopes: bool) -> bool:
    """Whether a statement counts as one of free variables: where it holds; wrong only where it can mean no other."""
    if free.word in (Word.PROVED, Word.HOLDS_IF):
        return True
    plain = len(functions.variables) == 1 and not functions.naming
    silent = own.word is Word.NOT_A_CLAIM and slopes
    return plain and free.word is Word.WRONG and (silent or own.word in (Word.UNDECIDED, Word.WRONG))


def _relations(statement: Statement, context: Context, claiming: Claiming) -> list[Judgement]:
    letters = claiming.letters
    judgements: list[Judgement] = []
    first, wrong = statement.sides[0], False
    for number, relation in enumerate(statement.relations):
        left, right = statement.sides[number], statement.sides[number + 1]
        text = statement.text(left.start, right.end)
        place = statement.place(number)
        if relation.type == "IN":
            judgement = sizes.membership(left, right, statement, letters, text, place)
            if judgement.correct is not None and context.explain:
                loop = _loop(left, right, statement, context)
                correct = loop.closed(judgement.correct, None, judgement.assumptions)
                judgement = replace(judgement, correct=correct)
            judgements.append(judgement)
            continue
        if relation.type != "EQ":
            silent = replace(context, explain=False)
            equal = partial(_equation, left, right, statement, claiming, silent, text, place)
            blank = Judgement(text, Word.UNDECIDED, place=place)
            judgements.append(related(relation, left, right, statement, claiming, context, blank, equal))
            continue
        if is_drawn(statement.relations) or (
            relation.is_arrow and all(isinstance(side, Fraction | Mark) or letter(side) for side in (left, right))
        ):
            judgements.append(Judgement(text, Word.NOT_A_CLAIM, reason="an arrow claims nothing", place=place))
            continue
        if isinstance(left, Name) and isinstance(right, Name) and claiming.is_function(right):
            judgements.append(Judgement(text, Word.NOT_A_CLAIM, reason="says what a letter stands for", place=place))
            continue
        if (inner := _between_norms(left, right)) is not None:
            judgement = _equation(*inner, statement, claiming, replace(context, explain=False), text, place)
            if judgement.word in (Word.PROVED, Word.HOLDS_IF):
                judgements.append(judgement)
                continue
        judgement = _equation(left, right, statement, claiming, context, text, place)
        if number and judgement.word is Word.WRONG:
            again = _equation(first, right, statement, claiming, context, text, place)
            start = statement.text(first.start, first.end)
            if again.word in (Word.PROVED, Word.HOLDS_IF) and _names_an_error(first, right, claiming):
                judgement = Judgement(text, Word.NOT_A_CLAIM, reason=A_NAME, place=place)
            elif again.word in (Word.PROVED, Word.HOLDS_IF) and (step := _summed_before(again, statement, number)):
                missing = Mistake("missing sum over t", SUMMED_BEFORE.format(step=step))
                judgement = replace(judgement, mistakes=judgement.mistakes or (missing,))
            elif again.word in (Word.PROVED, Word.HOLDS_IF):
                note = f"compared with {start}, of which it is true"
                note += LEFT_IS_WRONG if wrong else ""
                judgement = replace(again, reason=note, formula=text)
            elif wrong and again.word is Word.WRONG:  # the step before is no truth to hold it against
                note = f"compared with {start}: what stands left of this = is wrong"
                judgement = replace(again, reason="; ".join(filter(None, (note, again.reason))))
        if judgement.word is Word.WRONG:
            wrong = True
        elif wrong and judgement.word in (Word.PROVED, Word.HOLDS_IF) and not judgement.reason:
            judgement = replace(judgement, reason=BEHIND_A_WRONG_STEP)
        judgements.append(judgement)
    return judgements


def _summed_before(judgement: Judgement, statement: Statement, number: int) -> str:
    """The step over which a side is to be summed to be right, where sides before it in the chain have that sum."""
    usual = dict(statement.fragment.times)
    sums = (part for side in statement.sides[1 : number + 1] for part in walk(side) if isinstance(part, Big))
    below = (s for part in sums if part.sign == "sum" for s in part.scripts if s.kind == "sub")
    cells = (cell for script in below for row in script.rows for cell in row)
    letters = {name.word for cell in cells for name in walk(cell) if isinstance(name, Name)}
    terms = {SUMMED.format(step=usual.get(letter, letter)): letter for letter in letters}
    return next((terms[words] for words in judgement.assumptions if words in terms), "")


def _names_an_error(first: Syntax, side: Syntax, claiming: Claiming) -> bool:
    """Whether an error letter alone on a side names the gradient by a value of a step that begins its chain."""
    found = claiming.letters.taken(side, claiming.fragment)
    if found is None or found.base not in ("delta", "varepsilon", "epsilon") or found.transposed:
        return False
    begins = claiming.term(first)
    return isinstance(begins, tree.Gradient) and begins.by.time is not None


def _between_norms(left: Syntax, right: Syntax) -> tuple[Syntax, Syntax] | None:
    """A and B of ‖A‖ = ‖B‖, which holds where A = B does."""
    if isinstance(left, Bars) and isinstance(right, Bars) and left.bracket == right.bracket == "LNORM":
        return left.body, right.body
    return None


def _equation(
    left: Syntax,
    right: Syntax,
    statement: Statement,
    claiming: Claiming,
    context: Context,
    text: str,
    place: Place,
) -> Judgement:
    """The judgement on two sides, of which the right one may go on with what is not written out."""
    whole = _written_out(left, right, statement, claiming, context, text, place)
    explained = replace(context, explain=True)  # what is missing tells whether the rest may stand for it

    def judge(part: Syntax, said: Statement) -> Judgement:
        return _written_out(left, part, said, claiming, explained, text, place)

    return left_open.judged(left, right, statement, claiming, whole, judge)


def _written_out(
    left: Syntax,
    right: Syntax,
    statement: Statement,
    claiming: Claiming,
    context: Context,
    text: str,
    place: Place,
) -> Judgement:
    """The judgement for sequences of any length; what is wrong of these, of the one length that the document has."""
    if context.steps is None:
        return _of_lengths(left, right, statement, claiming, context, text, place)
    general = replace(context, explain=False, instance=False)
    judgement = _of_lengths(left, right, statement, claiming, general, text, place)
    if judgement.word is not Word.WRONG:
        return judgement
    fixed = replace(context, bench=context.bench.afresh(steps=context.steps))
    judgement = _of_lengths(left, right, statement, claiming, fixed, text, place)
    fixed.bench.known.clear()
    if judgement.word is Word.UNDECIDED and judgement.reason.endswith(_PARTS) and str(context.steps) not in text:
        # too long to write out: what no number of the formula makes right of one length is as wrong of it
        return _of_lengths(left, right, statement, claiming, replace(general, explain=context.explain), text, place)
    if judgement.word not in (Word.PROVED, Word.HOLDS_IF):
        return judgement
    assumed = (f"the sequence has {context.steps} steps", *judgement.assumptions)
    return replace(judgement, word=Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed))


def _of_lengths(
    left: Syntax,
    right: Syntax,
    statement: Statement,
    claiming: Claiming,
    context: Context,
    text: str,
    place: Place,
) -> Judgement:
    blank = Judgement(text, Word.UNDECIDED, place=place)
    if statement.words:
        return replace(blank, reason=f"the words {statement.words!r} are not understood")
    guesses = claiming.letters.guesses
    guesses.clear()
    judgement, decision = read(left, right, statement, claiming, context, blank)
    if decision is None or judgement.word is not Word.WRONG:
        return judgement
    if context.instance:
        judgement = replace(judgement, counterexample=decision.case if context.explain else Case(decision))
    assert decision.question is not None
    reversed_ = upside.upside_down((decision.question.left, decision.question.right), decision.question.bench.program)
    if statement.unread:
        reason = f"the condition {statement.unread!r} is not read; without it the formula is wrong"
        return replace(blank, reason=reason)
    doubt = ""
    for keys in guesses.alternatives():
        with guesses.turning(keys):
            other, _ = read(left, right, statement, claiming, context, blank)
        made = [guesses.made[key] for key in keys]
        words = tuple(guess.words for guess in made)
        if other.word in (Word.PROVED, Word.HOLDS_IF):
            if all(guess.holds for guess in made):
                assumed = (*words, *other.assumptions)
                return replace(other, word=Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed))
            return replace(blank, reason=TRUE_IF.format(guesses=" and ".join(words)))
        if other.word is not Word.WRONG and any(guess.doubtful for guess in made):
            doubt = doubt or UNDECIDED_IF.format(guesses=" and ".join(words))
    if doubt:
        return replace(blank, reason=doubt)
    folded = [words for name, words in guesses.assumed.items() if words.endswith(f"stands for {name}")]
    if decision.sides is None and folded:  # perhaps the letter is another one, which this cell does not have
        return replace(blank, reason=f"the shapes do not fit if {' and '.join(folded)}")
    by_matrix = _by_matrix(decision.question, claiming.letters, alone=decision.sides is not None)
    for keys in ((), *guesses.alternatives()) if by_matrix else ():
        made = [guesses.made[key] for key in keys]
        kept = None
        if all(guess.holds for guess in made):
            kept = _of_numbers(judgement, left, right, statement, context, turned=keys)
        if kept is not None:
            small = f"all sizes{f' but {kept}' if kept else ''} are 1: a vector differentiated by a matrix is no matrix"
            assumed = (small, *(guess.words for guess in made))
            return replace(blank, word=Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed))
    if decision.sides is None and _of_constants(judgement, left, right, statement, context):
        return replace(blank, reason=OF_CONSTANTS)
    if not context.explain:
        return judgement
    loop = _loop(left, right, statement, context)
    derived = derivation(context.cell)
    try:
        exchanged: Judgement | None
        if reversed_:
            exchanged = meant.the_other_way_up(judgement, decision.question, reversed_, context.notation)
        else:
            exchanged = meant.otherwise(judgement, decision.question, derived, context.notation)
        if exchanged is not None:
            true = exchanged.correct
            told = replace(exchanged, correct=true and loop.closed(true, None, exchanged.assumptions))
        else:
            told = explaining.explained(judgement, decision, context.bench, derived, context.notation, loop)
        told = _in_letters(told, loop, context)
        again = loop.judged(told.correct) if told.correct is not None else None
        more = () if again is None else tuple(words for words in again.assumptions if words in (HELD, LATEST))
        told = replace(told, assumptions=tuple(dict.fromkeys((*told.assumptions, *more))))
        if special.of_order_alone(told) and _of_numbers(judgement, left, right, statement, context) is not None:
            return replace(blank, reason=special.IN_ORDER)
        misfit = decision.sides is None and not told.true_when
        return _in_numbers(told, left, right, statement, context) if misfit else told
    except RecursionError:
        raise
    except Exception as error:  # the verdict stands without its explanation, and the fault is told
        context.faults.append(fault_in(error, text, place))
        return judgement


def _by_matrix(question: Question, letters: Letters, *, alone: bool) -> bool:
    """Whether a vector is differentiated by a matrix, of which there is no agreed shape; `alone`: on one side."""
    sides = question.left, question.right
    parts = sides if alone else (part for side in sides for part in tree.walk(side))
    found = (part.by for part in parts if isinstance(part, _OF_VECTORS))
    return any(by.time is None and not by.at and 1 not in letters.quantities[by.name].shape for by in found)


def _in_letters(judgement: Judgement, loop: Loop, context: Context) -> Judgement:
    """What is told of a wrong formula with the letters of the numbers that the cell declares, each mistake once."""
    numbers = [(str(spelled(name)), value) for name, value in context.cell.numbers]
    own = loop.statement
    mistakes = (replace(each, detail=with_letters(each.detail, own, numbers)) for each in judgement.mistakes)
    told = replace(judgement, mistakes=tuple(dict.fromkeys(mistakes)))
    if told.correct is None:
        return told
    again = loop.closed(with_letters(told.correct, own, numbers), None, told.assumptions)
    return replace(told, correct=again or told.correct)


def _in_numbers(judgement: Judgement, left: Syntax, right: Syntax, statement: Statement, context: Context) -> Judgement:
    """What fits in no shape may be true of numbers: the judgement says so."""
    kept = _of_numbers(judgement, left, right, statement, context)
    if kept is None:
        return judgement
    when = f"all sizes but {kept} are 1: it is right for numbers, not for vectors"
    return replace(judgement, true_when=when if kept else "all sizes are 1: it is right for numbers, not for vectors")


def _of_numbers(
    judgement: Judgement,
    left: Syntax,
    right: Syntax,
    statement: Statement,
    context: Context,
    *,
    every: bool = False,
    turned: tuple[str, ...] = (),
) -> str | None:
    """The sizes that are not 1 where a formula is true of a cell of numbers; None where it is not.

    `turned` are the guesses that are made the other way.
    """
    small = special.of_numbers(context.cell, every=every)
    numbers = replace(context, cell=small, facts=(), bench=bench(small), explain=False)
    claiming = _claiming(statement, numbers)
    try:
        with claiming.letters.guesses.turning(turned):
            found, _ = read(left, right, statement, claiming, numbers, judgement)
        if found.word not in (Word.PROVED, Word.HOLDS_IF):
            return None
        nothing = Number(right.start, right.end, "0")
        vanished, _ = read(left, nothing, statement, _claiming(statement, numbers), numbers, judgement)
    except InputError:  # what cannot be read of numbers is no special case
        return None
    if vanished.word is Word.PROVED and not every:  # a mean of one number is that number
        return None
    return " and ".join(sorted(map(str, small.sizes)))


def _of_constants(judgement: Judgement, left: Syntax, right: Syntax, statement: Statement, context: Context) -> bool:
    """Whether what fits in no shape is true of numbers alone, of which a softmax or a norm of one says nothing."""
    small = special.of_numbers(context.cell)
    if not small.sizes or _of_numbers(judgement, left, right, statement, context) is not None:
        return False
    numbers = replace(context, cell=small, facts=(), bench=bench(small), explain=False)
    try:
        found, decision = read(left, right, statement, _claiming(statement, numbers), numbers, judgement)
    except InputError:
        return False
    fits = decision is not None and decision.sides is not None
    if fits and found.word is Word.WRONG:  # where the softmax is of several
        return False
    return _of_numbers(judgement, left, right, statement, context, every=True) is not None


OF_CONSTANTS = "fits in no shape; of numbers it is true, but a softmax or a norm of one number is constant"
_OF_VECTORS = tree.Derivative | tree.Operated


def _loop(left: Syntax, right: Syntax, statement: Statement, context: Context) -> Loop:
    """How another text in the place of the right side is judged, in the statement as it stands."""
    fragment, number = statement.fragment, statement.sides.index(right)
    silent = replace(context, explain=False, instance=False)

    @cache
    def judged(text: str) -> Judgement | None:
        changed = fragment.text[: right.start] + text + fragment.text[right.end :]
        plain = fragment.plain and "\\" not in text
        try:
            found = statements(replace(fragment, text=changed, plain=plain))
        except InputError:
            return None
        for other in found:
            if other.sides[0].start != statement.sides[0].start or other.moment != statement.moment:
                continue
            if len(other.sides) != len(statement.sides):
                return None
            sides = other.sides[statement.sides.index(left)], other.sides[number]
            pair = replace(other, sides=sides, relations=(other.relations[number - 1],))
            return _statement(pair, silent)[0]
        return None

    whole = fragment.quoted(statement.sides[0].start, statement.sides[-1].end)
    return Loop(fragment.quoted(right.start, right.end), whole, judged, context.steps)
