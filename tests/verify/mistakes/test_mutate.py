"""Whether wrong formulas are found out: named mistakes, pairs of them and random edits, made in true formulas.

A wrong formula that is proved is a fault, unless it is no wrong one: then it agrees with the true formula to 40 digits
at every step of a sequence, and for sizes, that no proof has looked at.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from itertools import chain, islice
from random import Random

import pytest
import true_formulas

from derive import catalogue
from derive.nodes import Adjoint, T, matmul, scale, sum_over_time, t
from verify.mistakes.mutate import MISTAKES, mutants
from verify.mistakes.places import one_place
from verify.truth.decimals.matrices import computed
from verify.truth.decimals.opinion import placed
from verify.truth.decimals.scalars import close
from verify.truth.decimals.trial import Trial
from verify.truth.proof import identical, times_of
from verify.truth.scales import scales

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
FORMULAS, SINGLES, PAIRS, RANDOM, WRONG = (100_000, 100_000, 600, 600, 20_000) if FULL else (12, 150, 6, 6, 150)
"""How many true formulas, how many wrong ones of each kind: all of them with BACKPROOF_FULL_FIGURES=1."""


def some_formulas():
    """True formulas of a gated cell, of a head, and of one whose weights act on a stack; or all of them."""
    if FULL:
        return true_formulas.everything()
    cells = catalogue.find("gru"), catalogue.find("softmax_cross_entropy"), true_formulas.STACKED
    return [formula for cell in cells for formula in true_formulas.of(cell)]


def equivalent(formula, mutant) -> bool:
    """Whether the formula and its mutant have the same 40 digits at every step, in two trials of other sizes and T."""
    program, sides = formula.program, (formula.right, mutant)
    taken = {number for scale_ in scales(program, sides) for number in (scale_.steps, *scale_.sizes.values())}
    numbers = (number for number in range(2, 10_000) if number not in taken)
    for seed, order in enumerate((1, -1)):
        sizes = dict(zip(program.sizes[::order], numbers, strict=False))
        steps = next(number for number in numbers if number > 5)
        trial = Trial.draw(program, sizes, steps, seed, formula.assumptions, program.is_loss)
        times = times_of((formula.left, *sides), trial)
        assert times
        for time in times:
            place = placed(trial, program, program, {**sizes, T: steps, **({} if time is None else {t: time})})
            one, other = (chain.from_iterable(computed(side, place).value) for side in sides)
            if not all(map(close, one, other)):
                return False
    return True


def random_edits(formula, rng):
    """Formulas in which some part is exchanged for some other thing of its shape."""
    nodes = [*formula.context.factors, *(term.node for term in formula.context.terms)]
    nodes += list(formula.program.quantities.values())

    def other(node, context):
        fitting = [candidate for candidate in nodes if candidate.shape == node.shape]
        return rng.sample(fitting, min(len(fitting), 2))

    found = [change.node for change in one_place(formula.right, other, formula.context)]
    return rng.sample(found, min(len(found), 4))


@dataclass
class Tally:
    """What became of wrong formulas; `passed` are those that were proved and are not equivalent."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("single", "pair", "random"), 0))
    passed: list = field(default_factory=list)
    equivalent: int = 0
    undecided: int = 0

    def judge(self, kind, formula, mutant):
        verdict = identical(formula.left, mutant, formula.program, assumptions=formula.assumptions)
        if verdict.refuted:
            self.counts[kind] += 1
        elif not verdict.proved:
            self.undecided += 1
        elif equivalent(formula, mutant):
            self.equivalent += 1
        else:
            self.passed.append((kind, formula, mutant))


def test_no_wrong_formula_is_proved(capsys):
    rng, tally = Random(0), Tally()
    formulas = some_formulas()
    formulas = rng.sample(formulas, min(FORMULAS, len(formulas)))
    singles = [(formula, change.node) for formula in formulas for _, change in mutants(formula.right, formula.context)]
    for formula, mutant in singles:
        assert mutant.shape == formula.right.shape
        assert mutant != formula.right
    for k in sorted(rng.sample(range(len(singles)), min(SINGLES, len(singles)))):  # one cell after the other
        tally.judge("single", *singles[k])
    for formula, mutant in rng.sample(singles, PAIRS):
        for mistake in rng.sample(list(MISTAKES.values()), 4):
            twice = list(islice(mistake.made_in(mutant, formula.context), 20))
            if twice:
                tally.judge("pair", formula, rng.choice(twice).node)
    for formula in rng.sample(formulas * 3, min(len(formulas) * 3, RANDOM)):
        for mutant in random_edits(formula, rng):
            tally.judge("random", formula, mutant)
    wrong = sum(tally.counts.values())
    with capsys.disabled():
        print(
            f"\n{len(formulas)} true formulas; wrong ones: {wrong} {tally.counts}, of them proved: {len(tally.passed)};"
            f" equivalent: {tally.equivalent}, undecided: {tally.undecided}"
        )
    assert tally.passed == []
    assert wrong >= WRONG


def test_what_is_equivalent_is_told_from_what_holds_for_some_numbers_only():
    cell = catalogue.find("gru")
    formula = next(f for f in true_formulas.of(cell) if f.left == Adjoint(cell.quantities["W_z"]))
    term = formula.right.term
    assert equivalent(formula, sum_over_time(term, t, 1, T + 1))  # beyond T nothing reaches J
    assert not equivalent(formula, sum_over_time(term, t, 1, T - 1))
    first, _ = scales(formula.program, (formula.right,))
    assert not equivalent(formula, scale(T / first.steps, formula.right))


def test_no_product_of_hidden_numbers_is_taken_for_one():
    cell = catalogue.find("gru")
    formula = next(f for f in true_formulas.of(cell) if f.left == Adjoint(cell.quantities["z"]))
    size, other = cell.quantities["h"].shape[0], cell.quantities["x"].shape[0]
    for number in range(2, 50 if FULL else 26):
        for factor in (number / (size * T), size * T / number, number * T / size, number * size / T, T**2 / number):
            wrong = scale(factor, formula.right)
            assert not identical(formula.left, wrong, formula.program).proved, factor
        for factor in (number / (size * other), size**2 / number):
            assert not identical(formula.left, scale(factor, formula.right), formula.program).proved, factor


def test_every_mistake_can_be_made_somewhere():
    missing = set(MISTAKES)
    for formula in some_formulas():
        if missing:
            missing -= {name for name in missing if any(MISTAKES[name].made_in(formula.right, formula.context))}
    assert missing == set()


@pytest.mark.parametrize("name", ["rnn"])
def test_a_missing_sum_leaves_the_term(name):
    cell = catalogue.find(name)
    formula = next(f for f in true_formulas.of(cell) if f.left == Adjoint(cell.quantities["W"]))
    missing = [change.node for m, change in mutants(formula.right, formula.context) if m.name == "missing sum over t"]
    assert [sum_over_time(node, t, 1, T) for node in missing[:1]] == [formula.right]
    assert missing[1:] == [missing[0].xreplace({t: T})]
    assert matmul(missing[0]) == missing[0]
