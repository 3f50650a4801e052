"""What stands left of an equation and behind it: chains, tuples, sets and ranges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from derive.reader.meaning.letters import number_of, only, time_of
from derive.reader.meaning.vocabulary import is_general
from derive.reader.resolving.document import Document, Row, is_claim
from derive.reader.resolving.rewriting import symbol_of, whole_letter
from derive.reader.text.fragment import Fragment
from derive.reader.text.lexing.conditions import RANGING, is_condition, of_last_step, unsaid
from derive.reader.text.syntax import Bars, Chain, Dots, Group, Mark, Name, Number, Product, Run, Scripted, Sum, Syntax

INDICES = frozenset({"t", "i", "j", "k", "n", "l", "ell", "m", "tau", "s"})


def resolve(document: Document) -> None:
    """Every equation alone in its part: what a set, a range or a bound says beside it is taken off."""
    for formula in document.formulas:
        formula.rows = [_tupled(_without_ranges(row, formula.fragment)) for row in formula.rows]
        formula.rows = [
            tuple(new for part in row for one in _with_number(part) for new in _separated(_inverted(one)))
            for row in formula.rows
        ]
        formula.rows = [row for row in formula.rows if row]
    assigned: Counter[str] = Counter()
    for fragment, part in document.displayed():
        found = symbol_of(part.sides[0], fragment) if isinstance(part, Chain) else None
        if found is not None and isinstance(part, Chain) and not all(map(is_general, part.sides[1:])):
            assigned[found.name] += 1
    for formula in document.formulas:
        formula.rows = [tuple(_in_full(row, formula.fragment, assigned, document)) for row in formula.rows]
        formula.rows = [row for row in formula.rows if row]
        formula.rows = [
            tuple(new for part in row for new in _unchained(part, formula.fragment, assigned)) for row in formula.rows
        ]


def _without_ranges(row: Row, fragment: Fragment) -> Row:
    """An equation without `t = 1, ..., T` or `0 <= a <= 1` behind it."""
    kept: list[Syntax] = []
    ranging = False
    for part in map(_without_bracketed, row):
        gives = kept[-1] if kept and isinstance(kept[-1], Chain) and not is_claim(kept[-1]) else None
        if gives is not None and _is_last_step(part):
            raise of_last_step(fragment, gives)
        if _starts_range(part) and (kept or len(row) > 1):
            ranging = True
            continue
        if ranging and not isinstance(part, Chain) and _ends_range(part):
            continue
        ranging = False
        if isinstance(part, Chain) and {r.type for r in part.relations} == {"RELATION"}:
            if gives is not None and (is_condition(fragment, gives, part) or _chooses(fragment, gives, part)):
                raise unsaid(fragment, part.start, part.end)
            continue  # a bound on a value gives none
        kept.append(part)
    return tuple(kept)


def _chooses(fragment: Fragment, value: Chain, bound: Chain) -> bool:
    """Whether a bound says when a value holds: behind s_t = 1, or of a quantity of the step behind `for`."""
    number = _timed(value.sides[0]) and number_of(value.sides[-1]) is not None
    timed = any(one is not None and one.offset is not None for one in (symbol_of(s, fragment) for s in bound.sides))
    return timed and len(bound.sides) == 2 and (number or is_condition(fragment, value, bound, RANGING))


def _is_last_step(part: Syntax) -> bool:
    """t = T."""
    sides = part.sides if isinstance(part, Chain) and [one.type for one in part.relations] == ["EQ"] else ()
    return [one.word if isinstance(one, Name) else "" for one in sides] == ["t", "T"]


def _without_bracketed(part: Syntax) -> Syntax:
    """An equation without `(t = 1, ..., T)` behind it: no factor is a relation."""
    if isinstance(part, Chain) and {relation.type for relation in part.relations} == {"EQ"}:
        found = _cut(part.sides[-1], lambda said: _starts_range(said) or _is_between(said))
        return part if found is None else replace(part, sides=(*part.sides[:-1], found[0]), end=found[0].end)
    return part


def _is_between(part: Syntax) -> bool:
    """0 < a < 1: no value."""
    return isinstance(part, Chain) and [one.type for one in part.relations] == ["RELATION", "RELATION"]


def _tupled(row: Row) -> Row:
    """`a_t, b_t = c, d` and `a_t, b_t = f(x)` with what stands between commas in brackets."""
    for at, part in enumerate(row):
        if not isinstance(part, Chain) or [one.type for one in part.relations] != ["EQ"]:
            continue
        first = at
        while first and _timed(row[first - 1]):
            first -= 1
        if first == at or not _timed(part.sides[0]):
            continue
        behind = row[at + 1 : at + 1 + at - first]
        listed = len(behind) == at - first and not any(isinstance(one, Chain) for one in behind)
        if behind and not listed:
            continue
        left = Group(row[first].start, part.sides[0].end, "LPAR", ((*row[first:at], part.sides[0]),))
        right: Syntax = part.sides[1]
        if listed:
            right = Group(right.start, behind[-1].end, "LPAR", ((right, *behind),))
        whole = replace(part, start=left.start, end=right.end, sides=(left, right))
        return (*row[:first], whole, *_tupled(row[at + 1 + len(behind) :]))
    return row


def _timed(node: Syntax) -> bool:
    """Whether this is a letter with scripts, or one with a step in brackets: h_t, h(t)."""
    if isinstance(node, Run) and len(node.factors) == 2:
        first, step = node.factors
        return whole_letter(first) and isinstance(step, Group) and time_of(step) is not None
    return isinstance(node, Scripted) and whole_letter(node)


def _cut(node: Syntax, told: Callable[[Syntax], bool]) -> tuple[Syntax, Syntax] | None:
    """An expression without the bracket that it ends in, and what stands there; None where that is not `told`."""
    if isinstance(node, Run):
        *before, last = node.factors
        bracketed = isinstance(last, Group) and last.bracket == "LPAR" and len(last.rows) == 1
        first = last.rows[0][0] if bracketed and isinstance(last, Group) and last.rows[0] else None
        if first is None or not isinstance(first, Chain) or not told(first):
            return None
        return (before[0] if len(before) == 1 else replace(node, factors=tuple(before), end=before[-1].end)), first
    if isinstance(node, Sum):
        sign, term = node.terms[-1]
        found = _cut(term, told)
        return None if found is None else (
            replace(node, terms=(*node.terms[:-1], (sign, found[0])), end=found[0].end), found[1]
        )  # fmt: skip
    if isinstance(node, Dots | Product):
        found = _cut(node.factors[-1], told)
        return None if found is None else (
            replace(node, factors=(*node.factors[:-1], found[0]), end=found[0].end), found[1]
        )  # fmt: skip
    return None


def _starts_range(part: Syntax) -> bool:
    """t = 1, or t ∈ {1, ..., T}: an index and where it starts."""
    if not isinstance(part, Chain):
        return isinstance(part, Name) and part.word in ("for", "forall")
    first = part.sides[0]
    return (isinstance(first, Name) and first.word in INDICES and first.latex not in ("s", "m")) or (
        isinstance(first, Name) and first.word in ("s", "m") and isinstance(part.sides[1], Number)
    )


def _ends_range(part: Syntax) -> bool:
    return isinstance(part, Mark | Number | Name | Bars) or whole_letter(part)


def _with_number(part: Syntax) -> list[Syntax]:
    """`h_t = c x_t (c = 8)` as an equation and what it says of c: no factor is a relation."""
    if isinstance(part, Chain) and {relation.type for relation in part.relations} == {"EQ"}:
        found = _cut(part.sides[-1], _says_number)
        if found is not None:
            last, said = found
            return [replace(part, sides=(*part.sides[:-1], last), end=last.end), said]
    return [part]


def _says_number(part: Syntax) -> bool:
    return (
        isinstance(part, Chain)
        and len(part.sides) == 2
        and whole_letter(part.sides[0])
        and (number_of(part.sides[1]) is not None)
    )


def _inverted(part: Syntax) -> Syntax:
    """`\\log a_t = f(x_t)` as a_t = exp(f(x_t))."""
    if not isinstance(part, Chain) or [one.type for one in part.relations] != ["EQ"]:
        return part
    left, right = part.sides
    if not isinstance(left, Run) or len(left.factors) != 2:
        return part
    called, of = left.factors
    inner = only(of.rows) if isinstance(of, Group) else of
    if not isinstance(called, Name) or called.word != "log" or not isinstance(inner, Scripted | Name):
        return part
    value = Run(right.start, right.end, (replace(called, word="exp", latex="\\exp"), _grouped(right)))
    return replace(part, sides=(inner, value))


def _grouped(node: Syntax) -> Group:
    return Group(node.start, node.end, "LPAR", ((node,),))


def _separated(part: Syntax) -> list[Syntax]:
    """`h = f(x) ∈ ℝ^H` as an equation and a declaration."""
    if not isinstance(part, Chain):
        return [part]
    kinds = [relation.type for relation in part.relations]
    if len(kinds) > 1 and kinds[-1] == "IN" and set(kinds[:-1]) == {"EQ"}:
        equation = Chain(part.start, part.sides[-2].end, part.sides[:-1], part.relations[:-1])
        declared = Chain(part.start, part.end, (part.sides[0], part.sides[-1]), (part.relations[-1],))
        return [equation] if is_claim(equation) or _axes(part.sides[-1]) > 2 else [equation, declared]
    return [part]


def _axes(node: Syntax) -> int:
    """The axes of ℝ^{B × H × D}, of which more than two count examples and heads too."""
    cell = only(node.scripts[0].rows) if isinstance(node, Scripted) and len(node.scripts) == 1 else None
    return len(cell.factors) if isinstance(cell, Product) else 1


def _in_full(row: Row, fragment: Fragment, assigned: Counter[str], document: Document) -> Iterator[Syntax]:
    """The equations of a row without h_t = f(x_t, h_{t-1}) of what is written out elsewhere, or behind it."""
    for part in row:
        general = [is_general(side) for side in part.sides] if isinstance(part, Chain) else []
        found = symbol_of(part.sides[0], fragment) if isinstance(part, Chain) and any(general) else None
        if not isinstance(part, Chain) or found is None or not assigned[found.name]:
            yield part
        elif all(general[1:]):
            document.remarks.append((fragment, part))
        else:
            kept = [n for n, dropped in enumerate(general) if not dropped]
            relations = tuple(part.relations[n - 1] for n in kept[1:])
            yield replace(part, sides=tuple(part.sides[n] for n in kept), relations=relations)


def _unchained(part: Syntax, fragment: Fragment, assigned: Counter[str]) -> list[Syntax]:
    """`c_t = g_t = f(x)` as c_t = g_t and g_t = f(x), where nothing else gives g_t its value."""
    if not isinstance(part, Chain) or {relation.type for relation in part.relations} != {"EQ"}:
        return [part]
    named = part.sides[1]
    if isinstance(named, Run) and len(named.factors) == 2 and time_of(named.factors[1]) is not None:
        named = named.factors[0]  # g(t)
    middle = symbol_of(named, fragment) if len(part.sides) > 2 else None
    if middle is None or middle.transposed or middle.power is not None or assigned[middle.name]:
        return [part]
    first = Chain(part.start, part.sides[1].end, part.sides[:2], part.relations[:1])
    rest = Chain(part.sides[1].start, part.end, part.sides[1:], part.relations[1:])
    return [first, *_unchained(rest, fragment, assigned)]
