"""The constructors take numbers, symbols and nodes, and no text, which SymPy would evaluate."""

from __future__ import annotations

import pytest
from sympy import OneMatrix, SympifyError

from derive.nodes import (
    Quantity,
    Slice,
    add,
    block,
    exchanged,
    hadamard,
    matmul,
    ones,
    power,
    scale,
    size,
    sum_over_time,
    t,
)

H = size("H")
h, W = Quantity("h", H, 1, t), Quantity("W", H, H)
TEXT = "__import__('os').getcwd()"


@pytest.mark.parametrize(
    "made",
    [
        lambda: scale("1/2", h),
        lambda: scale(TEXT, h),
        lambda: power(h, "2"),
        lambda: ones("H"),
        lambda: block(0, h, "0", "1"),
        lambda: Slice(0, h, 0, "1"),
        lambda: Quantity("h", "H"),
        lambda: Quantity("h", H, 1, "t"),
        lambda: sum_over_time(h, t, "1", 3),
    ],
)
def test_no_node_is_made_of_text(made):
    with pytest.raises(SympifyError):
        made()


def test_ones_times_ones_count():
    assert matmul(ones(1, H), ones(H), ones(1, H), h) == scale(H, matmul(ones(1, H), h))
    assert matmul(ones(H), ones(1, H), h) == matmul(ones(H), ones(1, H), h)
    assert matmul(ones(H), ones(1, H)).args == (OneMatrix(H, 1), OneMatrix(1, H))


@pytest.mark.parametrize(
    "term",
    [h, scale(2, h), scale(-1, matmul(W, h)), hadamard(h, h), add(h, matmul(W, W, h)), scale(0, h)],
    ids=["there", "twice", "cancels", "new", "sum", "zero"],
)
@pytest.mark.parametrize("k", [0, 1, 2])
def test_a_term_exchanged_is_what_add_makes_of_it(k, term):
    total = add(h, matmul(W, h), scale(3, ones(H)))
    assert exchanged(total, k, term) == add(*total.args[:k], term, *total.args[k + 1 :])
