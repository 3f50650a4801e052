"""Sequences of different lengths in one batch, over all registered cells and heads: as if each were run alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_properties import assert_close, assert_refused, module, standard

from derive.calculus.adjoint import differentiate
from derive.reader import read_note
from derive.targets import numpy as numpy_target
from verify.numbers.case import Case
from verify.numbers.load import load

LENGTHS = np.array([3, 0, 5, 1])
ODD = {
    "matrix state, constant input": r"""$$ M_t = \lambda M_{t-1} + (V x_t)(K x_t)^\top $$
$$ h_t = M_t (Q x_t) + P v $$

where $M_t \in \mathbb{R}^{H \times N}$, $\lambda = 0.9$
input: $v$
""",
    "two inputs, two states of two sizes": r"""$$ m_t = \tanh(A m_{t-1} + W x_t) $$
$$ h_t = \tanh(U h_{t-1} + V m_t + Q m_{t-1} + R u_t) $$""",
    "output after the loop": r"""$$ h_t = \tanh(W x_t + U h_{t-1} + b) $$
$$ o_t = V h_{t-1} + R x_t $$

output: $o_t$
""",
    "a state that only the step before made": "$$ h_t = \\tanh(W x_t) $$\n\n$$ o_t = V h_{t-1} $$\n\noutput: $o_t$\n",
    "a loss of its own": r"""$$ h_t = \tanh(W x_t + U h_{t-1} + b) $$
$$ L_t = \frac{1}{2} \lVert y_t - V h_t \rVert^2 $$

input: $x_t$
target: $y_t$
output: $L_t$
""",
    "undefined at zero": r"""$$ a_t = W x_t $$
$$ h_t = U h_{t-1} + \frac{a_t}{|a_t|} $$""",
}


def ragged(cell, lengths=LENGTHS):
    return replace(standard(cell, T=5, B=len(lengths)), lengths=lengths)


def test_an_empty_sequence_asks_nothing_of_functions_that_zero_is_no_argument_of() -> None:
    cell = read_note(f"# Odd\n\n{ODD['undefined at zero']}", "odd.md")
    made, case = load(numpy_target.module(differentiate(cell)), "odd"), ragged(cell)
    given = {**case.given, "x": np.where(np.arange(5)[:, None, None] < LENGTHS[:, None], case.given["x"], np.nan)}
    case = replace(case, given=given)
    found = case.backward(made)
    alone = replace(case, lengths=LENGTHS[[0, 2, 3]], d_output=case.d_output[:, [0, 2, 3]])
    alone = replace(alone, given={**given, "x": given["x"][:, [0, 2, 3]], "h": given["h"][[0, 2, 3]]})
    alone = replace(alone, d_final={"h": case.d_final["h"][[0, 2, 3]]})
    wanted = alone.backward(made)
    assert_close({"W": found["W"], "U": found["U"]}, {"W": wanted["W"], "U": wanted["U"]})
    assert not found["x"][:, 1].any()


def timed(cell):
    return [q.name for q in cell.inputs if q.time is not None]


def together(case, runs):
    """Outputs, final states and gradients of sequences that were run alone, put into one batch."""
    cell = case.cell
    outputs = np.zeros_like(case.d_output)
    final = {s.name: np.concatenate([run[1][s.name] for _, run, _ in runs]) for s in cell.states}
    gradients = {name: np.zeros_like(case.given[name]) for name in case.differentiable}
    shared = {p.name for p in cell.parameters}
    for k, (one, run, found) in enumerate(runs):
        outputs[: one.T, k : k + 1] = run[0]
        for name, value in found.items():
            if name in shared:
                gradients[name] = gradients[name] + value
            elif name in timed(cell):
                gradients[name][: one.T, k : k + 1] = value
            else:
                gradients[name][k : k + 1] = value
    return outputs, final, gradients


def assert_as_if_alone(code, case):
    outputs, final, _ = case.forward(code)
    gradients = case.backward(code)
    wanted = together(case, [(one, one.forward(code), one.backward(code)) for one in case.examples()])
    assert_close({"ys": outputs}, {"ys": wanted[0]})
    assert_close({name: final[name] for name in wanted[1]}, wanted[1])
    assert_close(gradients, wanted[2])
    past = np.arange(case.T)[:, None] >= case.lengths
    assert not outputs[past].any(), "exactly zero past the end"
    assert all(not gradients[name][past].any() for name in timed(case.cell) if name in gradients)


@settings(max_examples=10)
@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_as_if_every_sequence_were_run_alone(registered, lengths):
    assert_as_if_alone(module(registered.name), ragged(registered, np.array(lengths)))


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("lengths", [[3, 2, 5, 1], [4, 1]])
def test_cells_out_of_the_ordinary(name, lengths):
    cell = read_note(f"# Odd\n\n{ODD[name]}", name)
    assert_as_if_alone(load(numpy_target.module(differentiate(cell))), ragged(cell, np.array(lengths)))


def padded(case: Case, value) -> Case:
    """The same case with something else past the ends."""
    past = np.arange(case.T)[:, None] >= case.lengths
    spoilt = {name: case.given[name].copy() for name in timed(case.cell)}
    d_output = case.d_output.copy()
    for array in (*spoilt.values(), d_output):
        array[past] = value
    return replace(case, given={**case.given, **spoilt}, d_output=d_output)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300, 7.0])
def test_padding_has_no_influence(registered, value):
    code, case = module(registered.name), ragged(registered)
    spoilt = padded(case, value)
    outputs, final, _ = case.forward(code)
    same, same_final, _ = spoilt.forward(code)
    assert np.array_equal(outputs, same)
    assert all(np.array_equal(final[name], same_final[name]) for name in final)
    assert_close(spoilt.backward(code), case.backward(code), 0.0)


def test_a_mask_is_its_lengths(registered):
    code, case = module(registered.name), ragged(registered)
    masked = replace(case, lengths=np.arange(case.T)[:, None] < LENGTHS)
    assert np.array_equal(masked.forward(code)[0], case.forward(code)[0])
    assert_close(masked.backward(code), case.backward(code), 0.0)


def test_full_lengths_change_nothing(registered):
    code, case = module(registered.name), standard(registered)
    full = replace(case, lengths=np.full(case.B, case.T))
    assert np.array_equal(full.forward(code)[0], case.forward(code)[0])
    assert_close(full.backward(code), case.backward(code), 0.0)


def test_no_steps_or_only_empty_sequences(registered):
    code = module(registered.name)
    none = replace(standard(registered, T=0, B=2), lengths=np.array([0, 0]))
    for case in (none, ragged(registered, np.array([0, 0]))):
        _, final, _ = case.forward(code)
        gradients = case.backward(code)
        for state in registered.states:
            assert np.array_equal(final[state.name], case.given[state.name])
            assert np.array_equal(gradients[state.name], case.d_final[state.name])
        for parameter in registered.parameters:
            assert not gradients[parameter.name].any()


def test_nothing_passed_in_is_written_to(registered):
    code, case = module(registered.name), ragged(registered, LENGTHS.copy())
    for array in (*case.given.values(), case.d_output, *case.d_final.values(), case.lengths):
        array.flags.writeable = False
    outputs, final, cache = case.forward(code)
    wanted = case.backward(code)
    outputs += 1.0
    for name in case.d_final:
        final[name] += 1.0
    assert_close(code.backward(cache, case.d_output, **case.d_final), wanted, 0.0)


def test_lengths_may_change_after_forward(registered):
    code, case = module(registered.name), ragged(registered, LENGTHS.copy())
    wanted = case.backward(code)
    _, _, cache = case.forward(code)
    case.lengths[:] = 0
    assert_close(code.backward(cache, case.d_output, **case.d_final), wanted, 0.0)


def test_float32_stays_float32(registered):
    case = ragged(registered).cast(np.float32)
    outputs, final, _ = case.forward(module(registered.name))
    gradients = case.backward(module(registered.name))
    assert {a.dtype for a in (outputs, *final.values(), *gradients.values())} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        (np.array([3, 6, 5, 1]), ["lengths[1] is 6", "T = 5"]),
        (np.array([3, 0, 5, -1]), ["lengths[3] is -1", "from 0"]),
        (np.array([3, 0, 5]), ["(3,)", "(B,) = (4,)"]),
        (np.array([3.0, 0.0, 5.0, 1.0]), ["float64", "integers"]),
        (np.ones((5, 4), int), ["(5, 4)", "int64", "boolean mask"]),
        (np.ones((4, 5), bool), ["(4, 5)", "(T, B) = (5, 4)"]),
        (np.arange(5)[:, None] >= np.array([0, 2, 0, 0]), ["lengths[:, 1]", "after it was false"]),
        ("3051", ["<U4", "integers"]),
    ],
    ids=str,
)
def test_bad_lengths_are_refused(registered, lengths, words):
    wrong = replace(ragged(registered), lengths=lengths)
    assert_refused(lambda: wrong.forward(module(registered.name)), "lengths", *words)
