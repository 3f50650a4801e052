"""e^{x} is exp(x), and a declared number as the exponent of a letter is a power, not a label: p_t^γ where γ = 2."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Expr

from derive.reader.meaning.letters import number_of, only, time_of, valued
from derive.reader.questions.guesses import Guess
from derive.reader.resolving.document import Document
from derive.reader.resolving.rewriting import base_of, letters, scripts_of, symbol_of, whole_letter, with_scripts
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import rewritten
from derive.reader.text.syntax import Chain, Group, Mark, Name, Number, Run, Script, Scripted, Syntax


def of_e(document: Document) -> None:
    """Write e^{x} as exp(x), where e is no quantity of the document."""
    if any(_is_e(node) and not _raised(node) for _, part in document.said() for node in letters(part)):
        return

    def applied(node: Syntax) -> Syntax | None:
        if not isinstance(node, Scripted) or not _is_e(node) or (exponent := _raised(node)) is None:
            return None
        called = Name(node.start, node.start + 1, "exp", "\\exp")
        argument = Group(exponent.start, node.end, "LPAR", ((rewritten(exponent, applied),),))
        return Group(node.start, node.end, "LBRACE", ((Run(node.start, node.end, (called, argument)),),))

    document.rewrite(applied)


def _is_e(node: Syntax) -> bool:
    base = base_of(node)
    return isinstance(base, Name) and base.word == "e"


def _raised(node: Syntax) -> Syntax | None:
    """The exponent of e where this is e^{x}; a step or a mark is none."""
    scripts = scripts_of(node)
    cell = only(scripts[0].rows) if len(scripts) == 1 and scripts[0].kind == "sup" else None
    return None if cell is None or time_of(cell) is not None or isinstance(cell, Mark) else cell


def resolve(document: Document) -> None:
    """Write the number in the place of the letter, where the letter below stands without it elsewhere."""
    numbers = dict(_declared(document))
    if not numbers:
        return
    seen = {
        found.name
        for fragment, part in document.said()
        for node in letters(part)
        if (found := symbol_of(node, fragment)) is not None
    }

    def raised(node: Syntax) -> Syntax | None:
        if not whole_letter(node):
            return None
        scripts = scripts_of(node)
        for place, script in enumerate(scripts):
            cell = only(script.rows) if script.kind == "sup" else None
            if cell is None or number_of(cell) is not None:
                continue
            value = valued(cell, lambda part: numbers.get(_name(part, document.fragment)))
            plain = with_scripts(node, (*scripts[:place], *scripts[place + 1 :]))
            if value is not None and _name(plain, document.fragment) in seen:
                text = document.fragment.text
                whole, power = (" ".join(text[part.start : part.end].split()) for part in (node, cell))
                guess = Guess(
                    f"{whole} is a power", f"a letter with the label {power}", f"{power} is declared: {value}"
                )
                if guess not in document.guesses:
                    document.guesses.append(guess)
                number = Script(script.start, script.end, "sup", ((Number(cell.start, cell.end, str(value)),),))
                return with_scripts(node, (*scripts[:place], number, *scripts[place + 1 :]))
        return node

    document.rewrite(raised)


def _declared(document: Document) -> Iterator[tuple[str, Expr]]:
    """The letters without a time that are given a number."""
    for fragment, part in document.said():
        if isinstance(part, Chain) and len(part.sides) == 2 and part.relations[0].type == "EQ":
            value, name = number_of(part.sides[1]), _name(part.sides[0], fragment, timeless=True)
            if value is not None and name:
                yield name, value


def _name(node: Syntax, fragment: Fragment, *, timeless: bool = False) -> str:
    found = symbol_of(node, fragment)
    return "" if found is None or (timeless and found.offset is not None) else found.name
