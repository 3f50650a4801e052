"""What a document computes from the last step alone, y = V h_T: asked for as an equation of every step."""

from __future__ import annotations

from collections.abc import Sequence

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.resolving.rewriting import letters, symbol_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.syntax import Chain, Syntax

LOSSES = frozenset(["L", "J", "E", "C"])
_AT_T = regex(r"_\s*(?:T|\{\s*T\s*\})\s*\Z")


def question(equations: Sequence[tuple[Fragment, Chain]], assigned: set[str]) -> InputError | None:
    """What to ask where an equation reads a state at T, with the lines to put in their place; None where none does."""
    ends: dict[str, None] = {}
    at_end = []
    loss = None
    for fragment, part in equations:
        named = symbol_of(part.sides[0], fragment)
        read = [found for side in part.sides[1:] for node in letters(side) if (found := symbol_of(node, fragment))]
        last = any(one.name.removesuffix("_T") in assigned and one.name.endswith("_T") for one in read)
        if named is not None and named.offset is None and (last or any(one.name in ends for one in read)):
            ends[named.name] = None
            at_end.append((fragment, part))
            loss = (fragment, part) if named.name in LOSSES else loss
    if not at_end:
        return None
    others = _names([pair for pair in equations if loss is None or pair[1] is not loss[1]])
    compared = {name for name in _names([loss]) - others if name.islower() and len(name) == 1} if loss else set()
    lines = [f"${_of_each_step(fragment, part, {*ends, *compared})}$" for fragment, part in at_end]
    fragment, part = at_end[0]
    return fragment.error(
        "this is computed from the last step alone; the equations of a cell are those of any step",
        part.start, part.end,
        f"write {' and '.join(lines)}; that only the last step counts is said by the gradient that `backward` is "
        "given: zero before it",
    )  # fmt: skip


def _names(equations: Sequence[tuple[Fragment, Chain]]) -> set[str]:
    return {
        found.name for fragment, part in equations for node in letters(part) if (found := symbol_of(node, fragment))
    }


def _of_each_step(fragment: Fragment, part: Chain, timed: set[str]) -> str:
    """The equation with t for T, and with t at the letters that have none."""
    text, shift = fragment.text, part.start
    out = text[part.start : part.end]
    places: list[tuple[int, int, str]] = []
    for node in letters(part):
        found = symbol_of(node, fragment)
        written = text[node.start : node.end]
        if found is None:
            continue
        if (last := _AT_T.search(written)) is not None:
            places.append((node.start + last.start(), node.start + last.end(), "_t"))
        elif found.name in timed and found.offset is None:
            end = _before_a_transpose(node, written)
            places.append((end, end, "_t"))
    for start, end, new in sorted(places, reverse=True):
        out = out[: start - shift] + new + out[end - shift :]
    return out.strip()


def _before_a_transpose(node: Syntax, written: str) -> int:
    """Where a time goes: in front of the scripts above the letter."""
    above = written.find("^")
    return node.end if above < 0 else node.start + len(written[:above].rstrip())
