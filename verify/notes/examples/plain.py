"""The plain RNN that words speak of beside a cell with gates: in a vanilla RNN, ∂h_t/∂h_{t-1}."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from derive.cell import Cell
from derive.errors import InputError
from derive.patterns import regex
from derive.reader import read_note
from derive.reader.models.model import Model
from verify.formulas.judgement import Judgement, Word
from verify.notes.audited import Audited
from verify.notes.conventions.trying import RIGHT, Judge
from verify.notes.examples import of_a_plain_cell

SPOKEN = "the model is {equation}, which the note does not write out"
_STATE = regex(
    r"\\partial\s*(?:\\(?:mathbf|boldsymbol|bm|vec)\s*)?\{?\s*(?P<state>[a-z])\s*\}?\s*_\s*\{?\s*t\s*\}?\s*\}\s*"
    r"\{\s*\\partial\s*(?:\\(?:mathbf|boldsymbol|bm|vec)\s*)?\{?\s*(?P=state)\s*\}?\s*_\s*\{\s*t\s*-\s*1\s*\}"
)
_WEIGHT = regex(r"(?<![A-Za-z\\{])(?P<weight>[A-SU-Z](?:_\{?(?:[a-z]{1,3})\}?)?)(?![A-Za-z])")
_FACES = regex(r"\\(?:mathbf|boldsymbol|bm|vec)\s*(?:\{(?P<inside>\w)\}|(?=\w))")
_ARGUMENT = regex(r"(?:tanh|sigma)(?:\s*'|\^\s*\{?\s*\\prime\s*\}?)\s*\(\s*(?P<argument>[a-z])_\{?t\}?\s*\)")
_WRITTEN_OUT = regex(
    r"(?P<function>\\tanh|\\sigma)(?:\s*'|\s*\^\s*\{?\s*(?:\\prime|2)\s*\}?)\s*(?:\\left\s*)?\("
    r"(?P<argument>[^()=]*_\s*\{\s*t\s*-\s*1\s*\}[^()=]*?)(?:\\right\s*)?\)"
)
"""1 - tanh²(W h_{t-1} + U x_t + b), which says what h_t is."""
_DISTINCT = "UVRS"


def of_plain_cells(audited: Audited, lines: Sequence[str], judge: Judge) -> Audited:
    """A formula that is not right of a cell with gates, as one of the plain RNN that the words before it speak of."""
    if any(one.word in RIGHT or one.word is Word.NOT_A_CLAIM for one in audited.judgements):
        return audited
    text = _FACES.sub(lambda m: m["inside"] or "", audited.formula.text)
    spoken = of_a_plain_cell(audited, lines, of_section=_WRITTEN_OUT.search(text) is not None)
    equations = _equations(text) if spoken else ()
    cell = _cell(equations) if equations else None
    if cell is None:
        return audited
    said = SPOKEN.format(equation=", ".join(equations))
    again = judge(audited.formula, Model(cell, "the plain RNN of the words", doubts=(said,))).judgements
    if [one.place for one in again] != [one.place for one in audited.judgements]:
        return audited
    return replace(audited, judgements=tuple(map(_kept, audited.judgements, again)))


def _kept(old: Judgement, new: Judgement) -> Judgement:
    return new if new.word in RIGHT else old


def _equations(text: str) -> tuple[str, ...]:
    """The equations of the plain cell whose Jacobian of one step a formula says, in its letters."""
    state, weights = _STATE.search(text), {m["weight"] for m in _WEIGHT.finditer(text)}
    written = {(m["function"], " ".join(m["argument"].split())) for m in _WRITTEN_OUT.finditer(text)}
    if state is not None and len(written) == 1:
        ((function, argument),) = written
        return (f"{state['state']}_t = {function}({argument})",)
    if state is None or len(weights) != 1:
        return ()
    (weight,) = weights
    letter = state["state"]
    named = _ARGUMENT.search(text)
    net = named["argument"] if named else ""
    function = r"\sigma" if r"\sigma" in text else r"\tanh"
    other = next(each for each in _DISTINCT if each != weight[0])
    inside = f"{weight} {letter}_{{t-1}} + {other} x_t + b"
    if net:
        return f"{net}_t = {inside}", f"{letter}_t = {function}({net}_t)"
    return (f"{letter}_t = {function}({inside})",)


@cache
def _cell(equations: tuple[str, ...]) -> Cell | None:
    try:
        return read_note("\n\n".join(f"$${each}$$" for each in equations), "<words>")
    except InputError:
        return None
