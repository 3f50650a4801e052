"""All evidence for one cell: exact proof, complex step, central differences, and other engines where installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.targets import numpy as numpy_target
from verify.numbers.apart import here
from verify.numbers.case import Array, Case
from verify.numbers.load import load
from verify.numbers.numeric import FAILED, complex_step_errors, difference_errors, largest_entry, max_of, relative_error
from verify.numbers.oracles import C, Objective, by_equations, gradients_by_jax, gradients_by_torch, objective, values
from verify.truth.proof import prove
from verify.truth.verdict import Verdict
from verify.truth.world import distinct_sizes

THRESHOLDS: Mapping[str, float] = {"complex_step": 1e-12, "differences": 1e-6, "torch": 1e-12, "jax": 1e-12}
"""The largest relative error per gradient with which evidence counts."""

Errors: TypeAlias = "list[dict[str, float] | None]"
Away: TypeAlias = Callable[[Callable[[], Errors]], Errors]

SEED, STEPS, BATCH = 0, 5, 3
LENGTHS = (2, 5, 0)
"""Steps of each sequence where they differ: ended early, full, empty."""


@dataclass(frozen=True)
class GradientEvidence:
    """What is known of one gradient of the generated module; None where an engine is not installed.

    With declared slopes the complex step is taken through the equations with these slopes, and differences are None.

    Errors are the larger ones of two batches: of full sequences, and (not for JAX) of sequences of different lengths.
    """

    verdict: Verdict
    complex_step: float
    differences: float | None
    torch: float | None
    jax: float | None

    @property
    def errors(self) -> dict[str, float | None]:
        """The relative errors by method."""
        return {method: getattr(self, method) for method in THRESHOLDS}

    @property
    def passed(self) -> bool:
        numbers = all(error is None or error <= THRESHOLDS[method] for method, error in self.errors.items())
        return self.verdict.proved and numbers


@dataclass(frozen=True)
class Evidence:
    """All evidence for a cell: per gradient of the module, and the verdicts on the values in between.

    `forward` is the error of the module's outputs and final states against the equations.
    """

    cell: str
    gradients: Mapping[str, GradientEvidence]
    intermediates: Mapping[str, Verdict]
    forward: float
    declared: tuple[str, ...] = ()
    """The functions whose slopes are declared: what is shown is that the gradients follow from these slopes."""

    @property
    def passed(self) -> bool:
        """Whether everything was proved and every error is below its threshold."""
        return (
            all(gradient.passed for gradient in self.gradients.values())
            and all(verdict.proved for verdict in self.intermediates.values())
            and self.forward <= THRESHOLDS["complex_step"]
        )

    def _repr_html_(self) -> str:
        from verify.reports import notebook

        return notebook.evidence_html(self)

    def worst(self, method: str) -> float | None:
        """The largest error of any gradient by one method, None where its engine is not installed."""
        errors = [e for gradient in self.gradients.values() if (e := gradient.errors[method]) is not None]
        return max(errors) if errors else None

    def to_json(self) -> dict[str, Any]:
        """One entry of `cells` in the output of `backproof verify --json`."""
        return {
            "passed": self.passed,
            **({"declared_slopes": list(self.declared)} if self.declared else {}),
            "forward": self.forward,
            "gradients": {
                name: {"proved": found.verdict.proved, **found.errors} for name, found in self.gradients.items()
            },
            "intermediates": {name: {"proved": verdict.proved} for name, verdict in self.intermediates.items()},
        }


def report(evidence: Iterable[Evidence]) -> dict[str, Any]:
    """The evidence of several cells as `backproof verify --json` prints it."""
    return {"cells": {found.cell: found.to_json() for found in evidence}}


def evidence(
    cell: Cell,
    derivation: Derivation | None = None,
    module: ModuleType | None = None,
    progress: Callable[[str], object] = str,
    away: Away = here,
) -> Evidence:
    """Derive, generate, load, and gather all evidence for a cell; `progress` is told the name of every stage.

    A derivation or a module that exists already is judged as it is. `away` does the work of an engine; see `measured`.
    """
    progress("derive")
    derivation = derivation or differentiate(cell)
    progress("generate")
    module = module or load(numpy_target.module(derivation), cell.name)
    progress("prove")
    verdicts = prove(derivation)
    case = standard_case(cell)
    between = {name: verdict for name, verdict in verdicts.items() if name not in case.differentiable}
    return measured(cell.name, module, case, (verdicts, between), objective, forward_error, progress, away)


def measured(
    name: str,
    module: ModuleType,
    case: C,
    verdicts: tuple[Mapping[str, Verdict], Mapping[str, Verdict]],
    objective: Objective[C],
    forward_error: Callable[[ModuleType, C], float],
    progress: Callable[[str], object] = str,
    away: Away = here,
) -> Evidence:
    """The evidence of a module on two batches: `case`, of full sequences, and the same with different lengths.

    `verdicts` are those on the gradients of the module and on the values in between; `objective` and `forward_error`
    are J and the error of the outputs by the equations. `away` does the work of an engine: here, where many cells
    share it, or apart, so that no two engines take memory at once.
    """
    cases = (case, replace(case, lengths=np.array(LENGTHS)))
    both = [(one, one.backward(module)) for one in cases]
    progress("complex step")
    stepped = [complex_step_errors(module, one, found, by_equations(one, objective)) for one, found in both]
    complex_step = _largest(stepped)
    progress("differences")
    differences = {} if case.declared else _largest([difference_errors(module, one, found) for one, found in both])
    progress("torch")
    torch = _largest(
        away(lambda: [errors_against(found, gradients_by_torch(one, objective), one) for one, found in both])
    )
    progress("jax")
    # JAX compiles anew for every shape: it judges the full sequences alone.
    jax = _largest(
        away(lambda: [errors_against(found, gradients_by_jax(one, objective), one) for one, found in both[:1]])
    )
    proved, between = verdicts
    return Evidence(
        name,
        {
            key: GradientEvidence(proved[key], complex_step[key], differences.get(key), torch.get(key), jax.get(key))
            for key in case.differentiable
        },
        between,
        max_of(forward_error(module, one) for one in cases),
        case.declared,
    )


def standard_case(cell: Cell) -> Case:
    """Sizes all different, T and B different from them, random states and seeds."""
    sizes = {str(letter): number for letter, number in distinct_sizes(cell).items()}
    return Case.draw(cell, sizes, STEPS, BATCH, np.random.default_rng(SEED))


def _largest(errors: Sequence[Mapping[str, float] | None]) -> dict[str, float]:
    """The larger error of every gradient; empty where there are none."""
    found = [error for error in errors if error is not None]
    return {name: max_of(error[name] for error in found) for name in (found[0] if found else ())}


def errors_against(
    gradients: Mapping[str, Array], oracle: Mapping[str, Array] | None, case: Case
) -> dict[str, float] | None:
    """The relative error of every gradient against those of another engine."""
    if oracle is None:
        return None
    largest = largest_entry(oracle)
    return {
        name: relative_error(gradients[name], oracle[name], largest) if name in gradients else FAILED
        for name in case.differentiable
    }


def forward_error(module: ModuleType, case: Case) -> float:
    """The relative error of outputs and final states against the equations."""
    outputs, final, _ = case.forward(module)
    wanted, wanted_final = values(case)
    errors = [relative_error(outputs, wanted, 1.0)]
    if not case.cell.is_loss:
        errors += [relative_error(final[name], value, 1.0) for name, value in wanted_final.items()]
    return max(errors)
