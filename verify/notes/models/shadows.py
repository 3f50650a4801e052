"""Equations of other sections that read a letter to which this section gives another meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from verify.notes.models.equations import Equation


def without_shadowed(given: Sequence[Equation], section: tuple[str, ...]) -> list[Equation]:
    """The equations that a model of this section may have: no ŷ = softmax(o) of logits o where o is a gate here.

    A state of both, which a readout may be shared with, shadows nothing.
    """
    own = {e.target: _written(e) for e in given if e.section == section}
    carried = _carried(e for e in given if e.section == section)
    kept = list(given)
    for other in {e.section for e in given} - {section}:
        theirs = [e for e in given if e.section == other]
        states = _carried(theirs) | carried
        lost = {e.target for e in theirs if own.get(e.target, _written(e)) != _written(e)} - states
        while more := {e.target for e in theirs if {m.name for m in e.used} & lost} - lost - set(own) - states:
            lost |= more
        kept = [e for e in kept if e.section != other or e.target not in lost]
    return kept


def _written(equation: Equation) -> str:
    return "".join(equation.right.split())


def _carried(equations: Iterable[Equation]) -> set[str]:
    found: set[str] = set()
    for equation in equations:
        found |= {m.name for m in equation.used if m.offset is not None and m.offset < equation.offset}
    return found
