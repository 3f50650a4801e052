"""The curves of a figure: a cell with recurrent parameters of chosen norms, run over random inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.calculus.vanishing import Reach, reach
from derive.cell import Cell
from derive.errors import InputError
from derive.nodes import Norm, Quantity
from derive.targets import TARGETS
from derive.targets.formula import latex, text
from verify.gradient_norms.numbers import Steps, bounds, direct_norms, jacobians
from verify.numbers.case import Case
from verify.numbers.load import load

RADII = (0.5, 1.0, 1.5)
STEPS = 40
SEED = 0
WIDTH = 16  # of the states; other sizes count up from half of it
INPUT = 0.25  # inputs small enough that the functions do not saturate whatever the parameters are
DIGITS = 3
"""Significant digits that are told: rounding errors differ between machines, and stay far below."""


@dataclass(frozen=True)
class Curve:
    """‖∂s_t/∂s_0‖ for t = 0, 1, ..., its bound, and the norm along the direct path (None without one)."""

    radius: float
    norms: tuple[float, ...]
    bounds: tuple[float, ...] | None
    direct: tuple[float, ...] | None


@dataclass(frozen=True)
class Measured:
    """The curves of one cell, for every radius; `found` is its bound, or the reason why it has none."""

    cell: Cell
    derivation: Derivation
    found: Reach | str
    curves: tuple[Curve, ...]

    def to_json(self) -> dict[str, Any]:
        """One entry of `cells` in the output of `backproof norms --json`."""
        letters = self.cell.notation
        known = None if isinstance(self.found, str) else self.found.rate
        return {
            "states": [state.name for state in self.cell.states],
            "rate": known and {"latex": latex(known, letters), "text": text(known, letters)},
            "no_bound": self.found if isinstance(self.found, str) else None,
            "curves": [
                {"radius": c.radius, "norms": c.norms, "bounds": c.bounds, "direct_path": c.direct} for c in self.curves
            ],
        }


def measured(cell: Cell, radii: Sequence[float] = RADII, steps: int = STEPS) -> Measured:
    """Norms of the generated module's Jacobians over `steps` steps. Raises InputError where there are none."""
    if not cell.states:
        raise InputError(f"{cell.title} has no states: nothing reaches from step to step", hint="name a recurrent cell")
    if any(state.shape[1] != 1 for state in cell.states):
        raise InputError(f"a state of {cell.title} is a matrix: its response to another has no matrix norm")
    if cell.open_functions:
        name = cell.open_functions[0].name
        raise InputError(
            f"{cell.title} leaves the function {name} open, and the norms depend on it",
            hint=rf"say in the note what it is, as in ${name} = \tanh$",
        )
    derivation = differentiate(cell)
    module = load(TARGETS["numpy"].render(derivation, None, cell.name), cell.name)
    found = reach(derivation)
    curves = []
    for radius in radii:
        case = _case(derivation, found, radius, steps)
        norms = [float(np.linalg.norm(jacobian, 2)) for jacobian in jacobians(module, case)]
        if isinstance(found, str):
            curves.append(Curve(radius, _rounded(norms), None, None))
            continue
        run = Steps(derivation.program, case)
        direct = direct_norms(found, run)
        curves.append(
            Curve(radius, _rounded(norms), _rounded(bounds(found, run)), None if direct is None else _rounded(direct))
        )
    return Measured(cell, derivation, found, tuple(curves))


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS - 1}e}") for value in values)


def _case(derivation: Derivation, found: Reach | str, radius: float, steps: int) -> Case:
    """Random data; every parameter in the bound has the norm `radius`, a square matrix also that spectral radius."""
    cell = derivation.cell
    carried = [str(letter) for state in cell.states for letter in state.shape[0].free_symbols]
    others = [str(letter) for letter in cell.sizes if str(letter) not in carried]
    sizes = dict.fromkeys(carried, WIDTH) | {letter: WIDTH // 2 + k for k, letter in enumerate(others)}
    rng = np.random.default_rng(SEED)
    case = Case.draw(cell, sizes, steps, 1, rng)
    given = {**case.given, **{q.name: INPUT * case.given[q.name] for q in cell.inputs}}
    for norm in sorted(() if isinstance(found, str) else found.rate.atoms(Norm), key=str):
        parameter = norm.operand
        if isinstance(parameter, Quantity) and parameter.time is None:
            value = given[parameter.name]
            if value.ndim == 2 and value.shape[0] == value.shape[1]:
                value = np.linalg.qr(rng.normal(size=value.shape))[0]
            size = np.abs(value).max() if norm.largest or value.ndim < 2 else np.linalg.norm(value, 2)
            given[parameter.name] = radius * value / size
    return replace(case, given=given)
