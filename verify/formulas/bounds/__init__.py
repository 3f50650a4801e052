"""Inequalities between norms: proved by the rules of norms and the ranges of functions, refuted by numbers.

The rules are the triangle inequality, ‖AB‖ ≤ ‖A‖ ‖B‖, ‖diag(v)‖ = ‖v‖_∞, that a matrix of blocks has at most the norm
of the matrix of their norms, and that a function keeps within its range.
What a Jacobian is as a sum of products, `derive` says; it is used only where the arithmetic finds it true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sympy import Symbol

from derive.calculus.derivation import Derivation
from derive.calculus.ranges import bounded_states
from derive.errors import InputError
from derive.functions import ScalarFunction
from derive.nodes import Jacobian, Node, T, leaves, t
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Term
from verify.formulas.bounds.rules import Rules
from verify.formulas.judgement import Word
from verify.formulas.readings.conventions import HELD, MisfitError, Reading
from verify.formulas.readings.expressions import Builder
from verify.formulas.readings.sides import ALONE, lone_step, only_of
from verify.formulas.wrong.counterexample import exceeding
from verify.truth.comparison import Setting

STARTED = "no entry of an initial state exceeds 1 in magnitude"
BARS = "single bars are norms"
LATER = "{step} is no step before the first"


@dataclass(frozen=True)
class Bound:
    """What is said of an inequality: the word, the conventions it needs, a point where it fails, or why it is open."""

    word: Word
    assumptions: tuple[str, ...] = ()
    point: Mapping[str, Any] | None = None
    reason: str = ""


def decide(smaller: Term, larger: Term, setting: Setting, derivation: Derivation) -> Bound:
    """Whether `smaller` ≤ `larger` in the literal reading."""
    builder = Builder(setting.bench.cell, setting.bench.program, Reading())
    try:
        left, right = (builder.node(builder.side(side)) for side in map(read_as_norms, (smaller, larger)))
    except MisfitError as error:
        return Bound(Word.UNDECIDED, reason=f"the shapes do not fit: {error.message}")
    except InputError as error:
        return Bound(Word.UNDECIDED, reason=error.message)
    if left.shape != (1, 1) or right.shape != (1, 1):
        return Bound(Word.UNDECIDED, reason="only scalars are compared")
    rules = Rules(setting, derivation)
    settled = frozenset(state.name for state in bounded_states(setting.bench.program))
    step = lone_step(smaller, larger)
    others = [] if step is None else [(only_of(left, step), only_of(right, step), (ALONE.format(step=step),))]
    one = _one_step(left, right)
    if one is not None:
        others.insert(0, (left.xreplace({one: t}), right.xreplace({one: t}), (LATER.format(step=one),)))
    for small, large, words in ((left, right, ()), *others):
        for found, started in ((rules, ()), (replace(rules, settled=settled), (STARTED,))):
            if found.at_most(small, large):
                held = (HELD,) if any(map(rules.is_held, small.atoms(Jacobian) | large.atoms(Jacobian))) else ()
                assumed = (*words, *started, *held)
                return Bound(Word.HOLDS_IF if assumed else Word.PROVED, assumed)
        if one is not None and not words:
            continue  # a case at a step from 1 on is one here, too
        if (point := exceeding(small, large, setting)) is None:
            return Bound(Word.UNDECIDED, reason="the rules of norms do not show it, and no case was found against it")
    return Bound(Word.WRONG, point=point)


def read_as_norms(side: Term) -> Term:
    """|a| as the norm of a, which of a number it is; diag(1 - h_i²) with i for a step, as no entry has a diagonal."""

    def at_step(part: Term) -> Term | None:
        if not isinstance(part, tree.Ref) or len(part.at) != 1 or part.time != t or not part.at[0].is_Symbol:
            return None
        return replace(part, time=part.at[0], at=())

    def changed(part: Term) -> Term | None:
        if not isinstance(part, tree.Call):
            return None
        if part.function == "diag":
            return tree.mapped(part, at_step)
        return tree.Norm(tree.mapped(part.arguments[0], changed)) if _is_absolute(part) else None

    return tree.mapped(side, changed)


def bars_of_matrices(side: Term, setting: Setting) -> bool:
    """Whether single bars stand around what is no number."""
    builder = Builder(setting.bench.cell, setting.bench.program, Reading())
    inside = [part.arguments[0] for part in tree.walk(side) if isinstance(part, tree.Call) and _is_absolute(part)]
    try:
        return any(builder.node(builder.side(each)).shape != (1, 1) for each in inside)
    except InputError:
        return True


def _is_absolute(part: tree.Call) -> bool:
    return isinstance(part.function, ScalarFunction) and part.function.name == "abs"


def _one_step(left: Node, right: Node) -> Symbol | None:
    """The letter for the step that all of a claim is at, where that is not t, at which the equations hold."""
    found = {*leaves(left), *leaves(right)}
    times = {leaf.time for leaf in found if leaf.time is not None}
    time = times.pop() if len(times) == 1 else None
    return time if isinstance(time, Symbol) and time not in (t, T) and not left.atoms(Jacobian) else None
