"""Products of every entry with every other, a matrix for each example, are formed where they are read.

Over all steps they take many times the memory of what they are made of, and are read once: writing and reading that
memory takes longer than forming the product in the loop.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import prod

from sympy import Expr, Integer

from derive.targets.language.code import Assign, Code, Index, Name, Product, Statement, Sum, read
from derive.targets.passes.loops import Body
from derive.targets.passes.rewriting import is_literal, names_in, rebuilt, substituted, within
from derive.targets.passes.shapes import BLOCK, B, Shape, Shapes, T


def is_outer(code: Code, shapes: Shapes) -> bool:
    """Whether a product is a matrix for each example and each of its factors is none."""
    if not isinstance(code, Product):
        return False
    whole = shapes.of(code)
    found = [shapes.of(factor) for factor in (*code.factors, *code.divisors)]
    return whole is not None and _axes(whole) >= 2 and all(shape is not None and _axes(shape) < 2 for shape in found)


def _axes(shape: Shape) -> int:
    return sum(size not in (Integer(1), T, B, BLOCK) for size in shape)


def formed_in_the_loop(
    before: Sequence[Statement], body: Body, shapes: Shapes, kept: Collection[str]
) -> tuple[list[Statement], Body]:
    """What stands before the loop without such products that the loop alone reads, and the loop with them."""
    lengths = [*body.first, *body.last]
    left: list[Statement] = []
    values: dict[Code, Code] = {}
    for place, statement in enumerate(before):
        match statement:
            case Assign((Name(name) as array,), value) if name not in kept and is_outer(value, shapes):
                value_at_t = at_step(value, shapes)
                uses = [part for s in body.statements for part in within(s.value) if name in names_in(part)]
                only_there = name not in read([*before[place + 1 :], *lengths]) and name not in body.filled
                plain = all(part == array or part == Index(array, "t") or not _reads(part, array) for part in uses)
                alone = sum(part == array for part in uses) == sum(part == Index(array, "t") for part in uses) == 1
                if value_at_t is not None and only_there and plain and alone:
                    values[Index(array, "t")] = value_at_t
                    continue
        left.append(statement)
    if not values:
        return list(before), body
    statements = [Assign(s.targets, substituted(s.value, values), s.formula) for s in body.statements]
    return left, body.with_statements(statements)


def _reads(part: Code, array: Name) -> bool:
    """Whether a part takes entries of the array in another way than at t."""
    return isinstance(part, Index) and part.of == array


def at_step(code: Code, shapes: Shapes) -> Code | None:
    """The value at t of an expression over all steps; None where that is not plain."""
    match code:
        case Name(name):
            shape = shapes.known.get(name)
            if shape is None or (shape and shape[0] == T + 1):
                return None
            return Index(code, "t") if shape and shape[0] == T else code
        case Index(Name(name) as array, (":-1" | "1:") as span):
            shape = shapes.known.get(name)
            return Index(array, "t" if span == ":-1" else "t + 1") if shape and shape[0] == T + 1 else None
        case Index(of, index) if index.startswith("..."):
            inner = at_step(of, shapes)
            return None if inner is None else Index(inner, index)
        case Product(factors, divisors):
            found = [at_step(part, shapes) for part in (*factors, *divisors)]
        case Sum(terms):
            found = [at_step(term, shapes) for _, term in terms]
        case _:
            return code if is_literal(code) else None
    new = [part for part in found if part is not None]
    return rebuilt(code, new) if len(new) == len(found) else None


def entries(shape: Shape) -> Expr:
    """The entries of one step."""
    return prod(shape[1:], start=Integer(1))
