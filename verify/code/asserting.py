"""For tests: an AssertionError with the table, unless every gradient is right."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from derive.cell import Cell
from derive.errors import InputError
from verify.code.judging.gradients import Loss, check_gradients
from verify.code.layouts.handwritten import check_backward
from verify.code.layouts.layout import Layout
from verify.code.live import check_code
from verify.code.report import CodeReport, GradientReport, Standing


def assert_gradients(loss: Loss, params: Any, grads: Any, *, tolerance: float | None = None) -> GradientReport:
    """Assert that `grads` are the derivatives of `loss(params)`; see `verify.check_gradients`."""
    __tracebackhide__ = True
    report = check_gradients(loss, params, grads, tolerance=tolerance)
    missing = [row.label for row in report.rows if row.standing is Standing.NOT_GIVEN]
    if report.standing is not Standing.RIGHT or missing:
        raise AssertionError(f"\n{report}")
    return report


def assert_backward(
    function: Any,
    cell: Cell | str | None,
    *,
    layout: Layout | None = None,
    names: Mapping[str, str] | None = None,
    tolerance: float | None = None,
    protocol: str = "",
) -> CodeReport:
    """Assert that a backward pass is right.

    A function or class of a module is judged by the forward pass that belongs to it (`verify.check_code`), in whatever
    protocol; with a layout or names, and for modules and objects, its gradients are those of the cell
    (`verify.check_backward`).
    """
    __tracebackhide__ = True
    report = _report(function, cell, layout, names, tolerance, protocol)
    if report.standing is not Standing.RIGHT:
        raise AssertionError(f"\n{report}")
    return report


def _report(
    function: Any,
    cell: Cell | str | None,
    layout: Layout | None,
    names: Mapping[str, str] | None,
    tolerance: float | None,
    protocol: str,
) -> CodeReport:
    plain = layout is None and names is None and tolerance is None and not isinstance(cell, Cell)
    if plain and (inspect.isclass(function) or inspect.isfunction(function)):
        try:
            return check_code(function, cell if isinstance(cell, str) else None, protocol=protocol)
        except InputError:
            if protocol or cell is None:
                raise
    if cell is None:
        raise InputError("which cell does it belong to?", hint='name it, as in assert_backward(function, "lstm")')
    return check_backward(function, cell, layout=layout, names=names, tolerance=tolerance)
