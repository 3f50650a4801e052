"""The lines of the generated module that stand under each formula of a page, by the number of the formula."""

from __future__ import annotations

import re
from collections.abc import Mapping

from derive.calculus.derivation import Derivation
from derive.patterns import regex
from derive.targets.language.names import Names
from derive.targets.pages.model import Page

_FUNCTION = r"^def {}\(.*?(?=^def |\Z)"
_ASSIGNED = regex(r"\w+")


def code_of_displays(derivation: Derivation, content: Page, module: str) -> dict[int, str]:
    """The code of every formula that a line of `step` or `step_backward` computes."""
    program, names = derivation.program, Names()
    forward, backward = (_lines(module, name) for name in ("step", "step_backward"))
    found: dict[int, str] = {}
    places: dict[str, int] = {}  # an equation whose parts are named later is computed there
    named = {row.symbol: row.code for row in content.symbols if row.code}
    for part in content.parts[:2]:
        for shown in (display for block in part.blocks for item in block.items for display in item.displays):
            code = named.get("{math}`" + shown.lines[0][0] + "`", "")
            if code in program.quantities and not any(block.of for block in part.blocks):
                places[code] = shown.number
    for code, number in places.items():
        found[number] = forward.get(names.now(program.quantities[code]).name, "")
    gradients = {gradient.of.name: gradient.of for gradient in derivation.gradients}
    for part in content.parts:
        for block in part.blocks:
            of = gradients.get(block.of)
            for shown in (display for item in block.items for display in item.displays if of is not None):
                assert of is not None
                variable = names.gradient(of) if of.time is not None else names.gradients(of)
                found[shown.number] = backward.get(variable.name, "")
    return {number: code for number, code in found.items() if code}


def _lines(module: str, function: str) -> Mapping[str, str]:
    """What each variable of a function is assigned, with the lines that prepare it."""
    body = re.search(_FUNCTION.format(function), module, re.MULTILINE | re.DOTALL)
    found: dict[str, str] = {}
    lines: list[str] = []
    for line in body[0].split("\n") if body else ():
        if line.startswith("    #"):
            lines = []
        elif line.startswith("        ") and lines:
            lines.append(line[4:])
        elif (assigned := _ASSIGNED.match(line, 4)) and line[:4] == "    " and " = " in line:
            lines.append(line[4:])
            found[assigned[0]] = "\n".join(lines)
    return found
