"""Wrong formulas never pass. BACKPROOF_FULL_FIGURES=1 takes all of them and prints the figures.

Whether a named mistake makes a difference is decided exactly, on expressions; what the disturbed tokens of a text say
is decided by numbers (`by_numbers`), with a reader that shares nothing with the package's.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter

import by_numbers
import mutated_texts

from derive import catalogue
from derive.targets.formula import latex
from verify import check
from verify.formulas.claims import bench
from verify.formulas.deciding import ABSENT
from verify.formulas.judgement import Word
from verify.formulas.readings.sides import SUMMED
from verify.truth.comparison import Answer, Facts

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
NAMED, DISTURBED = (10_000, 40_000) if FULL else (12, 600)
CONVENTIONS = (
    SUMMED.partition("{")[0], ABSENT, "row layout", "numerator layout", "elementwise product meant",
    "inner product meant",
    "J is the error of step t alone", "the entries of y sum to 1", "a vector stands for the diagonal matrix",
)  # fmt: skip
"""What a changed formula may rightly be told to assume; each is a way of writing or a declared fact."""
GUESSES = re.compile(
    r"\w+ without a time stands for|the product counts down|a raised T is the last step|\w+ is a step, not an entry|"
    r"∂ is meant before .* too$"
)
"""What an author may have meant with a letter; each such reading is named."""


def test_named_mistakes_never_pass(capsys):
    counts, kinds, assumed = Counter(), Counter(), Counter()
    for name in mutated_texts.NAMES:
        found = mutated_texts.derivation(name)
        cases = list(mutated_texts.named(name))
        for mistake, left, right in random.Random(name).sample(cases, min(NAMED, len(cases))):
            text = f"{latex(left, found.cell.notation)} = {latex(right, found.cell.notation)}"
            word, assumptions = _judged(text, name)
            facts = Facts(found.cell.assumptions)
            true = bench(found.cell).compare(left, right, domains={}, facts=facts).answer is Answer.SAME
            counts[word.value, "true" if true else "false"] += 1
            kinds[mistake] += not true
            if true:
                assert word is not Word.WRONG, text
            else:
                assert word is not Word.PROVED, text
                if word is Word.HOLDS_IF:
                    assumed["; ".join(assumptions)] += 1
                    assert all(map(_is_convention, assumptions)), (text, assumptions)
    if FULL:
        _print(capsys, f"{sum(kinds.values())} formulas with a named mistake of {len(kinds)} kinds", counts, assumed)


def test_disturbed_texts_never_pass(capsys):
    counts, assumed, unread = Counter(), Counter(), []
    for number in range(DISTURBED):
        name = mutated_texts.NAMES[number % len(mutated_texts.NAMES)]
        _, text = mutated_texts.disturbed(name, number)
        word, assumptions = _judged(text, name)
        says = by_numbers.judged(text, name)
        counts[word.value, says] += 1
        if word is Word.PROVED:
            assert says in ("equal", "unread"), (name, text)
            unread += [(name, text)] if says == "unread" else []
        elif word is Word.HOLDS_IF and says != "equal":
            assumed["; ".join(assumptions)] += 1
            assert all(map(_is_convention, assumptions)), (name, text, assumptions)
            if set(assumptions) == {ABSENT}:
                assert by_numbers.judged(text, name, absent=True) in ("equal", "unread"), (name, text)
        elif word is Word.WRONG:
            assert says != "equal", (name, text)
    if FULL:
        _print(capsys, f"{DISTURBED} texts with disturbed tokens", counts, assumed)
        with capsys.disabled():
            print(f"proved, outside the language of the second judge, to be looked at: {len(unread)}")
            for row in unread:
                print("  ", *row)
    assert len(unread) <= DISTURBED / 100


def _is_convention(words: str) -> bool:
    return words.startswith(CONVENTIONS) or GUESSES.match(words) is not None


def _judged(text: str, name: str) -> tuple[Word, tuple[str, ...]]:
    """The verdict on a text; of several the one that lets least pass."""
    found = check(text, catalogue.find(name), explain=False)
    order = (Word.WRONG, Word.UNREADABLE, Word.UNDECIDED, Word.NOT_A_CLAIM, Word.HOLDS_IF, Word.PROVED)
    judgement = min(found, key=lambda judgement: order.index(judgement.word), default=None)
    return (Word.NOT_A_CLAIM, ()) if judgement is None else (judgement.word, judgement.assumptions)


def _print(capsys, title, counts, assumed):
    with capsys.disabled():
        print(f"\n{title}:")
        for (word, says), count in sorted(counts.items()):
            print(f"   {word:12} {says:10} {count}")
        for words, count in assumed.most_common():
            print(f"   holds if {words}: {count}")
