"""h_t = f(h_{t-1}, x_t, θ), of which nothing else is said: what stands for f where derivatives alone are spoken of.

A gradient knows of f at a step nothing but its Jacobians. So a function of every entry of a sum of products stands for
it, with a matrix of its own for each argument: what holds of that, whatever these are, holds of every f.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sympy import HadamardProduct

from derive import nodes
from derive.cell import Cell
from derive.errors import InputError
from derive.nodes import Elementwise, Node, Quantity, leaves
from derive.notation import spelled
from derive.reader.meaning.letters import taken
from derive.reader.meaning.vocabulary import is_general
from derive.reader.models.equations.equation import INPUTS, TIMES, Equation, Mention
from derive.reader.models.equations.together.packed import Instead
from derive.reader.text.fragment import Fragment
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain, Group, Run

SAID = "of {function} nothing is said but what it reads, so that no more than its Jacobians is known"
MEANT = "what line {lines} says is meant, and not what the note writes out with other letters"
MATRIX = r"A_{{\mathrm{{of{name}{number}}}}}"
_FUNCTION = r"\phi_{{\mathrm{{some{name}}}}}"
OPEN = "{name} is computed from the inputs and the states before, which the note does not write out"
_MOVED = r"\\[dt]?frac\s*\{{\s*(?:\\partial|\\mathrm\s*\{{\s*d\s*\}}|d)\s*\{{?\s*{of}(?![A-Za-z])[^=]{{0,30}}?"
_BY = r"\}}\s*\{{\s*(?:\\partial|\\mathrm\s*\{{\s*d\s*\}}|d)\s*\{{?\s*{by}(?![A-Za-z])[^=]{{0,12}}?t\s*-\s*1"


def with_dependences(given: Sequence[Equation]) -> list[Equation]:
    """The equations with something in the place of what is left open of h_t = f(h_{t-1}, x_t, θ)."""
    stepped = {e.target for e in given} | {m.name for e in given for m in e.used if m.offset is not None}
    return [_of_any(e, stepped) if e.general and e.offset == 0 and not (e.numbered or e.at_end) else e for e in given]


def dependences_instead(general: Sequence[Equation], known: Sequence[Equation]) -> Iterator[Instead]:
    """The equations with h_t = f(x_t, h_{t-1}, w_h) in the place of what the document writes out with other letters."""
    given = {e.target: e for e in reversed(with_dependences(general)) if e.depends is not None}
    read = {name for e in known for name in e.names}
    own = {name for e in given.values() if e.depends for name, time in e.depends[1] if time is None} - read
    if own:
        kept = [e for e in known if e.target not in given]
        lines = ", ".join(map(str, sorted({e.place[1] for e in given.values()})))
        yield Instead((*kept, *given.values()), frozenset(own), MEANT.format(lines=lines))


def some_function(name: str) -> str:
    """A letter for a function of which nothing is known, which computes the quantity of this name."""
    return _FUNCTION.format(name="".join(filter(str.isalnum, name)))


def gating(cell: Cell) -> frozenset[str]:
    """The inputs that open or close what a state is made of: α of α_t ⊙ h_{t-1}, and of (1 - α_t) ⊙ h̃_t."""
    states = {state.name for state in cell.states}
    computed = {e.symbol.name for e in cell.equations} - states
    inputs = {one.name for one in cell.inputs} - INPUTS
    found = set()
    for product in (product for e in cell.equations for product in e.expression.atoms(HadamardProduct)):
        moving = [one for one in product.args if isinstance(one, Quantity)]
        if any(one.name in computed or (one.name in states and one.time != nodes.t) for one in moving):
            found |= {name for factor in product.args if (name := _opening(factor)) in inputs}
    return frozenset(found)


def _opening(factor: Node) -> str:
    """The name of a factor that is a quantity or 1 less one; empty for another."""
    read = leaves(factor)
    plain = isinstance(factor, Quantity) or not factor.has(Elementwise, HadamardProduct)
    return read[0].name if len(read) == 1 and plain else ""


def moves(name: str, formulas: Collection[Fragment], states: Collection[Quantity]) -> bool:
    """Whether formulas take the derivative of what has this name by a state of the step before."""
    of, by = re.escape(str(spelled(name))), "|".join(re.escape(str(spelled(state.name))) for state in states)
    moved = re.compile(_MOVED.format(of=of) + _BY.format(by=f"(?:{by})"))
    return any(moved.search(one.text) for one in formulas)


def _of_any(equation: Equation, stepped: Collection[str]) -> Equation:
    read = _arguments(equation, stepped)
    if read is None:
        return equation
    function, arguments = read
    name = "".join(filter(str.isalnum, equation.target))
    terms = [
        f"{MATRIX.format(name=name, number=number)} {{{equation.fragment.text[each.start : each.end].strip()}}}"
        for number, each in enumerate(arguments, 1)
    ]
    left = f"{spelled(equation.target)}{TIMES[equation.style]}"
    written = equation.in_latex(rf"{left} = {some_function(name)}({' + '.join(terms)})")
    reads = tuple((each.name, each.offset) for each in arguments)
    return replace(written, said=SAID.format(function=function), depends=(function, reads))


def _arguments(equation: Equation, stepped: Collection[str]) -> tuple[str, list[Mention]] | None:
    """The letter of the function, and what it reads: values of steps, and small letters of parameters without one.

    None where such a letter is that of a quantity of some step, as h_i may be.
    """
    try:
        (row,) = parse(equation.fragment)
    except (InputError, ValueError):
        return None
    match row:
        case (Chain(sides=(_, Run(factors=(called, Group(rows=rows))) as right)),) if is_general(right):
            cells = [cell for row in rows for cell in row]
        case _:
            return None
    found = [m for m in equation.used if any(cell.start <= m.start < cell.end for cell in cells)]
    function = taken(called)
    if function is None or function.parts or len(found) != len(cells) or len({m.name for m in found}) < len(found):
        return None
    if not all(m.offset in (0, -1) or _is_parameter(m, stepped) for m in found):
        return None
    before = any((m.name, m.offset) == (equation.target, -1) for m in found)
    known = any(m.offset == 0 and m.name not in INPUTS for m in found) and any(m.offset is None for m in found)
    return (function.base, found) if before or known else None


def _is_parameter(mention: Mention, stepped: Collection[str]) -> bool:
    small = mention.offset is None and mention.name[0].islower()
    return small and mention.name.partition("_")[0] not in stepped
