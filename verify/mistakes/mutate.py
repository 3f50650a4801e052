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
    sentence: str
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
            "missing term", "A term of the sum is left out.", _IS,
            make=terms.without_a_term, undo=terms.with_an_inner_term, undo_whole=terms.with_a_true_term,
        ),
        NamedMistake(
            "missing transpose", "A matrix stands without its transpose.", _IS,
            make=products.without_transpose, undo=products.with_transpose,
            undo_whole=products.all_transposed, alike=True,
        ),
        NamedMistake(
            "extra transpose", "A matrix is transposed that should not be.", _IS,
            make=products.with_wrong_transpose, undo=products.without_wrong_transpose, alike=True,
        ),
        NamedMistake(
            "product order", "The factors of a matrix product stand in the wrong order.", _IS,
            make=products.factors_swapped, undo=products.factors_swapped,
        ),
        NamedMistake(
            "sign", "A sign is wrong.", _IS,
            make=terms.other_sign, undo=terms.other_sign, make_whole=terms.negative, undo_whole=terms.negative,
        ),
        NamedMistake(
            "wrong range of the product", "The product has a factor too many or too few.", _IS,
            make=indices.other_range, undo=indices.other_range,
        ),
        NamedMistake(
            "wrong time index", "A factor is taken at the wrong step.", _IS,
            make=indices.other_time, undo=indices.other_time,
            make_whole=indices.all_moved, undo_whole=indices.all_moved,
        ),
        NamedMistake(
            "missing sum over t", "The contributions of the steps are not added up.",
            "the contributions of all steps add up: {true}",
            make=indices.without_sum, undo_whole=indices.with_sum,
        ),
        NamedMistake(
            "sum closed too early", "A factor under the sum stands behind it.",
            "{wrong} should be {true}: the sum goes over all factors with its index",
            make=indices.closed_early, undo=indices.closed_late,
        ),
        NamedMistake(
            "total and immediate derivative mixed", "∂⁺ stands for ∂, or what lies beyond the step is ignored.", _IS,
            make=terms.other_kind, undo=terms.other_kind,
            make_whole=terms.without_the_future, undo_whole=terms.with_the_future, alike=True,
        ),
        NamedMistake(
            "slope at the activated value", "The function is applied once more before its slope is taken.", _IS,
            make=slopes.activated, undo=slopes.deactivated,
        ),
        NamedMistake(
            "slope at the argument", "The slope is written in the function's value, but takes its argument.", _IS,
            make=slopes.at_argument, undo=slopes.from_argument,
        ),
        NamedMistake(
            "slope of another function", "The slope belongs to another function.", _IS,
            make=slopes.other_function, undo=slopes.own_function,
        ),
        NamedMistake(
            "slope forgotten", "The slope of a function is left out.", _IS,
            make=slopes.without_slope, undo=slopes.with_slope,
        ),
        NamedMistake(
            "factor on the wrong side", "An elementwise factor stands on the wrong side of a matrix.", _IS,
            make=products.other_side, undo=products.other_side,
        ),
        NamedMistake(
            "matrix product for elementwise", "A matrix product stands where ⊙ is meant.", _IS,
            make=products.matrix_product, undo=products.elementwise_product,
        ),
        NamedMistake(
            "elementwise for matrix product", "⊙ stands where a matrix product is meant.", _IS,
            make=products.elementwise_product, undo=products.matrix_product,
        ),
        NamedMistake(
            "truncated", "A sum over the steps is cut to a window of some of them.", _IS,
            make=indices.in_a_window, undo=indices.out_of_a_window,
        ),
        NamedMistake(
            "wrong bounds of the sum", "The sum begins or ends at the wrong step.", _IS,
            make=indices.other_bounds, undo=indices.other_bounds,
        ),
        NamedMistake(
            "product in reversed order", "The product over time runs in the other order.",
            "{wrong} should be {true}: the factor of the latest step stands leftmost",
            make=indices.reversed_product, undo=indices.reversed_product,
        ),
        NamedMistake(
            "sum for product", "A sum over time stands where a product is meant, or the reverse.", _IS,
            make=indices.sum_for_product, undo=indices.sum_for_product,
        ),
        NamedMistake(
            "wrong block", "The block is cut from the wrong side of a stack.", _IS,
            make=exchanges.other_block, undo=exchanges.other_block,
        ),
        NamedMistake(
            "extra term", "A term does not belong to the sum.", _IS,
            make_whole=terms.with_a_foreign_term, undo=terms.without_a_term,
        ),
        NamedMistake(
            "constant factor", "A factor such as 2, 1/T or 1/B does not belong.", _IS,
            make=terms.term_with_number, undo=terms.without_number, make_whole=terms.with_number,
        ),
        NamedMistake(
            "wrong quantity", "Another gate, state or parameter stands in its place.", _IS,
            make=exchanges.other_quantity, undo=exchanges.other_quantity,
        ),
        NamedMistake(
            "forgotten factor", "A factor is left out.", _IS,
            make=products.without_factor, undo=products.with_true_factor,
        ),
        NamedMistake(
            "extra factor", "A factor does not belong.", _IS,
            make=products.with_foreign_factor, undo=products.without_factor,
        ),
        NamedMistake(
            "wrong slope", "Something else made of the function's value stands in place of its slope.", _IS,
            make=slopes.misshapen, undo=slopes.shaped,
        ),
        NamedMistake(
            "wrong function", "Another function is applied.", _IS,
            make=slopes.another_function, undo=slopes.another_function,
        ),
        NamedMistake(
            "function forgotten", "A function is not applied.", _IS,
            make=slopes.without_function, undo=slopes.with_function,
        ),
        NamedMistake(
            "number for a letter", "A number stands where a size, a length or another letter is meant.", _IS,
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
