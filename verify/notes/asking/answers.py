"""The lines that would settle what is open: an equation for each letter, in the letters and style of the note."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from derive.errors import InputError
from derive.nodes import leaves
from derive.notation import TimeStyle, spelled, timed
from derive.reader.models.equations.equation import INPUTS
from derive.reader.models.model import Model
from derive.targets.formula import latex
from verify.notes.asking.waiting import is_made
from verify.notes.models import holes
from verify.notes.models.recognise import recognised

INPUT, STATE = "x", "h"
USUAL = ("W", "U", "V", "R")
READ_OUT = ("y", "o", "q", "s", "r", "p")
"""Letters for what is read out of a state, the first that is free."""
_BIAS = "b"
_HERE = {
    TimeStyle.PARENTHESES: "^{(t)}",
    TimeStyle.ANGLES: r"^{\langle t \rangle}",
    TimeStyle.SUPERSCRIPT: "^t",
}


@dataclass(frozen=True)
class Context:
    """What is known of a note: how it writes steps, the letters in it, its text.

    `acts` are the letters that weights act on, each with its step from t, as gradients by these weights show; `alone`:
    one letter alone is open.
    """

    style: TimeStyle = TimeStyle.SUBSCRIPT
    spoken: Collection[str] = ()
    text: str = ""
    acts: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    alone: bool = False

    def at(self, name: str, offset: int = 0) -> str:
        """A quantity at step t, or as many steps from it, in LaTeX."""
        letter, step = str(spelled(name)), f"t{offset:+d}" if offset else "t"
        if self.style not in _HERE:
            return timed(letter, step)
        here = _HERE[self.style]
        return letter + (here.replace("t", step) if "{" in here or not offset else f"^{{{step}}}")


def equation(name: str, model: Model | None, weights: Sequence[str], context: Context) -> str:
    """An equation for a quantity, to be pasted: that of the usual cell with these letters, else of the usual form.

    `weights` are letters that formulas know and no equation reads: its weights and biases.
    """
    return f"$${_usual(name, weights, context) or _formed(name, model, weights, context)}$$"


def _usual(name: str, weights: Sequence[str], context: Context) -> str:
    """The equation of a known cell all of whose letters stand in the note; empty where there is none."""
    try:
        known = recognised(dict.fromkeys(sorted(context.spoken), 1.0), context.text)
    except InputError:
        return ""
    for one in known.cell.equations if known is not None else ():
        read = {leaf.name for leaf in leaves(one.expression)}
        if one.symbol.name == name and {*weights} <= read <= {*context.spoken}:
            assert known is not None
            letters = known.cell.notation
            return f"{latex(one.symbol, letters)} = {latex(one.expression, letters)}"
    return ""


def _formed(name: str, model: Model | None, weights: Sequence[str], context: Context) -> str:
    """A gate, a state, or a read-out where a model has a state and does not know the quantity.

    What alone nothing reads is the argument of it.
    """
    unread = holes.unread(model.cell) - {name} if model is not None and context.alone and not weights else frozenset()
    if model is not None and len(unread) == 1 and name in model.cell.quantities:
        return rf"{context.at(name)} = \tanh({context.at(min(unread))})"
    others = [one.name for one in model.cell.states] if model is not None else []
    others = [one for one in others if one != name and not is_made(one)]
    reads_out = bool(others) and model is not None and name not in model.cell.quantities
    inputs = [one.name for one in model.cell.inputs if one.name != name] if model is not None else []
    inputs = [one for one in inputs if one.partition("_")[0] in INPUTS] or [INPUT]
    state = (others or [name])[0]
    carriers = [context.at(state)] if reads_out else [context.at(inputs[0]), context.at(state, -1)]
    label = f"_{name.partition('_')[0]}" if others else ""
    biases = [one for one in weights if one.startswith(_BIAS)]
    terms: list[tuple[str, str]] = []
    for one in sorted({*weights} - {*biases}, key=_rank):
        free = [carrier for carrier in carriers if carrier not in {read for _, read in terms}] or carriers
        acted = context.acts.get(one, (name, 0))
        terms.append((one, free[0] if acted == (name, 0) else context.at(*acted)))
    for carrier in carriers if len(terms) < len(carriers) else ():
        if carrier not in {read for _, read in terms}:
            used = {weight for weight, _ in terms}
            terms.append((next(one for letter in USUAL if (one := f"{letter}{label}") not in used), carrier))
    biases = biases or ([] if weights else [f"{_BIAS}{label}"])
    total = " + ".join((*(f"{spelled(weight)} {read}" for weight, read in terms), *(str(spelled(b)) for b in biases)))
    if reads_out:
        return f"{context.at(name)} = {total}"
    function = r"\tanh" if not others or "_" in name else r"\sigma"
    return f"{context.at(name)} = {function}({total})"


def _rank(weight: str) -> tuple[bool, bool, bool, str]:
    """What acts on the input first, as its label says or as W is before U."""
    label = weight.partition("_")[2]
    return INPUT not in label, STATE in label, not weight.startswith(USUAL[0]), weight
