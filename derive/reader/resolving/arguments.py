"""The step of an argument that an equation of its own gives: a_t = tanh(p) beside p_t = W x_t is tanh(p_t)."""

from __future__ import annotations

from derive.reader.meaning.letters import only
from derive.reader.resolving.document import Document
from derive.reader.resolving.rewriting import assigned_to, at_time, bracketed, symbol_of
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import rewritten
from derive.reader.text.syntax import Chain, Syntax


def resolve(document: Document) -> None:
    """Write t behind arguments that say no time, where nothing but an equation of every step gives them a value."""
    offsets: dict[str, set[int | None]] = {}
    for fragment, part in document.displayed():
        for found in assigned_to(part, fragment):
            offsets.setdefault(found.name, set()).add(found.offset)
    timed = {name for name, every in offsets.items() if every == {0}}
    for formula in document.formulas if timed else ():
        formula.rows = [tuple(_at_its_step(part, formula.fragment, timed) for part in row) for row in formula.rows]


def _at_its_step(part: Syntax, fragment: Fragment, timed: set[str]) -> Syntax:
    target = symbol_of(part.sides[0], fragment) if isinstance(part, Chain) else None
    if target is None or target.offset not in (0, None):
        return part
    arguments = {id(only(group.rows)) for _, group in bracketed(part)}

    def change(node: Syntax) -> Syntax | None:
        found = symbol_of(node, fragment) if id(node) in arguments else None
        own = found is not None and found.offset is None and found.name in timed - {target.name}
        return at_time(node, 0) if own else None

    return rewritten(part, change)
