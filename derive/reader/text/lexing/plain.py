"""Plain text -> the same tokens as LaTeX: `h_t = tanh(W_xh @ x_t + W_hh @ h[t-1] + b)`; words are identifiers."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from derive.patterns import regex
from derive.reader.text import words
from derive.reader.text.fragment import Fragment
from derive.reader.text.lexing.conditions import with_conditions
from derive.reader.text.lexing.letters import unicode_letter
from derive.reader.text.lexing.tokens import Token, Tokens

_WORD = regex(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")
_BIG = regex(r"(?:sum|prod)(?=\s*_)")
_RUN_ON = regex(r"(?:t|T|k)(?=[A-Za-z]_)")
"""A step with the next letter behind it without a blank, as in δ_th_{t-1}."""
_INDICES = regex(r"(?!(.).*\1)[i-n]{2,3}")
"""Different indices beside each other, of a matrix or a sum over several."""
_NUMBER = regex(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_GLUED = regex(r"(?<![A-Za-z0-9_\[])[A-Za-z]{1,2}t-1(?![A-Za-z0-9_\]])")
"""A time glued to its letter, as in Ht-1: then Ht is H at t."""
_WITH_TIME = regex(r"(?<![A-Za-z0-9_])([A-Za-z]{1,2}?)(t)(-\d+)?(?![A-Za-z0-9_(])")
_STEPS = ("k", "j", "i", "s", "T", "n", "m", "tau")
_BY_THE_LAST = regex(r"∂\s*[A-Za-z]_T(?![A-Za-z0-9_])")
"""∂ of a quantity of the last step."""
_STEP_BESIDE = regex(r"([-−+])[12](?![\w.]|[*/^@])")
"""The step before or after, written as it is spoken: h_t-1. A number that is multiplied is none."""
_LABELLED = regex(r"(?<![A-Za-z0-9_])(?:Pi|Xi|Mu|Nu)(?![A-Za-z0-9_(])")
"""A letter with a label glued to it, as in Pi beside Pf and Po, where times are glued as well."""
_BEHIND_A_BAR = regex(
    r"\|_?(?P<open>[({])?(?P<word>[A-Za-z]{2,}(?:[ -][A-Za-z]+)*)(?(open)[)}])(?![\w(])"
    r"(?=[^|\n]*(?:\n|$)|[^|\n]*\|[A-Za-z])"
)
"""A word that says which part of a derivative is meant: ∂L/∂h_t|output, with no bar behind it that it could open."""
_COMPARED = regex(r"(?<=[ ])[<>](?P<equal>=?)(?=[ ])")
"""Signs with spaces around them compare; others are brackets around a time."""
_BETWEEN = regex(r"(?<=[A-Za-z0-9])[<>](?=[A-Za-z0-9])")
_SPACE = regex(r"(?:[ \t\r\u00a0]|#[^\n]*)+")
_OPERATORS = {"**": "SUP", ".*": "DOT", ":=": "EQ", "<-": "EQ", "==": "EQ", ".T": "TICK", "./": "SLASH"}


def plain_tokens(fragment: Fragment) -> list[Token]:
    """The tokens of a plain formula, or of several on lines of their own."""
    out = Tokens(fragment)
    text = fragment.text
    closers: list[str] = []
    glued = _GLUED.search(text) is not None
    i = 0
    while i < len(text):
        c = text[i]
        if glued and (match := _WITH_TIME.match(text, i)):
            i = _glued(out, match)
        elif match := _SPACE.match(text, i):
            i = match.end()
        elif c == "\n":
            if not out.open:
                out.emit("NEWLINE", i, i + 1)
            i += 1
        elif glued and (match := _LABELLED.match(text, i)):
            out.emit("NAME", i, match.end(), match.group(), rf"\mathrm{{{match.group()}}}")
            i = match.end()
        elif c.isascii() and c.isalpha():
            accented = i + 1 < len(text) and unicodedata.combining(text[i + 1])
            i = unicode_letter(out, i, len(text)) if accented else _word(out, i)
        elif c.isascii() and c.isdigit():
            match = _NUMBER.match(text, i)
            assert match is not None
            stop = out.grouped(i, len(text)) or match.end()
            out.emit("NUMBER", i, stop, text[i:stop].replace(",", ""))
            i = stop
        elif text.startswith("(.)", i):
            out.emit("DOT", i, i + 3)
            i += 3
        elif text.startswith("...", i):
            out.emit("DOTS", i, i + 3)
            i += 3
        elif (pair := text[i : i + 2]) in _OPERATORS and not (pair == ".T" and text[i + 2 : i + 3].isalnum()):
            if _OPERATORS[pair] == "SUP":
                i = _script(out, closers, i, 2, "SUP")
            else:
                out.emit(_OPERATORS[pair], i, i + 2)
                i += 2
        elif c in "_^":
            i = _script(out, closers, i, 1, "SUB" if c == "_" else "SUP")
        elif c == "~" and _accented(out, i):
            i += 1
        elif c == "√":
            i = _root(out, closers, i)
        elif end := _comparison(text, i, closers):
            out.emit("RELATION", i, end, {">=": "≥", "<=": "≤"}.get(text[i:end], c))
            i = end
        elif c in "([{<⟨":
            kind = {"(": "LPAR", "[": "LBRACK", "{": "LBRACE"}.get(c, "LANGLE")
            out.opening(kind, i, i + 1)
            closers.append({"LPAR": "RPAR", "LBRACK": "RBRACK", "LBRACE": "RBRACE"}.get(kind, "RANGLE"))
            i += 1
        elif c in ")]}>⟩":
            # A parenthesis that a script opened is a brace to the grammar.
            usual = {")": "RPAR", "]": "RBRACK", "}": "RBRACE"}.get(c, "RANGLE")
            expected = closers.pop() if closers else usual
            out.closing("RBRACE" if expected == f"script{usual}" else usual, i, i + 1)
            i += 1
        elif c in "'’′":
            name = out.items[-1].word if out.items and out.items[-1].type == "NAME" else ""
            slope = name in words.SLOPES or (name in words.WITH_SLOPES and text[i + 1 : i + 2] == "(")
            out.emit("PRIME" if slope else "TICK", i, i + 1)
            i += 1
        elif said := _said_behind_a_bar(out, i):
            i = said
        elif c in "|‖":
            double = c == "‖" or text.startswith("||", i)
            length = 2 if c == "|" and double else 1
            out.bar(i, i + length, *(("LNORM", "RNORM") if double else ("LABS", "RABS")))
            if out.items[-1].type in ("LNORM", "LABS"):
                closers.append("bar")
            elif out.items[-1].type in ("RNORM", "RABS"):
                closers.pop()
            i += length
        elif c == ":" and (out.innermost == "LBRACK" or (out.scripting and out.scripting[-1])):
            out.emit("MARK", i, i + 1, "colon")
            i += 1
        elif c == ".":
            out.emit("PERIOD", i, i + 1)
            i += 1
        elif c == "\\":
            raise out.error(
                f"a LaTeX command in plain text: {text[i : i + 8].split()[0]}", i, i + 1,
                "put LaTeX between $$ and $$, or in a fence with the info math",
            )  # fmt: skip
        elif c in words.SYMBOLS:
            out.emit(words.SYMBOLS[c], i, i + 1)
            i += 1
        else:
            i = unicode_letter(out, i, len(text))
    return with_conditions(out.finish(), fragment)


def _comparison(text: str, i: int, closers: list[str]) -> int:
    """Where < or > that compares ends: one with spaces around it, or between two letters in a script, as in Π_{k<j<t}.

    0 where none does.
    """
    innermost = closers[-1] if closers else ""
    if _BETWEEN.match(text, i):
        return i + 1 if innermost in ("scriptRBRACE", "scriptRPAR") else 0
    found = _COMPARED.match(text, i)
    if found is None or innermost == "scriptRANGLE":
        return 0
    alone = text[i] == ">" or found["equal"] or ">" not in text[i:].partition("\n")[0]
    return found.end() if closers or alone else 0


def _said_behind_a_bar(out: Tokens, i: int) -> int:
    """Where a bar with a word behind it ends, or 0 where this is none."""
    match = _BEHIND_A_BAR.match(out.fragment.text, i)
    if match is None or not out.after_operand or out.fragment.text[i - 1 : i].isspace():
        return 0
    start, end = match.span("word")
    out.emit("MARK", i, i + 1, "at")
    out.emit("SUB", i, i + 1)
    out.opening("LBRACE", start, start)
    out.emit("NAME", start, end, words.SAID + match.group("word").lower())
    out.closing("RBRACE", end, end)
    return match.end()


def _glued(out: Tokens, match: re.Match[str]) -> int:
    """A name with its time behind it: Ht, Ht-1."""
    base, time = match.span(1), match.span(2)
    written = match.group(1)
    out.emit("NAME", *base, words.WORDS.get(written, written), words.latex_of(written))
    out.emit("SUB", time[0], time[0])
    out.opening("LBRACE", time[0], time[0])
    out.emit("NAME", *time, "t", "t")
    if match.group(3):
        out.emit("MINUS", time[1], time[1] + 1)
        out.emit("NUMBER", match.end() - len(match.group(3)) + 1, match.end())
    out.closing("RBRACE", match.end(), match.end())
    return match.end()


def _word(out: Tokens, i: int) -> int:
    """An identifier; a last part that is a time becomes a time index, and one behind delta its label."""
    if big := _BIG.match(out.fragment.text, i):
        out.emit("BIG", i, big.end(), {"sum": "∑", "prod": "∏"}[big.group()])
        return big.end()
    match = _WORD.match(out.fragment.text, i)
    assert match is not None
    written, end = match.group(), match.end()
    if written in out.fragment.words:
        out.emit("NAME", i, end, written, words.latex_of(written))
        return end
    if out.scripting and out.scripting[-1] and _INDICES.fullmatch(written):
        _label(out, i, end)
        return end
    if (above := words.COMBINING.get(out.fragment.text[end : end + 1])) and "_" not in written:  # dc̃_t
        out.emit("NAME", i, end + 1, f"{written}_{above}", words.latex_of(f"{written}_{above}"))
        return end + 1
    base, _, last = written.rpartition("_")
    before, _, behind = written.partition("_")
    if behind and before in words.BESIDE and last not in ("t", *words.BESIDE):  # prev_output
        start = end - len(behind)
        out.emit("NAME", start, end, words.WORDS.get(behind, behind), words.latex_of(behind))
        out.emit("SUB", end, end)
        out.opening("LBRACE", end, end)
        out.emit("NAME", end, end, before, before)
        out.closing("RBRACE", end, end)
        return end
    if base and (
        last in ("t", *words.BESIDE)
        or base in ("delta", "Delta")
        or (len(base) == 1 and (last.isdigit() or _INDICES.fullmatch(last) or len(last) == 1))
        or _is_step(out.fragment.text, base, last)
    ):  # delta_f is δ with a label
        stop = end - len(last) - 1
        beside = _STEP_BESIDE.match(out.fragment.text, end) if last == "t" else None
        out.emit("NAME", i, stop, words.WORDS.get(base, base), words.latex_of(base))
        out.emit("SUB", stop, stop + 1)
        out.opening("LBRACE", stop + 1, stop + 1)
        _label(out, stop + 1, end)
        if beside is not None:  # h_t-1
            out.emit("PLUS" if beside.group(1) == "+" else "MINUS", end, end + 1)
            out.emit("NUMBER", end + 1, beside.end())
            end = beside.end()
        out.closing("RBRACE", end, end)
        return end
    out.emit("NAME", i, end, words.WORDS.get(written, written), words.latex_of(written))
    return end


def _label(out: Tokens, start: int, end: int) -> None:
    """What stands below a letter: a number, a word, or the indices of W_ij, each by itself."""
    written = out.fragment.text[start:end]
    if written.isdigit():
        out.emit("NUMBER", start, end)
        return
    edges = range(start, end + 1) if _INDICES.fullmatch(written) else (start, end)
    for first, last in pairwise(edges):
        out.emit("NAME", first, last, out.fragment.text[first:last], out.fragment.text[first:last])


def _is_step(text: str, base: str, last: str) -> bool:
    """Whether a letter behind a name is a step.

    So it is where a sum or product counts with it, a name stands at the step beside it, as h_{i-1} does, or a
    derivative is taken by h_T; and a number where the name stands with t too.
    """
    if last.isdigit():  # h_1 beside h_t
        timed = rf"(?<![A-Za-z0-9_]){re.escape(base)}_(?:t(?![A-Za-z0-9])|[({{]\s*[tk]\s*[-−+)}}])"
        chained = rf"[∂d]{re.escape(base)}_\d+\s*/\s*[∂d]{re.escape(base)}_\d"  # ∂h_3/∂h_2
        return base[:1].islower() and re.search(f"{timed}|{chained}", text) is not None
    if last not in _STEPS:
        return False
    if last == "T" and _BY_THE_LAST.search(text):
        return True
    counted = re.search(
        rf"(?:[∑∏ΣΠ]|sum|prod)\s*_\s*[({{]?\s*{last}\s*(?:=|∈|\bin\b)|[A-Za-z]_[({{]\s*{last}\s*[-−+]\s*1\s*[)}}]", text
    )
    return counted is not None or (
        last in "kjsT"
        and re.search(rf"(?<![A-Za-z0-9_]){re.escape(base)}_[({{]?\s*(?:t|{last}\s*[-−+])", text) is not None
    )


def _accented(out: Tokens, i: int) -> bool:
    """Whether a tilde stands right behind a letter, as in h~_t; the letter then has it above."""
    last = out.items[-1] if out.items else None
    if last is None or last.type != "NAME" or last.end != i or len(last.word) != 1:
        return False
    last.word, last.end, last.latex = f"{last.word}_tilde", i + 1, words.latex_of(f"{last.word}_tilde")
    return True


def _root(out: Tokens, closers: list[str], i: int) -> int:
    """√ of a bracket, a word or a number."""
    text = out.fragment.text
    argument = re.compile(r"\(|[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*|\d+(?:\.\d+)?").match(text, i + 1)
    if argument is None:
        raise out.error("a root of what?", i, i + 1, "write √d or √(a + b)")
    out.emit("SQRT", i, i + 1)
    start, end = argument.span()
    if argument.group() == "(":
        out.opening("LBRACE", start, end)
        closers.append("scriptRPAR")
        return end
    out.opening("LBRACE", start, start)
    if argument.group()[0].isdigit():
        out.emit("NUMBER", start, end)
    else:
        end = _word(out, start)
    out.closing("RBRACE", end, end)
    return end


def _script(out: Tokens, closers: list[str], i: int, length: int, kind: str) -> int:
    """`_` or `^` with a bracketed argument, a word or a number."""
    text = out.fragment.text
    out.emit(kind, i, i + length)
    i += length
    while i < len(text) and text[i] == " ":
        i += 1
    c = text[i : i + 1]
    if c in ("(", "{", "<", "⟨"):
        out.opening("LBRACE", i, i + 1)
        closers.append({"(": "scriptRPAR", "{": "scriptRBRACE"}.get(c, "scriptRANGLE"))
        return i + 1
    out.opening("LBRACE", i, i)
    sign = c in ("-", "−")
    if sign:
        out.emit("MINUS", i, i + 1)
        i += 1
    match = _RUN_ON.match(text, i) or re.compile(r"[A-Za-z][A-Za-z0-9]*|\d+(?:\.\d+)?|\*").match(text, i)
    if match is None and text[i : i + 1] in words.UNICODE_LETTERS:
        end = unicode_letter(out, i, len(text))
        out.closing("RBRACE", end, end)
        return end
    if match is None:
        raise out.error(f"{text[i - 1]!r} without a script after it", i - 1, i)
    written = match.group()
    if written == "*":
        out.emit("MARK", i, match.end(), "star")
    elif written[0].isdigit():
        out.emit("NUMBER", i, match.end())
    else:
        out.emit("NAME", i, match.end(), written, written)
    out.closing("RBRACE", match.end(), match.end())
    return match.end()
