"""Time as documents write it -> t: another letter, next and previous by word or prime, values without a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from derive.reader.meaning.letters import letter, number_of, only, time_of
from derive.reader.meaning.symbols import Symbol
from derive.reader.meaning.vocabulary import PRODUCTS
from derive.reader.questions.guesses import Guess
from derive.reader.resolving.document import Document
from derive.reader.resolving.rewriting import (
    at_time,
    bracketed,
    letters,
    scripts_of,
    symbol_of,
    whole_letter,
    with_scripts,
)
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import parts, rewritten, walk
from derive.reader.text.syntax import Big, Chain, Group, Mark, Name, Number, Product, Run, Script, Sum, Syntax
from derive.reader.text.words import BESIDE, ENTRYWISE, GREEK

CLOCKS = ("n", "k", "s", "i", "tau", "m", "j")
"""Letters that count steps where t does not, the likeliest first."""
FOUND = "state"
"""Beside c_new, c_state is what the step finds."""
_WORDS = {**BESIDE, "last": -1}
"""In an equation the last state is the one before; in a claim it may be that of step T."""


def resolve(document: Document) -> None:
    """Write every time as t."""
    _clock(document)
    timed = _timed(document)
    worded = _words(document)
    if not timed and (worded or not _in_place(document)):
        _without_times(document, worded)
    _named_values(document)
    _locals(document)


# Another letter than t


def clock_of(said: Iterable[tuple[Fragment, Syntax]]) -> str | None:
    """The letter that counts steps in these parts where t does not; None where t does, or none can be told."""
    shifted: dict[str, set[str]] = defaultdict(set)
    bare: dict[str, set[str]] = defaultdict(set)
    bound: set[str] = set()
    for fragment, part in said:
        bound |= {index for node in walk(part) if isinstance(node, Big) for index in _indices(node)}
        for name, cell in _times(part, fragment):
            if isinstance(cell, Name):
                bare[cell.word].add(name)
            elif isinstance(cell, Sum) and isinstance(cell.terms[0][1], Name):
                shifted[cell.terms[0][1].word].add(name)
    if "t" in shifted or bare.get("t"):
        return None
    candidates = [one for one in CLOCKS if shifted[one] & bare[one] and one not in bound]
    if not candidates:
        candidates = [one for one in CLOCKS if shifted[one] and bare[one] and one not in bound]
    return max(candidates, key=lambda one: len(shifted[one] | bare[one])) if candidates else None


def _clock(document: Document) -> None:
    """n, k, ... as t, where a letter is used at k and at k - 1 or k + 1, and nothing at t."""
    clock = clock_of(document.displayed()) or clock_of(document.said())  # lines that declare may say t all the same
    if clock is None:
        return

    def as_t(node: Syntax) -> Syntax | None:
        if isinstance(node, Name) and node.word == clock:
            return Name(node.start, node.end, "t", node.latex)
        return None

    def change(node: Syntax) -> Syntax | None:
        if whole_letter(node):
            scripts = tuple(
                Script(script.start, script.end, script.kind, tuple(
                    tuple(rewritten(cell, as_t) if is_time(cell, clock) else cell for cell in row)
                    for row in script.rows
                ))
                for script in scripts_of(node)
            )  # fmt: skip
            return with_scripts(node, scripts) if scripts else node
        if isinstance(node, Group) and (cell := only(node.rows)) is not None and is_time(cell, clock):
            return rewritten(node, as_t) if node.bracket in ("LPAR", "LBRACK") else None
        return None

    document.rewrite(change)


def _times(part: Syntax, fragment: Fragment) -> Iterator[tuple[str, Syntax]]:
    """Every script or bracket that may be a time, with the name of the letter that has it."""
    for node in letters(part):
        base = letter(node)
        assert base is not None
        for script in scripts_of(node):
            for cell in (cell for row in script.rows for cell in row):
                inner = only(cell.rows) if isinstance(cell, Group) else cell
                likely = script.kind == "sub" or isinstance(cell, Group | Sum)
                if inner is not None and (likely or (isinstance(inner, Name) and inner.word == "t")):
                    yield base.word, inner
    for node, group in bracketed(part):
        base, argument = letter(node), only(group.rows)
        if base is not None and argument is not None and base.word not in ENTRYWISE:
            yield base.word, argument


def is_time(cell: Syntax, clock: str) -> bool:
    """k, k - 1, (k + 1)."""
    if isinstance(cell, Group):
        inner = only(cell.rows)
        return inner is not None and is_time(inner, clock)
    if isinstance(cell, Name):
        return cell.word == clock
    if isinstance(cell, Sum) and len(cell.terms) == 2:
        (sign, first), (_, amount) = cell.terms
        return sign == 1 and isinstance(first, Name) and first.word == clock and isinstance(amount, Number)
    return False


def _indices(node: Big) -> Iterator[str]:
    for script in node.scripts:
        cell = only(script.rows)
        first = cell.sides[0] if isinstance(cell, Chain) else cell
        if isinstance(first, Name):
            yield first.word


# Next and previous by word


def _words(document: Document) -> set[str]:
    """s_prev and s_new as s at t - 1 and at t; beside s_new, a bare s is the one before. Their names."""
    seen: dict[str, set[int]] = defaultdict(set)
    bare: set[str] = set()
    for fragment, part in document.displayed():
        for node in letters(part):
            found = symbol_of(node, fragment)
            if found is None:
                continue
            stem, offset = _worded(found, fragment)
            if offset is not None:
                seen[stem].add(offset)
            elif found.offset is None:
                bare.add(found.name)
    for name, chain, fragment in _each_target(document):  # h = (1 - z) h + z h_new: h_new is a value of its own
        if name in seen and any(_worded(one, fragment) == (name, 0) for one in _read(chain, fragment)):
            del seen[name]
    if not seen:
        return set()
    found_ones = {f"{stem}_{FOUND}" for stem, offsets in seen.items() if offsets == {0}} & bare

    def change(node: Syntax) -> Syntax | None:
        found = symbol_of(node, document.fragment)
        if found is None:
            return None
        stem, offset = _worded(found, document.fragment)
        if (offset is not None and stem in seen) or found.name in found_ones:
            return at_time(_without_word(node), -1 if offset is None else offset)
        if found.name in seen and found.offset is None:
            return at_time(node, -1 if 0 in seen[found.name] and -1 not in seen[found.name] else 0)
        return node

    document.rewrite(change)
    return set(seen)


def _worded(found: Symbol, fragment: Fragment) -> tuple[str, int | None]:
    """`s_prev` as s and -1, `s_new` as s and 0."""
    stem, _, last = found.name.rpartition("_")
    if found.offset is not None or not stem or found.name in fragment.words:
        return found.name, None
    return stem, _WORDS.get(last)


def _without_word(node: Syntax) -> Syntax:
    kept = []
    for script in scripts_of(node):
        rows = tuple(
            tuple(c for c in row if not (isinstance(c, Name) and c.word in {*_WORDS, FOUND})) for row in script.rows
        )
        if script.kind not in ("sub", "sup") or any(rows):
            kept.append(Script(script.start, script.end, script.kind, rows))
    return with_scripts(node, tuple(kept))


# No time at all


def _timed(document: Document) -> bool:
    return any(_has_time(part, fragment) for fragment, part in document.displayed())


def _without_times(document: Document, worded: set[str]) -> None:
    """h' = f(x, h): h is the state found, h' the state left, and everything computed or acted on is of this step."""
    assigned = {found.name: found for fragment, part in document.displayed() for found in _targets(part, fragment)}
    used = {
        found.name
        for fragment, part in document.displayed()
        for node in letters(part)
        if (found := symbol_of(node, fragment)) is not None
    }
    states = {
        name.removesuffix("_prime")
        for name in assigned
        if name.endswith("_prime") and name.removesuffix("_prime") in used - assigned.keys()
    }
    if not states | worded:
        return
    given = {name for fragment, part in document.displayed() for name in _acted_on(part, fragment)}

    def change(node: Syntax) -> Syntax | None:
        found = symbol_of(node, document.fragment)
        if found is None:
            return None
        if found.offset is not None:
            return node
        stem = found.name.removesuffix("_prime")
        if stem in states:
            return at_time(_without_prime(node), 0) if stem != found.name else at_time(node, -1)
        return at_time(node, 0) if found.name in assigned or found.name in given else node

    document.rewrite(change)
    names = ", ".join(sorted(given - assigned.keys() - states - worded))
    if names:
        document.guesses.append(
            Guess(
                f"{names} is given at every step", "it is the same at all steps", "a matrix acts on it, as on a state"
            )
        )


def _in_place(document: Document) -> bool:
    """h = f(x, h) as programs write it: what h is made of is that of the step before, until h has its value."""
    order = list(_each_target(document))
    names = [name for name, _, _ in order]
    states = {
        name: at
        for at, (name, chain, fragment) in enumerate(order)
        if names.count(name) == 1
        and name[0].islower()
        and name.partition("_")[0] not in GREEK
        and any(one.name == name for one in _read(chain, fragment))
    }
    given = {name for fragment, part in document.displayed() for name in _acted_on(part, fragment)} - {*names}
    if not (states and given):  # x = x + f(x) of layers, θ = θ - g of learning
        return False
    at = -1
    for formula in document.formulas:
        for row, parts_ in enumerate(formula.rows):
            changed: list[Syntax] = []
            for part in parts_:
                at += isinstance(part, Chain) and any(part is chain for _, chain, _ in order)

                def change(node: Syntax, at: int = at, fragment: Fragment = formula.fragment) -> Syntax | None:
                    found = symbol_of(node, fragment)
                    if found is None:
                        return None
                    if found.name in states:
                        return at_time(node, 0 if at > states[found.name] else -1)
                    return at_time(node, 0) if found.name in given or found.name in names else node

                if isinstance(part, Chain) and whole_letter(part.sides[0]):
                    sides = (at_time(part.sides[0], 0), *(rewritten(side, change) for side in part.sides[1:]))
                    changed.append(replace(part, sides=sides))
                else:
                    changed.append(rewritten(part, change))
            formula.rows[row] = tuple(changed)
    for name in states:
        taken = f"what {name} is made of is {name} of the step before"
        document.guesses.append(Guess(taken, "an equation that it solves", "programs give a state its next value so"))
    return True


def _each_target(document: Document) -> Iterator[tuple[str, Chain, Fragment]]:
    """The equations of one letter without a time, in their order, with the letters' names."""
    for fragment, part in document.displayed():
        if isinstance(part, Chain) and [one.type for one in part.relations] == ["EQ"]:
            found = symbol_of(part.sides[0], fragment)
            if found is not None and found.offset is None and not found.primes and not _is_value(part):
                yield found.name, part, fragment


def _read(chain: Chain, fragment: Fragment) -> Iterator[Symbol]:
    """The letters on the right of an equation."""
    for side in chain.sides[1:]:
        yield from (found for node in letters(side) if (found := symbol_of(node, fragment)) is not None)


def _targets(part: Syntax, fragment: Fragment) -> Iterator[Symbol]:
    """The letters that a chain gives a value."""
    if isinstance(part, Chain) and all(relation.type == "EQ" for relation in part.relations):
        for node in letters(part.sides[0]):
            found = symbol_of(node, fragment)
            if found is not None:
                yield found


def _acted_on(node: Syntax, fragment: Fragment) -> Iterator[str]:
    """Lower-case letters right of a capital one, as x in W x, left of a transposed one, or listed as [x, h]."""
    if isinstance(node, Group) and node.bracket == "LBRACK" and len(node.rows) == 1 and len(node.rows[0]) > 1:
        listed = [symbol_of(cell, fragment) for cell in node.rows[0]]
        if all(one is not None for one in listed):
            yield from (one.name for one in listed if one is not None and one.name[0].islower())
    if isinstance(node, Run | Product):
        for left, right in zip(node.factors, node.factors[1:], strict=False):
            first, second = symbol_of(left, fragment), symbol_of(right, fragment)
            if first is not None and second is not None:
                if first.name[0].isupper() and second.name[0].islower() and not second.transposed:
                    yield second.name
                if second.name[0].isupper() and second.transposed and first.name[0].islower():
                    yield first.name
            elif (
                first is not None and first.name[0].isupper() and isinstance(right, Group) and right.bracket == "LBRACK"
            ):
                for row in right.rows:
                    for cell in row:
                        found = symbol_of(cell, fragment)
                        if found is not None:
                            yield found.name
    if isinstance(node, Run):
        for called, right in zip(node.factors, node.factors[1:], strict=False):
            cells = right.rows[0] if isinstance(right, Group) and len(right.rows) == 1 else ()
            if isinstance(called, Name) and called.word in PRODUCTS and len(cells) == 2:
                for given, matrix in (cells, cells[::-1]):
                    first, second = symbol_of(given, fragment), symbol_of(matrix, fragment)
                    if (
                        first is not None
                        and second is not None
                        and first.name[0].islower()
                        and second.name[0].isupper()
                    ):
                        yield first.name
    for part in parts(node):
        if not isinstance(part, Script):
            yield from _acted_on(part, fragment)


def _without_prime(node: Syntax) -> Syntax:
    """The letter without its last prime."""
    kept = list(scripts_of(node))
    for at in range(len(kept) - 1, -1, -1):
        script = kept[at]
        cell = only(script.rows) if script.kind == "sup" else None
        if script.kind == "prime" or (isinstance(cell, Mark) and cell.kind == "prime"):
            del kept[at]
            break
    return with_scripts(node, tuple(kept))


# Values of this step that are written without t


def _named_values(document: Document) -> None:
    """`Retention(x_t) = q_t S_t` as a value with that name: what it reads beside x_t makes it no function of x_t."""
    for formula in document.formulas:
        fragment = formula.fragment

        def value(part: Syntax, fragment: Fragment = fragment) -> Syntax:
            left = part.sides[0] if isinstance(part, Chain) and len(part.sides) == 2 else None
            if not isinstance(part, Chain) or not isinstance(left, Run) or len(left.factors) != 2:
                return part
            named, behind = left.factors
            found = symbol_of(named, fragment)
            if (
                found is None
                or found.offset is not None
                or not isinstance(behind, Group)
                or time_of(behind) is not None
            ):
                return part
            given = {
                one.name for node in letters(behind) if (one := symbol_of(node, fragment)) and one.offset is not None
            }
            read = {
                one.name
                for node in letters(part.sides[1])
                if (one := symbol_of(node, fragment)) and one.offset is not None
            }
            return replace(part, sides=(at_time(named, 0), part.sides[1])) if given and read - given else part

        formula.rows = [tuple(map(value, row)) for row in formula.rows]


def _locals(document: Document) -> None:
    """g = σ(W x_t) as the value of this step; what depends on no time stays a constant."""
    given: dict[str, tuple[Fragment, Chain]] = {}
    timed: set[str] = set()
    for fragment, part in document.displayed():
        if not isinstance(part, Chain) or {relation.type for relation in part.relations} != {"EQ"}:
            continue
        targets = list(_targets(part, fragment)) if _one_letter_each(part.sides[0]) else []
        for found in targets:
            if (found.offset is None and found.primes == 0) or (found.offset is None and _has_time(part, fragment)):
                given[found.name] = (fragment, part)
            else:
                timed.add(found.name)
    given = {name: said for name, said in given.items() if name not in timed and not _is_value(said[1])}
    local: set[str] = set()
    while True:
        more = {
            name
            for name, (fragment, part) in given.items()
            if name not in local and any(_reads_time(side, fragment, local) for side in part.sides[1:])
        }
        if not more:
            break
        local |= more
    if not local:
        return

    def change(node: Syntax) -> Syntax | None:
        found = symbol_of(node, document.fragment)
        if found is None:
            return None
        return at_time(node, 0) if found.name in local and found.offset is None else node

    document.rewrite(change)


def _one_letter_each(left: Syntax) -> bool:
    """A letter, or a bracket of letters; f(a) is none."""
    if whole_letter(left):
        return True
    return isinstance(left, Group) and all(whole_letter(cell) for row in left.rows for cell in row)


def _is_value(chain: Chain) -> bool:
    """α = 0.1, σ = tanh."""
    return len(chain.sides) == 2 and number_of(chain.sides[1]) is not None


def _has_time(part: Syntax, fragment: Fragment) -> bool:
    return _reads_time(part, fragment, set())


def _reads_time(node: Syntax, fragment: Fragment, local: set[str]) -> bool:
    for one in letters(node):
        found = symbol_of(one, fragment)
        if found is not None and (found.offset is not None or found.name in local):
            return True
    return any(time_of(group) is not None for _, group in bracketed(node))
