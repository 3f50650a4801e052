"""Inequalities between the values of functions and numbers: 0 < σ(z) < 1, σ'(z) ≤ 1/4, proved by ranges alone."""

from __future__ import annotations

from sympy import Expr, Interval

from derive import nodes
from derive.calculus.ranges import values
from derive.errors import InputError
from derive.nodes import Entry
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.statements.stated import Order
from derive.reader.meaning.letters import number_of
from derive.reader.meaning.tree import Call, Ref, Term
from derive.reader.text.syntax import Bars, Scripted, Syntax
from verify.formulas.readings.conventions import Reading
from verify.formulas.readings.expressions import Builder


def value_of(side: Syntax, claiming: Claiming) -> Interval | None:
    """An interval that holds every entry of a side, without the ends that no value reaches; None where none is known.

    Raises InputError for a side that cannot be read.
    """
    if isinstance(side, Bars) and side.bracket == "LABS":
        inner = value_of(side.body, claiming)
        return None if inner is None else _magnitudes(inner)
    letters = claiming.letters
    said = _alone(side, claiming) or claiming.term(side)
    node = Builder(letters.cell, letters.program, Reading()).side(said).node
    node = node.operand if isinstance(node, Entry) else node  # one entry of it
    return None if node is None else values(node, letters.program)


def _alone(side: Syntax, claiming: Claiming) -> Term | None:
    """σ' without an argument, which is said of any: of what the cell is given."""
    found = claiming.letters.taken(side, claiming.fragment) if isinstance(side, Scripted) else None
    if found is None or not found.primes or found.parts or not claiming.letters.cell.inputs:
        return None
    called = claiming.function(found)
    argument = Ref(claiming.letters.cell.inputs[0].name, nodes.t)
    return None if called is None else Call(called, (argument,))


def hold(left: Syntax, right: Syntax, order: Order, claiming: Claiming) -> bool:
    """Whether ranges show that the entries of one side are below or above a number, which the other side is."""
    numbers = number_of(left), number_of(right)
    if (numbers[0] is None) == (numbers[1] is None):
        return False
    claiming.letters.guesses.clear()
    try:
        between = value_of(right if numbers[1] is None else left, claiming)
    except InputError:
        return False
    (number,) = (each for each in numbers if each is not None)
    below = (numbers[1] is not None) != order.turned
    return between is not None and _kept(between, number, below, order.strict)


def assumed(claiming: Claiming) -> tuple[str, ...]:
    """What was taken for granted when the last side was read."""
    guesses = claiming.letters.guesses
    return (*guesses.assumed.values(), *guesses.layers.values(), *guesses.granted)


def _kept(between: Interval, number: Expr, below: bool, strict: bool) -> bool:
    """Whether all values are at most, or at least, a number."""
    end, is_open = (between.sup, between.right_open) if below else (between.inf, between.left_open)
    beyond = number - end if below else end - number
    return bool(beyond > 0) or (bool(beyond == 0) and (not strict or bool(is_open)))


def _magnitudes(inner: Interval) -> Interval:
    """The interval of |x| for x in an interval."""
    low, high = abs(inner.inf), abs(inner.sup)
    if inner.inf >= 0:
        return inner
    if inner.sup <= 0:
        return Interval(high, low, inner.right_open, inner.left_open)
    ends = [(low, inner.left_open), (high, inner.right_open)]
    most = max(end for end, _ in ends)
    return Interval(0, most, False, all(is_open for end, is_open in ends if end == most))
