"""Rewritings that no cell's page tests by itself."""

from __future__ import annotations

from derive import catalogue
from derive.adjoint import differentiate
from derive.nodes import Adjoint, Quantity, T, matmul, scale, size, sum_over_time, t, transpose
from derive.simplify import constants_out
from verify.proof import identical

H, N = size("H"), size("N")
W, d = Quantity("W", H, N), Adjoint(Quantity("h", H, 1, t))


def test_what_does_not_change_stands_before_the_sum():
    value = sum_over_time(scale(2, matmul(transpose(W), d)), t, 1, T)
    assert constants_out(value) == matmul(transpose(W), sum_over_time(scale(2, d), t, 1, T))
    outer = sum_over_time(matmul(d, transpose(Quantity("x", N, 1, t))), t, 1, T)
    assert constants_out(outer) == outer
    assert constants_out(d) == d


def test_the_gradient_of_an_input_that_is_the_same_at_every_step():
    derivation = differentiate(catalogue.find("rnn_caption"))
    program, value = derivation.program, derivation.by_name["v"].value
    moved = constants_out(value)
    assert moved == matmul(transpose(program.quantities["W_ih"]), sum_over_time(value.term.args[-1], t, 1, T))
    assert identical(Adjoint(program.quantities["v"]), moved, program).proved
