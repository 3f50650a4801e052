"""Text of a formula -> the chains in it: `a = b = c` with their places, prose and decoration blanked out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from derive.errors import InputError, Place
from derive.reader.fragment import Fragment
from derive.reader.parser import parse
from derive.reader.syntax import Chain, Group, Mark, Run, Sum, Syntax
from derive.reader.tokens import Token

_DROPPED = re.compile(r"\\(?:boxed|underbrace|overbrace|fbox|ensuremath|displaystyle|left\.|right\.)(?![A-Za-z])")
_BRACE_NOTE = re.compile(r"\\(?:under|over)brace(?![A-Za-z])")
_PROSE = re.compile(r"\\(?:text|textrm|mbox|textit|textbf|mathrm)\s*\{([^{}]*)\}")
_ACCUMULATED = re.compile(r"\+\s*=|\\mathrel\{\+\}=|\\mathrel\{\+=\}|\{\+=\}")
_WORDY = re.compile(r"[^\x00-\x7f]|\s.*\S|[A-Za-z]{2,}\s")
_WIDE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff01-\uff5e]+")
_CELL_DOT = re.compile(r"((?:\\\\|&|matrix\})\s*)([·.⋮])(?=(\s*(?:\\\\|&|\\end)))()")
_DOT_ROW = re.compile(
    r"((?:\\\\|matrix\})\s*)((?:&|\s|[·.⋮…⋯]|\\[vdc]dots|\\cdot(?![a-z]))*[·.⋮…⋯s](?:&|\s|[·.⋮…⋯]|\\[vdc]dots)*)(?=\\\\|\\end)"
)
_EMPTY = re.compile(r"\{\s*\}")
_SIGMA = re.compile(r"Σ(?=\s*_)")
_FOR_ALL = re.compile(
    r"\\(?:text|textrm|mbox)\s*\{[^{}]*\b(?:for|where|with)\b[^{}]*\}(?:(?!\\\\|\\end|&).)*", re.DOTALL
)
_CONDITIONS = re.compile(r"\b(?:if|for|when|where|otherwise|else|and)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One line of a formula: its sides, the relations between them, and conditions such as i ≠ j beside it."""

    fragment: Fragment
    sides: tuple[Syntax, ...]
    relations: tuple[Token, ...]
    conditions: tuple[Chain, ...] = ()
    accumulated: bool = False

    def text(self, start: int, end: int) -> str:
        """What is written from here to there, on one line."""
        return " ".join(self.fragment.text[start:end].split())

    def place(self, number: int) -> Place:
        """Where the side behind the relation of that number stands."""
        first = self.relations[number].start
        return self.fragment.place(first, self.sides[number + 1].end)


def blanked(text: str) -> tuple[str, bool]:
    """The text without decoration and prose, character for character in place; and whether it says +=."""
    for match in list(_BRACE_NOTE.finditer(text)):
        text = _without_note(text, match.end())
    text = _DROPPED.sub(_spaces, text)
    text = _FOR_ALL.sub(_spaces, text)
    text = _PROSE.sub(lambda m: _spaces(m) if _is_prose(m.group(1)) else m.group(), text)
    text = _WIDE.sub(_spaces, text)
    text = _EMPTY.sub(_spaces, text)
    text = _SIGMA.sub("∑", text)
    text = _DOT_ROW.sub(lambda m: m.group(1) + "…".ljust(len(m.group(2))), text)
    text = _CELL_DOT.sub(lambda m: m.group(1) + "…", text)
    found = _ACCUMULATED.search(text)
    return _ACCUMULATED.sub(lambda m: "=".rjust(len(m.group())), text), found is not None


def _spaces(match: re.Match[str]) -> str:
    return " " * len(match.group())


def _is_prose(inner: str) -> bool:
    return bool(_WORDY.search(inner)) or bool(_CONDITIONS.fullmatch(inner.strip())) or not inner.strip()


def _without_note(text: str, start: int) -> str:
    """Blank what stands under a brace: \\underbrace{a}_{note}."""
    end = _closing(text, start)
    if end is None:
        return text
    rest = re.compile(r"\s*[_^]\s*\{").match(text, end)
    if rest is None:
        return text
    stop = _closing(text, rest.end() - 1)
    return text if stop is None else text[:end] + " " * (stop - end) + text[stop:]


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for i in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0 and text[i] == "}":
            return i + 1
        if depth == 0 and not text[i].isspace():
            return None
    return None


def statements(fragment: Fragment) -> list[Statement]:
    """The lines of a formula that have a relation, and those that continue the line before.

    Raises InputError with the place of what cannot be parsed.
    """
    text, accumulated = blanked(fragment.text)
    if not text.strip():
        return []
    read = replace(fragment, text=text)
    found: list[Statement] = []
    for row in parse(read):
        head, *beside = row
        conditions = tuple(part for part in beside if isinstance(part, Chain) and _is_condition(part))
        for part in (_unwrapped(head), *(p for p in beside if p not in conditions)):
            if isinstance(part, Chain):
                part, more = _beside(part)
                found.append(Statement(fragment, part.sides, part.relations, (*conditions, *more), accumulated))
            else:
                found.append(Statement(fragment, (part,), (), conditions))
    return found


def _unwrapped(part: Syntax) -> Syntax:
    """A chain in braces, as \boxed{a = b} leaves it."""
    if isinstance(part, Group) and part.bracket == "LBRACE" and len(part.rows) == 1 and len(part.rows[0]) == 1:
        return _unwrapped(part.rows[0][0])
    return part


def _beside(chain: Chain) -> tuple[Chain, tuple[Chain, ...]]:
    """A chain without the condition in brackets behind its last side: a = b (i ≠ j)."""
    last = chain.sides[-1]
    if isinstance(last, Sum):
        (*before, (sign, term)) = last.terms
        inner_chain, more = _beside(Chain(term.start, term.end, (term, term), chain.relations[:1]))
        if more:
            kept_term = inner_chain.sides[-1]
            kept_sum = replace(last, terms=(*before, (sign, kept_term)), end=kept_term.end)
            return replace(chain, sides=(*chain.sides[:-1], kept_sum), end=kept_sum.end), more
    if isinstance(last, Run) and isinstance(group := last.factors[-1], Group) and group.bracket == "LPAR":
        inner = [cell for row in group.rows for cell in row]
        if len(inner) == 1 and isinstance(inner[0], Chain) and len(inner[0].sides) == 2:
            rest = last.factors[:-1]
            kept = rest[0] if len(rest) == 1 else Run(last.start, rest[-1].end, rest)
            return replace(chain, sides=(*chain.sides[:-1], kept), end=kept.end), (inner[0],)
    return chain, ()


def _is_condition(part: Chain) -> bool:
    return len(part.sides) == 2 and part.relations[0].type == "RELATION"


def has_dots(node: Syntax) -> bool:
    """Whether a bracket of entries has dots in it."""
    return isinstance(node, Group) and any(isinstance(cell, Mark) for row in node.rows for cell in row)


def lines(fragment: Fragment) -> Iterator[Fragment]:
    """The rows of a formula as fragments of their own, for when the whole cannot be parsed."""
    start = depth = 0
    for match in re.finditer(
        r"\\\\|\\begin\s*\{(\w*matrix|cases|array)\}|\\end\s*\{(\w*matrix|cases|array)\}", fragment.text
    ):
        if match.group(1) or match.group(2):
            depth += 1 if match.group(1) else -1
        elif depth == 0:
            yield replace(fragment, text=" " * start + fragment.text[start : match.start()])
            start = match.end()
    if start:
        yield replace(fragment, text=" " * start + fragment.text[start:])


__all__ = ["InputError", "Statement", "blanked", "lines", "statements"]
