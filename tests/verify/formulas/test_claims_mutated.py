"""Rewritten formulas are never condemned, and any text ends in judgements, with what is wrong explained."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from functools import cache

import pytest

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.nodes import Adjoint, Node
from derive.targets.formula import latex
from verify import check
from verify.formulas.judgement import Word
from verify.mistakes.context import Context
from verify.mistakes.mutate import MISTAKES

NAMES = ["rnn", "lstm", "gru", "softmax_cross_entropy"]
EDITS = 250 if os.environ.get("BACKPROOF_FULL_FIGURES") else 30


@cache
def derivation(name: str) -> Derivation:
    return differentiate(catalogue.find(name)).summed_losses


def mutants(name: str, each: int) -> Iterator[tuple[Node, Node]]:
    """Gradients with one named mistake in them, some for each quantity."""
    found, chosen = derivation(name), random.Random(name)
    for gradient in found.gradients:
        context = Context(found, Adjoint(gradient.of))
        changes = [c.node for m in MISTAKES.values() for c in m.made_in(gradient.value, context)]
        yield from ((Adjoint(gradient.of), node) for node in chosen.sample(changes, min(each, len(changes))))


REWRITTEN = [
    ("lstm", "dc_t = {}", [
        r"dh_t \odot o_t \odot (1 - \tanh^2(c_t)) + dc_{t+1} \odot f_{t+1}",
        r"f_{t+1} \odot dc_{t+1} + (1 - \tanh^2(c_t)) \odot o_t \odot dh_t",
        r"dh_t \odot o_t - dh_t \odot o_t \odot \tanh^2(c_t) + dc_{t+1} \odot f_{t+1}",
        r"((dh_t \odot o_t \odot \operatorname{sech}^2(c_t) + dc_{t+1} \odot f_{t+1})^\top)^\top",
        r"\mathrm{diag}(o_t) \mathrm{diag}(1 - \tanh^2(c_t)) dh_t + \mathrm{diag}(f_{t+1}) dc_{t+1}",
        r"dh_t \odot o_t \odot (1 + \tanh(c_t)) \odot (1 - \tanh(c_t)) + dc_{t+1} \odot f_{t+1}",
        r"dh_t \odot o_t \odot 4 \sigma(2 c_t) \odot \sigma(-2 c_t) + dc_{t+1} \odot f_{t+1}",
        r"\frac{dh_t \odot o_t}{\cosh^2(c_t)} + dc_{t+1} \odot f_{t+1}",
    ]),
    ("rnn", r"\frac{\partial J}{\partial U} = {}", [
        r"\sum_{t=1}^{T} \delta_t h_{t-1}^\top",
        r"\sum_{k=1}^{T} \left(h_{k-1} \delta_k^\top\right)^\top",
        r"\delta_T h_{T-1}^\top + \sum_{t=1}^{T-1} \delta_t h_{t-1}^\top",
        r"\sum_{t=0}^{T-1} \delta_{t+1} h_t^\top",
        r"\sum_t \mathrm{diag}(1 - h_t^2) \frac{\partial J}{\partial h_t} h_{t-1}^\top",
        r"\sum_t \mathrm{diag}((1 - h_t) \odot (1 + h_t)) \frac{\partial J}{\partial h_t} h_{t-1}^\top",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "pattern", "side"), [(n, p, s) for n, p, sides in REWRITTEN for s in sides])
def test_a_rewritten_formula_is_never_condemned(name: str, pattern: str, side: str) -> None:
    (judgement,) = check(pattern.replace("{}", side, 1) if "{}" in pattern else side, catalogue.find(name))
    assert judgement.word is Word.PROVED, judgement


PIECES = [
    r"\frac{", "}{", r"\partial ", "J", "W", "_", "^", "{", "}", "(", ")", "=", "+", "-", r"\odot", r"\sum_{t=1}^{T}",
    r"\prod_{j=k+1}^{t}", r"^\top", "'", r"\delta_t", "∂", "Σ", "𝟏", "&", r"\\", r"\begin{matrix}", r"\end{matrix}",
    r"\begin{cases}", r"\in", r"\neq", r"\text{if}", "…", "···", "__import__('os')", "^{99999}", "999999999999", "|",
    "<", ">", "\x00", r"\boxed{", r"\underbrace{", r"\mathbb{R}^{n\times m}", r"\nabla_W", "softmax", "diag", "[:, :3]",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_any_text_ends_in_judgements(seed: int) -> None:
    rng = random.Random(seed)
    sources = [(name, f"{latex(left)} = {latex(right)}") for name in NAMES for left, right in mutants(name, 1)]
    for _ in range(EDITS):
        name, text = rng.choice(sources)
        for _ in range(rng.randint(1, 4)):
            start = rng.randrange(len(text) + 1)
            stop = min(len(text), start + rng.randint(0, 6))
            text = text[:start] + rng.choice([rng.choice(PIECES), "", text[start:stop] * 2]) + text[stop:]
        judgements = check(text, catalogue.find(name))
        assert all(isinstance(judgement.word, Word) for judgement in judgements)
