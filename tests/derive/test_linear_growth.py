"""How reading, deriving and generating grow with the number of equations, in functions called."""

from __future__ import annotations

import sys

import pytest

from derive.calculus.adjoint import differentiate
from derive.calculus.vanishing import vanishing
from derive.reader import read_note
from derive.targets import numpy as numpy_target
from derive.targets import pages

WHERE = r"$x_t \in \mathbb{R}^{D}$"
LENGTHS = (15, 30, 60)


def note(rows, where=(WHERE,)):
    equations = " \\\\\n".join(rows)
    lines = "\n\n".join(f"where {line}" for line in where)
    return f"# Chain\n\n$$\n\\begin{{aligned}}\n{equations}\n\\end{{aligned}}\n$$\n\n{lines}\n"


def plain(length):
    """Each link of the one before it."""
    rows = [r"p_{0,t} &= \tanh(W x_t + U h_{t-1} + b)"]
    rows += [rf"p_{{{k},t}} &= \sigma(p_{{{k - 1},t}}) + h_{{t-1}}" for k in range(1, length)]
    return note([*rows, rf"h_t &= \tanh(p_{{{length - 1},t}})"])


def gated(length):
    """Each link of the two before it, and of one weight that all share."""
    rows = [r"p_{0,t} &= \tanh(W x_t + U h_{t-1} + b)", r"p_{1,t} &= \sigma(W x_t + U h_{t-1} + b)"]
    rows += [
        rf"p_{{{k},t}} &= \sigma(U p_{{{k - 1},t}} + p_{{{k - 1},t}} \odot p_{{{k - 2},t}})" for k in range(2, length)
    ]
    return note([*rows, rf"h_t &= p_{{{length - 1},t}} \odot p_{{{length - 2},t}}"])


def with_own_sizes(length):
    """Each link has a size with a letter of its own."""
    rows = [r"p_{0,t} &= \tanh(W_{0} x_t + U h_{t-1})"]
    rows += [rf"p_{{{k},t}} &= \tanh(W_{{{k}}} p_{{{k - 1},t}} + b_{{{k}}})" for k in range(1, length)]
    sizes = [r"$W_{0} \in \mathbb{R}^{N_{0} \times D}$"]
    sizes += [rf"$W_{{{k}}} \in \mathbb{{R}}^{{N_{{{k}}} \times N_{{{k - 1}}}}}$" for k in range(1, length)]
    return note([*rows, rf"h_t &= \tanh(V p_{{{length - 1},t}})"], [WHERE, *sizes])


def stacked(length):
    """As many states as equations, each of the one below it."""
    rows = [r"s_{0,t} &= \tanh(W x_t + U_{0} s_{0,t-1})"]
    rows += [rf"s_{{{k},t}} &= \tanh(W_{{{k}}} s_{{{k - 1},t}} + U_{{{k}}} s_{{{k},t-1}})" for k in range(1, length)]
    return note(rows)


def calls(work):
    """How many functions `work` calls, and what it returns."""
    found = 0

    def count(frame, event, argument):
        nonlocal found
        found += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        made = work()
    finally:
        sys.setprofile(before)
    return found, made


def is_linear(counts, slack=1.25):
    """Whether twice the equations take twice the work: what is added grows as they do."""
    short, middle, long = counts
    return long - middle <= 2 * slack * (middle - short)


@pytest.mark.parametrize("chain", [plain, gated, with_own_sizes])
def test_reading_and_deriving_are_linear_in_the_equations(chain):
    reading, deriving = [], []
    differentiate(read_note(chain(10)))  # what is imported and kept at the first use
    for length in LENGTHS:
        text = chain(length)
        read, cell = calls(lambda text=text: read_note(text))
        reading.append(read)
        deriving.append(calls(lambda cell=cell: differentiate(cell))[0])
    assert is_linear(reading), reading
    assert is_linear(deriving), deriving


@pytest.mark.parametrize("chain", [plain, gated])
def test_generating_is_linear_in_the_equations(chain):
    numpy_target.module(differentiate(read_note(chain(10))))
    made = [differentiate(read_note(chain(length))) for length in LENGTHS]
    lowering = [calls(lambda derivation=derivation: numpy_target.module(derivation))[0] for derivation in made]
    assert is_linear(lowering), lowering


def test_sums_of_sizes_are_added_up_once():
    """Rows of stacked parts are sums of as many letters as there are parts above: never more than a sum for each."""
    numpy_target.module(differentiate(read_note(with_own_sizes(10))))
    made = [differentiate(read_note(with_own_sizes(length))) for length in LENGTHS]
    lowering = [calls(lambda derivation=derivation: numpy_target.module(derivation))[0] for derivation in made]
    assert is_linear(lowering, slack=1.8), lowering


def test_pages_do_not_write_out_a_block_for_every_two_states():
    short, long = (differentiate(read_note(stacked(length))) for length in (15, 30))
    pages.text(long)  # what is kept of the last one is of neither
    (few, written), (many, more) = (calls(lambda made=made: pages.text(made)) for made in (short, long))
    assert many < 3 * few, (few, many)
    assert len(more) < 2.5 * len(written)


def test_bounds_do_not_multiply_out_what_doubles_with_every_equation():
    short, long = (differentiate(read_note(plain(length))) for length in (5, 10))
    vanishing(short)
    few, _ = calls(lambda: vanishing(short))
    many, (section,) = calls(lambda: vanishing(long))
    assert len(section.items) > 5  # a bound was found
    assert many < 8 * few, (few, many)
