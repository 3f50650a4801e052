"""The programs over a sequence as NumPy runs them fastest: after the passes for all targets, those for NumPy alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from derive.targets.language.code import Name, Statement, read
from derive.targets.lowering.lowered import Lowered
from derive.targets.lowering.single_step import Passes
from derive.targets.numpy import small_products
from derive.targets.numpy.whole_rows import whole_rows
from derive.targets.passes import fast_passes, layout


def tuned(low: Lowered) -> Passes:
    """The programs over a sequence after all passes."""
    passes = fast_passes(low, holding=True)
    forward, backward = (_for_numpy(body, low.names.local().numbered) for body in (passes.forward, passes.backward))
    called = set(read([*forward, *backward]))
    low.helpers.update(called.intersection(small_products.HELPERS))
    low.helpers.difference_update({layout.HELPER, "rows_times"} - called)
    return replace(passes, forward=forward, backward=backward)


def _for_numpy(statements: Sequence[Statement], fresh: Callable[[str], Name]) -> list[Statement]:
    return small_products.in_pieces(whole_rows(statements, fresh), fresh)
