"""How the work grows with the number of equations, counted: rates of change found, parts of formulas built.

The chains double when they are written out: every link reads what stands before it more than once.
"""

from __future__ import annotations

import pytest

from derive.calculus.adjoint import differentiate
from derive.calculus.bptt import is_long, jacobian
from derive.nodes import Adjoint, parts_in, t
from derive.reader import read_note
from verify.formulas import deciding
from verify.formulas.claims import check
from verify.formulas.judgement import Word
from verify.mistakes.context import context_of
from verify.mistakes.forms import LARGEST
from verify.truth.world import World

PRODUCTS = r"\tanh(V {0} + {0} \odot {1})"
SQUARES = r"({0} + {1}) \odot ({0} - {1})"
LINKS = pytest.mark.parametrize("link", [PRODUCTS, SQUARES], ids=["products", "squares"])


def chain(length, link):
    """A cell of so many equations, each link of the two before it."""
    names = [f"p_{{{letter},t}}" for letter in ("a", "b", *(f"{c}{k}" for k in range(9) for c in "cdefgijklmn"))]
    names = names[: length - 1]
    rows = [rf"{names[0]} &= \tanh(W x_t + U h_{{t-1}} + b)", rf"{names[1]} &= \sigma({names[0]})"]
    rows += [f"{names[k]} &= {link.format(names[k - 1], names[k - 2])}" for k in range(2, length - 1)]
    rows.append(rf"h_t &= {names[-1]} \odot {names[-2]}")
    equations = " \\\\\n".join(rows)
    where = (
        r"where $x_t \in \mathbb{R}^{D}$, $V \in \mathbb{R}^{H \times H}$"
        if "V" in link
        else r"where $x_t \in \mathbb{R}^{D}$"
    )
    return read_note(f"# Chain\n\n$$\n\\begin{{aligned}}\n{equations}\n\\end{{aligned}}\n$$\n\n{where}\n"), names


@LINKS
def test_all_gradients_at_a_point_take_rates_linear_in_the_equations(link):
    found = {}
    for length in (10, 20, 40):
        cell, _ = chain(length, link)
        world = World.draw(cell)
        for quantity in cell.quantities.values():
            world.adjoint((quantity.name, None if quantity.time is None else 1), quantity)
        found[length] = world.responses.found
    assert found[40] - found[20] <= 2.1 * (found[20] - found[10])


@LINKS
def test_true_forms_do_not_double(link):
    for length in (10, 20, 40):
        cell, _ = chain(length, link)
        derivation = differentiate(cell)
        first = cell.equations[0].symbol
        for form in context_of(derivation, Adjoint(first)).forms:
            assert parts_in(form) <= LARGEST


@LINKS
def test_a_jacobian_that_doubles_is_not_written_out(link):
    short, long = (differentiate(chain(length, link)[0]) for length in (5, 40))
    (state,) = short.program.states
    assert jacobian(short, state, state.at(t - 1)) is not None
    assert not is_long(short, state, state.at(t - 1))
    assert jacobian(long, state, state.at(t - 1)) is None
    assert is_long(long, state, state.at(t - 1))


@LINKS
def test_a_wrong_formula_about_thirty_equations_is_explained(link):
    cell, names = chain(30, link)
    said = (
        rf"\frac{{\partial J}}{{\partial b}} = \sum_t \frac{{\partial J}}{{\partial {names[0]}}} \odot (1 - {names[0]})"
    )
    (found,) = check(said, cell)
    assert found.word is Word.WRONG
    assert found.mistakes
    assert found.correct is not None


def test_a_counterexample_is_computed_once_and_only_where_it_is_told(monkeypatch):
    cell, names = chain(4, PRODUCTS)
    told = []
    real = deciding.case_of
    monkeypatch.setattr(deciding, "case_of", lambda *given: told.append(given) or real(*given))
    said = rf"\frac{{\partial J}}{{\partial b}} = \sum_t \frac{{\partial J}}{{\partial {names[0]}}} \odot {names[0]}"
    (found,) = check(said, cell)
    assert found.counterexample
    assert len(told) == 1
