"""Which quantity is the output: what nothing in its step reads, and no delayed copy of something else."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from derive.reader.meaning.tree import Ref, references
from derive.reader.sizes.sizing import Assignment


def candidates(assignments: Sequence[Assignment], states: Collection[str], lines: Collection[str]) -> list[str]:
    """The names that may be the output; one where the equations leave no doubt.

    A value that is no state and is computed from the states of this step is a readout, and so is one that stands
    last; a value that stands before a state and is read by nothing may be a mistake.
    """
    names = list(dict.fromkeys(a.name for a in assignments if a.name not in lines))
    read = {ref.name for a in assignments for ref in references(a.term) if ref.offset == 0}
    unread = [name for name in names if name not in read]
    if len(unread) > 1:
        unread = [name for name in unread if not _copies(name, assignments)] or unread
    readouts = [name for name in unread if name not in states]
    if len(readouts) == 1 and (not states or readouts == unread):
        return readouts
    if len(readouts) == 1 and (_depends(readouts[0], states, assignments) or names[-1] == readouts[0]):
        return readouts
    return unread


def _copies(name: str, assignments: Sequence[Assignment]) -> bool:
    """Whether a quantity only keeps what another one is or was."""
    return all(isinstance(a.term, Ref) for a in assignments if a.name == name)


def _depends(name: str, on: Collection[str], assignments: Sequence[Assignment]) -> bool:
    """Whether a quantity depends, within the step, on one of those given."""
    found, before = {name}, 0
    while len(found) != before:
        before = len(found)
        found |= {ref.name for a in assignments if a.name in found for ref in references(a.term) if ref.offset == 0}
    return not found.isdisjoint(set(on) - {name})
