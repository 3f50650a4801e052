"""Every registered mistake, planted in a program for every cell and head, is named; a wrong program never passes.

By default some of each kind are planted; with BACKPROOF_ALL_MISTAKES=1 all of them. `-s` prints the figures.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from derive.cell import Cell
from verify import CodeReport, Standing, check_backward
from verify.code.mistakes.registry import KINDS, Laboratory, Variation
from verify.code.programs.run import Prediction, run
from verify.formulas.judgement import Mistake
from verify.numbers.evidence import standard_case

from planted import Run, Spoilt, derived, loops, lowered, spoilings  # isort: skip

ALL = bool(os.environ.get("BACKPROOF_ALL_MISTAKES"))
SINGLES, PAIRS = (10_000, 100) if ALL else (30, 6)

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # programs with a wrong slope overflow


def same(a: Prediction | None, b: Prediction | None) -> bool:
    assert b is not None
    return a is not None and all(
        np.allclose(value, b.gradients[name], rtol=1e-9, atol=1e-12) for name, value in a.gradients.items()
    )


def with_effect(cell: Cell) -> tuple[Laboratory, list[Variation]]:
    """The mistakes that change a gradient of the cell at all."""
    derivation, _, registered = derived(cell)
    laboratory = Laboratory(derivation, standard_case(cell))
    truth = laboratory.predict()
    predicted = {variation: laboratory.predict(variation) for variation in registered}
    return laboratory, [v for v, found in predicted.items() if found is not None and not same(found, truth)]


def some(variations: Sequence[Variation], count: int) -> list[Variation]:
    """At least one of each name, and others spread over the registry."""
    first = {variation.mistake.name: variation for variation in reversed(variations)}
    rest = [v for v in variations if v not in first.values()]
    return [*first.values(), *rest[:: max(1, len(rest) // max(1, count - len(first)))]]


def report_of(cell: Cell, *together: Variation) -> CodeReport:
    """Planted in a module where one can be written, else in what the check itself computes."""
    if all(v.change is not None and v.given is None and v.loop is None for v in together):
        try:
            return check_backward(lowered(cell, *together), cell)
        except (ValueError, NameError):  # the printer leaves out what nothing reads
            pass
    return check_backward(Run(cell, together), cell)


def explanations(report: CodeReport) -> Iterator[set[Mistake]]:
    for found in (report.mistakes, *report.alternatives):
        yield set(found)


def test_the_sweep_without_a_mistake_is_the_generated_module(registered: Cell) -> None:
    derivation, module, _ = derived(registered)
    case = standard_case(registered)
    wanted, found = case.backward(module), run(derivation, case).gradients
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12, atol=1e-13)


def test_right_programs_pass(registered: Cell) -> None:
    _, module, _ = derived(registered)
    report = check_backward(module, registered)
    assert report.standing is Standing.RIGHT, str(report)
    assert report.mistakes == ()
    assert report.notes == ()


def test_single_mistakes_are_named(rated: Cell) -> None:
    _, variations = with_effect(rated)
    chosen = some(variations, SINGLES)
    named = 0
    for variation in chosen:
        report = report_of(rated, variation)
        assert report.standing is Standing.WRONG, f"{variation.mistake} passed"
        if {variation.mistake} in explanations(report):
            named += 1
        else:
            print(f"  not named: {variation.mistake}\n{report}")
    print(f"{rated.name}: {named} of {len(chosen)} single mistakes named")
    assert named >= 0.95 * len(chosen)


def test_loops_and_finished_gradients_spoilt_by_hand_are_named(rated: Cell) -> None:
    _, module, _ = derived(rated)
    programs = [(name, Spoilt(module, spoil)) for name, spoil in spoilings(module)]
    if rated.states:
        programs += list(loops(rated, module))
    named = 0
    for name, program in programs:
        report = check_backward(program, rated)
        assert report.standing is Standing.WRONG, f"{name} passed"
        found = any([mistake.name for mistake in one] == [name] for one in (report.mistakes, *report.alternatives))
        named += found
        if not found:
            print(f"  not named: {name}\n{report}")
    print(f"{rated.name}: {named} of {len(programs)} mistakes made by hand named")
    assert named >= 0.95 * len(programs)


def test_pairs_are_explained(rated: Cell) -> None:
    """Two mistakes at once: the answer names these two, or at most two that give the same numbers.

    Two changes of the order of the gates are not taken for a pair: together they are one more order.
    """
    laboratory, variations = with_effect(rated)
    rng = random.Random(0)
    truth = laboratory.predict()
    exactly = otherwise = tried = 0
    while tried < PAIRS:
        pair = rng.sample(variations, 2)
        if all(variation.renames for variation in pair):
            continue
        together = laboratory.predict(*pair)
        if together is None or same(together, truth) or any(same(laboratory.predict(v), together) for v in pair):
            continue  # they exclude each other, or one hides the other
        tried += 1
        report = report_of(rated, *pair)
        assert report.standing is Standing.WRONG, f"{pair} passed"
        if {v.mistake for v in pair} in explanations(report):
            exactly += 1
        elif 1 <= len(report.mistakes) <= 2:
            otherwise += 1
        else:
            print("  not explained:", *(v.mistake for v in pair))
    print(f"{rated.name}: of {tried} pairs {exactly} named, {otherwise} by others with the same numbers")
    assert exactly + otherwise >= 0.8 * tried


def test_every_kind_is_registered_under_one_name() -> None:
    from derive import catalogue

    derived(catalogue.find("lstm"))
    modules = {made.__module__.rpartition(".")[2] for made in KINDS.values()}
    assert modules == {"local", "slopes", "through_time", "other_cells"}
    assert len(KINDS) >= 18
