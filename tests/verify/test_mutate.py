"""Whether wrong formulas are found out: named mistakes, pairs of them and random edits, made in every true formula.

What is equivalent is decided without the left side, by comparing the formula with its mutant at other random points.
"""

from __future__ import annotations

import os
from itertools import islice
from random import Random

import pytest
import true_formulas

from derive import catalogue
from derive.nodes import Adjoint, T, matmul, sum_over_time, t
from verify.mistakes.places import one_place
from verify.mutate import MISTAKES, mutants
from verify.proof import identical

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
SINGLES, PAIRS, RANDOM, WRONG = (100_000, 600, 600, 20_000) if FULL else (3_000, 150, 150, 3_000)
"""How many wrong formulas of each kind are made: all single ones with BACKPROOF_FULL_FIGURES=1."""


def equivalent(formula, mutant) -> bool:
    facts = formula.assumptions
    return identical(formula.right, mutant, formula.program, assumptions=facts, trials=3, seed=1000).proved


def random_edits(formula, rng):
    """Formulas in which some part is exchanged for some other thing of its shape."""
    nodes = [*formula.context.factors, *(term.node for term in formula.context.terms)]
    nodes += list(formula.program.quantities.values())

    def other(node, context):
        fitting = [candidate for candidate in nodes if candidate.shape == node.shape]
        return rng.sample(fitting, min(len(fitting), 2))

    found = [change.node for change in one_place(formula.right, other, formula.context)]
    return rng.sample(found, min(len(found), 4))


def test_no_wrong_formula_is_proved(capsys):
    rng = Random(0)
    counts = {"single": 0, "pair": 0, "random": 0, "equivalent": 0, "undecided": 0}
    passed = []

    def judge(kind, formula, mutant):
        verdict = identical(formula.left, mutant, formula.program, assumptions=formula.assumptions)
        if verdict.refuted:
            counts[kind] += 1
        elif verdict.proved and equivalent(formula, mutant):
            counts["equivalent"] += 1
        elif verdict.proved:
            passed.append((kind, formula, mutant))
        else:
            counts["undecided"] += 1

    formulas = true_formulas.everything()
    singles = [(formula, change.node) for formula in formulas for _, change in mutants(formula.right, formula.context)]
    for formula, mutant in rng.sample(singles, min(SINGLES, len(singles))):
        judge("single", formula, mutant)
    for formula, mutant in rng.sample(singles, PAIRS):
        for mistake in rng.sample(list(MISTAKES.values()), 4):
            twice = list(islice(mistake.made_in(mutant, formula.context), 20))
            if twice:
                judge("pair", formula, rng.choice(twice).node)
    for formula in rng.sample(formulas * 3, min(len(formulas) * 3, RANDOM)):
        for mutant in random_edits(formula, rng):
            judge("random", formula, mutant)
    wrong = counts["single"] + counts["pair"] + counts["random"]
    with capsys.disabled():
        print(f"\n{len(formulas)} true formulas; wrong ones: {wrong}, of them proved: {len(passed)}; {counts}")
    assert passed == []
    assert wrong >= WRONG


def test_every_true_formula_is_proved():
    unproved = [
        formula
        for formula in true_formulas.everything()
        if not identical(formula.left, formula.right, formula.program, assumptions=formula.assumptions).proved
    ]
    assert unproved == []


def test_every_mistake_can_be_made_somewhere():
    formulas = true_formulas.everything()
    made = {mistake.name for formula in formulas for mistake, _ in mutants(formula.right, formula.context)}
    assert set(MISTAKES) == made


def test_a_mutant_keeps_the_shape_and_changes_the_formula():
    for formula in true_formulas.everything():
        for _, change in mutants(formula.right, formula.context):
            assert change.node.shape == formula.right.shape
            assert change.node != formula.right


@pytest.mark.parametrize("name", ["rnn"])
def test_a_missing_sum_leaves_the_term(name):
    cell = catalogue.find(name)
    formula = next(f for f in true_formulas.of(cell) if f.left == Adjoint(cell.quantities["W"]))
    missing = [change.node for m, change in mutants(formula.right, formula.context) if m.name == "missing sum over t"]
    assert [sum_over_time(node, t, 1, T) for node in missing[:1]] == [formula.right]
    assert missing[1:] == [missing[0].xreplace({t: T})]
    assert matmul(missing[0]) == missing[0]
