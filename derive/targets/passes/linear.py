"""Adjoints that are only scaled on their way lose their names, so that their coefficients meet.

∂J/∂net = (∂J/∂g ⊙ (1 - g²)) with ∂J/∂g = ∂J/∂c ⊙ i becomes ∂J/∂c ⊙ (i ⊙ (1 - g²)): one product in the loop, whose
coefficient is known before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from derive.targets.language.code import Assign, Code, Name, Number, Product, Sum, read
from derive.targets.passes.loops import Body
from derive.targets.passes.rewriting import (
    factors_of,
    flat,
    mapped,
    multiplied,
    names_in,
    substituted,
    summed,
    terms_of,
    within,
)


def joined(body: Body, read_outside: Collection[str]) -> Body:
    """The loop with fewer products; `read_outside` are variables that what follows the loop reads."""
    statements = [Assign(s.targets, _collected(flat(s.value), body), s.formula) for s in body.statements]
    lengths = (*body.first, *body.last)
    kept = {*read_outside, *body.carried, *(name for block in lengths for name in read([block]))}
    readers: dict[str, set[int]] = {}
    for place, statement in enumerate(statements):
        for used in names_in(statement.value):
            readers.setdefault(used, set()).add(place)
    gone: set[int] = set()
    for place, statement in enumerate(statements):
        name = _only_name(statement)
        if name is None or name.name in kept:
            continue
        later = sorted(reader for reader in readers.get(name.name, ()) if reader > place)
        new = _inlined(name, statement, [statements[reader] for reader in later], body)
        if new is None:
            continue
        gone.add(place)
        for reader, other in zip(later, new, strict=True):
            for used in names_in(statements[reader].value):
                readers[used].discard(reader)
            for used in names_in(other.value):
                readers.setdefault(used, set()).add(reader)
            statements[reader] = other
    return body.with_statements([statement for place, statement in enumerate(statements) if place not in gone])


def _only_name(statement: Assign) -> Name | None:
    match statement.targets:
        case (Name() as name,):
            return name
    return None


def _inlined(name: Name, statement: Assign, later: Sequence[Assign], body: Body) -> list[Assign] | None:
    """The statements that read a variable, without it; None where the variable saves work."""
    value = statement.value
    uses = Counter(part for s in later for part in within(s.value))[name]
    if not uses or not body.varies(value) or body.carried & names_in(value):
        return None
    terms = terms_of(value)
    if len(terms) > 1 and (uses > 1 or not all(_scaled(term, body) for _, term in terms)):
        return None
    if not all(_scales(term, body) for _, term in terms):
        return None
    if not all(_only_in_products(use.value, name, body, alone=uses == 1 and len(terms) == 1) for use in later):
        return None
    new: list[Assign] = []
    for use in later:
        opened = _distributed(use.value, name, terms)
        formula = "\n".join(filter(None, ("" if new else statement.formula, use.formula)))
        new.append(Assign(use.targets, _collected(flat(opened), body), formula))
    return new


def _scales(term: Code, body: Body) -> bool:
    """Whether a term is a variable times what is known before the loop."""
    factors, divisors = factors_of(term)
    varying = [factor for factor in factors if body.varies(factor)]
    return len(varying) == 1 and isinstance(varying[0], Name) and not any(map(body.varies, divisors))


def _scaled(term: Code, body: Body) -> bool:
    """Whether a coefficient stands in the term."""
    return any(not body.varies(f) and not isinstance(f, Number) for f in factors_of(term)[0])


def _only_in_products(code: Code, name: Name, body: Body, *, alone: bool) -> bool:
    """Whether the variable stands only where its coefficient meets another one; `alone`: or as a term."""
    found = 0
    for _, term in terms_of(code):
        factors, _ = factors_of(term)
        if name in factors:
            if not (alone or _scaled(term, body)):
                return False
            found += factors.count(name)
    return found == Counter(within(code))[name] and found > 0


def _distributed(code: Code, name: Name, terms: Sequence[tuple[bool, Code]]) -> Code:
    """Every term with the variable, once for each term that it stands for."""
    found: list[tuple[bool, Code]] = []
    for negative, term in terms_of(code):
        if name not in within(term):
            found.append((negative, term))
        else:
            found += [(negative != inside, substituted(term, {name: value})) for inside, value in terms]
    return summed(found)


def _collected(code: Code, body: Body) -> Code:
    """Terms in one adjoint as one product with the sum of their coefficients."""
    if not isinstance(code, Sum):
        return mapped(code, lambda part: _collected(part, body) if isinstance(part, Sum) else None)
    groups: dict[Code, list[tuple[bool, Code]]] = {}
    order: list[Code] = []
    for negative, term in code.terms:
        factors, divisors = factors_of(term)
        varying = [factor for factor in factors if body.varies(factor)]
        joins = len(varying) == 1 and _scaled(term, body) and not any(map(body.varies, divisors))
        key: Code = varying[0] if joins else term
        if key not in groups:
            order.append(key)
        groups.setdefault(key, []).append((negative, term))
    found: list[tuple[bool, Code]] = []
    for key in order:
        members = groups[key]
        if len(members) == 1 or any(term == key for _, term in members):
            found += members
            continue
        inner = summed([(negative, _without(term, key)) for negative, term in members])
        found.append((False, Product((key, inner))))
    return summed(found)


def _without(term: Code, factor: Code) -> Code:
    factors, divisors = factors_of(term)
    rest = list(factors)
    rest.remove(factor)
    return multiplied(rest, divisors)
