"""A function that equations leave to a letter, where running text says in words what a layer uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from derive.patterns import regex
from derive.reader.models.equations.equation import Equation
from derive.reader.models.equations.names import letter_name
from derive.reader.text.note import Declaration
from derive.reader.text.said import ACTIVATION, FUNCTION, HIDDEN, OUTPUT

USED = "the function in the equation of {name} is {function}, as the note says in words"
_CALL = regex(r"\s*(?P<letter>\\?[A-Za-z]+|[σφψ])\s*(?:\\left)?\s*(?=\()")
_OPEN = frozenset(["sigma", "phi", "varphi", "psi", "f", "g"])
"""Letters that stand for any function."""


def with_spoken_functions(
    given: Sequence[Equation], declarations: Sequence[Declaration]
) -> tuple[list[Equation], list[Declaration]]:
    """The equations with the functions that are said of their layers, and the declarations of letters alone."""
    said = [each.key.split()[1:] for each in declarations if each.key.startswith(ACTIVATION)]
    kept = [each for each in declarations if not each.key.startswith(ACTIVATION)]
    used = {layer: {name for where, name in said if where == layer} for layer in (HIDDEN, OUTPUT)}
    named = {letter_name(one.text) for each in kept if each.key.startswith(FUNCTION) for one in each.formulas}
    states = {m.name for e in given for m in e.used if m.offset == -1}
    read = {m.name for e in given for m in e.used}
    found = []
    for equation in given:
        functions = (
            used[HIDDEN] if equation.target in states else used[OUTPUT] if equation.target not in read else set()
        )
        call = _CALL.match(equation.right)
        if len(functions) == 1 and call and letter_name(call["letter"]) in _OPEN - named and _whole(equation.right):
            (name,) = functions
            command = r"\tanh" if name == "tanh" else rf"\operatorname{{{name}}}"
            left = equation.fragment.text[: equation.right_start]
            written = equation.rewritten(f"{left} {command}{equation.right[call.end() :]}")
            equation = replace(written, said=USED.format(name=equation.target, function=name))  # the same equation
        found.append(equation)
    return found, kept


def _whole(right: str) -> bool:
    """Whether the bracket that a side opens first closes at its end."""
    depth = 0
    text = right.rstrip(" .,;，。&\\")
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == ")" and depth == 0:
            return at == len(text) - 1
    return False
