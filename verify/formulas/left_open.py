"""A sum whose last term is not written out: f_t + other terms, W^T δ_{t+1} + ⋯; what is written of it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from derive.errors import InputError
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.statements.chains import Statement
from derive.reader.claims.statements.left_out import LEFT_OUT, dotted
from derive.reader.meaning import tree
from derive.reader.text.syntax import Group, Mark, Product, Run, Sum, Syntax
from verify.formulas.bounds.related import DERIVED
from verify.formulas.judgement import Judgement, Word

IN_DOTS = "the dots have no plain pattern"
LEFT_OPEN = "the sum goes on with what is not written out, {rest}: only what is written is judged"
GOES_ON = "the dots go on as far as the left side goes back"
OTHERWISE_WRONG = "wrong if {words}"
PART = "part of a sum that goes on with what is not written out, {rest}"
UNSAID = "leaves out part of what a value is computed from"
_LACKING = frozenset(["missing term", "only the direct path"])
"""What such a formula may lack."""


def judged(
    left: Syntax,
    right: Syntax,
    statement: Statement,
    claiming: Claiming,
    whole: Judgement,
    judge: Callable[[Syntax, Statement], Judgement],
) -> Judgement:
    """The judgement, where the right side ends in dots that have no pattern, or in words that stand for such.

    `whole` is the judgement on all of it, and `judge` gives that on what is written, which may lack terms. It is wrong
    only where it says one value of the step for another: of derivatives it may name one path of several.
    """
    if whole.reason != IN_DOTS:
        guessed = any(words.startswith(LEFT_OUT) for words in whole.assumptions)  # f_t = σ(·)
        if guessed and _is_value(left, claiming) and whole.word in (Word.PROVED, Word.HOLDS_IF):
            return Judgement(whole.formula, Word.NOT_A_CLAIM, reason=UNSAID, place=whole.place)
        return whole
    if (by := _differentiated_by(left, claiming)) is not None and _ends_in_dots(right):
        return _to_the_end(by, claiming, whole, lambda: judge(right, statement))
    if not isinstance(right, Sum) or not _is_dots(right.terms[-1][1]):
        return replace(whole, word=Word.NOT_A_CLAIM, reason=UNSAID) if _is_value(left, claiming) else whole
    *before, (sign, dots) = right.terms
    rest = statement.text(dots.start, dots.end)
    blank = replace(whole, reason=PART.format(rest=rest))
    if sign != 1 or not before:
        return whole
    written = (
        before[0][1]
        if before[0][0] == 1 and len(before) == 1
        else replace(right, terms=tuple(before), end=before[-1][1].end)
    )
    sides = tuple(written if side is right else side for side in statement.sides)
    fragment, end = statement.fragment, written.end
    text = fragment.text[:end] + " " * (right.end - end) + fragment.text[right.end :]
    alone = replace(fragment, text=text, as_written=fragment.written)
    found = judge(written, replace(statement, sides=sides, fragment=alone))
    told = (LEFT_OPEN.format(rest=rest), *found.assumptions)
    named = {one.name for one in found.mistakes}
    if found.word in (Word.PROVED, Word.HOLDS_IF) or (named and named <= _LACKING):
        return replace(blank, word=Word.HOLDS_IF, assumptions=told, reading="; ".join(told), reason="")
    if found.word is Word.WRONG and named and not named & _LACKING and _of_values(written, claiming):
        return replace(found, formula=whole.formula, correct=None, assumptions=told)
    return blank if found.word is Word.WRONG else replace(found, formula=whole.formula)


def _differentiated_by(left: Syntax, claiming: Claiming) -> tree.Ref | None:
    """h_s of ∂h_t/∂h_s, a state at two steps."""
    try:
        said = claiming.term(left)
    except InputError:
        return None
    known = isinstance(said, tree.Derivative) and said.of.name == said.by.name and not said.by.at
    return said.by if isinstance(said, tree.Derivative) and known and said.by.time is not None else None


def _ends_in_dots(right: Syntax) -> bool:
    last: Syntax = right
    while isinstance(last, Run | Product) and last.factors:
        last = last.factors[-1]
    return last is not right and _is_dots(last)


def _to_the_end(by: tree.Ref, claiming: Claiming, whole: Judgement, judge: Callable[[], Judgement]) -> Judgement:
    """The judgement where the dots of A_t A_{t-1} ⋯ end at the step that the left side names."""
    claiming.goal = by.time
    try:
        found = judge()
    finally:
        claiming.goal = None
    if found.word is Word.WRONG:
        return replace(whole, reason=OTHERWISE_WRONG.format(words=GOES_ON))
    if found.word not in (Word.PROVED, Word.HOLDS_IF):
        return whole
    told = (GOES_ON, *found.assumptions)
    return replace(found, word=Word.HOLDS_IF, assumptions=told, reading="; ".join(told), reason="")


def _is_dots(node: Syntax) -> bool:
    return (isinstance(node, Mark) and node.kind == "dots") or (isinstance(node, Group) and dotted(node))


def _is_value(side: Syntax, claiming: Claiming) -> bool:
    """Whether a side is a letter for a value of a step."""
    try:
        said = claiming.term(side)
    except InputError:
        return False
    return isinstance(said, tree.Ref) and claiming.letters.is_timed(said.name)


def _of_values(side: Syntax, claiming: Claiming) -> bool:
    """Whether a side has values of steps alone, no parameter and no derivative."""
    try:
        said = list(tree.walk(claiming.term(side)))
    except InputError:
        return False
    values = [part for part in said if isinstance(part, tree.Ref)]
    return not any(isinstance(part, DERIVED) for part in said) and all(
        claiming.letters.is_timed(value.name) for value in values
    )
