"""What was found or given several steps ago, carried by states that keep it: delay lines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from derive.nodes import t
from derive.reader.meaning.tree import Ref, Term, mapped, references
from derive.reader.sizes.sizing import Assignment

DEEPEST = 16
"""Steps that a quantity may reach back."""


def with_delays(
    assignments: Sequence[Assignment], inputs: Collection[str] = ()
) -> tuple[list[Assignment], dict[str, str]]:
    """The equations with x_{t-1} of an input and h_{t-2} of a state read from delay lines, and {line: its quantity}.

    `x_before` keeps what x was a step ago: x_before_t = x_t, read at t - 1. What is used at t - 1 alone and never
    assigned is left as it is, unless it is declared as one of the `inputs`, or states read nothing else that is given.
    """
    assigned = {assignment.name for assignment in assignments}
    refs = [ref for assignment in assignments for ref in references(assignment.term) if ref.offset is not None]
    now = {ref.name for ref in refs if ref.offset == 0}
    given = {ref.name for ref in refs} - assigned
    states = {ref.name for ref in refs if ref.name in assigned and (ref.offset or 0) < 0}
    alone = {name for name in given if name not in now and name not in inputs}
    if alone and not (states and len(alone) == 1 and given & _read_for(states, assignments) == alone):
        given -= alone
    deepest = {name: min(ref.offset or 0 for ref in refs if ref.name == name) for name in {ref.name for ref in refs}}
    lines: dict[str, tuple[str, int]] = {}
    made: list[Assignment] = []
    for name, offset in deepest.items():
        first = -1 if name in given else -2
        if name not in given | assigned or offset > first:
            continue
        template = next(a for a in assignments for ref in references(a.term) if ref.name == name)
        at = next(ref for ref in references(template.term) if ref.name == name)
        source = replace(at, time=t if name in given else t - 1)
        for depth in range(1, min(-offset + (name in given), DEEPEST + 1)):
            line = _free(f"{name}_before" if depth == 1 else f"{name}_before_{depth}", assigned | given)
            lines[line] = (name, depth)
            made.append(Assignment(line, source, at.where.fragment, at.where.start, at.where.end))
            source = replace(at, name=line, time=t - 1)
    by_depth = {(name, depth): line for line, (name, depth) in lines.items()}

    def read(term: Term) -> Term | None:
        if not isinstance(term, Ref) or term.offset is None:
            return None
        depth = -term.offset if term.name in given else -term.offset - 1
        line = by_depth.get((term.name, depth))
        return replace(term, name=line, time=t - 1) if line is not None and depth > 0 else term

    read_now = [replace(assignment, term=mapped(assignment.term, read)) for assignment in assignments]
    return [*made, *read_now], {line: name for line, (name, _) in lines.items()}


def _read_for(names: set[str], assignments: Sequence[Assignment]) -> set[str]:
    """What the equations of some quantities read, and of what they read in turn."""
    found, count = {*names}, -1
    while count < len(found):
        count = len(found)
        found |= {ref.name for one in assignments if one.name in found for ref in references(one.term)}
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
