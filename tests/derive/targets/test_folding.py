"""Long formulas are cut before operations, within few brackets, and every bracket of a line is closed in it."""

from __future__ import annotations

import re

import pytest

from derive.targets.pages.folding import folded
from derive.targets.pages.model import Display


def lines(formula: str, width: int) -> list[str]:
    return [right for _, right in folded(Display(1, (("", formula),)), len, width).lines]


def test_terms_are_parted_before_factors_and_factors_before_what_stands_deeper():
    assert lines("= a + b", 20) == ["= a + b"]
    assert lines("= aaaa + bbbb + cccc", 12) == ["= aaaa", r"\quad {}+ bbbb", r"\quad {}+ cccc"]
    assert lines(r"= (aa + bb) \odot (cc + dd)", 15) == ["= (aa + bb)", r"\quad {}\odot (cc + dd)"]
    assert lines("= (aa + bb) (cc + dd)", 14) == ["= (aa + bb)", r"\quad {}\cdot (cc + dd)"]


def test_every_left_has_a_right_in_its_line():
    found = lines(r"= \left(aaaaaaaa + bbbbbbbb + \left(cccccccc + dddddddd\right)\right)", 22)
    assert len(found) > 2
    assert all(line.count(r"\left") == line.count(r"\right") for line in found)


@pytest.mark.parametrize(
    "formula",
    [
        r"= \frac{aaaaaaaa + bbbbbbbb}{cccccccc}",
        r"= \sum_{k = 1}^{T + 1} aaaaaaaaaaaaaaaa",
        "= f(aaaaaaaaaaaaaaaaaaaa)",
    ],
)
def test_what_cannot_be_cut_stays(formula):
    assert lines(formula, 12) == [formula]


def test_nothing_is_lost():
    formula = r"= \left(a + \tfrac{1}{H} (b - c)\right) (d \odot e) + \lVert f \rVert - g^\top"
    joined = " ".join(lines(formula, 20))
    signs = r"\\quad \{\}|\\left\. |\\right\.|\\cdot | "
    assert re.sub(signs, "", joined) == re.sub(" ", "", formula)


def test_a_left_side_that_fills_the_line_stands_alone():
    display = folded(Display(1, ((r"aaaaaaaaaaaaaaaa", "= bbbbbbbbbb"),)), len, 20)
    assert display.lines == (("", "aaaaaaaaaaaaaaaa"), ("", r"\quad {}= bbbbbbbbbb"))
