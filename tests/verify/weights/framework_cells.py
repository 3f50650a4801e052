"""Cells of the catalogue and their modules by name."""

from __future__ import annotations

from functools import cache

from derive import catalogue
from derive.calculus.adjoint import differentiate
from derive.targets import numpy as numpy_target
from verify.numbers.load import load


@cache
def cell(name):
    return catalogue.find(name)


@cache
def module(name):
    return load(numpy_target.module(differentiate(cell(name))), name)


def parameters(name, rng, D=3, H=5):
    others = {str(letter): 4 for letter in cell(name).sizes if str(letter) not in "DH"}
    return module(name).init(D=D, H=H, **others, rng=rng)
