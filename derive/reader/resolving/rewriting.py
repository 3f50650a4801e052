"""The letters in a syntax tree with their scripts; trees are mapped by `derive.reader.text.mapping`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from derive.errors import InputError
from derive.reader.meaning.letters import letter
from derive.reader.meaning.symbols import Symbol, symbol
from derive.reader.text.fragment import Fragment
from derive.reader.text.mapping import parts, walk
from derive.reader.text.syntax import Group, Name, Number, Run, Script, Scripted, Sum, Syntax


def whole_letter(node: Syntax) -> bool:
    """Whether this is a letter with all its scripts."""
    return isinstance(node, Name | Scripted | Group) and letter(node) is not None


def letters(node: Syntax) -> Iterator[Syntax]:
    """Every letter with its scripts; what stands in scripts is none."""
    if whole_letter(node):
        yield node
        return
    for part in parts(node):
        if not isinstance(part, Script):
            yield from letters(part)


def bracketed(node: Syntax) -> Iterator[tuple[Syntax, Group]]:
    """Every letter before a bracket, with the bracket: x(n), f(a), s[k+1]."""
    for part in walk(node):
        if isinstance(part, Run):
            for first, second in zip(part.factors, part.factors[1:], strict=False):
                if whole_letter(first) and isinstance(second, Group) and second.bracket in ("LPAR", "LBRACK"):
                    yield first, second


def symbol_of(node: Syntax, fragment: Fragment) -> Symbol | None:
    """The symbol of a letter, or None where its scripts cannot be read; that is said when the formula is."""
    if not whole_letter(node):
        return None
    try:
        return symbol(node, fragment)
    except InputError:
        return None


def base_of(node: Syntax) -> Syntax:
    """A letter without its scripts and braces."""
    while True:
        if isinstance(node, Group) and len(node.rows) == 1 and len(node.rows[0]) == 1:
            node = node.rows[0][0]
        elif isinstance(node, Scripted):
            node = node.base
        else:
            return node


def scripts_of(node: Syntax) -> tuple[Script, ...]:
    """The scripts of a letter, those inside braces first."""
    if isinstance(node, Group) and len(node.rows) == 1 and len(node.rows[0]) == 1:
        return scripts_of(node.rows[0][0])
    if isinstance(node, Scripted):
        return (*scripts_of(node.base), *node.scripts)
    return ()


def with_scripts(node: Syntax, scripts: tuple[Script, ...]) -> Syntax:
    """The letter with other scripts."""
    base = base_of(node)
    return Scripted(node.start, node.end, base, scripts) if scripts else replace(base, start=node.start, end=node.end)


def at_time(node: Syntax, offset: int) -> Syntax:
    """The letter with a time index behind its scripts."""
    time: Syntax = Name(node.end, node.end, "t", "t")
    if offset:
        shift = Number(node.end, node.end, str(abs(offset)))
        time = Sum(node.end, node.end, ((1, time), (1 if offset > 0 else -1, shift)))
    return with_scripts(node, (*scripts_of(node), Script(node.end, node.end, "sub", ((time,),))))
