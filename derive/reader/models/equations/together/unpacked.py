"""Gates computed together, [i; f; o] = σ(W x + R h + b), of a document that speaks of W_i, W_f and W_o."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from derive.reader.models.equations.equation import Equation
from derive.reader.models.equations.finding import stacked
from derive.reader.models.equations.names import spelled_names
from derive.reader.text.note import Found
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain

SAID = "the rows of {weights} that give {gate} are called {parts}"


def unpacked(given: Sequence[Equation], formulas: Sequence[tuple[int, Found]]) -> list[Equation]:
    """The equations, an own one for each gate of a stack, where formulas name the weights of two gates or more."""
    spoken = {name for _, formula in formulas for name in spelled_names(formula.text)}
    spoken -= {m.name for equation in given for m in equation.used}
    found: list[Equation] = []
    for equation in given:
        weights = {m.name for m in equation.used if m.offset is None}
        named = [gate for gate, _ in _gates(equation) if any(f"{weight}_{gate}" in spoken for weight in weights)]
        found.append(_alone(equation, weights) if len(named) > 1 and equation.target in named else equation)
    return found


def _gates(equation: Equation) -> Iterator[tuple[str, str]]:
    """The quantities of a stack that an equation gives a value, each with its text."""
    for part in (part for row in parse(equation.fragment) for part in row):
        if isinstance(part, Chain):
            yield from (
                (one.name, equation.fragment.text[one.start : one.end])
                for one in stacked(part.sides[0], equation.fragment)
            )


def _alone(equation: Equation, weights: Collection[str]) -> Equation:
    """The equation of one gate, its name at the weights."""
    written = dict(_gates(equation))[equation.target].strip()
    text = equation.fragment.text
    for mention in sorted(equation.used, key=lambda m: m.end, reverse=True):
        if mention.name in weights:
            end = mention.start + len(text[mention.start : mention.end].rstrip())
            text = f"{text[:end]}_{{{equation.target}}}{text[end:]}"
    right = text[equation.right_start :]
    parts = ", ".join(f"{weight}_{equation.target}" for weight in sorted(weights))
    said = SAID.format(weights=", ".join(sorted(weights)), gate=equation.target, parts=parts)
    return replace(equation.rewritten(f"{written} = {right}"), said=said)
