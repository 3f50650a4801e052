"""What every generated module must do, over all registered cells and heads: the module is the target's text, loaded."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.targets import numpy as numpy_target
from verify.numbers.case import Case, axes
from verify.numbers.evidence import THRESHOLDS, forward_error
from verify.numbers.load import load
from verify.numbers.numeric import complex_step_errors, difference_errors, largest_entry, relative_error
from verify.truth.world import distinct_sizes

CASE = st.tuples(
    st.permutations(range(1, 8)),  # sizes: the first few of them, all different
    st.integers(0, 6),  # T
    st.integers(1, 4),  # B
    st.integers(0, 2**32 - 1),  # seed
)
EXAMPLES = settings(max_examples=6 if os.environ.get("BACKPROOF_FULL_FIGURES") else 4)
SINGLE = 1e-3
"""What float32 may differ by: its rounding error, 6e-8, beside a gradient a thousandth of the largest."""
FEW = settings(max_examples=4)


@cache
def module(name):
    return load(numpy_target.module(differentiate(catalogue.find(name))), name)


def drawn(cell, example, functions=None):
    numbers, T, B, seed = example
    sizes = {str(letter): numbers[k % len(numbers)] + 7 * (k // len(numbers)) for k, letter in enumerate(cell.sizes)}
    return Case.draw(cell, sizes, T, B, np.random.default_rng(seed), functions)


def standard(cell, T=4, B=3):
    sizes = {str(letter): number for letter, number in distinct_sizes(cell).items()}
    return Case.draw(cell, sizes, T, B, np.random.default_rng(7))


def assert_close(got, wanted, limit=THRESHOLDS["complex_step"]):
    assert set(got) == set(wanted)
    largest = largest_entry(wanted)
    errors = {name: relative_error(got[name], wanted[name], largest) for name in wanted}
    assert all(error <= limit for error in errors.values()), errors


def assert_below(errors, limit):
    assert all(error <= limit for error in errors.values()), errors


@EXAMPLES
@given(example=CASE)
def test_backward_is_the_derivative_of_forward(registered, example):
    case = drawn(registered, example)
    code = module(registered.name)
    gradients = case.backward(code)
    assert set(gradients) == set(case.differentiable)
    assert_below(complex_step_errors(code, case, gradients), THRESHOLDS["complex_step"])
    assert_below(difference_errors(code, case, gradients), THRESHOLDS["differences"])


@EXAMPLES
@given(example=CASE)
def test_forward_computes_the_equations(registered, example):
    assert forward_error(module(registered.name), drawn(registered, example)) <= THRESHOLDS["complex_step"]


@pytest.mark.parametrize("choice", ["tanh", "sigmoid", "relu", "identity"])
def test_open_functions_are_chosen_by_name(registered, choice):
    chosen = {f.base: choice for f in registered.open_functions}
    if not chosen:
        return  # nothing to choose
    case = drawn(registered, ((2, 3, 5, 7), 3, 2, 0), chosen)
    code = module(registered.name)
    assert f'FUNCTIONS, as in `{next(iter(chosen))}="relu"`' in code.__doc__
    gradients = case.backward(code)
    assert_below(complex_step_errors(code, case, gradients), THRESHOLDS["complex_step"])
    assert forward_error(code, case) <= THRESHOLDS["complex_step"]
    for name in chosen:
        with pytest.raises(ValueError, match=name):
            replace(case, functions={**chosen, name: "no such function"}).forward(code)


@FEW
@given(example=CASE)
def test_a_batch_is_its_examples(registered, example):
    case = drawn(registered, example)
    code = module(registered.name)
    outputs, final, _ = case.forward(code)
    gradients = case.backward(code)
    single = [(one.forward(code), one.backward(code)) for one in case.examples()]
    assert_close({"ys": outputs}, {"ys": np.concatenate([run[0] for run, _ in single], axis=1)})
    axis = 1 if registered.is_loss else 0
    for name in final:
        assert_close({name: final[name]}, {name: np.concatenate([run[1][name] for run, _ in single], axis=axis)})
    shared = {parameter.name for parameter in registered.parameters}
    timed = {q.name for q in registered.inputs if q.time is not None}
    together = {
        name: sum(g[name] for _, g in single)
        if name in shared
        else np.concatenate([g[name] for _, g in single], axis=1 if name in timed else 0)
        for name in gradients
    }
    assert_close(gradients, together)


def at_step(case, time):
    """The inputs of one step: those given at every step at this one, the others as they are."""
    return {q.name: case.given[q.name] if q.time is None else case.given[q.name][time] for q in case.cell.inputs}


@FEW
@given(example=CASE)
def test_a_sequence_is_its_steps(registered, example):
    case = drawn(registered, example)
    code, cell = module(registered.name), registered
    params = case.named(cell.parameters)
    states = case.named(cell.states)
    caches = []
    outputs = np.empty_like(case.d_output)
    for time in range(case.T):
        first, *rest = at_step(case, time).items()
        outputs[time], after, remembered = code.step(params, first[1], **dict(rest), **states, **case.functions)
        states = {name: after[name] for name in states}
        caches.append(remembered)
    whole, final, _ = case.forward(code)
    assert_close({"ys": whole}, {"ys": outputs})
    assert_close({name: final[name] for name in states}, states)

    gradients = {name: np.zeros_like(case.given[name]) for name in case.differentiable}
    carries = dict(case.d_final)
    timed = {q.name for q in cell.inputs if q.time is not None}
    for time in reversed(range(case.T)):
        found = code.step_backward(caches[time], case.d_output[time], **carries)
        carries = {name: found[name] for name in carries}
        for name in set(gradients) - set(carries):
            if name in timed:
                gradients[name][time] = found[name]
            else:
                gradients[name] = gradients[name] + found[name]
    assert_close(case.backward(code), gradients | carries)


@FEW
@given(example=CASE)
def test_float32_in_float32_out(registered, example):
    case = drawn(registered, example)
    code = module(registered.name)
    small = case.cast(np.float32)
    outputs, final, _ = small.forward(code)
    wide, wide_final, _ = case.forward(code)
    gradients = small.backward(code)
    assert {a.dtype for a in (outputs, *final.values(), *gradients.values())} == {np.dtype(np.float32)}
    assert_close({"ys": outputs}, {"ys": wide}, SINGLE)
    assert_close(final, wide_final, SINGLE)
    assert_close(gradients, case.backward(code), SINGLE)


@FEW
@given(example=CASE)
def test_nothing_passed_in_is_written_to(registered, example):
    case = drawn(registered, example)
    code = module(registered.name)
    arrays = [*case.given.values(), case.d_output, *case.d_final.values()]
    for array in arrays:
        array.flags.writeable = False
    before = [array.copy() for array in arrays]
    first = case.backward(code)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))
    assert_close(case.backward(code), first, 0.0)


def test_what_is_returned_is_the_callers_own(registered):
    """Writing to results changes neither the cache nor what was passed in."""
    case = standard(registered)
    code = module(registered.name)
    before = {name: value.copy() for name, value in case.given.items()}
    wanted = case.backward(code)
    outputs, final, cache = case.forward(code)
    outputs += 1.0
    if not registered.is_loss:  # the named values of a head are views into its cache, to be read
        for value in final.values():
            value += 1.0
    found = code.backward(cache, case.d_output, **case.d_final)
    assert_close(found, wanted, 0.0)
    for value in found.values():
        np.asarray(value)[...] = np.nan
    assert_close(code.backward(cache, case.d_output, **case.d_final), wanted, 0.0)
    assert all(np.array_equal(case.given[name], value) for name, value in before.items())


def test_no_steps_at_all(registered):
    case = standard(registered, T=0, B=1)
    code = module(registered.name)
    outputs, final, _ = case.forward(code)
    assert outputs.shape == case.d_output.shape
    gradients = case.backward(code)
    for state in registered.states:
        assert np.array_equal(final[state.name], case.given[state.name])
        assert np.array_equal(gradients[state.name], case.d_final[state.name])
    for parameter in registered.parameters:
        assert np.array_equal(gradients[parameter.name], np.zeros_like(case.given[parameter.name]))


def test_one_step_of_one_example(registered):
    case = standard(registered, T=1, B=1)
    code = module(registered.name)
    assert_below(complex_step_errors(code, case, case.backward(code)), THRESHOLDS["complex_step"])


def test_states_left_out_are_zero(cell):
    case = standard(cell)
    code = module(cell.name)
    zero = replace(case, given={**case.given, **{s.name: np.zeros_like(case.given[s.name]) for s in cell.states}})
    first, *rest = case.named(cell.inputs).values()
    keywords = dict(list(case.named(cell.inputs).items())[1:])
    outputs, _, cache = code.forward(case.named(cell.parameters), first, **keywords, **case.functions)
    assert len(rest) == len(keywords)
    assert np.array_equal(outputs, zero.forward(code)[0])
    none = replace(zero, d_final={name: np.zeros_like(value) for name, value in case.d_final.items()})
    assert_close(code.backward(cache, case.d_output), none.backward(code), 0.0)


def test_losses_left_alone_count_once_each(head):
    case = standard(head)
    code = module(head.name)
    losses, outputs, cache = case.forward(code)
    assert losses.shape == (case.T, case.B)
    assert set(outputs) >= {e.symbol.name for e in head.equations} - {head.output.name}
    ones = replace(case, d_output=np.ones_like(case.d_output))
    assert_close(code.backward(cache), ones.backward(code), 0.0)
    assert not {target.name for target in head.targets} & set(code.backward(cache))


def test_init_has_the_documented_shapes(registered):
    code = module(registered.name)
    case = standard(registered)
    assert list(code.PARAMETERS) == [p.name for p in registered.parameters]
    assert set(code.STATES) == {s.name for s in registered.states}
    if not registered.is_loss and registered.output in registered.states:
        assert next(iter(code.STATES)) == registered.output.name
    params = code.init(**case.sizes, rng=np.random.default_rng(0))
    assert {name: value.shape for name, value in params.items()} == {
        p.name: case.given[p.name].shape for p in registered.parameters
    }
    again = code.init(**case.sizes, rng=np.random.default_rng(0))
    assert all(np.array_equal(params[name], again[name]) for name in params)
    assert all(np.isfinite(value).all() for value in params.values())


def arguments(case):
    """Every array of a call with the place it goes to: parameter, input or state."""
    cell = case.cell
    return [q.name for q in (*cell.parameters, *cell.inputs, *cell.states)]


def assert_refused(call, name, *words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - what the message must say is checked word by word
        call()
    message = str(caught.value)
    assert name in message, message
    for word in words:
        assert str(word) in message, message


def test_a_wrong_shape_is_refused_by_name(registered):
    case = standard(registered)
    code = module(registered.name)
    for name in arguments(case):
        value = case.given[name]
        # One axis too many is wrong whatever the sizes are.
        wrong = replace(case, given={**case.given, name: value[..., None]})
        assert_refused(lambda wrong=wrong: wrong.forward(code), name, value[..., None].shape, "expected")
    for name in [p.name for p in registered.parameters]:
        value = case.given[name]
        if value.ndim == 2:
            swapped = value.T.copy()
            if swapped.shape != value.shape:
                wrong = replace(case, given={**case.given, name: swapped})
                with pytest.raises(ValueError, match="shape"):
                    wrong.forward(code)


def test_a_batch_of_another_size_is_refused(registered):
    case = standard(registered)
    code = module(registered.name)
    others = [q.name for q in (*registered.inputs[1:], *registered.states)]
    for name in others:
        quantity = next(q for q in (*registered.inputs, *registered.states) if q.name == name)
        axis = 1 if quantity in registered.inputs and quantity.time is not None else 0
        longer = np.concatenate([case.given[name]] * 2, axis=axis)
        wrong = replace(case, given={**case.given, name: longer})
        assert_refused(lambda wrong=wrong: wrong.forward(code), name, longer.shape, case.given[name].shape)


def test_a_wrong_dtype_is_refused_by_name(registered):
    case = standard(registered)
    code = module(registered.name)
    for name in arguments(case):
        wrong = replace(case, given={**case.given, name: np.ones(case.given[name].shape, np.int64)})
        assert_refused(lambda wrong=wrong: wrong.forward(code), name, "int64")
        listed = dict(case.named((*registered.parameters, *registered.inputs, *registered.states)))
        listed[name] = listed[name].tolist()
        params = {p.name: listed[p.name] for p in registered.parameters}
        first, *rest = [(q.name, listed[q.name]) for q in registered.inputs]
        keywords = {**dict(rest), **{s.name: listed[s.name] for s in registered.states}, **case.functions}
        with pytest.raises(ValueError, match=name):
            code.forward(params, first[1], **keywords)


def test_a_missing_parameter_is_named(registered):
    case = standard(registered)
    code = module(registered.name)
    for parameter in registered.parameters:
        params = case.named(registered.parameters)
        del params[parameter.name]
        first, *rest = case.named(registered.inputs).items()
        with pytest.raises(ValueError, match=parameter.name):
            code.forward(params, first[1], **dict(rest), **case.functions)


def test_gradients_of_a_wrong_shape_are_refused_by_name(registered):
    case = standard(registered)
    code = module(registered.name)
    _, _, cache = case.forward(code)
    of_output = "d_losses" if registered.is_loss else "d_ys"
    wrong = case.d_output[:-1]
    assert_refused(lambda: code.backward(cache, wrong, **case.d_final), of_output, wrong.shape, case.d_output.shape)
    assert_refused(lambda: code.backward(cache, case.d_output.astype(int), **case.d_final), of_output, "int64")
    for name, value in case.d_final.items():
        spoilt = {**case.d_final, name: value[:-1]}
        assert_refused(lambda spoilt=spoilt: code.backward(cache, case.d_output, **spoilt), name, value.shape)


def test_only_numpy_and_python_are_imported(registered):
    lines = numpy_target.module(differentiate(registered)).splitlines()
    imports = {line.split()[1].split(".")[0] for line in lines if line.lstrip().startswith(("import ", "from "))}
    assert imports <= {"numpy", "threadpoolctl", *sys.stdlib_module_names}
    assert not any(line.startswith("from threadpoolctl") for line in lines)


def test_shapes_of_the_case_are_those_of_the_module(registered):
    code = module(registered.name)
    case = standard(registered)
    for parameter in registered.parameters:
        if parameter.shape != (1, 1):
            assert axes(parameter, case.sizes) == case.given[parameter.name].shape
            assert len(code.PARAMETERS[parameter.name]) == case.given[parameter.name].ndim
