"""Two normal forms laid beside each other: what answers to what, and in what they differ.

Every term and factor of one is given to one of the other so that as little as possible is left over or unlike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sympy import S

from verify.which.normal import Applied, Factor, Form, Letter, Linear, Other, Product, factors_in, shown_product

Item = TypeVar("Item")


@dataclass(frozen=True)
class Difference:
    """One difference: what kind it is, where it stands here, and what stands here and there."""

    kind: str
    place: str
    here: str = ""
    there: str = ""


@dataclass(frozen=True)
class Alignment:
    """What was found: how much differs, how, and which letters here, added, stand for which there."""

    cost: float = 0.0
    differences: tuple[Difference, ...] = ()
    pairs: tuple[tuple[tuple[Letter, ...], Letter], ...] = ()

    def __add__(self, other: Alignment) -> Alignment:
        return Alignment(self.cost + other.cost, self.differences + other.differences, self.pairs + other.pairs)


NOTHING = Alignment()
MOST = 7
"""The longest sums and products in which every assignment is tried."""


@dataclass
class Aligner:
    """Aligns forms of one cell with those of another, whose states answer to each other as `states` tells.

    `gates` and `others` are the names of parts here and there.
    """

    states: Mapping[str, str]
    gates: Mapping[Factor, str]
    others: Mapping[Factor, str]
    _known: dict[tuple[Form, Form, str], Alignment] = field(default_factory=dict)
    _paired: dict[tuple[Factor, Factor, str], Alignment] = field(default_factory=dict)

    def forms(self, here: Form, there: Form, place: str) -> Alignment:
        """Sums term by term; biases, which are parameters alone, are one bias however many they are."""
        key = (here, there, place)
        if key not in self._known:
            mine, own_biases = _without_biases(here)
            other, their_biases = _without_biases(there)
            terms = self._assigned(
                mine,
                other,
                lambda a, b: self._terms(a, b, place),
                lambda a: Alignment(_alone(a[1]), (Difference("extra term", place, self._mine(a[1])),)),
                lambda b: Alignment(_alone(b[1]), (Difference("missing term", place, "", self._theirs(b[1])),)),
            )
            self._known[key] = terms + _biases(own_biases, their_biases, place)
        return self._known[key]

    def _terms(self, here: tuple[object, Product], there: tuple[object, Product], place: str) -> Alignment:
        found = self._products(here[1], there[1], place)
        if here[0] != there[0]:
            found += Alignment(1.0, (Difference("factor", place, str(here[0]), str(there[0])),))
        return found

    def _mine(self, product: Product) -> str:
        return shown_product(product, self.gates)

    def _theirs(self, product: Product) -> str:
        return shown_product(product, self.others)

    def _products(self, here: Product, there: Product, place: str) -> Alignment:
        """Factor by factor; what stands beside a matrix product here may stand inside it there."""
        found = self._factor_by_factor(here, there, place)
        for moved, other, kind in (
            (_moved_in(here), there, "after the product"),
            (here, _moved_in(there), "before the product"),
        ):
            if moved is not None and other is not None:
                difference = Difference(kind, place, self._mine(here), self._theirs(there))
                option = self._factor_by_factor(moved, other, place) + Alignment(1.0, (difference,))
                found = min(found, option, key=lambda one: one.cost)
        return found

    def _factor_by_factor(self, here: Product, there: Product, place: str) -> Alignment:
        return self._assigned(
            here,
            there,
            lambda a, b: self._factors(a, b, place),
            lambda a: Alignment(_surplus(a), (Difference("extra factor", place, self._mine((a,))),)),
            lambda b: Alignment(_surplus(b), (Difference("missing factor", place, "", self._theirs((b,))),)),
        )

    def _factors(self, here: Factor, there: Factor, place: str) -> Alignment:
        key = (here, there, self.gates.get(here, place))
        if key not in self._paired:
            self._paired[key] = self._pair(*key)
        return self._paired[key]

    def _pair(self, here: Factor, there: Factor, place: str) -> Alignment:
        match here, there:
            case Letter(), Letter():
                return self._letters(here, there, place)
            case Applied(mine, inside), Applied(other, outside):
                found = self.forms(inside, outside, place)
                if mine != other:
                    found += Alignment(1.0, (Difference("activation", place, mine, other),))
                return found
            case Applied(mine, inside), _:
                found = self.forms(inside, ((S.One, (there,)),), place)
                return found + Alignment(1.0, (Difference("activation", place, mine, "identity"),))
            case _, Applied(other, outside):
                found = self.forms(((S.One, (here,)),), outside, place)
                return found + Alignment(1.0, (Difference("activation", place, "identity", other),))
            case Linear(mine, inside), Linear(other, outside):
                return self._letters(mine, other, place) + self._products(inside, outside, place)
            case Other(mine, parts), Other(other, others) if mine == other and len(parts) == len(others):
                found = NOTHING
                for one, two in zip(parts, others, strict=True):
                    found += self.forms(one, two, place)
                return found
        cost = 1.0 + (_weight((here,)) + _weight((there,))) / 2
        return Alignment(cost, (Difference("unlike", place, self._mine((here,)), self._theirs((there,))),))

    def _letters(self, here: Letter, there: Letter, place: str) -> Alignment:
        if here.role != there.role or here.transposed != there.transposed:
            return Alignment(1.5, (Difference("unlike", place, self._mine((here,)), self._theirs((there,))),))
        if here.role in ("state", "now"):
            if self.states.get(here.name) == there.name:
                return NOTHING
            return Alignment(1.5, (Difference("unlike", place, self._mine((here,)), self._theirs((there,))),))
        return Alignment(0.0, (), (((here,), there),))

    def _assigned(
        self,
        here: Sequence[Item],
        there: Sequence[Item],
        both: Callable[[Item, Item], Alignment],
        only_here: Callable[[Item], Alignment],
        only_there: Callable[[Item], Alignment],
    ) -> Alignment:
        """The cheapest way to give items to each other, each at most once."""
        table = [[both(a, b) for b in there] for a in here]
        left = [only_here(a) for a in here]
        right = [only_there(b) for b in there]
        if max(len(here), len(there)) > MOST:
            return _greedy(table, left, right)
        known: dict[tuple[int, int], Alignment] = {}

        def best(row: int, used: int) -> Alignment:
            if (row, used) not in known:
                if row == len(here):
                    rest = [right[k] for k in range(len(there)) if not used >> k & 1]
                    known[row, used] = sum(rest, NOTHING)
                else:
                    options = [left[row] + best(row + 1, used)]
                    options += [
                        table[row][k] + best(row + 1, used | 1 << k) for k in range(len(there)) if not used >> k & 1
                    ]
                    known[row, used] = min(options, key=lambda found: found.cost)
            return known[row, used]

        return best(0, 0)


def _moved_in(product: Product) -> Product | None:
    """A product of one matrix product and other factors, with these inside the matrix product."""
    linear = [factor for factor in product if isinstance(factor, Linear)]
    if len(linear) != 1 or len(product) < 2:
        return None
    others = [factor for factor in product if factor is not linear[0]]
    return (Linear(linear[0].matrix, tuple(sorted((*linear[0].of, *others), key=str))),)


def _greedy(table: list[list[Alignment]], left: list[Alignment], right: list[Alignment]) -> Alignment:
    found, mine, other = NOTHING, set(range(len(left))), set(range(len(right)))
    pairs = sorted((table[i][j].cost, i, j) for i in mine for j in other)
    for cost, i, j in pairs:
        if i in mine and j in other and cost < left[i].cost + right[j].cost:
            found += table[i][j]
            mine.discard(i)
            other.discard(j)
    return sum((left[i] for i in mine), sum((right[j] for j in other), found))


def _without_biases(form: Form) -> tuple[Form, tuple[Letter, ...]]:
    """The terms that are more than a parameter, and the parameters that stand alone."""
    biases = tuple(
        product[0]
        for number, product in form
        if number == 1 and len(product) == 1 and isinstance(product[0], Letter) and product[0].role == "parameter"
    )
    return tuple(term for term in form if not (len(term[1]) == 1 and term[1][0] in biases and term[0] == 1)), biases


def _biases(here: tuple[Letter, ...], there: tuple[Letter, ...], place: str) -> Alignment:
    if bool(here) != bool(there):
        kind = "bias" if here else "no bias"
        return Alignment(1.0, (Difference(kind, place, " + ".join(map(str, here)), " + ".join(map(str, there))),))
    own: list[tuple[Letter, ...]] = [(letter,) for letter in here[: len(there)]] + [()] * (len(there) - len(here))
    if len(here) > len(there) > 0:
        own[-1] = here[len(there) - 1 :]
    found = Alignment(0.0, (), tuple(zip(own, there, strict=True)))
    if len(here) != len(there):
        found += Alignment(
            0.25, (Difference("number of biases", place, " + ".join(map(str, here)), " + ".join(map(str, there))),)
        )
    return found


def _alone(product: Product) -> float:
    """What a term without a counterpart costs; one that only weighs known values, such as a peephole, costs little."""
    light = any(isinstance(factor, Letter) and factor.role == "parameter" for factor in product)
    return 1.0 if light else 1.0 + _weight(product) / 2


def _surplus(factor: Factor) -> float:
    """What a factor without a counterpart costs."""
    return 1.0 + _weight((factor,)) / 2


def _weight(product: Product) -> int:
    return len(list(factors_in(((S.One, product),))))
