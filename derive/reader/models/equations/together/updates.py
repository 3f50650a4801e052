"""The update of a gated state that a document leaves out: h_t of z_t, r_t and h̃_t, as its gradients tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.notation import spelled
from derive.patterns import regex
from derive.reader.models.equations.equation import TIMES, Equation
from derive.reader.models.equations.together.packed import Instead
from derive.reader.text.note import Found

UPDATED = "the state is ${equation}$, as a gradient by its gate tells, which the note does not write"
_SQUASHED = regex(r"[\s&]*(?:\\tanh|\\(?:text|operatorname|mathrm)\s*\{\s*tanh\s*\}|tanh)(?![A-Za-z])")
_OPENED = regex(r"[\s&]*(?:\\sigma|σ|\\(?:text|operatorname|mathrm)\s*\{\s*(?:sigmoid|\\sigma)\s*\})(?![A-Za-z])")
_IGNORED = regex(r"[\s{}]|\\(?:left|right|mathbf|boldsymbol|bm|[,;:! ])")


def unwritten_update(known: Sequence[Equation], formulas: Sequence[tuple[int, Found]]) -> Iterator[Instead]:
    """The equations with the state that one gate mixes of its value before and a candidate.

    Which of the two it opens for is told by the difference of both in claims, h_{t-1} - h̃_t or h̃_t - h_{t-1}.
    """
    targets = {e.target for e in known}
    before = {m.name for e in known for m in e.used if m.offset == -1} - targets
    read = {m.name for e in known for m in e.used if m.offset == 0}
    ends = [e for e in known if e.target not in read and e.offset == 0]
    candidates = [e for e in ends if _SQUASHED.match(e.right)]
    gates = [e for e in ends if _OPENED.match(e.right)]
    if len(before) != 1 or len(candidates) != 1 or len(gates) != 1:
        return
    (state,), (candidate,), (gate,) = before, candidates, gates
    time = TIMES[candidate.style]
    then = time.replace("t", "{t-1}" if time == "_t" else "t-1")
    new, old = f"{spelled(state)}{time}", f"{spelled(state)}{then}"
    mixed, opened = f"{spelled(candidate.target)}{time}", f"{spelled(gate.target)}{time}"
    said = [_IGNORED.sub("", formula.text) for _, formula in formulas]
    keeps = any(_IGNORED.sub("", f"{old} - {mixed}") in text for text in said)
    takes = any(_IGNORED.sub("", f"{mixed} - {old}") in text for text in said)
    if keeps == takes:
        return
    kept, taken = (opened, f"(1 - {opened})") if keeps else (f"(1 - {opened})", opened)
    equation = rf"{new} = {kept} \odot {old} + {taken} \odot {mixed}"
    update = gate.in_latex(equation, state)
    letters = frozenset({state, candidate.target, gate.target, *targets})
    yield Instead((*known, update), letters, UPDATED.format(equation=equation))
