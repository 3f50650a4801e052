from __future__ import annotations

import json
import os
from dataclasses import replace

import by_hand
import pytest
from registry import EVERY, RATED

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.targets import numpy as numpy_target
from verify import Outcome, Verdict, evidence, report
from verify.numbers.evidence import THRESHOLDS, Evidence, GradientEvidence
from verify.numbers.load import load
from verify.numbers.numeric import FAILED

CELLS = EVERY if os.environ.get("BACKPROOF_FULL_FIGURES") else sorted({*RATED, *EVERY[::4]})
"""JAX compiles every cell anew: here some, and all in `backproof verify`, which CI runs too."""


@pytest.mark.parametrize("name", CELLS)
def test_registered_cells_pass(name):
    found = evidence(catalogue.find(name))
    assert found.passed, json.dumps(found.to_json(), indent=1)


@pytest.mark.parametrize("hand_made", by_hand.CELLS, ids=lambda cell: cell.name)
def test_hand_made_cells_pass(hand_made):
    found = evidence(hand_made)
    assert found.passed, json.dumps(found.to_json(), indent=1)


def test_the_shape_of_the_report():
    stages = []
    found = evidence(by_hand.rnn(), progress=stages.append)
    printed = json.loads(json.dumps(report([found])))
    cell = printed["cells"]["rnn"]
    assert set(cell["gradients"]) == {"W", "U", "b", "x", "h"}
    for gradient in cell["gradients"].values():
        assert set(gradient) == {"proved", *THRESHOLDS}
        assert gradient["proved"] is True
    assert cell["passed"] is True
    assert cell["intermediates"] == {name: {"proved": True} for name in found.intermediates}
    assert stages == ["derive", "generate", "prove", "complex step", "differences", "torch", "jax"]


def test_wrong_code_does_not_pass():
    derivation = differentiate(by_hand.rnn())
    source = numpy_target.module(derivation)
    wrong = source.replace("reversed(range(start, stop)), d_ys", "reversed(range(start + 1, stop + 1)), d_ys")
    assert wrong != source
    found = evidence(by_hand.rnn(), module=load(wrong))
    assert not found.passed
    assert found.gradients["U"].verdict.proved, "the derivation is right, the code is not"
    assert found.worst("complex_step") > THRESHOLDS["complex_step"]


def test_wrong_forward_code_does_not_pass():
    source = numpy_target.module(differentiate(by_hand.rnn()))
    wrong = source.replace("np.tanh", "np.sin")
    assert wrong != source
    assert not evidence(by_hand.rnn(), module=load(wrong)).passed


def gradient(**changes):
    whole = GradientEvidence(Verdict(Outcome.PROVED), 1e-15, 1e-9, None, None)
    return replace(whole, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": Verdict(Outcome.REFUTED)},
        {"verdict": Verdict(Outcome.UNDECIDED)},
        *({method: 2 * limit} for method, limit in THRESHOLDS.items()),
        *({method: FAILED} for method in THRESHOLDS),
        *({method: float("nan")} for method in THRESHOLDS),
    ],
    ids=str,
)
def test_each_piece_of_evidence_can_fail(changes):
    assert Evidence("cell", {"W": gradient()}, {}, 0.0).passed
    assert not Evidence("cell", {"W": gradient(), "U": gradient(**changes)}, {}, 0.0).passed


def test_intermediates_and_the_forward_pass_count():
    assert not Evidence("cell", {}, {"h": Verdict(Outcome.UNDECIDED)}, 0.0).passed
    assert not Evidence("cell", {}, {}, 1e-3).passed
    assert not Evidence("cell", {}, {}, float("nan")).passed


def test_an_engine_that_is_not_installed_leaves_null():
    found = Evidence("cell", {"W": gradient()}, {}, 0.0)
    assert found.worst("torch") is None
    assert found.to_json()["gradients"]["W"]["torch"] is None


def test_code_that_is_wrong_for_different_lengths_alone_does_not_pass():
    source = numpy_target.module(differentiate(by_hand.rnn()))
    for right, wrong in [("lengths == t + 1", "lengths == t"), ("lengths <= t", "lengths < t")]:
        assert right in source
        found = evidence(by_hand.rnn(), module=load(source.replace(right, wrong)))
        assert not found.passed
        assert found.worst("jax") is None or found.worst("jax") <= THRESHOLDS["jax"], "right for full sequences"
