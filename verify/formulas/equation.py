"""Two sides of an `=` under the guesses as they stand -> a judgement without explanation, and what it rests on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from derive import nodes
from derive.calculus.program import carried
from derive.cell import Assumption, Cell
from derive.errors import InputError, OpenQuestionError, ProgramFault
from derive.notation import Notation, notations, spelled
from derive.reader.claims.guesses import Guess
from derive.reader.claims.letters import Found, Letters
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.meant import NOTHING, Habit, Meant
from derive.reader.claims.statements import left_out
from derive.reader.claims.statements.chains import Statement
from derive.reader.claims.sums import reaching
from derive.reader.claims.survey import lowered, raised, survey
from derive.reader.meaning import tree
from derive.reader.meaning.letters import Written
from derive.reader.meaning.tree import Term
from derive.reader.text.syntax import Bars, Scripted, Syntax
from verify.formulas import deciding, sizes, upside, worked
from verify.formulas.judgement import Judgement, Word
from verify.formulas.readings import operated
from verify.formulas.readings.conventions import PRODUCTS, MisfitError
from verify.formulas.unsaid import one_term_alone, unsaid
from verify.truth.comparison import Bench

NOTHING_BEHIND = "nothing comes after the last step"

ITSELF = "the gradient that stands on both sides is, on the right, what the next step hands back"

_ERRORS = ("delta", "d")
"""How the whole gradient is spelled beside which ∂ may be a part of it."""
REACH = "a sum reaches over the terms behind it that have its index"


@dataclass(frozen=True)
class Context:
    """What all claims of one text share."""

    cell: Cell
    facts: tuple[Assumption, ...]
    notation: Notation | None
    bench: Bench
    explain: bool
    meant: Meant = NOTHING
    instance: bool = True
    """Whether a wrong claim gets a counterexample."""
    steps: int | None = None
    """The number of steps that the document declares, if it declares one."""
    stands: tuple[tuple[str, str], ...] = ()
    """Letters that stand for a quantity in this claim, each with its name."""
    limits: Mapping[str, Syntax] = field(default_factory=dict)
    """What letters stand for that the text gives a norm."""
    faults: list[ProgramFault] = field(default_factory=list)


def read(
    left: Syntax, right: Syntax, statement: Statement, claiming: Claiming, context: Context, blank: Judgement
) -> tuple[Judgement, deciding.Decision | None]:
    """The judgement under the guesses as they stand, without explanation, and what it rests on."""
    if (numbers := worked.judged(left, right, context.cell, blank)) is not None:
        return numbers, None
    judgement, decision = _read(left, right, statement, claiming, context, blank)
    if judgement.word is Word.UNDECIDED and (bodies := _of_norms(left, right, statement.fragment.text)):
        inner, within = _read(*bodies, statement, claiming, context, blank)
        if inner.word in (Word.PROVED, Word.HOLDS_IF):
            return inner, within
    return worked.aside(left, right, context.cell, judgement), decision


def _of_norms(left: Syntax, right: Syntax, text: str) -> tuple[Syntax, Syntax] | None:
    """What stands within the norms that two sides are, where both are of one kind: equal where that is."""
    kinds, bodies = set(), []
    for side in (left, right):
        base = side.base if isinstance(side, Scripted) else side
        if not isinstance(base, Bars) or base.bracket != "LNORM":
            return None
        kinds.add("".join(text[base.end : side.end].replace("{", "").replace("}", "").split()))
        bodies.append(base.body)
    return (bodies[0], bodies[1]) if len(kinds) == 1 else None


def _read(
    left: Syntax, right: Syntax, statement: Statement, claiming: Claiming, context: Context, blank: Judgement
) -> tuple[Judgement, deciding.Decision | None]:
    try:
        if raised(left) or raised(right):
            other = Guess("a raised T is the last step, not a transpose")
            if claiming.letters.guesses.other("raised", other):
                left, right = lowered(left), lowered(right)
        left, right = _reached(left, right, claiming)
        named = sizes.definition(left, right, claiming)
        if named:
            return replace(blank, word=Word.NOT_A_CLAIM, reason=named), None
        claiming.letters.leading = True
        one = claiming.term(left)
        claiming.letters.leading = False
        claiming.beside = one
        one, other_side = left_out.placed((one, claiming.term(right)))
        other_side = _not_itself(one, _of_own_step(one, other_side, claiming, claiming.letter(left)), claiming)
        other_side = _carried_on(other_side, claiming)
        said = _handed_back(one, _as_products(other_side, claiming), claiming)
        pairs = _before_its_loss(said, sizes.conditions(statement, claiming), claiming)
    except OpenQuestionError as error:
        renamed = _renamed(left, right, statement, claiming, context, blank)
        return renamed or replace(blank, reason=error.message + _libraries(left, right, statement, context)), None
    except InputError as error:
        place = error.place or blank.place
        return replace(blank, word=Word.UNREADABLE, reason=error.message, place=place), None
    finally:
        claiming.letters.leading, claiming.beside = False, None
    if _behind_the_end(said):
        return replace(blank, word=Word.HOLDS_IF, assumptions=(NOTHING_BEHIND,), reading=NOTHING_BEHIND), None
    if isinstance(said[0], tree.Constant) and said[0] == said[1]:  # max tanh' = 1
        return replace(blank, word=Word.PROVED), None
    if any(isinstance(side, tree.Shown) for side in said):
        return _by_entries(said, statement, claiming, context, blank, pairs)
    if statement.accumulated and (added := _added(said, statement, claiming, context, blank, pairs)) is not None:
        return added
    return _decided(said, statement, claiming, context, blank, pairs)


def _added(
    said: tuple[Term, Term],
    statement: Statement,
    claiming: Claiming,
    context: Context,
    blank: Judgement,
    pairs: deciding.Pairs,
) -> tuple[Judgement, deciding.Decision] | None:
    """What += adds to the gradient by a value of a step, where it is the part that comes through one quantity."""
    left, right = said
    if not isinstance(left, tree.Gradient) or left.by.time is None or left.immediate:
        return None
    alone = replace(statement, accumulated=False)
    for equation in context.bench.program.equations:
        offsets = {q.time - nodes.t for q in equation.expression.atoms(nodes.Quantity) if q.name == left.by.name}
        for ahead in sorted(offsets):
            via = tree.Ref(equation.symbol.name, left.by.time - ahead)
            part = tree.Through(left.by, left.only, via)
            judgement, decision = _decided((part, right), alone, claiming, context, blank, pairs)
            if judgement.word in (Word.PROVED, Word.HOLDS_IF):
                words = f"what is added is the part that comes through {spelled(via.name)} of step {via.time}"
                assumed = (*judgement.assumptions, words)
                held = replace(judgement, word=Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed))
                return held, decision
    return None


def _behind_the_end(said: tuple[Term, Term]) -> bool:
    """Whether a gradient by what would come after the last step is said to be zero: where a backward pass starts."""
    left, right = said
    zero = isinstance(right, tree.Constant) and right.value == 0
    if zero and isinstance(left, tree.Handed) and left.apart and left.by.time == nodes.T:
        return True
    return zero and isinstance(left, tree.Gradient) and left.by.time == nodes.T + 1


def _of_own_step(left: Term, right: Term, claiming: Claiming, letter: Written | None) -> Term:
    """The right side, where ∂J/∂h stands beside δ, the whole gradient by h: that may be of its own step's loss.

    So it may beside another `letter` that the document defines as the whole gradient, λ of λ_T = ∂J/∂h_T.
    """
    whole = left.plain if isinstance(left, tree.Error) else left
    if not isinstance(whole, tree.Gradient) or whole.immediate:
        return right
    sign = "δ" if whole.spelling in _ERRORS else letter.base if letter is not None else ""
    if not sign:
        return right

    def own(part: Term) -> Term | None:
        if not isinstance(part, tree.Gradient) or part.spelling in _ERRORS or part.immediate:
            return None
        if sign != "δ" and part.by.time != whole.by.time:
            return None  # λ_{t+1}
        beside = (part.by.name, part.by.at, part.only) == (whole.by.name, whole.by.at, whole.only)
        return replace(part, only=part.by.time) if beside and part.by.time is not None else None

    other = tree.mapped(right, own)
    words = f"∂ by {spelled(whole.by.name)} beside {sign} is, on the right, that of the loss of its own step"
    return other if other != right and claiming.guess("own step", words) else right


def _not_itself(left: Term, right: Term, claiming: Claiming) -> Term:
    """The right side, where what stands left stands among its terms: there it may be only a part of itself."""
    if not isinstance(right, tree.Add) or all(part != left for _, part in right.terms):
        return right
    if isinstance(left, tree.Derivative) and not left.immediate:
        words = "the derivative that stands on both sides is the immediate one on the right"
        other: Term = replace(left, immediate=True)
    elif isinstance(left, tree.Gradient) and left.by.time is not None and not left.immediate:
        words = ITSELF
        other = tree.Handed(left.by, True)
    else:
        return right
    if not claiming.guess("itself on the right", words):
        return right
    return replace(right, terms=tuple((sign, other if part == left else part) for sign, part in right.terms))


def _carried_on(right: Term, claiming: Claiming) -> Term:
    """The right side, where ∂h_t/∂W + ∂h_t/∂h_{t-1} ∂h_{t-1}/∂W may mean the immediate derivative and the total one."""

    def immediate(part: Term) -> Term | None:
        terms = [term for _, term in part.terms] if isinstance(part, tree.Add) else []
        lasts = [term.factors[-1] if isinstance(term, tree.Multiply) else term for term in terms]
        found = [last for last in lasts if isinstance(last, tree.Derivative) and not (last.immediate or last.by.at)]
        steps = {last: last.of.time for last in found if last.by.time is None and last.of.time is not None}
        gaps = {last: step - next(iter(steps.values())) for last, step in steps.items()}
        if len({last.by for last in gaps}) != 1 or not all(gap.is_Integer for gap in gaps.values()):
            return None
        later = {last for last, gap in gaps.items() if gap > min(gaps.values())}
        return tree.mapped(part, lambda one: replace(one, immediate=True) if one in later else None) if later else None

    other = tree.mapped(right, immediate)
    words = "∂ by a parameter that is carried on through the step before is, in its first term, the immediate one"
    return other if other != right and claiming.guess("carried on", words) else right


def _as_products(right: Term, claiming: Claiming) -> Term:
    """The right side, where ⊙ between an error and ∂a/∂b of two vectors may stand for their product."""

    def product(part: Term) -> Term | None:
        if not isinstance(part, tree.Multiply) or not part.elementwise or len(part.factors) != 2:
            return None
        errors = [f for f in part.factors if isinstance(f, tree.Gradient | tree.Error | tree.Handed)]
        slopes = [f for f in part.factors if isinstance(f, tree.Derivative) and f.of.time != f.by.time]
        return replace(part, factors=(*errors, *slopes), elementwise=False) if len(errors) == len(slopes) == 1 else None

    other = tree.mapped(right, product)
    words = "⊙ between an error and a Jacobian is their product"
    return other if other != right and claiming.guess("⊙ product", words) else right


def _before_its_loss(said: tuple[Term, Term], pairs: deciding.Pairs, claiming: Claiming) -> deciding.Pairs:
    """The conditions; in a note that means it also k + 1 ≤ t of ∂E_t/∂s_{k+1}: a loss reads nothing later."""
    if not claiming.letters.meant.keeps(Habit.NO_LATER) or pairs.before:
        return pairs
    steps = [
        (part.by.time, part.only)
        for side in said
        for part in tree.walk(side)
        if isinstance(part, tree.Gradient) and part.only is not None and part.by.time is not None
    ]
    return replace(pairs, before=tuple((by, only + 1) for by, only in dict.fromkeys(steps)))


def _handed_back(left: Term, right: Term, claiming: Claiming) -> tuple[Term, Term]:
    """δ_{h_{t-1}} = ... of gradients at t: perhaps what step t hands back, to which step t - 1 adds its own error."""
    states = {state.name for state in claiming.letters.cell.states}
    if isinstance(left, tree.Gradient) and claiming.letters.meant.keeps(Habit.HANDED):
        plain = left.only is None and not (left.immediate or left.by.at) and left.by.time == nodes.t - 1
        return (tree.Handed(left.by, True, True) if plain and left.by.name in states else left), right
    given = "the gradient at step t - 1 is what step t hands back, without what step t - 1 adds"
    if isinstance(left, tree.Handed) and left.anywhen and left.by.time == nodes.t:
        words = "what is named without a step is on the left what step t hands back to step t - 1"
        before = replace(left, by=replace(left.by, time=nodes.t - 1))
        steps = {part.by.time for part in tree.walk(right) if isinstance(part, tree.Gradient)}
        return (before, right) if steps == {nodes.t} and claiming.guess("given on", words) else (left, right)
    if isinstance(left, tree.Handed) and left.apart and isinstance(right, tree.Gradient) and left.by == right.by:
        whole = right.only != claiming.letters.whole or right.immediate or right.by.time != nodes.t - 1
        return (left, left) if not whole and claiming.guess("handed back", given) else (left, right)
    if isinstance(left, tree.Handed) and not left.onward and left.by.time == nodes.t:
        gradients = [part for part in tree.walk(right) if isinstance(part, tree.Gradient | tree.Differential)]
        words = "d with next on the left is what step t hands back to step t - 1"
        before = replace(left, by=replace(left.by, time=nodes.t - 1), onward=True)
        return (before, right) if gradients and claiming.guess("given on", words) else (left, right)
    if not isinstance(left, tree.Gradient) or left.by.time != nodes.t - 1:
        return left, right
    if left.only != claiming.letters.whole:
        return left, right
    if left.spelling == "partial" and left.by.name not in claiming.letters.meant.hands_back:
        return left, right
    steps = {part.by.time for part in tree.walk(right) if isinstance(part, tree.Gradient) and not part.immediate}
    if left.by.name not in states or steps != {nodes.t}:
        return left, right
    handed = tree.Handed(left.by, True, only=left.only)
    return (handed, right) if claiming.guess("handed back", given) else (left, right)


def _by_entries(
    said: tuple[Term, Term],
    statement: Statement,
    claiming: Claiming,
    context: Context,
    blank: Judgement,
    pairs: deciding.Pairs,
) -> tuple[Judgement, deciding.Decision | None]:
    """A matrix of which only some entries have a plain place is wrong if one of these is, and else undecided."""
    number = next(i for i, side in enumerate(said) if isinstance(side, tree.Shown))
    matrix, whole = said[number], said[1 - number]
    assert isinstance(matrix, tree.Shown)
    for row, column, entry in matrix.entries:
        pair = tree.EntryOf(whole, row, column), entry
        judgement, decision = _decided(pair, statement, claiming, context, blank, pairs)
        if judgement.word is Word.WRONG and decision.sides is not None:
            place = ", ".join("last" if at is None else str(at + 1) for at in (row, column))
            return replace(judgement, reason=f"the entry ({place}) of the matrix is wrong"), decision
    return replace(blank, reason="a matrix given by entries with dots whose pattern is not plain"), None


def _reached(left: Syntax, right: Syntax, claiming: Claiming) -> tuple[Syntax, Syntax]:
    """Both sides; where that is the other way to read them, with sums that reach over the terms behind them."""
    for own, words in ((False, REACH), (True, f"{REACH}, each with its own sign")):
        wide = reaching(left, own), reaching(right, own)
        if wide != (left, right) and claiming.letters.guesses.other(f"reach {own}", Guess(words)):
            return wide
    return left, right


def _libraries(left: Syntax, right: Syntax, statement: Statement, context: Context) -> str:
    """Which notations have the letters of a formula that this cell does not have."""
    if context.notation is not None or not context.explain:
        return ""
    found = []
    for name, notation in notations().items():
        letters = Letters(context.cell, context.bench.program, notation)
        claiming = Claiming(statement.fragment, letters)
        try:
            for side in (left, right):
                survey(side, letters)
            claiming.term(left), claiming.term(right)
        except InputError:
            continue
        found.append(name)
    return f"; the notation {' and '.join(found)} has these letters (--notation {found[0]})" if found else ""


def _decided(
    said: tuple[Term, Term],
    statement: Statement,
    claiming: Claiming,
    context: Context,
    blank: Judgement,
    pairs: deciding.Pairs,
) -> tuple[Judgement, deciding.Decision]:
    if statement.moment is not None:
        at = {nodes.t: statement.moment}
        said = tuple(tree.at_times(side, lambda e: e.xreplace(at)) for side in said)  # type: ignore[assignment]
    decision = deciding.Decision(Word.UNDECIDED)
    for product in operated.PRODUCTS:
        try:
            found = _decided_with(product, said, statement, claiming, context, pairs)
        except MisfitError as error:  # what is differentiated fits no shapes so
            decision = decision if decision.reason else deciding.Decision(Word.UNDECIDED, reason=error.message)
            continue
        except InputError as error:
            decision = deciding.Decision(Word.UNDECIDED, reason=error.message)
            break
        decision = found
        if product == operated.PRODUCTS[0] or found.word in (Word.PROVED, Word.HOLDS_IF):
            break
    judgement = replace(
        blank,
        word=decision.word,
        assumptions=decision.assumptions,
        reading="; ".join(decision.assumptions),
        reason=decision.reason,
    )
    return judgement, decision


def _decided_with(
    product: str,
    said: tuple[Term, Term],
    statement: Statement,
    claiming: Claiming,
    context: Context,
    pairs: deciding.Pairs,
) -> deciding.Decision:
    """The decision with one meaning of products that are differentiated; raises MisfitError where they fit none."""
    with operated.named(said, context.bench, product) as ((one, other), bench_):
        outer, upright = map(context.meant.keeps, (Habit.UNTRANSPOSED, Habit.UPRIGHT))
        question = deciding.Question(one, other, bench_, context.facts, statement.accumulated, pairs, outer, upright)
        decision = deciding.decide(question)
        if decision.word not in (Word.PROVED, Word.HOLDS_IF):
            return decision
        more = unsaid(decision, claiming.letters.guesses)
        letters = context.notation or context.cell.notation
        reversed_ = upside.upside_down((one, other), bench_.program)
        meant = tuple(upside.in_words(part, bench_.program, letters) for part in reversed_)
        if upside.true_by_zero(reversed_, (one, other)):  # true as it stands, which is not what is meant
            return deciding.Decision(Word.UNDECIDED, reason="; ".join(meant))
        more += meant
        more += (PRODUCTS[product],) if PRODUCTS[product] else ()
        if reason := one_term_alone(one, other, carried(bench_.program)):
            return deciding.Decision(Word.UNDECIDED, reason=reason)
        word = Word.HOLDS_IF if more else decision.word
        return replace(decision, word=word, assumptions=tuple(dict.fromkeys((*decision.assumptions, *more))))


def _renamed(
    left: Syntax, right: Syntax, statement: Statement, claiming: Claiming, context: Context, blank: Judgement
) -> Judgement | None:
    """A forward equation with a letter that the cell does not have, if it holds with a state of step t - 1 there."""
    letters = claiming.letters
    found = letters.taken(left, statement.fragment)
    if found is None or letters.resolve(found, statement.fragment) is None:
        return None
    for letter in sorted(
        set(re.findall(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])", statement.text(right.start, right.end)))
    ):
        if letter in letters.known:
            continue
        for state in context.cell.states:
            letters.aliases[letter] = Found(state.name, nodes.t - 1)
            try:
                said = claiming.term(left), claiming.term(right)
                judgement, _ = _decided(said, statement, claiming, context, blank, deciding.Pairs())
            except InputError:
                continue
            finally:
                del letters.aliases[letter]
            if judgement.word in (Word.PROVED, Word.HOLDS_IF):
                words = (*judgement.assumptions, f"{letter} stands for {state.name}_{{t-1}}")
                return replace(judgement, word=Word.HOLDS_IF, assumptions=words, reading="; ".join(words))
    return None
