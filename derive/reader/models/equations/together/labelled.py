"""One equation for the arguments of all gates, u_{kt} = W_k x_t + U_k h_{t-1} + b_k, k being the letter of the gate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from derive.notation import spelled_below
from derive.reader.models.equations.equation import Equation, mentions
from derive.reader.models.equations.names import counted_in

SAID = "{label} in line {line} stands for each of {gates}, whose arguments nothing else computes"


def labelled(given: Sequence[Equation]) -> list[Equation]:
    """The equations, one for each gate in the place of such a one: for u_f and u_o of f_t = σ(u_{ft}), o_t = σ(u_{ot}).

    Its label stands at every weight and means nothing else; two letters or more stand in its place elsewhere.
    """
    defined = {e.target for e in given}
    found: list[Equation] = []
    for equation in given:
        base, _, label = equation.target.rpartition("_")
        counted = {"t", *counted_in(equation.fragment.text)}
        constant = [m.name for m in equation.used if m.offset is None]
        weights = [name for name in constant if not counted.issuperset(name.partition("_")[2] or name)]  # no x_{ti}
        reading = [m.name for e in given if e is not equation for m in e.used if m.offset == e.offset]
        others = [name for name in dict.fromkeys(reading) if name.rpartition("_")[0] == base and name not in defined]
        free = len(label) == 1 and label not in defined and equation.target not in reading
        if base and free and weights and len(others) > 1 and all(_label(name, label) for name in weights):
            found += [_of_one(equation, label, name, [name[len(base) + 1 :] for name in others]) for name in others]
        else:
            found.append(equation)
    return found


def _label(name: str, label: str) -> bool:
    """Whether a name has the label, alone or before others: W_k and W_{ki} have k."""
    return name.partition("_")[2].startswith(label)


def _of_one(equation: Equation, label: str, name: str, gates: Sequence[str]) -> Equation:
    below = spelled_below(name.rpartition("_")[2])
    below = below if len(below) == 1 else f"{{{below}}}"
    text = equation.fragment.text
    for one in sorted(mentions(equation.fragment), key=lambda m: -m.start):
        if _label(one.name, label):
            letter = re.sub(rf"(?<=[_^{{(]){label}(?![A-Za-z]*\}}\s*_)", lambda _: below, text[one.start : one.end])
            text = f"{text[: one.start]}{letter}{text[one.end :]}"
    said = SAID.format(label=label, line=equation.place[1], gates=", ".join(gates))
    return replace(equation.rewritten(text), target=name, said=said)
