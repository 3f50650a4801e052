"""Sequences of different lengths in one batch, for any cell.

Past its end a sequence repeats its last step and keeps its states, so that the final states are those at its own end.
Nothing is asked of it there: what J asks of outputs counts as zero, and what J asks of the final states enters at the
end. Gradients are linear in what is asked, so that they are exactly zero past the end without further care.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive.nodes import Quantity
from derive.targets.language.code import Assign, Call, Code, Index, Number, WithLengths
from derive.targets.language.names import Names


def _where(condition: str, state: Quantity, there: Code, elsewhere: Code) -> Code:
    """A choice for each example; `condition` is an expression of shape (B,)."""
    behind = ", None" * (1 if 1 in state.shape else 2)
    return Call("np.where", (Number(f"({condition})[:{behind}]"), there, elsewhere))


def kept(states: Sequence[Quantity], names: Names) -> WithLengths:
    """At the end of a step forwards."""
    body = []
    for state in states:
        before, now = (Index(names.whole(state), time) for time in ("t", "t + 1"))
        body.append(Assign((now,), _where("lengths <= t", state, before, now)))
    return WithLengths(tuple(body), "a sequence that has ended keeps its states")


def set_aside(states: Sequence[Quantity], names: Names) -> WithLengths:
    """Before the loop backwards."""
    body = []
    for state in states:
        body.append(Assign((names.last(state),), names.carry(state)))
        body.append(Assign((names.carry(state),), Call("np.zeros_like", (names.last(state),))))
    return WithLengths(tuple(body))


def entering(states: Sequence[Quantity], names: Names) -> WithLengths:
    """At the beginning of a step backwards."""
    why = "what J asks of a final state enters at the sequence's own end"
    return WithLengths(_entered("lengths == t + 1", states, names), why)


def entering_empty(states: Sequence[Quantity], names: Names) -> WithLengths:
    """After the loop backwards: the final states of an empty sequence are its initial ones."""
    return WithLengths(_entered("lengths == 0", states, names))


def _entered(condition: str, states: Sequence[Quantity], names: Names) -> tuple[Assign, ...]:
    return tuple(Assign((names.carry(s),), _where(condition, s, names.last(s), names.carry(s))) for s in states)
