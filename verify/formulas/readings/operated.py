"""∂(an expression)/∂b -> the derivative of a quantity that an extra equation assigns: truth needs no rule for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sympy import Expr, S, Symbol

from derive import nodes
from derive.cell import Cell, Equation
from derive.errors import OpenQuestionError
from derive.nodes import Quantity, Tabular
from derive.reader.meaning import tree
from derive.reader.meaning.tree import Ref, Term
from verify.formulas.readings.conventions import Reading
from verify.formulas.readings.expressions import Builder
from verify.truth.comparison import Bench

PRODUCTS = ("strict", "elementwise", "inner")
"""What products of an expression may mean, the literal meaning first."""


@contextmanager
def named(sides: tuple[Term, ...], bench: Bench, product: str) -> Iterator[tuple[tuple[Term, ...], Bench]]:
    """The sides with a name for every differentiated expression, and the bench whose program assigns those names.

    Raises OpenQuestionError for an expression that cannot be an equation of one step, and MisfitError for one that fits
    no shapes where its products mean this.
    """
    if not any(isinstance(part, tree.Operated) for side in sides for part in tree.walk(side)):
        yield sides, bench
        return
    equations: list[Equation] = []
    changed = tuple(_named(side, bench, equations, product) for side in sides)
    program = replace(bench.program, equations=(*bench.program.equations, *equations))
    wider = replace(bench, program=program)
    try:
        yield changed, wider
    finally:
        for world in bench._worlds.values():  # the names are this formula's alone
            world._seen.pop(program, None)


def _named(said: Term, bench: Bench, equations: list[Equation], product: str) -> Term:
    if isinstance(said, tree.Operated):
        body = _named(said.body, bench, equations, product)
        program = replace(bench.program, equations=(*bench.program.equations, *equations))
        return _assigned(body, said, bench.cell, program, equations, Reading(product=product))
    return tree.rebuilt(said, lambda part: _named(part, bench, equations, product))


def _assigned(
    body: Term, whole: tree.Operated, cell: Cell, program: Cell, equations: list[Equation], reading: Reading
) -> Term:
    """∂q/∂b of a new quantity q, assigned the expression at its latest step."""
    leaves = list(tree.walk(body))
    if any(isinstance(p, tree.Gradient | tree.Error | tree.Derivative | tree.OverTime) for p in leaves):
        raise OpenQuestionError("the derivative of an expression with derivatives or sums over time in it")
    times = tree.times(body)
    latest: Expr = nodes.t
    if times:
        apart = [time - times[0] for time in times]
        if not all(distance.is_Integer for distance in apart):
            raise OpenQuestionError("the derivative of an expression of steps that are not neighbours")
        latest = times[0] + max(apart)
        if (latest - nodes.t).is_negative:
            latest = nodes.t  # W h_{t-1} is a value of step t: at step 0, where h_{t-1} may be, nothing is computed
    moved = tree.at_times(body, lambda time: nodes.t + (time - latest))
    builder = Builder(cell, program, reading)
    node = builder.build(moved).node
    if node is None or (node.shape[1] != 1 and not whole.stacking):
        raise OpenQuestionError("the derivative of an expression that is no column")
    bound = {part.index for part in leaves if isinstance(part, tree.OverEntries)}
    if clash := bound & {letter for place in whole.by.at for letter in place.free_symbols}:
        raise OpenQuestionError(f"{min(map(str, clash))} is the index of a sum and of what that is differentiated by")
    free = tuple(sorted(builder.domains.keys() & node.free_symbols - bound, key=str))
    if len(free) > 1:
        raise OpenQuestionError("the derivative of an expression with several indices")
    for one in free:  # of one entry of what has all of them
        node = Tabular(node, one, Symbol("column", integer=True), builder.domains[one], S.One)
    rows, cols = node.shape
    symbol = Quantity(f"part_{len(equations) + 1}", rows, cols, nodes.t)
    equations.append(Equation(symbol, node))
    return tree.Derivative(Ref(symbol.name, latest, free), whole.by, whole.immediate, whole.stacking)
