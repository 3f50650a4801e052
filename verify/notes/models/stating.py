"""The statements of a formula that may say what a letter stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from derive import nodes
from derive.errors import InputError
from derive.patterns import regex
from derive.reader.claims.meaning import Claiming
from derive.reader.claims.statements.chains import Statement, statements
from derive.reader.claims.statements.limits import is_limit, says_one_value
from derive.reader.meaning import tree
from derive.reader.meaning.letters import identifier
from derive.reader.meaning.tree import Gradient, Ref, Term
from derive.reader.text.syntax import Name, Scripted, Syntax
from verify.notes.files import Formula

ERRORS = frozenset(["delta", "Delta"])
"""What the letter of an error is called."""
_NUMBERED = regex(r"[\s&]*(?:\\delta|δ)[^=]*\d[^=]*=")
_GIVEN = regex(r"(?:\\delta(?![A-Za-z])|δ)\s*(?:[_^]\s*(?:t(?![A-Za-z])|\{\s*\(?\s*t\s*\)?\s*\})\s*)?[&\s]*:?=")
_NAMES = regex(r"=:")
UPDATE = regex(
    r"[\s&]*(?:\\delta(?![A-Za-z])|δ)(?:(?![=≈]|(?<![A-Za-z])[tT](?![A-Za-z])).)*?"
    r"(?:\\(?:gets|leftarrow)(?![A-Za-z])|←)"
)
"""δ_h ← δ_z W^⊤, an update of a gradient without a step, which says nothing of what the letter stands for."""


def stated(formula: Formula) -> Iterator[Statement]:
    """The equations in a formula, with all their sides."""
    try:
        found = statements(formula.fragment) if formula.claims else []
    except (InputError, RecursionError):
        return
    for statement in found:
        if statement.words or UPDATE.match(statement.fragment.text, statement.sides[0].start):
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


def residual(
    found: Iterable[tuple[Statement, Claiming]], formulas: Iterable[Formula]
) -> tuple[str, Term, list[Statement]] | None:
    """δ of δ_t = ŷ_t - y_t and of ∂L/∂o_t = ŷ_t - y_t = δ: the letter, the difference, where that is all of a formula.

    It is that where an error without a label could not be read otherwise, or would have another shape, and where no
    formula, such as one with words, gives it another value.
    """
    defined: set[tuple[str, Term | None]] = set()
    alone = []
    for statement, claiming in found:
        ends = [statement.sides[:2], statement.sides[:-3:-1]]
        for letter, said in ends[: len(statement.sides) - 1]:
            if (name := _bare_error(letter, claiming)) is not None:
                defined.add((name, _difference(letter, said, claiming)))
                alone += [statement] if len(statement.sides) == 2 else []
    name, value = defined.pop() if len(defined) == 1 else ("", None)
    given = sum(len(_GIVEN.findall(formula.text)) for formula in formulas)
    return None if value is None or given > len(alone) else (name, value, alone)


def _bare_error(side: Syntax, claiming: Claiming) -> str | None:
    """The letter of an error of step t that has no label."""
    found = claiming.letters.taken(side, claiming.fragment)
    if found is None or found.base not in ERRORS or found.primes or found.transposed or found.power is not None:
        return None
    ways = claiming.letters.ways(found, claiming.fragment) if found.parts else ()
    now = not found.parts or any(way.time == nodes.t and not (way.labels or way.at or way.layer) for way in ways)
    return identifier(found.base) if now else None


def _difference(letter: Syntax, value: Syntax, claiming: Claiming) -> Term | None:
    """ŷ_t - y_t, where δ without a label cannot be the gradient of anything of that shape."""
    try:
        said = claiming.term(value)
        refs = [part for sign, part in said.terms if isinstance(part, Ref)] if isinstance(said, tree.Add) else []
        if not isinstance(said, tree.Add) or [sign for sign, _ in said.terms] != [1, -1] or len(refs) != 2:
            return None
        shapes = {claiming.letters.quantities[ref.name].shape for ref in refs}
    except InputError:
        return None
    if len(shapes) != 1 or any(ref.at or ref.time != nodes.t for ref in refs):
        return None
    try:
        read = claiming.term(letter)
    except InputError:
        return said
    other = isinstance(read, Gradient) and claiming.letters.quantities[read.by.name].shape not in shapes
    return said if other else None
