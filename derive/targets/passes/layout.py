"""Matrices that a loop multiplies by again and again stand in memory as the library reads them fastest.

A transposed matrix is a view that runs across the rows; a copy in one piece, made once, costs what a few steps save.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive.targets.language.code import Apply, Assign, Call, Each, Name, Number, Statement, Transposed

HELPER = "in_rows"
"""The function that makes the copy where there are steps enough."""


def in_rows(before: Sequence[Statement], loop: Each) -> list[Statement]:
    """What stands before a loop, with a copy of each transposed matrix that stands on the right of its products."""
    right = {
        statement.arguments[1]
        for statement in loop.body
        if isinstance(statement, Apply) and statement.function == ".dot"
    }

    def copied(statement: Statement) -> Statement:
        match statement:
            case Assign((Name() as name,), Transposed() as value, formula) if name in right:
                return Assign((name,), Call(HELPER, (value, Number("T"), Number("B"))), formula)
        return statement

    return [copied(statement) for statement in before]


def helpers(statements: Sequence[Statement]) -> set[str]:
    """The helper, where a copy is made."""
    called = [s.value.function for s in statements if isinstance(s, Assign) and isinstance(s.value, Call)]
    return {HELPER} & set(called)
