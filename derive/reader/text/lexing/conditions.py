"""A value under a condition on one line, s_t = 1 if v_t > a else 0, in the tokens of 1[v_t > a]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from derive.errors import InputError
from derive.patterns import regex
from derive.reader.text.fragment import Fragment
from derive.reader.text.lexing.tokens import Token
from derive.reader.text.syntax import Syntax
from derive.reader.text.words import ABOVE, BELOW, PAIRS

_FONT = regex(r"\\[A-Za-z]+\s*\{(?P<said>[^{}]*)\}")
IF = frozenset(["if", "when", "whenever", "si", "wenn", "falls", "если", "若", "如果", "当"])
RANGING = frozenset(["for", "for all", "pour", "für", "для", "对", "对于"])
"""Words before what parameters or steps are in, and before conditions."""
ELSE = frozenset(["else", "otherwise", "sonst", "sinon", "иначе", "否则"])


def with_conditions(items: Sequence[Token], fragment: Fragment) -> list[Token]:
    """The tokens with every value that a comparison chooses written by 1 where it holds, else 0."""
    if not any(_is(token, IF) for token in items):
        return list(items)
    found: list[Token] = []
    row: list[Token] = []
    for token, depth in zip(items, _depths(items), strict=True):
        if token.type == "NEWLINE" and depth == 0:
            found += [*_chosen(row, fragment), token]
            row = []
        else:
            row.append(token)
    return found + _chosen(row, fragment)


def _chosen(row: list[Token], fragment: Fragment) -> list[Token]:
    """a = v if c else w as a = 1[c] v + (1 - 1[c]) w."""
    outer = [n for n, depth in enumerate(_depths(row)) if depth == 0]
    condition = next((n for n in outer if _is(row[n], IF)), 0)
    start = next((n for n in reversed(outer) if n < condition and row[n].type == "EQ"), None)
    if start is None or condition == start + 1:
        return row
    compared = [n for n in outer if n > condition and row[n].type == "RELATION" and row[n].word in ABOVE | BELOW]
    other = next((n for n in outer if n > condition and _is(row[n], ELSE)), None)
    if len(compared) != 1 or (other is not None and not condition < compared[0] < other):
        return row
    if other is None:
        if row[condition].type == "NAME":
            raise unsaid(fragment, row[condition].start, row[-1].end)
        return row
    value, holds, instead = row[start + 1 : condition], row[condition + 1 : other], row[other + 1 :]
    while holds and holds[-1].type == "COMMA":
        holds = holds[:-1]
    value = value[:-1] if value[-1].type == "COMMA" else value
    at, end = value[0].start, row[-1].end
    chosen = [Token("NUMBER", at, at, "1"), *_bracketed(holds, "LBRACK", at, end)]
    if not instead or any(token.type in ("COMMA", "EQ") for token in instead):
        raise unsaid(fragment, row[condition].start, end)
    kept = chosen if _number(value) == "1" else [*chosen, Token("DOT", at, at), *_bracketed(value, "LPAR", at, at)]
    if _number(instead) != "0":
        sign, less = Token("PLUS", at, at), Token("MINUS", at, at)
        rest = _bracketed([Token("NUMBER", at, at, "1"), less, *(replace(one) for one in chosen)], "LPAR", at, end)
        kept = [*kept, sign, *rest, Token("DOT", at, at), *_bracketed(instead, "LPAR", at, end)]
    return [*row[: start + 1], *kept]


def unsaid(fragment: Fragment, start: int, end: int) -> InputError:
    """What to say where a value has a condition, and nothing says what it is elsewhere."""
    return fragment.error(
        "this value has a condition; what it is where that does not hold is open", start, end,
        "write both: $s_t = 1 \\text{ if } v_t > \\theta \\text{ else } 0$",
    )  # fmt: skip


def of_last_step(fragment: Fragment, value: Syntax) -> InputError:
    """What to say where an equation holds at t = T alone."""
    written = " ".join(fragment.text[value.start : value.end].split())
    return fragment.error(
        "this is computed from the last step alone; the equations of a cell are those of any step",
        value.start, value.end,
        f"write ${written}$; that only the last step counts is said by the gradient that `backward` is "
        "given: zero before it",
    )  # fmt: skip


def is_condition(fragment: Fragment, value: Syntax, bound: Syntax, words: frozenset[str] = IF) -> bool:
    """Whether a comparison stands behind a value with a word such as if between them."""
    said = _FONT.finditer(fragment.text, value.end, bound.start)
    return any(one["said"].strip(" ,").lower() in words for one in said)


def _is(token: Token, known: frozenset[str]) -> bool:
    if token.type not in ("COMMA", "NAME"):
        return False
    written = _FONT.fullmatch(token.word)
    return (written["said"] if written else token.word).strip(" ,").lower() in known


def _number(tokens: Sequence[Token]) -> str:
    return tokens[0].word if len(tokens) == 1 and tokens[0].type == "NUMBER" else ""


def _bracketed(tokens: Sequence[Token], type_: str, start: int, end: int) -> list[Token]:
    return [Token(type_, start, start), *tokens, Token(PAIRS[type_], end, end)]


def _depths(tokens: Sequence[Token]) -> Iterator[int]:
    """How many brackets are open before each token."""
    depth = 0
    for one in tokens:
        yield depth
        depth += (one.type in PAIRS) - (one.type in PAIRS.values())
