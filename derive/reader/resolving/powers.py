"""a^{c r_t} -> exp(c r_t ⊙ log a): an exponent that changes from step to step, a fraction or a number is no label."""

from __future__ import annotations

from derive.reader.meaning.letters import letter, number_of, only
from derive.reader.resolving.document import Document
from derive.reader.resolving.rewriting import letters, scripts_of, symbol_of, whole_letter, with_scripts
from derive.reader.text.syntax import Chain, Dots, Fraction, Group, Name, Product, Run, Syntax


def resolve(document: Document) -> None:
    """Write powers of small letters as functions: exponents with a step, fractions, numbers a ∈ ℝ of a known letter."""
    numbers = _numbers(document)
    seen = {
        found.name
        for fragment, part in document.displayed()
        for node in letters(part)
        if (found := symbol_of(node, fragment)) is not None
    }

    def is_power(cell: Syntax, below: Syntax) -> bool:
        if number_of(cell) is not None:
            return False
        inside = [symbol_of(one, document.fragment) for one in letters(cell)]
        if any(one is not None and one.offset is not None for one in inside):
            return not isinstance(cell, Group)
        if isinstance(cell, Fraction) or (isinstance(cell, Product) and any(o.kind == "SLASH" for o in cell.operators)):
            return True
        plain = symbol_of(below, document.fragment)
        named = {one.name for one in inside if one is not None}
        return plain is not None and plain.name in seen and len(inside) == 1 and named <= numbers

    def change(node: Syntax) -> Syntax | None:
        if not whole_letter(node):
            return None
        base, scripts = letter(node), scripts_of(node)
        if base is None or base.word == "e" or base.word[:1].isupper():
            return node
        for place, script in enumerate(scripts):
            cell = only(script.rows) if script.kind == "sup" else None
            if cell is None:  # thousands of primes are passed over at once
                continue
            below = with_scripts(node, (*scripts[:place], *scripts[place + 1 :]))
            if is_power(cell, below):
                return _called("exp", Dots(cell.start, cell.end, (cell, _called("log", below))))
        return node

    document.rewrite(change)


def _numbers(document: Document) -> set[str]:
    """The letters without a time that lines declare as real numbers."""
    found: set[str] = set()
    for _, formulas in document.declarations:
        for formula in formulas:
            for row in formula.rows:
                waiting: list[Syntax] = []
                for part in row:
                    left = part.sides[0] if isinstance(part, Chain) else part
                    waiting.append(left)
                    if isinstance(part, Chain):
                        real = [one.type for one in part.relations] == ["IN"] and isinstance(part.sides[1], Name)
                        named = [symbol_of(node, formula.fragment) for node in waiting] if real else []
                        found |= {one.name for one in named if one is not None and one.offset is None}
                        waiting = []
    return found


def _called(name: str, argument: Syntax) -> Syntax:
    at, end = argument.start, argument.end
    return Run(at, end, (Name(at, at, name, rf"\{name}"), Group(at, end, "LPAR", ((argument,),))))
