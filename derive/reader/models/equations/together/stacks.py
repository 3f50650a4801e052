"""A name for what the weights act on: z_t of ∂J/∂W = ∂J/∂a_t z_t^⊤, where gates are computed from W [h_{t-1}, x_t]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.meaning.symbols import Symbol
from derive.reader.models.equations.arguments import bare, called
from derive.reader.models.equations.equation import Equation
from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.models.equations.names import spelled_names
from derive.reader.resolving.rewriting import letters, symbol_of
from derive.reader.text.fragment import Fragment, piece
from derive.reader.text.mapping import walk
from derive.reader.text.note import Found
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Group

SAID = "{name}, which nothing defines, is taken to be {stack}, on which the weights act"
_ERRORS = frozenset(["d", "delta", "Delta", "epsilon", "varepsilon", "e"])
"""Letters of errors, or what stands before the letter whose error is meant."""
_SMALL_D = regex(r"[\s&]*d\s*(?P<of>[A-Za-z](?:\s*[_^]\s*(?:\w|\{[^{}]*\}))*)\s*&?\s*(?:\+\s*)?=")
"""dW_o += behind which its gradient stands."""


def named_stacks(given: Sequence[Equation], formulas: Sequence[tuple[int, Found]]) -> Iterator[tuple[Found, Equation]]:
    """z_t = [h_{t-1}, x_t], on which the weights act, for a z_t of ∂J/∂W = ∂J/∂a_t z_t^⊤ that nothing defines."""
    stacks = {bare(text): (equation, text) for equation in given for text in _stacks(equation)}
    acting = [equation for equation in given if any(_stacks(equation))]
    if len(stacks) != 1 or len(acting) < 2:
        return
    ((equation, text),) = stacks.values()
    timed = {e.target for e in given} | {m.name for e in given for m in e.used if m.offset is not None}
    weights = {name for e in acting for name in e.spelled} - timed
    found: dict[str, list[tuple[Fragment, Symbol]]] = {}
    for _, formula in formulas:
        for said in _gradients(formula.fragment, weights):
            for one in _turned(said):
                found.setdefault(one.name, []).append((said, one))
    known = timed | weights | {f"d{name}" for name in timed}
    unknown = [each for name, each in found.items() if name not in known and name.partition("_")[0] not in _ERRORS]
    source = next((formula for index, formula in formulas if index == equation.index), None)
    if unknown and source is not None:
        fragment, named = max(unknown, key=len)[0]
        made = called(fragment, named, equation.fragment, text, source, equation.index)
        yield source, replace(made, said=SAID.format(name=named.name, stack=text))


def _gradients(fragment: Fragment, weights: Set[str]) -> Iterator[Fragment]:
    """What is said of gradients by some of these weights: a formula with derivatives, or what stands behind dW +=."""
    small = _SMALL_D.match(fragment.text)
    if DERIVATIVE.search(fragment.text):
        if not weights.isdisjoint(spelled_names(fragment.text)):
            yield fragment
    elif small and not weights.isdisjoint(spelled_names(small["of"])):
        yield piece(fragment, small.end(), len(fragment.text))


def _stacks(equation: Equation) -> Iterator[str]:
    """The brackets of an equation that list quantities of some step."""
    fragment = equation.fragment
    for node in (node for row in parse(fragment) for part in row for node in walk(part)):
        if isinstance(node, Group) and node.start >= equation.right_start and len(node.rows) == 1 < len(node.rows[0]):
            named = [symbol_of(cell, fragment) for cell in node.rows[0]]
            if node.bracket == "LBRACK" and all(one is not None and one.offset is not None for one in named):
                yield fragment.text[node.start : node.end]


def _turned(fragment: Fragment) -> Iterator[Symbol]:
    """The letters of step t with a transpose."""
    try:
        parsed = parse(fragment)
    except (InputError, RecursionError):
        return
    for node in (node for row in parsed for part in row for node in letters(part)):
        named = symbol_of(node, fragment)
        if named is not None and named.transposed and named.offset == 0:
            yield named
