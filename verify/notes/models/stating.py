"""The statements of a formula that may say what a letter stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.claims.statements.chains import Statement, statements
from derive.reader.claims.statements.limits import is_limit, says_one_value
from derive.reader.text.syntax import Name, Scripted
from verify.notes.files import Formula

ERRORS = frozenset(["delta", "Delta"])
"""What the letter of an error is called."""
_NUMBERED = regex(r"[\s&]*(?:\\delta|δ)[^=]*\d[^=]*=")
_NAMES = regex(r"=:")


def stated(formula: Formula) -> Iterator[Statement]:
    """The equations in a formula, with all their sides."""
    try:
        found = statements(formula.fragment) if formula.claims else []
    except (InputError, RecursionError):
        return
    for statement in found:
        if statement.words:
            continue
        kinds = [relation.type for relation in statement.relations]
        kinds = kinds[:-1] if kinds[-1:] == ["IN"] else kinds  # the set that its last side is in
        if set(kinds) == {"EQ"} and not statement.conditions:
            yield statement
            *_, value, named = statement.sides[: len(kinds) + 1]
            if _NAMES.search(statement.fragment.text, value.end, named.start):  # what is right of =: is the name
                yield replace(statement, sides=(named, value), relations=statement.relations[len(kinds) - 1 :][:1])
        elif says_one_value(statement) and is_limit(statement.sides[1]):  # γ = max|f'| < 1
            yield replace(statement, sides=statement.sides[:2], relations=statement.relations[:1])


def bounding(formula: Formula) -> Iterable[Statement]:
    """The inequalities in a formula."""
    try:
        found = statements(formula.fragment) if formula.claims else []
    except (InputError, RecursionError):
        return []
    return [one for one in found if not one.words and any(relation.type == "RELATION" for relation in one.relations)]


def named_last(formula: Formula) -> Iterator[Statement]:
    """Chains that end in an error letter, ∂L_t/∂h_t = δ_{ht}, with what it is the gradient of behind the letter."""
    for statement in stated(formula):
        last = statement.sides[-1]
        base = last.base if isinstance(last, Scripted) else last
        if isinstance(base, Name) and base.word in ERRORS and {one.type for one in statement.relations} == {"EQ"}:
            yield replace(statement, sides=(last, statement.sides[0]), relations=statement.relations[:1])


def numbered(formula: Formula) -> Iterable[Statement]:
    """The equations of an error of one step by its number, δ_4 = ∂L/∂s_4."""
    return stated(formula) if _NUMBERED.match(formula.text) else ()
