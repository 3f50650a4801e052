"""What words before a formula, or behind it, suppose for what follows: if f_t = 1, f_t = 1 のとき."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.meaning.letters import letter, number_of
from derive.reader.text.mapping import walk
from derive.reader.text.note import Found
from derive.reader.text.parser import parse
from derive.reader.text.syntax import Chain, Name, Syntax

_CASES = (
    r"\b(?:if|when|whenever|where|in\s+case|in\s+the\s+case|provided|with|for|setting|at"
    r"|wenn|falls|bei|für|si|quand|lorsque|pour|avec|cuando|con|para|se|quando|per|com|если|когда|при|для)\b"
    r"|若|如果|假如|只要|当|當|当作|もし|만약"
)
_ASSUMED = (
    r"\b(?:suppos\w*|assum\w*|for\s+simplicity|say|let(?:\s+us)?|take|given|imagine|set|choose|pretend"
    r"|angenommen|annahme|sei(?:en)?|nehmen\s+wir|setzen?|supposons|soit|soient|prenons|supon\w*|sea|sean|tomemos"
    r"|seja|supponiamo|sia|siano|пусть|предположим|допустим|положим)\b"
    r"|假设|假設|假定|设|設|令|取|仮に|가정"
)
_EXAMPLES = (
    r"\b(?:for\s+(?:example|instance)|zum\s+beispiel|beispielsweise|par\s+exemple|por\s+ejemplo|por\s+exemplo"
    r"|per\s+esempio|ad\s+esempio|например)\b|\b(?:e\.\s?g|z\.\s?b)\.|例如|比如|例えば|たとえば|예를\s*들어"
)
_BETWEEN = r"(?:[^$.;。；!?]|\$[^$]*\$){0,80}"
_SUPPOSING = regex(rf"(?:{_CASES}|{_ASSUMED}|{_EXAMPLES}){_BETWEEN}\Z", re.IGNORECASE)
_AND = r"\b(?:and|und|et|y|e|и)\b|[和与且及,，、]"
_JOINED = rf"(?:\s*(?:{_AND})*\s*\$[^$]*\$)*\s*(?:{_AND})*\s*"
_NEAR = r"[^$.;。；!?,，]{0,40}"
_SAID_OF_IT = regex(rf"(?:(?:{_ASSUMED}){_NEAR}{_JOINED}|(?:{_CASES})\W*)\Z", re.IGNORECASE)
_IF = (
    r"\b(?:if|whenever|wenn|falls|если|s[ie]\s+(?:cada|chaque|ogni|todos|tous))\b(?:\s+(?!then\b)[^\W\d_]+){0,6}"
    r"|(?:若|如果|假如|只要|もし|만약)[^$.,;。；，、!?则則时時]{0,12}"
)
_CASE = regex(rf"(?:{_IF})[\s*_]*\Z", re.IGNORECASE)
_SHOWN = regex(rf"(?:{_EXAMPLES})[^$.;。；!?]{{0,40}}\Z", re.IGNORECASE)
_BEHIND = regex(
    r"\A\W{0,6}(?:时|時|的(?:情况|時候|时候)|のとき|の時|の場合|とすると|とする|とおく|なら|이?면|이?라면|일\s*때|인\s*경우|라고\s*(?:하|가정))"
)
_ASSUMED_BEHIND = regex(r"\A\W{0,6}(?:とする|라고\s*가정)")
_QUOTED = regex(r"[\s$`({\\*_]+\Z")
ROUGHLY = regex(r"\\(?:approx|simeq)(?![A-Za-z])|[≈≃]")
_SLOPE_OF_ONE = regex(
    r"\s*(?P<function>\\?[A-Za-z]+)\s*(?:'|\^\s*\{?\s*\\prime\s*\}?)\s*(?:\([^=≈]*\))?"
    rf"\s*(?:{ROUGHLY.pattern})\s*1(?:\.0*)?\s*"
)
_OF_ANY_STEP = regex(r"\A(\s*\\?[A-Za-z]+\s*_\s*\{?\s*)[ijks](?=\s*\}?\s*=)")
_CONSTANTS = frozenset(["I", "1", "e", "pi", "mathbf", "bm", "boldsymbol", "mathbb"])


def constant(side: Syntax) -> bool:
    """Whether a side has no letter but those of the identity and of ones: 1, 0.9, I."""
    return number_of(side) is not None or all(part.word in _CONSTANTS for part in walk(side) if isinstance(part, Name))


def gives_a_value(formula: Found) -> bool:
    """Whether every equation of a formula ends in a constant, and begins with something else."""
    try:
        parts = [part for row in parse(formula.fragment) for part in row]
    except (InputError, RecursionError):
        return False
    chains = [part for part in parts if isinstance(part, Chain)]
    return bool(chains) and all(
        {relation.type for relation in each.relations} == {"EQ"}
        and constant(each.sides[-1])
        and not any(map(constant, each.sides[:-1]))
        for each in chains
    )


def supposed(formula: Found) -> bool:
    """Whether a formula of running text gives a letter a constant, of which words say that it is a case or assumed."""
    if formula.displayed or "=" not in formula.text:
        return False
    before, behind = _around(formula)
    said = _SUPPOSING.search(before) is not None or _BEHIND.match(behind) is not None
    return said and gives_a_value(formula) and all(letter(side) is not None for side in _first(formula))


def as_equal(formula: Found) -> Found | None:
    """f_t ≈ 1 and f_k ≈ 1 as f_t = 1, in as many characters; None where nothing is roughly something."""
    text = ROUGHLY.sub(lambda sign: "=".ljust(len(sign.group())), formula.text)
    text = _OF_ANY_STEP.sub(r"\1t", text, count=1)
    if formula.displayed or not ROUGHLY.search(formula.text):
        return None
    return replace(formula, fragment=replace(formula.fragment, text=text))


def flat(formula: Found) -> str:
    """The function whose slope is supposed to be roughly 1: tanh of tanh'(·) ≈ 1; empty where none is."""
    found = None if formula.displayed else _SLOPE_OF_ONE.fullmatch(formula.text)
    if found is None:
        return ""
    before, behind = _around(formula)
    said = _SUPPOSING.search(before) is not None or _BEHIND.match(behind) is not None
    return found["function"] if said else ""


def assumed(formula: Found) -> bool:
    """Whether words right before a formula of running text assume the constant that it gives: assume ∂L/∂y = 1."""
    if formula.displayed or "=" not in formula.text:
        return False
    before, behind = _around(formula)
    said = _SAID_OF_IT.search(before) is not None or _ASSUMED_BEHIND.match(behind) is not None
    said = said or _CASE.search(before) is not None or _BEHIND.match(behind) is not None
    shown = "." in formula.text and _SHOWN.search(before) is not None  # a number without digits may be what is so
    return (said or shown) and gives_a_value(formula)


def _around(formula: Found) -> tuple[str, str]:
    """What stands in its line before a formula, and behind it, without the marks of formulas at its borders."""
    first, last = formula.fragment.lines[0], formula.fragment.lines[-1]
    before = _QUOTED.sub(" ", first.text[: max(first.column - 1, 0)])
    end = last.column - 1 + len(formula.fragment.written) - max(last.offset, 0)
    return before, last.text[end:]


def _first(formula: Found) -> Iterator[Syntax]:
    for row in parse(formula.fragment):
        yield from (part.sides[0] for part in row if isinstance(part, Chain))
