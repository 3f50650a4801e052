"""Sums over all steps and examples by the calls that take the least time: products of two matrices, or with ones.

`np.dot` has less to do than `@` before it calls the library, but copies a part of rows, which `@` reads as it lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.targets.language.code import (
    Apply,
    Assign,
    Blocks,
    Call,
    Code,
    Fill,
    Index,
    MatrixProduct,
    Method,
    Statement,
    Transposed,
    Unless,
)
from derive.targets.passes.rewriting import mapped

HELPERS = ("sum_of_rows",)
"""What sums the rows of an array."""


def sums_over_steps(statements: Sequence[Statement]) -> list[Statement]:
    """The statements around loops with such sums."""
    return [_summed(statement) for statement in statements]


def _summed(statement: Statement) -> Statement:
    match statement:
        case Assign(value=value) | Fill(value=value):
            return replace(statement, value=mapped(value, _sum))
        case Apply(arguments=arguments):
            return replace(statement, arguments=tuple(mapped(argument, _sum) for argument in arguments))
        case Blocks(body=body) | Unless(body=body):
            return replace(statement, body=tuple(map(_summed, body)))
    return statement


def _sum(code: Code) -> Code | None:
    match code:
        case MatrixProduct(Transposed(Call("rows", (one,))) as left, Call("rows", (other,)) as right) if not (
            _is_part(one) or _is_part(other)
        ):
            return Call("np.dot", (mapped(left, _sum), mapped(right, _sum)))
        case Method(of, "sum(axis=(0, 1))"):
            return Call("sum_of_rows", (mapped(of, _sum),))
    return None


def _is_part(code: Code) -> bool:
    """Whether something is a part of rows."""
    while isinstance(code, Index):
        if code.index.startswith("..."):
            return True
        code = code.of
    return False
