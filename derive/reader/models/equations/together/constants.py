"""Parameters that a document computes from others: the decay d = σ(w) of s_t = d ⊙ s_{t-1} + x_t."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


def computed_parameters(known: Sequence[Equation], formulas: Sequence[tuple[int, Found]]) -> Iterator[Instead]:
    """The equations with a parameter computed at every step, for claims about what it is computed from."""
    read = {m.name for e in known for m in e.used if m.offset is None} - {e.target for e in known}
    timed = {m.name for e in known for m in e.used if m.offset is not None} | {e.target for e in known}
    for _, formula in formulas:
        for name, text in _assigned(formula, timed):
            if name not in read:
                continue
            source = next(e for e in known if any(m.name == name for m in e.used))
            made = source.in_latex(text, name)
            letters = frozenset(m.name for m in made.used) - {name}
            if letters and not letters & read:
                yield Instead((*(e.with_steps({name}) for e in known), made), letters, EVERY_STEP.format(name=name))


def _assigned(formula: Found, timed: set[str]) -> Iterator[tuple[str, str]]:
    """Letters without a time that are computed from others without one, each with its equation at a step."""
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
        shown = fragment.text[right.start : right.end]
        try:
            parts = mentions(piece(fragment, right.start, right.end))
        except InputError:  # a side that closes a brace around all of it
            continue
        if found is None or found.offset is not None or found.name in timed or found.transposed or not parts:
            continue
        if any(m.offset is not None or m.name in timed for m in parts):
            continue
        yield found.name, f"{{{fragment.text[left.start : left.end].strip()}}}_t = {shown}"


def _letter(left: Syntax, fragment: Fragment) -> Symbol | None:
    try:
        return symbol(left, fragment)
    except InputError:
        return None
