"""Derivatives on one line, ∂J/∂W x, dL/dW, ∂_W J, and a number over one letter before a sum, 1/T Σ_t L_t: fractions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.reader.text import words
from derive.reader.text.lexing.tokens import Token

_CLOSING = frozenset(words.PAIRS.values())
_SIGNS = frozenset(words.listed("PLUS MINUS DOT TIMES SLASH OTIMES EQ IN RELATION COMMA SEMI NEWLINE MID"))
_SCRIPTS = frozenset(words.listed("SUB SUP PRIME TICK"))
_NAMED = words.ENTRYWISE | {"softmax", "diag", "sigma"}
_STEPS = frozenset(["t", "T", "k", "n", "s", "tau"])
_WHOLE = frozenset(["delta", "diag", "diagonal", "dim", "dot", "dropout", "dt"])
"""Words that begin with d and are no differentials."""


def fractions(tokens: list[Token]) -> list[Token]:
    """The tokens with every derivative on one line and every number over a letter as a fraction."""
    tokens = list(_with_labels_below(tokens))
    if not any(token.type == "SLASH" for token in tokens):
        return tokens
    tokens = list(_with_d_apart(tokens))
    slashes = (at for at, token in enumerate(tokens) if token.type == "SLASH")
    spans: list[tuple[int, int, int]] = []
    for at in slashes:
        span = _derivative(tokens, at) or _share(tokens, at)
        if span is not None and not (spans and span[0] < spans[-1][2] < span[2]):  # ∂a/∂b/∂c is divided once
            spans.append(span)
    before: dict[int, list[str]] = {}
    for start, _, end in spans:
        before.setdefault(end, []).insert(0, "RBRACE")
        before.setdefault(start, []).extend(("FRAC", "LBRACE"))
    return list(_with(tokens, before, {slash for _, slash, _ in spans}))


def _with_labels_below(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens with ∂_{h_t} L as ∂L over ∂h_t; ∂_t, by the time, is left as it is."""
    at = 0
    while at < len(tokens):
        label = _operand(tokens, at + 2) if [one.type for one in tokens[at : at + 2]] == ["PARTIAL", "SUB"] else None
        end = _operand(tokens, label) if label is not None and tokens[label : label + 1] else None
        of_time = label == at + 5 and tokens[at + 3].word in _STEPS
        if label is None or end is None or tokens[label].type != "NAME" or of_time:
            yield tokens[at]
            at += 1
            continue
        sign, place, last = tokens[at], tokens[label].start, tokens[end - 1].end
        yield from (Token("FRAC", sign.start, sign.start), Token("LBRACE", sign.start, sign.start), sign)
        yield from tokens[label:end]
        yield from (Token(kind, place, place) for kind in ("RBRACE", "LBRACE", "PARTIAL"))
        yield from tokens[at + 2 : label]
        yield Token("RBRACE", last, last)
        at = end


def _with(tokens: Sequence[Token], before: dict[int, list[str]], slashes: set[int]) -> Iterator[Token]:
    for at, token in enumerate(tokens):
        yield from (Token(kind, token.start, token.start) for kind in before.get(at, ()))
        if at in slashes:
            yield Token("RBRACE", token.start, token.start)
            yield Token("LBRACE", token.end, token.end)
        else:
            yield token
    end = tokens[-1].end
    yield from (Token(kind, end, end) for kind in before.get(len(tokens), ()))


def _with_d_apart(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens with dL and dW of dL/dW, typed as words, as d and L, d and W."""
    parts: set[int] = set()
    for slash, token in enumerate(tokens):
        if token.type == "SLASH" and _begins_with_d(tokens, slash + 1):
            above = _operand_before(tokens, slash)
            above -= above > 0 and _is_d(tokens, above - 1)
            parts |= {above, slash + 1} if _begins_with_d(tokens, above) else set()
    for at, token in enumerate(tokens):
        if at in parts and token.word != "d":
            word = token.word[1:].removeprefix("_")
            yield Token("NAME", token.start, token.start + 1, "d", "d")
            yield Token("NAME", token.start + 1, token.end, words.WORDS.get(word, word), words.latex_of(word))
        else:
            yield token


def _begins_with_d(tokens: Sequence[Token], at: int) -> bool:
    """Whether a differential starts there: dW as a word, or d right before a letter."""
    if at >= len(tokens) or tokens[at].type != "NAME":
        return False
    word = tokens[at].word
    apart = word[1:].removeprefix("_")  # d_loss / d_o_t
    return _is_d(tokens, at) or (word[:1] == "d" and apart[:1].isalpha() and word not in _WHOLE)


def _is_d(tokens: Sequence[Token], at: int) -> bool:
    """Whether a d stands there right before a letter."""
    beside = tokens[at : at + 2]
    return [one.type for one in beside] == ["NAME"] * 2 and beside[0].word == "d" and beside[0].end == beside[1].start


def _derivative(tokens: Sequence[Token], slash: int) -> tuple[int, int, int] | None:
    """Where ∂a/∂b starts, its slash, and where it ends; None for another quotient."""
    if _is_d(tokens, slash + 1):
        above = _operand_before(tokens, slash) - 1
        start = above if above >= 0 and _is_d(tokens, above) else None
    elif slash + 1 < len(tokens) and tokens[slash + 1].type == "PARTIAL":
        start = _partial_before(tokens, slash)
    else:
        return None
    end = _variable(tokens, slash + 2)
    return None if start is None or end is None else (start, slash, end)


def _partial_before(tokens: Sequence[Token], slash: int) -> int | None:
    """Where the ∂ stands to which everything before a slash belongs that no sign separates."""
    depth = 0
    for at in range(slash - 1, -1, -1):
        kind = tokens[at].type
        depth += (kind in _CLOSING) - (kind in words.PAIRS)
        if depth < 0 or (depth == 0 and kind in _SIGNS):
            return None
        if depth == 0 and kind == "PARTIAL":
            return at
    return None


def _variable(tokens: Sequence[Token], start: int) -> int | None:
    """Where what a derivative is taken by ends: an operand, and the step, the part or the argument behind it."""
    end = _operand(tokens, start)
    name = tokens[start].word if start < len(tokens) else ""
    while end is not None and end < len(tokens) and tokens[end].type in ("LPAR", "LBRACK"):
        joined = tokens[end].start == tokens[end - 1].end and tokens[start].type == "NAME"
        inside = tokens[end + 1].word if end + 1 < len(tokens) else ""
        if not joined or (tokens[end].type == "LPAR" and name not in _NAMED and inside not in _STEPS):
            break
        end = _operand(tokens, end)
    if end is not None and name in _NAMED and end == start + 1:
        return _operand(tokens, end) or end  # tanh c_t
    return end


def _share(tokens: Sequence[Token], slash: int) -> tuple[int, int, int] | None:
    """Where 1/T before a sum starts, its slash, and where it ends; None for another quotient."""
    if slash == 0 or tokens[slash - 1].type != "NUMBER":
        return None
    end = _operand(tokens, slash + 1)
    summed = end is not None and end < len(tokens) and tokens[end].type == "BIG"
    return (slash - 1, slash, end) if summed and end is not None and tokens[slash + 1].type == "NAME" else None


def _operand_before(tokens: Sequence[Token], end: int) -> int:
    """Where the operand with its scripts begins that ends there."""
    at = end
    while at > 0:
        at -= 1
        if tokens[at].type in ("PRIME", "TICK"):
            continue
        depth = 0
        while at > 0:
            depth += (tokens[at].type in _CLOSING) - (tokens[at].type in words.PAIRS)
            if depth <= 0:
                break
            at -= 1
        if at == 0 or tokens[at - 1].type not in ("SUB", "SUP"):
            break
        at -= 1
    return at


def _operand(tokens: Sequence[Token], start: int) -> int | None:
    """Where one operand with its scripts ends; None where none begins."""
    end = _one(tokens, start)
    while end is not None and end < len(tokens) and tokens[end].type in _SCRIPTS:
        end = _one(tokens, end + 1) if tokens[end].type in ("SUB", "SUP") else end + 1
    return end


def _one(tokens: Sequence[Token], start: int) -> int | None:
    """Where the group that opens there, or the name, ends."""
    depth = 0
    for at in range(start, len(tokens)):
        kind = tokens[at].type
        if depth == 0 and kind not in words.PAIRS:
            return at + 1 if kind in ("NAME", "NUMBER", "ONES") else None
        depth += (kind in words.PAIRS) - (kind in _CLOSING)
        if depth == 0:
            return at + 1
    return None
