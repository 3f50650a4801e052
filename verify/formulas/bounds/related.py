"""What is no equation: conditions, arrows, what is roughly equal, and inequalities of norms and of numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.errors import InputError, OpenQuestionError
from derive.reader.claims.letters import Letters
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.statements import left_out
from derive.reader.claims.statements.chains import Statement
from derive.reader.claims.statements.stated import ORDERS
from derive.reader.meaning import tree
from derive.reader.meaning.letters import letter, time_expression
from derive.reader.meaning.tree import Term
from derive.reader.text.lexing.tokens import Token
from derive.reader.text.mapping import parts, walk
from derive.reader.text.syntax import Bars, Big, Fraction, Group, Mark, Name, Number, Run, Scripted, Syntax
from verify.formulas import bounds, sizes, worked
from verify.formulas.bounds import differences, named, values
from verify.formulas.bounds.rules import Rules
from verify.formulas.equation import Context
from verify.formulas.judgement import Judgement, Word
from verify.truth.comparison import Facts, Setting

NO_BOUND = "the side that should be smaller is larger in the case below"
UNDECIDED = "only equations are decided, and bounds on norms and by numbers"
CONDITION = "a condition on the parameters, which may be anything"
SIZED = ("∼", "~", r"\sim")
"""Between something and its rough size."""
DERIVED = tree.Gradient | tree.Derivative | tree.Operated | tree.Differential | tree.Handed
ROUGHLY = "an estimate of values, of which no derivation speaks"


@lru_cache(maxsize=8)
def derivation(cell: Cell) -> Derivation:
    """The derivation of a cell, kept between claims."""
    return differentiate(cell)


def related(
    relation: Token,
    left: Syntax,
    right: Syntax,
    statement: Statement,
    claiming: Claiming,
    context: Context,
    blank: Judgement,
    equal: Callable[[], Judgement],
) -> Judgement:
    """The judgement on two sides with another relation than =; `equal` judges them as an equation."""
    word = relation.word.strip()
    if word in ("→", r"\to", r"\rightarrow"):
        return replace(blank, word=Word.NOT_A_CLAIM, reason="an arrow claims nothing")
    if all(time_expression(side) is not None for side in (left, right)):
        return replace(blank, word=Word.NOT_A_CLAIM, reason="says which steps or entries are meant")
    named = any(letter(node) is not None for side in (left, right) for node in walk(side))
    condition = named and all(_of_no_step(side, claiming) for side in (left, right))
    if word in worked.ROUGHLY:
        quotient = differences.judged(statement, left, right, blank)
        numbers = quotient or worked.judged(left, right, context.cell, blank, True)
        return numbers or _roughly(left, right, claiming, blank, condition, equal)
    order = ORDERS.get(word)
    if order is None or not (any(map(_has_norm, (left, right))) or _has_jacobians(left, right)):
        conditional = order is None or statement.words or statement.unread or statement.moment is not None
        if order is not None and not conditional and values.hold(left, right, order, claiming):
            assumed = values.assumed(claiming)
            return replace(
                blank, word=Word.HOLDS_IF if assumed else Word.PROVED, assumptions=assumed, reading="; ".join(assumed)
            )
        if condition and (order is not None or word in SIZED):
            return replace(blank, word=Word.NOT_A_CLAIM, reason=CONDITION)
        return replace(blank, reason=UNDECIDED)
    smaller, larger = (right, left) if order.turned else (left, right)
    open_ = statement.words or statement.unread
    if open_ or statement.moment is not None:
        return replace(blank, reason=f"a bound under the condition {open_ or statement.moment!s} is not decided")
    claiming.bounding = True
    try:
        pairs = sizes.conditions(statement, claiming)
        setting = Setting(context.bench, Facts(context.facts), before=pairs.before)
        try:
            said = left_out.placed((claiming.term(smaller), claiming.term(larger)))
        except InputError:
            by_letters = None if order.strict else _of_letters(smaller, larger, claiming, setting, blank)
            if by_letters is None:
                raise
            return by_letters
    except OpenQuestionError as error:
        return replace(blank, reason=error.message)
    except InputError as error:
        return replace(blank, word=Word.UNREADABLE, reason=error.message, place=error.place or blank.place)
    finally:
        claiming.bounding = False
    bound = bounds.decide(*said, setting, derivation(context.cell))
    if bound.word in (Word.PROVED, Word.HOLDS_IF) and order.strict:
        return replace(blank, reason="at most is shown, less is not")
    loose = any(bounds.bars_of_matrices(side, setting) for side in said)
    if bound.word is Word.WRONG and order.roughly:
        return replace(blank, reason=UNDECIDED)
    if bound.word is Word.WRONG and _of_parameters(said, claiming.letters):
        return replace(blank, word=Word.NOT_A_CLAIM, reason=CONDITION)
    guesses = claiming.letters.guesses
    guessed = (*guesses.assumed.values(), *guesses.layers.values()) if bound.word is Word.WRONG else ()
    if guessed:
        return replace(blank, reason=f"not shown, if {' and '.join(guessed)}")
    more = (*guesses.layers.values(), *guesses.granted) if bound.word in (Word.PROVED, Word.HOLDS_IF) else ()
    more = (*((bounds.BARS,) if loose and bound.word in (Word.PROVED, Word.HOLDS_IF) else ()), *more)
    assumed = (*bound.assumptions, *more)
    return replace(
        blank, word=Word.HOLDS_IF if more else bound.word, assumptions=assumed, reading="; ".join(assumed),
        reason=bound.reason or (NO_BOUND if bound.word is Word.WRONG else ""), counterexample=bound.point,
    )  # fmt: skip


def _of_letters(
    smaller: Syntax, larger: Syntax, claiming: Claiming, setting: Setting, blank: Judgement
) -> Judgement | None:
    """The judgement on a bound by letters that nothing defines, if it follows where they bound each factor."""
    found = named.apart(larger, claiming)
    if found is None:
        return None
    below = claiming.term(smaller)
    if reason := named.spoken_against(found, claiming.letters.meant):
        return replace(blank, reason=reason)
    cell = setting.bench.cell
    if not named.holds(below, found, Rules(setting, derivation(cell))):
        return None
    guesses = claiming.letters.guesses
    read = (below, *found.beside, *found.inside)
    loose = (bounds.BARS,) if any(bounds.bars_of_matrices(side, setting) for side in read) else ()
    assumed = (named.EACH.format(base=found.base), *loose, *guesses.layers.values(), *guesses.granted)
    return replace(blank, word=Word.HOLDS_IF, assumptions=assumed, reading="; ".join(assumed))


def _of_parameters(said: tuple[Term, Term], letters: Letters) -> bool:
    """Whether one side is about parameters and the other about numbers: ‖W‖ < 1."""
    every = [list(tree.walk(side)) for side in said]
    named = [[part for part in parts_ if isinstance(part, tree.Ref)] for parts_ in every]
    if any(isinstance(part, DERIVED) for parts_ in every for part in parts_):
        return False
    return bool(named[0]) != bool(named[1]) and not any(letters.is_timed(one.name) for one in named[0] + named[1])


def _has_norm(node: Syntax) -> bool:
    return (isinstance(node, Bars) and node.bracket == "LNORM") or any(map(_has_norm, parts(node)))


def _has_jacobians(left: Syntax, right: Syntax) -> bool:
    """Whether |a| is bounded, where a is a product over steps or is differentiated."""
    single = (node.body for node in (*walk(left), *walk(right)) if isinstance(node, Bars) and node.bracket == "LABS")
    return any(
        isinstance(part, Big) or (isinstance(part, Mark) and part.kind == "partial")
        for body in single
        for part in walk(body)
    )


def _roughly(
    left: Syntax, right: Syntax, claiming: Claiming, blank: Judgement, condition: bool, equal: Callable[[], Judgement]
) -> Judgement:
    """What is equal is roughly so; what is not may be, and is open but for values that are understood."""
    found = equal()
    if found.word in (Word.PROVED, Word.HOLDS_IF):
        return found
    if condition:
        return replace(blank, word=Word.NOT_A_CLAIM, reason=CONDITION)
    try:
        said = [part for side in (left, right) for part in tree.walk(claiming.term(side))]
    except InputError:
        return replace(blank, reason=UNDECIDED)
    numbers = (node for node in (*walk(left), *walk(right)) if isinstance(node, Number))
    if any(isinstance(part, DERIVED) for part in said) or any("." in node.text for node in numbers):
        return replace(blank, reason=UNDECIDED)
    return replace(blank, word=Word.NOT_A_CLAIM, reason=ROUGHLY)


def _of_no_step(side: Syntax, claiming: Claiming) -> bool:
    """Whether a side has numbers and letters alone that are the same at every step: γ, 1/λ, ρ(W), |λ_1|."""
    if isinstance(side, Name | Scripted) and letter(side) is not None:
        if claiming.is_function(side) or (isinstance(side, Name) and side.word == "t"):
            return False
        letters = claiming.letters
        try:
            written = letters.taken(side, claiming.fragment)
            found = None if written is None else letters.resolve(written, claiming.fragment)
        except InputError:
            return False
        if written is None or written.primes or (found is not None and letters.is_timed(found.name)):
            return False
        labels = (time_expression(part) for _, part in written.parts)  # the W of β_W is none
        steps = [time for time in labels if time is not None and str(time) not in letters.quantities]
        return found is not None or all(time.is_Integer for time in steps)
    if isinstance(side, Scripted):  # a power
        return _of_no_step(side.base, claiming)
    plain = isinstance(side, Number | Fraction | Run | Group | Bars)
    return plain and all(_of_no_step(part, claiming) for part in parts(side))
