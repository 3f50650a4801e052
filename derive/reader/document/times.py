"""Equations written for other steps -> equations for step t; and a gate that is called t."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from derive.errors import InputError
from derive.nodes import t
from derive.reader.meaning.tree import Ref, mapped, references
from derive.reader.sizes.sizing import Assignment

BIAS = "b"
BEFORE = "found"
"""The label of a letter whose value at t - 1 is another than that of the step before."""


def at_step(written: Sequence[tuple[Assignment, int]]) -> list[Assignment]:
    """The assignments at step t; each comes with the time of its left side relative to t.

    `s_{t-1} = f(net_{t-1})` and `h_{t+1} = f(U h_t + W x_{t+1})` hold at every step and are moved as a whole. Where
    the next state is computed from what is given now, `h_{t+1} = f(U h_t + W x_t)`, the state is counted from 0: h_t
    is what step t finds, h_{t+1} what it leaves, so that the state alone is moved.
    """
    for assignment, offset in written:
        if abs(offset) > 1:
            raise InputError(
                f"{assignment.name} is assigned at t{offset:+d}; an equation may be written for t-1, t or t+1",
                assignment.fragment.place(assignment.start, assignment.end),
                "write it for step t, and introduce a state that carries an older value",
            )
    written = _without_locals_before(written)
    ahead = {assignment.name for assignment, offset in written if offset == 1}
    now = {assignment.name for assignment, offset in written if offset == 0}
    read = {
        ref.offset
        for assignment, offset in written
        if offset == 1
        for ref in references(assignment.term)
        if ref.name not in ahead
    }
    counted_from_zero = not ahead & now and 0 in read and 1 not in read

    def moved(assignment: Assignment, offset: int) -> Assignment:
        if counted_from_zero and offset >= 0:
            return _with(assignment, lambda ref: _later(ref, -1) if ref.name in ahead else ref)
        return _with(assignment, lambda ref: _later(ref, -offset)) if offset else assignment

    return _labelled([moved(assignment, offset) for assignment, offset in written])


def _without_locals_before(written: Sequence[tuple[Assignment, int]]) -> list[tuple[Assignment, int]]:
    """A value of this step that is written at t - 1, after what it changes, as one at t: ĥ_{t-1} = γ_t ⊙ h_{t-1}."""
    written = _without_second_letters(written)
    now = {assignment.name for assignment, offset in written if offset != -1}
    uses: dict[str, set[int | None]] = {}
    for assignment, _ in written:
        for ref in references(assignment.term):
            uses.setdefault(ref.name, set()).add(ref.offset)
    local = {
        assignment.name
        for assignment, offset in written
        if offset == -1 and assignment.name not in now and uses.get(assignment.name, {-1}) == {-1}
        and (any(ref.offset == 0 for ref in references(assignment.term)) or _is_changed(assignment, now))
    }  # fmt: skip
    if not local:
        return list(written)
    return [
        (_with(a, lambda ref: replace(ref, time=t) if ref.name in local else ref), 0 if a.name in local else offset)
        for a, offset in written
    ]


def _is_changed(assignment: Assignment, now: set[str]) -> bool:
    """Whether C^*_{t-1} is C_{t-1} changed before C_t is made of it: a letter of its own for what the step finds."""
    base = assignment.name.partition("_")[0]
    timed = [ref for ref in references(assignment.term) if ref.time is not None]
    return base in now and all(ref.offset == -1 and ref.name.partition("_")[0] == base for ref in timed)


def _without_second_letters(written: Sequence[tuple[Assignment, int]]) -> list[tuple[Assignment, int]]:
    """The value of a letter at t - 1 that is made of this step, beside its value at t, as another letter.

    Where h̃_{t-1} = f_t ⊙ c_{t-1} and h̃_t = o_t ⊙ c̃_t, the one cannot be the other of the step before.
    """
    now = {assignment.name for assignment, offset in written if offset == 0}
    made = {
        assignment.name
        for assignment, offset in written
        if offset == -1 and assignment.name in now and any(ref.offset == 0 for ref in references(assignment.term))
    }
    if not made:
        return list(written)

    def other(ref: Ref) -> Ref:
        return replace(ref, name=f"{ref.name}_{BEFORE}") if ref.name in made and ref.offset == -1 else ref

    return [
        (_with(replace(a, name=f"{a.name}_{BEFORE}") if offset == -1 and a.name in made else a, other), offset)
        for a, offset in written
    ]


def _labelled(assignments: list[Assignment]) -> list[Assignment]:
    """Beside a gate t_t, the W_t and b_t in its equation are its parameters, not values at t."""
    assigned = {assignment.name for assignment in assignments}
    if "t" not in assigned:
        return assignments
    elsewhere = {ref.name for a in assignments if a.name != "t" for ref in references(a.term) if ref.offset is not None}

    def label(ref: Ref) -> Ref:
        parameter = ref.name[0].isupper() or ref.name == BIAS
        if ref.offset == 0 and parameter and ref.name not in assigned | elsewhere:
            return replace(ref, name=f"{ref.name}_t", time=None)
        return ref

    return [_with(assignment, label) if assignment.name == "t" else assignment for assignment in assignments]


def _later(ref: Ref, by: int) -> Ref:
    return ref if ref.time is None else replace(ref, time=ref.time + by)


def _with(assignment: Assignment, change: Callable[[Ref], Ref]) -> Assignment:
    return replace(
        assignment, term=mapped(assignment.term, lambda term: change(term) if isinstance(term, Ref) else None)
    )
