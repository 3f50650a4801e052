"""A person's own backward function against the derivation: which gradients are right, and the mistake in the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from derive import catalogue
from derive.calculus.derivation import Derivation
from derive.cell import Cell
from derive.errors import InputError
from verify.code.diagnosis.diagnose import OTHERS, Experiment, Explanation, explanations, nearest
from verify.code.layouts.adapters import Adapter, Observation
from verify.code.layouts.layout import Binding, Layout
from verify.code.mistakes.registry import Laboratory, Variation, variations
from verify.code.mistakes.through_time import last_only, truncated
from verify.code.programs import truth
from verify.code.programs.differentiated import derivation_of
from verify.code.report import CodeReport, Row, Standing, compared, declared_apart
from verify.numbers.case import Array, Arrays, Case
from verify.numbers.numeric import FAILED, largest_entry, relative_error
from verify.truth.scales import sizes_apart
from verify.truth.world import distinct_sizes

TOLERANCE = 1e-9
"""The largest relative error of a right gradient in float64."""

SINGLE_PRECISION = 1e-4
"""The same for gradients that come back in float32."""

DOUBTFUL = 1e-6
"""Between the tolerance and this a gradient is neither right nor wrong: too far off for rounding, too near for a
mistake."""


@dataclass(frozen=True)
class Setting:
    """The size of a case, and the factor of its seeds; a large one shows clipping, as gradients are linear in them."""

    T: int
    B: int
    seeds: float = 1.0
    other: bool = False


SETTINGS = (Setting(6, 4), Setting(1, 4), Setting(9, 1, other=True), Setting(40, 4, 2.0**20))
"""The cases of a check: one for the verdict, one step alone, one example with all sizes different, and a long one with
large gradients. T and B differ from every size of a cell, as those are primes: what is transposed or summed over the
wrong axis has another shape, and a number in the place of a size is another number."""

OUTPUTS = "outputs"
"""The label of the outputs of the forward pass, where the function returns them."""

LONGEST = 16
"""So many lengths of truncation are tried for every output by itself, which takes longest to compute."""


@cache
def _derivation(cell: Cell) -> tuple[Derivation, list[Variation]]:
    written = derivation_of(cell)
    return written, variations(written)


@cache
def _case(cell: Cell, setting: Setting) -> Case:
    sizes = {str(letter): number for letter, number in distinct_sizes(cell).items()}
    if setting.other:
        sizes = {
            str(letter): number
            for letter, number in sizes_apart(cell, avoid=(2, 3), other=distinct_sizes(cell)).items()
        }
    case = Case.draw(cell, sizes, setting.T, setting.B, np.random.default_rng(setting.T))
    d_final = {name: value * setting.seeds for name, value in case.d_final.items()}
    return replace(case, d_output=case.d_output * setting.seeds, d_final=d_final)


class _Benches:
    """Laboratories by cell, setting and what the function does not take: what they learn serves the next check."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Laboratory] = {}

    def bench(self, cell: Cell, setting: Setting, adapter: Adapter) -> Laboratory:
        case = adapter.restricted(_case(cell, setting))
        key = (cell, setting, _zeros(case))
        if key not in self._known:
            self._known[key] = Laboratory(_derivation(cell)[0], case)
        return self._known[key]


_BENCHES = _Benches()


def check_backward(
    function: Any,
    cell: Cell | str,
    *,
    layout: Layout | None = None,
    names: Mapping[str, str] | None = None,
    tolerance: float | None = None,
    diagnosis: bool = True,
) -> CodeReport:
    """Compare a person's gradients with the derivation of a cell, and name the mistake in those that are wrong.

    function: a module or object with `forward` and `backward`, or `f(params, x, d_ys, …) -> grads`; see
        `verify.code.layouts.adapters`. It is called several times on random data; nothing is done about what it does
        besides.
    cell: a name of the catalogue, the path of a note, or a Cell.
    layout, names: how their arrays lie and what they are called; see `verify.code.layouts.layout`.
    tolerance: the largest relative error that counts as right (1e-9; 1e-4 for gradients in float32).

    What the function raises on the first case is passed on. Raises InputError for names that do not fit the cell and
    for a result in which no gradients can be found.
    """
    cell = catalogue.find(cell) if isinstance(cell, str) else cell
    if cell.declared_slopes:
        raise InputError(declared_apart(cell.declared_slopes))
    adapter = Adapter(function, Binding(cell, layout or Layout(), names or {}))
    settings = SETTINGS if adapter.binding.layout.batched else tuple(replace(s, B=1) for s in SETTINGS)
    benches = [_BENCHES.bench(cell, setting, adapter) for setting in settings]
    observations: list[Observation | None] = [adapter.observe(benches[0].case)]
    notes = []
    for bench in benches[1:]:
        try:
            observations.append(adapter.observe(bench.case))
        except Exception as error:  # whatever a person's code may raise
            observations.append(None)
            notes.append(f"not checked for T = {bench.case.T}: {type(error).__name__}: {error}")
    first = observations[0]
    assert first is not None
    notes += [f"the function writes to what it is given: {', '.join(first.changed)}"] if first.changed else []
    again = adapter.observe(benches[0].case)
    undecided = "" if _same(first, again) else "called twice with the same arrays, the function gives different results"

    judged = [
        None if seen is None else _rows(seen, setting, bench.case, tolerance)
        for seen, bench, setting in zip(observations, benches, settings, strict=True)
    ]
    shown = next((k for k, rows in enumerate(judged) if rows and _wrong(rows)), 0)
    rows = judged[shown]
    assert rows is not None
    if shown:
        notes.append(f"the gradients are right for T = {benches[0].case.T}; these are for T = {benches[shown].case.T}")
    parameters = {q.name for q in cell.parameters}
    missing = [o.label for o in first.gradients if o.value is None and o.ours in parameters]
    if missing:
        undecided = f"the function returned no gradient of {', '.join(missing)}"
    gradients = [row for row in rows if row.label != OUTPUTS]
    if _wrong(rows) and not _wrong(gradients):
        notes.append("the gradients are right, but the forward pass returns other outputs than the cell")
    if not _wrong(gradients) or not diagnosis or undecided:
        return CodeReport(cell.name, rows, notes=tuple(notes), undecided=undecided)
    experiments = [
        Experiment(bench, seen, tolerance or _tolerance(seen))
        for bench, seen in zip(benches, observations, strict=True)
        if seen is not None
    ]
    found, near = _diagnosed(experiments, benches[shown], cell)
    mistakes = [explanation.mistakes for explanation in found]
    others = tuple(dict.fromkeys(m for m in mistakes[1:] if m != mistakes[0]))[:OTHERS]
    return CodeReport(cell.name, rows, mistakes[0] if mistakes else (), others, near, tuple(notes), undecided)


def _diagnosed(experiments: list[Experiment], shown: Laboratory, cell: Cell) -> tuple[list[Explanation], str]:
    registered = _derivation(cell)[1]
    experiments.sort(key=lambda e: e.laboratory is not shown)
    leading = experiments[0]
    quick = [e for e in experiments if e is leading or e.case.T < SETTINGS[-1].T]
    # Right for few steps and wrong for many: truncated, or clipped. What takes long to compute comes last.
    stages = _long(cell, leading.case.T) if leading.case.T == SETTINGS[-1].T else (registered,)
    for known in stages:
        found = explanations(quick, known)
        if found:
            return found, ""
    return [], nearest(leading, stages[0])


@cache
def _long(cell: Cell, T: int) -> tuple[list[Variation], ...]:
    derivation, lengths = _derivation(cell)[0], range(SETTINGS[0].T, T)
    chunks = [*truncated(derivation, lengths, ("from the end", "from the start")), *last_only(derivation, lengths)]
    return chunks, list(truncated(derivation, lengths[:LONGEST], ("each output",)))


def _wrong(rows: Sequence[Row]) -> bool:
    return any(row.standing is Standing.WRONG for row in rows)


def _same(a: Observation, b: Observation) -> bool:
    def unchanged(x: Array | None, y: Array | None) -> bool:
        if x is None or y is None:
            return x is y
        return x.dtype.kind not in "fiuc" or np.array_equal(x, y, equal_nan=True)

    return all(unchanged(x.value, y.value) for x, y in zip(a.gradients, b.gradients, strict=True))


def _tolerance(seen: Observation) -> float:
    values = [o.value for o in seen.gradients if o.value is not None]
    single = any(value.dtype in (np.float32, np.float16) for value in values)
    return SINGLE_PRECISION if single else TOLERANCE


@cache
def _truth(cell: Cell, setting: Setting, zero: tuple[tuple[str, ...], ...]) -> tuple[Arrays, Array]:
    """The true gradients and outputs of a case, some of whose states and seeds are zero."""
    case = _zeroed(_case(cell, setting), zero)
    return truth.gradients(case), truth.outputs(case)[0]


def _zeroed(case: Case, zero: tuple[tuple[str, ...], ...]) -> Case:
    given, d_final = (
        {n: np.zeros_like(v) if n in names else v for n, v in of.items()}
        for of, names in zip((case.given, case.d_final), zero, strict=True)
    )
    return replace(case, given=given, d_final=d_final)


def _zeros(case: Case) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(name for name, value in of.items() if not np.any(value)) for of in (case.given, case.d_final))


def _rows(seen: Observation, setting: Setting, case: Case, tolerance: float | None) -> tuple[Row, ...]:
    """The rows of one case, in the order of the cell's parameters, inputs and states."""
    true, outputs = _truth(case.cell, setting, _zeros(case))
    largest = largest_entry(true)
    allowed = tolerance or _tolerance(seen)
    rows = []
    if seen.outputs is not None:
        rows.append(_row(OUTPUTS, seen.outputs, outputs, 1.0, allowed))
    for one in seen.gradients:
        if one.value is None:
            rows.append(Row(one.label, Standing.NOT_GIVEN))
        else:
            rows.append(_row(one.label, one.value, true[one.ours], largest, allowed))
    return tuple(rows)


def _row(label: str, got: Array, expected: Array, largest: float, allowed: float) -> Row:
    if got.shape != expected.shape:
        reason = f"shape {got.shape}, expected {expected.shape}"
        return Row(label, Standing.WRONG, reason=reason)
    if got.dtype.kind not in "fiu":
        return Row(label, Standing.WRONG, reason=f"dtype {got.dtype}, expected real numbers")
    got = np.asarray(got, np.float64)
    error = relative_error(got, expected, largest)
    if error <= allowed:
        standing = Standing.RIGHT
    elif error <= max(DOUBTFUL, 10 * allowed) and error < FAILED:
        standing = Standing.CANNOT_TELL
    else:
        standing = Standing.WRONG
    return compared(label, got, expected, error, standing)
