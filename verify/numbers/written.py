"""One look at a module before it is written: it is run, and its gradients are held against the complex step.

The derivation is proved elsewhere; what is checked here is that the text computes it. Whatever fails is a fault of the
program, never of the note.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np

from derive.cell import Cell
from derive.errors import ProgramFault
from derive.networks.network import Network
from derive.targets import generate
from derive.targets.formula import text as formula
from verify.numbers import frameworks, graphs
from verify.numbers.case import Arrays, Case
from verify.numbers.evidence import forward_error
from verify.numbers.load import load
from verify.numbers.network import NetworkCase
from verify.numbers.network import objective as by_reference
from verify.numbers.numeric import FAILED, directional_errors, largest_entry, relative_error
from verify.numbers.oracles import by_equations, objective
from verify.numbers.stepping import by_steps

LIMIT = 1e-9
STEPS, BATCH = 3, 2
SPREADS = (1.0, 0.3, 0.05)
"""What random numbers are multiplied by, one after the other, where a cell has no finite value at the first."""


def checked(made: Cell | Network, source: str) -> bool:
    """Run the module `source` of a cell or network at random sizes.

    Returns whether there was something to compare: False where no random point had finite values. Raises ProgramFault
    where the text cannot run, computes something else than the equations, or where a gradient is not the derivative of
    what it computes forwards.
    """
    try:
        module = load(source, "written")
    except (ImportError, NameError, SyntaxError) as error:
        raise ProgramFault("code that cannot be loaded", f"{type(error).__name__}: {error}", _told(made)) from error
    for spread in SPREADS:
        with np.errstate(all="ignore"):
            errors = _errors(made, module, spread)
        if errors is not None:
            wrong = {name: error for name, error in errors.items() if not error <= LIMIT}
            if wrong:
                worst = ", ".join(f"{name} ({_size(error)})" for name, error in wrong.items())
                details = f"relative errors against the complex step: {worst}"
                raise ProgramFault("gradients that are not derivatives", details, _told(made))
            return True
    return False


def unchecked(made: Cell | Network, source: str, target: str) -> str:
    """Run the file of a framework beside the NumPy module of the same cell, at random sizes; why it was not, if not.

    `target` is its name, such as "torch"; of a network in torch its cell is run. Raises ProgramFault where the two
    differ or the file cannot run.
    """
    with TemporaryDirectory() as folder:  # some files are read again while they run
        run = _onnx(source) if target == "onnx" else _module(source, target, Path(folder))
        return run if isinstance(run, str) else _beside_numpy(made, source, target, run)


def _beside_numpy(made: Cell | Network, source: str, target: str, run: Callable[[Case], tuple[Arrays, float]]) -> str:
    subject = made.cell if isinstance(made, Network) and target in ("torch", "triton") else made
    ours = load(generate(subject), "ours")
    for spread in SPREADS:
        case = _drawn(subject, spread)
        if isinstance(case, NetworkCase):
            case = replace(case, targets=None)  # the outputs are compared, and what comes back from them
        with np.errstate(all="ignore"):
            outputs, final, _ = case.forward(ours)
            if not all(np.isfinite(value).all() for value in (outputs, *final.values())):
                continue
            gradients = case.backward(ours)
        wanted = graphs.expected(case, outputs, final, gradients)
        try:
            found, limit = run(case)
        except (ArithmeticError, AttributeError, LookupError, NameError, RuntimeError, TypeError, ValueError) as error:
            raise ProgramFault("code that cannot run", f"{type(error).__name__}: {error}", _told(made)) from error
        largest = largest_entry(gradients)
        sizes = {name: largest if name.removeprefix("d_") in gradients else 1.0 for name in wanted}
        away = {name: relative_error(found[name], wanted[name], sizes[name]) for name in wanted if name in found}
        wrong = ", ".join(f"{name} ({_size(error)})" for name, error in away.items() if not error <= limit)
        if wrong:
            raise ProgramFault("code that computes something else", f"away from the NumPy module: {wrong}", _told(made))
        is_whole = target != "triton" or frameworks.are_kernels_run(source)
        return "" if is_whole else "torch's operators agree, but triton is not installed to run the kernels"
    return "no random point gave finite numbers"


def _module(source: str, target: str, folder: Path) -> Callable[[Case], tuple[Arrays, float]] | str:
    """What runs a framework's file, and how far it may be away; the reason where nothing can."""
    if not frameworks.installed(target):
        return f"{frameworks.library(target)} is not installed"
    with frameworks.on_this_machine(target):
        module = load(source, "written", folder)

    def run(case: Case) -> tuple[Arrays, float]:
        return graphs.expected(case, *frameworks.run(target, module, case)), LIMIT

    return run


def _onnx(source: str) -> Callable[[Case], tuple[Arrays, float]] | str:
    """The same for the text of a model; the reason also where the runtime has no operator for its type."""
    if not graphs.installed():
        return "onnxruntime is not installed"
    try:
        model = graphs.Model(source)
    except NotImplementedError as error:
        return f"onnxruntime cannot run it: {error}"
    return lambda case: (model.on(case), graphs.LIMITS[model.kind])


def _errors(made: Cell | Network, module: ModuleType, spread: float) -> dict[str, float] | None:
    """The errors of the gradients in one direction each, None where the values are not finite."""
    case = _drawn(made, spread)
    try:
        outputs, final, _ = case.forward(module)
        if not all(np.isfinite(value).all() for value in (outputs, *final.values())):
            return None
        if isinstance(made, Cell) and not (away := forward_error(module, case)) <= LIMIT:
            details = f"outputs are {_size(away)} away from the equations"
            raise ProgramFault("code that computes something else", details, _told(made))
        gradients = case.backward(module)
        by = by_equations(case, by_reference) if isinstance(case, NetworkCase) else by_equations(case, objective)
        errors = directional_errors(module, case, gradients, np.random.default_rng(1), by)
        if isinstance(made, Cell) and not made.starts:
            return _worst(errors, _by_steps(module, case, gradients))
        return errors
    except (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError) as error:
        raise ProgramFault("code that cannot run", f"{type(error).__name__}: {error}", _told(made)) from error


def _by_steps(module: ModuleType, case: Case, gradients: Arrays) -> dict[str, float]:
    """How far `step_backward` is from `backward`."""
    _, found = by_steps(module, case)
    largest = largest_entry(gradients)
    return {name: relative_error(found[name], gradient, largest) for name, gradient in gradients.items()}


def _worst(*errors: dict[str, float]) -> dict[str, float]:
    return {name: max(found[name] for found in errors) for name in errors[0]}


def _drawn(made: Cell | Network, spread: float) -> Case:
    rng = np.random.default_rng(0)
    if isinstance(made, Network):
        case: Case = NetworkCase.drawn(made, STEPS, BATCH, rng)
    else:
        sizes = {str(letter): 2 + k % 4 for k, letter in enumerate(made.sizes)}
        case = Case.draw(made, sizes, STEPS, BATCH, rng)
    return case if spread == 1.0 else case.scaled(spread)


def _told(made: Cell | Network) -> str:
    cell = made.cell if isinstance(made, Network) else made
    return "\n".join([made.title, *(f"{formula(e.symbol)} = {formula(e.expression)}" for e in cell.equations)])


def _size(error: float) -> str:
    return "not finite" if error == FAILED else f"{error:.1g}"
