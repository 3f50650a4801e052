"""Parameters that a document computes from others: the decay d = σ(w) of s_t = d ⊙ s_{t-1} + x_t."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.errors import InputError
from derive.reader.meaning.letters import letter, number_of
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.models.equations.equation import EVERY_STEP, Equation, mentions
from derive.reader.models.equations.finding import DERIVATIVE
from derive.reader.models.equations.together.packed import Instead
from derive.reader.text.fragment import Fragment, piece
from derive.reader.text.note import Found
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain, Group, Name, Syntax

EVERY_STEPS = "{names}, which are written without a time, are taken to be values of every step"


def computed_parameters(known: Sequence[Equation], formulas: Sequence[tuple[int, Found]]) -> Iterator[Instead]:
    """The equations with parameters computed at every step, for claims about what they are computed from.

    Those that are computed from the same letter belong together, as the gradient by it comes through each.
    """
    read = set().union(*map(_constants, known)) - {e.target for e in known}
    timed = {m.name for e in known for m in e.used if m.offset is not None} | {e.target for e in known}
    given: list[Equation] = []
    for name, text, there in (one for _, formula in formulas for one in _assigned(formula, timed)):
        if name in read and all(text != each.fragment.text for each in given):
            source = next(e for e in known if name in _constants(e))
            place = there.place(0)
            source = replace(source, fragment=there, place=(place.file, place.line, place.column))
            given.append(source.in_latex(text, name))
    told: list[set[str]] = []
    for first in given:
        made = _together(first, given)
        letters = frozenset().union(*map(_constants, made.values())) - made.keys()
        rest = [e for e in known if not letters & _constants(e)]  # x_t = A x_{t-1} is of another model than Ā x_{t-1}
        usable = {e.target for e in rest} == {e.target for e in known} and all(
            any(name in _constants(e) for e in rest) for name in made
        )
        texts = {e.fragment.text for e in made.values()}
        if letters and usable and texts not in told:
            told.append(texts)
            names = [*made]
            several = EVERY_STEPS.format(names=", ".join(names[:-1]) + f" and {names[-1]}")
            said = several if len(names) > 1 else EVERY_STEP.format(name=names[0])
            yield Instead(tuple(e.with_steps(made.keys()) for e in (*rest, *made.values())), letters, said)


def _constants(equation: Equation) -> set[str]:
    """What an equation reads without a time."""
    return {m.name for m in equation.used if m.offset is None}


def _together(first: Equation, given: Sequence[Equation]) -> dict[str, Equation]:
    """The equation for a parameter, and those for others that read one of its letters, or of theirs."""
    made = {first.target: first}
    size = 0
    while size != len(made):
        size = len(made)
        letters = set().union(*map(_constants, made.values())) - made.keys()
        for each in given:
            if letters & _constants(each):
                made.setdefault(each.target, each)
    return made


def _assigned(formula: Found, timed: set[str]) -> Iterator[tuple[str, str, Fragment]]:
    """Letters without a time that are computed from others without one, each with its equation at a step and as is."""
    fragment = formula.fragment
    try:
        chains = [part for row in parse(fragment) for part in row if isinstance(part, Chain)]
    except (InputError, RecursionError):
        return
    for chain in chains:
        left, right = chain.sides[:2]
        if chain.relations[0].type != "EQ" or letter(left) is None or isinstance(right, Group | Name):
            continue
        written = piece(fragment, left.start, right.end)
        if DERIVATIVE.search(written.text) or number_of(right) is not None:
            continue
        found = _letter(left, fragment)
        shown = fragment.text[left.end : right.end].partition("=")[2].strip()  # with the \left of a bracket
        try:
            parts = mentions(piece(fragment, right.start, right.end))
        except InputError:  # a side that closes a brace around all of it
            continue
        if found is None or found.offset is not None or found.name in timed or found.transposed or not parts:
            continue
        if any(m.offset is not None or m.name in timed for m in parts):
            continue
        yield found.name, f"{{{fragment.text[left.start : left.end].strip()}}}_t = {shown}", written


def _letter(left: Syntax, fragment: Fragment) -> Symbol | None:
    try:
        return symbol(left, fragment)
    except InputError:
        return None
