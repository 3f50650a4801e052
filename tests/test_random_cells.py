"""Cells made at random: read, derived, written and run; forward and gradients against a road of their own.

A few in every run; many where BACKPROOF_RANDOM_CELLS says how many. Cells that were wrong once stand below.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace

import numpy as np
import pytest
from random_cells import ONE, SUM, Part, RandomCell, letter, random_cell
from random_checks import VanishedError, WrongError, check, check_layers, check_onnx, check_torch, read

from derive.calculus.adjoint import differentiate
from derive.errors import InputError, ProgramFault
from derive.reader import read_note
from derive.targets import TARGETS
from derive.targets import numpy as numpy_target
from derive.targets.language.code import Assign, Buffer, Index, Loop, Name
from derive.targets.lowering import scopes
from verify.numbers.case import Case
from verify.numbers.evidence import forward_error
from verify.numbers.load import load
from verify.numbers.numeric import complex_step_errors
from verify.truth.proof import prove

COUNT = int(os.environ.get("BACKPROOF_RANDOM_CELLS", "24"))
CHUNKS = 8

WRONG_ONCE = {
    "gates without names": r"""
        $$ a_t = A x_t + B s_{t-1} $$
        $$ c_t = W x_t + R s_{t-1} $$
        $$ s_t = (1 - \sigma(a_t)) \odot s_{t-1} + \sigma(a_t) \odot \tanh(c_t) $$
    """,
    "a square": r"""
        $$ a_t = A x_t + B s_{t-1} $$
        $$ s_t = a_t \odot a_t \odot \sigma(a_t) $$
    """,
    "nested functions": r"""
        $$ z_t = A x_t + B s_{t-1} $$
        $$ s_t = \tanh(\sigma(z_t)) - \sigma(z_t) \odot s_{t-1} $$
    """,
    "one minus one minus": r"""
        $$ z_t = \sigma(A x_t + B s_{t-1}) $$
        $$ s_t = 1 - (1 - z_t) \odot (1 - (1 - z_t)) $$
    """,
    "an equation that nothing reads": r"""
        $$ a_t = A x_t + B s_{t-1} $$
        $$ z_t = \tanh(a_t) \odot s_{t-1} $$
        $$ s_t = \sigma(a_t) \odot s_{t-1} $$
    """,
    "a state that the next step does not read": r"""
        $$ z_t = s_{t-1} \odot s_{t-1} $$
        $$ s_t = \tanh(A x_t) $$
    """,
    "a value of parameters alone": r"""
        $$ z_t = \sigma(b) \odot \tanh(b) $$
        $$ s_t = A x_t + W z_t + \sigma(b) \odot s_{t-1} $$
    """,
    "a number times a matrix": r"""
        $$ M_t = \mu (M_{t-1} \odot M_{t-1}) + (A x_t) (B x_t)^\top $$
        $$ s_t = M_{t-1} w + s_{t-1} $$

        where $M_t \in \mathbb{R}^{H \times N}$, $\mu \in \mathbb{R}$, $w \in \mathbb{R}^N$
    """,
    "a constant input beside another": r"""
        $$ s_t = W_c [e; x_t] + s_{t-1} $$

        where $W_c \in \mathbb{R}^{H \times (N + D)}$, $e \in \mathbb{R}^N$

        input: $e$
    """,
    "a size twice below": r"""
        $$ s_t = \frac{1}{H} (\frac{1}{H} A x_t) + s_{t-1} $$
    """,
    "terms from behind the loop that cancel": r"""
        $$ s_t = W s_{t-1} + A x_t $$
        $$ y_t = (1 - \sigma(s_t)) \odot s_{t-1} + \sigma(s_t) \odot s_{t-1} $$

        output: $y_t$
    """,
    "a fraction whose gradient comes from the next step": r"""
        $$ a_t = \frac{s_{t-1}}{1 + \exp(\tanh(s_{t-1}))} $$
        $$ z_t = \frac{W a_t}{1 + \exp(\tanh(a_t))} $$
        $$ s_t = V a_t + A x_t + z_t $$
    """,
    "a diagonal matrix in a sum of entries": r"""
        $$ n_t = \mathbf{1}^\top (\operatorname{diag}(u) s_{t-1}) + n_{t-1} $$
        $$ s_t = A x_t + \tanh(s_{t-1}) + w n_{t-1} $$

        where $n_t \in \mathbb{R}$
    """,
    "a diagonal matrix read through a parameter": r"""
        $$ n_t = w^\top \operatorname{diag}(u) s_{t-1} + n_{t-1} $$
        $$ s_t = A x_t + \operatorname{diag}(w) \operatorname{diag}(u) \tanh(s_{t-1}) + w n_{t-1} $$

        where $n_t \in \mathbb{R}$
    """,
    "ones where entries are read one by one": r"""
        $$ n_t = w^\top s_{t-1} + n_{t-1} $$
        $$ m_t = \operatorname{softmax}(\mathbf{1} n_{t-1}) + \operatorname{diag}(\mathbf{1} n_{t-1}) s_{t-1} $$
        $$ s_t = A x_t + W_c [\mathbf{1} n_{t-1}; x_t] + m_t $$

        where $n_t \in \mathbb{R}$, $m_t \in \mathbb{R}^H$, $W_c \in \mathbb{R}^{H \times (H + D)}$
    """,
    "a parameter below a matrix state": r"""
        $$ M_t = V [M_{t-1}; W] + (A x_t) v^\top $$
        $$ s_t = M_t v + s_{t-1} $$

        where $M_t \in \mathbb{R}^{H \times N}$, $W \in \mathbb{R}^{K \times N}$
    """,
    "arguments whose gradients nothing reads in the loop": r"""
        $$ z_t = \operatorname{softmax}(\sigma(A x_t) \odot m_{t-1}) \odot A x_t $$
        $$ g_t = V z_t $$
        $$ h_t = \sigma(s_{t-1}) \odot c_{t-1} $$
        $$ s_t = R x_t $$
        $$ c_t = B x_t $$
        $$ m_t = P x_t $$

        where $h_t \in \mathbb{R}^H$

        output: $h_t$
    """,
    "a number that terms share, twice in one of them": r"""
        $$ z_t = \sigma(\operatorname{diag}(w) s_{t-1}) $$
        $$ g_t = (\lambda z_t \odot s_{t-1}) \odot (\lambda z_t \odot s_{t-1}) $$
        $$ s_t = \lambda z_t + A x_t $$
        $$ y_t = s_{t-1} \odot g_t $$

        where $\lambda \in \mathbb{R}$

        output: $y_t$
    """,
    "a constant vector that two parameters act on": r"""
        $$ a_t = W s_{t-1} + U w $$
        $$ s_t = R a_t \odot s_{t-1} + K x_t $$
        $$ n_t = P w + n_{t-1} + Q a_t $$

        where $n_t \in \mathbb{R}^N$
    """,
    "a constant input that two parameters act on": r"""
        $$ a_t = W s_{t-1} + U e $$
        $$ s_t = R a_t \odot s_{t-1} + K x_t $$
        $$ n_t = P e + n_{t-1} + Q a_t $$

        where $n_t \in \mathbb{R}^N$, $e \in \mathbb{R}^E$

        input: $e$
    """,
    "a constant input beside one of the step": r"""
        $$ s_t = \sigma(W e + A x_t) \odot (V s_{t-1}) + s_{t-1} $$

        where $e \in \mathbb{R}^E$

        input: $e$
    """,
    "a constant input on the left of a product": r"""
        $$ n_t = \tanh(e^\top (W_c [s_{t-1}; x_t])) + n_{t-1} $$
        $$ s_t = B s_{t-1} + A x_t + w n_{t-1} $$

        where $n_t \in \mathbb{R}$, $e \in \mathbb{R}^E$

        input: $e$
    """,
    "a helper that a pass alone calls": r"""
        $$ s_t = S_{t-1} (W_c [s_{t-1}; s_{t-1}]) $$
        $$ c_t = U s_{t-1} + A x_t $$
        $$ S_t = s_{t-1} b^\top $$

        where $S_t \in \mathbb{R}^{H \times K}$, $W_c \in \mathbb{R}^{K \times (H + H)}$
    """,
    "a bias through which nothing reaches J, beside one that counts": r"""
        $$ z_t = W s_{t-1} + b $$
        $$ n_t = V x_t + d + n_{t-1} $$
        $$ s_t = A x_t + \tanh((1 - z_t) \odot s_{t-1} + z_t \odot s_{t-1}) $$

        where $n_t \in \mathbb{R}^N$
    """,
    "gates whose halved product is read before the loop": r"""
        $$ a_t = W x_t + (U s_{t-1} + b) $$
        $$ s_t = \operatorname{softmax}(\sigma(V x_t + R a_t) \odot (a_t - 1)) $$
        $$ m_t = a_t + m_{t-1} $$
    """,
    "a function value that is read before the loop and in it": r"""
        $$ z_t = W \cos(\sigma(x_t) \odot x_t) $$
        $$ s_t = \tanh(z_t) + \sigma(x_t)^\top x_t \odot (V s_{t-1}) $$
    """,
    "a matrix of equal rows times a vector": r"""
        $$ s_t = A x_t + (\mathbf{1} s_{t-1}^\top + \mathbf{1} w^\top) \tanh(s_{t-1}) $$
        $$ y_t = (s_{t-1} \mathbf{1}^\top + w \mathbf{1}^\top) \tanh(s_t) + (\mathbf{1} s_t^\top)^\top s_{t-1} $$

        where $y_t \in \mathbb{R}^H$

        output: $y_t$
    """,
    "functions with a number in them": r"""
        $$ s_t = \phi(A x_t + B s_{t-1}) + \psi(s_{t-1}) $$

        where $\phi(a) = \max(0, a) + \min(0, \exp(a) - 1)$
        where $\psi(a) = \min(1, \max(0, 0.2 a + 0.5))$
    """,
}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_random_cells(chunk: int) -> None:
    for seed in range(chunk, COUNT, CHUNKS):
        check(random_cell(random.Random(seed).randrange), seed, complete=seed % CHUNKS == chunk and seed % 3 == 0)


@pytest.mark.parametrize("seed", range(COUNT // 4))
def test_random_cells_with_a_loss(seed: int) -> None:
    check(random_cell(random.Random(seed).randrange, loss=True), seed)


@pytest.mark.parametrize("seed", [*range(COUNT // 8), 980159])  # the last: outputs that are constant from a step on
def test_two_layers_of_random_cells(seed: int) -> None:
    check_layers(random_cell(random.Random(seed).randrange), seed)


@pytest.mark.parametrize(
    "seed", [*range(COUNT // 8), 2030126, 960062, 960663, 9110401]
)  # a sum repeated along an axis of its memory, values made of numbers alone
def test_random_cells_in_torch(seed: int) -> None:
    pytest.importorskip("torch")
    check_torch(random_cell(random.Random(seed).randrange), seed)


@pytest.mark.parametrize(
    "seed", [*range(max(COUNT // 8, 3)), 6, 35, 44, 134]
)  # the last: models that could not be read
def test_random_cells_in_onnx(seed: int) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    check_onnx(random_cell(random.Random(seed).randrange), seed)


@pytest.mark.parametrize(
    "equations",
    [
        r"$$ h_t = \tanh(1 - (A x_t - A x_t)) + A x_t \odot h_{t-1} $$",
        r"$$ a_t = A x_t $$ $$ b_t = a_t $$ $$ c_t = w $$ $$ h_t = \tanh(a_t) \odot b_t \odot c_t + h_{t-1} $$",
        r"$$ h_t = \tanh(A x_t + b) \odot \sigma(\tanh(A x_t + b)) + \tanh(h_{t-1}) \odot (A x_t + b) $$",
        r"$$ g_t = \operatorname{softmax}(b) $$ $$ h_t = \tanh(A x_t + h_{t-1}) \odot g_t $$",
    ],
)
def test_torch_modules_that_could_not_run(equations: str) -> None:
    torch = pytest.importorskip("torch")
    shapes = r"where $x_t \in \mathbb{R}^D$, $h_t \in \mathbb{R}^H$"
    cell = read_note(f"# Mine\n\n{equations}\n\n{shapes}\n\noutput: $h_t$\n")
    theirs = load(TARGETS["torch"].render(differentiate(cell), None, "mine.md"))
    (network,) = (v for v in vars(theirs).values() if isinstance(v, type) and issubclass(v, torch.nn.Module))
    ys, _ = network(D=2, H=3)(torch.ones(3, 2, 2, requires_grad=True))
    ys.sum().backward()


def test_a_letter_may_be_missing_only_where_its_terms_cancel() -> None:
    shapes = {"x": ("D", ONE)}, {"h": ("H", ONE)}
    h, x, W = letter("h", -1, ("H", ONE)), letter("x", 0, ("D", ONE)), letter("W", None, ("H", "D"))
    part = Part("W x_t + b - b + h_{t-1}", SUM, h.shape, lambda v: W.value(v) @ x.value(v) + h.value(v))
    text = "# Mine\n\n$$ h_t = W x_t {} + h_{{t-1}} - U x_t + U x_t $$\n\n"
    text += r"where $x_t \in \mathbb{{R}}^D$, $h_t \in \mathbb{{R}}^H$, $b \in \mathbb{{R}}^H$" + "\n\noutput: $h_t$\n"
    parameters = {"W": ("H", "D"), "b": ("H", ONE), "U": ("H", "D")}
    made = RandomCell(text.format("+ b - b"), parameters, shapes[0], {}, shapes[1], [("h", part)], "h")
    with pytest.raises(VanishedError):
        read(made)
    with_b = replace(part, value=lambda v: part.value(v) + v.known["b", None])
    with pytest.raises(WrongError):
        read(replace(made, equations=[("h", with_b)]))


@pytest.mark.parametrize("name", WRONG_ONCE)
def test_cells_that_were_wrong_once(name: str) -> None:
    lines = [line.strip() for line in WRONG_ONCE[name].strip().splitlines()]
    shapes = r"where $x_t \in \mathbb{R}^D$, $s_t \in \mathbb{R}^H$"
    output = [] if any(line.startswith("output") for line in lines) else ["output: $s_t$"]
    cell = read_note("\n".join(["# Mine", "", *lines, "", shapes, "", *output, ""]))
    derivation = differentiate(cell)
    assert all(verdict.proved for verdict in prove(derivation).values())
    module = load(numpy_target.module(derivation))
    sizes = {str(letter): 3 + k for k, letter in enumerate(cell.sizes)}
    for T, B in ((4, 2), (1, 1)):
        case = Case.draw(cell, sizes, T, B, np.random.default_rng(0))
        errors = complex_step_errors(module, case, case.backward(module))
        assert all(error < 1e-11 for error in errors.values()), errors
        assert forward_error(module, case) < 1e-12


def test_a_declared_input_that_cancels_is_refused() -> None:
    lines = ["# Mine", "$$ h_t = \\tanh(U h_{t-1}) + (e - e) $$", "where $e \\in \\mathbb{R}^H$", "input: $e$"]
    with pytest.raises(InputError, match="e is declared as an input, but no equation reads it"):
        read_note("\n\n".join(lines))


def test_a_long_chain_of_equations_is_proved() -> None:
    links = [rf"$$ a^{{({k})}}_t = \sigma(a^{{({k - 1})}}_t) $$" for k in range(2, 41)]
    text = "\n\n".join(
        [
            "# Chain",
            r"$$ a^{(1)}_t = \tanh(W x_t + U h_{t-1}) $$",
            *links,
            r"$$ h_t = a^{(40)}_t $$",
            r"where $x_t \in \mathbb{R}^D$, $h_t \in \mathbb{R}^H$",
        ]
    )
    assert all(verdict.proved for verdict in prove(differentiate(read_note(text)), trials=1, names=["W", "h"]).values())


T_LOOP = Loop(
    False, (Assign((Name("gate_t"),), Index(Name("x"), "t")), Assign((Index(Name("h"), "t"),), Name("gate_t")))
)


@pytest.mark.parametrize(
    ("forward", "backward", "cached", "words"),
    [
        ([T_LOOP], [], ["gate_t"], "gate_t is kept for backward, but only the last step has left it"),
        ([T_LOOP], [Loop(True, (Assign((Name("d_t"),), Name("h")),))], ["h"], "h is read in the loop without its step"),
        ([T_LOOP], [Loop(True, (Assign((Name("d_t"),), Name("gate_t")),))], ["h"], "nothing has defined it"),
        (
            [T_LOOP],
            [Loop(True, (Assign((Name("d_next"),), Name("d_next")), Assign((Name("e_t"),), Name("d_next"))))],
            ["h"],
            "d_next is read, but it is that of the next step already",
        ),
        (
            [T_LOOP],
            [Loop(True, (Assign((Name("b_t"),), Name("a_t")), Assign((Name("a_t"),), Index(Name("h"), "t"))))],
            ["h"],
            "nothing has defined it",
        ),
    ],
)
def test_what_is_read_at_a_step_is_of_that_step(forward, backward, cached, words) -> None:  # type: ignore[no-untyped-def]
    given = {"timed": ("x",), "arriving": ("d_next",), "carried": ("d_next",), "returned": ()}
    with pytest.raises(ProgramFault, match=words):
        scopes.check([Buffer("h", ()), *forward], backward, ("x",), cached=cached, **given)
