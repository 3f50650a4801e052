"""The programs over a sequence as NumPy runs them fastest: after the passes for all targets, those for NumPy alone."""

from __future__ import annotations

from dataclasses import replace

from derive.targets.language.code import read
from derive.targets.lowering.lowered import Lowered
from derive.targets.lowering.single_step import Passes
from derive.targets.numpy import small_products
from derive.targets.passes import fast_passes, layout


def tuned(low: Lowered) -> Passes:
    """The programs over a sequence after all passes."""
    passes = fast_passes(low)
    forward, backward = (
        small_products.in_pieces(body, low.names.local().numbered) for body in (passes.forward, passes.backward)
    )
    called = set(read([*forward, *backward]))
    low.helpers.update(called.intersection(small_products.HELPERS))
    if layout.HELPER not in called:
        low.helpers.discard(layout.HELPER)
    return replace(passes, forward=forward, backward=backward)
