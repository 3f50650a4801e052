"""Rewritten true formulas are never condemned. BACKPROOF_FULL_FIGURES=1 takes all of them and prints the figures."""

from __future__ import annotations

import os
from collections import Counter

import rewritings

from derive import catalogue
from derive.notation import notations
from verify import check
from verify.formulas.judgement import Word

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
COUNT = 100_000 if FULL else 200


def word(each: rewritings.Rewritten) -> Word:
    cell = rewritings.renamed_model(each.name) if each.kind == "renamed" else catalogue.find(each.name)
    notation = notations()[each.notation] if each.notation else None
    (judgement,) = check(each.formula, cell, notation=notation, explain=False)
    return judgement.word


def test_rewritten_formulas_are_never_condemned(capsys):
    counts, others = Counter(), []
    chosen = rewritings.sample(COUNT)
    for each in chosen:
        found = word(each)
        counts[found.value] += 1
        assert found is not Word.WRONG, each
        assert found is not Word.HOLDS_IF or each.declared, each
        if found not in (Word.PROVED, Word.HOLDS_IF):
            others.append((found.value, each.kind, each.name, each.formula))
    if FULL:
        with capsys.disabled():
            print(f"\n{len(chosen)} rewritings of {len({each.kind for each in chosen})} kinds: {dict(counts)}")
            for row in others:
                print("  ", *row)
    assert len(others) <= len(chosen) / 100
