from __future__ import annotations

import by_hand
import numpy as np
import pytest

from verify.numbers.case import Case


def draw(cell, sizes, T=4, B=3):
    return Case.draw(cell, sizes, T, B, np.random.default_rng(0))


def shapes(case):
    return {name: value.shape for name, value in case.given.items()}


def test_arrays_have_the_layout_of_the_code():
    case = draw(by_hand.peephole(), {"D": 2, "H": 5, "K": 7})
    assert shapes(case) == {
        "W": (5, 2),
        "p": (5,),
        "R": (5, 7),
        "Q": (5, 2),
        "V": (7, 5),
        "a": (7,),
        "x": (4, 3, 2),
        "u": (4, 3, 7),
        "v": (3, 2),
        "c": (3, 5),
    }
    assert case.d_output.shape == (4, 3, 7)
    assert {name: seed.shape for name, seed in case.d_final.items()} == {"c": (3, 5)}
    assert case.differentiable == ("W", "p", "R", "Q", "V", "a", "x", "u", "v", "c")


def test_a_scalar_parameter_has_no_axis_and_a_size_of_one_keeps_its_own():
    assert shapes(draw(by_hand.attentive(), {"D": 1, "H": 2})) == {
        "W": (2, 1),
        "U": (2, 2),
        "M": (2, 1),
        "lambda": (),
        "x": (4, 3, 1),
        "h": (3, 2),
    }


def test_a_head_has_losses_and_no_gradient_of_its_target():
    case = draw(by_hand.cross_entropy(), {"H": 2, "K": 3})
    assert case.d_output.shape == (4, 3)
    assert case.differentiable == ("V", "a", "h")
    np.testing.assert_allclose(case.given["y"].sum(axis=-1), 1.0)


def test_states_are_not_zero():
    assert np.abs(draw(by_hand.lstm(), {"D": 2, "H": 3}).given["c"]).min() > 0


def test_the_examples_of_a_batch():
    case = draw(by_hand.peephole(), {"D": 2, "H": 5, "K": 7})
    examples = case.examples()
    assert len(examples) == 3
    np.testing.assert_array_equal(examples[1].given["x"][:, 0], case.given["x"][:, 1])
    np.testing.assert_array_equal(examples[2].given["v"][0], case.given["v"][2])
    np.testing.assert_array_equal(examples[2].given["c"][0], case.given["c"][2])
    np.testing.assert_array_equal(examples[0].given["W"], case.given["W"])


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_a_case_in_another_number_type(dtype):
    case = draw(by_hand.rnn(), {"D": 2, "H": 3}).cast(dtype)
    assert {a.dtype for a in (*case.given.values(), case.d_output, *case.d_final.values())} == {np.dtype(dtype)}
