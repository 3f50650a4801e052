"""The numbers that T and the sizes stand for while something is decided: two sets of them, no letter alike in both.

A formula with a number where a letter belongs holds for one value of the letter; so no value is used twice, and none
that stands in the formula. T is longer than what a formula reaches over by its own numbers: a sum over a window of
four steps must not be the sum over all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations_with_replacement, count

from sympy import Basic, Expr, Integer, MatMul, OneMatrix, Rational, Symbol, primerange

from derive.cell import Cell
from derive.nodes import Adjoint, Entry, Jacobian, Node, Quantity, Slice, TimeSum, children
from verify.truth.exact import whole

SHORTEST = 4
"""The fewest steps: a path through time needs two, a mistake in carrying it three."""
BEYOND = 2
"""By how many steps a sequence is longer than what a formula reaches over."""


class NoPointError(ValueError):
    """No random point was found at which every formula of the cell has a value, or no sizes for one."""


@dataclass(frozen=True)
class Scale:
    """The number of steps, a number for every size letter, and one for the size of a batch."""

    steps: int
    letters: tuple[tuple[Symbol, int], ...]
    batch: int

    @cached_property
    def sizes(self) -> Mapping[Symbol, int]:
        """The number that every size letter stands for."""
        return dict(self.letters)

    def of_length(self, steps: int) -> Scale:
        """The same sizes with another number of steps."""
        return Scale(steps, self.letters, self.batch)


def scales(cell: Cell, sides: Sequence[Node] = ()) -> tuple[Scale, Scale]:
    """Two scales for a comparison of these sides; every letter's number differs.

    Raises NoPointError where the shapes of the cell cannot be kept apart.
    """
    return _chosen(cell, numbers_in(sides), reach(sides))


_KNOWN: dict[tuple[int, frozenset[int], int], tuple[Cell, tuple[Scale, Scale]]] = {}
"""The scales chosen last, by the identity of the cell: to compare cells takes longer."""


def _chosen(cell: Cell, numbers: frozenset[int], reached: int) -> tuple[Scale, Scale]:
    key = id(cell), numbers, reached
    if key in _KNOWN and _KNOWN[key][0] is cell:
        return _KNOWN[key][1]
    one = sizes_apart(cell, avoid=numbers)
    two = sizes_apart(cell, avoid=numbers, other=one)
    taken = {*one.values(), *two.values(), *numbers}
    batches = (n for n in primerange(7, 10_000) if n not in taken)
    found: list[Scale] = []
    for each in (one, two):
        others = [(scale.steps, scale.sizes) for scale in found]
        lengths = (n for n in count(max(SHORTEST, reached + BEYOND)) if n not in taken)
        steps = next(n for n in lengths if _new_length(n, each, numbers, others))
        taken.add(steps)
        found.append(Scale(steps, tuple(each.items()), int(next(batches))))
    while len(_KNOWN) >= 256:
        _KNOWN.pop(next(iter(_KNOWN)))
    _KNOWN[key] = cell, (found[0], found[1])
    return found[0], found[1]


def sizes_apart(
    cell: Cell, *, avoid: Collection[int] = (), other: Mapping[Symbol, int] | None = None
) -> dict[Symbol, int]:
    """A prime for every size letter, all shapes of the cell that differ as formulas differing as numbers.

    Two entries tell a row from its sum, and different sizes leave no room for a transpose. No size and no product of
    two sizes is in `avoid`, or what it is in `other`; with it the states get the smallest numbers, else the inputs.
    """
    shapes = {dimension for quantity in cell.quantities.values() for dimension in quantity.shape}
    letters = cell.sizes if other is None else tuple(reversed(cell.sizes))
    chosen: dict[Symbol, int] = {}
    for letter in letters:
        for prime in primerange(2, 10_000):
            trial = {**chosen, letter: int(prime)}
            if _apart(trial, shapes) and _new(trial, avoid, other or {}):
                chosen = trial
                break
        else:
            raise NoPointError(f"no sizes found that keep the shapes of {cell.name} apart")
    return {letter: chosen[letter] for letter in cell.sizes}


def _apart(trial: Mapping[Symbol, int], shapes: Iterable[Expr]) -> bool:
    known = [whole(s, trial) for s in shapes if s.free_symbols <= set(trial)]
    open_ = [whole(s, trial) for s in shapes if s.free_symbols and s.free_symbols <= set(trial)]
    return len(set(known)) == len(known) and all(number > 1 for number in open_)


def _new(trial: Mapping[Symbol, int], avoid: Collection[int], other: Mapping[Symbol, int]) -> bool:
    """Whether no letter, and no product of two, has a number that is to be avoided or that it has in `other`."""
    for some in (*((letter,) for letter in trial), *combinations_with_replacement(trial, 2)):
        here = _product(some, trial)
        if here in avoid or (other and here == _product(some, other)):
            return False
    return True


def _new_length(
    steps: int,
    sizes: Mapping[Symbol, int],
    avoid: Collection[int],
    others: Sequence[tuple[int, Mapping[Symbol, int]]],
) -> bool:
    """Whether T times T or a size, or T over one, is no number to be avoided and none that it is in the others."""
    if steps * steps in avoid:
        return False
    for letter, size in sizes.items():
        ratios = Fraction(steps, size), Fraction(size, steps)
        if steps * size in avoid or any(ratio in avoid for ratio in ratios):
            return False
        if any(n * other[letter] == steps * size or Fraction(n, other[letter]) == ratios[0] for n, other in others):
            return False
    return True


def _product(letters: Iterable[Symbol], numbers: Mapping[Symbol, int]) -> int:
    result = 1
    for letter in letters:
        result *= numbers[letter]
    return result


def numbers_in(sides: Iterable[Node]) -> frozenset[int]:
    """The whole numbers that stand in front of something or count entries: each might stand for a size or for T."""
    return frozenset(abs(n) for side in sides for part in _counting(side) for n in _whole_numbers(part)) - {0, 1}


def _counting(node: Node) -> Iterator[Basic]:
    if isinstance(node, MatMul):
        yield from (part for part in node.args if not part.is_Matrix)
    elif isinstance(node, Slice):
        yield from (node.start, node.length)
    elif isinstance(node, Entry):
        yield from (node.row, node.col, node.row + 1, node.col + 1)
    elif isinstance(node, OneMatrix):
        yield from node.shape
    elif isinstance(node, TimeSum):
        yield from (node.first, node.last)
    for child in children(node):
        yield from _counting(child)


def _whole_numbers(expression: Basic) -> Iterator[int]:
    for number in expression.atoms(Rational):
        yield int(number.p)
        yield int(number.q)


def reach(sides: Iterable[Node]) -> int:
    """The largest number that stands in a time or in the bound of a sum: a step, an offset, the width of a window."""
    found = [0]
    for side in sides:
        for moment in _moments(side):
            found.extend(abs(int(number)) for number in moment.atoms(Integer) if number != -1)
    return max(found)


def last_step(sides: Iterable[Node]) -> int:
    """The largest number that stands alone as a step or as the bound of a sum: a sequence must have so many."""
    moments = (moment for side in sides for moment in _moments(side))
    return max((int(moment) for moment in moments if moment.is_Integer), default=0)


def _moments(node: Node) -> Iterator[Expr]:
    if isinstance(node, TimeSum):
        yield from (node.first, node.last, node.last - node.first)
    if isinstance(node, Adjoint) and node.only is not None:
        yield node.only
    for quantity in quantities_of(node):
        if quantity.time is not None:
            yield quantity.time
    for child in children(node):
        yield from _moments(child)


def quantities_of(node: Node) -> tuple[Quantity, ...]:
    """The quantities that a leaf names."""
    if isinstance(node, Quantity):
        return (node,)
    if isinstance(node, Adjoint):
        return (node.quantity,)
    return (node.of, node.by) if isinstance(node, Jacobian) else ()
