"""Slopes that a note declares beside a function: surrogate gradients of spiking cells, straight-through estimators."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sympy import Integer, Lambda

import derive
from derive import functions
from derive.calculus.adjoint import differentiate
from derive.errors import DerivationError, InputError
from derive.functions import ScalarFunction
from derive.nodes import Elementwise
from derive.reader import read_note
from derive.reader.document.reading import as_json, told
from derive.targets.pages import markdown, text
from verify import check, evidence, load, rerun
from verify.code.layouts.handwritten import check_backward
from verify.formulas.judgement import Word
from verify.numbers.case import Case
from verify.numbers.written import checked, unchecked
from verify.reports.evidence import table
from verify.truth.proof import prove

SHAPES = r"where $x_t \in \mathbb{R}^{D}$, $u_t \in \mathbb{R}^{H}$"
LIF = "# LIF\n\n$$ u_t = \\beta u_{t-1} + W x_t + V s_{t-1} $$\n$$ s_t = \\Theta(u_t - 1) $$\n\n"
NOTES = {
    "fast sigmoid": LIF + SHAPES + ", $\\beta = 0.9$, $\\Theta'(a) = \\frac{1}{(1 + \\pi |a|)^2}$\noutput: $s_t$\n",
    "triangle, displayed": LIF
    + "$$ \\Theta'(a) = \\max(0, 1 - |a|) $$\n\n"
    + SHAPES
    + ", $\\beta \\in \\mathbb{R}$\noutput: $s_t$\n",
    "scaled by a number": LIF
    + SHAPES
    + ", $\\beta = 0.9$, $\\gamma = 0.3$, $\\Theta^\\prime(a) = \\gamma \\max(0, 1 - |a|)$\noutput: $s_t$\n",
    "straight through": "# Quantised\n\n$$ u_t = \\operatorname{round}(4 \\tanh(W x_t + U u_{t-1})) / 4 $$\n\n"
    + SHAPES
    + ", $\\operatorname{round}'(a) = 1$\n",
    "sign, as tanh": "# Binary\n\n$$ u_t = \\operatorname{sign}(W x_t + U u_{t-1} + b) $$\n\n"
    + SHAPES
    + ", $\\operatorname{sign}'(a) = 1 - \\tanh(a)^2$\n",
    "an alias": "# Binary\n\n$$ u_t = \\phi(W x_t + U u_{t-1} + b) $$\n\n"
    + SHAPES
    + ", $\\phi = \\operatorname{sgn}$, $\\phi'(a) = \\frac{1}{1 + a^2}$\n",
    "defined, then declared": "# Levels\n\n$$ q(a) = \\operatorname{floor}(3 a) / 3 $$\n$$ q'(a) = e(a) $$\n"
    "$$ u_t = q(W x_t + U u_{t-1}) $$\n\n" + SHAPES + ", $e(a) = \\exp(-a^2)$\n",
    "within another function": "# LIF\n\n$$ g(a) = 2 \\Theta(a) - 1 $$\n"
    "$$ u_t = \\alpha u_{t-1} + W x_t + V s_{t-1} $$\n$$ s_t = g(u_t - 1) $$\n\n"
    + SHAPES
    + ", $\\alpha \\in \\mathbb{R}$\n"
    "where $\\Theta'(a) = \\begin{cases} 1 & |a| < 0.5 \\\\ 0 & \\text{otherwise} \\end{cases}$\noutput: $s_t$\n",
}


@pytest.mark.parametrize("name", NOTES)
def test_derivation_and_module_follow_a_declared_slope(name: str) -> None:
    cell = read_note(NOTES[name])
    assert len(cell.declared_slopes) == 1
    derivation = differentiate(cell)
    assert all(verdict.proved for verdict in prove(derivation).values())
    module = derive.generate(cell)
    assert checked(cell, module)
    case = Case.draw(cell, {str(s): k + 2 for k, s in enumerate(cell.sizes)}, 4, 3, np.random.default_rng(0))
    found = case.backward(load(module))
    assert all(np.abs(gradient).max() > 0 for gradient in found.values())


def test_every_page_and_the_reading_say_that_the_slope_is_declared() -> None:
    cell = read_note(NOTES["fast sigmoid"])
    derivation = differentiate(cell)
    assert "declared slope: Θ'(a) = (pi*Abs(a) + 1)**(-2)" in list(told(cell))
    assert any("unit step" in str(guess) for guess in cell.guesses)
    assert list(as_json(cell)["declared_slopes"]) == ["Theta"]
    for page in (markdown(derivation), text(derivation)):
        assert "its slope is declared" in page
        assert "eclared slope of Theta" in page
        assert "Heaviside" not in page.split("its slope is declared")[1]


def test_evidence_takes_the_declared_slope_and_asks_no_differences() -> None:
    found = evidence(read_note(NOTES["fast sigmoid"]))
    assert found.passed
    assert found.declared == ("Theta",)
    assert all(gradient.differences is None for gradient in found.gradients.values())
    assert found.to_json()["declared_slopes"] == ["Theta"]
    json.dumps(found.to_json())
    _, rows, caption = table([found])
    assert rows[0][3] == "-"
    assert "declared slope of Theta" in caption


@pytest.mark.parametrize("target", ["torch", "triton", "jax", "native"])
def test_every_target_follows_a_declared_slope(target: str) -> None:
    cell = read_note(NOTES["fast sigmoid"])
    written = derive.generate(cell, target)
    unchecked(cell, written, target)  # the reason where it is not installed
    assert "Theta_slope" in written


def test_a_module_that_departs_from_the_declaration_fails() -> None:
    cell = read_note(NOTES["triangle, displayed"])
    other = cell_with_slope(cell, Lambda(functions.a, Integer(1)))
    assert not evidence(cell, module=load(derive.generate(other))).passed
    refuted = prove(replace(differentiate(cell), gradients=differentiate(other).gradients))
    assert not all(verdict.proved for verdict in refuted.values())


def cell_with_slope(cell: derive.Cell, slope: Lambda) -> derive.Cell:
    """The cell with another declared slope."""

    def changed(node: object) -> object:
        new = ScalarFunction(node.function.name, node.function.body, slope)  # type: ignore[attr-defined]
        return node.xreplace({node.function: new})  # type: ignore[attr-defined]

    equations = tuple(
        replace(e, expression=e.expression.replace(lambda n: isinstance(n, Elementwise), changed))
        for e in cell.equations
    )
    return replace(cell, equations=equations)


@pytest.mark.parametrize(
    ("name", "formula", "word"),
    [
        ("fast sigmoid", r"\frac{\partial s_t}{\partial u_t} = \operatorname{diag}(\Theta'(u_t - 1))", Word.PROVED),
        (
            "fast sigmoid",
            r"\frac{\partial J}{\partial u_t} = \frac{\partial J}{\partial s_t} \odot \frac{1}{(1 + \pi |u_t - 1|)^2} "
            r"+ \beta \frac{\partial J}{\partial u_{t+1}}",
            Word.PROVED,
        ),
        ("fast sigmoid", r"\frac{\partial s_t}{\partial u_t} = \operatorname{diag}(\Theta'(u_t))", Word.WRONG),
        ("triangle, displayed", r"\frac{\partial s_t}{\partial u_t} = 0", Word.WRONG),
        ("sign, as tanh", r"\frac{\partial u_t}{\partial b} = \operatorname{diag}(1 - u_t^2)", Word.WRONG),
        ("straight through", r"\operatorname{round}'(a) = 0", Word.NOT_A_CLAIM),
    ],
)
def test_claims_are_judged_with_the_declared_slope(name: str, formula: str, word: Word) -> None:
    (found,) = check(formula, read_note(NOTES[name]))
    assert found.word is word
    assert ("declared slope" in found.reading) == (word is not Word.NOT_A_CLAIM)


def test_a_counterexample_runs_again_with_the_declared_slope() -> None:
    numbers = {"W": [[-0.86]], "U": [[0.48]], "b": [[0.97]], "x_1": [[-0.22]], "x_2": [[0.9]], "u_0": [[-0.76]]}
    v, d, D, _ = rerun(NOTES["sign, as tanh"], 2, numbers, {"u_1": [[0.31]], "u_2": [[0.17]]})
    slopes = [1 - np.tanh(-0.86 * x + 0.48 * u + 0.97) ** 2 for x, u in ((-0.22, -0.76), (0.9, v("u", 1)[0, 0]))]
    assert D("u", 2, "u", 0)[0, 0] == pytest.approx(slopes[0] * slopes[1] * 0.48**2)
    assert D("u", 2, "u", 1, alone=True)[0, 0] == pytest.approx(slopes[1] * 0.48)
    of_last = 0.17 * slopes[1]
    assert d("u", 1)[0, 0] == pytest.approx(0.31 + of_last * 0.48)
    assert d("U")[0, 0] == pytest.approx(of_last * v("u", 1)[0, 0] + d("u", 1)[0, 0] * slopes[0] * -0.76)


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (LIF.replace("Theta", "Psi") + SHAPES + ", $\\Psi'(a) = 1$\noutput: $s_t$\n", "but not what Psi is"),
        (
            LIF.replace("\\Theta(u_t - 1)", "\\tanh(u_t)") + SHAPES + ", $\\Theta'(a) = 1$\noutput: $s_t$\n",
            "no equation calls Theta",
        ),
    ],
)
def test_a_slope_without_its_function_is_asked_about(note: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_note(note)


@pytest.mark.parametrize("flat", ["sign", "round", "floor", "ceil", "step", "Heaviside"])
def test_flat_functions_are_known_and_say_what_can_be_declared(flat: str) -> None:
    cell = read_note(f"# Flat\n\n$$ u_t = \\operatorname{{{flat}}}(W x_t + U u_{{t-1}}) $$\n\n{SHAPES}\n")
    with pytest.raises(DerivationError, match="vanishes") as error:
        differentiate(cell)
    assert "another slope can be declared" in error.value.hint


def test_code_is_not_judged_by_differences_where_the_slope_is_declared() -> None:
    with pytest.raises(InputError, match="declared"):
        check_backward(lambda *given: {}, read_note(NOTES["sign, as tanh"]))
