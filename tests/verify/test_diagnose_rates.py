"""How often the diagnosis names the mistake that was planted; run with -s to see the figures."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from random import Random

import true_formulas

from derive.nodes import contains
from verify.diagnose import diagnose
from verify.mutate import MISTAKES, mutants
from verify.proof import identical

ALL = bool(os.environ.get("BACKPROOF_ALL_MISTAKES"))
SINGLES, PAIRS = 400 if ALL else 40, 60
"""With BACKPROOF_ALL_MISTAKES=1 all figures; otherwise a sample of the single mistakes. Pairs take minutes."""


def hands(formula):
    """The formula as the derivation states it, in another order, and multiplied out."""
    for other in (
        formula.right,
        true_formulas.by_another_hand(formula.right),
        true_formulas.multiplied_out(formula.right),
    ):
        yield replace(formula, right=other)


def refuted(formula, wrong) -> bool:
    verdict = identical(formula.left, wrong, formula.program, assumptions=formula.assumptions)
    return verdict.refuted or "1/B" in str(wrong)


def explained(formula, wrong):
    """The names the diagnosis gives, and whether the formula it calls true is."""
    found = diagnose(formula.left, wrong, formula.program, formula.derivation, assumptions=formula.assumptions)
    true = (
        found.correct is not None
        and identical(formula.left, found.correct, formula.program, assumptions=formula.assumptions).proved
    )
    return tuple(sorted(mistake.name for mistake in found.mistakes)), true


@cache
def by_kind():
    """For every mistake, true formulas by several hands with the mistake planted in them."""
    found = defaultdict(list)
    for k, formula in enumerate(true_formulas.everything()):
        hand = list(hands(formula))[k % 3]
        for mistake, change in mutants(hand.right, hand.context):
            found[mistake.name].append((hand, change))
    return found


def planted(rng, count):
    """Wrong formulas, the same number of every kind as far as there are any."""
    waiting = {name: rng.sample(cases, len(cases)) for name, cases in by_kind().items()}
    taken = 0
    while taken < count:
        for name in [name for name in MISTAKES if waiting.get(name)]:
            while waiting[name]:
                formula, change = waiting[name].pop()
                if refuted(formula, change.node):
                    yield name, formula, change
                    taken += 1
                    break
            if taken == count:
                return


def apart(formula, first, second) -> bool:
    """Whether the second mistake lies elsewhere than the first: on the same spot they would make a third one."""
    if second.node.shape != formula.right.shape:
        return False
    if first.node == first.after or second.node == second.after:  # about the whole formula
        return type(first.node) is type(second.node) and first.node != first.after
    meet = contains(second.before, first.after) or contains(first.after, second.before)
    return contains(second.node, first.after) and not meet


def figures(title, rows, capsys):
    """Print how many are named, explained otherwise and not explained; the two rates."""
    counts = Counter(outcome for _, _, outcome in rows)
    with capsys.disabled():
        total = len(rows)
        print(
            f"\n{title}: {total}; named {counts['named']} ({counts['named'] / total:.1%}), explained by another "
            f"exact explanation {counts['otherwise']}, not explained {counts['none']}"
        )
        for names, others, outcome in rows:
            if outcome != "named":
                print("   planted", ", ".join(names), "| told", ", ".join(others) or "-")
    return counts["named"] / len(rows)


def outcome(names, told, true):
    if told == names and true:
        return "named"
    return "otherwise" if told and true else "none"


def test_single_mistakes_are_named(capsys):
    rows = []
    for name, formula, change in planted(Random(1), SINGLES):
        told, true = explained(formula, change.node)
        rows.append(((name,), told, outcome((name,), told, true)))
    assert figures("single mistakes", rows, capsys) >= 0.95


if ALL:

    def test_pairs_of_mistakes_are_named(capsys):
        rng = Random(2)
        rows = []
        for first, formula, once in planted(rng, 20 * PAIRS):
            second = rng.choice(list(MISTAKES.values()))
            twice = [c.node for c in second.made_in(once.node, formula.context) if apart(formula, once, c)]
            if not twice:
                continue
            wrong = rng.choice(twice)
            if not refuted(formula, wrong):
                continue
            names = tuple(sorted((first, second.name)))
            told, true = explained(formula, wrong)
            rows.append((names, told, outcome(names, told, true)))
            if len(rows) == PAIRS:
                break
        assert len(rows) == PAIRS
        assert figures("pairs of mistakes", rows, capsys) >= 0.8
