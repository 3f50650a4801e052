"""Any text ends in judgements, quickly. BACKPROOF_FULL_FIGURES=1 runs all strings and prints the figures.

BACKPROOF_FUZZ_PART=1/2 takes one of two halves, for two processes.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

import fuzzing

from derive import catalogue
from derive.notation import notations
from verify import check
from verify.formulas.judgement import Word

FULL = bool(os.environ.get("BACKPROOF_FULL_FIGURES"))
COUNT = int(os.environ.get("BACKPROOF_FUZZ_COUNT", 100_000 if FULL else 500))
PART, PARTS = (int(number) for number in os.environ.get("BACKPROOF_FUZZ_PART", "1/1").split("/"))
LIMIT = 2.0
"""Seconds of processor time that a formula may take, measured in the full run."""
STUCK = 60


class StuckError(Exception):
    """A string took a minute."""


def _stuck(*_):
    raise StuckError


def test_any_text_ends_in_judgements(capsys):
    words = Counter()
    times = []
    began = time.process_time()
    signal.signal(signal.SIGVTALRM, _stuck)
    for number in range(PART - 1, COUNT, PARTS):
        name, text, notation = fuzzing.case(number)
        cell = catalogue.find(name)
        table = notations()[notation] if notation else None
        explain = number % 10 == 0
        if number < 20 * PARTS:
            check("h_t = 0", cell)  # the random data of the cell are drawn once
        signal.setitimer(signal.ITIMER_VIRTUAL, STUCK)
        start = time.process_time()
        try:
            judgements = check(text, cell, notation=table, explain=explain)
        except Exception as error:
            raise AssertionError((number, name, notation, text[:2000])) from error
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        times.append((time.process_time() - start, number, name, explain, text[:300]))
        assert all(isinstance(judgement.word, Word) for judgement in judgements)
        words.update(judgement.word.value for judgement in judgements)
    if FULL:
        times.sort(reverse=True)
        with capsys.disabled():
            print(f"\n{len(times)} strings, {time.process_time() - began:.0f} s of processor time; {dict(words)}")
            print(f"median {times[len(times) // 2][0] * 1000:.1f} ms; slowest:")
            for row in times[:8]:
                print("  ", row)
        assert times[0][0] < LIMIT
