"""Letters for norms that stand in a bound, said beside it: ‖∂h_t/∂h_k‖ ≤ (‖W‖ γ)^{t-k}, γ = max_i ‖diag(1 - h_i²)‖."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sympy import pi

from derive.reader.claims.statements.chains import Statement
from derive.reader.meaning import tree
from derive.reader.meaning.letters import Written, letter, taken, time_expression
from derive.reader.meaning.tree import Term
from derive.reader.text.mapping import walk
from derive.reader.text.syntax import Bars, Syntax

if TYPE_CHECKING:
    from derive.reader.claims.meaning import Claiming


def limits(found: Iterable[Statement]) -> Mapping[str, Syntax]:
    """What letters without scripts stand for in statements that give them a norm; none that gets two."""
    said: dict[str, list[Syntax]] = {}
    for statement in found:
        if len(statement.sides) != 2 or statement.relations[0].type != "EQ" or statement.words or statement.unread:
            continue
        left, right = statement.sides
        name = taken(left) if letter(left) is not None else None
        plain = name is not None and not (name.parts or name.primes or name.transposed or name.power)
        if name is not None and plain and any(_is_norm(node) for node in walk(right)):
            said.setdefault(name.base, []).append(right)
    return {name: ways[0] for name, ways in said.items() if len(ways) == 1}


def _is_norm(node: Syntax) -> bool:
    return isinstance(node, Bars) and node.bracket == "LNORM"


def constant(found: Written) -> Term | None:
    """The number π."""
    return tree.Constant(pi) if found.base == "pi" and not (found.primes or found.parts or found.transposed) else None


def limit(claiming: Claiming, found: Written) -> Term | None:
    """What such a letter stands for in a bound, perhaps raised to a number of steps."""
    value = claiming.letters.guesses.limits.get(found.base) if claiming.bounding else None
    if value is None or found.primes or found.power is not None or any(kind != "sup" for kind, _ in found.parts):
        return None
    steps = [time_expression(part) for _, part in found.parts]
    if len(steps) > 1 or None in steps:
        return None
    term = claiming.term(value)
    return tree.Power(term, steps[0]) if steps and steps[0] is not None else term
