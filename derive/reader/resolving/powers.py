"""a^{c r_t} -> exp(c r_t ⊙ log a): an exponent that changes from step to step is no label."""

from __future__ import annotations

from derive.reader.meaning.letters import letter, only
from derive.reader.resolving.document import Document
from derive.reader.resolving.rewriting import letters, scripts_of, symbol_of, whole_letter, with_scripts
from derive.reader.text.syntax import Dots, Group, Name, Run, Syntax


def resolve(document: Document) -> None:
    """Write powers of small letters, whose exponents have letters with a step, as functions."""

    def change(node: Syntax) -> Syntax | None:
        if not whole_letter(node):
            return None
        base, scripts = letter(node), scripts_of(node)
        if base is None or base.word == "e" or base.word[:1].isupper():
            return node
        for place, script in enumerate(scripts):
            cell = only(script.rows) if script.kind == "sup" else None
            inside = (symbol_of(one, document.fragment) for one in letters(cell)) if cell is not None else ()
            if (
                cell is None
                or isinstance(cell, Group)
                or not any(one is not None and one.offset is not None for one in inside)
            ):
                continue
            below = with_scripts(node, (*scripts[:place], *scripts[place + 1 :]))
            return _called("exp", Dots(cell.start, cell.end, (cell, _called("log", below))))
        return node

    document.rewrite(change)


def _called(name: str, argument: Syntax) -> Syntax:
    at, end = argument.start, argument.end
    return Run(at, end, (Name(at, at, name, rf"\{name}"), Group(at, end, "LPAR", ((argument,),))))
