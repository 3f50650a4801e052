"""Array expressions walked, changed and flattened: what every pass needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from derive.targets.language.code import (
    Call,
    Code,
    Index,
    MatrixProduct,
    Method,
    Name,
    Number,
    Power,
    Product,
    Sum,
    Transposed,
    Tuple,
    parts,
)


def rebuilt(code: Code, new: Sequence[Code]) -> Code:
    """The expression with other parts, in the order of `parts`."""
    match code:
        case Sum(terms):
            return Sum(tuple((negative, part) for (negative, _), part in zip(terms, new, strict=True)))
        case Product(factors, _):
            return Product(tuple(new[: len(factors)]), tuple(new[len(factors) :]))
        case MatrixProduct():
            return MatrixProduct(new[0], new[1])
        case Call(function, _, keywords):
            return Call(function, tuple(new), keywords)
        case Tuple():
            return Tuple(tuple(new))
        case Power(_, exponent):
            return Power(new[0], exponent)
        case Transposed():
            return Transposed(new[0])
        case Method(_, call):
            return Method(new[0], call)
        case Index(_, index):
            return Index(new[0], index)
    return code


def mapped(code: Code, change: Callable[[Code], Code | None]) -> Code:
    """The expression with every part that `change` knows replaced, from the outside in."""
    found = change(code)
    if found is not None:
        return found
    inner = parts(code)
    return rebuilt(code, [mapped(part, change) for part in inner]) if inner else code


def substituted(code: Code, values: Mapping[Code, Code]) -> Code:
    """The expression with known parts replaced."""
    return mapped(code, values.get)


def within(code: Code) -> Iterator[Code]:
    """The expression and everything in it."""
    yield code
    for part in parts(code):
        yield from within(part)


def flat(code: Code) -> Code:
    """Products in products and sums in sums opened, and minus signs moved out to where a sum can hold them."""
    inner = [flat(part) for part in parts(code)]
    code = rebuilt(code, inner) if inner else code
    match code:
        case Product(factors, divisors):
            return _flat_product(factors, divisors)
        case Sum(terms):
            opened: list[tuple[bool, Code]] = []
            for negative, term in terms:
                if isinstance(term, Sum):
                    opened += [(negative != inside, part) for inside, part in term.terms]
                else:
                    opened.append((negative, term))
            return summed(opened)
    return code


def _flat_product(factors: Sequence[Code], divisors: Sequence[Code]) -> Code:
    above: list[Code] = []
    below = list(divisors)
    negative = False
    for factor in factors:
        if isinstance(factor, Sum) and len(factor.terms) == 1:
            negative = negative != factor.terms[0][0]
            factor = factor.terms[0][1]
        if isinstance(factor, Product):
            above += factor.factors
            below += factor.divisors
        else:
            above.append(factor)
    product = above[0] if len(above) == 1 and not below else Product(tuple(above), tuple(below))
    return Sum(((True, product),)) if negative else product


def summed(terms: Sequence[tuple[bool, Code]]) -> Code:
    """A sum, or its only term."""
    return terms[0][1] if len(terms) == 1 and not terms[0][0] else Sum(tuple(terms))


def multiplied(factors: Sequence[Code], divisors: Sequence[Code] = ()) -> Code:
    """A product, or its only factor."""
    return factors[0] if len(factors) == 1 and not divisors else Product(tuple(factors), tuple(divisors))


def terms_of(code: Code) -> tuple[tuple[bool, Code], ...]:
    """The terms of a sum, or the expression as the only one."""
    return code.terms if isinstance(code, Sum) else ((False, code),)


def factors_of(code: Code) -> tuple[tuple[Code, ...], tuple[Code, ...]]:
    """Factors and divisors of a product, or the expression as the only factor."""
    return (code.factors, code.divisors) if isinstance(code, Product) else ((code,), ())


def names_in(code: Code) -> set[str]:
    """The variables of an expression, not the functions it calls."""
    return {part.name for part in within(code) if isinstance(part, Name)}


def is_literal(code: Code) -> bool:
    """Whether an expression is a number."""
    return isinstance(code, Number)
