"""Which single letters of a claim are times, and which count entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from derive.reader.claims.letters import Letters
from derive.reader.claims.sums import bounds, inside_times, largest, nested, other_index, unequal
from derive.reader.meaning.letters import ENTRY_LETTERS, TIME_LETTERS, only, time_expression, time_of
from derive.reader.resolving.rewriting import base_of, bracketed, scripts_of
from derive.reader.text.mapping import parts, rewritten
from derive.reader.text.syntax import Big, Group, Mark, Name, Number, Run, Script, Scripted, Sum, Syntax

_SIZES = frozenset(["n", "K", "N", "M", "m", "H", "D", "I", "d"])
"""Letters for how many entries there are, also with a label: n_x."""


class _Here(NamedTuple):
    """What a formula shows of its single letters by itself."""

    timed: frozenset[str]
    entries: frozenset[str]
    plain: frozenset[str]
    raised: frozenset[str]
    bounds: frozenset[str]
    indices: tuple[frozenset[str], ...]


@dataclass(frozen=True, eq=False)
class _Same:
    """A node that counts as itself alone, however much stands in it: it is found again at once."""

    node: Syntax

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.node is self.node

    def __hash__(self) -> int:
        return id(self.node)


def survey(node: Syntax, letters: Letters) -> None:
    """Note which single letters are times here, and which count entries."""
    here = _seen(_Same(node), frozenset(letters.sizes))
    timed, entries = here.timed, set(here.entries)
    letters.bounds |= here.bounds
    letters.indices += map(set, here.indices)
    letters.with_times |= bool(timed & TIME_LETTERS or here.plain & TIME_LETTERS or "t" in here.raised)
    letters.timed_letters |= timed
    if (here.plain & ENTRY_LETTERS - timed) and "k" in here.plain | entries and "k" not in timed - entries:
        entries.add("k")
        letters.timed_letters.discard("k")
    letters.timed_letters |= letters.bounds
    letters.entry_letters |= entries - (timed & TIME_LETTERS)
    letters.entry_letters -= letters.bounds
    letters.free |= _free(_Same(node))
    letters.apart |= unequal(node)


@lru_cache(4096)
def _free(same: _Same) -> frozenset[str]:
    """The letters of a side that no sum in it binds, but for those of sums that may run over either: Σ_{i≠j}."""

    apart = unequal(same.node)

    def free(node: Syntax) -> frozenset[str]:
        if isinstance(node, Name):
            return frozenset([node.word])
        found = frozenset().union(*map(free, parts(node)))
        if not isinstance(node, Big):
            return found
        said = bounds(node)
        other = other_index(node, said, apart)
        return found - {said.word, other.word if other is not None else said.word}

    return free(same.node)


@lru_cache(4096)
def _seen(same: _Same, sizes: frozenset[str]) -> _Here:
    """A formula is surveyed for every model of its note; `sizes` are the letters for how many entries there are."""
    timed: set[str] = set()
    entries: set[str] = set()
    plain: set[str] = set()
    raised: set[str] = set()
    loose: set[str] = set()
    beside: set[str] = set()
    of_weights: set[str] = set()
    limits: set[str] = set()
    indices: list[frozenset[str]] = []
    apart = unequal(same.node)

    def visit(part: Syntax) -> None:
        if isinstance(part, Big):
            part = nested(part)
            found = bounds(part)
            word, last = found.word, found.last
            if part.sign == "sum" and (other := other_index(part, found, apart)) is not None:
                entries.update((word, other.word))
            elif word and (found.first is not None or last is not None or part.sign == "product"):
                sized = isinstance(last, Name) and (last.word in sizes or last.word in _SIZES)
                labelled = isinstance(last, Scripted) and isinstance(last.base, Name) and last.base.word in _SIZES
                sized |= labelled and word not in ("t", "tau")
                (entries if sized else timed).add(word)
                if not sized:
                    timed.update(inside_times(found))
                    if part.sign == "product":
                        limits.update({word, *inside_times(found)})
            elif word:
                (loose if word in TIME_LETTERS else entries).add(word)
        if isinstance(part, Scripted):
            if (sign := largest(part, part)) is not None:
                timed.update((bounds(sign).word, *inside_times(bounds(sign))))
            words = {name for script in part.scripts for row in script.rows for cell in row for name in named(cell)}
            if not (isinstance(part.base, Name) and part.base.word == "delta"):
                indices.append(frozenset(words))
            error = isinstance(part.base, Name) and part.base.word == "delta"  # δ_k^{(t)} is of the loss of t,
            error = error and not any(map(_labelled, part.scripts))  # δ_{y,k}^t is an entry
            (timed if error else beside).update(words & {"k"} if words & {"t", "T"} else ())
            if isinstance(part.base, Name) and part.base.word.isupper() and words.isdisjoint({"t", "T"}):
                of_weights.update(words & {"k"} if words & set("ijlmn") else ())
            for script in part.scripts:
                for cell in (cell for row in script.rows for cell in row):
                    inner = cell
                    while isinstance(inner, Group) and (held := only(inner.rows)) is not None:
                        inner = held
                    if isinstance(inner, Sum) and time_expression(inner) is not None:
                        timed.update(str(s) for s in time_expression(inner).free_symbols)  # type: ignore[union-attr]
                    elif isinstance(inner, Name):
                        (plain if script.kind == "sub" else raised).add(inner.word)
        for inner in parts(part):
            visit(inner)

    visit(same.node)
    for before, behind in bracketed(same.node):
        base, cells = base_of(before), [cell for one in scripts_of(before) for row in one.rows for cell in row]
        if time_of(behind) is not None and not (isinstance(base, Name) and base.word == "delta"):
            beside |= {"k"} & {name for cell in cells for name in named(cell)}  # h_k(t), as in h_{t,k}
    beside |= of_weights
    timed -= of_weights  # δ_{t,k} beside W_{kl}
    entries |= beside - timed  # z_{t,k}: a quantity has one time
    timed |= loose - beside
    return _Here(
        frozenset(timed), frozenset(entries), frozenset(plain), frozenset(raised), frozenset(limits), tuple(indices)
    )


def _labelled(script: Script) -> bool:
    """Whether k stands in a script behind a label, which is no step: {y, k}."""
    words = [name for row in script.rows for cell in row for name in named(cell)]
    return len(words) == 2 and words[1] == "k" and words[0] not in TIME_LETTERS


def named(node: Syntax) -> Iterator[str]:
    """The letters that stand alone in a script, beside each other or in brackets."""
    if isinstance(node, Name):
        yield node.word
    elif isinstance(node, Run):
        for factor in node.factors:
            yield from named(factor)
    elif isinstance(node, Group):
        for row in node.rows:
            for cell in row:
                yield from named(cell)
    elif isinstance(node, Sum) and len(node.terms) == 2 and isinstance(node.terms[1][1], Number):  # t + 1
        yield from named(node.terms[0][1])


def raised(node: Syntax) -> bool:
    """Whether a letter without another script has a raised T: h^T, a transpose or the last step."""
    return _is_raised(node) or any(map(raised, parts(node)))


def _is_raised(node: Syntax) -> bool:
    if not isinstance(node, Scripted) or not isinstance(node.base, Name | Mark) or len(node.scripts) != 1:
        return False
    cell = only(node.scripts[0].rows)
    return node.scripts[0].kind == "sup" and isinstance(cell, Name) and cell.word == "T"


def lowered(node: Syntax) -> Syntax:
    """The same with every raised T as a step."""

    def change(part: Syntax) -> Syntax | None:
        if not isinstance(part, Scripted) or not _is_raised(part):
            return None
        (script,) = part.scripts
        return replace(part, scripts=(replace(script, kind="sub"),))

    return rewritten(node, change)
