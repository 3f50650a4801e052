"""The dictionary of named mistakes: how each is made in a true formula, and how it is taken back in a wrong one.

One entry for each mistake, the most plausible first. Tests make the mistakes, to measure whether wrong formulas are
found out; `verify.formulas.wrong.diagnose` takes them back, to find the mistake in somebody's formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from derive.errors import ShapeError
from derive.nodes import Node
from verify.mistakes import exchanges, indices, letters, products, slopes, terms
from verify.mistakes.context import Context
from verify.mistakes.places import Change, Rule, all_places, one_place, sound


@dataclass(frozen=True)
class NamedMistake:
    """A mistake that people make: `make` changes a true formula at a place, `undo` a wrong one.

    `make_whole` and `undo_whole` look at the whole formula only. `detail` is what a person is told, with {wrong} for
    the part as it was written and {true} for what should stand there. `alike`: also tried at all places at once.
    """

    name: str
    detail: str
    make: Rule | None = None
    undo: Rule | None = None
    make_whole: Rule | None = None
    undo_whole: Rule | None = None
    alike: bool = False

    def made_in(self, node: Node, context: Context) -> Iterator[Change]:
        """Every way to make the mistake in a formula, each result once; its shape stays."""
        return _changes(node, context, self.make, self.make_whole, self.alike)

    def undone_in(self, node: Node, context: Context) -> Iterator[Change]:
        """Every way to take the mistake back in a formula; `after` is the part as it should be."""
        return _changes(node, context, self.undo, self.undo_whole, self.alike)


_IS = "{wrong} should be {true}"
"""Said where something stands on both sides; what only lacks or does not belong is said so."""

MISTAKES: Mapping[str, NamedMistake] = {
    mistake.name: mistake
    for mistake in (
        NamedMistake(
            "missing term", _IS,
            make=terms.without_a_term, undo=terms.with_an_inner_term, undo_whole=terms.with_a_true_term,
        ),
        NamedMistake(
            "missing transpose", _IS,
            make=products.without_transpose, undo=products.with_transpose,
            undo_whole=products.all_transposed, alike=True,
        ),
        NamedMistake(
            "extra transpose", _IS,
            make=products.with_wrong_transpose, undo=products.without_wrong_transpose, alike=True,
        ),
        NamedMistake(
            "product order", _IS,
            make=products.factors_swapped, undo=products.factors_swapped,
        ),
        NamedMistake(
            "sign", _IS,
            make=terms.other_sign, undo=terms.other_sign, make_whole=terms.negative, undo_whole=terms.negative,
        ),
        NamedMistake(
            "wrong range of the product", _IS,
            make=indices.other_range, undo=indices.other_range,
        ),
        NamedMistake(
            "wrong time index", _IS,
            make=indices.other_time, undo=indices.other_time,
            make_whole=indices.all_moved, undo_whole=indices.all_moved,
        ),
        NamedMistake(
            "missing sum over t",
            "the contributions of all steps add up: {true}",
            make=indices.without_sum, undo_whole=indices.with_sum,
        ),
        NamedMistake(
            "sum closed too early",
            "{wrong} should be {true}: the sum goes over all factors with its index",
            make=indices.closed_early, undo=indices.closed_late,
        ),
        NamedMistake(
            "total and immediate derivative mixed", _IS,
            make=terms.other_kind, undo=terms.other_kind,
            make_whole=terms.without_the_future, undo_whole=terms.with_the_future, alike=True,
        ),
        NamedMistake(
            "slope at the activated value", _IS,
            make=slopes.activated, undo=slopes.deactivated,
        ),
        NamedMistake(
            "slope at the argument", _IS,
            make=slopes.at_argument, undo=slopes.from_argument,
        ),
        NamedMistake(
            "slope of another function", _IS,
            make=slopes.other_function, undo=slopes.own_function,
        ),
        NamedMistake(
            "slope forgotten", _IS,
            make=slopes.without_slope, undo=slopes.with_slope,
        ),
        NamedMistake(
            "factor on the wrong side", _IS,
            make=products.other_side, undo=products.other_side,
        ),
        NamedMistake(
            "matrix product for elementwise", _IS,
            make=products.matrix_product, undo=products.elementwise_product,
        ),
        NamedMistake(
            "elementwise for matrix product", _IS,
            make=products.elementwise_product, undo=products.matrix_product,
        ),
        NamedMistake(
            "truncated", _IS,
            make=indices.in_a_window, undo=indices.out_of_a_window,
        ),
        NamedMistake(
            "wrong bounds of the sum", _IS,
            make=indices.other_bounds, undo=indices.other_bounds,
        ),
        NamedMistake(
            "product in reversed order",
            "{wrong} should be {true}: the factor of the latest step stands leftmost",
            make=indices.reversed_product, undo=indices.reversed_product,
        ),
        NamedMistake(
            "sum for product", _IS,
            make=indices.sum_for_product, undo=indices.sum_for_product,
        ),
        NamedMistake(
            "wrong block", _IS,
            make=exchanges.other_block, undo=exchanges.other_block,
        ),
        NamedMistake(
            "extra term", _IS,
            make_whole=terms.with_a_foreign_term, undo=terms.without_a_term,
        ),
        NamedMistake(
            "constant factor", _IS,
            make=terms.term_with_number, undo=terms.without_number, make_whole=terms.with_number,
        ),
        NamedMistake(
            "wrong quantity", _IS,
            make=exchanges.other_quantity, undo=exchanges.other_quantity,
        ),
        NamedMistake(
            "forgotten factor", _IS,
            make=products.without_factor, undo=products.with_true_factor,
        ),
        NamedMistake(
            "extra factor", _IS,
            make=products.with_foreign_factor, undo=products.without_factor,
        ),
        NamedMistake(
            "wrong slope", _IS,
            make=slopes.misshapen, undo=slopes.shaped,
        ),
        NamedMistake(
            "wrong function", _IS,
            make=slopes.another_function, undo=slopes.another_function,
        ),
        NamedMistake(
            "function forgotten", _IS,
            make=slopes.without_function, undo=slopes.with_function,
        ),
        NamedMistake(
            "number for a letter", _IS,
            make_whole=letters.number_for_letter, undo=letters.letter_for_number,
            undo_whole=letters.letter_for_number,
        ),
    )
}  # fmt: skip
"""The named mistakes by name."""


def mutants(node: Node, context: Context) -> Iterator[tuple[NamedMistake, Change]]:
    """Every mistake made at every place of a formula; each result once, under the most plausible name."""
    seen = {node}
    for mistake in MISTAKES.values():
        for change in mistake.made_in(node, context):
            if change.node not in seen and change.node.shape == node.shape:
                seen.add(change.node)
                yield mistake, change


def _changes(node: Node, context: Context, rule: Rule | None, whole: Rule | None, alike: bool) -> Iterator[Change]:
    seen = {node}
    found: Iterator[Change]
    for found in (
        _whole(node, whole, context) if whole else iter(()),
        one_place(node, rule, context) if rule else iter(()),
        all_places(node, rule, context) if rule and alike else iter(()),
    ):
        for change in found:
            if change.node not in seen and sound(change.node):
                seen.add(change.node)
                yield change


def _whole(node: Node, rule: Rule, context: Context) -> Iterator[Change]:
    try:
        for after in rule(node, context):
            yield Change(after, node, after)
    except ShapeError:
        return
