"""How often the diagnosis names the mistake that was planted; run with -s to see the figures."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from random import Random

import true_formulas

from derive.nodes import contains
from derive.targets.formula import latex
from verify.formulas.claims import check
from verify.formulas.judgement import Word
from verify.mistakes.mutate import MISTAKES, mutants

ALL = bool(os.environ.get("BACKPROOF_ALL_MISTAKES"))
SINGLES, PAIRS = (400, 100) if ALL else (len(MISTAKES) // 3, 7)
"""With BACKPROOF_ALL_MISTAKES=1 all figures, which take minutes; otherwise a sample."""
NAMED, BOTH_NAMED = (0.95, 0.8) if ALL else (0.85, 0.6)
"""The rates that must be reached; a small sample is allowed to fall below the true ones."""


def hands(formula):
    """The formula as the derivation states it, in another order, and multiplied out."""
    for other in (
        formula.right,
        true_formulas.by_another_hand(formula.right),
        true_formulas.multiplied_out(formula.right),
    ):
        yield replace(formula, right=other)


def explained(formula, wrong):
    """The names that a person who types the formula is told, and whether what is called true is; None if not wrong."""
    cell = formula.derivation.cell

    def judged(right):
        return check(f"{latex(formula.left, cell.notation)} = {right}", cell)[-1]

    found = judged(latex(wrong, cell.notation))
    if found.word is not Word.WRONG:
        return None
    true = found.correct is not None and judged(found.correct).word in (Word.PROVED, Word.HOLDS_IF)
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


def planted(rng):
    """Formulas with a mistake, as many of every kind as far as there are any."""
    waiting = {name: rng.sample(cases, len(cases)) for name, cases in by_kind().items()}
    while any(waiting.values()):
        for name in MISTAKES:
            if waiting.get(name):
                yield name, *waiting[name].pop()


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


def measured(count, formulas):
    """The outcome for as many wrong formulas."""
    rows = []
    for names, formula, wrong in formulas:
        found = explained(formula, wrong)
        if found is not None:
            rows.append((names, found[0], outcome(names, *found)))
            if len(rows) == count:
                break
    assert len(rows) == count
    return rows


def test_single_mistakes_are_named(capsys):
    singles = (((name,), formula, change.node) for name, formula, change in planted(Random(1)))
    assert figures("single mistakes", measured(SINGLES, singles), capsys) >= NAMED


def pairs(rng):
    """Formulas with two mistakes in different places."""
    for first, formula, once in planted(rng):
        second = rng.choice(list(MISTAKES.values()))
        twice = [c.node for c in second.made_in(once.node, formula.context) if apart(formula, once, c)]
        if twice:
            yield tuple(sorted((first, second.name))), formula, rng.choice(twice)


def test_pairs_of_mistakes_are_named(capsys):
    assert figures("pairs of mistakes", measured(PAIRS, pairs(Random(2))), capsys) >= BOTH_NAMED
