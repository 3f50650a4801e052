"""Text is data: nothing in it is run, and any text ends in a cell or an InputError, quickly."""

from __future__ import annotations

import os
import random
import time

import pytest

from derive.errors import InputError
from derive.reader import read_equations, read_note

HOSTILE = [
    "__import__('os').system('exit 1')",
    "h_t = __import__('os')",
    r"h_t = \operatorname{eval}(x_t)",
    "h_t = exec(x_t)",
    r"\write18{ls}",
    r"\input{/etc/passwd}",
    r"\def\x{\x\x}\x",
    "{" * 10_000 + "}" * 10_000,
    "h_t = " + "(" * 9_000 + "x_t" + ")" * 9_000,
    "h_t = " + "[" * 9_000,
    "h_t = " + r"\hat" * 4_000 + " x_t",
    "h_t = " + r"\frac" * 3_000,
    "h_t = " + r"\mathbf{" * 2_000 + "x" + "}" * 2_000,
    "h_t = " + r"\sqrt{" * 60 + "x_t" + "}" * 60,
    "h_t = " + "x_" * 9_000 + "t",
    "h_t = x" + "^{2" * 60 + "}" * 60,
    "h_t = x_t" + "'" * 15_000,
    "h_t = " + "-" * 15_000 + "x_t",
    "h_t = " + "," * 15_000,
    "h_t = " + "\\\\" * 9_000,
    "h_t = " + "|" * 15_000,
    "h_t = " + "1/" * 9_000 + "1",
    "h_t = " + r"\tanh " * 2_500 + "x_t",
    "h_t = (x_t)" + "^2" * 6_000,
    "h_t = " + r"\sum_i " * 2_000 + "x_i",
    "h_t = " + "(" * 40 + "9" + ")^{60}" * 40 + "W x_t",
    "h_t = x_t^{" + "9" * 15_000 + "}",
    "h_t = W x_t + " + "x" * 30_000,
    "h_t = W @ x_t + " + "a_" * 9_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_quickly(text):
    start = time.process_time()
    with pytest.raises(InputError) as caught:
        read_equations([text])
    assert len(str(caught.value)) < 2_000
    assert time.process_time() - start < 2


def test_a_deep_formula_within_the_bounds_is_read():
    cell = read_equations(["h_t = " + "(" * 45 + "W x_t" + ")" * 45])
    assert cell.output.name == "h"


def test_many_letters_with_scripts_are_no_long_name():
    cell = read_equations([r"\mathbf{u}_t = W x_t" + r" + \mathbf{u}_{t-1}^{2}" * 100])
    assert [q.name for q in cell.states] == ["u"]


def test_functions_within_functions_are_read():
    cell = read_equations(["h_t = W x_t + " + r"\tanh(1 + " * 45 + "h_{t-1}" + ")" * 45])
    assert [q.name for q in cell.states] == ["h"]


def test_a_long_formula_within_the_bounds_is_read():
    start = time.process_time()
    cell = read_equations(["h_t = W x_t" + " + h_{t-1} \\odot b" * 900])
    assert [q.name for q in cell.states] == ["h"]
    assert time.process_time() - start < 2


SEEDS = [
    r"h(t) = tanh(a^{(t)}), \quad a_t = W x_t",
    r"s_t = f(Ux_t + Ws_{t-1})\tag{2}",
    "net_t = Ux_t + Ws_{t-1} \\\\ s_{t-1} = f(net_{t-1})\\\\",
    r"i_t = \sigma(\mathbf{W}_{xi} \cdot X_t + \mathbf{W}_{hi} \cdot i_{t-1} + \mathbf{b}_i)",
    r"\Gamma_f^{\langle t \rangle} = \sigma(W_f [\Gamma_f^{<t-1>}, x^{<t>}] + b_f)",
    r"L_t = -\sum_i y_{t,i} \log y_{t,i}",
    "h_t = tanh(W_xh @ x_t + W_hh @ h[t-1] + b_h)",
    r"h_t = \left[\begin{matrix} x_t \\ h_{t-1} \end{matrix}\right]^\top",
    r"\begin{aligned} z_t &= \sigma(W x_t) \\ h_t &= (1-z_t)\odot h_{t-1} + z_t |x_t|\end{aligned}",
]
PIECES = [
    r"\frac", "{",
    "}", "(", ")", "[", "]", "_", "^", "t", "-1", "=", ",", r"\\", "&", r"\odot", r"\sum_i", r"\hat", "'",
    "|", r"\|", "<", ">", r"\mathbf{1}", r"\begin{matrix}", r"\end{matrix}", "1", "2/3", "/", "*", "@", "+", "-",
    "h_t",
    "x_{t-1}", "W", "T", r"\top", r"\partial", "...", ";", "0", r"\tanh", r"\sigma", "W_xh", "\n", "ŷ", "\u0302", "ₜ",
    ".",
    "$", "\\", "%", "e", "E_{", "\u200b", "中", "\0", "\t", "😀", "#", "`", "\\quad (", "\\left", "\\in", "R",
]  # fmt: skip
WHERE = [
    r"x_t \in \mathbb{R}^{D}", "output: h_t", "input: x_t", r"\phi(a) = a^2", "h_0 = 0", r"assume: \sum_i y_{t,i} = 1",
    "D = H", r"W \in R^{2H \times D+H}",
]  # fmt: skip


def mutated(generator, text):
    for _ in range(generator.randint(0, 4)):
        start = generator.randint(0, len(text))
        stop = start + generator.choice([0, 0, 1, 2, 5])
        text = text[:start] + generator.choice(PIECES) * generator.choice([1, 1, 1, 2]) + text[stop:]
    return text


def outcome(read, *arguments):
    """None, or the error that the text ends in; anything else is raised."""
    try:
        read(*arguments)
    except InputError as error:
        return error
    return None


@pytest.mark.parametrize("seed", range(4 if os.environ.get("BACKPROOF_FULL_FIGURES") else 1))
def test_mutated_text_ends_in_a_cell_or_an_input_error(seed):
    generator = random.Random(seed)
    for _ in range(400):
        equation = mutated(generator, generator.choice(SEEDS))
        where = mutated(generator, generator.choice(WHERE)) if generator.random() < 0.5 else ""
        note = f"# T\n\n> $$\n> {equation}\n> $$\n\nwhere ${where}$\n"
        for error in (outcome(read_equations, [equation], [where] if where else []), outcome(read_note, note)):
            assert error is None or error.place is not None, equation
