"""What every letter is - a number, a column, a row or a matrix - by one search over all equations, defaults last.

Each kind of term says which kinds of its parts give which kind of the whole; what no equation allows is struck out
until nothing changes. Only then defaults are taken, one after the other, each with what follows from it. A letter that
is still open where it multiplies is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from derive.functions import ScalarFunction
from derive.reader.meaning.tree import (
    Add,
    Call,
    Constant,
    Divide,
    Identity,
    Multiply,
    Ones,
    Part,
    Power,
    Ref,
    SizeOf,
    Slice,
    Stack,
    Term,
    Total,
    Transposed,
    references,
    walk,
)
from derive.reader.sizes.contexts import IN_A_PRODUCT, MULTIPLIED, capital, contexts
from derive.reader.sizes.joining import COLUMN, MATRIX, NUMBER, ROW, SCALAR, TOTALS, divided, multiplied, named, stacked
from derive.reader.sizes.shapes import ONE, Dim

QUANTITY = frozenset({SCALAR, COLUMN, ROW, MATRIX})
MOST = 3000
"""Combinations of kinds that a product may have before its factors are left alone."""

_FLIPPED = {COLUMN: ROW, ROW: COLUMN}


class ImpossibleError(Exception):
    """No kinds satisfy the equations."""


@dataclass(frozen=True)
class Given:
    """What an equation assigns to which name."""

    name: str
    term: Term


@dataclass
class Kinds:
    """The kinds that every name may still have."""

    equations: Sequence[Given]
    domains: dict[str, frozenset[str]]
    loose: frozenset[str]
    """Names that may stand as a scalar beside wider terms of a sum or of ⊙: those declared or computed."""
    strict: bool = False
    """Whether no number stands transposed within a product: there the sign would say nothing."""
    spreading: dict[int, list[bool] | None] = field(default_factory=dict)
    memo: dict[int, frozenset[str]] = field(default_factory=dict)

    def copy(self) -> Kinds:
        return Kinds(self.equations, dict(self.domains), self.loose, self.strict, self.spreading)

    def settle(self) -> None:
        """Strike out what no equation allows; raises ImpossibleError where nothing is left."""
        changed = True
        while changed:
            before = dict(self.domains)
            for equation in self.equations:
                allowed = self.of(equation.term)
                if allowed == {NUMBER}:
                    continue
                allowed = allowed & self.domains[equation.name]
                self._narrow(equation.name, allowed)
                self.restrict(equation.term, allowed)
            changed = before != self.domains

    def _narrow(self, name: str, allowed: frozenset[str]) -> None:
        left = self.domains[name] & allowed
        if not left:
            raise ImpossibleError(name)
        if left != self.domains[name]:
            self.domains[name] = left
            self.memo.clear()

    # From the parts to the whole

    def of(self, term: Term) -> frozenset[str]:
        """The kinds a term may have."""
        found = self.memo.get(id(term))
        if found is None:
            found = self.memo[id(term)] = self._of(term)
        return found

    def _of(self, term: Term) -> frozenset[str]:
        match term:
            case Ref(name=name):
                return self.domains[name]
            case Constant() | SizeOf():
                return frozenset({NUMBER})
            case Ones():
                return frozenset({COLUMN, ROW})
            case Identity():
                return frozenset({MATRIX})
            case Total():
                return frozenset({SCALAR})
        if (alike := self._alike(term)) is not None:
            return alike
        return frozenset(whole for _, whole in self.ways(term))

    # From the whole to the parts

    def restrict(self, term: Term, allowed: frozenset[str]) -> None:
        """Strike out kinds of the parts that give the whole none of the kinds allowed."""
        if isinstance(term, Ref):
            self._narrow(term.name, allowed)
            return
        if isinstance(term, Total):
            self.restrict(term.body, self.of(term.body))
            return
        if not term.parts:
            return
        spreads = self._spreads(term)
        if spreads is not None:
            for part, spread in zip(term.parts, spreads, strict=True):
                self.restrict(part, allowed | {NUMBER} | ({SCALAR} if spread else set()))
            return
        fitting = [kinds for kinds, whole in self.ways(term) if whole in allowed]
        if not fitting:
            raise ImpossibleError(term.written)
        for position, part in enumerate(term.parts):
            self.restrict(part, frozenset(kinds[position] for kinds in fitting))

    # Sums, elementwise products and functions: terms of one kind; numbers, and scalars that may, stand in every entry

    def _spreads(self, term: Term) -> list[bool] | None:
        if id(term) not in self.spreading:
            self.spreading[id(term)] = self._may_spread(term)
        return self.spreading[id(term)]

    def _may_spread(self, term: Term) -> list[bool] | None:
        match term:
            case Add():
                return [
                    (isinstance(part, Ref) and part.name in self.loose)
                    or (isinstance(part, Call) and part.function in TOTALS)
                    for part in term.parts
                ]
            case Multiply(elementwise=True):
                return [all(ref.name in self.loose for ref in references(part)) for part in term.parts]
            case Call(function=ScalarFunction()):
                return [False] * len(term.parts)
        return None

    def _alike(self, term: Term) -> frozenset[str] | None:
        spreads = self._spreads(term)
        if spreads is None:
            return None
        domains = [self.of(part) for part in term.parts]
        shaped = [(d - {NUMBER}, spread, NUMBER in d) for d, spread in zip(domains, spreads, strict=True)]
        found = {
            kind
            for kind in QUANTITY
            if all(number or kind in d or (spread and SCALAR in d) for d, spread, number in shaped)
            and any(kind in d for d, _, _ in shaped)
        }
        if all(NUMBER in d for d in domains):
            found.add(NUMBER)
        return frozenset(found)

    def ways(self, term: Term) -> list[tuple[tuple[str, ...], str]]:
        """Every choice of kinds for the parts with the kind of the whole."""
        domains = [self.of(part) for part in term.parts]
        count = 1
        for domain in domains:
            count *= len(domain)
        if count > MOST:
            domains = [frozenset({_likeliest(domain)}) if len(domain) > 1 else domain for domain in domains]
        joined = self._joining(term)
        found = []
        for kinds in product(*map(sorted, domains)):
            found += [(kinds, whole) for whole in joined(kinds)]
        return found

    def _joining(self, term: Term) -> Callable[[tuple[str, ...]], Iterable[str]]:
        match term:
            case Multiply():
                return multiplied
            case Divide():
                return divided
            case Power():
                return lambda kinds: () if kinds[0] == MATRIX else kinds
            case Transposed():
                pointless = self.strict and not isinstance(term.body, Ref)
                return lambda kinds: () if pointless and kinds[0] == SCALAR else (_FLIPPED.get(kinds[0], kinds[0]),)
            case Call(function=str() as name):
                return lambda kinds: named(name, kinds)
            case Stack():
                return lambda kinds: stacked(term, kinds)
            case Part():
                return lambda kinds: kinds if kinds[0] in (COLUMN, ROW) else ()
            case Slice(alone=alone):
                return lambda kinds: kinds if kinds[0] == MATRIX or (alone and kinds[0] in (COLUMN, ROW)) else ()
        raise AssertionError(term)


def _likeliest(domain: frozenset[str]) -> str:
    return next(kind for kind in (COLUMN, ROW, MATRIX, SCALAR, NUMBER) if kind in domain)


# The search


@dataclass(frozen=True)
class Solution:
    """The kind of every name; `open` are those that the document leaves open; `rows`: vectors are written as rows."""

    kinds: dict[str, str]
    open: tuple[str, ...] = ()
    rows: bool = False
    possible: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The kinds that each open name may have."""


def solve(
    equations: Sequence[Given],
    declared: Mapping[str, tuple[Dim, Dim]],
    inputs: Sequence[str],
    states: Sequence[str],
    either: Collection[str] = (),
) -> Solution | None:
    """The kinds of all names in `equations`, with vectors as columns or else as rows; None where none fit.

    `either` are declared vectors of which nothing says whether they are columns.
    """
    as_rows = any(
        shape[0] == ONE != shape[1]
        for name, shape in declared.items()
        if any(ref.name == name and ref.offset is not None for e in equations for ref in references(e.term))
    )
    found: list[Solution] = []
    read = {ref.name for equation in equations for ref in references(equation.term)}
    readouts = frozenset(
        e.name for e in equations if e.name not in read and not capital(e.name) and e.name not in declared
    )
    ways: list[tuple[bool, frozenset[str]]] = [(True, frozenset())]
    if not as_rows:
        ways = [(False, frozenset()), *([(False, readouts)] if readouts else []), *ways]
    for thin, strict in ((False, True), (False, False), (True, False)):
        for rows, turned in ways:
            try:
                found.append(_solved(equations, declared, inputs, states, rows, either, thin, strict, turned))
            except ImpossibleError:
                continue
            if not rows and not unlikely(found[0], equations):
                break
        if found:
            break
    if found and not any(_turned_are(one, (SCALAR, COLUMN, ROW), equations) for one in found):
        try:  # what stands transposed is a vector, so a weight beside it may have one row
            vectors = _solved(equations, declared, inputs, states, False, either, thin=True, first=True)
        except ImpossibleError:
            pass
        else:
            found += [vectors] if _turned_are(vectors, (COLUMN,), equations) else []
    return min(found, key=lambda one: unlikely(one, equations), default=None)


def _turned_are(solution: Solution, wanted: Collection[str], equations: Sequence[Given]) -> bool:
    """Whether all small letters that stand transposed are of one of these kinds."""
    turned = {name for equation in equations for name in _turned(equation.term) if not capital(name)}
    return all(solution.kinds[name] in wanted for name in turned)


def unlikely(solution: Solution, equations: Sequence[Given]) -> int:
    """How far a reading is from what is usual: open letters, values at a step that are no vectors, capital numbers."""
    timed = {equation.name for equation in equations}
    timed |= {ref.name for equation in equations for ref in references(equation.term) if ref.offset is not None}
    odd = len(timed.intersection(solution.open))
    for name in timed:
        kind = solution.kinds[name]
        if kind == SCALAR and capital(name):
            odd += 2
        elif kind == MATRIX and not capital(name):
            odd += 1
    return odd


def _solved(
    equations: Sequence[Given], declared: Mapping[str, tuple[Dim, Dim]], inputs: Sequence[str], states: Sequence[str],
    rows: bool, either: Collection[str] = (), thin: bool = False, strict: bool = False,
    readouts: Collection[str] = (), first: bool = False,
) -> Solution:  # fmt: skip
    """The kinds with vectors as columns or rows; with `thin` a weight may have one row or one column.

    With `first` small inputs are vectors before weights are anything.
    With `strict` nothing is transposed in vain; `readouts` may be rows although vectors are columns: o_t = q_t^T S_t.
    """
    assigned = list(dict.fromkeys(equation.name for equation in equations))
    refs = [ref for equation in equations for ref in references(equation.term)]
    parameters = [n for n in dict.fromkeys(r.name for r in refs if r.offset is None) if n not in (*assigned, *inputs)]
    names = dict.fromkeys((*inputs, *assigned, *(ref.name for ref in refs)))
    where = contexts(equation.term for equation in equations)
    numbers = {name for name, (rows, cols) in declared.items() if rows == cols == ONE}
    beside = contexts((equation.term for equation in equations), numbers) if numbers else where
    vector = ROW if rows else COLUMN
    domains: dict[str, frozenset[str]] = {}
    for name in names:
        if name in declared and rows and name in either:
            domains[name] = frozenset({ROW, COLUMN})
        elif name in declared:
            domains[name] = frozenset({_declared(declared[name])})
        elif name in parameters and capital(name) and beside[name] & (IN_A_PRODUCT | {"stacked left"}):
            domains[name] = frozenset({MATRIX, COLUMN, ROW}) if thin else frozenset({MATRIX})
        else:
            domains[name] = frozenset({SCALAR, vector, MATRIX} | ({COLUMN} if rows and name in parameters else set()))
    for name in readouts:
        domains[name] |= {ROW}
    kinds = Kinds(equations, domains, frozenset({*declared, *assigned}) & names.keys(), strict)
    kinds.settle()
    for name in (n for n in inputs if first and not capital(n)):
        kinds = _chosen(kinds, name, (vector,))
    unsaid = _numbers_or_vectors(kinds, assigned, states, where, declared) if thin else {}
    for name in (n for n in parameters if thin and capital(n) and n not in declared):
        kinds = _chosen(kinds, name, (MATRIX, COLUMN, ROW))
    turned = {name for equation in equations for name in _turned(equation.term)}
    transposed = [name for name in names if not capital(name) and name in turned]
    for name in transposed:
        kinds = _chosen(kinds, name, (vector,), certain=True)
    usual = (vector, MATRIX, SCALAR)
    for name in (n for n in assigned if n in states):
        kinds = _chosen(kinds, name, usual)
    for name, like in _compared(equations, inputs, assigned):
        kinds = _chosen(kinds, name, (SCALAR,)) if kinds.domains[like] == {SCALAR} else kinds
    for name in inputs:  # one that stands left of what it multiplies may be a number
        if not where.get(name, set()) & {"left", "inside left"}:
            kinds = _chosen(kinds, name, usual)
    multiplied = {n: MULTIPLIED | ({"stacked left"} if n in parameters else set()) for n in (*inputs, *parameters)}
    possible = {n: _possible(kinds, n) for n, places in multiplied.items() if where.get(n, set()) & places}
    possible |= unsaid
    asked = [name for name, found in possible.items() if len(found) > 1]
    for name in (n for n in assigned if n not in states):
        kinds = _chosen(kinds, name, (*usual, ROW) if name in readouts else usual)
    for name in (*inputs, *parameters):
        kinds = _chosen(kinds, name, usual)
    return Solution({name: next(iter(kinds.domains[name])) for name in names}, tuple(asked), rows, possible)


def _compared(
    equations: Sequence[Given], inputs: Collection[str], assigned: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Inputs that the equations take from what they compute, or the other way round: y of ŷ - y."""
    for term in (part for equation in equations for part in walk(equation.term) if isinstance(part, Add)):
        names = [part.name for part in term.parts if isinstance(part, Ref)]
        if len(names) == len(term.parts) == 2 and sorted(sign for sign, _ in term.terms) == [-1, 1]:
            yield from ((a, b) for a, b in (names, reversed(names)) if a in inputs and b in assigned)


def _numbers_or_vectors(
    kinds: Kinds, assigned: Sequence[str], states: Sequence[str], where: Mapping[str, set[str]],
    declared: Collection[str],
) -> dict[str, frozenset[str]]:  # fmt: skip
    """Values left of what they multiply that are numbers or vectors, as weights have one row or several."""
    for name in (n for n in assigned if n in states):
        kinds = _chosen(kinds, name, (MATRIX, COLUMN, SCALAR))
    values = [n for n in assigned if n not in (*states, *declared) and not capital(n) and "left" in where.get(n, set())]
    found = {name: _possible(kinds, name) for name in values}
    return {name: ways for name, ways in found.items() if ways >= {SCALAR, COLUMN}}


def _declared(shape: tuple[Dim, Dim]) -> str:
    rows, cols = shape
    if rows == cols == ONE:
        return SCALAR
    return COLUMN if cols == ONE else ROW if rows == ONE else MATRIX


def _chosen(kinds: Kinds, name: str, order: Sequence[str], *, certain: bool = False) -> Kinds:
    """The first kind of a name that leaves all equations possible; what is decided stays."""
    if len(kinds.domains[name]) == 1:
        return kinds
    for kind in order:
        if kind not in kinds.domains[name]:
            continue
        attempt = kinds.copy()
        attempt.domains[name] = frozenset({kind})
        try:
            attempt.settle()
        except ImpossibleError:
            continue
        return attempt
    if certain:
        raise ImpossibleError(name)
    return kinds


def _possible(kinds: Kinds, name: str) -> frozenset[str]:
    """The kinds of a name with which the equations hold: where these are several, no default is safe."""
    possible = set()
    if len(kinds.domains[name]) == 1:
        return kinds.domains[name]
    for kind in kinds.domains[name]:
        attempt = kinds.copy()
        attempt.domains[name] = frozenset({kind})
        try:
            attempt.settle()
        except ImpossibleError:
            continue
        possible.add(kind)
    return frozenset(possible)


def _turned(term: Term) -> Iterator[str]:
    """The letters that stand transposed."""
    return (part.body.name for part in walk(term) if isinstance(part, Transposed) and isinstance(part.body, Ref))
