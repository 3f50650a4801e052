"""The search for an explanation: mistakes whose reversal turns a wrong formula into a true one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations, islice

from sympy import MatAdd, Symbol

from derive.nodes import Node, T, TimeProduct, TimeSum, add, children, coefficient, rebuild, scale, t
from verify.mistakes.context import Context, walk
from verify.mistakes.forms import Term
from verify.mistakes.judge import BUILT, Judge, Value, minus, plus
from verify.mistakes.mutate import MISTAKES, NamedMistake, mutants
from verify.mistakes.places import Change
from verify.mistakes.terms import cancelling, is_of_next_step, plus_term
from verify.truth.field import P

CANDIDATES = 600
"""How many pairs of reversals are tried, one after the other."""
SINGLES = 1200
"""How many single reversals are listed."""
MADE = 1500
"""How many mistakes are made in true forms."""
NODES = 60
"""The size of a formula up to which these numbers hold; for longer ones they shrink, so that none takes seconds."""
ATTEMPTS = 20
"""How many pairs that agree at the point are decided exactly."""
PATHS = 12
"""Of how many paths all subsets are tried."""

RANK = {name: rank for rank, name in enumerate(MISTAKES)}
MISSING, EXTRA, CONSTANT = "missing term", "extra term", "constant factor"
MIXED = "total and immediate derivative mixed"


@dataclass(frozen=True)
class Part:
    """One mistake of an explanation: the part as it was written and as it should be, or the term that is missing."""

    name: str
    wrong: Node
    true: Node
    what: Term | None = None


@dataclass(frozen=True)
class Finding:
    """An explanation; `correct` is the author's formula with the mistakes taken back, where that was possible."""

    parts: tuple[Part, ...]
    correct: Node | None = None


@dataclass(frozen=True)
class Reversal:
    """A mistake taken back in the formula, and what the formula is worth then."""

    part: Part
    node: Node
    value: Value


@dataclass(frozen=True)
class Made:
    """A mistake made in a true form, and what comes of it."""

    part: Part
    form: Node
    node: Node


@dataclass
class Search:
    """One search, for one left side; `budget` bounds the pairs."""

    context: Context
    judge: Judge
    budget: int = CANDIDATES
    _listed: dict[Node, list[Reversal]] = field(default_factory=dict)
    _made: dict[Value, list[Made]] = field(default_factory=dict)

    def explained(self, right: Node) -> Finding | None:
        """The most plausible explanation, or None."""
        plain, foreign = self._without_foreign_numbers(right)
        if foreign and self.judge.proves(plain):
            return Finding((foreign,), plain)
        found = self._one_kind(plain) or (self._two(plain) if self.budget else None)
        if found is None or foreign is None:
            return found
        return Finding((foreign, *found.parts), found.correct)

    def _one_kind(self, right: Node) -> Finding | None:
        return (
            self._missing_paths(right)
            or self._taken_back(right)
            or self._missing_parts(right)
            or self._made_in_form(right)
        )

    def _without_foreign_numbers(self, right: Node) -> tuple[Node, Part | None]:
        """The formula without letters in its numbers that mean nothing here, such as a 1/B."""
        setting = self.judge.setting
        known = {*setting.bench.cell.sizes, t, T, *setting.domains}
        known |= {node.index for node in walk(right) if isinstance(node, TimeSum)}
        letters = {symbol for node in walk(right) for symbol in coefficient(node)[0].free_symbols} - known
        if not letters:
            return right, None
        plain = _with_ones(right, letters)
        return plain, Part(CONSTANT, right, plain)

    # Missing terms

    def _lacking(self, right: Node) -> Value | None:
        value = self.judge.value(right) if right.shape == self.judge.left.shape else None
        return None if value is None else minus(self.judge.truth, value)

    def _terms(self) -> list[tuple[Term, Value]]:
        valued = ((term, self.judge.value(term.node)) for term in self.context.terms)
        return [(term, value) for term, value in valued if value is not None and any(value)]

    def _missing_paths(self, right: Node) -> Finding | None:
        """Whole paths whose sum is exactly what the formula lacks."""
        lacking = self._lacking(right)
        if lacking is None:
            return None
        whole = [pair for pair in self._terms() if pair[0].whole][:PATHS]
        for count in range(1, len(whole)):
            for chosen in combinations(whole, count):
                # One entry rules out nearly all of them.
                if sum(v[0] for _, v in chosen) % P == lacking[0] and _sum(v for _, v in chosen) == lacking:
                    return self._with_terms(right, [term for term, _ in chosen], whole)
        return None

    def _missing_parts(self, right: Node) -> Finding | None:
        """One or two paths or parts of paths that the formula lacks."""
        lacking, terms = self._lacking(right), self._terms()
        if lacking is None:
            return None
        by_value = {v: term for term, v in reversed(terms)}
        if lacking in by_value:
            return self._with_terms(right, [by_value[lacking]], [])
        for term, v in terms:
            rest = minus(lacking, v)
            other = by_value.get(rest)
            if other is not None and rest != v and not cancelling(right, term.node, other.node):
                return self._with_terms(right, [term, other], [])
        return None

    def _with_terms(self, right: Node, terms: list[Term], whole: list[tuple[Term, Value]]) -> Finding | None:
        correct = right
        for term in terms:
            correct = plus_term(correct, term.node)
        if not self.judge.proves(correct):
            return None
        later = [term for term, _ in whole if is_of_next_step(term.node)]
        if len(terms) > 1 and terms == later:
            return Finding((Part(MIXED, right, correct),), correct)
        return Finding(tuple(Part(MISSING, right, correct, term) for term in terms), correct)

    # One mistake

    def _reversals(self, right: Node, only: str | None = None) -> Iterator[Reversal]:
        """Every mistake taken back, or one kind, the most plausible first, with the value of what results."""
        cost = _building(right)
        for mistake in MISTAKES.values() if only is None else (MISTAKES[only],):
            if self.judge.spent():
                return
            for change in mistake.undone_in(right, self.context):
                if self.judge.spent():
                    return
                self.judge.purse.pay(cost)
                if change.node.shape == self.judge.left.shape and change.node != self.judge.left:
                    value = self.judge.value(change.node)
                    if value is not None and (any(value) or not any(self.judge.truth)):  # zero explains nothing
                        yield Reversal(Part(mistake.name, change.before, change.after), change.node, value)

    def _taken_back(self, right: Node, only: str | None = None) -> Finding | None:
        listed: list[Reversal] = []
        for found in islice(self._reversals(right, only), _bounded(SINGLES, right)):
            listed.append(found)
            if found.value == self.judge.truth and self.judge.proves(found.node):
                return Finding((found.part,), found.node)
        if only is None:
            self._listed[right] = listed
        return None

    def _mistakes_made(self) -> dict[Value, list[Made]]:
        """What the true forms are worth with one mistake made in them."""
        if not self._made:
            share = 1.0
            for form in self.context.forms:
                if share <= 0 or self.judge.spent() or not self.judge.proves(form):
                    continue
                most, cost = _bounded(MADE, form), _building(form)
                affordable = self.judge.purse.affords(2 * cost)
                changes = mutants_of(self.context, form, min(int(share * most), affordable))
                self.judge.purse.pay(cost * len(changes))
                share -= len(changes) / most
                for mistake, change in changes:
                    if self.judge.spent():
                        break
                    value = self.judge.value(change.node)
                    if value is not None and value != self.judge.truth:
                        made = Made(Part(mistake.name, change.after, change.before), form, change.node)
                        self._made.setdefault(value, []).append(made)
        return self._made

    def _made_in_form(self, right: Node) -> Finding | None:
        value = self.judge.value(right)
        if value is None or right.shape != self.judge.left.shape:
            return None
        found = self._mistakes_made().get(value, [])
        for made in sorted(found, key=lambda made: RANK[made.part.name])[:ATTEMPTS]:
            if self.judge.same(right, made.node):
                return Finding((made.part,), made.form)
        return None

    # Two mistakes

    def _two(self, right: Node) -> Finding | None:
        reversals = self._listed.get(right) or list(islice(self._reversals(right), _bounded(SINGLES, right)))
        exchanged: Finding | None = None
        for way in (self._in_two_terms, self._back_and_made, self._one_after_the_other):
            found = way(right, reversals)
            if found is not None and not _exchanges_a_term(found.parts):
                return found
            exchanged = exchanged or found
        return exchanged

    def _in_two_terms(self, right: Node, reversals: list[Reversal]) -> Finding | None:
        """Reversals in different terms of one sum: what they change adds up to what is wrong."""
        value = self.judge.value(right)
        if value is None or right.shape != self.judge.left.shape:
            return None
        wrap, terms = _as_sum(right)
        lacking = minus(self.judge.truth, value)
        local: list[tuple[Reversal, frozenset[Node], tuple[Node, ...], Value]] = []
        for reversal in reversals:
            around, others = _as_sum(reversal.node)
            if around(right) == wrap(right):
                gone = frozenset(terms) - frozenset(others)
                come = tuple(term for term in others if term not in terms)
                local.append((reversal, gone, come, minus(reversal.value, value)))
        by_change: dict[Value, list[int]] = {}
        for k, (*_, change) in enumerate(local):
            by_change.setdefault(change, []).append(k)
        matching = [
            (_plausibility(local[k][0].part, local[j][0].part), k, j)
            for k, (_, gone, _, change) in enumerate(local)
            for j in by_change.get(minus(lacking, change), ())
            if k < j and not gone & local[j][1]
        ]
        for _, k, j in sorted(matching)[:ATTEMPTS]:
            (first, gone, come, _), (second, also_gone, also_come, _) = local[k], local[j]
            edited = _exchanged(_exchanged(terms, gone, come), also_gone, also_come)
            correct = wrap(add(*edited)) if edited else right
            if self.judge.proves(correct):
                return Finding((first.part, second.part), correct)
        return None

    def _back_and_made(self, right: Node, reversals: list[Reversal]) -> Finding | None:
        """One mistake taken back leaves a formula that is one mistake away from a true form."""
        made = self._mistakes_made()
        found = [
            (_plausibility(reversal.part, mistake.part), k, reversal, mistake)
            for k, reversal in enumerate(reversals)
            for mistake in made.get(reversal.value, ())
            if not _cancel(reversal.part, mistake.part)
        ]
        plain: Finding | None = None
        for _, _, reversal, mistake in sorted(found, key=lambda entry: entry[:2])[:ATTEMPTS]:
            if plain is not None and plain.parts[0] != reversal.part:
                continue
            if not self.judge.same(reversal.node, mistake.node):
                continue
            name = mistake.part.name
            in_place = self._missing_paths(reversal.node) if name == MISSING else None
            in_place = in_place or self._taken_back(reversal.node, only=name)
            if in_place is not None and len(in_place.parts) == 1 and in_place.parts[0].name == name:
                return Finding((reversal.part, in_place.parts[0]), in_place.correct)
            # Another mistake can come to the same, such as wrong bounds to a wrong step; the author's form tells which.
            plain = plain or Finding((reversal.part, mistake.part), mistake.form)
        return plain

    def _one_after_the_other(self, right: Node, reversals: list[Reversal]) -> Finding | None:
        """A second mistake taken back after the first, as far as the budget goes."""
        left = _bounded(self.budget, right)
        for first in reversals:
            if self.judge.spent():
                return None
            for second in self._reversals(first.node):
                left -= 1
                if left < 0:
                    return None
                parts = first.part, second.part
                plausible = not (_exchanges_a_term(parts) or _cancel(*parts))
                if second.value == self.judge.truth and plausible and self.judge.proves(second.node):
                    return Finding((first.part, second.part), second.node)
        return None


def _exchanges_a_term(parts: tuple[Part, ...]) -> bool:
    """Whether one whole term goes and another comes: any wrong term can be explained so, and nothing is learnt."""
    return sorted(part.name for part in parts) == [EXTRA, MISSING]


def _cancel(first: Part, second: Part) -> bool:
    """Whether one part is changed and changed back: such a pair explains nothing."""
    return (first.wrong, first.true) == (second.true, second.wrong)


def _plausibility(first: Part, second: Part) -> int:
    """Less is more plausible."""
    return RANK[first.name] + RANK[second.name] + (len(RANK) ** 2 if _exchanges_a_term((first, second)) else 0)


def _bounded(number: int, node: Node) -> int:
    """The number of candidates for a formula of that size; what stands in a product over time counts several times."""
    size = sum(1 + 2 * isinstance(part, TimeProduct) * sum(1 for _ in walk(part)) for part in walk(node))
    return number * NODES // max(NODES, size)


def _building(node: Node) -> int:
    """What it costs to change a formula of that size at one place."""
    return 1 + sum(1 for _ in walk(node)) // BUILT


@lru_cache(maxsize=64)
def mutants_of(context: Context, form: Node, most: int) -> tuple[tuple[NamedMistake, Change], ...]:
    """The mutants of a true form, kept: one formula is seldom asked about once."""
    return tuple(islice(mutants(form, context), most))


def _sum(values: Iterator[Value]) -> Value:
    total = next(values)
    for value in values:
        total = plus(total, value)
    return total


def _exchanged(terms: tuple[Node, ...], gone: frozenset[Node], come: tuple[Node, ...]) -> tuple[Node, ...]:
    """Terms with some exchanged for others, in their place."""
    place = min((k for k, term in enumerate(terms) if term in gone), default=len(terms))
    return tuple(
        term
        for k, old in enumerate((*terms, None))
        for term in ((*(come if k == place else ()), *(() if old is None or old in gone else (old,))))
    )


def _as_sum(node: Node) -> tuple[Callable[[Node], Node], tuple[Node, ...]]:
    """A formula as what stands around its sum, and the terms."""
    if isinstance(node, TimeSum) and not isinstance(node, TimeProduct):
        wrap, terms = _as_sum(node.term)
        return lambda inner: TimeSum(wrap(inner), *node.args[1:]), terms
    return lambda inner: inner, tuple(node.args) if isinstance(node, MatAdd) else (node,)


def _with_ones(node: Node, letters: set[Symbol]) -> Node:
    """The formula with 1 for some letters in its numbers."""
    number, base = coefficient(node)
    inner = rebuild(base, tuple(_with_ones(child, letters) for child in children(base)))
    return scale(number.subs(dict.fromkeys(letters, 1)), inner)
