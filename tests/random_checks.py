"""What must hold for a random cell: it is read as it was meant, and its code computes it and its gradients."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
from random_cells import ONE, RandomCell, Shape, Values

from derive.calculus.adjoint import differentiate
from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.networks.layers import two_layers
from derive.reader import read_note
from derive.targets import TARGETS
from derive.targets import numpy as numpy_target
from verify.numbers import frameworks
from verify.numbers.case import Case, axes
from verify.numbers.evidence import forward_error
from verify.numbers.load import load
from verify.numbers.numeric import COMPLEX_STEP, directional_errors, largest_entry, relative_error
from verify.numbers.oracles import imported
from verify.numbers.stepping import by_steps

STEPS, BATCH = 3, 2
LIMIT = 1e-9
SMALLEST = 1e-3
"""Where all gradients vanish, what is left is rounding."""
LARGEST = 1e6
"""Numbers beyond this are no test of digits: they have left the range in which a cell is used."""


class WrongError(AssertionError):
    """What does not hold, and the note."""


class VanishedError(Exception):
    """A letter is no longer in the equations, as its terms cancel: there is nothing to compare it with."""


def identifier(name: str) -> str:
    """The name in code of a letter of the generator."""
    head, _, label = name.partition("_")
    for accent in ("tilde", "bar"):
        if head.startswith(f"\\{accent}"):
            head = f"{head.removeprefix(chr(92) + accent).strip('{}')}_{accent}"
    head = head.removeprefix("\\")
    word = f"{head}_{label}" if label else head
    return f"{word}_" if keyword.iskeyword(word) else word


def read(made: RandomCell) -> Cell:
    """The note, read; its roles and shapes must be those that were meant."""
    cell = read_note(made.text, "random.md")
    meant = {
        "parameters": made.parameters,
        "inputs": {**made.inputs, **made.constant, **made.targets},
        "states": made.states,
    }
    for role, quantities in meant.items():
        got = {q.name: q.shape for q in getattr(cell, role)}
        wanted = {identifier(name): shape for name, shape in quantities.items()}
        missing = [name for name in quantities if identifier(name) not in got]
        if missing and set(got) < set(wanted) and not _matter(made, missing):
            raise VanishedError(f"{missing} cancel")
        if set(got) != set(wanted):
            raise WrongError(f"{role} are {sorted(got)}, not {sorted(wanted)}\n{made.text}")
    return cell


def _matter(made: RandomCell, letters: Sequence[str]) -> bool:
    """Whether any equation has another value when the letters have: then they are in it, and may not be dropped."""
    rng, sizes = np.random.default_rng(0), {"D": 2, "H": 3, "N": 4}
    shapes: dict[tuple[str, int | None], Shape] = {
        **{(name, None): shape for name, shape in {**made.parameters, **made.constant}.items()},
        **{(name, 0): shape for name, shape in {**made.inputs, **made.targets}.items()},
        **{(name, -1): shape for name, shape in made.states.items()},
    }

    def drawn(shape: Shape) -> Any:
        return rng.normal(size=[sum(sizes.get(part.strip(), 1) for part in axis.split("+")) for axis in shape])

    first = {key: drawn(shape) for key, shape in shapes.items()}
    second = {key: drawn(shapes[key]) if key[0] in letters else value for key, value in first.items()}
    with np.errstate(all="ignore"):
        for name, part in made.equations:
            for known in (first, second):
                known[name, 0] = part.value(Values(np, known, sizes))
    return not all(np.allclose(first[name, 0], second[name, 0], 1e-9, equal_nan=True) for name, _ in made.equations)


def check(made: RandomCell, seed: int, *, complete: bool = False) -> None:
    """Raises WrongError where anything is wrong; `complete`: the exact proof, pages and different lengths as well."""
    try:
        cell = read(made)
    except VanishedError:
        return
    derivation = differentiate(cell)
    text = numpy_target.module(derivation, "random.md")
    module = load(text, "random")
    rng = np.random.default_rng(seed)
    numbers = rng.permutation([1, 2, 3, 4]) if seed % 5 == 0 else rng.permutation([2, 3, 4, 5])
    sizes = {str(size): int(number) for size, number in zip(cell.sizes, numbers, strict=False)}
    T, B = (1, 2, STEPS)[seed % 3], 1 + seed % BATCH
    case = Case.draw(cell, sizes, T, B, rng)
    with np.errstate(all="ignore"):
        _numbers(made, case, module)
    if complete:
        lengths = np.array([seed // 7 % (T + 1), T][:B])
        with np.errstate(all="ignore"):
            _numbers(made, replace(case, lengths=lengths), module)
        _proved(derivation, made)
        for target in ("text", "markdown", "latex"):
            TARGETS[target].render(derivation, None, "")


def check_torch(made: RandomCell, seed: int) -> None:
    """The torch module's outputs and gradients are those of the NumPy module."""
    try:
        derivation = differentiate(read(made))
    except VanishedError:
        return
    ours = load(numpy_target.module(derivation, "random.md"), "random")
    theirs = load(TARGETS["torch"].render(derivation, None, "random.md"), "random_torch")
    sizes = {str(size): 2 + k for k, size in enumerate(derivation.cell.sizes)}
    case = Case.draw(derivation.cell, sizes, 1 + seed % STEPS, 1 + seed % BATCH, np.random.default_rng(seed))
    outputs, _, _ = case.forward(ours)
    if not (np.isfinite(outputs).all() and np.abs(outputs).max(initial=0) < LARGEST):
        return
    ys, _, found = frameworks.run("torch", theirs, case)
    _same(made, case, "torch target", {"ys": ys}, {"ys": outputs})
    _same(made, case, "torch target", found, case.backward(ours))


def check_onnx(made: RandomCell, seed: int) -> None:
    """The outputs and gradients of the ONNX model are those of the NumPy module."""
    from verify.numbers.graphs import Model, expected

    try:
        derivation = differentiate(read(made))
    except VanishedError:
        return
    ours = load(numpy_target.module(derivation, "random.md"), "random")
    text = TARGETS["onnx"].render(derivation, None, "random.md", dtype="float64", backward=True)
    sizes = {str(size): 2 + k for k, size in enumerate(derivation.cell.sizes)}
    case = Case.draw(derivation.cell, sizes, 1 + seed % STEPS, 1 + seed % BATCH, np.random.default_rng(seed))
    with np.errstate(all="ignore"):
        outputs, final, _ = case.forward(ours)
        gradients = case.backward(ours)
    if not (np.isfinite(outputs).all() and np.abs(outputs).max(initial=0) < LARGEST):
        return
    wanted = expected(case, outputs, final, gradients)
    _same(made, case, "ONNX target", Model(text).on(case), wanted)


def check_layers(made: RandomCell, seed: int) -> None:
    """Two layers of the cell as one cell: outputs against the equations, gradients against the complex step."""
    try:
        cell = two_layers(read(made))
    except VanishedError:
        return
    module = load(numpy_target.module(differentiate(cell), "random.md"), "random")
    sizes = {str(size): 2 + k for k, size in enumerate(cell.sizes)}
    case = Case.draw(cell, sizes, 2, 1 + seed % BATCH, np.random.default_rng(seed))
    with np.errstate(all="ignore"):
        outputs, _, _ = case.forward(module)
        if not (np.isfinite(outputs).all() and np.abs(outputs).max(initial=0) < LARGEST):
            return
        errors = directional_errors(module, case, case.backward(module), np.random.default_rng(seed))
        if not all(error < LIMIT for error in errors.values()) or not forward_error(module, case) < LIMIT:
            raise WrongError(f"two layers: {errors}, {forward_error(module, case)}\n{made.text}")


def _proved(derivation: Derivation, made: RandomCell) -> None:
    from verify.truth.proof import prove

    failed = [name for name, verdict in prove(derivation).items() if not verdict.proved]
    if failed:
        raise WrongError(f"not proved: {failed}\n{made.text}")


def _numbers(made: RandomCell, case: Case, module: ModuleType) -> None:
    """Raises WrongError, except at numbers whose digits the equations themselves lose: the sine of 1e9."""
    try:
        _all_numbers(made, case, module)
    except WrongError:
        if _keeps_digits(made, case):
            raise


def _keeps_digits(made: RandomCell, case: Case) -> bool:
    """Whether the equations come to the same where all that is given has moved by a rounding."""
    rng = np.random.default_rng(2)
    moved = {
        k: v * (1 + 2e-16 * rng.integers(-1, 2, v.shape)) if v.dtype.kind == "f" else v for k, v in case.given.items()
    }
    (first, last), (second, end) = (_direct(made, case, np, given) for given in (case.given, moved))
    pairs = [(first, second), *((last[name], end[name]) for name in last)]
    largest = max(SMALLEST, *(np.abs(one).max(initial=0) for one, _ in pairs))
    return all(np.abs(one - other).max(initial=0) < LIMIT / 1000 * largest for one, other in pairs)


def _all_numbers(made: RandomCell, case: Case, module: ModuleType) -> None:
    outputs, final, _ = case.forward(module)
    wanted, last = _direct(made, case, np, case.given)
    final = {name: final[name] for name in last}
    everything = [outputs, *final.values(), wanted, *last.values()]
    if not all(np.isfinite(value).all() and np.abs(value).max(initial=0) < LARGEST for value in everything):
        return
    _same(made, case, "forward", {"ys": outputs, **final}, {"ys": wanted, **last})
    gradients = case.backward(module)
    if set(gradients) != set(case.differentiable):
        raise WrongError(f"gradients of {sorted(gradients)}, not of {sorted(case.differentiable)}\n{made.text}")
    library = imported("torch")
    if library is not None:
        theirs = _torch(made, case, library)
        if all(np.isfinite(gradient).all() for gradient in theirs.values()):  # it has 0 * inf for min(0, exp(a) - 1)
            _same(made, case, "torch", gradients, theirs)
    rng = np.random.default_rng(1)
    moved = {}
    for name in case.differentiable:
        direction = rng.normal(size=case.given[name].shape)
        given = {key: value.astype(complex) for key, value in case.given.items()}
        given[name] = given[name] + 1j * COMPLEX_STEP * direction
        moved[name] = np.imag(case.objective(module, given)) / COMPLEX_STEP, np.sum(gradients[name] * direction)
    _same(made, case, "complex step", {n: b for n, (_, b) in moved.items()}, {n: a for n, (a, _) in moved.items()})
    if case.lengths is None:
        _steps(made, case, module, outputs, gradients)


def _same(made: RandomCell, case: Case, what: str, got: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    largest = max(largest_entry(wanted), SMALLEST)
    errors = {name: relative_error(got[name], wanted[name], largest) for name in wanted}
    wrong = {name: error for name, error in errors.items() if not error <= LIMIT}
    if wrong:
        raise WrongError(f"{what} (T = {case.T}, B = {case.B}, sizes {case.sizes}): {wrong}\n{made.text}")


def _steps(made: RandomCell, case: Case, module: ModuleType, outputs: Any, gradients: Mapping[str, Any]) -> None:
    """`step` and `step_backward`, one after the other."""
    found, theirs = by_steps(module, case)
    _same(made, case, "step", {"ys": found}, {"ys": outputs})
    _same(made, case, "step_backward", theirs, gradients)


def _columns(made: RandomCell, case: Case, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given arrays by the generator's letters, as matrices."""
    shapes: dict[str, Shape] = {**made.parameters, **made.inputs, **made.constant, **made.states, **made.targets}
    found = {}
    for name, shape in shapes.items():
        value = given[identifier(name)]
        lead = () if name in made.parameters else (case.B,)
        lead = (case.T, *lead) if name in made.inputs or name in made.targets else lead
        own = [sum(case.sizes.get(part.strip(), 1) for part in axis.split("+")) for axis in shape]
        found[name] = value.reshape((*lead, *own))
    return found


def _direct(made: RandomCell, case: Case, library: Any, given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Outputs and final states of the equations, in the layout of the code; sequence by sequence where they differ."""
    if case.lengths is not None:
        ys, ends = [], []
        for k, one in enumerate(case.examples()):
            y, end = _direct(made, one, library, case.of(k, given))
            ys.append(y)
            ends.append(end)
        wide = [np.concatenate([y, np.zeros((case.T - len(y), *y.shape[1:]))]) for y in ys]
        return np.concatenate(wide, 1), {name: np.concatenate([end[name] for end in ends]) for name in ends[0]}
    outputs, final = made.run(library, _columns(made, case, given), case.sizes, case.T)
    shape = axes(case.cell.output, case.sizes) if not case.cell.is_loss else ()
    wide = [np.broadcast_to(y, (case.B, *y.shape[-2:])) for y in outputs]
    ys = np.array(wide).reshape((case.T, case.B, *shape))
    states = {q.name: axes(q, case.sizes) for q in case.cell.states}
    named = {identifier(name): np.broadcast_to(value, (case.B, *value.shape[-2:])) for name, value in final.items()}
    return ys, {name: value.reshape((case.B, *states[name])) for name, value in named.items()}


class _Torch:
    """torch by the names that NumPy has."""

    def __init__(self, library: ModuleType) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    def concatenate(self, parts: list[Any], axis: int) -> Any:
        return self._library.cat(parts, axis)


def _torch(made: RandomCell, case: Case, library: ModuleType) -> dict[str, Any]:
    given = {name: library.tensor(value, dtype=library.float64) for name, value in case.given.items()}
    for name in case.differentiable:
        given[name].requires_grad_()
    total = _objective(made, case, library, given)
    if total.requires_grad:
        total.backward()
    zero = {name: np.zeros(case.given[name].shape) for name in case.differentiable}
    return {name: zero[name] if given[name].grad is None else given[name].grad.numpy() for name in case.differentiable}


def _objective(made: RandomCell, case: Case, library: Any, given: Mapping[str, Any]) -> Any:
    if case.lengths is not None:
        return sum(_objective(made, one, library, case.of(k, given)) for k, one in enumerate(case.examples()))
    outputs, final = made.run(_Torch(library), _columns(made, case, given), case.sizes, case.T)
    total = library.zeros((), dtype=library.float64)
    for value, seed in zip(outputs, case.d_output, strict=True):
        total = total + (value.expand(case.B, *value.shape[-2:]) * _seed(library, seed, value)).sum()
    for name, value in final.items():
        seed = case.d_final[identifier(name)]
        total = total + (value.expand(case.B, *value.shape[-2:]) * _seed(library, seed, value)).sum()
    return total


def _seed(library: Any, seed: Any, value: Any) -> Any:
    return library.tensor(seed).reshape((len(seed), *value.shape[-2:]))


__all__ = ["ONE", "WrongError", "check", "check_layers", "check_torch", "read"]
