"""For tests: an AssertionError with the table, unless every gradient is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive.cell import Cell
from verify.code.gradients import Loss, check_gradients
from verify.code.layout import Layout
from verify.code.report import CodeReport, GradientReport, Standing
from verify.handwritten import check_backward


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
    cell: Cell | str,
    *,
    layout: Layout | None = None,
    names: Mapping[str, str] | None = None,
    tolerance: float | None = None,
) -> CodeReport:
    """Assert that a function computes the gradients of a cell; see `verify.check_backward`."""
    __tracebackhide__ = True
    report = check_backward(function, cell, layout=layout, names=names, tolerance=tolerance)
    if report.standing is not Standing.RIGHT:
        raise AssertionError(f"\n{report}")
    return report
