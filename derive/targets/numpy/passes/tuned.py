"""The programs over a sequence as NumPy runs them fastest: after the passes for all targets, those for NumPy alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from derive.targets.language.code import Apply, Assign, Call, Name, Statement, assigned, read
from derive.targets.language.names import Names
from derive.targets.lowering.lowered import Lowered
from derive.targets.lowering.single_step import Passes
from derive.targets.numpy.passes import direct_calls, gathered, small_products, sums_over_steps
from derive.targets.numpy.passes.brief_calls import brief_calls
from derive.targets.numpy.passes.gates_first import HELPERS, gates_first
from derive.targets.numpy.passes.row_sums import row_sums
from derive.targets.numpy.passes.side_by_side import side_by_side
from derive.targets.numpy.passes.whole_rows import whole_rows
from derive.targets.passes import fast_passes, layout


def tuned(low: Lowered) -> Passes:
    """The programs over a sequence after all passes."""
    passes = fast_passes(low, holding=True)
    own = {function.name for function in low.own}
    forward = _for_numpy(passes.forward, {*read(passes.backward), *passes.cached}, own, low.names)
    backward = _for_numpy(passes.backward, (), own, low.names)
    called = set(read([*forward, *backward]))
    own_helpers = {*small_products.HELPERS, *HELPERS, *gathered.HELPERS, *direct_calls.HELPERS, "rows_plus"}
    low.helpers.update(called & (own_helpers | {*sums_over_steps.HELPERS}))
    low.helpers.difference_update({layout.HELPER} - called)
    return replace(passes, forward=forward, backward=backward)


def _for_numpy(
    statements: Sequence[Statement], outside: Collection[str], own: Collection[str], names: Names
) -> list[Statement]:
    fresh = names.local({*read(statements), *assigned(statements)}).numbered
    joined = side_by_side(_with_terms(statements), fresh)
    apart = gates_first(small_products.in_pieces(joined, fresh), outside, fresh)
    together = gathered.gathered(whole_rows(apart, fresh), fresh)
    direct = direct_calls.direct_calls(row_sums(together, fresh), own, fresh)
    return brief_calls(sums_over_steps.sums_over_steps(direct), fresh)


def _with_terms(statements: Sequence[Statement]) -> list[Statement]:
    """The statements with a product of rows and what is added to it next as one call, which may add it at no cost."""
    found: list[Statement] = []
    for statement in statements:
        match (found[-1] if found else None, statement):
            case (
                Assign((Name() as made,), Call("rows_times", (rows, matrix)), formula),
                Apply("np.add", (first, term), out),
            ) if made == first == out:
                found[-1] = Assign((made,), Call("rows_plus", (rows, matrix, term)), formula)
            case _:
                found.append(statement)
    return found
